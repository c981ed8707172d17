"""Dynamic registration through the real endpoint: what a Moodle admin sees, and what is kept."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from flask import Flask, jsonify
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from lti_service.audit import AuditEvent
from lti_service.db import now
from lti_service.entrance.registration import ADVICE
from lti_service.lti.registration import tool_registration
from lti_service.platforms import secrets, service
from lti_service.platforms.models import AccessToken, Invitation, Platform, PlatformState, ToolKey
from lti_service.serve import greeting
from tests.conftest import launch
from tests.practice_moodle import PracticeMoodle, running

OURS = "http://localhost"
CONFIGURATION = "/mod/lti/openid-configuration.php"


@pytest.fixture
def client(client: FlaskClient) -> FlaskClient:
    """The admin's browser, in English: titles are compared as they stand in the code."""
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


@pytest.fixture
def invite(session: Session) -> Callable[..., str]:
    """A fresh registration address, as the command and the admin's page give it."""

    def make(platform: Platform | None = None) -> str:
        code = service.invite(session, platform.id if platform else None)
        session.commit()
        return service.registration_address(OURS, code)

    return make


@pytest.fixture
def paste(client: FlaskClient, moodle: PracticeMoodle) -> Callable[..., TestResponse]:
    """The admin pastes the address into Moodle, which opens it in a frame."""

    def open_it(address: str, **how: Any) -> TestResponse:
        return client.get(moodle.start_registration(address, **how))

    return open_it


def the_platforms(session: Session) -> list[Platform]:
    session.expire_all()
    return list(session.scalars(select(Platform).order_by(Platform.id)))


def the_last_entry(session: Session) -> AuditEvent:
    session.commit()
    return session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)).one()


def frame_ancestors(response: TestResponse) -> str:
    policy = response.headers["Content-Security-Policy"]
    found = re.search(r"frame-ancestors ([^;]*)", policy)
    assert found, policy
    return found[1]


def assert_refused(response: TestResponse, session: Session, reason: str, status: int) -> AuditEvent:
    """A page of its own, an entry in the trail under the page's number, no platform, and the invitation as it was."""
    assert response.status_code == status, response.text
    assert response.mimetype == "text/html"
    assert f'<h1 class="h3">{ADVICE[reason].title}</h1>' in unescape(response.text)
    assert "Traceback" not in response.text
    entry = the_last_entry(session)
    assert (entry.action, entry.details["reason"]) == ("registration.refused", reason)
    assert entry.correlation_id in response.text
    assert the_platforms(session) == []
    return entry


def assert_still_good(session: Session) -> None:
    assert session.scalar(select(func.count()).select_from(Invitation).where(Invitation.used_at.is_not(None))) == 0


# --- it works -----------------------------------------------------------------------------------------------------


def test_a_pasted_address_registers_this_moodle(invite, paste, moodle, session):
    response = paste(invite())
    assert response.status_code == 200, response.text
    (platform,) = the_platforms(session)
    tool = list(moodle.lti.tools.values())[-1]
    assert platform.state is PlatformState.ACTIVE
    assert (platform.issuer, platform.client_id) == (moodle.issuer, tool.client_id)
    assert [one.deployment_id for one in platform.deployments] == [tool.deployment_id]
    assert platform.login_url == moodle.addresses["login_url"]
    assert platform.token_url == moodle.addresses["token_url"]
    assert platform.jwks_url == moodle.addresses["jwks_url"]
    assert platform.ws_url == moodle.issuer
    assert platform.name == moodle.issuer.removeprefix("http://")
    assert session.scalar(select(func.count()).select_from(ToolKey)) == 1
    entry = the_last_entry(session)
    assert (entry.action, entry.platform_id) == ("platform.registered", platform.id)
    assert entry.details["client_id"] == tool.client_id


def test_moodle_is_told_everything_that_it_must_know(invite, paste, moodle):
    paste(invite())
    tool = list(moodle.lti.tools.values())[-1]
    assert tool.name == "Наставничество"
    assert (tool.url, tool.login_url) == (f"{OURS}/lti/launch", f"{OURS}/lti/login")
    assert tool.redirect_uris == [f"{OURS}/lti/launch"]
    assert tool.keys.source == f"{OURS}/lti/jwks"
    assert tool.icon == f"{OURS}/static/logo.svg"
    assert tool.domain == "localhost"
    assert tool.deep_linking_url == f"{OURS}/lti/launch"
    assert tool.custom == {"group_ids": "$Moodle.Person.userGroupIds"}
    assert tool.sends_name
    assert tool.sends_email
    assert tool.roster
    assert {scope.rpartition("/")[2] for scope in tool.scopes} == {
        "lineitem", "lineitem.readonly", "result.readonly", "score", "contextmembership.readonly",
    }  # fmt: skip


def test_the_page_says_what_the_admin_must_still_do_and_closes_its_window(invite, paste, moodle):
    page = paste(invite()).text
    assert f"{moodle.issuer}/mod/lti/toolconfigure.php" in page
    assert f"{moodle.issuer}/admin/webservice/tokens.php" in page
    assert f'data-origin="{moodle.issuer}"' in page
    assert re.search(r'<script src="/static/registration.js" nonce="[^"]+"></script>', page)


def test_only_the_moodle_that_opened_the_page_may_frame_it(invite, paste, moodle):
    assert frame_ancestors(paste(invite())) == f"'self' {moodle.issuer}"


def test_somebody_comes_in_by_a_launch_of_the_registered_tool(invite, paste, moodle, app):
    paste(invite())
    tool = list(moodle.lti.tools.values())[-1]
    tool.active = True
    link = moodle.add_link(2, tool, "Наставничество здесь")
    page = launch(app.test_client(), moodle, moodle.college.students[0], link)
    assert page.status_code == 200
    assert moodle.college.students[0].fullname in page.text


def test_the_service_may_stand_on_a_port():
    sent = tool_registration("http://localhost:9777")
    recorded = json.loads(_recording("lti.registration.response.json").read_text())["request"]["body"]
    configuration = "https://purl.imsglobal.org/spec/lti-tool-configuration"
    assert sent[configuration]["domain"] == recorded[configuration]["domain"] == "localhost:9777"
    assert set(sent["scope"].split()) == set(recorded["scope"].split())
    assert set(sent[configuration]["claims"]) == set(recorded[configuration]["claims"])
    assert {message["type"] for message in sent[configuration]["messages"]} == {
        message["type"] for message in recorded[configuration]["messages"]
    }
    assert not {"lineitem_url", "scores_url", "results_url"} & sent[configuration]["custom_parameters"].keys()
    for name in ("initiate_login_uri", "redirect_uris", "jwks_uri", "logo_uri", "client_name", "response_types"):
        assert sent[name] == recorded[name]


def _recording(name: str) -> Any:
    return Path(__file__).parents[1] / "recordings" / name


# --- again --------------------------------------------------------------------------------------------------------


def test_an_update_token_brings_the_same_platform_up_to_date(invite, paste, moodle, session):
    paste(invite())
    (before,) = the_platforms(session)
    before.login_url, before.name = moodle.issuer + "/old", "Колледж"
    session.commit()
    tool = list(moodle.lti.tools.values())[-1]
    response = paste(invite(), update=tool)
    assert response.status_code == 200, response.text
    (after,) = the_platforms(session)
    assert after.id == before.id
    assert after.login_url == moodle.addresses["login_url"]
    assert after.name == "Колледж"
    assert len(after.deployments) == 1
    assert the_last_entry(session).action == "platform.updated"


@pytest.mark.parametrize("for_this_moodle", [False, True])
def test_pasted_again_moodle_asks_and_its_update_doubles_nothing(
    invite, paste, client, moodle, session, for_this_moodle
):
    """The whole way of an admin: the same page of Moodle, its question which tool is meant, "Update"."""
    paste(invite())
    (before,) = the_platforms(session)
    tool = moodle.lti.tool_of(before.client_id)
    tools = len(moodle.lti.tools)
    asking = moodle.issuer + "/mod/lti/startltiadvregistration.php"
    address = invite(before if for_this_moodle else None)

    asked = requests.get(asking, params={"url": address}, timeout=10)
    button = next(
        found for found in re.findall(r'action="([^"]+)"', asked.text) if unescape(found).endswith(f"&type={tool.id}")
    )
    opened = requests.post(moodle.issuer + unescape(button), allow_redirects=False, timeout=10)
    page = client.get(opened.headers["Location"])

    assert page.status_code == 200
    assert "The connection is up to date" in page.text
    (after,) = the_platforms(session)
    assert (after.id, after.client_id) == (before.id, tool.client_id)
    assert [one.deployment_id for one in after.deployments] == [tool.deployment_id]
    assert len(moodle.lti.tools) == tools


def test_after_an_update_the_page_says_what_moodle_takes_back_and_no_more(invite, paste, moodle):
    """Moodle hides an updated tool from the activity chooser; it stays active and the token stays here."""
    paste(invite())
    tool = list(moodle.lti.tools.values())[-1]
    tool.in_chooser = True
    page = unescape(paste(invite(), update=tool).text)
    assert not tool.in_chooser
    assert "Show it to teachers." in page
    assert "Activate the tool." not in page
    assert "Give the service a web-service token." not in page


def test_an_update_resumes_nothing_that_was_paused(invite, paste, moodle, session):
    paste(invite())
    (platform,) = the_platforms(session)
    platform.state = PlatformState.PAUSED
    session.commit()
    page = paste(invite(), update=list(moodle.lti.tools.values())[-1])
    assert "alert-warning" in page.text
    assert the_platforms(session)[0].state is PlatformState.PAUSED


def test_an_update_keeps_the_web_service_token(invite, paste, moodle, session):
    paste(invite())
    (platform,) = the_platforms(session)
    platform.ws_token = secrets.encrypt("the-token")
    session.commit()
    paste(invite(), update=list(moodle.lti.tools.values())[-1])
    assert secrets.decrypt(the_platforms(session)[0].ws_token) == "the-token"


def test_the_admins_own_invitation_takes_a_new_tool_for_the_old_one(invite, paste, moodle, session):
    paste(invite())
    (before,) = the_platforms(session)
    old_client = before.client_id
    session.add(AccessToken(platform_id=before.id, scopes="s", token="t", expires_at=now()))
    session.commit()
    page = paste(invite(before))
    assert page.status_code == 200
    assert "do not open any more" in page.text
    assert "Activate the tool." in page.text
    (after,) = the_platforms(session)
    tool = list(moodle.lti.tools.values())[-1]
    assert after.id == before.id
    assert after.client_id == tool.client_id != old_client
    assert [one.deployment_id for one in after.deployments] == [tool.deployment_id]
    assert session.scalar(select(func.count()).select_from(AccessToken)) == 0


def test_the_admins_own_invitation_is_of_no_use_to_another_moodle(invite, paste, moodle, session):
    elsewhere = Platform(
        name="Другой", issuer="https://other.example", client_id="c", login_url="", token_url="", jwks_url="",
        created_at=now(),
    )  # fmt: skip
    session.add(elsewhere)
    session.commit()
    response = paste(invite(elsewhere))
    assert response.status_code == 422
    assert "https://other.example" in response.text
    assert the_last_entry(session).details["reason"] == "other-site"
    assert the_platforms(session)[0].client_id == "c"
    assert_still_good(session)
    assert not moodle.requests.of("openid-registration")


def test_the_admins_own_invitation_does_not_swallow_another_connection(invite, paste, moodle, session):
    paste(invite())
    paste(invite())
    first, second = the_platforms(session)
    tool_of_the_second = list(moodle.lti.tools.values())[-1]
    response = paste(invite(first), update=tool_of_the_second)
    assert response.status_code == 422
    assert the_last_entry(session).details["reason"] == "other-connection"
    assert [one.client_id for one in the_platforms(session)] == [first.client_id, second.client_id]


def test_a_second_tool_of_the_same_moodle_is_told_that_it_is_one(invite, paste, session):
    paste(invite())
    page = paste(invite()).text
    assert len(the_platforms(session)) == 2
    assert "alert-warning" in page


# --- the invitation -----------------------------------------------------------------------------------------------


def test_an_unknown_invitation_is_refused_and_its_page_can_be_read_inside_moodle(client, moodle, session):
    response = client.get(moodle.start_registration(f"{OURS}/lti/register?invitation=made-up"))
    assert_refused(response, session, "invitation-unknown", 403)
    assert frame_ancestors(response) == f"'self' {moodle.issuer}"
    # Whoever frames it, whatever they lay over it, there is nothing on it to press or to learn.
    assert not re.search("<(form|a|button|input) ", response.text.partition("<main")[2])
    assert not moodle.requests.of(CONFIGURATION)


def test_no_invitation_at_all_is_refused(client, moodle, session):
    response = client.get(moodle.start_registration(f"{OURS}/lti/register"))
    assert_refused(response, session, "invitation-unknown", 403)


def test_a_used_invitation_is_refused_inside_moodle(invite, paste, moodle, session):
    address = invite()
    paste(address)
    response = paste(address)
    assert response.status_code == 410
    assert the_last_entry(session).details["reason"] == "invitation-used"
    assert frame_ancestors(response) == f"'self' {moodle.issuer}"
    assert len(the_platforms(session)) == 1


def test_an_expired_invitation_is_refused(invite, paste, session):
    address = invite()
    session.execute(update(Invitation).values(expires_at=now() - timedelta(seconds=1)))
    session.commit()
    assert_refused(paste(address), session, "invitation-expired", 410)


def test_of_two_registrations_with_one_invitation_the_second_is_refused(invite, paste, moodle, session):
    """The second passes the first look while the first one is under way, and loses when it comes to keep."""
    address = invite()
    ask = service.find_invitation
    answers: list[TestResponse] = []

    def meanwhile(own: Session, code: str) -> Invitation:
        found = ask(own, code)
        if not answers:
            answers.append(None)  # type: ignore[arg-type]
            answers[0] = paste(address)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service, "find_invitation", meanwhile)
        late = paste(address)
    assert answers[0].status_code == 200
    assert late.status_code == 410
    assert len(the_platforms(session)) == 1


def test_the_table_does_not_hold_the_code(invite, session):
    code = invite().rpartition("=")[2]
    kept = session.scalars(select(Invitation)).one()
    assert code not in str(vars(kept))
    assert kept.expires_at - kept.created_at == timedelta(hours=24)


def test_invitations_that_ran_out_are_purged(invite, session):
    invite()
    session.execute(update(Invitation).values(expires_at=now() - timedelta(days=3)))
    invite()
    assert service.purge_invitations(session, now() - timedelta(days=1)) == 1
    session.commit()
    assert session.scalar(select(func.count()).select_from(Invitation)) == 1


def test_the_command_prints_an_address_that_works(app, paste, session):
    done = app.test_cli_runner().invoke(args=["platforms", "invite"])
    assert done.exit_code == 0, done.output
    assert re.fullmatch(r"http://localhost/lti/register\?invitation=[\w-]{40,}\n", done.output)
    assert paste(done.output.strip()).status_code == 200
    (platform,) = the_platforms(session)
    again = app.test_cli_runner().invoke(args=["platforms", "invite", "--for", str(platform.id)])
    assert paste(again.output.strip()).status_code == 200
    assert [one.id for one in the_platforms(session)] == [platform.id]


def test_the_service_starts_with_an_address_that_works_until_a_moodle_is_connected(app, paste, session):
    said = greeting(app)
    assert said.startswith(f"The service listens on 127.0.0.1:8000 and answers at {OURS}.")
    assert paste(said.splitlines()[-1]).status_code == 200
    assert len(the_platforms(session)) == 1
    assert greeting(app) == f"The service listens on 127.0.0.1:8000 and answers at {OURS}.\n"


def test_the_command_knows_no_other_platform(app):
    done = app.test_cli_runner().invoke(args=["platforms", "invite", "--for", "7"])
    assert done.exit_code == 1
    assert "platforms list" in done.output


# --- what a platform may do wrong ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("http://moodle.example.org/mod/lti/openid-configuration.php", "http://moodle.example.org"),
        ("https://10.7.7.7/moodle/mod/lti/openid-configuration.php", "https://10.7.7.7"),
        ("https://admin:secret@moodle.example.org/c", ""),
        ("ftp://moodle.example.org/c", ""),
        ("https://[broken/c", ""),
        ("not an address", ""),
        ("https://moodle.example.org;script-src *.evil.example/c", ""),
        ("https://a b/c", ""),
    ],
)
def test_it_does_not_go_to_an_address_it_may_not_go_to_and_says_so_there(client, invite, session, address, site):
    response = client.get(f"{invite()}&{urlencode({'openid_configuration': address, 'registration_token': 't'})}")
    assert_refused(response, session, "platform-address", 422)
    assert frame_ancestors(response) == f"'self' {site}".strip()
    assert_still_good(session)


def test_it_does_not_go_into_private_networks(client, invite, session):
    """The name passes; the address behind it is asked when connecting."""
    response = client.get(f"{invite()}&openid_configuration=https://127.0.0.2/c&registration_token=t")
    assert_refused(response, session, "platform-address", 422)


@pytest.mark.parametrize("fault", [{"close": True}, {"lose": True}])
def test_a_moodle_that_does_not_answer_can_be_tried_again(invite, paste, moodle, session, fault):
    moodle.faults.add(CONFIGURATION, **fault)
    address = invite()
    assert_refused(paste(address), session, "no-answer", 502)
    moodle.faults.clear()
    assert paste(address).status_code == 200


def test_a_moodle_that_falls_silent_on_the_way_can_be_tried_again(invite, paste, moodle, session):
    moodle.faults.add("openid-registration", close=True)
    address = invite()
    assert_refused(paste(address), session, "no-answer", 502)
    moodle.faults.clear()
    assert paste(address).status_code == 200


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 404}, {"page": True}, {"body": "[]"}, {"body": "{}"}])
def test_a_configuration_that_is_none_is_refused(invite, paste, moodle, session, fault):
    moodle.faults.add(CONFIGURATION, **fault)
    assert_refused(paste(invite()), session, "wrong-configuration", 502)
    assert not moodle.requests.of("openid-registration")


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "https://another.example"},
        {"issuer": None},
        {"token_endpoint": "https://another.example/token"},
        {"jwks_uri": "http://127.0.0.1:1/keys"},
        {"authorization_endpoint": 17},
        {"registration_endpoint": ""},
        {"registration_endpoint": "http://user:word@{host}/r"},
        {"jwks_uri": "http://{host}/" + "k" * 500},
        {"scopes_supported": ["openid"]},
        {"scopes_supported": None},
        {"id_token_signing_alg_values_supported": ["ES256"]},
        {"token_endpoint_auth_methods_supported": ["client_secret_basic"]},
        {"https://purl.imsglobal.org/spec/lti-platform-configuration": {"messages_supported": [{"type": "Other"}]}},
        {"https://purl.imsglobal.org/spec/lti-platform-configuration": "no"},
    ],
    ids=str,
)
def test_a_wrong_configuration_is_refused(invite, paste, moodle, session, wrong):
    host = moodle.issuer.removeprefix("http://")
    told = moodle.registration.configuration()
    told |= {key: value.replace("{host}", host) if isinstance(value, str) else value for key, value in wrong.items()}
    moodle.faults.add(CONFIGURATION, body=json.dumps(told))
    assert_refused(paste(invite()), session, "wrong-configuration", 502)
    assert not moodle.requests.of("openid-registration")
    assert_still_good(session)


def test_a_site_in_a_folder_does_not_speak_for_its_neighbour(invite, paste, moodle, session):
    told = moodle.registration.configuration() | {"issuer": moodle.issuer + "/first"}
    moodle.faults.add(CONFIGURATION, body=json.dumps(told))
    assert_refused(paste(invite()), session, "wrong-configuration", 502)


def test_moodles_reason_is_shown(invite, moodle, client, session):
    opened = moodle.start_registration(invite())
    client.get(opened)
    again = opened.replace(opened.partition("invitation=")[2].partition("&")[0], invite().rpartition("=")[2])
    response = client.get(again)
    assert response.status_code == 422
    assert "<samp>token_already_used</samp>" in response.text
    entry = the_last_entry(session)
    assert entry.details["reason"] == "refused-by-moodle"
    assert entry.details["detail"] == "401 token_already_used"
    assert len(the_platforms(session)) == 1


@pytest.mark.parametrize("token", ["", "&registration_token=", "&registration_token=x"])
def test_moodle_refuses_a_missing_or_made_up_token(client, invite, moodle, session, token):
    response = client.get(f"{invite()}&openid_configuration={moodle.issuer}{CONFIGURATION}{token}")
    assert_refused(response, session, "refused-by-moodle", 422)
    assert_still_good(session)


def test_a_token_that_is_none_is_not_sent(client, invite, moodle, session):
    query = urlencode({"openid_configuration": moodle.issuer + CONFIGURATION, "registration_token": "a\r\nX-Evil: 1"})
    assert_refused(client.get(f"{invite()}&{query}"), session, "not-from-moodle", 400)
    assert not moodle.requests.of("openid-registration")


def a_platform(answer: Any, status: int = 200) -> Flask:
    """A platform of our own making that answers every registration so."""
    fake = Flask(__name__)

    @fake.get(CONFIGURATION)
    def configuration() -> Any:
        return jsonify(told | {"issuer": fake.config["ROOT"]} | addresses())

    def addresses() -> dict[str, str]:
        names = ("token_endpoint", "jwks_uri", "authorization_endpoint", "registration_endpoint")
        return {name: f"{fake.config['ROOT']}/{name}" for name in names}

    @fake.post("/registration_endpoint")
    def register() -> Any:
        return (answer, status) if isinstance(answer, str) else (jsonify(answer), status)

    told = json.loads(
        (Path(__file__).parents[1] / "recordings" / "lti.openid_configuration.json").read_text(encoding="utf-8")
    )["body"]
    return fake


TOOL = "https://purl.imsglobal.org/spec/lti-tool-configuration"


@pytest.mark.parametrize(
    "answer",
    [
        {"client_id": "", TOOL: {"deployment_id": "1"}},
        {"client_id": 7, TOOL: {"deployment_id": "1"}},
        {"client_id": "c" * 300, TOOL: {"deployment_id": "1"}},
        {TOOL: {"deployment_id": "1"}},
        {"client_id": "c"},
        {"client_id": "c", TOOL: {}},
        {"client_id": "c", TOOL: {"deployment_id": 3}},
        {"client_id": "c", TOOL: "no"},
        "",
        "[]",
    ],
    ids=str,
)
def test_an_answer_without_what_we_need_is_refused(client, invite, session, answer):
    fake = a_platform(answer)
    with running(fake) as address:
        fake.config["ROOT"] = address
        response = client.get(f"{invite()}&openid_configuration={address}{CONFIGURATION}&registration_token=t")
    assert_refused(response, session, "wrong-answer", 502)
    assert_still_good(session)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("tool limit reached", "<samp>tool limit reached</samp>"),
        ("a & b", "<samp>a &amp; b</samp>"),
        ("<script>alert(1)</script>", None),
        ("a\nb", None),
        ("x" * 300, None),
    ],
)
def test_what_a_platform_says_is_shown_as_text_or_not_at_all(client, invite, session, said, shown):
    fake = a_platform(said, 400)
    with running(fake) as address:
        fake.config["ROOT"] = address
        response = client.get(f"{invite()}&openid_configuration={address}{CONFIGURATION}&registration_token=t")
    assert_refused(response, session, "refused-by-moodle", 422)
    assert "<script>alert" not in response.text
    assert shown in response.text if shown else "<samp>" not in response.text


def test_a_redirect_is_not_followed(client, invite, session):
    fake = Flask(__name__)

    @fake.get(CONFIGURATION)
    def configuration() -> Any:
        return "", 302, {"Location": "http://127.0.0.1:1/elsewhere"}

    with running(fake) as address:
        response = client.get(f"{invite()}&openid_configuration={address}{CONFIGURATION}&registration_token=t")
    assert_refused(response, session, "wrong-configuration", 502)


# --- by hand ------------------------------------------------------------------------------------------------------


def by_hand(client: FlaskClient, address: str, **form: str) -> TestResponse:
    """Open the address in a browser and fill in what Moodle shows of a tool made by hand."""
    page = client.get(address)
    assert page.status_code == 200
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', page.text))
    return client.post("/lti/register", data=hidden | form)


def test_opened_by_hand_the_address_says_what_to_do_with_it(client, invite, session):
    address = invite()
    page = unescape(client.get(address).text)
    assert f'value="{address}"' in page
    for value in ("/lti/launch", "/lti/login", "/lti/jwks"):
        assert f"<code>{OURS}{value}</code>" in page
    assert_still_good(session)


def test_a_moodle_can_be_connected_by_hand(client, invite, moodle, session, app):
    tool = next(iter(moodle.lti.tools.values()))
    address = invite()
    done = by_hand(
        client, address, issuer=f" {moodle.issuer}/ ", client_id=tool.client_id, deployment_id=tool.deployment_id
    )
    assert done.status_code == 200, done.text
    # Moodle's form for doing it by hand makes a tool active at once, and asks there where it is shown.
    assert "Activate the tool." not in done.text
    assert "Show it to teachers." not in done.text
    assert "Give the service a web-service token." in done.text
    (platform,) = the_platforms(session)
    assert (platform.issuer, platform.client_id) == (moodle.issuer, tool.client_id)
    assert platform.token_url == moodle.addresses["token_url"]
    assert launch(app.test_client(), moodle, moodle.college.students[0]).status_code == 200
    assert client.get(address).status_code == 410


@pytest.mark.parametrize(
    ("field", "value"),
    [("issuer", ""), ("client_id", ""), ("deployment_id", " "), ("client_id", "c" * 201), ("issuer", "https://127.0.0.2"),
     ("issuer", "not an address"), ("issuer", "http://127.0.0.1:1")],
)  # fmt: skip
def test_what_was_filled_in_wrongly_is_shown_again(client, invite, moodle, session, field, value):
    form = {"issuer": moodle.issuer, "client_id": "kept-as-typed", "deployment_id": "7"} | {field: value}
    response = by_hand(client, invite(), **form)
    assert response.status_code == 422
    assert f'id="{field}-error"' in response.text
    if field != "client_id":
        assert 'value="kept-as-typed"' in response.text
    assert the_platforms(session) == []
    assert_still_good(session)


def test_by_hand_an_invitation_is_needed_too(client, moodle, invite, session):
    response = by_hand(client, invite(), invitation="made-up", issuer=moodle.issuer, client_id="c", deployment_id="1")
    assert_refused(response, session, "invitation-unknown", 403)


def test_by_hand_nothing_is_done_without_our_form(client, moodle, invite, session):
    code = invite().rpartition("=")[2]
    form = {"invitation": code, "issuer": moodle.issuer, "client_id": "c", "deployment_id": "1"}
    assert client.post("/lti/register", data=form).status_code == 400
    assert the_platforms(session) == []


def test_by_hand_another_site_than_the_invited_is_refused(client, paste, invite, moodle, session):
    paste(invite())
    (platform,) = the_platforms(session)
    platform.issuer = "https://other.example"
    session.commit()
    response = by_hand(client, invite(platform), issuer=moodle.issuer, client_id="c", deployment_id="1")
    assert response.status_code == 422
    assert "https://other.example" in response.text


def test_the_command_for_doing_it_by_hand_says_what_goes_into_moodle(app, moodle):
    tool = next(iter(moodle.lti.tools.values()))
    options = {"issuer": moodle.issuer, "client-id": tool.client_id, "deployment-id": tool.deployment_id}
    options |= {f"{name}-url": moodle.addresses[f"{name}_url"] for name in ("login", "token", "jwks")}
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    done = app.test_cli_runner().invoke(args=["platforms", "add", "--active", *arguments])
    assert done.exit_code == 0, done.output
    assert re.fullmatch(r"\d+\n", done.stdout)
    for name, path in (("Tool URL", "launch"), ("Public keyset", "jwks"), ("Initiate login URL", "login")):
        assert f"In Moodle, {name}: http://localhost/lti/{path}" in done.stderr
