"""How long a training counts, and what a mentor's trainings come to on a day: pure functions of plain values."""

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

SOON = timedelta(days=60)
"""How long before its end a training is said to run out soon."""
LONGEST_TITLE = 300
LONGEST_DOCUMENT = 100
LONGEST_NUMBER = 100
HOURS = range(1, 1001)
MONTHS = range(1, 121)
"""Months for which a training can count."""
EARLIEST_YEAR = 1990


class TrainingState(StrEnum):
    """What a mentor's trainings come to."""

    NONE = "none"
    """There is no record of any."""
    VALID = "valid"
    SOON = "soon"
    """In force, and running out within `SOON`."""
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a mentor's trainings come to, and until when; none: without an end, or there is none."""

    state: TrainingState
    until: date | None = None


def standing_of(ends: Iterable[date | None], day: date) -> Standing:
    """What trainings come to on `day` that are in force up to these days, each its last; none has no end.

    The one that lasts longest counts.
    """
    known = list(ends)
    if not known:
        return Standing(TrainingState.NONE)
    if None in known:
        return Standing(TrainingState.VALID)
    last = max(end for end in known if end is not None)
    return Standing(state_until(last, day), last)


def state_until(last: date, day: date) -> TrainingState:
    """How a training stands on `day` whose last day is `last`."""
    if last < day:
        return TrainingState.EXPIRED
    return TrainingState.SOON if last <= day + SOON else TrainingState.VALID


def in_force(ends: Iterable[date | None], day: date) -> bool:
    """Whether one of them counts on `day`."""
    return standing_of(ends, day).state in (TrainingState.VALID, TrainingState.SOON)


def counts_until(completed_on: date, months: int | None) -> date | None:
    """The last day of a training that was completed then and counts for so many months; none: it has no end."""
    if months is None:
        return None
    place = completed_on.month - 1 + months
    year, month = completed_on.year + place // 12, place % 12 + 1
    return date(year, month, min(completed_on.day, calendar.monthrange(year, month)[1]))
