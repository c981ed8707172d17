"""The words in which pages speak of a pair's work."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from lti_service.pairs.work.models import MeetingState, MeetingWay
from lti_service.pairs.work.shown import By, Signature

WAYS: dict[MeetingWay, Any] = {
    MeetingWay.IN_PERSON: _l("in person"),
    MeetingWay.CALL: _l("by call or video"),
    MeetingWay.LETTERS: _l("by correspondence"),
}
STATES: dict[MeetingState, Any] = {
    MeetingState.PLANNED: _l("planned"),
    MeetingState.HELD: _l("held"),
}
_BY: dict[By, Any] = {
    By.YOU: _l("you"),
    By.MENTOR: _l("the mentor"),
    By.MENTEE: _l("the mentee"),
    By.ANOTHER: _l("another mentee of the group"),
    By.CURATOR: _l("the curator"),
}


def who(signature: Signature) -> str:
    """Who did something, in words that stand in brackets or after a dot."""
    if signature.by is By.MENTEE and signature.name:
        return _("the mentee %(name)s", name=signature.name)
    return str(_BY[signature.by])
