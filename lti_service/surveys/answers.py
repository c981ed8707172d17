"""Answers: the surveys of a course with their questions and responses, brought in from Moodle.

Idempotent: what is as Moodle says is not written again (only the time of the reading is). One short transaction a
page, and none while Moodle takes its time. A response that Moodle no longer has is removed here too, but only when
the whole survey was read and the reading is sure to have missed nothing.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import delete, select
from sqlalchemy.orm import Session, joinedload, selectinload

from lti_service import db, queue
from lti_service.db import now
from lti_service.errors import DomainError
from lti_service.people import trouble
from lti_service.people.kept import is_erased_moodle_id
from lti_service.people.models import Person
from lti_service.people.privacy import identities
from lti_service.platforms import service as platforms
from lti_service.platforms.models import Course
from lti_service.surveys import service
from lti_service.surveys.errors import SurveyError
from lti_service.surveys.models import Survey, SurveyItem, SurveyResponse
from lti_service.surveys.service import Activity, Question
from moodle_client import FeedbackAttempt, FeedbackResponses, InvalidToken, MoodleClient, MoodleError, MoodleUnavailable

log = structlog.get_logger(__name__)

KIND = "surveys"
"""Of the runs that do this work."""
PAGE_SIZES = (1000, 2700)
"""Responses a request, one number a reading: what the first reading did not see whole is read once more.

Somebody may have answered meanwhile, or namesakes stood where two pages meet: Moodle sorts by the family name alone,
and its database gives namesakes in another order for each page, so that one comes twice and another never. Most
surveys are one page at the second reading, and its pages meet nowhere where those of the first did. Wide pages also
cost Moodle far less: a page of 200 took it 1.6 s and one of 1,000 2.4 s, of the same 2,969 responses.
"""


class Watcher(Protocol):
    """Who is told how far the work is: `queue.Progress`, or a bar in the terminal."""

    def step(self, done: int, total: int | None = None) -> None:
        """`done` of `total` responses are read."""


class ActivityGoneError(SurveyError):
    """Moodle does not list the activity: deleted, hidden, or the web-service user lost the right to see it."""

    code = "activity-gone"


class AnswersVanishedError(SurveyError):
    """Moodle shows no response where there were some: a reset course looks the same as a lost right."""

    code = "answers-vanished"


class AnswersMovingError(SurveyError):
    """Each reading was overtaken by new answers, so that some may have been missed."""

    code = "answers-moving"


@dataclass(slots=True)
class Outcome:
    """What a sync changed, and its first trouble; surveys without trouble are up to date all the same."""

    surveys: int = 0
    """Read to the end."""
    new: int = 0
    changed: int = 0
    removed: int = 0
    same: int = 0
    troubles: dict[str, str] = field(default_factory=dict)
    """Name of the survey → code; trouble before the first survey has only the code below."""
    tried: set[int] = field(default_factory=set)
    """Ids of the surveys that were to be read, with or without trouble."""
    code: str = ""
    """Of the first trouble; empty: none."""
    detail: str = ""

    def counts(self) -> dict[str, Any]:
        """As `Run.counts` keeps it."""
        kept = ("surveys", "new", "changed", "removed", "same")
        return {**{name: getattr(self, name) for name in kept}, "troubles": dict(self.troubles)}

    def note(self, name: str, error: MoodleError | DomainError) -> None:
        """Keep a survey's trouble."""
        code = trouble.code_of(error)
        if name:
            self.troubles[name] = code
        if not self.code:
            self.code, self.detail = code, f"{name}: {error}" if name else str(error)
        log.warning("survey not read", survey=name, code=code, detail=str(error))


@dataclass(frozen=True, slots=True)
class _Task:
    """A survey to read, as plain values: they outlive the sessions of its pages."""

    survey_id: int
    feedback_id: int
    name: str
    platform_id: int
    course_id: int
    known: int
    """Responses kept here before."""


def sync_surveys(course_id: int, progress: Watcher) -> Outcome:
    """Bring in the answers of a course's surveys, of this school year and the last.

    A survey that cannot be read keeps its last good data and is named in the outcome; the others are read all the
    same, unless Moodle does not answer at all. Trouble with Moodle is never raised: the outcome tells it.
    """
    outcome = Outcome()
    try:
        _sync(course_id, progress, outcome)
    except (MoodleError, DomainError) as err:
        outcome.note("", err)
    log.info("surveys synced", course=course_id, **outcome.counts())
    return outcome


def _sync(course_id: int, progress: Watcher, outcome: Outcome) -> None:
    with db.new_session() as session:
        course = session.get_one(Course, course_id, options=[joinedload(Course.platform)])
        tasks = _tasks(session, course)
    outcome.tried.update(task.survey_id for task in tasks)
    if not tasks:
        return
    expected = {task.survey_id: task.known for task in tasks}
    read: Counter[int] = Counter()

    def tell(survey_id: int, done: int, total: int | None = None) -> None:
        read[survey_id] = done
        if total is not None:
            expected[survey_id] = total
        progress.step(read.total(), max(read.total(), sum(expected.values())))

    with platforms.moodle(course.platform) as client:
        offered = {feedback.id: feedback for feedback in client.feedbacks([int(course.moodle_id)])}
        for task in tasks:
            try:
                feedback = offered.get(task.feedback_id)
                if feedback is None:
                    _mark_missing(task.survey_id)
                    raise ActivityGoneError
                activity = service.activity_of(feedback, client.feedback_items(feedback.id))
                _read(client, task, activity, outcome, tell)
            except (MoodleError, DomainError) as err:
                outcome.note(task.name, err)
                if isinstance(err, MoodleUnavailable | InvalidToken):
                    break
            else:
                outcome.surveys += 1
            tell(task.survey_id, read[task.survey_id], read[task.survey_id])


def added_meanwhile(session: Session, course_id: int, tried: set[int]) -> bool:
    """Whether the course has surveys that no reading has come to; `tried` are those of the reading just through."""
    course = session.get_one(Course, course_id, options=[joinedload(Course.platform)])
    return any(task.survey_id not in tried for task in _tasks(session, course))


def _tasks(session: Session, course: Course) -> list[_Task]:
    today = datetime.now(ZoneInfo(course.platform.time_zone)).date()
    surveys = service.living(session, course.id, course.platform_id, today)
    known = service.response_counts(session, [survey.id for survey in surveys])
    return [
        _Task(survey.id, survey.feedback_id, survey.name, course.platform_id, course.id, known.get(survey.id, 0))
        for survey in surveys
    ]


class _Tell(Protocol):
    def __call__(self, survey_id: int, done: int, total: int | None = None) -> None: ...


def _read(client: MoodleClient, task: _Task, activity: Activity, outcome: Outcome, tell: _Tell) -> None:
    """Read one survey to the end, and remove what Moodle no longer has."""
    with _transaction() as session:
        survey = _survey(session, task.survey_id)
        if survey is None:
            return
        _follow(survey, activity)
    items = {question.moodle_id: question for question in activity.questions}
    counted: set[int] = set()
    seen: set[int] = set()
    totals: set[tuple[int, int]] = set()
    for size in PAGE_SIZES:
        if len(totals) > 1:
            # Somebody answered meanwhile: nothing of that reading is sure.
            seen, totals = set(), set()
        for page in client.iter_feedback_responses(task.feedback_id, page_size=size):
            with _transaction() as session:
                if session.get(Survey, task.survey_id, with_for_update={"read": True, "key_share": True}) is None:
                    return  # the curator took it away meanwhile
                _keep_page(session, task, page, items, outcome, counted)
            seen.update(attempt.id for attempt in page.attempts)
            totals.add((page.total_named, page.total_anonymous))
            tell(task.survey_id, len(seen), page.total_named + page.total_anonymous)
        if _missed_nothing(seen, totals):
            break
    else:
        raise AnswersMovingError
    if not seen and task.known:
        raise AnswersVanishedError
    with _transaction() as session:
        _remove_gone(session, task, seen, outcome)
        found = session.get(Survey, task.survey_id)
        if found is not None:
            found.synced_at = now()


def _missed_nothing(seen: set[int], totals: set[tuple[int, int]]) -> bool:
    """Whether all pages told the same number of responses, and so many different ones were seen.

    Somebody who answers between two pages shifts those behind them, so that a page may skip one; among namesakes one
    may be skipped at any time.
    """
    return not totals or (len(totals) == 1 and len(seen) == sum(next(iter(totals))))


@contextmanager
def _transaction() -> Iterator[Session]:
    """A short transaction in a session of its own, so that nothing piles up over the pages."""
    with db.new_session() as own, db.transaction(own) as session:
        yield session


def _survey(session: Session, survey_id: int) -> Survey | None:
    return session.get(Survey, survey_id, options=[selectinload(Survey.items)])


def _mark_missing(survey_id: int) -> None:
    with _transaction() as session:
        survey = session.get(Survey, survey_id)
        if survey is not None and survey.missing_since is None:
            survey.missing_since = now()


def _follow(survey: Survey, activity: Activity) -> None:
    """Bring a survey and its questions up to what Moodle says now; equal values are not written."""
    _set(
        survey,
        name=activity.name,
        module_id=activity.module_id,
        anonymous=activity.anonymous,
        opens_at=activity.opens_at,
        closes_at=activity.closes_at,
        missing_since=None,
    )
    known = {item.moodle_id: item for item in survey.items}
    for question in activity.questions:
        item = known.pop(question.moodle_id, None)
        if item is None:
            item = SurveyItem(moodle_id=question.moodle_id, is_rating=False)
            survey.items.append(item)
        _set(item, **_facts(question))
        if item.is_rating and not question.can_rate:
            item.is_rating = False
    for item in known.values():
        survey.items.remove(item)


def _facts(question: Question) -> dict[str, Any]:
    return {
        "name": question.name,
        "kind": question.kind,
        "options": list(question.options),
        "weights": list(question.weights),
        "multiple": question.multiple,
        "position": question.position,
    }


def _set(row: Any, **values: Any) -> bool:
    """Set what differs; True when anything did."""
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    return bool(changed)


def _keep_page(
    session: Session,
    task: _Task,
    page: FeedbackResponses,
    items: dict[int, Question],
    outcome: Outcome,
    counted: set[int],
) -> None:
    """Bring a page of responses in; `counted` are those that an earlier reading has counted already."""
    known = {
        response.moodle_id: response
        for response in session.scalars(
            select(SurveyResponse).where(
                SurveyResponse.survey_id == task.survey_id,
                SurveyResponse.moodle_id.in_([attempt.id for attempt in page.attempts]),
            )
        )
    }
    people = _people(session, task.platform_id, page)
    named = {str(attempt.user_id) for attempt in page.attempts if attempt.user_id is not None}
    erased = identities.erased_among(session, task.platform_id, named)
    touched = False
    for attempt in page.attempts:
        kept = known.get(attempt.id)
        if str(attempt.user_id) in erased or (kept is not None and is_erased_moodle_id(kept.moodle_user_id)):
            # Somebody's data were erased at their wish: Moodle still has the words, and they stay there.
            continue
        facts = _response_facts(attempt, items, people)
        response = known.get(attempt.id)
        if response is None:
            # It goes into `known` too: a row that slid onto two pages must not be added twice.
            response = known[attempt.id] = SurveyResponse(survey_id=task.survey_id, moodle_id=attempt.id, **facts)
            session.add(response)
            outcome.new += 1
            touched = True
        elif _set(response, **facts):
            outcome.changed += 1
            touched = True
        elif attempt.id not in counted:
            outcome.same += 1
        counted.add(attempt.id)
    if touched:
        queue.mark_due(session, task.course_id)


def _people(session: Session, platform_id: int, page: FeedbackResponses) -> dict[str, int]:
    """Person ids by Moodle's user id, of those on the page whom we know."""
    named = {str(attempt.user_id) for attempt in page.attempts if attempt.user_id is not None}
    if not named:
        return {}
    rows = session.execute(
        select(Person.moodle_id, Person.id).where(Person.platform_id == platform_id, Person.moodle_id.in_(named))
    )
    return {str(row[0]): row[1] for row in rows}


def _response_facts(attempt: FeedbackAttempt, items: dict[int, Question], people: dict[str, int]) -> dict[str, Any]:
    user = None if attempt.user_id is None else str(attempt.user_id)
    return {
        "moodle_user_id": user,
        "person_id": None if user is None else people.get(user),
        # Whatever Moodle may tell: of an anonymous answer no time is kept.
        "answered_at": None if user is None else attempt.modified,
        "answers": {
            str(item_id): answer.raw
            for item_id, answer in sorted(attempt.answers.items())
            if item_id in items and _is_answer(items[item_id], answer.raw)
        },
    }


def _is_answer(question: Question, raw: str) -> bool:
    # Moodle keeps 0 for a choice that was offered and not made.
    return raw.strip() not in ("", "0") if question.options else bool(raw.strip())


def _remove_gone(session: Session, task: _Task, seen: set[int], outcome: Outcome) -> None:
    kept = session.execute(
        select(SurveyResponse.id, SurveyResponse.moodle_id).where(SurveyResponse.survey_id == task.survey_id)
    )
    gone = [response_id for response_id, moodle_id in kept if moodle_id not in seen]
    if not gone:
        return
    session.execute(delete(SurveyResponse).where(SurveyResponse.id.in_(gone)))
    outcome.removed += len(gone)
    queue.mark_due(session, task.course_id)
