"""The list of people from outside as a curator looks at it: filtered, searched, sorted, in pages, counted by standing.

However long it is, it takes the same few queries.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, select
from sqlalchemy.orm import Session

from lti_service.access import Viewer
from lti_service.db import now
from lti_service.lists import ListLook, ListPage, part, place
from lti_service.people.employers.models import Employer
from lti_service.people.guests import rules
from lti_service.people.guests.invitations import last_day, standing_of
from lti_service.people.guests.models import GuestAccess
from lti_service.people.guests.rules import AccessState, Standing
from lti_service.people.models import Membership, Mentor, Person
from lti_service.people.names import search_key
from lti_service.programme import service as programme

SORTS = ("name", "access", "until", "seen", "views")


@dataclass(frozen=True, slots=True)
class Look(ListLook):
    """What a curator wants to see of the list; every value may come from an address and be nonsense."""

    state: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """Somebody from outside with how their access stands."""

    person: Person
    access: GuestAccess | None
    standing: Standing
    until: date | None
    organisation: str
    active: bool


@dataclass(frozen=True, slots=True)
class Listing(ListPage[Line]):
    """A page of the list, and what its filter offers."""

    counts: Counter[str]

    @property
    def everyone(self) -> int:
        """People whom the search finds, however their access stands."""
        return self.counts.total()


def list_guests(session: Session, viewer: Viewer, day: date, look: Look) -> Listing:
    """A page of everybody of the course who has no Moodle account."""
    base = _everybody(viewer, look).subquery()
    counted = session.execute(select(base.c.standing, func.count()).group_by(base.c.standing))
    counts: Counter[str] = Counter(dict(counted.all()))
    total = counts[look.state] if look.state else counts.total()
    page, pages = place(total, look.page)
    lines = _read(session, viewer, part(_lines(session, viewer, day, look), page))
    return Listing(lines, total, page, pages, counts)


def all_guests(session: Session, viewer: Viewer, day: date, look: Look) -> list[Line]:
    """All whom a look shows, on whatever page, in its order."""
    return _read(session, viewer, _lines(session, viewer, day, look))


def _everybody(viewer: Viewer, look: Look) -> Any:
    """Ids and standings of those whom the search finds."""
    words = search_key(look.search).split()
    return (
        select(Person.id.label("person_id"), _standing(now()).label("standing"))
        .join(Membership, Membership.person_id == Person.id)
        .outerjoin(GuestAccess, _access_to(viewer.course_id))
        .where(
            Membership.course_id == viewer.course_id,
            Person.moodle_id.is_(None),
            Person.erased_at.is_(None),
            *(Person.search_name.contains(word, autoescape=True) for word in words),
        )
    )


def _access_to(course_id: int) -> ColumnElement[bool]:
    return and_(GuestAccess.person_id == Person.id, GuestAccess.course_id == course_id)


def _lines(session: Session, viewer: Viewer, day: date, look: Look) -> Any:
    base = _everybody(viewer, look).subquery()
    cycle = programme.find_cycle(session, viewer.platform_id, day)
    query = (
        select(Person, GuestAccess, Membership.active, Employer, Mentor.organisation)
        .join(base, base.c.person_id == Person.id)
        .join(Membership, and_(Membership.person_id == Person.id, Membership.course_id == viewer.course_id))
        .outerjoin(GuestAccess, _access_to(viewer.course_id))
        .outerjoin(Mentor, and_(Mentor.person_id == Person.id, Mentor.cycle_id == (cycle.id if cycle else 0)))
        .outerjoin(Employer, Employer.id == Mentor.employer_id)
    )
    if look.state:
        query = query.where(base.c.standing == look.state)
    by_standing = case({one.value: place for place, one in enumerate(Standing)}, value=base.c.standing)
    columns: dict[str, Any] = {
        "access": by_standing,
        "until": GuestAccess.expires_at,
        "seen": GuestAccess.last_seen_at,
        "views": func.coalesce(GuestAccess.views, 0),
    }
    by_name, chosen = Person.search_name, columns.get(look.sort)
    if chosen is None:
        return query.order_by(by_name.desc() if look.descending else by_name, Person.id)
    # Who has none comes before all others: of these the two databases think differently.
    order = [case((chosen.is_(None), 0), else_=1), chosen]
    return query.order_by(*(one.desc() if look.descending else one for one in order), by_name, Person.id)


def _read(session: Session, viewer: Viewer, query: Any) -> list[Line]:
    return [
        Line(
            person=person,
            access=access,
            standing=standing_of(access),
            until=last_day(access, viewer.time_zone) if access else None,
            organisation=employer.shown_name if employer else organisation or "",
            active=active,
        )
        for person, access, active, employer, organisation in session.execute(query)
    ]


def _standing(moment: datetime) -> ColumnElement[str]:
    """`rules.standing` for the database."""
    return case(
        (GuestAccess.id.is_(None), literal(Standing.NONE.value)),
        (GuestAccess.state == AccessState.WITHDRAWN, literal(Standing.WITHDRAWN.value)),
        (GuestAccess.expires_at <= moment, literal(Standing.EXPIRED.value)),
        (GuestAccess.failures >= rules.MOST_FAILURES, literal(Standing.LOCKED.value)),
        (
            and_(GuestAccess.state == AccessState.INVITED, GuestAccess.code_until <= moment),
            literal(Standing.CODE_EXPIRED.value),
        ),
        (GuestAccess.state == AccessState.INVITED, literal(Standing.INVITED.value)),
        else_=literal(Standing.OPEN.value),
    )


def line_of(session: Session, viewer: Viewer, person_id: int) -> Line | None:
    """How the access of one person of the course stands; None: they have a Moodle account, and no access,
    or their data were erased."""
    found = session.execute(
        select(Person, GuestAccess, Membership.active)
        .join(Membership, and_(Membership.person_id == Person.id, Membership.course_id == viewer.course_id))
        .outerjoin(GuestAccess, _access_to(viewer.course_id))
        .where(Person.id == person_id, Person.moodle_id.is_(None), Person.erased_at.is_(None))
    ).first()
    if found is None:
        return None
    person, access, active = found
    until = last_day(access, viewer.time_zone) if access else None
    return Line(person, access, standing_of(access), until, "", active)
