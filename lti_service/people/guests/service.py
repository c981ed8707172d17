"""People from outside without a Moodle account: what the curator keeps of them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy import and_, func, insert, or_, select
from sqlalchemy.orm import Session

from lti_service.access import Role, Viewer
from lti_service.db import now
from lti_service.errors import NotFoundError
from lti_service.lists import in_parts
from lti_service.people import service as people
from lti_service.people.employers import errors as employer_errors
from lti_service.people.employers import service as employers
from lti_service.people.guests import door, errors, rules
from lti_service.people.guests.models import GuestAccess
from lti_service.people.guests.rules import Factor
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


_ADD_PERSON = insert(Person).returning(Person)


def add_person(session: Session, at: Desk, facts: PersonFacts) -> Person:
    """Keep somebody from outside as a member of the course, without an account; they come into no base by it.

    Nobody is invited yet. Raises errors of the fields, PersonKnownError.
    """
    [person] = add_people(session, at, [facts])
    return person


def add_people(session: Session, at: Desk, told: Sequence[PersonFacts]) -> list[Person]:
    """The same with several, in their order, in as many statements as with one; all of them or none."""
    facts = [checked(one) for one in told]
    # Two who enter the same person at once, and the same form sent twice, come one after the other.
    session.execute(select(Course.id).where(Course.id == at.course_id).with_for_update(key_share=True))
    here = _Here.of(session, at, facts)
    for one in facts:
        here.refuse(one)
        here.add(one)
    rows = [
        {
            "platform_id": at.platform_id,
            **asdict(one),
            "search_name": search_key(one.family_name, one.given_name),
            "updated_at": now(),
        }
        for one in facts
    ]
    # Of no two of them are name and phone the same, see `_Here`; in which order they come back no database says.
    made = {(one.family_name, one.given_name, one.phone): one for one in session.scalars(_ADD_PERSON, rows)}
    persons = [made[one.family_name, one.given_name, one.phone] for one in facts]
    roles = [Role.GUEST.value]
    session.execute(
        insert(Membership),
        [{"course_id": at.course_id, "person_id": person.id, "roles": roles} for person in persons],
    )
    people.record_all(session, at, "outsider.added", [f"person:{person.id}" for person in persons])
    return persons


def change_person(session: Session, at: Desk, person_id: int, facts: PersonFacts) -> Person:
    """Keep what is told of somebody from outside now. Raises NotFoundError, NotFromOutsideError and as `add_person`."""
    person = of_course(session, at.course_id, person_id, lock=True)
    facts = checked(facts)
    session.execute(select(Course.id).where(Course.id == at.course_id).with_for_update(key_share=True))
    _Here.of(session, at, [facts], but=person.id).refuse(facts)
    changed = [name for name in PersonFacts.__dataclass_fields__ if getattr(person, name) != getattr(facts, name)]
    _ask_for(session, person, facts.phone)
    for name in changed:
        setattr(person, name, getattr(facts, name))
    if changed:
        person.updated_at = now()
        session.flush()
        people.record(session, at, "outsider.changed", f"person:{person.id}", fields=changed)
    return person


def _ask_for(session: Session, person: Person, phone: str) -> None:
    """Whoever is asked at the door for the last digits of their phone is asked for those of the new number from now on;
    where there is none, still for the old ones."""
    answer = rules.phone_answer(phone)
    if not answer or answer == rules.phone_answer(person.phone):
        return
    by_phone = select(GuestAccess).where(GuestAccess.person_id == person.id, GuestAccess.factor == Factor.PHONE)
    for access in session.scalars(by_phone.order_by(GuestAccess.id).with_for_update()):
        access.answer = door.kept_answer(answer)


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


@dataclass
class _Here:
    """Who of the course could be the same as whoever is entered.

    Namesakes there may be, but not with one e-mail address, nor two of one phone number or both without.
    """

    by_email: dict[str, str]
    """Folded address → whose it is."""
    namesakes: dict[tuple[str, str], str]
    """Folded name and the end of the phone number, of those without a Moodle account → their name."""

    @classmethod
    def of(cls, session: Session, at: Desk, facts: Sequence[PersonFacts], but: int = 0) -> "_Here":
        """Those of the course whom these facts could be about, but for one."""
        found = cls({}, {})
        for some in in_parts(facts):
            emails = {one.email.lower() for one in some} - {""}
            names = {search_key(one.family_name, one.given_name) for one in some}
            # Addresses are ASCII where it matters, and that both databases fold alike.
            is_one = or_(
                func.lower(Person.email).in_(emails), and_(Person.moodle_id.is_(None), Person.search_name.in_(names))
            )
            for person in session.scalars(
                select(Person)
                .join(Membership, Membership.person_id == Person.id)
                .where(Membership.course_id == at.course_id, Person.id != but, is_one)
                .order_by(Person.id)
            ):
                if person.email:
                    found.by_email.setdefault(person.email.lower(), person.name)
                if person.moodle_id is None:
                    found.namesakes.setdefault((person.search_name, _end(person.phone)), person.name)
        return found

    def refuse(self, facts: PersonFacts) -> None:
        """Raises PersonKnownError when somebody here is the same."""
        name = self.by_email.get(facts.email.lower()) if facts.email else None
        name = name or self.namesakes.get((search_key(facts.family_name, facts.given_name), _end(facts.phone)))
        if name is not None:
            raise errors.PersonKnownError(name=name)

    def add(self, facts: PersonFacts) -> None:
        """They are here now, too."""
        name = f"{facts.family_name} {facts.given_name}".strip()
        if facts.email:
            self.by_email.setdefault(facts.email.lower(), name)
        self.namesakes.setdefault((search_key(facts.family_name, facts.given_name), _end(facts.phone)), name)


def _end(phone: str) -> str:
    return rules.digits(phone)[-10:]


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


def add_mentors(
    session: Session, at: Desk, told: Sequence[PersonFacts], rows: Sequence[Mapping[str, Any]]
) -> list[Mentor]:
    """Several from outside, in their order, as `add_mentor` puts in one; all of them or none.

    `rows`: what their rows in the base say, see `people.service.add_mentors`.
    """
    persons = add_people(session, at, told)
    kinds = {person.id: MentorKind.EMPLOYER for person in persons}
    said = {person.id: row for person, row in zip(persons, rows, strict=True)}
    mentors = people.add_mentors(session, at, kinds, said)
    by_person = {mentor.person_id: mentor for mentor in mentors}
    return [by_person[person.id] for person in persons]


def told(person: Person) -> dict[str, Any]:
    """What is kept of somebody, for a form."""
    return {name: getattr(person, name) for name in PersonFacts.__dataclass_fields__}
