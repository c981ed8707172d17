"""Statements that go straight to the driver: rows and errors as by SQLAlchemy's own way, on both databases."""

from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import bindparam, event, insert, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from lti_service import db
from lti_service.people.models import Membership, Person
from lti_service.platforms.models import Course, Platform, PlatformState
from lti_service.prepared import Prepared

WHEN = datetime(2026, 11, 27, 21, 30, tzinfo=UTC)
WHO = "Ольга'; DROP TABLE person; --"


@pytest.fixture
def platform_id(session: Session) -> int:
    platform = Platform(
        name="Колледж",
        issuer="https://moodle.example",
        client_id="prepared",
        login_url="https://moodle.example/login",
        token_url="https://moodle.example/token",
        jwks_url="https://moodle.example/keys",
        state=PlatformState.ACTIVE,
        created_at=WHEN,
    )
    session.add(platform)
    session.commit()
    return platform.id


def _add_person(session: Session, platform_id: int) -> None:
    values = {"platform_id": platform_id, "moodle_id": "7", "given_name": WHO, "updated_at": WHEN}
    db.add_missing(session, Person, values)


def test_rows_are_those_of_sqlalchemy(session: Session, platform_id: int) -> None:
    statement = (
        select(
            Person.given_name, Person.corrected, Person.withheld, Person.updated_at, Platform.state, Person.birth_date
        )
        .join(Platform)
        .where(Person.moodle_id == bindparam("user"))
    )
    _add_person(session, platform_id)

    mine = Prepared(statement).all(session, {"user": "7"})

    assert mine == [tuple(row) for row in session.execute(statement, {"user": "7"})]
    assert mine == [(WHO, {}, False, WHEN, PlatformState.ACTIVE, None)]
    assert mine[0].given_name == WHO
    assert mine[0].updated_at.tzinfo is not None


def test_a_listener_hears_the_statement_and_changes_nothing(session: Session, platform_id: int) -> None:
    heard: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        heard.append(statement)

    statement = Prepared(select(Platform.state, Platform.id).where(Platform.id == bindparam("id")))
    before = statement.one(session, {"id": platform_id})
    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    try:
        watched = statement.one(session, {"id": platform_id})
    finally:
        event.remove(engine, "before_cursor_execute", note)

    assert (before, watched.state, len(heard)) == (tuple(watched), PlatformState.ACTIVE, 1)


def test_columns_that_are_not_given_get_what_the_table_says(session: Session, platform_id: int) -> None:
    _add_person(session, platform_id)
    session.add(Course(platform_id=platform_id, moodle_id="10", title="Наставничество"))
    session.flush()
    keys = {"course_id": session.scalar(select(Course.id)), "person_id": session.scalar(select(Person.id))}

    for roles in (["student"], ["teacher"]):
        db.add_missing(session, Membership, {**keys, "roles": roles})

    found = session.scalars(select(Membership)).one()
    assert (found.roles, found.moodle_roles, found.groups, found.active) == (["student"], [], "", True)


def test_a_write_says_how_many_rows(session: Session, platform_id: int) -> None:
    _add_person(session, platform_id)
    rename = Prepared(
        update(Person.__table__).where(Person.moodle_id == bindparam("user")).values(phone=bindparam("number"))
    )

    assert rename.write(session, {"user": "7", "number": "+7"}) == 1
    assert rename.write(session, {"user": "8", "number": "+7"}) == 0


def test_an_error_of_the_driver_is_sqlalchemys_and_names_nobody(session: Session, platform_id: int) -> None:
    person = {"platform_id": platform_id, "moodle_id": "7", "given_name": WHO, "updated_at": WHEN}
    adding = Prepared(insert(Person.__table__))
    adding.write(session, person)

    with pytest.raises(DBAPIError) as caught:
        adding.write(session, person)
    session.rollback()

    assert type(caught.value).__name__ == "IntegrityError"
    assert WHO not in str(caught.value)


def test_a_missing_row_and_an_unfit_statement_are_told(session: Session, platform_id: int) -> None:
    where = select(Platform.id).where(Platform.id == bindparam("id"))
    with pytest.raises(LookupError):
        Prepared(where).one(session, {"id": platform_id + 1})
    with pytest.raises(ValueError, match="composed anew"):
        Prepared(select(Platform.id).where(Platform.id.in_([1, 2]))).all(session, {})


def test_who_reads_elsewhere_does_not_wait_for_who_writes(session: Session, platform_id: int) -> None:
    with db.writing() as connection:
        db.add_missing(
            connection, Person, {"platform_id": platform_id, "moodle_id": "7", "given_name": WHO, "updated_at": WHEN}
        )
        with closing(db.new_session()) as other:
            # SQLite has one writer: a transaction begun as a writing one would wait for this very block to end.
            other.connection().exec_driver_sql("SELECT 1")
            assert other.scalars(select(Person.given_name)).all() == []
    assert session.scalars(select(Person.given_name)).all() == [WHO]


def test_a_request_that_has_read_holds_one_connection_while_it_writes(app: Flask, platform_id: int) -> None:
    with app.test_request_context():
        assert db.session().scalars(select(Platform.id)).all() == [platform_id]
        with db.writing() as connection:
            # Otherwise as many requests at once as the pool has connections wait for one another.
            assert connection.engine.pool.checkedout() == 1  # type: ignore[attr-defined]
