"""Somebody from outside gets a Moodle account: everything of theirs moves to it, after the curator has looked."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service import db, personal
from lti_service.access import Role
from lti_service.audit import AuditEvent
from lti_service.errors import NotFoundError
from lti_service.pairs.models import Pair, PairMove, PairState
from lti_service.people.consents import service as consents
from lti_service.people.guests import errors, joining
from lti_service.people.guests.models import GuestAccess
from lti_service.people.models import ContactWay, Membership, Mentee, Mentor, MentorState, Person
from lti_service.personal import Erasing
from lti_service.programme.models import MentorKind
from tests.pairs.conftest import World, build_world
from tests.pairs.test_guests import Outsider, token, viewer_of


@pytest.fixture
def outsider(world: World, app: Flask) -> Outsider:
    return Outsider(world, app)


@pytest.fixture
def account(world: World) -> Person:
    """The same human in Moodle, a member of the course."""
    return world.person("Горняков Пётр Ильич", Role.EMPLOYER, email="")


def join(outsider: Outsider, account: Person) -> None:
    world = outsider.world
    world.session.rollback()
    with db.transaction(world.session) as session:
        seen = joining.preview(session, viewer_of(world), outsider.person.id, account.id).seen
        joining.join(session, viewer_of(world), outsider.person.id, account.id, seen)


def test_pairs_history_and_records_move(
    outsider: Outsider, account: Person, world: World, session: Session, come_in: Callable[..., FlaskClient]
) -> None:
    guest_id, mentee = outsider.person.id, world.mentee("Алексеев Пётр")
    guest = outsider.browser()
    pair = world.pair(PairState.ACTIVE, outsider.mentor, mentee, form="employer-student")
    guest.get(outsider.home)
    preview = joining.preview(session, viewer_of(world), guest_id, account.id)
    assert not preview.both_mentors
    assert {rows for _title, rows in preview.moving} >= {1}
    join(outsider, account)

    session.rollback()
    assert session.get(Person, guest_id, populate_existing=True) is None
    assert session.scalars(select(Mentor.person_id).join(Pair, Pair.mentor_id == Mentor.id)).all() == [account.id]
    assert guest_id not in session.scalars(select(PairMove.actor_id)).all()
    assert consents.is_valid(session, account.id, world.day)
    assert session.scalars(select(GuestAccess)).all() == []
    acted = session.scalars(select(AuditEvent.actor_id).where(AuditEvent.action == "guest.viewed")).all()
    assert set(acted) == {account.id}
    event = session.scalars(select(AuditEvent).where(AuditEvent.action == "outsider.joined")).one()
    assert (event.subject, event.actor_id) == (f"person:{account.id}", world.curator.id)
    assert event.details["was"] == guest_id
    assert event.details["moved"]["mentor"] == 1
    assert session.get(Person, account.id, populate_existing=True).phone == "8 915 123-45-67"
    assert guest.get(outsider.home).location == "/guest/", "the guest's door is closed"
    page = come_in(account).get(f"/courses/{world.course.id}/").text
    assert "Алексеев Пётр" in page
    assert session.get(Pair, pair.id).state is PairState.ACTIVE
    [membership] = session.scalars(select(Membership).where(Membership.person_id == account.id)).all()
    assert membership.roles == ["employer"]


def test_of_two_mentors_one_is_made(outsider: Outsider, account: Person, world: World, session: Session) -> None:
    outsider.mentor.contact_way, outsider.mentor.contact = ContactWay.PHONE, "8 915"
    own = world.mentor(person=account, kind=MentorKind.TEACHER, state=MentorState.CANDIDATE, capacity=5)
    own.offer, own.contact_way, own.contact = "Сварка", ContactWay.PLACE, "Гараж"
    session.commit()
    first = world.pair(PairState.ACTIVE, outsider.mentor, world.mentee(), form="employer-student")
    own.state = MentorState.READY
    session.commit()
    second = world.pair(PairState.ACTIVE, own, world.mentee(), form="teacher-student")
    assert joining.preview(session, viewer_of(world), outsider.person.id, account.id).both_mentors
    join(outsider, account)
    session.rollback()
    [mentor] = session.scalars(select(Mentor).where(Mentor.person_id == account.id)).all()
    assert (mentor.kind, mentor.state, mentor.capacity) == (MentorKind.EMPLOYER, MentorState.READY, 5)
    assert (mentor.offer, mentor.contact) == ("Сварка", "8 915")
    pairs = session.execute(select(Pair.id, Pair.mentor_id)).all()
    assert sorted(tuple(row) for row in pairs) == sorted([(first.id, mentor.id), (second.id, mentor.id)])


def test_what_was_seen_must_still_be_so(outsider: Outsider, account: Person, world: World, session: Session) -> None:
    seen = joining.preview(session, viewer_of(world), outsider.person.id, account.id).seen
    world.pair(PairState.PROPOSED, outsider.mentor, world.mentee(), form="employer-student")
    session.rollback()
    with pytest.raises(errors.PreviewStaleError), db.transaction(session):
        joining.join(session, viewer_of(world), outsider.person.id, account.id, seen)
    assert session.get(Person, outsider.person.id) is not None


def test_what_only_one_may_have_stops_it_whole(
    outsider: Outsider, account: Person, world: World, session: Session
) -> None:
    for person_id in (outsider.person.id, account.id):
        mentee = world.mentee()
        session.add(Mentee(cycle_id=world.cycle.id, person_id=person_id, kind=mentee.kind, created_at=db.now()))
    session.commit()
    with pytest.raises(errors.JoinConflictError):
        join(outsider, account)
    session.rollback()
    assert session.get(Person, outsider.person.id) is not None
    assert session.scalars(select(Mentor.person_id)).all() == [outsider.person.id]
    assert session.scalars(select(AuditEvent).where(AuditEvent.action == "outsider.joined")).all() == []


def test_nobody_comes_to_be_their_own_mentor(outsider: Outsider, world: World, session: Session) -> None:
    mentee = world.mentee("Горняков Пётр")
    pair = world.pair(PairState.ACTIVE, outsider.mentor, mentee, form="employer-student")
    with pytest.raises(errors.AccountIsMenteeError):
        join(outsider, mentee.person)
    session.rollback()
    assert session.scalars(select(Mentor.person_id).where(Mentor.id == pair.mentor_id)).one() == outsider.person.id


def test_only_accounts_of_this_course_are_joined(outsider: Outsider, world: World, session: Session) -> None:
    elsewhere = world.person("Горняков Пётр", Role.TEACHER, course=world.another_course())
    other = build_world(session)
    foreign = other.person("Горняков Пётр", Role.TEACHER)
    for person_id in (elsewhere.id, foreign.id, outsider.person.id, 999_999):
        with pytest.raises(NotFoundError):
            joining.preview(session, viewer_of(world), outsider.person.id, person_id)
    with pytest.raises(NotFoundError):
        joining.preview(session, viewer_of(other), outsider.person.id, foreign.id)
    with pytest.raises(errors.NotFromOutsideError):
        joining.preview(session, viewer_of(world), world.curator.id, world.curator.id)
    assert joining.accounts(session, viewer_of(world), "горняков") == []


def test_the_curator_looks_and_confirms(
    outsider: Outsider, account: Person, world: World, session: Session, come_in: Callable[..., FlaskClient]
) -> None:
    guest_id = outsider.person.id
    world.pair(PairState.ACTIVE, outsider.mentor, world.mentee("Алексеев Пётр"), form="employer-student")
    curator = come_in(world.curator, "en")
    at = f"/courses/{world.course.id}/employers/guests/{guest_id}/join"
    assert "See what would move" in curator.get(at).text
    page = curator.get(f"{at}?account={account.id}").text
    assert "As a mentor: 1" in page
    assert session.get(Person, guest_id) is not None, "looking changes nothing"
    form: dict[str, Any] = {"csrf_token": token(curator, f"{at}?account={account.id}"), "account": account.id}
    stale = curator.post(at, data={**form, "seen": "something else"})
    assert stale.status_code == 409
    assert "Something has changed meanwhile" in stale.text
    seen = page.split('name="seen" value="')[1].split('"')[0]
    done = curator.post(at, data={**form, "seen": seen}, follow_redirects=True)
    assert "From now on they come in through Moodle" in done.text
    assert curator.post(at, data={**form, "seen": seen}).status_code == 404, "sent twice, done once"
    teacher = come_in(account)
    assert teacher.get(at).status_code == 403


def test_erasure_takes_the_access_and_the_visits_with_it(outsider: Outsider, world: World, session: Session) -> None:
    guest = outsider.browser()
    session.rollback()
    with db.transaction(session):
        personal.erase(
            session,
            Erasing(
                platform_id=world.platform.id,
                person_id=outsider.person.id,
                actor_id=world.curator.id,
                course_id=world.course.id,
                day=world.day,
                moment=db.now(),
            ),
        )
    assert session.scalars(select(GuestAccess)).all() == []
    assert guest.get(outsider.home).location == "/guest/"
    assert session.get_one(Person, outsider.person.id).phone == ""


@pytest.mark.parametrize("of_moodle", [None, date(1979, 5, 6)])
def test_a_birth_date_that_only_the_college_knew_stays_known(
    outsider: Outsider, account: Person, session: Session, of_moodle: date | None
) -> None:
    known = date(1980, 1, 1)
    session.get_one(Person, outsider.person.id).birth_date = known
    session.get_one(Person, account.id).birth_date = of_moodle
    session.commit()
    join(outsider, account)
    session.rollback()
    joined = session.get_one(Person, account.id, populate_existing=True)
    assert joined.birth_date == (of_moodle or known)
    assert joined.corrected == ({} if of_moodle else {"birth_date": ""}), "so the next load leaves it"
