"""The words in which pages speak of training."""

from typing import Any

from flask_babel import lazy_gettext as _l

from lti_service.people.training.rules import TrainingState

STATES: dict[TrainingState, Any] = {
    TrainingState.NONE: _l("No training"),
    TrainingState.VALID: _l("In force"),
    TrainingState.SOON: _l("Runs out within 60 days"),
    TrainingState.EXPIRED: _l("Training has run out"),
}

TONES: dict[TrainingState, str] = {
    TrainingState.NONE: "light",
    TrainingState.VALID: "success",
    TrainingState.SOON: "warning",
    TrainingState.EXPIRED: "danger",
}
"""Colour of a state's badge; it always stands beside the word."""
