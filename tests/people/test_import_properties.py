"""Whatever a file says: what was applied is so, and no bytes break a page."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests.counting import statements
from tests.people.test_imports import checked, counts, csv_of, curator, post, xlsx
from tests.people.test_pages import token
from tests.practice_moodle import College, a_college

__all__ = ["curator"]

SHARED = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
"""One database for all examples: what one has applied the next one finds."""

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
days = st.dates().map(lambda day: day.strftime("%d.%m.%Y")) | st.sampled_from(["15.03.2008", "2007-01-31", "39522"])
students = st.integers(1, 20).map(lambda number: f"student{number:02}")
topics = st.lists(st.sampled_from(["консультации", "ВКР", "экскурсии на предприятия", "волонтёрство"]), max_size=3)


@pytest.fixture
def college() -> College:
    return a_college(students=25, teachers=6, employers=3)


@pytest.fixture
def emails(college: College) -> dict[str, str]:
    return {person.username: person.email for person in college.people.values()}


def as_csv(*rows: Any) -> bytes:
    file = io.StringIO()
    csv.writer(file, delimiter=";").writerows(rows)
    return file.getvalue().encode("utf-8-sig")


def applied_and_checked_again(client: FlaskClient, session: Session, what: str, data: bytes) -> None:
    """Apply a file, without its wrong rows, and check it once more: nothing is left to do."""
    address = checked(client, what, data, "файл.csv")
    first = counts(session)
    if first.get("wrong"):
        assert post(client, address + "leave-out").status_code == 200
    ready = counts(session)
    assume(ready.get("new", 0) + ready.get("changed", 0))
    assert post(client, address + "apply").status_code == 200
    checked(client, what, data, "файл.csv")
    again = counts(session)
    assert set(again) <= {"same", "wrong"}
    assert again.get("wrong", 0) <= first.get("wrong", 0)


@SHARED
@given(rows=st.lists(st.tuples(students, days), min_size=1, max_size=15))
def test_birth_dates_that_were_applied_are_the_same(
    curator: FlaskClient, session: Session, emails: dict[str, str], rows: list[tuple[str, str]]
) -> None:
    data = as_csv(("Почта", "Дата рождения"), *((emails[who], day) for who, day in rows))
    applied_and_checked_again(curator, session, "births", data)


@SHARED
@given(
    rows=st.lists(
        st.tuples(students, st.sampled_from(["да", "нет", "", "?"]), topics, words,
                  st.sampled_from(["", "педагог – студент", "СТУДЕНТ-СТУДЕНТ", "нет"])),
        min_size=1, max_size=10,
    )
)  # fmt: skip
def test_mentees_that_were_applied_are_the_same(
    curator: FlaskClient, session: Session, emails: dict[str, str], rows: list[Any]
) -> None:
    heads = ("Почта", "Нужен наставник", "Темы", "Запрос", "Желаемая форма")
    told = [(emails[who], needs, "; ".join(of), text, form) for who, needs, of, text, form in rows]
    applied_and_checked_again(curator, session, "mentees", as_csv(heads, *told))


@SHARED
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(["teacher01", "teacher02", "student01", "employer01"]), st.integers(0, 22), words,
                  words, st.sampled_from(["", "преподаватель", "работодатель", "студент"]), words),
        min_size=1, max_size=6,
    )
)  # fmt: skip
def test_mentors_that_were_applied_are_the_same(
    curator: FlaskClient, session: Session, emails: dict[str, str], rows: list[Any]
) -> None:
    heads = ("Почта", "Наставляемых одновременно", "Своими словами", "Удобное время", "Вид наставника", "Организация")
    told = [(emails.get(who, who), *more) for who, *more in rows]
    applied_and_checked_again(curator, session, "mentors", as_csv(heads, *told))


@SHARED
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(["Шахта", "«Шахта»", "Разрез", "Завод"]) | words, words, words,
                  st.sampled_from(["", "612033", "x"]), st.sampled_from(["", "практика", "дуальное обучение"]),
                  st.sampled_from(["", "1", "б/н"]), days, st.sampled_from(["", "31.12.2030"])),
        min_size=1, max_size=8,
    )
)  # fmt: skip
def test_employers_that_were_applied_are_the_same(curator: FlaskClient, session: Session, rows: list[Any]) -> None:
    heads = ("Организация", "Адрес", "Контактное лицо", "Телефон", "Вид договора", "Номер", "Дата", "Действует до")
    applied_and_checked_again(curator, session, "employers", as_csv(heads, *rows))


files = st.one_of(
    st.binary(max_size=400),
    st.tuples(st.text(max_size=200), st.sampled_from(["utf-8", "utf-16", "cp1251"])).map(
        lambda told: told[0].encode(told[1], "replace")
    ),
    st.tuples(words, words, words).map(lambda row: as_csv(("ФИО", "Дата рождения", "Организация"), row)),
    st.tuples(st.integers(), st.floats(), st.dates()).map(
        lambda row: xlsx(("ФИО", "Дата рождения", "Организация"), row)
    ),
)


@SHARED
@given(
    data=files,
    what=st.sampled_from(["births", "mentees", "mentors", "employers", "consents"]),
)  # fmt: skip
def test_no_bytes_break_the_page(curator: FlaskClient, data: bytes, what: str) -> None:
    page = curator.home + f"imports/{what}/"
    form = {"csrf_token": token(curator, page), "file": (io.BytesIO(data), "файл")}
    assert curator.post(page, data=form).status_code in (303, 422)


def queries_of(session: Session, work: Callable[[], Any]) -> int:
    session.commit()
    with statements(session) as sent:
        work()
    return len(sent)


@pytest.mark.parametrize("what", ["births", "mentees", "mentors", "consents"])
def test_a_file_of_many_rows_takes_as_many_queries_as_one_of_few(
    curator: FlaskClient, session: Session, emails: dict[str, str], what: str
) -> None:
    chosen = [email for username, email in emails.items() if username.startswith("student")]
    found = []
    for count in (2, len(chosen)):
        rows = [(email, "15.03.2008", "10.09.2026", "ВКР" if what == "mentees" else "") for email in chosen[:count]]
        data = csv_of(("Почта", "Дата рождения", "Дата подписи", "Темы"), *rows)
        found.append(queries_of(session, lambda data=data: checked(curator, what, data)))  # type: ignore[misc]
    assert found[0] == found[1]


def test_applying_birth_dates_takes_the_same_few_queries(
    curator: FlaskClient, session: Session, emails: dict[str, str]
) -> None:
    chosen = [email for username, email in emails.items() if username.startswith("student")]
    found = []
    for count, day in ((2, "1.2.2008"), (len(chosen), "2.2.2008")):
        data = csv_of(("Почта", "Дата рождения"), *((email, day) for email in chosen[:count]))
        address = checked(curator, "births", data)
        found.append(queries_of(session, lambda address=address: post(curator, address + "apply")))  # type: ignore[misc]
    # Dates are written by one statement that is sent once for all; SQLite counts it once, PostgreSQL pipelines it.
    assert found[1] - found[0] <= 1
