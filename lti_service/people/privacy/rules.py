"""Terms of the law about requests, as plain arithmetic of days, and what may become of a request."""

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from lti_service.people.names import mentions

LONGEST_REASON = 1000
LONGEST_PERIOD = 36_500
"""Days: a hundred years are as good as for ever."""
_SATURDAY = 5


class Deciding(StrEnum):
    """What can be done with a request to erase."""

    TAKE_BACK = "take-back"
    REFUSE = "refuse"
    ERASE = "erase"


MOVES: dict[str, dict[Deciding, str]] = {
    "asked": {Deciding.TAKE_BACK: "taken-back", Deciding.REFUSE: "refused", Deciding.ERASE: "done"},
    "taken-back": {},
    "refused": {},
    "done": {},
}
"""Where a request may go from each state; what is not here is not possible."""


def after_working_days(day: date, count: int) -> date:
    """The last of `count` working days after `day`, which is not counted itself.

    Saturdays and Sundays are no working days; public holidays are not known here, so the term never ends later than
    the law's own.
    """
    while count > 0:
        day += timedelta(days=1)
        count -= day.weekday() < _SATURDAY
    return day


def scrubbed(value: Any, names: Iterable[str], put: str = "—") -> Any:
    """A piece of JSON in which no text has any of the names (see `mentions`); the same when none has."""
    return _scrubbed(value, mentions(names), put)


def _scrubbed(value: Any, has: Callable[[str], bool], put: str) -> Any:
    if isinstance(value, str):
        return put if has(value) else value
    if isinstance(value, list):
        return [_scrubbed(one, has, put) for one in value]
    if isinstance(value, dict):
        return {key: _scrubbed(one, has, put) for key, one in value.items()}
    return value
