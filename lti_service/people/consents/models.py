"""Tables of consents to the processing of personal data: what people are asked to agree to, and who has agreed."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, false, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_service.db import Base, EnumText, UtcDateTime
from lti_service.people.models import Person


class Audience(StrEnum):
    """Who agrees to a text."""

    ADULT = "adult"
    """The person themselves, of age."""
    REPRESENTATIVE = "representative"
    """A parent or another legal representative, for somebody under 18."""


class TextSource(StrEnum):
    """Whose wording a text is."""

    BUILT_IN = "built-in"
    """Ours, to begin with: it is no legal advice, and the college's lawyer must check it before it is used."""
    COLLEGE = "college"
    """A curator's or administrator's of the college."""


class ConsentText(Base):
    """One version of what people agree to; it never changes once it is there, so what was shown is known for ever."""

    __tablename__ = "consent_text"
    __table_args__ = (UniqueConstraint("platform_id", "audience", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    platform_id: Mapped[int] = mapped_column(ForeignKey("platform.id"))
    audience: Mapped[Audience] = mapped_column(EnumText(Audience))
    version: Mapped[int]
    """From 1; the greatest is the current one."""
    title: Mapped[str] = mapped_column(String(300))
    text: Mapped[str] = mapped_column(Text)
    source: Mapped[TextSource] = mapped_column(EnumText(TextSource))
    asks_again: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whoever agreed to an earlier version was to be asked again."""
    counts: Mapped[bool] = mapped_column(default=True, server_default=true())
    """Whether agreeing to it is worth something: no later version has asked everybody again."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    """None: the service itself, for the built-in wording."""


class Way(StrEnum):
    """How a consent was given."""

    TOOL = "tool"
    """By the adult themselves, here."""
    PAPER = "paper"
    """Signed on paper by the adult themselves, recorded by a curator."""
    REPRESENTATIVE = "representative"
    """Signed on paper by a representative, recorded by a curator."""


class Relation(StrEnum):
    """What a representative is to the person."""

    MOTHER = "mother"
    FATHER = "father"
    ADOPTER = "adopter"
    GUARDIAN = "guardian"
    """Опекун или попечитель."""
    OTHER = "other"


class Consent(Base):
    """One person's consent, given once and perhaps withdrawn; rows are never deleted or changed otherwise."""

    __tablename__ = "consent"
    # All that `consents.valid_for` asks for: whole lists of people are asked it at once.
    __table_args__ = (Index("ix_consent_rule", "person_id", "text_id", "way", "withdrawn_at", "grown_if_born_by"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    text_id: Mapped[int] = mapped_column(ForeignKey("consent_text.id"))
    way: Mapped[Way] = mapped_column(EnumText(Way))
    given_on: Mapped[date]
    """The platform's day of the click, or the date of the signature."""
    grown_if_born_by: Mapped[date]
    """Whoever was born on that day or earlier was of age on `given_on`: databases reckon years each in its way."""
    says_adult: Mapped[bool] = mapped_column(default=False, server_default=false())
    """The person confirmed that they were of age, for their birth date was not known."""
    representative: Mapped[str] = mapped_column(String(200), default="", server_default="")
    """Фамилия Имя Отчество of who signed for them."""
    relation: Mapped[Relation | None] = mapped_column(EnumText(Relation))
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    recorded_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    """The curator; the person themselves for a consent in the tool."""
    scan: Mapped[str] = mapped_column(String(80), default="", server_default="")
    """Random name of the scanned paper's file; empty: none."""
    scan_kind: Mapped[str] = mapped_column(String(10), default="", server_default="")
    """`pdf`, `jpeg` or `png`, as the content itself says."""
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_on: Mapped[date | None]
    """The platform's day of the click, or the date of the paper."""
    withdrawn_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    withdrawn_reason: Mapped[str] = mapped_column(String(1000), default="", server_default="")

    person: Mapped[Person] = relationship(foreign_keys=person_id)
    text: Mapped[ConsentText] = relationship()
    recorder: Mapped[Person] = relationship(foreign_keys=recorded_by)
    withdrawer: Mapped[Person | None] = relationship(foreign_keys=withdrawn_by)
