"""Visits: begun by a verified launch, found again by a cookie, ended by time."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from sqlalchemy import Table, bindparam, insert, select
from sqlalchemy.orm import Session

from lti_service import db
from lti_service.access import Viewer
from lti_service.db import UtcDateTime, now
from lti_service.entrance.models import Visit
from lti_service.lti.launch import Launch
from lti_service.lti.roles import is_administrator
from lti_service.people import arrivals
from lti_service.people.names import spoken
from lti_service.platforms import outgoing
from lti_service.platforms.models import Platform, PlatformState

# Built once, for every request runs them.
_visits, _platforms = cast(Table, Visit.__table__), cast(Table, Platform.__table__)
_BEGIN = insert(_visits)
_FIND = (
    select(_visits.c.is_admin, _visits.c.locale, _platforms.c.issuer, *arrivals.VIEWER_COLUMNS)
    .select_from(arrivals.from_person(_visits, arrivals.VIEWER_COLUMNS[0].element == _visits.c.person_id))
    .where(
        _visits.c.token_hash == bindparam("token"),
        _visits.c.expires_at > bindparam("moment", type_=UtcDateTime),
        _platforms.c.state == PlatformState.ACTIVE,
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
    viewer: Viewer | None
    """Who they are in the course that was asked for; none: no course, or it is not theirs to enter."""


def begin(session: Session, launch: Launch, lifetime: timedelta) -> Arrival:
    """Remember who came and begin a visit with a new secret; the cookie holds it, the table only its hash."""
    person_id, course_id = arrivals.remember(session, launch)
    token = secrets.token_urlsafe(32)
    moment = now()
    locale = "en" if launch.locale.lower().startswith("en") else "ru"
    db.execute(
        session,
        _BEGIN,
        {
            "token_hash": _hash(token),
            "platform_id": launch.platform_id,
            "person_id": person_id,
            "is_admin": is_administrator(launch.roles),
            "locale": locale,
            "created_at": moment,
            "expires_at": moment + lifetime,
        },
    )
    return Arrival(token, person_id, course_id, locale, launch.for_user_id)


def find(session: Session, token: str, course_id: int | None) -> Visitor | None:
    """Who the secret stands for, and what they are in the course of the address, asked anew at each request.

    None when the visit has ended or the platform is no longer active.
    """
    row = db.execute(session, _FIND, {"token": _hash(token), "moment": now(), "course": course_id}).first()
    if row is None:
        return None
    return Visitor(
        person_id=row.person_id,
        platform_id=row.platform_id,
        platform_origin=outgoing.origin(row.issuer),
        is_admin=row.is_admin,
        locale=row.locale,
        name=spoken(row.given_name, row.family_name, row.moodle_id),
        viewer=arrivals.viewer_of(row, row.is_admin),
    )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
