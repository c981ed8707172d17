"""What leads a pair where and who may take it there, and who fits whom: tables and pure functions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lti_service.pairs.models import PairState
from lti_service.people.models import MenteeState
from lti_service.programme.models import MenteeKind, MentorKind

# --- moves --------------------------------------------------------------------------------------------------------


class Action(StrEnum):
    """What can be done with a pair once it has been proposed."""

    AGREE = "agree"
    DECLINE = "decline"
    CANCEL = "cancel"
    START = "start"
    FINISH = "finish"
    END_EARLY = "end_early"


MOVES: dict[PairState, dict[Action, PairState]] = {
    PairState.PROPOSED: {
        Action.AGREE: PairState.AGREED,
        Action.DECLINE: PairState.DECLINED,
        Action.CANCEL: PairState.CANCELLED,
    },
    PairState.AGREED: {
        Action.START: PairState.ACTIVE,
        Action.DECLINE: PairState.DECLINED,
        Action.CANCEL: PairState.CANCELLED,
    },
    PairState.ACTIVE: {
        Action.FINISH: PairState.FINISHED,
        Action.END_EARLY: PairState.ENDED_EARLY,
    },
    PairState.FINISHED: {},
    PairState.ENDED_EARLY: {},
    PairState.DECLINED: {},
    PairState.CANCELLED: {},
}
"""Where a pair may go from each state; what is not here is not possible."""


class Mover(StrEnum):
    """As what somebody moves a pair."""

    MENTOR = "mentor"
    CURATOR = "curator"


MOVERS: dict[Action, Mover] = {
    Action.AGREE: Mover.MENTOR,
    Action.DECLINE: Mover.MENTOR,
    Action.CANCEL: Mover.CURATOR,
    Action.START: Mover.CURATOR,
    Action.FINISH: Mover.CURATOR,
    Action.END_EARLY: Mover.CURATOR,
}
"""Whose move each is. Nobody agrees in the mentor's name."""

MAY_GIVE_REASON = frozenset({Action.DECLINE, Action.CANCEL, Action.END_EARLY})
MUST_GIVE_REASON = frozenset({Action.END_EARLY})
NEEDS_CONSENT = frozenset({Action.AGREE, Action.START})
"""What leads on to work together, so everybody of the pair must have a consent that counts; ending it never does."""
LONGEST_REASON = 1000
"""Characters, which is what the column holds."""

OPEN = frozenset({PairState.PROPOSED, PairState.AGREED, PairState.ACTIVE})
"""A pair in these takes a place of its mentor and stands in the way of another pair in the same form."""
FORMED = frozenset({PairState.ACTIVE, PairState.FINISHED})
"""A pair in these counts as formed (the numerators of R1 and R4)."""
KNOWN_TO_MENTEE = frozenset({PairState.AGREED, PairState.ACTIVE, PairState.FINISHED, PairState.ENDED_EARLY})
"""A mentee learns who the mentor is once the mentor has agreed, so nobody reads of having been turned down."""
IN_TOUCH = frozenset({PairState.AGREED, PairState.ACTIVE, PairState.FINISHED})
"""In these the two sides see how to reach one another."""


def ending(state: PairState, is_over: bool) -> Action:
    """What ends an open pair that cannot go on; `is_over`: its school year is, so what was formed stays so."""
    if state is not PairState.ACTIVE:
        return Action.CANCEL
    return Action.FINISH if is_over else Action.END_EARLY


class Decision(StrEnum):
    """What becomes of an open pair of a year that is over."""

    FINISH = "finish"
    """An active pair is finished; a proposal that nobody has started is taken back."""
    CONTINUE = "continue"
    """An active pair is finished in its year and goes on as a pair of the new one."""


def next_state(state: PairState, action: Action) -> PairState | None:
    """Where the action takes a pair, or None when it cannot be done in this state."""
    return MOVES[state].get(action)


def actions_for(state: PairState, movers: Iterable[Mover], *, all_consent: bool = True) -> list[Action]:
    """What somebody may do with a pair in this state, in the order of the table."""
    held = set(movers)
    found = [action for action in MOVES[state] if MOVERS[action] in held]
    return [action for action in found if all_consent or action not in NEEDS_CONSENT]


def pairing_of(states: Sequence[PairState]) -> MenteeState:
    """Where a mentee is, by all of their pairs of the cycle, the one that ended last at the end.

    An active pair means paired, another open one proposed. With none open the pair that ended last decides: it was
    finished, or it fell through (declined, cancelled, ended early) and the mentee needs a mentor again.
    """
    if PairState.ACTIVE in states:
        return MenteeState.PAIRED
    if any(state in OPEN for state in states):
        return MenteeState.PROPOSED
    if states and states[-1] is PairState.FINISHED:
        return MenteeState.FINISHED
    return MenteeState.NEEDS


# --- who fits -----------------------------------------------------------------------------------------------------

PROPOSABLE = frozenset(
    {MenteeState.NEEDS, MenteeState.PROPOSED, MenteeState.PAIRED, MenteeState.FINISHED, MenteeState.UNPAIRED}
)
"""States in which a mentee may be given a mentor: those who need one, and those who have or had one, for their next
form. Candidates and the withdrawn are not: nobody has said that they need a mentor."""


class Misfit(StrEnum):
    """Why a pair cannot be proposed."""

    MENTOR_NOT_HERE = "mentor-not-here"
    MENTOR_NOT_READY = "mentor-not-ready"
    TRAINING_RAN_OUT = "training-ran-out"
    MENTOR_OF_OTHER_KIND = "mentor-does-not-fit"
    MENTOR_IN_OTHER_FORMS = "mentor-in-other-forms"
    MENTOR_WITHOUT_CONSENT = "mentor-without-consent"
    NOBODY_CHOSEN = "nobody-chosen"
    SAME_PERSON = "same-person"
    MENTEE_NOT_HERE = "mentee-not-here"
    MENTEE_NOT_NEEDING = "mentee-not-needing"
    MENTEE_OF_OTHER_KIND = "mentee-does-not-fit"
    MENTEE_WITHOUT_CONSENT = "mentee-without-consent"
    ALREADY_PAIRED = "already-paired"
    NO_CAPACITY = "no-capacity"
    TOO_FEW_PLACES = "too-few-places"


@dataclass(frozen=True, slots=True)
class FormKinds:
    """Which kinds of people a form of mentoring brings together."""

    mentor: MentorKind
    mentee: MenteeKind


@dataclass(frozen=True, slots=True)
class MentorFacts:
    """What decides whether a mentor can be given somebody."""

    person_id: int
    name: str
    kind: MentorKind
    is_ready: bool
    is_here: bool
    """An active member of the course."""
    capacity: int
    taken: int
    """Places in open pairs of the cycle, whatever the course and the form."""
    has_consent: bool
    """One to the processing of their personal data counts today."""
    takes_part: bool = True
    """In this form of mentoring, by what their profile says."""
    is_trained: bool = True
    """No training of theirs has run out without another."""


@dataclass(frozen=True, slots=True)
class MenteeFacts:
    """What decides whether a mentee can be given a mentor."""

    person_id: int
    name: str
    kind: MenteeKind
    state: MenteeState
    is_here: bool
    """An active member of the course."""
    has_open_pair: bool
    """In the form that is asked for."""
    has_consent: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason against a proposal, and the people it is about."""

    misfit: Misfit
    names: tuple[str, ...] = ()


def free_places(capacity: int, taken: int) -> int:
    """How many more mentees a mentor can be given; never less than none, for a capacity may be lowered later."""
    return max(0, capacity - taken)


def check_fit(form: FormKinds, mentor: MentorFacts, mentees: Sequence[MenteeFacts]) -> Refusal | None:
    """The first reason why this mentor and these mentees cannot be a pair of this form; None: they can.

    A reason against mentees names everyone it holds for, so that a curator can mend all of them at once.
    """
    if not mentor.is_here:
        return Refusal(Misfit.MENTOR_NOT_HERE, (mentor.name,))
    if mentor.kind is not form.mentor:
        return Refusal(Misfit.MENTOR_OF_OTHER_KIND, (mentor.name,))
    if not mentor.takes_part:
        return Refusal(Misfit.MENTOR_IN_OTHER_FORMS, (mentor.name,))
    if not mentor.is_ready:
        return Refusal(Misfit.MENTOR_NOT_READY, (mentor.name,))
    if not mentor.has_consent:
        return Refusal(Misfit.MENTOR_WITHOUT_CONSENT, (mentor.name,))
    if not mentor.is_trained:
        return Refusal(Misfit.TRAINING_RAN_OUT, (mentor.name,))
    if not mentees:
        return Refusal(Misfit.NOBODY_CHOSEN)
    against = (
        (Misfit.SAME_PERSON, [m for m in mentees if m.person_id == mentor.person_id]),
        (Misfit.MENTEE_NOT_HERE, [m for m in mentees if not m.is_here]),
        (Misfit.MENTEE_OF_OTHER_KIND, [m for m in mentees if m.kind is not form.mentee]),
        (Misfit.MENTEE_NOT_NEEDING, [m for m in mentees if m.state not in PROPOSABLE]),
        (Misfit.ALREADY_PAIRED, [m for m in mentees if m.has_open_pair]),
        (Misfit.MENTEE_WITHOUT_CONSENT, [m for m in mentees if not m.has_consent]),
    )
    for misfit, people in against:
        if people:
            return Refusal(misfit, tuple(person.name for person in people))
    free = free_places(mentor.capacity, mentor.taken)
    if not free:
        return Refusal(Misfit.NO_CAPACITY, (mentor.name,))
    if len(mentees) > free:
        return Refusal(Misfit.TOO_FEW_PLACES, (mentor.name,))
    return None
