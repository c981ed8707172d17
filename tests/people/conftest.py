"""What tests of people stand on: a course of the practice Moodle that is known here, and what a database was told."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_service.db import now
from lti_service.people import enrolments, service
from lti_service.people.models import Membership, Mentee, MenteeState, Mentor, MentorState, Person
from lti_service.platforms.models import Course, Platform, PlatformState
from lti_service.programme import service as programme
from lti_service.programme.models import Form, MenteeKind, MentorKind
from tests.pairs.conftest import come_in, world  # noqa: F401 - fixtures that pages of people need too
from tests.practice_moodle import PracticeMoodle


@pytest.fixture
def course(session: Session, platform: Platform) -> Course:
    """«Наставничество», the course with everybody, as a first launch leaves it: known, but never synced."""
    return a_course(session, platform, 2)


def a_course(session: Session, platform: Platform, moodle_id: int) -> Course:
    """A course that is known here by its Moodle id."""
    course = Course(platform_id=platform.id, moodle_id=str(moodle_id), title="Курс")
    session.add(course)
    session.commit()
    return course


@pytest.fixture
def synced(course: Course) -> Course:
    """The course with its people brought in."""
    enrolments.sync_course(course.id)
    return course


@pytest.fixture
def person_of(session: Session, moodle: PracticeMoodle) -> Callable[[str], Person]:
    """`person_of("student001")`: who this user of the practice Moodle is here, as they are now."""

    def find(username: str) -> Person:
        moodle_id = str(moodle.college.person(username).id)
        session.commit()  # what the session saw before may be out of date
        return session.scalars(
            select(Person).where(Person.moodle_id == moodle_id).execution_options(populate_existing=True)
        ).one()

    return find


def membership_of(session: Session, person: Person, course: Course) -> Membership:
    """A person's membership as it is now."""
    session.commit()
    return session.scalars(
        select(Membership)
        .where(Membership.person_id == person.id, Membership.course_id == course.id)
        .execution_options(populate_existing=True)
    ).one()


def mentee_of(session: Session, person: Person) -> Mentee | None:
    """A person's newest record as a mentee, as it is now."""
    session.commit()
    query = select(Mentee).where(Mentee.person_id == person.id).order_by(Mentee.id.desc())
    return session.scalars(query.execution_options(populate_existing=True)).first()


def mentor_of(session: Session, person: Person) -> Mentor | None:
    """A person's newest record as a mentor, as it is now."""
    session.commit()
    query = select(Mentor).where(Mentor.person_id == person.id).order_by(Mentor.id.desc())
    return session.scalars(query.execution_options(populate_existing=True)).first()


def writes(sent: list[str]) -> list[str]:
    """Those that change something."""
    return [statement for statement in sent if not statement.upper().startswith("SELECT")]


TODAY = date(2026, 11, 23)
"""The practice Moodle's own today, in the school year 2026/27."""


@pytest.fixture
def small(session: Session) -> "SmallCourse":
    """A course without any Moodle behind it: four students, a young teacher, a teacher and a curator."""
    return SmallCourse(session)


class SmallCourse:
    """A course with a handful of people whom a test names; `at` is its curator's desk."""

    def __init__(self, session: Session, name: str = "college") -> None:
        self.session = session
        self.platform = Platform(
            name=name,
            issuer=f"https://{name}.example.org",
            client_id="client",
            login_url="",
            token_url="",
            jwks_url="",
            state=PlatformState.ACTIVE,
            created_at=now(),
        )
        session.add(self.platform)
        session.flush()
        self.course = Course(platform_id=self.platform.id, moodle_id="2", title="Наставничество")
        session.add(self.course)
        self.cycle = programme.current_cycle(session, self.platform.id, TODAY)
        session.flush()
        self.curator = self.add("Сергеева Ольга", "curator")
        self.at = service.desk(
            session,
            platform_id=self.platform.id,
            course_id=self.course.id,
            actor_id=self.curator.id,
            day=TODAY,
        )
        self.mentees = [
            self.mentee(name, groups="ИС-21") for name in ("Алексеев Пётр", "Борисова Анна", "Ёлкин Фёдор", "Жуков Лев")
        ]
        self.young = self.mentee("Яшина Вера", MenteeKind.YOUNG_TEACHER)
        self.mentor = self.a_mentor("Титов Олег")
        session.commit()

    def add(self, name: str, *roles: str, groups: str = "", active: bool = True) -> Person:
        """A member of the course."""
        family, given = name.split(" ", 1)
        count = self.session.scalar(select(func.count(Person.id))) or 0
        person = Person(
            platform_id=self.platform.id,
            moodle_id=str(100 + count),
            family_name=family,
            given_name=given,
            updated_at=now(),
        )
        self.session.add(person)
        self.session.flush()
        membership = Membership(
            course_id=self.course.id,
            person_id=person.id,
            roles=list(roles),
            moodle_roles=list(roles),
            groups=groups,
            active=active,
        )
        self.session.add(membership)
        self.session.flush()
        return person

    def mentee(
        self,
        name: str,
        kind: MenteeKind = MenteeKind.STUDENT,
        state: MenteeState = MenteeState.CANDIDATE,
        **more: Any,
    ) -> Mentee:
        """A member of the course in the base of mentees."""
        person = self.add(name, "student" if kind is MenteeKind.STUDENT else "teacher", **more)
        mentee = Mentee(cycle=self.cycle, person=person, kind=kind, state=state, created_at=now())
        self.session.add(mentee)
        self.session.flush()
        return mentee

    def a_mentor(
        self, name: str, kind: MentorKind = MentorKind.TEACHER, state: MentorState = MentorState.CANDIDATE
    ) -> Mentor:
        """A member of the course in the base of mentors."""
        person = self.add(name, "teacher")
        mentor = Mentor(cycle=self.cycle, person=person, kind=kind, state=state, created_at=now())
        self.session.add(mentor)
        self.session.flush()
        return mentor

    def form(self, code: str) -> Form:
        """A form of the school year's programme."""
        return next(form for form in self.cycle.programme.forms if form.code == code)
