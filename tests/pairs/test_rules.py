"""The moves of a pair, what becomes of its mentees, and who fits whom: examples and properties."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lti_service.pairs import labels, rules
from lti_service.pairs.models import PairState
from lti_service.pairs.rules import Action, FormKinds, MenteeFacts, MentorFacts, Misfit, Mover, Refusal
from lti_service.people.models import MenteeState
from lti_service.people.rules import pairing_allowed
from lti_service.programme.models import MenteeKind, MentorKind

LEGAL = {
    ("proposed", "agree"): "agreed",
    ("proposed", "decline"): "declined",
    ("proposed", "cancel"): "cancelled",
    ("agreed", "start"): "active",
    ("agreed", "decline"): "declined",
    ("agreed", "cancel"): "cancelled",
    ("active", "finish"): "finished",
    ("active", "end_early"): "ended_early",
}


@pytest.mark.parametrize("state", list(PairState))
@pytest.mark.parametrize("action", list(Action))
def test_exactly_the_eight_moves_are_possible(state: PairState, action: Action):
    assert rules.next_state(state, action) == LEGAL.get((state.value, action.value))


@given(st.lists(st.sampled_from(list(Action)), max_size=12))
def test_whatever_is_tried_a_pair_never_leaves_an_end_and_never_goes_back(actions: list[Action]):
    state, visited = PairState.PROPOSED, [PairState.PROPOSED]
    for action in actions:
        after = rules.next_state(state, action)
        if after is None:
            continue
        assert state in rules.OPEN
        assert after not in visited
        state = after
        visited.append(state)
    assert len(visited) <= 4


@given(st.lists(st.sampled_from(list(Action)), max_size=12))
def test_nobody_becomes_active_without_the_mentors_agreement(actions: list[Action]):
    state, agreed = PairState.PROPOSED, False
    for action in actions:
        after = rules.next_state(state, action)
        if after is None:
            continue
        agreed = agreed or (rules.MOVERS[action] is Mover.MENTOR and after is PairState.AGREED)
        state = after
        assert state not in rules.FORMED or agreed


@given(st.sampled_from(list(PairState)), st.sets(st.sampled_from(list(Mover))))
def test_offered_actions_are_those_that_lead_somewhere_and_are_ones_own(state: PairState, movers: set[Mover]):
    offered = rules.actions_for(state, movers)
    assert set(offered) == {
        action for action in Action if rules.next_state(state, action) and rules.MOVERS[action] in movers
    }


def test_open_states_are_those_from_which_something_leads_on():
    assert {state for state in PairState if rules.MOVES[state]} == rules.OPEN


def test_every_state_and_action_has_its_words():
    for words in (labels.STATES, labels.TONES, labels.MEANINGS, labels.EVENTS):
        assert set(words) == set(PairState)
    assert set(labels.ACTIONS) == set(labels.DONE) == set(Action)
    assert rules.MUST_GIVE_REASON <= rules.MAY_GIVE_REASON <= set(labels.CONFIRMATIONS)


# --- where a mentee is --------------------------------------------------------------------------------------------

P = PairState


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([], MenteeState.NEEDS),
        ([P.PROPOSED], MenteeState.PROPOSED),
        ([P.AGREED], MenteeState.PROPOSED),
        ([P.ACTIVE], MenteeState.PAIRED),
        ([P.FINISHED], MenteeState.FINISHED),
        ([P.ENDED_EARLY], MenteeState.NEEDS),
        ([P.DECLINED], MenteeState.NEEDS),
        ([P.CANCELLED], MenteeState.NEEDS),
        ([P.FINISHED, P.ACTIVE], MenteeState.PAIRED),
        ([P.ACTIVE, P.PROPOSED], MenteeState.PAIRED),
        ([P.FINISHED, P.PROPOSED], MenteeState.PROPOSED),
        ([P.ENDED_EARLY, P.FINISHED], MenteeState.FINISHED),
        ([P.FINISHED, P.DECLINED], MenteeState.NEEDS),
    ],
)
def test_a_mentee_is_where_all_their_pairs_put_them(states: list[PairState], expected: MenteeState):
    assert rules.pairing_of(states) is expected


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(list(Action))), max_size=25))
def test_whatever_becomes_of_a_mentees_pairs_the_base_allows_the_move(steps: list[tuple[int, Action]]):
    open_pairs: dict[int, PairState] = {}
    ended: list[PairState] = []
    mentee = MenteeState.NEEDS
    for number, action in steps:
        if number not in open_pairs:
            open_pairs[number] = PairState.PROPOSED
        else:
            after = rules.next_state(open_pairs[number], action)
            if after is None:
                continue
            open_pairs[number] = after
            if after not in rules.OPEN:
                ended.append(open_pairs.pop(number))
        target = rules.pairing_of([*ended, *open_pairs.values()])
        assert target is mentee or pairing_allowed(mentee, target), (mentee, target)
        mentee = target


# --- who fits whom ------------------------------------------------------------------------------------------------

FORM = FormKinds(MentorKind.TEACHER, MenteeKind.STUDENT)
MENTOR = MentorFacts(
    1, "Наставников Н. Н.", MentorKind.TEACHER, is_ready=True, is_here=True, capacity=3, taken=0, has_consent=True
)
MENTEE = MenteeFacts(
    2, "Учеников У. У.", MenteeKind.STUDENT, MenteeState.NEEDS, is_here=True, has_open_pair=False, has_consent=True
)


def test_a_ready_mentor_with_places_and_a_mentee_in_need_fit():
    assert rules.check_fit(FORM, MENTOR, [MENTEE]) is None


@pytest.mark.parametrize("state", [MenteeState.PROPOSED, MenteeState.PAIRED, MenteeState.FINISHED])
def test_a_pair_in_another_form_is_no_obstacle(state: MenteeState):
    assert rules.check_fit(FORM, MENTOR, [replace(MENTEE, state=state)]) is None


@pytest.mark.parametrize(
    ("change", "misfit"),
    [
        ({"is_here": False}, Misfit.MENTOR_NOT_HERE),
        ({"is_ready": False}, Misfit.MENTOR_NOT_READY),
        ({"kind": MentorKind.EMPLOYER}, Misfit.MENTOR_OF_OTHER_KIND),
        ({"has_consent": False}, Misfit.MENTOR_WITHOUT_CONSENT),
        ({"person_id": 2}, Misfit.SAME_PERSON),
        ({"taken": 3}, Misfit.NO_CAPACITY),
        ({"taken": 5}, Misfit.NO_CAPACITY),
    ],
)
def test_a_mentor_who_does_not_fit_is_refused(change: dict[str, object], misfit: Misfit):
    refusal = rules.check_fit(FORM, replace(MENTOR, **change), [MENTEE])
    assert refusal is not None
    assert refusal.misfit is misfit


@pytest.mark.parametrize(
    ("change", "misfit"),
    [
        ({"is_here": False}, Misfit.MENTEE_NOT_HERE),
        ({"kind": MenteeKind.YOUNG_TEACHER}, Misfit.MENTEE_OF_OTHER_KIND),
        ({"state": MenteeState.CANDIDATE}, Misfit.MENTEE_NOT_NEEDING),
        ({"state": MenteeState.WITHDRAWN}, Misfit.MENTEE_NOT_NEEDING),
        ({"has_open_pair": True}, Misfit.ALREADY_PAIRED),
        ({"has_consent": False}, Misfit.MENTEE_WITHOUT_CONSENT),
    ],
)
def test_mentees_who_do_not_fit_are_refused_by_name_all_at_once(change: dict[str, object], misfit: Misfit):
    wrong = [
        replace(MENTEE, person_id=10, name="Второй", **change),
        replace(MENTEE, person_id=11, name="Третий", **change),
    ]
    assert rules.check_fit(FORM, MENTOR, [MENTEE, *wrong]) == Refusal(misfit, ("Второй", "Третий"))


def test_nobody_chosen_is_said():
    assert rules.check_fit(FORM, MENTOR, []) == Refusal(Misfit.NOBODY_CHOSEN)


@given(st.integers(0, 20), st.integers(0, 25), st.integers(1, 25))
def test_a_mentor_is_never_given_more_than_they_have_room_for(capacity: int, taken: int, wanted: int):
    mentor = replace(MENTOR, capacity=capacity, taken=taken)
    mentees = [replace(MENTEE, person_id=100 + number) for number in range(wanted)]
    fits = rules.check_fit(FORM, mentor, mentees) is None
    assert fits == (taken + wanted <= capacity)
