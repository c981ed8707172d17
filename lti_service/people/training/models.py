"""Tables of training: a college's courses for mentors, and who has completed them."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_service.db import Base, EnumText, UtcDateTime
from lti_service.people.models import Person
from lti_service.people.training import rules


class TrainingCourse(Base):
    """A course, seminar or practical training in which mentors are trained; all courses of the college share it."""

    __tablename__ = "training_course"
    __table_args__ = (
        # One Moodle course is one training: its completion would be recorded twice otherwise.
        UniqueConstraint("platform_id", "moodle_course"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    platform_id: Mapped[int] = mapped_column(ForeignKey("platform.id"))
    title: Mapped[str] = mapped_column(String(rules.LONGEST_TITLE))
    begins_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    hours: Mapped[int | None]
    document: Mapped[str] = mapped_column(String(rules.LONGEST_DOCUMENT), default="", server_default="")
    """What kind of paper whoever completes it gets; empty: none."""
    valid_months: Mapped[int | None]
    """For how long it counts from the day of completion, unless a record says otherwise; none: without an end."""
    moodle_course: Mapped[str | None] = mapped_column(String(40))
    """Id of the Moodle course whose completion is the completion of this one; none: curators record it."""
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When its completion was last read to the end."""
    trouble: Mapped[str] = mapped_column(String(60), default="", server_default="")
    """Why it could not be read the last time; empty: it could."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Origin(StrEnum):
    """From where a training is known."""

    CURATOR = "curator"
    MOODLE = "moodle"


class Training(Base):
    """That somebody has completed a course. It is the person's, for all school years."""

    __tablename__ = "training"
    __table_args__ = (
        UniqueConstraint("training_course_id", "person_id", "completed_on"),
        Index("ix_training_person_id", "person_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    training_course_id: Mapped[int] = mapped_column(ForeignKey("training_course.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    completed_on: Mapped[date]
    document_number: Mapped[str] = mapped_column(String(rules.LONGEST_NUMBER), default="", server_default="")
    valid_until: Mapped[date | None]
    """Its last day; none: it has no end."""
    origin: Mapped[Origin] = mapped_column(EnumText(Origin), default=Origin.CURATOR)
    recorded_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    """The curator; none: read from Moodle."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    course: Mapped[TrainingCourse] = relationship()
    person: Mapped[Person] = relationship(foreign_keys=[person_id])
