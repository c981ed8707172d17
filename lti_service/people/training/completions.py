"""Who has completed the Moodle courses that are trainings: read through the web service, one mentor a call."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from lti_service import db, queue
from lti_service.db import now
from lti_service.errors import DomainError
from lti_service.people import service as people
from lti_service.people import trouble
from lti_service.people.models import Mentor, MentorState, Person
from lti_service.people.service import Desk
from lti_service.people.training import rules, service
from lti_service.people.training.models import Origin, Training, TrainingCourse
from lti_service.platforms import service as platforms
from lti_service.platforms.models import Course
from lti_service.programme import service as programme
from lti_service.queue import Run
from moodle_client import InvalidToken, MoodleClient, MoodleError, MoodleUnavailable, RecordNotFound

log = structlog.get_logger(__name__)

KIND = "training"
ASKED_ABOUT = (MentorState.CANDIDATE, MentorState.SELECTED, MentorState.READY)
"""States of those whose completion is looked for; also of candidates, who may learn before they are selected."""

HIDDEN, NO_CRITERIA = "completion-hidden", "completion-no-criteria"
NO_COURSE, NO_FUNCTION = "completion-no-course", "completion-no-function"
NOT_TRACKED = "usernotenroled"
"""Moodle's code for somebody in the course whose completion it does not follow: a teacher of it, for the most part."""
CODES = {
    "cannotviewreport": HIDDEN,
    "nocriteriaset": NO_CRITERIA,
    "errorcoursecontextnotvalid": NO_COURSE,
    "requireloginerror": NO_COURSE,
}


class Watcher(Protocol):
    """Who is told how far the reading is."""

    def step(self, done: int, total: int | None = None) -> None:
        """`done` of `total` mentors were asked about."""


@dataclass
class Report:
    """What a reading brought."""

    counted: Counter[str] = field(default_factory=Counter)
    """`asked`, `new`, `ready` and `untracked` people."""
    troubles: dict[str, str] = field(default_factory=dict)
    """Title of a training → why it could not be read."""
    code: str = ""
    """Why the reading stopped; empty: it went to its end."""
    detail: str = ""

    def counts(self) -> dict[str, Any]:
        """As a run keeps them."""
        return {**self.counted, "troubles": self.troubles}


@dataclass(frozen=True, slots=True)
class _Place:
    platform_id: int
    course_id: int
    cycle_id: int
    actor_id: int | None
    day: date
    time_zone: str


@dataclass(frozen=True, slots=True)
class _Task:
    id: int
    title: str
    moodle_course: int
    valid_months: int | None


def open_reading(session: Session, course_id: int, requested_by: int | None = None) -> tuple[Run, bool]:
    """The run that reads completions, shown in this course; True when it is new and its task must be started."""
    return queue.open_run(session, KIND, course_id, requested_by)


def has_something_to_read(session: Session, platform_id: int) -> bool:
    """Whether the college has named a Moodle course."""
    query = select(TrainingCourse.id).where(
        TrainingCourse.platform_id == platform_id, TrainingCourse.moodle_course.is_not(None)
    )
    return session.scalar(query.limit(1)) is not None


def read_completions(course_id: int, watcher: Watcher, requested_by: int | None = None) -> Report:
    """Bring in who of the college's mentors has completed its trainings in Moodle, and make ready who is by that.

    A training that cannot be read is named in the report and keeps what it has; the others are read all the same,
    unless Moodle does not answer at all. Whose completion is known and lasts is not asked about again. Trouble with
    Moodle is never raised: the report tells it.
    """
    report = Report()
    with db.new_session() as session:
        course = session.get_one(Course, course_id, options=[joinedload(Course.platform)])
        day = datetime.now(ZoneInfo(course.platform.time_zone)).date()
        cycle = programme.find_cycle(session, course.platform_id, day)
        tasks = _tasks(session, course.platform_id)
    if cycle is None or not tasks:
        return report
    place = _Place(course.platform_id, course_id, cycle.id, requested_by, day, course.platform.time_zone)
    try:
        with platforms.moodle(course.platform) as client:
            for task in tasks:
                _read(client, place, task, report, watcher)
    except (MoodleError, DomainError) as err:
        report.code, report.detail = trouble.code_of(err), trouble.detail_of(err)
    log.info("completions read", course=course_id, **report.counted)
    return report


def _tasks(session: Session, platform_id: int) -> list[_Task]:
    rows = session.scalars(
        select(TrainingCourse)
        .where(TrainingCourse.platform_id == platform_id, TrainingCourse.moodle_course.is_not(None))
        .order_by(TrainingCourse.id)
    )
    return [_Task(row.id, row.title, int(row.moodle_course or 0), row.valid_months) for row in rows]


def _read(client: MoodleClient, place: _Place, task: _Task, report: Report, watcher: Watcher) -> None:
    """One training. Raises what means that the others cannot be read either."""
    found: dict[int, date | None] = {}
    code = ""
    try:
        for person_id, moodle_id in _to_ask(client, place, task):
            report.counted["asked"] += 1
            try:
                completion = client.course_completion(task.moodle_course, moodle_id)
            except MoodleError as err:
                if err.errorcode != NOT_TRACKED:
                    raise
                report.counted["untracked"] += 1
            else:
                if completion.completed:
                    found[person_id] = _day_of(completion.completed_at, place)
            watcher.step(report.counted["asked"])
    except (MoodleUnavailable, InvalidToken):
        _keep(place, task, found, report, None)
        raise
    except MoodleError as err:
        code = _code_of(err)
        report.troubles[task.title] = code
    _keep(place, task, found, report, code)


def _day_of(moment: datetime | None, place: _Place) -> date | None:
    """The day in the college; none where Moodle does not tell, for a teacher of the course has marked it complete."""
    return min(moment.astimezone(ZoneInfo(place.time_zone)).date(), place.day) if moment else None


def _to_ask(client: MoodleClient, place: _Place, task: _Task) -> Iterable[tuple[int, int]]:
    """Mentors who are in the Moodle course and whose completion is not known or soon runs out, with their ids there."""
    with db.new_session() as session:
        lasts = (
            select(Training.id)
            .where(
                Training.training_course_id == task.id,
                Training.person_id == Mentor.person_id,
                Training.origin == Origin.MOODLE,
                or_(Training.valid_until.is_(None), Training.valid_until > place.day + rules.SOON),
            )
            .exists()
        )
        rows = session.execute(
            select(Person.moodle_id, Person.id)
            .join(Mentor, Mentor.person_id == Person.id)
            .where(Mentor.cycle_id == place.cycle_id, Mentor.state.in_(ASKED_ABOUT), ~lasts)
            .order_by(Person.id)
        )
        mentors = {int(moodle_id): person_id for moodle_id, person_id in rows if moodle_id and moodle_id.isdecimal()}
    if not mentors:
        return
    here = {
        user.id for page in client.iter_enrolled_users(task.moodle_course, only_active=True, fields=()) for user in page
    }
    yield from ((person_id, moodle_id) for moodle_id, person_id in mentors.items() if moodle_id in here)


def _code_of(error: MoodleError) -> str:
    known = CODES.get(error.errorcode)
    if known is not None:
        return known
    if error.errorcode == "accessexception" and "completion" in error.function:
        return NO_FUNCTION
    if isinstance(error, RecordNotFound) and "external_functions" not in str(error):
        return NO_COURSE
    return NO_FUNCTION if isinstance(error, RecordNotFound) else trouble.code_of(error)


def _keep(place: _Place, task: _Task, found: dict[int, date | None], report: Report, code: str | None) -> None:
    """Write down what was found in one transaction; `code`: why it ended, empty for well, none for not its fault."""
    with db.new_session() as own, db.transaction(own) as session:
        course = session.get(TrainingCourse, task.id)
        if course is None:
            # Deleted meanwhile.
            return
        if code is not None:
            course.trouble = code
        if code == "":
            course.read_at = now()
        mentors = list(
            session.scalars(
                select(Mentor)
                .where(Mentor.cycle_id == place.cycle_id, Mentor.person_id.in_(found))
                .order_by(Mentor.id)
                .with_for_update(of=Mentor, key_share=True)
            )
        )
        at = Desk(place.platform_id, place.course_id, place.cycle_id, place.actor_id)
        rows = session.execute(
            select(Training.person_id, Training.completed_on, Training.origin).where(
                Training.training_course_id == task.id, Training.person_id.in_(found)
            )
        ).all()
        known = {(person_id, completed_on) for person_id, completed_on, _origin in rows}
        read_before = {person_id for person_id, _day, origin in rows if origin is Origin.MOODLE}
        for mentor in mentors:
            told = found[mentor.person_id]
            # A completion without a day is of the day on which it was first read, and not anew each night.
            completed_on = told or place.day
            if (mentor.person_id, completed_on) in known or (told is None and mentor.person_id in read_before):
                continue
            session.add(
                Training(
                    training_course_id=task.id,
                    person_id=mentor.person_id,
                    completed_on=completed_on,
                    valid_until=rules.counts_until(completed_on, task.valid_months),
                    origin=Origin.MOODLE,
                    created_at=now(),
                )
            )
            people.record(session, at, "mentor.trained", f"mentor:{mentor.id}", training=task.id)
            report.counted["new"] += 1
        session.flush()
        report.counted["ready"] += service.settle(session, at, mentors, place.day)
