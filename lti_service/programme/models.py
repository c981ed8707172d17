"""Tables of the programme: its forms and indicators as loaded from a preset, and a platform's school years."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Numeric, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_service.db import Base, EnumText, Json, UtcDateTime


class MentorKind(StrEnum):
    """Who somebody is as a mentor; a form of mentoring asks for one kind."""

    TEACHER = "teacher"
    EMPLOYER = "employer"
    STUDENT = "student"


class MenteeKind(StrEnum):
    """Who somebody is as a mentee; a form of mentoring asks for one kind."""

    STUDENT = "student"
    YOUNG_TEACHER = "young_teacher"


class Programme(Base):
    """A mentoring programme as the college wrote it: reference data, the same for every platform that follows it.

    When a platform changes its forms in a school year, that year gets a copy of its own; other years keep theirs.
    """

    __tablename__ = "programme"
    __table_args__ = (UniqueConstraint("code", "first_year"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(80))
    """Name of the preset it was loaded from; of a year's own copy with the platform and the year behind an @."""
    platform_id: Mapped[int | None] = mapped_column(ForeignKey("platform.id"))
    """Whose copy this is; none: a preset, everybody's."""
    first_year: Mapped[int]
    """The first plan year; the preset's own unless it was moved when loaded."""
    title: Mapped[str] = mapped_column(String(400))
    organisation: Mapped[str] = mapped_column(String(400), default="")
    legal_basis: Mapped[str] = mapped_column(Text, default="")
    loaded_at: Mapped[datetime] = mapped_column(UtcDateTime)

    forms: Mapped[list["Form"]] = relationship(
        back_populates="programme", order_by="Form.position", cascade="all, delete-orphan"
    )
    indicators: Mapped[list["Indicator"]] = relationship(
        back_populates="programme", order_by="Indicator.position", cascade="all, delete-orphan"
    )

    @property
    def offered_forms(self) -> list["Form"]:
        """The forms in which new pairs are formed."""
        return [form for form in self.forms if not form.is_retired]


class Form(Base):
    """A form of mentoring: which kind of mentor for which kind of mentee."""

    __tablename__ = "form"
    __table_args__ = (UniqueConstraint("programme_id", "code"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    code: Mapped[str] = mapped_column(String(60))
    title: Mapped[str] = mapped_column(String(200))
    mentor_kind: Mapped[MentorKind] = mapped_column(EnumText(MentorKind))
    mentee_kind: Mapped[MenteeKind] = mapped_column(EnumText(MenteeKind))
    goal: Mapped[str] = mapped_column(Text, default="")
    activities: Mapped[list[Any]] = mapped_column(Json, default=list)
    """Topics of the work together, as the programme lists them."""
    expected_results: Mapped[list[Any]] = mapped_column(Json, default=list, server_default="[]")
    """What the form is to bring about, as the programme lists it."""
    source: Mapped[str] = mapped_column(Text, default="", server_default="")
    """Where the form is from: a document, a decision."""
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when no new pairs are formed in it; those that there are go on."""
    position: Mapped[int]

    programme: Mapped[Programme] = relationship(back_populates="forms")

    @property
    def is_retired(self) -> bool:
        """No new pairs are formed in it."""
        return self.retired_at is not None


class Indicator(Base):
    """One indicator of the catalogue: R1–R13 of results, E1–E6 of effect."""

    __tablename__ = "indicator"
    __table_args__ = (UniqueConstraint("programme_id", "code"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    code: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(Text)
    """The official wording, shown as it is in every language."""
    unit: Mapped[str] = mapped_column(String(20))
    better: Mapped[str] = mapped_column(String(10))
    """`more` or `less`: which way is good."""
    source: Mapped[str] = mapped_column(String(20))
    """`computed` from the product's data, or `manual`: entered with evidence."""
    position: Mapped[int]

    programme: Mapped[Programme] = relationship(back_populates="indicators")
    plans: Mapped[list["IndicatorPlan"]] = relationship(
        back_populates="indicator", order_by="IndicatorPlan.year", cascade="all, delete-orphan"
    )


class IndicatorPlan(Base):
    """What the programme plans for an indicator in one year."""

    __tablename__ = "indicator_plan"
    __table_args__ = (UniqueConstraint("indicator_id", "year"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    indicator_id: Mapped[int] = mapped_column(ForeignKey("indicator.id"))
    year: Mapped[int]
    value: Mapped[Decimal] = mapped_column(Numeric(12, 2))

    indicator: Mapped[Indicator] = relationship(back_populates="plans")


class Cycle(Base):
    """One school year (August to July) of a programme on one platform."""

    __tablename__ = "cycle"
    __table_args__ = (UniqueConstraint("platform_id", "start_year"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    platform_id: Mapped[int] = mapped_column(ForeignKey("platform.id"))
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    start_year: Mapped[int]
    """2026 stands for 2026/27."""
    plan_year: Mapped[int]
    """The year of the programme whose plan this cycle's facts are held against."""

    programme: Mapped[Programme] = relationship()

    @property
    def title(self) -> str:
        """`2026/27`."""
        return f"{self.start_year}/{(self.start_year + 1) % 100:02}"

    @property
    def begins(self) -> date:
        """1 August of its first year."""
        return date(self.start_year, 8, 1)
