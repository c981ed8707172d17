"""Completions of trainings come from Moodle: who is ready by that, what cannot be read and why."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_service.people.models import MentorState, Person
from lti_service.people.training import completions, tasks
from lti_service.people.training.models import Origin, Training, TrainingCourse
from lti_service.platforms.models import Course
from lti_service.queue import Run
from tests.people.conftest import mentor_of
from tests.people.test_support import post
from tests.people.test_training import ALL, a_training, record, select_mentors, today
from tests.practice_moodle import Course as MoodleCourse
from tests.practice_moodle import PracticeMoodle, add_school

PersonOf = Callable[[str], Person]
LaunchAs = Callable[..., FlaskClient]
FUNCTION = "core_completion_get_course_completion_status"


@pytest.fixture(autouse=True)
def _english(moodle: PracticeMoodle) -> None:
    for person in moodle.college.people.values():
        person.lang = "en"


@pytest.fixture
def school(moodle: PracticeMoodle) -> MoodleCourse:
    """The Moodle course in which mentors learn."""
    return add_school(moodle.college)


@pytest.fixture
def curator(launch_as: LaunchAs, synced: Course) -> FlaskClient:
    return launch_as("curator")


@pytest.fixture
def training(curator: FlaskClient, session: Session, school: MoodleCourse) -> TrainingCourse:
    """The training that is read from it."""
    return a_training(curator, session, moodle_course=str(school.id))


def read(curator: FlaskClient) -> str:
    return post(curator, f"{ALL}read", ALL).text


def kept(session: Session, person: Person) -> list[Training]:
    session.commit()
    return list(session.scalars(select(Training).where(Training.person_id == person.id)))


def test_who_has_completed_the_moodle_course_and_is_selected_becomes_ready(
    curator: FlaskClient, session: Session, moodle: PracticeMoodle, training: TrainingCourse, person_of: PersonOf
):
    school = moodle.college.course(int(training.moodle_course))
    done, halfway, candidate = person_of("employer01"), person_of("employer02"), person_of("employer03")
    school.done.clear()
    when = int(datetime(2026, 10, 15, 21, 30, tzinfo=UTC).timestamp())
    moodle.college.complete("employer01", school, "Занятия школы наставника", when=when - 86400 * 30)
    moodle.college.complete("employer01", school, "Итоговый тест", when=when)
    moodle.college.complete("employer02", school, "Занятия школы наставника")
    moodle.college.complete("employer03", school, when=when)
    select_mentors(curator, session, done, halfway)

    page = read(curator)

    assert "2 new completions, 1 mentor is ready by that" in page
    assert mentor_of(session, done).state is MentorState.READY
    assert mentor_of(session, halfway).state is MentorState.SELECTED
    assert mentor_of(session, candidate).state is MentorState.CANDIDATE, "nobody has selected them"
    (record_,) = kept(session, done)
    assert record_.origin is Origin.MOODLE
    # The last thing that was done, on the day it was in the college: half past midnight in Moscow.
    assert record_.completed_on.isoformat() == "2026-10-16"
    assert record_.valid_until.isoformat() == "2028-10-16"
    assert "from Moodle" in curator.get(f"{curator.home}people/{done.id}/").text
    shown = curator.get(f"{curator.home}{ALL}{training.id}/").text
    assert "Last read on" in shown
    assert done.name in shown


def test_reading_again_writes_nothing_and_asks_only_about_those_who_are_not_known(
    curator: FlaskClient, session: Session, moodle: PracticeMoodle, training: TrainingCourse
):
    read(curator)
    session.commit()
    before = session.scalar(select(func.count(Training.id)))
    assert before
    asked = len(moodle.requests.of(FUNCTION))
    page = read(curator)
    again = len(moodle.requests.of(FUNCTION)) - asked
    assert "No new completion." in page
    session.commit()
    assert session.scalar(select(func.count(Training.id))) == before
    assert again < asked
    runs = session.scalars(select(Run).where(Run.kind == completions.KIND).order_by(Run.id)).all()
    assert runs[0].counts["new"] == before
    assert runs[1].counts["asked"] == runs[0].counts["asked"] - before


def test_somebody_who_completes_it_later_is_found_by_night(
    curator: FlaskClient, session: Session, moodle: PracticeMoodle, training: TrainingCourse, person_of: PersonOf
):
    school = moodle.college.course(int(training.moodle_course))
    school.done.clear()
    person = person_of("employer01")
    select_mentors(curator, session, person)
    read(curator)
    assert mentor_of(session, person).state is MentorState.SELECTED
    moodle.college.complete("employer01", school)
    tasks.read_all()
    assert mentor_of(session, person).state is MentorState.READY


def test_teachers_of_the_moodle_course_are_not_tracked_and_the_page_says_so(
    curator: FlaskClient, moodle: PracticeMoodle, training: TrainingCourse
):
    moodle.college.enrol("employer01", int(training.moodle_course), "teacher")
    page = read(curator)
    # And the curator, who teaches there and may be a mentor, too.
    assert "Moodle does not follow the completion of 2 mentors" in page


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        ("untracked", "switch completion tracking on"),
        ("no right", "the right report/completion:view"),
        ("no criteria", "has no completion criteria yet"),
        ("no course", "Moodle does not know this course"),
        ("no function", f"lacks the function {FUNCTION}"),
    ],
)
def test_what_cannot_be_read_is_said_and_other_trainings_are_read_all_the_same(
    curator: FlaskClient,
    session: Session,
    moodle: PracticeMoodle,
    training: TrainingCourse,
    break_it: str,
    sentence: str,
):
    school = moodle.college.course(int(training.moodle_course))
    if break_it == "untracked":
        school.completion = None
    elif break_it == "no right":
        moodle.web_service.sees_completion = False
    elif break_it == "no criteria":
        school.completion = ()
    elif break_it == "no course":
        del moodle.college.courses[school.id]
    else:
        moodle.web_service.allowed.discard(FUNCTION)
    second = add_school(moodle.college, seed=1)
    a_training(curator, session, title="Вторая школа", moodle_course=str(second.id))

    page = read(curator)

    assert sentence in page
    shown = curator.get(f"{curator.home}{ALL}{training.id}/").text
    assert sentence in shown
    session.commit()
    found = session.scalar(select(func.count(Training.id)))
    assert bool(found) is (break_it not in ("no right", "no function"))


def test_a_moodle_that_does_not_answer_changes_nothing_and_the_run_says_so(
    curator: FlaskClient, session: Session, moodle: PracticeMoodle, training: TrainingCourse
):
    moodle.web_service.tokens.clear()
    page = read(curator)
    assert "The completions could not be read" in page
    assert "does not accept our web-service token" in page
    session.commit()
    assert session.scalar(select(func.count(Training.id))) == 0
    assert session.get(TrainingCourse, training.id).trouble == "", "it is not this course's fault"


def test_a_completion_from_moodle_is_not_deleted_here(
    curator: FlaskClient, session: Session, moodle: PracticeMoodle, training: TrainingCourse, person_of: PersonOf
):
    person = person_of("employer01")
    moodle.college.complete("employer01", int(training.moodle_course))
    read(curator)
    (found,) = kept(session, person)
    page = post(curator, f"people/{person.id}/training/{found.id}/remove", f"people/{person.id}/").text
    assert "This completion comes from Moodle and would come back." in page
    assert kept(session, person)


def test_what_a_curator_recorded_stays_beside_what_moodle_tells(
    curator: FlaskClient, session: Session, moodle: PracticeMoodle, training: TrainingCourse, person_of: PersonOf
):
    person = person_of("employer01")
    record(curator, training, select_mentors(curator, session, person), today())
    moodle.college.complete("employer01", int(training.moodle_course))
    read(curator)
    assert {found.origin for found in kept(session, person)} == {Origin.CURATOR, Origin.MOODLE}


def test_a_completion_without_a_day_is_of_the_day_it_was_first_read_and_lasts_no_longer(
    curator: FlaskClient, session: Session, moodle: PracticeMoodle, school: MoodleCourse, person_of: PersonOf
):
    a_training(curator, session, moodle_course=str(school.id), valid_months="1")
    person = person_of("employer01")
    school.done.clear()
    school.marked.add(int(person.moodle_id))
    read(curator)
    (found,) = kept(session, person)
    assert abs((found.completed_on - today()).days) <= 1
    found.completed_on -= timedelta(days=20)
    found.valid_until -= timedelta(days=20)
    session.commit()
    read(curator)
    assert len(kept(session, person)) == 1
