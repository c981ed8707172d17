"""What people do with the meetings of a pair: plan them, say that they were held, mend what was written down."""

from dataclasses import dataclass
from datetime import date, time

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from lti_service.db import now
from lti_service.errors import NotFoundError
from lti_service.pairs.models import Pair
from lti_service.pairs.work import errors, rules
from lti_service.pairs.work.models import Meeting, MeetingState, MeetingWay
from lti_service.pairs.work.rules import Act
from lti_service.pairs.work.taking_part import Actor, Hand, take_part


@dataclass(frozen=True, slots=True)
class MeetingFacts:
    """What is said of a meeting; all but the day may be left out."""

    day: date
    at: time | None = None
    way: MeetingWay | None = None
    topic: str = ""
    outcome: str = ""
    for_id: int | None = None
    """Of a group, the person of the one mentee with whom; none: everybody."""


def log(session: Session, actor: Actor, pair_id: int, facts: MeetingFacts) -> Meeting:
    """Write down a meeting that was held; sent twice, it is there once.

    Raises what `take_part` raises, HeldInFutureError, HeldLaterTodayError, DayOutOfRangeError, TopicTooLongError,
    OutcomeTooLongError, NotOfThePairError, TooManyMeetingsError.
    """
    hand = take_part(session, actor, pair_id, Act.LOG_MEETING)
    return _write(hand, MeetingState.HELD, _checked(hand, MeetingState.HELD, facts))


def plan(session: Session, actor: Actor, pair_id: int, facts: MeetingFacts) -> Meeting:
    """Plan a meeting. Raises what `log` raises, with PlannedInPastError in place of those about the future."""
    hand = take_part(session, actor, pair_id, Act.PLAN_MEETING)
    return _write(hand, MeetingState.PLANNED, _checked(hand, MeetingState.PLANNED, facts))


def hold(session: Session, actor: Actor, pair_id: int, meeting_id: int) -> Meeting:
    """Say that a planned meeting was held, as it was planned; said twice, it is as said once.

    Raises what `take_part` raises, NotFoundError, HeldInFutureError, HeldLaterTodayError.
    """
    hand = take_part(session, actor, pair_id, Act.LOG_MEETING)
    meeting = hand.find(Meeting, meeting_id)
    if meeting.state is MeetingState.PLANNED:
        _check_held(hand, meeting.day, meeting.time)
        _held(hand, meeting)
    return meeting


def change(
    session: Session, actor: Actor, pair_id: int, meeting_id: int, facts: MeetingFacts, *, held: bool = False
) -> Meeting:
    """Say something else of a meeting; with `held`, that a planned one took place so.

    Raises what `log` and `plan` raise, and NotFoundError for a meeting that is not theirs to change.
    """
    hand = take_part(session, actor, pair_id, Act.CHANGE_MEETING)
    meeting = _changeable(hand, meeting_id)
    state = MeetingState.HELD if held else meeting.state
    # A planned one that nobody has spoken of since keeps its day, though it is over.
    is_moved = (facts.day, facts.at, state) != (meeting.day, meeting.time, meeting.state)
    checked = _checked(hand, state, facts, check_day=is_moved)
    if _facts_of(meeting) != checked:
        _put(meeting, checked)
        if state is meeting.state:
            hand.record("meeting.changed", meeting=meeting.id)
    if state is not meeting.state:
        _held(hand, meeting)
    return meeting


def remove(session: Session, actor: Actor, pair_id: int, meeting_id: int) -> None:
    """Take back a planned meeting, or one written down by mistake. Raises what `take_part` raises, NotFoundError."""
    hand = take_part(session, actor, pair_id, Act.CHANGE_MEETING)
    meeting = _changeable(hand, meeting_id)
    session.delete(meeting)
    hand.record("meeting.removed", meeting=meeting_id, was=meeting.state.value)


def meeting_of(session: Session, actor: Actor, pair_id: int, meeting_id: int) -> Meeting:
    """A meeting that the actor may change, for the page that does. Raises what `take_part` raises, NotFoundError."""
    return _changeable(take_part(session, actor, pair_id, Act.CHANGE_MEETING, lock=False), meeting_id)


def carry_over(session: Session, before: Pair, pair: Pair, person_ids: set[int], today: date) -> None:
    """Meetings of `before` that are still to come are of the pair that continues it."""
    session.execute(
        update(Meeting)
        .where(
            Meeting.pair_id == before.id,
            Meeting.state == MeetingState.PLANNED,
            Meeting.day >= today,
            Meeting.for_id.is_(None) | Meeting.for_id.in_(person_ids),
        )
        .values(pair_id=pair.id)
        .execution_options(synchronize_session=False)
    )


# --- steps --------------------------------------------------------------------------------------------------------


def _write(hand: Hand, state: MeetingState, facts: MeetingFacts) -> Meeting:
    """A new meeting, unless this very one was written down before: a phone's form is easily sent twice."""
    known = hand.session.scalars(
        select(Meeting).where(
            Meeting.pair_id == hand.pair.id,
            Meeting.state == state,
            Meeting.day == facts.day,
            Meeting.made_by == hand.actor.person_id,
        )
    )
    for meeting in known:
        if _facts_of(meeting) == facts:
            return meeting
    count = hand.session.scalar(select(func.count(Meeting.id)).where(Meeting.pair_id == hand.pair.id)) or 0
    if count >= rules.MOST_MEETINGS:
        raise errors.TooManyMeetingsError(most=rules.MOST_MEETINGS)
    meeting = Meeting(pair_id=hand.pair.id, state=state, made_by=hand.actor.person_id, made_at=now())
    _put(meeting, facts)
    if state is MeetingState.HELD:
        meeting.logged_by, meeting.logged_at = hand.actor.person_id, meeting.made_at
    hand.session.add(meeting)
    hand.session.flush()
    hand.record(f"meeting.{state.value}", meeting=meeting.id)
    return meeting


def _held(hand: Hand, meeting: Meeting) -> None:
    meeting.state = MeetingState.HELD
    meeting.logged_by, meeting.logged_at = hand.actor.person_id, now()
    hand.record("meeting.held", meeting=meeting.id)


def _put(meeting: Meeting, facts: MeetingFacts) -> None:
    meeting.day, meeting.time, meeting.way = facts.day, facts.at, facts.way
    meeting.topic, meeting.outcome, meeting.for_id = facts.topic, facts.outcome, facts.for_id


def _facts_of(meeting: Meeting) -> MeetingFacts:
    return MeetingFacts(meeting.day, meeting.time, meeting.way, meeting.topic, meeting.outcome, meeting.for_id)


def _changeable(hand: Hand, meeting_id: int) -> Meeting:
    meeting = hand.find(Meeting, meeting_id)
    if not rules.may_change_meeting(hand.eyes, meeting.made_by, meeting.logged_by):
        raise NotFoundError
    return meeting


def _checked(hand: Hand, state: MeetingState, facts: MeetingFacts, *, check_day: bool = True) -> MeetingFacts:
    if check_day and state is MeetingState.HELD:
        _check_held(hand, facts.day, facts.at)
    elif check_day:
        _check_planned(hand, facts.day)
    topic, outcome = " ".join(facts.topic.split()), facts.outcome.strip()
    if len(topic) > rules.LONGEST_TOPIC:
        raise errors.TopicTooLongError(most=rules.LONGEST_TOPIC, count=len(topic))
    if len(outcome) > rules.LONGEST_OUTCOME:
        raise errors.OutcomeTooLongError(most=rules.LONGEST_OUTCOME, count=len(outcome))
    return MeetingFacts(facts.day, facts.at, facts.way, topic, outcome, hand.check_whose(facts.for_id))


def _check_held(hand: Hand, day: date, at: time | None) -> None:
    today = hand.actor.today
    if day > today:
        raise errors.HeldInFutureError
    if day == today and at is not None and at > hand.actor.moment.time():
        raise errors.HeldLaterTodayError
    _check_range(day, hand.began, today)


def _check_planned(hand: Hand, day: date) -> None:
    today = hand.actor.today
    if day < today:
        raise errors.PlannedInPastError
    _check_range(day, max(hand.began, today), today + rules.PLANNED_WITHIN)


def _check_range(day: date, first: date, last: date) -> None:
    if not first <= day <= last:
        raise errors.DayOutOfRangeError(first=errors.shown(first), last=errors.shown(last))
