"""Files of a curator through their pages: checked, mended, applied whole or not at all."""

import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openpyxl import Workbook, load_workbook
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from lti_service import db
from lti_service.access import Role, Viewer
from lti_service.audit import AuditEvent
from lti_service.people import enrolments
from lti_service.people.imports import reading, service
from lti_service.people.imports.models import ImportPreview, ImportRow, PreviewState
from lti_service.people.models import Membership, Person
from lti_service.platforms.models import Course
from tests.people.test_pages import token
from tests.practice_moodle import College, PracticeMoodle, a_college

PersonOf = Callable[[str], Person]
LaunchAs = Callable[..., FlaskClient]
Rows = Sequence[Sequence[Any]]


@pytest.fixture
def college() -> College:
    return a_college(students=45, teachers=6, employers=3)


@pytest.fixture
def curator(synced: Course, launch_as: LaunchAs) -> FlaskClient:
    return launch_as("curator")


def xlsx(*rows: Sequence[Any]) -> bytes:
    """A workbook as a curator would save it."""
    book = Workbook()
    for row in rows:
        book.active.append(list(row))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def csv_of(*rows: Sequence[Any], encoding: str = "utf-8-sig", divider: str = ";") -> bytes:
    """A text file as a Russian Excel would save it."""
    return "".join(divider.join(map(str, row)) + "\r\n" for row in rows).encode(encoding)


def load(client: FlaskClient, what: str, data: bytes, name: str = "файл.xlsx") -> TestResponse:
    """Send a file and follow to what comes of it."""
    page = client.home + f"imports/{what}/"
    form = {"csrf_token": token(client, page), "file": (io.BytesIO(data), name)}
    return client.post(page, data=form, follow_redirects=True)


def checked(client: FlaskClient, what: str, data: bytes, name: str = "файл.xlsx") -> str:
    """Send a file that is taken; the address of its preview."""
    response = load(client, what, data, name)
    assert response.status_code == 200, response.text
    return response.request.path


def post(client: FlaskClient, address: str, **form: Any) -> TestResponse:
    """Press a button of a preview."""
    page = address.rsplit("/", 1)[0] + "/"
    return client.post(address, data={"csrf_token": token(client, page), **form}, follow_redirects=True)


def counts(session: Session) -> dict[str, int]:
    """Verdicts of the newest preview, without those that no row has."""
    session.commit()
    found = session.scalars(select(ImportPreview).order_by(ImportPreview.id.desc())).first()
    assert found is not None
    session.refresh(found)
    return {verdict: count for verdict, count in found.counts.items() if count}


def problems(session: Session) -> dict[int, str]:
    """Row number → what is wrong with it, of the newest preview."""
    session.commit()
    newest = session.scalar(select(func.max(ImportPreview.id)))
    rows = session.scalars(select(ImportRow).where(ImportRow.preview_id == newest).order_by(ImportRow.number))
    return {row.number: "; ".join(": ".join(one) for one in row.problems) for row in rows if row.problems}


HEADS = ("Фамилия Имя Отчество", "Группа", "Дата рождения")


def born(session: Session, person: Person) -> date | None:
    session.commit()
    return session.scalar(select(Person.birth_date).where(Person.id == person.id))


def set_born(session: Session, person: Person, day: date | None) -> None:
    session.commit()
    session.execute(update(Person).where(Person.id == person.id).values(birth_date=day))
    session.commit()


# --- the way of a file --------------------------------------------------------------------------------------------


def test_a_file_is_shown_before_it_is_applied(curator: FlaskClient, session: Session, person_of: PersonOf) -> None:
    known, changed, same = (person_of(f"student{n:02}") for n in (1, 2, 3))
    set_born(session, known, None)
    set_born(session, changed, date(2008, 1, 2))
    set_born(session, same, date(2008, 5, 6))
    data = xlsx(
        HEADS,
        (known.name, "", date(2008, 3, 15)),
        (changed.name, "", "03.01.2008"),
        (same.name, "", "2008-05-06"),
    )
    page = load(curator, "births", data)
    assert "Новое" in page.text
    assert "02.01.2008" in page.text
    assert "03.01.2008" in page.text
    assert counts(session) == {"new": 1, "changed": 1, "same": 1}
    assert born(session, known) is None

    address = page.request.path
    done = post(curator, address + "apply")
    assert done.status_code == 200
    assert born(session, known) == date(2008, 3, 15)
    assert born(session, changed) == date(2008, 1, 3)
    assert session.scalars(select(ImportRow.id)).all() == [], "what the file said is forgotten once it is applied"
    entries = session.scalars(select(AuditEvent).where(AuditEvent.action == "person.birth-date")).all()
    assert {entry.subject for entry in entries} == {f"person:{known.id}", f"person:{changed.id}"}
    assert all(entry.details == {"from": "file"} for entry in entries)

    checked(curator, "births", data)
    assert counts(session) == {"same": 3}


def test_dates_of_a_file_outlive_the_next_load_from_moodle(
    curator: FlaskClient, session: Session, person_of: PersonOf, synced: Course, moodle: PracticeMoodle
) -> None:
    untold, other = person_of("student01"), person_of("student02")
    moodle.college.person("student01").fields["birthdate"] = ""
    enrolments.sync_course(synced.id)
    assert born(session, untold) is None
    address = checked(curator, "births", xlsx(HEADS, (untold.name, "", "15.03.2008"), (other.name, "", "16.03.2008")))
    post(curator, address + "apply")
    enrolments.sync_course(synced.id)
    assert (born(session, untold), born(session, other)) == (date(2008, 3, 15), date(2008, 3, 16))
    assert person_of("student01").corrected == {"birth_date": ""}


def test_those_without_a_birth_date_are_saved_to_be_filled_in(
    curator: FlaskClient, session: Session, person_of: PersonOf
) -> None:
    session.commit()
    session.execute(update(Person).values(birth_date=date(2008, 1, 1)))
    session.commit()
    one = person_of("student01")
    set_born(session, one, None)
    saved = curator.get(curator.home + "imports/births/missing.xlsx")
    book = load_workbook(io.BytesIO(saved.data))
    assert [row[2] for row in book.active.iter_rows(values_only=True)][1:] == [one.email]
    book.active.cell(2, 5).value = date(2008, 3, 15)
    file = io.BytesIO()
    book.save(file)
    post(curator, checked(curator, "births", file.getvalue()) + "apply")
    assert born(session, one) == date(2008, 3, 15)


def test_one_wrong_row_of_many_stops_all_of_it(curator: FlaskClient, session: Session, person_of: PersonOf) -> None:
    people = [person_of(f"student{n:02}") for n in range(1, 41)]
    rows = [(person.email, "15.03.2008") for person in people]
    rows[33] = (people[33].email, "15.03.1899")
    address = checked(curator, "births", csv_of(("Электронная почта", "Дата рождения"), *rows), "даты.csv")
    assert counts(session)["wrong"] == 1
    [(number, reason)] = problems(session).items()
    assert number == 35
    assert reason.startswith("Дата рождения: ")
    assert "1899" in reason
    refused = post(curator, address + "apply")
    assert refused.status_code == 409
    assert "неверн" in refused.text
    assert born(session, people[0]) != date(2008, 3, 15)


def test_wrong_rows_are_saved_mended_and_put_back(curator: FlaskClient, session: Session, person_of: PersonOf) -> None:
    one, other = person_of("student01"), person_of("student02")
    data = xlsx(("ФИО", "Дата рождения", "Заметка"), (one.name, "32.01.2008", "а"), (other.name, "15.03.2008", "б"))
    address = checked(curator, "births", data)
    assert list(problems(session)) == [2]
    saved = curator.get(address + "wrong.xlsx")
    book = load_workbook(io.BytesIO(saved.data))
    rows = list(book.active.iter_rows(values_only=True))
    assert rows[0][0] == "Строка файла"
    assert rows[0][-1] == "Что исправить"
    assert rows[1][0] == 2
    assert "32.01.2008" in rows[1][-1]
    place = rows[0].index("Дата рождения") + 1
    book.active.cell(2, place).value = "31.01.2008"
    file = io.BytesIO()
    book.save(file)
    page = post(curator, address + "corrections", file=(io.BytesIO(file.getvalue()), "исправлено.xlsx"))
    assert page.status_code == 200
    assert "wrong" not in counts(session)
    assert post(curator, address + "apply").status_code == 200
    assert (born(session, one), born(session, other)) == (date(2008, 1, 31), date(2008, 3, 15))


def test_the_curator_may_go_on_without_the_wrong_rows(
    curator: FlaskClient, session: Session, person_of: PersonOf
) -> None:
    one = person_of("student01")
    address = checked(curator, "births", xlsx(HEADS, (one.name, "", "15.03.2008"), ("Никто Такой", "", "1.1.2008")))
    page = post(curator, address + "leave-out")
    assert page.status_code == 200
    assert counts(session)["left_out"] == 1
    assert post(curator, address + "apply").status_code == 200
    assert born(session, one) == date(2008, 3, 15)


def test_what_moved_meanwhile_is_shown_and_not_applied(
    curator: FlaskClient, session: Session, person_of: PersonOf
) -> None:
    one, other = person_of("student01"), person_of("student02")
    address = checked(curator, "births", xlsx(HEADS, (one.name, "", "15.03.2008"), (other.name, "", "16.03.2008")))
    set_born(session, one, date(2007, 7, 7))
    refused = post(curator, address + "apply")
    assert refused.status_code == 409
    assert "07.07.2007" in refused.text
    assert born(session, other) != date(2008, 3, 16)
    assert post(curator, address + "apply").status_code == 200
    assert born(session, one) == date(2008, 3, 15)


def test_applying_twice_applies_once(curator: FlaskClient, session: Session, person_of: PersonOf) -> None:
    address = checked(curator, "births", xlsx(HEADS, (person_of("student01").name, "", "15.03.2008")))
    form = {"csrf_token": token(curator, address)}
    for _ in range(2):
        assert curator.post(address + "apply", data=form).status_code == 303
    session.commit()
    assert len(session.scalars(select(AuditEvent.id).where(AuditEvent.action == "import.applied")).all()) == 1
    assert len(session.scalars(select(AuditEvent.id).where(AuditEvent.action == "person.birth-date")).all()) == 1


def test_a_check_can_be_left_found_again_and_thrown_away(
    curator: FlaskClient, session: Session, person_of: PersonOf
) -> None:
    address = checked(curator, "births", xlsx(HEADS, (person_of("student01").name, "", "15.03.2008")), "даты.xlsx")
    assert "даты.xlsx" in curator.get(curator.home + "imports/").text
    assert post(curator, address + "remove").status_code == 200
    assert "даты.xlsx" not in curator.get(curator.home + "imports/").text
    assert curator.get(address).status_code == 404
    session.commit()
    assert session.scalars(select(ImportPreview.state)).all() == [PreviewState.DISCARDED]


def test_nobody_else_sees_a_check(curator: FlaskClient, launch_as: LaunchAs, person_of: PersonOf) -> None:
    address = checked(curator, "births", xlsx(HEADS, (person_of("student01").name, "", "15.03.2008")))
    for who in ("student01", "teacher01", "admin"):
        assert launch_as(who).get(address).status_code == 403


def test_checks_run_out_and_are_forgotten(
    curator: FlaskClient, session: Session, person_of: PersonOf, launch_as: LaunchAs
) -> None:
    one = person_of("student01")
    address = checked(curator, "births", xlsx(HEADS, (one.name, "", "15.03.2008")))
    done = checked(curator, "births", xlsx(HEADS, (one.name, "", "16.03.2008")))
    post(curator, done + "apply")
    session.commit()
    session.execute(update(ImportPreview).values(expires_at=ImportPreview.created_at))
    session.commit()
    assert curator.get(address).status_code == 404
    form = {"csrf_token": token(curator, curator.home + "imports/births/")}
    assert curator.post(address + "apply", data=form).status_code == 404
    with db.transaction(session):
        assert service.purge(session, db.now()) == 1
    assert session.scalars(select(ImportPreview.state)).all() == [PreviewState.APPLIED]
    assert session.scalars(select(ImportRow.id)).all() == []


def test_a_file_applied_twice_at_once_is_applied_once(
    app: Flask, curator: FlaskClient, session: Session, person_of: PersonOf
) -> None:
    address = checked(curator, "births", xlsx(HEADS, (person_of("student01").name, "", "15.03.2008")))
    session.commit()
    preview = session.scalars(select(ImportPreview)).one()
    viewer = Viewer(
        person_id=preview.created_by,
        platform_id=session.scalars(select(Course.platform_id).where(Course.id == preview.course_id)).one(),
        course_id=preview.course_id,
        name="",
        roles=frozenset({Role.CURATOR}),
        course_title="",
        activity_title="",
        time_zone="Europe/Moscow",
    )
    session.commit()

    def apply() -> None:
        with db.new_session() as own, db.transaction(own) as mine:
            place = service.place_of(mine, viewer, date(2026, 11, 27))
            service.apply(mine, place, preview.id)

    with ThreadPoolExecutor(4) as pool:
        for waiting in [pool.submit(apply) for _ in range(4)]:
            waiting.result()
    session.commit()
    assert len(session.scalars(select(AuditEvent.id).where(AuditEvent.action == "import.applied")).all()) == 1
    assert curator.get(address).status_code == 200


def test_another_curator_does_not_see_the_check(
    curator: FlaskClient, session: Session, person_of: PersonOf, launch_as: LaunchAs, synced: Course
) -> None:
    address = checked(curator, "births", xlsx(HEADS, (person_of("student01").name, "", "15.03.2008")))
    other = person_of("teacher01")
    session.execute(
        update(Membership).where(Membership.person_id == other.id).values(roles=["curator"], appointed=True)
    )
    session.commit()
    assert launch_as("teacher01").get(address).status_code == 404


def test_nobody_who_writes_waits_while_a_file_is_read(
    curator: FlaskClient, session: Session, person_of: PersonOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = person_of("student01")
    session.commit()
    writers: list[int] = []
    real = reading.read

    def while_read(data: bytes, score: reading.Score) -> reading.Table:
        # From another connection, as another curator would; on SQLite it fails while a transaction writes.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(write).result()
        return real(data, score)

    def write() -> None:
        with db.new_session() as own:
            if own.get_bind().dialect.name == "sqlite":
                own.execute(text("PRAGMA busy_timeout=200"))
            own.execute(update(Person).where(Person.id == person.id).values(phone=str(len(writers))))
            own.commit()
            writers.append(1)
            if own.get_bind().dialect.name == "sqlite":
                own.execute(text("PRAGMA busy_timeout=30000"))

    monkeypatch.setattr(reading, "read", while_read)
    address = checked(curator, "births", csv_of(HEADS, (person.name, "", "вчера")), "а.csv")
    assert len(writers) == 1
    assert counts(session) == {"wrong": 1}
    corrected = csv_of(("Строка файла", *HEADS), (2, person.name, "", "15.03.2008"))
    page = post(curator, address + "corrections", file=(io.BytesIO(corrected), "а.csv"))
    assert page.status_code == 200, page.text
    assert len(writers) == 2
    assert "wrong" not in counts(session)
