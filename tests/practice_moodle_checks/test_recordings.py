"""The practice Moodle answers every recorded request as the real Moodle did: status, headers, and the body's
shape."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.test import TestResponse

from tests.practice_moodle import DEEP_LINK, SUBMISSION_REVIEW

from .shapes import shape
from .situation import ALL_SCOPES, SITE, Situation, compact, opened, posted_fields

RECORDINGS = Path(__file__).parents[1] / "recordings"
NAMES = sorted(file.name.removesuffix(".json") for file in RECORDINGS.glob("*.json"))

LTI = "https://purl.imsglobal.org/spec/lti/claim/"
TOOL_CONFIGURATION = "https://purl.imsglobal.org/spec/lti-tool-configuration"

Check = Callable[[Situation, dict[str, Any]], None]
CASES: dict[str, Check] = {}


def case(*names: str) -> Callable[[Check], Check]:
    """Marks the function that asks what these recordings asked and compares the answers."""

    def mark(check: Check) -> Check:
        for name in names:
            assert name not in CASES
            CASES[name] = check
        return check

    return mark


def assert_alike(answer: TestResponse, recorded: dict[str, Any], *, exact: bool = False) -> Any:
    """The same status, reason, headers and shape of the body; with `exact` the very same body. Returns the
    body."""
    assert answer.status_code == recorded["status"]
    if "reason" in recorded:
        assert answer.status.partition(" ")[2].strip().lower() == recorded["reason"].lower()
    headers = {name.title(): value for name, value in recorded["headers"].items()}
    assert {name: answer.headers.get(name) for name in headers} == headers
    assert ("Link" in answer.headers) == ("Link" in headers)
    body = answer.text if isinstance(recorded["body"], str) else json.loads(answer.data)
    if exact:
        assert body == recorded["body"]
    else:
        assert shape(body) == shape(recorded["body"])
    return body


def replay(situation: Situation, recorded: dict[str, Any], **how: Any) -> TestResponse:
    """Sends a recorded service request again."""
    request = recorded["request"]
    body = compact(request["body"]) if "body" in request else None
    return situation.service(request["method"], request["url"], accept=request.get("accept"), body=body, **how)


# --- launches -----------------------------------------------------------------------------------------------


@case("lti.launch.student", "lti.launch.teacher", "lti.launch.employer", "lti.launch.admin")
def a_launch(situation: Situation, recorded: dict[str, Any]) -> None:
    form = situation.moodle.login_form(int(recorded["login_form"]["login_hint"]), situation.link)
    assert_launch_alike(situation, form, recorded)


@case("lti.submission_review")
def a_submission_review(situation: Situation, recorded: dict[str, Any]) -> None:
    form = situation.moodle.login_form(44, situation.link, message_type=SUBMISSION_REVIEW, for_user=4)
    claims = assert_launch_alike(situation, form, recorded)
    assert claims[LTI + "for_user"] == {"user_id": "4"}


@case("lti.deep_linking_request")
def a_deep_linking_request(situation: Situation, recorded: dict[str, Any]) -> None:
    form = situation.moodle.login_form(44, 2, message_type=DEEP_LINK)
    claims = assert_launch_alike(situation, form, recorded, redirect_uri="http://localhost:9701/dl")
    settings = "https://purl.imsglobal.org/spec/lti-dl/claim/deep_linking_settings"
    for name, value in recorded["claims"][settings].items():
        assert name == "deep_link_return_url" or claims[settings][name] == value


def assert_launch_alike(
    situation: Situation, form: dict[str, str], recorded: dict[str, Any], **changes: str
) -> dict[str, Any]:
    """Follows a launch through; every claim that does not tell of one launch or person is the recorded
    one."""
    expected = recorded["login_form"]
    assert list(form) == list(expected)
    assert form | {"lti_message_hint": ""} == expected | {"lti_message_hint": ""}
    hint, hint_expected = json.loads(form["lti_message_hint"]), json.loads(expected["lti_message_hint"])
    assert hint | {"launchid": ""} == hint_expected | {"launchid": ""}
    assert hint["launchid"].rstrip("0123456789") == hint_expected["launchid"].rstrip("0123456789")
    page = situation.launch(form, **changes)
    assert page.status_code == 200
    fields = posted_fields(page.text)
    assert list(fields) == ["id_token", "state"]
    header, claims = opened(fields["id_token"])
    assert header | {"kid": ""} == recorded["jwt_header"] | {"kid": ""}
    assert shape(claims) == shape(recorded["claims"])
    assert claims["exp"] - claims["iat"] == recorded["claims"]["exp"] - recorded["claims"]["iat"] == 60
    same = [
        "iss", "aud", "sub", "email",
        *(LTI + name for name in ("deployment_id", "target_link_uri", "lis", "roles", "ext")),
        *(LTI + name for name in ("context", "message_type", "version")),
        "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint",
        "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice",
    ]  # fmt: skip
    assert {name: claims[name] for name in same} == {name: recorded["claims"][name] for name in same}
    assert claims.get(LTI + "resource_link") == recorded["claims"].get(LTI + "resource_link")
    custom, custom_expected = claims[LTI + "custom"], recorded["claims"][LTI + "custom"]
    assert list(custom) == list(custom_expected)
    different = {name for name in custom if custom[name] != custom_expected[name]}
    assert different <= {
        "person_name_full", "result_sourcedid", "context_longdescription", "context_timeframe_begin",
        "coursesection_timeframe_begin", "coursesection_timeframe_end", "person_address_locality",
    }  # fmt: skip
    return claims


@case("lti.certs")
def certs(situation: Situation, recorded: dict[str, Any]) -> None:
    body = assert_alike(situation.client.get("/mod/lti/certs.php"), recorded)
    for name in ("kty", "alg", "use", "e"):
        assert body["keys"][0][name] == recorded["body"]["keys"][0][name]


# --- access tokens ------------------------------------------------------------------------------------------


@case("lti.token")
def a_token(situation: Situation, recorded: dict[str, Any]) -> None:
    body = assert_alike(situation.ask_token(), recorded)
    assert body | {"access_token": "ACCESS_TOKEN"} == recorded["body"]


@case("lti.token.error.expired")
def an_expired_assertion(situation: Situation, recorded: dict[str, Any]) -> None:
    assertion = situation.assertion(iat=1, exp=2)
    assert_alike(situation.ask_token(recorded["request"]["scope"], assertion=assertion), recorded, exact=True)


@case("lti.token.error.unknown_client")
def an_unknown_client(situation: Situation, recorded: dict[str, Any]) -> None:
    assertion = situation.assertion(sub="nobody", iss="nobody")
    assert_alike(situation.ask_token(recorded["request"]["scope"], assertion=assertion), recorded, exact=True)


@case("lti.token.error.unknown_scope")
def an_unknown_scope(situation: Situation, recorded: dict[str, Any]) -> None:
    assert_alike(situation.ask_token(recorded["request"]["scope"]), recorded, exact=True)


# --- roster -------------------------------------------------------------------------------------------------


@case("lti.nrps.all", "lti.nrps.page_1", "lti.nrps.page_last", "lti.nrps.rlid")
def a_roster(situation: Situation, recorded: dict[str, Any]) -> None:
    body = assert_alike(replay(situation, recorded), recorded)
    members, expected = body["members"], recorded["body"]["members"]
    assert len(members) == len(expected)
    assert body["id"] == recorded["body"]["id"]
    assert body["context"] == recorded["body"]["context"]
    order = [(member["family_name"], member["given_name"], int(member["user_id"])) for member in members]
    assert order == sorted(order)


@case("lti.nrps.error.no_token")
def a_roster_without_a_token(situation: Situation, recorded: dict[str, Any]) -> None:
    assert_alike(replay(situation, recorded, bearer=None), recorded, exact=True)


@case("lti.nrps.error.wrong_accept", "lti.lineitems.error.any_accept")
def a_wrong_media_type(situation: Situation, recorded: dict[str, Any]) -> None:
    assert_alike(replay(situation, recorded), recorded, exact=True)


# --- gradebook ----------------------------------------------------------------------------------------------


def with_columns(situation: Situation) -> None:
    """The two columns that were there when most recordings were made: 21 and 22."""
    for label, resource in (("Пара сформирована", "pair-formed"), ("Индивидуальный план", "plan")):
        sent = {"label": label, "scoreMaximum": 100, "resourceId": f"indicator:{resource}", "tag": "indicator"}
        url = f"{SITE}/mod/lti/services.php/2/lineitems?type_id=1"
        assert situation.service("POST", url, body=compact(sent)).status_code == 201


@case("lti.lineitems.list", "lti.lineitem.create")
def line_items(situation: Situation, recorded: dict[str, Any]) -> None:
    assert_alike(replay(situation, recorded), recorded, exact=True)


@case("lti.lineitems.by_tag", "lti.lineitems.page_1")
def line_items_among_others(situation: Situation, recorded: dict[str, Any]) -> None:
    with_columns(situation)
    assert_alike(replay(situation, recorded), recorded, exact=True)


@case(
    "lti.score.ok",
    "lti.score.ok_second_student",
    "lti.score.error.bad_timestamp",
    "lti.score.error.teacher_not_gradable",
    "lti.score.error.unknown_user",
)
def a_score(situation: Situation, recorded: dict[str, Any]) -> None:
    with_columns(situation)
    assert_alike(replay(situation, recorded), recorded, exact=True)


@case("lti.score.error.same_second")
def a_score_in_the_same_second(situation: Situation, recorded: dict[str, Any]) -> None:
    with_columns(situation)
    replay(situation, load("lti.score.ok"))
    assert_alike(replay(situation, recorded), recorded, exact=True)


@case("lti.score.pretty_printed_error_is_200")
def an_error_that_looks_like_success(situation: Situation, recorded: dict[str, Any]) -> None:
    with_columns(situation)
    request = recorded["request"]
    answer = situation.service("POST", request["url"], body=json.dumps(request["body"], indent=1))
    assert_alike(answer, recorded, exact=True)


@case("lti.results")
def results(situation: Situation, recorded: dict[str, Any]) -> None:
    with_columns(situation)
    for score in ("lti.score.ok", "lti.score.ok_second_student"):
        replay(situation, load(score))
    assert_alike(replay(situation, recorded), recorded, exact=True)


# --- registration -------------------------------------------------------------------------------------------


@case("lti.openid_configuration")
def the_configuration(situation: Situation, recorded: dict[str, Any]) -> None:
    assert_alike(situation.client.get(recorded["request"]["path"], base_url=SITE), recorded, exact=True)


@case("lti.registration.start")
def the_start_of_a_registration(situation: Situation, recorded: dict[str, Any]) -> None:
    answer = situation.client.get(
        "/mod/lti/startltiadvregistration.php", query_string={"url": "http://localhost:9777/lti/register?key=abc"}
    )
    sent_to, expected = answer.location, recorded["redirect_to"]
    query = parse_qs(urlsplit(sent_to).query)
    [registration_token] = query["registration_token"]
    assert sent_to.replace(registration_token, "REGISTRATION_TOKEN") == expected
    header, claims = opened(registration_token)
    assert header | {"kid": ""} == recorded["registration_token"]["header"] | {"kid": ""}
    assert shape(claims) == shape(recorded["registration_token"]["claims"])
    assert claims["scope"] == "reg"
    assert claims["exp"] - claims["iat"] == 3600


def register(situation: Situation, recorded: dict[str, Any], token: str) -> TestResponse:
    headers = {"Authorization": f"Bearer {token}"}
    body = recorded["request"]["body"]
    return situation.client.post("/mod/lti/openid-registration.php", json=body, headers=headers, base_url=SITE)


@case("lti.registration.response")
def a_registration(situation: Situation, recorded: dict[str, Any]) -> None:
    situation.moodle.add_tool("http://localhost:9702")
    body = assert_alike(register(situation, recorded, situation.moodle.registration.token()), recorded)
    assert body | {"client_id": ""} == recorded["body"] | {"client_id": ""}
    assert not situation.moodle.lti.tools[int(body[TOOL_CONFIGURATION]["deployment_id"])].active


@case("lti.registration.error.domain")
def a_registration_for_another_domain(situation: Situation, recorded: dict[str, Any]) -> None:
    assert_alike(register(situation, recorded, situation.moodle.registration.token()), recorded, exact=True)


@case("lti.registration.error.token_reused")
def a_registration_token_used_twice(situation: Situation, recorded: dict[str, Any]) -> None:
    token = situation.moodle.registration.token()
    assert register(situation, recorded, token).status_code == 200
    assert_alike(register(situation, recorded, token), recorded, exact=True)


# --- web services -------------------------------------------------------------------------------------------


def call(situation: Situation, recorded: dict[str, Any], **how: Any) -> TestResponse:
    """Calls a recorded web-service function again."""
    return situation.web_service(recorded["request"]["wsfunction"], recorded["request"]["params"], **how)


@case(
    "ws.calendar_event.course",
    "ws.course_contents",
    "ws.course_groups",
    "ws.courses_by_field",
    "ws.grade_items.user",
    "ws.message.ok",
    "ws.site_info",
)
def a_function(situation: Situation, recorded: dict[str, Any]) -> None:
    assert_alike(call(situation, recorded), recorded)


@case(
    "ws.choice_results",
    "ws.feedback_items.anonymous",
    "ws.feedback_items.named",
    "ws.message.bad_recipient",
    "ws.error.access_exception",
    "ws.error.invalid_parameter",
    "ws.error.invalid_record",
    "ws.error.no_such_function",
)
def a_function_with_a_certain_answer(situation: Situation, recorded: dict[str, Any]) -> None:
    assert_alike(call(situation, recorded), recorded, exact=True)


@case(
    "ws.enrolled_users",
    "ws.enrolled_users.all_fields",
    "ws.enrolled_users.page_1",
    "ws.enrolled_users.page_3",
    "ws.users_by_field",
)
def people(situation: Situation, recorded: dict[str, Any]) -> None:
    body = assert_alike(call(situation, recorded), recorded)
    expected = recorded["body"]
    assert [person["id"] for person in body] == [person["id"] for person in expected]
    for person, like in zip(body, expected, strict=True):
        assert set(person) == set(like)
        assert [role["shortname"] for role in person.get("roles", [])] == [
            role["shortname"] for role in like.get("roles", [])
        ]


@case("ws.group_members")
def group_members(situation: Situation, recorded: dict[str, Any]) -> None:
    body = assert_alike(call(situation, recorded), recorded)
    for group, like in zip(body, recorded["body"], strict=True):
        assert sorted(group["userids"]) == sorted(like["userids"])


@case("ws.feedbacks_by_courses")
def feedbacks(situation: Situation, recorded: dict[str, Any]) -> None:
    body = assert_alike(call(situation, recorded), recorded)
    for feedback, like in zip(body["feedbacks"], recorded["body"]["feedbacks"], strict=False):
        for name in ("id", "course", "name", "anonymous", "completionsubmit", "coursemodule"):
            assert feedback[name] == like[name]


@case("ws.feedback_responses.anonymous", "ws.feedback_responses.named", "ws.feedback_responses.named.page_0")
def responses(situation: Situation, recorded: dict[str, Any]) -> None:
    body = assert_alike(call(situation, recorded), recorded)
    size = recorded["request"]["params"].get("perpage")
    for kind in ("attempts", "anonattempts"):
        if size and recorded["body"][kind]:
            assert len(body[kind]) == size < body["totalattempts"]
        for attempt in body[kind]:
            names = [(one["id"], one["name"]) for one in attempt["responses"]]
            assert names == [(one["id"], one["name"]) for one in recorded["body"][kind][0]["responses"]]


@case("ws.feedback_analysis.anonymous", "ws.feedback_analysis.named")
def analysis(situation: Situation, recorded: dict[str, Any]) -> None:
    body = assert_alike(call(situation, recorded), recorded)
    for question, like in zip(body["itemsdata"], recorded["body"]["itemsdata"], strict=True):
        assert question["item"] == like["item"]
        if question["item"]["typ"] == "multichoicerated":
            options, expected = ([json.loads(text) for text in one["data"]] for one in (question, like))
            assert shape(options) == shape(expected)
            assert [(one["answertext"], one["value"]) for one in options] == [
                (one["answertext"], one["value"]) for one in expected
            ]
            assert sum(one["answercount"] for one in options) == body["completedcount"]


@case("ws.feedback_non_respondents")
def non_respondents(situation: Situation, recorded: dict[str, Any]) -> None:
    body = assert_alike(call(situation, recorded), recorded)
    assert body["total"] == len(body["users"])


@case("ws.error.invalid_token")
def a_wrong_token(situation: Situation, recorded: dict[str, Any]) -> None:
    assert_alike(call(situation, recorded, token="0" * 32), recorded, exact=True)


@case("ws.error.xml_without_format")
def xml_when_no_format_is_asked_for(situation: Situation, recorded: dict[str, Any]) -> None:
    assert_alike(call(situation, recorded, token="0" * 32, form=""), recorded, exact=True)


# --- all of them --------------------------------------------------------------------------------------------


def load(name: str) -> dict[str, Any]:
    recorded: dict[str, Any] = json.loads((RECORDINGS / f"{name}.json").read_text(encoding="utf-8"))
    return recorded


def test_every_recording_has_a_case() -> None:
    assert sorted(CASES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_it_answers_as_recorded(situation: Situation, name: str) -> None:
    CASES[name](situation, load(name))


def test_the_scopes_asked_for_are_those_of_the_recording() -> None:
    assert load("lti.token")["body"]["scope"] == ALL_SCOPES
