"""Letters with invitations: put down in the transaction of the invitation, sent by the worker, tried again, forgotten.

The table is the truth, the queue only wakes the worker.
"""

import json

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from lti_service import audit, db, mail
from lti_service.db import now
from lti_service.mail import Letter, MailError
from lti_service.people.guests import rules
from lti_service.people.guests.models import GuestAccess
from lti_service.people.guests.rules import MailState
from lti_service.platforms import secrets as vault
from lti_service.platforms.models import Course

log = structlog.get_logger(__name__)

AT_ONCE = 50
"""Letters that one run sends at most; the next minute's run takes the rest."""


def put(access: GuestAccess, subject: str, text: str) -> None:
    """Put a letter down, to be sent as soon as the transaction is through."""
    access.mail_state, access.mail_error, access.mail_tries = MailState.WAITING, "", 0
    access.letter, access.mail_try_at = vault.encrypt(json.dumps([subject, text])), now()


def forget(access: GuestAccess) -> None:
    """A letter that has not left is not to leave any more; what is told of one that has left stays."""
    if access.mail_state is MailState.WAITING:
        access.mail_state = MailState.NONE
    access.letter, access.mail_try_at = "", None


def send_due() -> int:
    """Send the letters that are due, each in steps of its own; says how many left."""
    sent = 0
    for _ in range(AT_ONCE):
        with db.new_session() as own, db.transaction(own) as session:
            access_id = _claim(session)
        if access_id is None:
            break
        sent += _send(access_id)
    return sent


def _claim(session: Session) -> int | None:
    """Take the letter that waits longest; if its sender dies, it is due again after the lease."""
    moment = now()
    access = session.scalar(
        select(GuestAccess)
        .where(GuestAccess.mail_state == MailState.WAITING, GuestAccess.mail_try_at <= moment)
        .order_by(GuestAccess.mail_try_at, GuestAccess.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if access is None:
        return None
    access.mail_tries += 1
    access.mail_try_at = moment + rules.LEASE
    return access.id


def _send(access_id: int) -> bool:
    with db.new_session() as session:
        access = session.scalar(
            select(GuestAccess).where(GuestAccess.id == access_id).options(joinedload(GuestAccess.person))
        )
        if access is None or not access.letter:
            return False
        kept, to = access.letter, access.person.email
    trouble: MailError | None = None
    try:
        if not to:
            raise MailError("no-address", "the person has no address any more", may_pass=False)
        subject, text = json.loads(vault.decrypt(kept))
        mail.send(Letter(to, subject, text))
    except MailError as err:
        trouble = err
        log.warning("letter not sent", access=access_id, code=err.code, detail=str(err))
    with db.new_session() as own, db.transaction(own) as session:
        _settle(session, access_id, kept, trouble)
    return trouble is None


def _settle(session: Session, access_id: int, kept: str, trouble: MailError | None) -> None:
    """Keep what became of the letter, unless another has taken its place meanwhile."""
    access = session.scalar(
        select(GuestAccess)
        .where(GuestAccess.id == access_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if access is None or access.letter != kept:
        return
    if trouble is not None and trouble.may_pass and access.mail_tries < rules.MOST_TRIES:
        access.mail_error = trouble.code
        access.mail_try_at = now() + rules.wait_before(access.mail_tries)
        return
    access.mail_state = MailState.SENT if trouble is None else MailState.FAILED
    access.mail_error = trouble.code if trouble else ""
    access.letter, access.mail_try_at = "", None
    course = session.get_one(Course, access.course_id)
    audit.record(
        session,
        "guest.mailed" if trouble is None else "guest.mail-failed",
        platform_id=course.platform_id,
        course_id=course.id,
        subject=f"guest:{access.id}",
        code=trouble.code if trouble else "",
    )
