"""Tables of the work of a pair: the items of its individual plan, and its meetings."""

from datetime import date, datetime, time
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_service.db import Base, EnumText, UtcDateTime
from lti_service.pairs.models import Pair


class PlanItem(Base):
    """One thing that a pair wants to get done."""

    __tablename__ = "plan_item"
    __table_args__ = (Index("ix_plan_item_pair_id", "pair_id"), Index("ix_plan_item_for_id", "for_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    pair_id: Mapped[int] = mapped_column(ForeignKey("pair.id"))
    for_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    """Of a group, the one mentee whose item it is; none: of the pair as a whole."""
    title: Mapped[str] = mapped_column(String(200))
    due: Mapped[date | None]
    made_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When it was ticked; while it is open there is none."""
    done_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    pair: Mapped[Pair] = relationship()


class MeetingState(StrEnum):
    """Whether a meeting is still to come or has been."""

    PLANNED = "planned"
    HELD = "held"


class MeetingWay(StrEnum):
    """How a pair meets."""

    IN_PERSON = "in_person"
    CALL = "call"
    LETTERS = "letters"


class Meeting(Base):
    """One meeting of a pair, planned or held."""

    __tablename__ = "meeting"
    __table_args__ = (Index("ix_meeting_pair_id_day", "pair_id", "day"), Index("ix_meeting_for_id", "for_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    pair_id: Mapped[int] = mapped_column(ForeignKey("pair.id"))
    for_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    """Of a group, the one mentee with whom the mentor meets; none: the pair as a whole."""
    state: Mapped[MeetingState] = mapped_column(EnumText(MeetingState))
    day: Mapped[date]
    """By the college's calendar."""
    time: Mapped[time | None]
    """By the college's clock."""
    way: Mapped[MeetingWay | None] = mapped_column(EnumText(MeetingWay))
    topic: Mapped[str] = mapped_column(String(200), default="")
    outcome: Mapped[str] = mapped_column(String(2000), default="")
    """What was agreed; for the pair's own people and curators."""
    made_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    """Who planned it, or wrote it down at once as held."""
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    logged_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    """Who said that it was held."""
    logged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    pair: Mapped[Pair] = relationship()
