"""Who has looked at the viewer by name, and which lists were taken out on which they may have been."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from lti_service import looks
from lti_service.access import Role, Viewer
from lti_service.audit import AuditEvent
from lti_service.lists import ListPage, part, place
from lti_service.people.models import Membership, Person
from lti_service.people.privacy.models import ErasureRequest
from lti_service.platforms.models import Course


class Trail(StrEnum):
    """What is told apart: a curator who saves lists all day must not hide who has opened one's card."""

    LOOKS = "looks"
    LISTS = "lists"


ACTIONS: dict[Trail, tuple[str, ...]] = {
    # Of looks the second is what older ones are called, the third that the scan of a consent was saved.
    Trail.LOOKS: (looks.LOOKED, "pair.looked", "consent.scan-downloaded"),
    Trail.LISTS: ("base.exported", "consent.exported"),
}
"""The entries of the trail that say so."""
OF_TRIAL = "base:trial"
"""How it calls the list of those whom rules that are tried move, of all courses of a college."""
OF_REQUESTS = "base:erasure-requests"
"""How the trail calls the list of requests to erase, when it is saved."""


@dataclass(frozen=True, slots=True)
class Look:
    """Somebody looked at a person's card, or took a list out on which the person may have been."""

    at: datetime
    who: str
    roles: list[Role]
    """In the course in which they looked, as they are now."""
    course: str
    people: int | None = None
    """How many people a list had; none: it was the person's own card."""


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest entries, and how many are kept."""

    total: int
    lines: list[Look]

    @property
    def has_more(self) -> bool:
        """Whether there are others."""
        return self.total > len(self.lines)


def newest(session: Session, viewer: Viewer, trail: Trail, count: int) -> Newest:
    """The newest `count` of what is kept."""
    total = _total(session, viewer, trail)
    return Newest(total, _read(session, viewer, trail, _query(viewer, trail).limit(count)) if total else [])


def page_of(session: Session, viewer: Viewer, trail: Trail, page: int) -> ListPage[Look]:
    """A page of what is kept, the newest first."""
    total = _total(session, viewer, trail)
    page, pages = place(total, page)
    return ListPage(_read(session, viewer, trail, part(_query(viewer, trail), page)), total, page, pages)


def everything(session: Session, viewer: Viewer, trail: Trail) -> Newest:
    """All that is kept, the newest first."""
    lines = _read(session, viewer, trail, _query(viewer, trail))
    return Newest(len(lines), lines)


def _total(session: Session, viewer: Viewer, trail: Trail) -> int:
    return session.scalar(select(func.count()).select_from(AuditEvent).where(*_conditions(viewer, trail))) or 0


def _query(viewer: Viewer, trail: Trail) -> Select[Any]:
    found = select(AuditEvent.at, AuditEvent.actor_id, AuditEvent.course_id, AuditEvent.details)
    return found.where(*_conditions(viewer, trail)).order_by(AuditEvent.id.desc())


def _conditions(viewer: Viewer, trail: Trail) -> list[ColumnElement[bool]]:
    found = [
        AuditEvent.platform_id == viewer.platform_id,
        AuditEvent.action.in_(ACTIONS[trail]),
        or_(AuditEvent.actor_id.is_(None), AuditEvent.actor_id != viewer.person_id),
    ]
    if trail is Trail.LOOKS:
        return [*found, AuditEvent.subject == looks.subject_of(viewer.person_id)]
    # Lists on which nobody of the viewer's kind stands, and one that is told of below.
    of_guests, of_members = ["base:guests"], ["base:students", "base:support", "base:mentees"]
    elsewhere = ["base:employers", OF_REQUESTS, *(of_members if Role.GUEST in viewer.roles else of_guests)]
    own_courses = select(Membership.course_id).where(Membership.person_id == viewer.person_id)
    of_course = and_(AuditEvent.course_id.in_(own_courses), AuditEvent.subject.not_in(elsewhere))
    # That list is the college's, of those who have asked.
    has_asked = exists().where(ErasureRequest.person_id == viewer.person_id)
    return [
        *found,
        or_(of_course, AuditEvent.subject == OF_TRIAL, and_(AuditEvent.subject == OF_REQUESTS, has_asked)),
        # On a list of nobody nobody was.
        AuditEvent.details["count"].as_integer() > 0,
    ]


def _read(session: Session, viewer: Viewer, trail: Trail, query: Select[Any]) -> list[Look]:
    events = session.execute(query).all()
    names, places = _actors(session, viewer, events)
    titles = _titles(session, events)
    return [
        Look(
            at=event.at,
            who=names.get(event.actor_id, ""),
            roles=_roles(places.get((event.actor_id, event.course_id))),
            course=titles.get(event.course_id, ""),
            people=int(event.details["count"]) if trail is Trail.LISTS else None,
        )
        for event in events
    ]


def _actors(
    session: Session, viewer: Viewer, events: Iterable[Row[Any]]
) -> tuple[dict[int, str], dict[tuple[int, int], Membership]]:
    actors = {event.actor_id for event in events}
    persons = session.scalars(select(Person).where(Person.id.in_(actors), Person.platform_id == viewer.platform_id))
    names = {person.id: person.name for person in persons}
    memberships = session.scalars(select(Membership).where(Membership.person_id.in_(names)))
    return names, {(one.person_id, one.course_id): one for one in memberships}


def _titles(session: Session, events: Iterable[Row[Any]]) -> dict[int, str]:
    ids = {event.course_id for event in events}
    return dict(session.execute(select(Course.id, Course.title).where(Course.id.in_(ids))).all())


def _roles(membership: Membership | None) -> list[Role]:
    if membership is None:
        # An administrator enters every course without being of it.
        return [Role.ADMIN]
    held = {Role(role) for role in membership.roles}
    return sorted(held | {Role.CURATOR} if membership.appointed else held)
