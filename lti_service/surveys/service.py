"""Use cases of surveys: picking a Feedback activity, saying whose it is and what satisfied means, taking it away."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import Table, bindparam, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload, selectinload

from lti_service import audit, db, queue
from lti_service.access import Viewer
from lti_service.db import now
from lti_service.errors import DomainError, NotFoundError
from lti_service.people import cycles
from lti_service.platforms import service as platforms
from lti_service.platforms.models import Course, Platform
from lti_service.prepared import Prepared
from lti_service.programme import service as programme
from lti_service.programme.models import Cycle
from lti_service.surveys import rules
from lti_service.surveys.errors import (
    AlreadyAddedError,
    MixedScalesError,
    MoodleTroubleError,
    NoRatingError,
    NoSuchActivityError,
    NotARatingError,
    NothingToAnswerError,
    NoThresholdError,
    SurveyInUseError,
)
from lti_service.surveys.models import Audience, Survey, SurveyItem, SurveyResponse
from lti_service.surveys.results import Share, Tally, answered_people, asked_people, satisfaction, tallies, tally
from moodle_client import Feedback, FeedbackItem, MoodleClient, MoodleError

__all__ = [
    "Activity",
    "Question",
    "Share",
    "Tally",
    "add_survey",
    "answered_people",
    "asked_people",
    "change_survey",
    "find_survey",
    "moodle_address",
    "offered_activities",
    "offered_activity",
    "remove_survey",
    "satisfaction",
    "survey_page",
    "surveys_for",
    "tallies",
    "tally",
]

PAGE_SIZE = 20
LARGEST_ID = 2**31 - 1
"""What an id's column holds; anything larger is nobody's."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question of a Feedback activity, as far as we need it."""

    moodle_id: int
    name: str
    kind: str
    position: int
    options: tuple[str, ...] = ()
    weights: tuple[int, ...] = ()
    multiple: bool = False

    @property
    def can_rate(self) -> bool:
        """Whether it can be part of a rating."""
        return rules.can_rate(self.kind, len(self.options), self.multiple)


@dataclass(frozen=True, slots=True)
class Activity:
    """A Feedback activity of a course that can become a survey."""

    feedback_id: int
    module_id: int
    name: str
    anonymous: bool
    opens_at: datetime | None
    closes_at: datetime | None
    questions: tuple[Question, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` takes back."""
        values = asdict(self)
        for name in ("opens_at", "closes_at"):
            values[name] = values[name].isoformat() if values[name] else None
        return values

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Activity":
        """The activity that `to_json` wrote."""
        moments = {name: values[name] and datetime.fromisoformat(values[name]) for name in ("opens_at", "closes_at")}
        questions = tuple(
            Question(**{**row, "options": tuple(row["options"]), "weights": tuple(row["weights"])})
            for row in values["questions"]
        )
        return cls(**{**values, **moments, "questions": questions})


def activity_of(feedback: Feedback, items: Iterable[FeedbackItem] = ()) -> Activity:
    """What Moodle says of an activity and its items, without headings and page breaks."""
    kinds = rules.CHOICE_KINDS | rules.OPEN_KINDS
    questions = tuple(
        Question(item.id, item.name, item.type, item.position, item.options, item.weights, item.multiple)
        for item in sorted(items, key=lambda item: item.position)
        if item.has_value and item.type in kinds
    )
    return Activity(
        feedback_id=feedback.id,
        module_id=feedback.course_module_id,
        name=feedback.name[:400],
        anonymous=feedback.anonymous,
        opens_at=feedback.opens,
        closes_at=feedback.closes,
        questions=questions,
    )


def offered_activities(course_id: int) -> list[Activity]:
    """The Feedback activities of the course, read from Moodle now; without their questions.

    Raises MoodleTroubleError when Moodle cannot be asked.
    """
    with _asking_moodle(course_id) as (client, moodle_id):
        return [activity_of(feedback) for feedback in client.feedbacks([moodle_id])]


def offered_activity(course_id: int, feedback_id: int) -> Activity:
    """One Feedback activity of the course with its questions, read from Moodle now.

    Raises NoSuchActivityError, NothingToAnswerError, and MoodleTroubleError when Moodle cannot be asked.
    """
    with _asking_moodle(course_id) as (client, moodle_id):
        feedback = next((found for found in client.feedbacks([moodle_id]) if found.id == feedback_id), None)
        items = client.feedback_items(feedback_id) if feedback else []
    if feedback is None:
        raise NoSuchActivityError
    activity = activity_of(feedback, items)
    if not activity.questions:
        raise NothingToAnswerError
    return activity


@contextmanager
def _asking_moodle(course_id: int) -> Iterator[tuple[MoodleClient, int]]:
    """A client of the course's Moodle and the course's id there; a trouble becomes a sentence for who waits."""
    # A session of its own: no transaction is held while Moodle takes its time.
    with db.new_session() as session:
        course = session.get_one(Course, course_id, options=[joinedload(Course.platform)])
    try:
        with platforms.moodle(course.platform) as client:
            yield client, int(course.moodle_id)
    except (MoodleError, DomainError) as err:
        raise MoodleTroubleError(err) from err


def added_feedbacks(session: Session, course_id: int, platform_id: int, day: date) -> dict[int, int]:
    """Feedback ids of the course that are surveys of the school year of `day` already, with the survey's id."""
    cycle = programme.find_cycle(session, platform_id, day)
    if cycle is None:
        return {}
    found = session.execute(
        select(Survey.feedback_id, Survey.id).where(Survey.course_id == course_id, Survey.cycle_id == cycle.id)
    )
    return {row[0]: row[1] for row in found}


def add_survey(
    session: Session,
    viewer: Viewer,
    day: date,
    activity: Activity,
    audience: Audience,
    rating: Collection[int],
    satisfied_from: int | None,
    best_first: bool = False,
) -> Survey:
    """Make an activity a survey of the school year of `day`.

    `rating` are the Moodle ids of the questions that tell satisfaction, `satisfied_from` the lowest place on their
    scale that counts as satisfied, `best_first` says that questions without weights list the best answer first.
    Raises NoRatingError, NotARatingError, MixedScalesError, NoThresholdError, AlreadyAddedError.
    """
    threshold = _checked(activity.questions, rating, satisfied_from, best_first)
    cycle = cycles.open_cycle(session, viewer.platform_id, day)
    survey = Survey(
        course_id=viewer.course_id,
        cycle_id=cycle.id,
        feedback_id=activity.feedback_id,
        module_id=activity.module_id,
        name=activity.name,
        audience=audience,
        anonymous=activity.anonymous,
        satisfied_from=threshold,
        best_first=best_first,
        opens_at=activity.opens_at,
        closes_at=activity.closes_at,
        created_at=now(),
        items=[_item(question, question.moodle_id in rating) for question in activity.questions],
    )
    try:
        with session.begin_nested():
            session.add(survey)
    except IntegrityError as err:
        raise AlreadyAddedError from err
    _record(session, viewer, "survey.added", survey, audience=audience.value, feedback=activity.feedback_id)
    return survey


def _item(question: Question, is_rating: bool) -> SurveyItem:
    return SurveyItem(
        moodle_id=question.moodle_id,
        name=question.name,
        kind=question.kind,
        options=list(question.options),
        weights=list(question.weights),
        multiple=question.multiple,
        position=question.position,
        is_rating=is_rating,
    )


def change_survey(
    session: Session,
    viewer: Viewer,
    survey: Survey,
    audience: Audience,
    rating: Collection[int],
    satisfied_from: int | None,
    best_first: bool = False,
) -> bool:
    """Say anew whose survey it is and what satisfied means; False when that is what it was.

    Raises NoRatingError, NotARatingError, MixedScalesError, NoThresholdError.
    """
    threshold = _checked(questions_of(survey), rating, satisfied_from, best_first)
    before = _choices(survey)
    survey.audience = audience
    survey.satisfied_from = threshold
    survey.best_first = best_first
    for item in survey.items:
        item.is_rating = item.moodle_id in rating
    after = _choices(survey)
    if before == after:
        return False
    queue.mark_due(session, survey.course_id)
    _record(session, viewer, "survey.changed", survey, before=before, after=after)
    return True


def _choices(survey: Survey) -> dict[str, Any]:
    return {
        "audience": survey.audience.value,
        "satisfied_from": survey.satisfied_from,
        "best_first": survey.best_first,
        "rating": sorted(item.moodle_id for item in survey.items if item.is_rating),
    }


def questions_of(survey: Survey) -> tuple[Question, ...]:
    """The questions of a survey as they were last read."""
    return tuple(
        Question(
            item.moodle_id,
            item.name,
            item.kind,
            item.position,
            tuple(item.options),
            tuple(item.weights),
            item.multiple,
        )
        for item in survey.items
    )


def _checked(
    questions: Iterable[Question], rating: Collection[int], satisfied_from: int | None, best_first: bool
) -> int:
    """The threshold, when rating and threshold make sense together; 1 where there is nothing to rate by."""
    candidates = {question.moodle_id: question for question in questions if question.can_rate}
    if not set(rating) <= set(candidates):
        raise NotARatingError
    if not rating:
        if candidates:
            raise NoRatingError
        return 1
    picked = [candidates[moodle_id] for moodle_id in rating]
    if len({len(question.options) for question in picked}) > 1:
        raise MixedScalesError
    scales = ((question.options, question.weights) for question in picked)
    if satisfied_from not in {threshold.place for threshold in rules.thresholds(scales, best_first)}:
        raise NoThresholdError
    assert satisfied_from is not None
    return satisfied_from


def remove_survey(session: Session, viewer: Viewer, survey: Survey) -> None:
    """Take a survey away with the answers kept here; Moodle keeps everything.

    Raises SurveyInUseError while a gradebook column is made from it.
    """
    # A reading that goes on holds the row while it keeps a page: wait for it before anything else is locked.
    session.execute(select(Survey.id).where(Survey.id == survey.id).with_for_update())
    _record(session, viewer, "survey.removed", survey, name=survey.name, feedback=survey.feedback_id)
    queue.mark_due(session, survey.course_id)
    try:
        with session.begin_nested():
            session.execute(delete(SurveyResponse).where(SurveyResponse.survey_id == survey.id))
            session.delete(survey)
    except IntegrityError as err:
        raise SurveyInUseError from err


def _record(session: Session, viewer: Viewer, action: str, survey: Survey, **details: Any) -> None:
    audit.record(
        session,
        action,
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        actor_id=viewer.person_id,
        subject=f"survey:{survey.id}",
        **details,
    )


def find_survey(session: Session, survey_id: int, course_id: int) -> Survey:
    """A survey of this course with its questions and school year. Raises NotFoundError."""
    if survey_id > LARGEST_ID:
        raise NotFoundError
    survey = session.scalar(
        select(Survey)
        .where(Survey.id == survey_id, Survey.course_id == course_id)
        .options(selectinload(Survey.items), joinedload(Survey.cycle), joinedload(Survey.course))
    )
    if survey is None:
        raise NotFoundError
    return survey


def response_counts(session: Session, survey_ids: Collection[int]) -> dict[int, int]:
    """How many responses are kept here, by survey id; surveys without any are left out."""
    found = session.execute(
        select(SurveyResponse.survey_id, func.count())
        .where(SurveyResponse.survey_id.in_(survey_ids))
        .group_by(SurveyResponse.survey_id)
    )
    return {row[0]: row[1] for row in found}


@dataclass(frozen=True, slots=True)
class SurveyRow:
    """A survey with its numbers, for lists."""

    survey: Survey
    tally: Tally


@dataclass(frozen=True, slots=True)
class SurveyPage:
    """One page of a course's surveys."""

    rows: list[SurveyRow]
    total: int
    page: int
    pages: int
    years: list[Cycle]
    """The school years that the course has surveys of, the newest first."""


ORDERS = {
    "new": (Survey.created_at.desc(), Survey.id.desc()),
    "name": (func.lower(Survey.name), Survey.id),
    "read": (Survey.synced_at.desc().nulls_last(), Survey.id.desc()),
}


def survey_page(
    session: Session,
    course_id: int,
    *,
    year: int | None = None,
    audience: Audience | None = None,
    order: str = "new",
    page: int = 1,
) -> SurveyPage:
    """A course's surveys with their numbers: of one school year (its first calendar year) and audience when given.

    `order` is one of `ORDERS`; a page past the end is the last one.
    """
    years = list(
        session.scalars(
            select(Cycle)
            .where(Cycle.id.in_(select(Survey.cycle_id).where(Survey.course_id == course_id)))
            .order_by(Cycle.start_year.desc())
        )
    )
    wanted = select(Survey).where(Survey.course_id == course_id)
    if year is not None:
        wanted = wanted.where(Survey.cycle_id.in_([cycle.id for cycle in years if cycle.start_year == year]))
    if audience is not None:
        wanted = wanted.where(Survey.audience == audience)
    total = session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    pages = max(1, -(-total // PAGE_SIZE))
    page = min(max(page, 1), pages)
    surveys = list(
        session.scalars(
            wanted.options(selectinload(Survey.items), joinedload(Survey.cycle))
            .order_by(*ORDERS[order])
            .limit(PAGE_SIZE)
            .offset((page - 1) * PAGE_SIZE)
        )
    )
    found = tallies(session, surveys)
    rows = [SurveyRow(survey, found[survey.id]) for survey in surveys]
    return SurveyPage(rows, total, page, pages, years)


def overview(session: Session, course_id: int, platform_id: int, day: date) -> list[SurveyRow]:
    """The course's surveys of the school year of `day` with their numbers, the newest first."""
    cycle = programme.find_cycle(session, platform_id, day)
    if cycle is None:
        return []
    surveys = list(
        session.scalars(
            select(Survey)
            .where(Survey.course_id == course_id, Survey.cycle_id == cycle.id)
            .options(selectinload(Survey.items))
            .order_by(*ORDERS["new"])
        )
    )
    found = tallies(session, surveys)
    return [SurveyRow(survey, found[survey.id]) for survey in surveys]


def moodle_address(issuer: str, survey: Survey) -> str:
    """Where the activity is opened in Moodle; empty when its course module is not known."""
    return f"{issuer.rstrip('/')}/mod/feedback/view.php?id={survey.module_id}" if survey.module_id else ""


def issuer_of(session: Session, platform_id: int) -> str:
    """The site root of a platform."""
    return session.scalar(select(Platform.issuer).where(Platform.id == platform_id)) or ""


_LIVING = (
    select(Survey)
    .join(Cycle)
    .where(
        Survey.course_id == bindparam("course"),
        Cycle.platform_id == bindparam("platform"),
        Cycle.start_year >= bindparam("first"),
    )
    .options(selectinload(Survey.items), joinedload(Survey.cycle))
    .order_by(Survey.id)
)


# Composed once: every home page asks it. On tables, for most pages find that nothing waits and need no survey itself.
_surveys, _cycles = cast(Table, Survey.__table__), cast(Table, Cycle.__table__)
_TIMES = Prepared(
    select(
        _surveys.c.id,
        _surveys.c.opens_at,
        _surveys.c.closes_at,
        _surveys.c.missing_since,
        _cycles.c.start_year,
    )
    .join_from(_surveys, _cycles, _cycles.c.id == _surveys.c.cycle_id)
    .where(
        _surveys.c.course_id == bindparam("course"),
        _cycles.c.platform_id == bindparam("platform"),
        _cycles.c.start_year >= bindparam("first"),
    )
    .order_by(_surveys.c.id)
)


def living(session: Session, course_id: int, platform_id: int, day: date) -> list[Survey]:
    """The course's surveys of the school year of `day` and of the one before, whose last answers come in autumn."""
    first = programme.school_year(day) - 1
    return list(session.scalars(_LIVING, {"course": course_id, "platform": platform_id, "first": first}))


@dataclass(frozen=True, slots=True)
class Invitation:
    """A survey that waits for somebody."""

    survey: Survey
    address: str
    """In Moodle."""


def surveys_for(session: Session, viewer: Viewer, moment: datetime, day: date) -> list[Invitation]:
    """The open surveys that the viewer is asked in and has not answered.

    Whether somebody answered an anonymous one cannot be known: those are always among them. One of last school
    year invites only while a closing date says that answers are still wanted.
    """
    this_year = programme.school_year(day)
    keys = {"course": viewer.course_id, "platform": viewer.platform_id, "first": this_year - 1}
    open_ids = [row.id for row in _TIMES.all(session, keys) if _open(row, moment, this_year)]
    if not open_ids:
        return []
    surveys = session.scalars(select(Survey).where(Survey.id.in_(open_ids)).order_by(Survey.id)).all()
    asked: dict[tuple[Audience, int], set[int]] = {}
    for survey in surveys:
        key = (survey.audience, survey.cycle_id)
        if key not in asked:
            asked[key] = asked_people(session, survey)
    mine = [survey for survey in surveys if viewer.person_id in asked[survey.audience, survey.cycle_id]]
    if not mine:
        return []
    answered = set(
        session.scalars(
            select(SurveyResponse.survey_id).where(
                SurveyResponse.survey_id.in_([survey.id for survey in mine]),
                SurveyResponse.person_id == viewer.person_id,
            )
        )
    )
    issuer = issuer_of(session, viewer.platform_id)
    return [
        Invitation(survey, moodle_address(issuer, survey))
        for survey in mine
        if survey.module_id and survey.id not in answered
    ]


def _open(times: Any, moment: datetime, this_year: int) -> bool:
    """Whether the survey of a row of `_TIMES` takes answers."""
    if times.missing_since is not None or (times.opens_at is not None and times.opens_at > moment):
        return False
    if times.closes_at is None:
        return bool(times.start_year == this_year)
    return bool(times.closes_at > moment)
