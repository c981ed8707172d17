"""Launches, tokens, the roster and registration of the practice Moodle refuse and allow what Moodle does."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine

from tests.practice_moodle import DEEP_LINK, MoodlePageError, new_key, public_jwk
from tests.practice_moodle.lti_platform import SCOPE_ROSTER
from tests.practice_moodle.registration import TOOL_CONFIGURATION
from tests.practice_moodle.signing import check_own, token

from .situation import SITE, TOOL, TOOL_KEY, Situation, opened, posted_fields, tampered

LTI = "https://purl.imsglobal.org/spec/lti/claim/"
STUDENT, TEACHER, TUTOR, EMPLOYER = 4, 44, 49, 51
MEMBERS_URL = f"{SITE}/mod/lti/services.php/CourseSection/2/bindings/1/memberships"


# --- authentication requests ------------------------------------------------------------------------------------------


def test_a_hint_works_once(situation: Situation) -> None:
    form = situation.moodle.login_form(STUDENT, situation.link)
    assert "id_token" in posted_fields(situation.launch(form).text)
    again = situation.launch(form)
    assert again.status_code == 404
    assert "Недопустимый запрос" in again.text


@pytest.mark.parametrize(
    "changes",
    [{"scope": "openid email"}, {"response_type": "code"}, {"nonce": ""}, {"redirect_uri": f"{TOOL}/launch/"},
     {"redirect_uri": "http://evil.example/"}, {"lti_message_hint": "{}"}, {"login_hint": ""}],
)  # fmt: skip
def test_a_request_it_cannot_trust_gets_a_page_of_its_own(situation: Situation, changes: dict[str, str]) -> None:
    page = situation.launch(situation.moodle.login_form(STUDENT, situation.link), **changes)
    assert page.status_code == 404
    assert posted_fields(page.text) == {}


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"login_hint": "5"}, {"error": "access_denied"}),
        ({"client_id": "another"}, {"error": "unauthorized_client"}),
        ({"response_mode": "query"}, {"error": "invalid_request", "error_description": "Invalid response_mode"}),
        ({"prompt": "login"}, {"error": "invalid_request", "error_description": "Invalid prompt"}),
    ],
)
def test_other_errors_are_posted_to_the_tool(
    situation: Situation, changes: dict[str, str], fields: dict[str, str]
) -> None:
    page = situation.launch(situation.moodle.login_form(STUDENT, situation.link), **changes)
    assert posted_fields(page.text) == fields | {"state": "s-1"}


def test_one_who_is_not_in_the_course_is_not_launched(situation: Situation) -> None:
    college = situation.moodle.college
    college.suspend(STUDENT, 2)
    college.unenrol(TEACHER, 2)
    for person in (STUDENT, TEACHER):
        with pytest.raises(MoodlePageError):
            situation.moodle.login_form(person, situation.link)
    assert situation.moodle.login_form(college.admin, situation.link)


def test_only_who_may_edit_the_course_chooses_content(situation: Situation) -> None:
    assert situation.moodle.login_form(TEACHER, 2, message_type=DEEP_LINK)
    for person in (STUDENT, TUTOR):
        with pytest.raises(MoodlePageError):
            situation.moodle.login_form(person, 2, message_type=DEEP_LINK)


def test_privacy_leaves_names_and_addresses_out(situation: Situation) -> None:
    situation.tool.sends_name = situation.tool.sends_email = False
    claims = situation.moodle.claims(STUDENT, situation.link, "n")
    assert not {"name", "given_name", "family_name", "email"} & set(claims)
    assert claims[LTI + "lis"]["person_sourcedid"] == "ST-2026-0001"
    [member] = [one for one in roster(situation) if one["user_id"] == str(STUDENT)]
    assert set(member) == {"status", "roles", "user_id", "lis_person_sourcedid"}


def test_tokens_can_be_made_wrong_in_every_way(situation: Situation) -> None:
    claims = situation.moodle.claims(STUDENT, situation.link, "n")
    sign = situation.moodle.sign
    assert opened(sign(claims))[1] == claims
    assert "kid" not in opened(sign(claims, kid=None))[0]
    assert opened(sign(claims, kid="other"))[0]["kid"] == "other"
    assert opened(sign(claims, headers={"jku": "http://evil.example", "typ": None}))[0].keys() == {"alg", "kid", "jku"}
    assert sign(claims, alg="none").endswith(".")
    assert len({sign(claims, alg="HS256"), sign(claims, alg="HS256", key=b"secret"), sign(claims, key=new_key())}) == 3


# --- roles and the roster ---------------------------------------------------------------------------------------------


def roster(situation: Situation, query: str = "") -> list[dict[str, Any]]:
    answer = situation.service("GET", MEMBERS_URL + query)
    assert answer.status_code == 200
    members: list[dict[str, Any]] = answer.get_json(force=True)["members"]
    return members


def test_non_editing_teachers_are_instructors_at_launch_and_learners_in_the_roster(situation: Situation) -> None:
    roles = {one["user_id"]: one["roles"] for one in roster(situation)}
    for person in (TUTOR, EMPLOYER):
        claims = situation.moodle.claims(person, situation.link, "n")
        assert claims[LTI + "roles"] == ["http://purl.imsglobal.org/vocab/lis/v2/membership#Instructor"]
        assert roles[str(person)] == ["Learner"]
    assert roles[str(TEACHER)] == ["Instructor"]


def test_the_roster_leaves_suspended_people_out(situation: Situation) -> None:
    situation.moodle.college.suspend(STUDENT, 2)
    assert str(STUDENT) not in {one["user_id"] for one in roster(situation)}
    situation.moodle.college.suspend(STUDENT, 2, suspended=False)
    assert str(STUDENT) in {one["user_id"] for one in roster(situation)}


def test_a_next_link_of_the_roster_forgets_the_role(situation: Situation) -> None:
    answer = situation.service("GET", f"{MEMBERS_URL}?role=Learner&limit=3")
    assert all(one["roles"] == ["Learner"] for one in answer.get_json(force=True)["members"])
    assert answer.headers["Link"] == f'<{MEMBERS_URL}?limit=3&from=3>; rel="next"'


def test_an_expired_or_forgotten_token_opens_nothing(situation: Situation) -> None:
    with time_machine.travel(0, tick=False) as clock:
        bearer = situation.moodle.lti.new_access_token(situation.tool)
        assert situation.service("GET", MEMBERS_URL, bearer=bearer).status_code == 200
        clock.shift(3601)
        assert situation.service("GET", MEMBERS_URL, bearer=bearer).status_code == 401
    situation.moodle.lti.forget_access_tokens()
    assert situation.service("GET", MEMBERS_URL).status_code == 401


# --- access tokens ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claims", "complaint"),
    [({"iat": 4102444800, "exp": 4102444860}, "Cannot handle token with iat prior to 2100-01-01T00:00:00+0000"),
     ({"exp": 1}, "Expired token")],
)  # fmt: skip
def test_an_assertion_gets_no_leeway(situation: Situation, claims: dict[str, int], complaint: str) -> None:
    answer = situation.ask_token(assertion=situation.assertion(**claims))
    assert (answer.status_code, answer.get_json(force=True)) == (400, {"error": complaint})


def test_an_assertion_must_name_and_fit_a_published_key(situation: Situation) -> None:
    claims = {"iss": "probeclient0001", "sub": "probeclient0001", "exp": 4102444800}
    complaints = {
        '"kid" empty, unable to lookup correct key': token(claims, key=TOOL_KEY, kid=None),
        '"kid" invalid, unable to lookup correct key': token(claims, key=TOOL_KEY, kid="another"),
        "Signature verification failed": token(claims, key=new_key(), kid="tool-key"),
    }
    for complaint, assertion in complaints.items():
        assert situation.ask_token(assertion=assertion).get_json(force=True) == {"error": complaint}
    assert situation.ask_token(assertion=tampered(situation.assertion())).status_code == 400


def test_a_key_set_is_fetched_once_unless_its_keys_lack_alg(situation: Situation) -> None:
    for _ in range(3):
        assert situation.ask_token().status_code == 200
    assert situation.tool.keys.fetches == 1
    bare = public_jwk(TOOL_KEY, "tool-key")
    del bare["alg"]
    other = situation.moodle.add_tool("http://localhost:9702", keys=lambda: {"keys": [bare]})
    for _ in range(3):
        assertion = situation.assertion(sub=other.client_id)
        assert situation.ask_token(assertion=assertion).status_code == 200
    assert other.keys.fetches == 3


def test_only_scopes_of_the_tool_are_given(situation: Situation) -> None:
    situation.tool.roster = False
    answer = situation.ask_token(f"{SCOPE_ROSTER} https://purl.imsglobal.org/spec/lti-ags/scope/score").get_json(
        force=True
    )
    assert answer["scope"] == "https://purl.imsglobal.org/spec/lti-ags/scope/score"
    assert situation.ask_token(SCOPE_ROSTER).get_json(force=True) == {"error": "invalid_scope"}


# --- deep linking -----------------------------------------------------------------------------------------------------


def chosen(situation: Situation, **changes: Any) -> str:
    item = {
        "type": "ltiResourceLink",
        "title": "Мой наставник",
        "url": f"{TOOL}/launch?page=mentor",
        "custom": {"page": "mentor"},
        "lineItem": {"scoreMaximum": 10, "label": "План", "resourceId": "plan", "tag": "indicator"},
    }
    claims = {
        "iss": situation.tool.client_id,
        "aud": SITE,
        LTI + "message_type": "LtiDeepLinkingResponse",
        LTI + "version": "1.3.0",
        "https://purl.imsglobal.org/spec/lti-dl/claim/content_items": [item, {"type": "link", "url": "http://x"}],
    }
    return token(claims | changes, key=TOOL_KEY, kid="tool-key")


def test_chosen_content_becomes_activities_with_their_columns(situation: Situation) -> None:
    page = situation.client.post("/mod/lti/contentitem_return.php?course=2&id=1", data={"JWT": chosen(situation)})
    assert page.status_code == 200
    link = max(situation.moodle.lti.links.values(), key=lambda link: link.id)
    assert (link.title, link.course.id) == ("Мой наставник", 2)
    claims = situation.moodle.claims(STUDENT, link, "n")
    assert claims[LTI + "target_link_uri"] == f"{TOOL}/launch?page=mentor"
    assert claims[LTI + "custom"]["page"] == "mentor"
    [column] = situation.moodle.gradebook.of_tool(link.course, 1, resource_id="plan")
    assert (column.label, column.maximum, column.link_id, column.coupled) == (link.title, 10, link.id, True)


@pytest.mark.parametrize("changes", [{"iss": "another"}, {LTI + "message_type": "x"}, {LTI + "version": "1.1"}])
def test_a_bad_choice_adds_nothing(situation: Situation, changes: dict[str, str]) -> None:
    links = dict(situation.moodle.lti.links)
    data = {"JWT": chosen(situation, **changes)}
    assert situation.client.post("/mod/lti/contentitem_return.php?course=2&id=1", data=data).status_code == 404
    assert situation.moodle.lti.links == links


# --- registration -----------------------------------------------------------------------------------------------------


def registration(**changes: Any) -> dict[str, Any]:
    configuration = {"domain": "tool.example:8000", "target_link_uri": "http://tool.example:8000/lti/launch"}
    return {
        "application_type": "web",
        "response_types": ["id_token"],
        "grant_types": ["implicit", "client_credentials"],
        "initiate_login_uri": "http://tool.example:8000/lti/login",
        "redirect_uris": ["http://tool.example:8000/lti/launch"],
        "client_name": "Наставничество",
        "jwks_uri": "http://tool.example:8000/lti/jwks",
        "token_endpoint_auth_method": "private_key_jwt",
        "scope": SCOPE_ROSTER,
        TOOL_CONFIGURATION: configuration | changes.pop("configuration", {}),
    } | changes


def register(situation: Situation, sent: dict[str, Any], bearer: str | None = None) -> Any:
    bearer = bearer or situation.moodle.registration.token()
    headers = {"Authorization": f"Bearer {bearer}"}
    return situation.client.post("/mod/lti/openid-registration.php", json=sent, headers=headers)


def test_a_tool_gets_what_it_asked_for_and_no_more(situation: Situation) -> None:
    told = register(situation, registration()).get_json()
    tool = situation.moodle.lti.tool_of(told["client_id"])
    assert tool
    assert (tool.gradebook, tool.roster, tool.sends_name, tool.active, tool.in_chooser) == (
        0,
        True,
        False,
        False,
        False,
    )
    assert told["scope"] == SCOPE_ROSTER
    assert told[TOOL_CONFIGURATION]["claims"] == ["sub", "iss"]


@pytest.mark.parametrize(
    ("sent", "complaint"),
    [
        (registration(client_name=""), "missing required attribute client_name"),
        (registration(configuration={"domain": ""}), "missing_domain"),
        (registration(configuration={"domain": "tool.example"}), "domain_targetlinkuri_mismatch"),
        (registration(response_types=["code"]), "invalid_response_types"),
        (registration(redirect_uris="http://tool.example"), "invalid_redirect_uris"),
        (registration(token_endpoint_auth_method="none"), "invalid_token_endpoint_auth_method"),
        (registration(application_type="native"), "invalid_application_type"),
    ],
)
def test_a_bad_registration_is_refused_in_plain_text(
    situation: Situation, sent: dict[str, Any], complaint: str
) -> None:
    answer = register(situation, sent)
    assert (answer.status_code, answer.text) == (400, complaint)


def test_a_registration_needs_a_good_token(situation: Situation) -> None:
    without = situation.client.post("/mod/lti/openid-registration.php", json=registration())
    assert (without.status_code, without.text) == (401, "missing_registration_token")
    expired = situation.moodle.registration.token(life=-1)
    assert "Expired token" in register(situation, registration(), expired).text
    assert register(situation, registration(), token({"sub": "x", "scope": "reg"}, key=new_key())).status_code == 404


def test_an_update_changes_the_tool_and_may_be_repeated(situation: Situation) -> None:
    bearer = situation.moodle.registration.token(situation.tool)
    for name in ("Новое имя", "Ещё одно имя"):
        told = register(situation, registration(client_name=name), bearer).get_json()
        assert (told["client_id"], told["client_name"]) == ("probeclient0001", name)
    assert len(situation.moodle.lti.tools) == 1
    assert situation.tool.url == "http://tool.example:8000/lti/launch"


def test_a_tool_of_the_same_domain_is_asked_about_before_another_is_registered(situation: Situation) -> None:
    situation.tool.domain = "tool.example:8000"
    address = "http://tool.example:8000/lti/register?invitation=abc"

    def start(**query: Any) -> Any:
        how = situation.client.post if "type" in query else situation.client.get
        return how("/mod/lti/startltiadvregistration.php", query_string={"url": address, **query})

    def scope(answer: Any) -> tuple[str, str]:
        assert answer.status_code == 303
        assert answer.location.startswith(address + "&openid_configuration=")
        claims = check_own(parse_qs(urlsplit(answer.location).query)["registration_token"][0])
        return claims["scope"], claims["sub"]

    asked = start()
    assert asked.status_code == 200
    assert f"type={situation.tool.id}" in asked.text
    assert "type=0" in asked.text
    assert scope(start(type=situation.tool.id)) == ("reg-update", str(situation.tool.id))
    assert scope(start(type=0))[0] == "reg"
    situation.tool.domain = "tool.example"
    assert scope(start())[0] == "reg"
