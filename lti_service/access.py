"""Who may do what: one table of permissions, and the questions that views ask it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import g
from flask_babel import lazy_gettext as _l

from lti_service.errors import DomainError, NotFoundError

P = ParamSpec("P")
R = TypeVar("R")


class Role(StrEnum):
    """What somebody is in one course; a person may be several things at once."""

    STUDENT = "student"
    TEACHER = "teacher"
    EMPLOYER = "employer"
    CURATOR = "curator"
    ADMIN = "admin"
    GUEST = "guest"
    """Somebody from outside without a Moodle account. Nothing that Moodle says makes anybody one, and who is one is
    nothing else."""


class Permission(StrEnum):
    """One thing that the service can be asked for."""

    SEE_HOME = "see-home"
    SEE_OWN_DATA = "see-own-data"
    ANSWER_PROPOSAL = "answer-proposal"
    ASK_FOR_MENTOR = "ask-for-mentor"
    NOMINATE = "nominate"
    KEEP_MENTOR_PROFILE = "keep-mentor-profile"
    GIVE_CONSENT = "give-consent"
    KEEP_CONSENT_TEXTS = "keep-consent-texts"
    ASK_CONSENTS_AGAIN = "ask-consents-again"
    SEE_COURSE_PAIRS = "see-course-pairs"
    MANAGE_PAIRS = "manage-pairs"
    MANAGE_BASE = "manage-base"
    MANAGE_SURVEYS = "manage-surveys"
    SEE_INDICATORS = "see-indicators"
    MANAGE_GRADEBOOK = "manage-gradebook"
    RUN_SYNC = "run-sync"
    SEE_CONNECTION = "see-connection"
    SEE_PROGRAMME = "see-programme"
    MANAGE_PROGRAMME = "manage-programme"
    SEE_GUEST_HOME = "see-guest-home"
    MANAGE_PERSONAL_DATA = "manage-personal-data"


EVERYONE = frozenset(Role) - {Role.GUEST}
"""Whoever is in the course through Moodle, even with a role that means nothing to us."""
ANYBODY = frozenset(Role)
"""Whoever is known here at all: the law gives everybody the sight of what is kept about them."""
TABLE: dict[Permission, frozenset[Role]] = {
    Permission.SEE_HOME: EVERYONE,
    Permission.SEE_OWN_DATA: ANYBODY,
    # Whether the proposal is theirs to answer is asked where the pair is known.
    Permission.ANSWER_PROPOSAL: EVERYONE,
    # Whether somebody can be a mentee at all is asked where their records are known.
    Permission.ASK_FOR_MENTOR: frozenset({Role.STUDENT, Role.TEACHER}),
    Permission.NOMINATE: frozenset({Role.TEACHER}),
    # Whether somebody is a mentor, or may offer to be one, is asked where their records are known.
    Permission.KEEP_MENTOR_PROFILE: EVERYONE,
    # Consents are the people's own, too: a guest gives and withdraws theirs behind their own door.
    Permission.GIVE_CONSENT: ANYBODY,
    Permission.KEEP_CONSENT_TEXTS: frozenset({Role.CURATOR, Role.ADMIN}),
    # It voids consents in all courses of the college, and a curator is one in a course.
    Permission.ASK_CONSENTS_AGAIN: frozenset({Role.ADMIN}),
    Permission.SEE_COURSE_PAIRS: frozenset({Role.TEACHER, Role.CURATOR}),
    Permission.MANAGE_PAIRS: frozenset({Role.CURATOR}),
    Permission.MANAGE_BASE: frozenset({Role.CURATOR}),
    Permission.MANAGE_SURVEYS: frozenset({Role.CURATOR}),
    Permission.SEE_INDICATORS: frozenset({Role.CURATOR, Role.ADMIN}),
    Permission.MANAGE_GRADEBOOK: frozenset({Role.CURATOR}),
    Permission.RUN_SYNC: frozenset({Role.CURATOR, Role.ADMIN}),
    Permission.SEE_CONNECTION: frozenset({Role.ADMIN}),
    Permission.SEE_PROGRAMME: frozenset({Role.CURATOR, Role.ADMIN}),
    # It holds in all courses of the college, and a curator is one in a course.
    Permission.MANAGE_PROGRAMME: frozenset({Role.ADMIN}),
    # The guests' own page, with the answers and the work that stand on it.
    Permission.SEE_GUEST_HOME: frozenset({Role.GUEST}),
    Permission.MANAGE_PERSONAL_DATA: frozenset({Role.ADMIN}),
}


@dataclass(frozen=True, slots=True)
class Viewer:
    """The person who asks, as plain values, in the course that the address names."""

    person_id: int
    platform_id: int
    course_id: int
    name: str
    roles: frozenset[Role]
    course_title: str
    activity_title: str
    time_zone: str
    is_erased: bool = False
    """Their data were erased, and nothing that Moodle tells of them is kept until they ask for it."""

    def may(self, permission: Permission) -> bool:
        """Whether any of this person's roles in this course allows it."""
        allowed = TABLE[permission]
        if allowed is ANYBODY:
            return True
        if allowed is EVERYONE:
            return Role.GUEST not in self.roles
        return not self.roles.isdisjoint(allowed)


class NotAllowedError(DomainError):
    """The person is of the course, but this is not theirs to do."""

    code = "not-allowed"
    status = 403
    message = _l("Your role in this course does not include this page.")


class NoSessionError(DomainError):
    """Nobody has come in through Moodle in this browser, or it was too long ago."""

    code = "no-session"
    status = 401
    message = _l("Open the activity from your Moodle course: the visit has ended or has not begun.")


def viewer() -> Viewer:
    """Who asks in this request; the entrance has put it there.

    Raises NoSessionError when nobody came in, NotFoundError for a course that is not theirs.
    """
    found: Viewer | None = g.get("viewer")
    if found is None:
        raise NotFoundError if g.get("signed_in") else NoSessionError
    return found


def needs(permission: Permission) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a view: it runs only for a viewer with `permission`."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            if not viewer().may(permission):
                raise NotAllowedError
            return view(*args, **kwargs)

        return guarded

    return decorate
