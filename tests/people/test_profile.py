"""A mentor's profile: filled in by themselves or by the curator; wanting to be a mentor, and taking that back."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_service.audit import AuditEvent
from lti_service.people import rules
from lti_service.people.models import ContactWay, Mentor, MentorState, Person
from lti_service.platforms.models import Course
from lti_service.programme.models import Form, MentorKind
from tests.consenting import give_consent
from tests.people.conftest import mentor_of
from tests.practice_moodle import PracticeMoodle

PersonOf = Callable[[str], Person]
LaunchAs = Callable[..., FlaskClient]
PAGE = "my-mentor-profile"


@pytest.fixture(autouse=True)
def _english(moodle: PracticeMoodle) -> None:
    for person in moodle.college.people.values():
        person.lang = "en"


def send(client: FlaskClient, path: str = PAGE, page: str = PAGE, **fields: object):
    """Post the profile, or one of its page's buttons, as a browser would."""
    shown = client.get(f"{client.home}{page}").text
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', shown)
    assert found, shown
    data = {"csrf_token": found[1], "capacity": "3", "contact_way": "", **fields}
    return client.post(f"{client.home}{path}", data=data, follow_redirects=True)


def form_of(session: Session, code: str) -> Form:
    return session.scalars(select(Form).where(Form.code == code)).one()


def actions(session: Session) -> list[str]:
    session.commit()
    return list(
        session.scalars(select(AuditEvent.action).where(AuditEvent.action.like("mentor.%")).order_by(AuditEvent.id))
    )


def test_a_student_offers_themselves_and_the_curator_finds_who_did(
    synced: Course, launch_as: LaunchAs, session: Session, person_of: PersonOf
) -> None:
    student = launch_as("student051")
    assert "I want to be a mentor" in student.get(student.home).text

    told = send(
        student,
        do="offer",
        strengths=["волонтёрство", "выдуманная тема"],
        offer="Помогу с адаптацией",
        capacity="2",
        times=["evening", "saturday"],
        times_note="кроме пятницы",
        contact_way="phone",
        contact="+7 900 000-00-00",
        experience="Староста",
        experience_years="2",
    )

    assert "The curator sees that you want to be a mentor" in told.text
    assert "My profile as a mentor" in told.text
    person = person_of("student051")
    mentor = mentor_of(session, person)
    assert (mentor.kind, mentor.state, mentor.capacity) == (MentorKind.STUDENT, MentorState.CANDIDATE, 2)
    assert mentor.strengths == ["волонтёрство"]
    assert (mentor.times, mentor.contact_way) == (["evening", "saturday"], ContactWay.PHONE)
    assert mentor.asked_at is not None
    assert mentor.profile_at is not None
    assert actions(session) == ["mentor.profile", "mentor.offered"]
    curator = launch_as("curator")
    page = curator.get(f"{curator.home}base/mentors/?asked=1").text
    assert "1–1 of 1" in page
    assert person.name in page
    record = curator.get(f"{curator.home}people/{person.id}/").text
    assert "wants to be a mentor" in record
    assert "волонтёрство. Помогу с адаптацией" in record
    session.commit()
    give_consent(session, person, date(2026, 11, 23))
    session.commit()
    saved = curator.get(f"{curator.home}base/mentors.csv?asked=1").get_data().decode("utf-8-sig")
    assert "weekday evenings, Saturday; кроме пятницы" in saved
    assert "by telephone: +7 900 000-00-00" in saved


def test_a_student_takes_it_back_while_nothing_is_decided(
    synced: Course, launch_as: LaunchAs, session: Session, person_of: PersonOf
) -> None:
    student = launch_as("student051")
    send(student, do="offer")
    told = send(student, f"{PAGE}/take-back")
    assert "Taken back" in told.text
    mentor = mentor_of(session, person_of("student051"))
    assert (mentor.state, mentor.asked_at) == (MentorState.WITHDRAWN, None)
    assert "I want to be a mentor" in student.get(student.home).text
    send(student, do="offer")
    assert mentor_of(session, person_of("student051")).state is MentorState.CANDIDATE


def test_a_teacher_who_takes_it_back_stays_a_candidate_as_moodle_has_it(
    synced: Course, launch_as: LaunchAs, session: Session, person_of: PersonOf
) -> None:
    mentor = session.scalars(select(Mentor).where(Mentor.kind == MentorKind.TEACHER)).first()
    assert mentor is not None
    person = session.get_one(Person, mentor.person_id)
    teacher = launch_as(int(person.moodle_id))
    assert "Save and say: I want to be a mentor" in teacher.get(f"{teacher.home}{PAGE}").text
    send(teacher, do="offer")
    session.commit()
    session.expire_all()
    assert mentor.asked_at is not None
    send(teacher, f"{PAGE}/take-back")
    session.commit()
    session.expire_all()
    assert (mentor.state, mentor.asked_at) == (MentorState.CANDIDATE, None)


def test_once_the_curator_has_decided_nothing_is_taken_back_and_the_profile_is_still_theirs(
    synced: Course, launch_as: LaunchAs, session: Session, person_of: PersonOf
) -> None:
    student = launch_as("student051")
    send(student, do="offer")
    mentor = mentor_of(session, person_of("student051"))
    mentor.state = MentorState.READY
    session.commit()

    told = send(student, f"{PAGE}/take-back")
    assert "The curator has decided about you already" in told.text
    told = send(student, do="offer", offer="Теперь ещё и спорт")
    assert "your profile can still be changed" in told.text
    told = send(student, do="save", offer="Теперь ещё и спорт")
    assert "Your profile is saved" in told.text
    mentor = mentor_of(session, person_of("student051"))
    assert (mentor.state, mentor.offer) == (MentorState.READY, "Теперь ещё и спорт")


def test_only_forms_for_their_kind_can_be_chosen(
    synced: Course, launch_as: LaunchAs, session: Session, person_of: PersonOf
) -> None:
    mentor = session.scalars(select(Mentor).where(Mentor.kind == MentorKind.TEACHER)).first()
    assert mentor is not None
    teacher = launch_as(int(session.get_one(Person, mentor.person_id).moodle_id))
    theirs, other = form_of(session, "teacher-student"), form_of(session, "student-student")
    page = teacher.get(f"{teacher.home}{PAGE}").text
    assert theirs.title in page
    assert other.title not in page
    refused = send(teacher, do="save", forms=[theirs.id, other.id])
    assert refused.status_code == 422
    assert "Choose forms of mentoring that are meant for this kind of mentor." in refused.text
    send(teacher, do="save", forms=[theirs.id])
    session.commit()
    session.expire_all()
    assert [form.code for form in mentor.forms] == ["teacher-student"]
    curator = launch_as("curator")
    for form, seen in ((theirs, True), (form_of(session, "teacher-teacher"), False), (other, False)):
        listed = curator.get(f"{curator.home}base/mentors/?form={form.id}").text
        assert (mentor.person.name in listed) is seen, form.code


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"capacity": "0"}, "From 1 to 20 mentees at once."),
        ({"capacity": ""}, "Say how many."),
        ({"capacity": "много"}, "Not a valid integer value."),
        ({"experience_years": "71"}, "From 0 to 70 years."),
        ({"contact": "+7 900"}, "Say what this is"),
        ({"contact": "я" * 201, "contact_way": "phone"}, "No more than 200 characters."),
        ({"offer": "я" * 2001}, "No more than 2000 characters."),
        ({"times": ["midnight"]}, "not a valid choice"),
    ],
)
def test_what_cannot_be_kept_is_said_at_its_field_and_nothing_is(
    synced: Course,
    launch_as: LaunchAs,
    session: Session,
    person_of: PersonOf,
    fields: dict[str, object],
    message: str,
) -> None:
    student = launch_as("student051")
    refused = send(student, do="offer", **fields)
    assert refused.status_code == 422
    assert message in refused.text
    assert mentor_of(session, person_of("student051")) is None


def test_two_windows_at_once_make_one_mentor(
    synced: Course, launch_as: LaunchAs, session: Session, person_of: PersonOf
) -> None:
    windows = [launch_as("student051"), launch_as("student051")]
    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(lambda window: send(window, do="offer").status_code, windows))
    assert told == [200, 200]
    session.commit()
    count = select(func.count(Mentor.id)).where(Mentor.person_id == person_of("student051").id)
    assert session.scalar(count) == 1


def test_who_only_keeps_the_course_has_no_profile(synced: Course, launch_as: LaunchAs) -> None:
    admin = launch_as("admin")
    assert admin.get(f"{admin.home}{PAGE}").status_code == 404
    assert "I want to be a mentor" not in admin.get(admin.home).text


def test_the_curator_keeps_the_profile_of_somebody_and_forms_follow_the_kind(
    synced: Course, launch_as: LaunchAs, session: Session, person_of: PersonOf
) -> None:
    mentor = session.scalars(select(Mentor).where(Mentor.kind == MentorKind.EMPLOYER)).first()
    assert mentor is not None
    curator = launch_as("curator")
    form = form_of(session, "employer-student")
    where = f"people/{mentor.person_id}/"
    send(curator, f"{where}mentor", where, kind="employer", forms=[form.id], organisation="Шахта", experience="Механик")
    session.commit()
    session.expire_all()
    assert ([found.id for found in mentor.forms], mentor.workplace) == ([form.id], "Шахта")
    assert "Механик" in curator.get(f"{curator.home}{where}").text

    send(curator, f"{where}mentor", where, kind="teacher", forms=[form.id])
    session.commit()
    session.expire_all()
    assert (mentor.kind, mentor.forms) == (MentorKind.TEACHER, [])


@given(st.booleans())
def test_who_takes_it_back_stays_a_candidate_only_where_the_rules_make_them_one(anyway: bool) -> None:
    assert (rules.state_when_taking_back(anyway) is MentorState.CANDIDATE) is anyway
