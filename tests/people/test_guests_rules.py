"""Codes, answers, and how an access stands: pure rules, held by properties."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lti_service.people.guests import rules
from lti_service.people.guests.rules import AccessAction, AccessState, Standing

NUMBERS = st.integers(0, rules.CODES - 1)
MOMENT = datetime(2026, 11, 27, 12, tzinfo=UTC)
MOMENTS = st.integers(-3, 3).map(lambda days: MOMENT + timedelta(days=days))


def test_a_code_holds_more_than_sixty_bits() -> None:
    assert rules.CODES > 2**60


@given(NUMBERS)
def test_a_code_is_read_however_it_is_written(number: int) -> None:
    code = rules.code_of(number)
    assert len(code) == rules.CODE_LENGTH
    for written in (code, rules.shown_code(code), f" {code} ", "-".join(code), f"код: {rules.shown_code(code)}"):
        assert rules.read_code(written) == code
    assert rules.code_of(int(code[:-1])) == code


@given(NUMBERS, st.integers(0, rules.CODE_LENGTH - 1), st.integers(1, 9))
def test_a_slip_of_one_digit_is_told_at_once(number: int, place: int, by: int) -> None:
    code = rules.code_of(number)
    slipped = code[:place] + str((int(code[place]) + by) % 10) + code[place + 1 :]
    assert rules.read_code(slipped) is None


@given(st.text(max_size=60))
def test_whatever_is_typed_is_a_code_or_none(text: str) -> None:
    code = rules.read_code(text)
    assert code is None or (len(code) == rules.CODE_LENGTH and code.isascii() and code.isdigit())


@given(st.text(max_size=200))
def test_an_answer_is_the_same_in_any_case_and_with_any_spaces(text: str) -> None:
    key = rules.answer_key(text)
    assert rules.answer_key(key) == key
    assert " " not in key


def test_answers_that_people_take_for_the_same_are() -> None:
    assert rules.answer_key(" Чёрная  РЕЧКА ") == rules.answer_key("черная речка")
    assert rules.phone_answer("+7 (915) 123-45-67") == rules.phone_answer("8 915 1234567") == "4567"
    assert rules.phone_answer("1234") == ""


# --- moves --------------------------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from(AccessAction), max_size=12))
def test_only_a_new_code_opens_what_was_withdrawn(actions: list[AccessAction]) -> None:
    state = AccessState.INVITED
    shut = False
    for action in actions:
        after = rules.MOVES[state].get(action)
        if after is None:
            continue
        if action is AccessAction.RENEW:
            shut = False
        elif action is AccessAction.WITHDRAW:
            shut = True
        state = after
        assert (state is AccessState.OPEN) <= (not shut)
        assert (state is AccessState.WITHDRAWN) is shut


def test_every_state_can_be_left_by_a_new_code() -> None:
    assert set(rules.MOVES) == set(AccessState)
    assert all(moves[AccessAction.RENEW] is AccessState.INVITED for moves in rules.MOVES.values())


@given(st.sampled_from(AccessState), st.integers(0, rules.MOST_FAILURES + 1), MOMENTS, st.none() | MOMENTS)
def test_nothing_stands_open_after_its_end_or_too_many_wrong_answers(
    state: AccessState, failures: int, ends: datetime, code_until: datetime | None
) -> None:
    found = rules.standing(state, failures, ends, code_until, MOMENT)
    if found is Standing.LOCKED:
        assert failures >= rules.MOST_FAILURES
    if found in (Standing.OPEN, Standing.INVITED):
        assert failures < rules.MOST_FAILURES
        assert ends > MOMENT
        assert state.value == found.value
    if found is Standing.INVITED:
        assert code_until is not None
        assert code_until > MOMENT


def test_letters_rest_longer_from_try_to_try() -> None:
    rests = [rules.wait_before(tries) for tries in range(1, rules.MOST_TRIES + 1)]
    assert rests == sorted(rests)
    assert rests[0] == timedelta(minutes=1)
    assert rests[-1] == timedelta(hours=1)
