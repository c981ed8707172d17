"""Visits: begun by a verified launch, found again by a cookie, ended by time."""

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import cast

from sqlalchemy import Connection, Table, and_, bindparam, delete, insert, select
from sqlalchemy.orm import Session

from lti_service.access import Role, Viewer
from lti_service.db import UtcDateTime, now
from lti_service.entrance.models import Visit
from lti_service.lti.launch import Launch
from lti_service.lti.roles import is_administrator
from lti_service.people import arrivals
from lti_service.people.guests.door import Entry
from lti_service.people.guests.models import GuestAccess
from lti_service.people.guests.rules import MOST_FAILURES, AccessState
from lti_service.people.names import spoken
from lti_service.platforms import outgoing
from lti_service.platforms.models import Platform, PlatformState
from lti_service.prepared import Prepared

# Built once, for every request runs them.
_visits, _platforms = cast(Table, Visit.__table__), cast(Table, Platform.__table__)
_BEGIN = Prepared(insert(_visits))
_FIND = Prepared(
    select(_visits.c.is_admin, _visits.c.locale, _platforms.c.issuer, *arrivals.VIEWER_COLUMNS)
    .select_from(arrivals.from_person(_visits, arrivals.VIEWER_COLUMNS[0].element == _visits.c.person_id))
    .where(
        _visits.c.token_hash == bindparam("token"),
        _visits.c.expires_at > bindparam("moment", type_=UtcDateTime),
        _visits.c.guest_device.is_(None),
        _platforms.c.state == PlatformState.ACTIVE,
    )
)
_accesses = cast(Table, GuestAccess.__table__)
_FIND_GUEST = Prepared(
    select(_visits.c.locale, _accesses.c.course_id.label("own_course_id"), *arrivals.VIEWER_COLUMNS)
    .select_from(
        arrivals.from_person(_visits, arrivals.VIEWER_COLUMNS[0].element == _visits.c.person_id).join(
            _accesses,
            and_(
                _accesses.c.device_hash == _visits.c.guest_device,
                _accesses.c.person_id == _visits.c.person_id,
            ),
        )
    )
    .where(
        _visits.c.token_hash == bindparam("token"),
        _visits.c.expires_at > bindparam("moment", type_=UtcDateTime),
        _accesses.c.state == AccessState.OPEN,
        _accesses.c.failures < MOST_FAILURES,
        _accesses.c.expires_at > bindparam("moment", type_=UtcDateTime),
        _platforms.c.state == PlatformState.ACTIVE,
    )
)
GUEST_LIFE = timedelta(hours=1)
"""A guest's visit: long enough for a break, then the answer is asked again."""


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


def begin(connection: Connection, launch: Launch, lifetime: timedelta) -> Arrival:
    """Remember who came and begin a visit with a new secret; the cookie holds it, the table only its hash."""
    person_id, course_id = arrivals.remember(connection, launch)
    token = secrets.token_urlsafe(32)
    moment = now()
    locale = "en" if launch.locale.lower().startswith("en") else "ru"
    _BEGIN.write(
        connection,
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
    row = _FIND.first(session, {"token": _hash(token), "moment": now(), "course": course_id})
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


@dataclass(frozen=True, slots=True)
class Guest:
    """Whom a guest's cookie stands for."""

    course_id: int
    """The one course that is open to them."""
    locale: str
    viewer: Viewer | None
    """Who they are there; none: another course was asked for, or none, or they are no guest of it any more."""


def begin_guest(session: Session, entry: Entry, locale: str) -> str:
    """Begin a guest's visit with a new secret, which the cookie holds."""
    token = secrets.token_urlsafe(32)
    moment = now()
    _BEGIN.write(
        session,
        {
            "token_hash": _hash(token),
            "platform_id": entry.platform_id,
            "person_id": entry.person_id,
            "is_admin": False,
            "locale": locale,
            "created_at": moment,
            "expires_at": min(moment + GUEST_LIFE, entry.expires_at),
            "guest_device": entry.device_hash,
        },
    )
    return token


def find_guest(session: Session, token: str, course_id: int | None) -> Guest | None:
    """The guest whom the secret stands for; None when the visit or the access has ended, for whatever reason.

    In their own course they are a guest and nothing else, whatever else may be written of them.
    """
    row = _FIND_GUEST.first(session, {"token": _hash(token), "moment": now(), "course": course_id})
    if row is None:
        return None
    viewer = None
    if row.course_id == row.own_course_id and row.active and Role.GUEST in row.roles:
        viewer = arrivals.viewer_of(row, is_admin=False)
        viewer = replace(viewer, roles=frozenset({Role.GUEST})) if viewer else None
    return Guest(row.own_course_id, row.locale, viewer)


def end(session: Session, token: str) -> None:
    """End a visit before its time."""
    session.execute(delete(Visit).where(Visit.token_hash == _hash(token)))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
