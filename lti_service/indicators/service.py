"""The indicators of a school year: each with its plan, the fact as it is now, and the people behind it."""

from collections.abc import Set
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from itertools import islice

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from lti_service.errors import NotFoundError
from lti_service.indicators import formulas
from lti_service.indicators.formulas import Share, Standing
from lti_service.lists import PAGE, ListPage, place
from lti_service.pairs import service as pairs
from lti_service.people import service as people
from lti_service.people.models import Membership, Person
from lti_service.platforms.models import Course
from lti_service.programme import service as programme
from lti_service.programme.models import Cycle, Indicator, MenteeKind
from lti_service.surveys import service as surveys
from lti_service.surveys.models import Audience


@dataclass(frozen=True, slots=True)
class Reading:
    """One computed indicator."""

    code: str
    title: str
    """The official wording."""
    unit: str
    better: str
    plan: Decimal | None
    """Of the cycle's plan year, in the indicator's unit."""
    share: Share
    standing: Standing
    college: Share | None
    """The same over all courses of the platform; none when this course is the only one with people."""
    read_at: datetime | None
    """When the answers behind it were read from Moodle; none for what is counted here."""
    withheld: int
    """Anonymous answers that are too few to be counted in."""


@dataclass(frozen=True, slots=True)
class Planned:
    """An indicator of the catalogue that is not computed yet."""

    code: str
    title: str
    unit: str
    plan: Decimal | None
    is_manual: bool
    """Nobody can compute it: it is to be entered with evidence."""


@dataclass(frozen=True, slots=True)
class Overview:
    """All indicators of a school year."""

    cycle: Cycle
    computed: list[Reading]
    others: list[Planned]


def overview(session: Session, platform_id: int, course_id: int, day: date) -> Overview | None:
    """The indicators of the school year of `day`, for one course; None before the year was opened here."""
    cycle = programme.find_cycle(session, platform_id, day)
    if cycle is None:
        return None
    catalogue = _catalogue(session, cycle)
    has_others = _courses_with_people(session, platform_id) > 1
    facts = _Facts(session, cycle.id)
    computed = [
        _reading(facts, cycle, catalogue[code], course_id, has_others)
        for code in formulas.COMPUTED
        if code in catalogue
    ]
    others = [
        Planned(one.code, one.title, one.unit, _plan(one, cycle), one.source == "manual")
        for one in catalogue.values()
        if one.code not in formulas.COMPUTED
    ]
    return Overview(cycle, computed, others)


class Side(StrEnum):
    """Where somebody stands in an indicator."""

    INSIDE = "in"
    """In the numerator."""
    OUTSIDE = "out"
    """Only in the denominator."""


@dataclass(frozen=True, slots=True)
class People:
    """An indicator with people of its numerator and of the rest of its denominator, by name."""

    reading: Reading
    sides: dict[Side, ListPage[Person]]
    """The first page of both, or one page of the side that was asked for."""

    @property
    def unnamed(self) -> int:
        """Those of the denominator whose answers carry no name."""
        share = self.reading.share
        return share.denominator - len(share.people_in) - len(share.people_out)


def behind(
    session: Session, platform_id: int, course_id: int, day: date, code: str, side: Side | None = None, page: int = 1
) -> People:
    """The people of this course behind a computed indicator: of both sides, or a page of one. Raises NotFoundError."""
    cycle = programme.find_cycle(session, platform_id, day)
    indicator = _catalogue(session, cycle).get(code) if cycle is not None else None
    if cycle is None or indicator is None or code not in formulas.COMPUTED:
        raise NotFoundError
    reading = _reading(_Facts(session, cycle.id), cycle, indicator, course_id, has_others=False)
    both = {Side.INSIDE: reading.share.people_in, Side.OUTSIDE: reading.share.people_out}
    wanted = list(Side) if side is None else [side]
    return People(reading, {one: _by_name(session, platform_id, both[one], page) for one in wanted})


@dataclass(frozen=True, slots=True)
class Fact:
    """A computed indicator as it is now."""

    share: Share
    read_at: datetime | None = None
    withheld: int = 0


class _Facts:
    """The computed indicators of a school year as they are now; what several are made of is read once."""

    def __init__(self, session: Session, cycle_id: int) -> None:
        self._session, self._cycle_id = session, cycle_id
        self._formed: dict[int | None, set[int]] = {}

    def of(self, code: str, course_id: int | None) -> Fact:
        """An indicator for a course or (None) for the whole platform."""
        if code in formulas.PAIRS_FORMED:
            kind = MenteeKind.YOUNG_TEACHER if code == "R1" else MenteeKind.STUDENT
            needing = people.needing(self._session, self._cycle_id, kind, course_id)
            return Fact(formulas.PAIRS_FORMED[code](needing, self._pairs_formed(course_id)))
        audience = Audience.MENTEES if code == "E5" else Audience.MENTORS
        told = surveys.satisfaction(self._session, self._cycle_id, audience, course_id)
        share = formulas.SATISFACTION[code](told.satisfied, told.answered, told.satisfied_people, told.answered_people)
        return Fact(share, told.read_at, told.withheld)

    def _pairs_formed(self, course_id: int | None) -> set[int]:
        if course_id not in self._formed:
            self._formed[course_id] = pairs.formed(self._session, self._cycle_id, course_id)
        return self._formed[course_id]


def _reading(facts: _Facts, cycle: Cycle, indicator: Indicator, course_id: int, has_others: bool) -> Reading:
    here = facts.of(indicator.code, course_id)
    college = facts.of(indicator.code, None).share if has_others else None
    plan = _plan(indicator, cycle)
    return Reading(
        code=indicator.code,
        title=indicator.title,
        unit=indicator.unit,
        better=indicator.better,
        plan=plan,
        share=here.share,
        standing=formulas.against_plan(here.share.percent, plan, indicator.better),
        college=college,
        read_at=here.read_at,
        withheld=here.withheld,
    )


def _catalogue(session: Session, cycle: Cycle) -> dict[str, Indicator]:
    """By code, in the programme's order, plans loaded."""
    found = session.scalars(
        select(Indicator)
        .where(Indicator.programme_id == cycle.programme_id)
        .options(joinedload(Indicator.plans))
        .order_by(Indicator.position)
    ).unique()
    return {indicator.code: indicator for indicator in found}


def _plan(indicator: Indicator, cycle: Cycle) -> Decimal | None:
    return next((plan.value for plan in indicator.plans if plan.year == cycle.plan_year), None)


def _courses_with_people(session: Session, platform_id: int) -> int:
    counted = (
        select(func.count(func.distinct(Membership.course_id)))
        .join(Course, Course.id == Membership.course_id)
        .where(Course.platform_id == platform_id, Membership.active)
    )
    return session.scalar(counted) or 0


def _by_name(session: Session, platform_id: int, ids: Set[int], page: int) -> ListPage[Person]:
    page, pages = place(len(ids), page)
    # Read off an index: to hand a database thousands of ids takes it longer.
    everybody = select(Person.id).where(Person.platform_id == platform_id).order_by(Person.search_name, Person.id)
    named = (person_id for person_id in session.scalars(everybody) if person_id in ids) if ids else iter(())
    shown = list(islice(named, (page - 1) * PAGE, page * PAGE))
    found = {person.id: person for person in session.scalars(select(Person).where(Person.id.in_(shown)))}
    return ListPage([found[person_id] for person_id in shown if person_id in found], len(ids), page, pages)
