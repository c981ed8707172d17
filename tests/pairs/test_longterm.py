"""The long-term base: everybody who was a mentor, over all school years, with the pairs of each year."""

import csv
import io
from collections.abc import Callable
from datetime import date

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from lti_service.db import now
from lti_service.pairs.models import PairState
from lti_service.people.employers.models import Employer
from lti_service.people.models import Mentor, MentorState, Person
from lti_service.programme import service as programme
from lti_service.programme.models import MentorKind
from tests.consenting import withdraw_consent
from tests.counting import statements
from tests.pairs.conftest import World

ComeIn = Callable[..., FlaskClient]
YEARS = "base/mentors/years/"


def at(world: World, path: str) -> str:
    return f"/courses/{world.course.id}/{path}"


def in_earlier_year(world: World, person: Person, **facts: object) -> Mentor:
    """Somebody's record of the school year before."""
    cycle = programme.current_cycle(world.session, world.platform.id, date(world.cycle.start_year - 1, 10, 1))
    values = {"kind": MentorKind.TEACHER, "state": MentorState.READY, **facts}
    mentor = Mentor(cycle_id=cycle.id, person=person, created_at=now(), **values)
    world.session.add(mentor)
    world.session.commit()
    return mentor


@pytest.fixture
def veteran(world: World) -> Mentor:
    """A teacher who was a mentor last year and has a finished and an active pair, with three mentees, this year."""
    mentor = world.mentor("Ветеранов Пётр")
    in_earlier_year(world, mentor.person)
    world.pair(PairState.FINISHED, mentor, world.mentee())
    world.pair(PairState.ACTIVE, mentor, world.mentee(), world.mentee())
    world.pair(PairState.DECLINED, mentor, world.mentee())
    return mentor


def test_a_line_a_person_with_the_years_and_the_pairs_that_came_to_be(world: World, come_in: ComeIn, veteran: Mentor):
    novice = world.mentor("Новичков Яков", state=MentorState.SELECTED)
    world.mentor("Кандидатов Олег", state=MentorState.CANDIDATE)
    world.mentor("Отказов Лев", state=MentorState.TURNED_DOWN)
    left = in_earlier_year(world, world.person("Ушедший Иван"), state=MentorState.READY)
    world.enrol(left.person).active = False
    world.session.commit()

    page = come_in(world.curator, "en").get(at(world, YEARS)).text

    for mentor in (veteran, novice, left):
        assert mentor.person.name in page
    for name in ("Кандидатов", "Отказов"):
        assert name not in page, "nobody has selected them, and they led no pair"
    line = page.split(veteran.person.name)[1].split("</tr>")[0]
    assert "2 school years" in line
    assert "3 mentees" in line
    assert "1–3 of 3" in page


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("year={last}", {"Первый"}),
        ("kind=employer", {"Второй"}),
        ("employer={employer}", {"Второй"}),
        ("form=employer-student", {"Второй"}),
        ("form=teacher-student", {"Первый"}),
        ("form=teacher-teacher", {"Первый"}),
        ("search=втор", {"Второй"}),
        ("year=1999", set()),
        ("kind=nonsense&year=x&employer=x&page=x", {"Первый", "Второй"}),
    ],
)
def test_filters_narrow_it_by_year_kind_organisation_and_form(
    world: World, come_in: ComeIn, query: str, names: set[str]
):
    first = world.mentor("Первый Пётр")
    in_earlier_year(world, first.person)
    second = world.mentor("Второй Яков", kind=MentorKind.EMPLOYER)
    employer = Employer(platform_id=world.platform.id, name="Шахта", created_at=now())
    world.session.add(employer)
    world.session.flush()
    second.employer_id = employer.id
    world.session.commit()

    query = query.format(last=world.cycle.start_year - 1, employer=employer.id)
    page = come_in(world.curator, "en").get(at(world, f"{YEARS}?{query}")).text

    assert {name for name in ("Первый", "Второй") if name in page} == names
    assert names or "Nobody answers to the filter" in page


def test_it_sorts_by_years_and_pairs(world: World, come_in: ComeIn, veteran: Mentor):
    world.mentor("Новичков Яков")
    browser = come_in(world.curator, "en")
    for query, first in (
        ("sort=pairs&order=desc", "Ветеранов"),
        ("sort=pairs", "Новичков"),
        ("sort=years", "Новичков"),
        ("sort=last", "Ветеранов"),
        ("sort=name&order=desc", "Новичков"),
    ):
        body = browser.get(at(world, f"{YEARS}?{query}")).text.split("<tbody>")[1]
        assert min(("Ветеранов", "Новичков"), key=body.index) == first, query


def test_the_file_has_the_same_people(world: World, come_in: ComeIn, veteran: Mentor):
    browser = come_in(world.curator, "en")
    file = browser.get(at(world, "base/mentors/years.csv?search=ветер")).data.decode("utf-8-sig")
    heads, row = csv.reader(io.StringIO(file), delimiter=";")
    told = dict(zip(heads, row, strict=True))
    assert told["Years as a mentor"] == "2"
    assert (told["Pairs"], told["Mentees"]) == ("2", "3")
    assert told["School years"].count("/") == 2
    assert browser.get(at(world, "base/mentors/years.xlsx")).data[:2] == b"PK"


def test_the_file_heeds_consents_as_the_base_does(session: Session, world: World, come_in: ComeIn, veteran: Mentor):
    """ADR 9: everybody is counted; after a withdrawal a file has the name and the numbers and no more."""
    veteran.employer = Employer(platform_id=world.platform.id, name="Шахта", created_at=now())
    session.commit()
    browser = come_in(world.curator, "en")

    def told() -> dict[str, str]:
        file = browser.get(at(world, "base/mentors/years.csv?search=ветер")).data.decode("utf-8-sig")
        heads, row = csv.reader(io.StringIO(file), delimiter=";")
        return dict(zip(heads, row, strict=True))

    before = told()
    assert (before["Organisation"], before["E-mail"]) == ("Шахта", veteran.person.email)
    assert before["Consent"] == "own consent"
    withdraw_consent(session, veteran.person, world.day)
    session.commit()
    after = told()
    assert (after["Organisation"], after["E-mail"], after["Consent"]) == ("", "", "consent withdrawn")
    for head in ("Family name, given name, patronymic", "School years", "Years as a mentor", "Pairs", "Mentees"):
        assert after[head] == before[head] != "", head


def test_the_mentors_page_tells_each_year_with_its_pairs(world: World, come_in: ComeIn, veteran: Mentor):
    page = come_in(world.curator, "en").get(at(world, f"people/{veteran.person_id}/")).text
    part = page.split("As a mentor, by school years")[1].split("</section>")[0]
    assert world.cycle.title in part
    assert f"{world.cycle.start_year - 1}/" in part
    for sentence in ("1 mentee", "2 mentees", "Mentees in the year: 3", "goes on", "No pair in this course."):
        assert sentence in part


def test_people_of_another_course_or_college_are_not_there(world: World, come_in: ComeIn):
    elsewhere = world.another_course()
    stranger = world.mentor("Чужой Курс", course=elsewhere)
    assert stranger.person.name not in come_in(world.curator, "en").get(at(world, YEARS)).text


def test_only_curators_see_it(world: World, come_in: ComeIn, veteran: Mentor):
    assert come_in(veteran.person).get(at(world, YEARS)).status_code == 403


def test_a_long_base_takes_as_many_queries_as_a_short_one(
    session: Session, world: World, come_in: ComeIn, veteran: Mentor
):
    browser = come_in(world.curator, "en")
    browser.get(at(world, YEARS))
    with statements(session) as few:
        browser.get(at(world, YEARS))
    for _ in range(20):
        in_earlier_year(world, world.mentor(consents=False).person)
    with statements(session) as many:
        browser.get(at(world, YEARS))
    assert len(many) == len(few)
