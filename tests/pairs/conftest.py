"""A small college for tests of pairs: written straight into the database, with people who can come in."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from lti_service.access import Role
from lti_service.db import now
from lti_service.entrance.models import Visit
from lti_service.pairs import service
from lti_service.pairs.models import Pair, PairState
from lti_service.pairs.rules import Action
from lti_service.people.models import Membership, Mentee, MenteeState, Mentor, MentorState, Person
from lti_service.platforms.models import Course, Platform, PlatformState
from lti_service.programme import service as programme
from lti_service.programme.models import Cycle, Form, MenteeKind, MentorKind
from tests.consenting import give_consent

PATHS: dict[PairState, tuple[Action, ...]] = {
    PairState.PROPOSED: (),
    PairState.AGREED: (Action.AGREE,),
    PairState.ACTIVE: (Action.AGREE, Action.START),
    PairState.FINISHED: (Action.AGREE, Action.START, Action.FINISH),
    PairState.ENDED_EARLY: (Action.AGREE, Action.START, Action.END_EARLY),
    PairState.DECLINED: (Action.DECLINE,),
    PairState.CANCELLED: (Action.CANCEL,),
}
"""How a proposal comes into each state."""


@dataclass
class World:
    """A platform with a course, a school year and a curator; its methods add people and pairs.

    Everybody it adds has a consent that counts, unless a test says otherwise: `consents=False`.
    """

    session: Session
    platform: Platform
    course: Course
    cycle: Cycle
    curator: Person
    day: date
    count: int = 0

    def form(self, code: str = "teacher-student") -> Form:
        """A form of the programme by its code."""
        return next(form for form in self.cycle.programme.forms if form.code == code)

    def another_course(self, title: str = "Слесарное дело") -> Course:
        """One more course of the platform."""
        self.count += 1
        course = Course(platform_id=self.platform.id, moodle_id=f"1{self.count}", title=title)
        self.session.add(course)
        self.session.commit()
        return course

    def person(
        self,
        name: str = "",
        *roles: Role,
        course: Course | None = None,
        groups: str = "",
        consents: bool = True,
        **facts: object,
    ) -> Person:
        """Somebody with these roles in the course (in none when there are no roles)."""
        self.count += 1
        family, _, given = (name or f"Фамилия{self.count:04} Имя Отчество").partition(" ")
        values = {"email": f"p{self.count}@college.example", **facts}
        person = Person(
            platform_id=self.platform.id,
            moodle_id=str(1000 + self.count),
            family_name=family,
            given_name=given,
            updated_at=now(),
            **values,
        )
        self.session.add(person)
        self.session.flush()
        if roles:
            self.enrol(person, *roles, course=course, groups=groups)
        if consents:
            give_consent(self.session, person, self.day)
        self.session.commit()
        return person

    def enrol(self, person: Person, *roles: Role, course: Course | None = None, groups: str = "") -> Membership:
        """Put somebody into a course."""
        membership = Membership(
            course_id=(course or self.course).id,
            person_id=person.id,
            roles=sorted(role.value for role in roles),
            groups=groups,
        )
        self.session.add(membership)
        self.session.commit()
        return membership

    def mentor(
        self,
        name: str = "",
        *,
        capacity: int = 3,
        kind: MentorKind = MentorKind.TEACHER,
        state: MentorState = MentorState.READY,
        person: Person | None = None,
        course: Course | None = None,
        **facts: object,
    ) -> Mentor:
        """A mentor of the base, a member of the course."""
        role = {MentorKind.TEACHER: Role.TEACHER, MentorKind.EMPLOYER: Role.EMPLOYER}.get(kind, Role.STUDENT)
        person = person or self.person(name, role, course=course, **facts)
        mentor = Mentor(
            cycle_id=self.cycle.id, person=person, kind=kind, state=state, capacity=capacity, created_at=now()
        )
        self.session.add(mentor)
        self.session.commit()
        return mentor

    def mentee(
        self,
        name: str = "",
        *,
        state: MenteeState = MenteeState.NEEDS,
        kind: MenteeKind = MenteeKind.STUDENT,
        course: Course | None = None,
        groups: str = "",
        wanted: Form | None = None,
        request: str = "",
        **facts: object,
    ) -> Mentee:
        """A mentee of the base, a member of the course."""
        role = Role.STUDENT if kind is MenteeKind.STUDENT else Role.TEACHER
        mentee = Mentee(
            cycle_id=self.cycle.id,
            person=self.person(name, role, course=course, groups=groups, **facts),
            kind=kind,
            state=state,
            wanted_form=wanted,
            request=request,
            created_at=now(),
        )
        self.session.add(mentee)
        self.session.commit()
        return mentee

    def propose(
        self, mentor: Mentor, *mentees: Mentee, form: str = "teacher-student", course: Course | None = None
    ) -> Pair:
        """A proposal by the curator, not committed."""
        return service.propose(
            self.session,
            platform_id=self.platform.id,
            course_id=(course or self.course).id,
            day=self.day,
            form_id=self.form(form).id,
            mentor_id=mentor.id,
            mentee_ids=[mentee.id for mentee in mentees],
            proposed_by=self.curator.id,
        )

    def move(self, pair: Pair, action: Action, reason: str = "", actor: Person | None = None) -> Pair:
        """A move by whose move it is, not committed."""
        by_mentor = action in (Action.AGREE, Action.DECLINE)
        return service.move(
            self.session,
            pair.id,
            action,
            reason or ("Переехал" if action is Action.END_EARLY else ""),
            course_id=pair.course_id,
            day=self.day,
            actor_id=(actor or (pair.mentor.person if by_mentor else self.curator)).id,
            is_curator=actor is None and not by_mentor,
        )

    def pair(
        self,
        state: PairState = PairState.ACTIVE,
        mentor: Mentor | None = None,
        *mentees: Mentee,
        form: str = "teacher-student",
    ) -> Pair:
        """A pair brought into a state by the moves that lead there."""
        pair = self.propose(mentor or self.mentor(), *(mentees or [self.mentee()]), form=form)
        for action in PATHS[state]:
            self.move(pair, action)
        self.session.commit()
        return pair


def build_world(session: Session) -> World:
    """A platform with one course and a curator, in the school year of today."""
    platform = Platform(
        name="Техникум",
        issuer="https://moodle.example",
        client_id=secrets.token_hex(4),
        login_url="https://moodle.example/mod/lti/auth.php",
        token_url="https://moodle.example/mod/lti/token.php",
        jwks_url="https://moodle.example/mod/lti/certs.php",
        state=PlatformState.ACTIVE,
        created_at=now(),
    )
    session.add(platform)
    session.flush()
    course = Course(platform_id=platform.id, moodle_id="2", title="Сварочное дело", activity_title="Наставничество")
    session.add(course)
    day = datetime.now(ZoneInfo(platform.time_zone)).date()
    cycle = programme.current_cycle(session, platform.id, day)
    curator = Person(
        platform_id=platform.id, moodle_id="900", family_name="Куратова", given_name="Анна", updated_at=now()
    )
    session.add(curator)
    session.flush()
    session.add(Membership(course_id=course.id, person_id=curator.id, roles=[Role.CURATOR.value]))
    session.commit()
    return World(session, platform, course, cycle, curator, day)


@pytest.fixture
def world(session: Session) -> World:
    """A small college; see `World`."""
    return build_world(session)


@pytest.fixture
def come_in(app: Flask, session: Session) -> Callable[..., FlaskClient]:
    """`come_in(person)`: a browser with a visit of this person, as a launch would have begun it."""

    def visit(person: Person, locale: str = "ru") -> FlaskClient:
        token = secrets.token_urlsafe(16)
        session.add(
            Visit(
                token_hash=hashlib.sha256(token.encode()).hexdigest(),
                platform_id=person.platform_id,
                person_id=person.id,
                is_admin=False,
                locale=locale,
                created_at=now(),
                expires_at=now() + timedelta(hours=1),
            )
        )
        session.commit()
        client = app.test_client()
        client.set_cookie("visit", token)
        return client

    return visit
