"""Visits: begun by a verified launch, found again by a cookie, ended by time."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, Table, bindparam, delete, insert, select
from sqlalchemy.orm import Session

from lti_service.db import UtcDateTime, now
from lti_service.entrance.models import Visit
from lti_service.lti.launch import Launch
from lti_service.lti.roles import is_administrator
from lti_service.people import arrivals
from lti_service.people.models import Person
from lti_service.platforms import outgoing
from lti_service.platforms.models import Platform, PlatformState

# Built once, for every request runs them.
_BEGIN = insert(cast(Table, Visit.__table__))
_FIND = (
    select(Visit.person_id, Visit.platform_id, Visit.is_admin, Visit.locale, Platform.issuer, Person)
    .join(Platform, Platform.id == Visit.platform_id)
    .join(Person, Person.id == Visit.person_id)
    .where(
        Visit.token_hash == bindparam("token"),
        Visit.expires_at > bindparam("moment", type_=UtcDateTime),
        Platform.state == PlatformState.ACTIVE,
    )
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """What the browser needs after a launch: its secret, and the course whose home page it goes to."""

    token: str
    person_id: int
    course_id: int | None
    locale: str
    for_user_id: str


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who a visit's cookie stands for."""

    person_id: int
    platform_id: int
    platform_origin: str
    is_admin: bool
    locale: str
    name: str


def begin(session: Session, launch: Launch, lifetime: timedelta) -> Arrival:
    """Remember who came and begin a visit with a new secret; the cookie holds it, the table only its hash."""
    person, course = arrivals.remember(session, launch)
    session.flush()
    token = secrets.token_urlsafe(32)
    moment = now()
    locale = "en" if launch.locale.lower().startswith("en") else "ru"
    session.execute(
        _BEGIN,
        {
            "token_hash": _hash(token),
            "platform_id": launch.platform_id,
            "person_id": person.id,
            "is_admin": is_administrator(launch.roles),
            "locale": locale,
            "created_at": moment,
            "expires_at": moment + lifetime,
        },
    )
    return Arrival(token, person.id, course.id if course else None, locale, launch.for_user_id)


def find(session: Session, token: str) -> Visitor | None:
    """Who the secret stands for; None when the visit has ended or the platform is no longer active."""
    row = session.execute(_FIND, {"token": _hash(token), "moment": now()}).first()
    if row is None:
        return None
    person_id, platform_id, is_admin, locale, issuer, person = row
    return Visitor(person_id, platform_id, outgoing.origin(issuer), is_admin, locale, person.spoken_name)


def purge(session: Session, before: datetime) -> int:
    """Delete visits that ended before `before`; says how many."""
    result: CursorResult[Any] = session.execute(delete(Visit).where(Visit.expires_at < before))  # type: ignore[assignment]
    return result.rowcount


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
