"""The formulas of the indicators, and how a fact stands against its plan."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lti_service.indicators import formulas, rules
from lti_service.indicators.formulas import Share, Standing, against_plan

people = st.frozensets(st.integers(1, 60))


@pytest.mark.parametrize("formula", [formulas.r1, formulas.r4])
@pytest.mark.parametrize(
    ("needing", "formed", "numerator", "denominator"),
    [
        (set(), set(), 0, 0),
        ({1, 2, 3, 4}, set(), 0, 4),
        ({1, 2, 3, 4}, {1, 2, 3}, 3, 4),
        ({1, 2}, {1, 2}, 2, 2),
        ({1, 2}, {2, 9}, 1, 2),
    ],
    ids=["nobody", "no pair", "three of four", "all", "a pair of somebody who needs none"],
)
def test_pairs_formed_are_counted_among_those_who_need_one(
    formula: object, needing: set[int], formed: set[int], numerator: int, denominator: int
) -> None:
    share = formula(needing, formed)  # type: ignore[operator]

    assert (share.numerator, share.denominator) == (numerator, denominator)


@given(people, people)
def test_the_average_of_hundreds_and_noughts_is_the_share(whole: frozenset[int], chosen: frozenset[int]) -> None:
    share = formulas.share_of(chosen, whole)
    grades = [rules.IN] * len(share.people_in) + [rules.OUT] * len(share.people_out)

    assert share.percent == (sum(grades) / len(grades) if grades else None)


@given(people, people)
def test_everybody_of_the_denominator_is_on_one_side(whole: frozenset[int], chosen: frozenset[int]) -> None:
    share = formulas.share_of(chosen, whole)

    assert share.people_in | share.people_out == whole
    assert not share.people_in & share.people_out
    assert (share.numerator, share.denominator) == (len(share.people_in), len(whole))


@pytest.mark.parametrize("formula", [formulas.e5, formulas.e6])
def test_anonymous_answers_count_without_people(formula: object) -> None:
    share = formula(7, 10, {1, 2}, {1, 2, 3})  # type: ignore[operator]

    assert share == Share(7, 10, frozenset({1, 2}), frozenset({3}))
    assert share.percent == 70


def test_a_share_of_nothing_has_no_percentage() -> None:
    assert Share(0, 0).percent is None


@pytest.mark.parametrize(
    ("fact", "plan", "better", "standing"),
    [
        (100, 100, "more", Standing.REACHED),
        (101, 100, "more", Standing.REACHED),
        (90, 100, "more", Standing.CLOSE),
        ("89.9", 100, "more", Standing.BEHIND),
        (0, 0, "more", Standing.REACHED),
        (10, 20, "less", Standing.REACHED),
        (20, 20, "less", Standing.REACHED),
        (22, 20, "less", Standing.CLOSE),
        (23, 20, "less", Standing.BEHIND),
        (0, 0, "less", Standing.REACHED),
        (1, 0, "less", Standing.BEHIND),
        (None, 50, "more", Standing.NO_FACT),
        (50, None, "more", Standing.NO_PLAN),
        (None, None, "less", Standing.NO_PLAN),
    ],
)
def test_a_fact_stands_somewhere_against_its_plan(
    fact: float | None, plan: float | None, better: str, standing: Standing
) -> None:
    as_decimal = [None if value is None else Decimal(value) for value in (fact, plan)]

    assert against_plan(as_decimal[0], as_decimal[1], better) is standing


def test_every_formula_names_the_title_it_reads() -> None:
    for code, formula in (formulas.PAIRS_FORMED | formulas.SATISFACTION).items():
        assert (formula.__doc__ or "").startswith(f"{code} «")
    assert set(formulas.COMPUTED) == formulas.PAIRS_FORMED.keys() | formulas.SATISFACTION.keys()
