"""Nominations: a teacher says which students of the course need a mentor, and why; the rest the curator decides."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Text, and_, case, cast, exists, func, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from lti_service import audit, db
from lti_service.access import Role, Viewer
from lti_service.db import now
from lti_service.errors import NotFoundError
from lti_service.lists import By, Stretch
from lti_service.people import cycles, rules
from lti_service.people.consents import service as consents
from lti_service.people.errors import NoReasonError, RequestTooLongError
from lti_service.people.kinds import placing
from lti_service.people.lists import PEOPLE, by_name, is_read_off
from lti_service.people.models import Membership, Mentee, MenteeState, Nomination, Person, Source
from lti_service.people.names import search_key
from lti_service.programme import service as programme
from lti_service.programme.models import MenteeKind

PAGE = 50
"""Students of a page."""
_HAS_STUDENT = case((cast(Membership.roles, Text).contains(f'"{Role.STUDENT.value}"'), True), else_=False)
"""Roles are a short list in JSON, which the two databases search in different ways; its text is the same in both.

As a case, of which PostgreSQL expects that it holds for half of the rows; of the text alone that it holds for none."""


@dataclass(frozen=True, slots=True)
class Student:
    """A student of the course as their teacher may nominate them."""

    person_id: int
    name: str
    groups: str
    """Empty too while no consent of theirs counts: others than curators see no more of them than the name."""
    reason: str | None
    """Why this teacher has nominated them; none: they have not."""
    has_consent: bool


@dataclass(frozen=True, slots=True)
class Students:
    """A page of the course's students."""

    students: list[Student]
    total: int
    nominated: int
    """How many of the course this teacher has nominated, on whatever page."""


def students(session: Session, viewer: Viewer, day: date, search: str = "", page: int = 1) -> Students:
    """The students of the viewer's course by name, with the viewer's own nominations of the school year of `day`."""
    cycle = programme.find_cycle(session, viewer.platform_id, day)
    where = [
        Membership.course_id == viewer.course_id,
        Membership.active,
        _HAS_STUDENT,
        Membership.person_id != viewer.person_id,
    ]
    named = [Person.search_name.contains(word, autoescape=True) for word in search_key(search).split()]
    counted = select(func.count(Membership.id), PEOPLE).where(*where)
    if named:
        counted = counted.join(Membership.person).where(*named)
    total, people = session.execute(counted).one()
    # Rows are read whole for the page shown alone: to sort all of them so takes several times as long.
    stretch = Stretch(total, PAGE, (max(page, 1) - 1) * PAGE)
    order = (By(Person.search_name), By(Person.id))
    if is_read_off(stretch, people or 0):
        here = exists().where(Membership.person_id == Person.id, *where).correlate(Person)
        ids = stretch.of(session, by_name(viewer.platform_id, here).where(*named), order)
    else:
        ids = stretch.of(session, select(Person.id).join(Membership).where(*where, *named), order)
    members = session.scalars(
        select(Membership)
        .options(joinedload(Membership.person))
        .where(Membership.course_id == viewer.course_id, Membership.person_id.in_(ids))
    )
    found = sorted(members, key=lambda membership: ids.index(membership.person_id))
    own = dict(
        session.execute(
            select(Mentee.person_id, Nomination.reason)
            .join(Nomination, Nomination.mentee_id == Mentee.id)
            .join(
                Membership,
                and_(Membership.person_id == Mentee.person_id, Membership.course_id == viewer.course_id),
            )
            .where(Mentee.cycle_id == (cycle.id if cycle else None), Nomination.nominated_by == viewer.person_id)
        ).all()
    )
    consenting = consents.consenting(session, [it.person_id for it in found], day)
    return Students([_student(it, own.get(it.person_id), consenting) for it in found], total, len(own))


def nominee(session: Session, viewer: Viewer, person_id: int, day: date) -> Student:
    """One student of the course. Raises NotFoundError for whoever is none."""
    membership = session.scalar(
        select(Membership)
        .where(Membership.course_id == viewer.course_id, Membership.person_id == person_id, Membership.active)
        .options(joinedload(Membership.person, innerjoin=True))
    )
    if membership is None or Role.STUDENT not in membership.roles or person_id == viewer.person_id:
        raise NotFoundError
    nomination = _own(session, viewer, person_id, day)
    consenting = consents.consenting(session, [person_id], day)
    return _student(membership, nomination.reason if nomination else None, consenting)


def _student(membership: Membership, reason: str | None, consenting: set[int]) -> Student:
    known = membership.person_id in consenting
    return Student(membership.person_id, membership.person.name, membership.groups if known else "", reason, known)


def nominate(session: Session, viewer: Viewer, person_id: int, day: date, reason: str) -> Nomination:
    """Keep the viewer's word about a student; whoever was not in the base is a candidate by it.

    Said again it changes the reason. Raises NotFoundError, NoReasonError, RequestTooLongError.
    """
    nominee(session, viewer, person_id, day)
    reason = reason.strip()
    if not reason:
        raise NoReasonError
    if len(reason) > rules.LONGEST_REQUEST:
        raise RequestTooLongError(most=rules.LONGEST_REQUEST, count=len(reason))
    cycle = cycles.open_cycle(session, viewer.platform_id, day)
    # A course for teachers enrols young ones as students; whom the rules do not know a teacher's word makes a student.
    kind = placing.of_person(session, person_id, day).mentee or MenteeKind.STUDENT
    row = {"cycle_id": cycle.id, "person_id": person_id, "kind": kind, "source": Source.NOMINATION}
    row |= cycles.as_before(session, cycle.id, person_id)
    db.add_missing(session, Mentee, {**row, "state": MenteeState.CANDIDATE, "created_at": now()})
    mentee = session.scalars(select(Mentee).where(Mentee.cycle_id == cycle.id, Mentee.person_id == person_id)).one()
    keys = {"mentee_id": mentee.id, "nominated_by": viewer.person_id}
    db.add_missing(session, Nomination, {**keys, "reason": reason, "at": now()})
    nomination = session.scalars(select(Nomination).filter_by(**keys)).one()
    nomination.reason, nomination.at = reason, now()
    session.flush()
    _record(session, viewer, "mentee.nominated", mentee)
    return nomination


def take_back(session: Session, viewer: Viewer, person_id: int, day: date) -> None:
    """Forget the viewer's nomination, if there is one; the student's place in the base is the curator's to decide."""
    nomination = _own(session, viewer, person_id, day)
    if nomination is None:
        return
    _record(session, viewer, "mentee.nomination-taken-back", nomination.mentee)
    session.delete(nomination)
    session.flush()


def of_person(session: Session, cycle_id: int, person_id: int) -> list[Nomination]:
    """All nominations of a person in a school year with their teachers, the newest first; for curators."""
    return list(
        session.scalars(
            select(Nomination)
            .join(Nomination.mentee)
            .join(Person, Person.id == Nomination.nominated_by)
            .options(contains_eager(Nomination.teacher))
            .where(Mentee.cycle_id == cycle_id, Mentee.person_id == person_id)
            .order_by(Nomination.at.desc(), Nomination.id.desc())
        )
    )


def count_by(session: Session, viewer: Viewer, day: date) -> int:
    """How many students of the course the viewer has nominated in the school year of `day`."""
    cycle = programme.find_cycle(session, viewer.platform_id, day)
    if cycle is None:
        return 0
    # Asked of each one nominated: the course has many more people.
    here = exists().where(Membership.person_id == Mentee.person_id, Membership.course_id == viewer.course_id)
    query = (
        select(func.count(Nomination.id))
        .join(Mentee, Mentee.id == Nomination.mentee_id)
        .where(Mentee.cycle_id == cycle.id, Nomination.nominated_by == viewer.person_id, here)
    )
    return session.scalar(query) or 0


def _own(session: Session, viewer: Viewer, person_id: int, day: date) -> Nomination | None:
    cycle = programme.find_cycle(session, viewer.platform_id, day)
    if cycle is None:
        return None
    return session.scalar(
        select(Nomination)
        .join(Mentee, Mentee.id == Nomination.mentee_id)
        .where(
            Mentee.cycle_id == cycle.id,
            Mentee.person_id == person_id,
            Nomination.nominated_by == viewer.person_id,
        )
    )


def _record(session: Session, viewer: Viewer, action: str, mentee: Mentee) -> None:
    # Why is for the curator, not for the trail.
    audit.record(
        session,
        action,
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        actor_id=viewer.person_id,
        subject=f"mentee:{mentee.id}",
    )
