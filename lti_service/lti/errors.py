"""Why a message of a platform is refused: a stable reason, and what the person can do about it."""

from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _l

from lti_service.errors import DomainError


class Refusal(StrEnum):
    """Reasons of a refusal, as the audit trail keeps them."""

    PARAMETER_TWICE = "parameter-twice"
    PARAMETER_MISSING = "parameter-missing"
    BODY_TOO_LARGE = "body-too-large"
    UNKNOWN_PLATFORM = "unknown-platform"
    PLATFORM_NOT_ACTIVE = "platform-not-active"
    TOKEN_MALFORMED = "token-malformed"  # noqa: S105
    ALGORITHM = "algorithm"
    KEY_IN_HEADER = "key-in-header"
    KEY_UNKNOWN = "key-unknown"
    KEY_SET_UNREACHABLE = "key-set-unreachable"
    SIGNATURE = "signature"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    WRONG_AUDIENCE = "wrong-audience"
    WRONG_ISSUER = "wrong-issuer"
    CLAIM_MISSING = "claim-missing"
    CLAIM_INVALID = "claim-invalid"
    STATE_UNKNOWN = "state-unknown"
    STATE_USED = "state-used"
    STATE_EXPIRED = "state-expired"
    NO_COOKIE = "no-cookie"
    OTHER_BROWSER = "other-browser"
    OTHER_PLATFORM = "other-platform"
    NONCE = "nonce"
    UNKNOWN_DEPLOYMENT = "unknown-deployment"
    FOREIGN_TARGET = "foreign-target"
    MESSAGE = "message"


_AGAIN = _l("This entry has been used already or has run out. Go back to your course and open the activity again.")
_BROWSER = _l(
    "Your browser did not keep our cookie, so we cannot tell that it is you. Allow cookies for this site, or open "
    "the activity in a new window, and try again."
)
_ADMIN = _l("Moodle and this service do not agree on each other. Tell your Moodle administrator the number below.")
_PAUSED = _l(
    "Mentoring is switched off in this Moodle for now. Nothing is lost: open the activity again later, or ask your "
    "Moodle administrator when it comes back."
)

_ADVICE: dict[Refusal, tuple[int, Any]] = {
    Refusal.PLATFORM_NOT_ACTIVE: (403, _PAUSED),
    Refusal.EXPIRED: (401, _AGAIN),
    Refusal.STATE_UNKNOWN: (401, _AGAIN),
    Refusal.STATE_USED: (401, _AGAIN),
    Refusal.STATE_EXPIRED: (401, _AGAIN),
    Refusal.NONCE: (401, _AGAIN),
    Refusal.NO_COOKIE: (401, _BROWSER),
    Refusal.OTHER_BROWSER: (401, _BROWSER),
    Refusal.PARAMETER_TWICE: (400, _AGAIN),
    Refusal.PARAMETER_MISSING: (400, _AGAIN),
    Refusal.TOKEN_MALFORMED: (400, _AGAIN),
    # The page of that status has words of its own.
    Refusal.BODY_TOO_LARGE: (413, ""),
    Refusal.KEY_SET_UNREACHABLE: (
        503,
        _l("Moodle could not be asked for its keys just now. Try again in a minute."),
    ),
}


class LaunchRefusedError(DomainError):
    """A login or a launch that must not go on. Says nothing of internals to the person; `detail` is for the audit."""

    code = "launch-refused"

    def __init__(self, reason: Refusal, detail: str = "", platform_id: int | None = None) -> None:
        super().__init__(reason=reason.value, detail=detail)
        self.reason = reason
        self.detail = detail
        self.platform_id = platform_id
        self.status, self.message = _ADVICE.get(reason, (403, _ADMIN))  # type: ignore[misc]

    @property
    def text(self) -> str:
        """The sentence in the language of the request."""
        return str(self.message)
