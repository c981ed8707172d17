"""A student asks for a mentor themselves, and the curator sees it."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_service.audit import AuditEvent
from lti_service.people.models import Mentee, MenteeState, Person
from lti_service.platforms.models import Course
from lti_service.programme.models import Form
from tests.people.conftest import mentee_of
from tests.practice_moodle import PracticeMoodle

PersonOf = Callable[[str], Person]
LaunchAs = Callable[..., FlaskClient]
TOPIC = "консультации"


@pytest.fixture(autouse=True)
def _english(moodle: PracticeMoodle) -> None:
    for person in moodle.college.people.values():
        person.lang = "en"


def send(client: FlaskClient, path: str = "my-request", **fields: object):
    """Post the form of the own request, or one of its buttons, as a browser would."""
    page = client.get(f"{client.home}my-request").text
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found, page
    data = {"csrf_token": found[1], "wanted_form": "", "request": "", **fields}
    return client.post(f"{client.home}{path}", data=data, follow_redirects=True)


def test_a_student_asks_and_the_curator_sees_what_for(
    synced: Course, launch_as: LaunchAs, session: Session, person_of: PersonOf
) -> None:
    student = launch_as("student001")
    assert "Ask for a mentor" in student.get(student.home).text
    form = session.scalars(select(Form).where(Form.code == "employer-student")).one()

    told = send(student, topics=[TOPIC, "ВКР"], request="Нужна практика", wanted_form=form.id)

    assert "Your request is with the curator" in told.text
    assert "You asked for a mentor on" in told.text
    assert "The curator reads your request and decides" in told.text
    assert "nothing is needed from you now" not in told.text
    mentee = mentee_of(session, person_of("student001"))
    assert mentee is not None
    assert (mentee.state, mentee.wanted_form_id, mentee.request) == (MenteeState.CANDIDATE, form.id, "Нужна практика")
    assert mentee.topics == [TOPIC, "ВКР"]
    curator = launch_as("curator")
    asking = curator.get(f"{curator.home}base/?asked=1").text
    assert "1–1 of 1" in asking
    assert person_of("student001").name in asking
    record = curator.get(f"{curator.home}people/{mentee.person_id}/").text
    assert f"<li>{TOPIC}</li>" in record
    assert "Нужна практика" in record
    assert "mentee.asked" in session.scalars(select(AuditEvent.action)).all()


def test_somebody_whom_no_load_has_brought_is_a_candidate_by_asking(
    launch_as: LaunchAs, platform: object, session: Session
) -> None:
    student = launch_as("student001")
    send(student, request="Помогите с практикой")
    mentee = session.scalars(select(Mentee)).one()
    assert (mentee.state, mentee.request) == (MenteeState.CANDIDATE, "Помогите с практикой")


def test_the_request_can_be_changed_and_taken_back(
    synced: Course, launch_as: LaunchAs, session: Session, person_of: PersonOf
) -> None:
    student = launch_as("student001")
    send(student, topics=TOPIC)
    page = student.get(f"{student.home}my-request").text
    assert re.search(rf'value="{TOPIC}" checked', page)
    send(student, topics="ВКР", request="Иначе")
    mentee = mentee_of(session, person_of("student001"))
    assert mentee is not None
    assert (mentee.topics, mentee.request) == (["ВКР"], "Иначе")

    assert "taken back" in send(student, "my-request/take-back").text
    mentee = mentee_of(session, person_of("student001"))
    assert mentee is not None
    assert (mentee.topics, mentee.request, mentee.asked_at) == ([], "", None)
    assert mentee.state is MenteeState.CANDIDATE


def test_an_empty_request_is_told_so_and_keeps_nothing(
    synced: Course, launch_as: LaunchAs, session: Session, person_of: PersonOf
) -> None:
    student = launch_as("student001")
    refused = send(student, topics="выдуманная тема", request="  ")
    assert refused.status_code == 422
    assert "Tick at least one topic" in refused.text
    mentee = mentee_of(session, person_of("student001"))
    assert mentee is not None
    assert mentee.asked_at is None


def test_too_long_a_text_stays_in_the_form(synced: Course, launch_as: LaunchAs) -> None:
    refused = send(launch_as("student001"), request="я" * 20_000)
    assert refused.status_code == 422
    assert "No more than" in refused.text
    assert "яяя" in refused.text


@pytest.mark.parametrize("state", [MenteeState.PROPOSED, MenteeState.PAIRED])
def test_once_a_mentor_is_proposed_the_request_stands(
    synced: Course, launch_as: LaunchAs, session: Session, person_of: PersonOf, state: MenteeState
) -> None:
    student = launch_as("student001")
    send(student, topics=TOPIC)
    page = student.get(f"{student.home}my-request").text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token
    mentee = mentee_of(session, person_of("student001"))
    assert mentee is not None
    mentee.state = state
    session.commit()

    data = {"csrf_token": token[1], "topics": "ВКР", "request": "", "wanted_form": ""}
    assert student.post(f"{student.home}my-request", data=data).status_code == 422
    student.post(f"{student.home}my-request/take-back", data=data)
    shown = student.get(f"{student.home}my-request").text
    assert "write to the curator" in shown
    assert TOPIC in shown
    mentee = mentee_of(session, person_of("student001"))
    assert mentee is not None
    assert (mentee.state, mentee.topics) == (state, [TOPIC])


def test_whoever_had_been_left_out_is_a_candidate_again_by_asking(
    synced: Course, launch_as: LaunchAs, session: Session, person_of: PersonOf
) -> None:
    student = launch_as("student001")
    mentee = mentee_of(session, person_of("student001"))
    assert mentee is not None
    mentee.state = MenteeState.WITHDRAWN
    session.commit()
    send(student, topics=TOPIC)
    mentee = mentee_of(session, person_of("student001"))
    assert mentee is not None
    assert mentee.state is MenteeState.CANDIDATE


def test_teachers_ask_only_when_they_are_in_the_base(
    synced: Course, launch_as: LaunchAs, session: Session, person_of: PersonOf
) -> None:
    young, old = launch_as("teacher01"), launch_as("teacher05")
    assert young.get(f"{young.home}my-request").status_code == 200
    assert "школа для начинающих преподавателей" in young.get(f"{young.home}my-request").text
    assert mentee_of(session, person_of("teacher05")) is None
    assert old.get(f"{old.home}my-request").status_code == 404
    employer = launch_as("employer01")
    assert employer.get(f"{employer.home}my-request").status_code == 403


def test_two_requests_at_once_make_one_record(launch_as: LaunchAs, platform: object, session: Session) -> None:
    browsers = [launch_as("student001") for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(lambda browser: send(browser, request="Помогите").status_code, browsers))
    assert told == [200, 200]
    assert session.scalar(select(func.count(Mentee.id))) == 1
