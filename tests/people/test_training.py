"""Training of mentors: recorded for one or many, until when it counts, and what happens when it has run out."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service.db import now
from lti_service.people import lists
from lti_service.people.lists import Look
from lti_service.people.models import MentorState, Person
from lti_service.people.training import lists as training_lists
from lti_service.people.training.models import Origin, Training, TrainingCourse
from lti_service.people.training.rules import TrainingState, standing_of
from lti_service.platforms.models import Course
from lti_service.programme.models import Form
from tests.consenting import give_consent
from tests.people.conftest import SmallCourse, mentee_of, mentor_of
from tests.people.test_support import post
from tests.practice_moodle import PracticeMoodle

PersonOf = Callable[[str], Person]
LaunchAs = Callable[..., FlaskClient]
ALL = "base/mentors/training/"


@pytest.fixture(autouse=True)
def _english(moodle: PracticeMoodle) -> None:
    for person in moodle.college.people.values():
        person.lang = "en"


@pytest.fixture
def curator(launch_as: LaunchAs, synced: Course) -> FlaskClient:
    return launch_as("curator")


def today() -> date:
    return now().date()


def a_training(curator: FlaskClient, session: Session, **fields: object) -> TrainingCourse:
    facts = {"title": "Школа наставника", "hours": "16", "document": "Сертификат", "valid_months": "24", **fields}
    page = post(curator, f"{ALL}new", **facts)
    assert page.status_code == 200, page.text
    session.commit()
    return session.scalars(select(TrainingCourse).order_by(TrainingCourse.id.desc())).first()


def select_mentors(curator: FlaskClient, session: Session, *people: Person) -> list[int]:
    ids = [mentor_of(session, person).id for person in people]
    decision = {"decision": "accepted", "reason": "Совет", "do": "decide"}
    post(curator, "base/mentors/decide", "base/mentors/", chosen=ids, **decision)
    return ids


def record(curator: FlaskClient, course: TrainingCourse, ids: list[int], completed_on: date, **fields: object):
    sent = {"course": course.id, "completed_on": completed_on.isoformat(), "do": "train", "chosen": ids, **fields}
    return post(curator, "base/mentors/train", "base/mentors/", **sent)


def test_selected_mentors_become_ready_when_their_training_is_recorded(
    curator: FlaskClient, session: Session, person_of: PersonOf
):
    people = [person_of("employer01"), person_of("employer02")]
    course = a_training(curator, session)
    ids = select_mentors(curator, session, *people)
    candidate = mentor_of(session, person_of("employer03"))

    page = record(curator, course, [*ids, candidate.id], today(), **{f"number-{ids[0]}": "АБ-17"}).text

    assert "The training of 3 mentors is recorded." in page
    assert [mentor_of(session, person).state for person in people] == [MentorState.READY] * 2
    assert mentor_of(session, person_of("employer03")).state is MentorState.CANDIDATE, "nobody selected them"
    kept = session.scalars(select(Training).where(Training.person_id == people[0].id)).one()
    assert (kept.document_number, kept.origin, kept.valid_until.year) == ("АБ-17", Origin.CURATOR, today().year + 2)
    shown = curator.get(f"{curator.home}people/{people[0].id}/").text
    for sentence in ("Школа наставника", "Сертификат No. АБ-17", "counts until"):
        assert sentence in shown
    listed = curator.get(f"{curator.home}{ALL}{course.id}/").text
    assert people[1].name in listed
    again = record(curator, course, ids, today()).text
    assert "Nothing to change" in again


def test_whoever_is_trained_before_the_selection_is_ready_at_once(
    curator: FlaskClient, session: Session, person_of: PersonOf
):
    person = person_of("employer01")
    course = a_training(curator, session)
    record(curator, course, [mentor_of(session, person).id], today())
    assert mentor_of(session, person).state is MentorState.CANDIDATE
    select_mentors(curator, session, person)
    assert mentor_of(session, person).state is MentorState.READY


def test_a_training_that_has_run_out_makes_nobody_ready(curator: FlaskClient, session: Session, person_of: PersonOf):
    person = person_of("employer01")
    course = a_training(curator, session, valid_months="12")
    ids = select_mentors(curator, session, person)
    record(curator, course, ids, today() - timedelta(days=800))
    assert mentor_of(session, person).state is MentorState.SELECTED


def test_whose_training_has_run_out_is_offered_to_nobody_new_and_told_so(
    curator: FlaskClient, launch_as: LaunchAs, session: Session, person_of: PersonOf
):
    person, student = person_of("employer01"), person_of("student001")
    course = a_training(curator, session)
    ids = select_mentors(curator, session, person)
    record(curator, course, ids, today() - timedelta(days=400), valid_until=(today() + timedelta(days=30)).isoformat())
    assert mentor_of(session, person).state is MentorState.READY
    for one in (person, student):
        give_consent(session, one, today())
    session.commit()
    assert "the training of 1 mentor runs out within 60 days" in curator.get(curator.home).text
    soon = curator.get(f"{curator.home}base/mentors/?state=ready&training=soon").text
    assert person.name in soon
    assert "Runs out within 60 days" in soon

    kept = session.scalars(select(Training)).one()
    kept.valid_until = today() - timedelta(days=1)
    session.commit()

    assert "the training of 1 mentor has run out" in curator.get(curator.home).text
    listed = curator.get(f"{curator.home}base/mentors/?training=expired").text
    assert person.name in listed
    assert "Training has run out" in listed
    post(curator, "base/", "base/", chosen=_mentee(session, student), action="need")
    choosing = curator.get(f"{curator.home}pairs/new?mentee={_mentee(session, student)}&form={_form(session)}").text
    assert person.name not in choosing
    forced = post(
        curator, "pairs/new", "base/mentors/", mentor=ids[0], mentees=_mentee(session, student), form=_form(session)
    )
    assert f"The training of {person.name} has run out." in forced.text
    mentor = launch_as("employer01")
    assert "Your training for mentors has run out" in mentor.get(mentor.home).text
    assert "Training has run out" in mentor.get(f"{mentor.home}my-mentor-profile").text

    decision = {"decision": "admitted", "reason": "Следующий курс — весной", "do": "decide"}
    post(curator, "base/mentors/decide", "base/mentors/", chosen=ids, **decision)
    choosing = curator.get(f"{curator.home}pairs/new?mentee={_mentee(session, student)}&form={_form(session)}").text
    assert person.name in choosing, "a curator decided that they go on without another training"


def _mentee(session: Session, person: Person) -> int:
    return mentee_of(session, person).id


def _form(session: Session) -> int:
    return session.scalars(select(Form.id).where(Form.code == "employer-student")).one()


def test_a_record_made_by_mistake_is_taken_away_and_the_mentor_waits_for_training_again(
    curator: FlaskClient, session: Session, person_of: PersonOf
):
    person = person_of("employer01")
    course = a_training(curator, session)
    record(curator, course, select_mentors(curator, session, person), today())
    session.commit()
    kept = session.scalars(select(Training.id)).one()
    page = post(curator, f"people/{person.id}/training/{kept}/remove", f"people/{person.id}/")
    assert "The record of training is deleted." in page.text
    assert mentor_of(session, person).state is MentorState.SELECTED
    assert post(curator, f"{ALL}{course.id}/remove", f"{ALL}new").status_code == 200
    session.commit()
    assert session.scalars(select(TrainingCourse)).all() == []


def test_a_course_that_somebody_has_completed_stays(curator: FlaskClient, session: Session, person_of: PersonOf):
    course = a_training(curator, session)
    record(curator, course, select_mentors(curator, session, person_of("employer01")), today())
    page = post(curator, f"{ALL}{course.id}/remove", f"{ALL}new")
    assert page.status_code == 409
    assert "Mentors have completed this course" in page.text


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"title": " "}, "Write what the course is called."),
        ({"begins_on": "2026-10-02", "ends_on": "2026-10-01"}, "the course cannot end before it begins"),
        ({"hours": "0"}, "From 1 to 1000."),
        ({"valid_months": "0"}, "From 1 to 120."),
        ({"moodle_course": "школа"}, "Give the address of the course in Moodle"),
        ({"moodle_course": "1"}, "Give the address of the course in Moodle"),
    ],
)
def test_a_course_that_is_none_is_refused_at_its_field(
    curator: FlaskClient, session: Session, fields: dict[str, str], sentence: str
):
    page = post(curator, f"{ALL}new", **{"title": "Школа", **fields})
    assert page.status_code == 422
    assert sentence in page.text
    assert session.scalars(select(TrainingCourse)).all() == []


def test_one_moodle_course_is_one_training(curator: FlaskClient, session: Session):
    course = a_training(curator, session, moodle_course="https://moodle.example.org/course/view.php?id=3&lang=ru")
    assert course.moodle_course == "3"
    page = post(curator, f"{ALL}new", title="Другая", moodle_course="3")
    assert page.status_code == 422
    assert "is read for another training already: Школа наставника" in page.text


def test_a_course_is_not_changed_to_what_is_read_for_another(curator: FlaskClient, session: Session):
    a_training(curator, session, moodle_course="5")
    other = a_training(curator, session, title="Другая", moodle_course="6")
    page = post(curator, f"{ALL}{other.id}/change", title="Третья", moodle_course="5")
    assert page.status_code == 422
    assert "is read for another training already: Школа наставника" in page.text
    session.expire_all()
    assert (other.title, other.moodle_course) == ("Другая", "6")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"completed_on": "2999-01-01"}, "it cannot be in the future"),
        ({"valid_until": "2020-01-01"}, "The training cannot run out before it is completed."),
        ({"course": ""}, "Choose the course."),
        ({"course": "999"}, "Not a valid choice"),
    ],
)
def test_a_record_that_cannot_be_is_refused_and_nobody_is_ready_by_it(
    curator: FlaskClient, session: Session, person_of: PersonOf, fields: dict[str, str], sentence: str
):
    course = a_training(curator, session)
    ids = select_mentors(curator, session, person_of("employer01"))
    sent = {"course": course.id, "completed_on": today().isoformat(), "do": "train", "chosen": ids, **fields}
    page = post(curator, "base/mentors/train", "base/mentors/", **sent)
    assert page.status_code == 422
    assert sentence in page.text
    assert mentor_of(session, person_of("employer01")).state is MentorState.SELECTED


def test_the_file_of_mentors_says_until_when_they_are_trained(
    curator: FlaskClient, session: Session, person_of: PersonOf
):
    person = person_of("employer01")
    course = a_training(curator, session)
    record(curator, course, select_mentors(curator, session, person), today(), valid_until="2099-05-01")
    file = curator.get(f"{curator.home}base/mentors.csv?state=ready").data.decode("utf-8-sig")
    assert "Training until" in file
    assert "01.05.2099" in file


# --- the same in the database and in the rule ---------------------------------------------------------------------


def test_the_database_and_the_rule_agree_on_what_trainings_come_to(session: Session, small: SmallCourse):
    day = date(2026, 11, 27)
    course = TrainingCourse(platform_id=small.platform.id, title="Школа", created_at=now())
    session.add(course)
    session.flush()
    cases: list[list[date | None]] = [[], [None]]
    cases += [[day + timedelta(days=days)] for days in (-1, 0, 1, 59, 60, 61)]
    cases += [[day - timedelta(days=1), day + timedelta(days=90)], [day - timedelta(days=1), None]]
    expected: dict[int, TrainingState] = {small.mentor.id: TrainingState.NONE}
    for number, ends in enumerate(cases):
        mentor = small.a_mentor(f"Наставников{number} Ян", state=MentorState.READY)
        for place, end in enumerate(ends):
            session.add(
                Training(
                    training_course_id=course.id,
                    person_id=mentor.person_id,
                    completed_on=date(2024, 1, place + 1),
                    valid_until=end,
                    origin=Origin.CURATOR,
                    created_at=now(),
                )
            )
        expected[mentor.id] = standing_of(ends, day).state
    session.flush()
    found: dict[int, TrainingState] = {}
    for state in TrainingState:
        look = Look(training=state.value, day=day)
        for line in lists.list_mentors(session, small.cycle.id, small.course.id, look).lines:
            assert line.record.id not in found
            found[line.record.id] = state
    assert found == expected
    waiting = training_lists.waiting(session, small.cycle.id, small.course.id, day)
    assert waiting.expired == sum(state is TrainingState.EXPIRED for state in expected.values())
    assert waiting.soon == sum(state is TrainingState.SOON for state in expected.values())
    sorted_once = lists.list_mentors(session, small.cycle.id, small.course.id, Look(sort="training", day=day)).lines
    assert len(sorted_once) == len(expected)
