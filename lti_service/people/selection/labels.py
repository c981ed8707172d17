"""The words in which pages speak of selection."""

from typing import Any

from flask_babel import lazy_gettext as _l

from lti_service.people.selection.models import Decision

DECISIONS: dict[Decision, Any] = {
    Decision.ACCEPTED: _l("Selected"),
    Decision.TURNED_DOWN: _l("Not selected"),
    Decision.POSTPONED: _l("Postponed"),
    Decision.ADMITTED: _l("Ready without training"),
}

CONSEQUENCES: dict[Decision, Any] = {
    Decision.ACCEPTED: _l("Waits for training; whoever is trained already is ready at once."),
    Decision.TURNED_DOWN: _l("Gets no mentees; may be considered again at any time."),
    Decision.POSTPONED: _l("Stays a candidate; you come back to it later."),
    Decision.ADMITTED: _l("Can be given mentees at once. Say why no training is needed."),
}

TONES: dict[Decision, str] = {
    Decision.ACCEPTED: "success",
    Decision.TURNED_DOWN: "secondary",
    Decision.POSTPONED: "warning",
    Decision.ADMITTED: "success",
}
"""Colour of a decision's badge; it always stands beside the word."""
