"""Who may see and do what of a pair's work, and which days it takes: tables and pure functions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum

from lti_service.pairs.models import PairState
from lti_service.pairs.rules import KNOWN_TO_MENTEE

LONGEST_GOAL = 1000
LONGEST_TITLE = 200
LONGEST_TOPIC = 200
LONGEST_OUTCOME = 2000
"""Characters, which is what the columns hold."""
MOST_ITEMS = 100
MOST_MEETINGS = 500
"""Of one pair; a page shows all of them, and nobody's year has more."""
DUE_WITHIN = timedelta(days=2 * 366)
PLANNED_WITHIN = timedelta(days=366)
"""How far ahead a day may lie; beyond it is a slip in the year."""
SILENT_AFTER = 30
"""Days without a meeting after which the mentor is reminded."""

WORKING = frozenset({PairState.AGREED, PairState.ACTIVE})
"""In these the pair works: its plan and its meetings can be changed. Afterwards they are to be read."""
LASTING = WORKING | {PairState.FINISHED, PairState.ENDED_EARLY}
"""In these a pair has a plan, even an empty one."""


class Part(StrEnum):
    """As what somebody has to do with the work of a pair."""

    MENTOR = "mentor"
    GUEST = "guest"
    """The mentor, come in by the guests' door."""
    MENTEE = "mentee"
    CURATOR = "curator"
    ONLOOKER = "onlooker"
    """A teacher of the course: sees the pair and changes nothing."""


class Act(StrEnum):
    """What can be done in the work of a pair."""

    SET_GOAL = "set-goal"
    ADD_ITEM = "add-item"
    CHANGE_ITEM = "change-item"
    TICK = "tick"
    PLAN_MEETING = "plan-meeting"
    LOG_MEETING = "log-meeting"
    CHANGE_MEETING = "change-meeting"


MAY: dict[Part, frozenset[Act]] = {
    Part.MENTOR: frozenset(Act),
    Part.CURATOR: frozenset(Act),
    Part.GUEST: frozenset({Act.ADD_ITEM, Act.TICK, Act.LOG_MEETING}),
    # Of meetings they change their own only, see `may_change_meeting`.
    Part.MENTEE: frozenset({Act.TICK, Act.PLAN_MEETING, Act.LOG_MEETING, Act.CHANGE_MEETING}),
    Part.ONLOOKER: frozenset(),
}


CHOOSING = frozenset({Part.MENTOR, Part.GUEST, Part.CURATOR})
"""In these parts one says whose of a group something is."""


@dataclass(frozen=True, slots=True)
class Eyes:
    """Somebody who looks at the work of a pair, and whom of the pair they may read about."""

    person_id: int
    parts: frozenset[Part]
    mentor_id: int
    """The mentor's person."""
    mentees: Mapping[int, str]
    """Person id → name of the mentees who are in the pair."""
    consenting: frozenset[int]
    """Those of them whose consent to the processing of personal data counts today."""
    has_withdrawn: bool = False
    """It is the mentor who looks, and they have taken their own consent back: see `eyes_of`."""


@dataclass(frozen=True, slots=True)
class Looking:
    """Somebody who looks, and what they are besides one of a pair."""

    person_id: int
    is_curator: bool = False
    sees_course: bool = False
    is_guest: bool = False


def eyes_of(
    looking: Looking,
    state: PairState,
    mentor_id: int,
    mentees: Mapping[int, str],
    consenting: Iterable[int],
    *,
    has_withdrawn: bool = False,
) -> Eyes:
    """The viewer's eyes on a pair in this state; without a part they have nothing to do with its work.

    A mentor who has withdrawn their own consent neither sees nor writes anything of the work of their own pairs, not
    as a teacher of the course either, until they consent again or a curator ends the pair.
    """
    has_withdrawn = has_withdrawn and looking.person_id == mentor_id
    parts = set()
    if looking.is_curator:
        parts.add(Part.CURATOR)
    if looking.sees_course and not has_withdrawn:
        parts.add(Part.ONLOOKER)
    if looking.person_id == mentor_id:
        parts.add(Part.GUEST if looking.is_guest else Part.MENTOR)
    if looking.person_id in mentees and state in KNOWN_TO_MENTEE:
        parts.add(Part.MENTEE)
    return Eyes(looking.person_id, frozenset(parts), mentor_id, mentees, frozenset(consenting), has_withdrawn)


def acts(eyes: Eyes, state: PairState) -> frozenset[Act]:
    """What this viewer may do now.

    Without a consent of the mentee nothing is written down about them, but by curators, who work for the operator.
    """
    if state not in WORKING:
        return frozenset()
    found: set[Act] = set()
    for part in eyes.parts:
        if not rests(eyes, part):
            found |= MAY[part]
    return frozenset(found)


def rests(eyes: Eyes, part: Part) -> bool:
    """Whether a missing consent keeps somebody in this part from writing: a mentee's own, for others everybody's; and
    a mentor's own, once it is withdrawn."""
    if part is Part.CURATOR:
        return False
    if part is Part.MENTEE:
        return eyes.person_id not in eyes.consenting
    return eyes.has_withdrawn or not eyes.consenting


def seen_as(eyes: Eyes, for_id: int | None, author_id: int | None = None) -> frozenset[Part]:
    """In which of their parts the viewer sees something of the work; empty: not at all.

    `for_id` is the mentee whose it is (none: of the pair as a whole), the author is who wrote it. Others than
    curators see nothing about a mentee, and no words of theirs, without a consent that counts; a mentee sees what is
    the whole pair's and what is their own.
    """
    return frozenset(part for part in eyes.parts if _sees(eyes, part, for_id, author_id))


def _sees(eyes: Eyes, part: Part, for_id: int | None, author_id: int | None) -> bool:
    if part is Part.CURATOR:
        return True
    if part is Part.MENTEE and for_id not in (None, eyes.person_id):
        return False
    silent = eyes.mentees.keys() - eyes.consenting - ({eyes.person_id} if part is Part.MENTEE else set())
    if author_id in silent or for_id in silent:
        return False
    if part is Part.MENTEE:
        return True
    if eyes.has_withdrawn:
        return False
    # Whoever has left the group is not shown any more.
    return bool(eyes.consenting) if for_id is None else for_id in eyes.consenting


def choosable(eyes: Eyes) -> frozenset[int]:
    """Of whom in a group, besides everybody, somebody may say that an item or a meeting is theirs: person ids.

    Empty for a pair of two, and for who may not choose. Curators may choose whoever is in the pair.
    """
    if len(eyes.mentees) == 1 or not eyes.parts & CHOOSING:
        return frozenset()
    return frozenset(eyes.mentees) if Part.CURATOR in eyes.parts else eyes.consenting


def is_hidden(eyes: Eyes) -> bool:
    """Whether nothing of the work is to be seen, for there is no consent."""
    return not seen_as(eyes, None)


def may_change_meeting(eyes: Eyes, made_by: int, logged_by: int | None) -> bool:
    """Whether somebody who may change meetings may change this one: a mentee only what they wrote themselves."""
    if eyes.parts & {Part.MENTOR, Part.CURATOR}:
        return True
    return made_by == eyes.person_id and logged_by in (None, eyes.person_id)


def began_on(proposed_at: datetime, answered_at: datetime | None, zone: tzinfo | None) -> date:
    """The first day of a pair's work: when the mentor agreed; where it goes on from last year, when it began anew."""
    return max(proposed_at, answered_at or proposed_at).astimezone(zone).date()


def silent_days(today: date, began: date, last: date | None) -> int | None:
    """For how many days a pair has not met, when that is too long; None: it is not."""
    days = (today - max(began, last or began)).days
    return days if days > SILENT_AFTER else None
