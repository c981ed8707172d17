"""The words in which pages speak of guests' accesses."""

from typing import Any

from flask_babel import lazy_gettext as _l

from lti_service.people.guests.models import GuestAccess
from lti_service.people.guests.rules import Factor, Standing

STANDINGS: dict[Standing, Any] = {
    Standing.NONE: _l("Not invited"),
    Standing.INVITED: _l("Invited"),
    Standing.CODE_EXPIRED: _l("Code not used in time"),
    Standing.OPEN: _l("Has access"),
    Standing.EXPIRED: _l("Access expired"),
    Standing.LOCKED: _l("Locked"),
    Standing.WITHDRAWN: _l("Access withdrawn"),
}

TONES: dict[Standing, str] = {
    Standing.NONE: "light",
    Standing.INVITED: "info",
    Standing.CODE_EXPIRED: "warning",
    Standing.OPEN: "success",
    Standing.EXPIRED: "warning",
    Standing.LOCKED: "danger",
    Standing.WITHDRAWN: "secondary",
}
"""Colour of a standing's badge; it always stands beside the word."""

FACTORS: dict[Factor, Any] = {
    Factor.PHONE: _l("The last four digits of their phone number"),
    Factor.WORD: _l("A word or a year that you have agreed on"),
}

MAIL_TROUBLE: dict[str, Any] = {
    "refused": _l("the mail server does not take this address"),
    "unreachable": _l("the mail server cannot be reached"),
    "login": _l("the mail server does not take the service's name and password"),
    "not-set": _l("sending mail is not set up any more"),
    "no-address": _l("there is no address any more"),
}

EVENTS: dict[str, Any] = {
    "guest.activated": _l("Used the code"),
    "guest.came-in": _l("Came in"),
    "guest.wrong-answer": _l("A wrong answer was given"),
    "guest.locked": _l("The access was locked"),
    "guest.viewed": _l("Looked at their mentees"),
    "pair.agreed": _l("Agreed to a pair"),
    "pair.declined": _l("Declined a pair"),
    "plan.item-added": _l("Added an item to the plan"),
    "plan.item-done": _l("Ticked an item of the plan"),
    "plan.item-reopened": _l("Opened an item of the plan again"),
    "meeting.held": _l("Wrote down a meeting"),
}
"""What guests do, on the page about one of them."""


def event(action: str) -> str:
    """What a guest did; the code itself where no words are known."""
    return str(EVENTS.get(action, action))


def question(access: GuestAccess) -> str:
    """What the guest is asked besides the code, as the letter and the sheet tell it."""
    return access.question or str(_l("the last four digits of your phone number"))


def mail_trouble(code: str) -> str:
    """Why a letter has not left."""
    return str(MAIL_TROUBLE.get(code, code))
