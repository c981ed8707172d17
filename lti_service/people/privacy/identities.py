"""Of which users of Moodle nothing is to be known here: known by a keyed hash, so that the table names nobody."""

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.orm import Session

from lti_service import db
from lti_service.db import now
from lti_service.people.models import Person
from lti_service.people.privacy.models import ErasedIdentity
from lti_service.platforms import secrets
from lti_service.prepared import Prepared

# Composed once: everybody who is new asks it.
_KEPT = Prepared(select(ErasedIdentity.fingerprint).where(ErasedIdentity.platform_id == bindparam("platform")))


def remember(session: Session, platform_id: int, moodle_id: str) -> None:
    """Let no sync bring this user's data in again."""
    mark = secrets.fingerprints(_text(platform_id, moodle_id))[0]
    row = {"platform_id": platform_id, "fingerprint": mark, "created_at": now()}
    db.add_missing(session, ErasedIdentity, row)


def forget(session: Session, platform_id: int, moodle_id: str) -> None:
    """The user wants to be known again."""
    marks = secrets.fingerprints(_text(platform_id, moodle_id))
    session.execute(
        delete(ErasedIdentity).where(ErasedIdentity.platform_id == platform_id, ErasedIdentity.fingerprint.in_(marks))
    )


def welcome(session: Session, person: Person) -> None:
    """Somebody whose data were erased once wants to be known again, or has agreed to it; the caller has locked them."""
    person.withheld = False
    if person.moodle_id is not None:
        forget(session, person.platform_id, person.moodle_id)


def erased_among(of: Session | Connection, platform_id: int, moodle_ids: Iterable[str]) -> set[str]:
    """Those of these users of whom nothing is to be known; one query."""
    kept = {row.fingerprint for row in _KEPT.all(of, {"platform": platform_id})}
    if not kept:
        return set()
    return {one for one in moodle_ids if not kept.isdisjoint(secrets.fingerprints(_text(platform_id, one)))}


def _text(platform_id: int, moodle_id: str) -> str:
    return f"person:{platform_id}:{moodle_id}"
