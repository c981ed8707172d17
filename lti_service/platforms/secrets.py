"""Encryption of what a copy of the database must not give away: private keys and tokens."""

import hashlib
import hmac

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from lti_service.errors import DomainError


class SecretUnreadableError(DomainError):
    """A secret was encrypted with a key that ENCRYPTION_KEYS no longer holds."""

    code = "secret-unreadable"
    status = 500


class _Vault:
    fernet: MultiFernet | None = None
    keys: tuple[bytes, ...] = ()


def connect(keys: tuple[str, ...]) -> None:
    """Use these Fernet keys from now on: the first encrypts, all decrypt."""
    _Vault.fernet = MultiFernet([Fernet(key) for key in keys])
    _Vault.keys = tuple(key.encode() for key in keys)


def encrypt(text: str) -> str:
    """Encrypt; an empty text stays empty, which means "none"."""
    return _fernet().encrypt(text.encode()).decode() if text else ""


def decrypt(text: str) -> str:
    """Decrypt what `encrypt` made. Raises SecretUnreadableError."""
    if not text:
        return ""
    try:
        return _fernet().decrypt(text.encode()).decode()
    except InvalidToken as err:
        raise SecretUnreadableError from err


def fingerprints(text: str) -> list[str]:
    """What stands for a text that must be recognised and not be read: one for each key, the present one's first."""
    _fernet()
    return [hmac.new(key, text.encode(), hashlib.sha256).hexdigest() for key in _Vault.keys]


def _fernet() -> MultiFernet:
    if _Vault.fernet is None:
        raise RuntimeError("secrets.connect() has not been called")
    return _Vault.fernet
