"""`make run`: the service on one machine, gunicorn and the worker side by side until one of them stops."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import click
from flask import Flask

from config import Settings, SettingsError, load_settings
from lti_service import audit, db, upkeep
from lti_service.app import create_app
from lti_service.platforms import service as platforms

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Migrate, start both processes, and end with the first that ends; returns its exit status."""
    # The database, its log and the queue are full of people: what is made from here on is the service's user's alone.
    os.umask(0o077)
    try:
        settings = load_settings()
        upkeep.upgrade_database(settings.database_url)
        app = create_app(settings)
    except SettingsError as err:
        sys.stderr.write(f"A setting is wrong: {err}\n")
        return 2
    except click.ClickException as err:
        err.show()
        return err.exit_code
    sys.stdout.write(greeting(app))
    sys.stdout.flush()
    gunicorn = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "config" / "gunicorn.conf.py"), "wsgi:app"]
    worker = [sys.executable, "-m", "lti_service.worker"]
    running = [subprocess.Popen(command, cwd=ROOT) for command in (gunicorn, worker)]  # noqa: S603

    def stop(*_signal: object) -> None:
        for process in running:
            process.terminate()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    status = _first_to_end(running)
    stop()
    for process in running:
        process.wait()
    return status


def greeting(app: Flask) -> str:
    """Where the service answers; and while no Moodle is connected yet, a registration address for the first."""
    settings: Settings = app.extensions["settings"]
    lines = [f"The service listens on {settings.bind} and answers at {settings.public_url}."]
    with app.app_context(), db.transaction() as session:
        if not platforms.all_platforms(session):
            code = platforms.invite(session)
            audit.record(session, "platform.invited")
            lines += [
                "No Moodle is connected yet. Paste this address into its “Manage tools” (good once, for 24 hours; more",
                "in docs/install.md):",
                platforms.registration_address(settings.public_url, code),
            ]
    return "\n".join(lines) + "\n"


def _first_to_end(running: list[subprocess.Popen[bytes]]) -> int:
    while True:
        for process in running:
            try:
                return process.wait(0.5)
            except subprocess.TimeoutExpired:
                continue


if __name__ == "__main__":
    sys.exit(main())
