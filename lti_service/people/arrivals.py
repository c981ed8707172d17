"""What a launch tells about a person, the course and their place in it, remembered; and who that makes them."""

from sqlalchemy import and_, bindparam, select
from sqlalchemy.orm import Session

from lti_service import queue
from lti_service.access import Role, Viewer
from lti_service.db import now
from lti_service.lti.launch import Launch
from lti_service.lti.roles import course_roles, is_administrator
from lti_service.people.models import Membership, Person
from lti_service.platforms.models import Course, Platform

# Built once, for every launch and every request runs them.
_KNOWN = (
    select(Person, Course, Membership)
    .select_from(Platform)
    .outerjoin(Person, and_(Person.platform_id == Platform.id, Person.moodle_id == bindparam("user")))
    .outerjoin(Course, and_(Course.platform_id == Platform.id, Course.moodle_id == bindparam("context")))
    .outerjoin(Membership, and_(Membership.course_id == Course.id, Membership.person_id == Person.id))
    .where(Platform.id == bindparam("platform"))
)
_VIEWER = (
    select(Person, Course, Platform.time_zone, Membership.roles, Membership.active)
    .join(Course, and_(Course.platform_id == Person.platform_id, Course.id == bindparam("course")))
    .join(Platform, Platform.id == Course.platform_id)
    .outerjoin(Membership, and_(Membership.course_id == Course.id, Membership.person_id == Person.id))
    .where(Person.id == bindparam("person"))
)


def remember(session: Session, launch: Launch) -> tuple[Person, Course | None]:
    """Keep what the launch tells, writing only what changed; no course when it was opened outside one.

    Roles read from the web service are better than a launch's (Moodle calls a tutor Instructor here and Learner
    there), so they are left alone; an inactive membership becomes active, for whoever launches is enrolled.
    """
    known = session.execute(
        _KNOWN, {"platform": launch.platform_id, "user": launch.user_id, "context": launch.context_id}
    ).first()
    person, course, membership = known or (None, None, None)
    person = _person(session, launch, person)
    if not launch.context_id:
        return person, None
    course = _course(session, launch, course)
    if not is_administrator(launch.roles):
        _membership(session, launch, person, course, membership)
    return person, course


def _person(session: Session, launch: Launch, person: Person | None) -> Person:
    if person is None:
        person = Person(platform_id=launch.platform_id, moodle_id=launch.user_id, updated_at=now())
        session.add(person)
    given, family = launch.given_name, launch.family_name
    if not given and not family:
        given = launch.full_name
    # A platform's privacy setting may leave names out: what is known already stays.
    told = {"given_name": given, "family_name": family, "email": launch.email, "idnumber": launch.idnumber}
    if not given and not family:
        told = {"email": launch.email, "idnumber": launch.idnumber}
    limits = {"given_name": 200, "family_name": 200, "email": 320, "idnumber": 255}
    changed = {
        name: value[: limits[name]]
        for name, value in told.items()
        if (value or name in ("given_name", "family_name")) and getattr(person, name) != value[: limits[name]]
    }
    if changed:
        for name, value in changed.items():
            setattr(person, name, value)
        person.updated_at = now()
    return person


def _course(session: Session, launch: Launch, course: Course | None) -> Course:
    if course is None:
        course = Course(platform_id=launch.platform_id, moodle_id=launch.context_id, title=launch.context_title)
        session.add(course)
    told = {
        "title": launch.context_title[:400],
        "label": launch.context_label[:200],
        "activity_title": launch.link_title[:400],
        "lineitems_url": launch.lineitems_url,
        "memberships_url": launch.memberships_url,
    }
    for name, value in told.items():
        if value and getattr(course, name) != value:
            setattr(course, name, value)
    return course


def _membership(
    session: Session, launch: Launch, person: Person, course: Course, membership: Membership | None
) -> None:
    roles = [role.value for role in course_roles(launch.roles)]
    if membership is None:
        session.flush()
        session.add(Membership(course_id=course.id, person_id=person.id, roles=roles, active=True))
        return
    if not membership.active:
        membership.active, membership.moodle_roles, membership.roles = True, [], roles
        queue.mark_due(session, course.id)
    elif not membership.moodle_roles and membership.roles != roles:
        membership.roles = roles


def viewer_in(session: Session, person_id: int, course_id: int, is_admin: bool) -> Viewer | None:
    """Who somebody is in a course, asked anew at each request; None when the course is not theirs to enter.

    A site administrator may enter every course of their own platform.
    """
    row = session.execute(_VIEWER, {"person": person_id, "course": course_id}).first()
    if row is None:
        return None
    person, course, time_zone, roles, active = row
    held = {Role(role) for role in roles or []} if active else set()
    if is_admin:
        held.add(Role.ADMIN)
    elif not active:
        return None
    return Viewer(
        person_id=person.id,
        platform_id=person.platform_id,
        course_id=course.id,
        name=person.spoken_name,
        roles=frozenset(held),
        course_title=course.title,
        activity_title=course.activity_title,
        time_zone=time_zone,
    )
