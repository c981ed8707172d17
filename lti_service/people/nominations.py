"""Nominations: a teacher says which students of the course need a mentor, and why; the rest the curator decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, Text, and_, case, cast, exists, func, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from lti_service import audit, db
from lti_service.access import Role, Viewer
from lti_service.db import now
from lti_service.errors import NotFoundError
from lti_service.lists import PAGE, By, ListLook, ListPage, Stretch, in_parts, place
from lti_service.people import cycles, rules
from lti_service.people.consents import service as consents
from lti_service.people.errors import NoReasonError, RequestTooLongError
from lti_service.people.kinds import placing
from lti_service.people.lists import PEOPLE, by_name, groups_of, is_in_group, is_read_off
from lti_service.people.models import Membership, Mentee, MenteeState, Nomination, Person, Source
from lti_service.people.names import search_key
from lti_service.programme import service as programme
from lti_service.programme.models import MenteeKind

SORTS = ("name", "group")
_HAS_STUDENT = case((cast(Membership.roles, Text).contains(f'"{Role.STUDENT.value}"'), True), else_=False)
"""Roles are a short list in JSON, which the two databases search in different ways; its text is the same in both.

As a case, of which PostgreSQL expects that it holds for half of the rows; of the text alone that it holds for none."""


@dataclass(frozen=True, slots=True)
class Look(ListLook):
    """What a teacher wants to see of the course's students; every value may come from an address and be nonsense."""

    group: str = ""
    """Only those in this group; of whom no consent counts nobody but curators sees the group, so they are left out."""
    nominated: bool = False
    """Only those whom the viewer has nominated."""


@dataclass(frozen=True, slots=True)
class Student:
    """A student of the course as their teacher may nominate them."""

    person_id: int
    name: str
    groups: str
    """Empty too while no consent of theirs counts: others than curators see no more of them than the name."""
    reason: str | None
    """Why this teacher has nominated them; none: they have not."""
    at: datetime | None
    """When the teacher last said so."""
    has_consent: bool


@dataclass(frozen=True, slots=True)
class Students(ListPage[Student]):
    """A page of the course's students."""

    nominated: int
    """How many of the course this teacher has nominated, on whatever page."""
    groups: list[str]
    """All groups of the course."""


def students(session: Session, viewer: Viewer, day: date, look: Look) -> Students:
    """A page of the students of the viewer's course, with the viewer's own nominations of the school year of `day`."""
    cycle = programme.find_cycle(session, viewer.platform_id, day)
    cycle_id = cycle.id if cycle else None
    of_course, of_person = _of_course(viewer, look), _of_person(viewer, cycle_id, day, look)
    counted = select(func.count(Membership.id), PEOPLE).where(*of_course)
    if of_person:
        counted = counted.join(Membership.person).where(*of_person)
    total, people = session.execute(counted).one()
    page, pages = place(total, look.page)
    # Rows are read whole for the page shown alone: to sort all of them so takes several times as long.
    stretch = Stretch(total, PAGE, (page - 1) * PAGE)
    order = _order(look, day)
    if look.sort == "name" and is_read_off(stretch, people or 0):
        here = exists().where(Membership.person_id == Person.id, *of_course).correlate(Person)
        ids = stretch.of(session, by_name(viewer.platform_id, here).where(*of_person), order)
    else:
        ids = stretch.sorted_of(session, select(Person.id).join(Membership).where(*of_course, *of_person), order)
    found = _read(session, viewer, cycle_id, day, ids)
    mine = session.scalar(_own_here(viewer, cycle_id, func.count(Nomination.id))) or 0
    return Students(found, total, page, pages, mine, groups_of(session, viewer.course_id))


def all_students(session: Session, viewer: Viewer, day: date, look: Look) -> list[Student]:
    """Everybody whom a look shows, on whatever page, in its order; that they are taken out of the service is kept."""
    cycle = programme.find_cycle(session, viewer.platform_id, day)
    cycle_id = cycle.id if cycle else None
    query = select(Person.id).join(Membership)
    query = query.where(*_of_course(viewer, look), *_of_person(viewer, cycle_id, day, look))
    ids = session.scalars(query.order_by(*(one.expression() for one in _order(look, day)))).all()
    audit.record(
        session,
        "base.exported",
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        actor_id=viewer.person_id,
        subject="base:students",
        count=len(ids),
        **look.told,
    )
    return _read(session, viewer, cycle_id, day, ids)


def _of_course(viewer: Viewer, look: Look) -> list[Any]:
    """What is asked of a student's membership."""
    return [
        Membership.course_id == viewer.course_id,
        Membership.active,
        _HAS_STUDENT,
        Membership.person_id != viewer.person_id,
        *([is_in_group(look.group)] if look.group else []),
    ]


def _of_person(viewer: Viewer, cycle_id: int | None, day: date, look: Look) -> list[Any]:
    """What is asked of a student besides."""
    found: list[Any] = [Person.search_name.contains(word, autoescape=True) for word in search_key(look.search).split()]
    if look.group:
        found.append(consents.valid_for(day))
    if look.nominated:
        found.append(Person.id.in_(_own_here(viewer, cycle_id, Mentee.person_id)))
    return found


def _order(look: Look, day: date) -> list[By]:
    if look.sort != "group":
        return [By(Person.search_name, look.descending), By(Person.id)]
    # The group of whom no consent counts is not told by where they stand, either.
    shown = case((consents.valid_for(day), Membership.groups), else_="")
    return [By(shown, look.descending), By(Person.search_name), By(Person.id)]


def _own_here(viewer: Viewer, cycle_id: int | None, *what: Any) -> Select[Any]:
    """The viewer's nominations of members of the course in a school year."""
    is_member = and_(
        Membership.person_id == Mentee.person_id,
        Membership.course_id == viewer.course_id,
        Membership.active,
        _HAS_STUDENT,
    )
    return (
        select(*what)
        .select_from(Mentee)
        .join(Nomination, Nomination.mentee_id == Mentee.id)
        .join(Membership, is_member)
        .where(Mentee.cycle_id == cycle_id, Nomination.nominated_by == viewer.person_id)
    )


def _read(session: Session, viewer: Viewer, cycle_id: int | None, day: date, ids: Sequence[int]) -> list[Student]:
    members: dict[int, Membership] = {}
    consenting: set[int] = set()
    for some in in_parts(ids):
        found = session.scalars(
            select(Membership)
            .options(joinedload(Membership.person))
            .where(Membership.course_id == viewer.course_id, Membership.person_id.in_(some))
        )
        members |= {membership.person_id: membership for membership in found}
        consenting |= consents.consenting(session, some, day)
    own: dict[int, tuple[str | None, datetime | None]] = {
        person_id: (reason, at)
        for person_id, reason, at in session.execute(
            _own_here(viewer, cycle_id, Mentee.person_id, Nomination.reason, Nomination.at)
        )
    }
    return [
        _student(members[person_id], own.get(person_id, (None, None)), consenting)
        for person_id in ids
        if person_id in members
    ]


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
    return _student(membership, (nomination.reason, nomination.at) if nomination else (None, None), consenting)


def _student(membership: Membership, said: tuple[str | None, datetime | None], consenting: set[int]) -> Student:
    known = membership.person_id in consenting
    groups = membership.groups if known else ""
    return Student(membership.person_id, membership.person.name, groups, *said, known)


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
