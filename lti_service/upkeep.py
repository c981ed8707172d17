"""Keeping the database: `flask db upgrade`, `db backup FILE`, `db restore FILE`."""

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from subprocess import DEVNULL, PIPE
from tempfile import TemporaryFile
from typing import IO

import click
from alembic import command
from flask import current_app
from flask.cli import AppGroup
from sqlalchemy import URL, Engine, make_url
from sqlalchemy.exc import OperationalError

from config import Settings
from lti_service import db

database = AppGroup("db", help="Migrations, backup and restore of the database.")


def upgrade_database(url: str) -> None:
    """Bring the database at `url` to the newest migration.

    Raises click.ClickException when it cannot be reached, which commands tell in one line.
    """
    config = db.alembic_config()
    engine = db.make_engine(url)
    config.attributes["engine"] = engine
    try:
        _reach(engine)
        command.upgrade(config, "head")
    finally:
        engine.dispose()


def _reach(engine: Engine) -> None:
    try:
        engine.connect().close()
    except OperationalError as err:
        url = engine.url
        host = f" on {url.host}:{url.port or 5432}" if url.host else ""
        why = " ".join(str(err.orig).split())
        raise click.ClickException(f"The database {url.database}{host} cannot be reached: {why}") from err


@database.command("upgrade")
def upgrade() -> None:
    """Run the migrations that are missing."""
    upgrade_database(_url().render_as_string(hide_password=False))
    click.echo(f"The database is at {db.newest_revision()}.")


@database.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write a consistent copy to FILE while the service runs."""
    url = _url()
    if url.get_backend_name() == "sqlite":
        draft = _for_nobody_else(file.with_name(file.name + ".part"))
        with closing(sqlite3.connect(str(url.database))) as source, closing(sqlite3.connect(draft)) as target:
            source.backup(target)
        draft.replace(file)
    else:
        _run(url, "pg_dump", "--format=custom", f"--file={_for_nobody_else(file)}", _dsn(url))
    click.echo(f"Backed up to {file}. Keep the encryption keys too: without them keys and tokens in it are lost.")
    settings: Settings = current_app.extensions["settings"]
    if settings.scans_path.is_dir():
        click.echo(f"Scans of consents are not in it: copy {settings.scans_path} too.")


@database.command("restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
def restore(file: Path, yes: bool) -> None:
    """Put the copy in FILE back in place of the present database. Stop the service first."""
    if not yes:
        click.confirm("What is in the database now will be gone. Go on?", abort=True)
    url = _url()
    if url.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(file)) as source:
            try:
                # To SQLite an empty file is a database too.
                source.execute("SELECT version_num FROM alembic_version")
                verdict = source.execute("PRAGMA integrity_check").fetchone()[0]
            except sqlite3.DatabaseError as err:
                raise click.ClickException(f"{file} is no backup of an SQLite database of ours: {err}") from err
            if verdict != "ok":
                raise click.ClickException(f"{file} is damaged: {verdict}")
            # Page by page into the file in use, so that whoever has it open sees the restored content.
            with closing(sqlite3.connect(str(url.database))) as target:
                source.backup(target)
    else:
        # The whole copy is read before anything is touched, into a file that has no name: it is full of people.
        with TemporaryFile() as copy:
            _run(url, "pg_restore", "--no-owner", "--file=-", str(file), stdout=copy)
            copy.seek(0)
            wholly = ("--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1")
            steps = ("--command", _DROP_TABLES, "--file=-")
            _run(url, "psql", *wholly, *steps, f"--dbname={_dsn(url)}", stdin=copy)
    click.echo(f"Restored from {file}.")


def _url() -> URL:
    settings: Settings = current_app.extensions["settings"]
    return make_url(settings.database_url)


def _dsn(url: URL) -> str:
    """Without the password: everybody on the machine reads the arguments of a program."""
    return url._replace(drivername="postgresql", password=None).render_as_string(hide_password=False)


def _for_nobody_else(file: Path) -> Path:
    """The file, closed to others before anything is in it."""
    file.touch()
    file.chmod(0o600)
    return file


_DROP_TABLES = """
DO $$ DECLARE found name; BEGIN
  FOR found IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() LOOP
    EXECUTE format('DROP TABLE %I CASCADE', found);
  END LOOP;
END $$
"""
"""Whatever is there goes, also tables that are newer than the copy and refer to older ones."""


def _run(
    url: URL, program: str, *arguments: str, stdin: IO[bytes] | None = None, stdout: IO[bytes] | int = DEVNULL
) -> None:
    found = shutil.which(program)
    if not found:
        raise click.ClickException(f"{program} is not installed (Debian: postgresql-client)")
    environment = os.environ | ({"PGPASSWORD": str(url.password)} if url.password else {})
    done = subprocess.run(  # noqa: S603
        [found, *arguments], env=environment, stdin=stdin, stdout=stdout, stderr=PIPE, text=True, check=False
    )
    if done.returncode:
        raise click.ClickException(done.stderr.strip() or f"{program} failed")
