"""The way on in a new window, for browsers that keep no cookies in Moodle's frame."""

import re
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from time import time
from urllib.parse import parse_qsl, urlsplit

import pytest
import time_machine
from sqlalchemy import select

from lti_service.audit import AuditEvent
from lti_service.lti.models import LaunchAttempt

IN_FRAME = {"Sec-Fetch-Dest": "iframe"}


@pytest.fixture
def form(app, moodle, platform):
    """The fields of the page that a browser without cookies gets in Moodle's frame."""
    browser = app.test_client(use_cookies=False)
    first = browser.post("/lti/login", data=moodle.login_form(moodle.college.students[0], 2), headers=IN_FRAME)
    assert first.status_code == 303
    page = browser.get(first.location, headers=IN_FRAME)
    assert page.status_code == 200
    assert 'target="_blank"' in page.text
    return {
        unescape(name): unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="(.*?)" value="(.*?)">', page.text)
    }


@pytest.fixture
def assert_refused(session):
    """A clear page, and the reason in the audit trail."""

    def check(response, reason):
        assert response.status_code == 401
        assert "Moodle" in response.text or "course" in response.text or "курс" in response.text
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "launch.refused")).one()
        assert (event.details["reason"], event.details["path"]) == (reason, "/lti/handoff")

    return check


def test_the_new_window_goes_through_a_whole_login_to_the_home_page(form, client, moodle):
    opened = client.post("/lti/handoff", data=form)
    assert opened.status_code == 303
    login = client.get(opened.location, headers={"Sec-Fetch-Dest": "document"})
    answer = moodle.answer(dict(parse_qsl(urlsplit(login.location).query)))
    home = client.post("/lti/launch", data=answer, follow_redirects=True)
    assert home.status_code == 200
    assert moodle.college.students[0].fullname in home.text


def test_a_browser_that_keeps_the_cookie_in_the_frame_goes_on_to_moodle(client, moodle, platform):
    form = moodle.login_form(moodle.college.students[0], 2)
    first = client.post("/lti/login", data=form, headers=IN_FRAME)
    second = client.get(first.location, headers=IN_FRAME)
    assert second.location.startswith(moodle.addresses["login_url"] + "?")


def test_the_code_works_once(form, client, assert_refused):
    assert client.post("/lti/handoff", data=form).status_code == 303
    assert_refused(client.post("/lti/handoff", data=form), "state-used")


def test_of_two_who_come_at_once_one_gets_in(form, app):
    def come(_number):
        return app.test_client().post("/lti/handoff", data=form).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(come, range(2))) == [303, 401]


def test_the_code_runs_out_after_a_minute(form, client, assert_refused):
    with time_machine.travel(time() + 61, tick=True):
        assert_refused(client.post("/lti/handoff", data=form), "state-expired")


def test_a_forged_code_is_refused(form, client, assert_refused):
    assert_refused(client.post("/lti/handoff", data={**form, "code": "A" * 43}), "state-unknown")


def test_a_code_is_good_for_its_own_login_only(form, client, assert_refused):
    assert_refused(client.post("/lti/handoff", data={**form, "login_hint": "3"}), "state-unknown")


def test_the_table_holds_the_codes_hash_only(form, session):
    row = session.scalars(select(LaunchAttempt)).one()
    kept = " ".join(str(getattr(row, column.name)) for column in LaunchAttempt.__table__.columns)
    assert form["code"] not in kept
    assert len(form["code"]) >= 43


def test_an_unknown_platform_is_refused_before_anything_is_offered(client, moodle, platform):
    form = {**moodle.login_form(moodle.college.students[0], 2), "client_id": "nobody"}
    assert client.post("/lti/login", data=form, headers=IN_FRAME).status_code == 403
