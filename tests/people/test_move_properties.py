"""Whatever is done with a mentee, in whatever order: the table of moves is kept, and the trail tells each of them."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_service.audit import AuditEvent
from lti_service.people import rules, service
from lti_service.people.errors import MoveRefusedError
from lti_service.people.models import Mentee, MenteeState, MentorState
from lti_service.people.rules import MenteeAction, MentorAction
from tests.people.conftest import SmallCourse

WALKS = st.lists(st.sampled_from(MenteeAction), max_size=30)
WITH_A_PAIR = {MenteeState.PROPOSED, MenteeState.PAIRED}


def walked(state: MenteeState, actions: list[MenteeAction]) -> list[tuple[MenteeState, MenteeAction, MenteeState]]:
    """The moves of a walk; an action that is not in the table moves nobody."""
    moves = []
    for action in actions:
        if (after := rules.MENTEE_MOVES[state].get(action)) is not None:
            moves.append((state, action, after))
            state = after
    return moves


@given(st.sampled_from(MenteeState), WALKS)
def test_an_action_leads_to_one_state_and_no_curator_touches_a_pair(start, actions):
    for before, action, after in walked(start, actions):
        assert after is rules.MENTEE_TARGETS[action]
        assert after is not before
        if action in rules.CURATOR_ACTIONS:
            assert before not in WITH_A_PAIR
            assert after not in WITH_A_PAIR | {MenteeState.FINISHED}
        else:
            assert rules.pairing_allowed(before, after)
            assert after in rules.NEEDING


@given(st.sampled_from(MenteeState), WALKS)
def test_from_wherever_a_walk_ends_there_is_a_way_on_and_a_way_out(start, actions):
    moves = walked(start, actions)
    state = moves[-1][2] if moves else start
    assert rules.MENTEE_MOVES[state]
    reached, fresh = {state}, {state}
    while fresh:
        fresh = {after for one in fresh for after in rules.MENTEE_MOVES[one].values()} - reached
        reached |= fresh
    assert reached >= {MenteeState.WITHDRAWN, MenteeState.NEEDS, MenteeState.PAIRED}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    starts=st.lists(st.sampled_from(MenteeState), min_size=4, max_size=4),
    actions=st.lists(st.sampled_from(rules.CURATOR_ACTIONS), min_size=1, max_size=6),
)
def test_what_is_done_with_several_is_what_the_table_says_of_each(
    session: Session, small: SmallCourse, starts: list[MenteeState], actions: list[MenteeAction]
):
    for mentee, state in zip(small.mentees, starts, strict=True):
        mentee.state = state
    session.commit()
    ids, expected = [mentee.id for mentee in small.mentees], list(starts)
    for action in actions:
        target, before = rules.MENTEE_TARGETS[action], told(session)
        allowed = [action in rules.MENTEE_MOVES[state] for state in expected]
        same = [state is target for state in expected]
        try:
            outcome = service.move_mentees(session, small.at, ids, action)
        except MoveRefusedError:
            assert not any(allowed)
            assert not any(same)
            continue
        assert outcome.done == sum(allowed)
        assert outcome.same == sum(same)
        assert outcome.done + outcome.same + len(outcome.refused) == len(ids)
        assert told(session) - before == outcome.done, "each move of each person is in the trail"
        expected = [target if moves else state for state, moves in zip(expected, allowed, strict=True)]
        session.commit()
        states = dict(session.execute(select(Mentee.id, Mentee.state)).all())
        assert [states[one] for one in ids] == expected


def told(session: Session) -> int:
    session.flush()
    return session.scalar(select(func.count(AuditEvent.id)).where(AuditEvent.action.like("mentee.%"))) or 0


@given(st.sampled_from(MentorState), st.lists(st.sampled_from(MentorAction), max_size=20))
def test_a_mentor_is_never_stuck_and_can_always_be_taken_out(start, actions):
    state = start
    for action in actions:
        after = rules.MENTOR_MOVES[state].get(action)
        if after is not None:
            assert after is rules.MENTOR_TARGETS[action]
            state = after
    assert rules.MENTOR_MOVES[state]
    assert state is MentorState.WITHDRAWN or MentorAction.WITHDRAW in rules.MENTOR_MOVES[state]
