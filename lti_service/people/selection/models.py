"""Tables of the selection of mentors: a college's criteria, and the decisions, each kept for ever."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_service.db import Base, EnumText, Json, UtcDateTime
from lti_service.people.models import Mentor, Person
from lti_service.people.selection import rules


class Criterion(Base):
    """One thing by which a college selects its mentors in a programme."""

    __tablename__ = "selection_criterion"
    __table_args__ = (Index("ix_selection_criterion_platform_id_programme_id", "platform_id", "programme_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    platform_id: Mapped[int] = mapped_column(ForeignKey("platform.id"))
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    title: Mapped[str] = mapped_column(String(rules.LONGEST_TITLE))
    hint: Mapped[str] = mapped_column(String(rules.LONGEST_HINT), default="", server_default="")
    """What to look at."""
    weight: Mapped[int]
    source: Mapped[str] = mapped_column(String(rules.LONGEST_SOURCE), default="", server_default="")
    """From where the college has it: an order, a regulation; ours say that they are ours."""
    position: Mapped[int]


class Decision(StrEnum):
    """What was decided about a candidate."""

    ACCEPTED = "accepted"
    TURNED_DOWN = "turned_down"
    POSTPONED = "postponed"
    ADMITTED = "admitted"
    """Ready at once, without training."""


class MentorDecision(Base):
    """One decision about a mentor; rows are only ever added. The mentor sees what the newest says, not its scores."""

    __tablename__ = "mentor_decision"
    __table_args__ = (Index("ix_mentor_decision_mentor_id", "mentor_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    mentor_id: Mapped[int] = mapped_column(ForeignKey("mentor.id"))
    decision: Mapped[Decision] = mapped_column(EnumText(Decision))
    reason: Mapped[str] = mapped_column(Text, default="", server_default="")
    scores: Mapped[list[Any]] = mapped_column(Json, default=list, server_default="[]")
    """As they were when it was decided: `{"title": …, "weight": 3, "mark": 4}` for each criterion that was assessed."""
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime] = mapped_column(UtcDateTime)

    mentor: Mapped[Mentor] = relationship()
    curator: Mapped[Person | None] = relationship()

    @property
    def result(self) -> rules.Result:
        """What the scores come to."""
        return rules.weigh((score["weight"], score["mark"]) for score in self.scores)
