"""The indicators of a school year: each with its plan, the fact as it is now, and the people behind it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from lti_service.errors import NotFoundError
from lti_service.indicators import formulas
from lti_service.indicators.formulas import Share, Standing
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
    computed = [
        _reading(session, cycle, catalogue[code], course_id, has_others)
        for code in formulas.COMPUTED
        if code in catalogue
    ]
    others = [
        Planned(one.code, one.title, one.unit, _plan(one, cycle), one.source == "manual")
        for one in catalogue.values()
        if one.code not in formulas.COMPUTED
    ]
    return Overview(cycle, computed, others)


@dataclass(frozen=True, slots=True)
class People:
    """An indicator with the people of its numerator and of the rest of its denominator, by name."""

    reading: Reading
    inside: list[Person]
    outside: list[Person]

    @property
    def unnamed(self) -> int:
        """Those of the denominator whose answers carry no name."""
        return self.reading.share.denominator - len(self.inside) - len(self.outside)


def behind(session: Session, platform_id: int, course_id: int, day: date, code: str) -> People:
    """The people of this course behind a computed indicator. Raises NotFoundError."""
    cycle = programme.find_cycle(session, platform_id, day)
    indicator = _catalogue(session, cycle).get(code) if cycle is not None else None
    if cycle is None or indicator is None or code not in formulas.COMPUTED:
        raise NotFoundError
    reading = _reading(session, cycle, indicator, course_id, has_others=False)
    share = reading.share
    return People(reading, _people(session, share.people_in), _people(session, share.people_out))


@dataclass(frozen=True, slots=True)
class Fact:
    """A computed indicator as it is now."""

    share: Share
    read_at: datetime | None = None
    withheld: int = 0


def fact(session: Session, cycle_id: int, code: str, course_id: int | None) -> Fact:
    """A computed indicator of a school year, for a course or (None) for the whole platform."""
    if code in formulas.PAIRS_FORMED:
        kind = MenteeKind.YOUNG_TEACHER if code == "R1" else MenteeKind.STUDENT
        needing = people.needing(session, cycle_id, kind, course_id)
        return Fact(formulas.PAIRS_FORMED[code](needing, pairs.formed(session, cycle_id, course_id)))
    audience = Audience.MENTEES if code == "E5" else Audience.MENTORS
    told = surveys.satisfaction(session, cycle_id, audience, course_id)
    share = formulas.SATISFACTION[code](told.satisfied, told.answered, told.satisfied_people, told.answered_people)
    return Fact(share, told.read_at, told.withheld)


def _reading(session: Session, cycle: Cycle, indicator: Indicator, course_id: int, has_others: bool) -> Reading:
    here = fact(session, cycle.id, indicator.code, course_id)
    college = fact(session, cycle.id, indicator.code, None).share if has_others else None
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


def _people(session: Session, ids: Iterable[int]) -> list[Person]:
    wanted = list(ids)
    if not wanted:
        return []
    return list(session.scalars(select(Person).where(Person.id.in_(wanted)).order_by(Person.search_name, Person.id)))
