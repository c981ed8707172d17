"""What files leave in the audit trail: whom they changed, never what they say."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from lti_service.audit import AuditEvent
from lti_service.db import now
from lti_service.people.imports.lines import Place


def record_all(session: Session, place: Place, action: str, subjects: Sequence[str], **details: Any) -> None:
    """An entry for each subject, in one statement."""
    if not subjects:
        return
    moment = now()
    shared = {
        "at": moment,
        "platform_id": place.viewer.platform_id,
        "course_id": place.viewer.course_id,
        "actor_id": place.viewer.person_id,
        "action": action,
        "details": {"from": "file", **details},
        "correlation_id": "",
    }
    session.execute(insert(AuditEvent), [{**shared, "subject": subject} for subject in subjects])
