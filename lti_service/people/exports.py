"""The two bases as tables to be saved."""

from collections.abc import Iterable

from flask_babel import gettext as _

from lti_service.people import labels
from lti_service.people.lists import Line
from lti_service.people.models import Mentee, Mentor, Person
from lti_service.sheets import Sheet, Value


def mentees(lines: Iterable[Line[Mentee]]) -> Sheet:
    """A row for each mentee."""
    heads = [
        *_person_heads(),
        _("Speciality, department"),
        _("Kind"),
        _("State"),
        _("Wanted form"),
        _("Topics"),
        _("Request"),
        _("Asked on"),
        _("From where"),
    ]
    rows = [
        [
            *_person(line.record.person, line.groups),
            line.record.person.department,
            str(labels.MENTEE_KINDS[line.record.kind]),
            str(labels.MENTEE_STATES[line.record.state]),
            line.record.wanted_form.title if line.record.wanted_form else "",
            "; ".join(line.record.topics),
            line.record.request,
            line.record.asked_at.date() if line.record.asked_at else None,
            str(labels.SOURCES[line.record.source]),
        ]
        for line in lines
    ]
    return Sheet(_("Base of mentees"), heads, rows)


def mentors(lines: Iterable[Line[Mentor]]) -> Sheet:
    """A row for each mentor."""
    heads = [
        *_person_heads(),
        _("Organisation"),
        _("Speciality, department"),
        _("Kind of mentor"),
        _("State"),
        _("Mentees at once"),
        _("Teaching experience"),
        _("Forms of mentoring"),
        _("Strong in"),
        _("In their own words"),
        _("Experience"),
        _("Years of it"),
        _("Times that suit"),
        _("Preferred contact"),
        _("Asked on"),
    ]
    rows = [
        [
            *_person(line.record.person, line.groups),
            line.record.workplace,
            line.record.person.department,
            str(labels.MENTOR_KINDS[line.record.kind]),
            str(labels.MENTOR_STATES[line.record.state]),
            line.record.capacity,
            line.record.person.experience_years,
            "; ".join(form.title for form in line.record.forms),
            "; ".join(line.record.strengths),
            line.record.offer,
            line.record.experience,
            line.record.experience_years,
            labels.times(line.record),
            labels.contact(line.record),
            line.record.asked_at.date() if line.record.asked_at else None,
        ]
        for line in lines
    ]
    return Sheet(_("Base of mentors"), heads, rows)


def _person_heads() -> list[str]:
    return [_("Family name, given name, patronymic"), _("Group"), _("E-mail"), _("ID number"), _("Date of birth")]


def _person(person: Person, groups: str) -> list[Value]:
    return [person.name, groups, person.email, person.idnumber, person.birth_date]
