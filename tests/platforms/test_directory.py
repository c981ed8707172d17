"""What is remembered of platforms between launches, and when the table is asked again."""

from sqlalchemy import text

from lti_service.platforms.directory import MAX_AGE, Directory
from tests.counting import statements


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_an_active_platform_is_asked_for_once_in_a_while(session, platform):
    clock = Clock()
    known = Directory(clock)
    keys = (platform.issuer, platform.client_id)
    first = known.find(lambda: session, *keys)
    assert first is not None
    assert (first.id, first.is_active, first.jwks_url) == (platform.id, True, platform.jwks_url)
    with statements(session) as sent:
        assert known.find(lambda: session, *keys) is first
    assert sent == []
    session.execute(text("UPDATE platform SET jwks_url = 'https://elsewhere.example/keys'"))
    clock.now += MAX_AGE
    again = known.find(lambda: session, *keys)
    assert again is not None
    assert again.jwks_url == "https://elsewhere.example/keys"


def test_one_that_is_paused_or_unknown_is_asked_for_every_time(session, platform):
    known = Directory(Clock())
    assert known.find(lambda: session, platform.issuer, "not-yet-registered") is None
    session.execute(text("UPDATE platform SET state = 'paused'"))
    paused = known.find(lambda: session, platform.issuer, platform.client_id)
    assert paused is not None
    assert not paused.is_active
    session.execute(text("UPDATE platform SET state = 'active', client_id = 'not-yet-registered'"))
    resumed = known.find(lambda: session, platform.issuer, "not-yet-registered")
    assert resumed is not None
    assert resumed.is_active
