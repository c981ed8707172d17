"""What goes in and out of the practice Moodle: a log of requests, and faults that a test puts in their
way."""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response, request

MAINTENANCE_PAGE = (
    "<!DOCTYPE html><html lang='ru'><head><title>Сайт на техническом обслуживании</title></head>"
    "<body><h1>Сайт на техническом обслуживании</h1></body></html>"
)
FUNCTION, FAULT, CLOSED = "practice.function", "practice.fault", "practice.closed"


@dataclass(frozen=True)
class Seen:
    """One finished request. `function` is the web-service function, if it was one; times are of
    `time.monotonic`."""

    method: str
    path: str
    query: str
    function: str | None
    status: int
    """0 when the connection was closed without an answer."""
    started: float
    ended: float
    user_agent: str


class RequestLog:
    """The finished requests, oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: list[Seen] = []

    def __iter__(self) -> Iterator[Seen]:
        with self._lock:
            return iter(list(self._seen))

    def __len__(self) -> int:
        return len(self._seen)

    def add(self, seen: Seen) -> None:
        with self._lock:
            self._seen.append(seen)

    def clear(self) -> None:
        with self._lock:
            self._seen.clear()

    def of(self, where: str = "", *, method: str | None = None) -> list[Seen]:
        """Requests whose path holds `where`, or whose web-service function is `where`."""
        return [
            seen for seen in self if (where in seen.path or where == seen.function) and method in (None, seen.method)
        ]

    def most_at_once(self, where: str = "", *, method: str | None = None) -> int:
        """How many of these requests were being answered at the busiest moment."""
        moments = [(seen.started, 1) for seen in self.of(where, method=method)]
        moments += [(seen.ended, -1) for seen in self.of(where, method=method)]
        most = now = 0
        for _, change in sorted(moments):
            now += change
            most = max(most, now)
        return most


@dataclass
class Fault:
    """What happens to requests whose path holds `where` (or whose web-service function is `where`).

    `wait` seconds pass first (less when the fault is cleared). Then, one of: `status` answers with it and a
    plain page; `page` answers 200 with an HTML page; `body` answers 200 with this text as if it were the real
    thing; `close` closes the connection at once; `lose` lets Moodle do what was asked, then closes without an
    answer. None of them: only the wait. `times`: for so many requests, None until cleared. `method`: only
    these requests. `beyond`: only requests for a part of a list that begins there or later (`limitfrom`), for several
    parts of one may be asked for at once, in whatever order. `hits`: how many it has met.
    """

    where: str
    status: int | None = None
    page: bool = False
    body: str | None = None
    close: bool = False
    lose: bool = False
    wait: float = 0
    times: int | None = None
    method: str | None = None
    beyond: int = 0
    hits: int = 0
    cleared: threading.Event = field(default_factory=threading.Event)

    def meets(self, method: str, path: str, function: str | None, start: int) -> bool:
        here = self.where in path or self.where == function
        return here and self.method in (None, method) and start >= self.beyond


class Faults:
    """The faults in force."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, where: str, **what: Any) -> Fault:
        """Puts a fault in force; see Fault for what it may be."""
        fault = Fault(where, **what)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Ends all faults, and wakes the requests that wait in one."""
        with self._lock:
            for fault in self._faults:
                fault.cleared.set()
            self._faults.clear()

    def met(self, method: str, path: str, function: str | None, start: int = 0) -> Fault | None:
        """The first fault that meets a request, counted; `start`: where the part of a list that it asks for begins."""
        with self._lock:
            for fault in self._faults:
                if fault.meets(method, path, function, start) and (fault.times is None or fault.hits < fault.times):
                    fault.hits += 1
                    return fault
        return None


def _start() -> int:
    """Where the part of a list begins that this call of a web service asks for."""
    named = next((key for key, value in request.form.items() if value == "limitfrom"), "")
    return request.form.get(named.replace("[name]", "[value]"), 0, type=int)


def watch(app: Flask, log: RequestLog, faults: Faults, function_of: Callable[[], str | None]) -> None:
    """Puts the log and the faults around an application; `function_of` names the current request's
    web-service function."""

    @app.before_request
    def meet_fault() -> Response | None:
        request.environ[FUNCTION] = function_of()
        fault = faults.met(request.method, request.path, request.environ[FUNCTION], _start())
        if fault is None:
            return None
        request.environ[FAULT] = fault
        if fault.wait:
            fault.cleared.wait(fault.wait)
        if fault.close:
            request.environ[CLOSED] = True
            return Response(status=503)
        if fault.status:
            return Response(MAINTENANCE_PAGE, status=fault.status, content_type="text/html; charset=utf-8")
        if fault.page:
            return Response(MAINTENANCE_PAGE, content_type="text/html; charset=utf-8")
        if fault.body is not None:
            return Response(fault.body, content_type="application/json")
        return None

    @app.after_request
    def lose_answer(response: Response) -> Response:
        fault = request.environ.get(FAULT)
        if fault and fault.lose:
            request.environ[CLOSED] = True
        return response

    app.wsgi_app = _Door(app.wsgi_app, log)  # type: ignore[method-assign]


class _Door:
    """The outermost layer: writes the log and closes connections that a fault wants closed."""

    def __init__(self, app: Any, log: RequestLog) -> None:
        self.app = app
        self.log = log

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        started = time.monotonic()
        answer: dict[str, Any] = {"status": "0"}

        def remember(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            answer.update(status=status, headers=headers)
            return lambda data: None

        chunks = self.app(environ, remember)
        try:
            body = b"".join(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        closed = bool(environ.get(CLOSED))
        self.log.add(
            Seen(
                method=environ["REQUEST_METHOD"],
                path=environ["PATH_INFO"],
                query=environ.get("QUERY_STRING", ""),
                function=environ.get(FUNCTION),
                status=0 if closed else int(answer["status"].split(" ")[0]),
                started=started,
                ended=time.monotonic(),
                user_agent=environ.get("HTTP_USER_AGENT", ""),
            )
        )
        if closed:
            connection = environ.get("werkzeug.socket")
            if connection is not None:
                connection.shutdown(socket.SHUT_RDWR)
            raise ConnectionResetError("closed by a fault of the practice Moodle")
        start_response(answer["status"], answer["headers"])
        return [body]
