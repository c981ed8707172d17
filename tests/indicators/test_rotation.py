"""Our signing keys rotate while people come in and grades go out: nobody is turned away and no grade is lost."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest
import requests
from sqlalchemy.orm import Session

from config import Settings
from lti_service import db
from lti_service.platforms import keys
from tests.indicators.world import World
from tests.practice_moodle.signing import ToolKeys

ROOT = Path(__file__).parents[2]
ROTATIONS = 2
OVERLAP = 1.5
"""Seconds for which the key before stays published here; a day in life."""


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """What another process of this service is started with."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return os.environ | {
        "PUBLIC_URL": f"http://localhost:{port}",
        "DATABASE_URL": settings.database_url,
        "QUEUE_URL": "immediate",
        "SECRET_KEY": settings.secret_key,
        "ENCRYPTION_KEYS": ",".join(settings.encryption_keys),
        "ALLOWED_PRIVATE_HOSTS": "localhost,127.0.0.1",
        "WEB_WORKERS": "2",
        "LOG_LEVEL": "WARNING",
        "LOGINS_PER_MINUTE": "",
        "LAUNCHES_PER_MINUTE": "",
    }


@pytest.fixture
def service(environment: dict[str, str]) -> Iterator[str]:
    """The service under gunicorn, in processes of its own."""
    address = environment["PUBLIC_URL"]
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.conf.py", "-b", address[7:], "wsgi:app"],
        cwd=ROOT,
        env=environment,
    )
    try:
        for _ in range(200):
            try:
                if requests.get(f"{address}/healthz", timeout=5).ok:
                    break
            except (requests.ConnectionError, requests.Timeout):
                time.sleep(0.05)
        yield address
    finally:
        server.terminate()
        assert server.wait(30) == 0


class Visitors(threading.Thread):
    """People who open the activity one after the other until told to stop; keeps each answer of the service."""

    def __init__(self, world: World, address: str) -> None:
        super().__init__()
        self.world, self.address = world, address
        self.stopped = threading.Event()
        self.answers: list[int] = []

    def run(self) -> None:
        """Launch, again and again."""
        moodle = self.world.moodle
        while not self.stopped.is_set():
            with requests.Session() as browser:
                form = moodle.login_form(moodle.college.students[0], 2)
                login = browser.post(f"{self.address}/lti/login", data=form, allow_redirects=False, timeout=30)
                answer = moodle.answer(dict(parse_qsl(urlsplit(login.headers["Location"]).query)))
                home = browser.post(f"{self.address}/lti/launch", data=answer, timeout=30)
            self.answers.append(home.status_code)


def test_a_rotation_under_load_loses_no_launch_and_no_grade(
    world: World, session: Session, service: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "RECHECK", 0.1)
    tool = next(iter(world.moodle.lti.tools.values()))
    tool.login_url, tool.url = f"{service}/lti/login", f"{service}/lti/launch"
    tool.redirect_uris = [tool.url]
    tool.keys = ToolKeys(f"{service}/lti/jwks")
    signed_by = _signers(tool.keys, monkeypatch)
    world.need(world.students)
    world.column()
    deliveries = Deliveries(world)

    visitors = Visitors(world, service)
    visitors.start()
    try:
        published = [_published(service)]
        for _ in range(ROTATIONS):
            ran = subprocess.run(
                [sys.executable, "-m", "flask", "--app", "wsgi", "keys", "rotate"],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
            assert "New key" in ran.stdout
            # An hour passes: the new key's turn comes, with the deliveries going on around it.
            deliveries.one()
            with db.transaction(session):
                keys.rotate(session, db.now(), ahead=timedelta(0), overlap=timedelta(seconds=OVERLAP))
            published.append(_published(service))
            until = time.monotonic() + OVERLAP
            while time.monotonic() < until:
                deliveries.one()
            deliveries.one()
    finally:
        visitors.stopped.set()
        visitors.join()

    assert len(visitors.answers) > 10
    assert set(visitors.answers) == {200}
    # Every key had its turn at signing, and was gone from the set once it was over.
    assert len(set(signed_by)) == ROTATIONS + 1
    assert [len(found) for found in published] == [1, 2, 2]
    assert _published(service) == {signed_by[-1]}
    # Moodle takes one score a second for each person; whoever had to wait for that goes out now.
    time.sleep(1.1)
    deliveries.deliver()
    assert world.shown() == {
        person.moodle_id: 100 if number in deliveries.paired else 0 for number, person in enumerate(world.students)
    }
    assert world.states() == {"confirmed": len(world.students)}
    assert deliveries.count > 3 * ROTATIONS


class Deliveries:
    """Somebody's grade changes and goes out, with a new token that our key must sign for; again and again."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.paired: set[int] = set()
        self.count = 0

    def one(self) -> None:
        """Form the next person's pair, or end it, and deliver."""
        number = self.count % len(self.world.students)
        changing = [self.world.students[number]]
        if number in self.paired:
            self.world.part(changing)
        else:
            self.world.pair(changing)
        self.paired ^= {number}
        self.count += 1
        self.deliver()

    def deliver(self) -> None:
        """Work out what should be, and send it."""
        self.world.refresh()
        self.world.moodle.lti.forget_access_tokens()
        assert not self.world.deliver(verify=True).trouble


def _published(address: str) -> set[str]:
    return {key["kid"] for key in requests.get(f"{address}/lti/jwks", timeout=30).json()["keys"]}


def _signers(tool_keys: ToolKeys, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the keys that signed what Moodle accepted, in order."""
    check, found = tool_keys.check, []

    def checking(text: str) -> dict[str, object]:
        claims = check(text)
        found.append(jwt.get_unverified_header(text)["kid"])
        return claims

    monkeypatch.setattr(tool_keys, "check", checking)
    return found
