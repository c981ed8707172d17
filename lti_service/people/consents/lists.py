"""The list of a course's people by how they stand with their consents: filtered, searched, sorted, in pages.

However long it is, it takes the same few queries.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from lti_service.lists import ListLook, ListPage, part, place
from lti_service.people import rules
from lti_service.people.consents import rules as consent_rules
from lti_service.people.consents import service as consents
from lti_service.people.consents.service import EXACT, GRANTED, Stand, Standing, Stands
from lti_service.people.lists import Everyone, groups_of, is_in_group
from lti_service.people.models import Membership, Mentee, Mentor, MentorState, Person
from lti_service.people.names import search_key

SORTS = ("name", "group", "standing")


class Who(StrEnum):
    """Which people of a course; none of these: everybody in it."""

    TAKING_PART = "taking-part"
    NEEDING = "needing"
    MENTORS = "mentors"


@dataclass(frozen=True, slots=True)
class Look(ListLook):
    """What a curator wants to see of the list; every value may come from an address and be nonsense."""

    who: str = ""
    standing: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One person of the list."""

    person: Person
    groups: str
    stand: Stand
    is_minor: bool | None
    """None: the birth date is not known."""


@dataclass(frozen=True, slots=True)
class Listing(ListPage[Line]):
    """A page of the list, and what its filters offer."""

    counts: Counter[str]
    """Value of `Stands` → people who pass the other filters."""
    everyone: int
    """People who pass the other filters, however they stand."""
    groups: list[str] = field(default_factory=list)
    """All groups of the course."""


def list_people(
    session: Session, platform_id: int, course_id: int, cycle_id: int | None, day: date, look: Look
) -> Listing:
    """A page of the course's people as a look shows them; `cycle_id` is that of the school year when there is one."""
    best = consents.best_of_each(platform_id, day)
    standing = func.coalesce(best.c.standing, int(Standing.NONE))
    minor = consents.is_under_age(day)
    counted = _people(select(standing, minor, func.count()), course_id, cycle_id, look)
    counts: Counter[str] = Counter()
    everyone = 0
    names = {value: stands for stands, value in EXACT.items()}
    rows = session.execute(counted.outerjoin(best, best.c.person_id == Person.id).group_by(standing, minor))
    for value, under_age, count in rows:
        everyone += count
        counts[names[Standing(value)]] += count
        if value < GRANTED:
            counts[Stands.MISSING] += count
            counts[Stands.MINOR] += count if under_age else 0
    total = counts[look.standing] if look.standing else everyone
    page, pages = place(total, look.page)
    # Rows are read whole for the page shown alone.
    shown = session.scalars(part(_ordered(select(Person.id), platform_id, course_id, cycle_id, day, look), page)).all()
    people = named(session, course_id, shown)
    lines = _with_stands(session, [people[person_id] for person_id in shown if person_id in people], day)
    return Listing(lines, total, page, pages, counts, everyone, groups_of(session, course_id))


def all_people(
    session: Session, platform_id: int, course_id: int, cycle_id: int | None, day: date, look: Look
) -> list[Line]:
    """Everybody whom a look shows, on whatever page, in its order."""
    query = _ordered(select(Person, Membership.groups), platform_id, course_id, cycle_id, day, look)
    return _with_stands(session, [(person, groups) for person, groups in session.execute(query)], day)


@dataclass(frozen=True)
class Lacking:
    """Those whom a look shows and who have no consent that counts."""

    is_minor: dict[int, bool | None]
    """Of each by person id, in the look's order; None: the birth date is not known."""

    @cached_property
    def adults(self) -> list[int]:
        """Those of age."""
        return [person_id for person_id, minor in self.is_minor.items() if minor is False]

    @cached_property
    def minors(self) -> list[int]:
        """Those under 18."""
        return [person_id for person_id, minor in self.is_minor.items() if minor]

    @cached_property
    def unknown(self) -> list[int]:
        """Those of whose age nobody knows."""
        return [person_id for person_id, minor in self.is_minor.items() if minor is None]

    @property
    def grown(self) -> Everyone:
        """Those whom one button may record, to be known again when it is pressed."""
        return Everyone(tuple(sorted((*self.adults, *self.unknown))))


def lacking(session: Session, platform_id: int, course_id: int, cycle_id: int | None, day: date, look: Look) -> Lacking:
    """Those of a look, on whatever page, who have no consent that counts; nobody's record is read for it."""
    query = _ordered(select(Person.id, Person.birth_date), platform_id, course_id, cycle_id, day, look)
    found = session.execute(query.where(~consents.valid_for(day)))
    return Lacking({person_id: consent_rules.is_minor(born, day) for person_id, born in found})


def named(session: Session, course_id: int, person_ids: Iterable[int]) -> dict[int, tuple[Person, str]]:
    """Some people of a course with their groups in it, by id; who is no longer there is left out."""
    query = _people(select(Person, Membership.groups), course_id, None, Look())
    found = session.execute(query.where(Person.id.in_(person_ids)))
    return {person.id: (person, groups) for person, groups in found}


@dataclass(frozen=True, slots=True)
class Lack:
    """How many of those who take part have no consent that counts."""

    lacking: int
    taking_part: int


def lack(session: Session, course_id: int, cycle_id: int, day: date) -> Lack:
    """The number for the curator's home page: exactly those whom the list shows for it."""
    numbers = select(func.count().filter(~consents.valid_for(day)), func.count())
    lacking, whole = session.execute(_people(numbers, course_id, cycle_id, Look(who=Who.TAKING_PART))).one()
    return Lack(lacking, whole)


def _people(query: Any, course_id: int, cycle_id: int | None, look: Look) -> Any:
    query = (
        query.select_from(Membership)
        .join(Person, Person.id == Membership.person_id)
        # Of whom data were erased nobody asks a consent.
        .where(Membership.course_id == course_id, Membership.active, Person.erased_at.is_(None))
        .where(*(Person.search_name.contains(word, autoescape=True) for word in search_key(look.search).split()))
    )
    if look.group:
        query = query.where(is_in_group(look.group))
    if look.who:
        query = query.where(_takes_part(Who(look.who), cycle_id))
    return query


def _takes_part(who: Who, cycle_id: int | None) -> ColumnElement[bool]:
    needing = Person.id.in_(
        select(Mentee.person_id).where(Mentee.cycle_id == cycle_id, Mentee.state.in_(rules.NEEDING))
    )
    mentors = Person.id.in_(
        select(Mentor.person_id).where(Mentor.cycle_id == cycle_id, Mentor.state == MentorState.READY)
    )
    return {Who.NEEDING: needing, Who.MENTORS: mentors, Who.TAKING_PART: or_(needing, mentors)}[who]


def _ordered(query: Any, platform_id: int, course_id: int, cycle_id: int | None, day: date, look: Look) -> Any:
    query = _people(query, course_id, cycle_id, look)
    if look.standing:
        query = query.where(consents.stands_so(Stands(look.standing), day))
    chosen: Any = Membership.groups if look.sort == "group" else None
    if look.sort == "standing":
        best = consents.best_of_each(platform_id, day)
        query = query.outerjoin(best, best.c.person_id == Person.id)
        chosen = func.coalesce(best.c.standing, int(Standing.NONE))
    by_name = Person.search_name
    if chosen is None:
        return query.order_by(by_name.desc() if look.descending else by_name, Person.id)
    return query.order_by(chosen.desc() if look.descending else chosen, by_name, Person.id)


def _with_stands(session: Session, people: Sequence[tuple[Person, str]], day: date) -> list[Line]:
    stands = consents.stands(session, [person.id for person, _groups in people], day)
    return [
        Line(person, groups, stands[person.id], consent_rules.is_minor(person.birth_date, day))
        for person, groups in people
    ]
