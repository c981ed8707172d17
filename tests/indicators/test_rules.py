"""How a grade moves, when it is tried again, and which time stamp it gets."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lti_service.indicators import labels, rules
from lti_service.indicators.models import GradeState
from lti_service.indicators.rules import Event, Step, Trouble
from lti_service.lti.gradebook import POST_TIMEOUT, Outcome

NOON = datetime(2026, 11, 15, 12, tzinfo=UTC)
moments = st.integers(-(10**9), 10**9).map(lambda parts: NOON + timedelta(milliseconds=parts))


@given(moments, st.none() | moments)
def test_moodle_takes_the_next_stamp(now: datetime, newest: datetime | None) -> None:
    stamp = rules.next_stamp(now, newest)

    assert stamp >= now
    if newest is not None:
        assert int(stamp.timestamp()) > int(newest.timestamp())


def test_a_stamp_is_the_present_where_that_is_new_enough() -> None:
    assert rules.next_stamp(NOON, None) == NOON
    assert rules.next_stamp(NOON, NOON - timedelta(seconds=1)) == NOON
    assert rules.next_stamp(NOON, NOON) == NOON + timedelta(seconds=1)


@given(st.integers(1, 1000), st.floats(0, 1))
def test_waiting_has_an_end(tries: int, chance: float) -> None:
    waits = rules.wait_before(tries, chance)

    assert rules.FIRST_WAIT * (1 - rules.JITTER) <= waits <= rules.LONGEST_WAIT * (1 + rules.JITTER)


def test_waiting_doubles() -> None:
    assert [rules.wait_before(tries, 0.5) for tries in (1, 2, 3)] == [rules.FIRST_WAIT * factor for factor in (1, 2, 4)]


def test_a_409_waits_a_second_at_first() -> None:
    assert rules.stale_wait(1, 0.5) == timedelta(seconds=1)
    assert rules.stale_wait(2, 0.5) == rules.FIRST_WAIT


def test_a_post_ends_before_the_row_counts_as_abandoned() -> None:
    assert timedelta(seconds=sum(POST_TIMEOUT)) < rules.LEASE


@pytest.mark.parametrize(
    ("outcome", "step"),
    [
        (Outcome.DELIVERED, Step(Event.TAKEN)),
        (Outcome.STALE, Step(Event.DOUBT, Trouble.STALE)),
        (Outcome.NOT_GRADABLE, Step(Event.REFUSE, Trouble.NOT_GRADABLE)),
        (Outcome.GONE, Step(Event.NOT_TAKEN, Trouble.COLUMN_GONE)),
        (Outcome.UNAUTHORISED, Step(Event.NOT_TAKEN, Trouble.UNAUTHORISED, stops=True)),
        (Outcome.LOCKED, Step(Event.DOUBT, Trouble.LOCKED)),
        (Outcome.UNAVAILABLE, Step(Event.DOUBT, Trouble.UNAVAILABLE)),
        (Outcome.REFUSED, Step(Event.DOUBT, Trouble.REFUSED)),
    ],
)
def test_each_answer_has_its_meaning(outcome: Outcome, step: Step) -> None:
    assert rules.after_post(outcome, is_still_wanted=True) == step


def test_a_value_nobody_wants_any_more_is_followed_by_the_one_that_is_wanted() -> None:
    assert rules.after_post(Outcome.DELIVERED, is_still_wanted=False).event is Event.OVERTAKEN
    assert rules.after_post(Outcome.NOT_GRADABLE, is_still_wanted=False).event is Event.NOT_TAKEN


@given(st.sampled_from(Outcome), st.booleans())
def test_every_answer_leads_somewhere(outcome: Outcome, is_still_wanted: bool) -> None:
    assert rules.moved(GradeState.SENDING, rules.after_post(outcome, is_still_wanted).event)


values = st.none() | st.sampled_from([Decimal(0), Decimal(55), Decimal(100)])


@given(
    st.sampled_from(GradeState),
    values,
    values,
    st.booleans(),
    st.booleans(),
    st.sampled_from(Trouble),
    st.integers(0, 9),
)
def test_whatever_is_read_back_leads_somewhere_and_never_against_what_is_shown(
    state: GradeState,
    wanted: Decimal | None,
    shown: Decimal | None,
    in_doubt: bool,
    is_still_wanted: bool,
    trouble: Trouble,
    tries: int,
) -> None:
    event = rules.after_reading(
        state,
        wanted=wanted,
        shown=shown,
        in_doubt=in_doubt,
        is_still_wanted=is_still_wanted,
        trouble=trouble,
        tries=tries,
    )

    after = rules.moved(state, event) if event is not None else state
    if after is GradeState.CONFIRMED and (event is not None or state is GradeState.CONFIRMED):
        assert shown == wanted
    if state is GradeState.SENDING and not in_doubt:
        assert after is GradeState.SENDING


@pytest.mark.parametrize(
    ("state", "wanted", "shown", "event"),
    [
        (GradeState.SENT, 100, 100, Event.CONFIRM),
        (GradeState.SENT, 100, 55, Event.DISAGREE),
        (GradeState.SENT, 100, None, Event.DISAGREE),
        (GradeState.SENT, None, None, Event.CONFIRM),
        (GradeState.CONFIRMED, 100, 100, None),
        (GradeState.CONFIRMED, 100, 55, Event.DISAGREE),
        (GradeState.CONFIRMED, 100, None, Event.LOST),
        (GradeState.DUE, 100, 100, Event.CONFIRM),
        (GradeState.DUE, 100, 55, None),
        (GradeState.REJECTED, 100, 100, Event.CONFIRM),
        (GradeState.REJECTED, 100, 55, None),
    ],
)
def test_reading_back_decides_about_rows_that_nobody_is_at(
    state: GradeState, wanted: int | None, shown: int | None, event: Event | None
) -> None:
    as_decimal = [None if value is None else Decimal(value) for value in (wanted, shown)]

    assert (
        rules.after_reading(
            state,
            wanted=as_decimal[0],
            shown=as_decimal[1],
            in_doubt=False,
            is_still_wanted=True,
            trouble="",
            tries=0,
        )
        is event
    )


@pytest.mark.parametrize(
    ("trouble", "tries", "is_still_wanted", "event"),
    [
        ("", 0, True, None),
        (Trouble.UNAVAILABLE, 3, True, None),
        (Trouble.STALE, 1, True, Event.NOT_TAKEN),
        (Trouble.REFUSED, rules.REFUSED_FOR_GOOD - 1, True, None),
        (Trouble.REFUSED, rules.REFUSED_FOR_GOOD, True, Event.REFUSE),
        (Trouble.UNAVAILABLE, 1, False, Event.OVERTAKEN),
    ],
)
def test_a_score_in_doubt_that_moodle_does_not_show(
    trouble: str, tries: int, is_still_wanted: bool, event: Event | None
) -> None:
    found = rules.after_reading(
        GradeState.SENDING,
        wanted=Decimal(100),
        shown=None,
        in_doubt=True,
        is_still_wanted=is_still_wanted,
        trouble=trouble,
        tries=tries,
    )

    assert found is event


def test_a_move_that_is_not_in_the_table_is_an_error() -> None:
    with pytest.raises(ValueError, match="knows no"):
        rules.moved(GradeState.CONFIRMED, Event.TAKEN)


def test_every_state_and_every_trouble_has_its_words() -> None:
    assert labels.GRADE_STATES.keys() == set(GradeState)
    assert labels.TROUBLES.keys() >= {trouble.value for trouble in Trouble}
