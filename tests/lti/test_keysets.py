"""Platforms' key sets: cached, fetched anew for an unknown kid, errors never cached."""

import json

import pytest
import requests
import responses

from lti_service.lti.errors import LaunchRefusedError, Refusal
from lti_service.lti.keysets import COOLDOWN, MAX_AGE, RETRY, KeySets
from lti_service.platforms import outgoing
from tests.practice_moodle import new_key, public_jwk

URL = "https://moodle.example/mod/lti/certs.php"
KEY = new_key()


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sets(clock: Clock) -> KeySets:
    outgoing.connect(())
    return KeySets(clock)


def _answer(kid: str) -> None:
    responses.get(URL, json={"keys": [public_jwk(KEY, kid)]})


@responses.activate
def test_a_known_key_is_fetched_once(sets):
    _answer("a")
    for _ in range(3):
        sets.find(URL, "a")
    assert len(responses.calls) == 1


@responses.activate
def test_an_unknown_kid_fetches_anew_at_most_once_a_minute(sets, clock):
    _answer("a")
    sets.find(URL, "a")
    for _ in range(5):
        with pytest.raises(LaunchRefusedError) as refused:
            sets.find(URL, "b")
        assert refused.value.reason is Refusal.KEY_UNKNOWN
    assert len(responses.calls) == 1
    clock.now += COOLDOWN
    responses.replace(responses.GET, URL, json={"keys": [public_jwk(KEY, "b")]})
    sets.find(URL, "b")
    assert len(responses.calls) == 2


@responses.activate
@pytest.mark.parametrize(
    "answer",
    [
        {"status": 500},
        {"body": "<html>под обслуживанием</html>"},
        {"body": "[]"},
        {"json": {"keys": []}},
        {"json": {"keys": "none"}},
        {"body": requests.ConnectionError()},
    ],
)
def test_an_error_or_an_empty_set_is_not_cached(sets, clock, answer):
    responses.get(URL, **answer)
    with pytest.raises(LaunchRefusedError) as refused:
        sets.find(URL, "a")
    assert refused.value.reason is Refusal.KEY_SET_UNREACHABLE
    clock.now += RETRY
    responses.reset()
    _answer("a")
    sets.find(URL, "a")


@responses.activate
def test_what_is_known_stays_in_use_while_moodle_is_down(sets, clock):
    _answer("a")
    sets.find(URL, "a")
    clock.now += MAX_AGE + 1
    responses.reset()
    responses.get(URL, status=503)
    sets.find(URL, "a")
    assert len(responses.calls) == 1


@responses.activate
@pytest.mark.parametrize("changes", [{"use": "enc"}, {"alg": "RS512"}, {"kty": "oct"}, {"n": "AQAB"}, {"kid": 7}])
def test_keys_of_no_use_for_launches_are_left_out(sets, changes):
    responses.get(URL, json={"keys": [{**public_jwk(KEY, "a"), **changes}]})
    with pytest.raises(LaunchRefusedError):
        sets.find(URL, "a")


@responses.activate
def test_a_redirected_key_set_is_no_key_set(sets):
    responses.get(URL, status=302, headers={"Location": "https://elsewhere.example/"}, body=json.dumps({}))
    with pytest.raises(LaunchRefusedError):
        sets.find(URL, "a")
    assert len(responses.calls) == 1
