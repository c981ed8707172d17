"""Settings from the environment: what is made for who sets nothing, and what is refused."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from config import SettingsError, load_settings

ROOT = Path(__file__).resolve().parent.parent

POSTGRESQL = {
    "DATABASE_URL": "postgresql://mentor@localhost/mentor",
    "SECRET_KEY": "a-secret-that-is-long-enough-for-it",
    "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
}


@pytest.fixture
def environment(monkeypatch):
    """Sets variables for one test."""

    def put(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return put


def test_the_folder_of_the_queue_is_made_when_the_database_is_elsewhere(environment, tmp_path):
    environment(**POSTGRESQL)
    assert load_settings(tmp_path / "instance").queue_url == f"sqlite:///{tmp_path / 'instance' / 'queue.sqlite3'}"
    assert (tmp_path / "instance").is_dir()


def test_a_secret_in_a_file_ends_before_the_end_of_its_line(environment, tmp_path):
    environment(**POSTGRESQL)
    (tmp_path / "password").write_text("s3cret\n")
    environment(SMTP_HOST="mail.example", MAIL_FROM="a@example.org", SMTP_PASSWORD_FILE=str(tmp_path / "password"))
    assert load_settings(tmp_path / "instance").smtp_password == "s3cret"


def test_no_folder_is_made_when_everything_lies_elsewhere(environment, tmp_path):
    environment(**POSTGRESQL, QUEUE_URL="redis://localhost")
    load_settings(tmp_path / "instance")
    assert not (tmp_path / "instance").exists()


def test_the_folder_of_ours_is_for_nobody_else_and_a_present_one_keeps_its_mode(tmp_path):
    load_settings(tmp_path / "instance")
    assert (tmp_path / "instance").stat().st_mode & 0o777 == 0o700
    (tmp_path / "made").mkdir()
    (tmp_path / "made").chmod(0o750)
    load_settings(tmp_path / "made")
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENCRYPTION_KEYS", "no-fernet-key"),
        ("SYNC_AT", "25:00"),
        ("SYNC_AT", "at night"),
        ("SECRET_KEY", "x" * 31),
        ("DATABASE_URL", "mysql://mentor@localhost/mentor"),
        ("DATABASE_URL", "postgresql://mentor:s3cret/mentor"),
        ("PUBLIC_URL", "https://[mentor"),
        ("BIND", "localhost:http"),
        ("BIND", "0.0.0.0"),
        ("TRUSTED_PROXIES", "127.0.0.1,proxy"),
        ("METRICS_ALLOW", "10.0.0.0/99"),
        ("LOG_LEVEL", "loud"),
        ("WEB_WORKERS", "two"),
    ],
)
def test_what_cannot_be_used_is_named_in_one_line(environment, tmp_path, name, value):
    environment(**(POSTGRESQL | {name: value}))
    with pytest.raises(SettingsError, match=name) as refused:
        load_settings(tmp_path)
    assert "\n" not in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_a_secret_in_a_file_that_is_not_there_is_named(environment, tmp_path):
    environment(SECRET_KEY_FILE=str(tmp_path / "nowhere"))
    with pytest.raises(SettingsError, match="SECRET_KEY"):
        load_settings(tmp_path)


@pytest.mark.parametrize(
    ("command", "name", "value"),
    [
        ("lti_service.serve", "SYNC_AT", "25:00"),
        ("lti_service.worker", "SYNC_AT", "25:00"),
        ("flask --app wsgi db upgrade", "SYNC_AT", "25:00"),
        ("flask --app wsgi db upgrade", "QUEUE_URL", "ftp://localhost"),
    ],
)
def test_whatever_is_started_says_it_in_one_line(tmp_path, command, name, value):
    environment = {"PATH": os.environ["PATH"], "INSTANCE_PATH": str(tmp_path), name: value}
    done = subprocess.run(
        [sys.executable, "-m", *command.split()], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    [line] = [line for line in done.stderr.splitlines() if "[info" not in line]
    assert f"A setting is wrong: {name} must " in line


@pytest.mark.parametrize(
    ("bind", "reached"), [("0.0.0.0:9000", 9000), ("[::1]:9000", 9000), ("unix:/run/mentor.sock", 8000), ("", 8000)]
)
def test_people_reach_the_service_at_the_port_it_listens_on_unless_told_otherwise(environment, tmp_path, bind, reached):
    environment(BIND=bind)
    assert load_settings(tmp_path).public_url == f"http://localhost:{reached}"
