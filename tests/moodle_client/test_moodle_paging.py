"""Long lists: pages that come in order and stop, arrays cut into calls that PHP does not cut."""

import threading
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis.strategies import integers, sets

from moodle_client import AccessDenied, EnrolledUser, MalformedResponse, MoodleClient, MoodleUnavailable, Position
from moodle_client import client as client_module
from tests.moodle_client.moodle_double import Moodle


def people(first: int, count: int) -> list[dict[str, Any]]:
    return [{"id": number, "fullname": f"Участник {number}"} for number in range(first, first + count)]


class Course:
    """A course of so many people, which answers as get_enrolled_users does and remembers the pages asked for."""

    def __init__(self, size: int) -> None:
        self._people = people(1, size)
        self.asked_from: list[int] = []
        self._asked = threading.Condition()

    def __call__(self, _function: str, params: dict[str, str]) -> list[dict[str, Any]]:
        options = {
            params[f"options[{index}][name]"]: params[f"options[{index}][value]"] for index in range(len(params) // 2)
        }
        start, count = int(options["limitfrom"]), int(options["limitnumber"])
        with self._asked:
            self.asked_from.append(start)
            self._asked.notify_all()
        return self._people[start : start + count]

    def waits_for(self, requests: int) -> bool:
        """Tell whether so many pages have been asked for, or are within five seconds."""
        with self._asked:
            return self._asked.wait_for(lambda: len(self.asked_from) >= requests, timeout=5)


def ids(pages: list[list[Any]]) -> list[list[int]]:
    return [[user.id for user in page] for page in pages]


def test_it_stops_at_a_short_page(moodle: Moodle, client: MoodleClient) -> None:
    course = Course(5)
    moodle.answers_by(course)

    assert ids(list(client.iter_enrolled_users(2, page_size=2))) == [[1, 2], [3, 4], [5]]

    # Each page begins with the last row of the one before; two are asked for at once.
    assert sorted(course.asked_from)[:3] == [0, 1, 3]
    assert len(course.asked_from) <= 4


def test_an_empty_page_is_the_end_when_all_are_full(moodle: Moodle, client: MoodleClient) -> None:
    course = Course(4)
    moodle.answers_by(course)

    assert ids(list(client.iter_enrolled_users(2, page_size=2))) == [[1, 2], [3, 4]]

    assert sorted(course.asked_from)[:3] == [0, 1, 3]


def test_an_empty_course_has_no_pages(moodle: Moodle, client: MoodleClient) -> None:
    moodle.answers([])

    assert list(client.iter_enrolled_users(2)) == []


def test_the_next_two_pages_are_fetched_while_the_caller_works_and_order_stays(
    moodle: Moodle, client: MoodleClient
) -> None:
    course = Course(9)
    moodle.answers_by(course)
    seen = []

    for number, page in enumerate(client.iter_enrolled_users(2, page_size=2), start=1):
        assert course.waits_for(min(number + 2, 5)), "the two pages after this one should be under way"
        assert len(course.asked_from) <= number + 2, "and only those"
        seen += [user.id for user in page]

    assert seen == list(range(1, 10))
    assert {0, 1, 3, 5, 7} <= set(course.asked_from)


def test_two_pages_are_asked_for_from_the_start_where_so_many_are_expected(
    moodle: Moodle, client: MoodleClient
) -> None:
    few, many = Course(2), Course(4)
    moodle.answers_by(few)
    assert ids(list(client.iter_enrolled_users(2, page_size=3, expected=2))) == [[1, 2]]
    moodle.answers_by(many)
    assert ids(list(client.iter_enrolled_users(2, page_size=3, expected=4))) == [[1, 2, 3], [4]]

    assert (few.asked_from, sorted(many.asked_from)) == ([0], [0, 2])


def test_a_caller_who_stops_early_asks_for_no_more(moodle: Moodle, client: MoodleClient) -> None:
    course = Course(100)
    moodle.answers_by(course)
    pages = client.iter_enrolled_users(2, page_size=2)

    assert ids([next(pages)]) == [[1, 2]]
    pages.close()

    assert set(course.asked_from) <= {0, 1, 3}
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("moodle-page")]


def test_a_run_that_broke_off_goes_on_where_it_was(moodle: Moodle, client: MoodleClient) -> None:
    course = Course(5)

    def breaks_off(function: str, params: dict[str, str]) -> list[dict[str, Any]]:
        if params["options[2][value]"] != "0":
            raise requests.ConnectionError
        return course(function, params)

    moodle.answers_by(breaks_off)
    pages = client.iter_enrolled_users(2, page_size=2)

    assert ids([next(pages)]) == [[1, 2]]
    with pytest.raises(MoodleUnavailable):
        next(pages)
    course.asked_from.clear()
    moodle.answers_by(course)

    assert ids(list(client.iter_enrolled_users(2, page_size=2, after=Position(2, 2)))) == [[3, 4], [5]]
    assert 0 not in course.asked_from


@given(
    size=integers(1, 30),
    page_size=integers(1, 6),
    read=integers(0, 30),
    gone=sets(integers(1, 30)),
    come=sets(integers(1, 30)),
)
def test_whoever_comes_or_leaves_meanwhile_shifts_nobody_out_of_sight(
    size: int, page_size: int, read: int, gone: set[int], come: set[int]
) -> None:
    """Between two runs, people anywhere leave and others come in: all above the position are told, once, in order."""
    before = [number * 10 for number in range(1, size + 1)]
    read = min(read, size)
    last_id = before[read - 1] if read else 0
    now = sorted({number for number in before if number // 10 not in gone} | {number * 10 + 5 for number in come})

    def fetch(start: int, count: int) -> list[EnrolledUser]:
        return [EnrolledUser(id=number, fullname="") for number in now[start : start + count]]

    pages = client_module._read_ahead(fetch, page_size=page_size, after=Position(read, last_id), expected=0)
    assert [user.id for page in pages for user in page] == [number for number in now if number > last_id]


def test_a_moodle_that_gives_the_same_page_for_ever_is_given_up(moodle: Moodle, client: MoodleClient) -> None:
    moodle.answers_by(lambda _function, params: people(1, int(params["options[3][value]"])))

    with pytest.raises(MalformedResponse):
        list(client.iter_enrolled_users(2, page_size=2, after=Position(9, 9)))


def test_only_active_enrolments_are_asked_for_by_an_option(moodle: Moodle, client: MoodleClient) -> None:
    moodle.answers([])
    moodle.answers([])

    list(client.iter_enrolled_users(2, only_active=True))
    list(client.iter_enrolled_users(2))

    (_, active), (_, everyone) = moodle.asked
    assert active.items() - everyone.items() == {
        ("options[4][name]", "onlyactive"),
        ("options[4][value]", "1"),
    }


def test_lacking_the_capability_for_it_is_said(moodle: Moodle, client: MoodleClient) -> None:
    moodle.answers({"exception": "required_capability_exception", "errorcode": "nopermissions", "message": ""})

    with pytest.raises(AccessDenied):
        list(client.iter_enrolled_users(2, only_active=True))


def test_only_the_needed_fields_are_asked_for(moodle: Moodle, client: MoodleClient) -> None:
    moodle.answers([])
    moodle.answers([])

    list(client.iter_enrolled_users(2, fields=["roles", "id"]))
    list(client.iter_enrolled_users(2))

    (_, few), (_, default) = moodle.asked
    assert few["options[0][value]"] == "id,fullname,roles"
    assert "groups" not in default["options[0][value]"].split(",")


@pytest.mark.parametrize("arguments", [{"page_size": 0}, {"after": Position(-1, 0)}])
def test_senseless_pages_are_refused_at_once(arguments: dict[str, Any], client: MoodleClient) -> None:
    with pytest.raises(ValueError, match="starts at"):
        client.iter_enrolled_users(2, **arguments)


def test_group_ids_go_in_calls_of_500(moodle: Moodle, client: MoodleClient) -> None:
    sizes = []

    def members(_function: str, params: dict[str, str]) -> list[dict[str, Any]]:
        sizes.append(len(params))
        return [{"groupid": int(value), "userids": [int(value) * 10]} for value in params.values()]

    moodle.answers_by(members)

    found = client.group_members([*range(1, 1202), 1, 2])

    assert found == {number: (number * 10,) for number in range(1, 1202)}
    assert sizes == [500, 500, 201]


def test_values_to_find_users_by_go_in_calls_of_500(moodle: Moodle, client: MoodleClient) -> None:
    sizes = []

    def users(_function: str, params: dict[str, str]) -> list[dict[str, Any]]:
        assert params.pop("field") == "idnumber"
        sizes.append(len(params))
        return [{"id": int(value[1:]), "idnumber": value} for value in params.values()]

    moodle.answers_by(users)

    found = client.users_by_field("idnumber", (f"s{number}" for number in range(1, 502)))

    assert [user.id for user in found] == list(range(1, 502))
    assert sizes == [500, 1]


def test_courses_and_their_feedbacks_go_in_calls_of_500(moodle: Moodle, client: MoodleClient) -> None:
    asked = []

    def answer(function: str, params: dict[str, str]) -> dict[str, Any]:
        if function == "core_course_get_courses_by_field":
            numbers = params["value"].split(",")
            courses = [{"id": int(number), "fullname": "", "shortname": ""} for number in numbers]
            asked.append(len(courses))
            return {"courses": courses}
        asked.append(len(params))
        rows = [{"id": 1, "course": int(number), "coursemodule": 1, "name": ""} for number in params.values()]
        return {"feedbacks": rows}

    moodle.answers_by(answer)

    assert [course.id for course in client.courses(range(1, 701))] == list(range(1, 701))
    assert [one.course_id for one in client.feedbacks(range(1, 701))] == list(range(1, 701))
    assert asked == [500, 200, 500, 200]


def test_nothing_to_ask_for_is_not_asked(client: MoodleClient, moodle: Moodle) -> None:
    # An empty list would mean "all courses" to Moodle.
    assert [*client.feedbacks([]), *client.courses([]), *client.users_by_field("id", [])] == []
    assert client.group_members([]) == {}

    assert moodle.requests == []


def test_a_feedback_that_does_not_say_counts_as_anonymous(moodle: Moodle, client: MoodleClient) -> None:
    moodle.answers({"feedbacks": [{"id": 1, "course": 2, "coursemodule": 1, "name": ""}]})

    assert client.feedbacks([2])[0].anonymous is True


class Survey:
    """A Feedback activity with so many forms of each kind, paged side by side as Moodle does."""

    def __init__(self, named: int, anonymous: int, shown: int | None = None) -> None:
        self._totals = {"totalattempts": named, "totalanonattempts": anonymous}
        answers = [{"id": 1, "name": "", "printval": "", "rawval": None}]
        self._named = [
            {"id": number, "userid": number, "timemodified": 1795400972, "responses": answers}
            for number in range(1, (named if shown is None else shown) + 1)
        ]
        self._anonymous = [{"id": 1000 + number, "number": number, "responses": answers} for number in range(anonymous)]
        self.pages: list[int] = []

    def __call__(self, _function: str, params: dict[str, str]) -> dict[str, Any]:
        page, size = int(params["page"]), int(params["perpage"])
        self.pages.append(page)
        part = slice(page * size, (page + 1) * size)
        return {"attempts": self._named[part], "anonattempts": self._anonymous[part], **self._totals}


@pytest.mark.parametrize(
    ("named", "anonymous", "pages"),
    [(0, 0, 1), (9, 0, 1), (10, 0, 1), (11, 0, 2), (25, 0, 3), (0, 31, 4), (5, 12, 2), (12, 5, 2)],
)
def test_responses_stop_at_the_totals(
    named: int, anonymous: int, pages: int, moodle: Moodle, client: MoodleClient
) -> None:
    survey = Survey(named, anonymous)
    moodle.answers_by(survey)

    found = [form for page in client.iter_feedback_responses(1, page_size=10) for form in page.attempts]

    assert len({form.id for form in found}) == len(found) == named + anonymous
    assert sum(form.user_id is None for form in found) == anonymous
    assert survey.pages == list(range(pages))


def test_responses_stop_when_moodle_counts_more_than_it_shows(moodle: Moodle, client: MoodleClient) -> None:
    survey = Survey(named=100, anonymous=0, shown=15)
    moodle.answers_by(survey)

    pages = list(client.iter_feedback_responses(1, page_size=10))

    assert [len(page.attempts) for page in pages] == [10, 5]
    assert survey.pages == [0, 1, 2]


def test_an_answer_never_given_is_empty(moodle: Moodle, client: MoodleClient) -> None:
    moodle.answers_by(Survey(named=1, anonymous=0))

    (page,) = client.iter_feedback_responses(1)

    assert page.attempts[0].answers[1].raw == ""
