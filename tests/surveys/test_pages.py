"""Pages of surveys as a curator and others meet them: through a browser without scripts, over a practice Moodle."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_service import queue
from lti_service.people import enrolments
from lti_service.surveys import answers
from lti_service.surveys.models import Audience, Survey
from tests.practice_moodle import PracticeMoodle
from tests.practice_moodle.college import Feedback
from tests.surveys.conftest import World

SECTION = "/courses/{}/surveys/"


@pytest.fixture
def base(world: World) -> str:
    """The address of the surveys of the course."""
    return SECTION.format(world.course.id)


def words(html: str) -> str:
    """What a reader sees, in one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def token(html: str) -> str:
    return field(html, "csrf_token")


def field(html: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found, name
    return unescape(found[1])


def checked(html: str) -> set[str]:
    """Values of the checked and selected choices of a form."""
    return set(re.findall(r'value="([^"]+)" (?:checked|selected)', html))


def add_form(curator: FlaskClient, base: str, feedback: Feedback) -> dict[str, object]:
    """What the browser would send from the second step."""
    page = curator.get(f"{base}add/{feedback.id}").text
    ratings = [item.id for item in feedback.items if item.options]
    return {
        "csrf_token": token(page),
        "activity": field(page, "activity"),
        "audience": "mentees",
        "rating": ratings,
        "satisfied_from": "5:4",
    }


def test_a_curator_adds_a_survey_in_two_steps_and_sees_its_results(
    world: World, curator: FlaskClient, base: str
) -> None:
    happy, sad, stranger = world.college.students[:3]
    world.pair(world.college.teachers[0], happy, sad)
    feedback = world.new_feedback(anonymous=False)
    world.college.answer(feedback, happy, [4, 5, "Спасибо"])
    world.college.answer(feedback, sad, [2, 5, ""])
    world.college.answer(feedback, stranger, [5, 5, ""])

    first = curator.get(f"{base}add").text
    assert "Новая анкета" in first
    assert f"{base}add/{feedback.id}" in first
    second = curator.get(f"{base}add/{feedback.id}").text
    assert checked(second) == {"5:4"}  # the second best answer of five; nothing else is chosen for the curator
    sent = curator.post(f"{base}add", data=add_form(curator, base, feedback), follow_redirects=True)

    assert sent.status_code == 200
    text = words(sent.text)
    assert sent.request.path == f"{base}1/"
    assert "50\N{NO-BREAK SPACE}%" in sent.text
    assert "1 of 2 on" in text
    assert "Спасибо" in text
    assert "Answered without being of the audience: 1" in text
    assert f"{world.moodle.issuer}/mod/feedback/view.php?id=" in sent.text
    listed = words(curator.get(base).text)
    assert "Новая анкета" in listed
    assert "100\N{NO-BREAK SPACE}%" in curator.get(base).text  # both of those asked have answered


def test_an_activity_already_added_leads_to_its_results(world: World, curator: FlaskClient, base: str) -> None:
    feedback = world.new_feedback(anonymous=False)
    survey = world.survey(feedback)
    assert curator.get(f"{base}add/{feedback.id}").location == f"{base}{survey.id}/"


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"audience": ""}, "audience-error"),
        ({"rating": []}, "rating-error"),
        ({"rating": ["99999"]}, "rating-error"),
        ({"satisfied_from": ""}, "satisfied_from-error"),
        ({"satisfied_from": "3:2"}, "satisfied_from-error"),
        ({"satisfied_from": "nonsense"}, "satisfied_from-error"),
    ],
)
def test_a_wrong_form_comes_back_with_its_message_and_all_that_was_chosen(
    world: World, curator: FlaskClient, base: str, session: Session, changes: dict[str, object], complaint: str
) -> None:
    feedback = world.new_feedback(anonymous=False)
    form = add_form(curator, base, feedback) | {"audience": "mentors", "satisfied_from": "5:3"} | changes
    answer = curator.post(f"{base}add", data=form)
    assert answer.status_code == 422
    assert f'id="{complaint}"' in answer.text
    kept = {"mentors", "5:3", *(str(item.id) for item in feedback.items if item.options)}
    if "audience" in changes:
        kept -= {"mentors"}
    if "satisfied_from" in changes:
        kept -= {"5:3"}
    if "rating" in changes:
        kept = {value for value in kept if not value.isdigit()}
    assert kept <= checked(answer.text)
    world.refresh()
    assert session.scalar(select(func.count(Survey.id))) == 0


def test_a_moodle_that_fails_between_the_steps_costs_nothing(
    world: World, curator: FlaskClient, base: str, moodle: PracticeMoodle, session: Session
) -> None:
    feedback = world.new_feedback(anonymous=False)
    form = add_form(curator, base, feedback)
    moodle.faults.add("/webservice/", body="<html>")
    answer = curator.post(f"{base}add", data=form, follow_redirects=True)
    assert answer.status_code == 200
    assert "alert-warning" in answer.text  # the reading failed, and says so
    world.refresh()
    assert session.scalar(select(func.count(Survey.id))) == 1


def test_a_moodle_out_of_reach_is_said_on_both_steps(
    world: World, curator: FlaskClient, base: str, moodle: PracticeMoodle
) -> None:
    feedback = world.new_feedback(anonymous=False)
    moodle.faults.add("/webservice/", body="<html>")
    for address in (f"{base}add", f"{base}add/{feedback.id}"):
        answer = curator.get(address)
        assert answer.status_code == 503
        assert "alert-warning" in answer.text
        assert f'href="{address}"' in answer.text  # the way to try again


def test_an_activity_signed_for_another_course_is_not_taken(
    world: World, curator: FlaskClient, base: str, session: Session
) -> None:
    feedback = world.new_feedback(anonymous=False)
    form = add_form(curator, base, feedback)
    for forged in (str(form["activity"])[:-2] + "xx", ""):
        answer = curator.post(f"{base}add", data=form | {"activity": forged})
        assert answer.location == f"{base}add"
    world.refresh()
    assert session.scalar(select(func.count(Survey.id))) == 0


def test_settings_can_be_changed(world: World, curator: FlaskClient, base: str) -> None:
    feedback = world.new_feedback(anonymous=False)
    survey = world.survey(feedback)
    page = curator.get(f"{base}{survey.id}/edit").text
    ratings = [str(item.id) for item in feedback.items if item.options]
    assert checked(page) == {"mentees", "5:4", *ratings}
    form = {"csrf_token": token(page), "audience": "mentors", "rating": ratings[:1], "satisfied_from": "5:3"}
    answer = curator.post(f"{base}{survey.id}/edit", data=form)
    assert answer.location == f"{base}{survey.id}/"
    world.refresh()
    changed = world.session.get_one(Survey, survey.id)
    assert (changed.audience, changed.satisfied_from) == (Audience.MENTORS, 3)
    wrong = curator.post(f"{base}{survey.id}/edit", data=form | {"rating": []})
    assert wrong.status_code == 422
    assert 'id="rating-error"' in wrong.text


def test_removing_asks_first_and_says_what_goes(world: World, curator: FlaskClient, base: str) -> None:
    feedback = world.new_feedback(anonymous=False)
    world.college.answer(feedback, world.college.students[0], [4, 4, ""])
    survey = world.survey(feedback)
    world.sync()
    page = curator.get(f"{base}{survey.id}/remove").text
    assert "1 answer that was read from Moodle" in words(page)
    answer = curator.post(f"{base}{survey.id}/remove", data={"csrf_token": token(page)})
    assert answer.location == base
    assert curator.get(f"{base}{survey.id}/").status_code == 404


def test_the_answers_are_read_again_on_demand(world: World, curator: FlaskClient, base: str) -> None:
    feedback = world.new_feedback(anonymous=False)
    survey = world.survey(feedback)
    page = curator.get(f"{base}{survey.id}/").text
    world.college.answer(feedback, world.college.students[0], [4, 4, "Новое слово"])
    answer = curator.post(f"{base}refresh", data={"csrf_token": token(page), "survey": survey.id})
    assert answer.location == f"{base}{survey.id}/"
    assert "Новое слово" in curator.get(answer.location).text


def test_a_reading_under_way_shows_how_far_it_is(
    world: World, curator: FlaskClient, base: str, session: Session
) -> None:
    world.survey(world.new_feedback(anonymous=False))
    world.refresh()
    run, _ = queue.open_run(session, answers.KIND, world.course.id)
    run.done, run.total = 3, 12
    session.commit()
    for address in (base, f"{base}run"):
        page = curator.get(address).text
        assert 'data-run-open="yes"' in page
        assert 'max="12" value="3"' in page


def test_four_anonymous_answers_are_shown_only_as_a_number(world: World, curator: FlaskClient, base: str) -> None:
    feedback = world.new_feedback(anonymous=True)
    for student in world.college.students[:4]:
        world.college.answer(feedback, student, [1, 1, "тайна"])
    survey = world.survey(feedback)
    world.sync()
    page = curator.get(f"{base}{survey.id}/").text
    assert "тайна" not in page
    assert "surveys-stack" not in page
    assert "0\N{NO-BREAK SPACE}%" not in page + curator.get(base).text

    world.college.answer(feedback, world.college.students[4], [5, 5, "тайна"])
    world.sync()
    page = curator.get(f"{base}{survey.id}/").text
    assert "тайна" in page
    assert "20\N{NO-BREAK SPACE}%" in page


def test_more_anonymous_answers_than_people_asked_make_no_share_of_answered(
    world: World, curator: FlaskClient, base: str
) -> None:
    world.pair(world.college.teachers[0], world.college.students[0])
    feedback = world.new_feedback(anonymous=True)
    for student in world.college.students[:6]:
        world.college.answer(feedback, student, [5, 5, ""])
    survey = world.survey(feedback)
    world.sync()
    for address in (base, f"{base}{survey.id}/"):
        page = curator.get(address).text
        assert "600" not in page
        assert "asked: 1" in words(page)


def test_the_chart_says_everything_in_words_too(world: World, curator: FlaskClient, base: str) -> None:
    world.pair(world.college.teachers[0], *world.college.students[:4])
    feedback = world.new_feedback(anonymous=False)
    for student, rating in zip(world.college.students, (1, 4, 4, 5), strict=False):
        world.college.answer(feedback, student, [rating, 5, ""])
    survey = world.survey(feedback)
    world.sync()
    page = curator.get(f"{base}{survey.id}/").text
    assert "<title" in page
    assert "совсем нет — 1; скорее нет — 0; нейтрально — 0; скорее да — 2; полностью да — 1" in page
    widths = re.findall(r'<rect x="([\d.]+)%" y="0" width="([\d.]+)%"', page)
    assert widths[:3] == [("0.0", "25.0"), ("25.0", "50.0"), ("75.0", "25.0")]
    assert "style=" not in page.split("<main")[1]


def test_an_answer_is_text_whatever_is_written_in_it(world: World, curator: FlaskClient, base: str) -> None:
    feedback = world.new_feedback(anonymous=False, name="<b>Анкета</b>")
    world.pair(world.college.teachers[0], world.college.students[0])
    world.college.answer(feedback, world.college.students[0], [4, 4, "<script>alert(1)</script>"])
    survey = world.survey(feedback)
    world.sync()
    for address in (base, f"{base}{survey.id}/", f"{base}{survey.id}/edit", f"{base}add", curator.home):
        page = curator.get(address).text
        assert "<script>alert" not in page
        assert "<b>Анкета" not in page


def test_the_people_behind_the_numbers_of_a_named_survey(world: World, curator: FlaskClient, base: str) -> None:
    answered, silent, stranger = world.college.students[:3]
    world.pair(world.college.teachers[0], answered, silent)
    feedback = world.new_feedback(anonymous=False)
    world.college.answer(feedback, answered, [5, 5, ""])
    world.college.answer(feedback, stranger, [5, 5, ""])
    survey = world.survey(feedback)
    world.sync()
    shown = {
        which: [
            name
            for name, who in (("answered", answered), ("silent", silent), ("stranger", stranger))
            if world.person(who).name in curator.get(f"{base}{survey.id}/people?which={which}").text
        ]
        for which in ("", "answered", "waiting", "satisfied", "outside", "nonsense")
    }
    assert shown == {
        "": ["answered", "silent"],
        "answered": ["answered"],
        "waiting": ["silent"],
        "satisfied": ["answered"],
        "outside": ["stranger"],
        "nonsense": ["answered", "silent"],
    }


def test_nobody_sees_who_answered_an_anonymous_survey(world: World, curator: FlaskClient, base: str) -> None:
    survey = world.survey(world.new_feedback(anonymous=True))
    assert curator.get(f"{base}{survey.id}/people").status_code == 404


def test_an_empty_list_says_what_to_do(world: World, curator: FlaskClient, base: str) -> None:
    page = curator.get(base).text
    assert "app-empty" in page
    assert page.count(f'href="{base}add"') == 1


def test_a_course_without_questionnaires_says_what_to_do(world: World, curator: FlaskClient, base: str) -> None:
    world.college.feedbacks.clear()
    assert "app-empty" in curator.get(f"{base}add").text


@pytest.mark.parametrize("who", ["student01", "teacher02"])
def test_only_curators_work_with_surveys(
    world: World, launch_as: Callable[..., FlaskClient], base: str, who: str
) -> None:
    survey = world.survey(world.new_feedback(anonymous=False))
    client = launch_as(who)
    pages = ("", "add", "run", f"{survey.id}/", f"{survey.id}/edit", f"{survey.id}/remove", f"{survey.id}/people")
    assert {client.get(base + page).status_code for page in pages} == {403}


def test_a_survey_of_another_course_is_not_found(world: World, launch_as: Callable[..., FlaskClient]) -> None:
    survey = world.survey(world.new_feedback(anonymous=False))
    client = launch_as("curator", 3)
    other_id = int(client.home.split("/")[2])
    enrolments.sync_course(other_id)  # only the web service tells who is a curator
    other = SECTION.format(other_id)
    assert other != SECTION.format(world.course.id)
    for page in ("", "edit", "remove", "people"):
        assert client.get(f"{other}{survey.id}/{page}").status_code == 404


def test_addresses_with_senseless_numbers_lead_nowhere(world: World, curator: FlaskClient, base: str) -> None:
    world.survey(world.new_feedback(anonymous=False))
    assert curator.get(f"{base}{2**70}/").status_code == 404
    assert curator.get(f"{base}add/{2**70}").status_code == 404
    for query in ("page=99999999999999999999", "page=-1", "page=x", "year=99999999999999999999", "order=x&audience=x"):
        assert curator.get(f"{base}?{query}").status_code == 200
