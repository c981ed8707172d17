"""What every test stands on: a fresh database on SQLite or PostgreSQL, the application, and people who come in."""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import time, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography.fernet import Fernet
from flask import Flask, message_flashed
from flask.testing import FlaskClient
from sqlalchemy import create_engine, make_url, select, text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from config import Settings
from lti_service import db, tables, upkeep
from lti_service.app import create_app
from lti_service.audit import AuditEvent
from lti_service.connections import labels
from lti_service.lti import keysets
from lti_service.people.models import Person as KnownPerson
from lti_service.platforms import keys
from lti_service.platforms import service as platforms
from lti_service.platforms.models import Platform
from tests import once
from tests.practice_moodle import College, Link, Person, PracticeMoodle, a_college, create_practice_moodle, running
from tests.practice_moodle import practice_moodle as moodle_of

POSTGRESQL = os.environ.get("TEST_DATABASE_URL", "")

once.share()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL only what touches a database: the rest has nothing to say of the other one."""
    if not POSTGRESQL:
        return
    databases = {"empty_database", "fresh_url"}
    untouched = {item for item in items if databases.isdisjoint(getattr(item, "fixturenames", ()))}
    config.hook.pytest_deselected(items=list(untouched))
    items[:] = [item for item in items if item not in untouched]


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> str:
    """A database at the newest migration: a file to copy on SQLite, a database of this worker's on PostgreSQL."""
    if not POSTGRESQL:
        url = f"sqlite:///{tmp_path_factory.mktemp('schema') / 'empty.sqlite3'}"
        upkeep.upgrade_database(url)
        return url
    wanted = make_url(POSTGRESQL).set(drivername="postgresql+psycopg")
    name = f"{wanted.database}_{worker_id}"
    engine = create_engine(wanted.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    engine.dispose()
    url = wanted.set(database=name).render_as_string(hide_password=False)
    upkeep.upgrade_database(url)
    return url


@pytest.fixture
def database_url(empty_database: str, tmp_path: Path) -> str:
    """An empty database for one test."""
    if not POSTGRESQL:
        file = tmp_path / "test.sqlite3"
        shutil.copy(empty_database.removeprefix("sqlite:///"), file)
        return f"sqlite:///{file}"
    engine = db.make_engine(empty_database)
    with engine.begin() as connection:
        connection.exec_driver_sql(_emptying())
    engine.dispose()
    return empty_database


def _emptying() -> str:
    """One statement that empties PostgreSQL's tables and lets ids begin anew.

    Most tables are empty: to look costs nothing, where TRUNCATE makes new files for each of them, a third of a second.
    """
    steps = []
    for table in reversed(tables.metadata.sorted_tables):
        steps.append(f'IF EXISTS (SELECT FROM "{table.name}") THEN DELETE FROM "{table.name}"; END IF;')
        if "id" in table.columns:
            steps.append(f"PERFORM setval(pg_get_serial_sequence('\"{table.name}\"', 'id'), 1, false);")
    return f"DO $$ BEGIN {' '.join(steps)} END $$"


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings of a service on localhost, whose background work runs at once."""
    return Settings(
        public_url="http://localhost",
        database_url=database_url,
        queue_url="immediate",
        secret_key="only-for-tests-and-long-enough-for-them",
        encryption_keys=(Fernet.generate_key().decode(),),
        allowed_private_hosts=("localhost", "127.0.0.1"),
        trusted_proxies=(),
        session_lifetime=timedelta(hours=8),
        sync_at=time(19, 0),
        log_level="WARNING",
        log_format="text",
        metrics_allow=("127.0.0.1",),
        web_workers=1,
        web_threads=1,
        scans_path=tmp_path / "scans",
    )


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The application on a fresh database; a test fails where it tells of a person in a cookie, or of an action without
    words for the journal."""
    app = create_app(settings)
    told: list[str] = []

    def listen(_app: Flask, message: object, **_more: object) -> None:
        told.append(str(message))

    # Flask carries these words to the next page in its session cookie, signed but for everybody to read.
    message_flashed.connect(listen, app)
    yield app
    assert [text for text in told if any(name in text for name in _known_names())] == []
    assert _actions() <= labels.ACTIONS.keys(), "the journal of actions has words for each"
    engine = db.new_session().get_bind()
    engine.engine.dispose()


def _actions() -> set[str]:
    with db.new_session() as own:
        return set(own.scalars(select(AuditEvent.action).distinct()))


def _known_names() -> list[str]:
    with db.new_session() as own:
        return [person.name for person in own.scalars(select(KnownPerson))]


@pytest.fixture
def session(app: Flask) -> Iterator[Session]:
    """A session beside the application's own; commit to let requests see what it wrote."""
    with db.new_session() as session:
        yield session


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser that nobody came in with."""
    return app.test_client()


@pytest.fixture
def college() -> College:
    """The sample college; override it for another size."""
    return a_college()


@pytest.fixture
def moodle_at() -> dict[str, Any]:
    """How the practice Moodle is reached, as `running` takes it; override it for https."""
    # By name: the browser tests need one site with the service, which is on localhost too.
    return {"host": "localhost"}


@pytest.fixture
def moodle(
    app: Flask, college: College, moodle_at: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[PracticeMoodle]:
    """A practice Moodle on a loopback port, with the activity in each of its courses."""
    # Each test's Moodle is another one, maybe on the port of the one before.
    monkeypatch.setattr("lti_service.lti.launch.key_sets", keysets.KeySets())
    server = create_practice_moodle(college)
    with running(server, **moodle_at) as address:
        playing = moodle_of(server)
        assert address == playing.issuer

        def our_keys() -> dict[str, object]:
            with db.new_session() as session:
                return keys.key_set(session)

        tool = playing.add_tool("http://localhost", keys=our_keys)
        for course in playing.college.courses.values():
            playing.add_link(course, tool)
        yield playing


@pytest.fixture
def platform(app: Flask, moodle: PracticeMoodle) -> Platform:
    """The practice Moodle, registered here and active, with its web service."""
    return register(moodle)


def register(moodle: PracticeMoodle) -> Platform:
    """Register a practice Moodle's first tool as an admin would by hand."""
    tool = next(iter(moodle.lti.tools.values()))
    with db.new_session() as own, db.transaction(own) as session:
        keys.ensure_key(session)
        registration = platforms.Registration(
            client_id=tool.client_id, deployment_id=tool.deployment_id, active=True, **moodle.addresses
        )
        return platforms.register(session, registration)[0]


def launch(
    client: FlaskClient, moodle: PracticeMoodle, who: Person | int | str, where: Link | int = 2, **how: object
) -> TestResponse:
    """Let `client` come in by a whole launch: login, Moodle's answer, and the page it leads to."""
    login = client.post("/lti/login", data=moodle.login_form(who, where, **how))
    assert login.status_code == 302, login.text
    answer = moodle.answer(dict(parse_qsl(urlsplit(login.location).query)))
    return client.post("/lti/launch", data=answer, follow_redirects=True)


@pytest.fixture
def launch_as(app: Flask, moodle: PracticeMoodle, platform: Platform) -> Callable[..., FlaskClient]:
    """`launch_as(who, where=2)`: a browser in which this person has just opened the activity of that course.

    `who` is a Person of the sample college, a user id or a user name; `where` an activity or a Moodle course id.
    The browser's `home` is the address of the page it came to.
    """

    def come_in(who: Person | int | str, where: Link | int = 2, **how: object) -> FlaskClient:
        client = app.test_client()
        response = launch(client, moodle, who, where, **how)
        assert response.status_code == 200, response.text
        client.home = response.request.path
        return client

    return come_in
