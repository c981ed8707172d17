"""A curator's file in a real browser, within Moodle's frame: chosen, looked at, mended, applied."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service.people import enrolments
from lti_service.platforms.models import Course
from tests.browser.conftest import fits, press
from tests.browser.test_guests import accessible, looks
from tests.people.test_imports import HEADS, xlsx
from tests.practice_moodle import College, a_college


@pytest.fixture
def college() -> College:
    return a_college(students=20, teachers=4, employers=2)


def test_a_curator_loads_birth_dates_from_a_file(
    open_as: Any, moodle: Any, page: Page, session: Session, tmp_path: Path
) -> None:
    frame = open_as(moodle.college.curators[0])
    session.commit()
    course = session.scalars(select(Course).where(Course.moodle_id == "2")).one()
    enrolments.sync_course(course.id)
    people = [f"{one.lastname} {one.firstname}" for one in moodle.college.students[:6]]
    file, mended = tmp_path / "даты.xlsx", tmp_path / "исправлено.csv"
    dates = [f"{day}.03.2008" for day in range(1, 7)]
    file.write_bytes(xlsx(HEADS, *((who, "", day) for who, day in zip(people, [*dates[:5], "6.03.1899"], strict=True))))

    frame.goto(frame.url + "imports/")
    looks(frame, "import-list")
    press(frame, frame.get_by_role("link", name="Даты рождения").first)
    looks(frame, "import-new")
    frame.get_by_label("Файл XLSX или CSV").set_input_files(file)
    press(frame, frame.get_by_role("button", name="Проверить файл"))
    expect(frame.locator("main")).to_contain_text("1 строка неверна")
    expect(frame.locator("tbody")).to_contain_text("Год 1899 невозможен")
    looks(frame, "import-wrong")

    mended.write_text(f"Строка файла;Фамилия Имя Отчество;Дата рождения\n7;{people[5]};6.03.2008\n", encoding="cp1251")
    frame.get_by_text("Загрузить исправленные строки").click()
    frame.get_by_label("Файл XLSX или CSV").set_input_files(mended)
    press(frame, frame.get_by_role("button", name="Проверить исправленные строки"))
    looks(frame, "import-ready")
    address = frame.url
    page.goto(address)
    fits(page)
    accessible(page)
    press(page, page.get_by_role("button", name="Применить 6 строк"))
    expect(page.locator("main")).to_contain_text("изменено: 6")
    page.goto(address.partition("/imports/")[0] + "/imports/consents/")
    accessible(page)
