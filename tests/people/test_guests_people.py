"""People from outside without a Moodle account: how they are kept, and that nothing about Moodle trips over them."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service.access import TABLE, Permission, Role, Viewer
from lti_service.audit import AuditEvent
from lti_service.errors import NotFoundError
from lti_service.pairs import service as pairs
from lti_service.people import enrolments, rules, service
from lti_service.people.employers import errors as employer_errors
from lti_service.people.errors import NoAccountError
from lti_service.people.guests import errors
from lti_service.people.guests import service as guests
from lti_service.people.guests.service import PersonFacts
from lti_service.people.kinds import rules as kind_rules
from lti_service.people.kinds.rules import Facts, Ruleset
from lti_service.people.models import ContactWay, MentorState, Person
from lti_service.platforms.models import Course, Platform
from lti_service.programme.models import MenteeKind, MentorKind
from tests.consenting import give_consent
from tests.people.conftest import TODAY, SmallCourse, membership_of, mentor_of
from tests.people.test_employers import an_employer, post, viewer_of
from tests.practice_moodle import PracticeMoodle

LaunchAs = Callable[..., FlaskClient]

MINER = PersonFacts("Горняков", "Пётр  Ильич", "gornyak@mine.example", "+7 (915) 123-45-67")


# --- the permission table -----------------------------------------------------------------------------------------


def test_a_guest_may_see_their_own_page_and_nothing_else() -> None:
    guest = Viewer(1, 1, 1, "Пётр Горняков", frozenset({Role.GUEST}), "", "", "Europe/Moscow")
    assert [permission for permission in Permission if guest.may(permission)] == [
        Permission.SEE_OWN_DATA,
        Permission.GIVE_CONSENT,
        Permission.SEE_GUEST_HOME,
    ]
    named = {permission for permission, roles in TABLE.items() if Role.GUEST in roles}
    assert named == {Permission.SEE_OWN_DATA, Permission.GIVE_CONSENT, Permission.SEE_GUEST_HOME}
    somebody = Viewer(1, 1, 1, "Кто-то", frozenset(Role) - {Role.GUEST}, "", "", "Europe/Moscow")
    assert not somebody.may(Permission.SEE_GUEST_HOME)


def test_no_role_of_moodle_makes_a_guest() -> None:
    found = kind_rules.roles_of(["student"], Facts(), {"student": ["guest", "teacher"]}, Ruleset())
    assert found == [Role.TEACHER]


# --- what is kept -------------------------------------------------------------------------------------------------


def test_somebody_from_outside_is_a_member_without_an_account(session: Session, small: SmallCourse) -> None:
    person = guests.add_person(session, small.at, MINER)
    session.commit()
    assert (person.moodle_id, person.name, person.spoken_name) == (None, "Горняков Пётр Ильич", "Пётр Ильич Горняков")
    assert (person.email, person.phone) == ("gornyak@mine.example", "+7 (915) 123-45-67")
    membership = membership_of(session, person, small.course)
    assert (membership.roles, membership.moodle_roles, membership.active) == (["guest"], [], True)
    event = session.scalars(select(AuditEvent).where(AuditEvent.action == "outsider.added")).one()
    assert (event.actor_id, event.subject, event.details) == (small.curator.id, f"person:{person.id}", {})


def test_many_of_one_platform_have_no_account(session: Session, small: SmallCourse) -> None:
    for number in range(3):
        guests.add_person(session, small.at, PersonFacts(f"Горняков{number}", "Пётр"))
    session.commit()
    assert len(session.scalars(select(Person).where(Person.moodle_id.is_(None))).all()) == 3


@pytest.mark.parametrize(
    ("facts", "error"),
    [
        (PersonFacts(" ", "Пётр"), errors.FamilyNameMissingError),
        (PersonFacts("Горняков", "\0"), errors.GivenNameMissingError),
        (PersonFacts("Г" * 201, "Пётр"), employer_errors.TooLongError),
        (PersonFacts("Горняков", "Пётр", email="не адрес"), employer_errors.EmailError),
        (PersonFacts("Горняков", "Пётр", phone="звонить"), employer_errors.PhoneError),
    ],
)
def test_what_cannot_be_is_not_kept(
    session: Session, small: SmallCourse, facts: PersonFacts, error: type[Exception]
) -> None:
    with pytest.raises(error):
        guests.add_person(session, small.at, facts)
    session.rollback()
    assert session.scalars(select(Person).where(Person.moodle_id.is_(None))).all() == []


def test_nobody_is_entered_twice_but_namesakes_may_be(session: Session, small: SmallCourse) -> None:
    guests.add_person(session, small.at, MINER)
    same_address = PersonFacts("Другой", "Человек", "Gornyak@MINE.example")
    same_phone = PersonFacts("ГОРНЯКОВ", "Петр Ильич", "", "8 915 123 45 67")
    for facts in (MINER, same_address):
        with pytest.raises(errors.PersonKnownError):
            guests.add_person(session, small.at, facts)
    with pytest.raises(errors.PersonKnownError):
        guests.add_person(session, small.at, PersonFacts("Горняков", "Пётр Ильич", "", same_phone.phone))
    namesake = guests.add_person(session, small.at, PersonFacts("Горняков", "Пётр Ильич", "", "8 915 000 00 00"))
    with pytest.raises(errors.PersonKnownError):
        guests.change_person(session, small.at, namesake.id, PersonFacts("Горняков", "Пётр Ильич", MINER.email))
    session.rollback()


def test_whose_address_is_a_colleagues_of_moodle_is_not_entered_again(session: Session, small: SmallCourse) -> None:
    small.mentor.person.email = "titov@college.example"
    session.commit()
    with pytest.raises(errors.PersonKnownError, match="person-known"):
        guests.add_person(session, small.at, PersonFacts("Титов", "Олег", "titov@college.example"))


def test_a_course_of_another_college_knows_nothing_of_them(session: Session, small: SmallCourse) -> None:
    person = guests.add_person(session, small.at, MINER)
    other = SmallCourse(session, "other")
    guests.add_person(session, other.at, MINER)
    with pytest.raises(NotFoundError):
        guests.change_person(session, other.at, person.id, MINER)
    with pytest.raises(errors.NotFromOutsideError):
        guests.change_person(session, small.at, small.mentor.person_id, MINER)


# --- as a mentor --------------------------------------------------------------------------------------------------


def test_they_stand_in_the_base_as_any_employers_mentor_and_in_pairs(session: Session, small: SmallCourse) -> None:
    viewer = viewer_of(small)
    employer = an_employer(session, viewer)
    mentor = guests.add_mentor(session, viewer, TODAY, MINER, employer_id=employer.id, tells_phone=True)
    assert (mentor.kind, mentor.state, mentor.workplace) == (
        MentorKind.EMPLOYER,
        MentorState.CANDIDATE,
        employer.shown_name,
    )
    assert (mentor.contact_way, mentor.contact) == (ContactWay.PHONE, MINER.phone)
    mentor.state = MentorState.READY
    for person in (mentor.person, small.mentees[0].person):
        give_consent(session, person, TODAY)
    service.move_mentees(session, small.at, [small.mentees[0].id], rules.MenteeAction.NEED)
    pair = pairs.propose(
        session,
        platform_id=small.platform.id,
        course_id=small.course.id,
        day=TODAY,
        form_id=small.form("employer-student").id,
        mentor_id=mentor.id,
        mentee_ids=[small.mentees[0].id],
    )
    assert pair.mentor is mentor


def test_they_are_no_mentees(session: Session, small: SmallCourse) -> None:
    person = guests.add_person(session, small.at, MINER)
    with pytest.raises(NoAccountError):
        service.add_mentee(session, small.at, person.id, MenteeKind.STUDENT)


# --- beside a Moodle ----------------------------------------------------------------------------------------------


@pytest.fixture
def curator(synced: Course, moodle: PracticeMoodle, launch_as: LaunchAs) -> FlaskClient:
    """The curator of a synced course, at its home page."""
    for person in moodle.college.people.values():
        person.lang = "en"
    return launch_as("curator")


def add_through_the_page(curator: FlaskClient, session: Session, **more: Any) -> Person:
    told = {"family_name": MINER.family_name, "given_name": MINER.given_name, "phone": MINER.phone, **more}
    page = post(curator, "employers/guests/new", **told)
    assert page.status_code == 200, page.text
    session.commit()
    return session.scalars(select(Person).where(Person.moodle_id.is_(None))).one()


def test_a_curator_adds_a_mentor_from_outside(curator: FlaskClient, session: Session) -> None:
    page = post(curator, "employers/guests/new", given_name="Пётр", phone="12")
    assert page.status_code == 422
    assert "Write the family name" in page.text
    person = add_through_the_page(curator, session, email=MINER.email)
    record = curator.get(f"{curator.home}people/{person.id}/").text
    assert "Горняков Пётр Ильич" in record
    assert "Without a Moodle account" in record
    assert "+7 (915) 123-45-67" in record
    assert "From Moodle" not in record
    assert "As a mentee" not in record
    assert "Горняков Пётр Ильич" in curator.get(curator.home + "base/mentors/?search=горняков").text
    again = post(curator, "employers/guests/new", family_name="Другой", given_name="Он", email=MINER.email)
    assert again.status_code == 409 or "The course has such a person already" in again.text
    at = f"employers/guests/{person.id}/change"
    assert "Saved." in post(curator, at, family_name="Горняков", given_name="Пётр Ильич", phone="8 915 765-43-21").text
    assert "8 915 765-43-21" in curator.get(f"{curator.home}people/{person.id}/").text


def test_only_curators_add_them(synced: Course, launch_as: LaunchAs) -> None:
    for who in ("student001", "teacher05", "employer01"):
        browser = launch_as(who)
        assert browser.get(browser.home + "employers/guests/new").status_code == 403


def test_a_sync_leaves_them_where_they_are_and_as_they_are(
    curator: FlaskClient, session: Session, synced: Course, platform: Platform
) -> None:
    person = add_through_the_page(curator, session)
    report = enrolments.sync_course(synced.id)
    assert (report.new, report.changed, report.left) == (0, 0, 0)
    assert membership_of(session, person, synced).active
    assert mentor_of(session, person).state is MentorState.CANDIDATE
    # The same from the course's roster, which is asked where there is no web service.
    platform = session.get_one(Platform, platform.id)
    platform.ws_token = ""
    session.commit()
    report = enrolments.sync_course(synced.id)
    assert (report.source, report.left) == (enrolments.ROSTER, 0)
    assert membership_of(session, person, synced).active


def test_no_account_of_moodle_is_taken_for_theirs(
    curator: FlaskClient, session: Session, synced: Course, launch_as: LaunchAs, moodle: PracticeMoodle
) -> None:
    """Somebody of the same name and address comes in from Moodle: two people, until the curator says otherwise."""
    person = add_through_the_page(curator, session, email="teacher05@college.example")
    moodle.college.person("teacher05").email = "teacher05@college.example"
    launch_as("teacher05")
    enrolments.sync_course(synced.id)
    session.commit()
    session.refresh(person)
    assert person.moodle_id is None
    assert person.family_name == "Горняков"


def test_nobody_makes_a_curator_of_them(curator: FlaskClient, session: Session, launch_as: LaunchAs) -> None:
    person = add_through_the_page(curator, session)
    admin = launch_as("admin")
    assert person.name not in admin.get(admin.home + "connections/curators").text
