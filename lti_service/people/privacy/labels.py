"""The words in which pages speak of requests to erase."""

from typing import Any

from flask_babel import lazy_gettext as _l

from lti_service.people.privacy.models import RequestState

STATES: dict[RequestState, Any] = {
    RequestState.ASKED: _l("waits for the administrator"),
    RequestState.TAKEN_BACK: _l("taken back"),
    RequestState.REFUSED: _l("refused"),
    RequestState.DONE: _l("erased"),
}
TONES: dict[RequestState, str] = {
    RequestState.ASKED: "warning",
    RequestState.TAKEN_BACK: "secondary",
    RequestState.REFUSED: "danger",
    RequestState.DONE: "success",
}
