"""What a failed talk with Moodle (web services, roster) is called in a run, whether it may pass, what to say of it."""

from typing import Any

from flask_babel import lazy_gettext as _l

from lti_service.errors import DomainError
from lti_service.lti.services import ServiceRefusedError
from moodle_client import (
    AccessDenied,
    InvalidToken,
    MalformedResponse,
    MoodleError,
    MoodleUnavailable,
    RecordNotFound,
)

DOWN = "moodle-down"
NONSENSE = "moodle-nonsense"
CODES: dict[type[MoodleError], str] = {
    MoodleUnavailable: DOWN,
    MalformedResponse: NONSENSE,
    InvalidToken: "moodle-token",
    AccessDenied: "moodle-access",
    RecordNotFound: "moodle-no-record",
}

PASSING = frozenset({DOWN, NONSENSE, "moodle-unavailable"})
"""Trouble that another try later may not meet: a Moodle under maintenance answers with nothing or with a page."""

SENTENCES: dict[str, Any] = {
    DOWN: _l("Moodle does not answer. We try again by ourselves."),
    NONSENSE: _l("Moodle answered with something we cannot read. We try again by ourselves."),
    "moodle-token": _l("Moodle does not accept our web-service token. The administrator must give a new one."),
    "moodle-access": _l(
        "The web-service user in Moodle lacks a right or a function. The set-up guide lists them for the administrator."
    ),
    "moodle-no-record": _l("Moodle does not know this course, or lacks a function that we need."),
    "moodle-error": _l("Moodle refused the request."),
    "no-web-service": _l("The web services of this Moodle are not connected. The administrator must give a token."),
    "no-roster": _l(
        "Nothing is known yet of who is in the course: open the activity in the course once more, so that Moodle tells "
        "where its list of participants is. If that does not help, the administrator must allow the list in the tool's "
        "settings in Moodle (“IMS LTI Names and Role Provisioning”), or give a web-service token."
    ),
    "moodle-unavailable": _l("Moodle does not answer. We try again by ourselves."),
    "token-refused": _l(
        "Moodle does not let this service use the course's list of participants. The administrator must allow it in "
        "the tool's settings in Moodle (“IMS LTI Names and Role Provisioning”), or give a web-service token; “Check "
        "now” on the page “Connection” says more. Nobody was taken for gone."
    ),
    "moodle-refused": _l(
        "Moodle does not show its list of participants: the administrator must allow it in the tool's settings in "
        "Moodle (“IMS LTI Names and Role Provisioning”), or give a web-service token."
    ),
    "address-refused": _l("The address of Moodle's web services is one that we may not go to."),
    "nobody-returned": _l(
        "Moodle shows nobody in this course, although we know people there: the web-service user may have lost "
        "the right to see them. Nothing was changed."
    ),
    "roster-empty": _l(
        "The course's list of participants is empty, although we know people there. Nothing was changed."
    ),
    "people-hidden": _l(
        "Moodle's own roster still lists people whom its web service no longer shows us: the web-service user has "
        "lost the right moodle/user:viewdetails, or does not see all groups. Nobody was taken for gone. The "
        "administrator finds more under “Check now” on the page “Connection”."
    ),
    "completion-hidden": _l(
        "Moodle does not show the completion of this course: switch completion tracking on in the course's settings, "
        "and give the web-service user the right report/completion:view."
    ),
    "completion-no-criteria": _l("The course in Moodle has no completion criteria yet: set them there."),
    "completion-no-course": _l("Moodle does not know this course, or does not show it to the web-service user."),
    "completion-no-function": _l(
        "The web service lacks the function core_completion_get_course_completion_status. The administrator must add "
        "it to the service in Moodle."
    ),
    "worker-lost": _l("The work was interrupted. Start it again."),
}
OTHER = _l("Something went wrong on our side. The administrator finds the details in the log.")


def code_of(error: MoodleError | DomainError) -> str:
    """The stable code under which a run keeps its failure."""
    if isinstance(error, ServiceRefusedError) and error.http >= 500:
        return DOWN
    if isinstance(error, DomainError):
        return error.code
    return next((code for kind, code in CODES.items() if isinstance(error, kind)), "moodle-error")


def detail_of(error: MoodleError | DomainError) -> str:
    """What the error knows besides, for the log and the terminal."""
    if isinstance(error, DomainError):
        return ", ".join(f"{name} {value}" for name, value in error.facts.items())
    return str(error)


def sentence(code: str) -> str:
    """What happened and what to do, in the language of the request."""
    return str(SENTENCES.get(code, OTHER))
