"""What a launch must refuse and must accept: the two tables of the certification guide and more, row by row.

Each case goes through the real endpoints. A refused one leaves an audit entry and no visit.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from flask.testing import FlaskClient
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from lti_service.audit import AuditEvent
from lti_service.db import now
from lti_service.entrance.models import Visit
from lti_service.lti.models import LaunchAttempt
from lti_service.people.models import Membership, Person
from lti_service.platforms.models import Course, Platform
from tests.practice_moodle import PracticeMoodle, new_key, signing

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
LTI_ROLES = "http://purl.imsglobal.org/vocab/lis/v2/"


class Attempt:
    """One login of one browser, and the claims Moodle would answer it with, open to every forgery."""

    def __init__(self, client: FlaskClient, moodle: PracticeMoodle, who: str | int = "student") -> None:
        self.client, self.moodle = client, moodle
        college = moodle.college
        person = college.students[0] if who == "student" else college.teachers[0]
        form = moodle.login_form(person, 2)
        login = client.post("/lti/login", data=form)
        assert login.status_code == 302, login.text
        query = dict(parse_qsl(urlsplit(login.location).query))
        self.state, self.nonce = query["state"], query["nonce"]
        self.claims: dict[str, Any] = moodle.claims(person, 2, self.nonce)

    def send(self, token: str | None = None, **form: Any) -> TestResponse:
        data = {"state": self.state, "id_token": token or self.moodle.sign(self.claims), **form}
        return self.client.post("/lti/launch", data=data)


@pytest.fixture
def attempt(client: FlaskClient, moodle: PracticeMoodle, platform: Platform) -> Attempt:
    return Attempt(client, moodle)


@pytest.fixture
def assert_refused(session: Session) -> Callable[..., None]:
    def check(response: TestResponse, reason: str, status: int = 403) -> None:
        assert response.status_code == status, response.text
        assert "text/html" in response.headers["Content-Type"]
        assert "Traceback" not in response.text
        entry = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first()
        assert entry is not None
        assert entry.action == "launch.refused"
        assert entry.details["reason"] == reason
        assert entry.correlation_id
        assert entry.correlation_id in response.text
        assert session.scalar(select(func.count()).select_from(Visit)) == 0

    return check


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


# --- the certification guide's known bad payloads ---------------------------------------------------------------------


def test_it_refuses_no_kid_in_the_header(attempt, moodle, assert_refused):
    assert_refused(attempt.send(moodle.sign(attempt.claims, kid=None)), "key-unknown")


def test_it_refuses_a_wrong_kid(attempt, moodle, assert_refused):
    assert_refused(attempt.send(moodle.sign(attempt.claims, kid="somebody-elses")), "key-unknown")


@pytest.mark.parametrize("version", ["11.3.0", "1.1", "", None, 1.3])
def test_it_refuses_a_wrong_or_missing_lti_version(attempt, assert_refused, version):
    attempt.claims[CLAIM + "version"] = version
    if version is None:
        del attempt.claims[CLAIM + "version"]
    assert_refused(attempt.send(), "message")


def test_it_refuses_an_invalid_lti_message(attempt, moodle, assert_refused):
    assert_refused(attempt.send(moodle.sign({"name": "badltilaunch"})), "claim-missing")


def test_it_refuses_missing_lti_claims(attempt, assert_refused):
    for name in [name for name in attempt.claims if name.startswith("https://")]:
        del attempt.claims[name]
    assert_refused(attempt.send(), "claim-missing")


@pytest.mark.parametrize(
    ("iat", "exp", "reason", "status"),
    [
        (-700, -640, "expired", 401),
        (600, 660, "not-yet-valid", 403),
        (-86400, 60, "expired", 401),
    ],
)
def test_it_refuses_wrong_timestamps(attempt, assert_refused, iat, exp, reason, status):
    attempt.claims |= {"iat": int(time.time()) + iat, "exp": int(time.time()) + exp}
    assert_refused(attempt.send(), reason, status)


def test_it_refuses_a_token_that_is_not_valid_yet(attempt, assert_refused):
    attempt.claims["nbf"] = int(time.time()) + 600
    assert_refused(attempt.send(), "not-yet-valid")


@pytest.mark.parametrize("name", ["message_type", "roles", "deployment_id", "target_link_uri"])
def test_it_refuses_a_missing_lti_claim(attempt, assert_refused, name):
    del attempt.claims[CLAIM + name]
    assert_refused(attempt.send(), "message" if name == "message_type" else "claim-missing")


@pytest.mark.parametrize("link", [{}, {"title": "без id"}, {"id": ""}])
def test_it_refuses_a_missing_resource_link_id(attempt, assert_refused, link):
    attempt.claims[CLAIM + "resource_link"] = link
    assert_refused(attempt.send(), "message")


@pytest.mark.parametrize("value", [None, ""])
def test_it_refuses_a_missing_sub(attempt, assert_refused, value):
    attempt.claims["sub"] = value
    if value is None:
        del attempt.claims["sub"]
    assert_refused(attempt.send(), "claim-missing")


# --- and more ---------------------------------------------------------------------------------------------------------


def test_it_refuses_alg_none(attempt, assert_refused):
    head = _b64(json.dumps({"alg": "none", "typ": "JWT", "kid": signing.key_id()}).encode())
    assert_refused(attempt.send(f"{head}.{_b64(json.dumps(attempt.claims).encode())}."), "algorithm")


def test_it_refuses_hs256_with_the_public_key(attempt, assert_refused):
    public = signing.platform_key().public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    head = _b64(json.dumps({"alg": "HS256", "typ": "JWT", "kid": signing.key_id()}).encode())
    signed = f"{head}.{_b64(json.dumps(attempt.claims).encode())}"
    mac = _b64(hmac.new(pem, signed.encode(), hashlib.sha256).digest())
    assert_refused(attempt.send(f"{signed}.{mac}"), "algorithm")


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u"])
def test_it_refuses_a_key_given_in_the_header(attempt, moodle, assert_refused, name):
    forged = moodle.sign(attempt.claims, headers={name: "https://evil.example/keys"})
    assert_refused(attempt.send(forged), "key-in-header")


def test_it_refuses_another_keys_signature(attempt, moodle, assert_refused):
    assert_refused(attempt.send(moodle.sign(attempt.claims, key=new_key())), "signature")


def test_it_refuses_a_payload_changed_after_signing(attempt, moodle, assert_refused):
    head, _body, signature = moodle.sign(attempt.claims).split(".")
    attempt.claims["sub"] = "2"
    assert_refused(attempt.send(f"{head}.{_b64(json.dumps(attempt.claims).encode())}.{signature}"), "signature")


def test_it_refuses_a_wrong_issuer(attempt, assert_refused):
    attempt.claims["iss"] = "https://other.example.edu"
    assert_refused(attempt.send(), "unknown-platform")


def test_it_refuses_a_wrong_audience(attempt, assert_refused):
    attempt.claims["aud"] = "someone-else"
    assert_refused(attempt.send(), "unknown-platform")


@pytest.mark.parametrize("azp", [None, "someone-else"])
def test_it_refuses_several_audiences_without_our_azp(attempt, platform, assert_refused, azp):
    attempt.claims["aud"] = [platform.client_id, "someone-else"]
    if azp:
        attempt.claims["azp"] = azp
    assert_refused(attempt.send(), "unknown-platform" if azp else "wrong-audience")


def test_it_refuses_a_wrong_azp_beside_one_audience(attempt, assert_refused):
    attempt.claims["azp"] = "someone-else"
    assert_refused(attempt.send(), "wrong-audience")


@pytest.mark.parametrize("name", ["exp", "iat", "nonce"])
def test_it_refuses_a_token_without_exp_iat_or_nonce(attempt, assert_refused, name):
    del attempt.claims[name]
    assert_refused(attempt.send(), "claim-missing")


def test_it_refuses_the_nonce_of_another_login(client, app, moodle, platform, assert_refused):
    victim, thief = Attempt(app.test_client(), moodle), Attempt(client, moodle)
    thief.claims["nonce"] = victim.nonce
    assert_refused(thief.send(), "nonce", 401)


def test_it_refuses_an_unknown_state(attempt, assert_refused):
    assert_refused(attempt.send(state="state-invented"), "state-unknown", 401)


def test_it_refuses_a_state_that_ran_out(attempt, session, assert_refused):
    session.execute(update(LaunchAttempt).values(expires_at=now() - timedelta(seconds=1)))
    session.commit()
    assert_refused(attempt.send(), "state-expired", 401)


def test_it_refuses_a_launch_in_another_browser_than_the_login(attempt, app, assert_refused):
    attempt.client = app.test_client()
    assert_refused(attempt.send(), "no-cookie", 401)


def test_it_refuses_a_launch_in_a_browser_with_a_login_of_its_own(attempt, app, moodle, assert_refused):
    other = Attempt(app.test_client(), moodle)
    attempt.client = other.client
    assert_refused(attempt.send(), "other-browser", 401)


def test_it_refuses_an_unknown_deployment(attempt, assert_refused):
    attempt.claims[CLAIM + "deployment_id"] = "999"
    assert_refused(attempt.send(), "unknown-deployment")


def test_it_refuses_a_target_outside_the_tool(attempt, assert_refused):
    attempt.claims[CLAIM + "target_link_uri"] = "https://evil.example/lti/launch"
    assert_refused(attempt.send(), "foreign-target")


def test_it_refuses_a_platform_that_is_not_active(attempt, session, platform, assert_refused):
    session.merge(platform).state = "paused"
    session.commit()
    assert_refused(attempt.send(), "platform-not-active")


def test_it_refuses_a_platform_that_another_process_has_just_paused(attempt, session, platform, assert_refused):
    # Past the mapper, whose changes this process hears of: what it remembers of the platform is out of date.
    session.execute(text("UPDATE platform SET state = 'paused'"))
    session.commit()
    assert_refused(attempt.send(), "platform-not-active")


def test_it_accepts_a_deployment_that_another_process_has_just_added(attempt, session, platform):
    row = {"platform": platform.id, "deployment": "just-added"}
    session.execute(text("INSERT INTO deployment (platform_id, deployment_id) VALUES (:platform, :deployment)"), row)
    session.commit()
    attempt.claims[CLAIM + "deployment_id"] = "just-added"
    assert attempt.send().status_code == 303


@pytest.mark.parametrize("part", [0, 1, 2], ids=["header", "body", "signature"])
@pytest.mark.parametrize("change", ["{}=", "{}==", "!{}", "{} ", "{}\n", "é{}"])
def test_it_refuses_a_token_that_is_not_spelled_as_base64url(attempt, moodle, session, part, change):
    parts = moodle.sign(attempt.claims).split(".")
    parts[part] = change.format(parts[part])
    assert attempt.send(".".join(parts)).status_code in (400, 403)
    assert session.scalar(select(func.count()).select_from(Visit)) == 0


def test_it_refuses_a_signature_spelled_in_another_way(attempt, moodle, assert_refused):
    # 256 bytes end in a letter of which four bits say nothing; three other letters would decode to the same.
    token = moodle.sign(attempt.claims)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert_refused(attempt.send(token[:-1] + letters[letters.index(token[-1]) + 1]), "token-malformed", 400)


def test_it_refuses_parameters_twice(attempt, moodle, assert_refused):
    token = moodle.sign(attempt.claims)
    assert_refused(attempt.send([token, token]), "parameter-twice", 400)


def test_it_refuses_a_login_of_an_unknown_client(client, moodle, platform, assert_refused):
    form = moodle.login_form(moodle.college.students[0], 2) | {"client_id": "no-such-client"}
    assert_refused(client.post("/lti/login", data=form), "unknown-platform")


def test_it_refuses_a_body_that_is_too_large(attempt, assert_refused):
    assert_refused(attempt.send("x" * 3_000_000), "body-too-large", 413)


@pytest.mark.parametrize("token", ["", "abc", "a.b.c", "..", "ИИИ.ИИИ.ИИИ", "W10.W10.W10"])
def test_it_refuses_what_is_no_token(attempt, assert_refused, token):
    response = attempt.client.post("/lti/launch", data={"state": attempt.state, "id_token": token})
    assert_refused(response, "parameter-missing" if not token else "token-malformed", 400)


# PostgreSQL has no NUL, and no database keeps half of a surrogate pair.
SIGNS = pytest.mark.parametrize("sign", ["\0", "\ud800"], ids=["nul", "half"])


@SIGNS
@pytest.mark.parametrize(
    ("header", "body", "reason"),
    [
        ({"alg": "{}"}, {}, "algorithm"),
        ({"alg": "RS256"}, {"iss": "{}", "aud": "b"}, "claim-invalid"),
        ({"alg": "RS256"}, {"iss": "a", "aud": "b{}"}, "claim-invalid"),
    ],
)
def test_it_refuses_what_no_database_keeps_before_it_asks_one(
    client, platform, assert_refused, sign, header, body, reason
):
    parts = ({name: value.format(sign) for name, value in part.items()} for part in (header, body))
    token = ".".join(_b64(json.dumps(part).encode()) for part in parts) + ".AAAA"
    assert_refused(client.post("/lti/launch", data={"state": "s", "id_token": token}), reason)


@SIGNS
@pytest.mark.parametrize("name", ["sub", "nonce"])
def test_it_refuses_signed_claims_that_no_database_keeps(attempt, assert_refused, name, sign):
    attempt.claims[name] += sign
    assert_refused(attempt.send(), "claim-invalid")


@SIGNS
def test_it_refuses_a_signed_address_that_no_database_keeps(attempt, assert_refused, sign):
    attempt.claims["https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"]["lineitems"] += sign
    assert_refused(attempt.send(), "claim-invalid")


@SIGNS
def test_it_lets_in_whoever_has_a_broken_sign_in_their_name_and_cleans_it(attempt, session, sign):
    """A sync keeps them so too: nobody is shut out, and nothing flickers between the two."""
    for name in ("family_name", "given_name", "email"):
        attempt.claims[name] = f"Ро{sign}мова"
    attempt.claims[CLAIM + "lis"] = {"person_sourcedid": f"ST{sign}1"}
    attempt.claims[CLAIM + "context"]["title"] = f"Курс{sign}"
    attempt.claims[CLAIM + "resource_link"]["title"] = f"Наставничество{sign}"

    assert attempt.send().status_code == 303

    person = session.scalars(select(Person)).one()
    kept = "Ромова" if sign == "\0" else "Ро?мова"
    assert (person.family_name, person.given_name, person.email) == (kept, kept, kept)
    assert person.idnumber == ("ST1" if sign == "\0" else "ST?1")
    assert session.scalars(select(Course.title)).one() == ("Курс" if sign == "\0" else "Курс?")


@pytest.mark.parametrize(
    ("name", "value", "reason", "status"),
    [
        ("iss", "\0", "unknown-platform", 403),
        ("client_id", "\0", "unknown-platform", 403),
        ("\0", ["1", "2"], "parameter-twice", 400),
    ],
)
def test_it_refuses_a_login_with_nul(client, moodle, platform, assert_refused, name, value, reason, status):
    form = moodle.login_form(moodle.college.students[0], 2)
    assert_refused(client.post("/lti/login", data=form | {name: value}), reason, status)


def test_nul_in_what_a_login_only_keeps_is_left_out(client, moodle, platform, session):
    form = moodle.login_form(moodle.college.students[0], 2)
    login = client.post("/lti/login", data=form | {"target_link_uri": form["target_link_uri"] + "\0"})
    assert login.status_code == 302
    assert session.scalars(select(LaunchAttempt.target)).one() == form["target_link_uri"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("context", "2"),
        ("resource_link", "6"),
        ("roles", "Learner"),
        ("roles", [1]),
        ("deployment_id", 1),
        ("lis", []),
        ("launch_presentation", "ru"),
    ],
)
def test_it_refuses_claims_of_the_wrong_type(attempt, session, name, value):
    attempt.claims[CLAIM + name] = value
    assert attempt.send().status_code in (400, 403)
    assert session.scalar(select(func.count()).select_from(Visit)) == 0


def test_it_refuses_a_replay_in_the_same_browser(attempt, moodle, session):
    token = moodle.sign(attempt.claims)
    assert attempt.send(token).status_code == 303
    again = attempt.send(token)
    assert again.status_code == 401
    entry = session.scalars(select(AuditEvent)).one()
    assert entry.details["reason"] == "state-used"
    assert session.scalar(select(func.count()).select_from(Visit)) == 1


def test_it_refuses_a_used_nonce_with_a_new_state(attempt, client, moodle, session):
    token = moodle.sign(attempt.claims)
    assert attempt.send(token).status_code == 303
    again = Attempt(client, moodle)
    assert again.send(token).status_code == 401
    assert session.scalar(select(func.count()).select_from(Visit)) == 1


# --- what must be accepted, teacher and student each ------------------------------------------------------------------

MEMBERSHIP = LTI_ROLES + "membership#"
LEARNER, INSTRUCTOR = MEMBERSHIP + "Learner", MEMBERSHIP + "Instructor"


def _without(*names: str) -> Callable[[dict[str, Any]], None]:
    def change(claims: dict[str, Any]) -> None:
        for name in names:
            claims.pop(name, None)

    return change


def _roles(*more: str) -> Callable[[dict[str, Any]], None]:
    def change(claims: dict[str, Any]) -> None:
        own = claims[CLAIM + "roles"]
        claims[CLAIM + "roles"] = [*own, *more]

    return change


def _short_roles(claims: dict[str, Any]) -> None:
    claims[CLAIM + "roles"] = [role.rsplit("#", 1)[1] for role in claims[CLAIM + "roles"]]


ACCEPTED: dict[str, Callable[[dict[str, Any]], None]] = {
    "normal": _without(),
    "several roles": _roles(MEMBERSHIP + "Mentor", LTI_ROLES + "institution/person#Student"),
    "short role names": _short_roles,
    "an unknown role": lambda claims: claims.update({CLAIM + "roles": ["http://example.org/roles#Wizard"]}),
    "an empty role list": lambda claims: claims.update({CLAIM + "roles": []}),
    "email only": _without("name", "given_name", "family_name"),
    "names only": _without("email"),
    "no personal data": _without("name", "given_name", "family_name", "email", CLAIM + "lis"),
    "email without context": _without("name", "given_name", "family_name", CLAIM + "context"),
}


@pytest.mark.parametrize("who", ["student", "teacher"])
@pytest.mark.parametrize("case", ACCEPTED)
def test_it_accepts(client, moodle, platform, session, case, who):
    attempt = Attempt(client, moodle, who)
    ACCEPTED[case](attempt.claims)
    response = attempt.send()
    assert response.status_code == 303, response.text
    assert client.get(response.location).status_code == 200
    assert session.scalar(select(func.count()).select_from(Visit)) == 1


def test_it_accepts_one_audience_in_a_list_and_several_with_our_azp(client, moodle, platform):
    for audience in ([platform.client_id], [platform.client_id, "someone-else"]):
        attempt = Attempt(client, moodle)
        attempt.claims |= {"aud": audience, "azp": platform.client_id}
        assert attempt.send().status_code == 303


def test_institution_roles_give_nobody_a_role_in_the_course(client, moodle, platform, session):
    attempt = Attempt(client, moodle)
    attempt.claims[CLAIM + "roles"] = [LTI_ROLES + "institution/person#Faculty", LEARNER]
    attempt.send()
    assert session.scalars(select(Membership)).one().roles == ["student"]
