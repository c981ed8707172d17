"""How marks by criteria come to one result, and what may stand in a criterion: pure functions of plain values."""

from collections.abc import Iterable
from dataclasses import dataclass

BEST = 5
MARKS = range(BEST + 1)
"""Marks of one criterion: 0 is not at all, 5 is in full."""
WEIGHTS = range(1, 11)
LONGEST_TITLE = 200
LONGEST_HINT = 500
LONGEST_SOURCE = 300
LONGEST_REASON = 1000
MOST_CRITERIA = 20


@dataclass(frozen=True, slots=True)
class Result:
    """What a candidate's marks come to: points of the most that they could be."""

    points: int = 0
    most: int = 0
    """Over the criteria that were assessed; none assessed: 0."""
    assessed: int = 0
    """Criteria with a mark."""


def weigh(marks: Iterable[tuple[int, int | None]]) -> Result:
    """The weighted result of pairs of a weight and a mark; a criterion without a mark is left out of both sums."""
    given = [(weight, mark) for weight, mark in marks if mark is not None]
    return Result(
        points=sum(weight * mark for weight, mark in given),
        most=sum(weight * BEST for weight, _mark in given),
        assessed=len(given),
    )
