"""One call of a web service: politeness, retries, and telling an answer from the many ways of saying no."""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests

from .encoding import Param, encode_params
from .errors import BY_ERRORCODE, AccessDenied, MalformedResponse, MoodleError, MoodleUnavailable
from .texts import read_json

log = logging.getLogger(__name__)

REST_PATH = "/webservice/rest/server.php"

#: Answers that mean "try again in a moment". Other 5xx are faults of that very call and would only repeat.
TRANSIENT_STATUSES = frozenset({429, 502, 503, 504})

#: Seconds before the first retry; doubled each time, up to the limit, and cut by up to half at random so that
#: clients that failed together do not come back together.
BACKOFF_FIRST = 0.5
BACKOFF_LIMIT = 20.0

#: The longest `Retry-After`, in seconds, worth sleeping through; beyond it the caller should come back later.
RETRY_AFTER_LIMIT = 60.0

_CHUNK = 64 * 1024
_NOT_JSON = object()
_jitter = random.SystemRandom()


class _Gate:
    """Counts the requests under way to one site, whichever thread or client they come from."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._under_way = 0

    @contextmanager
    def slot(self, limit: int) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: self._under_way < limit)
            self._under_way += 1
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()


_gates: dict[str, _Gate] = {}
_gates_lock = threading.Lock()


def _gate_of(site: str) -> _Gate:
    with _gates_lock:
        return _gates.setdefault(site, _Gate())


class _Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    content: bytes


class Transport:
    """Sends calls to one site with one token, which it keeps out of every text it writes."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        session: requests.Session,
        timeout: tuple[float, float],
        max_concurrent: int,
        retries: int,
        max_bytes: int,
        sleep: Callable[[float], None],
        user_agent: str,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
            raise ValueError("The address of a Moodle looks like https://moodle.example.org/path")
        if parts.query or parts.fragment:
            raise ValueError("The address of a Moodle has no ? or #")
        if not token:
            raise ValueError("The token is empty")
        if max_concurrent < 1:
            raise ValueError("max_concurrent must be at least 1")
        path = parts.path.rstrip("/").removesuffix(REST_PATH)
        self.site_url = f"{parts.scheme}://{parts.netloc}{path}"
        self._url = self.site_url + REST_PATH
        self._gate = _gate_of(f"{parts.hostname}:{parts.port or {'http': 80, 'https': 443}[parts.scheme]}")
        self._token = token
        self._session = session
        self._timeout = timeout
        self._max_concurrent = max_concurrent
        self._retries = retries
        self._max_bytes = max_bytes
        self._sleep = sleep
        self._headers = {"User-Agent": user_agent, "Accept": "application/json"}

    def call(self, function: str, params: Mapping[str, Param], *, retry: bool) -> Any:
        """Call a function and return the JSON it answers with.

        With `retry`, transient failures are tried again: only for functions that change nothing, as a call
        that got no answer may still have been carried out. Raises `MoodleError`.
        """
        form = [
            ("wstoken", self._token),
            ("wsfunction", function),
            ("moodlewsrestformat", "json"),
            *encode_params(params),
        ]
        retries_left = self._retries if retry else 0
        backoff = BACKOFF_FIRST
        doubted = False
        while True:
            try:
                with self._gate.slot(self._max_concurrent):
                    answer = self._post(function, form)
                return self._read(function, answer)
            except AccessDenied as denied:
                # So Moodle calls a token that has run out, once: it deletes it then, and knows it no longer when asked
                # again. What is denied was not done, and may be asked again whatever it is.
                if doubted or denied.errorcode != "accessexception":
                    raise
                doubted = True
                continue
            except MoodleUnavailable as failure:
                asked = failure.retry_after or 0.0
                if not retries_left or not failure.transient or asked > RETRY_AFTER_LIMIT:
                    raise
                delay = max(asked, backoff * _jitter.uniform(0.5, 1.0))
                log.info("%s; trying again in %.1f s", failure, delay)
            retries_left -= 1
            backoff = min(backoff * 2, BACKOFF_LIMIT)
            self._sleep(delay)

    def _post(self, function: str, form: list[tuple[str, str]]) -> _Answer:
        started = time.monotonic()
        try:
            with self._session.post(
                self._url,
                data=form,
                headers=self._headers,
                timeout=self._timeout,
                allow_redirects=False,
                hooks={"response": self._refuse_redirect(function)},
                stream=True,
            ) as response:
                answer = _Answer(response.status_code, response.headers, self._content(function, response))
        except requests.RequestException as error:
            failure = _no_answer(function, error)
        else:
            spent = time.monotonic() - started
            log.debug("%s: HTTP %d, %d bytes, %.2f s", function, answer.status, len(answer.content), spent)
            return answer
        # Raised out here because requests' own exception holds the request, and with it the token.
        raise failure

    def _refuse_redirect(self, function: str) -> Callable[..., None]:
        # A hook, because requests reads a redirect's whole body and parses its address even when not to follow it.
        def refuse(response: requests.Response, **_kwargs: object) -> None:
            if 300 <= response.status_code < 400:
                response.close()
                place = self._clean(response.headers.get("Location", "").partition("?")[0])
                raise MalformedResponse(f"redirected to {place}: is the address right?", function=function)

        return refuse

    def _content(self, function: str, response: requests.Response) -> bytes:
        content = bytearray()
        for chunk in response.iter_content(_CHUNK):
            content += chunk
            if len(content) > self._max_bytes:
                raise MalformedResponse(f"more than {self._max_bytes} bytes", function=function)
        return bytes(content)

    def _read(self, function: str, answer: _Answer) -> Any:
        status = answer.status
        if status >= 500 or status == 429:
            raise MoodleUnavailable(
                f"HTTP {status}",
                errorcode=f"http{status}",
                function=function,
                transient=status in TRANSIENT_STATUSES,
                retry_after=_seconds(answer.headers.get("Retry-After", "")),
            )
        try:
            body = read_json(answer.content)
        except (ValueError, RecursionError):
            body = _NOT_JSON
        if isinstance(body, dict) and ("errorcode" in body or "exception" in body):
            raise self._error(function, body)
        if status in {401, 403}:
            # Moodle answers an empty 403 while its REST protocol is switched off.
            raise AccessDenied("is the REST protocol switched on?", errorcode=f"http{status}", function=function)
        if status != 200 or body is _NOT_JSON:
            kind = answer.headers.get("Content-Type", "").partition(";")[0] or "nothing known"
            raise MalformedResponse(f"HTTP {status} with {self._clean(kind)}, not JSON", function=function)
        self._log_warnings(function, body)
        return body

    def _error(self, function: str, body: dict[str, Any]) -> MoodleError:
        errorcode = self._clean(str(body.get("errorcode") or ""))
        message = self._clean(str(body.get("message") or body.get("error") or "no message"))
        return BY_ERRORCODE.get(errorcode, MoodleError)(message, errorcode=errorcode, function=function)

    def _log_warnings(self, function: str, body: object) -> None:
        warnings = body.get("warnings") if isinstance(body, dict) else None
        for warning in warnings if isinstance(warnings, list) else ():
            log.warning("%s warns: %s", function, self._clean(str(warning)))

    def _clean(self, text: str) -> str:
        """Make what a server wrote fit for a log: one line, of bounded length, without the token."""
        text = text.replace(self._token, "***")
        return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:300]


def _no_answer(function: str, error: requests.RequestException) -> MoodleUnavailable:
    lost = isinstance(
        error,
        requests.ConnectionError | requests.Timeout | requests.exceptions.ChunkedEncodingError,
    )
    # A wrong certificate or proxy setting stays wrong for longer than a retry takes.
    lasting = isinstance(error, requests.exceptions.SSLError | requests.exceptions.ProxyError)
    return MoodleUnavailable(f"no answer ({type(error).__name__})", function=function, transient=lost and not lasting)


def _seconds(retry_after: str) -> float | None:
    """Read a `Retry-After` header: seconds, or an HTTP date (RFC 9110, 10.2.3)."""
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
