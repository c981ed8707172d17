"""Platforms' public keys: key sets cached by address, fetched anew when an unknown `kid` turns up.

An error or an empty set is never cached: what was known stays in use until something better arrives.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jwt
import requests
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from lti_service.errors import DomainError
from lti_service.lti.errors import LaunchRefusedError, Refusal
from lti_service.platforms import outgoing

log = structlog.get_logger(__name__)

COOLDOWN = 60.0
"""Seconds between two fetches of one address: forged `kid`s must not turn us into a hammer."""
RETRY = 5.0
"""Seconds after a failed fetch while nothing is known yet."""
MAX_AGE = 24 * 3600.0
"""Seconds after which a set is read again even if its keys still fit, so that withdrawn keys go."""
MIN_BITS = 2048


@dataclass(slots=True)
class _Entry:
    keys: dict[str, RSAPublicKey] = field(default_factory=dict)
    fetched: float = float("-inf")
    tried: float = float("-inf")
    lock: threading.Lock = field(default_factory=threading.Lock)


class KeySets:
    """The cache of one process. `clock` counts seconds and never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._lock = threading.Lock()

    def find(self, url: str, kid: str) -> RSAPublicKey:
        """The key `kid` of the set at `url`.

        Raises LaunchRefusedError: KEY_UNKNOWN, or KEY_SET_UNREACHABLE when no set could be had at all.
        """
        with self._lock:
            entry = self._entries.setdefault(url, _Entry())
        key = entry.keys.get(kid)
        if key is not None and self._clock() - entry.fetched < MAX_AGE:
            return key
        with entry.lock:
            # Whoever waited for the lock finds what the first one brought.
            stale = kid not in entry.keys or self._clock() - entry.fetched >= MAX_AGE
            if stale and self._clock() - entry.tried >= (COOLDOWN if entry.keys else RETRY):
                self._refresh(entry, url)
        key = entry.keys.get(kid)
        if key is None:
            raise LaunchRefusedError(Refusal.KEY_UNKNOWN if entry.keys else Refusal.KEY_SET_UNREACHABLE)
        return key

    def _refresh(self, entry: _Entry, url: str) -> None:
        entry.tried = self._clock()
        try:
            answer = outgoing.http().get(url, headers={"Accept": "application/json"})
            answer.raise_for_status()
            keys = _usable(answer.json())
        except (requests.RequestException, DomainError, ValueError) as err:
            log.warning("key set not fetched", url=url, error=str(err)[:200])
            return
        if keys:
            entry.keys, entry.fetched = keys, self._clock()
        else:
            log.warning("key set holds no usable key", url=url)


def _usable(key_set: Any) -> dict[str, RSAPublicKey]:
    """The RS256 signing keys of a JWKS, by `kid`; others are of no use to LTI and are left out."""
    found: dict[str, RSAPublicKey] = {}
    listed = key_set.get("keys") if isinstance(key_set, dict) else None
    for jwk in listed if isinstance(listed, list) else []:
        if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str):
            continue
        if jwk.get("kty") != "RSA" or jwk.get("use", "sig") != "sig" or jwk.get("alg", "RS256") != "RS256":
            continue
        try:
            key = jwt.PyJWK(jwk, algorithm="RS256").key
        except jwt.PyJWTError:
            continue
        if isinstance(key, RSAPublicKey) and key.key_size >= MIN_BITS:
            found[jwk["kid"]] = key
    return found


key_sets = KeySets()
"""Shared by all requests of this process."""
