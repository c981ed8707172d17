"""A whole launch through the real endpoints: the page it leads to, and what it leaves behind."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qsl, urlsplit

import time_machine
from sqlalchemy import func, select

from lti_service.entrance.models import Visit
from lti_service.lti.models import LaunchAttempt
from lti_service.people.models import Membership, Person
from lti_service.platforms.models import Course
from tests.conftest import launch


def test_a_student_comes_to_a_page_with_their_name_and_the_activitys_title(launch_as, moodle):
    student = moodle.college.students[0]
    page = (client := launch_as(student)).get(client.home)
    assert student.fullname in page.text
    assert "Наставничество" in page.text
    assert '<html lang="ru">' in page.text


def test_a_second_launch_of_the_same_person_writes_no_second_person(launch_as, moodle, session):
    student = moodle.college.students[0]
    launch_as(student)
    launch_as(student)
    assert session.scalar(select(func.count()).select_from(Person)) == 1
    assert session.scalar(select(func.count()).select_from(Membership)) == 1
    assert session.scalar(select(func.count()).select_from(Course)) == 1
    assert session.scalar(select(func.count()).select_from(Visit)) == 2


def test_a_name_that_a_launch_leaves_out_stays_as_it_was_known(launch_as, moodle, session):
    student = moodle.college.students[0]
    launch_as(student)
    tool = next(iter(moodle.lti.tools.values()))
    tool.sends_name = tool.sends_email = False
    client = launch_as(student)
    assert student.fullname in client.get(client.home).text
    person = session.scalars(select(Person)).one()
    assert (person.family_name, person.email) == (student.lastname, student.email)


def test_a_visit_ends_by_itself(launch_as, moodle):
    with time_machine.travel("2026-11-23 08:00:00+00:00", tick=True) as clock:
        client = launch_as(moodle.college.students[0])
        assert client.get(client.home).status_code == 200
        clock.shift(8 * 3600 + 1)
        ended = client.get(client.home)
        assert ended.status_code == 401
        assert "Moodle" in ended.text


def test_a_page_without_a_visit_says_to_come_through_moodle(client):
    page = client.get("/courses/1/")
    assert page.status_code == 401
    assert "Moodle" in page.text


def test_another_course_than_ones_own_is_not_there(launch_as, moodle, session):
    outsider = next(
        person for person in moodle.college.students if person.id not in moodle.college.courses[3].enrolments
    )
    launch_as(next(iter(moodle.college.courses[3].enrolments.values())).person, 3)
    client = launch_as(outsider, 2)
    other = session.scalars(select(Course).where(Course.moodle_id == "3")).one()
    assert client.get(f"/courses/{other.id}/").status_code == 404
    # The last are more than the databases' numbers hold.
    for nobodys in (4711, 0, 2**31, 10**20):
        for page in ("", "my-data/", "pairs/1/"):
            assert client.get(f"/courses/{nobodys}/{page}").status_code == 404


def test_two_activities_opened_at_once_in_one_browser_both_come_through(client, moodle, platform):
    student = next(person for person in moodle.college.students if person.id in moodle.college.courses[3].enrolments)
    logins = [client.post("/lti/login", data=moodle.login_form(student, course)) for course in (2, 3)]
    for login in logins:
        answer = moodle.answer(dict(parse_qsl(urlsplit(login.location).query)))
        assert client.post("/lti/launch", data=answer).status_code == 303


def test_two_first_launches_of_one_person_at_once_make_one_person(app, moodle, platform, session):
    """A student opens two tabs on the first day, before anybody has loaded the course."""
    student = moodle.college.students[0]

    def come(_number):
        return launch(app.test_client(), moodle, student).status_code

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(come, range(8))) == [200] * 8
    for table in (Person, Membership, Course):
        assert session.scalar(select(func.count()).select_from(table)) == 1
    assert session.scalar(select(func.count()).select_from(Visit)) == 8


def test_login_answers_get_as_well_as_post(client, moodle, platform):
    login = client.get("/lti/login", query_string=moodle.login_form(moodle.college.students[0], 2))
    assert login.status_code == 302
    assert login.location.startswith(moodle.addresses["login_url"] + "?")


def test_a_paused_platform_ends_visits_and_takes_no_launches(launch_as, client, moodle, platform, session):
    visitor = launch_as(moodle.college.students[0])
    paused = session.merge(platform)
    paused.state = "paused"
    session.commit()
    ended = visitor.get(visitor.home)
    assert ended.status_code == 401
    login = client.post("/lti/login", data=moodle.login_form(moodle.college.students[0], 2))
    assert login.status_code == 403
    assert "Наставничество в этом Moodle сейчас отключено" in login.text
    # Both are said inside Moodle's frame: without leave to be framed people would see the browser's empty one.
    for answer in (ended, login):
        assert f"frame-ancestors 'self' {moodle.issuer}" in answer.headers["Content-Security-Policy"]


def test_a_page_that_is_no_error_is_framed_by_active_platforms_only(client, moodle, platform, session):
    assert f"frame-ancestors 'self' {moodle.issuer}" in client.get("/").headers["Content-Security-Policy"]
    session.merge(platform).state = "paused"
    session.commit()
    assert client.get("/").headers["Content-Security-Policy"].endswith("frame-ancestors 'self'")


def test_the_attempts_table_holds_hashes_only(client, moodle, platform, session):
    login = client.post("/lti/login", data=moodle.login_form(moodle.college.students[0], 2))
    attempt = session.scalars(select(LaunchAttempt)).one()
    assert attempt.state_hash not in login.location
    assert attempt.nonce_hash not in login.location


def test_an_administrator_enters_without_being_enrolled_and_becomes_no_member(launch_as, moodle, session):
    admin = launch_as(moodle.college.admin)
    assert admin.get(admin.home).status_code == 200
    assert session.scalar(select(func.count()).select_from(Membership)) == 0


def test_no_launch_asks_moodle_for_anything_when_its_keys_are_known(client, app, moodle, platform):
    launch(client, moodle, moodle.college.students[0])
    moodle.requests.clear()
    launch(app.test_client(), moodle, moodle.college.students[1])
    assert list(moodle.requests) == []
