"""The words in which pages speak of files."""

from typing import Any

from flask_babel import lazy_gettext as _l

from lti_service.people.imports.models import Subject
from lti_service.people.imports.rules import Verdict

SUBJECTS: dict[Subject, Any] = {
    Subject.BIRTHS: _l("Birth dates"),
    Subject.MENTEES: _l("Mentees"),
    Subject.MENTORS: _l("Mentors"),
    Subject.EMPLOYERS: _l("Employers"),
    Subject.CONSENTS: _l("Signed consents"),
}

LEADS: dict[Subject, Any] = {
    Subject.BIRTHS: _l("Who was born when: without it nobody knows who consents for themselves."),
    Subject.MENTEES: _l("Who needs a mentor, in which form, and what they want help with."),
    Subject.MENTORS: _l("Who may be a mentor, what they are strong in, how many they take and when they have time."),
    Subject.EMPLOYERS: _l("Organisations with their contacts and the agreements that the college has with them."),
    Subject.CONSENTS: _l("Papers that students or their parents have signed: who, when, for whom."),
}

VERDICTS: dict[Verdict, Any] = {
    Verdict.NEW: _l("Would be new"),
    Verdict.CHANGED: _l("Would change"),
    Verdict.SAME: _l("Is so already"),
    Verdict.WRONG: _l("Is wrong"),
    Verdict.LEFT_OUT: _l("Left out"),
}

DONE: dict[Verdict, Any] = {
    Verdict.NEW: _l("new"),
    Verdict.CHANGED: _l("changed"),
    Verdict.SAME: _l("as they were"),
    Verdict.LEFT_OUT: _l("left out"),
}
"""What has become of rows, in a count of them."""

TONES: dict[Verdict, str] = {
    Verdict.NEW: "success",
    Verdict.CHANGED: "info",
    Verdict.SAME: "light",
    Verdict.WRONG: "danger",
    Verdict.LEFT_OUT: "secondary",
}
"""Colour of a verdict's badge; it always stands beside the word."""
