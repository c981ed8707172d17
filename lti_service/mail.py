"""Letters: one small way out, by SMTP, for the wings that write to people who have no account in Moodle.

Only ever called by the worker: a request must not wait for a mail server. What is to be sent, and sent again, stands
in the wings' tables.
"""

import smtplib
import ssl
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

import structlog

from config import Settings

log = structlog.get_logger(__name__)

PATIENCE = 20
"""Seconds that each step of talking to a mail server may take."""


class MailError(Exception):
    """A letter could not be handed over. `code` is stable; the text is for the log and names nobody."""

    def __init__(self, code: str, detail: str, *, may_pass: bool) -> None:
        super().__init__(detail)
        self.code = code
        self.may_pass = may_pass
        """Whether another try later may succeed without anybody doing anything."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter in plain text to one address."""

    to: str
    subject: str
    text: str


class _Postbox:
    settings: Settings | None = None


def connect(settings: Settings) -> None:
    """Use this mail server from now on."""
    _Postbox.settings = settings


def is_set() -> bool:
    """Whether letters can be sent at all: a mail server is named in the settings."""
    return _Postbox.settings is not None and bool(_Postbox.settings.smtp_host)


def send(letter: Letter) -> None:
    """Hand a letter over to the mail server. Raises MailError."""
    settings = _Postbox.settings
    if settings is None or not settings.smtp_host:
        raise MailError("not-set", "SMTP_HOST is empty", may_pass=False)
    message = _composed(settings, letter)
    try:
        with _server(settings) as server:
            if settings.smtp_user:
                server.login(settings.smtp_user, settings.smtp_password)
            server.send_message(message)
    except smtplib.SMTPRecipientsRefused as err:
        [(status, _text)] = err.recipients.values()
        raise MailError("refused", f"recipient refused with {status}", may_pass=status < 500) from err
    except smtplib.SMTPAuthenticationError as err:
        raise MailError("login", f"login refused with {err.smtp_code}", may_pass=True) from err
    except smtplib.SMTPResponseException as err:
        raise MailError("refused", f"refused with {err.smtp_code}", may_pass=err.smtp_code < 500) from err
    except (smtplib.SMTPException, OSError) as err:
        raise MailError("unreachable", type(err).__name__, may_pass=True) from err


def _server(settings: Settings) -> smtplib.SMTP:
    host, port = settings.smtp_host, settings.smtp_port
    if settings.smtp_security == "tls":
        return smtplib.SMTP_SSL(host, port, timeout=PATIENCE, context=ssl.create_default_context())
    server = smtplib.SMTP(host, port, timeout=PATIENCE)
    if settings.smtp_security == "starttls":
        try:
            server.starttls(context=ssl.create_default_context())
        except BaseException:
            server.close()
            raise
    return server


def _composed(settings: Settings, letter: Letter) -> EmailMessage:
    """The message; a line break in an address or a subject is refused by the library itself."""
    message = EmailMessage()
    try:
        message["From"] = settings.mail_from
        message["To"] = Address(addr_spec=letter.to)
        message["Subject"] = letter.subject
    except Exception as err:
        # Whatever the library does not take for an address, no server would.
        raise MailError("refused", "not an address", may_pass=False) from err
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=settings.mail_from.rpartition("@")[2].rstrip("> ") or None)
    # An answer on holiday to a letter that a machine wrote helps nobody (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    return message
