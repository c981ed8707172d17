"""Encryption of what a copy of the database must not give away: private keys and tokens."""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from lti_service.errors import DomainError


class SecretUnreadableError(DomainError):
    """A secret was encrypted with a key that ENCRYPTION_KEYS no longer holds."""

    code = "secret-unreadable"
    status = 500


class _Vault:
    fernet: MultiFernet | None = None


def connect(keys: tuple[str, ...]) -> None:
    """Use these Fernet keys from now on: the first encrypts, all decrypt."""
    _Vault.fernet = MultiFernet([Fernet(key) for key in keys])


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


def _fernet() -> MultiFernet:
    if _Vault.fernet is None:
        raise RuntimeError("secrets.connect() has not been called")
    return _Vault.fernet
