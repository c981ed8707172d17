"""How long each kind of data is kept: the wings say what they keep for a time, an administrator says how long."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Moment:
    """Of which platform everything older than what goes, and what day and moment it is there."""

    platform_id: int
    before: datetime
    day: date
    """The platform's, on which it is done."""
    moment: datetime


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of data that is kept for a time, or a term of the law about requests."""

    code: str
    order: int
    title: Any
    about: Any
    """What goes when the time is over, and what stays, in a sentence."""
    days: int | None
    """The default; none: for ever."""
    source: Any
    """From where the default comes."""
    least: int = 1
    most: int = 36_500
    """A hundred years are as good as for ever."""
    count: Callable[[Session, Moment], int] | None = None
    """How many are older; none: it is a term, nothing is deleted by it."""
    purge: Callable[[Session, Moment], int] | None = None
    """Delete what is older and say how many; numbers of past years must stay as they are."""
    whose: Callable[[Session, Moment], Select[int]] | None = None
    """A query for the ids of the people whose data that are, so that somebody can look before it goes; none: it is kept
    of nobody in particular, or names them no more."""


_kinds: list[Kind] = []


def keep_for(kind: Kind) -> Kind:
    """Say that a kind of data is kept for a time."""
    _kinds.append(kind)
    _kinds.sort(key=lambda one: (one.order, one.code))
    return kind


def kinds() -> Sequence[Kind]:
    """All of them, in the order in which they are shown."""
    return tuple(_kinds)
