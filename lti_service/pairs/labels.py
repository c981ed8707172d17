"""The words in which pages speak of a pair: its states and moves, and what each of them means."""

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from lti_service.pairs.models import PairState
from lti_service.pairs.rules import Action, Decision

STATES: dict[PairState, Any] = {
    PairState.PROPOSED: _l("Proposed"),
    PairState.AGREED: _l("Agreed"),
    PairState.ACTIVE: _l("Active"),
    PairState.FINISHED: _l("Finished"),
    PairState.ENDED_EARLY: _l("Ended early"),
    PairState.DECLINED: _l("Declined"),
    PairState.CANCELLED: _l("Cancelled"),
}

TONES: dict[PairState, str] = {
    PairState.PROPOSED: "warning",
    PairState.AGREED: "info",
    PairState.ACTIVE: "success",
    PairState.FINISHED: "secondary",
    PairState.ENDED_EARLY: "secondary",
    PairState.DECLINED: "secondary",
    PairState.CANCELLED: "secondary",
}
"""Colour of a state's badge; it always stands beside the word."""

MEANINGS: dict[PairState, Any] = {
    PairState.PROPOSED: _l("The mentor has been asked and has not answered yet."),
    PairState.AGREED: _l("The mentor has agreed. The curator starts the pair when everything is ready."),
    PairState.ACTIVE: _l("Mentor and mentees are working together."),
    PairState.FINISHED: _l("The work together has been brought to its end."),
    PairState.ENDED_EARLY: _l("The work together ended before its time."),
    PairState.DECLINED: _l("The mentor has declined. The mentees can be proposed to somebody else."),
    PairState.CANCELLED: _l("The curator has taken the proposal back."),
}

EVENTS: dict[PairState, Any] = {
    PairState.PROPOSED: _l("Proposed by the curator"),
    PairState.AGREED: _l("The mentor agreed"),
    PairState.ACTIVE: _l("The pair was started"),
    PairState.FINISHED: _l("The pair was finished"),
    PairState.ENDED_EARLY: _l("The pair ended early"),
    PairState.DECLINED: _l("The mentor declined"),
    PairState.CANCELLED: _l("The proposal was cancelled"),
}
"""What happened when a pair came into a state, for its history."""

ACTIONS: dict[Action, Any] = {
    Action.AGREE: _l("Agree"),
    Action.DECLINE: _l("Decline"),
    Action.CANCEL: _l("Cancel the proposal"),
    Action.START: _l("Start the pair"),
    Action.FINISH: _l("Finish"),
    Action.END_EARLY: _l("End early"),
}

CONFIRMATIONS: dict[Action, Any] = {
    Action.DECLINE: _l(
        "The proposal will be closed and the curator will look for another mentor. This cannot be taken back; "
        "the curator can propose the pair to you again."
    ),
    Action.CANCEL: _l(
        "The mentor will no longer see the proposal, and the mentees will be waiting for a mentor again. "
        "This cannot be taken back; you can propose the same pair anew."
    ),
    Action.FINISH: _l(
        "The pair will be closed as finished: it still counts as formed, and the mentor's places become free. "
        "This cannot be taken back."
    ),
    Action.END_EARLY: _l(
        "The pair will be closed and will no longer count as formed. The mentees will be waiting for a mentor again, "
        "and the mentor's places become free. This cannot be taken back."
    ),
}
"""What will happen; actions that are not here are done at once."""

DONE: dict[Action, Any] = {
    Action.AGREE: _l("Thank you! The curator now starts the pair."),
    Action.DECLINE: _l("You have declined. The curator will look for another mentor."),
    Action.CANCEL: _l("The proposal has been cancelled."),
    Action.START: _l("The pair is active and counts as formed."),
    Action.FINISH: _l("The pair is finished."),
    Action.END_EARLY: _l("The pair has ended. Its mentees are waiting for a mentor again."),
}


def turned(decision: Decision, count: int) -> str:
    """What has become of pairs of the years before."""
    if decision is Decision.CONTINUE:
        return ngettext("%(num)d pair goes on in the new year.", "%(num)d pairs go on in the new year.", count)
    return ngettext("%(num)d pair is closed.", "%(num)d pairs are closed.", count)
