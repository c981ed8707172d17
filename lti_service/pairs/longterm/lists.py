"""The long-term base as a curator looks at it: a line a person, whatever the school year; and one person's years.

Of this college, and of those only who are or were in the course; pairs are those of the course, as everywhere. However
long the list is, it takes the same few queries.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from lti_service.lists import ListLook, ListPage, part, place
from lti_service.pairs import rules
from lti_service.pairs.models import Pair, PairMentee, PairState
from lti_service.people import lists as people_lists
from lti_service.people.models import Membership, Mentee, Mentor, MentorState, Person
from lti_service.people.names import search_key
from lti_service.people.training import service as training
from lti_service.people.training.rules import Standing
from lti_service.programme.models import Cycle, Form, MentorKind

SORTS = ("name", "years", "pairs", "last")
BY_THEMSELVES = (MentorState.SELECTED, MentorState.READY)
"""States of a year that make a mentor of somebody, even without a pair."""
EVER_ACTIVE = rules.FORMED | {PairState.ENDED_EARLY}
"""States of pairs that came to be."""


@dataclass(frozen=True, slots=True)
class Look(ListLook):
    """What a curator wants to see; every value may come from an address and be nonsense."""

    year: str = ""
    """The first calendar year of a school year."""
    kind: str = ""
    employer: str = ""
    """The id of an organisation."""
    form: str = ""
    """The code of a form of mentoring: forms of one code are one, whatever the year's programme."""


@dataclass(frozen=True, slots=True)
class Line:
    """One person of the base."""

    person: Person
    years: tuple[str, ...]
    """Titles of the school years in which they were a mentor, the newest first."""
    newest: Mentor
    """Their record of the newest of these years."""
    kinds: tuple[MentorKind, ...]
    """What they were in these years, each once."""
    pairs: int
    """Pairs of the course that came to be, of all years."""
    mentees: int
    """People in these pairs, each once."""
    training: Standing | None


@dataclass(frozen=True, slots=True)
class Listing(ListPage[Line]):
    """A page of the list, and what its filters offer."""

    years: list[Cycle] = field(default_factory=list)
    """The college's school years, the newest first."""


def list_all(session: Session, platform_id: int, course_id: int, look: Look, day: date) -> Listing:
    """A page of the long-term base."""
    found = _people(platform_id, course_id, look).subquery()
    total = session.scalar(select(func.count()).select_from(found)) or 0
    page, pages = place(total, look.page)
    ids = session.scalars(part(_ordered(platform_id, course_id, look), page)).all()
    return Listing(_lines(session, platform_id, course_id, ids, day), total, page, pages, years(session, platform_id))


def everybody(session: Session, platform_id: int, course_id: int, look: Look, day: date) -> list[Line]:
    """All whom a look shows, on whatever page, in its order."""
    ids = session.scalars(_ordered(platform_id, course_id, look)).all()
    return _lines(session, platform_id, course_id, ids, day)


def years(session: Session, platform_id: int) -> list[Cycle]:
    """The college's school years, the newest first."""
    return list(
        session.scalars(select(Cycle).where(Cycle.platform_id == platform_id).order_by(Cycle.start_year.desc()))
    )


def _was_mentor(course_id: int) -> ColumnElement[bool]:
    """Whether a record made a mentor of somebody: selected, or in a pair of the course, whatever came after."""
    led = select(Pair.id).where(Pair.mentor_id == Mentor.id, Pair.course_id == course_id, Pair.state.in_(EVER_ACTIVE))
    return or_(Mentor.state.in_(BY_THEMSELVES), led.exists())


def _people(platform_id: int, course_id: int, look: Look) -> Any:
    query = (
        select(Mentor.person_id, func.count(Mentor.id).label("years"), func.max(Cycle.start_year).label("last"))
        .join(Cycle, Cycle.id == Mentor.cycle_id)
        .join(Person, Person.id == Mentor.person_id)
        .where(
            Cycle.platform_id == platform_id,
            Mentor.person_id.in_(select(Membership.person_id).where(Membership.course_id == course_id)),
            _was_mentor(course_id),
        )
        .group_by(Mentor.person_id)
    )
    if look.year:
        query = query.where(Cycle.start_year == int(look.year))
    if look.kind:
        query = query.where(Mentor.kind == look.kind)
    if look.employer:
        query = query.where(Mentor.employer_id == int(look.employer))
    if look.form:
        of_year = select(Form.id).where(
            Form.code == look.form,
            Form.programme_id == Cycle.programme_id,
            Form.mentor_kind == Mentor.kind,
            people_lists.chose(Form.id),
        )
        query = query.where(of_year.exists())
    words = search_key(look.search).split()
    return query.where(*(Person.search_name.contains(word, autoescape=True) for word in words))


def _counts(course_id: int) -> Any:
    """Per person: pairs of the course that came to be, and people in them."""
    return (
        select(
            Mentor.person_id,
            func.count(Pair.id.distinct()).label("pairs"),
            func.count(PairMentee.mentee_id.distinct()).label("mentees"),
        )
        .join(Pair, Pair.mentor_id == Mentor.id)
        .join(PairMentee, PairMentee.pair_id == Pair.id)
        .where(Pair.course_id == course_id, Pair.state.in_(EVER_ACTIVE))
        .group_by(Mentor.person_id)
    )


def _ordered(platform_id: int, course_id: int, look: Look) -> Any:
    found = _people(platform_id, course_id, look).subquery()
    counts = _counts(course_id).subquery()
    query = (
        select(found.c.person_id)
        .join(Person, Person.id == found.c.person_id)
        .outerjoin(counts, counts.c.person_id == found.c.person_id)
    )
    columns = {"years": found.c.years, "last": found.c.last, "pairs": func.coalesce(counts.c.pairs, 0)}
    column = columns.get(look.sort)
    if column is None:
        return query.order_by(Person.search_name.desc() if look.descending else Person.search_name, Person.id)
    return query.order_by(column.desc() if look.descending else column, Person.search_name, Person.id)


def _lines(session: Session, platform_id: int, course_id: int, ids: Sequence[int], day: date) -> list[Line]:
    records = session.scalars(
        select(Mentor)
        .join(Cycle, Cycle.id == Mentor.cycle_id)
        .where(Mentor.person_id.in_(ids), Cycle.platform_id == platform_id, _was_mentor(course_id))
        .options(joinedload(Mentor.person), joinedload(Mentor.cycle), joinedload(Mentor.employer))
        .order_by(Cycle.start_year.desc())
    )
    of_person: dict[int, list[Mentor]] = {}
    for record in records:
        of_person.setdefault(record.person_id, []).append(record)
    counted = _counts(course_id).where(Mentor.person_id.in_(ids))
    counts = {person: (pairs, mentees) for person, pairs, mentees in session.execute(counted)}
    standings = training.standings(session, ids, day)
    lines = []
    for person_id in ids:
        own = of_person[person_id]
        pairs, mentees = counts.get(person_id, (0, 0))
        lines.append(
            Line(
                person=own[0].person,
                years=tuple(record.cycle.title for record in own),
                newest=own[0],
                kinds=tuple(dict.fromkeys(record.kind for record in own)),
                pairs=pairs,
                mentees=mentees,
                training=standings.get(person_id),
            )
        )
    return lines


# --- one person ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Year:
    """One school year of a mentor: their record, and their pairs of the course."""

    mentor: Mentor
    pairs: tuple[Pair, ...]
    """The newest first; those proposed, declined and cancelled as well."""

    @property
    def mentees(self) -> int:
        """People in pairs that came to be, each once."""
        return len({place.mentee_id for pair in self.pairs if pair.state in EVER_ACTIVE for place in pair.places})


def years_of(session: Session, platform_id: int, course_id: int, person_id: int) -> list[Year]:
    """Every school year of which there is a record of somebody as a mentor, the newest first."""
    records = session.scalars(
        select(Mentor)
        .join(Cycle, Cycle.id == Mentor.cycle_id)
        .where(Mentor.person_id == person_id, Cycle.platform_id == platform_id)
        .options(joinedload(Mentor.cycle), joinedload(Mentor.employer), joinedload(Mentor.person))
        .order_by(Cycle.start_year.desc())
    ).all()
    led = _pairs(session, course_id, [record.id for record in records])
    return [Year(record, tuple(pair for pair in led if pair.mentor_id == record.id)) for record in records]


def _pairs(session: Session, course_id: int, mentor_ids: Iterable[int]) -> list[Pair]:
    return list(
        session.scalars(
            select(Pair)
            .where(and_(Pair.mentor_id.in_(list(mentor_ids)), Pair.course_id == course_id))
            .options(joinedload(Pair.form), selectinload(Pair.places))
            .order_by(Pair.proposed_at.desc(), Pair.id.desc())
        )
    )


def mentees_of(session: Session, course_id: int, person_id: int) -> dict[int, set[int]]:
    """Whom somebody has mentored in the course, by school year: the cycle's id → person ids of the mentees."""
    rows = session.execute(
        select(Pair.cycle_id, Mentee.person_id)
        .join(Mentor, Mentor.id == Pair.mentor_id)
        .join(PairMentee, PairMentee.pair_id == Pair.id)
        .join(Mentee, Mentee.id == PairMentee.mentee_id)
        .where(Mentor.person_id == person_id, Pair.course_id == course_id, Pair.state.in_(EVER_ACTIVE))
        .distinct()
    )
    found: dict[int, set[int]] = {}
    for cycle_id, mentee in rows:
        found.setdefault(cycle_id, set()).add(mentee)
    return found
