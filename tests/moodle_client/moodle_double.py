"""A Moodle at the network's edge: it answers what it is told to, or what a real one was recorded to answer."""

import json
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

import responses
from requests import PreparedRequest

RECORDINGS = Path(__file__).parent.parent / "recordings"
MOODLE_URL = "http://localhost:8080"
REST_URL = f"{MOODLE_URL}/webservice/rest/server.php"
TOKEN = "0123456789abcdef0123456789abcdef"

Reply: TypeAlias = tuple[int, dict[str, str], str] | Exception


class Moodle:
    """Gives its answers in the order they were queued, and remembers what it was asked."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self._mock = mock
        self._replies: deque[Reply] = deque()
        self._answer_by: Callable[[str, dict[str, str]], object] | None = None
        mock.add_callback("POST", REST_URL, self._reply, content_type=None)

    def answers(self, body: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Queue an answer: text as a page, an exception as no answer at all, anything else as JSON."""
        if isinstance(body, Exception):
            self._replies.append(body)
            return
        page = isinstance(body, str)
        kind = {"Content-Type": "text/html; charset=utf-8" if page else "application/json"}
        self._replies.append((status, kind | (headers or {}), str(body) if page else json.dumps(body)))

    def plays(self, name: str) -> dict[str, Any]:
        """Queue a recorded answer and return the recording."""
        recording: dict[str, Any] = json.loads((RECORDINGS / name).read_text("utf-8"))
        body = recording["body"]
        # The client asks once more whether it was the token that ran out.
        denied = isinstance(body, dict) and body.get("errorcode") == "accessexception"
        for _time in range(2 if denied else 1):
            self.answers(body, recording["status"], recording["headers"])
        return recording

    def answers_by(self, answer: Callable[[str, dict[str, str]], object]) -> None:
        """Answer every call from here on with what `answer(function, params)` returns, as JSON."""
        self._answer_by = answer

    @property
    def requests(self) -> list[PreparedRequest]:
        return [call.request for call in self._mock.calls]

    @property
    def asked(self) -> list[tuple[str, dict[str, str]]]:
        """Function and parameters of each call, once the rest of the form is seen to be right."""
        return [_asked(request) for request in self.requests]

    @property
    def has_more_to_say(self) -> bool:
        return bool(self._replies)

    def _reply(self, request: PreparedRequest) -> Reply:
        if self._answer_by:
            return 200, {"Content-Type": "application/json"}, json.dumps(self._answer_by(*_asked(request)))
        assert self._replies, "one call more than there are answers"
        return self._replies.popleft()


def _asked(request: PreparedRequest) -> tuple[str, dict[str, str]]:
    assert request.method == "POST"
    assert request.url == REST_URL, "nothing belongs into the address, least of all the token"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    pairs = parse_qsl(str(request.body), keep_blank_values=True, strict_parsing=True)
    form = dict(pairs)
    assert len(form) == len(pairs)
    assert form.pop("wstoken") == TOKEN
    assert form.pop("moodlewsrestformat") == "json"
    return form.pop("wsfunction"), form
