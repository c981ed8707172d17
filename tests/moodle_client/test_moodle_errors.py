"""Answers that are none: each becomes one error that says what is wrong and never shows the token."""

import logging
import pickle
import re
import socket
import traceback
from collections.abc import Callable
from typing import Any

import pytest
import requests

from moodle_client import (
    AccessDenied,
    InvalidToken,
    MalformedResponse,
    MoodleClient,
    MoodleError,
    MoodleUnavailable,
    RecordNotFound,
)
from tests.moodle_client.moodle_double import MOODLE_URL, TOKEN, Moodle

LOGIN_PAGE = "<!DOCTYPE html><html><title>Log in</title></html>"
USER = {"id": 4, "fullname": "Александр Новиков"}


def error(errorcode: str, message: str = "") -> dict[str, str]:
    return {"exception": "moodle_exception", "errorcode": errorcode, "message": message}


def test_a_token_that_has_run_out_is_told_from_a_missing_right(moodle: Moodle, client: MoodleClient) -> None:
    """Moodle answers the first call with the same code as for a function that the service lacks."""
    moodle.answers(error("accessexception", "Access control exception"))
    moodle.answers(error("invalidtoken", "Invalid token - token not found"))
    with pytest.raises(InvalidToken):
        client.site_info()


def test_what_is_denied_twice_is_denied(moodle: Moodle, client: MoodleClient) -> None:
    for _time in range(2):
        moodle.answers(error("accessexception", "Access control exception"))
    with pytest.raises(AccessDenied):
        client.send_message(4, "Здравствуйте")
    assert len(moodle.requests) == 2


@pytest.mark.parametrize(
    ("body", "status", "kind", "errorcode"),
    [
        (error("invalidtoken"), 200, InvalidToken, "invalidtoken"),
        (error("invalidtoken"), 401, InvalidToken, "invalidtoken"),
        (error("nopermissions"), 200, AccessDenied, "nopermissions"),
        (error("wsaccessusersuspended"), 200, AccessDenied, "wsaccessusersuspended"),
        (error("invalidcoursemodule"), 200, RecordNotFound, "invalidcoursemodule"),
        (error("sitemaintenance"), 200, MoodleUnavailable, "sitemaintenance"),
        (error("somethingnew"), 200, MoodleError, "somethingnew"),
        ({"exception": "moodle_exception", "message": "no code"}, 200, MoodleError, ""),
        ({"error": "Old style", "errorcode": "invalidrecord"}, 200, RecordNotFound, "invalidrecord"),
        ("", 403, AccessDenied, "http403"),
        (LOGIN_PAGE, 200, MalformedResponse, "malformed"),
        (LOGIN_PAGE, 404, MalformedResponse, "malformed"),
        ({"fine": True}, 404, MalformedResponse, "malformed"),
        ("", 200, MalformedResponse, "malformed"),
        ("[" * 100_000, 200, MalformedResponse, "malformed"),
        (LOGIN_PAGE, 500, MoodleUnavailable, "http500"),
    ],
)
def test_each_bad_answer_is_its_own_error(
    body: object, status: int, kind: type, errorcode: str, moodle: Moodle, client: MoodleClient
) -> None:
    moodle.answers(body, status)

    with pytest.raises(MoodleError) as caught:
        client.site_info()

    assert type(caught.value) is kind
    assert caught.value.errorcode == errorcode
    assert caught.value.function == "core_webservice_get_site_info"
    assert len(moodle.requests) == 1


def test_the_exception_class_moodle_names_does_not_matter(moodle: Moodle, client: MoodleClient) -> None:
    moodle.answers({"exception": "webservice_access_exception", "errorcode": "invalidtoken", "message": ""})

    with pytest.raises(InvalidToken):
        client.site_info()


def test_an_html_page_says_so(moodle: Moodle, client: MoodleClient) -> None:
    moodle.answers(LOGIN_PAGE)

    with pytest.raises(MalformedResponse, match=r"get_site_info: HTTP 200 with text/html, not JSON"):
        client.site_info()


@pytest.mark.parametrize(
    ("body", "call", "key"),
    [
        ({"siteurl": "x", "userid": 3}, lambda client: client.site_info(), "sitename"),
        ({"warnings": []}, lambda client: client.courses([2]), "courses"),
        ([], lambda client: client.courses([2]), "courses"),
        (
            {"courses": [{"id": 2, "fullname": "", "shortname": ""}, {"id": 3, "fullname": ""}]},
            lambda client: client.courses([2, 3]),
            "courses[1].shortname",
        ),
        ([USER, {"fullname": "Без номера"}], lambda client: client.users_by_field("id", [4]), "[1].id"),
        ([USER | {"id": None}], lambda client: client.users_by_field("id", [4]), "[0].id"),
        ([USER | {"id": "four"}], lambda client: client.users_by_field("id", [4]), "[0].id"),
        (
            [USER | {"customfields": [{"value": "1"}]}],
            lambda client: client.users_by_field("id", [4]),
            "[0].customfields[0].shortname",
        ),
        (["text"], lambda client: client.course_groups(2), "[0]"),
        ({}, lambda client: client.course_groups(2), ""),
        (None, lambda client: client.course_groups(2), ""),
        ("null", lambda client: client.site_info(), ""),
        (
            {"courses": [{"id": 2, "fullname": "", "shortname": "", "startdate": 10**30}]},
            lambda client: client.courses([2]),
            "courses[0].startdate",
        ),
        (
            {"attempts": [], "totalattempts": 0, "anonattempts": []},
            lambda client: list(client.iter_feedback_responses(1)),
            "totalanonattempts",
        ),
        ([], lambda client: client.send_message(5, "Здравствуйте"), ""),
        ([{}], lambda client: client.send_message(5, "Здравствуйте"), "[0].msgid"),
    ],
)
def test_a_malformed_answer_says_which_key(
    body: object,
    call: Callable[[MoodleClient], object],
    key: str,
    moodle: Moodle,
    client: MoodleClient,
) -> None:
    moodle.answers(body)

    with pytest.raises(MalformedResponse) as caught:
        call(client)

    assert caught.value.key == key
    assert key in str(caught.value)
    assert "Без номера" not in str(caught.value), "people's data has no place in a log"


def test_a_redirect_is_not_followed(moodle: Moodle, client: MoodleClient) -> None:
    moodle.answers("", 303, {"Location": f"https://moodle.example.org/login/index.php?wstoken={TOKEN}"})

    with pytest.raises(MalformedResponse, match=r"redirected to https://moodle\.example\.org/login/index\.php"):
        client.site_info()

    assert len(moodle.requests) == 1


def test_a_redirect_to_nowhere_is_malformed_too(moodle: Moodle, client: MoodleClient) -> None:
    moodle.answers("", 302, {"Location": "http://[half an address"})

    with pytest.raises(MalformedResponse, match="redirected"):
        client.site_info()


def test_an_endless_answer_is_cut_off(moodle: Moodle) -> None:
    moodle.answers({"sitename": "x" * 2000})

    with (
        MoodleClient(MOODLE_URL, TOKEN, max_bytes=1000) as client,
        pytest.raises(MalformedResponse, match="more than 1000 bytes"),
    ):
        client.site_info()


def test_an_error_is_one_line_of_bounded_length(moodle: Moodle, client: MoodleClient) -> None:
    moodle.answers(error("somethingnew", "line\n\x1b[31m2026-11-23 forged entry " + "x" * 5000))

    with pytest.raises(MoodleError) as caught:
        client.site_info()

    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 400
    assert "\x1b" not in str(caught.value)


def nothing_listens() -> str:
    """An address on loopback where connections are refused."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{reserved.getsockname()[1]}"


def texts_of(failure: BaseException) -> str:
    """All a log or an error tracker could show of an exception, what it hangs on included."""
    chain: list[BaseException] = []
    link: BaseException | None = failure
    while link is not None:
        chain.append(link)
        link = link.__cause__ or link.__context__
    shown = [repr((link, link.args, vars(link))) for link in chain]
    return "\n".join([*traceback.format_exception(failure), *shown])


@pytest.mark.parametrize(
    "answer",
    [
        (error("invalidtoken", f"Invalid token {TOKEN}"), 200, {}),
        (error(f"code{TOKEN}", TOKEN * 3), 200, {}),
        (f"<html>{TOKEN}</html>", 200, {}),
        (f"<html>{TOKEN}</html>", 500, {}),
        (f"<html>{TOKEN}</html>", 503, {"Retry-After": TOKEN}),
        ("", 302, {"Location": f"/{TOKEN}?token={TOKEN}"}),
        ("", 403, {}),
        ({"sitename": TOKEN, "warnings": [{"message": TOKEN}]}, 200, {}),
        (requests.ReadTimeout("slow"), 200, {}),
        (requests.exceptions.InvalidURL("refused"), 200, {}),
    ],
)
def test_no_error_and_no_log_shows_the_token(
    answer: tuple[Any, int, dict[str, str]], moodle: Moodle, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    moodle.answers(*answer)

    with (
        MoodleClient(MOODLE_URL, TOKEN, retries=0) as client,
        pytest.raises(MoodleError) as caught,
    ):
        client.site_info()

    assert TOKEN not in texts_of(caught.value)
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(client)


def test_a_refused_connection_does_not_carry_the_request_along(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    slept: list[float] = []

    with (
        MoodleClient(nothing_listens(), TOKEN, retries=1, sleep=slept.append) as client,
        pytest.raises(MoodleUnavailable, match=r"no answer \(ConnectionError\) \[noanswer\]") as caught,
    ):
        client.site_info()

    assert len(slept) == 1
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None, "requests' exception holds the request and its body"
    assert TOKEN not in texts_of(caught.value)
    assert TOKEN not in caplog.text


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("moodle.example.org", TOKEN),
        ("ftp://moodle.example.org", TOKEN),
        ("https://", TOKEN),
        (f"https://user:{TOKEN}@moodle.example.org", TOKEN),
        (f"https://moodle.example.org/webservice/rest/server.php?wstoken={TOKEN}", TOKEN),
        ("https://moodle.example.org", ""),
    ],
)
def test_a_useless_address_or_token_is_refused_at_once(url: str, token: str) -> None:
    with pytest.raises(ValueError, match=r"address|token") as caught:
        MoodleClient(url, token)

    assert TOKEN not in texts_of(caught.value)


@pytest.mark.parametrize(
    "failure",
    [
        InvalidToken("Invalid token", errorcode="invalidtoken", function="f"),
        MalformedResponse("id: missing", function="f", key="id"),
        MoodleUnavailable("HTTP 503", errorcode="http503", function="f", transient=True, retry_after=3.0),
    ],
)
def test_errors_survive_the_way_through_a_queue(failure: MoodleError) -> None:
    copy = pickle.loads(pickle.dumps(failure))

    assert (type(copy), str(copy), vars(copy)) == (type(failure), str(failure), vars(failure))


def test_warnings_go_to_the_log_only(moodle: Moodle, client: MoodleClient, caplog: pytest.LogCaptureFixture) -> None:
    warning = {"item": "course", "itemid": 9, "warningcode": "1", "message": "No access rights"}
    moodle.answers({"feedbacks": [], "warnings": [warning]})

    assert client.feedbacks([9]) == []

    assert re.search(r"get_feedbacks_by_courses warns: .*No access rights", caplog.text)
