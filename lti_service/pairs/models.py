"""Tables of pairs: a mentor with one or several mentees in a course, and where that is."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_service.db import Base, EnumText, UtcDateTime
from lti_service.people.models import Mentee, Mentor, Person
from lti_service.platforms.models import Course
from lti_service.programme.models import Cycle, Form

IS_OPEN = text("is_open")


class PairState(StrEnum):
    """Where a pair is; `pairs.rules.MOVES` says what leads where."""

    PROPOSED = "proposed"
    AGREED = "agreed"
    ACTIVE = "active"
    FINISHED = "finished"
    ENDED_EARLY = "ended_early"
    DECLINED = "declined"
    CANCELLED = "cancelled"


class Pair(Base):
    """One mentor with one mentee, or with several: then it is a group."""

    __tablename__ = "pair"
    __table_args__ = (
        # The board's numbers are read off it, without a look at the rows.
        Index("ix_pair_course_id_state_cycle_id_proposed_at", "course_id", "state", "cycle_id", "proposed_at"),
        Index("ix_pair_mentor_id", "mentor_id"),
        UniqueConstraint("continues_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    cycle_id: Mapped[int] = mapped_column(ForeignKey("cycle.id"))
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    form_id: Mapped[int] = mapped_column(ForeignKey("form.id"))
    mentor_id: Mapped[int] = mapped_column(ForeignKey("mentor.id"))
    state: Mapped[PairState] = mapped_column(EnumText(PairState), default=PairState.PROPOSED)
    reason: Mapped[str] = mapped_column(String(1000), default="")
    """Why it was declined, cancelled or ended early; for the curators and the pair's mentor only."""
    goal: Mapped[str] = mapped_column(String(1000), default="", server_default="")
    """What both want to reach; empty: nothing has been said."""
    proposed_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the mentor agreed or declined."""
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When it came to any of its ends; while it is open there is none."""
    continues_id: Mapped[int | None] = mapped_column(ForeignKey("pair.id"))
    """The pair of an earlier school year whose work goes on in this one."""

    mentor: Mapped[Mentor] = relationship()
    form: Mapped[Form] = relationship()
    course: Mapped[Course] = relationship()
    cycle: Mapped[Cycle] = relationship()
    places: Mapped[list["PairMentee"]] = relationship(
        back_populates="pair", cascade="all, delete-orphan", order_by="PairMentee.id"
    )
    moves: Mapped[list["PairMove"]] = relationship(
        back_populates="pair", cascade="all, delete-orphan", order_by="PairMove.id"
    )


class PairMentee(Base):
    """A mentee's place in a pair."""

    __tablename__ = "pair_mentee"
    __table_args__ = (
        UniqueConstraint("pair_id", "mentee_id"),
        # One open pair per mentee and form, even when two curators propose in the same second.
        Index(
            "uq_pair_mentee_open",
            "mentee_id",
            "form_id",
            unique=True,
            sqlite_where=IS_OPEN,
            postgresql_where=IS_OPEN,
        ),
        Index("ix_pair_mentee_mentee_id", "mentee_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    pair_id: Mapped[int] = mapped_column(ForeignKey("pair.id"))
    mentee_id: Mapped[int] = mapped_column(ForeignKey("mentee.id"))
    form_id: Mapped[int] = mapped_column(ForeignKey("form.id"))
    """The pair's form again, so that the table itself can refuse a second open pair."""
    is_open: Mapped[bool] = mapped_column(default=True)
    """While the pair is proposed, agreed or active."""

    pair: Mapped[Pair] = relationship(back_populates="places")
    mentee: Mapped[Mentee] = relationship()


class PairMove(Base):
    """One step of a pair's history; rows are only ever added."""

    __tablename__ = "pair_move"
    __table_args__ = (Index("ix_pair_move_pair_id", "pair_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    pair_id: Mapped[int] = mapped_column(ForeignKey("pair.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[PairState] = mapped_column(EnumText(PairState))
    """Where it led."""
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    pair: Mapped[Pair] = relationship(back_populates="moves")
    actor: Mapped[Person | None] = relationship()
