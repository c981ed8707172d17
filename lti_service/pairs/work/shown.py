"""The work of pairs as one particular viewer may see it: goal, plan, meetings; two queries however many pairs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import Table, bindparam, select
from sqlalchemy.orm import Session

from lti_service.pairs.models import PairState
from lti_service.pairs.work import rules
from lti_service.pairs.work.models import Meeting, MeetingState, MeetingWay, PlanItem
from lti_service.pairs.work.rules import Act, Eyes, Part


class By(StrEnum):
    """Who did something, as the viewer knows them."""

    YOU = "you"
    MENTOR = "mentor"
    MENTEE = "mentee"
    ANOTHER = "another"
    """Another mentee of the group, whom a mentee is not told the name of."""
    CURATOR = "curator"


@dataclass(frozen=True, slots=True)
class Signature:
    """Who did something."""

    by: By
    name: str = ""
    """Of a mentee of a group, for those who know whose the group is; while a consent of the mentee counts."""


@dataclass(frozen=True, slots=True)
class ItemLine:
    """One item of a plan."""

    id: int
    title: str
    """Empty: its words were erased."""
    due: date | None
    is_overdue: bool
    whose: str
    """Of a group, the name of the one mentee whose it is; empty: everybody's, or the viewer's own."""
    done_at: datetime | None
    done_by: Signature | None


@dataclass(frozen=True, slots=True)
class MeetingLine:
    """One meeting."""

    id: int
    is_held: bool
    day: date
    time: time | None
    way: MeetingWay | None
    topic: str
    outcome: str
    """Empty for onlookers."""
    whose: str
    by: Signature
    """Who said that it was held; of a planned one, who planned it."""
    is_past: bool
    """Planned for a day, or an hour, that is over."""
    may_change: bool


@dataclass(frozen=True, slots=True)
class Work:
    """What a viewer sees of a pair's work."""

    pair_id: int
    course_id: int
    is_hidden: bool
    """There is something or nothing: without a consent it is not theirs to see."""
    is_own_doing: bool
    """It is hidden because the viewer, the mentor, has withdrawn their own consent."""
    is_working: bool
    """The pair works; else all of it is to be read only."""
    acts: frozenset[Act]
    """What the viewer may do now."""
    goal: str
    items: tuple[ItemLine, ...]
    planned: tuple[MeetingLine, ...]
    """The next first."""
    held: tuple[MeetingLine, ...]
    """The newest first."""
    whose: tuple[tuple[int, str], ...]
    """Of a group, whose an item or a meeting may be: person id, name; the viewer may choose."""
    silent_days: int | None
    """For how many days the pair has not met, where that is too long."""
    today: date

    @property
    def done(self) -> int:
        """How many items of the plan are done."""
        return sum(item.done_at is not None for item in self.items)

    @property
    def still_open(self) -> tuple[ItemLine, ...]:
        """Items that are not done yet."""
        return tuple(item for item in self.items if item.done_at is None)

    @property
    def last(self) -> MeetingLine | None:
        """The meeting that was held last."""
        return self.held[0] if self.held else None

    @property
    def next(self) -> MeetingLine | None:
        """The meeting that comes next."""
        return next((meeting for meeting in self.planned if not meeting.is_past), None)

    @property
    def is_empty(self) -> bool:
        """Nothing has been written down yet that the viewer sees."""
        return not (self.goal or self.items or self.planned or self.held)

    def may(self, act: str) -> bool:
        """Whether the viewer may do this now, by the act's name."""
        return Act(act) in self.acts


@dataclass(frozen=True, slots=True)
class Seen:
    """A pair whose work is looked at, and who looks."""

    pair_id: int
    course_id: int
    state: PairState
    goal: str
    began: date
    eyes: Eyes


def works(session: Session, seen: Sequence[Seen], moment: datetime) -> dict[int, Work]:
    """Pair id → its work as the viewer sees it; `moment` is now, in the college's time zone."""
    if not seen:
        return {}
    ids = [one.pair_id for one in seen]
    items: dict[int, list[Any]] = {}
    meetings: dict[int, list[Any]] = {}
    # Rows as they are: a home page needs no objects that can be changed, and there may be hundreds.
    for item in session.execute(_ITEMS, {"pairs": ids}):
        items.setdefault(item.pair_id, []).append(item)
    for meeting in session.execute(_MEETINGS, {"pairs": ids}):
        meetings.setdefault(meeting.pair_id, []).append(meeting)
    return {one.pair_id: _work(one, items.get(one.pair_id, []), meetings.get(one.pair_id, []), moment) for one in seen}


_items, _meetings = (cast(Table, table.__table__).c for table in (PlanItem, Meeting))
_ITEMS = (
    select(*_items)
    .where(_items.pair_id.in_(bindparam("pairs", expanding=True)))
    .order_by(_items.due.is_(None), _items.due, _items.id)
)
_MEETINGS = (
    select(*_meetings)
    .where(_meetings.pair_id.in_(bindparam("pairs", expanding=True)))
    .order_by(_meetings.day, _meetings.time.is_(None), _meetings.time, _meetings.id)
)


def _work(seen: Seen, items: list[Any], meetings: list[Any], moment: datetime) -> Work:
    eyes, today = seen.eyes, moment.date()
    is_working = seen.state in rules.WORKING
    is_hidden = rules.is_hidden(eyes)
    acts = rules.acts(eyes, seen.state)
    lines = [
        _meeting(meeting, eyes, parts, acts, moment)
        for meeting in meetings
        if (parts := rules.seen_as(eyes, meeting.for_id, meeting.made_by))
    ]
    held = tuple(line for line in reversed(lines) if line.is_held)
    return Work(
        pair_id=seen.pair_id,
        course_id=seen.course_id,
        is_hidden=is_hidden,
        is_own_doing=is_hidden and eyes.has_withdrawn,
        is_working=is_working,
        acts=acts,
        goal="" if is_hidden else seen.goal,
        items=tuple(_item(item, eyes, today) for item in items if rules.seen_as(eyes, item.for_id, item.made_by)),
        planned=tuple(line for line in lines if not line.is_held),
        held=held,
        whose=choices(eyes),
        silent_days=rules.silent_days(today, seen.began, held[0].day if held else None)
        if seen.state is PairState.ACTIVE and not is_hidden
        else None,
        today=today,
    )


def _item(item: Any, eyes: Eyes, today: date) -> ItemLine:
    return ItemLine(
        id=item.id,
        title=item.title,
        due=item.due,
        is_overdue=item.done_at is None and item.due is not None and item.due < today,
        whose=_whose(item.for_id, eyes),
        done_at=item.done_at,
        done_by=None if item.done_by is None else _signature(item.done_by, eyes),
    )


def _meeting(meeting: Any, eyes: Eyes, parts: frozenset[Part], acts: frozenset[Act], moment: datetime) -> MeetingLine:
    is_held = meeting.state is MeetingState.HELD
    when = (meeting.day, meeting.time or time.max)
    return MeetingLine(
        id=meeting.id,
        is_held=is_held,
        day=meeting.day,
        time=meeting.time,
        way=meeting.way,
        topic=meeting.topic,
        outcome=meeting.outcome if parts - {Part.ONLOOKER} else "",
        whose=_whose(meeting.for_id, eyes),
        by=_signature(meeting.logged_by or meeting.made_by, eyes),
        is_past=not is_held and when < (moment.date(), moment.time()),
        may_change=Act.CHANGE_MEETING in acts and rules.may_change_meeting(eyes, meeting.made_by, meeting.logged_by),
    )


def choices(eyes: Eyes) -> tuple[tuple[int, str], ...]:
    """Whose an item or a meeting may be, besides everybody's, for those who may choose: person id, name."""
    known = rules.choosable(eyes)
    return tuple((key, name) for key, name in eyes.mentees.items() if key in known)


def _whose(for_id: int | None, eyes: Eyes) -> str:
    if for_id is None or for_id == eyes.person_id:
        return ""
    return eyes.mentees.get(for_id, "—")


def _signature(person_id: int, eyes: Eyes) -> Signature:
    if person_id == eyes.person_id:
        return Signature(By.YOU)
    if person_id == eyes.mentor_id:
        return Signature(By.MENTOR)
    if person_id not in eyes.mentees:
        return Signature(By.CURATOR)
    if not eyes.parts - {Part.MENTEE}:
        return Signature(By.ANOTHER)
    # Guests are told nobody's name without a consent, and what a whole group does outlives that of one of it.
    is_told = len(eyes.mentees) > 1 and (person_id in eyes.consenting or Part.CURATOR in eyes.parts)
    return Signature(By.MENTEE, eyes.mentees[person_id] if is_told else "")
