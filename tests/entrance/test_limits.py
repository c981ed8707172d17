"""How often one address may come to login, launch and registration, and how much it may send."""

import io
import socket
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from config import Settings, SettingsError, load_settings
from lti_service.audit import AuditEvent
from tests.conftest import launch

WAIT = {"ru": "Подождите минуту", "en": "Wait a minute"}
TOO_MUCH = {"ru": "Слишком много данных за один раз", "en": "That was too much to send at once"}
DOORS = [("POST", "/lti/login"), ("GET", "/lti/login"), ("POST", "/lti/launch"), ("GET", "/lti/register")]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Three of each a minute."""
    return replace(settings, logins_per_minute=3, launches_per_minute=3, registrations_per_minute=3)


@pytest.fixture
def knock(app: Flask) -> Callable[..., TestResponse]:
    """One request from an address, as the proxy in front of the service passes it on."""

    def knock(method: str, path: str, address: str = "203.0.113.7", language: str = "ru") -> TestResponse:
        headers = {"X-Forwarded-For": address, "Accept-Language": language}
        return app.test_client().open(path, method=method, headers=headers)

    return knock


def audited(session: Session) -> int:
    session.rollback()
    return session.scalar(select(func.count()).select_from(AuditEvent)) or 0


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize(("method", "path"), DOORS)
def test_who_comes_too_often_is_told_to_wait_in_their_language(knock, session, method, path, language):
    for _ in range(3):
        assert knock(method, path).status_code in (400, 403, 404)
    before = audited(session)
    for _ in range(5):
        response = knock(method, path, language=language)
    assert response.status_code == 429
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    assert response.mimetype == "text/html"
    assert WAIT[language].lower() in response.text.lower()
    assert response.headers["X-Correlation-Id"] in response.text
    assert audited(session) == before, "a flood must not fill the audit trail"


def test_the_registration_page_says_where_to_paste_the_address_again(knock):
    pages = [knock("GET", "/lti/register", language="en") for _ in range(4)]
    assert "Manage tools" in pages[-1].text


def test_another_address_and_another_door_are_not_held_up(knock):
    for _ in range(4):
        last = knock("POST", "/lti/launch")
    assert last.status_code == 429
    assert knock("POST", "/lti/launch", address="203.0.113.8").status_code != 429
    assert knock("POST", "/lti/login").status_code != 429


def test_an_ipv6_client_cannot_change_its_address_to_get_more(knock):
    for host in range(1, 4):
        assert knock("POST", "/lti/launch", address=f"2001:db8:1:2::{host:x}").status_code != 429
    assert knock("POST", "/lti/launch", address="2001:db8:1:2::ffff").status_code == 429
    assert knock("POST", "/lti/launch", address="2001:db8:1:3::1").status_code != 429


def test_a_crowd_behind_one_address_is_not_held_up_by_its_own_good_launches(app, moodle, platform):
    for student in moodle.college.students[:8]:
        assert launch(app.test_client(), moodle, student).status_code == 200


def test_good_launches_of_others_do_not_pay_for_a_flood(app, moodle, platform, knock):
    address = "127.0.0.1"
    for student in moodle.college.students[:3]:
        assert launch(app.test_client(), moodle, student).status_code == 200
    codes = [knock("POST", "/lti/launch", address=address).status_code for _ in range(4)]
    assert codes == [400, 400, 400, 429]


def test_after_the_minute_they_come_in_again(app, moodle, platform, monkeypatch):
    student = moodle.college.students[0]
    for _ in range(3):
        begun = app.test_client().post("/lti/login", data=moodle.login_form(student, 2))
        assert begun.status_code == 302, "a login that nobody ends"
    refused = app.test_client().post("/lti/login", data=moodle.login_form(student, 2))
    assert refused.status_code == 429
    real = time.time
    monkeypatch.setattr("lti_service.limits.time.time", lambda: real() + int(refused.headers["Retry-After"]))
    assert app.test_client().post("/lti/login", data=moodle.login_form(student, 2)).status_code == 302


def test_a_flood_of_one_address_is_one_line_in_the_log(knock, caplog):
    for _ in range(20):
        knock("POST", "/lti/launch")
    assert caplog.text.count("too many requests") == 1


class TestWithoutLimits:
    """Zero or an empty value switches a limit off."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, launches_per_minute=0)

    def test_nobody_is_counted(self, knock):
        assert 429 not in {knock("POST", "/lti/launch").status_code for _ in range(10)}
        assert 429 in {knock("POST", "/lti/login").status_code for _ in range(10)}


@pytest.mark.parametrize(("value", "meant"), [("", 0), ("0", 0), ("40", 40)])
def test_the_limits_come_from_the_environment(monkeypatch, tmp_path, value, meant):
    assert load_settings(tmp_path).launches_per_minute == 600
    monkeypatch.setenv("LAUNCHES_PER_MINUTE", value)
    assert load_settings(tmp_path).launches_per_minute == meant


@pytest.mark.parametrize("value", ["many", "-1", "600/minute"])
def test_a_limit_that_is_no_number_is_named(monkeypatch, tmp_path, value):
    monkeypatch.setenv("LOGINS_PER_MINUTE", value)
    with pytest.raises(SettingsError, match="LOGINS_PER_MINUTE"):
        load_settings(tmp_path)


def a_free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class TestWithABrokenRedis:
    """Redis is where the queue is, but nobody answers there."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, queue_url=f"redis://127.0.0.1:{a_free_port()}/0")

    def test_requests_are_counted_in_memory(self, knock):
        codes = [knock("POST", "/lti/launch").status_code for _ in range(4)]
        assert codes == [400, 400, 400, 429]


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "chunked"])
@pytest.mark.parametrize("path", ["/lti/login", "/lti/launch", "/lti/register"])
def test_a_body_that_is_too_large_is_refused_in_the_senders_language(client, session, path, chunked, language):
    body = b"id_token=" + b"x" * 3_000_000
    response = client.post(
        path,
        input_stream=io.BytesIO(body),
        content_type="application/x-www-form-urlencoded",
        headers={"Accept-Language": language} | ({} if chunked else {"Content-Length": str(len(body))}),
        # What gunicorn says of a chunked body, which it ends itself.
        environ_overrides={"wsgi.input_terminated": True} if chunked else {},
    )
    assert response.status_code == 413
    assert TOO_MUCH[language] in response.text
    assert audited(session) == (0 if path == "/lti/register" else 1)
