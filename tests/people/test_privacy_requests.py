"""The administrator's list of requests to erase: in pages, by state, by name, in each order."""

import csv
import re
from datetime import timedelta
from io import BytesIO, StringIO

import pytest
from openpyxl import load_workbook
from sqlalchemy import insert, select

from lti_service.access import Role
from lti_service.audit import AuditEvent
from lti_service.db import now
from lti_service.lists import PAGE
from lti_service.people.privacy.models import ErasureRequest, RequestState
from tests.counting import statements
from tests.pairs.conftest import build_world


@pytest.fixture
def ask(world):
    """`ask(name, days, state)`: somebody's request, whose answer is due in so many days."""

    def request(name: str, days: int, state: RequestState = RequestState.ASKED, of=world, **more) -> ErasureRequest:
        person = of.person(f"{name} Иван", Role.STUDENT, consents=False)
        asked = ErasureRequest(
            platform_id=of.platform.id,
            person_id=person.id,
            state=state,
            received_on=of.day - timedelta(days=10 - days),
            answer_by=of.day + timedelta(days=days),
            erase_by=of.day + timedelta(days=20 - days),
            asked_at=now(),
            decided_at=None if state is RequestState.ASKED else now() + timedelta(days=days),
            **more,
        )
        of.session.add(asked)
        of.session.commit()
        return asked

    return request


@pytest.fixture
def admin(world, come_in):
    return come_in(world.person("Яковлев Админ", Role.ADMIN, consents=False), "en")


@pytest.fixture
def listed(world, admin):
    """`listed(query)`: family names on the page, in their order."""

    def read(query: str = "") -> list[str]:
        page = admin.get(f"/courses/{world.course.id}/personal-data/?{query}")
        assert page.status_code == 200
        return re.findall(r'requests/\d+/">(\S+) Иван</a>', page.text)

    return read


def test_those_that_wait_come_first_by_their_term_and_each_column_sorts(ask, listed):
    ask("Бунин", 5)
    ask("Аксаков", 8)
    ask("Герцен", -2)
    ask("Виноградов", 1, RequestState.DONE)
    ask("Дельвиг", 3, RequestState.REFUSED)
    waiting = ["Герцен", "Бунин", "Аксаков"]
    assert listed() == [*waiting, "Дельвиг", "Виноградов"]
    assert listed("sort=name") == ["Аксаков", "Бунин", "Виноградов", "Герцен", "Дельвиг"]
    by_term = ["Герцен", "Виноградов", "Дельвиг", "Бунин", "Аксаков"]
    assert listed("sort=answer") == listed("sort=received") == by_term
    assert listed("sort=answer&order=desc") == listed("sort=erase") == by_term[::-1]
    assert listed("sort=nonsense&order=desc") == [*waiting, "Дельвиг", "Виноградов"]
    assert listed("state=asked&sort=answer&order=desc") == waiting[::-1]
    assert listed("state=done") == ["Виноградов"]
    assert listed("search=герц") == ["Герцен"]
    assert listed("state=done&search=герц") == []


def test_a_long_list_is_in_pages_and_says_how_many_there_are(world, ask, admin, listed):
    person = ask("Первый", -9).person_id
    rows = [
        {
            "platform_id": world.platform.id,
            "person_id": person,
            "state": RequestState.TAKEN_BACK,
            "received_on": world.day,
            "answer_by": world.day + timedelta(days=number),
            "erase_by": world.day + timedelta(days=30),
            "asked_at": now(),
            "decided_at": now() + timedelta(seconds=number),
        }
        for number in range(2 * PAGE + 5)
    ]
    world.session.execute(insert(ErasureRequest), rows)
    world.session.commit()
    at = f"/courses/{world.course.id}/personal-data/"
    page = admin.get(at).text
    assert f"1–{PAGE} of {2 * PAGE + 6}" in page
    assert "page=3" in page
    assert [len(listed(f"page={number}")) for number in (1, 2, 3, 99)] == [PAGE, PAGE, 6, 6]
    assert len(listed("page=3&state=taken-back")) == 5
    assert "sort=answer" in admin.get(f"{at}?state=taken-back&sort=answer&page=2").text


def test_it_takes_the_same_queries_however_many_there_are(world, ask, admin):
    def count() -> int:
        with statements(world.session) as sent:
            assert admin.get(f"/courses/{world.course.id}/personal-data/").status_code == 200
        return len(sent)

    ask("Бунин", 5)
    few = count()
    for number in range(6):
        ask(f"Новый{number}", number)
    assert count() == few


def test_requests_of_another_college_are_not_there(world, ask, listed):
    other = build_world(world.session)
    ask("Чужой", 2, of=other)
    ask("Свой", 2)
    assert listed() == ["Свой"]
    assert listed("search=чуж") == []


def test_a_paper_is_still_written_down_for_whom_the_search_below_finds(world, ask, admin, listed):
    ask("Бунин", 5)
    world.person("Лесков Иван", Role.STUDENT, consents=False)
    page = admin.get(f"/courses/{world.course.id}/personal-data/?whose=леск").text
    assert "Лесков Иван" in page
    assert listed("whose=леск") == ["Бунин"], "the list itself is not searched by it"


# --- the list as a file: the annex to the act of destruction ------------------------------------------------------


def saved(client, world, query: str = "", ending: str = "csv") -> list[list[str]]:
    """Rows of the saved list as texts, with its heads."""
    response = client.get(f"/courses/{world.course.id}/personal-data/requests.{ending}?{query}")
    assert response.status_code == 200
    if ending == "csv":
        return list(csv.reader(StringIO(response.data.decode("utf-8-sig"), newline=""), delimiter=";"))
    rows = load_workbook(BytesIO(response.data)).active.iter_rows(values_only=True)
    return [["" if cell is None else str(cell) for cell in row] for row in rows]


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_the_file_has_what_the_list_has_whole_and_in_its_order(world, ask, admin, ending):
    for number in range(PAGE + 3):
        ask(f"Новый{number:03}", number)
    ask("Бунин", 5, RequestState.REFUSED, reason="Тайна отказа")
    heads, *rows = saved(admin, world, "sort=name&order=desc", ending)
    assert heads[0] == "Family name, given name, patronymic"
    assert [row[0] for row in rows] == [*(f"Новый{n:03} Иван" for n in reversed(range(PAGE + 3))), "Бунин Иван"]
    assert len(saved(admin, world, "state=refused", ending)) == 2
    assert len(saved(admin, world, "search=новый00", ending)) == 1 + 10
    assert "Тайна отказа" not in str(rows)


def test_it_says_who_asked_and_who_did_what_when_and_what_went(world, ask, admin, come_in):
    person = world.person("Лесков Николай", Role.STUDENT, consents=False)
    at = f"/courses/{world.course.id}/personal-data/"
    token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', admin.get(f"{at}?whose=леск").text)[1]
    day = (world.day - timedelta(days=1)).isoformat()
    written = admin.post(at, data={"csrf_token": token, "person": person.id, "received_on": day})
    one = written.location
    [row] = saved(admin, world)[1:]
    shown = (world.day - timedelta(days=1)).strftime("%d.%m.%Y")
    assert row[:4] == ["Лесков Николай", shown, "on paper", "Яковлев Админ"]
    assert row[6:] == ["waits for the administrator", "", "", ""]
    page = admin.post(f"{one}erase", data={"csrf_token": token, "sure": "yes"}, follow_redirects=True)
    told = re.findall(r"<li>([^<]+: \d+ entr(?:y|ies))</li>", page.text)
    assert told
    row = saved(admin, world)[1]
    assert (row[0], row[6], row[8]) == (f"Удалённый участник № {person.id}", "erased", "Яковлев Админ")
    assert row[7] == world.day.strftime("%d.%m.%Y")
    assert row[9] == "; ".join(told), "in the words of the request's page"
    assert "Лесков" not in str(saved(admin, world, ending="xlsx"))
    assert saved(admin, world, "search=леск")[1:] == [], "nobody is found by a name that is gone"


def test_a_request_taken_back_was_decided_by_the_person(world, ask, admin):
    asked = ask("Бунин", 2, RequestState.TAKEN_BACK)
    asked.decided_by = asked.person_id
    world.session.commit()
    [row] = saved(admin, world)[1:]
    assert row[2:4] == ["in the tool", "the person themselves"]
    assert (row[6], row[8]) == ("taken back", "the person themselves")


def test_who_saved_the_file_is_kept_and_told_to_those_who_are_on_it(world, ask, admin, come_in):
    asked = ask("Бунин", 2)
    other = world.person("Другой Иван", Role.STUDENT)
    saved(admin, world, "state=asked&search=бун")
    world.session.rollback()
    event = world.session.scalars(select(AuditEvent).where(AuditEvent.action == "base.exported")).one()
    assert (event.subject, event.details) == (
        "base:erasure-requests",
        {"count": 1, "state": "asked", "searched": True},
    )
    told = "saved a list of 1 person as a file"
    at = f"/courses/{world.course.id}/my-data/"
    assert told in come_in(asked.person, "en").get(at).text
    assert told not in come_in(other, "en").get(at).text


def test_only_the_administrator_saves_it_and_of_another_college_nothing(world, ask, admin, come_in):
    other = build_world(world.session)
    ask("Чужой", 2, of=other)
    assert len(saved(admin, world)) == 1
    for person in (world.curator, world.person("Учителев Олег", Role.TEACHER)):
        assert come_in(person).get(f"/courses/{world.course.id}/personal-data/requests.csv").status_code == 403


def test_the_file_takes_the_same_queries_however_many_there_are(world, ask, admin):
    def count() -> int:
        with statements(world.session) as sent:
            saved(admin, world)
        return len(sent)

    ask("Бунин", 5)
    count()
    few = count()
    for number in range(9):
        ask(f"Новый{number}", number, RequestState.REFUSED, decided_by=world.curator.id)
    assert count() == few
