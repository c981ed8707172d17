"""Guests read, give and withdraw their own consent behind their own door, as everybody else does in the course."""

import re
from datetime import date

import pytest
from flask import Flask
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lti_service.audit import AuditEvent
from lti_service.people.consents.models import Consent, Way
from lti_service.people.guests.service import PersonFacts
from tests.pairs.conftest import World
from tests.pairs.test_guests import Outsider, a_browser, token

OTHER = PersonFacts("Забойщиков", "Илья Фомич", "zaboy@mine.example", "8 915 765-45-67")


@pytest.fixture
def outsider(world: World, app: Flask, session: Session) -> Outsider:
    """A guest of whom there is no consent yet."""
    found = Outsider(world, app)
    session.execute(delete(Consent).where(Consent.person_id == found.person.id))
    session.commit()
    return found


@pytest.fixture
def consents_of(session: Session, outsider: Outsider):
    """The guest's consents as they are kept now, the first first."""

    def read() -> list[Consent]:
        session.rollback()
        session.expire_all()
        return list(
            session.scalars(select(Consent).where(Consent.person_id == outsider.person.id).order_by(Consent.id))
        )

    return read


def agree(client, outsider: Outsider, **more: str):
    page = client.get(f"{outsider.home}my-consent").text
    text = re.search(r'name="text" value="(\d+)"', page)
    assert text, page
    sent = {"csrf_token": token(client, f"{outsider.home}my-consent"), "text": text[1], **more}
    return client.post(f"{outsider.home}my-consent", data=sent)


def test_a_guest_reads_agrees_and_withdraws(outsider: Outsider, consents_of, session: Session) -> None:
    client = outsider.browser()
    home = client.get(outsider.home).text
    assert "Your consent to the processing of personal data is needed" in home
    assert f'href="{outsider.home}my-consent"' in home
    page = client.get(f"{outsider.home}my-consent")
    assert page.headers["Content-Security-Policy"].endswith("frame-ancestors 'none'")
    assert "152-ФЗ" in page.text
    assert "studies and grades" not in page.text
    refused = agree(client, outsider)
    assert (refused.status_code, consents_of()) == (422, []), "nobody knows their age, and they have not said it"
    done = agree(client, outsider, says_adult="1")
    assert (done.status_code, done.location) == (303, outsider.home)
    [given] = consents_of()
    assert (given.way, given.says_adult, given.recorded_by) == (Way.TOOL, True, outsider.person.id)
    assert "152-ФЗ" in given.text.text, "what was shown is kept"
    home = client.get(outsider.home).text
    assert "Your consent to the processing of personal data is given." in home
    assert "is needed" not in home
    withdraw = f"{outsider.home}my-consent/withdraw"
    sent = {"csrf_token": token(client, f"{outsider.home}my-consent"), "reason": "Ухожу с завода"}
    gone = client.post(withdraw, data=sent)
    assert (gone.status_code, gone.location) == (303, f"{outsider.home}my-consent")
    [withdrawn] = consents_of()
    assert withdrawn.withdrawn_on is not None
    assert (withdrawn.withdrawn_by, withdrawn.withdrawn_reason) == (outsider.person.id, "Ухожу с завода")
    assert "You can consent again at any time" in client.get(f"{outsider.home}my-consent").text
    assert client.post(withdraw, data=sent).status_code == 409, "there is nothing left to withdraw"
    trail = session.scalars(
        select(AuditEvent.action).where(AuditEvent.action.startswith("consent.")).order_by(AuditEvent.id)
    )
    assert list(trail) == ["consent.given", "consent.withdrawn"]


def test_every_link_of_the_page_leads_where_the_guest_may_go(outsider: Outsider) -> None:
    client = outsider.browser()
    for agrees in (True, False):
        page = client.get(f"{outsider.home}my-consent").text
        links = {link for link in re.findall(r'(?:href|action)="(/[^"#]*)"', page) if "static/" not in link}
        assert links
        for link in links:
            assert link.startswith("/guest/"), link
            assert client.get(link).status_code in (200, 405), link
        if agrees:
            agree(client, outsider, says_adult="1")
    own_data = client.get(f"{outsider.home}my-data/").text
    assert f'href="{outsider.home}my-consent"' in own_data


def test_who_is_under_18_gets_the_paper_to_be_signed(outsider: Outsider, session: Session) -> None:
    outsider.person.birth_date = date(outsider.world.day.year - 17, 1, 10)
    session.commit()
    client = outsider.browser()
    assert "under 18" in client.get(f"{outsider.home}my-consent").text
    paper = client.get(f"{outsider.home}my-consent/blank")
    assert paper.status_code == 200
    assert "Горняков" in paper.text
    assert f'href="{outsider.home}my-consent"' in paper.text


def test_nobody_else_comes_to_that_page(outsider: Outsider, world: World, come_in, consents_of) -> None:
    other = Outsider(world, outsider.app, OTHER)
    elsewhere = world.another_course()
    for browser in (a_browser(outsider.app), come_in(world.curator, "en")):
        assert browser.get(f"{outsider.home}my-consent").location == "/guest/"
    client = other.browser()
    assert client.get(f"/guest/courses/{elsewhere.id}/my-consent").status_code == 404
    assert client.get(f"/courses/{world.course.id}/my-consent").status_code == 404
    own = f"{outsider.home}my-consent"
    sent = {"csrf_token": token(client, own)}
    assert client.post(f"{own}/withdraw?person_id={outsider.person.id}", data=sent).status_code == 303
    assert consents_of() == [], "each withdraws their own alone"
    assert client.post(f"{own}/withdraw", data={}).status_code == 400
