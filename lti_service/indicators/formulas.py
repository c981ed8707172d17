"""The formulas of the indicators that are computed here, and how a fact stands against its plan.

The programme gives titles and plans, no formulas (the annexes that would are not public), so each function says how
the title is read here. Pure: sets and numbers in, values out.
"""

from collections.abc import Callable, Set
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

CLOSE = Decimal("0.9")
"""A fact that reaches nine tenths of its plan is called close to it. Our default: the programme names no threshold."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share with what it is made of; the people are known only as far as they are named."""

    numerator: int
    denominator: int
    people_in: frozenset[int] = frozenset()
    """Person ids of the numerator."""
    people_out: frozenset[int] = frozenset()
    """Person ids of the rest of the denominator."""

    @property
    def percent(self) -> Decimal | None:
        """0 to 100; none out of nothing."""
        return Decimal(100 * self.numerator) / self.denominator if self.denominator else None


def share_of(chosen: Set[int], whole: Set[int]) -> Share:
    """The share of `whole` that is in `chosen` too, with the people of both parts."""
    inside = frozenset(whole & chosen)
    return Share(len(inside), len(whole), inside, frozenset(whole) - inside)


def r1(needing: Set[int], formed: Set[int]) -> Share:
    """R1 «Доля сформированных пар «наставник–наставляемый» от общего числа нуждающихся в этом молодых (начинающих)
    специалистов техникума».

    Counted in people: of the young teachers of the cycle's base who need a mentor or have one (`needing`), those with
    a pair that was formed, active or finished (`formed`). One with two pairs counts once; a pair that ended early no
    longer counts.
    """
    return share_of(formed, needing)


def r4(needing: Set[int], formed: Set[int]) -> Share:
    """R4 «Доля сформированных пар «наставник–наставляемый» от общего числа нуждающихся в этом обучающихся».

    Read as R1, for students.
    """
    return share_of(formed, needing)


def e5(satisfied: int, answered: int, satisfied_people: Set[int], answered_people: Set[int]) -> Share:
    """E5 «Уровень удовлетворённости наставляемых участием в программах наставничества».

    Of the mentees whose answer rates the programme, those whose rating is satisfied, over all surveys of mentees in
    the cycle; from which rating on is set for each survey by the curator. Anonymous answers count without people.
    """
    return _satisfaction(satisfied, answered, satisfied_people, answered_people)


def e6(satisfied: int, answered: int, satisfied_people: Set[int], answered_people: Set[int]) -> Share:
    """E6 «Уровень удовлетворённости наставников участием в программах наставничества».

    Read as E5, for mentors.
    """
    return _satisfaction(satisfied, answered, satisfied_people, answered_people)


def _satisfaction(satisfied: int, answered: int, satisfied_people: Set[int], answered_people: Set[int]) -> Share:
    return Share(satisfied, answered, frozenset(satisfied_people), frozenset(answered_people - satisfied_people))


PAIRS_FORMED: dict[str, Callable[[Set[int], Set[int]], Share]] = {"R1": r1, "R4": r4}
SATISFACTION: dict[str, Callable[[int, int, Set[int], Set[int]], Share]] = {"E5": e5, "E6": e6}
COMPUTED = ("R1", "R4", "E5", "E6")
"""Codes of the indicators that are computed, in the catalogue's order."""


class Standing(StrEnum):
    """How a fact stands against its plan."""

    REACHED = "reached"
    CLOSE = "close"
    BEHIND = "behind"
    NO_FACT = "no-fact"
    NO_PLAN = "no-plan"


def against_plan(fact: Decimal | None, plan: Decimal | None, better: str, close: Decimal = CLOSE) -> Standing:
    """Where `fact` stands against `plan` (both in the indicator's unit).

    `better` is `more` or `less`: which way is good. Close to a plan of more is at least `close` times it; close to a
    plan of less is at most the plan divided by `close`, so that a plan of none at all is reached or missed.
    """
    if plan is None:
        return Standing.NO_PLAN
    if fact is None:
        return Standing.NO_FACT
    if better == "less":
        reached, near = fact <= plan, fact * close <= plan
    else:
        reached, near = fact >= plan, fact >= plan * close
    if reached:
        return Standing.REACHED
    return Standing.CLOSE if near else Standing.BEHIND
