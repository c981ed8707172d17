"""Everybody of the filter is chosen, on all pages, and changed at once: without a script, and only those counted."""

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_service.people.models import Mentee, MenteeState, Mentor, MentorState, Person
from lti_service.platforms.models import Course
from lti_service.programme.models import Form
from tests.counting import statements
from tests.people.conftest import membership_of, mentee_of
from tests.people.test_pages import send
from tests.practice_moodle import PracticeMoodle

PersonOf = Callable[[str], Person]


@pytest.fixture(autouse=True)
def _english(moodle: PracticeMoodle) -> None:
    """Sentences are looked for as they stand in the code, whatever the catalogue says."""
    for person in moodle.college.people.values():
        person.lang = "en"


@pytest.fixture
def curator(synced: Course, launch_as: Callable[..., FlaskClient]) -> FlaskClient:
    """The curator of the synced course, just come in."""
    return launch_as("curator")


@pytest.fixture
def at(synced: Course) -> Callable[[str], str]:
    """`at("base/")`: an address in the synced course."""
    return lambda path: f"/courses/{synced.id}/{path}"


def mark_of(page: str) -> str:
    """What the form keeps of those who were counted."""
    [mark] = re.findall(r'name="everyone" value="([^"]+)"', page)
    return mark


def in_state(session: Session, state: MenteeState) -> int:
    session.commit()
    return session.scalar(select(func.count(Mentee.id)).where(Mentee.state == state)) or 0


def test_the_list_offers_all_of_its_filter_where_a_page_does_not_hold_them(curator: FlaskClient, at):
    assert "Choose all 206 of the list" in curator.get(at("base/")).text
    assert "Choose all 200 of the filter" in curator.get(at("base/?kind=student")).text
    assert "Choose all" not in curator.get(at("base/?kind=young_teacher")).text.replace("Choose all on this page", "")


def test_everybody_chosen_is_said_and_nobody_can_be_unticked_alone(curator: FlaskClient, at):
    page = curator.get(at("base/?kind=student&select=all")).text

    assert "200 people are chosen" in page
    assert len(re.findall(r'name="chosen"[^>]*checked disabled', page)) == 50
    assert mark_of(page).startswith("200-")


def test_all_of_the_filter_are_changed_and_nobody_else(session: Session, curator: FlaskClient, at):
    shown = at("base/?kind=student&select=all")

    page = send(curator, at("base/?kind=student"), shown, action="need", everyone=mark_of(curator.get(shown).text))

    assert "200 people need a mentor." in page.text
    needing = session.scalars(select(Mentee.kind).where(Mentee.state == MenteeState.NEEDS).distinct()).all()
    assert (in_state(session, MenteeState.NEEDS), [kind.value for kind in needing]) == (200, ["student"])
    assert in_state(session, MenteeState.CANDIDATE) == 6


def test_when_the_number_moved_meanwhile_nobody_is_changed_and_it_says_so(
    session: Session, curator: FlaskClient, at, synced: Course, person_of: PersonOf
):
    mark = mark_of(curator.get(at("base/?select=all")).text)
    membership_of(session, person_of("student001"), synced).active = False
    session.commit()

    page = send(curator, at("base/"), at("base/"), action="need", everyone=mark)

    assert page.status_code == 409
    assert "then 206 people answered to the filter, now 205. Nobody was changed" in page.text
    assert in_state(session, MenteeState.NEEDS) == 0
    again = send(curator, at("base/"), at("base/"), action="need", everyone=mark_of(page.text))
    assert "205 people need a mentor." in again.text


def test_other_people_of_the_same_number_are_not_those_who_were_counted(
    session: Session, curator: FlaskClient, at, synced: Course, person_of: PersonOf
):
    mark = mark_of(curator.get(at("base/?state=candidate&kind=student&select=all")).text)
    session.execute(
        Mentee.__table__.update()
        .where(Mentee.id == mentee_of(session, person_of("student001")).id)
        .values(state=MenteeState.NEEDS)
    )
    session.commit()
    mentee_of(session, person_of("teacher01")).kind = mentee_of(session, person_of("student002")).kind
    session.commit()

    page = send(curator, at("base/?state=candidate&kind=student"), at("base/"), action="need", everyone=mark)

    assert page.status_code == 409
    assert "now other people answer to the filter (200)" in page.text
    assert in_state(session, MenteeState.NEEDS) == 1


@pytest.mark.parametrize("mark", ["nonsense", "206-0", "-", "999999999999999999999-x"])
def test_a_forged_mark_changes_nobody(session: Session, curator: FlaskClient, at, mark: str):
    assert send(curator, at("base/"), at("base/"), action="withdraw", everyone=mark).status_code == 409
    assert in_state(session, MenteeState.WITHDRAWN) == 0


def test_those_who_cannot_be_moved_stay_and_some_are_named(session: Session, curator: FlaskClient, at):
    ids = session.scalars(select(Mentee.id).order_by(Mentee.id).limit(60)).all()
    session.execute(Mentee.__table__.update().where(Mentee.id.in_(ids)).values(state=MenteeState.PAIRED))
    session.commit()
    mark = mark_of(curator.get(at("base/?select=all")).text)

    page = send(curator, at("base/"), at("base/"), action="withdraw", everyone=mark)

    assert "146 people do not take part." in page.text
    assert "and 55 more" in page.text
    [address] = re.findall(r'Has a mentor: <a class="alert-link" href="([^"]+)">60 people</a>', page.text)
    assert "1–50 of 60" in curator.get(address).text


def test_those_who_were_so_already_are_counted(session: Session, curator: FlaskClient, at):
    ids = session.scalars(select(Mentee.id).order_by(Mentee.id).limit(60)).all()
    session.execute(Mentee.__table__.update().where(Mentee.id.in_(ids)).values(state=MenteeState.NEEDS))
    session.commit()
    mark = mark_of(curator.get(at("base/?select=all")).text)

    page = send(curator, at("base/"), at("base/"), action="need", everyone=mark).text

    assert "146 people need a mentor." in page
    assert "60 people were so already." in page


def test_whom_the_form_does_not_fit_is_left_where_everybody_is_chosen(session: Session, curator: FlaskClient, at):
    form = session.scalars(select(Form).where(Form.code == "teacher-teacher")).one()
    mark = mark_of(curator.get(at("base/?select=all")).text)

    page = send(curator, at("base/"), at("base/"), action="need", everyone=mark, wanted_form=form.id)

    assert "6 people need a mentor." in page.text
    assert "The form of mentoring is not meant for them: 200 people" in page.text
    assert (in_state(session, MenteeState.NEEDS), in_state(session, MenteeState.CANDIDATE)) == (6, 200)
    students = mark_of(curator.get(at("base/?kind=student&select=all")).text)
    none = send(curator, at("base/?kind=student"), at("base/"), action="need", everyone=students, wanted_form=form.id)
    assert none.status_code == 422


def test_all_mentors_of_the_filter_are_taken_in(session: Session, curator: FlaskClient, at):
    mark = mark_of(curator.get(at("base/mentors/?kind=teacher&select=all")).text)

    decision = {"decision": "admitted", "reason": "Решение педсовета", "do": "decide"}
    send(curator, at("base/mentors/decide?kind=teacher"), at("base/mentors/"), everyone=mark, **decision)

    session.commit()
    states = dict(
        session.execute(
            select(Mentor.kind, func.count(Mentor.id)).where(Mentor.state == MentorState.READY).group_by(Mentor.kind)
        ).all()
    )
    assert [(kind.value, count) for kind, count in states.items()] == [("teacher", int(mark.partition("-")[0]))]


def test_choosing_everybody_costs_one_query_more(session: Session, curator: FlaskClient, at):
    curator.get(at("base/"))
    with statements(session) as plain:
        curator.get(at("base/"))
    with statements(session) as all_of_them:
        curator.get(at("base/?select=all"))
    assert len(all_of_them) == len(plain) + 1
