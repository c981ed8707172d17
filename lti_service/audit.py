"""Who did what to whom: the audit trail, on the ground floor because every wing writes to it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, String, Table, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from lti_service.db import Base, Json, UtcDateTime, now
from lti_service.prepared import Prepared


class AuditEvent(Base):
    """One thing that happened; rows are only ever added."""

    __tablename__ = "audit_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    platform_id: Mapped[int | None] = mapped_column(index=True)
    """The Moodle site it happened in; none before one is known. No foreign key: the trail outlives its subjects."""
    course_id: Mapped[int | None]
    actor_id: Mapped[int | None]
    """The person who acted; none for the service itself and for strangers."""
    action: Mapped[str] = mapped_column(String(60), index=True)
    """`wing.what`, e.g. `launch.refused`, `pair.proposed`."""
    subject: Mapped[str] = mapped_column(String(80), default="", index=True)
    """What it was done to, e.g. `pair:17`."""
    details: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """Facts worth keeping; never a token, never a note's text."""
    correlation_id: Mapped[str] = mapped_column(String(40), default="")


# Whoever sends us forged messages must not cost more than who comes in.
_ADD = Prepared(insert(cast(Table, AuditEvent.__table__)))


def record(
    of: Session | Connection,
    action: str,
    *,
    platform_id: int | None = None,
    course_id: int | None = None,
    actor_id: int | None = None,
    subject: str = "",
    correlation_id: str = "",
    **details: Any,
) -> None:
    """Add an entry to the trail, in the caller's transaction."""
    entry = {
        "at": now(),
        "platform_id": platform_id,
        "course_id": course_id,
        "actor_id": actor_id,
        "action": action,
        "subject": subject,
        "details": details,
        "correlation_id": correlation_id,
    }
    if isinstance(of, Connection):
        _ADD.write(of, entry)
    else:
        of.add(AuditEvent(**entry))


def record_all(
    of: Session,
    action: str,
    subjects: Sequence[str],
    *,
    platform_id: int,
    course_id: int,
    actor_id: int | None,
    **details: Any,
) -> None:
    """An entry for each subject, all in one statement: whoever changes thousands of people at once waits for it."""
    if not subjects:
        return
    shared = {
        "at": now(),
        "platform_id": platform_id,
        "course_id": course_id,
        "actor_id": actor_id,
        "action": action,
        "details": details,
        "correlation_id": "",
    }
    of.execute(insert(AuditEvent), [{**shared, "subject": subject} for subject in subjects])
