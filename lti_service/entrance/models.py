"""The table of visits: who came in through which verified launch, and until when."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from lti_service.db import Base, UtcDateTime


class Visit(Base):
    """A session: one person of one platform in one browser, begun by one launch.

    It says who somebody is, never what they may do: each request asks that anew, in the course of its address.
    """

    __tablename__ = "visit"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    platform_id: Mapped[int] = mapped_column(ForeignKey("platform.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    is_admin: Mapped[bool]
    """The launch carried an administrator's role, which no enrolment shows."""
    locale: Mapped[str] = mapped_column(String(10), default="ru")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    guest_device: Mapped[str | None] = mapped_column(String(64))
    """Of a guest's visit: `GuestAccess.device_hash` as it was; the visit ends when the access has another one. None:
    the visit of somebody who came through Moodle, the only one that opens a page outside the guests' own."""
