"""Every recorded answer of a real Moodle 4.5, replayed through the public methods, with the body that asks for it."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from moodle_client import (
    AccessDenied,
    Answer,
    Course,
    EnrolledUser,
    Feedback,
    FeedbackItem,
    Group,
    InvalidParameter,
    InvalidToken,
    MalformedResponse,
    MessageNotSent,
    MoodleClient,
    MoodleError,
    Position,
    RecordNotFound,
)
from tests.moodle_client.moodle_double import RECORDINGS, Moodle

RECORDED_FIELDS = (
    *("firstname", "lastname", "email", "idnumber", "department", "institution"),
    *("roles", "groups", "customfields", "suspended"),
)
DEFAULT_FIELDS = "id,fullname,firstname,lastname,email,idnumber,department,institution,roles,customfields,suspended"
RATING = ("совсем нет", "скорее нет", "нейтрально", "скорее да", "полностью да")


def options(**values: object) -> dict[str, str]:
    """Write `options` of get_enrolled_users as they stand in the form."""
    form = {}
    for index, (name, value) in enumerate(values.items()):
        form[f"options[{index}][name]"] = name
        form[f"options[{index}][value]"] = str(value)
    return form


class Replay(NamedTuple):
    """A public call, and the parameters it sends where they are not the recorded ones."""

    call: Callable[[MoodleClient], Any]
    sends: dict[str, str] = {}


def same_call(function: str, **params: Any) -> Replay:
    """For functions without a method of their own."""
    return Replay(lambda client: client.call(function, params, retry=True))


def enrolled(course_id: int = 2, **arguments: Any) -> Callable[[MoodleClient], list[EnrolledUser]]:
    def first_page(client: MoodleClient) -> list[EnrolledUser]:
        # After a full page the next one is asked for too, in vain.
        with closing(client.iter_enrolled_users(course_id, **arguments)) as pages:
            return next(pages, [])

    return first_page


def responses_of(feedback_id: int, **arguments: Any) -> Callable[[MoodleClient], Any]:
    return lambda client: next(iter(client.iter_feedback_responses(feedback_id, **arguments)))


EVENT = {
    "name": "Встреча пары",
    "courseid": 2,
    "eventtype": "course",
    "timestart": 1795000000,
    "timeduration": 3600,
}
FILE = {"contextid": 1, "component": "", "filearea": "", "itemid": 0, "filepath": "", "filename": ""}

REPLAYS = {
    "ws.calendar_event.course.json": same_call("core_calendar_create_calendar_events", events=[EVENT]),
    "ws.choice_results.json": same_call("mod_choice_get_choice_results", choiceid=1),
    "ws.course_contents.json": same_call("core_course_get_contents", courseid=2),
    "ws.course_groups.json": Replay(lambda client: client.course_groups(2)),
    "ws.courses_by_field.json": Replay(lambda client: client.courses([2]), {"field": "ids"}),
    "ws.enrolled_users.all_fields.json": Replay(
        enrolled(fields=RECORDED_FIELDS, page_size=50),
        options(userfields="id,fullname," + ",".join(RECORDED_FIELDS), sortby="id", limitfrom=0, limitnumber=50),
    ),
    "ws.enrolled_users.json": Replay(
        enrolled(page_size=100),
        options(userfields=DEFAULT_FIELDS, sortby="id", limitfrom=0, limitnumber=100),
    ),
    "ws.enrolled_users.page_1.json": Replay(enrolled(fields=RECORDED_FIELDS, page_size=20)),
    "ws.enrolled_users.page_3.json": Replay(
        enrolled(fields=RECORDED_FIELDS, page_size=20, after=Position(40, 44)),
        options(userfields="id,fullname," + ",".join(RECORDED_FIELDS), sortby="id", limitfrom=39, limitnumber=21),
    ),
    "ws.error.access_exception.json": same_call("core_files_get_files", **FILE),
    "ws.error.invalid_parameter.json": same_call("core_enrol_get_enrolled_users", courseid="abc"),
    "ws.error.invalid_record.json": Replay(
        enrolled(99999), options(userfields=DEFAULT_FIELDS, sortby="id", limitfrom=0, limitnumber=500)
    ),
    "ws.error.invalid_token.json": Replay(lambda client: client.site_info()),
    "ws.error.no_such_function.json": same_call("no_such_function"),
    "ws.error.xml_without_format.json": Replay(lambda client: client.site_info()),
    "ws.feedback_analysis.anonymous.json": same_call("mod_feedback_get_analysis", feedbackid=2),
    "ws.feedback_analysis.named.json": same_call("mod_feedback_get_analysis", feedbackid=1),
    "ws.feedback_items.anonymous.json": Replay(lambda client: client.feedback_items(2)),
    "ws.feedback_items.named.json": Replay(lambda client: client.feedback_items(1)),
    "ws.feedback_non_respondents.json": same_call("mod_feedback_get_non_respondents", feedbackid=1),
    "ws.feedback_responses.anonymous.json": Replay(responses_of(2), {"page": "0", "perpage": "200"}),
    "ws.feedback_responses.named.json": Replay(responses_of(1), {"page": "0", "perpage": "200"}),
    "ws.feedback_responses.named.page_0.json": Replay(responses_of(1, page_size=10)),
    "ws.feedbacks_by_courses.json": Replay(lambda client: client.feedbacks([2])),
    "ws.grade_items.user.json": same_call("gradereport_user_get_grade_items", courseid=2, userid=5),
    "ws.group_members.json": Replay(lambda client: client.group_members([1, 2])),
    "ws.message.bad_recipient.json": Replay(lambda client: client.send_message(999999, "Проверка")),
    "ws.message.ok.json": Replay(lambda client: client.send_message(5, "Проверка")),
    "ws.site_info.json": Replay(lambda client: client.site_info()),
    "ws.users_by_field.json": Replay(lambda client: client.users_by_field("username", ["student01", "teacher01"])),
}


@pytest.fixture
def replay(moodle: Moodle, client: MoodleClient) -> Callable[[str], Any]:
    """Play a recording's answer to its public call and return what comes out."""

    def play(name: str) -> Any:
        moodle.plays(name)
        return REPLAYS[name].call(client)

    return play


@pytest.mark.parametrize("name", sorted(path.name for path in RECORDINGS.glob("ws.*.json")))
def test_it_asks_as_the_recording_did(name: str, moodle: Moodle, client: MoodleClient) -> None:
    request = moodle.plays(name)["request"]

    try:
        answer = REPLAYS[name].call(client)
    except MoodleError as error:
        answer = error

    assert answer
    assert isinstance(answer, MoodleError) == (".error." in name or "bad_" in name)
    recorded = {key: str(value) for key, value in request["params"].items()}
    assert moodle.asked[0] == (request["wsfunction"], recorded | REPLAYS[name].sends)


@pytest.mark.parametrize(
    ("name", "kind", "errorcode", "message"),
    [
        ("ws.error.access_exception.json", AccessDenied, "accessexception", "Access control exception"),
        (
            "ws.error.invalid_parameter.json",
            InvalidParameter,
            "invalidparameter",
            "Invalid parameter value detected",
        ),
        (
            "ws.error.invalid_record.json",
            RecordNotFound,
            "invalidrecord",
            "Can't find data record in database table course.",
        ),
        (
            "ws.error.invalid_token.json",
            InvalidToken,
            "invalidtoken",
            "Invalid token - token not found",
        ),
        (
            "ws.error.no_such_function.json",
            RecordNotFound,
            "invalidrecord",
            "Can't find data record in database table external_functions.",
        ),
        (
            "ws.error.xml_without_format.json",
            MalformedResponse,
            "malformed",
            "HTTP 200 with application/xml, not JSON",
        ),
        (
            "ws.message.bad_recipient.json",
            MessageNotSent,
            "messagenotsent",
            "You cannot send a message to a user ID (999999) that doesn't exist.",
        ),
    ],
)
def test_a_recorded_error_is_raised_as_what_it_is(
    name: str, kind: type[MoodleError], errorcode: str, message: str, replay: Callable[[str], Any]
) -> None:
    with pytest.raises(MoodleError) as caught:
        replay(name)

    assert type(caught.value) is kind
    assert caught.value.errorcode == errorcode
    assert caught.value.args == (message,)


def test_it_tells_the_site_and_what_the_token_opens(replay: Callable[[str], Any]) -> None:
    info = replay("ws.site_info.json")

    assert (info.name, info.url) == ("Moodle test for LTI", "http://localhost:8080")
    assert (info.user_id, info.username, info.fullname) == (3, "wsadmin", "Web Service")
    assert (info.release, info.version) == ("4.5dev+ (Build: 20240903)", "2024090300")
    assert {"core_enrol_get_enrolled_users", "mod_feedback_get_items"} <= info.functions


def test_it_reads_a_course(replay: Callable[[str], Any]) -> None:
    assert replay("ws.courses_by_field.json") == [
        Course(
            id=2,
            fullname="Наставничество 2026/27",
            shortname="MENTOR",
            idnumber="MENTOR-2026",
            visible=True,
            starts=datetime.fromtimestamp(1788217200, UTC),
            ends=datetime.fromtimestamp(1814310000, UTC),
        )
    ]


def test_it_reads_students_and_teachers(replay: Callable[[str], Any]) -> None:
    users = replay("ws.enrolled_users.json")

    assert [user.id for user in users] == list(range(4, 54))
    assert users[0] == EnrolledUser(
        id=4,
        firstname="Александр",
        lastname="Новиков",
        fullname="Александр Новиков",
        email="student01@example.org",
        idnumber="ST-2026-0001",
        department="09.02.07 Информационные системы и программирование",
        institution="ИС-21",
        suspended=False,
        profile={"birthdate": "1104537600"},
        roles=("student",),
        groups=(Group(id=1, name="ИС-21"),),
    )
    roles = [role for user in users for role in user.roles]
    assert [roles.count(role) for role in ("student", "editingteacher", "teacher")] == [40, 5, 5]


def test_keys_absent_when_empty_are_empty(replay: Callable[[str], Any]) -> None:
    teacher = replay("ws.enrolled_users.page_3.json")[0]

    assert teacher.groups == ()
    assert teacher.username == ""
    assert teacher.profile == {"experience": "2"}, "the first of the page was read with the page before"


def test_it_ignores_what_it_does_not_know(replay: Callable[[str], Any]) -> None:
    users = replay("ws.enrolled_users.all_fields.json")

    assert [user.username for user in users] == ["student01", "student02", "student03"]


def test_it_finds_users_by_name(replay: Callable[[str], Any]) -> None:
    users = replay("ws.users_by_field.json")

    assert [(user.id, user.username, user.suspended, user.profile) for user in users] == [
        (4, "student01", False, {"birthdate": "1104537600"}),
        (44, "teacher01", False, {"experience": "0"}),
    ]


def test_it_reads_groups(replay: Callable[[str], Any]) -> None:
    assert replay("ws.course_groups.json") == [
        Group(id=1, name="ИС-21", idnumber="G1"),
        Group(id=2, name="ПР-22", idnumber="G2"),
    ]


def test_it_reads_the_members_of_groups(replay: Callable[[str], Any]) -> None:
    members = replay("ws.group_members.json")

    assert {group: sorted(users) for group, users in members.items()} == {
        1: list(range(4, 24)),
        2: list(range(24, 44)),
    }


def test_it_tells_an_anonymous_feedback_from_a_named_one(replay: Callable[[str], Any]) -> None:
    assert replay("ws.feedbacks_by_courses.json") == [
        Feedback(
            id=1,
            course_id=2,
            course_module_id=1,
            name="Удовлетворённость наставляемых",
            anonymous=False,
            opens=None,
            closes=None,
        ),
        Feedback(
            id=2,
            course_id=2,
            course_module_id=2,
            name="Опрос наставников (анонимно)",
            anonymous=True,
            opens=None,
            closes=None,
        ),
    ]


def test_it_reads_questions_with_their_options(replay: Callable[[str], Any]) -> None:
    items = replay("ws.feedback_items.named.json")

    assert [(item.id, item.label, item.type) for item in items] == [
        (1, "q1", "multichoicerated"),
        (2, "q2", "multichoicerated"),
        (3, "q3", "multichoicerated"),
        (4, "comment", "textarea"),
    ]
    assert items[2] == FeedbackItem(
        id=3,
        name="Я удовлетворён(а) участием в программе",
        label="q3",
        type="multichoicerated",
        position=3,
        required=True,
        has_value=True,
        options=RATING,
        weights=(1, 2, 3, 4, 5),
    )
    assert items[3].options == ()


def test_a_named_answer_has_its_person_and_time(replay: Callable[[str], Any]) -> None:
    responses = replay("ws.feedback_responses.named.json")

    assert len(responses.attempts) == responses.total_named == 25
    assert responses.total_anonymous == 0
    attempt = responses.attempts[0]
    assert (attempt.id, attempt.user_id) == (14, 17)
    assert attempt.modified == datetime.fromtimestamp(1795400972, UTC)
    assert attempt.answers == {
        1: Answer(raw="1", printed="совсем нет"),
        2: Answer(raw="3", printed="нейтрально"),
        3: Answer(raw="5", printed="полностью да"),
        4: Answer(raw="", printed=""),
    }


def test_an_anonymous_answer_has_neither(replay: Callable[[str], Any]) -> None:
    responses = replay("ws.feedback_responses.anonymous.json")

    assert [attempt.id for attempt in responses.attempts] == [26, 30, 28, 29, 27, 31]
    assert {(attempt.user_id, attempt.modified) for attempt in responses.attempts} == {(None, None)}
    assert [attempt.answers[5].raw for attempt in responses.attempts] == ["2", "1", "4", "5", "3", "2"]
    assert (responses.total_named, responses.total_anonymous) == (0, 6)


def test_answers_print_as_the_option_they_point_at(moodle: Moodle, client: MoodleClient) -> None:
    moodle.plays("ws.feedback_items.named.json")
    moodle.plays("ws.feedback_responses.named.json")
    rated = {item.id: item.options for item in client.feedback_items(1) if item.options}

    answers = [
        (rated[item_id][int(answer.raw) - 1], answer.printed)
        for page in client.iter_feedback_responses(1)
        for attempt in page.attempts
        for item_id, answer in attempt.answers.items()
        if item_id in rated
    ]

    assert len(answers) == 75
    assert all(option == printed for option, printed in answers)


def test_a_sent_message_has_an_id(replay: Callable[[str], Any]) -> None:
    assert replay("ws.message.ok.json") == 7
