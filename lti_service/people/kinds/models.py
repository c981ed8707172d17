"""The table of a platform's rules on who is who."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from lti_service.db import Base, Json, UtcDateTime


class KindRules(Base):
    """A platform's own rules; a platform without a row follows the usual ones."""

    __tablename__ = "kind_rules"

    platform_id: Mapped[int] = mapped_column(ForeignKey("platform.id"), primary_key=True)
    content: Mapped[dict[str, Any]] = mapped_column(Json)
    """As `rules.as_json` gives it."""
    changed_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    applied_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When everybody on the platform was last looked at with them; none or earlier than changed: not yet."""
