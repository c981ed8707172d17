"""What a guest sees of their own data, takes along, and how they ask for its end: behind their own door."""

import json
import re
from io import BytesIO

import pytest
from flask import Flask
from openpyxl import load_workbook
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service.access import Role
from lti_service.audit import AuditEvent
from lti_service.pairs.models import PairState
from lti_service.people.guests.service import PersonFacts
from lti_service.people.privacy.models import ErasureRequest, RequestState
from tests.pairs.conftest import World
from tests.pairs.test_guests import Outsider, a_browser, token

OTHER = PersonFacts("Забойщиков", "Илья Фомич", "zaboy@mine.example", "8 915 765-43-21")


@pytest.fixture
def outsider(world: World, app: Flask) -> Outsider:
    return Outsider(world, app)


@pytest.fixture
def request_of(session: Session, outsider: Outsider):
    """The guest's newest request to be erased, as it is now."""

    def read() -> ErasureRequest:
        session.rollback()
        wanted = select(ErasureRequest).where(ErasureRequest.person_id == outsider.person.id)
        return session.scalars(wanted.order_by(ErasureRequest.id.desc()).limit(1)).one()

    return read


def test_a_guest_finds_their_own_data_from_their_page(outsider: Outsider, world: World) -> None:
    mentee = world.mentee("Алексеев Пётр", request="Научиться сварке")
    world.pair(PairState.ACTIVE, outsider.mentor, mentee, form="employer-student")
    Outsider(world, outsider.app, OTHER)
    client = outsider.browser()
    assert f'href="{outsider.home}my-data/"' in client.get(outsider.home).text
    page = client.get(f"{outsider.home}my-data/")
    assert page.status_code == 200
    assert page.headers["Content-Security-Policy"].endswith("frame-ancestors 'none'")
    for told in ("Горняков", "gornyak@mine.example", "8 915 123-45-67", "Access without Moodle"):
        assert told in page.text, told
    for hidden in ("Алексеев", "Научиться сварке", "Забойщиков"):
        assert hidden not in page.text, hidden


def test_every_link_of_the_page_leads_where_the_guest_may_go(outsider: Outsider) -> None:
    client = outsider.browser()
    for place in ("my-data/", "my-data/erasure"):
        page = client.get(f"{outsider.home}{place}").text
        links = {link for link in re.findall(r'(?:href|action)="(/[^"#]*)"', page) if "static/" not in link}
        assert links
        for link in links:
            assert link.startswith("/guest/"), link
            assert client.get(link).status_code in (200, 405), link


def test_what_a_curator_wrote_down_does_not_come_from_moodle(outsider: Outsider) -> None:
    taken = json.loads(outsider.browser().get(f"{outsider.home}my-data.json").data)
    person = next(kept for kept in taken["kept"] if kept["table"] == "person")
    facts = {fact["name"]: fact for row in person["rows"] for fact in row["facts"]}
    assert facts["family_name"]["value"] == "Горняков"
    assert {facts[name]["origin"] for name in ("family_name", "given_name", "email", "phone")} == {"curator"}
    assert "Moodle" not in {fact["origin"] for kept in taken["kept"] for row in kept["rows"] for fact in row["facts"]}


def test_a_guest_takes_their_data_along_and_the_trail_says_so(outsider: Outsider, session: Session) -> None:
    client = outsider.browser()
    book = load_workbook(BytesIO(client.get(f"{outsider.home}my-data.xlsx").data))
    cells = [str(cell) for row in book.active.iter_rows(values_only=True) for cell in row]
    assert "gornyak@mine.example" in cells
    session.rollback()
    event = session.scalars(select(AuditEvent).where(AuditEvent.action == "person.data-taken")).one()
    assert (event.actor_id, event.subject) == (outsider.person.id, f"person:{outsider.person.id}")


def test_a_guest_asks_for_erasure_takes_it_back_and_asks_again(outsider: Outsider, request_of) -> None:
    client = outsider.browser()
    ask = f"{outsider.home}my-data/erasure"
    page = client.get(ask).text
    assert "enrolled in Moodle" not in page
    data = {"csrf_token": token(client, ask)}
    asked = client.post(ask, data=data)
    assert asked.location == f"{outsider.home}my-data/"
    assert "Your request is with the administrator." in client.get(asked.location).text
    assert request_of().state is RequestState.ASKED
    client.post(f"{ask}/take-back", data=data)
    assert request_of().state is RequestState.TAKEN_BACK
    client.post(ask, data=data)
    assert request_of().state is RequestState.ASKED


def test_once_erased_the_guest_is_out(outsider: Outsider, world: World, come_in, request_of) -> None:
    client = outsider.browser()
    ask = f"{outsider.home}my-data/erasure"
    client.post(ask, data={"csrf_token": token(client, ask)})
    admin = come_in(world.person("Админов Иван", Role.ADMIN), "en")
    one = f"/courses/{world.course.id}/personal-data/requests/{request_of().id}/"
    assert "Горняков" in admin.get(one).text
    done = admin.post(f"{one}erase", data={"csrf_token": token(admin, one), "sure": "yes"})
    assert done.status_code == 303
    assert client.get(f"{outsider.home}my-data/").location == "/guest/"
    assert request_of().state is RequestState.DONE


def test_nobody_but_the_guest_comes_to_that_page(outsider: Outsider, world: World, come_in) -> None:
    other = Outsider(world, outsider.app, OTHER)
    elsewhere = world.another_course()
    client = outsider.browser()
    for browser in (a_browser(outsider.app), come_in(world.curator, "en")):
        for place in ("my-data/", "my-data.json", "my-data.xlsx", "my-data/erasure"):
            assert browser.get(f"{outsider.home}{place}").location == "/guest/", place
    assert client.get(f"/guest/courses/{elsewhere.id}/my-data/").status_code == 404
    assert client.get(f"/courses/{world.course.id}/my-data/").status_code == 404
    assert client.get(f"/guest/courses/{world.course.id}/my-data/?person_id={other.person.id}").text.count("zaboy") == 0
    assert client.post(f"{outsider.home}my-data/return").status_code == 404


def test_asking_for_erasure_needs_the_forms_own_token(outsider: Outsider, session: Session) -> None:
    client = outsider.browser()
    for data in ({}, {"csrf_token": token(a_browser(outsider.app))}):
        assert client.post(f"{outsider.home}my-data/erasure", data=data).status_code == 400
    session.rollback()
    assert session.scalars(select(ErasureRequest)).all() == []


def test_who_has_looked_at_a_guest_is_told_to_them(outsider: Outsider, world: World, come_in) -> None:
    curator = come_in(world.curator, "en")
    assert curator.get(f"/courses/{world.course.id}/people/{outsider.person.id}/").status_code == 200
    page = outsider.browser().get(f"{outsider.home}my-data/").text
    assert world.curator.family_name in page.partition("Who has looked")[2]
