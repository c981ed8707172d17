"""A teacher nominates students of the course, and the curator sees whom and why."""

import csv
import io
import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service.access import Role
from lti_service.audit import AuditEvent
from lti_service.people.models import Mentee, MenteeState, Nomination, Person, Source
from lti_service.platforms.models import Course
from tests.consenting import withdraw_consent
from tests.counting import statements
from tests.people.conftest import membership_of, mentee_of
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


def test_whoever_has_left_counts_as_little_as_they_are_listed(
    teacher: FlaskClient, session: Session, synced: Course, person_of: PersonOf
) -> None:
    gone, here = person_of("student001"), person_of("student002")
    for student in (gone, here):
        send(teacher, f"nominations/{student.id}", reason=REASON)
    membership_of(session, gone, synced).active = False
    session.commit()

    page = teacher.get(f"{teacher.home}nominations/?nominated=1").text

    assert "You have nominated 1 student." in page
    assert "1–1 of 1" in page
    assert gone.name not in page


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


def listed(page: str) -> str:
    """A page without what its filters offer: all groups of the course, of whomever they are."""
    return re.sub(r"<select.*?</select>", "", page, flags=re.DOTALL)


def order_of(page: str, *names: str) -> list[str]:
    """Those of these names that are on a page, in its order."""
    body = listed(page)
    return sorted((name for name in names if name in body), key=body.index)


def test_the_list_is_sorted_and_filtered_by_group_which_tells_nothing_without_a_consent(world, come_in) -> None:
    teacher = come_in(world.person("Учителев Олег", Role.TEACHER), "en")
    at = f"/courses/{world.course.id}/nominations/"
    people = {"Алексеев": "СВ-22", "Борисова": "СВ-21", "Власов": "СВ-21"}
    names = tuple(people)
    for name, group in people.items():
        world.person(f"{name} Ян", Role.STUDENT, groups=group, consents=name != "Власов")

    def shown(query: str = "") -> list[str]:
        return order_of(teacher.get(at + query).text, *names)

    assert shown() == ["Алексеев", "Борисова", "Власов"]
    assert shown("?order=desc") == ["Власов", "Борисова", "Алексеев"]
    assert shown("?sort=group") == ["Власов", "Борисова", "Алексеев"], "as if in no group"
    assert shown("?sort=group&order=desc") == ["Алексеев", "Борисова", "Власов"]
    assert shown("?group=СВ-21") == ["Борисова"]
    assert shown("?group=СВ-21&search=влас") == []
    assert "they are not found by it" in teacher.get(f"{at}?group=СВ-21").text


def test_the_list_is_saved_as_it_is_filtered_with_the_teachers_own_words(world, come_in, app) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    teacher = come_in(world.person("Учителев Олег", Role.TEACHER), "en")
    at = f"/courses/{world.course.id}/nominations/"
    one = world.person("Алексеев Пётр", Role.STUDENT, groups="СВ-22")
    other = world.person("Борисова Анна", Role.STUDENT, groups="СВ-21", consents=False)
    world.person("Власов Ян", Role.STUDENT, groups="СВ-21")
    for student in (one, other):
        assert teacher.post(f"{at}{student.id}", data={"reason": "=Пропускает"}).status_code == 303
    assert order_of(teacher.get(f"{at}?nominated=1").text, "Алексеев", "Борисова", "Власов") == ["Алексеев", "Борисова"]
    saved = teacher.get(f"{at}students.csv?nominated=1&sort=name&order=desc")
    rows = list(csv.reader(io.StringIO(saved.data.decode("utf-8-sig")), delimiter=";"))
    day = world.day.strftime("%d.%m.%Y")
    assert rows[1:] == [["Борисова Анна", "", day, ""], ["Алексеев Пётр", "СВ-22", day, "'=Пропускает"]]
    assert teacher.get(f"{at}students.xlsx").status_code == 200
    world.session.rollback()
    events = world.session.scalars(
        select(AuditEvent).where(AuditEvent.action == "base.exported").order_by(AuditEvent.id)
    ).all()
    assert [(event.subject, event.details["count"]) for event in events] == [("base:students", 2), ("base:students", 3)]
    assert come_in(world.person("", Role.STUDENT)).get(f"{at}students.csv").status_code == 403


def test_of_whom_no_consent_counts_a_teacher_sees_the_name_alone(world, come_in) -> None:
    """ADR 9, and a withdrawal takes effect at the next look."""
    teacher = come_in(world.person("Учителев Олег", Role.TEACHER), "en")
    at = f"/courses/{world.course.id}/nominations/"
    known = world.person("Алексеев Пётр", Role.STUDENT, groups="СВ-21")
    world.person("Борисова Анна", Role.STUDENT, groups="СВ-22", consents=False)
    page = listed(teacher.get(at).text)
    assert "Алексеев Пётр" in page
    assert "СВ-21" in page
    assert "Борисова Анна" in page
    assert "СВ-22" not in page
    assert page.count("no more than the name is shown") == 1
    assert "СВ-21" in teacher.get(f"{at}{known.id}").text
    withdraw_consent(world.session, known, world.day)
    world.session.commit()
    for path in (at, f"{at}{known.id}"):
        page = listed(teacher.get(path).text)
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
