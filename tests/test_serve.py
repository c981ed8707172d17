"""`make run` as an operator sees it: a process of its own, with nothing but what it is told."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests
from cryptography.fernet import Fernet

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "INSTANCE_PATH": str(tmp_path / "instance"), "LOG_LEVEL": "WARNING"}


def a_free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def serving(environment: dict[str, str], port: int):
    """The service, answering on `port`; stopped at the end."""
    command = [sys.executable, "-m", "lti_service.serve"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            assert process.poll() is None, "the service has ended"
            assert time.monotonic() < deadline, "the service does not answer"
            with suppress(requests.RequestException):
                if requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5).ok:
                    break
            time.sleep(0.1)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def test_it_listens_where_it_is_told_and_what_it_keeps_is_for_nobody_elses_eyes(environment, tmp_path):
    port = a_free_port()
    with serving(environment | {"BIND": f"127.0.0.1:{port}"}, port) as process:
        said = process.stdout.readline()
        modes = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "instance").iterdir()}
    assert said == f"The service listens on 127.0.0.1:{port} and answers at http://localhost:{port}.\n"
    assert {"nastavnichestvo.sqlite3", "queue.sqlite3", "secret_key", "encryption_keys"} <= modes.keys()
    assert set(modes.values()) == {0o600}
    assert (tmp_path / "instance").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("command", ["lti_service.serve", "flask --app wsgi db upgrade"])
def test_a_database_that_cannot_be_reached_is_told_in_one_line(environment, command):
    port = a_free_port()
    told = environment | {
        "DATABASE_URL": f"postgresql://mentor:s3cret@127.0.0.1:{port}/mentoring",
        "SECRET_KEY": "a-secret-that-is-long-enough-for-it",
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    }
    done = subprocess.run(
        [sys.executable, "-m", *command.split()], cwd=ROOT, env=told, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert f"The database mentoring on 127.0.0.1:{port} cannot be reached" in line
    assert "s3cret" not in line
