"""Organisations that give mentors: what curators keep of them, and which of them gave a mentor."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from sqlalchemy import case, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, contains_eager

from lti_service import audit
from lti_service.access import Viewer
from lti_service.db import now
from lti_service.errors import NotFoundError
from lti_service.people.employers import errors, rules
from lti_service.people.employers.models import Agreement, AgreementKind, Employer, EmployerContact
from lti_service.people.employers.rules import AgreementState
from lti_service.people.errors import NobodyChosenError, NoCycleError
from lti_service.people.models import Membership, Mentor, MentorState, Person
from lti_service.programme import service as programme
from lti_service.programme.models import Cycle, MentorKind

T = TypeVar("T", EmployerContact, Agreement)

_SAID = case((Mentor.organisation != "", Mentor.organisation), else_=Person.institution)
"""Where a mentor works by their own words, else by their Moodle profile."""
EARLIEST_YEAR = 1990
"""Of an agreement; before it there is only a slip of the keyboard."""


@dataclass(frozen=True, slots=True)
class EmployerFacts:
    """What is kept of an organisation."""

    name: str
    short_name: str = ""
    inn: str = ""
    address: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class ContactFacts:
    """What is kept of somebody at an organisation."""

    name: str
    position: str = ""
    phone: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class AgreementFacts:
    """What is kept of an agreement."""

    kind: AgreementKind
    number: str
    signed_on: date
    valid_until: date | None = None
    subject: str = ""


Facts = EmployerFacts | ContactFacts | AgreementFacts

# --- organisations ------------------------------------------------------------------------------------------------


def find(session: Session, viewer: Viewer, employer_id: int) -> Employer:
    """An organisation of the viewer's college. Raises NotFoundError."""
    found = session.scalar(
        select(Employer).where(Employer.id == employer_id, Employer.platform_id == viewer.platform_id)
    )
    if found is None:
        raise NotFoundError
    return found


def all_of(session: Session, platform_id: int) -> list[Employer]:
    """Every organisation of a college, by name."""
    query = select(Employer).where(Employer.platform_id == platform_id).order_by(Employer.sort_key, Employer.id)
    return list(session.scalars(query))


def add(session: Session, viewer: Viewer, facts: EmployerFacts) -> Employer:
    """Keep a new organisation. Raises errors of the fields, EmployerExistsError."""
    facts = checked_employer(facts)
    employer = Employer(platform_id=viewer.platform_id, created_at=now())
    _keep_employer(session, employer, facts)
    _record(session, viewer, "employer.added", employer.id)
    return employer


def change(session: Session, viewer: Viewer, employer_id: int, facts: EmployerFacts) -> Employer:
    """Keep what is told of an organisation now. Raises NotFoundError and what `add` does."""
    employer = find(session, viewer, employer_id)
    facts = checked_employer(facts)
    changed = _keep_employer(session, employer, facts)
    if changed:
        _record(session, viewer, "employer.changed", employer.id, fields=changed)
    return employer


def remove(session: Session, viewer: Viewer, employer_id: int) -> None:
    """Delete an organisation on which nothing hangs. Raises NotFoundError, EmployerInUseError."""
    employer = find(session, viewer, employer_id)
    try:
        with session.begin_nested():
            session.delete(employer)
            session.flush()
    except IntegrityError as err:
        # The foreign keys know what hangs on it, also what another curator has added a moment ago.
        raise errors.EmployerInUseError from err
    _record(session, viewer, "employer.removed", employer_id)


def _keep_employer(session: Session, employer: Employer, facts: EmployerFacts) -> list[str]:
    """Names of the fields that change by it."""
    try:
        with session.begin_nested():
            # Within, for what was changed before would be written before the savepoint.
            changed = _set(employer, facts)
            session.add(employer)
            session.flush()
    except IntegrityError as err:
        raise errors.EmployerExistsError(name=facts.name) from err
    return changed


def checked_employer(facts: EmployerFacts) -> EmployerFacts:
    """What is told of an organisation, as it is kept. Raises errors of the fields."""
    name = _fitting("name", " ".join(facts.name.split()), rules.LONGEST_NAME)
    if not rules.name_key(name):
        raise errors.NameMissingError
    inn = "".join(facts.inn.split())
    if inn and not rules.is_inn(inn):
        raise errors.InnError
    return EmployerFacts(
        name=name,
        short_name=_fitting("short_name", " ".join(facts.short_name.split()), rules.LONGEST_SHORT_NAME),
        inn=inn,
        address=_fitting("address", facts.address.strip(), rules.LONGEST_ADDRESS),
        note=_fitting("note", facts.note.strip(), rules.LONGEST_NOTE),
    )


def record_export(session: Session, viewer: Viewer, count: int, filters: Mapping[str, Any]) -> None:
    """Keep who took how many organisations, with their contacts, out of the service; `filters` are what the look
    tells."""
    audit.record(
        session,
        "base.exported",
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        actor_id=viewer.person_id,
        subject="base:employers",
        count=count,
        **filters,
    )


# --- contacts -----------------------------------------------------------------------------------------------------


def find_contact(session: Session, viewer: Viewer, employer_id: int, contact_id: int) -> EmployerContact:
    """A contact of an organisation of the viewer's college. Raises NotFoundError."""
    return _part(session, viewer, EmployerContact, employer_id, contact_id)


def add_contact(session: Session, viewer: Viewer, employer_id: int, facts: ContactFacts) -> EmployerContact:
    """Keep somebody at an organisation; sent twice, they are there once. Raises NotFoundError, errors of the fields."""
    employer = find(session, viewer, employer_id)
    told = {"employer_id": employer.id, **_told(checked_contact(facts))}
    # A double click comes one after the other, and the second finds whom the first has written down.
    session.execute(select(Employer.id).where(Employer.id == employer.id).with_for_update(key_share=True))
    if (same := session.scalars(select(EmployerContact).filter_by(**told).limit(1)).first()) is not None:
        return same
    contact = EmployerContact(**told)
    session.add(contact)
    session.flush()
    _record(session, viewer, "employer.contact-added", employer.id, contact=contact.id)
    return contact


def change_contact(
    session: Session, viewer: Viewer, employer_id: int, contact_id: int, facts: ContactFacts
) -> EmployerContact:
    """Keep what is told of somebody now. Raises NotFoundError, errors of the fields."""
    contact = find_contact(session, viewer, employer_id, contact_id)
    changed = _set(contact, checked_contact(facts))
    if changed:
        session.flush()
        _record(session, viewer, "employer.contact-changed", employer_id, contact=contact.id, fields=changed)
    return contact


def remove_contact(session: Session, viewer: Viewer, employer_id: int, contact_id: int) -> None:
    """Delete a contact. Raises NotFoundError."""
    session.delete(find_contact(session, viewer, employer_id, contact_id))
    session.flush()
    _record(session, viewer, "employer.contact-removed", employer_id, contact=contact_id)


def checked_contact(facts: ContactFacts) -> ContactFacts:
    """What is told of somebody at an organisation, as it is kept. Raises errors of the fields."""
    name = _fitting("name", " ".join(facts.name.split()), rules.LONGEST_NAME)
    if not name:
        raise errors.NameMissingError
    phone, email = checked_phone(facts.phone), checked_email(facts.email)
    if not phone and not email:
        raise errors.NoWayToReachError
    position = _fitting("position", " ".join(facts.position.split()), rules.LONGEST_POSITION)
    return ContactFacts(name=name, position=position, phone=phone, email=email)


def checked_phone(text: str) -> str:
    """A phone number as it is kept; empty: none. Raises PhoneError, TooLongError."""
    phone = _fitting("phone", " ".join(text.split()), rules.LONGEST_PHONE)
    if phone and not rules.is_phone(phone):
        raise errors.PhoneError
    return phone


def checked_email(text: str) -> str:
    """An e-mail address as it is kept; empty: none. Raises EmailError, TooLongError."""
    email = _fitting("email", text.strip(), rules.LONGEST_EMAIL)
    if email and not rules.is_email(email):
        raise errors.EmailError
    return email


# --- agreements ---------------------------------------------------------------------------------------------------


def find_agreement(session: Session, viewer: Viewer, employer_id: int, agreement_id: int) -> Agreement:
    """An agreement with an organisation of the viewer's college. Raises NotFoundError."""
    return _part(session, viewer, Agreement, employer_id, agreement_id)


def add_agreement(session: Session, viewer: Viewer, employer_id: int, facts: AgreementFacts, today: date) -> Agreement:
    """Keep an agreement that has been signed. Raises NotFoundError, errors of the fields, AgreementExistsError."""
    employer = find(session, viewer, employer_id)
    agreement = Agreement(employer_id=employer.id)
    _keep_agreement(session, agreement, checked_agreement(facts, today))
    _record(session, viewer, "employer.agreement-added", employer.id, agreement=agreement.id, kind=agreement.kind.value)
    return agreement


def change_agreement(
    session: Session, viewer: Viewer, employer_id: int, agreement_id: int, facts: AgreementFacts, today: date
) -> Agreement:
    """Keep what is told of an agreement now. Raises what `add_agreement` does."""
    agreement = find_agreement(session, viewer, employer_id, agreement_id)
    changed = _keep_agreement(session, agreement, checked_agreement(facts, today))
    if changed:
        _record(session, viewer, "employer.agreement-changed", employer_id, agreement=agreement.id, fields=changed)
    return agreement


def remove_agreement(session: Session, viewer: Viewer, employer_id: int, agreement_id: int) -> None:
    """Delete an agreement that was entered by mistake. Raises NotFoundError."""
    session.delete(find_agreement(session, viewer, employer_id, agreement_id))
    session.flush()
    _record(session, viewer, "employer.agreement-removed", employer_id, agreement=agreement_id)


def _keep_agreement(session: Session, agreement: Agreement, facts: AgreementFacts) -> list[str]:
    """Names of the fields that change by it."""
    try:
        with session.begin_nested():
            # Within, for what was changed before would be written before the savepoint.
            changed = _set(agreement, facts)
            session.add(agreement)
            session.flush()
    except IntegrityError as err:
        raise errors.AgreementExistsError from err
    return changed


def checked_agreement(facts: AgreementFacts, today: date) -> AgreementFacts:
    """What is told of an agreement, as it is kept. Raises errors of the fields."""
    number = _fitting("number", " ".join(facts.number.split()), rules.LONGEST_NUMBER)
    if not number:
        raise errors.NumberMissingError
    if facts.signed_on.year < EARLIEST_YEAR:
        raise errors.LongAgoError
    if facts.signed_on > today:
        raise errors.SignedLaterError
    if facts.valid_until is not None and facts.valid_until < facts.signed_on:
        raise errors.EndsBeforeSignedError
    subject = _fitting("subject", facts.subject.strip(), rules.LONGEST_SUBJECT)
    return AgreementFacts(facts.kind, number, facts.signed_on, facts.valid_until, subject)


# --- one organisation's page --------------------------------------------------------------------------------------


SHOWN = 5
"""Agreements and contacts that the page of an organisation tells; of the others it says where they are."""


@dataclass(frozen=True, slots=True)
class AgreementLine:
    """An agreement with how it stands today."""

    agreement: Agreement
    state: AgreementState


@dataclass(frozen=True, slots=True)
class EmployerPage:
    """Everything that the page of an organisation shows to the curator of a course."""

    employer: Employer
    state: AgreementState
    contacts: list[EmployerContact]
    """The first by name, no more than SHOWN."""
    contacts_count: int
    agreements: list[AgreementLine]
    """The latest, no more than SHOWN."""
    agreements_count: int
    mentors: list[Mentor]
    """Of this school year and this course, by name."""
    elsewhere: int
    """Mentors of this year who are in other courses only; their names are not this curator's to see."""
    offered: list[Mentor]
    """Mentors of this course whom nobody has tied to an organisation and who name this one, or their profile does."""
    removable: bool
    """Nothing hangs on it."""


def page_of(session: Session, viewer: Viewer, employer_id: int, day: date) -> EmployerPage:
    """The page of an organisation. Raises NotFoundError."""
    employer = find(session, viewer, employer_id)
    contacts = list(
        session.scalars(
            select(EmployerContact)
            .where(EmployerContact.employer_id == employer.id)
            .order_by(EmployerContact.name, EmployerContact.id)
            .limit(SHOWN)
        )
    )
    contacts_count = _count(session, EmployerContact.id, EmployerContact.employer_id == employer.id)
    agreements = [
        AgreementLine(agreement, rules.agreement_state(agreement.valid_until, day))
        for agreement in session.scalars(
            select(Agreement)
            .where(Agreement.employer_id == employer.id)
            .order_by(Agreement.signed_on.desc(), Agreement.id.desc())
            .limit(SHOWN)
        )
    ]
    ends = session.scalars(select(Agreement.valid_until).where(Agreement.employer_id == employer.id)).all()
    of_all_years = _count(session, Mentor.id, Mentor.employer_id == employer.id)
    cycle = programme.find_cycle(session, viewer.platform_id, day)
    mentors: list[Mentor] = []
    elsewhere = 0
    if cycle is not None:
        mentors = list(session.scalars(_mentors_here(viewer, cycle).where(Mentor.employer_id == employer.id)))
        everywhere = select(func.count(Mentor.id)).where(Mentor.employer_id == employer.id, Mentor.cycle_id == cycle.id)
        elsewhere = (session.scalar(everywhere) or 0) - len(mentors)
    return EmployerPage(
        employer=employer,
        state=rules.best_state(rules.agreement_state(end, day) for end in ends),
        contacts=contacts,
        contacts_count=contacts_count,
        agreements=agreements,
        agreements_count=len(ends),
        mentors=mentors,
        elsewhere=elsewhere,
        offered=_offered(session, viewer, cycle, employer) if cycle is not None else [],
        removable=not (contacts or agreements or of_all_years),
    )


def _count(session: Session, column: Any, which: Any) -> int:
    return session.scalar(select(func.count(column)).where(which)) or 0


def _mentors_here(viewer: Viewer, cycle: Cycle) -> Any:
    return (
        select(Mentor)
        .join(Mentor.person)
        .join(Membership, Membership.person_id == Person.id)
        .where(Mentor.cycle_id == cycle.id, Membership.course_id == viewer.course_id)
        .options(contains_eager(Mentor.person))
        .order_by(Person.search_name, Person.id)
    )


def _offered(session: Session, viewer: Viewer, cycle: Cycle, employer: Employer) -> list[Mentor]:
    keys = {rules.name_key(employer.name), rules.name_key(employer.short_name)} - {""}
    names = [name for name in _loose_institutions(session, viewer, cycle) if rules.name_key(name) in keys]
    if not names:
        return []
    query = _mentors_here(viewer, cycle).where(Mentor.employer_id.is_(None), Membership.active, _SAID.in_(names))
    return list(session.scalars(query))


def _loose_institutions(session: Session, viewer: Viewer, cycle: Cycle) -> dict[str, int]:
    """What this course's mentors of no organisation, or their Moodle profiles, name as theirs, and how many name it.

    The databases fold Cyrillic letters in different ways, so the names, which are few, are compared in Python.
    """
    rows = session.execute(
        select(_SAID, func.count(Mentor.id))
        .select_from(Mentor)
        .join(Person, Person.id == Mentor.person_id)
        .join(Membership, Membership.person_id == Person.id)
        .where(
            Mentor.cycle_id == cycle.id,
            Mentor.employer_id.is_(None),
            Membership.course_id == viewer.course_id,
            Membership.active,
            _SAID != "",
        )
        .group_by(Mentor.organisation, Person.institution)
    )
    found: dict[str, int] = {}
    for name, count in rows:
        found[name] = found.get(name, 0) + count
    return found


# --- mentors of organisations -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Offer:
    """Mentors of a course whose Moodle profile names an organisation, and who are tied to none."""

    name: str
    """As the organisation is kept; of one that is not kept yet, as most profiles write it."""
    mentors: int
    employer_id: int | None
    """None: it is not kept yet."""


def offers(session: Session, viewer: Viewer, day: date) -> list[Offer]:
    """What the course's mentors, or their Moodle profiles, say of their organisations and nobody has confirmed.

    Those that are kept already come first. Of others only those of employers' mentors are told: a teacher's profile
    names the college itself.
    """
    cycle = programme.find_cycle(session, viewer.platform_id, day)
    if cycle is None:
        return []
    loose = _loose_institutions(session, viewer, cycle)
    if not loose:
        return []
    kept: dict[str, tuple[int, str]] = {}
    rows = session.execute(
        select(Employer.id, Employer.name, Employer.short_name, Employer.name_key).where(
            Employer.platform_id == viewer.platform_id
        )
    )
    for employer_id, name, short_name, key in rows:
        kept[key] = (employer_id, short_name or name)
        if short_name:
            kept.setdefault(rules.name_key(short_name), (employer_id, short_name))
    of_employers = set(
        session.scalars(
            select(_SAID)
            .select_from(Mentor)
            .join(Person, Person.id == Mentor.person_id)
            .where(Mentor.cycle_id == cycle.id, Mentor.kind == MentorKind.EMPLOYER, _SAID.in_(list(loose)))
            .distinct()
        )
    )
    known: dict[int, Offer] = {}
    new: dict[str, list[tuple[int, str]]] = {}
    for name, count in loose.items():
        key = rules.name_key(name)
        if key in kept:
            employer_id, shown = kept[key]
            before = known[employer_id].mentors if employer_id in known else 0
            known[employer_id] = Offer(shown, before + count, employer_id)
        elif key and name in of_employers:
            new.setdefault(key, []).append((count, name))
    found = [Offer(max(spelled)[1], sum(count for count, _name in spelled), None) for spelled in new.values()]
    return sorted(known.values(), key=lambda offer: rules.name_key(offer.name)) + sorted(
        found, key=lambda offer: (-offer.mentors, rules.name_key(offer.name))
    )


def tie(session: Session, viewer: Viewer, day: date, employer_id: int, mentor_ids: Iterable[int]) -> int:
    """Tie mentors of the course to an organisation, whatever they were tied to; says how many are so now.

    Raises NotFoundError for somebody of elsewhere, NobodyChosenError, NoCycleError.
    """
    employer = find(session, viewer, employer_id)
    wanted = sorted(set(mentor_ids))
    if not wanted:
        raise NobodyChosenError
    mentors = list(session.scalars(_mentors_here(viewer, _cycle(session, viewer, day)).where(Mentor.id.in_(wanted))))
    if len(mentors) != len(wanted):
        raise NotFoundError
    for mentor in mentors:
        _tie_one(session, viewer, mentor, employer.id)
    session.flush()
    return len(mentors)


def set_employer(session: Session, viewer: Viewer, day: date, person_id: int, employer_id: int | None) -> None:
    """Say of a mentor of the course which organisation they are from; none: from none.

    Raises NotFoundError, NoCycleError.
    """
    mentor = session.scalar(_mentors_here(viewer, _cycle(session, viewer, day)).where(Mentor.person_id == person_id))
    if mentor is None:
        raise NotFoundError
    _tie_one(session, viewer, mentor, None if employer_id is None else find(session, viewer, employer_id).id)
    session.flush()


def set_employers(session: Session, viewer: Viewer, wanted: Mapping[Mentor, int]) -> None:
    """Say of many mentors of the course which organisation each is from, in as many statements as of one.

    Raises NotFoundError for an organisation of elsewhere.
    """
    ours = set(session.scalars(select(Employer.id).where(Employer.platform_id == viewer.platform_id)))
    if not ours.issuperset(wanted.values()):
        raise NotFoundError
    tied: dict[int, list[str]] = {}
    for mentor, employer_id in wanted.items():
        if mentor.employer_id != employer_id:
            mentor.employer_id = employer_id
            tied.setdefault(employer_id, []).append(f"mentor:{mentor.id}")
    session.flush()
    for employer_id, subjects in tied.items():
        audit.record_all(
            session,
            "mentor.employer",
            subjects,
            platform_id=viewer.platform_id,
            course_id=viewer.course_id,
            actor_id=viewer.person_id,
            employer=employer_id,
        )


def _cycle(session: Session, viewer: Viewer, day: date) -> Cycle:
    cycle = programme.find_cycle(session, viewer.platform_id, day)
    if cycle is None:
        raise NoCycleError
    return cycle


def _tie_one(session: Session, viewer: Viewer, mentor: Mentor, employer_id: int | None) -> None:
    if mentor.employer_id == employer_id:
        return
    mentor.employer_id = employer_id
    audit.record(
        session,
        "mentor.employer",
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        actor_id=viewer.person_id,
        subject=f"mentor:{mentor.id}",
        employer=employer_id,
    )


def that_gave_mentors(session: Session, cycle_id: int, course_id: int | None = None) -> set[int]:
    """Ids of organisations that gave a mentor in a school year: one of theirs has been taken into the base.

    The numerator of indicator E4 («…вошедших в программу наставничества, предоставив своих наставников»); how many
    organisations the region has is entered, not counted. With a course: by mentors who are its active members.
    """
    query = select(Mentor.employer_id).where(
        Mentor.cycle_id == cycle_id, Mentor.employer_id.is_not(None), Mentor.state == MentorState.READY
    )
    if course_id is not None:
        here = select(Membership.person_id).where(Membership.course_id == course_id, Membership.active)
        query = query.where(Mentor.person_id.in_(here))
    return {found for found in session.scalars(query.distinct()) if found is not None}


# --- steps that several of the above share ------------------------------------------------------------------------


def _told(facts: Facts) -> dict[str, Any]:
    return {name: getattr(facts, name) for name in type(facts).__dataclass_fields__}


def _set(row: Employer | EmployerContact | Agreement, facts: Facts) -> list[str]:
    """Names of the fields that change by it."""
    changed = [name for name, value in _told(facts).items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, getattr(facts, name))
    return changed


def _fitting(field: str, text: str, most: int) -> str:
    # PostgreSQL takes no NUL, and no text of people's has one.
    text = text.replace("\0", "")
    if len(text) > most:
        raise errors.TooLongError(field, most=most, count=len(text))
    return text


def _part(session: Session, viewer: Viewer, table: type[T], employer_id: int, part_id: int) -> T:
    found = session.scalar(
        select(table)
        .join(Employer, Employer.id == table.employer_id)
        .where(table.id == part_id, Employer.id == employer_id, Employer.platform_id == viewer.platform_id)
    )
    if found is None:
        raise NotFoundError
    return found


def _record(session: Session, viewer: Viewer, action: str, employer_id: int, **details: Any) -> None:
    audit.record(
        session,
        action,
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        actor_id=viewer.person_id,
        subject=f"employer:{employer_id}",
        **details,
    )
