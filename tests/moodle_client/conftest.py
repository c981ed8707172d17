"""Clients to test, and what they talk to: the double of a Moodle, or a real server on loopback."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import responses

from moodle_client import MoodleClient
from tests.moodle_client.moodle_double import MOODLE_URL, TOKEN, Moodle


@pytest.fixture
def moodle() -> Iterator[Moodle]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        moodle = Moodle(mock)
        yield moodle
        assert not moodle.has_more_to_say, "an answer nobody came for"


@pytest.fixture
def slept() -> list[float]:
    """How long the client has waited between tries, in seconds; no time passes."""
    return []


@pytest.fixture
def client(slept: list[float]) -> Iterator[MoodleClient]:
    with MoodleClient(MOODLE_URL, TOKEN, sleep=slept.append) as client:
        yield client


@pytest.fixture
def serve() -> Callable[..., Any]:
    """Run a real server on loopback: `with serve(handle) as url`, where `handle` gets each request's handler."""

    @contextmanager
    def running(handle: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                handle(self)

            def log_message(self, *_args: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}"
            finally:
                server.shutdown()
                thread.join()

    return running
