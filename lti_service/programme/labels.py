"""The words for kinds of mentors and mentees, which forms of mentoring ask for."""

from typing import Any

from flask_babel import lazy_gettext as _l

from lti_service.programme.models import MenteeKind, MentorKind

MENTEE_KINDS: dict[MenteeKind, Any] = {
    MenteeKind.STUDENT: _l("Student"),
    MenteeKind.YOUNG_TEACHER: _l("Young teacher"),
}

MENTOR_KINDS: dict[MentorKind, Any] = {
    MentorKind.TEACHER: _l("Teacher"),
    MentorKind.EMPLOYER: _l("Employer's mentor"),
    MentorKind.STUDENT: _l("Senior student"),
}
