"""Tables of requests to erase, of whom nothing is to come back unasked, and of how long data are kept."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_service.db import Base, EnumText, Json, UtcDateTime
from lti_service.people.models import Person


class RequestState(StrEnum):
    """Where a request to erase is."""

    ASKED = "asked"
    TAKEN_BACK = "taken-back"
    REFUSED = "refused"
    DONE = "done"


IS_OPEN = text("state = 'asked'")


class ErasureRequest(Base):
    """Somebody's wish that their data be erased, and what became of it."""

    __tablename__ = "erasure_request"
    __table_args__ = (
        # One at a time, however often the button is pressed.
        Index("uq_erasure_request_open", "person_id", unique=True, sqlite_where=IS_OPEN, postgresql_where=IS_OPEN),
        Index("ix_erasure_request_platform_id_state", "platform_id", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    platform_id: Mapped[int] = mapped_column(ForeignKey("platform.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    """After erasure the row without a name."""
    state: Mapped[RequestState] = mapped_column(EnumText(RequestState), default=RequestState.ASKED)
    received_on: Mapped[date]
    """The platform's day of the click, or the day on which the paper came."""
    on_paper: Mapped[bool] = mapped_column(default=False, server_default=false())
    answer_by: Mapped[date]
    """Until when the processing is to be stopped or the refusal explained."""
    erase_by: Mapped[date]
    """Until when the data are to be gone."""
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    recorded_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    """The administrator who wrote down a paper; none: the person themselves asked."""
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    reason: Mapped[str] = mapped_column(String(1000), default="", server_default="")
    """Why it was refused, which the person reads."""
    gone: Mapped[dict[str, Any]] = mapped_column(Json, default=dict, server_default="{}")
    """Table → rows deleted or emptied."""

    person: Mapped[Person] = relationship(foreign_keys=person_id)
    recorder: Mapped[Person | None] = relationship(foreign_keys=recorded_by)
    decider: Mapped[Person | None] = relationship(foreign_keys=decided_by)


class ErasedIdentity(Base):
    """A user of Moodle of whom nothing is to be known here until they say otherwise.

    Moodle's ids are short numbers, which a plain hash would not hide: what is kept is made with the encryption key.
    """

    __tablename__ = "erased_identity"
    __table_args__ = (UniqueConstraint("platform_id", "fingerprint"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    platform_id: Mapped[int] = mapped_column(ForeignKey("platform.id"))
    fingerprint: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class KeepingPeriod(Base):
    """How long a platform keeps a kind of data, where its administrator has said something else than the default."""

    __tablename__ = "keeping_period"
    __table_args__ = (UniqueConstraint("platform_id", "kind"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    platform_id: Mapped[int] = mapped_column(ForeignKey("platform.id"))
    kind: Mapped[str] = mapped_column(String(40))
    days: Mapped[int | None]
    """None: it is never deleted by itself."""
