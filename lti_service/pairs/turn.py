"""The turn of the school year (road map 1.7): what is still open from the years before is finished, or goes on."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from lti_service import audit
from lti_service.access import Viewer
from lti_service.errors import DomainError
from lti_service.pairs import errors, rules, service
from lti_service.pairs.cards import PairCard, load
from lti_service.pairs.models import Pair
from lti_service.pairs.rules import Action, Decision
from lti_service.pairs.work import meetings, plan
from lti_service.people import cycles
from lti_service.people.models import Mentor
from lti_service.programme import service as programme
from lti_service.programme.models import Cycle, Form

MOST_AT_ONCE = 300
"""Pairs that one request decides on; a page must not wait longer, and the rest is there still."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a curator sees at the turn of the year."""

    cycle: Cycle | None
    """The school year of today; none: nobody has opened it."""
    before: Cycle | None
    """The one before it, however long ago."""
    pairs: list[PairCard]
    """Open pairs of earlier years in this course, the first MOST_AT_ONCE of them."""
    total: int
    """How many there are."""
    mentors: int
    """In the base of mentors of this year, in the viewer's course."""
    left_without: int
    """Mentees who had no mentor in the year before and whom opening this one brings along, or has brought."""
    finished: list[cycles.Finished]


@dataclass(slots=True)
class Outcome:
    """What a decision about several pairs has come to."""

    done: int = 0
    refused: dict[int, DomainError] = field(default_factory=dict)
    """Pair id → why it could not be done."""


def left_open(session: Session, course_id: int, start_year: int) -> int:
    """How many open pairs of earlier school years the course has."""
    return session.scalar(_left_open(course_id, start_year, func.count(Pair.id))) or 0


def overview(session: Session, viewer: Viewer, day: date) -> Turn:
    """Everything about the turn of the year in the viewer's course."""
    cycle = programme.find_cycle(session, viewer.platform_id, day)
    year = programme.school_year(day)
    ids = session.scalars(_left_open(viewer.course_id, year, Pair.id).order_by(Pair.id).limit(MOST_AT_ONCE)).all()
    before = cycles.before(session, viewer.platform_id, year)
    return Turn(
        cycle=cycle,
        before=before,
        pairs=load(session, ids, day, viewer_id=viewer.person_id, is_curator=True),
        total=left_open(session, viewer.course_id, year),
        mentors=cycles.count_mentors(session, cycle.id, viewer.course_id) if cycle else 0,
        left_without=cycles.count_left_without(session, before, cycle) if before else 0,
        finished=cycles.finished_mentees(session, viewer.course_id, cycle, before),
    )


def open_year(session: Session, viewer: Viewer, day: date) -> int:
    """Open the school year of `day` with last year's mentors in its base, and with the mentees who had none; says how
    many of these came along. One that is open stays as it is."""
    known = programme.find_cycle(session, viewer.platform_id, day)
    cycle = cycles.open_cycle(session, viewer.platform_id, day)
    count = 0
    if known is None:
        before = cycles.before(session, viewer.platform_id, cycle.start_year)
        count = cycles.count_left_without(session, before, cycle) if before else 0
        audit.record(
            session,
            "year.opened",
            platform_id=viewer.platform_id,
            course_id=viewer.course_id,
            actor_id=viewer.person_id,
            subject=f"cycle:{cycle.id}",
            year=cycle.title,
            mentees=count,
        )
    return count


def decide(session: Session, viewer: Viewer, day: date, pair_ids: Iterable[int], decision: Decision) -> Outcome:
    """Finish or continue these pairs of earlier years, each for itself: one that cannot does not hold up the others.

    Pairs of elsewhere, of this year, or no longer open are passed over. Raises NoCycleError when pairs are to go on
    and the new year has not been opened.
    """
    cycle = programme.find_cycle(session, viewer.platform_id, day)
    if decision is Decision.CONTINUE and cycle is None:
        raise errors.NoCycleError
    wanted = sorted(set(pair_ids))[:MOST_AT_ONCE]
    found = session.scalars(
        _left_open(viewer.course_id, programme.school_year(day), Pair).where(Pair.id.in_(wanted)).order_by(Pair.id)
    ).all()
    outcome = Outcome()
    for pair in found:
        try:
            with session.begin_nested():
                if decision is Decision.CONTINUE and cycle is not None:
                    _continue(session, viewer, day, pair, cycle)
                else:
                    _end(session, viewer, day, pair)
        except DomainError as error:
            session.expire(pair)
            outcome.refused[pair.id] = error
        else:
            outcome.done += 1
    return outcome


def _left_open(course_id: int, start_year: int, what: Any) -> Select[Any]:
    return (
        select(what)
        .join(Cycle, Cycle.id == Pair.cycle_id)
        .where(Pair.course_id == course_id, Cycle.start_year < start_year, Pair.state.in_(rules.OPEN))
    )


def _end(session: Session, viewer: Viewer, day: date, pair: Pair) -> None:
    action = rules.ending(pair.state, is_over=True)
    service.move(
        session, pair.id, action, course_id=pair.course_id, actor_id=viewer.person_id, day=day, is_curator=True
    )


def _continue(session: Session, viewer: Viewer, day: date, pair: Pair, cycle: Cycle) -> None:
    """Finish the pair in its year and begin the one that goes on; who has it locked first does it, once.

    That they are in the course and consent is asked of everybody, places are not: nobody is sent away by a turn of the
    calendar.
    """
    still_in_it = [place.mentee for place in pair.places if place.is_open]
    service.move(
        session,
        pair.id,
        Action.FINISH,
        course_id=pair.course_id,
        actor_id=viewer.person_id,
        day=day,
        is_curator=True,
    )
    mentor = session.scalar(
        select(Mentor).where(Mentor.cycle_id == cycle.id, Mentor.person_id == pair.mentor.person_id)
    )
    if mentor is None or mentor.state in cycles.STAY_BEHIND:
        raise errors.MentorLeftError(name=pair.mentor.person.name)
    form = _same_form(session, pair.form, cycle)
    mentees = cycles.carry_mentees(session, still_in_it, cycle)
    begun = service.begin_continued(
        session, pair, mentor, form, mentees, cycle=cycle, day=day, actor_id=viewer.person_id
    )
    persons = {mentee.person_id for mentee in mentees}
    plan.carry_over(session, pair, begun, persons)
    meetings.carry_over(session, pair, begun, persons, day)


def _same_form(session: Session, form: Form, cycle: Cycle) -> Form:
    """The form in the new year's programme; one that was retired since still serves those who work in it."""
    if form.programme_id == cycle.programme_id:
        return form
    found = session.scalar(select(Form).where(Form.programme_id == cycle.programme_id, Form.code == form.code))
    if found is None:
        raise errors.FormGoneError(form=form.title)
    return found
