"""The parts that surveys add to home pages: what waits for a mentee or mentor, and a curator's overview."""

import re
from collections.abc import Callable
from datetime import timedelta

from flask.testing import FlaskClient

from lti_service.db import now
from lti_service.programme.models import Cycle
from lti_service.surveys.models import Audience, Survey
from tests.practice_moodle.college import Person as Somebody
from tests.surveys.conftest import World

Launch = Callable[..., FlaskClient]


def home(launch_as: Launch, who: Somebody) -> str:
    client = launch_as(who)
    return client.get(client.home).text


def invites(page: str, world: World, survey: Survey) -> bool:
    address = f"{world.moodle.issuer}/mod/feedback/view.php?id={survey.module_id}"
    links = re.findall(rf'<a [^>]*href="{re.escape(address)}"[^>]*>', page)
    assert all('target="_blank"' in link and 'rel="noopener"' in link for link in links)
    return bool(links)


def test_a_mentee_is_invited_until_they_have_answered(world: World, launch_as: Launch) -> None:
    student, other = world.college.students[:2]
    world.pair(world.college.teachers[0], student)
    feedback = world.new_feedback(anonymous=False)
    survey = world.survey(feedback)
    assert invites(home(launch_as, student), world, survey)
    assert not invites(home(launch_as, other), world, survey)  # nobody asks them
    assert not invites(home(launch_as, world.college.teachers[0]), world, survey)  # it is the mentees' survey
    world.college.answer(feedback, student, [4, 4, ""])
    world.sync()
    assert not invites(home(launch_as, student), world, survey)


def test_a_mentor_is_invited_to_the_mentors_survey(world: World, launch_as: Launch) -> None:
    mentor, student = world.college.teachers[0], world.college.students[0]
    world.pair(mentor, student)
    survey = world.survey(world.new_feedback(anonymous=False), Audience.MENTORS)
    assert invites(home(launch_as, mentor), world, survey)
    assert not invites(home(launch_as, student), world, survey)


def test_an_anonymous_survey_keeps_inviting_and_says_why(world: World, launch_as: Launch) -> None:
    student = world.college.students[0]
    world.pair(world.college.teachers[0], student)
    feedback = world.new_feedback(anonymous=True)
    survey = world.survey(feedback)
    world.college.answer(feedback, student, [4, 4, ""])
    world.sync()
    page = home(launch_as, student)
    assert invites(page, world, survey)
    assert "so we cannot know whether you have answered" in page


def test_closed_missing_and_future_surveys_invite_nobody(world: World, launch_as: Launch) -> None:
    student = world.college.students[0]
    world.pair(world.college.teachers[0], student)
    survey = world.survey(world.new_feedback(anonymous=False))
    day = timedelta(days=1)
    for field, value in (
        ("closes_at", now() - day),
        ("opens_at", now() + day),
        ("missing_since", now() - day),
    ):
        world.change(survey, **{field: value})
        assert not invites(home(launch_as, student), world, survey), field
        world.change(survey, **{field: None})
    world.change(survey, closes_at=now() + day)
    assert invites(home(launch_as, student), world, survey)


def test_last_years_survey_invites_only_while_it_has_a_closing_date(world: World, launch_as: Launch) -> None:
    student = world.college.students[0]
    before = Cycle(
        platform_id=world.cycle.platform_id,
        programme_id=world.cycle.programme_id,
        start_year=world.cycle.start_year - 1,
        plan_year=world.cycle.plan_year,
    )
    world.session.add(before)
    world.session.flush()
    world.pair(world.college.teachers[0], student, cycle=before)
    survey = world.survey(world.new_feedback(anonymous=False))
    world.change(survey, cycle_id=before.id)
    assert not invites(home(launch_as, student), world, survey)
    world.change(survey, closes_at=now() + timedelta(days=3))
    assert invites(home(launch_as, student), world, survey)


def test_a_curator_sees_how_many_surveys_there_are_and_who_answered(world: World, curator: FlaskClient) -> None:
    page = curator.get(curator.home).text
    assert f"/courses/{world.course.id}/surveys/add" in page
    student, silent = world.college.students[:2]
    world.pair(world.college.teachers[0], student, silent)
    feedback = world.new_feedback(anonymous=False)
    world.college.answer(feedback, student, [4, 4, ""])
    survey = world.survey(feedback)
    world.sync()
    page = curator.get(curator.home).text
    assert f"/courses/{world.course.id}/surveys/{survey.id}/" in page
    assert re.search(r"50\N{NO-BREAK SPACE}% — 1 of 2", page)
