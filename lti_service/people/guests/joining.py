"""Somebody from outside has got a Moodle account: their records move to it, and the record without one goes.

Whatever table leads to them is followed by its foreign keys, so that nothing of any wing stays behind; what the two
records both have and cannot both keep stops it before anything is changed.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Column, Table, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lti_service import audit, personal, queue
from lti_service.access import Role, Viewer
from lti_service.audit import AuditEvent
from lti_service.db import Base, now
from lti_service.errors import NotFoundError
from lti_service.people.corrections.rules import corrections
from lti_service.people.guests import errors
from lti_service.people.guests import service as guests
from lti_service.people.guests.models import GuestAccess
from lti_service.people.models import ChosenForm, Membership, Mentee, MenteeState, Mentor, MentorState, Person
from lti_service.people.names import search_key

MOST_OFFERED = 20
"""Accounts that a search offers at once."""
APART = frozenset({"person", "membership", "mentor", "guest_access", "visit"})
"""Tables whose rows about the person are joined by a rule of their own, below."""
STAYING = frozenset({"person", "membership", "guest_access", "visit"})
"""Of these nothing moves: the account has its own, and the guest's door closes."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What joining would do; nothing is changed yet."""

    guest: Person
    account: Person
    moving: list[tuple[str, int]]
    """What kind of records, and how many of them move to the account."""
    both_mentors: bool
    """Both stand in a base of mentors of one school year: the two records become one, the guest's."""
    seen: str
    """What the curator has seen, to be sent with the confirmation."""


def accounts(session: Session, viewer: Viewer, search: str) -> list[tuple[Person, list[str]]]:
    """People of the course with a Moodle account whose name has these words, by name, with their roles."""
    words = search_key(search).split()
    if not words:
        return []
    found = session.execute(
        select(Person, Membership.roles)
        .join(Membership, Membership.person_id == Person.id)
        .where(
            Membership.course_id == viewer.course_id,
            Membership.active,
            Person.moodle_id.is_not(None),
            Person.erased_at.is_(None),
            *(Person.search_name.contains(word, autoescape=True) for word in words),
        )
        .order_by(Person.search_name, Person.id)
        .limit(MOST_OFFERED)
    )
    return [(person, roles) for person, roles in found]


def preview(session: Session, viewer: Viewer, guest_id: int, account_id: int) -> Preview:
    """What would move. Raises NotFoundError, NotFromOutsideError."""
    guest = guests.of_course(session, viewer.course_id, guest_id)
    account = _account(session, viewer, account_id)
    staying = {str(holding.title) for holding in personal.holdings() if holding.columns.name in STAYING}
    moving = [(going.title, going.rows) for going in personal.preview(session, guest.id) if going.title not in staying]
    years = select(Mentor.cycle_id).where(Mentor.person_id == guest.id)
    both = session.scalar(
        select(func.count(Mentor.id)).where(Mentor.person_id == account.id, Mentor.cycle_id.in_(years))
    )
    told = f"{guest.id}:{account.id}:{moving}:{both}"
    return Preview(guest, account, moving, bool(both), hashlib.sha256(told.encode()).hexdigest())


def join(session: Session, viewer: Viewer, guest_id: int, account_id: int, seen: str) -> Person:
    """Move everything to the account, and let the record without one go. Whoever is inside as a guest is out.

    Raises NotFoundError, NotFromOutsideError, PreviewStaleError when something has changed since the curator looked,
    JoinConflictError when both records have what only one may, AccountIsMenteeError.
    """
    _lock(session, guest_id, account_id)
    planned = preview(session, viewer, guest_id, account_id)
    if planned.seen != seen:
        raise errors.PreviewStaleError
    guest, account = planned.guest, planned.account
    with_mentor = select(Mentee.id).where(
        Mentee.person_id == account.id, Mentee.state.in_((MenteeState.PROPOSED, MenteeState.PAIRED))
    )
    if session.scalar(with_mentor.limit(1)) is not None:
        # Most likely somebody else of this name; and nobody may come to be their own mentor.
        raise errors.AccountIsMenteeError(name=account.name)
    moved: dict[str, int] = {}
    session.execute(delete(GuestAccess).where(GuestAccess.person_id == guest.id))
    _join_mentors(session, guest.id, account.id, moved)
    _join_memberships(session, guest.id, account.id)
    for table, column in _leading_to("person"):
        if table.name == "visit":
            session.execute(delete(table).where(column == guest.id))
        elif table.name not in APART or column.name != "person_id":
            _move(session, table, column, guest.id, account.id, moved)
    for name in ("phone", "email"):
        if not getattr(account, name):
            setattr(account, name, getattr(guest, name))
    _join_birth(guest, account)
    _join_trail(session, guest.id, account.id)
    session.flush()
    session.execute(delete(Person).where(Person.id == guest.id))
    for course_id in sorted(_courses_of(session, account.id)):
        queue.mark_due(session, course_id)
    audit.record(
        session,
        "outsider.joined",
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        actor_id=viewer.person_id,
        subject=f"person:{account.id}",
        was=guest.id,
        moved=moved,
    )
    session.flush()
    # What the session still holds of them is out of date.
    session.expire_all()
    return account


# --- steps --------------------------------------------------------------------------------------------------------


def _account(session: Session, viewer: Viewer, account_id: int) -> Person:
    account = session.scalar(
        select(Person)
        .join(Membership, Membership.person_id == Person.id)
        .where(
            Membership.course_id == viewer.course_id,
            Membership.active,
            Person.id == account_id,
            Person.moodle_id.is_not(None),
            Person.erased_at.is_(None),
        )
    )
    if account is None:
        raise NotFoundError
    return account


def _lock(session: Session, *person_ids: int) -> None:
    """Always in the same order, so that two transactions never wait for one another in a circle."""
    session.execute(select(Person.id).where(Person.id.in_(person_ids)).order_by(Person.id).with_for_update())
    session.execute(select(Mentor.id).where(Mentor.person_id.in_(person_ids)).order_by(Mentor.id).with_for_update())


def _join_mentors(session: Session, guest_id: int, account_id: int, moved: dict[str, int]) -> None:
    """The guest's record of a year stays, with the decisions and pairs on it; the account's goes into it."""
    own = {mentor.cycle_id: mentor for mentor in session.scalars(select(Mentor).where(Mentor.person_id == account_id))}
    kept = list(session.scalars(select(Mentor).where(Mentor.person_id == guest_id).order_by(Mentor.id)))
    for mentor in kept:
        other = own.get(mentor.cycle_id)
        if other is None:
            continue
        _fill(mentor, other)
        session.flush()
        if session.scalar(select(ChosenForm.id).where(ChosenForm.mentor_id == mentor.id).limit(1)):
            session.execute(delete(ChosenForm).where(ChosenForm.mentor_id == other.id))
        for table, column in _leading_to("mentor"):
            _move(session, table, column, other.id, mentor.id, {})
        session.execute(delete(Mentor).where(Mentor.id == other.id))
        session.expunge(other)
    for mentor in kept:
        mentor.person_id = account_id
    session.flush()
    if kept:
        moved["mentor"] = len(kept)


FILLED = ("strengths", "offer", "organisation", "experience", "experience_years", "times", "times_note", "employer_id")
"""What the account's record tells and the guest's does not, is taken over."""


def _fill(mentor: Mentor, other: Mentor) -> None:
    for name in FILLED:
        if not getattr(mentor, name):
            setattr(mentor, name, getattr(other, name))
    if not mentor.contact_way:
        mentor.contact_way, mentor.contact = other.contact_way, other.contact
    if other.state is MentorState.READY and mentor.state is not MentorState.READY:
        mentor.state, mentor.without_training = other.state, other.without_training
    mentor.capacity = max(mentor.capacity, other.capacity)


def _join_memberships(session: Session, guest_id: int, account_id: int) -> None:
    here = select(Membership.course_id).where(Membership.person_id == account_id)
    session.execute(
        delete(Membership)
        .where(Membership.person_id == guest_id, Membership.course_id.in_(here))
        .execution_options(synchronize_session=False)
    )
    # In a course where the account is not enrolled they are the employer's mentor that they were, no guest.
    session.execute(
        update(Membership)
        .where(Membership.person_id == guest_id)
        .values(person_id=account_id, roles=[Role.EMPLOYER.value])
        .execution_options(synchronize_session=False)
    )


def _join_birth(guest: Person, account: Person) -> None:
    """What the college knows of a birth date is kept where Moodle says nothing, also through the next load."""
    if account.birth_date is not None or guest.birth_date is None:
        return
    known, given = {"birth_date": None}, {"birth_date": guest.birth_date}
    account.birth_date = guest.birth_date
    account.corrected = corrections(known, given, account.corrected)
    account.updated_at = now()


def _leading_to(target: str) -> list[tuple[Table, Column[Any]]]:
    """Every column of every wing that is a foreign key of this table."""
    return [
        (table, key.parent)
        for table in Base.metadata.sorted_tables
        for key in sorted(table.foreign_keys, key=lambda key: key.parent.name)
        if key.column.table.name == target
    ]


def _move(session: Session, table: Table, column: Column[Any], was: int, becomes: int, moved: dict[str, int]) -> None:
    try:
        with session.begin_nested():
            rows = session.execute(update(table).where(column == was).values({column.name: becomes}))
    except IntegrityError as err:
        titles = {holding.columns.name: str(holding.title) for holding in personal.holdings()}
        raise errors.JoinConflictError(what=titles.get(table.name, table.name)) from err
    if count := cast(Any, rows).rowcount:
        moved[f"{table.name}.{column.name}"] = count


def _join_trail(session: Session, guest_id: int, account_id: int) -> None:
    """The trail says of the same human that it was they: who acted, and whom a look was at."""
    for statement in (
        update(AuditEvent).where(AuditEvent.actor_id == guest_id).values(actor_id=account_id),
        update(AuditEvent).where(AuditEvent.subject == f"person:{guest_id}").values(subject=f"person:{account_id}"),
    ):
        session.execute(statement.execution_options(synchronize_session=False))


def _courses_of(session: Session, person_id: int) -> set[int]:
    return set(session.scalars(select(Membership.course_id).where(Membership.person_id == person_id)))
