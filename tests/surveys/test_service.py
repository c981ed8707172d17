"""Adding, changing and removing surveys: what is refused, what is remembered, what goes."""

from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_service import db, queue
from lti_service.audit import AuditEvent
from lti_service.errors import NotFoundError
from lti_service.indicators.models import ColumnKind, GradebookColumn
from lti_service.surveys import errors, service
from lti_service.surveys.models import Audience, Survey, SurveyItem, SurveyResponse
from lti_service.surveys.service import Activity, Question
from tests.practice_moodle import PracticeMoodle
from tests.surveys.conftest import World, today

FIVE = ("1", "2", "3", "4", "5")


def an_activity(*questions: Question) -> Activity:
    return Activity(77, 770, "Анкета", False, None, None, questions)


def rated(number: int, options: int = 5) -> Question:
    texts = tuple(f"ответ {n}" for n in range(1, options + 1))
    return Question(number, f"Вопрос {number}", "multichoicerated", number, texts, tuple(range(1, options + 1)))


def add(world: World, activity: Activity, rating: list[int], satisfied_from: int | None = 4, **more: Any) -> Survey:
    with db.new_session() as own, db.transaction(own) as session:
        survey = service.add_survey(
            session, world.viewer, today(), activity, Audience.MENTEES, rating, satisfied_from, **more
        )
    world.refresh()
    return survey


OPEN = Question(9, "Пожелания", "textarea", 9)
MANY = Question(8, "Что помогло", "multichoice", 8, FIVE, multiple=True)


@pytest.mark.parametrize(
    ("questions", "rating", "satisfied_from", "refusal"),
    [
        ([rated(1)], [], 4, errors.NoRatingError),
        ([rated(1), OPEN], [9], 4, errors.NotARatingError),
        ([rated(1), MANY], [8], 4, errors.NotARatingError),
        ([rated(1)], [55], 4, errors.NotARatingError),
        ([rated(1), rated(2, options=3)], [1, 2], 3, errors.MixedScalesError),
        ([rated(1)], [1], None, errors.NoThresholdError),
        ([rated(1)], [1], 1, errors.NoThresholdError),  # from the lowest answer on everybody would be satisfied
        ([rated(1)], [1], 6, errors.NoThresholdError),
    ],
)
def test_a_rating_that_makes_no_sense_is_refused(
    world: World,
    questions: list[Question],
    rating: list[int],
    satisfied_from: int | None,
    refusal: type[errors.SurveyError],
) -> None:
    with pytest.raises(refusal):
        add(world, an_activity(*questions), rating, satisfied_from)
    assert world.session.scalar(select(func.count(Survey.id))) == 0


def test_a_questionnaire_with_nothing_to_rate_by_can_be_a_survey(world: World) -> None:
    survey = add(world, an_activity(OPEN, MANY), [], None)
    assert [item.is_rating for item in survey.items] == [False, False]


def test_an_activity_is_a_survey_of_a_school_year_once(world: World) -> None:
    add(world, an_activity(rated(1)), [1])
    with pytest.raises(errors.AlreadyAddedError):
        add(world, an_activity(rated(1)), [1])
    world.refresh()
    assert world.session.scalar(select(func.count(Survey.id))) == 1


def test_adding_leaves_a_trail(world: World) -> None:
    survey = add(world, an_activity(rated(1)), [1])
    event = world.session.scalars(select(AuditEvent).where(AuditEvent.action == "survey.added")).one()
    assert (event.subject, event.actor_id) == (f"survey:{survey.id}", world.viewer.person_id)


def test_the_activities_of_the_course_are_offered_as_moodle_shows_them(world: World) -> None:
    offered = service.offered_activities(world.course.id)
    assert {(activity.name, activity.anonymous) for activity in offered} == {
        ("Удовлетворённость наставляемых", False),
        ("Опрос наставников (анонимно)", True),
        ("Анкета наставляемых: начало года", False),
    }


def test_an_activity_is_offered_with_its_questions(world: World) -> None:
    activity = service.offered_activity(world.course.id, world.feedback("Опрос наставников").id)
    assert [(question.name, question.can_rate) for question in activity.questions] == [
        ("Я удовлетворён(а) взаимодействием с наставляемым", True),
        ("Какая поддержка нужна наставнику?", False),
    ]
    assert activity.questions[0].weights == (1, 2, 3, 4, 5)


def test_an_activity_of_another_course_is_not_offered(world: World) -> None:
    with pytest.raises(errors.NoSuchActivityError):
        service.offered_activity(world.course.id, world.feedback("Удовлетворённость первокурсников").id)


def test_an_activity_without_questions_is_not_offered(world: World) -> None:
    feedback = world.new_feedback(anonymous=False)
    feedback.items.clear()
    with pytest.raises(errors.NothingToAnswerError):
        service.offered_activity(world.course.id, feedback.id)


def test_an_activity_survives_being_carried_by_a_form(world: World) -> None:
    activity = service.offered_activity(world.course.id, world.feedback("Опрос наставников").id)
    assert Activity.from_json(activity.to_json()) == activity


def test_changing_whose_survey_it_is_makes_grades_due(world: World) -> None:
    survey_id = add(world, an_activity(rated(1), rated(2)), [1, 2]).id
    world.settle()
    survey = service.find_survey(world.session, survey_id, world.course.id)
    assert service.change_survey(world.session, world.viewer, survey, Audience.MENTORS, [2], 3)
    world.refresh()
    survey = service.find_survey(world.session, survey_id, world.course.id)
    assert (survey.audience, survey.satisfied_from) == (Audience.MENTORS, 3)
    assert [item.is_rating for item in survey.items] == [False, True]
    assert [due.course_id for due in queue.due_courses(world.session)] == [world.course.id]


def test_changing_nothing_changes_nothing(world: World) -> None:
    survey_id = add(world, an_activity(rated(1)), [1]).id
    world.settle()
    survey = service.find_survey(world.session, survey_id, world.course.id)
    assert not service.change_survey(world.session, world.viewer, survey, Audience.MENTEES, [1], 4)
    assert not queue.due_courses(world.session)


def test_a_survey_of_another_course_is_not_found(world: World) -> None:
    survey = add(world, an_activity(rated(1)), [1])
    for survey_id, course_id in ((survey.id, world.course.id + 1), (survey.id + 1, world.course.id), (2**40, 1)):
        with pytest.raises(NotFoundError):
            service.find_survey(world.session, survey_id, course_id)


def test_removing_takes_questions_and_answers_along(world: World, session: Session, moodle: PracticeMoodle) -> None:
    feedback = world.new_feedback(anonymous=False)
    world.college.answer(feedback, world.college.students[0], [4, 4, ""])
    survey = world.survey(feedback)
    world.sync()
    service.remove_survey(session, world.viewer, service.find_survey(session, survey.id, world.course.id))
    world.refresh()
    for table in (Survey, SurveyItem, SurveyResponse):
        assert session.scalar(select(func.count()).select_from(table)) == 0
    assert len(feedback.attempts) == 1  # Moodle keeps everything


def test_a_survey_that_a_gradebook_column_shows_is_kept(world: World, session: Session) -> None:
    survey_id = add(world, an_activity(rated(1)), [1]).id
    session.add(
        GradebookColumn(
            course_id=world.course.id,
            cycle_id=world.cycle.id,
            kind=ColumnKind.SURVEY_ANSWERED,
            survey_id=survey_id,
            label="Анкета",
            resource_id="survey",
            created_at=db.now(),
        )
    )
    session.commit()
    with pytest.raises(errors.SurveyInUseError), db.new_session() as own, db.transaction(own) as using:
        service.remove_survey(using, world.viewer, service.find_survey(using, survey_id, world.course.id))
    world.refresh()
    assert session.get(Survey, survey_id) is not None


def test_a_list_is_filtered_ordered_and_paged(world: World, session: Session) -> None:
    for number in range(23):
        activity = Activity(100 + number, 1, f"Анкета {number:02}", False, None, None, (rated(1),))
        add(world, activity, [1])
    course_id = world.course.id
    first = service.survey_page(session, course_id, order="name")
    assert (first.total, first.pages, len(first.rows)) == (23, 2, 20)
    assert first.rows[0].survey.name == "Анкета 00"
    last = service.survey_page(session, course_id, order="name", page=99)
    assert [row.survey.name for row in last.rows] == ["Анкета 20", "Анкета 21", "Анкета 22"]
    assert service.survey_page(session, course_id, audience=Audience.MENTORS).total == 0
    assert service.survey_page(session, course_id, year=world.cycle.start_year).total == 23
    assert service.survey_page(session, course_id, year=world.cycle.start_year - 1).total == 0
