"""The door for people without a Moodle account: codes, answers, and how an access stands. Pure functions."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum

from lti_service.people.names import search_key

LONGEST_NAME = 200
"""Characters of a family name, and of a given name with the patronymic."""


def digits(text: str) -> str:
    """The digits of a text, in ASCII: of a phone number or a code however it is written."""
    return "".join(str(int(sign)) for sign in text if sign.isdecimal())


# --- codes --------------------------------------------------------------------------------------------------------

CODE_LENGTH = 20
"""Decimal digits, the last of which follows from the others: a phone's number keys are enough, and one may dictate
it. Nineteen that nobody can know are 63 bits."""
CODES = 10 ** (CODE_LENGTH - 1)
GROUP = 4
CODE_LIFE = timedelta(days=14)
"""How long an invitation waits for whoever is invited."""
GRACE = timedelta(minutes=5)
"""How long a used code still opens for the very browser that used it: an answer may get lost on the way."""


def code_of(number: int) -> str:
    """The code that a number below CODES makes, with its check digit (Luhn), as it is kept and compared."""
    plain = f"{number:0{CODE_LENGTH - 1}}"
    return plain + str(_luhn(plain))


def _luhn(plain: str) -> int:
    doubled = (int(sign) * (2 if place % 2 == 0 else 1) for place, sign in enumerate(reversed(plain)))
    return -sum(value - 9 if value > 9 else value for value in doubled) % 10


def read_code(text: str) -> str | None:
    """The code in what somebody typed; None: no code is written so, whichever codes there are."""
    code = digits(text)
    return code if len(code) == CODE_LENGTH and int(code[-1]) == _luhn(code[:-1]) else None


def shown_code(code: str) -> str:
    """The code in groups, for reading and typing: `4821 0937 …`."""
    return " ".join(code[start : start + GROUP] for start in range(0, len(code), GROUP))


# --- answers ------------------------------------------------------------------------------------------------------


class Factor(StrEnum):
    """What the door asks for besides the code: something that the guest knows and no letter says."""

    PHONE = "phone"
    """The last digits of their phone number."""
    WORD = "word"
    """A word or a year that the curator and the guest agreed on."""


PHONE_DIGITS = 4
SHORTEST_ANSWER = 4
LONGEST_ANSWER = 100
LONGEST_QUESTION = 200
MOST_FAILURES = 5
"""So many wrong answers in a row lock the access, until the curator renews it."""


def is_locked(failures: int) -> bool:
    """Whether an access is locked after so many tries without a right answer; kept nowhere else, so that it cannot say
    another thing than the count."""
    return failures >= MOST_FAILURES


def answer_key(text: str) -> str:
    """What two spellings of an answer have in common: case, ё and spaces do not matter."""
    return search_key(text.replace("\0", "")[:LONGEST_ANSWER]).replace(" ", "")


def phone_answer(phone: str) -> str:
    """The answer that a phone number gives; empty: the number is too short."""
    found = digits(phone)
    return found[-PHONE_DIGITS:] if len(found) > PHONE_DIGITS else ""


# --- how an access stands -----------------------------------------------------------------------------------------


class AccessState(StrEnum):
    """Where an access is; whether it has expired the clock says, whether it is locked the count of tries."""

    INVITED = "invited"
    """There is a code that nobody has used yet."""
    OPEN = "open"
    """The code was used; the browser that used it comes in with the answer alone."""
    WITHDRAWN = "withdrawn"


class AccessAction(StrEnum):
    """What is done with an access: by the guest at the door, or by a curator."""

    ACTIVATE = "activate"
    RENEW = "renew"
    """A new code; the old one, and the browser that used it, open nothing any more."""
    PROLONG = "prolong"
    WITHDRAW = "withdraw"


MOVES: Mapping[AccessState, Mapping[AccessAction, AccessState]] = {
    AccessState.INVITED: {
        AccessAction.ACTIVATE: AccessState.OPEN,
        AccessAction.RENEW: AccessState.INVITED,
        AccessAction.PROLONG: AccessState.INVITED,
        AccessAction.WITHDRAW: AccessState.WITHDRAWN,
    },
    AccessState.OPEN: {
        AccessAction.RENEW: AccessState.INVITED,
        AccessAction.PROLONG: AccessState.OPEN,
        AccessAction.WITHDRAW: AccessState.WITHDRAWN,
    },
    AccessState.WITHDRAWN: {AccessAction.RENEW: AccessState.INVITED},
}
"""Where an access may go from each state; what is not here is not possible."""


class Standing(StrEnum):
    """How an access stands at a moment, as curators see it."""

    NONE = "none"
    INVITED = "invited"
    CODE_EXPIRED = "code_expired"
    """Nobody used the code in time."""
    OPEN = "open"
    EXPIRED = "expired"
    LOCKED = "locked"
    """Too many wrong answers."""
    WITHDRAWN = "withdrawn"


def standing(
    state: AccessState, failures: int, expires_at: datetime, code_until: datetime | None, moment: datetime
) -> Standing:
    """How an access stands at `moment`."""
    if state is AccessState.WITHDRAWN:
        return Standing.WITHDRAWN
    if expires_at <= moment:
        return Standing.EXPIRED
    if is_locked(failures):
        return Standing.LOCKED
    if state is AccessState.INVITED and (code_until is None or code_until <= moment):
        return Standing.CODE_EXPIRED
    return Standing(state.value)


LONGEST = timedelta(days=366)
"""How far ahead an access may reach at most."""


def usual_end(school_year: int) -> date:
    """The last day of an access unless the curator says otherwise: the school year's, which begins in August."""
    return date(school_year + 1, 7, 31)


# --- letters ------------------------------------------------------------------------------------------------------


class MailState(StrEnum):
    """What became of the letter with an invitation."""

    NONE = "none"
    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


MOST_TRIES = 8
LEASE = timedelta(minutes=5)
"""For so long a letter is its sender's: longer than any mail server is waited for."""


def wait_before(tries: int) -> timedelta:
    """How long a letter rests after so many tries that failed: from a minute to an hour."""
    return min(timedelta(minutes=2 ** (tries - 1)), timedelta(hours=1))
