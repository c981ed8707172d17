"""How a grade moves on its way to Moodle, when it is tried again, and what reading results back says about it.

Pure: no database, no network, no clock of its own.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from lti_service.indicators.models import GradeState
from lti_service.lti.gradebook import Outcome

IN, OUT = Decimal(100), Decimal(0)
"""The grade of somebody in a share's numerator, and of the rest of its denominator: their average is the share."""

AT_ONCE = 4
"""Scores on their way to one platform at a time: Moodle takes no more per second from eight than from four."""
LEASE = timedelta(seconds=30)
"""A score that a worker took so long ago and said nothing more about is its no longer. Longer than one post may take;
should a worker be slower still, the stamp keeps Moodle from taking the score twice."""
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=6)
JITTER = 0.2
REFUSED_FOR_GOOD = 5
"""Tries after which an answer that makes no sense is taken for a final no."""


class Trouble(StrEnum):
    """What stood between a grade and Moodle; the pages have a sentence for each."""

    STALE = "stale-timestamp"
    NOT_GRADABLE = "not-gradable"
    OVERRIDDEN = "overridden"
    LOCKED = "locked"
    UNAVAILABLE = "moodle-unavailable"
    UNAUTHORISED = "unauthorised"
    REFUSED = "refused"
    COLUMN_GONE = "column-gone"


GIVE_UP_AFTER = {Trouble.UNAVAILABLE: 4, Trouble.LOCKED: 20, Trouble.REFUSED: 20}
"""After so many such answers in a row a pass ends: trying the rest would only keep a sick Moodle busy."""


class Event(StrEnum):
    """What can happen to a grade."""

    CHANGE = "change"
    """Another value is wanted than Moodle has."""
    SETTLE = "settle"
    """Moodle has what is wanted, without anything being sent."""
    CLAIM = "claim"
    """A worker takes it to send it, or to send it again."""
    TAKEN = "taken"
    """Moodle took the score."""
    OVERTAKEN = "overtaken"
    """Moodle took the score, but by now another value is wanted."""
    DOUBT = "doubt"
    """Whether Moodle took it is not known."""
    NOT_TAKEN = "not-taken"
    """Moodle surely did not take it; it may be tried again."""
    REFUSE = "refuse"
    """It can never be delivered as things stand."""
    CONFIRM = "confirm"
    """Reading back shows what is wanted."""
    DISAGREE = "disagree"
    """Reading back shows something else."""
    LOST = "lost"
    """Reading back shows nothing where Moodle had a grade, or the whole column is new."""
    RETRY = "retry"
    """A person, or a change of roles, asks for another try."""


GRADE_MOVES: dict[GradeState, dict[Event, GradeState]] = {
    GradeState.DUE: {
        Event.CHANGE: GradeState.DUE,
        Event.SETTLE: GradeState.CONFIRMED,
        Event.CLAIM: GradeState.SENDING,
        Event.CONFIRM: GradeState.CONFIRMED,
        Event.LOST: GradeState.DUE,
    },
    GradeState.SENDING: {
        Event.CHANGE: GradeState.SENDING,
        Event.CLAIM: GradeState.SENDING,
        Event.TAKEN: GradeState.SENT,
        Event.OVERTAKEN: GradeState.DUE,
        Event.DOUBT: GradeState.SENDING,
        Event.NOT_TAKEN: GradeState.DUE,
        Event.REFUSE: GradeState.REJECTED,
        Event.CONFIRM: GradeState.CONFIRMED,
        Event.LOST: GradeState.DUE,
    },
    GradeState.SENT: {
        Event.CHANGE: GradeState.DUE,
        Event.CONFIRM: GradeState.CONFIRMED,
        Event.DISAGREE: GradeState.REJECTED,
        Event.LOST: GradeState.DUE,
    },
    GradeState.CONFIRMED: {
        Event.CHANGE: GradeState.DUE,
        Event.CONFIRM: GradeState.CONFIRMED,
        Event.DISAGREE: GradeState.REJECTED,
        Event.LOST: GradeState.DUE,
    },
    GradeState.REJECTED: {
        Event.CHANGE: GradeState.DUE,
        Event.SETTLE: GradeState.CONFIRMED,
        Event.CONFIRM: GradeState.CONFIRMED,
        Event.LOST: GradeState.DUE,
        Event.RETRY: GradeState.DUE,
    },
}


def moved(state: GradeState, event: Event) -> GradeState:
    """Where `event` leads from `state`. Raises ValueError for a move that is not in the table."""
    try:
        return GRADE_MOVES[state][event]
    except KeyError as err:
        raise ValueError(f"a grade that is {state.value} knows no {event.value}") from err


def next_stamp(now: datetime, newest: datetime | None) -> datetime:
    """A time stamp that Moodle takes after `newest`: now, or the next whole second where that is not later."""
    if newest is None or now.replace(microsecond=0) > newest.replace(microsecond=0):
        return now
    return newest.replace(microsecond=0) + timedelta(seconds=1)


def wait_before(tries: int, chance: float) -> timedelta:
    """How long to wait after `tries` tries in vain (1 is the first): doubled each time up to a limit.

    `chance` between 0 and 1 spreads those that failed together.
    """
    whole = min(FIRST_WAIT * (1 << min(tries - 1, 20)), LONGEST_WAIT)
    return whole * (1 + JITTER * (2 * chance - 1))


def stale_wait(tries: int, chance: float) -> timedelta:
    """How long to wait after a 409 that reading back did not explain: a second at first, which is all it takes where
    two scores fell into one."""
    return timedelta(seconds=1) if tries <= 1 else wait_before(tries - 1, chance)


@dataclass(frozen=True, slots=True)
class Step:
    """What the answer to a posted score means for its row."""

    event: Event
    trouble: Trouble | None = None
    stops: bool = False
    """The rest of the platform's scores need not be tried just now."""


_STEPS = {
    Outcome.DELIVERED: Step(Event.TAKEN),
    # Either somebody else's newer stamp, or our own score which did arrive: reading back tells.
    Outcome.STALE: Step(Event.DOUBT, Trouble.STALE),
    Outcome.NOT_GRADABLE: Step(Event.REFUSE, Trouble.NOT_GRADABLE),
    Outcome.GONE: Step(Event.NOT_TAKEN, Trouble.COLUMN_GONE),
    Outcome.UNAUTHORISED: Step(Event.NOT_TAKEN, Trouble.UNAUTHORISED, stops=True),
    Outcome.LOCKED: Step(Event.DOUBT, Trouble.LOCKED),
    Outcome.UNAVAILABLE: Step(Event.DOUBT, Trouble.UNAVAILABLE),
    Outcome.REFUSED: Step(Event.DOUBT, Trouble.REFUSED),
}


def after_post(outcome: Outcome, is_still_wanted: bool) -> Step:
    """What an answer means; `is_still_wanted`: the value that was sent is what is wanted now."""
    step = _STEPS[outcome]
    if step.event is Event.TAKEN and not is_still_wanted:
        return Step(Event.OVERTAKEN)
    if step.event is Event.REFUSE and not is_still_wanted:
        # The refusal was of a value that nobody wants any more.
        return Step(Event.NOT_TAKEN, step.trouble)
    return step


def after_reading(
    state: GradeState,
    *,
    wanted: Decimal | None,
    shown: Decimal | None,
    in_doubt: bool,
    is_still_wanted: bool,
    trouble: str,
    tries: int,
) -> Event | None:
    """What reading results back means for a row: `wanted` should be there, `shown` is.

    `in_doubt`: a score was sent and its fate is unknown; `is_still_wanted`: that score held what is wanted now.
    None: nothing moves. A row in doubt for which nothing moves is to be sent again, with the same stamp.
    """
    if state is GradeState.SENDING:
        return _after_reading_in_doubt(wanted == shown, is_still_wanted, trouble, tries) if in_doubt else None
    if shown == wanted:
        return None if state is GradeState.CONFIRMED else Event.CONFIRM
    if state is GradeState.CONFIRMED and shown is None:
        return Event.LOST
    return Event.DISAGREE if state in (GradeState.SENT, GradeState.CONFIRMED) else None


def _after_reading_in_doubt(is_there: bool, is_still_wanted: bool, trouble: str, tries: int) -> Event | None:
    if is_there:
        return Event.CONFIRM
    if not is_still_wanted:
        return Event.OVERTAKEN
    if trouble == Trouble.STALE:
        # Moodle has a newer stamp than ours: only a newer one still gets in.
        return Event.NOT_TAKEN
    if trouble == Trouble.REFUSED and tries >= REFUSED_FOR_GOOD:
        return Event.REFUSE
    return None
