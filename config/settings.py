"""The service's settings: one typed class, filled from the environment and nowhere else."""

import ipaddress
import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import time, timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from environs import EnvError, FileAwareEnv
from marshmallow import ValidationError
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

ROOT = Path(__file__).resolve().parent.parent
SHORTEST_SECRET = 32
"""Characters; what is shorter somebody thought up."""


class SettingsError(Exception):
    """A setting is missing or has a value that cannot be used; the text names it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with the type it is used in; docs/install.md says what each is for."""

    public_url: str
    """Where people and Moodle reach the service, without a trailing slash."""
    database_url: str
    queue_url: str
    """`sqlite:///FILE`, `redis://…`, `postgresql://…`, or `immediate` (tasks run at once, in the caller)."""
    secret_key: str
    encryption_keys: tuple[str, ...]
    """Fernet keys, the newest first: it encrypts, all of them decrypt."""
    allowed_private_hosts: tuple[str, ...]
    """Host names, addresses and networks that may be private or plain http."""
    trusted_proxies: tuple[str, ...]
    session_lifetime: timedelta
    sync_at: time
    """Wall-clock time (UTC) of the nightly sync."""
    log_level: str
    log_format: str
    metrics_allow: tuple[str, ...]
    web_workers: int
    web_threads: int
    logins_per_minute: int = 600
    """Of one client address, as the next two; 0 is no limit. A college's classrooms share one address."""
    launches_per_minute: int = 600
    registrations_per_minute: int = 20
    scans_path: Path = ROOT / "instance" / "scans"
    """Folder for scanned consents; made when the first is added, for nobody's eyes but the service's user."""
    guest_tries_per_minute: int = 20
    """Codes and answers that one client address may try at the guests' door."""
    smtp_host: str = ""
    """The mail server; empty: no letters are sent."""
    smtp_port: int = 587
    smtp_security: str = "starttls"
    """`starttls`, `tls` (from the first byte) or `none`, for a server on the same machine."""
    smtp_user: str = ""
    smtp_password: str = ""
    mail_from: str = ""
    """The sender: an address, or `Name <address>`."""
    bind: str = "127.0.0.1:8000"
    """Where gunicorn listens: `HOST:PORT`, or `unix:FILE` for a proxy on this machine."""

    @property
    def https(self) -> bool:
        """Whether browsers reach the service over https, so that cookies may be Secure."""
        return urlsplit(self.public_url).scheme == "https"


def load_settings(instance: Path | None = None) -> Settings:
    """Read the settings from the environment.

    `instance` is the folder for what the service makes itself (default: `instance/` beside wsgi.py): the
    SQLite files and, when unset, the secrets, which it creates on first start with mode 600.
    Raises SettingsError when a value is missing or unusable.
    """
    folder = instance or Path(os.environ.get("INSTANCE_PATH") or ROOT / "instance")
    # Each setting may come from a file instead (`SECRET_KEY_FILE=/run/secrets/…`), as containers do it.
    env = FileAwareEnv(strip_whitespace=True)
    try:
        return _read(env, folder)
    except (EnvError, ValidationError, ValueError) as err:
        raise SettingsError(str(err)) from err


def _read(env: FileAwareEnv, folder: Path) -> Settings:
    database_url = env.str("DATABASE_URL", "") or f"sqlite:///{_inside(folder, 'nastavnichestvo.sqlite3')}"
    embedded = database_url.startswith("sqlite")
    _check_database(database_url)
    bind = env.str("BIND", "") or "127.0.0.1:8000"
    port = bind.rpartition(":")[2]
    if not (port.isdecimal() or bind.startswith("unix:")):
        raise SettingsError(f"BIND must be HOST:PORT or unix:FILE, not {bind!r}")
    public_url = env.str("PUBLIC_URL", f"http://localhost:{port if port.isdecimal() else 8000}").rstrip("/")
    with _must_be("PUBLIC_URL", "http(s)://host[:port]"):
        parts = urlsplit(public_url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path:
        raise SettingsError(f"PUBLIC_URL must be http(s)://host[:port] without a path, not {public_url!r}")
    if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise SettingsError("PUBLIC_URL must be https, except on localhost: browsers drop a frame's cookies on http")
    keys: tuple[str, ...] = tuple(env.list("ENCRYPTION_KEYS", [])) or (
        _kept_secret(folder, "encryption_keys", embedded),
    )
    with _must_be("ENCRYPTION_KEYS", "Fernet keys with commas between them"):
        for key in keys:
            Fernet(key)
    with _must_be("SYNC_AT", "a time of day such as 19:00"):
        sync_at = time.fromisoformat(env.str("SYNC_AT", "19:00"))
    return Settings(
        bind=bind,
        public_url=public_url,
        database_url=_with_driver(database_url),
        queue_url=env.str("QUEUE_URL", "") or f"sqlite:///{_inside(folder, 'queue.sqlite3')}",
        secret_key=_long_enough(env.str("SECRET_KEY", "")) or _kept_secret(folder, "secret_key", embedded),
        encryption_keys=keys,
        allowed_private_hosts=tuple(env.list("ALLOWED_PRIVATE_HOSTS", [])),
        trusted_proxies=_networks("TRUSTED_PROXIES", env.list("TRUSTED_PROXIES", [])),
        session_lifetime=timedelta(seconds=env.int("SESSION_LIFETIME", 8 * 3600)),
        sync_at=sync_at,
        log_level=_one_of("LOG_LEVEL", env.str("LOG_LEVEL", "INFO").upper(), tuple(logging.getLevelNamesMapping())),
        log_format=_one_of("LOG_FORMAT", env.str("LOG_FORMAT", "text"), ("text", "json")),
        metrics_allow=_networks("METRICS_ALLOW", env.list("METRICS_ALLOW", ["127.0.0.1", "::1"])),
        web_workers=env.int("WEB_WORKERS", 2),
        web_threads=env.int("WEB_THREADS", 2),
        logins_per_minute=_limit("LOGINS_PER_MINUTE", env.str("LOGINS_PER_MINUTE", "600")),
        launches_per_minute=_limit("LAUNCHES_PER_MINUTE", env.str("LAUNCHES_PER_MINUTE", "600")),
        registrations_per_minute=_limit("REGISTRATIONS_PER_MINUTE", env.str("REGISTRATIONS_PER_MINUTE", "20")),
        scans_path=Path(env.str("SCANS_PATH", "") or folder / "scans").absolute(),
        guest_tries_per_minute=_limit("GUEST_TRIES_PER_MINUTE", env.str("GUEST_TRIES_PER_MINUTE", "20")),
        **_mail(env),
    )


def _mail(env: FileAwareEnv) -> dict[str, Any]:
    host = env.str("SMTP_HOST", "").strip()
    security = _one_of("SMTP_SECURITY", env.str("SMTP_SECURITY", "starttls"), ("starttls", "tls", "none"))
    sender = env.str("MAIL_FROM", "").strip()
    if host and "@" not in parseaddr(sender)[1]:
        raise SettingsError("MAIL_FROM must be the sender's address when SMTP_HOST is set")
    usual_port = {"starttls": 587, "tls": 465, "none": 25}[security]
    return {
        "smtp_host": host,
        "smtp_port": env.int("SMTP_PORT", usual_port),
        "smtp_security": security,
        "smtp_user": env.str("SMTP_USER", ""),
        "smtp_password": env.str("SMTP_PASSWORD", ""),
        "mail_from": sender,
    }


@contextmanager
def _must_be(name: str, what: str) -> Iterator[None]:
    """Name the setting that a library cannot use; the library says how, and of a secret never what."""
    try:
        yield
    except ValueError as err:
        raise SettingsError(f"{name} must be {what}: {err}") from err


def _networks(name: str, entries: list[str]) -> tuple[str, ...]:
    with _must_be(name, "addresses and networks with commas between them"):
        for entry in entries:
            ipaddress.ip_network(entry, strict=False)
    return tuple(entries)


def _long_enough(secret: str) -> str:
    """The secret key, unless it can be guessed; empty when none is set."""
    if 0 < len(secret) < SHORTEST_SECRET:
        raise SettingsError(f"SECRET_KEY must be {SHORTEST_SECRET} characters or more, not {len(secret)}")
    return secret


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise SettingsError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
    return value


def _limit(name: str, value: str) -> int:
    """A whole number; empty or 0 switches the limit off."""
    if value.strip() and not value.strip().isdecimal():
        raise SettingsError(f"{name} must be a whole number, or empty for no limit, not {value!r}")
    return int(value.strip() or 0)


def _inside(folder: Path, name: str) -> Path:
    """Where a file of ours lies; the folder is made with the first of them, for nobody's eyes but the service's user.

    A folder that is there keeps its mode: whoever made it may let a group in, for backups.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / name


def _check_database(url: str) -> None:
    try:
        known = make_url(url).get_backend_name() in ("sqlite", "postgresql")
    except (ArgumentError, ValueError):
        known = False
    if not known:
        # What it is instead is not told: it has a password in it, wherever that stands.
        raise SettingsError("DATABASE_URL must be postgresql://user:password@host:port/name or sqlite:///FILE")


def _with_driver(url: str) -> str:
    """SQLAlchemy takes psycopg 3 only when the URL says so; operators write plain `postgresql://`."""
    return "postgresql+psycopg" + url[len("postgresql") :] if url.startswith("postgresql:") else url


def _kept_secret(folder: Path, name: str, embedded: bool) -> str:
    """The secret kept in `folder`, made on first use; several processes may start at once."""
    if not embedded:
        # A second machine would make its own secrets and could not read what the first one encrypted.
        raise SettingsError(f"{name.upper()} is required when DATABASE_URL is not SQLite")
    path = _inside(folder, name)
    if not path.exists():
        fresh = Fernet.generate_key().decode() if name == "encryption_keys" else secrets.token_urlsafe(48)
        draft = folder / f".{name}.{secrets.token_hex(4)}"
        draft.touch(mode=0o600)
        draft.write_text(fresh + "\n")
        # A link either makes the whole file or fails: no process ever reads a half-written secret.
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_text().strip()
