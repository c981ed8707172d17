"""Migrations, backup and restore, health and logs: what keeps the service going."""

import json
import logging

import pytest
import structlog
from alembic import command
from sqlalchemy import create_engine, inspect, make_url, text

from lti_service import db, logs
from lti_service.programme.models import Programme
from tests.conftest import POSTGRESQL

BEFORE_PERSON_WAS_MADE_ANEW = "c4d1a7e93b52"


@pytest.fixture
def fresh_url(tmp_path, worker_id) -> str:
    """A database with nothing in it."""
    if not POSTGRESQL:
        return f"sqlite:///{tmp_path / 'fresh.sqlite3'}"
    wanted = make_url(POSTGRESQL).set(drivername="postgresql+psycopg")
    name = f"{wanted.database}_fresh_{worker_id}"
    engine = create_engine(wanted.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    engine.dispose()
    return wanted.set(database=name).render_as_string(hide_password=False)


def test_migrations_go_up_and_down_and_match_the_models(fresh_url):
    config = db.alembic_config()
    config.attributes["engine"] = engine = db.make_engine(fresh_url)
    try:
        command.upgrade(config, "head")
        command.check(config)
        command.downgrade(config, "base")
        assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
        command.upgrade(config, "head")
    finally:
        engine.dispose()


def test_a_migration_keeps_the_rows_that_refer_to_a_table_it_makes_anew(launch_as, moodle, app, settings):
    """SQLite makes a table anew to change a column, and would refuse or take along what refers to it."""
    launch_as(moodle.college.students[0])
    engine = db.make_engine(settings.database_url)
    with engine.connect() as connection:
        before = {table: connection.scalar(text(f"SELECT count(*) FROM {table}")) for table in ("person", "membership")}
    assert all(before.values())
    config = db.alembic_config()
    config.attributes["engine"] = engine
    try:
        command.downgrade(config, BEFORE_PERSON_WAS_MADE_ANEW)
        command.upgrade(config, "head")
        with engine.connect() as connection:
            after = {table: connection.scalar(text(f"SELECT count(*) FROM {table}")) for table in before}
            enforced = connection.dialect.name != "sqlite" or connection.scalar(text("PRAGMA foreign_keys")) == 1
    finally:
        engine.dispose()
    assert after == before
    assert enforced


def test_a_backup_brings_back_what_was_there(app, session, tmp_path):
    session.add(Programme(code="a", first_year=2026, title="Программа", loaded_at=db.now()))
    session.commit()
    run = app.test_cli_runner()
    file = tmp_path / "copy.backup"
    made = run.invoke(args=["db", "backup", str(file)])
    assert made.exit_code == 0, made.output
    assert file.stat().st_mode & 0o077 == 0
    session.query(Programme).delete()
    # A newer version of the service may have made a table since, that refers to older ones.
    session.execute(text("CREATE TABLE newer (id INTEGER PRIMARY KEY, programme_id INTEGER REFERENCES programme (id))"))
    session.commit()
    session.close()
    db.new_session().get_bind().engine.dispose()
    back = run.invoke(args=["db", "restore", "--yes", str(file)])
    assert back.exit_code == 0, back.output
    assert session.query(Programme).one().title == "Программа"
    assert not inspect(session.connection()).has_table("newer")


@pytest.mark.parametrize("content", [b"no database at all" * 100, b""], ids=["a text", "an empty file"])
def test_what_is_no_backup_is_refused_in_one_line(app, session, tmp_path, content):
    """SQLite takes an empty file for an empty database, and would bring that back."""
    session.add(Programme(code="a", first_year=2026, title="Программа", loaded_at=db.now()))
    session.commit()
    file = tmp_path / "broken"
    file.write_bytes(content)
    done = app.test_cli_runner().invoke(args=["db", "restore", "--yes", str(file)])
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert len(done.output.splitlines()) == 1
    assert session.query(Programme).one().title == "Программа"


def test_health_says_up_and_ready(client):
    assert client.get("/healthz").json == {"status": "up"}
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["status"]) == (200, "ready")


def test_readiness_names_what_is_missing(client, session):
    session.execute(text("UPDATE alembic_version SET version_num = 'older'"))
    session.commit()
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json["migrations"] == "at older"
    session.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": db.newest_revision()})
    session.commit()


def test_metrics_are_for_the_allow_list_only(client):
    assert "nastavnichestvo_due_courses 0" in client.get("/metrics").text
    assert client.get("/metrics", environ_overrides={"REMOTE_ADDR": "203.0.113.7"}).status_code == 404


def test_forwarded_headers_of_a_stranger_are_not_believed(client):
    spoofed = client.get(
        "/metrics", headers={"X-Forwarded-For": "127.0.0.1"}, environ_overrides={"REMOTE_ADDR": "203.0.113.7"}
    )
    assert spoofed.status_code == 404


def test_secrets_never_reach_the_log(capsys):
    logs.configure("INFO", "json")
    try:
        structlog.get_logger("test").info(
            "asked", access_token="s3cret-1", url="https://m.example/?wstoken=s3cret-2&x=1", header="Bearer s3cret-3"
        )
        logging.getLogger("library").warning("POST id_token=s3cret-4 failed")
        out = capsys.readouterr().err
    finally:
        logs.configure("WARNING", "text")
    assert "s3cret" not in out
    assert len([json.loads(line) for line in out.splitlines()]) == 2
