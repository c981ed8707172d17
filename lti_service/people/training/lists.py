"""What the trainings of mentors come to, as conditions and columns for queries over the base of mentors."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Date, and_, case, func, literal, or_, select
from sqlalchemy.orm import Session

from lti_service.people.models import Membership, Mentor, MentorState
from lti_service.people.training.models import Training
from lti_service.people.training.rules import SOON, TrainingState, standing_of

ENDLESS = date(9999, 12, 31)
"""The last day of a training without an end, for comparing."""


def until() -> Any:
    """The last day of the mentor's training that lasts longest, as a scalar; NULL: there is none."""
    last = func.max(func.coalesce(Training.valid_until, literal(ENDLESS, Date)), type_=Date)
    return select(last).where(Training.person_id == Mentor.person_id).correlate(Mentor).scalar_subquery()


def is_in(state: TrainingState, day: date) -> ColumnElement[bool]:
    """Whether a mentor's trainings come to this: the same as `rules.standing_of`, for the database."""
    mine = select(Training.id).where(Training.person_id == Mentor.person_id).correlate(Mentor)

    def lasts(beyond: date) -> ColumnElement[bool]:
        return mine.where(or_(Training.valid_until.is_(None), Training.valid_until >= beyond)).exists()

    match state:
        case TrainingState.NONE:
            return ~mine.exists()
        case TrainingState.EXPIRED:
            return and_(mine.exists(), ~lasts(day))
        case TrainingState.SOON:
            return and_(lasts(day), ~lasts(day + SOON + date.resolution))
        case TrainingState.VALID:
            return lasts(day + SOON + date.resolution)


def has_run_out(day: date) -> ColumnElement[bool]:
    """Whether a ready mentor may be given nobody new, for the training has run out; pairs they have go on."""
    return and_(~Mentor.without_training, is_in(TrainingState.EXPIRED, day))


def has_run_out_for(session: Session, mentor: Mentor, day: date) -> bool:
    """The same of one mentor."""
    if mentor.without_training:
        return False
    ends = session.scalars(select(Training.valid_until).where(Training.person_id == mentor.person_id))
    return standing_of(ends, day).state is TrainingState.EXPIRED


def sort_key() -> Any:
    """By it a list is sorted: those without any first."""
    return case((until().is_(None), date(1, 1, 1)), else_=until())


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many mentors of a course wait for what."""

    selection: int
    """Candidates: nobody has decided about them, or the decision was postponed."""
    asked: int
    """Those of them who said themselves that they want to be mentors."""
    training: int
    """Selected ones who are to be trained."""
    soon: int
    """Ready ones whose training runs out soon."""
    expired: int
    """Ready ones whose training has run out."""


def waiting(session: Session, cycle_id: int, course_id: int, day: date) -> Waiting:
    """What the mentors of a course wait for on `day`, in one query."""
    here = select(Membership.person_id).where(Membership.course_id == course_id, Membership.active)
    is_candidate, is_ready = Mentor.state == MentorState.CANDIDATE, Mentor.state == MentorState.READY
    conditions = (
        is_candidate,
        and_(is_candidate, Mentor.asked_at.is_not(None)),
        Mentor.state == MentorState.SELECTED,
        and_(is_ready, ~Mentor.without_training, is_in(TrainingState.SOON, day)),
        and_(is_ready, has_run_out(day)),
    )
    counted = session.execute(
        select(*(func.count(case((condition, 1))) for condition in conditions)).where(
            Mentor.cycle_id == cycle_id, Mentor.person_id.in_(here)
        )
    ).one()
    return Waiting(*map(int, counted))
