"""A course to try indicators and columns on: its people in the practice Moodle and here, with and without a mentor."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service import db, queue
from lti_service.access import Role, Viewer
from lti_service.indicators import delivery, gradebook
from lti_service.indicators.delivery import Delivered
from lti_service.indicators.gradebook import Texts
from lti_service.indicators.models import Grade, GradebookColumn
from lti_service.pairs.models import Pair, PairMentee, PairState
from lti_service.people.models import Membership, Mentee, MenteeState, Mentor, MentorState, Person
from lti_service.platforms.models import Course, Platform
from lti_service.programme import service as programme
from lti_service.programme.models import Cycle, Form, MenteeKind, MentorKind
from lti_service.surveys.models import Audience, Survey, SurveyItem, SurveyResponse
from tests.practice_moodle import PracticeMoodle

MOODLE_COURSE = 2


@dataclass
class World:
    """What tests of this wing stand on. Its methods commit."""

    session: Session
    moodle: PracticeMoodle
    platform: Platform
    course: Course
    cycle: Cycle
    students: list[Person]
    teachers: list[Person]
    curator: Person
    accepted: list[tuple[str, int | None]] = field(default_factory=list)
    """Scores that Moodle took, in order: user id and what was given; None for an erased grade."""

    @property
    def viewer(self) -> Viewer:
        """The curator of the course."""
        return Viewer(
            person_id=self.curator.id,
            platform_id=self.platform.id,
            course_id=self.course.id,
            name=self.curator.name,
            roles=frozenset({Role.CURATOR}),
            course_title=self.course.title,
            activity_title="Наставничество",
            time_zone="Europe/Moscow",
        )

    @property
    def today(self) -> date:
        """Where the college is."""
        return db.now().astimezone(ZoneInfo("Europe/Moscow")).date()

    def need(self, people: Iterable[Person], kind: MenteeKind = MenteeKind.STUDENT) -> None:
        """These people are in the base and need a mentor."""
        self._begin()
        for person in people:
            self.session.add(
                Mentee(
                    cycle_id=self.cycle.id,
                    person_id=person.id,
                    kind=kind,
                    state=MenteeState.NEEDS,
                    created_at=db.now(),
                )
            )
        self._changed()

    def no_longer_need(self, people: Iterable[Person]) -> None:
        """These people left the base."""
        self._begin()
        for mentee in self._mentees(people):
            mentee.state = MenteeState.WITHDRAWN
        self._changed()

    def pair(self, people: Iterable[Person], state: PairState = PairState.ACTIVE) -> None:
        """Each of these mentees gets a pair of their own with the first teacher."""
        self._begin()
        form = self.session.scalars(select(Form).where(Form.code == "teacher-student")).one()
        mentor = self.session.scalars(select(Mentor)).first()
        if mentor is None:
            mentor = Mentor(
                cycle_id=self.cycle.id,
                person_id=self.teachers[0].id,
                kind=MentorKind.TEACHER,
                state=MentorState.READY,
                capacity=1000,
                created_at=db.now(),
            )
            self.session.add(mentor)
            self.session.flush()
        for mentee in self._mentees(people):
            mentee.state = MenteeState.PAIRED
            self.session.add(
                Pair(
                    cycle_id=self.cycle.id,
                    course_id=self.course.id,
                    form_id=form.id,
                    mentor_id=mentor.id,
                    state=state,
                    proposed_at=db.now(),
                    places=[PairMentee(mentee_id=mentee.id, form_id=form.id)],
                )
            )
        self._changed()

    def part(self, people: Iterable[Person]) -> None:
        """The pairs of these mentees ended early; they need a mentor again."""
        self._begin()
        for mentee in self._mentees(people):
            mentee.state = MenteeState.NEEDS
            for place in self.session.scalars(select(PairMentee).where(PairMentee.mentee_id == mentee.id)):
                place.is_open = False
                place.pair.state = PairState.ENDED_EARLY
        self._changed()

    def leave(self, person: Person) -> None:
        """Somebody is unenrolled in Moodle, and the sync has seen it."""
        self._begin()
        self.moodle.college.unenrol(int(person.moodle_id), MOODLE_COURSE)
        self._membership(person).active = False
        self._changed()

    def come_back(self, person: Person) -> None:
        """Somebody is enrolled as a student again, and the sync has seen it."""
        self._begin()
        self.moodle.college.enrol(self.moodle.college.person(int(person.moodle_id)), MOODLE_COURSE, "student")
        self._membership(person).active = True
        self._changed()

    def become(self, person: Person, role: str) -> None:
        """Somebody gets another role in Moodle, and the sync has seen it."""
        self._begin()
        enrolment = self.moodle.college.course(MOODLE_COURSE).enrolments[int(person.moodle_id)]
        enrolment.roles = (role,)
        membership = self._membership(person)
        membership.moodle_roles = [role]
        self._changed()

    def survey(self, *, anonymous: bool = False, audience: Audience = Audience.MENTEES) -> Survey:
        """A survey of the course with one rating question."""
        self._begin()
        number = len(self.session.scalars(select(Survey.id)).all()) + 1
        survey = Survey(
            course_id=self.course.id,
            cycle_id=self.cycle.id,
            feedback_id=number,
            module_id=number,
            name=f"Анкета {number}",
            audience=audience,
            anonymous=anonymous,
            satisfied_from=4,
            created_at=db.now(),
            synced_at=db.now(),
            items=[
                SurveyItem(
                    moodle_id=number * 10,
                    name="Насколько вы довольны?",
                    kind="multichoice",
                    options=["1", "2", "3", "4", "5"],
                    position=1,
                    is_rating=True,
                )
            ],
        )
        self.session.add(survey)
        self.session.commit()
        return survey

    def answer(self, survey: Survey, people: Iterable[Person | None], rating: int) -> None:
        """These people (None: somebody anonymous) answer a survey with this rating."""
        self._begin()
        for person in people:
            number = len(self.session.scalars(select(SurveyResponse.id)).all()) + 1
            self.session.add(
                SurveyResponse(
                    survey_id=survey.id,
                    moodle_id=number,
                    moodle_user_id=person.moodle_id if person else None,
                    person_id=person.id if person else None,
                    answered_at=db.now() if person else None,
                    answers={str(survey.items[0].moodle_id): str(rating)},
                )
            )
            self.session.flush()
        self._changed()

    def column(self, source: str = "pair-formed", label: str = "Пара сформирована") -> GradebookColumn:
        """The curator makes a column."""
        with db.transaction(self.session) as session:
            texts = Texts(label, "Наставник есть", "Наставник пока не найден")
            return gradebook.make_column(session, self.viewer, self.today, source, texts)

    def refresh(self) -> int:
        """Bring the course's outbox to what should be."""
        with db.transaction(self.session) as session:
            return gradebook.refresh_course(session, self.course.id)

    def deliver(self, *, at_once: bool = True, verify: bool = False) -> Delivered:
        """One pass of the worker; `at_once` forgets how long it would have waited. A killed worker's lease is over."""
        if at_once:
            with db.transaction(self.session) as session:
                gradebook.hurry(session, self.course.id)
        return delivery.deliver(self.course.id, verify=verify, lease=timedelta(0))

    def grade(self, person: Person) -> Grade:
        """A person's row in the only column, as it is in the database now."""
        self.session.rollback()
        return self.session.scalars(
            select(Grade).where(Grade.person_id == person.id).execution_options(populate_existing=True)
        ).one()

    def states(self) -> dict[str, int]:
        """How many rows of the outbox are in which state."""
        self.session.rollback()
        found: dict[str, int] = {}
        for state in self.session.scalars(select(Grade.state)):
            found[state.value] = found.get(state.value, 0) + 1
        return found

    def columns_in_moodle(self) -> list[Any]:
        """Our columns in the practice Moodle's course."""
        course = self.moodle.college.course(MOODLE_COURSE)
        return [column for column in self.moodle.gradebook.of_course(course) if column.tag == gradebook.TAG]

    def in_moodle(self, number: int = 0) -> Any:
        """One of our columns in the practice Moodle."""
        return self.columns_in_moodle()[number]

    def shown(self) -> dict[str, float | None]:
        """What Moodle shows in our only column, by user id; those without a grade are left out."""
        (column,) = self.columns_in_moodle()
        return {str(user): grade.final for user, grade in column.grades.items() if grade.final is not None}

    def person_in_moodle(self, person: Person) -> Any:
        """The same person in the practice Moodle."""
        return self.moodle.college.person(int(person.moodle_id))

    def listen(self) -> None:
        """From now on, keep what Moodle accepts."""
        take = self.moodle.gradebook.take_score

        def taking(column: Any, course: Any, body: str) -> None:
            take(column, course, body)
            score = json.loads(body)
            self.accepted.append((score["userId"], score.get("scoreGiven")))

        self.moodle.gradebook.take_score = taking  # type: ignore[method-assign]

    def _mentees(self, people: Iterable[Person]) -> list[Mentee]:
        ids = [person.id for person in people]
        return list(self.session.scalars(select(Mentee).where(Mentee.person_id.in_(ids)).order_by(Mentee.id)))

    def _membership(self, person: Person) -> Membership:
        return self.session.scalars(
            select(Membership).where(Membership.person_id == person.id, Membership.course_id == self.course.id)
        ).one()

    def _begin(self) -> None:
        """Forget what was read before: others have written since then, or are writing now."""
        self.session.rollback()
        db.begin_writing(self.session)

    def _changed(self) -> None:
        """What the wing that makes a change does at its end."""
        queue.mark_due(self.session, self.course.id)
        self.session.commit()


def a_world(session: Session, moodle: PracticeMoodle, platform: Platform, students: int, teachers: int = 3) -> World:
    """A course with so many of the practice college's students and teachers, nobody of them in a base yet."""
    tool = next(iter(moodle.lti.tools.values()))
    there = moodle.college.course(MOODLE_COURSE)
    course = Course(
        platform_id=platform.id,
        moodle_id=str(there.id),
        title=there.fullname,
        lineitems_url=moodle.lti.line_items_url(there, tool),
        memberships_url=moodle.lti.memberships_url(there, tool),
    )
    session.add(course)
    session.flush()
    world = World(
        session=session,
        moodle=moodle,
        platform=platform,
        course=course,
        cycle=programme.current_cycle(session, platform.id, db.now().astimezone(ZoneInfo("Europe/Moscow")).date()),
        students=_members(session, course, moodle.college.in_role(there, "student")[:students], "student"),
        teachers=_members(
            session, course, moodle.college.in_role(there, "editingteacher")[:teachers], "editingteacher"
        ),
        curator=_members(session, course, moodle.college.curators[:1], "curator")[0],
    )
    session.commit()
    world.listen()
    return world


def _members(session: Session, course: Course, people: Iterable[Any], role: str) -> list[Person]:
    roles = [{"student": Role.STUDENT, "editingteacher": Role.TEACHER, "curator": Role.CURATOR}[role].value]
    found = []
    for person in people:
        known = Person(
            platform_id=course.platform_id,
            moodle_id=str(person.id),
            family_name=person.lastname,
            given_name=person.firstname,
            updated_at=db.now(),
        )
        session.add(known)
        session.flush()
        session.add(Membership(course_id=course.id, person_id=known.id, roles=roles, moodle_roles=[role], active=True))
        found.append(known)
    return found


def average(values: Iterable[float | None]) -> Decimal | None:
    """The mean of the grades there are, rounded to two places."""
    given = [Decimal(str(value)) for value in values if value is not None]
    return (sum(given) / len(given)).quantize(Decimal("0.01")) if given else None
