"""A mentor without Moodle in a real browser: invited in Moodle's frame, coming in by the code behind the #."""

import os
import re
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service import db
from lti_service.pairs import service as pairs
from lti_service.people import enrolments, rules
from lti_service.people import service as people
from lti_service.people.models import Mentee, Mentor, MentorState, Person
from lti_service.platforms.models import Course
from tests.browser.conftest import fits, no_complaints, press
from tests.consenting import give_consent

SHOTS = os.environ.get("SHOTS", "")
"""A folder for pictures of the pages, for whoever wants to look at them."""


def looks(page: Any, name: str) -> None:
    """The page is no wider than the screen."""
    fits(page)
    if SHOTS:
        picture = page if isinstance(page, Page) else page.page
        width = picture.viewport_size["width"]
        picture.screenshot(path=Path(SHOTS) / f"{name}-{width}.png", full_page=isinstance(page, Page))


def accessible(page: Page) -> None:
    """Axe finds nothing serious."""
    found = [
        violation["id"]
        for violation in Axe().run(page).response["violations"]
        if violation["impact"] in ("serious", "critical")
    ]
    assert found == []


def test_a_guest_is_invited_and_answers_a_proposal(
    open_as: Any, moodle: Any, live: str, page: Page, browser: Browser, session: Session
) -> None:
    curator = open_as(moodle.college.curators[0])
    session.commit()
    course = session.scalars(select(Course).where(Course.moodle_id == "2")).one()
    enrolments.sync_course(course.id)
    home = re.sub(r"(/courses/\d+/).*", r"\1", curator.url)

    curator.goto(home + "employers/guests/")
    looks(curator, "list-empty")
    press(curator, curator.get_by_role("link", name="Добавить наставника").first)
    curator.get_by_label("Фамилия").fill("Горняков")
    curator.get_by_label("Имя и отчество").fill("Пётр Ильич")
    curator.get_by_label("Телефон", exact=True).fill("8 915 123-45-67")
    looks(curator, "new")
    press(curator, curator.get_by_role("button", name="Добавить"))
    expect(curator.locator("h1")).to_have_text("Горняков Пётр Ильич")
    looks(curator, "guest-new")
    press(curator, curator.get_by_role("button", name="Показать код для печати"))
    code = curator.locator(".guest-sheet-code").inner_text()
    link = f"{live}/guest/?code=new#{code.replace(' ', '')}"
    looks(curator, "sheet")
    propose(session, course)

    context = browser.new_context(viewport=page.viewport_size, locale="ru-RU")
    with no_complaints(context):
        guest = context.new_page()
        guest.goto(link)
        expect(guest.get_by_label("Код приглашения")).to_have_value(code)
        assert "#" not in guest.url
        looks(guest, "door")
        accessible(guest)
        guest.get_by_label("Контрольный ответ").fill("0000")
        press(guest, guest.get_by_role("button", name="Войти"))
        expect(guest.locator("[role=alert]")).to_contain_text("Войти не получилось")
        looks(guest, "door-shut")
        guest.get_by_label("Контрольный ответ").fill("4567")
        press(guest, guest.get_by_role("button", name="Войти"))
        expect(guest.locator("h1")).to_have_text("Вам предлагают стать наставником")
        looks(guest, "home-proposed")
        accessible(guest)
        press(guest, guest.get_by_role("button", name="Согласиться"))
        expect(guest.locator("h1")).to_have_text("Мои наставляемые")
        looks(guest, "home-agreed")
        withdraws_and_consents_again(guest)
        press(guest, guest.get_by_role("button", name="Выйти", exact=True))
        expect(guest.locator("main")).to_contain_text("Этот браузер здесь знают")
        looks(guest, "door-known")
        context.close()

    curator.goto(home + "employers/guests/")
    expect(curator.locator("tbody")).to_contain_text("Доступ есть")
    looks(curator, "list")
    press(curator, curator.get_by_role("link", name="Горняков Пётр Ильич"))
    expect(curator.locator("main")).to_contain_text("Смотрел своих наставляемых")
    looks(curator, "guest-open")
    guest_page = curator.url
    press(curator, curator.get_by_role("link", name="Объединить с учётной записью"))
    curator.get_by_label("Имя в Moodle").fill(moodle.college.employers[0].lastname)
    press(curator, curator.get_by_role("button", name="Показать"))
    looks(curator, "join-search")
    press(curator, curator.get_by_role("link", name="Посмотреть, что перейдёт").first)
    expect(curator.locator("main")).to_contain_text("пока ничего не изменено")
    looks(curator, "join-preview")
    curator.goto(re.sub(r"employers/guests/(\d+)/", r"people/\1/", guest_page))
    looks(curator, "record")


def withdraws_and_consents_again(guest: Page) -> None:
    """The guest looks at their own data, takes their consent back, reads what that closes, and gives it anew."""
    home = guest.url.partition("#")[0]
    press(guest, guest.get_by_role("link", name="Кто видит мои данные"))
    looks(guest, "own-data")
    accessible(guest)
    for which in ("looks", "lists"):
        guest.goto(f"{home}my-data/{which}/")
        looks(guest, f"own-data-{which}")
        accessible(guest)
    guest.goto(home)
    press(guest, guest.get_by_role("link", name="Прочитать или отозвать"))
    guest.locator("summary", has_text="Отозвать согласие").click()
    looks(guest, "consent-given")
    accessible(guest)
    press(guest, guest.get_by_role("button", name="Отозвать согласие"))
    looks(guest, "consent-withdrawn")
    guest.goto(home)
    expect(guest.locator("h1")).to_have_text("Вы отозвали согласие")
    expect(guest.locator("main")).to_contain_text("решает куратор курса")
    looks(guest, "home-closed")
    accessible(guest)
    press(guest, guest.get_by_role("link", name="Прочитать и решить"))
    guest.get_by_label("Мне исполнилось 18 лет").check()
    press(guest, guest.get_by_role("button", name="Согласен"))
    expect(guest.locator("h1")).to_have_text("Мои наставляемые")


def propose(session: Session, course: Course) -> None:
    """The curator proposes to the guest a student who consents."""
    session.commit()
    with db.transaction(session):
        day = db.now().date()
        guest = session.scalars(select(Person).where(Person.moodle_id.is_(None))).one()
        mentor = session.scalars(select(Mentor).where(Mentor.person_id == guest.id)).one()
        mentor.state = MentorState.READY
        form = next(
            form
            for form in mentor.cycle.programme.forms
            if form.mentor_kind is mentor.kind and form.mentee_kind.value == "student"
        )
        mentee = session.scalars(select(Mentee).where(Mentee.kind == form.mentee_kind).order_by(Mentee.id)).first()
        assert mentee is not None
        mentee.request = "Хочу на шахту электрослесарем, помогите разобраться со схемами."
        at = people.desk(session, platform_id=course.platform_id, course_id=course.id, actor_id=guest.id, day=day)
        people.move_mentees(session, at, [mentee.id], rules.MenteeAction.NEED)
        for person in (guest, mentee.person):
            give_consent(session, person, day)
        pairs.propose(
            session,
            platform_id=course.platform_id,
            course_id=course.id,
            day=day,
            form_id=form.id,
            mentor_id=mentor.id,
            mentee_ids=[mentee.id],
        )
