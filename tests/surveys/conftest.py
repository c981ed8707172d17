"""What tests of surveys stand on: a small college whose people are known here, pairs, and a curator who came in."""

from collections.abc import Callable
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service import db, queue
from lti_service.access import Role, Viewer
from lti_service.db import now
from lti_service.pairs.models import Pair, PairMentee, PairState
from lti_service.people import enrolments
from lti_service.people.models import Mentee, Mentor, Person
from lti_service.platforms.models import Course, Platform
from lti_service.programme import service as programme
from lti_service.programme.models import Cycle, MenteeKind, MentorKind
from lti_service.surveys import answers, service
from lti_service.surveys.models import Audience, Survey
from tests.practice_moodle import College, PracticeMoodle, a_college
from tests.practice_moodle.college import Feedback
from tests.practice_moodle.college import Person as Somebody

SATISFIED_FROM = 4


def today() -> date:
    """Today where the sample college is: tests live in whatever school year they run in."""
    return datetime.now(ZoneInfo("Europe/Moscow")).date()


@pytest.fixture
def college() -> College:
    """Twelve students, six teachers, two employers: small enough to count on one's fingers.

    They read English, so that tests of pages hang on the texts in the code and not on their translation.
    """
    college = a_college(students=12, teachers=6, employers=2)
    for person in college.people.values():
        person.lang = "en"
    return college


@pytest.fixture
def course(session: Session, platform: Platform) -> Course:
    """«Наставничество», with everybody of it brought in."""
    course = Course(platform_id=platform.id, moodle_id="2", title="Наставничество")
    session.add(course)
    session.commit()
    enrolments.sync_course(course.id)
    session.commit()
    return course


@pytest.fixture
def cycle(session: Session, course: Course) -> Cycle:
    """This school year."""
    return programme.current_cycle(session, course.platform_id, today())


class World:
    """The course as a test arranges it: pairs, surveys, answers."""

    def __init__(self, session: Session, moodle: PracticeMoodle, course: Course, cycle: Cycle) -> None:
        self.session, self.moodle, self.course, self.cycle = session, moodle, course, cycle
        self.college = moodle.college
        self.viewer = Viewer(
            person_id=self.person(self.college.curators[0]).id,
            platform_id=course.platform_id,
            course_id=course.id,
            name="",
            roles=frozenset({Role.CURATOR}),
            course_title="",
            activity_title="",
            time_zone="Europe/Moscow",
        )

    def person(self, who: Somebody) -> Person:
        """Who somebody of the college is here."""
        return self.session.scalars(select(Person).where(Person.moodle_id == str(who.id))).one()

    def pair(
        self,
        mentor: Somebody,
        *mentees: Somebody,
        state: PairState = PairState.ACTIVE,
        cycle: Cycle | None = None,
    ) -> Pair:
        """A pair of these people, with their places in the bases."""
        self.refresh()
        cycle = cycle or self.cycle
        form = next(form for form in cycle.programme.forms if form.code == "teacher-student")
        pair = Pair(
            cycle=cycle,
            course_id=self.course.id,
            form=form,
            mentor=self._in_base(Mentor, mentor, cycle, MentorKind.TEACHER),
            state=state,
            proposed_at=now(),
            places=[
                PairMentee(
                    mentee=self._in_base(Mentee, who, cycle, MenteeKind.STUDENT),
                    form_id=form.id,
                    is_open=state in (PairState.PROPOSED, PairState.AGREED, PairState.ACTIVE),
                )
                for who in mentees
            ],
        )
        self.session.add(pair)
        self.session.commit()
        return pair

    def _in_base(self, base: type, who: Somebody, cycle: Cycle, kind: object) -> object:
        person = self.person(who)
        found = self.session.scalar(select(base).where(base.person_id == person.id, base.cycle_id == cycle.id))
        if found is None:
            found = base(cycle_id=cycle.id, person_id=person.id, kind=kind, created_at=now())
            self.session.add(found)
        return found

    def feedback(self, name: str) -> Feedback:
        """A Feedback activity of the college by the beginning of its name."""
        return next(found for found in self.college.feedbacks.values() if found.name.startswith(name))

    def new_feedback(self, *, anonymous: bool, name: str = "Новая анкета") -> Feedback:
        """A fresh activity in the course with two ratings and a text; nobody has answered it."""
        questions = [
            ("a", "Я доволен(а) программой", "rating"),
            ("b", "Мне помогают", "rating"),
            ("c", "Пожелания", "text"),
        ]
        return self.college.add_feedback(self.college.courses[2], name, questions, anonymous=anonymous, asked="student")

    def survey(
        self, feedback: Feedback, audience: Audience = Audience.MENTEES, rating: tuple[int, ...] | None = None
    ) -> Survey:
        """The activity as a survey here; its answers are not read yet."""
        activity = service.offered_activity(self.course.id, feedback.id)
        ids = [question.moodle_id for question in activity.questions if question.can_rate]
        self.session.commit()
        with db.new_session() as own, db.transaction(own) as session:
            survey = service.add_survey(
                session,
                self.viewer,
                today(),
                activity,
                audience,
                ids if rating is None else [ids[index] for index in rating],
                SATISFIED_FROM,
            )
            survey_id = survey.id
        self.refresh()
        return self.session.get_one(Survey, survey_id)

    def sync(self) -> answers.Outcome:
        """Read the answers of the course now."""
        course_id = self.course.id
        self.session.commit()
        outcome = answers.sync_surveys(course_id, Steps())
        self.refresh()
        return outcome

    def change(self, row: object, **values: object) -> None:
        """Set some of a row's values, as somebody else would have done."""
        self.refresh()
        for name, value in values.items():
            setattr(row, name, value)
        self.session.commit()

    def settle(self) -> None:
        """Nothing is due any more."""
        for due in queue.due_courses(self.session):
            queue.settle_due(self.session, due)
        self.refresh()

    def refresh(self) -> None:
        """Let the test's session see what others wrote: neither its snapshot nor its objects are kept."""
        self.session.commit()
        self.session.expire_all()


class Steps:
    """Who is told how far the work is; keeps what it was told."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int | None]] = []

    def step(self, done: int, total: int | None = None) -> None:
        """Keep it."""
        self.seen.append((done, total))


@pytest.fixture
def world(session: Session, moodle: PracticeMoodle, course: Course, cycle: Cycle) -> World:
    """The course as a test arranges it."""
    session.commit()
    return World(session, moodle, course, cycle)


@pytest.fixture
def curator(world: World, launch_as: Callable[..., FlaskClient]) -> FlaskClient:
    """A browser in which the curator has just opened the course."""
    client = launch_as("curator")
    world.refresh()
    return client


def writes(sent: list[str]) -> list[str]:
    """Those that change something."""
    return [statement for statement in sent if not statement.upper().startswith("SELECT")]
