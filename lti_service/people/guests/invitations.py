"""What curators do with the accesses of guests: invite, renew, prolong, withdraw, and see who came and when."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_service import audit, mail
from lti_service.access import Viewer
from lti_service.audit import AuditEvent
from lti_service.db import now
from lti_service.people.consents import service as consents
from lti_service.people.guests import door, errors, labels, letters, rules
from lti_service.people.guests import service as guests
from lti_service.people.guests.models import GuestAccess
from lti_service.people.guests.rules import AccessAction, AccessState, Factor, MailState, Standing
from lti_service.people.models import Person
from lti_service.programme import service as programme

SHOWN_EVENTS = 30
"""Of a guest's own doings, on their page; the administrator's trail has all."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a curator and a guest have agreed on."""

    factor: Factor
    until: date
    """The last day."""
    question: str = ""
    """Of a word: what it is the answer to."""
    answer: str = ""
    after: str | None = None
    """`stamp` of the access as the curator saw it: the same form sent twice must not kill the code just printed. None:
    whatever it is."""


def stamp(access: GuestAccess | None) -> str:
    """What tells one invitation of somebody from the next."""
    return access.invited_at.isoformat() if access else ""


# --- inviting -----------------------------------------------------------------------------------------------------


def invite(session: Session, viewer: Viewer, person_id: int, terms: Terms, today: date) -> str:
    """Give somebody from outside an access to the course, or a new code for theirs; returns the code.

    It is kept nowhere: shown now or never. What opened before, opens no more. Raises NotFoundError,
    NotFromOutsideError, errors of the fields.
    """
    return _renew(session, viewer, person_id, terms, today, "print")[1]


Compose = Callable[[GuestAccess, str], tuple[str, str]]
"""Subject and text of a letter that tells of an access and its code."""


def invite_by_mail(
    session: Session, viewer: Viewer, person_id: int, terms: Terms, today: date, compose: Compose
) -> GuestAccess:
    """The same, with the code in a letter that a worker sends; until it has left, it is kept, encrypted.

    Raises NoMailError, NoAddressError besides.
    """
    if not mail.is_set():
        raise errors.NoMailError
    if not guests.of_course(session, viewer.course_id, person_id).email:
        raise errors.NoAddressError
    access, code = _renew(session, viewer, person_id, terms, today, "mail")
    letters.put(access, *compose(access, code))
    session.flush()
    return access


def _renew(
    session: Session, viewer: Viewer, person_id: int, terms: Terms, today: date, way: str
) -> tuple[GuestAccess, str]:
    person = guests.of_course(session, viewer.course_id, person_id, lock=True)
    question, answer = _checked(person, terms)
    expires_at = _end_of(terms.until, today, viewer.time_zone)
    code = rules.code_of(secrets.randbelow(rules.CODES))
    moment = now()
    access = _access(session, viewer, person.id)
    if terms.after is not None and terms.after != stamp(access):
        raise errors.InvitedMeanwhileError
    if access is None:
        access = GuestAccess(course_id=viewer.course_id, person_id=person.id, state=AccessState.INVITED)
        session.add(access)
    else:
        access.state = _moved(access, AccessAction.RENEW)
    access.code_hash, access.code_until = door.hash_of(code), moment + rules.CODE_LIFE
    access.bound_hash, access.device_hash = "", None
    access.factor, access.question, access.answer = terms.factor, question, door.kept_answer(answer)
    access.failures, access.activated_at = 0, None
    access.expires_at, access.invited_at, access.invited_by = expires_at, moment, viewer.person_id
    letters.forget(access)
    access.mail_state, access.mail_error = MailState.NONE, ""
    session.flush()
    _record(session, viewer, access, "guest.invited", way=way, factor=terms.factor.value, until=terms.until.isoformat())
    return access, code


def _checked(person: Person, terms: Terms) -> tuple[str, str]:
    """The question and the answer. Raises errors of the fields."""
    if terms.factor is Factor.PHONE:
        answer = rules.phone_answer(person.phone)
        if not answer:
            raise errors.NoPhoneError
        return "", answer
    question = " ".join(terms.question.replace("\0", "").split())[: rules.LONGEST_QUESTION]
    if not question:
        raise errors.QuestionMissingError
    answer = rules.answer_key(terms.answer)
    if len(answer) < rules.SHORTEST_ANSWER:
        raise errors.AnswerTooShortError(least=rules.SHORTEST_ANSWER)
    if answer in rules.answer_key(question):
        raise errors.AnswerInQuestionError
    return question, answer


def _end_of(until: date, today: date, time_zone: str) -> datetime:
    """The moment after a day's end where the college is. Raises AccessDayError."""
    if not today <= until <= today + rules.LONGEST:
        raise errors.AccessDayError
    return datetime.combine(until + timedelta(days=1), time(), ZoneInfo(time_zone))


def last_day(access: GuestAccess, time_zone: str) -> date:
    """The last day of an access, where the college is."""
    return (access.expires_at - timedelta(seconds=1)).astimezone(ZoneInfo(time_zone)).date()


def standing_of(access: GuestAccess | None) -> Standing:
    """How an access stands now."""
    if access is None:
        return Standing.NONE
    return rules.standing(access.state, access.failures, access.expires_at, access.code_until, now())


# --- what becomes of it -------------------------------------------------------------------------------------------


def withdraw(session: Session, viewer: Viewer, person_id: int) -> None:
    """Take the access away: whoever is inside is out at their next request.

    Raises NotFoundError, NotFromOutsideError, NoAccessYetError, AccessMoveError.
    """
    access = _kept(session, viewer, person_id)
    access.state = _moved(access, AccessAction.WITHDRAW)
    access.code_hash = access.code_until = access.device_hash = None
    letters.forget(access)
    session.flush()
    _record(session, viewer, access, "guest.withdrawn")


def prolong(session: Session, viewer: Viewer, person_id: int, until: date, today: date) -> None:
    """Let the access last to another day, a later or an earlier one. Raises AccessDayError, and as `withdraw`."""
    access = _kept(session, viewer, person_id)
    expires_at = _end_of(until, today, viewer.time_zone)
    access.state = _moved(access, AccessAction.PROLONG)
    if access.expires_at != expires_at:
        access.expires_at = expires_at
        session.flush()
        _record(session, viewer, access, "guest.prolonged", until=until.isoformat())


def _kept(session: Session, viewer: Viewer, person_id: int) -> GuestAccess:
    access = _access(session, viewer, guests.of_course(session, viewer.course_id, person_id).id)
    if access is None:
        raise errors.NoAccessYetError
    return access


def _access(session: Session, viewer: Viewer, person_id: int) -> GuestAccess | None:
    """The access to the viewer's course, locked; two first invitations at once come one after the other."""
    session.execute(select(Person.id).where(Person.id == person_id).with_for_update(key_share=True))
    return session.scalar(
        select(GuestAccess)
        .where(GuestAccess.course_id == viewer.course_id, GuestAccess.person_id == person_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def _moved(access: GuestAccess, action: AccessAction) -> AccessState:
    after = rules.MOVES[access.state].get(action)
    if after is None:
        raise errors.AccessMoveError(state=labels.STANDINGS[Standing(access.state.value)])
    return after


# --- one guest ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GuestPage:
    """Everything that the page of one guest shows."""

    person: Person
    access: GuestAccess | None
    standing: Standing
    until: date | None
    has_consent: bool
    """To the processing of their own personal data; without it no pair is proposed."""
    invited_by: str
    events: list[AuditEvent]
    """What the guest did here, the newest first; `SHOWN_EVENTS` at most."""
    event_count: int
    usual_end: date


def page_of(session: Session, viewer: Viewer, person_id: int, today: date) -> GuestPage:
    """The page of one guest of the course. Raises NotFoundError, NotFromOutsideError."""
    person = guests.of_course(session, viewer.course_id, person_id)
    found = session.execute(
        select(GuestAccess, Person)
        .outerjoin(Person, Person.id == GuestAccess.invited_by)
        .where(GuestAccess.course_id == viewer.course_id, GuestAccess.person_id == person.id)
    ).first()
    access, inviter = (found[0], found[1]) if found else (None, None)
    theirs = (
        AuditEvent.platform_id == viewer.platform_id,
        AuditEvent.course_id == viewer.course_id,
        AuditEvent.actor_id == person.id,
    )
    return GuestPage(
        person=person,
        access=access,
        standing=standing_of(access),
        until=last_day(access, viewer.time_zone) if access else None,
        has_consent=consents.is_valid(session, person.id, today),
        invited_by=inviter.name if inviter else "",
        events=list(
            session.scalars(select(AuditEvent).where(*theirs).order_by(AuditEvent.id.desc()).limit(SHOWN_EVENTS))
        ),
        event_count=session.scalar(select(func.count()).select_from(AuditEvent).where(*theirs)) or 0,
        usual_end=rules.usual_end(programme.school_year(today)),
    )


def _record(session: Session, viewer: Viewer, access: GuestAccess, action: str, **details: Any) -> None:
    audit.record(
        session,
        action,
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        actor_id=viewer.person_id,
        subject=f"guest:{access.id}",
        **details,
    )
