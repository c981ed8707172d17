"""The pages of loads: earlier ones in pages, and all the people with whom one had trouble."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from lti_service.db import now
from lti_service.people import enrolments
from lti_service.people.models import Person
from lti_service.platforms.models import Course, Platform
from lti_service.queue import Run, RunState
from tests.people.conftest import a_course
from tests.people.test_support import post
from tests.practice_moodle import PracticeMoodle


@pytest.fixture
def curator(moodle: PracticeMoodle, launch_as: Callable[..., FlaskClient], synced: Course) -> FlaskClient:
    moodle.college.person("curator").lang = "en"
    return launch_as("curator")


def a_run(session: Session, course: Course, state: RunState, moment: datetime, **more: object) -> Run:
    run = Run(
        kind=enrolments.KIND,
        course_id=course.id,
        state=state,
        created_at=moment,
        heard_at=moment,
        finished_at=moment,
        **{"counts": {"new": 0, "same": 231}, **more},
    )
    session.add(run)
    session.commit()
    return run


def test_earlier_loads_are_in_pages_and_filtered_by_how_they_ended(
    curator: FlaskClient, session: Session, synced: Course
):
    for number in range(121):
        state = RunState.FAILED if number % 4 == 3 else RunState.DONE
        code = "moodle-down" if state is RunState.FAILED else ""
        a_run(session, synced, state, now() - timedelta(days=130 - number), error_code=code)
    address = f"{curator.home}sync/"

    first = curator.get(address).text
    assert "1–50 of 120" in first, "the newest stands above"
    assert "101–120 of 120" in curator.get(f"{address}?page=3").text
    failed = curator.get(f"{address}?state=failed").text
    assert "1–30 of 30" in failed
    assert failed.count("Moodle does not answer.") == 30
    assert "1–50 of 120" in curator.get(f"{address}?state=waiting").text, "no such choice"


def test_all_with_a_trouble_are_named_on_a_page_of_their_own(
    curator: FlaskClient, session: Session, synced: Course, moodle: PracticeMoodle, person_of: Callable[[str], Person]
):
    students = moodle.college.students[:120]
    for student in students:
        student.fields["birthdate"] = "31 июня"
    page = post(curator, "sync/", "sync/").text
    assert "The birth date cannot be read: 120." in page
    numbers = [str(student.id) for student in students]
    assert ", ".join(numbers[:10]) + ", …." in page
    assert numbers[10] not in page.split("with numbers")[1].split("Who they are")[0]
    run = session.query(Run).order_by(Run.id.desc()).first()
    address = f"{curator.home}sync/{run.id}/birth-date/"
    assert f'href="/courses/{synced.id}/sync/{run.id}/birth-date/"' in page

    listed = curator.get(address).text
    assert "1–50 of 120" in listed
    assert "101–120 of 120" in curator.get(f"{address}?page=3").text
    person = person_of(students[77].username)
    found = curator.get(f"{address}?search={person.name}").text
    assert person.name in found
    assert str(students[77].id) in found
    by_number = curator.get(f"{address}?search={students[77].id}").text
    assert "1–1 of 1" in by_number


def test_a_load_of_another_course_or_without_this_trouble_has_no_such_page(
    curator: FlaskClient, session: Session, synced: Course, platform: Platform
):
    problems = {"problems": {"birth-date": {"count": 12, "people": ["5", "6"]}}}
    elsewhere = a_run(session, a_course(session, platform, 3), RunState.DONE, now(), counts=problems)
    own = a_run(session, synced, RunState.DONE, now(), counts=problems)
    assert curator.get(f"{curator.home}sync/{elsewhere.id}/birth-date/").status_code == 404
    assert curator.get(f"{curator.home}sync/{own.id}/experience/").status_code == 404
    assert curator.get(f"{curator.home}sync/{own.id}/nonsense/").status_code == 404
    page = curator.get(f"{curator.home}sync/{own.id}/birth-date/").text
    assert "There were 12 people in all; this load of long ago names only the first." in page
