"""Whoever is shown somebody else's card leaves an entry in the trail: a walk over all addresses of the application."""

import pytest
from flask import Flask
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lti_service.audit import AuditEvent
from lti_service.people.models import Mentor, Person
from tests.test_two_moodles import Side, _address, _fillings, _rules, _text, sides

__all__ = ["sides"]

LISTS = {
    "indicators.people": "a list of everybody behind a number",
    "indicators.column": "a list of the grades of a whole course",
    "people.sync_troubles": "a list of those with whom a load of the course had trouble",
    "people.training_course": "a list of those who have completed a training",
    "people.employer": "an organisation with the mentors whom it gave",
    "people.erasure_request": "a request that the person has put before the administrator: a name and its terms",
}
"""Pages of something with an id that show one of many people by name: no card. Each with the reason."""


@pytest.mark.parametrize("role", ["teacher", "curator", "admin"])
def test_no_page_shows_somebodys_card_without_an_entry(
    app: Flask, sides: tuple[Side, Side], session: Session, role: str
) -> None:
    own = sides[0]
    mentor_id = session.get_one(Mentor, own.ids["mentor"]).person_id
    names = {key: session.get_one(Person, key).family_name for key in (own.ids["person_id"], mentor_id)}
    session.commit()
    browser = own.browsers[role]
    silent, kept = set(), set()
    for rule in _rules(app, "GET"):
        if not any(argument in own.ids and argument != "course_id" for argument in rule.arguments):
            continue
        for values, foreign in _fillings(rule, own, sides[1]):
            if foreign:
                continue
            session.execute(delete(AuditEvent).where(AuditEvent.action == "person.looked"))
            session.commit()
            address = _address(app, rule, values)
            page = browser.get(address)
            shown = {key for key, name in names.items() if page.status_code == 200 and name in _text(page)}
            session.commit()
            looks = session.scalars(
                select(AuditEvent.subject).where(AuditEvent.action == "person.looked", AuditEvent.actor_id.is_not(None))
            ).all()
            for key in shown:
                (kept if f"person:{key}" in looks else silent).add(rule.endpoint)
    assert silent <= LISTS.keys(), "these show somebody by name: keep the look (lti_service/looks.py), or say why not"
    if role == "curator":
        assert {"people.person", "pairs.show_pair", "pairs.of_person", "people.record_support"} <= kept


def test_every_reason_is_of_a_page_that_is_there(app: Flask) -> None:
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    assert LISTS.keys() <= endpoints
