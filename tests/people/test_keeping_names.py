"""Before data go by themselves the administrator can open whose they are, by name and in pages."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from lti_service.access import Role
from lti_service.db import now
from lti_service.lists import PAGE
from lti_service.people.consents.models import Consent
from lti_service.people.guests.models import Factor, GuestAccess
from lti_service.people.models import Membership, Person
from lti_service.people.names import search_key
from tests.consenting import give_consent
from tests.counting import statements
from tests.pairs.conftest import build_world


@pytest.fixture
def at(world):
    return f"/courses/{world.course.id}/personal-data/periods"


@pytest.fixture
def admin(world, come_in):
    return come_in(world.person("Яковлев Админ", Role.ADMIN, consents=False), "en")


@pytest.fixture
def left(world):
    """`left(*names)`: people who have left the course, of whom nothing was heard for four years."""

    def add(*names: str, of=world) -> None:
        long_ago = now() - timedelta(days=4 * 366)
        rows = []
        for number, name in enumerate(names):
            family, given = name.split(" ")
            keys = {"platform_id": of.platform.id, "moodle_id": f"old-{family}-{number}", "updated_at": long_ago}
            rows.append({**keys, "family_name": family, "given_name": given, "search_name": search_key(name)})
        ids = world.session.scalars(insert(Person).returning(Person.id), rows).all()
        world.session.execute(
            insert(Membership), [{"course_id": of.course.id, "person_id": one, "active": False} for one in ids]
        )
        world.session.commit()

    return add


def names_on(page) -> list[str]:
    assert page.status_code == 200
    return re.findall(r'<div class="text-break">([^<]+)</div>', page.text)


def test_whoever_has_left_is_named_before_they_go(world, at, admin, left):
    left("Бунин Иван", "Аксаков Иван")
    page = admin.get(at).text
    assert f'href="{at}/finished/"' in page
    listed = admin.get(f"{at}/finished/")
    assert names_on(listed) == ["Аксаков Иван", "Бунин Иван"]
    assert "data of 2 people go" in listed.text
    assert world.course.title in listed.text
    assert "Яковлев" not in listed.text.partition('id="main"')[2]


def test_on_a_later_day_others_go(world, at, admin, left):
    left("Бунин Иван")
    person = world.session.scalars(select(Person).where(Person.family_name == "Бунин")).one()
    person.updated_at = now() - timedelta(days=3 * 365 - 20)
    world.session.commit()
    assert names_on(admin.get(f"{at}/finished/")) == []
    later = (world.day + timedelta(days=40)).isoformat()
    page = admin.get(f"{at}?on={later}").text
    assert f'href="{at}/finished/?on={later}"' in page
    shown = admin.get(f"{at}/finished/?on={later}")
    assert names_on(shown) == ["Бунин Иван"]
    assert f'href="{at}?on={later}"' in shown.text
    for nonsense in ("yesterday", "0001-01-01", "9999-01-01"):
        assert names_on(admin.get(f"{at}/finished/?on={nonsense}")) == []


def test_they_are_in_pages_and_take_the_same_queries(world, at, admin, left):
    def count() -> int:
        with statements(world.session) as sent:
            assert admin.get(f"{at}/finished/").status_code == 200
        return len(sent)

    left("Бунин Иван")
    count()
    few = count()
    left(*(f"Новый{number:03} Иван" for number in range(2 * PAGE)))
    assert count() == few
    pages = [admin.get(f"{at}/finished/?page={number}") for number in (1, 2, 3, 99)]
    assert [len(names_on(page)) for page in pages] == [PAGE, PAGE, 1, 1]
    assert f'href="{at}/finished/?page=2"' in pages[0].text


def test_whose_scans_and_accesses_go_is_told_too(world, at, admin):
    person = world.person("Бунин Иван", Role.STUDENT, consents=False)
    guest = world.person("Горняков Пётр")
    long_ago = now() - timedelta(days=1200)
    given: Consent = give_consent(world.session, person, world.day)
    given.scan, given.scan_kind, given.withdrawn_at = "abc", "pdf", long_ago
    access = GuestAccess(
        person_id=guest.id,
        course_id=world.course.id,
        invited_at=long_ago,
        invited_by=world.curator.id,
        factor=Factor.PHONE,
        answer="",
        expires_at=long_ago,
    )
    world.session.add(access)
    world.session.commit()
    assert names_on(admin.get(f"{at}/papers/")) == ["Бунин Иван"]
    assert names_on(admin.get(f"{at}/guests/")) == ["Горняков Пётр"]


def test_only_the_administrator_of_the_college_sees_names_and_only_where_there_are_any(world, at, admin, left, come_in):
    left("Чужой Иван", of=build_world(world.session))
    assert names_on(admin.get(f"{at}/finished/")) == []
    for kind in ("audit", "requests", "visits", "nonsense"):
        assert admin.get(f"{at}/{kind}/").status_code == 404, kind
    for person in (world.curator, world.person("Учителев Олег", Role.TEACHER)):
        assert come_in(person).get(f"{at}/finished/").status_code == 403


def test_what_is_kept_for_ever_names_nobody(world, at, admin, left):
    left("Бунин Иван")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', admin.get(at).text)[1]
    assert admin.post(at, data={"csrf_token": token, "finished": ""}).status_code == 303
    page = admin.get(f"{at}/finished/")
    assert names_on(page) == []
    assert "nothing of this kind goes" in page.text
