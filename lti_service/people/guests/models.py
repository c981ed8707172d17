"""The table of guests' accesses: how somebody without a Moodle account comes into one course."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_service.db import Base, EnumText, UtcDateTime
from lti_service.people.guests import rules
from lti_service.people.guests.rules import AccessState, Factor, MailState
from lti_service.people.models import Person


class GuestAccess(Base):
    """The access of somebody from outside to one course. `guests.rules.MOVES` says what leads where."""

    __tablename__ = "guest_access"
    __table_args__ = (
        # Of one course: the curator of another one can open no more than their own.
        UniqueConstraint("course_id", "person_id"),
        Index("ix_guest_access_person_id", "person_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    state: Mapped[AccessState] = mapped_column(EnumText(AccessState), default=AccessState.INVITED)
    code_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    """Of the newest code; the code itself was shown once and is kept nowhere."""
    code_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    bound_hash: Mapped[str] = mapped_column(String(64), default="", server_default="")
    """Of what told the browser that used the code; for `rules.GRACE` the code opens for it again."""
    device_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    """Of the secret that this browser got; visits stand on it, so they end with it."""
    factor: Mapped[Factor] = mapped_column(EnumText(Factor))
    question: Mapped[str] = mapped_column(String(rules.LONGEST_QUESTION), default="", server_default="")
    """What the answer is to, in the curator's words; empty: the last digits of the phone number."""
    answer: Mapped[str] = mapped_column(String(600))
    """A slow hash of the answer, encrypted: there are few answers, so a copy of the table alone must not give it."""
    failures: Mapped[int] = mapped_column(default=0)
    """Wrong answers since the last right one; counted before an answer is looked at. Too many lock the access."""
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    invited_at: Mapped[datetime] = mapped_column(UtcDateTime)
    invited_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    activated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    views: Mapped[int] = mapped_column(default=0)
    mail_state: Mapped[MailState] = mapped_column(EnumText(MailState), default=MailState.NONE, server_default="none")
    letter: Mapped[str] = mapped_column(Text, default="", server_default="")
    """The letter with the code, encrypted, while it has not left; empty before and after."""
    mail_tries: Mapped[int] = mapped_column(default=0, server_default="0")
    mail_try_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    mail_error: Mapped[str] = mapped_column(String(60), default="", server_default="")

    person: Mapped[Person] = relationship(foreign_keys=person_id)
