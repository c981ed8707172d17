"""Organisations that give mentors: what makes two names one, a number a taxpayer's, and an agreement one in force."""

import re
from collections.abc import Iterable
from datetime import date, timedelta
from enum import StrEnum

from lti_service.people.names import search_key

LONGEST_NAME = 300
LONGEST_SHORT_NAME = 100
LONGEST_ADDRESS = 400
LONGEST_NOTE = 2000
LONGEST_SUBJECT = 1000
LONGEST_POSITION = 200
LONGEST_EMAIL = 320
LONGEST_PHONE = 60
LONGEST_NUMBER = 60
"""Characters that the columns hold."""

SOON = timedelta(days=60)
"""How long before its end an agreement is said to end soon."""


class AgreementState(StrEnum):
    """How an agreement stands on a day; of an organisation, how the best of its agreements does."""

    IN_FORCE = "in_force"
    ENDS_SOON = "ends_soon"
    """In force, and ending within SOON."""
    EXPIRED = "expired"
    NONE = "none"
    """Of an organisation: there is no agreement."""


def agreement_state(valid_until: date | None, day: date) -> AgreementState:
    """How an agreement stands on `day`; its last day is still one of its own, none means that it has no end."""
    if valid_until is None or valid_until > day + SOON:
        return AgreementState.IN_FORCE
    return AgreementState.EXPIRED if valid_until < day else AgreementState.ENDS_SOON


_BETTER = (AgreementState.IN_FORCE, AgreementState.ENDS_SOON, AgreementState.EXPIRED)


def best_state(states: Iterable[AgreementState]) -> AgreementState:
    """How an organisation stands whose agreements stand so."""
    held = set(states)
    return next((state for state in _BETTER if state in held), AgreementState.NONE)


_QUOTES = re.compile(r"[«»„“”\"'`’‘]")


def name_key(name: str) -> str:
    """What two names of one organisation have in common: case, ё, quotation marks and spaces do not matter."""
    return search_key(_QUOTES.sub(" ", name))


_INN_WEIGHTS = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)


def is_inn(number: str) -> bool:
    """Whether these are a taxpayer's ten digits (an organisation) or twelve (a person in business).

    The last digit, or the last two, follow from the others by the tax service's rule of control digits: the sum of
    products with the weights, modulo 11, modulo 10.
    """
    if not (number.isascii() and number.isdigit() and len(number) in (10, 12)) or not int(number):
        return False
    digits = [int(sign) for sign in number]
    first_control = 9 if len(number) == 10 else 10
    return all(digits[place] == _control(digits[:place]) for place in range(first_control, len(number)))


def _control(digits: list[int]) -> int:
    weights = _INN_WEIGHTS[-len(digits) :]
    return sum(weight * digit for weight, digit in zip(weights, digits, strict=True)) % 11 % 10


_EMAIL = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+\.[^@\s.<>,;\"]+")
_PHONE_SIGNS = re.compile(r"[\d\s+().,;/\-–#доб*]+", re.IGNORECASE)
FEWEST_DIGITS = 5
"""Of a phone number."""


def is_email(text: str) -> bool:
    """Whether it looks like one e-mail address; that somebody reads it, only writing to it can tell."""
    return _EMAIL.fullmatch(text) is not None


def is_phone(text: str) -> bool:
    """Whether it looks like a phone number, perhaps with an extension («доб. 12»)."""
    return _PHONE_SIGNS.fullmatch(text) is not None and sum(sign.isdigit() for sign in text) >= FEWEST_DIGITS
