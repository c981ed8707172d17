"""The administrator's list of requests to erase: in pages, by state, by name, in each order."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import insert

from lti_service.access import Role
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
