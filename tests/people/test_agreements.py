"""The list of agreements with all employers, and what an employer's own page tells of many."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from lti_service.db import now
from lti_service.people.employers.models import Agreement, AgreementKind, Employer, EmployerContact
from lti_service.platforms.models import Course, Platform
from tests.counting import statements
from tests.people.test_exports import as_csv
from tests.people.test_imports import checked, counts
from tests.practice_moodle import PracticeMoodle

ALL = "employers/agreements/"


@pytest.fixture
def curator(moodle: PracticeMoodle, launch_as: Callable[..., FlaskClient], synced: Course) -> FlaskClient:
    moodle.college.person("curator").lang = "en"
    return launch_as("curator")


@pytest.fixture
def mine(session: Session, platform: Platform) -> Employer:
    """An employer with 80 agreements, of which 20 have run out and the last has no end, and with 80 contacts."""
    employer = Employer(platform_id=platform.id, name="ООО «Шахта Полярная»", inn="7707083893", created_at=now())
    session.add(employer)
    session.flush()
    day = now().date()
    session.add_all(
        Agreement(
            employer_id=employer.id,
            kind=list(AgreementKind)[number % 3],
            number=f"ДО-{number:02}",
            signed_on=date(2020, 1, 1) + timedelta(number),
            valid_until=None if number == 79 else day - timedelta(20) + timedelta(number),
            subject="=1+1" if number == 0 else "",
        )
        for number in range(80)
    )
    session.add_all(
        EmployerContact(employer_id=employer.id, name=f"Контактов Ян {number:02}", phone="8 3846 61-20-33")
        for number in range(80)
    )
    session.commit()
    return employer


@pytest.fixture
def depot(session: Session, platform: Platform) -> Employer:
    """Another employer, with one agreement."""
    employer = Employer(platform_id=platform.id, name="Депо", short_name="ТЧ-7", created_at=now())
    session.add(employer)
    session.flush()
    session.add(
        Agreement(
            employer_id=employer.id,
            kind=AgreementKind.PRACTICE,
            number="П-1",
            signed_on=date(2026, 1, 1),
            valid_until=now().date() + timedelta(300),
        )
    )
    session.commit()
    return employer


def numbers(curator: FlaskClient, query: str = "") -> list[str]:
    heads, *rows = as_csv(curator, f"employers/agreements.csv?{query}")
    return [row[heads.index("Number")] for row in rows]


def test_agreements_with_all_employers_stand_by_when_they_end(curator: FlaskClient, mine: Employer, depot: Employer):
    page = curator.get(curator.home + ALL).text
    assert "1–50 of 81" in page
    for tab, count in (("All", 81), ("In force", 2), ("Ends within 60 days", 59), ("Expired", 20)):
        assert f'{tab} <span class="people-count">{count}</span>' in page
    assert "51–81 of 81" in curator.get(f"{curator.home}{ALL}?page=2").text
    assert numbers(curator)[:2] == ["ДО-00", "ДО-01"]
    assert numbers(curator)[-2:] == ["П-1", "ДО-79"], "without an end is the last"
    assert numbers(curator, "order=desc")[0] == "ДО-79"


def test_they_are_filtered_by_state_kind_and_employer_and_searched(
    curator: FlaskClient, mine: Employer, depot: Employer
):
    assert len(numbers(curator, "state=expired")) == 20
    assert len(numbers(curator, "state=ends_soon")) == 59, "until the 58th day from now, today among them"
    assert numbers(curator, "state=in_force") == ["П-1", "ДО-79"]
    assert len(numbers(curator, "kind=practice")) == 27 + 1
    assert numbers(curator, f"employer={depot.id}") == ["П-1"]
    assert numbers(curator, "search=тч-7") == ["П-1"]
    assert numbers(curator, "search=полярная ДО-07") == ["ДО-07"]
    assert numbers(curator, "search=до-07") == ["ДО-07"], "SQLite itself knows no other small letters than English"
    assert len(numbers(curator, "search=%25")) == 0
    assert len(numbers(curator, "search=7707083893")) == 80
    assert len(numbers(curator, "state=nonsense&kind=x&employer=99999999999&sort=x")) == 81
    page = curator.get(f"{curator.home}{ALL}?search=нет").text
    assert "Nothing answers to the filter" in page


@pytest.mark.parametrize("sort", ["until", "name", "kind", "number", "date"])
def test_they_are_sorted_by_each_column(curator: FlaskClient, mine: Employer, depot: Employer, sort: str):
    up, down = numbers(curator, f"sort={sort}"), numbers(curator, f"sort={sort}&order=desc")
    assert sorted(up) == sorted(down)
    if sort == "number":
        assert up == sorted(up) == down[::-1]
    if sort == "date":
        assert (up[0], down[0]) == ("ДО-00", "П-1")
    if sort == "name":
        assert (up[0], down[0]) == ("ДО-00", "П-1"), "by the name that lists show: ТЧ-7 is behind ООО"


def test_the_file_is_safe_and_comes_back_unchanged(
    curator: FlaskClient, session: Session, mine: Employer, depot: Employer
):
    heads, *rows = as_csv(curator, "employers/agreements.csv")
    assert rows[0][heads.index("What it is about")] == "'=1+1"
    data = curator.get(f"{curator.home}employers/agreements.xlsx").data
    checked(curator, "employers", data)
    assert counts(session) == {"same": 81}


def test_an_employers_page_shows_the_newest_and_leads_to_all(
    curator: FlaskClient, session: Session, mine: Employer, depot: Employer
):
    address = f"{curator.home}employers/{mine.id}/"
    page = curator.get(address).text
    assert "ДО-79" in page
    assert "ДО-70" not in page
    assert f'{ALL}?employer={mine.id}">All 80 agreements with it' in page
    assert "All 80 contacts" in page
    assert "Контактов Ян 04" in page
    assert "Контактов Ян 05" not in page
    contacts = curator.get(f"{address}contacts/").text
    assert "1–50 of 80" in contacts
    assert "Контактов Ян 79" in curator.get(f"{address}contacts/?page=2").text
    assert "1–1 of 1" in curator.get(f"{address}contacts/?search=ян 07").text
    few = curator.get(f"{curator.home}employers/{depot.id}/").text
    assert "In the list of all agreements" in few
    assert "contacts/?" not in few
    assert "All agreements" in curator.get(f"{curator.home}employers/").text


def test_a_page_takes_the_same_few_queries_however_many_there_are(
    curator: FlaskClient, session: Session, mine: Employer, depot: Employer
):
    with statements(session) as many:
        curator.get(curator.home + ALL)
    with statements(session) as few:
        curator.get(f"{curator.home}{ALL}?employer={depot.id}")
    assert len(many) == len(few) < 15
