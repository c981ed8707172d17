"""Tables of surveys: a Moodle Feedback activity with an audience, its items, and the answers brought in."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_service.db import Base, EnumText, Json, UtcDateTime
from lti_service.people.models import Person
from lti_service.platforms.models import Course
from lti_service.programme.models import Cycle


class Audience(StrEnum):
    """Whose survey it is."""

    MENTEES = "mentees"
    MENTORS = "mentors"


class Survey(Base):
    """A Feedback activity that the curator picked."""

    __tablename__ = "survey"
    __table_args__ = (UniqueConstraint("course_id", "cycle_id", "feedback_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    cycle_id: Mapped[int] = mapped_column(ForeignKey("cycle.id"))
    feedback_id: Mapped[int]
    """Moodle's id of the Feedback activity."""
    module_id: Mapped[int | None]
    """Moodle's course-module id, which addresses of the activity carry."""
    name: Mapped[str] = mapped_column(String(400))
    audience: Mapped[Audience] = mapped_column(EnumText(Audience))
    anonymous: Mapped[bool]
    satisfied_from: Mapped[int]
    """The lowest place on the scale (1 is the worst answer) that counts as satisfied; see `rules.scale`."""
    best_first: Mapped[bool] = mapped_column(default=False)
    """Rating questions without weights list their best answer first."""
    opens_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closes_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When Moodle takes answers; none: no limit."""
    missing_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when Moodle no longer shows the activity; none: it does. Its answers are kept."""
    synced_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the answers were last read to the end."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    course: Mapped[Course] = relationship()
    cycle: Mapped[Cycle] = relationship()
    items: Mapped[list["SurveyItem"]] = relationship(
        back_populates="survey", order_by="SurveyItem.position", cascade="all, delete-orphan"
    )


class SurveyItem(Base):
    """A question of a survey."""

    __tablename__ = "survey_item"
    __table_args__ = (UniqueConstraint("survey_id", "moodle_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    survey_id: Mapped[int] = mapped_column(ForeignKey("survey.id"))
    moodle_id: Mapped[int]
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(String(40))
    """Moodle's item type: `multichoicerated`, `multichoice`, `textarea` …"""
    options: Mapped[list[Any]] = mapped_column(Json, default=list)
    """Texts of the options in order; empty for open questions."""
    weights: Mapped[list[Any]] = mapped_column(Json, default=list)
    """Moodle's weights of the options, alongside; empty where the question has none."""
    multiple: Mapped[bool] = mapped_column(default=False)
    """Several options may be chosen at once."""
    position: Mapped[int]
    is_rating: Mapped[bool] = mapped_column(default=False)
    """It is (a part of) the satisfaction rating."""

    survey: Mapped[Survey] = relationship(back_populates="items")


class SurveyResponse(Base):
    """One filled-in questionnaire."""

    __tablename__ = "survey_response"
    __table_args__ = (
        UniqueConstraint("survey_id", "moodle_id"),
        Index("ix_survey_response_person_id", "person_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    survey_id: Mapped[int] = mapped_column(ForeignKey("survey.id"))
    moodle_id: Mapped[int]
    moodle_user_id: Mapped[str | None] = mapped_column(String(40))
    """Who answered, as Moodle names them; none: anonymously. One activity may hold answers of both kinds."""
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    """The same person here; none as well for someone the base does not know."""
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Moodle tells no time of anonymous answers."""
    answers: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """Moodle's item id (as text) → raw value as Moodle stores it: the 1-based option for choices (several joined
    by `|`), the text for open questions. What was not answered is left out."""

    survey: Mapped[Survey] = relationship()
    person: Mapped[Person | None] = relationship()
