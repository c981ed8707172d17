"""Who has looked at one's card, and which lists were taken out: each told apart, none hidden by the others."""

import json
from datetime import timedelta
from io import BytesIO

import pytest
from openpyxl import load_workbook
from sqlalchemy import insert

from lti_service.access import Role
from lti_service.audit import AuditEvent
from lti_service.db import now
from lti_service.lists import PAGE
from tests.counting import statements
from tests.pairs.test_guests import Outsider

SAVED = "you may have been on it"


@pytest.fixture
def base(world):
    return f"/courses/{world.course.id}/"


@pytest.fixture
def person(world):
    return world.person("Борисова Анна", Role.STUDENT)


@pytest.fixture
def teacher(world):
    return world.person("Учителев Олег", Role.TEACHER)


@pytest.fixture
def outsider(world, app):
    return Outsider(world, app)


@pytest.fixture
def enter(world, person):
    """`enter(action, actor, times)`: entries of the trail about the person, or about a list of so many people."""

    def add(action: str, actor, times: int = 1, people: int | None = None, subject: str = "") -> None:
        details = {} if people is None else {"count": people}
        entry = {
            "platform_id": world.platform.id,
            "course_id": world.course.id,
            "actor_id": actor.id,
            "action": action,
            "subject": subject or (f"person:{person.id}" if people is None else "base:mentees"),
            "details": details,
            "correlation_id": "",
        }
        started = now() - timedelta(days=1)
        rows = [{**entry, "at": started + timedelta(seconds=number)} for number in range(times)]
        world.session.execute(insert(AuditEvent), rows)
        world.session.commit()

    return add


def taken(client, base):
    told = json.loads(client.get(f"{base}my-data.json").data)
    book = load_workbook(BytesIO(client.get(f"{base}my-data.xlsx").data))
    return told, list(book.active.iter_rows(values_only=True))


def test_saved_lists_hide_nobodys_look_at_the_card(world, base, person, teacher, enter, come_in):
    enter("person.looked", teacher)
    enter("base.exported", world.curator, 60, people=30)
    client = come_in(person, "en")
    page = client.get(f"{base}my-data/").text
    looks, _mark, lists = page.partition("Lists that were saved as files")
    assert "Учителев Олег" in looks.partition("Who has looked")[2]
    assert world.curator.name not in looks
    assert lists.count(SAVED) == 5
    assert "All 60 entries" in lists
    told, rows = taken(client, base)
    assert [look["who"] for look in told["looks"]] == ["Учителев Олег"]
    assert [one["people_on_the_list"] for one in told["lists"]] == [30] * 60
    assert len([row for row in rows if row[0] == "Who has looked"]) == 1
    assert len([row for row in rows if row[0] == "Lists that were saved as files"]) == 60


def test_a_list_of_all_courses_is_told_in_every_one(world, base, person, enter, come_in):
    """An administrator tries rules on everybody of the college, in whatever course they save the list."""
    elsewhere = world.another_course()
    world.session.execute(
        insert(AuditEvent),
        [
            {
                "platform_id": world.platform.id,
                "course_id": elsewhere.id,
                "actor_id": world.curator.id,
                "action": "base.exported",
                "subject": subject,
                "details": {"count": 9},
                "correlation_id": "",
                "at": now(),
            }
            for subject in ("base:trial", "base:mentees")
        ],
    )
    world.session.commit()
    assert [one["people_on_the_list"] for one in taken(come_in(person, "en"), base)[0]["lists"]] == [9]


def test_a_list_of_nobody_had_nobody_on_it(world, base, person, enter, come_in):
    enter("base.exported", world.curator, 3, people=0)
    client = come_in(person, "en")
    page = client.get(f"{base}my-data/").text
    assert SAVED not in page
    assert "Lists that were saved as files" not in page
    assert "No list on which you may have been was saved." in client.get(f"{base}my-data/lists/").text
    assert taken(client, base)[0]["lists"] == []


@pytest.mark.parametrize(
    ("action", "people", "which"), [("person.looked", None, "looks"), ("base.exported", 7, "lists")]
)
def test_the_rest_is_in_pages(base, person, teacher, enter, come_in, action, people, which):
    enter(action, teacher, 2 * PAGE + 3, people=people)
    client = come_in(person, "en")
    page = client.get(f"{base}my-data/").text
    assert f'href="{base}my-data/{which}/"' in page
    at = f"{base}my-data/{which}/"
    found = [client.get(f"{at}?page={number}").text for number in (1, 2, 3, 99)]
    assert [one.count("Учителев Олег") for one in found] == [PAGE, PAGE, 3, 3]
    assert f"1–{PAGE} of {2 * PAGE + 3}" in found[0]
    assert f'href="{at}?page=2"' in found[0]
    assert client.get(f"{at}?page=nonsense").status_code == 200


def test_ones_own_looks_and_others_are_not_told(world, base, person, teacher, enter, come_in):
    enter("person.looked", person)
    enter("person.looked", teacher, subject=f"person:{world.person('Чужой Лев', Role.STUDENT).id}")
    client = come_in(person, "en")
    for place in ("my-data/", "my-data/looks/"):
        page = client.get(f"{base}{place}").text
        assert "Nobody has opened your card yet." in page, place
    assert client.get(f"{base}my-data/others/").status_code == 404


@pytest.mark.parametrize(
    "place", ["my-data/", "my-data/looks/", "my-data/looks/?page=3", "my-data/lists/", "my-data.json"]
)
def test_it_takes_the_same_queries_however_many_there_are(world, base, person, teacher, enter, come_in, place):
    enter("person.looked", teacher, 2)
    enter("base.exported", world.curator, 2, people=4)
    client = come_in(person, "en")

    def count() -> int:
        with statements(world.session) as sent:
            assert client.get(f"{base}{place}").status_code == 200
        return len(sent)

    count()
    few = count()
    enter("person.looked", world.curator, 300)
    enter("base.exported", teacher, 300, people=4)
    assert count() == few


def test_a_guest_has_the_same_behind_their_own_door(world, outsider, teacher, enter):
    enter("person.looked", teacher, 30, subject=f"person:{outsider.person.id}")
    enter("base.exported", world.curator, 30, people=2, subject="base:mentors")
    # Nobody from outside is a mentee.
    enter("base.exported", world.curator, 30, people=2, subject="base:mentees")
    client = outsider.browser()
    page = client.get(f"{outsider.home}my-data/").text
    for which in ("looks", "lists"):
        at = f"{outsider.home}my-data/{which}/"
        assert f'href="{at}"' in page
        shown = client.get(at)
        assert shown.status_code == 200
        assert f'href="{outsider.home}my-data/"' in shown.text
        assert "1–30 of 30" in shown.text
    assert "Учителев Олег" in client.get(f"{outsider.home}my-data/looks/").text
