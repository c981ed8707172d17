"""What a launch tells about a person, the course and their place in it, remembered; and who that makes them."""

from typing import Any, cast

from sqlalchemy import Connection, FromClause, Table, and_, bindparam, select
from sqlalchemy.orm import Session

from lti_service import db, queue
from lti_service.access import Role, Viewer
from lti_service.db import now
from lti_service.lti.launch import Launch
from lti_service.lti.roles import course_roles, is_administrator
from lti_service.people.models import Membership, Person
from lti_service.people.names import search_key, spoken
from lti_service.people.privacy import identities
from lti_service.platforms.models import Course, Platform
from lti_service.prepared import Prepared

PERSON_LIMITS = {"given_name": 200, "family_name": 200, "email": 320, "idnumber": 255}
COURSE_LIMITS = {"title": 400, "label": 200, "activity_title": 400, "lineitems_url": 600, "memberships_url": 600}
"""Characters that the columns hold of what a launch tells."""

# Built once, for every launch and every request runs them; on tables, for a row costs a third of what an object does.
_platforms, _courses = cast(Table, Platform.__table__), cast(Table, Course.__table__)
_persons, _memberships = cast(Table, Person.__table__), cast(Table, Membership.__table__)
_IS_THEIRS = and_(_memberships.c.course_id == _courses.c.id, _memberships.c.person_id == _persons.c.id)
_KNOWN = Prepared(
    select(
        _persons.c.id.label("person_id"),
        *(_persons.c[name] for name in PERSON_LIMITS),
        _persons.c.corrected,
        _persons.c.withheld,
        _courses.c.id.label("course_id"),
        *(_courses.c[name] for name in COURSE_LIMITS),
        _memberships.c.id.label("membership_id"),
        _memberships.c.roles,
        _memberships.c.moodle_roles,
        _memberships.c.active,
    )
    .select_from(_platforms)
    .outerjoin(_persons, and_(_persons.c.platform_id == _platforms.c.id, _persons.c.moodle_id == bindparam("user")))
    .outerjoin(_courses, and_(_courses.c.platform_id == _platforms.c.id, _courses.c.moodle_id == bindparam("context")))
    .outerjoin(_memberships, _IS_THEIRS)
    .where(_platforms.c.id == bindparam("platform"))
)
VIEWER_COLUMNS = (
    _persons.c.id.label("person_id"),
    _persons.c.platform_id,
    _persons.c.moodle_id,
    _persons.c.family_name,
    _persons.c.given_name,
    _persons.c.withheld,
    _courses.c.id.label("course_id"),
    _courses.c.title,
    _courses.c.activity_title,
    _platforms.c.time_zone,
    _memberships.c.roles,
    _memberships.c.active,
    _memberships.c.appointed,
)
"""What `viewer_of` reads; of rows that come `from_person` with the parameter `course`."""


def from_person(before: Table | None = None, joined_on: Any = None) -> FromClause:
    """The person, their platform, the course of the parameter `course` and their membership there.

    `before`: what is joined to the person, with its condition.
    """
    start: FromClause = _persons if before is None else before.join(_persons, joined_on)
    return (
        start.join(_platforms, _platforms.c.id == _persons.c.platform_id)
        .outerjoin(
            _courses, and_(_courses.c.platform_id == _persons.c.platform_id, _courses.c.id == bindparam("course"))
        )
        .outerjoin(_memberships, _IS_THEIRS)
    )


_VIEWER = Prepared(select(*VIEWER_COLUMNS).select_from(from_person()).where(_persons.c.id == bindparam("person")))


# --- what a launch tells ------------------------------------------------------------------------------------------


def remember(connection: Connection, launch: Launch) -> tuple[int, int | None]:
    """Keep what the launch tells, writing only what changed; the ids of the person and of the course.

    There is no course when it was opened outside one. Roles read from the web service are better than a launch's
    (Moodle calls a tutor Instructor here and Learner there), so they are left alone; an inactive membership becomes
    active, for whoever launches is enrolled.

    Of somebody whose data were erased nothing is kept but that they came: they are asked on their home page whether
    they want to be known again.
    """
    person, course = _told_of_person(launch), _told_of_course(launch)
    known = _known(connection, launch)
    is_erased = known.person_id is None and bool(
        identities.erased_among(connection, launch.platform_id, [launch.user_id])
    )
    if known.withheld or is_erased:
        person = {}
    if known.person_id is None or (course and known.course_id is None):
        # Two first launches at once: the second finds what the first has made.
        if known.person_id is None:
            names = search_key(person.get("family_name", ""), person.get("given_name", ""))
            row = {"platform_id": launch.platform_id, "moodle_id": launch.user_id, "updated_at": now()}
            row["withheld"] = is_erased
            db.add_missing(connection, Person, {**row, **person, "search_name": names})
        if course and known.course_id is None:
            row = {"platform_id": launch.platform_id, "moodle_id": launch.context_id}
            db.add_missing(connection, Course, {**row, **course})
        known = _known(connection, launch)
    if known.corrected:
        # A curator knows better; what Moodle says meanwhile the next sync tells.
        person = {name: value for name, value in person.items() if name not in known.corrected}
    _update(connection, Person, known.person_id, known, person)
    if not course:
        return known.person_id, None
    _update(connection, Course, known.course_id, known, course)
    if not is_administrator(launch.roles):
        _enrol(connection, launch, known)
    return known.person_id, known.course_id


def _known(connection: Connection, launch: Launch) -> Any:
    keys = {"platform": launch.platform_id, "user": launch.user_id, "context": launch.context_id}
    return _KNOWN.one(connection, keys)


def _told_of_person(launch: Launch) -> dict[str, str]:
    """What the launch says; a platform's privacy setting may leave things out: what is known already stays."""
    told = {"email": launch.email, "idnumber": launch.idnumber}
    told = {name: value for name, value in told.items() if value}
    given, family = launch.given_name, launch.family_name
    if not given and not family:
        given = launch.full_name
    if given or family:
        told |= {"given_name": given, "family_name": family}
    return {name: value[: PERSON_LIMITS[name]] for name, value in told.items()}


def _told_of_course(launch: Launch) -> dict[str, str]:
    """What the launch says; nothing when it was opened outside a course."""
    if not launch.context_id:
        return {}
    told = {
        "label": launch.context_label,
        "activity_title": launch.link_title,
        "lineitems_url": launch.lineitems_url,
        "memberships_url": launch.memberships_url,
    }
    told = {name: value[: COURSE_LIMITS[name]] for name, value in told.items() if value}
    return {"title": launch.context_title[: COURSE_LIMITS["title"]], **told}


def _update(
    connection: Connection, table: type[Person] | type[Course], key: int, known: Any, told: dict[str, str]
) -> None:
    changed = {name: value for name, value in told.items() if getattr(known, name) != value}
    if not changed:
        return
    with db.mapped(connection) as session:
        row = session.get_one(table, key)
        for name, value in changed.items():
            setattr(row, name, value)
        if isinstance(row, Person):
            row.updated_at = now()


def _enrol(connection: Connection, launch: Launch, known: Any) -> None:
    # Whoever has not said that they want to be known again is on no list of students or teachers.
    roles = [] if known.withheld else [role.value for role in course_roles(launch.roles)]
    if known.membership_id is None:
        keys = {"course_id": known.course_id, "person_id": known.person_id}
        db.add_missing(connection, Membership, {**keys, "roles": roles, "active": True})
        return
    if known.active and (known.moodle_roles or known.roles == roles):
        return
    with db.mapped(connection) as session:
        membership = session.get_one(Membership, known.membership_id)
        if not membership.active:
            membership.active, membership.listed = True, False
            membership.moodle_roles, membership.roster_role = [], ""
            queue.mark_due(session, known.course_id)
        membership.roles = roles


# --- who that makes them ------------------------------------------------------------------------------------------


def viewer_in(of: Session | Connection, person_id: int, course_id: int, is_admin: bool) -> Viewer | None:
    """Who somebody is in a course, asked anew at each request; None when the course is not theirs to enter."""
    row = _VIEWER.first(of, {"person": person_id, "course": course_id})
    return None if row is None else viewer_of(row, is_admin)


def viewer_of(row: Any, is_admin: bool) -> Viewer | None:
    """The viewer that a row of `VIEWER_COLUMNS` tells of; None when the course is not theirs to enter.

    A site administrator may enter every course of their own platform.
    """
    if row.course_id is None:
        return None
    held = {Role(role) for role in row.roles or []} if row.active else set()
    if row.active and row.appointed:
        held.add(Role.CURATOR)
    if row.withheld:
        # Until they say that they want to be known again they are nothing here: no base takes them.
        held = set()
    if is_admin:
        held.add(Role.ADMIN)
    elif not row.active:
        return None
    return Viewer(
        person_id=row.person_id,
        platform_id=row.platform_id,
        course_id=row.course_id,
        name=spoken(row.given_name, row.family_name, row.moodle_id),
        roles=frozenset(held),
        course_title=row.title,
        activity_title=row.activity_title,
        time_zone=row.time_zone,
        is_erased=row.withheld,
    )
