"""The way of a mentor from candidate to ready: one table, and what can and cannot be reached by it."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lti_service.people import rules
from lti_service.people.models import MentorState
from lti_service.people.rules import MentorAction
from lti_service.people.selection import rules as selection
from lti_service.people.selection.models import Decision
from lti_service.people.selection.service import ACTIONS
from lti_service.people.training import rules as training
from lti_service.people.training.rules import TrainingState

WALKS = st.lists(st.sampled_from(MentorAction), max_size=30)


def walk(actions: list[MentorAction]) -> tuple[MentorState, list[MentorAction]]:
    """Where a candidate comes to by these, and which of them led anywhere."""
    state, taken = MentorState.CANDIDATE, []
    for action in actions:
        after = rules.MENTOR_MOVES[state].get(action)
        if after is not None:
            state = after
            taken.append(action)
    return state, taken


@given(WALKS)
def test_nobody_is_ready_but_by_training_or_by_a_decision_that_none_is_needed(actions):
    state, taken = walk(actions)
    if state is MentorState.READY:
        assert taken[-1] in (MentorAction.TRAIN, MentorAction.ADMIT)


@given(WALKS)
def test_training_makes_ready_only_those_whom_a_decision_has_selected(actions):
    _state, taken = walk(actions)
    for place, action in enumerate(taken):
        if action is MentorAction.TRAIN:
            before = taken[place - 1]
            assert before in (MentorAction.SELECT, MentorAction.UNTRAIN)


@given(WALKS)
def test_everybody_can_be_considered_again_and_become_ready(actions):
    state, _taken = walk(actions)
    seen, waiting = {state}, [state]
    while waiting:
        for after in rules.MENTOR_MOVES[waiting.pop()].values():
            if after not in seen:
                seen.add(after)
                waiting.append(after)
    assert {MentorState.CANDIDATE, MentorState.SELECTED, MentorState.READY} <= seen


def test_whoever_was_turned_down_gets_mentees_only_after_another_decision():
    moves = rules.MENTOR_MOVES[MentorState.TURNED_DOWN]
    assert MentorState.READY not in moves.values()
    assert moves[MentorAction.RETURN] is MentorState.CANDIDATE
    assert moves[MentorAction.SELECT] is MentorState.SELECTED


def test_every_decision_has_its_action_and_presses_are_no_decisions():
    assert set(ACTIONS) == set(Decision)
    assert set(ACTIONS.values()) == set(rules.DECISIONS)
    assert not set(rules.DECISIONS) & set(rules.PLAIN_ACTIONS)
    assert set(MentorAction) == {*rules.DECISIONS, *rules.PLAIN_ACTIONS, MentorAction.TRAIN, MentorAction.UNTRAIN}


# --- marks --------------------------------------------------------------------------------------------------------

MARKS = st.lists(
    st.tuples(st.sampled_from(selection.WEIGHTS), st.one_of(st.none(), st.sampled_from(selection.MARKS))), max_size=20
)


@given(MARKS)
def test_a_result_lies_between_nothing_and_everything(marks):
    result = selection.weigh(marks)
    assert 0 <= result.points <= result.most
    assert result.assessed == sum(mark is not None for _weight, mark in marks)


@given(MARKS, st.data())
def test_a_better_mark_never_makes_the_result_worse(marks, data):
    places = [place for place, (_weight, mark) in enumerate(marks) if mark is not None and mark < selection.BEST]
    if not places:
        return
    place = data.draw(st.sampled_from(places))
    weight, mark = marks[place]
    better = [*marks[:place], (weight, mark + 1), *marks[place + 1 :]]
    before, after = selection.weigh(marks), selection.weigh(better)
    assert (after.most, after.points) == (before.most, before.points + weight)


@pytest.mark.parametrize(
    ("marks", "points", "most"),
    [
        ([(3, 5), (2, 4), (1, 0)], 23, 30),
        ([(3, 5), (2, None)], 15, 15),
        ([(1, None)], 0, 0),
    ],
)
def test_marks_are_weighed(marks, points, most):
    assert (selection.weigh(marks).points, selection.weigh(marks).most) == (points, most)


# --- how long a training counts -----------------------------------------------------------------------------------

TODAY = date(2026, 11, 27)
DAYS = st.dates(TODAY - timedelta(days=400), TODAY + timedelta(days=400))


@pytest.mark.parametrize(
    ("ends", "state", "until"),
    [
        ([], TrainingState.NONE, None),
        ([date(2026, 11, 26)], TrainingState.EXPIRED, date(2026, 11, 26)),
        ([date(2026, 11, 27)], TrainingState.SOON, date(2026, 11, 27)),
        ([date(2027, 1, 26)], TrainingState.SOON, date(2027, 1, 26)),
        ([date(2027, 1, 27)], TrainingState.VALID, date(2027, 1, 27)),
        ([date(2020, 1, 1), date(2027, 1, 27)], TrainingState.VALID, date(2027, 1, 27)),
        ([date(2020, 1, 1), None], TrainingState.VALID, None),
    ],
)
def test_the_training_that_lasts_longest_counts(ends, state, until):
    found = training.standing_of(ends, TODAY)
    assert (found.state, found.until) == (state, until)


@given(st.lists(st.one_of(st.none(), DAYS), min_size=1), st.one_of(st.none(), DAYS))
def test_one_more_training_never_shortens_what_counts(ends, more):
    order = [TrainingState.EXPIRED, TrainingState.SOON, TrainingState.VALID]
    before, after = training.standing_of(ends, TODAY), training.standing_of([*ends, more], TODAY)
    assert order.index(after.state) >= order.index(before.state)


@pytest.mark.parametrize(
    ("completed", "months", "until"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2026, 11, 27), 36, date(2029, 11, 27)),
        (date(2026, 12, 15), 1, date(2027, 1, 15)),
        (date(2026, 12, 15), None, None),
    ],
)
def test_a_training_counts_for_so_many_months(completed, months, until):
    assert training.counts_until(completed, months) == until
