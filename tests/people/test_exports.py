"""The bases as files: what is in them is what the list shows, and nothing in them runs."""

import csv
import io
from collections.abc import Callable
from datetime import date
from typing import Any
from zipfile import ZipFile

import pytest
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service.audit import AuditEvent
from lti_service.people.models import Person
from lti_service.platforms.models import Course
from tests.consenting import give_consent
from tests.people.conftest import mentee_of
from tests.practice_moodle import PracticeMoodle

PersonOf = Callable[[str], Person]


@pytest.fixture
def curator(synced: Course, launch_as: Callable[..., FlaskClient]) -> FlaskClient:
    return launch_as("curator")


def as_csv(client: FlaskClient, address: str) -> list[list[str]]:
    response = client.get(client.home + address)
    assert response.status_code == 200
    assert response.data.startswith(b"\xef\xbb\xbf"), "or Excel takes it for another encoding"
    return list(csv.reader(io.StringIO(response.data.decode("utf-8-sig"), newline=""), delimiter=";"))


def as_xlsx(client: FlaskClient, address: str) -> list[tuple[Any, ...]]:
    response = client.get(client.home + address)
    assert response.status_code == 200
    return list(load_workbook(io.BytesIO(response.data)).active.iter_rows(values_only=True))


def test_the_whole_base_is_saved_not_only_the_page_shown(
    curator: FlaskClient, person_of: PersonOf, moodle: PracticeMoodle
) -> None:
    rows, cells = as_csv(curator, "base/mentees.csv"), as_xlsx(curator, "base/mentees.xlsx")
    assert len(rows) == len(cells) == 1 + 206
    assert rows[0][:5] == [
        "Фамилия Имя Отчество",
        "Группа",
        "Электронная почта",
        "Индивидуальный номер",
        "Дата рождения",
    ]
    person = person_of("student001")
    row = next(row for row in rows if row[2] == person.email)
    cell = next(row for row in cells if row[2] == person.email)
    assert row[0] == cell[0] == f"{person.family_name} {person.given_name}"
    assert person.birth_date is not None
    assert row[4] == person.birth_date.strftime("%d.%m.%Y")
    assert cell[4].date() == person.birth_date


def test_filters_and_order_of_the_list_hold_for_the_file(curator: FlaskClient) -> None:
    young = as_csv(curator, "base/mentees.csv?kind=young_teacher&order=desc")
    assert len(young) == 1 + 6
    names = [row[0] for row in young[1:]]
    assert names == sorted(names, reverse=True)
    assert len(as_csv(curator, "base/mentors.csv")) == 1 + 25
    assert len(as_xlsx(curator, "base/mentors.xlsx?kind=employer")) == 1 + 10


@pytest.mark.parametrize(
    "text", ['=HYPERLINK("http://evil.example")', "+7 900", "-1", "@SUM(A1)", "\t=1", " =2", "\u200b=3", "\u202e=4"]
)
def test_nothing_that_people_wrote_is_a_formula(
    curator: FlaskClient, person_of: PersonOf, session: Session, text: str
) -> None:
    mentee = mentee_of(session, person_of("student001"))
    assert mentee is not None
    mentee.request = text
    give_consent(session, mentee.person, date(2026, 11, 23))
    session.commit()
    cell = next(row[10] for row in as_csv(curator, "base/mentees.csv") if row[2] == person_of("student001").email)
    assert cell == "'" + text
    response = curator.get(f"{curator.home}base/mentees.xlsx")
    book = load_workbook(io.BytesIO(response.data))
    assert not [cell for row in book.active.iter_rows() for cell in row if cell.data_type == "f"]
    with ZipFile(io.BytesIO(response.data)) as parts:
        assert b"<f>" not in parts.read("xl/worksheets/sheet1.xml")


@pytest.mark.parametrize("sign", ["\x07", "\x1f", "\ufffe", "\uffff"])
def test_signs_that_no_file_may_hold_do_not_spoil_it(
    curator: FlaskClient, person_of, session: Session, sign: str
) -> None:
    mentee = mentee_of(session, person_of("student001"))
    assert mentee is not None
    give_consent(session, mentee.person, date(2026, 11, 23))
    mentee.request = f"а{sign}б; «в»\nг"
    session.commit()
    cells = as_xlsx(curator, "base/mentees.xlsx")
    assert any("аб; «в»" in str(row[10]) for row in cells)


def test_no_formula_comes_of_leaving_such_signs_out(curator: FlaskClient, person_of, session: Session) -> None:
    mentee = mentee_of(session, person_of("student001"))
    assert mentee is not None
    give_consent(session, mentee.person, date(2026, 11, 23))
    mentee.request = "\x1f=1+1"
    session.commit()
    assert any(row[10] == "'=1+1" for row in as_csv(curator, "base/mentees.csv"))
    book = load_workbook(io.BytesIO(curator.get(f"{curator.home}base/mentees.xlsx").data))
    assert [cell.quotePrefix for row in book.active.iter_rows() for cell in row if cell.value == "=1+1"] == [True]


def test_the_trail_says_who_took_what(curator: FlaskClient, session: Session) -> None:
    as_csv(curator, "base/mentees.csv?kind=young_teacher")
    entry = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first()
    assert entry is not None
    assert (entry.action, entry.details) == ("base.exported", {"count": 6, "kind": "young_teacher"})
    assert entry.actor_id is not None


def test_only_curators_take_files_and_only_of_these_kinds(
    synced: Course, launch_as: Callable[..., FlaskClient], curator: FlaskClient
) -> None:
    for who in ("student001", "teacher01", "admin"):
        client = launch_as(who)
        assert client.get(f"{client.home}base/mentees.csv").status_code == 403
    assert curator.get(f"{curator.home}base/mentees.exe").status_code == 404


def test_the_file_has_its_name(curator: FlaskClient) -> None:
    told = curator.get(f"{curator.home}base/mentees.xlsx").headers
    assert "filename*=UTF-8''%D0%91%D0%B0%D0%B7%D0%B0" in told["Content-Disposition"]
    assert told["Cache-Control"] == "no-store"
