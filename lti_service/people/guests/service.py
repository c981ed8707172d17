"""People from outside without a Moodle account: what the curator keeps of them."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_service.access import Role, Viewer
from lti_service.db import now
from lti_service.errors import NotFoundError
from lti_service.people import service as people
from lti_service.people.employers import errors as employer_errors
from lti_service.people.employers import service as employers
from lti_service.people.guests import errors, rules
from lti_service.people.models import ContactWay, Membership, Mentor, Person
from lti_service.people.names import search_key
from lti_service.people.service import Desk
from lti_service.platforms.models import Course
from lti_service.programme.models import MentorKind

# --- the person ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """What is kept of somebody without a Moodle account."""

    family_name: str
    given_name: str
    """Given name and patronymic."""
    email: str = ""
    phone: str = ""


def add_person(session: Session, at: Desk, facts: PersonFacts) -> Person:
    """Keep somebody from outside as a member of the course, without an account; they come into no base by it.

    Nobody is invited yet. Raises errors of the fields, PersonKnownError.
    """
    facts = checked(facts)
    # Two who enter the same person at once, and the same form sent twice, come one after the other.
    session.execute(select(Course.id).where(Course.id == at.course_id).with_for_update(key_share=True))
    _refuse_known(session, at, facts)
    person = Person(
        platform_id=at.platform_id,
        family_name=facts.family_name,
        given_name=facts.given_name,
        email=facts.email,
        phone=facts.phone,
        updated_at=now(),
    )
    session.add(person)
    session.flush()
    session.add(Membership(course_id=at.course_id, person_id=person.id, roles=[Role.GUEST.value]))
    session.flush()
    people.record(session, at, "outsider.added", f"person:{person.id}")
    return person


def change_person(session: Session, at: Desk, person_id: int, facts: PersonFacts) -> Person:
    """Keep what is told of somebody from outside now. Raises NotFoundError, NotFromOutsideError and as `add_person`."""
    person = of_course(session, at.course_id, person_id, lock=True)
    facts = checked(facts)
    session.execute(select(Course.id).where(Course.id == at.course_id).with_for_update(key_share=True))
    _refuse_known(session, at, facts, but=person.id)
    changed = [name for name in PersonFacts.__dataclass_fields__ if getattr(person, name) != getattr(facts, name)]
    for name in changed:
        setattr(person, name, getattr(facts, name))
    if changed:
        person.updated_at = now()
        session.flush()
        people.record(session, at, "outsider.changed", f"person:{person.id}", fields=changed)
    return person


def of_course(session: Session, course_id: int, person_id: int, lock: bool = False) -> Person:
    """Somebody of the course who has no Moodle account; whose data were erased is nobody's guest any more.

    With `lock` nobody erases them meanwhile. Raises NotFoundError, NotFromOutsideError.
    """
    query = (
        select(Person)
        .join(Membership, Membership.person_id == Person.id)
        .where(Membership.course_id == course_id, Person.id == person_id, Person.erased_at.is_(None))
    )
    if lock:
        query = query.with_for_update(of=Person, key_share=True).execution_options(populate_existing=True)
    person: Person | None = session.scalar(query)
    if person is None:
        raise NotFoundError
    if person.moodle_id is not None:
        raise errors.NotFromOutsideError(name=person.name)
    return person


def checked(facts: PersonFacts) -> PersonFacts:
    """What is told of somebody, as it is kept. Raises errors of the fields."""
    family = _fitting("family_name", facts.family_name, rules.LONGEST_NAME)
    given = _fitting("given_name", facts.given_name, rules.LONGEST_NAME)
    if not search_key(family):
        raise errors.FamilyNameMissingError
    if not search_key(given):
        raise errors.GivenNameMissingError
    return PersonFacts(family, given, employers.checked_email(facts.email), employers.checked_phone(facts.phone))


def _refuse_known(session: Session, at: Desk, facts: PersonFacts, but: int = 0) -> None:
    """Namesakes there may be, but not with one e-mail address, nor two of one phone number or both without."""
    here = (
        select(Person)
        .join(Membership, Membership.person_id == Person.id)
        .where(Membership.course_id == at.course_id, Person.id != but)
        .order_by(Person.id)
    )
    found = None
    if facts.email:
        # Addresses are ASCII where it matters, and that both databases fold alike.
        found = session.scalars(here.where(func.lower(Person.email) == facts.email.lower()).limit(1)).first()
    if found is None:
        namesakes = session.scalars(
            here.where(
                Person.moodle_id.is_(None), Person.search_name == search_key(facts.family_name, facts.given_name)
            )
        )
        digits = rules.digits(facts.phone)
        found = next((other for other in namesakes if rules.digits(other.phone)[-10:] == digits[-10:]), None)
    if found is not None:
        raise errors.PersonKnownError(name=found.name)


def _fitting(field: str, text: str, most: int) -> str:
    text = " ".join(text.replace("\0", "").split())
    if len(text) > most:
        raise employer_errors.TooLongError(field, most=most, count=len(text))
    return text


# --- as a mentor --------------------------------------------------------------------------------------------------


def add_mentor(
    session: Session,
    viewer: Viewer,
    day: date,
    facts: PersonFacts,
    *,
    employer_id: int | None = None,
    tells_phone: bool = False,
) -> Mentor:
    """Keep somebody from outside and put them into the year's base of mentors, as any employer's mentor.

    `tells_phone`: their mentees may call them once a pair is agreed. Raises NoCycleError, NotFoundError for a strange
    organisation, and what `add_person` does.
    """
    at = people.desk(
        session,
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        actor_id=viewer.person_id,
        day=day,
    )
    person = add_person(session, at, facts)
    mentor = people.add_mentor(session, at, person.id, MentorKind.EMPLOYER)
    if tells_phone and person.phone:
        mentor.contact_way, mentor.contact = ContactWay.PHONE, person.phone
    if employer_id is not None:
        employers.set_employer(session, viewer, day, person.id, employer_id)
    session.flush()
    return mentor


def told(person: Person) -> dict[str, Any]:
    """What is kept of somebody, for a form."""
    return {name: getattr(person, name) for name in PersonFacts.__dataclass_fields__}
