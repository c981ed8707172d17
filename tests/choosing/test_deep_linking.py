"""Choosing content from inside Moodle: the request, our page, and the signed answer that Moodle takes."""

import re
import time
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from lti_service.audit import AuditEvent
from lti_service.db import now
from lti_service.entrance.models import Visit
from lti_service.indicators import gradebook
from lti_service.indicators.models import ColumnKind
from lti_service.lti import deep_linking
from lti_service.platforms.models import ContentChoice, Platform
from lti_service.programme import service as programme
from tests.practice_moodle import DEEP_LINK, PracticeMoodle

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
SETTINGS = deep_linking.SETTINGS


class Choosing:
    """A teacher in Moodle's "add an activity", with the request open to every change before it is signed."""

    def __init__(self, client: FlaskClient, moodle: PracticeMoodle, who: Any = None, course: int = 2) -> None:
        self.client, self.moodle = client, moodle
        self.course = course
        who = who or moodle.college.teachers[0]
        login = client.post("/lti/login", data=moodle.login_form(who, course, message_type=DEEP_LINK))
        assert login.status_code == 302, login.text
        query = dict(parse_qsl(urlsplit(login.location).query))
        self.state = query["state"]
        self.claims = moodle.claims(who, course, query["nonce"], DEEP_LINK)
        self.address = ""

    def come(self) -> TestResponse:
        """Moodle's answer arrives; the browser goes where it leads."""
        data = {"state": self.state, "id_token": self.moodle.sign(self.claims)}
        response = self.client.post("/lti/launch", data=data, follow_redirects=True)
        self.address = response.request.path
        self.page = response.text
        return response

    def send(self, *places: str, **more: str) -> TestResponse:
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.page)
        assert token
        return self.client.post(self.address, data={"csrf_token": token[1], "place": list(places), **more})

    def signed(self, response: TestResponse) -> str:
        found = re.search(r'name="JWT" value="([^"]+)"', response.text)
        assert found, response.text
        return found[1]

    def claims_of(self, response: TestResponse) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(self.signed(response), options={"verify_signature": False})
        return claims

    def deliver(self, response: TestResponse) -> list[Any]:
        """What Moodle adds to the course for an answer; it checks the signature and who signed."""
        tool = next(iter(self.moodle.lti.tools.values()))
        return self.moodle.lti.take_deep_linking_answer(self.course, tool, self.signed(response))


@pytest.fixture
def choosing(client: FlaskClient, moodle: PracticeMoodle, platform: Platform) -> Choosing:
    return Choosing(client, moodle)


# --- it works -----------------------------------------------------------------------------------------------------


def test_a_teacher_chooses_from_our_pages(choosing):
    response = choosing.come()
    assert response.status_code == 200
    assert re.fullmatch(r"/courses/1/choosing/\d+", choosing.address)
    assert re.findall(r'type="checkbox" name="place" id="place-\w+" value="(\w+)"', response.text) == [
        "home", "mentor", "surveys", "indicators",
    ]  # fmt: skip
    assert "checked" not in response.text


def test_moodle_takes_several_at_once(choosing, session):
    choosing.come()
    added = choosing.deliver(choosing.send("mentor", "surveys", "indicators"))
    assert [link.url for link in added] == [
        f"http://localhost/lti/launch?page={place}" for place in ("mentor", "surveys", "indicators")
    ]
    assert all(link.title and link.description for link in added)
    assert not any(link.accepts_grades for link in added)
    entry = session.scalars(select(AuditEvent).where(AuditEvent.action == "content.chosen")).one()
    assert entry.details["places"] == ["mentor", "surveys", "indicators"]


def test_the_home_of_mentoring_is_the_tools_own_address(choosing):
    choosing.come()
    (link,) = choosing.deliver(choosing.send("home"))
    assert link.url == "http://localhost/lti/launch"


def test_what_was_chosen_can_be_opened(choosing, moodle, launch_as):
    choosing.come()
    (link,) = choosing.deliver(choosing.send("indicators"))
    assert launch_as(moodle.college.admin, link).home.endswith("/indicators/")


def test_the_answer_is_signed_for_this_moodle_and_short_lived(choosing, moodle, client):
    choosing.claims[SETTINGS]["data"] = 'op"aque <&> данные'
    choosing.come()
    response = choosing.send("home")
    tool = next(iter(moodle.lti.tools.values()))
    key_set = client.get("/lti/jwks").json
    header = jwt.get_unverified_header(choosing.signed(response))
    key = next(jwt.PyJWK(one) for one in key_set["keys"] if one["kid"] == header["kid"])
    claims = jwt.decode(choosing.signed(response), key, algorithms=["RS256"], audience=moodle.issuer)
    assert claims["iss"] == tool.client_id
    assert claims["aud"] == moodle.issuer
    assert claims[CLAIM + "deployment_id"] == tool.deployment_id
    assert claims[CLAIM + "message_type"] == "LtiDeepLinkingResponse"
    assert claims[CLAIM + "version"] == "1.3.0"
    assert claims[deep_linking.DEEP_LINKING + "data"] == 'op"aque <&> данные'
    assert claims["iat"] <= time.time()
    assert 0 < claims["exp"] - time.time() <= 300
    assert len(claims["nonce"]) >= 20


def test_without_data_none_is_sent_back(choosing):
    choosing.come()
    assert deep_linking.DEEP_LINKING + "data" not in choosing.claims_of(choosing.send("home"))


@pytest.mark.parametrize(
    "data", ["", "a\0b", {"a": [1, None]}, 0, "x" * 5000], ids=["empty", "nul", "object", "0", "long"]
)
def test_data_goes_back_as_it_came(choosing, data):
    choosing.claims[SETTINGS]["data"] = data
    choosing.come()
    assert choosing.claims_of(choosing.send("home"))[deep_linking.DEEP_LINKING + "data"] == data


def test_each_answer_has_a_nonce_of_its_own(app, moodle, platform):
    nonces = set()
    for _ in range(2):
        one = Choosing(app.test_client(), moodle)
        one.come()
        nonces.add(one.claims_of(one.send("home"))["nonce"])
    assert len(nonces) == 2


def test_the_site_administrator_may_choose_too(client, moodle, platform):
    choosing = Choosing(client, moodle, moodle.college.admin)
    assert choosing.come().status_code == 200
    assert len(choosing.deliver(choosing.send("home"))) == 1


def test_nothing_chosen_goes_back_to_moodle_as_nothing(choosing):
    choosing.come()
    response = choosing.send(cancel="1")
    assert choosing.claims_of(response)[deep_linking.DEEP_LINKING + "content_items"] == []
    assert choosing.deliver(response) == []


# --- the page that carries it back --------------------------------------------------------------------------------


def test_the_answers_form_may_go_to_that_moodle_only(choosing, moodle):
    page = choosing.come()
    assert "form-action 'self';" in page.headers["Content-Security-Policy"]
    response = choosing.send("home")
    assert f"form-action 'self' {moodle.issuer};" in response.headers["Content-Security-Policy"]
    assert choosing.client.get("/courses/1/").headers["Content-Security-Policy"].count(moodle.issuer) == 1


def test_the_answer_works_without_scripts_and_has_none_inline(choosing, moodle):
    choosing.come()
    response = choosing.send("home")
    page = unescape(response.text)
    assert f'<form method="post" action="{choosing.claims[SETTINGS]["deep_link_return_url"]}" id="answer">' in page
    assert re.search(r'<form[^>]*id="answer">.*<button', page, re.DOTALL)
    assert re.search(r'<script src="/static/choosing.js" nonce="[^"]+"></script>', page)
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert response.headers["Cache-Control"] == "no-store"


def test_text_from_outside_is_escaped(choosing, moodle):
    choosing.claims[CLAIM + "context"]["title"] = "<script>alert(1)</script>"
    choosing.claims[SETTINGS]["deep_link_return_url"] += '&x="><script>alert(2)</script>'
    page = choosing.come().text
    assert "<script>alert" not in page
    assert "<script>alert" not in choosing.send("home").text


# --- a gradebook column -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("places", "holder"), [(("home",), 0), (("home", "mentor", "surveys"), 1), (("surveys", "mentor"), 1)]
)
def test_a_column_comes_with_one_activity(choosing, moodle, session, platform, places, holder):
    choosing.come()
    links = choosing.deliver(choosing.send(*places, column="1"))
    assert [link.accepts_grades for link in links] == [number == holder for number in range(len(links))]
    (column,) = moodle.gradebook.of_tool(links[0].course, links[0].tool.id, link_id=str(links[holder].id))
    assert column.maximum == 100


def test_the_column_is_the_one_that_the_service_fills(choosing, session, platform):
    """A curator who makes the column "a pair is formed" finds this one, and no second is made."""
    choosing.come()
    (item,) = choosing.claims_of(choosing.send("mentor", column="1"))[deep_linking.DEEP_LINKING + "content_items"]
    cycle = programme.current_cycle(session, platform.id, now().date())
    source = gradebook.Source(ColumnKind.PAIR_FORMED, None, False)
    assert item["lineItem"]["resourceId"] == gradebook._resource_id(source, cycle)
    assert item["lineItem"]["tag"] == gradebook.TAG
    assert item["lineItem"]["scoreMaximum"] == 100
    assert item["lineItem"]["submissionReview"]["reviewableStatus"]


def test_a_column_that_is_there_already_is_not_offered_a_second_time(client, choosing, moodle, platform):
    choosing.come()
    links = choosing.deliver(choosing.send("mentor", column="1"))
    again = Choosing(client, moodle)
    again.come()
    refused = again.send("home", column="1")
    assert refused.status_code == 422
    assert "уже есть столбец" in refused.text
    again.page = refused.text
    again.deliver(again.send("home"))
    assert len(moodle.gradebook.of_tool(links[0].course, links[0].tool.id, tag="indicator")) == 1


def test_when_moodle_cannot_tell_its_columns_the_teacher_goes_on(choosing, moodle):
    choosing.come()
    moodle.faults.add("/lineitems", status=503)
    assert choosing.send("mentor", column="1").status_code == 200


def test_a_column_needs_an_activity_for_students(choosing):
    choosing.come()
    response = choosing.send("surveys", "indicators", column="1")
    assert response.status_code == 422
    assert response.text.count("checked") == 3
    assert choosing.send("home").status_code == 200


def test_a_platform_that_takes_no_columns_is_offered_none(choosing):
    choosing.claims[SETTINGS]["accept_lineitem"] = False
    assert 'name="column"' not in choosing.come().text
    (item,) = choosing.claims_of(choosing.send("home", column="1"))[deep_linking.DEEP_LINKING + "content_items"]
    assert "lineItem" not in item


# --- what is refused ----------------------------------------------------------------------------------------------


def assert_refused(response: TestResponse, session: Session, reason: str, status: int = 403) -> None:
    assert response.status_code == status, response.text
    entry = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first()
    assert entry is not None
    assert (entry.action, entry.details["reason"]) == ("launch.refused", reason)
    assert entry.correlation_id in response.text
    assert session.scalar(select(func.count()).select_from(Visit)) == 0
    assert session.scalar(select(func.count()).select_from(ContentChoice)) == 0


@pytest.mark.parametrize(
    "roles", [["http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"], ["Learner"], [],
              ["http://purl.imsglobal.org/vocab/lis/v2/institution/person#Faculty"]],
)  # fmt: skip
def test_nobody_but_those_who_teach_may_choose(choosing, session, roles):
    choosing.claims[CLAIM + "roles"] = roles
    assert_refused(choosing.come(), session, "message")


@pytest.mark.parametrize(
    "return_url",
    [
        "https://evil.example/return",
        "http://127.0.0.1:1/return",
        "{moodle}.evil.example/return",
        "{moodle}@evil.example/return",
        "javascript:alert(1)",
        "//evil.example/return",
        "/mod/lti/contentitem_return.php",
        "{moodle}/" + "r" * 1000,
        "",
        None,
        17,
    ],
)
def test_the_answer_goes_to_the_platforms_own_site_only(choosing, moodle, session, return_url):
    wanted = return_url.replace("{moodle}", moodle.issuer) if isinstance(return_url, str) else return_url
    choosing.claims[SETTINGS]["deep_link_return_url"] = wanted
    response = choosing.come()
    assert response.status_code == 403
    entry = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first()
    assert entry.details["reason"] in ("claim-invalid", "claim-missing")
    assert session.scalar(select(func.count()).select_from(ContentChoice)) == 0


@pytest.mark.parametrize("wrong", [None, "text", {"accept_types": ["link"]}, {}])
def test_settings_that_are_none_are_refused(choosing, session, wrong):
    choosing.claims[SETTINGS] = wrong
    response = choosing.come()
    assert response.status_code == 403
    assert session.scalar(select(func.count()).select_from(ContentChoice)) == 0


def test_without_a_course_there_is_nothing_to_add_to(choosing, session):
    del choosing.claims[CLAIM + "context"]
    assert_refused(choosing.come(), session, "claim-missing")


def test_a_forged_request_is_refused_like_any_launch(choosing, session):
    data = {"state": choosing.state, "id_token": choosing.moodle.sign(choosing.claims, alg="none")}
    assert_refused(choosing.client.post("/lti/launch", data=data), session, "algorithm")


def test_an_answer_is_given_once(choosing):
    choosing.come()
    assert choosing.send("home").status_code == 200
    again = choosing.send("home")
    assert again.status_code == 410
    assert "JWT" not in again.text
    assert choosing.client.get(choosing.address).status_code == 410


def test_of_two_answers_at_once_one_is_given(choosing, session, monkeypatch):
    choosing.come()
    find: Callable[..., ContentChoice] = deep_linking.find
    inner: list[TestResponse] = []

    def meanwhile(*args: Any) -> ContentChoice:
        found = find(*args)
        if not inner:
            inner.append(None)  # type: ignore[arg-type]
            inner[0] = choosing.send("home")
        return found

    monkeypatch.setattr(deep_linking, "find", meanwhile)
    late = choosing.send("home")
    assert inner[0].status_code == 200
    assert late.status_code == 410


def test_a_page_left_open_for_too_long_is_over(choosing):
    choosing.come()
    with time_machine.travel(now() + timedelta(minutes=61)):
        assert choosing.send("home").status_code == 410


def test_somebody_elses_choice_is_not_there(choosing, app, moodle, launch_as):
    choosing.come()
    other = launch_as(moodle.college.teachers[1])
    assert other.get(choosing.address).status_code == 404
    assert other.get("/courses/1/choosing/99").status_code == 404
    assert other.get("/courses/1/choosing/99999999999").status_code == 404


def test_a_choice_belongs_to_its_course(choosing, moodle, launch_as, client):
    choosing.come()
    number = choosing.address.rpartition("/")[2]
    elsewhere = next(one for one in moodle.college.courses if one != 2)
    launch_as(moodle.college.admin, elsewhere)
    assert client.get(f"/courses/2/choosing/{number}").status_code == 404


def test_an_answer_needs_our_form(choosing):
    choosing.come()
    assert choosing.client.post(choosing.address, data={"place": "home"}).status_code == 400


@pytest.mark.parametrize("places", [(), ("nothing",), ("../home",)])
def test_nothing_is_no_choice(choosing, places):
    choosing.come()
    response = choosing.send(*places)
    assert response.status_code == 422
    assert 'id="trouble"' in response.text


@pytest.mark.parametrize("said", [False, "false", None])
def test_where_only_one_is_taken_only_one_can_be_chosen(choosing, said):
    choosing.claims[SETTINGS]["accept_multiple"] = said
    if said is None:
        del choosing.claims[SETTINGS]["accept_multiple"]
    assert 'type="radio" name="place"' in choosing.come().text
    assert choosing.send("home", "mentor").status_code == 422
    assert len(choosing.deliver(choosing.send("mentor"))) == 1


def test_the_same_twice_is_once(choosing):
    choosing.come()
    assert len(choosing.deliver(choosing.send("home", "home"))) == 1


def test_requests_that_ran_out_are_purged(choosing, session):
    choosing.come()
    assert deep_linking.purge(session, now()) == 0
    assert deep_linking.purge(session, now() + timedelta(hours=2)) == 1


# --- speed --------------------------------------------------------------------------------------------------------


def test_a_plain_launch_leaves_no_request_behind(app: Flask, launch_as, moodle, session):
    launch_as(moodle.college.teachers[0])
    assert session.scalar(select(func.count()).select_from(ContentChoice)) == 0
