"""The lists of trainings: the college's courses and who has completed them, searched, filtered, sorted, in pages."""

import csv
import io
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service.db import now
from lti_service.people.models import Membership, Person
from lti_service.people.training.models import Origin, Training, TrainingCourse
from lti_service.platforms.models import Course, Platform
from tests.consenting import give_consent, withdraw_consent
from tests.counting import statements
from tests.practice_moodle import PracticeMoodle

ALL = "base/mentors/training/"


@pytest.fixture
def curator(moodle: PracticeMoodle, launch_as: Callable[..., FlaskClient], synced: Course) -> FlaskClient:
    moodle.college.person("curator").lang = "en"
    return launch_as("curator")


@pytest.fixture
def courses(session: Session, platform: Platform) -> list[TrainingCourse]:
    """71 of them; the later begin later and take longer."""
    found = [
        TrainingCourse(
            platform_id=platform.id,
            title=f"{'Школа' if number % 2 else 'ёлка'} {number:02}",
            begins_on=date(2025, 1, 1) + timedelta(number),
            hours=number + 1,
            document="Сертификат",
            created_at=now(),
        )
        for number in range(71)
    ]
    session.add_all(found)
    session.commit()
    return found


@pytest.fixture
def trained(session: Session, synced: Course, courses: list[TrainingCourse]) -> list[Training]:
    """120 people of the course, each trained once, until later and later, the last without an end."""
    people = session.scalars(
        select(Person)
        .join(Membership, Membership.person_id == Person.id)
        .where(Membership.course_id == synced.id)
        .order_by(Person.id)
        .limit(120)
    ).all()
    day = now().date()
    found = [
        Training(
            training_course_id=courses[number % 3].id,
            person_id=person.id,
            completed_on=day - timedelta(400 - number),
            document_number=f"АБ-{number}",
            valid_until=None if number == 119 else day - timedelta(20) + timedelta(number),
            origin=Origin.CURATOR,
            created_at=now(),
        )
        for number, person in enumerate(people)
    ]
    session.add_all(found)
    session.commit()
    return found


def rows(curator: FlaskClient, address: str) -> list[dict[str, str]]:
    answer = curator.get(curator.home + address)
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig")), delimiter=";"))


def test_courses_are_in_pages_searched_and_sorted(curator: FlaskClient, courses: list[TrainingCourse]):
    first = curator.get(curator.home + ALL).text
    assert "1–50 of 71" in first
    assert first.index("ёлка 00") < first.index("ёлка 70") < first.index("Школа 01"), "ё and case as people read them"
    assert "51–71 of 71" in curator.get(f"{curator.home}{ALL}?page=2").text
    assert "1–35 of 35" in curator.get(f"{curator.home}{ALL}?search=шКОЛА").text
    newest = curator.get(f"{curator.home}{ALL}?sort=date&order=desc").text
    assert newest.index("ёлка 70") < newest.index("Школа 69")
    assert "ёлка 00" not in newest
    longest = rows(curator, "base/mentors/training.csv?sort=hours&order=desc&search=елка")
    assert [row["Hours"] for row in longest[:2]] == ["71", "69"]
    assert len(longest) == 36
    assert "Show all courses" in curator.get(f"{curator.home}{ALL}?search=нет").text


def test_courses_are_sorted_by_how_many_have_completed_them(curator: FlaskClient, trained: list[Training]):
    by_completed = rows(curator, "base/mentors/training.csv?sort=completed&order=desc")
    assert [row["Completed"] for row in by_completed[:4]] == ["40", "40", "40", "0"]


def test_records_are_in_pages_and_their_tabs_count_all(curator: FlaskClient, trained: list[Training]):
    page = curator.get(f"{curator.home}{ALL}records/").text
    assert "1–50 of 120" in page
    for tab, count in (("All", 120), ("In force", 39), ("Runs out within 60 days", 61), ("Training has run out", 20)):
        assert f'{tab} <span class="people-count">{count}</span>' in page
    assert "101–120 of 120" in curator.get(f"{curator.home}{ALL}records/?page=3").text
    assert "1–20 of 20" in curator.get(f"{curator.home}{ALL}records/?state=expired").text


def test_records_are_filtered_by_when_they_run_out_by_course_group_and_name(
    curator: FlaskClient, session: Session, trained: list[Training], synced: Course
):
    assert len(rows(curator, f"{ALL}records.csv?within=30")) == 31, "today and the 30 days after it"
    assert len(rows(curator, f"{ALL}records.csv?within=31")) == 120, "no such choice"
    assert len(rows(curator, f"{ALL}records.csv?course={trained[0].training_course_id}")) == 40
    person = session.get_one(Person, trained[5].person_id)
    group = session.scalar(
        select(Membership.groups).where(Membership.person_id == person.id, Membership.course_id == synced.id)
    )
    found = rows(curator, f"{ALL}records.csv?search={person.name}")
    assert person.name in [row["Family name, given name, patronymic"] for row in found]
    of_group = rows(curator, f"{ALL}records.csv?group={group}")
    assert {row["Group"] for row in of_group} == {group}


@pytest.mark.parametrize("sort", ["name", "course", "date", "hours", "until"])
def test_records_are_sorted_by_each_column_both_ways(curator: FlaskClient, trained: list[Training], sort: str):
    column = {"name": None, "course": "Course", "date": None, "hours": "Hours", "until": None}[sort]
    up = rows(curator, f"{ALL}records.csv?sort={sort}")
    down = rows(curator, f"{ALL}records.csv?sort={sort}&order=desc")
    assert len(up) == len(down) == 120
    if column:
        assert [row[column] for row in up] == sorted(row[column] for row in up)
        assert [row[column] for row in down] == sorted((row[column] for row in down), reverse=True)
    if sort == "until":
        assert (up[-1]["Counts until"], down[0]["Counts until"]) == ("", ""), "without an end is the last of all"


def test_the_page_of_a_course_has_the_same_list(curator: FlaskClient, trained: list[Training]):
    address = f"{curator.home}{ALL}{trained[0].training_course_id}/"
    page = curator.get(address).text
    assert "1–40 of 40" in page
    assert f"records.xlsx?course={trained[0].training_course_id}" in page
    assert "of 40" not in curator.get(f"{address}?state=expired&course={trained[1].training_course_id}").text
    assert "1–7 of 7" in curator.get(f"{address}?state=expired").text
    nobody = curator.get(f"{address}?search=никого").text
    assert "Delete the course" not in nobody
    assert "Show everybody" in nobody


def test_of_whoever_has_withdrawn_no_number_of_a_document_is_told(
    curator: FlaskClient, session: Session, trained: list[Training]
):
    person = session.get_one(Person, trained[0].person_id)
    give_consent(session, person, now().date())
    session.commit()
    assert "АБ-0" in [row["Document number"] for row in rows(curator, f"{ALL}records.csv")]
    withdraw_consent(session, person, now().date())
    session.commit()

    left = rows(curator, f"{ALL}records.csv?search={person.name}")

    assert [(row["Document number"], row["Consent"]) for row in left] == [("", "consent withdrawn")]
    page = curator.get(f"{curator.home}{ALL}records/?search={person.name}").text
    assert person.name in page
    assert "No. АБ-0<" not in page


def test_a_page_takes_the_same_few_queries_however_many_records(
    curator: FlaskClient, session: Session, trained: list[Training]
):
    with statements(session) as many:
        curator.get(f"{curator.home}{ALL}records/")
    with statements(session) as few:
        curator.get(f"{curator.home}{ALL}records/?state=expired")
    assert len(many) == len(few) < 20
