"""Selecting mentors: by the college's criteria, one or several at once, with a reason and the whole history."""

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_service.audit import AuditEvent
from lti_service.people.models import MentorState, Person
from lti_service.people.selection.models import Criterion, MentorDecision
from lti_service.platforms.models import Course
from tests.counting import statements
from tests.people.conftest import mentor_of
from tests.people.test_support import post
from tests.practice_moodle import PracticeMoodle

PersonOf = Callable[[str], Person]
LaunchAs = Callable[..., FlaskClient]


@pytest.fixture(autouse=True)
def _english(moodle: PracticeMoodle) -> None:
    for person in moodle.college.people.values():
        person.lang = "en"


@pytest.fixture
def curator(launch_as: LaunchAs, synced: Course) -> FlaskClient:
    return launch_as("curator")


def version_of(client: FlaskClient, path: str) -> str:
    found = re.search(r'name="version" value="([^"]+)"', client.get(f"{client.home}{path}").text)
    assert found
    return found[1]


def sheet(client: FlaskClient, person: Person, **fields: object):
    path = f"people/{person.id}/selection"
    return post(client, path, **{"version": version_of(client, path), **fields})


def decisions(session: Session) -> int:
    session.commit()
    return session.scalar(select(func.count(MentorDecision.id))) or 0


# --- one candidate ------------------------------------------------------------------------------------------------


def test_a_candidate_is_marked_and_selected_and_the_result_is_shown(
    curator: FlaskClient, session: Session, person_of: PersonOf
):
    person = person_of("employer01")
    page = curator.get(f"{curator.home}people/{person.id}/selection").text
    assert "The criteria are a suggestion of this service" in page

    counted = sheet(curator, person, **{"mark-0": "5", "mark-1": "4", "do": "count"}).text
    assert "90\N{NO-BREAK SPACE}%" in counted
    assert "27 of 30 points" in counted
    assert "assessed: 2 of 5 criteria" in counted
    assert decisions(session) == 0, "counting decides nothing"

    marks = {"mark-0": "5", "mark-1": "4", "mark-2": "3", "mark-3": "5", "mark-4": "0"}
    page = sheet(curator, person, decision="accepted", reason="Беседа 20 ноября", **marks).text

    assert mentor_of(session, person).state is MentorState.SELECTED
    assert "78,2" in page or "78.2" in page
    assert "43 of 55 points" in page
    assert "Беседа 20 ноября" in page
    assert "Selected" in page
    kept = session.scalars(select(MentorDecision)).one()
    assert kept.curator.name in page
    assert [score["mark"] for score in kept.scores] == [5, 4, 3, 5, 0]


def test_the_mentor_sees_what_was_decided_but_neither_marks_nor_the_reason(
    curator: FlaskClient, launch_as: LaunchAs, person_of: PersonOf
):
    person = person_of("employer01")
    sheet(curator, person, decision="accepted", reason="Тайное основание", **{"mark-0": "2"})

    mentor = launch_as("employer01")
    home, profile = mentor.get(mentor.home).text, mentor.get(f"{mentor.home}my-mentor-profile").text

    assert "You are selected as a mentor." in home
    assert re.search(r"Decision of \d\d\.\d\d\.\d{4}: Selected", profile)
    for page in (home, profile):
        assert "Тайное" not in page
        assert "points" not in page
    assert mentor.get(f"{mentor.home}people/{person.id}/selection").status_code == 403


def test_whoever_was_turned_down_is_told_and_considered_again_and_the_history_stays(
    curator: FlaskClient, launch_as: LaunchAs, session: Session, person_of: PersonOf
):
    person = person_of("teacher03")
    sheet(curator, person, decision="turned_down", reason="Нет времени до лета")
    assert mentor_of(session, person).state is MentorState.TURNED_DOWN
    teacher = launch_as("teacher03")
    assert "You may be considered again" in teacher.get(teacher.home).text
    refused = post(teacher, "my-mentor-profile", "my-mentor-profile", capacity="2", do="offer")
    assert "The curator has decided about you already" in refused.text

    sheet(curator, person, decision="postponed", reason="Вернёмся весной")
    assert mentor_of(session, person).state is MentorState.CANDIDATE
    page = sheet(curator, person, decision="accepted", reason="Освободился").text
    assert mentor_of(session, person).state is MentorState.SELECTED
    assert "2 earlier decisions" in page
    assert "Нет времени до лета" in page
    assert "Вернёмся весной" in page


@pytest.mark.parametrize(
    ("decision", "reason"),
    [("turned_down", ""), ("postponed", " "), ("admitted", ""), ("accepted", ""), ("turned_down", "я" * 1001)],
)
def test_a_decision_needs_its_reason(
    curator: FlaskClient, session: Session, person_of: PersonOf, decision: str, reason: str
):
    page = sheet(curator, person_of("employer01"), decision=decision, reason=reason)
    assert page.status_code == 422
    assert "characters" in page.text
    assert decisions(session) == 0
    assert mentor_of(session, person_of("employer01")).state is MentorState.CANDIDATE


def test_nothing_is_chosen_so_nothing_is_decided(curator: FlaskClient, session: Session, person_of: PersonOf):
    page = sheet(curator, person_of("employer01"), reason="Так")
    assert page.status_code == 422
    assert "Choose what you have decided." in page.text
    assert decisions(session) == 0


def test_the_same_press_twice_is_one_decision(curator: FlaskClient, session: Session, person_of: PersonOf):
    person = person_of("employer01")
    for _ in range(2):
        page = sheet(curator, person, decision="accepted", **{"mark-0": "5"})
    assert "Nothing to change" in page.text
    assert decisions(session) == 1
    sheet(curator, person, decision="accepted", **{"mark-0": "4"})
    assert decisions(session) == 2, "other marks are another decision"


def test_marks_for_other_criteria_than_those_that_are_there_are_refused(
    curator: FlaskClient, session: Session, person_of: PersonOf
):
    person = person_of("employer01")
    path = f"people/{person.id}/selection"
    page = post(curator, path, decision="accepted", version="old", **{"mark-0": "5"})
    assert page.status_code == 409
    assert "The criteria have been changed meanwhile." in page.text
    wrong = sheet(curator, person, decision="accepted", **{"mark-0": "6"})
    assert wrong.status_code == 422
    assert decisions(session) == 0


# --- several at once ----------------------------------------------------------------------------------------------


def test_several_of_a_filter_are_selected_at_once_and_whoever_cannot_be_is_named(
    curator: FlaskClient, session: Session, person_of: PersonOf
):
    names = ("employer01", "employer02", "employer03")
    ids = [mentor_of(session, person_of(name)).id for name in names]
    post(curator, "base/mentors/", "base/mentors/", chosen=ids[2], action="withdraw")

    asked = post(curator, "base/mentors/decide?kind=employer", "base/mentors/", chosen=ids)
    assert asked.status_code == 200
    for name in names:
        assert person_of(name).name in asked.text
    decision = {"decision": "accepted", "reason": "Совет 20 ноября", "do": "decide"}
    page = post(curator, "base/mentors/decide?kind=employer", "base/mentors/", chosen=ids, **decision).text

    assert "2 people are selected." in page
    assert f"Left as they are: {person_of('employer03').name}" in page
    assert [mentor_of(session, person_of(name)).state.value for name in names] == ["selected", "selected", "withdrawn"]
    trail = session.scalars(select(AuditEvent).where(AuditEvent.action == "mentor.select")).all()
    assert len(trail) == 2
    assert "Совет" not in str([event.details for event in trail])
    home = curator.get(curator.home).text
    assert "2 selected mentors wait for training" in home
    assert "22 candidates wait for selection" in home


def test_nobody_is_chosen_so_the_page_says_what_to_do(curator: FlaskClient):
    page = curator.get(f"{curator.home}base/mentors/decide")
    assert page.status_code == 422
    assert "Choose at least one person in the list." in page.text


def test_ready_without_training_is_a_decision_with_a_reason(
    curator: FlaskClient, session: Session, person_of: PersonOf
):
    mentor = mentor_of(session, person_of("employer01"))
    fields = {"chosen": mentor.id, "decision": "admitted", "do": "decide"}
    assert post(curator, "base/mentors/decide", "base/mentors/", **fields).status_code == 422
    post(curator, "base/mentors/decide", "base/mentors/", **fields, reason="Мастер с 20-летним стажем")
    mentor = mentor_of(session, person_of("employer01"))
    assert (mentor.state, mentor.without_training) == (MentorState.READY, True)
    post(curator, "base/mentors/", "base/mentors/", chosen=mentor.id, action="accept")
    page = curator.get(f"{curator.home}people/{mentor.person_id}/").text
    assert "Мастер с 20-летним стажем" in page
    assert "A curator decided that no training is needed." in page


@pytest.mark.parametrize("who", ["student001", "teacher01", "employer01"])
def test_only_curators_select(synced: Course, launch_as: LaunchAs, who: str):
    client = launch_as(who)
    for path in ("base/mentors/criteria/", "base/mentors/decide", "people/1/selection", "base/mentors/training/"):
        assert client.get(f"{client.home}{path}").status_code == 403


def test_a_page_about_many_costs_as_much_as_one_about_few(curator: FlaskClient, session: Session, person_of: PersonOf):
    ids = [mentor_of(session, person_of(f"employer{number:02}")).id for number in range(1, 10)]
    address = f"{curator.home}base/mentors/decide"
    curator.get(address, query_string={"chosen": ids})
    with statements(session) as few:
        curator.get(address, query_string={"chosen": ids[:2]})
    with statements(session) as many:
        curator.get(address, query_string={"chosen": ids})
    assert len(many) == len(few)


# --- criteria -----------------------------------------------------------------------------------------------------


def lines(*criteria: tuple[str, str]) -> dict[str, str]:
    fields = {}
    for number, (title, weight) in enumerate(criteria):
        fields |= {f"title-{number}": title, f"weight-{number}": weight, f"source-{number}": "Положение, п. 4"}
    return fields


def test_the_college_puts_its_own_criteria_in_the_place_of_ours(
    curator: FlaskClient, session: Session, person_of: PersonOf
):
    path = "base/mentors/criteria/"
    assert "only a suggestion of this service" in curator.get(f"{curator.home}{path}").text
    sheet(curator, person_of("employer02"), decision="accepted", **{"mark-0": "5"})

    sent = lines(("Стаж", "2"), ("", "1"), ("Рекомендация", "1"))
    page = post(curator, path, version=version_of(curator, path), **sent).text

    assert "The criteria are saved." in page
    assert "only a suggestion of this service" not in page
    assert "66.7\N{NO-BREAK SPACE}% of the result" in page
    session.commit()
    kept = session.scalars(select(Criterion).order_by(Criterion.position)).all()
    assert [(row.title, row.weight, row.source) for row in kept] == [
        ("Стаж", 2, "Положение, п. 4"),
        ("Рекомендация", 1, "Положение, п. 4"),
    ]
    marked = sheet(curator, person_of("employer01"), **{"mark-0": "5", "mark-1": "2", "do": "count"}).text
    assert "12 of 15 points" in marked
    earlier = curator.get(f"{curator.home}people/{person_of('employer02').id}/").text
    assert "Успешный опыт" in earlier, "a decision keeps the criteria by which it was taken"


def test_wrong_criteria_are_told_line_by_line_and_nothing_is_saved(curator: FlaskClient, session: Session):
    path = "base/mentors/criteria/"
    sent = lines(("Стаж", "11"), ("Стаж", "1"), ("Д" * 201, "2"))
    page = post(curator, path, version=version_of(curator, path), **sent)
    assert page.status_code == 422
    for sentence in ("From 1 to 10.", "There is such a criterion already.", "No more than 200 characters."):
        assert sentence in page.text
    assert session.scalar(select(func.count(Criterion.id))) == 0
    none = post(curator, path, version=version_of(curator, path), **lines(("", "1")))
    assert "At least one criterion is needed." in none.text


def test_criteria_that_another_curator_has_changed_meanwhile_are_not_overwritten(
    curator: FlaskClient, session: Session
):
    path = "base/mentors/criteria/"
    seen = version_of(curator, path)
    post(curator, path, version=seen, **lines(("Стаж", "2")))
    page = post(curator, path, version=seen, **lines(("Другое", "3")))
    assert page.status_code == 409
    session.commit()
    assert session.scalars(select(Criterion.title)).all() == ["Стаж"]
