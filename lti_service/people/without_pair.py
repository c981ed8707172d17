"""The list of mentees without a pair as a curator looks after them: the last talk with each, and when to look again.

However long it is, it takes the same few queries. What was agreed is on each one's page, and in no list.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Date, and_, case, func, literal, select
from sqlalchemy.orm import Session

from lti_service.lists import PAGE, By, ListLook, ListPage, Stretch, in_parts, place
from lti_service.people.lists import groups_of, is_in_group
from lti_service.people.models import Membership, Mentee, MenteeState, Person, Support
from lti_service.people.names import search_key
from lti_service.people.rules import Wait
from lti_service.people.support import is_due, newest_talk

SORTS = ("next", "name", "group", "talked")
_NEVER = date(9999, 12, 31)
"""When somebody is looked at again with whom that was not thought needed, for sorting."""


@dataclass(frozen=True, slots=True)
class Look(ListLook):
    """What a curator wants to see of the list; every value may come from an address and be nonsense."""

    sort: str = "next"
    due: str = ""
    """A value of `Wait`."""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A mentee without a pair, and the last talk with them."""

    person: Person
    groups: str
    talk: Support | None
    is_due: bool


@dataclass(frozen=True, slots=True)
class Listing(ListPage[Line]):
    """A page of the list, and what its filters offer."""

    counts: Counter[str]
    """Value of `Wait` → people who pass the other filters."""
    everyone: int
    """People who pass the other filters."""
    groups: list[str] = field(default_factory=list)


def list_supported(session: Session, cycle_id: int, course_id: int, day: date, look: Look) -> Listing:
    """A page of those without a pair who are in the course."""
    counts: Any = select(func.count(), func.count().filter(is_due(day)), func.count().filter(Support.id.is_(None)))
    everyone, due, untold = session.execute(_here(counts, cycle_id, course_id, look)).one()
    found = Counter({Wait.DUE.value: due, Wait.UNTOLD.value: untold})
    total = found[look.due] if look.due else everyone
    page, pages = place(total, look.page)
    stretch = Stretch(total, PAGE, (page - 1) * PAGE)
    shown = _shown(select(Mentee.person_id), cycle_id, course_id, day, look)
    ids = stretch.sorted_of(session, shown, _order(look))
    lines = _read(session, course_id, day, ids)
    return Listing(lines, total, page, pages, found, everyone, groups_of(session, course_id))


def all_supported(session: Session, cycle_id: int, course_id: int, day: date, look: Look) -> list[Line]:
    """Everybody whom a look shows, on whatever page, in its order."""
    shown = _shown(select(Mentee.person_id), cycle_id, course_id, day, look)
    ids = session.scalars(shown.order_by(*(one.expression() for one in _order(look)))).all()
    return _read(session, course_id, day, ids)


def _here(query: Any, cycle_id: int, course_id: int, look: Look) -> Any:
    """The query over those without a pair, with the last talk of each, narrowed by all but who is due."""
    words = search_key(look.search).split()
    query = (
        query.select_from(Mentee)
        .join(Person, Person.id == Mentee.person_id)
        .join(Membership, and_(Membership.person_id == Mentee.person_id, Membership.course_id == course_id))
        .outerjoin(Support, Support.id == newest_talk(Mentee.person_id))
        .where(
            Mentee.cycle_id == cycle_id,
            Mentee.state == MenteeState.UNPAIRED,
            Membership.active,
            *(Person.search_name.contains(word, autoescape=True) for word in words),
        )
    )
    return query.where(is_in_group(look.group)) if look.group else query


def _shown(query: Any, cycle_id: int, course_id: int, day: date, look: Look) -> Any:
    query = _here(query, cycle_id, course_id, look)
    wanted: dict[str, ColumnElement[bool]] = {Wait.DUE: is_due(day), Wait.UNTOLD: Support.id.is_(None)}
    return query.where(wanted[look.due]) if look.due in wanted else query


def _order(look: Look) -> list[By]:
    """Those with whom nobody has talked stand where the longest waiting stand."""
    never = case((Support.id.is_(None), literal(date.min, Date)), else_=literal(_NEVER, Date))
    columns: dict[str, Any] = {
        "next": func.coalesce(Support.next_look, never),
        "group": Membership.groups,
        "talked": func.coalesce(Support.day, literal(date.min, Date)),
    }
    by_name = [By(Person.search_name), By(Person.id)]
    chosen = columns.get(look.sort)
    if chosen is None:
        return [By(Person.search_name, look.descending), By(Person.id)]
    return [By(chosen, look.descending), *by_name]


def _read(session: Session, course_id: int, day: date, ids: Iterable[int]) -> list[Line]:
    wanted = list(ids)
    query = (
        select(Person, Membership.groups, Support, is_due(day))
        .join(Membership, and_(Membership.person_id == Person.id, Membership.course_id == course_id))
        .outerjoin(Support, Support.id == newest_talk(Person.id))
    )
    found: dict[int, Line] = {}
    for some in in_parts(wanted):
        for person, groups, talk, waits in session.execute(query.where(Person.id.in_(some))):
            found[person.id] = Line(person, groups, talk, waits)
    return [found[person_id] for person_id in wanted if person_id in found]
