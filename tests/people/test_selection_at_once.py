"""Two curators, or two presses, at the same moment: one decision after the other, and nothing twice."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_service import db
from lti_service.people import support
from lti_service.people.employers import service as employers
from lti_service.people.employers.models import Employer, EmployerContact
from lti_service.people.employers.service import ContactFacts
from lti_service.people.errors import PeopleError
from lti_service.people.models import Mentor, MentorState, Support
from lti_service.people.selection import service as selection
from lti_service.people.selection.errors import CriteriaChangedError
from lti_service.people.selection.models import Criterion, Decision, MentorDecision
from lti_service.people.selection.service import Facts
from lti_service.people.training import service as training
from lti_service.people.training.models import Training, TrainingCourse
from lti_service.people.training.service import CourseFacts
from tests.people.conftest import SmallCourse
from tests.people.test_consents import curator

TODAY = date(2026, 11, 27)


def at_once(*works: object) -> list[object]:
    """Run these in transactions of their own, all from one moment on; what each gave, or the error it raised."""
    together = Barrier(len(works))

    def run(work: object) -> object:
        with db.new_session() as own:
            together.wait()
            try:
                with db.transaction(own) as session:
                    return work(session)  # type: ignore[operator]
            except PeopleError as error:
                return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def test_the_same_press_twice_at_once_is_one_decision(session: Session, small: SmallCourse):
    mentor, at = small.mentor.id, small.at
    session.commit()

    def press(own: Session) -> object:
        return selection.decide(own, at, [mentor], Decision.ACCEPTED, "Совет", TODAY)

    done = at_once(press, press, press)

    assert sorted((one.done, one.same) for one in done) == [(0, 1), (0, 1), (1, 0)]
    session.commit()
    assert session.scalar(select(func.count(MentorDecision.id))) == 1


def test_of_two_decisions_at_once_the_later_counts_and_both_are_kept(session: Session, small: SmallCourse):
    mentor, at = small.mentor.id, small.at
    session.commit()

    def deciding(decision: Decision) -> object:
        return lambda own: selection.decide(own, at, [mentor], decision, "Совет", TODAY)

    at_once(deciding(Decision.TURNED_DOWN), deciding(Decision.ACCEPTED))

    session.commit()
    kept = session.scalars(select(MentorDecision).order_by(MentorDecision.id)).all()
    state = session.get_one(Mentor, mentor, populate_existing=True).state
    assert {decision.decision for decision in kept} == {Decision.TURNED_DOWN, Decision.ACCEPTED}
    states = {Decision.ACCEPTED: MentorState.SELECTED, Decision.TURNED_DOWN: MentorState.TURNED_DOWN}
    assert state is states[kept[-1].decision]


def test_a_training_recorded_twice_at_once_is_kept_once(session: Session, small: SmallCourse):
    mentor, at = small.mentor.id, small.at
    course = TrainingCourse(platform_id=small.platform.id, title="Школа", created_at=db.now())
    session.add(course)
    session.commit()
    course_id = course.id
    session.commit()

    def press(own: Session) -> object:
        return training.record_completion(
            own, at, [mentor], course_id, completed_on=TODAY, valid_until=None, numbers={}, today=TODAY
        )

    done = at_once(press, press)

    assert sorted(one.done for one in done) == [0, 1]
    session.commit()
    assert session.scalar(select(func.count(Training.id))) == 1


def test_of_two_curators_who_change_the_criteria_at_once_the_later_is_told(session: Session, small: SmallCourse):
    seen = selection.criteria_at(session, small.at).version
    at = small.at
    session.commit()

    def saving(title: str) -> object:
        return lambda own: selection.save_criteria(own, at, seen, [Facts(title, "", 1, "")])

    done = at_once(saving("Стаж"), saving("Рекомендация"))

    assert sum(isinstance(one, CriteriaChangedError) for one in done) == 1
    session.commit()
    assert session.scalar(select(func.count(Criterion.id))) == 1


def test_a_form_sent_twice_at_once_is_there_once(session: Session, small: SmallCourse):
    mentee, at = small.mentees[0], small.at
    employer = Employer(platform_id=small.platform.id, name="Завод", created_at=db.now())
    session.add(employer)
    session.commit()
    person_id, employer_id = mentee.person_id, employer.id
    viewer = curator(small)
    session.commit()
    talk = {"day": TODAY, "who": "Психолог", "agreed": "Звонить", "next_look": None, "today": TODAY}
    contact, course = ContactFacts("Пётр", phone="+7 900 000-00-00"), CourseFacts("Школа наставника", hours=16)
    for work in (
        lambda own: support.record_support(own, at, person_id, **talk),
        lambda own: employers.add_contact(own, viewer, employer_id, contact),
        lambda own: training.add_course(own, viewer, course),
    ):
        one, other = at_once(work, work)
        assert one.id == other.id
    kept = (Support, EmployerContact, TrainingCourse)
    assert [session.scalar(select(func.count(table.id))) for table in kept] == [1, 1, 1]
