"""Where launches lead: to chosen pages, to a reviewed person's page, and home."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from lti_service.audit import AuditEvent
from lti_service.entrance import choosing
from lti_service.people.models import Membership, Person
from lti_service.platforms.models import Course
from tests.practice_moodle import SUBMISSION_REVIEW, PracticeMoodle


def open_it(app: Flask, moodle: PracticeMoodle, who, where=2, **how) -> tuple[FlaskClient, TestResponse]:
    """The launch's own answer, before the browser goes where it says."""
    client = app.test_client()
    login = client.post("/lti/login", data=moodle.login_form(who, where, **how))
    answer = moodle.answer(dict(parse_qsl(urlsplit(login.location).query)))
    return client, client.post("/lti/launch", data=answer)


@pytest.fixture
def link_to(moodle, platform):
    """An activity that leads to one of our pages, as Moodle keeps it after choosing."""

    def add(place: str):
        tool = next(iter(moodle.lti.tools.values()))
        return moodle.add_link(2, tool, "Страница", url=choosing.target_of("http://localhost", place))

    return add


# --- chosen pages -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "page"),
    [("home", ""), ("mentor", ""), ("surveys", "surveys/"), ("indicators", "indicators/")],
)
def test_each_place_leads_whoever_may_see_it_to_its_page(moodle, link_to, launch_as, session, place, page):
    curator = moodle.college.curators[0]
    launch_as(curator)
    # A launch calls a curator Instructor; the enrolments, once read, know better.
    session.execute(update(Membership).values(moodle_roles=["curator"], roles=["curator"]))
    session.commit()
    assert launch_as(curator, link_to(place)).home == f"/courses/1/{page}"


@pytest.mark.parametrize("place", choosing.PLACES)
def test_a_student_is_never_shut_out(moodle, link_to, launch_as, place):
    assert launch_as(moodle.college.students[0], link_to(place)).home == "/courses/1/"


@pytest.mark.parametrize(
    "target",
    [
        "http://localhost/lti/launch?page=https://evil.example",
        "http://localhost/lti/launch?page=../../admin",
        "http://localhost/lti/launch?page=",
        "http://localhost/lti/launch?other=1",
        "http://localhost/lti/launch?page=nothing",
        "http://localhost/anything?x",
    ],
)
def test_an_unknown_page_leads_home(app, moodle, platform, target):
    link = moodle.add_link(2, next(iter(moodle.lti.tools.values())), "Страница", url=target)
    _, response = open_it(app, moodle, moodle.college.students[0], link)
    assert (response.status_code, response.location) == (303, "/courses/1/")


def test_a_place_that_is_none_leads_home(launch_as, moodle):
    client = launch_as(moodle.college.curators[0])
    assert client.get("/courses/1/open/nothing").location == "/courses/1/"


def test_without_a_visit_a_place_leads_nowhere(app, platform):
    assert app.test_client().get("/courses/1/open/home").status_code == 401


def test_every_place_has_a_page_in_the_application(app):
    assert {place.endpoint for place in choosing.PLACES.values()} <= app.view_functions.keys()


# --- submission review --------------------------------------------------------------------------------------------


def review(app: Flask, moodle: PracticeMoodle, who, whom) -> tuple[FlaskClient, TestResponse]:
    return open_it(app, moodle, who, 2, message_type=SUBMISSION_REVIEW, for_user=whom)


def test_opening_a_grade_leads_the_teacher_to_that_person(app, moodle, platform, session, launch_as):
    student = moodle.college.students[3]
    launch_as(student)
    person = session.scalars(select(Person).where(Person.moodle_id == str(student.id))).one()
    _, response = review(app, moodle, moodle.college.teachers[0], student)
    assert (response.status_code, response.location) == (303, f"/courses/1/pairs/of/{person.id}/plan")


def test_opening_the_grade_of_somebody_unknown_leads_home(app, moodle, platform):
    client, response = review(app, moodle, moodle.college.teachers[0], moodle.college.students[3])
    assert (response.status_code, response.location) == (303, "/courses/1/")
    page = client.get("/courses/1/")
    assert page.status_code == 200
    assert "здесь ещё не известен" in page.text


def test_a_person_known_only_in_another_course_is_unknown_in_this_one(app, moodle, platform, session, launch_as):
    student = moodle.college.students[3]
    launch_as(student)
    other = Course(platform_id=platform.id, moodle_id="77", title="Другой курс")
    session.add(other)
    session.flush()
    session.execute(update(Membership).values(course_id=other.id))
    session.commit()
    _, response = review(app, moodle, moodle.college.teachers[0], student)
    assert response.location == "/courses/1/"


def test_an_administrator_who_opens_a_grade_comes_home(app, moodle, platform, launch_as):
    student = moodle.college.students[3]
    launch_as(student)
    client, response = review(app, moodle, moodle.college.admin, student)
    assert response.location == "/courses/1/"
    assert client.get(response.location).status_code == 200


def test_a_teacher_reads_the_persons_pairs_and_the_look_is_kept(app, moodle, platform, session, launch_as):
    student, teacher = moodle.college.students[3], moodle.college.teachers[0]
    launch_as(student)
    client, response = review(app, moodle, teacher, student)
    page = client.get(response.location, follow_redirects=True)
    assert page.status_code == 200
    assert student.lastname in page.text
    look = session.scalars(select(AuditEvent).where(AuditEvent.action == "person.looked")).one()
    person = session.scalars(select(Person).where(Person.moodle_id == str(student.id))).one()
    assert look.subject == f"person:{person.id}"


def test_a_plain_launch_is_led_home_and_not_to_its_owner(app, moodle, platform):
    _, response = open_it(app, moodle, moodle.college.teachers[0])
    assert response.location == "/courses/1/"
