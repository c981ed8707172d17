"""The practice Moodle's key, its signatures (right ones, and any wrong ones a test asks for), and how it
checks a tool's.

The private key is in the repository on purpose: it signs for the practice Moodle only and proves nothing to
anyone else.
"""

import base64
import functools
import hashlib
import hmac
import json
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

KEY_FILE = Path(__file__).with_name("test_only_platform_key.pem")
KEY_SET_TIMEOUT = 5

KeySet = dict[str, Any]


class BadSignatureError(Exception):
    """A tool's token does not hold; the text is what Moodle's library (firebase/php-jwt) says."""


@functools.cache
def platform_key() -> rsa.RSAPrivateKey:
    """The site's key, loaded once."""
    key = serialization.load_pem_private_key(KEY_FILE.read_bytes(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def new_key() -> rsa.RSAPrivateKey:
    """A fresh key that nobody published: what a forger would sign with."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@functools.cache
def key_id() -> str:
    """The `kid` of the site's key: like Moodle's, twenty hexadecimal digits."""
    return hashlib.sha256(public_pem(platform_key())).hexdigest()[:20]


def public_pem(key: rsa.RSAPrivateKey) -> bytes:
    """A key's public half as PEM; also what an HS256 forger would take for the secret."""
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def public_jwk(key: rsa.RSAPrivateKey, kid: str) -> dict[str, str]:
    """A key's public half as Moodle publishes it."""
    numbers = key.public_key().public_numbers()
    return {
        "kty": "RSA",
        "alg": "RS256",
        "kid": kid,
        "e": base64url(numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8, "big")),
        "n": base64url(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")),
        "use": "sig",
    }


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """The bytes behind base64url text. Raises ValueError for what is not."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def token(
    claims: Any,
    *,
    key: rsa.RSAPrivateKey | bytes | None = None,
    alg: str = "RS256",
    kid: str | None = "",
    headers: dict[str, Any] | None = None,
) -> str:
    """A signed token, as right or as wrong as asked.

    By default RS256 with the site's key. `key`: another key (for HS256 the secret bytes, by default the
    site's public PEM); `alg`: RS256, HS256, or 'none' for an empty signature; `kid`: another key id, or None
    for none; `headers`: more header members, a None value removing one.
    """
    header: dict[str, Any] = {"typ": "JWT", "alg": alg}
    if kid is not None:
        header["kid"] = kid or key_id()
    header = {name: value for name, value in (header | (headers or {})).items() if value is not None}
    signed = f"{base64url(_json(header))}.{base64url(_json(claims))}"
    return f"{signed}.{base64url(_signature(signed.encode(), alg, key))}"


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _signature(signed: bytes, alg: str, key: rsa.RSAPrivateKey | bytes | None) -> bytes:
    if alg.lower() == "none":
        return b""
    if alg == "HS256":
        secret = key if isinstance(key, bytes) else public_pem(key or platform_key())
        return hmac.new(secret, signed, hashlib.sha256).digest()
    if alg != "RS256" or isinstance(key, bytes):
        raise ValueError(f"cannot sign {alg} with {type(key).__name__}")
    return (key or platform_key()).sign(signed, padding.PKCS1v15(), hashes.SHA256())


class ToolKeys:
    """A tool's public keys as Moodle keeps them: fetched from its address, cached, fetched again on any
    failure.

    A key without `alg` makes the cached set unusable, so it is fetched at every check (as Moodle does).
    """

    def __init__(self, source: str | Callable[[], KeySet]) -> None:
        """`source` is the key set's address, or a function that returns the key set without any network."""
        self.source = source
        self.fetches = 0
        self._cached: KeySet | None = None

    def check(self, text: str) -> dict[str, Any]:
        """The claims of a token signed by the tool. Raises BadSignatureError; OSError or ValueError when no
        key set comes."""
        try:
            if self._cached is not None:
                return _verified(text, self._cached)
        except BadSignatureError:
            pass
        self.fetches += 1
        key_set = self._fetch()
        with_alg = {"keys": [{"alg": "RS256", **key} for key in key_set["keys"]]}
        claims = _verified(text, with_alg)
        self._cached = key_set
        return claims

    def _fetch(self) -> KeySet:
        if callable(self.source):
            return self.source()
        with urllib.request.urlopen(self.source, timeout=KEY_SET_TIMEOUT) as answer:
            key_set = json.loads(answer.read())
        if not isinstance(key_set, dict) or not isinstance(key_set.get("keys"), list):
            raise ValueError("no key set")
        return key_set


def check_own(text: str) -> dict[str, Any]:
    """The claims of a token this site signed itself (a registration token). Raises BadSignatureError."""
    return _verified(text, {"keys": [public_jwk(platform_key(), key_id())]})


def _verified(text: str, key_set: KeySet) -> dict[str, Any]:
    """The checks of php-jwt in its order: key, signature, `nbf`, `iat`, `exp`; no leeway, and `aud` is not
    looked at."""
    try:
        header = jwt.get_unverified_header(text)
        claims = jwt.decode(text, options={"verify_signature": False})
        signed, _, signature = text.rpartition(".")
    except jwt.PyJWTError as error:
        raise BadSignatureError("Wrong number of segments") from error
    if not header.get("kid"):
        raise BadSignatureError('"kid" empty, unable to lookup correct key')
    found = next((key for key in key_set["keys"] if key.get("kid") == header["kid"]), None)
    if found is None:
        raise BadSignatureError('"kid" invalid, unable to lookup correct key')
    if header.get("alg") != "RS256" or found.get("alg") != "RS256":
        raise BadSignatureError("Incorrect key for this algorithm")
    public = jwt.PyJWK(found).key
    try:
        public.verify(
            from_base64url(signature),
            signed.encode(),
            padding.PKCS1v15(),
            hashes.SHA256(),
        )
    except InvalidSignature:
        raise BadSignatureError("Signature verification failed") from None
    now = int(time.time())
    for name in ("nbf", "iat"):
        if int(claims.get(name) or 0) > now:
            moment = datetime.fromtimestamp(int(claims[name]), UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
            raise BadSignatureError(f"Cannot handle token with {name} prior to {moment}")
    if "exp" in claims and now >= int(claims["exp"]):
        raise BadSignatureError("Expired token")
    return claims
