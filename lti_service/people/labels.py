"""The words in which pages speak of people: states, kinds and roles, and what can be done with those chosen."""

from typing import Any

from flask_babel import lazy_gettext as _l

from lti_service.access import Role
from lti_service.people.models import ContactWay, MeetingTime, MenteeState, Mentor, MentorState, Source
from lti_service.people.rules import MenteeAction, MentorAction, Wait
from lti_service.programme import labels as of_programme
from lti_service.programme.models import MentorKind

MENTEE_STATES: dict[MenteeState, Any] = {
    MenteeState.CANDIDATE: _l("Candidate"),
    MenteeState.NEEDS: _l("Needs a mentor"),
    MenteeState.PROPOSED: _l("Mentor proposed"),
    MenteeState.PAIRED: _l("Has a mentor"),
    MenteeState.FINISHED: _l("Mentoring finished"),
    MenteeState.UNPAIRED: _l("Without a pair"),
    MenteeState.WITHDRAWN: _l("Not taking part"),
}

MENTOR_STATES: dict[MentorState, Any] = {
    MentorState.CANDIDATE: _l("Candidate"),
    MentorState.SELECTED: _l("Selected"),
    MentorState.READY: _l("Ready"),
    MentorState.TURNED_DOWN: _l("Not selected"),
    MentorState.WITHDRAWN: _l("Not taking part"),
}

TONES: dict[MenteeState | MentorState, str] = {
    MenteeState.CANDIDATE: "light",
    MenteeState.NEEDS: "warning",
    MenteeState.PROPOSED: "info",
    MenteeState.PAIRED: "success",
    MenteeState.FINISHED: "secondary",
    MenteeState.UNPAIRED: "danger",
    MenteeState.WITHDRAWN: "light",
    MentorState.CANDIDATE: "light",
    MentorState.SELECTED: "info",
    MentorState.READY: "success",
    MentorState.TURNED_DOWN: "secondary",
    MentorState.WITHDRAWN: "light",
}
"""Colour of a state's badge; it always stands beside the word. Keys of one text (`candidate`) have one colour."""

MENTEE_KINDS = of_programme.MENTEE_KINDS
MENTOR_KINDS = of_programme.MENTOR_KINDS

MENTORS_OF_FORM: dict[MentorKind, Any] = {
    MentorKind.TEACHER: _l("a teacher"),
    MentorKind.EMPLOYER: _l("somebody from an employer"),
    MentorKind.STUDENT: _l("a senior student"),
}
"""Who the mentor is in a form of mentoring, as those who ask for one choose."""

MEETING_TIMES: dict[MeetingTime, Any] = {
    MeetingTime.MORNING: _l("weekday mornings"),
    MeetingTime.DAY: _l("weekday afternoons"),
    MeetingTime.EVENING: _l("weekday evenings"),
    MeetingTime.SATURDAY: _l("Saturday"),
    MeetingTime.SUNDAY: _l("Sunday"),
}

CONTACT_WAYS: dict[ContactWay, Any] = {
    ContactWay.PHONE: _l("by telephone"),
    ContactWay.EMAIL: _l("by e-mail"),
    ContactWay.MESSENGER: _l("in a messenger"),
    ContactWay.MOODLE: _l("by a message in Moodle"),
    ContactWay.PLACE: _l("in person, at a place"),
}
USUAL_CONTACT: Any = _l("by the e-mail address in Moodle")

ROLES: dict[Role, Any] = {
    Role.STUDENT: _l("student"),
    Role.TEACHER: _l("teacher"),
    Role.EMPLOYER: _l("employer's mentor"),
    Role.CURATOR: _l("curator"),
    Role.ADMIN: _l("administrator"),
    Role.GUEST: _l("from outside, without a Moodle account"),
}

MENTEE_ACTIONS: dict[MenteeAction, Any] = {
    MenteeAction.NEED: _l("Mark as needing a mentor"),
    MenteeAction.GIVE_UP: _l("No pair for now"),
    MenteeAction.RETURN: _l("Back to candidates"),
    MenteeAction.WITHDRAW: _l("Do not take part"),
}

SOURCES: dict[Source, Any] = {
    Source.MOODLE: _l("enrolled in the course"),
    Source.NOMINATION: _l("nominated by a teacher"),
    Source.OWN: _l("own request"),
    Source.FILE: _l("a file"),
    Source.CURATOR: _l("entered by the curator"),
}
"""From where somebody came into the base of mentees."""

MENTOR_ACTIONS: dict[MentorAction, Any] = {
    MentorAction.RETURN: _l("Back to candidates"),
    MentorAction.WITHDRAW: _l("Do not take part"),
}


WAITS: dict[Wait, Any] = {
    Wait.DUE: _l("Time to look"),
    Wait.UNTOLD: _l("No talk yet"),
}


def times(mentor: Mentor) -> str:
    """When it suits a mentor to meet, in one line."""
    ticked = ", ".join(str(MEETING_TIMES[MeetingTime(time)]) for time in mentor.times)
    return "; ".join(part for part in (ticked, mentor.times_note) if part)


def contact(mentor: Mentor) -> str:
    """How a mentor wants to be reached, in one line; empty: they did not say."""
    way = str(CONTACT_WAYS[mentor.contact_way]) if mentor.contact_way else ""
    return ": ".join(part for part in (way, mentor.contact) if part)
