"""The board of a course: the numbers that matter, and the columns from «needs a mentor» to «finished»."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, FromClause, Select, and_, false, func, literal, or_, select, true, union_all
from sqlalchemy.orm import Session, aliased, contains_eager, joinedload

from lti_service.lists import By, Stretch, values_of
from lti_service.pairs import cards, rules
from lti_service.pairs.cards import PairCard, PersonLine
from lti_service.pairs.models import Pair, PairMentee, PairState
from lti_service.pairs.work import rules as work_rules
from lti_service.pairs.work.rules import Looking
from lti_service.people.consents import service as consents
from lti_service.people.lists import PEOPLE, among, by_name, is_in_group, is_read_off
from lti_service.people.models import Membership, Mentee, Mentor, Person
from lti_service.people.names import search_key
from lti_service.people.rules import NEEDING, SEEKING, split_groups
from lti_service.programme import service as programme
from lti_service.programme.models import Cycle, Form

Q = TypeVar("Q", bound=Select[*tuple[Any, ...]])

AT_FIRST = 8
"""Cards of a column on the whole board; the rest is one click away."""
PAGE = 50
"""Cards on a page of one column."""


class Column(StrEnum):
    """A column of the board; the last three are lists of their own, reached by a link."""

    NEEDS = "needs"
    PROPOSED = "proposed"
    AGREED = "agreed"
    ACTIVE = "active"
    FINISHED = "finished"
    FORMED = "formed"
    CLOSED = "closed"
    NO_CONSENT = "no-consent"
    """Open pairs in which somebody's consent does not count: the curator decides whether they go on."""


STATES: dict[Column, frozenset[PairState]] = {
    Column.PROPOSED: frozenset({PairState.PROPOSED}),
    Column.AGREED: frozenset({PairState.AGREED}),
    Column.ACTIVE: frozenset({PairState.ACTIVE}),
    Column.FINISHED: frozenset({PairState.FINISHED}),
    Column.FORMED: rules.FORMED,
    Column.CLOSED: frozenset({PairState.ENDED_EARLY, PairState.DECLINED, PairState.CANCELLED}),
    Column.NO_CONSENT: rules.OPEN,
}
NEWEST_FIRST = frozenset({Column.FINISHED, Column.FORMED, Column.CLOSED})
"""In the others the longest waiting comes first: it wants looking at."""
FOR_CURATORS = frozenset({Column.NEEDS, Column.NO_CONSENT})
ON_BOARD = (Column.NEEDS, Column.PROPOSED, Column.AGREED, Column.ACTIVE, Column.FINISHED)


@dataclass(frozen=True, slots=True)
class Filters:
    """What of the board is looked at; empty: all of it."""

    form_id: int | None = None
    group: str = ""
    department: str = ""
    name: str = ""

    @property
    def is_set(self) -> bool:
        """Whether anything is left out."""
        return self != Filters()

    @property
    def about_person(self) -> bool:
        """Whether anything is asked of the person themselves."""
        return bool(self.department or self.name)


@dataclass(frozen=True, slots=True)
class NeedCard:
    """Somebody who needs a mentor."""

    mentee_id: int
    person: PersonLine
    wanted_form: str
    """Empty: no wish."""
    has_consent: bool
    """Without it they cannot be proposed."""


@dataclass(frozen=True, slots=True)
class BoardColumn:
    """A column with the cards that are shown and the number there are."""

    column: Column
    total: int
    needs: list[NeedCard] = field(default_factory=list)
    pairs: list[PairCard] = field(default_factory=list)

    @property
    def shown(self) -> int:
        """How many cards are shown."""
        return len(self.needs) + len(self.pairs)


@dataclass(frozen=True, slots=True)
class Choices:
    """What the board can be filtered by."""

    forms: list[Form]
    groups: list[str]
    departments: list[str]
    cycles: list[Cycle]
    """The platform's school years, the newest first."""


@dataclass(frozen=True, slots=True)
class Board:
    """The board, or one column of it page by page."""

    cycle: Cycle | None
    """None: no school year has been opened yet."""
    columns: list[BoardColumn]
    closed: int
    """Pairs that were declined, cancelled or ended early."""
    lacking: int
    """Open pairs in which somebody has no consent; told to curators only."""
    page: int
    pages: int
    choices: Choices
    numbers: "Numbers | None" = None
    """Of the whole course, whatever the filters; for those who decide who gets a mentor."""


def look(
    session: Session,
    *,
    platform_id: int,
    course_id: int,
    moment: datetime,
    looking: Looking,
    filters: Filters,
    column: Column | None = None,
    page: int = 1,
    year: int | None = None,
) -> Board:
    """The board of a course in the school year of `moment` (or that of `year`), in a fixed number of queries.

    With `column` only that one, PAGE cards a page. Who gets a mentor is for curators, who decide it; how far those
    who work have come is on everybody's. `moment` is now, in the college's time zone.
    """
    day, is_curator = moment.date(), looking.is_curator
    cycles = list(
        session.scalars(select(Cycle).where(Cycle.platform_id == platform_id).order_by(Cycle.start_year.desc()))
    )
    wanted_year = programme.school_year(day) if year is None else year
    cycle = next((cycle for cycle in cycles if cycle.start_year == wanted_year), None)
    if cycle is None:
        return Board(None, [], 0, 0, 1, 1, Choices([], [], [], cycles))
    wanted = list(ON_BOARD) if column is None else [column]
    wanted = [one for one in wanted if is_curator or one not in FOR_CURATORS]
    counts = _counts(session, cycle, course_id, filters, day if is_curator else None)
    totals = {one: sum(counts[state].shown for state in states if state in counts) for one, states in STATES.items()}
    totals[Column.NO_CONSENT] = sum(count.shown_lacking for count in counts.values())
    numbers = _numbers(session, cycle, course_id, day, counts) if is_curator else None
    if numbers is not None and Column.NEEDS in wanted:
        needing = _needing(session, cycle, course_id, filters) if filters.is_set else numbers.unpaired
        totals[Column.NEEDS] = needing
    pages = max(1, -(-totals[column] // PAGE)) if column in wanted else 1
    page = min(max(1, page), pages)
    limit, offset = (AT_FIRST, 0) if column is None else (PAGE, PAGE * (page - 1))
    filled = [one for one in wanted if one is not Column.NEEDS and totals[one]]
    ids = _pair_ids(session, cycle, course_id, filters, filled, day, limit, offset)
    wanted_ids = [pair_id for some in ids.values() for pair_id in some]
    found = cards.load_with_work(session, wanted_ids, moment, looking, work_rules.WORKING)
    loaded = {card.id: card for card in found}
    columns = []
    for one in wanted:
        if one is Column.NEEDS:
            stretch = Stretch(totals[one], limit, offset)
            needs = _need_cards(session, cycle, course_id, filters, day, stretch) if totals[one] else []
            columns.append(BoardColumn(one, totals[one], needs=needs))
        else:
            columns.append(BoardColumn(one, totals[one], pairs=[loaded[pair_id] for pair_id in ids.get(one, [])]))
    choices = _choices(session, cycle, course_id, cycles)
    return Board(cycle, columns, totals[Column.CLOSED], totals[Column.NO_CONSENT], page, pages, choices, numbers)


@dataclass(frozen=True, slots=True)
class Count:
    """How many pairs of a course are in one state."""

    pairs: int
    since: datetime
    """The longest ago that one of them was proposed."""
    lacking: int
    """Those of them, if they are open, in which somebody has no consent."""
    shown: int
    """Those of them whom the filters show."""
    shown_lacking: int


Counts = dict[PairState, Count]


def _asked(cycle: Cycle, course_id: int, filters: Filters, day: date | None) -> FromClause:
    """The pairs of the course, each asked once whether the filters show it and, with a `day`, whether consents lack.

    Asking is what the board spends most of its time on, and a database that is free to merge this with the query
    around it asks again for each number and each column.
    """
    lacks = and_(Pair.state.in_(rules.OPEN), somebody_lacks_consent(day, cycle)) if day is not None else false()
    passes = and_(true(), *_passes(cycle, course_id, filters))
    since = func.coalesce(Pair.ended_at, Pair.started_at, Pair.answered_at, Pair.proposed_at)
    asked = select(
        Pair.id, Pair.state, Pair.proposed_at, since.label("since"), lacks.label("lacks"), passes.label("passes")
    )
    here = asked.where(Pair.course_id == course_id, Pair.cycle_id == cycle.id)
    return here.cte("asked").prefix_with("MATERIALIZED")


def _counts(session: Session, cycle: Cycle, course_id: int, filters: Filters, day: date | None) -> Counts:
    """The pairs of the course by state and those of them whom the filters show; consents are asked about on a `day`."""
    asked = _asked(cycle, course_id, filters, day).c
    numbers = (
        func.count(),
        func.min(asked.proposed_at),
        func.count().filter(asked.lacks),
        func.count().filter(asked.passes),
        func.count().filter(asked.passes, asked.lacks),
    )
    found = session.execute(select(asked.state, *numbers).group_by(asked.state)).all()
    return {state: Count(*counted) for state, *counted in found}


def _pair_ids(
    session: Session,
    cycle: Cycle,
    course_id: int,
    filters: Filters,
    columns: Sequence[Column],
    day: date,
    limit: int,
    offset: int,
) -> dict[Column, list[int]]:
    """The pairs that are shown of each of these columns, in their order; all in one query."""
    ids: dict[Column, list[int]] = {column: [] for column in columns}
    if not columns:
        return ids
    asked = _asked(cycle, course_id, filters, day if Column.NO_CONSENT in columns else None).c
    parts = []
    for column in columns:
        lacking = [asked.lacks] if column is Column.NO_CONSENT else []
        part = select(literal(column.value).label("column"), asked.id, asked.since)
        part = part.where(asked.passes, asked.state.in_(STATES[column]), *lacking)
        order = asked.since.desc() if column in NEWEST_FIRST else asked.since
        parts.append(select(part.order_by(order, asked.id).limit(limit).offset(offset).subquery()))
    # Of a union no order is promised.
    found = sorted(session.execute(union_all(*parts)).all(), key=lambda row: row.id)
    for column, shown in ids.items():
        rows = [row for row in found if row.column == column]
        rows.sort(key=lambda row: row.since, reverse=column in NEWEST_FIRST)
        shown.extend(row.id for row in rows)
    return ids


def somebody_lacks_consent(day: date, cycle: Cycle) -> ColumnElement[bool]:
    """Whether the mentor of a pair of the cycle, or a mentee of it, has no consent that counts on the day."""
    leader, led = aliased(Person), aliased(Person)
    # Mentors have several pairs: each of them is asked about once.
    mentors = (
        select(Mentor.id)
        .join(leader, leader.id == Mentor.person_id)
        .where(Mentor.cycle_id == cycle.id, ~consents.valid_for(day, leader))
    )
    mentee = (
        select(PairMentee.id)
        .join(Mentee, Mentee.id == PairMentee.mentee_id)
        .join(led, led.id == Mentee.person_id)
        .where(PairMentee.pair_id == Pair.id, ~consents.valid_for(day, led))
    )
    return or_(Pair.mentor_id.in_(mentors), mentee.exists())


def _passes(cycle: Cycle, course_id: int, filters: Filters) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if filters.form_id is not None:
        where.append(Pair.form_id == filters.form_id)
    # Asked of one pair of the course after the other, so that pairs of other years and courses cost nothing.
    mentees = select(PairMentee.id).join(Mentee, Mentee.id == PairMentee.mentee_id)
    mentees = mentees.where(PairMentee.pair_id == Pair.id)
    persons = mentees.join(Person, Person.id == Mentee.person_id)
    if filters.group:
        membership = and_(Membership.person_id == Mentee.person_id, Membership.course_id == course_id)
        where.append(mentees.join(Membership, membership).where(is_in_group(filters.group)).exists())
    if filters.department:
        where.append(persons.where(in_department(filters.department, cycle)).exists())
    if filters.name:
        named = is_named(filters.name)
        mentors = (
            select(Mentor.id).join(Person, Person.id == Mentor.person_id).where(Mentor.cycle_id == cycle.id, named)
        )
        where.append(or_(Pair.mentor_id.in_(mentors), persons.where(named).exists()))
    return where


def is_named(name: str) -> ColumnElement[bool]:
    """Every word typed is a part of the person's name."""
    return and_(True, *(Person.search_name.contains(word, autoescape=True) for word in search_key(name).split()))


def in_department(department: str, cycle: Cycle) -> ColumnElement[bool]:
    """The person is of this department of the cycle's platform, by which an index finds them."""
    return and_(Person.platform_id == cycle.platform_id, Person.department == department)


def mentees_here(query: Q, course_id: int, *, with_person: bool = True) -> Q:
    """The query over mentees who are active members of the course, with their membership and perhaps their person."""
    query = query.select_from(Mentee)
    if with_person:
        query = query.join(Person, Person.id == Mentee.person_id)
    here = and_(Membership.person_id == Mentee.person_id, Membership.course_id == course_id)
    return query.join(Membership, here).where(Membership.active)


def _needs_where(cycle: Cycle, filters: Filters) -> list[ColumnElement[bool]]:
    return [*_seeks(cycle, filters), *person_where(cycle, filters)]


def _seeks(cycle: Cycle, filters: Filters) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [Mentee.cycle_id == cycle.id, Mentee.state.in_(SEEKING)]
    if filters.form_id is not None:
        # Who has no wish may be given any form that is meant for them.
        kind = select(Form.mentee_kind).where(Form.id == filters.form_id).scalar_subquery()
        where.append(
            or_(
                Mentee.wanted_form_id == filters.form_id,
                and_(Mentee.wanted_form_id.is_(None), Mentee.kind == kind),
            )
        )
    return where


def person_where(cycle: Cycle, filters: Filters) -> list[ColumnElement[bool]]:
    """The filters that ask about a person of the course and their membership."""
    where: list[ColumnElement[bool]] = []
    if filters.group:
        where.append(is_in_group(filters.group))
    if filters.department:
        where.append(in_department(filters.department, cycle))
    if filters.name:
        where.append(is_named(filters.name))
    return where


def _needing(session: Session, cycle: Cycle, course_id: int, filters: Filters) -> int:
    """How many need a mentor among those whom the filters show."""
    needing = mentees_here(select(func.count(Mentee.id)), course_id, with_person=filters.about_person)
    return session.scalar(needing.where(*_needs_where(cycle, filters))) or 0


def _need_cards(
    session: Session, cycle: Cycle, course_id: int, filters: Filters, day: date, stretch: Stretch
) -> list[NeedCard]:
    # Rows are read whole for the cards shown alone, with outer joins so that no database begins with the whole course.
    order = (By(Person.search_name), By(Person.id))
    people = session.scalar(select(PEOPLE)) or 0
    if is_read_off(stretch, people):
        in_group = [is_in_group(filters.group)] if filters.group else []
        seeking = mentees_here(select(Mentee.id), course_id, with_person=False).where(
            *_seeks(cycle, filters), *in_group
        )
        here = seeking.where(Mentee.person_id == Person.id).correlate(Person).exists()
        named = replace(filters, group="")
        ids = stretch.of(session, by_name(cycle.platform_id, here).where(*person_where(cycle, named)), order)
    else:
        sorting = mentees_here(select(Mentee.person_id), course_id).where(*_needs_where(cycle, filters))
        ids = stretch.sorted_of(session, sorting, order)
    found = session.execute(
        select(Mentee, Membership.groups)
        .outerjoin(Mentee.person)
        .outerjoin(Membership, and_(Membership.person_id == Mentee.person_id, Membership.course_id == course_id))
        .where(Mentee.cycle_id == cycle.id, Mentee.person_id.in_(ids))
        .options(contains_eager(Mentee.person), joinedload(Mentee.wanted_form))
    ).all()
    rows = sorted(found, key=lambda row: ids.index(row.Mentee.person_id))
    consenting = consents.consenting(session, [mentee.person_id for mentee, _groups in rows], day)
    return [
        NeedCard(
            mentee_id=mentee.id,
            person=cards.line(mentee.person, course_id, {(course_id, mentee.person_id): groups}, request=mentee.asking),
            wanted_form=mentee.wanted_form.title if mentee.wanted_form else "",
            has_consent=mentee.person_id in consenting,
        )
        for mentee, groups in rows
    ]


def _choices(session: Session, cycle: Cycle, course_id: int, cycles: list[Cycle]) -> Choices:
    forms = list(session.scalars(select(Form).where(Form.programme_id == cycle.programme_id).order_by(Form.position)))
    groups, departments = people_choices(session, cycle, course_id)
    return Choices(forms, groups, departments, cycles)


def people_choices(session: Session, cycle: Cycle, course_id: int) -> tuple[list[str], list[str]]:
    """Groups and departments that mentees of the course are in, sorted."""
    joined = values_of(Membership.groups, Membership.course_id == course_id)
    here = mentees_here(select(Mentee.person_id), course_id, with_person=False).where(Mentee.cycle_id == cycle.id)
    of_mentee = here.where(Membership.groups == joined.selected_columns.value).limit(1).scalar_subquery()
    rows = session.scalars(joined.where(of_mentee.is_not(None)))
    groups = {group for names in rows for group in split_groups(names)}
    return sorted(groups), sorted(session.scalars(among(Person.department, cycle.platform_id, here)))


# --- the numbers that matter --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a curator looks at first."""

    needing: int
    """People of the course who need or have a mentor."""
    formed: int
    """Those of them whose pair was formed."""
    unpaired: int
    """Those of them for whom nobody has been proposed."""
    waiting: int
    """Pairs of the course that wait for the mentor's answer."""
    waiting_since: datetime | None
    """The longest waiting of them."""
    to_start: int
    """Pairs of the course that the mentor agreed to and the curator has not started."""
    lacking: int
    """Open pairs of the course in which somebody has no consent."""
    day: date


def numbers(session: Session, platform_id: int, course_id: int, day: date) -> Numbers | None:
    """The numbers of a course on a day; None while no school year has been opened."""
    cycle = programme.find_cycle(session, platform_id, day)
    if cycle is None:
        return None
    return _numbers(session, cycle, course_id, day, _counts(session, cycle, course_id, Filters(), day))


def _numbers(session: Session, cycle: Cycle, course_id: int, day: date, counts: Counts) -> Numbers:
    paired = (
        select(PairMentee.mentee_id)
        .join(Pair, Pair.id == PairMentee.pair_id)
        .where(Pair.cycle_id == cycle.id, Pair.state.in_(rules.FORMED))
    )
    needing, formed, unpaired = session.execute(
        select(
            func.count(Mentee.id),
            func.count(Mentee.id).filter(Mentee.id.in_(paired)),
            func.count(Mentee.id).filter(Mentee.state.in_(SEEKING)),
        )
        .join(Membership, and_(Membership.person_id == Mentee.person_id, Membership.course_id == course_id))
        .where(Mentee.cycle_id == cycle.id, Mentee.state.in_(NEEDING), Membership.active)
    ).one()
    proposed, agreed = counts.get(PairState.PROPOSED), counts.get(PairState.AGREED)
    return Numbers(
        needing=needing,
        formed=formed,
        unpaired=unpaired,
        waiting=proposed.pairs if proposed else 0,
        waiting_since=proposed.since if proposed else None,
        to_start=agreed.pairs if agreed else 0,
        lacking=sum(count.lacking for count in counts.values()),
        day=day,
    )


def pair_counts(session: Session, platform_id: int, course_id: int, day: date) -> dict[PairState, int]:
    """How many pairs of the course there are in each state, this school year."""
    cycle = programme.find_cycle(session, platform_id, day)
    if cycle is None:
        return {}
    return {state: count.pairs for state, count in _counts(session, cycle, course_id, Filters(), None).items()}
