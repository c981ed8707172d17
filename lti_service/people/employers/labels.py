"""The words in which pages speak of organisations and agreements."""

from typing import Any

from flask_babel import lazy_gettext as _l

from lti_service.people.employers.models import AgreementKind
from lti_service.people.employers.rules import AgreementState

KINDS: dict[AgreementKind, Any] = {
    AgreementKind.DUAL: _l("Dual training"),
    AgreementKind.PRACTICE: _l("Practice"),
    AgreementKind.OTHER: _l("Other agreement"),
}

STATES: dict[AgreementState, Any] = {
    AgreementState.IN_FORCE: _l("In force"),
    AgreementState.ENDS_SOON: _l("Ends within 60 days"),
    AgreementState.EXPIRED: _l("Expired"),
    AgreementState.NONE: _l("No agreement"),
}

TONES: dict[AgreementState, str] = {
    AgreementState.IN_FORCE: "success",
    AgreementState.ENDS_SOON: "warning",
    AgreementState.EXPIRED: "danger",
    AgreementState.NONE: "light",
}
"""Colour of a state's badge; it always stands beside the word."""
