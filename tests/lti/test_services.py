"""Access tokens and service calls, against Moodle's recorded answers."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
import requests
import responses
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service import db
from lti_service.lti import roster, services
from lti_service.platforms import keys, outgoing, secrets
from lti_service.platforms.models import AccessToken, Platform, PlatformState

RECORDINGS = Path(__file__).parents[1] / "recordings"
SITE = "http://localhost:8080"
TOKEN_URL = f"{SITE}/mod/lti/token.php"
MEMBERS_URL = f"{SITE}/mod/lti/services.php/CourseSection/2/bindings/1/memberships"
SCOPES = services.NRPS_SCOPES


def recorded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RECORDINGS / f"{name}.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture
def platform(session: Session) -> Platform:
    found = Platform(
        name="Moodle",
        issuer=SITE,
        client_id="client-1",
        login_url=f"{SITE}/mod/lti/auth.php",
        token_url=TOKEN_URL,
        jwks_url=f"{SITE}/mod/lti/certs.php",
        state=PlatformState.ACTIVE,
        created_at=db.now(),
    )
    session.add(found)
    session.commit()
    return found


@pytest.fixture
def moodle() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def gives_token(moodle: responses.RequestsMock, text: str = "secret-1", life: int | str = 3600) -> None:
    """Moodle's token endpoint answers JSON that calls itself HTML, as recorded."""
    kept = recorded("lti.token")
    body = kept["body"] | {"access_token": text, "expires_in": life}
    moodle.post(TOKEN_URL, body=json.dumps(body), content_type=kept["headers"]["content-type"])


def refuses_token(moodle: responses.RequestsMock, name: str) -> None:
    kept = recorded(name)
    moodle.post(
        TOKEN_URL, status=kept["status"], body=json.dumps(kept["body"]), content_type=kept["headers"]["Content-Type"]
    )


def token_requests(moodle: responses.RequestsMock) -> list[dict[str, list[str]]]:
    return [parse_qs(call.request.body) for call in moodle.calls if call.request.url == TOKEN_URL]


def another_process(platform: Platform) -> services.Connector:
    """A connector that shares nothing but the database."""
    return services.Connector(platform)


def test_the_assertion_is_signed_by_a_published_key_and_not_dated_ahead(
    session: Session, platform: Platform, moodle: responses.RequestsMock
) -> None:
    gives_token(moodle)
    with time_machine.travel(datetime(2026, 11, 15, 12, 0, 0, 999_000, tzinfo=UTC), tick=False):
        services.connector(platform).get_access_token(SCOPES)

        (form,) = token_requests(moodle)
        assertion = form["client_assertion"][0]
        key = jwt.PyJWKSet.from_dict(keys.key_set(session))[jwt.get_unverified_header(assertion)["kid"]]
        claims = jwt.decode(assertion, key.key, algorithms=["RS256"], audience=TOKEN_URL)
    assert claims["iss"] == claims["sub"] == "client-1"
    assert claims["iat"] == datetime(2026, 11, 15, 12, tzinfo=UTC).timestamp()
    assert claims["exp"] - claims["iat"] == services.ASSERTION_LIFE
    assert claims["jti"]
    assert form["grant_type"] == ["client_credentials"]
    assert form["scope"] == [" ".join(sorted(SCOPES))]


def test_a_token_is_fetched_once_and_used_by_all_processes(
    session: Session, platform: Platform, moodle: responses.RequestsMock
) -> None:
    gives_token(moodle)

    assert services.connector(platform).get_access_token(SCOPES) == "secret-1"
    assert services.connector(platform).get_access_token(SCOPES) == "secret-1"
    assert another_process(platform).get_access_token(SCOPES) == "secret-1"

    assert len(token_requests(moodle)) == 1


def test_each_set_of_scopes_has_its_own_token(platform: Platform, moodle: responses.RequestsMock) -> None:
    gives_token(moodle, "for-roster")
    gives_token(moodle, "for-grades")
    connector = services.connector(platform)

    assert connector.get_access_token(services.NRPS_SCOPES) == "for-roster"
    assert connector.get_access_token(services.AGS_SCOPES) == "for-grades"
    assert connector.get_access_token(tuple(reversed(services.AGS_SCOPES))) == "for-grades"


def test_threads_that_come_at_once_fetch_one_token(platform: Platform, moodle: responses.RequestsMock) -> None:
    gives_token(moodle)
    connector = services.connector(platform)
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(connector.get_access_token(SCOPES))) for _number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == ["secret-1"] * 8
    assert len(token_requests(moodle)) == 1


def test_a_token_is_given_up_before_it_runs_out(platform: Platform, moodle: responses.RequestsMock) -> None:
    gives_token(moodle, "first", life=3600)
    gives_token(moodle, "second", life=3600)
    with time_machine.travel(datetime(2026, 11, 15, 12, tzinfo=UTC), tick=False) as at:
        connector = services.connector(platform)
        assert connector.get_access_token(SCOPES) == "first"
        at.shift(timedelta(seconds=3600 - 61))
        assert connector.get_access_token(SCOPES) == "first"
        at.shift(timedelta(seconds=1))
        assert connector.get_access_token(SCOPES) == "second"


def test_the_token_is_not_readable_in_the_database(
    session: Session, platform: Platform, moodle: responses.RequestsMock
) -> None:
    gives_token(moodle)
    services.connector(platform).get_access_token(SCOPES)

    row = session.scalars(select(AccessToken)).one()

    assert "secret-1" not in row.token
    assert secrets.decrypt(row.token) == "secret-1"


def test_a_token_that_moodle_forgot_is_replaced_once(platform: Platform, moodle: responses.RequestsMock) -> None:
    gives_token(moodle, "forgotten")
    gives_token(moodle, "fresh")
    refused = recorded("lti.nrps.error.no_token")
    moodle.get(MEMBERS_URL, status=401, json=refused["body"])
    moodle.get(MEMBERS_URL, json=recorded("lti.nrps.all")["body"])
    connector = services.connector(platform)

    members = roster.read_members(connector, MEMBERS_URL)

    assert members
    sent = [call.request.headers["Authorization"] for call in moodle.calls if call.request.url == MEMBERS_URL]
    assert sent == ["Bearer forgotten", "Bearer fresh"]
    assert another_process(platform).get_access_token(SCOPES) == "fresh"


def test_a_second_401_is_the_answer(platform: Platform, moodle: responses.RequestsMock) -> None:
    gives_token(moodle, "one")
    gives_token(moodle, "two")
    moodle.get(MEMBERS_URL, status=401, json=recorded("lti.nrps.error.no_token")["body"])

    with pytest.raises(services.ServiceRefusedError) as caught:
        roster.read_members(services.connector(platform), MEMBERS_URL)

    assert caught.value.http == 401
    assert len(token_requests(moodle)) == 2


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("lti.token.error.unknown_client", "invalid_client"),
        ("lti.token.error.unknown_scope", "invalid_scope"),
        ("lti.token.error.expired", "Expired token"),
    ],
)
def test_a_refused_token_says_moodles_own_code(
    name: str, error: str, platform: Platform, moodle: responses.RequestsMock
) -> None:
    refuses_token(moodle, name)

    with pytest.raises(services.TokenRefusedError) as caught:
        services.connector(platform).get_access_token(SCOPES)

    assert caught.value.facts == {"error": error}


def test_a_refusal_is_not_kept(platform: Platform, moodle: responses.RequestsMock) -> None:
    refuses_token(moodle, "lti.token.error.unknown_client")
    gives_token(moodle)
    connector = services.connector(platform)
    with pytest.raises(services.TokenRefusedError):
        connector.get_access_token(SCOPES)

    assert connector.get_access_token(SCOPES) == "secret-1"


@pytest.mark.parametrize(
    "body",
    ["<html>Maintenance</html>", "[]", '{"access_token": ""}', '{"access_token": "x", "expires_in": "soon"}'],
)
def test_nonsense_instead_of_a_token_is_told_apart(
    body: str, platform: Platform, moodle: responses.RequestsMock
) -> None:
    moodle.post(TOKEN_URL, body=body, content_type="text/html")

    with pytest.raises(services.MalformedAnswerError):
        services.connector(platform).get_access_token(SCOPES)


def test_a_moodle_that_is_down_is_unavailable(platform: Platform, moodle: responses.RequestsMock) -> None:
    moodle.post(TOKEN_URL, status=503, body="<html>Maintenance</html>")
    moodle.post(TOKEN_URL, body=requests.ConnectTimeout())
    connector = services.connector(platform)

    for _time in range(2):
        with pytest.raises(services.ServiceUnavailableError):
            connector.get_access_token(SCOPES)


def test_neither_token_nor_assertion_shows_in_an_error(platform: Platform, moodle: responses.RequestsMock) -> None:
    gives_token(moodle)
    moodle.get(MEMBERS_URL, body=requests.ReadTimeout("Bearer secret-1"))
    moodle.get(MEMBERS_URL, status=400, json={"request": {"authorization": "Bearer secret-1"}})
    connector = services.connector(platform)

    with pytest.raises(services.ServiceUnavailableError) as unavailable:
        roster.read_members(connector, MEMBERS_URL)
    with pytest.raises(services.ServiceRefusedError) as refused:
        roster.read_members(connector, MEMBERS_URL)

    for error in (unavailable.value, refused.value):
        assert "secret-1" not in f"{error} {error!r} {error.text}"


def test_a_token_is_never_sent_to_another_site(platform: Platform, moodle: responses.RequestsMock) -> None:
    gives_token(moodle)

    with pytest.raises(outgoing.AddressRefusedError):
        roster.read_members(services.connector(platform), "http://localhost:9999/memberships")

    assert not moodle.calls


def test_a_body_that_is_no_json_is_nonsense(platform: Platform, moodle: responses.RequestsMock) -> None:
    gives_token(moodle)
    moodle.get(MEMBERS_URL, body="<html>Log in</html>", content_type="text/html")

    with pytest.raises(services.MalformedAnswerError):
        roster.read_members(services.connector(platform), MEMBERS_URL)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", None),
        ('<http://m/a?from=20>; rel="next"', "http://m/a?from=20"),
        ('<http://m/A?Key=Case>; rel="next"', "http://m/A?Key=Case"),
        ('<http://m/a>; rel="prev", <http://m/b>; rel="next"', "http://m/b"),
        ('<http://m/a>; rel="last"', None),
        ('<http://m/here>; rel="next"', None),
        ("<http://m/a?x=1&amp;from=1>; rel=“next”".encode().decode("latin-1"), "http://m/a?x=1&from=1"),
    ],
)
def test_the_next_page_is_found_as_moodle_writes_it(header: str, found: str | None) -> None:
    assert services.next_link(header, "http://m/here") == found


def test_an_address_is_extended_before_its_query() -> None:
    assert services.below("http://m/21/lineitem?type_id=1", "scores") == "http://m/21/lineitem/scores?type_id=1"
    assert services.below("http://m/21/lineitem/", "results") == "http://m/21/lineitem/results"


def test_query_parameters_are_added_behind_those_that_are_there() -> None:
    assert services.with_query("http://m/l?type_id=1", tag="a:b") == "http://m/l?type_id=1&tag=a%3Ab"
    assert services.with_query("http://m/l", limit=2) == "http://m/l?limit=2"


def test_the_roster_is_read_as_recorded(platform: Platform, moodle: responses.RequestsMock) -> None:
    gives_token(moodle)
    moodle.get(MEMBERS_URL, json=recorded("lti.nrps.all")["body"])

    members = roster.read_members(services.connector(platform), MEMBERS_URL)

    assert len(members) == len(recorded("lti.nrps.all")["body"]["members"])
    polina = next(member for member in members if member.user_id == "17")
    assert (polina.family_name, polina.given_name, polina.idnumber) == ("Богданова", "Полина", "ST-2026-0014")
    assert polina.roles == {"Learner"}
    assert polina.active
    assert moodle.calls[-1].request.headers["Accept"] == roster.MEMBERSHIPS


def test_pages_of_the_roster_are_put_together(platform: Platform, moodle: responses.RequestsMock) -> None:
    gives_token(moodle)
    first, last = recorded("lti.nrps.page_1"), recorded("lti.nrps.page_last")
    next_url = services.next_link(first["headers"]["Link"], "")
    assert next_url
    moodle.get(f"{MEMBERS_URL}?limit=20", json=first["body"], headers={"Link": first["headers"]["Link"]})
    moodle.get(next_url, json=last["body"])

    members = roster.read_members(services.connector(platform), MEMBERS_URL, page=20)

    told = [row["user_id"] for page in (first, last) for row in page["body"]["members"]]
    assert [member.user_id for member in members] == list(dict.fromkeys(told))


def test_pages_that_lead_in_a_circle_are_no_whole_roster(platform: Platform, moodle: responses.RequestsMock) -> None:
    """Whoever stands on the pages behind would be taken for gone."""
    gives_token(moodle)
    first, second = f"{MEMBERS_URL}?limit=1", f"{MEMBERS_URL}?limit=1&from=1"
    for url, number, onwards in ((first, "1", second), (second, "2", first)):
        rows = [{"user_id": number, "roles": ["Learner"]}]
        moodle.get(url, json={"members": rows}, headers={"Link": f'<{onwards}>; rel="next"'})

    with pytest.raises(services.MalformedAnswerError):
        roster.read_members(services.connector(platform), MEMBERS_URL, page=1)


def test_members_without_names_are_members(platform: Platform, moodle: responses.RequestsMock) -> None:
    gives_token(moodle)
    moodle.get(MEMBERS_URL, json={"members": [{"user_id": "5", "roles": ["Learner"]}]})

    (member,) = roster.read_members(services.connector(platform), MEMBERS_URL)

    assert (member.user_id, member.name, member.active) == ("5", "", True)


@pytest.mark.parametrize("body", [{"members": None}, [], {"members": [{"roles": []}]}])
def test_a_roster_that_is_none_is_nonsense(body: Any, platform: Platform, moodle: responses.RequestsMock) -> None:
    gives_token(moodle)
    moodle.get(MEMBERS_URL, json=body)

    with pytest.raises(services.MalformedAnswerError):
        roster.read_members(services.connector(platform), MEMBERS_URL)
