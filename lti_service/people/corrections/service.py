"""What curators do with names and birth dates: correct them against Moodle, and take Moodle's again."""

from datetime import date

from sqlalchemy.orm import Session

from lti_service.db import now
from lti_service.errors import NotFoundError
from lti_service.people.corrections import rules
from lti_service.people.errors import BirthDateError, NameMissingError
from lti_service.people.models import Person
from lti_service.people.rules import EARLIEST_BIRTH_YEAR
from lti_service.people.service import Desk, record, record_of


def correct(
    session: Session,
    at: Desk,
    person_id: int,
    *,
    family_name: str,
    given_name: str,
    birth_date: date | None,
    today: date,
) -> bool:
    """Keep what a curator says of somebody of the course against what Moodle says; whether that changed anything.

    Raises NotFoundError, NameMissingError, BirthDateError.
    """
    person = _of_course(session, at, person_id)
    family_name, given_name = " ".join(family_name.split()), " ".join(given_name.split())
    if not family_name and not given_name:
        raise NameMissingError
    if birth_date is not None and not (birth_date.year >= EARLIEST_BIRTH_YEAR and birth_date <= today):
        raise BirthDateError(least=EARLIEST_BIRTH_YEAR)
    given = {"family_name": family_name, "given_name": given_name, "birth_date": birth_date}
    known = {field: getattr(person, field) for field in rules.FIELDS}
    changed = [field for field in rules.FIELDS if given[field] != known[field]]
    if not changed:
        return False
    for field in changed:
        setattr(person, field, given[field])
    person.corrected = rules.corrections(known, given, person.corrected)
    person.updated_at = now()
    # Of whom, and what: not which names.
    record(session, at, "person.corrected", f"person:{person.id}", fields=changed)
    return True


def take_moodles(session: Session, at: Desk, person_id: int) -> bool:
    """Give up what was corrected by hand for what Moodle says; whether there was anything. Raises NotFoundError."""
    person = _of_course(session, at, person_id)
    if not person.corrected:
        return False
    fields = sorted(person.corrected)
    for field, text in person.corrected.items():
        setattr(person, field, rules.as_value(field, text))
    person.corrected = {}
    person.updated_at = now()
    record(session, at, "person.as_in_moodle", f"person:{person.id}", fields=fields)
    return True


def _of_course(session: Session, at: Desk, person_id: int) -> Person:
    """The person, locked, for a sync may write of them at this moment, and nobody whose data were erased."""
    record_of(session, at.course_id, None, person_id)
    person = session.get_one(Person, person_id, with_for_update=True, populate_existing=True)
    if person.erased_at is not None:
        raise NotFoundError
    return person
