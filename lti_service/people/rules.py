"""What a roster says of roles, where mentees and mentors may move, and how profile fields are read.

Who somebody is to the programme is decided in `kinds`.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from lti_service.access import Role
from lti_service.people.models import MenteeState, MentorState

# --- roles --------------------------------------------------------------------------------------------------------


def roles_in_roster(
    said: Role, before: str, roles: Iterable[str], moodle_roles: Sequence[str]
) -> tuple[list[Role], list[str]]:
    """Roles here, sorted, and Moodle's own ones of somebody whom the course's roster lists.

    `said` is TEACHER for the roster's Instructor and STUDENT for its Learner, `before` what it said the last time
    (empty: nothing); `roles` and `moodle_roles` are what is known. Learner says little, for Moodle's roster calls
    tutors so too: whatever the web service or a launch told is better, and whoever is known from nowhere is taken for
    a student. A change of the roster's word is a change in Moodle, which nobody else has told of.
    """
    if before and before != said:
        return [said], []
    if said is Role.TEACHER and list(moodle_roles) == ["student"]:
        return [said], []
    held = {Role(role) for role in roles}
    if moodle_roles:
        return sorted(held), list(moodle_roles)
    if said is Role.TEACHER:
        held = held - {Role.STUDENT} | {Role.TEACHER}
    return sorted(held or {said}), []


# --- moves --------------------------------------------------------------------------------------------------------


class MenteeAction(StrEnum):
    """What can be done with a mentee: the first four by the curator, the others by what becomes of their pairs."""

    NEED = "need"
    GIVE_UP = "give_up"
    """No pair can be formed for now."""
    RETURN = "return"
    WITHDRAW = "withdraw"
    PROPOSE = "propose"
    PAIR = "pair"
    FINISH = "finish"
    LOSE = "lose"
    """The last open pair was declined, cancelled or ended early."""


CURATOR_ACTIONS = (MenteeAction.NEED, MenteeAction.GIVE_UP, MenteeAction.RETURN, MenteeAction.WITHDRAW)

MENTEE_MOVES: dict[MenteeState, dict[MenteeAction, MenteeState]] = {
    MenteeState.CANDIDATE: {
        MenteeAction.NEED: MenteeState.NEEDS,
        MenteeAction.WITHDRAW: MenteeState.WITHDRAWN,
    },
    MenteeState.NEEDS: {
        MenteeAction.GIVE_UP: MenteeState.UNPAIRED,
        MenteeAction.RETURN: MenteeState.CANDIDATE,
        MenteeAction.WITHDRAW: MenteeState.WITHDRAWN,
        MenteeAction.PROPOSE: MenteeState.PROPOSED,
        MenteeAction.PAIR: MenteeState.PAIRED,
    },
    MenteeState.PROPOSED: {
        MenteeAction.PAIR: MenteeState.PAIRED,
        MenteeAction.FINISH: MenteeState.FINISHED,
        MenteeAction.LOSE: MenteeState.NEEDS,
    },
    # One mentee may have pairs in several forms, so a pair may end while another is still only proposed.
    MenteeState.PAIRED: {
        MenteeAction.PROPOSE: MenteeState.PROPOSED,
        MenteeAction.FINISH: MenteeState.FINISHED,
        MenteeAction.LOSE: MenteeState.NEEDS,
    },
    MenteeState.FINISHED: {
        MenteeAction.NEED: MenteeState.NEEDS,
        MenteeAction.PROPOSE: MenteeState.PROPOSED,
        MenteeAction.PAIR: MenteeState.PAIRED,
    },
    MenteeState.UNPAIRED: {
        MenteeAction.NEED: MenteeState.NEEDS,
        MenteeAction.WITHDRAW: MenteeState.WITHDRAWN,
        MenteeAction.PROPOSE: MenteeState.PROPOSED,
        MenteeAction.PAIR: MenteeState.PAIRED,
    },
    MenteeState.WITHDRAWN: {
        MenteeAction.RETURN: MenteeState.CANDIDATE,
        MenteeAction.NEED: MenteeState.NEEDS,
    },
}

MAY_ASK = frozenset(
    {
        MenteeState.CANDIDATE,
        MenteeState.NEEDS,
        MenteeState.FINISHED,
        MenteeState.UNPAIRED,
        MenteeState.WITHDRAWN,
    }
)
"""States in which somebody may ask for a mentor themselves; in the others one is being found or is there."""


def state_when_asking(state: MenteeState) -> MenteeState:
    """Whoever had been withdrawn is a candidate again; whether somebody needs a mentor the curator says."""
    return MenteeState.CANDIDATE if state is MenteeState.WITHDRAWN else state


NEEDING = frozenset(
    {MenteeState.NEEDS, MenteeState.PROPOSED, MenteeState.PAIRED, MenteeState.FINISHED, MenteeState.UNPAIRED}
)
"""States of those who need or have a mentor: the denominator of R1 and R4."""
IN_A_PAIR = frozenset({MenteeState.PROPOSED, MenteeState.PAIRED})
"""States of those who have a pair that is not over, in a form for the kind of mentee that they are."""
SEEKING = frozenset({MenteeState.NEEDS, MenteeState.UNPAIRED})
"""States of those for whom a mentor is looked for: the search goes on for whoever is left without a pair."""


def pairing_allowed(state: MenteeState, target: MenteeState) -> bool:
    """Whether what becomes of a mentee's pairs may take them from one state to the other."""
    moves = MENTEE_MOVES[state].items()
    return any(action not in CURATOR_ACTIONS and after is target for action, after in moves)


class Wait(StrEnum):
    """Who of those without a pair waits for somebody to look how they are."""

    DUE = "due"
    """The promised day has come, or nobody has talked with them."""
    UNTOLD = "none"
    """Nobody has talked with them yet."""


class MentorAction(StrEnum):
    """What can be done with a mentor."""

    SELECT = "select"
    TURN_DOWN = "turn_down"
    POSTPONE = "postpone"
    ADMIT = "admit"
    """Ready without training: a college may not train everybody, and says why."""
    TRAIN = "train"
    """A training that is in force was recorded."""
    UNTRAIN = "untrain"
    """The record of it was taken away again."""
    RETURN = "return"
    WITHDRAW = "withdraw"


DECISIONS = (MentorAction.SELECT, MentorAction.TURN_DOWN, MentorAction.POSTPONE, MentorAction.ADMIT)
"""Decisions of the selection: each is kept with who decided, when and why."""
PLAIN_ACTIONS = (MentorAction.RETURN, MentorAction.WITHDRAW)
"""What the curator does by one press. The other two follow from the records of training."""

MENTOR_MOVES: dict[MentorState, dict[MentorAction, MentorState]] = {
    MentorState.CANDIDATE: {
        MentorAction.SELECT: MentorState.SELECTED,
        MentorAction.TURN_DOWN: MentorState.TURNED_DOWN,
        MentorAction.POSTPONE: MentorState.CANDIDATE,
        MentorAction.ADMIT: MentorState.READY,
        MentorAction.WITHDRAW: MentorState.WITHDRAWN,
    },
    MentorState.SELECTED: {
        MentorAction.TURN_DOWN: MentorState.TURNED_DOWN,
        MentorAction.POSTPONE: MentorState.CANDIDATE,
        MentorAction.ADMIT: MentorState.READY,
        MentorAction.TRAIN: MentorState.READY,
        MentorAction.RETURN: MentorState.CANDIDATE,
        MentorAction.WITHDRAW: MentorState.WITHDRAWN,
    },
    MentorState.READY: {
        # Their training has run out, and they are to go on without another.
        MentorAction.ADMIT: MentorState.READY,
        MentorAction.UNTRAIN: MentorState.SELECTED,
        MentorAction.RETURN: MentorState.CANDIDATE,
        MentorAction.WITHDRAW: MentorState.WITHDRAWN,
    },
    # Considered again: back among the candidates, or by a new decision at once.
    MentorState.TURNED_DOWN: {
        MentorAction.SELECT: MentorState.SELECTED,
        MentorAction.POSTPONE: MentorState.CANDIDATE,
        MentorAction.RETURN: MentorState.CANDIDATE,
        MentorAction.WITHDRAW: MentorState.WITHDRAWN,
    },
    MentorState.WITHDRAWN: {
        MentorAction.RETURN: MentorState.CANDIDATE,
    },
}

# An action leads to one state, wherever it begins.
MENTEE_TARGETS = {action: after for moves in MENTEE_MOVES.values() for action, after in moves.items()}
MENTOR_TARGETS = {action: after for moves in MENTOR_MOVES.values() for action, after in moves.items()}


MAY_OFFER = frozenset({MentorState.CANDIDATE, MentorState.WITHDRAWN})
"""States in which somebody may say that they want to be a mentor; in the others the curator has decided already."""


def state_when_taking_back(is_candidate_anyway: bool) -> MentorState:
    """Where a candidate is who no longer asks: those whom the rules make candidates anyway stay that."""
    return MentorState.CANDIDATE if is_candidate_anyway else MentorState.WITHDRAWN


CAPACITY = range(1, 21)
"""How many mentees at once a mentor may be given."""
LONGEST_REQUEST = 2000
"""Characters of what a mentee wants help with."""
LONGEST_OFFER = 2000
"""Characters of what a mentor can help with, and of what experience they bring."""
LONGEST_ORGANISATION = 255
LONGEST_CONTACT = 200
LONGEST_TIMES = 200
EXPERIENCE = range(71)
"""Full years of experience that somebody alive can have."""


# --- profile fields -----------------------------------------------------------------------------------------------


class ProfileValueError(ValueError):
    """A profile field holds something that cannot be what the field is for."""


EARLIEST_BIRTH_YEAR = 1900
_EPOCH = re.compile(r"-?\d{5,12}")
_YEARS = re.compile(r"(\d{1,2})(?:[.,]\d+)?\s*(?:(?:г|год|года|годов|лет|л|years?|y)\b.*)?", re.IGNORECASE)
_MONTHS = re.compile(r"(\d{1,3})\s*(?:мес|месяц\w*|months?)\b.*", re.IGNORECASE)


def parse_birth_date(text: str, today: date) -> date | None:
    """A birth date as a profile field keeps it; none when the field is empty (for Moodle 0 is empty, too).

    Moodle's own date fields hold the epoch second of midnight in the time zone of whoever typed the date, which
    nobody tells. Fourteen hours later it is the same day in UTC for all zones from -9 to +14, which are Russia's
    with the summer times of old. Text is read as 15.03.2005, 15/03/2005 or 2005-03-15. Raises ProfileValueError for
    anything else, for years before 1900 and for days to come.
    """
    text = text.strip()
    if text in ("", "0"):
        return None
    if _EPOCH.fullmatch(text):
        try:
            born = (datetime.fromtimestamp(0, UTC) + timedelta(seconds=int(text), hours=14)).date()
        except OverflowError as err:
            raise ProfileValueError(text) from err
    else:
        born = _written_date(text)
    if born.year < EARLIEST_BIRTH_YEAR or born > today:
        raise ProfileValueError(text)
    return born


def _written_date(text: str) -> date:
    for pattern in ("%d.%m.%Y", "%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.strptime(text, pattern).date()  # noqa: DTZ007 - a day has no time zone
        except ValueError:
            continue
    raise ProfileValueError(text)


def parse_experience(text: str) -> int | None:
    """Full years of teaching as people write them: `5`, `5 лет`, `2,5 года`, `6 мес.`; none when empty.

    Raises ProfileValueError for anything else.
    """
    text = text.strip()
    if not text:
        return None
    if years := _YEARS.fullmatch(text):
        return int(years[1])
    if months := _MONTHS.fullmatch(text):
        return int(months[1]) // 12
    raise ProfileValueError(text)


def age_on(born: date, day: date) -> int:
    """Full years of age on a day."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


_STUDY_YEAR = re.compile(r"([1-6]|I{1,3}|IV|VI?)\s*(?:(?:-?й|курс|к)\b.*|\.)?", re.IGNORECASE)
_ROMAN = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6}


def parse_study_year(text: str) -> int | None:
    """The year of study as people write it: `3`, `3 курс`, `3-й курс`, `III`; none when empty.

    Raises ProfileValueError for anything else.
    """
    # Cyrillic letters that look like the Roman figures.
    text = text.strip().translate(str.maketrans("ІХх", "IXx"))
    if not text:
        return None
    found = _STUDY_YEAR.fullmatch(text)
    if found is None:
        raise ProfileValueError(text)
    return _ROMAN.get(found[1].upper()) or int(found[1])


SEPARATOR = ", "


def join_groups(names: Iterable[str], limit: int) -> str:
    """Names of groups, sorted, joined by a comma and a space, as many whole ones as `limit` characters hold.

    A comma inside a name becomes a semicolon, so that the list can be taken apart again.
    """
    joined = ""
    for name in sorted({name.replace(",", ";").strip() for name in names} - {""}):
        longer = f"{joined}{SEPARATOR}{name}" if joined else name
        if len(longer) > limit:
            break
        joined = longer
    return joined


def split_groups(joined: str) -> list[str]:
    """The names that `join_groups` joined."""
    return joined.split(SEPARATOR) if joined else []
