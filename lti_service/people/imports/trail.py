"""What files leave in the audit trail: whom they changed, never what they say."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from lti_service import audit
from lti_service.people.imports.lines import Place


def record_all(session: Session, place: Place, action: str, subjects: Sequence[str], **details: Any) -> None:
    """An entry for each subject, in one statement."""
    audit.record_all(
        session,
        action,
        subjects,
        platform_id=place.viewer.platform_id,
        course_id=place.viewer.course_id,
        actor_id=place.viewer.person_id,
        **{"from": "file"},
        **details,
    )
