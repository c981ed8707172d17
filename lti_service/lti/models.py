"""The table of launch attempts: what a login began and exactly one launch may end."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from lti_service.db import Base, UtcDateTime


class LaunchAttempt(Base):
    """One login on its way to a launch. Only hashes are kept: a reader of the table cannot finish a launch."""

    __tablename__ = "launch_attempt"

    id: Mapped[int] = mapped_column(primary_key=True)
    state_hash: Mapped[str] = mapped_column(String(64), unique=True)
    binding_hash: Mapped[str] = mapped_column(String(64))
    """Of the cookie that binds the attempt to the browser that began it."""
    nonce_hash: Mapped[str] = mapped_column(String(64))
    platform_id: Mapped[int] = mapped_column(ForeignKey("platform.id"))
    target: Mapped[str] = mapped_column(String(600))
    """`target_link_uri` of the login request; the signed one decides."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
