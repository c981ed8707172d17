"""Scans of signed papers: files of random names in a folder of their own, outside whatever a web server shows."""

import os
import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service import audit, db
from lti_service.access import Viewer
from lti_service.errors import NotFoundError
from lti_service.people.consents import rules
from lti_service.people.consents.models import Consent
from lti_service.people.errors import ScanGoneError, ScanKindError, ScanThereError, ScanTooLargeError
from lti_service.people.models import Membership, Person

TYPES = {"pdf": "application/pdf", "jpeg": "image/jpeg", "png": "image/png"}
"""Kind → media type."""
ENDINGS = {"pdf": "pdf", "jpeg": "jpg", "png": "png"}
_NAME = re.compile(r"[A-Za-z0-9_-]{40,80}")


class _Place:
    folder: Path | None = None


def connect(folder: Path) -> None:
    """Where this process finds the scans, for what is done without a request: erasure, the nightly pass."""
    _Place.folder = folder


def discard_afterwards(session: Session, names: Iterable[str]) -> None:
    """Delete files once the transaction has been committed."""
    folder = _Place.folder
    if folder is None:
        raise RuntimeError("scans.connect() has not been called")
    for name in [name for name in names if name]:
        db.afterwards(session, partial(discard, folder, name))


def kept(name: str) -> Path | None:
    """The file of this name, for what is done without a request; None: there is none."""
    folder = _Place.folder
    path = folder / name if folder and _NAME.fullmatch(name) else None
    return path if path and path.is_file() else None


# --- files --------------------------------------------------------------------------------------------------------


def checked_kind(content: bytes) -> str:
    """What a scan is. Raises ScanTooLargeError, ScanKindError."""
    if len(content) > rules.LARGEST_SCAN:
        raise ScanTooLargeError(most=rules.SCAN_MB)
    kind = rules.scan_kind(content)
    if not kind:
        raise ScanKindError
    return kind


def keep(folder: Path, content: bytes) -> str:
    """Write a file that only the service's own user can read; returns its random name."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = secrets.token_urlsafe(36)
    # Exclusive, so nobody's link or file is ever written through.
    file = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    return name


def read(folder: Path, name: str) -> bytes:
    """What is in a scan's file. Raises ScanGoneError when there is no such file."""
    path = folder / name
    if not _NAME.fullmatch(name) or not path.is_file():
        raise ScanGoneError
    return path.read_bytes()


def discard(folder: Path, name: str) -> None:
    """Delete a file, if it is there."""
    if _NAME.fullmatch(name):
        with suppress(FileNotFoundError):
            (folder / name).unlink()


# --- whose they are -----------------------------------------------------------------------------------------------


def find(session: Session, viewer: Viewer, person_id: int, consent_id: int) -> Consent:
    """A consent of a person of the viewer's course, locked; of whom data were erased nothing is kept any more.

    Raises NotFoundError.
    """
    found = session.scalar(
        select(Consent)
        .join(Membership, Membership.person_id == Consent.person_id)
        .join(Person, Person.id == Consent.person_id)
        .where(Membership.course_id == viewer.course_id, Person.erased_at.is_(None))
        .where(Consent.id == consent_id, Consent.person_id == person_id)
        .with_for_update(of=Consent, key_share=True)
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFoundError
    return found


def attach(session: Session, viewer: Viewer, consent: Consent, name: str, kind: str) -> None:
    """Say which file is the scan of a consent. Raises ScanThereError when there is one."""
    if consent.scan:
        raise ScanThereError
    consent.scan, consent.scan_kind = name, kind
    session.flush()
    _record(session, viewer, "consent.scan-added", consent)


def detach(session: Session, viewer: Viewer, consent: Consent) -> str:
    """Forget the scan of a consent; returns the name of the file, to be discarded after the commit."""
    name = consent.scan
    if name:
        consent.scan, consent.scan_kind = "", ""
        session.flush()
        _record(session, viewer, "consent.scan-removed", consent)
    return name


def record_look(session: Session, viewer: Viewer, consent: Consent) -> None:
    """Keep that somebody took a scan out of the service."""
    _record(session, viewer, "consent.scan-downloaded", consent)


def _record(session: Session, viewer: Viewer, action: str, consent: Consent) -> None:
    audit.record(
        session,
        action,
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        actor_id=viewer.person_id,
        subject=f"person:{consent.person_id}",
        consent=consent.id,
    )
