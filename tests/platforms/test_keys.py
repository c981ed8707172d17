"""Our signing keys: what platforms can read, what signs when, and that rotation never leaves a gap."""

import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service.platforms import keys
from lti_service.platforms.models import ToolKey

NOON = datetime(2026, 11, 15, 12, tzinfo=UTC)


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def published(session: Session) -> list[str]:
    return [key["kid"] for key in keys.key_set(session)["keys"]]


def test_the_first_key_signs_at_once_and_is_made_once(session: Session) -> None:
    first = keys.ensure_key(session)
    again = keys.ensure_key(session)
    session.commit()

    assert again.kid == first.kid
    assert keys.signing_key(session).kid == first.kid


def test_without_a_key_nothing_signs(session: Session) -> None:
    with pytest.raises(keys.NoSigningKeyError):
        keys.signing_key(session)


def test_what_it_signs_can_be_checked_with_the_published_set(session: Session) -> None:
    keys.ensure_key(session)
    session.commit()
    key = keys.signing_key(session)

    token = jwt.encode({"sub": "tool"}, key.private_key, algorithm="RS256", headers={"kid": key.kid})

    as_sent = json.loads(json.dumps(keys.key_set(session)))
    found = jwt.PyJWKSet.from_dict(as_sent)[key.kid]
    assert jwt.decode(token, found.key, algorithms=["RS256"]) == {"sub": "tool"}


def test_every_published_key_says_what_it_is_for_and_nothing_private(session: Session) -> None:
    keys.ensure_key(session)
    session.commit()

    (jwk,) = keys.key_set(session)["keys"]

    assert set(jwk) == {"kty", "alg", "use", "kid", "n", "e"}
    assert (jwk["kty"], jwk["alg"], jwk["use"]) == ("RSA", "RS256", "sig")
    assert jwt.PyJWK(jwk).key.key_size == 2048


def test_the_private_key_is_not_readable_in_the_database(session: Session) -> None:
    keys.ensure_key(session)
    session.commit()

    kept = session.scalar(select(ToolKey.private_pem))

    assert kept
    assert "PRIVATE KEY" not in kept


def test_a_new_key_is_published_before_it_signs_and_the_old_one_stays_for_its_overlap(session: Session) -> None:
    clock = Clock()
    with time_machine.travel(NOON, tick=False) as at:
        old = keys.ensure_key(session).kid
        session.commit()
        new = keys.rotate(session, NOON).kid
        session.commit()

        assert published(session) == [old, new]
        assert keys.signing_key(session, clock).kid == old

        at.move_to(NOON + keys.AHEAD)
        clock.now += keys.RECHECK
        assert published(session) == [old, new]
        assert keys.signing_key(session, clock).kid == new

        at.move_to(NOON + keys.AHEAD + keys.OVERLAP)
        clock.now += keys.RECHECK
        assert published(session) == [new]
        assert keys.signing_key(session, clock).kid == new


def test_a_second_rotation_in_a_row_does_not_pile_up_keys(session: Session) -> None:
    with time_machine.travel(NOON, tick=False):
        keys.ensure_key(session)
        first = keys.rotate(session, NOON)
        second = keys.rotate(session, NOON + timedelta(hours=1))
        session.commit()

        assert second.kid == first.kid
        assert first.signs_from == NOON + keys.AHEAD
        assert len(published(session)) == 2


def test_a_rotation_can_be_brought_forward(session: Session) -> None:
    with time_machine.travel(NOON, tick=False):
        old = keys.ensure_key(session)
        keys.rotate(session, NOON)
        new = keys.rotate(session, NOON, ahead=timedelta(0), overlap=timedelta(minutes=5))
        session.commit()

        assert keys.signing_key(session, Clock()).kid == new.kid
        assert old.retires_at == NOON + timedelta(minutes=5)


def test_a_process_keeps_the_loaded_key_and_notices_a_rotation_within_a_minute(session: Session) -> None:
    clock = Clock()
    with time_machine.travel(NOON, tick=False):
        keys.ensure_key(session)
        session.commit()
        before = keys.signing_key(session, clock)
        keys.rotate(session, NOON, ahead=timedelta(0))
        session.commit()

        clock.now += keys.RECHECK - 1
        assert keys.signing_key(session, clock) is before

        clock.now += 1
        after = keys.signing_key(session, clock)
        assert after.kid != before.kid

        clock.now += keys.RECHECK
        assert keys.signing_key(session, clock) is after
