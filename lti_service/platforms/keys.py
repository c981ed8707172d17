"""Our own signing keys: making, publishing and rotating them, and the loaded key that signs now.

A new key is published ahead, so that platforms have read it before anything is signed with it; the one before stays
published for an overlap, so that what it signed can still be checked (1EdTech Security Framework 1.0 §6.3).
"""

import base64
import secrets as random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import Engine, Select, or_, select
from sqlalchemy.orm import Session

from lti_service import db
from lti_service.errors import DomainError
from lti_service.platforms import secrets
from lti_service.platforms.models import ToolKey

BITS = 2048
AHEAD = timedelta(days=1)
"""How long a new key is published before it signs."""
OVERLAP = timedelta(days=1)
"""How long a key stays published after its successor signs; what we sign lives minutes."""
RECHECK = 60.0
"""Seconds for which a process trusts the loaded key before it looks whether another one signs by now."""


class NoSigningKeyError(DomainError):
    """There is no key yet: `ensure_key` makes the first."""

    code = "no-signing-key"
    status = 500


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The key that signs now; `private_key` is loaded: parsing its PEM takes far longer than signing."""

    kid: str
    private_key: rsa.RSAPrivateKey


def ensure_key(session: Session) -> ToolKey:
    """The key that signs now; makes the very first one, which signs at once."""
    moment = db.now()
    found = session.scalar(_signing(moment))
    return found if found is not None else _make(session, moment, signs_from=moment)


def signing_key(session: Session, clock: Callable[[], float] = time.monotonic) -> SigningKey:
    """The loaded key that signs now. Raises NoSigningKeyError, SecretUnreadableError.

    Each process keeps it loaded and looks at most every RECHECK seconds (of `clock`) whether a rotation came due.
    """
    return _loaded.get(session, clock)


def key_set(session: Session) -> dict[str, Any]:
    """Our JWKS: every key that is not retired, those that will sign later too; oldest first, so that it only changes
    when a key comes or goes. Moodle re-reads a set at every call unless each key has an `alg`.
    """
    keys = session.scalars(select(ToolKey).where(_published(db.now())).order_by(ToolKey.id))
    return {"keys": [key.public_jwk for key in keys]}


def rotate(session: Session, now: datetime, ahead: timedelta = AHEAD, overlap: timedelta = OVERLAP) -> ToolKey:
    """Publish a key that signs from `now + ahead` on; those before it retire `overlap` later. Returns the new key.

    When one is waiting for its turn already, it is that one: asking twice does not pile up keys, and asking with a
    shorter `ahead` brings its turn forward.
    """
    waiting = session.scalar(select(ToolKey).where(ToolKey.signs_from > now).order_by(ToolKey.id).limit(1))
    key = waiting if waiting is not None else _make(session, now, signs_from=now + ahead)
    key.signs_from = min(key.signs_from, now + ahead)
    for old in session.scalars(select(ToolKey).where(ToolKey.id != key.id, _published(now))):
        retires_at = key.signs_from + overlap
        old.retires_at = retires_at if old.retires_at is None else min(old.retires_at, retires_at)
    session.flush()
    return key


def _published(moment: datetime) -> Any:
    return or_(ToolKey.retires_at.is_(None), ToolKey.retires_at > moment)


def _signing(moment: datetime) -> Select[ToolKey]:
    """The newest published key whose turn has come; one order, so that all processes take the same."""
    return (
        select(ToolKey)
        .where(ToolKey.signs_from <= moment, _published(moment))
        .order_by(ToolKey.signs_from.desc(), ToolKey.id.desc())
        .limit(1)
    )


def _make(session: Session, created_at: datetime, signs_from: datetime) -> ToolKey:
    private = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # Random, so that it is unique for ever, also after a restored backup.
    kid = random.token_urlsafe(16)
    numbers = private.public_key().public_numbers()
    jwk = {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": kid, "n": _base64(numbers.n), "e": _base64(numbers.e)}
    key = ToolKey(
        kid=kid,
        private_pem=secrets.encrypt(pem.decode()),
        public_jwk=jwk,
        created_at=created_at,
        signs_from=signs_from,
    )
    session.add(key)
    session.flush()
    return key


def _base64(number: int) -> str:
    """RFC 7518 §2, Base64urlUInt."""
    octets = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


class _Loaded:
    """The loaded key of each database that this process uses (tests use many, the service one)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: WeakKeyDictionary[Engine, tuple[float, SigningKey]] = WeakKeyDictionary()

    def get(self, session: Session, clock: Callable[[], float]) -> SigningKey:
        engine = session.get_bind().engine
        known = self._keys.get(engine)
        if known is not None and clock() - known[0] < RECHECK:
            return known[1]
        row = session.scalar(_signing(db.now()))
        if row is None:
            raise NoSigningKeyError
        key = known[1] if known is not None and known[1].kid == row.kid else _load(row)
        with self._lock:
            self._keys[engine] = (clock(), key)
        return key


def _load(row: ToolKey) -> SigningKey:
    private = serialization.load_pem_private_key(secrets.decrypt(row.private_pem).encode(), password=None)
    if not isinstance(private, rsa.RSAPrivateKey):
        raise TypeError(f"key {row.kid} is not an RSA key")
    return SigningKey(kid=row.kid, private_key=private)


_loaded = _Loaded()
