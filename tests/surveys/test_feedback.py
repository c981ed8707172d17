"""What surveys say about one mentor, on the curator's page about them: named answers of those they have mentored."""

from flask.testing import FlaskClient

from lti_service.pairs.models import PairState
from lti_service.surveys import feedback
from lti_service.surveys.models import Audience
from tests.surveys.conftest import World


def test_a_mentors_page_tells_how_satisfied_their_mentees_are(world: World, curator: FlaskClient):
    college = world.college
    mentor, other = college.teachers[0], college.teachers[1]
    first, second, third, foreign = college.students[:4]
    world.pair(mentor, first, second)
    world.pair(mentor, third, state=PairState.ENDED_EARLY)
    world.pair(other, foreign)
    activity = world.new_feedback(anonymous=False)
    for who, rating in ((first, 5), (second, 1), (foreign, 5)):
        college.answer(activity, who, [rating, rating, ""])
    survey = world.survey(activity)
    world.sync()

    (found,) = feedback.of_mentor(world.session, world.course.id, world.person(mentor).id)
    assert (found.survey.id, found.asked, found.rated, found.satisfied) == (survey.id, 3, 2, 1)
    world.refresh()
    page = curator.get(f"{curator.home}people/{world.person(mentor).id}/").text
    assert "Новая анкета" in page
    assert "1 of 2" in page
    assert feedback.of_mentor(world.session, world.course.id, world.person(third).id) == []


def test_their_own_answer_is_told_and_anonymous_ones_are_not(world: World):
    college = world.college
    mentor = college.teachers[0]
    world.pair(mentor, college.students[0])
    named = world.new_feedback(anonymous=False, name="Наставники")
    college.answer(named, mentor, [1, 1, ""])
    hidden = world.new_feedback(anonymous=True, name="Анонимно")
    college.answer(hidden, college.students[0], [5, 5, ""])
    world.survey(named, Audience.MENTORS)
    world.survey(hidden)
    world.sync()

    (found,) = feedback.of_mentor(world.session, world.course.id, world.person(mentor).id)
    assert found.survey.audience is Audience.MENTORS
    assert (found.rated, found.satisfied) == (1, 0)
