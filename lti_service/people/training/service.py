"""Training of mentors: the college's courses, who has completed them, and who becomes ready by that."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from lti_service import audit
from lti_service.access import Viewer
from lti_service.db import now
from lti_service.errors import NotFoundError
from lti_service.people import rules as people_rules
from lti_service.people import service
from lti_service.people.models import Mentor, MentorState
from lti_service.people.rules import MentorAction
from lti_service.people.service import Desk, Outcome
from lti_service.people.training import errors, rules
from lti_service.people.training.models import Origin, Training, TrainingCourse
from lti_service.people.training.rules import Standing, standing_of
from lti_service.platforms.models import Platform

LARGEST_ID = 2**31 - 1

# --- courses ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CourseFacts:
    """What is kept of a course, as a page sends it."""

    title: str
    begins_on: date | None = None
    ends_on: date | None = None
    hours: int | None = None
    document: str = ""
    valid_months: int | None = None
    moodle_course: str = ""
    """A Moodle course's number or address; empty: its completion is not read."""


def courses(session: Session, platform_id: int) -> list[TrainingCourse]:
    """The college's training courses, the newest first."""
    begins = func.coalesce(TrainingCourse.begins_on, date(1, 1, 1))
    return list(
        session.scalars(
            select(TrainingCourse)
            .where(TrainingCourse.platform_id == platform_id)
            .order_by(begins.desc(), TrainingCourse.id.desc())
        )
    )


def find(session: Session, platform_id: int, training_course_id: int) -> TrainingCourse:
    """A training course of the college. Raises NotFoundError."""
    found = session.scalar(
        select(TrainingCourse).where(TrainingCourse.id == training_course_id, TrainingCourse.platform_id == platform_id)
    )
    if found is None:
        raise NotFoundError
    return found


def add_course(session: Session, viewer: Viewer, facts: CourseFacts) -> TrainingCourse:
    """Keep a new training course; sent twice, it is there once. Raises errors of the fields."""
    wanted = _checked(facts)
    # A double click comes one after the other, and the second finds what the first has written.
    session.execute(select(Platform.id).where(Platform.id == viewer.platform_id).with_for_update(key_share=True))
    same = session.scalars(select(TrainingCourse).filter_by(platform_id=viewer.platform_id, **wanted).limit(1)).first()
    if same is not None:
        return same
    course = TrainingCourse(platform_id=viewer.platform_id, created_at=now())
    _keep(session, course, wanted)
    _record(session, viewer, "training.course-added", course.id)
    return course


def change_course(session: Session, viewer: Viewer, training_course_id: int, facts: CourseFacts) -> TrainingCourse:
    """Keep what a training course is now; records there are stay as they are.

    Raises NotFoundError, errors of the fields.
    """
    course = find(session, viewer.platform_id, training_course_id)
    wanted = _checked(facts)
    changed = [name for name, value in wanted.items() if getattr(course, name) != value]
    if "moodle_course" in changed:
        wanted |= {"read_at": None, "trouble": ""}
    if changed:
        _keep(session, course, wanted)
        _record(session, viewer, "training.course-changed", course.id, fields=changed)
    return course


def remove_course(session: Session, viewer: Viewer, training_course_id: int) -> None:
    """Delete a training course that nobody has completed. Raises NotFoundError, CourseInUseError."""
    course = find(session, viewer.platform_id, training_course_id)
    try:
        with session.begin_nested():
            session.delete(course)
            session.flush()
    except IntegrityError as err:
        raise errors.CourseInUseError from err
    _record(session, viewer, "training.course-removed", training_course_id)


def _keep(session: Session, course: TrainingCourse, wanted: dict[str, Any]) -> None:
    platform_id, moodle_course = course.platform_id, wanted["moodle_course"]
    try:
        with session.begin_nested():
            # Within, for what was changed before would be written before the savepoint.
            for name, value in wanted.items():
                setattr(course, name, value)
            session.add(course)
            session.flush()
    except IntegrityError as err:
        title = session.scalar(
            select(TrainingCourse.title).where(
                TrainingCourse.platform_id == platform_id, TrainingCourse.moodle_course == moodle_course
            )
        )
        raise errors.MoodleCourseTakenError(title=title or "") from err


_ADDRESS = re.compile(r"(?:.*[?&]id=)?(\d{1,10})(?:[&#].*)?")


def moodle_course_id(text: str) -> str | None:
    """The id of a Moodle course from its number or address; none when there is none. Raises MoodleCourseError."""
    text = text.strip()
    if not text:
        return None
    found = _ADDRESS.fullmatch(text)
    # Course 1 is Moodle's front page.
    if found is None or not 1 < int(found[1]) <= LARGEST_ID:
        raise errors.MoodleCourseError
    return str(int(found[1]))


def _checked(facts: CourseFacts) -> dict[str, Any]:
    title = " ".join(facts.title.split())
    if not title:
        raise errors.TitleMissingError
    dates = [day for day in (facts.begins_on, facts.ends_on) if day is not None]
    if dates != sorted(dates) or any(day.year < rules.EARLIEST_YEAR for day in dates):
        raise errors.CourseDatesError
    return {
        "title": title,
        "begins_on": facts.begins_on,
        "ends_on": facts.ends_on,
        "hours": facts.hours,
        "document": facts.document.strip(),
        "valid_months": facts.valid_months,
        "moodle_course": moodle_course_id(facts.moodle_course),
    }


# --- who has completed them ---------------------------------------------------------------------------------------


def record_completion(
    session: Session,
    at: Desk,
    mentor_ids: Iterable[int],
    training_course_id: int | None,
    *,
    completed_on: date,
    valid_until: date | None,
    numbers: Mapping[int, str],
    today: date,
) -> Outcome:
    """Keep that mentors of the course have completed a training; `numbers` of their documents by the mentor's id.

    Without `valid_until` it counts for as long as the course says. Selected mentors become ready by it when it is in
    force. Whoever has this record already (the same course and day) is left as they are.
    Raises NobodyChosenError, NotFoundError, NoCourseError, errors of the fields.
    """
    try:
        course = find(session, at.platform_id, training_course_id or 0)
    except NotFoundError as err:
        raise errors.NoCourseError from err
    if completed_on > today or completed_on.year < rules.EARLIEST_YEAR:
        raise errors.CompletedDayError
    if valid_until is not None and valid_until < completed_on:
        raise errors.ValidUntilError
    if any(len(number.strip()) > rules.LONGEST_NUMBER for number in numbers.values()):
        raise errors.NumberTooLongError(most=rules.LONGEST_NUMBER)
    mentors = service.chosen(session, at, Mentor, mentor_ids)
    known = set(
        session.scalars(
            select(Training.person_id).where(
                Training.training_course_id == course.id,
                Training.completed_on == completed_on,
                Training.person_id.in_([mentor.person_id for mentor in mentors]),
            )
        )
    )
    outcome = Outcome()
    for mentor in mentors:
        if mentor.person_id in known:
            outcome.same += 1
            continue
        session.add(
            Training(
                training_course_id=course.id,
                person_id=mentor.person_id,
                completed_on=completed_on,
                document_number=numbers.get(mentor.id, "").strip(),
                valid_until=valid_until or rules.counts_until(completed_on, course.valid_months),
                origin=Origin.CURATOR,
                recorded_by=at.actor_id,
                created_at=now(),
            )
        )
        outcome.done += 1
        service.record(session, at, "mentor.trained", f"mentor:{mentor.id}", training=course.id)
    session.flush()
    settle(session, at, mentors, today)
    return outcome


def remove_record(session: Session, at: Desk, person_id: int, training_id: int, today: date) -> None:
    """Take a record away that a curator made by mistake; whoever was ready by it alone is to be trained again.

    Raises NotFoundError, ReadFromMoodleError.
    """
    mentor = service.of_person(session, at, Mentor, person_id)
    found = session.scalar(select(Training).where(Training.id == training_id, Training.person_id == person_id))
    if found is None:
        raise NotFoundError
    if found.origin is Origin.MOODLE:
        raise errors.ReadFromMoodleError
    session.delete(found)
    session.flush()
    service.record(session, at, "mentor.training-removed", f"mentor:{mentor.id}", training=found.training_course_id)
    ends = _ends(session, [person_id]).get(person_id, [])
    if mentor.state is MentorState.READY and not mentor.without_training and not ends:
        mentor.state = people_rules.MENTOR_MOVES[mentor.state][MentorAction.UNTRAIN]
        session.flush()
        service.record(session, at, "mentor.untrain", f"mentor:{mentor.id}")


def settle(session: Session, at: Desk, mentors: Sequence[Mentor], day: date) -> int:
    """Make those ready who are selected and have a training in force on `day`; says how many.

    Who was ready without any is trained now. The caller has locked the rows.
    """
    ends = _ends(session, [mentor.person_id for mentor in mentors])
    ready = 0
    for mentor in mentors:
        if not rules.in_force(ends.get(mentor.person_id, []), day):
            continue
        if MentorAction.TRAIN in people_rules.MENTOR_MOVES[mentor.state]:
            mentor.state = people_rules.MENTOR_MOVES[mentor.state][MentorAction.TRAIN]
            ready += 1
            service.record(session, at, "mentor.train", f"mentor:{mentor.id}")
        if mentor.state is MentorState.READY:
            mentor.without_training = False
    session.flush()
    return ready


def of_person(session: Session, person_id: int) -> list[Training]:
    """Every training of somebody, the newest first."""
    return list(
        session.scalars(
            select(Training)
            .where(Training.person_id == person_id)
            .options(joinedload(Training.course))
            .order_by(Training.completed_on.desc(), Training.id.desc())
        )
    )


def standing(session: Session, person_id: int, day: date) -> Standing:
    """What somebody's trainings come to on `day`."""
    return standing_of(_ends(session, [person_id]).get(person_id, []), day)


def standings(session: Session, person_ids: Iterable[int], day: date) -> dict[int, Standing]:
    """The same of several people, by their ids; whoever has none is left out."""
    return {person: standing_of(ends, day) for person, ends in _ends(session, list(person_ids)).items()}


def _ends(session: Session, person_ids: Sequence[int]) -> dict[int, list[date | None]]:
    found: dict[int, list[date | None]] = {}
    rows = session.execute(select(Training.person_id, Training.valid_until).where(Training.person_id.in_(person_ids)))
    for person_id, until in rows:
        found.setdefault(person_id, []).append(until)
    return found


def _record(session: Session, viewer: Viewer, action: str, training_course_id: int, **details: Any) -> None:
    audit.record(
        session,
        action,
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        actor_id=viewer.person_id,
        subject=f"training:{training_course_id}",
        **details,
    )
