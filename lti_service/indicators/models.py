"""Tables of gradebook columns made from indicators, and the outbox of their grades."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, Numeric, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_service.db import Base, EnumText, UtcDateTime
from lti_service.people.models import Person
from lti_service.platforms.models import Course
from lti_service.programme.models import Cycle
from lti_service.surveys.models import Survey


class ColumnKind(StrEnum):
    """Which share a column shows."""

    PAIR_FORMED = "pair-formed"
    SURVEY_ANSWERED = "survey-answered"


class GradebookColumn(Base):
    """A column of a course's Moodle gradebook: 100 for those in the numerator, 0 for the rest of the denominator.

    It belongs to one school year; when that is over, its grades stay as they are.
    """

    __tablename__ = "gradebook_column"
    __table_args__ = (UniqueConstraint("course_id", "resource_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    cycle_id: Mapped[int] = mapped_column(ForeignKey("cycle.id"))
    kind: Mapped[ColumnKind] = mapped_column(EnumText(ColumnKind))
    survey_id: Mapped[int | None] = mapped_column(ForeignKey("survey.id"), index=True)
    label: Mapped[str] = mapped_column(String(250))
    """What the column is to be called in Moodle; the curator's words."""
    yes_comment: Mapped[str] = mapped_column(String(200), default="")
    no_comment: Mapped[str] = mapped_column(String(200), default="")
    """What people read beside their 100 or 0 in Moodle; the curator's words too."""
    resource_id: Mapped[str] = mapped_column(String(120))
    """Ours, in Moodle's line item too: with the tag it finds the column again, so that it is never made twice."""
    lineitem_url: Mapped[str] = mapped_column(String(600), default="")
    """Empty until the column was found or made in Moodle."""
    moodle_label: Mapped[str] = mapped_column(String(255), default="")
    """What we last called the column in Moodle; where `label` differs, it is to be renamed."""
    error_code: Mapped[str] = mapped_column(String(60), default="")
    """Why the column could not be reached at the last try; empty: no trouble."""
    tries: Mapped[int] = mapped_column(default=0)
    """In vain, one after the other."""
    try_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """The worker leaves the column alone until then; none: it need not."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    verified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When its results were last read back."""

    course: Mapped[Course] = relationship()
    cycle: Mapped[Cycle] = relationship()
    survey: Mapped[Survey | None] = relationship()


class GradeState(StrEnum):
    """Where a grade is on its way to Moodle; `indicators.rules.GRADE_MOVES` says what leads where."""

    DUE = "due"
    SENDING = "sending"
    """A score is, or may be, on its way: nothing else is sent before it is known what became of it."""
    SENT = "sent"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


class Grade(Base):
    """A row of the outbox: what one person's grade should be, against what Moodle has."""

    __tablename__ = "grade"
    __table_args__ = (
        UniqueConstraint("column_id", "person_id"),
        Index("ix_grade_state_try_at", "state", "try_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    column_id: Mapped[int] = mapped_column(ForeignKey("gradebook_column.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    wanted: Mapped[Decimal | None] = mapped_column(Numeric(6, 2))
    """0 to 100; none: the person should have no grade here."""
    confirmed: Mapped[Decimal | None] = mapped_column(Numeric(6, 2))
    """What Moodle has: what it took, put right when results are read back; none: nothing. Uncertain while SENDING."""
    state: Mapped[GradeState] = mapped_column(EnumText(GradeState), default=GradeState.DUE)
    tries: Mapped[int] = mapped_column(default=0)
    """In vain, since the last change of `wanted`."""
    try_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """Not to be touched before."""
    claimed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When a worker took it to send it; none: nobody is at it."""
    sent: Mapped[Decimal | None] = mapped_column(Numeric(6, 2))
    """The value of the newest score sent; says nothing without `sent_at`."""
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Time stamp of the newest score sent, or of a newer one that Moodle has: it takes only newer ones, at a
    resolution of one second. A score whose fate is unknown is sent again with the same stamp, so that Moodle
    itself never takes it twice."""
    reason: Mapped[str] = mapped_column(String(60), default="")
    """Code of the last trouble (`rules.Trouble`), or of why it can never be delivered."""
    roles_then: Mapped[str] = mapped_column(String(400), default="")
    """The person's roles in the course when Moodle called them not gradable: other roles make it due again."""

    column: Mapped[GradebookColumn] = relationship()
    person: Mapped[Person] = relationship()
