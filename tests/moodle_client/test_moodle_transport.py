"""How calls travel: retries for reading only, two at a time to a site, timeouts, sessions of the caller's own."""

import gzip
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
import requests
import time_machine

from moodle_client import (
    MESSAGE_MAX_BYTES,
    AccessDenied,
    InvalidParameter,
    MalformedResponse,
    MoodleClient,
    MoodleUnavailable,
)
from tests.moodle_client.moodle_double import MOODLE_URL, REST_URL, TOKEN, Moodle

TIMEOUT_PAGE = "<html>504 Gateway Time-out</html>"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_reading_tries_again(status: int, moodle: Moodle, client: MoodleClient, slept: list[float]) -> None:
    moodle.answers(TIMEOUT_PAGE, status)
    moodle.plays("ws.course_groups.json")

    assert len(client.course_groups(2)) == 2

    assert len(slept) == 1
    first, second = moodle.asked
    assert first == second


@pytest.mark.parametrize(
    "failure",
    [
        requests.ConnectionError("reset"),
        requests.ConnectTimeout("slow"),
        requests.ReadTimeout("slow"),
        requests.exceptions.ChunkedEncodingError("broken off"),
    ],
)
def test_reading_tries_again_when_there_was_no_answer(failure: Exception, moodle: Moodle, client: MoodleClient) -> None:
    moodle.answers(failure)
    moodle.plays("ws.course_groups.json")

    assert len(client.course_groups(2)) == 2


def test_it_waits_longer_each_time_and_then_gives_up(moodle: Moodle, client: MoodleClient, slept: list[float]) -> None:
    for _ in range(4):
        moodle.answers(TIMEOUT_PAGE, 503)

    with pytest.raises(MoodleUnavailable, match="HTTP 503"):
        client.site_info()

    assert [0.25 <= slept[0] <= 0.5, 0.5 <= slept[1] <= 1.0, 1.0 <= slept[2] <= 2.0] == [True] * 3
    assert len(slept) == 3


def test_no_wait_is_longer_than_the_limit(moodle: Moodle, slept: list[float]) -> None:
    for _ in range(10):
        moodle.answers(TIMEOUT_PAGE, 503)

    with (
        MoodleClient(MOODLE_URL, TOKEN, retries=9, sleep=slept.append) as client,
        pytest.raises(MoodleUnavailable),
    ):
        client.site_info()

    assert 10.0 <= slept[-1] <= 20.0
    assert max(slept) <= 20.0


@pytest.mark.parametrize(
    "failure",
    [
        requests.exceptions.SSLError("certificate has expired"),
        requests.exceptions.ProxyError("no such proxy"),
        requests.exceptions.InvalidURL("a guard refused the address"),
    ],
)
def test_what_will_not_mend_itself_is_not_tried_again(
    failure: Exception, moodle: Moodle, client: MoodleClient, slept: list[float]
) -> None:
    moodle.answers(failure)

    with pytest.raises(MoodleUnavailable, match=type(failure).__name__):
        client.site_info()

    assert slept == []


def test_it_waits_as_long_as_moodle_asks(moodle: Moodle, client: MoodleClient, slept: list[float]) -> None:
    moodle.answers("", 429, {"Retry-After": "17"})
    moodle.plays("ws.course_groups.json")

    client.course_groups(2)

    assert slept == [17.0]


def test_it_waits_until_the_date_moodle_names(moodle: Moodle, client: MoodleClient, slept: list[float]) -> None:
    moodle.answers("", 503, {"Retry-After": "Mon, 23 Nov 2026 10:00:30 GMT"})
    moodle.plays("ws.course_groups.json")

    with time_machine.travel("2026-11-23T10:00:00Z", tick=False):
        client.course_groups(2)

    assert slept == [30.0]


def test_it_does_not_wait_for_an_hour(moodle: Moodle, client: MoodleClient, slept: list[float]) -> None:
    moodle.answers("", 503, {"Retry-After": "3600"})

    with pytest.raises(MoodleUnavailable) as caught:
        client.site_info()

    assert caught.value.retry_after == 3600
    assert slept == []


@pytest.mark.parametrize(
    "retry_after",
    ["soon", "-5", "²", "1e9", "Mon, 99 Nov 2026 10:00:30 GMT", "Mon, 23 Nov 2026 10:00:30 +99999999999999"],
)
def test_a_senseless_retry_after_is_ignored(
    retry_after: str, moodle: Moodle, client: MoodleClient, slept: list[float]
) -> None:
    moodle.answers("", 503, {"Retry-After": retry_after})
    moodle.plays("ws.course_groups.json")

    client.course_groups(2)

    assert len(slept) == 1
    assert slept[0] <= 0.5


@pytest.mark.parametrize(
    ("body", "status"),
    [(TIMEOUT_PAGE, 503), (TIMEOUT_PAGE, 504), ("", 429), (requests.ReadTimeout("slow"), 200)],
)
def test_a_message_is_never_sent_twice(
    body: object, status: int, moodle: Moodle, client: MoodleClient, slept: list[float]
) -> None:
    moodle.answers(body, status)

    with pytest.raises(MoodleUnavailable):
        client.send_message(5, "Здравствуйте")

    assert len(moodle.requests) == 1
    assert slept == []


def test_other_functions_are_called_once_unless_told(moodle: Moodle, client: MoodleClient) -> None:
    moodle.answers(TIMEOUT_PAGE, 503)

    with pytest.raises(MoodleUnavailable):
        client.call("core_calendar_create_calendar_events", {"events": [{"name": "Встреча"}]})


def test_a_message_may_have_4096_bytes(moodle: Moodle, client: MoodleClient) -> None:
    moodle.plays("ws.message.ok.json")
    longest = "ж" * (MESSAGE_MAX_BYTES // 2)

    client.send_message(5, longest)

    assert moodle.asked[0][1]["messages[0][text]"] == longest


def test_a_longer_message_is_refused_before_sending(moodle: Moodle, client: MoodleClient) -> None:
    with pytest.raises(InvalidParameter, match="4098 bytes") as caught:
        client.send_message(5, "ж" * 2049)

    assert caught.value.errorcode == "messagetoolong"
    assert moodle.requests == []


def test_a_silent_moodle_is_given_up_on(serve: Callable[..., Any]) -> None:
    done = threading.Event()

    def keep_silent(_request: BaseHTTPRequestHandler) -> None:
        done.wait(10)

    with (
        serve(keep_silent) as url,
        MoodleClient(url, TOKEN, timeout=(5, 0.1), retries=1, sleep=lambda _: None) as client,
    ):
        started = time.monotonic()
        with pytest.raises(MoodleUnavailable, match="ReadTimeout"):
            client.site_info()
        spent = time.monotonic() - started
        done.set()

    assert 0.2 <= spent < 5


def test_a_packed_answer_counts_unpacked(serve: Callable[..., Any]) -> None:
    bomb = gzip.compress(b" " * 1_000_000)

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Encoding", "gzip")
        request.send_header("Content-Length", str(len(bomb)))
        request.end_headers()
        request.wfile.write(bomb)

    with (
        serve(answer) as url,
        MoodleClient(url, TOKEN, max_bytes=100_000) as client,
        pytest.raises(MalformedResponse, match="more than 100000 bytes"),
    ):
        client.site_info()


def test_a_redirect_is_refused_without_reading_it(serve: Callable[..., Any]) -> None:
    done = threading.Event()

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(303)
        request.send_header("Location", "https://elsewhere.example.org/")
        request.send_header("Content-Length", "1000000000")
        request.end_headers()
        done.wait(10)

    with serve(answer) as url, MoodleClient(url, TOKEN, timeout=(5, 5)) as client:
        with pytest.raises(MalformedResponse, match="redirected to https://elsewhere"):
            client.site_info()
        done.set()


class Crowd:
    """A server that holds each request until told, counting how many it has at a time."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._let_go = 0
        self.now = self.most = self.served = 0

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        with self._changed:
            self.now += 1
            self.most = max(self.most, self.now)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._let_go > 0, timeout=10)
            self._let_go -= 1
            self.now -= 1
            self.served += 1
        request.send_response(200)
        request.send_header("Content-Length", "2")
        request.end_headers()
        request.wfile.write(b"[]")

    def wait_until_there_are(self, count: int) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.now >= count, timeout=10)

    def more_come_within(self, seconds: float, than: int) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.now > than, timeout=seconds)

    def release(self, count: int) -> None:
        with self._changed:
            self._let_go += count
            self._changed.notify_all()


def test_a_site_gets_two_requests_at_a_time_from_all_threads_and_clients(serve: Callable[..., Any]) -> None:
    crowd = Crowd()

    with serve(crowd.handle) as url, ThreadPoolExecutor(9) as threads:
        clients = [MoodleClient(url, f"{TOKEN}{number}") for number in range(3)]
        calls = [threads.submit(client.course_groups, 2) for client in clients for _ in range(3)]
        assert crowd.wait_until_there_are(2)
        assert not crowd.more_come_within(0.3, than=2)
        crowd.release(9)
        assert [call.result(10) for call in calls] == [[]] * 9
        for client in clients:
            client.close()

    assert (crowd.most, crowd.served) == (2, 9)


def test_the_limit_may_be_lower(serve: Callable[..., Any]) -> None:
    crowd = Crowd()

    with (
        serve(crowd.handle) as url,
        ThreadPoolExecutor(2) as threads,
        MoodleClient(url, TOKEN, max_concurrent=1) as client,
    ):
        calls = [threads.submit(client.course_groups, 2) for _ in range(2)]
        assert crowd.wait_until_there_are(1)
        assert not crowd.more_come_within(0.2, than=1)
        crowd.release(2)
        assert [call.result(10) for call in calls] == [[], []]

    assert crowd.most == 1


def test_one_site_does_not_wait_for_another(serve: Callable[..., Any]) -> None:
    busy, idle = Crowd(), Crowd()

    with (
        serve(busy.handle) as busy_url,
        serve(idle.handle) as idle_url,
        ThreadPoolExecutor(2) as threads,
        MoodleClient(busy_url, TOKEN) as held,
        MoodleClient(idle_url, TOKEN) as free,
    ):
        calls = [threads.submit(held.course_groups, 2) for _ in range(2)]
        assert busy.wait_until_there_are(2)
        idle.release(1)
        assert free.course_groups(2) == []
        busy.release(2)
        assert [call.result(10) for call in calls] == [[], []]


def test_failures_give_their_place_back(moodle: Moodle, client: MoodleClient) -> None:
    for _ in range(3):
        moodle.answers("", 403)
        with pytest.raises(AccessDenied):
            client.site_info()
    moodle.plays("ws.site_info.json")

    assert client.site_info().user_id == 3


@pytest.mark.parametrize("url", [MOODLE_URL, f"{MOODLE_URL}/", REST_URL])
def test_it_takes_the_address_of_the_site_or_of_its_service(url: str, moodle: Moodle) -> None:
    moodle.plays("ws.site_info.json")

    with MoodleClient(url, TOKEN) as client:
        client.site_info()

    assert moodle.requests[0].url == REST_URL
    assert repr(client) == "<MoodleClient http://localhost:8080>"


def test_it_says_who_it_is(moodle: Moodle) -> None:
    moodle.plays("ws.site_info.json")

    with MoodleClient(MOODLE_URL, TOKEN, user_agent="nastavnichestvo/1.0") as client:
        client.site_info()

    assert moodle.requests[0].headers["User-Agent"] == "nastavnichestvo/1.0"


class CountingAdapter(requests.adapters.HTTPAdapter):
    """The caller's own way to the network."""

    sent = 0
    closed = False

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        self.sent += 1
        return super().send(*args, **kwargs)

    def close(self) -> None:
        self.closed = True
        super().close()


def test_it_uses_the_session_handed_in_and_leaves_it_open(serve: Callable[..., Any]) -> None:
    crowd, adapter = Crowd(), CountingAdapter()
    crowd.release(1)

    with serve(crowd.handle) as url, requests.Session() as session:
        session.mount("http://", adapter)
        with MoodleClient(url, TOKEN, session=session) as client:
            assert client.course_groups(2) == []
        assert (adapter.sent, adapter.closed) == (1, False)
