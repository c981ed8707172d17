"""The lists of people as tables to be saved."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from flask_babel import gettext as _

from lti_service.pages import local_day
from lti_service.people import labels, nominations, without_pair
from lti_service.people.consents import labels as consent_labels
from lti_service.people.consents import lists as consent_lists
from lti_service.people.consents.service import Stand
from lti_service.people.employers import agreements as agreement_lists
from lti_service.people.employers import labels as employer_labels
from lti_service.people.employers import lists as employer_lists
from lti_service.people.employers.models import Agreement, EmployerContact
from lti_service.people.employers.rules import agreement_state
from lti_service.people.guests import labels as guest_labels
from lti_service.people.guests import lists as guest_lists
from lti_service.people.kinds import labels as kind_labels
from lti_service.people.kinds.service import Trial
from lti_service.people.lists import Line
from lti_service.people.models import Mentee, Mentor, Person
from lti_service.people.training import labels as training_labels
from lti_service.people.training.records import CourseLine, RecordLine
from lti_service.people.training.rules import Standing
from lti_service.sheets import Sheet, Value


def mentees(lines: Iterable[Line[Mentee]], stands: Mapping[int, Stand], years: Mapping[int, int | None]) -> Sheet:
    """A row for each mentee; what they ask for only where a consent counts, see `_person`.

    `years` of study by the person's id.
    """
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
        _("Year of study"),
        _("Consent"),
    ]
    rows = [
        [
            *_person(line.record.person, line.groups, stand),
            "" if stand.is_withdrawn else line.record.person.specialty or line.record.person.department,
            str(labels.MENTEE_KINDS[line.record.kind]),
            str(labels.MENTEE_STATES[line.record.state]),
            line.record.wanted_form.title if line.record.wanted_form else "",
            "; ".join(line.record.topics) if stand.is_granted else "",
            line.record.request if stand.is_granted else "",
            line.record.asked_at.date() if line.record.asked_at else None,
            str(labels.SOURCES[line.record.source]),
            None if stand.is_withdrawn else years[line.record.person_id],
            str(consent_labels.STANDINGS[stand.standing]),
        ]
        for line in lines
        for stand in [stands[line.record.person_id]]
    ]
    return Sheet(_("Base of mentees"), heads, rows)


def supported(lines: Iterable[without_pair.Line], stands: Mapping[int, Stand]) -> Sheet:
    """A row for each mentee without a pair, with the last talk and never what was agreed; after a withdrawal of their
    consent without the talk, see `_person`."""
    heads = [
        *_person_heads(),
        _("Last talk"),
        _("Who talked"),
        _("Next look"),
        _("Time to look"),
        _("Consent"),
    ]
    rows: list[list[Value]] = []
    for line in lines:
        stand = stands[line.person.id]
        talk = None if stand.is_withdrawn else line.talk
        rows.append(
            [
                *_person(line.person, line.groups, stand),
                talk.day if talk else None,
                talk.who if talk else "",
                talk.next_look if talk else None,
                _("yes") if line.is_due else "",
                str(consent_labels.STANDINGS[stand.standing]),
            ]
        )
    return Sheet(_("Support of those without a pair"), heads, rows)


def students(lines: Iterable[nominations.Student]) -> Sheet:
    """A row for each student as their teacher sees them, with the teacher's own nomination; of whom no consent counts
    no more than the name, and that they are nominated."""
    heads = [
        _("Family name, given name, patronymic"),
        _("Group"),
        _("Nominated on"),
        _("Why a mentor is needed"),
    ]
    rows: list[list[Value]] = [
        [
            line.name,
            line.groups,
            local_day(line.at) if line.at else None,
            (line.reason or "") if line.has_consent else "",
        ]
        for line in lines
    ]
    return Sheet(_("Students of the course"), heads, rows)


def mentors(lines: Iterable[Line[Mentor]], standings: Mapping[int, Standing], stands: Mapping[int, Stand]) -> Sheet:
    """A row for each mentor; what they tell of themselves only where a consent counts, see `_person`.

    `standings` say by the person's id what their trainings come to, `stands` how they stand with their consents.
    """
    heads = [
        *_person_heads(),
        _("Organisation"),
        _("Speciality, department"),
        _("Kind of mentor"),
        _("State"),
        _("Training"),
        _("Training until"),
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
        _("Consent"),
    ]
    rows = [
        [
            *_person(line.record.person, line.groups, stand),
            "" if stand.is_withdrawn else line.record.workplace,
            "" if stand.is_withdrawn else line.record.person.department,
            str(labels.MENTOR_KINDS[line.record.kind]),
            str(labels.MENTOR_STATES[line.record.state]),
            _training_of(line.record, standings),
            standings[line.record.person_id].until if line.record.person_id in standings else None,
            line.record.capacity,
            None if stand.is_withdrawn else line.record.person.experience_years,
            "; ".join(form.title for form in line.record.forms),
            "; ".join(line.record.strengths) if stand.is_granted else "",
            line.record.offer if stand.is_granted else "",
            line.record.experience if stand.is_granted else "",
            line.record.experience_years if stand.is_granted else None,
            labels.times(line.record) if stand.is_granted else "",
            labels.contact(line.record) if stand.is_granted else "",
            line.record.asked_at.date() if line.record.asked_at else None,
            str(consent_labels.STANDINGS[stand.standing]),
        ]
        for line in lines
        for stand in [stands[line.record.person_id]]
    ]
    return Sheet(_("Base of mentors"), heads, rows)


def consents(lines: Iterable[consent_lists.Line]) -> Sheet:
    """A row for each person, with the consent that says most about them.

    After a withdrawal, see `_person`, no more of it than what proves that the data were lawfully had: when and how it
    was given, when it was taken back.
    """
    heads = [
        _("Family name, given name, patronymic"),
        _("Group"),
        _("Date of birth"),
        _("Consent"),
        _("Date of the consent"),
        _("How"),
        _("Representative"),
        _("Relation"),
        _("Withdrawn on"),
        _("Scan"),
    ]
    rows: list[list[Value]] = []
    for line in lines:
        given, is_withdrawn = line.stand.consent, line.stand.is_withdrawn
        own: list[Value] = [
            line.person.name,
            line.groups,
            None if is_withdrawn else line.person.birth_date,
            str(consent_labels.STANDINGS[line.stand.standing]),
        ]
        if given is None:
            rows.append([*own, None, "", "", "", None, ""])
            continue
        rows.append(
            [
                *own,
                given.given_on,
                str(consent_labels.WAYS[given.way]),
                "" if is_withdrawn else given.representative,
                str(consent_labels.RELATIONS[given.relation]) if given.relation and not is_withdrawn else "",
                given.withdrawn_on,
                _("yes") if given.scan else "",
            ]
        )
    return Sheet(_("Consents"), heads, rows)


def guests(lines: Iterable[guest_lists.Line], stands: Mapping[int, Stand]) -> Sheet:
    """A row for each person from outside, with how their access stands; `stands` say by the person's id how they stand
    with their consents, which is heeded as in `_person`."""
    heads = [
        _("Family name, given name, patronymic"),
        _("Organisation"),
        _("Telephone"),
        _("E-mail"),
        _("Access"),
        _("Invited"),
        _("Access until"),
        _("Last here"),
        _("Looks"),
        _("Still in the course"),
        _("Consent"),
    ]
    rows: list[list[Value]] = [
        [
            line.person.name,
            "" if stand.is_withdrawn else line.organisation,
            "" if stand.is_withdrawn else line.person.phone,
            "" if stand.is_withdrawn else line.person.email,
            str(guest_labels.STANDINGS[line.standing]),
            local_day(line.access.invited_at) if line.access else None,
            line.until,
            local_day(line.access.last_seen_at) if line.access and line.access.last_seen_at else None,
            line.access.views if line.access else 0,
            _("yes") if line.active else _("no"),
            str(consent_labels.STANDINGS[stand.standing]),
        ]
        for line in lines
        for stand in [stands[line.person.id]]
    ]
    return Sheet(_("Mentors without Moodle"), heads, rows)


def training_courses(lines: Iterable[CourseLine]) -> Sheet:
    """A row for each training course of the college."""
    heads = [
        _("Course"),
        _("Begins on"),
        _("Ends on"),
        _("Hours"),
        _("Document"),
        _("Counts for, months"),
        _("Completed"),
    ]
    rows: list[list[Value]] = [
        [
            line.course.title,
            line.course.begins_on,
            line.course.ends_on,
            line.course.hours,
            line.course.document,
            line.course.valid_months,
            line.completed,
        ]
        for line in lines
    ]
    return Sheet(_("Training of mentors"), heads, rows)


def training_records(lines: Iterable[RecordLine]) -> Sheet:
    """A row for each training that somebody has completed; of who has withdrawn their consent only what is counted."""
    heads = [
        _("Family name, given name, patronymic"),
        _("Group"),
        _("Course"),
        _("Completed on"),
        _("Hours"),
        _("Document"),
        _("Document number"),
        _("Counts until"),
        _("State"),
        _("Consent"),
    ]
    rows: list[list[Value]] = [
        [
            line.record.person.name,
            line.groups,
            line.record.course.title,
            line.record.completed_on,
            line.record.course.hours,
            line.record.course.document,
            "" if line.stand.is_withdrawn else line.record.document_number,
            line.record.valid_until,
            str(training_labels.STATES[line.standing.state]),
            str(consent_labels.STANDINGS[line.stand.standing]),
        ]
        for line in lines
    ]
    return Sheet(_("Records of training"), heads, rows)


def _training_of(mentor: Mentor, standings: Mapping[int, Standing]) -> str:
    if mentor.without_training:
        return _("without training")
    standing = standings.get(mentor.person_id)
    return str(training_labels.STATES[standing.state]) if standing else ""


def employers(
    lines: Iterable[employer_lists.Line],
    contacts: Mapping[int, list[EmployerContact]],
    agreements: Mapping[int, list[Agreement]],
    day: date,
) -> Sheet:
    """A row for each agreement of each organisation, and one for an organisation without any."""
    heads = [
        _("Organisation"),
        _("Short name"),
        _("INN"),
        _("Address"),
        _("Contacts"),
        _("Mentors"),
        _("Kind of agreement"),
        _("Number"),
        _("Date"),
        _("Valid until"),
        _("What it is about"),
        _("State"),
        _("Note"),
    ]
    rows: list[list[Value]] = []
    for line in lines:
        employer = line.employer
        who = "; ".join(
            ", ".join(part for part in (contact.name, contact.position, contact.phone, contact.email) if part)
            for contact in contacts.get(employer.id, [])
        )
        own: list[Value] = [employer.name, employer.short_name, employer.inn, employer.address, who, line.mentors]
        signed = agreements.get(employer.id, [])
        for agreement in signed:
            told: list[Value] = [
                str(employer_labels.KINDS[agreement.kind]),
                agreement.number,
                agreement.signed_on,
                agreement.valid_until,
                agreement.subject,
            ]
            state = employer_labels.STATES[agreement_state(agreement.valid_until, day)]
            rows.append([*own, *told, str(state), employer.note])
        if not signed:
            rows.append([*own, "", "", None, None, "", str(employer_labels.STATES[line.state]), employer.note])
    return Sheet(_("Employers"), heads, rows)


def trial(tried: Trial) -> Sheet:
    """A row for each person whom other rules would make something else, and for what."""
    rows: list[list[Value]] = []
    for changes, titles in ((tried.kinds, kind_labels.TITLES), (tried.roles, labels.ROLES)):
        words: Mapping[str, Any] = {str(key): word for key, word in titles.items()}
        for change in changes:
            for side, what in ((change.coming, _("Would come")), (change.going, _("Would go"))):
                rows += [[one.name, one.groups, str(words[change.key]), what] for one in side.people]
    heads = [_("Family name, given name, patronymic"), _("Group"), _("Who is who"), _("What would change")]
    return Sheet(_("What would change"), heads, rows)


def agreements(lines: Iterable[agreement_lists.Line]) -> Sheet:
    """A row for each agreement, with heads that the import of organisations knows."""
    heads = [
        _("Organisation"),
        _("Short name"),
        _("INN"),
        _("Kind of agreement"),
        _("Number"),
        _("Date"),
        _("Valid until"),
        _("What it is about"),
        _("State"),
    ]
    rows: list[list[Value]] = [
        [
            line.employer.name,
            line.employer.short_name,
            line.employer.inn,
            str(employer_labels.KINDS[line.agreement.kind]),
            line.agreement.number,
            line.agreement.signed_on,
            line.agreement.valid_until,
            line.agreement.subject,
            str(employer_labels.STATES[line.state]),
        ]
        for line in lines
    ]
    return Sheet(_("Agreements"), heads, rows)


def _person_heads() -> list[str]:
    return [_("Family name, given name, patronymic"), _("Group"), _("E-mail"), _("ID number"), _("Date of birth")]


def _person(person: Person, groups: str, stand: Stand) -> list[Value]:
    """Files leave the service, so a consent that does not count is heeded in them, too.

    Without one what people told of themselves stays out; once it is withdrawn, all but the name, the group and what
    is counted.
    """
    if stand.is_withdrawn:
        return [person.name, groups, "", "", None]
    return [person.name, groups, person.email, person.idnumber, person.birth_date]
