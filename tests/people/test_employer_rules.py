"""The rules of organisations: names, taxpayer's numbers, agreements, ways to reach somebody."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lti_service.people.employers import rules
from lti_service.people.employers.rules import AgreementState

DAY = date(2026, 11, 24)


@pytest.mark.parametrize("number", ["7707083893", "7736207543", "500100732259"])
def test_real_numbers_are_taken(number: str) -> None:
    assert rules.is_inn(number)


@pytest.mark.parametrize(
    "number",
    [
        "7707083894",
        "770708389",
        "77070838933",
        "500100732258",
        "500100732359",
        "0000000000",
        "000000000000",
        "77070838٩3",
        "770708389З",
        "",
        " 7707083893",
    ],
)
def test_slips_are_not(number: str) -> None:
    assert not rules.is_inn(number)


@given(st.sampled_from(["7707083893", "500100732259"]), st.integers(0, 11), st.integers(1, 9))
def test_no_single_wrong_digit_of_these_passes_unless_the_control_is_ambiguous(
    number: str, place: int, shift: int
) -> None:
    """Modulo 11 tells all single slips apart but those between the remainders 0 and 10, which share the digit 0."""
    place %= len(number)
    wrong = number[:place] + str((int(number[place]) + shift) % 10) + number[place + 1 :]
    if rules.is_inn(wrong):
        assert wrong[-1] == "0" or wrong[-2] == "0"


@pytest.mark.parametrize(
    ("until", "state"),
    [
        (None, AgreementState.IN_FORCE),
        (DAY + timedelta(days=61), AgreementState.IN_FORCE),
        (DAY + timedelta(days=60), AgreementState.ENDS_SOON),
        (DAY, AgreementState.ENDS_SOON),
        (DAY - timedelta(days=1), AgreementState.EXPIRED),
    ],
)
def test_an_agreement_holds_through_its_last_day(until: date | None, state: AgreementState) -> None:
    assert rules.agreement_state(until, DAY) is state


@given(st.lists(st.sampled_from(AgreementState)))
def test_an_organisation_stands_as_the_best_of_its_agreements(states: list[AgreementState]) -> None:
    order = list(AgreementState)
    assert rules.best_state(states) is min(states, key=order.index, default=AgreementState.NONE)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ООО «Шахта Полярная»", 'ооо "ШАХТА  ПОЛЯРНАЯ"'),
        ("АО „Учёба“", "ао 'УЧЕБА'"),
    ],
)
def test_two_spellings_are_one_organisation(one: str, other: str) -> None:
    assert rules.name_key(one) == rules.name_key(other)


@given(st.text(max_size=rules.LONGEST_NAME))
def test_a_key_is_its_own_key(name: str) -> None:
    key = rules.name_key(name)
    assert rules.name_key(key) == key


@pytest.mark.parametrize("text", ["+7 (3846) 61-20-33", "8-903-000-00-00 доб. 12", "612033"])
def test_phones(text: str) -> None:
    assert rules.is_phone(text)


@pytest.mark.parametrize("text", ["1234", "позвоните мне", "+7 (", ""])
def test_no_phones(text: str) -> None:
    assert not rules.is_phone(text)


@pytest.mark.parametrize(("text", "right"), [("i.ivanov@шахта.рф", True), ("a@b", False), ("a b@c.ru", False),
                                             ("a@b.ru, c@d.ru", False), ("<a@b.ru>", False)])  # fmt: skip
def test_addresses(text: str, right: bool) -> None:
    assert rules.is_email(text) is right
