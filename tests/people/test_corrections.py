"""A name or a birth date corrected by hand is kept against Moodle, shown as differing, and given up in one click."""

import re
from collections.abc import Callable
from datetime import date

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis.strategies import dates, dictionaries, fixed_dictionaries, none, sampled_from, text
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service.audit import AuditEvent
from lti_service.people import enrolments
from lti_service.people.corrections import rules
from lti_service.people.models import Person
from lti_service.platforms.models import Course
from tests.counting import statements
from tests.people.conftest import writes
from tests.people.test_pages import send
from tests.practice_moodle import PracticeMoodle

PersonOf = Callable[[str], Person]
LaunchAs = Callable[..., FlaskClient]


@pytest.fixture(autouse=True)
def _english(moodle: PracticeMoodle) -> None:
    """Sentences are looked for as they stand in the code, whatever the catalogue says."""
    for person in moodle.college.people.values():
        person.lang = "en"


@pytest.fixture
def curator(synced: Course, launch_as: LaunchAs) -> FlaskClient:
    """The curator of the synced course, just come in."""
    return launch_as("curator")


@pytest.fixture
def corrected(curator: FlaskClient, synced: Course, person_of: PersonOf) -> Person:
    """student001, whose family name the curator has corrected."""
    page = correct(curator, synced, person_of("student001"), family_name="Исправленная")
    assert "Saved." in page.text
    return person_of("student001")


def correct(curator: FlaskClient, course: Course, person: Person, **changes: str):
    """Send the form of a person's page with some fields changed."""
    here = f"/courses/{course.id}/people/{person.id}/"
    kept = {"family_name": person.family_name, "given_name": person.given_name}
    fields = kept | {"birth_date": person.birth_date.isoformat() if person.birth_date else ""} | changes
    sent = {f"correct-{name}": value for name, value in fields.items()}
    page = curator.get(here).text
    token = page.split('name="correct-csrf_token"')[1].split('value="')[1].split('"')[0]
    return curator.post(here + "correct", data={**sent, "correct-csrf_token": token}, follow_redirects=True)


def trail(session: Session) -> list[tuple[str, dict[str, object]]]:
    session.commit()
    events = session.scalars(
        select(AuditEvent)
        .where(AuditEvent.action.in_(("person.corrected", "person.as_in_moodle")))
        .order_by(AuditEvent.id)
    )
    return [(event.action, event.details) for event in events]


def test_a_corrected_name_outlives_the_next_load_and_a_launch(
    synced: Course, moodle: PracticeMoodle, corrected: Person, person_of: PersonOf, launch_as: LaunchAs
):
    moodle.college.rename("student001", lastname="Новая", firstname="Нина")

    report = enrolments.sync_course(synced.id)
    after_load = person_of("student001")
    assert (after_load.family_name, after_load.given_name) == ("Исправленная", "Нина")
    assert after_load.corrected == {"family_name": "Новая"}
    assert report.problems["corrected"] == [corrected.moodle_id]

    launch_as("student001")
    after_launch = person_of("student001")
    assert (after_launch.family_name, after_launch.given_name) == ("Исправленная", "Нина")
    assert after_launch.search_name.startswith("исправленная")


def test_their_own_page_says_that_a_curator_wrote_the_name_and_moodle_the_rest(
    synced: Course, corrected: Person, launch_as: LaunchAs
):
    page = launch_as("student001").get(f"/courses/{synced.id}/my-data/").text
    rows = re.findall(r"<tr.*?</tr>", page, re.DOTALL)
    [family] = [row for row in rows if "Family name" in row and "Исправленная" in row]
    [given] = [row for row in rows if "Given name" in row]
    said = [re.findall(r"\b(Moodle|a curator)\b", row) for row in (family, given)]
    assert said == [["a curator"], ["Moodle"]]


def test_a_load_that_finds_it_so_already_writes_nothing(session: Session, synced: Course, corrected: Person):
    with statements(session) as sent:
        report = enrolments.sync_course(synced.id)

    assert report.same == 231
    assert [statement.split(" SET ")[0] for statement in writes(sent)] == ["UPDATE course"]


def test_a_launch_of_somebody_corrected_takes_the_queries_of_any_launch(
    session: Session, corrected: Person, launch_as: LaunchAs
):
    launch_as("student002")
    launch_as("student001")
    with statements(session) as of_another:
        launch_as("student002")
    with statements(session) as of_the_corrected:
        launch_as("student001")
    assert len(of_the_corrected) == len(of_another)


def test_the_difference_is_shown_on_the_page_in_the_list_and_in_the_report(
    synced: Course, moodle: PracticeMoodle, corrected: Person, curator: FlaskClient
):
    told = moodle.college.person("student001").lastname
    page = curator.get(f"/courses/{synced.id}/people/{corrected.id}/").text
    assert "Corrected here; Moodle says otherwise:" in page
    assert f"Family name: {told}" in page
    listed = curator.get(f"/courses/{synced.id}/base/?search=исправленная").text
    assert listed.count("Corrected here, differs from Moodle</span>") == 1
    other = curator.get(f"/courses/{synced.id}/base/?kind=young_teacher").text
    assert "Corrected here, differs from Moodle</span>" not in other

    send(curator, f"/courses/{synced.id}/sync/", f"/courses/{synced.id}/sync/")
    report = curator.get(f"/courses/{synced.id}/sync/").text
    assert "of 1 person was corrected here and differs from Moodle" in report
    assert f"Their numbers in Moodle: {corrected.moodle_id}." in report


def test_moodles_is_taken_again_in_one_click(
    session: Session, synced: Course, moodle: PracticeMoodle, corrected: Person, curator: FlaskClient, person_of
):
    here = f"/courses/{synced.id}/people/{corrected.id}/"

    page = send(curator, here + "as-in-moodle", here)

    person = person_of("student001")
    assert "Everything is as in Moodle again." in page.text
    assert (person.family_name, person.corrected) == (moodle.college.person("student001").lastname, {})
    assert trail(session) == [
        ("person.corrected", {"fields": ["family_name"]}),
        ("person.as_in_moodle", {"fields": ["family_name"]}),
    ]
    moodle.college.rename("student001", lastname="Новая")
    enrolments.sync_course(synced.id)
    assert person_of("student001").family_name == "Новая"


def test_once_moodle_says_the_same_the_name_is_moodles_again(
    synced: Course, moodle: PracticeMoodle, corrected: Person, person_of: PersonOf
):
    moodle.college.rename("student001", lastname="Исправленная")
    enrolments.sync_course(synced.id)
    assert person_of("student001").corrected == {}
    moodle.college.rename("student001", lastname="Замужняя")
    enrolments.sync_course(synced.id)
    assert person_of("student001").family_name == "Замужняя"


def test_a_birth_date_is_corrected_and_kept_too(
    synced: Course, moodle: PracticeMoodle, curator: FlaskClient, person_of: PersonOf
):
    before = person_of("student002").birth_date
    correct(curator, synced, person_of("student002"), birth_date="2009-05-06")
    enrolments.sync_course(synced.id)

    person = person_of("student002")
    assert (person.birth_date, person.corrected) == (date(2009, 5, 6), {"birth_date": before.isoformat()})
    correct(curator, synced, person, birth_date=before.isoformat())
    assert person_of("student002").corrected == {}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"family_name": " ", "given_name": ""}, "Write at least a family name or a given name."),
        ({"birth_date": "1899-01-01"}, "A date of birth from 1900 up to today."),
        ({"birth_date": "2999-01-01"}, "A date of birth from 1900 up to today."),
        ({"family_name": "я" * 201}, "is-invalid"),
    ],
)
def test_nonsense_is_refused_at_its_field(
    synced: Course, curator: FlaskClient, person_of: PersonOf, changes: dict[str, str], says: str
):
    page = correct(curator, synced, person_of("student001"), **changes)
    assert page.status_code == 422
    assert says in page.text
    assert person_of("student001").corrected == {}


def test_nobody_but_curators_of_the_course_corrects(synced: Course, launch_as: LaunchAs, person_of: PersonOf):
    teacher, person = launch_as("teacher03"), person_of("student001")
    for path in ("correct", "as-in-moodle"):
        assert teacher.post(f"/courses/{synced.id}/people/{person.id}/{path}").status_code in (400, 403)
    assert person_of("student001").corrected == {}


# --- the rule -------------------------------------------------------------------------------------------------------

NAMES = text(max_size=5)
VALUES = fixed_dictionaries({"family_name": NAMES, "given_name": NAMES, "birth_date": none() | dates()})


@given(known=VALUES, told=VALUES, corrected=dictionaries(sampled_from(rules.FIELDS[:2]), NAMES))
def test_what_is_corrected_stays_and_what_is_not_follows_moodle(known, told, corrected):
    facts, left = rules.merged(known, told, corrected)

    for field in rules.FIELDS:
        assert facts[field] == (known if field in corrected else told)[field]
    assert left == {field: told[field] for field in corrected if told[field] != known[field]}
    again, same = rules.merged(facts, told, left)
    assert (again, same) == (facts, left), "a second load finds nothing to change"


@given(known=VALUES, corrected=dictionaries(sampled_from(rules.FIELDS[:2]), NAMES.filter(bool), min_size=1))
def test_what_moodle_does_not_tell_changes_nothing_but_what_is_so_already(known, corrected):
    facts, left = rules.merged(known, {}, corrected)
    assert facts == known
    assert left == {field: said for field, said in corrected.items() if said != known[field]}


@given(value=none() | dates())
def test_a_date_is_read_as_it_was_kept(value):
    assert rules.as_value("birth_date", rules.as_text(value)) == value
