"""The capabilities of a Moodle site that its web services open, one method each."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

import requests

from . import schemas
from .encoding import Param
from .errors import InvalidParameter, MalformedResponse, MessageNotSent
from .models import (
    Course,
    CourseCompletion,
    EnrolledUser,
    Feedback,
    FeedbackItem,
    FeedbackResponses,
    Group,
    SiteInfo,
    User,
)
from .transport import Transport

T = TypeVar("T")

#: PHP's `max_input_vars` (1,000 by default) cuts longer arrays off without a word.
VALUES_A_CALL = 500

#: Moodle refuses longer messages; it counts bytes, and a Cyrillic letter has two.
MESSAGE_MAX_BYTES = 4096

#: What the models hold, except `groups`: Moodle spends more time on those than on all the rest together.
ENROLLED_USER_FIELDS = (
    "firstname",
    "lastname",
    "email",
    "idnumber",
    "department",
    "institution",
    "roles",
    "customfields",
    "suspended",
)

#: So many full pages of people who were there before are no coincidence of enrolments.
BARREN_PAGES = 20

_FORMAT_PLAIN = 2


class Position(NamedTuple):
    """How far a list of people by id has been read."""

    read: int
    """Rows in all."""
    last_id: int
    """Of the last of them."""


BEGINNING = Position(0, 0)


class MoodleClient:
    """Calls one Moodle site with one token.

    `url` is the site's address or that of its `server.php`; `timeout` is for connecting and for each read,
    in seconds. A `session` handed in is used as it is (adapters, proxies, certificates) and left open.
    Whatever the number of clients and threads, at most `max_concurrent` requests are under way to the site
    from this process.

    Reading methods retry transient failures up to `retries` times, waiting longer each time; sending ones
    never do. An answer may have `max_bytes` at most. Every method raises `MoodleError`. Threads may share a
    client.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        session: requests.Session | None = None,
        timeout: tuple[float, float] = (5.0, 60.0),
        max_concurrent: int = 2,
        retries: int = 3,
        max_bytes: int = 32 * 1024 * 1024,
        sleep: Callable[[float], None] = time.sleep,
        user_agent: str = "moodle_client/1.0",
    ) -> None:
        self._session = session or requests.Session()
        self._owns_session = session is None
        self._transport = Transport(
            url,
            token,
            session=self._session,
            timeout=timeout,
            max_concurrent=max_concurrent,
            retries=retries,
            max_bytes=max_bytes,
            sleep=sleep,
            user_agent=user_agent,
        )

    def __repr__(self) -> str:
        return f"<MoodleClient {self._transport.site_url}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, unless they belong to a session that was handed in."""
        if self._owns_session:
            self._session.close()

    def call(self, function: str, params: Mapping[str, Param] | None = None, *, retry: bool = False) -> Any:
        """Call any function there is no method for and return its JSON.

        Nested `params` are encoded as PHP wants them. Set `retry` only for functions that change nothing.
        """
        return self._transport.call(function, params or {}, retry=retry)

    def site_info(self) -> SiteInfo:
        """Tell the site, the token's user and the functions the token opens."""
        function = "core_webservice_get_site_info"
        info: SiteInfo = schemas.load(_SITE_INFO, self.call(function, retry=True), function=function)
        return info

    def courses(self, ids: Iterable[int]) -> list[Course]:
        """Return the courses with these ids, but for those that do not exist or the token's user may not see."""
        function = "core_course_get_courses_by_field"
        return [
            course
            for chunk in _chunks(ids)
            for course in self._list(
                _COURSE, function, {"field": "ids", "value": ",".join(map(str, chunk))}, under="courses"
            )
        ]

    def iter_enrolled_users(
        self,
        course_id: int,
        *,
        page_size: int = 500,
        only_active: bool = False,
        fields: Sequence[str] = ENROLLED_USER_FIELDS,
        after: Position = BEGINNING,
        expected: int = 0,
    ) -> Generator[list[EnrolledUser], None, None]:
        """Yield a course's participants in pages, by id, each once; the next two are fetched while the caller works.

        `fields` are Moodle's `userfields`; `id` and `fullname` always come. `only_active` leaves out
        suspended and expired enrolments, which Moodle does not mark; it needs the capability
        `moodle/course:enrolreview`. Moodle gives no total: a short page is the last one. With `expected`
        people two pages are asked for from the start.

        A run that broke off goes on `after` the position of the last page it had (rows read in all, id of
        the last), even hours later: Moodle counts rows, and whoever enrols or leaves meanwhile shifts them, so
        each page begins with the last row of the one before, and is looked for further back where it does not.
        Nobody whose id is above the position is left out; of those below, who came or left since is not told.
        """
        if page_size < 1 or min(after) < 0:
            raise ValueError("page_size starts at 1, a position at 0")
        options: dict[str, Param] = {
            # Moodle itself refuses to answer without a full name.
            "userfields": ",".join(dict.fromkeys(("id", "fullname", *fields))),
            "sortby": "id",
            "limitfrom": 0,
            "limitnumber": page_size,
        }
        if only_active:
            options["onlyactive"] = 1

        def fetch(start: int, count: int) -> list[EnrolledUser]:
            options_of_page = {**options, "limitfrom": start, "limitnumber": count}
            return self._list(
                _ENROLLED_USER,
                "core_enrol_get_enrolled_users",
                {
                    "courseid": course_id,
                    "options": [{"name": name, "value": value} for name, value in options_of_page.items()],
                },
            )

        return _read_ahead(fetch, page_size=page_size, after=after, expected=expected)

    def users_by_field(self, field: str, values: Iterable[str | int]) -> list[User]:
        """Find users by `id`, `idnumber`, `username` or `email`; values nobody has are left out."""
        function = "core_user_get_users_by_field"
        return [
            user for chunk in _chunks(values) for user in self._list(_USER, function, {"field": field, "values": chunk})
        ]

    def course_groups(self, course_id: int) -> list[Group]:
        """Return the groups of a course; needs `moodle/course:managegroups`."""
        return self._list(_GROUP, "core_group_get_course_groups", {"courseid": course_id})

    def group_members(self, group_ids: Iterable[int]) -> dict[int, tuple[int, ...]]:
        """Return the members' user ids by group id: far cheaper than the `groups` field of each user."""
        function = "core_group_get_group_members"
        return {
            group_id: user_ids
            for chunk in _chunks(group_ids)
            for group_id, user_ids in self._list(_GROUP_MEMBERS, function, {"groupids": chunk})
        }

    def course_completion(self, course_id: int, user_id: int) -> CourseCompletion:
        """Tell whether somebody has completed a course; needs `report/completion:view`.

        Moodle refuses for courses that do not track completion (`cannotviewreport`, the same as for a missing right),
        for those without criteria (`nocriteriaset`), and for people who are not tracked (`usernotenroled`): only
        those with the capability `moodle/course:isincompletionreports` are, by default students.
        """
        function = "core_completion_get_course_completion_status"
        body = self.call(function, {"courseid": course_id, "userid": user_id}, retry=True)
        completion: CourseCompletion = schemas.load(_COURSE_COMPLETION, body, function=function)
        return completion

    def feedbacks(self, course_ids: Iterable[int]) -> list[Feedback]:
        """Return the Feedback activities of these courses that the token's user may see."""
        function = "mod_feedback_get_feedbacks_by_courses"
        return [
            feedback
            for chunk in _chunks(course_ids)
            for feedback in self._list(_FEEDBACK, function, {"courseids": chunk}, under="feedbacks")
        ]

    def feedback_items(self, feedback_id: int) -> list[FeedbackItem]:
        """Return the questions of a Feedback activity in order, with their full names and options."""
        return self._list(_FEEDBACK_ITEM, "mod_feedback_get_items", {"feedbackid": feedback_id}, under="items")

    def iter_feedback_responses(self, feedback_id: int, *, page_size: int = 200) -> Iterator[FeedbackResponses]:
        """Yield the filled-in forms of a Feedback activity, in pages of up to `page_size` of each kind.

        Moodle pages named and anonymous forms side by side and shortens question names: join on the item
        id.
        """
        if page_size < 1:
            raise ValueError("page_size starts at 1")
        function = "mod_feedback_get_responses_analysis"
        page, more = 0, True
        while more:
            params = {"feedbackid": feedback_id, "page": page, "perpage": page_size}
            body = self.call(function, params, retry=True)
            responses: FeedbackResponses = schemas.load(_FEEDBACK_RESPONSES, body, function=function)
            if responses.attempts:
                yield responses
            page += 1
            total = max(responses.total_named, responses.total_anonymous)
            # An empty page ends it too: Moodle may count forms it does not show.
            more = bool(responses.attempts) and page * page_size < total

    def send_message(self, user_id: int, text: str) -> int:
        """Send a plain-text message from the token's user and return its id.

        One a call, as Moodle would raise for a whole batch after sending the good part of it. Never
        retried: after `MoodleUnavailable` it is unknown whether the message went out. Raises
        `InvalidParameter` for more than `MESSAGE_MAX_BYTES` in UTF-8 without asking Moodle,
        `MessageNotSent` when Moodle did not deliver.
        """
        function = "core_message_send_instant_messages"
        if (size := len(text.encode())) > MESSAGE_MAX_BYTES:
            raise InvalidParameter(
                f"{size} bytes of text, {MESSAGE_MAX_BYTES} are allowed",
                errorcode="messagetoolong",
                function=function,
            )
        message: Param = {"touserid": user_id, "text": text, "textformat": _FORMAT_PLAIN}
        body = self.call(function, {"messages": [message]})
        sent: list[tuple[int, str]] = schemas.load_list(_SENT_MESSAGE, body, function=function)
        if len(sent) != 1:
            raise MalformedResponse(f"{len(sent)} results for one message", function=function)
        message_id, reason = sent[0]
        if message_id < 0:
            raise MessageNotSent(reason or "no reason given", errorcode="messagenotsent", function=function)
        return message_id

    def _list(
        self, schema: schemas.MoodleSchema, function: str, params: Mapping[str, Param], *, under: str = ""
    ) -> list[Any]:
        body = self.call(function, params, retry=True)
        return schemas.load_list(schema, body, function=function, under=under)


_SITE_INFO = schemas.SiteInfoSchema()
_COURSE = schemas.CourseSchema()
_COURSE_COMPLETION = schemas.CourseCompletionSchema()
_ENROLLED_USER = schemas.EnrolledUserSchema()
_USER = schemas.UserSchema()
_GROUP = schemas.GroupSchema()
_GROUP_MEMBERS = schemas.GroupMembersSchema()
_FEEDBACK = schemas.FeedbackSchema()
_FEEDBACK_ITEM = schemas.FeedbackItemSchema()
_FEEDBACK_RESPONSES = schemas.FeedbackResponsesSchema()
_SENT_MESSAGE = schemas.SentMessageSchema()


def _chunks(values: Iterable[T]) -> Iterator[list[T]]:
    """Split values, each taken once, into lists short enough for one call; no values, no calls."""
    once = list(dict.fromkeys(values))
    for start in range(0, len(once), VALUES_A_CALL):
        yield once[start : start + VALUES_A_CALL]


def _read_ahead(
    fetch: Callable[[int, int], list[EnrolledUser]], *, page_size: int, after: Position, expected: int
) -> Generator[list[EnrolledUser], None, None]:
    """Yield pages in order, fetching two while the caller has the one before, until a page is not full."""
    ahead = ThreadPoolExecutor(max_workers=2, thread_name_prefix="moodle-page")
    coming: deque[tuple[int, int, Future[list[EnrolledUser]]]] = deque()
    last = after.last_id
    # Where the next page begins, and of how many rows it is: but for the first, one that is known and a page.
    start, count = (after.read - 1, page_size + 1) if after.read else (0, page_size)
    barren = 0

    def ask() -> None:
        nonlocal start, count
        coming.append((start, count, ahead.submit(fetch, start, count)))
        start, count = start + count - 1, page_size + 1

    try:
        ask()
        while coming:
            if len(coming) == 1 and start + 1 < expected:
                ask()
            begun, asked, future = coming.popleft()
            rows = future.result()
            if begun and (not rows or rows[0].id > last):
                # Somebody of those before has left, and the rows have moved up past this beginning.
                coming.clear()
                start, count = max(0, begun - page_size), page_size + 1
                ask()
                continue
            is_full = len(rows) >= asked
            if is_full:
                while len(coming) < 2 and (not coming or not expected or start + 1 < expected):
                    ask()
            new = [row for row in rows if row.id > last]
            barren = 0 if new else barren + 1
            if barren > BARREN_PAGES:
                raise MalformedResponse("page after page has the same people", function="core_enrol_get_enrolled_users")
            if new:
                last = new[-1].id
                yield new
            if not is_full:
                return
    finally:
        # Waits for pages under way: no request outlives the iterator, nor the client it came from.
        ahead.shutdown(cancel_futures=True)
