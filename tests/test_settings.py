"""Settings from the environment: what is made for who sets nothing, and what is refused."""

import pytest
from cryptography.fernet import Fernet

from config import load_settings

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
