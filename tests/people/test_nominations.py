"""A teacher nominates students of the course, and the curator sees whom and why."""

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service.access import Role
from lti_service.people.models import Mentee, MenteeState, Nomination, Person, Source
from lti_service.platforms.models import Course
from tests.consenting import withdraw_consent
from tests.counting import statements
from tests.people.conftest import mentee_of
from tests.practice_moodle import PracticeMoodle

PersonOf = Callable[[str], Person]
LaunchAs = Callable[..., FlaskClient]
REASON = "Один в общежитии, пропускает занятия"


@pytest.fixture(autouse=True)
def _english(moodle: PracticeMoodle) -> None:
    for person in moodle.college.people.values():
        person.lang = "en"


@pytest.fixture
def teacher(moodle: PracticeMoodle, launch_as: LaunchAs, synced: Course) -> FlaskClient:
    return launch_as(moodle.college.teachers[0].username)


def send(client: FlaskClient, path: str, **fields: object):
    page = client.get(f"{client.home}{path.removesuffix('/take-back')}").text
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found, page
    return client.post(f"{client.home}{path}", data={"csrf_token": found[1], **fields}, follow_redirects=True)


def test_a_teacher_nominates_and_the_curator_sees_who_said_why(
    teacher: FlaskClient, launch_as: LaunchAs, session: Session, person_of: PersonOf
) -> None:
    student = person_of("student001")
    assert "Nominate a student" in teacher.get(teacher.home).text
    assert f"Nominate {student.name}" in teacher.get(f"{teacher.home}nominations/?search={student.family_name}").text

    told = send(teacher, f"nominations/{student.id}", reason=f"  {REASON} ")

    assert "The curator sees your nomination." in told.text
    assert "You have nominated 1 student." in told.text
    curator = launch_as("curator")
    listed = curator.get(f"{curator.home}base/?nominated=1").text
    assert "1–1 of 1" in listed
    assert student.name in listed
    assert REASON in curator.get(f"{curator.home}people/{student.id}/").text
    mentee = mentee_of(session, student)
    assert mentee is not None
    assert (mentee.state, mentee.source) == (MenteeState.CANDIDATE, Source.MOODLE)


def test_said_again_it_changes_the_reason_and_it_can_be_taken_back(
    teacher: FlaskClient, session: Session, person_of: PersonOf
) -> None:
    student = person_of("student001")
    send(teacher, f"nominations/{student.id}", reason=REASON)
    send(teacher, f"nominations/{student.id}", reason="Иначе")
    session.commit()
    assert session.scalars(select(Nomination.reason)).all() == ["Иначе"]
    send(teacher, f"nominations/{student.id}/take-back")
    session.commit()
    assert session.scalars(select(Nomination)).all() == []
    assert mentee_of(session, student) is not None


def test_whoever_is_in_no_base_is_a_candidate_by_the_nomination(
    teacher: FlaskClient, session: Session, person_of: PersonOf
) -> None:
    student = person_of("student001")
    session.delete(session.scalars(select(Mentee).where(Mentee.person_id == student.id)).one())
    session.commit()
    send(teacher, f"nominations/{student.id}", reason=REASON)
    mentee = mentee_of(session, student)
    assert mentee is not None
    assert (mentee.state, mentee.source) == (MenteeState.CANDIDATE, Source.NOMINATION)


@pytest.mark.parametrize("reason", ["", "  ", "я" * 2001])
def test_a_nomination_without_a_reason_or_with_a_novel_is_refused(
    teacher: FlaskClient, session: Session, person_of: PersonOf, reason: str
) -> None:
    told = send(teacher, f"nominations/{person_of('student001').id}", reason=reason)
    assert told.status_code == 422
    assert session.scalars(select(Nomination)).all() == []


def test_students_cannot_nominate_and_teachers_only_students(
    teacher: FlaskClient, launch_as: LaunchAs, moodle: PracticeMoodle, person_of: PersonOf
) -> None:
    colleague = person_of(moodle.college.teachers[1].username)
    assert teacher.get(f"{teacher.home}nominations/{colleague.id}").status_code == 404
    student = launch_as("student002")
    assert student.get(f"{student.home}nominations/").status_code == 403


def test_a_student_and_a_teacher_never_read_what_was_said(
    teacher: FlaskClient, launch_as: LaunchAs, moodle: PracticeMoodle, person_of: PersonOf
) -> None:
    student = person_of("student001")
    send(teacher, f"nominations/{student.id}", reason=REASON)
    own = launch_as("student001")
    assert REASON not in own.get(own.home).text
    other = launch_as(moodle.college.teachers[1].username)
    assert REASON not in other.get(f"{other.home}nominations/{student.id}").text


def test_of_whom_no_consent_counts_a_teacher_sees_the_name_alone(world, come_in) -> None:
    """ADR 9, and a withdrawal takes effect at the next look."""
    teacher = come_in(world.person("Учителев Олег", Role.TEACHER), "en")
    at = f"/courses/{world.course.id}/nominations/"
    known = world.person("Алексеев Пётр", Role.STUDENT, groups="СВ-21")
    world.person("Борисова Анна", Role.STUDENT, groups="СВ-22", consents=False)
    page = teacher.get(at).text
    assert "Алексеев Пётр" in page
    assert "СВ-21" in page
    assert "Борисова Анна" in page
    assert "СВ-22" not in page
    assert page.count("no more than the name is shown") == 1
    assert "СВ-21" in teacher.get(f"{at}{known.id}").text
    withdraw_consent(world.session, known, world.day)
    world.session.commit()
    for path in (at, f"{at}{known.id}"):
        page = teacher.get(path).text
        assert "Алексеев Пётр" in page
        assert "СВ-21" not in page
        assert "no more than the name is shown" in page


def test_the_list_takes_the_same_queries_however_many_students(world, come_in) -> None:
    teacher = come_in(world.person("Учителев Олег", Role.TEACHER), "en")

    def count() -> int:
        with statements(world.session) as sent:
            assert teacher.get(f"/courses/{world.course.id}/nominations/").status_code == 200
        return len(sent)

    world.person("Алексеев Пётр", Role.STUDENT)
    few = count()
    for _ in range(8):
        world.person("", Role.STUDENT)
    assert count() == few
