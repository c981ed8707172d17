"""Somebody for whom no pair can be formed is not forgotten: who talked with them, and when to look again."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service.db import now
from lti_service.people.models import Mentee, MenteeState, Person, Support
from lti_service.platforms.models import Course
from tests.people.conftest import mentee_of
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


def post(client: FlaskClient, path: str, source: str = "", **fields: object):
    page = client.get(f"{client.home}{source or path}").text
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found, page
    return client.post(f"{client.home}{path}", data={"csrf_token": found[1], **fields}, follow_redirects=True)


def give_up(curator: FlaskClient, session: Session, person: Person) -> Mentee:
    mentee = mentee_of(session, person)
    assert mentee is not None
    post(curator, "base/", chosen=mentee.id, action="need")
    answer = post(curator, "base/", chosen=mentee.id, action="give_up")
    assert "1 person has no pair for now." in answer.text
    found = mentee_of(session, person)
    assert found is not None
    return found


def test_whoever_has_no_pair_is_counted_offered_and_looked_after(
    curator: FlaskClient, session: Session, person_of: PersonOf
) -> None:
    student = person_of("student001")
    assert give_up(curator, session, student).state is MenteeState.UNPAIRED
    home = curator.get(curator.home).text
    assert "1 mentee without a pair is waiting" in home
    assert "0 of 1 on" in home, "still counted as somebody who needs a mentor"
    assert student.name in curator.get(f"{curator.home}pairs/?column=needs").text
    page = curator.get(f"{curator.home}people/{student.id}/").text
    assert "Nobody has talked with them yet." in page

    today = now().date()
    later = (today + timedelta(days=14)).isoformat()
    told = post(
        curator,
        f"people/{student.id}/support",
        day=today.isoformat(),
        who="Психолог Иванова",
        agreed="Встречи по средам",
        next_look=later,
    )

    assert "Психолог Иванова" in told.text
    assert "Встречи по средам" in told.text
    assert "look again on" in told.text
    assert "without a pair is waiting" not in curator.get(curator.home).text


def test_an_overdue_look_is_called_so(curator: FlaskClient, session: Session, person_of: PersonOf) -> None:
    student = person_of("student001")
    mentee = give_up(curator, session, student)
    past = now().date() - timedelta(days=30)
    session.add(Support(mentee_id=mentee.id, day=past, who="П", agreed="А", next_look=past, created_at=now()))
    session.commit()
    assert "overdue since" in curator.get(f"{curator.home}people/{student.id}/").text
    assert "1 mentee without a pair is waiting" in curator.get(curator.home).text


@pytest.mark.parametrize(
    "change",
    [{"day": "2999-01-01"}, {"next_look": "2000-01-01"}, {"who": " "}, {"agreed": ""}, {"day": "вчера"}],
)
def test_a_talk_that_makes_no_sense_is_refused(
    curator: FlaskClient, session: Session, person_of: PersonOf, change: dict[str, str]
) -> None:
    student = person_of("student001")
    give_up(curator, session, student)
    fields = {"day": now().date().isoformat(), "who": "П", "agreed": "А", **change}
    assert post(curator, f"people/{student.id}/support", **fields).status_code == 422
    assert session.scalars(select(Support)).all() == []


def test_who_writes_about_somebody_is_told_that_they_read_it(
    curator: FlaskClient, launch_as: LaunchAs, session: Session, person_of: PersonOf
) -> None:
    student = person_of("student001")
    give_up(curator, session, student)
    page = curator.get(f"{curator.home}people/{student.id}/support").text
    assert "the person it is about on their page “Who sees my data”" in page
    post(curator, f"people/{student.id}/support", day="2026-11-20", who="Психолог", agreed="Увидимся в декабре")
    own = launch_as("student001")
    assert "Увидимся в декабре" in own.get(f"{own.home}my-data/").text


def test_special_needs_are_kept_for_curators_only(
    curator: FlaskClient, launch_as: LaunchAs, session: Session, person_of: PersonOf
) -> None:
    student = person_of("student001")
    page = f"people/{student.id}/"
    post(curator, f"{page}mentee", page, wanted_form="", request="", special_needs="y")
    mentee = mentee_of(session, student)
    assert mentee is not None
    assert mentee.special_needs
    box = re.search(r'<input[^>]*name="special_needs"[^>]*>', curator.get(f"{curator.home}{page}").text)
    assert box is not None
    assert "checked" in box[0]
    saved = curator.get(f"{curator.home}base/mentees.csv").get_data().decode("utf-8-sig")
    assert "needs" not in saved.splitlines()[0].lower()
    post(curator, f"{page}mentee", page, wanted_form="", request="")
    changed = mentee_of(session, student)
    assert changed is not None
    assert not changed.special_needs
