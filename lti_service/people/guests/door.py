"""The guests' door: who may come in with which code, or with the browser that used one, and the right answer.

Whatever is wrong, the door says the same and takes about as long: one slow hash is computed in any case. A try is
counted before its answer is looked at, so that many at once are no more than the few that are allowed.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import String, cast, select
from sqlalchemy.orm import Session
from werkzeug.security import check_password_hash, generate_password_hash

from lti_service import audit
from lti_service.access import Role, Viewer
from lti_service.db import now
from lti_service.people.guests import letters, rules
from lti_service.people.guests.models import GuestAccess
from lti_service.people.guests.rules import AccessAction, AccessState
from lti_service.people.models import Membership
from lti_service.platforms import secrets as vault
from lti_service.platforms.models import Course, Platform, PlatformState

SLOW = "scrypt:16384:8:1"
"""Some 40 ms and 16 MB an answer."""
IS_GUEST = cast(Membership.roles, String).contains(f'"{Role.GUEST.value}"')
"""Of a membership; roles are a short list in JSON."""


@dataclass(frozen=True, slots=True)
class Knock:
    """What somebody at the door holds: a code, or the secret that their browser got for one."""

    code: str | None = None
    device: str | None = None
    browser: str = ""
    """What tells this browser from others; empty: nothing."""


@dataclass(frozen=True, slots=True)
class Try:
    """A try that may be made: it is counted already."""

    access_id: int
    answer: str
    """What the right answer's hash is, encrypted."""
    number: int
    """Which try it is since the last right answer."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody has come in."""

    person_id: int
    platform_id: int
    course_id: int
    device: str
    """The secret for their browser."""
    device_hash: str
    expires_at: datetime


# --- coming in ----------------------------------------------------------------------------------------------------


def begin_try(session: Session, knock: Knock) -> Try | None:
    """Count a try and say what answer it needs; None: there is nothing to try, which the visitor is not told."""
    access = _find(session, knock)
    if access is None:
        return None
    if rules.is_locked(access.failures):
        return None
    access.failures += 1
    return Try(access.id, access.answer, access.failures)


def is_right(tried: Try | None, answer: str) -> bool:
    """Whether the answer is the one that was agreed on; as slow when there is nothing to compare it with."""
    kept = vault.decrypt(tried.answer) if tried else _nobodys()
    return check_password_hash(kept, rules.answer_key(answer)) and tried is not None


def end_try(session: Session, knock: Knock, tried: Try | None, right: bool, key: str) -> Entry | None:
    """Let them in whose answer was right, unless things have changed meanwhile.

    A right answer wins over the count, in whatever order tries that were made at once come to their end: each of them
    was one of the few that are allowed.

    `key` is the service's own secret, from which the browser's is made: the same code in the same browser gives the
    same one, so that an answer lost on the way does no harm.
    """
    access = _find(session, knock) if tried else None
    if tried is None or access is None or access.id != tried.access_id:
        audit.record(session, "guest.refused")
        return None
    course = session.get_one(Course, access.course_id)
    if not right:
        _record(session, access, course, "guest.wrong-answer", failures=tried.number)
        if rules.is_locked(tried.number) and rules.is_locked(access.failures):
            _record(session, access, course, "guest.locked")
        return None
    access.failures = 0
    device = knock.device or ""
    if knock.code:
        device = _device_of(key, knock)
        if access.state is AccessState.INVITED:
            access.state = rules.MOVES[access.state][AccessAction.ACTIVATE]
            access.activated_at = now()
            access.bound_hash = hash_of(knock.browser) if knock.browser else ""
            access.device_hash = hash_of(device)
            letters.forget(access)
            _record(session, access, course, "guest.activated")
    _record(session, access, course, "guest.came-in")
    session.flush()
    assert access.device_hash is not None
    return Entry(access.person_id, course.platform_id, course.id, device, access.device_hash, access.expires_at)


def _find(session: Session, knock: Knock) -> GuestAccess | None:
    """The access that this opens now, locked; None: there is none, or it stays shut."""
    if knock.code:
        held = GuestAccess.code_hash == hash_of(knock.code)
    elif knock.device:
        held = GuestAccess.device_hash == hash_of(knock.device)
    else:
        return None
    moment = now()
    access = session.scalar(
        select(GuestAccess)
        .join(
            Membership,
            (Membership.person_id == GuestAccess.person_id) & (Membership.course_id == GuestAccess.course_id),
        )
        .join(Course, Course.id == GuestAccess.course_id)
        .join(Platform, Platform.id == Course.platform_id)
        .where(
            held,
            GuestAccess.expires_at > moment,
            Membership.active,
            IS_GUEST,
            Platform.state == PlatformState.ACTIVE,
        )
        .with_for_update(of=GuestAccess)
        .execution_options(populate_existing=True)
    )
    if access is None:
        return None
    if not knock.code:
        return access if access.state is AccessState.OPEN else None
    if access.state is AccessState.INVITED:
        return access if access.code_until is not None and access.code_until > moment else None
    return access if _is_again(access, knock, moment) else None


def _is_again(access: GuestAccess, knock: Knock, moment: datetime) -> bool:
    """Whether the browser that used the code comes with it again at once: what it was sent did not arrive."""
    return (
        access.state is AccessState.OPEN
        and bool(access.bound_hash)
        and hmac.compare_digest(access.bound_hash, hash_of(knock.browser))
        and access.activated_at is not None
        and moment < access.activated_at + rules.GRACE
    )


def _device_of(key: str, knock: Knock) -> str:
    told = f"guest-device:{knock.code}:{knock.browser}"
    return hmac.new(key.encode(), told.encode(), hashlib.sha256).hexdigest()


# --- once inside --------------------------------------------------------------------------------------------------


def record_view(session: Session, viewer: Viewer, **details: Any) -> None:
    """Keep that a guest has looked, and at whom."""
    access = session.scalar(
        select(GuestAccess)
        .where(GuestAccess.person_id == viewer.person_id, GuestAccess.course_id == viewer.course_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if access is None:
        return
    access.views += 1
    access.last_seen_at = now()
    audit.record(
        session,
        "guest.viewed",
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        actor_id=viewer.person_id,
        subject=f"guest:{access.id}",
        **details,
    )


# --- secrets ------------------------------------------------------------------------------------------------------


def hash_of(secret: str) -> str:
    """What tables keep of a secret that nobody can guess."""
    return hashlib.sha256(secret.encode()).hexdigest()


def kept_answer(answer: str) -> str:
    """What the table keeps of an answer, which somebody might guess: a slow hash, encrypted."""
    return vault.encrypt(generate_password_hash(rules.answer_key(answer), method=SLOW))


@cache
def _nobodys() -> str:
    return generate_password_hash("nobody's answer", method=SLOW)


def _record(session: Session, access: GuestAccess, course: Course, action: str, **details: Any) -> None:
    audit.record(
        session,
        action,
        platform_id=course.platform_id,
        course_id=course.id,
        actor_id=access.person_id,
        subject=f"guest:{access.id}",
        **details,
    )
