"""Tables of organisations that give mentors: their contacts, and the agreements that the college has with them."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, validates

from lti_service.db import Base, EnumText, UtcDateTime
from lti_service.people.employers import rules
from lti_service.people.names import LONGEST


class Employer(Base):
    """An organisation of one college's region: an employer or a social partner. All the college's courses share it."""

    __tablename__ = "employer"
    # By the key, so that «Шахта» and "шахта" cannot both be entered.
    __table_args__ = (UniqueConstraint("platform_id", "name_key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    platform_id: Mapped[int] = mapped_column(ForeignKey("platform.id"))
    name: Mapped[str] = mapped_column(String(rules.LONGEST_NAME))
    name_key: Mapped[str] = mapped_column(String(LONGEST))
    """The name as `employer_rules.name_key` folds it. Follows the name by itself."""
    short_name: Mapped[str] = mapped_column(String(rules.LONGEST_SHORT_NAME), default="", server_default="")
    inn: Mapped[str] = mapped_column(String(12), default="", server_default="")
    """The taxpayer's number; empty: not told. Branches of one organisation have the same."""
    address: Mapped[str] = mapped_column(String(rules.LONGEST_ADDRESS), default="", server_default="")
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
    """The curators' own."""
    sort_key: Mapped[str] = mapped_column(String(LONGEST), default="", server_default="")
    """What lists show it as, folded: they are sorted by it. Follows the names by itself."""
    search_text: Mapped[str] = mapped_column(String(900), default="", server_default="")
    """Names and number, folded, for searching. Follows them by itself."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @validates("name", "short_name", "inn")
    def _follow(self, field: str, value: str) -> str:
        told = {"name": self.name, "short_name": self.short_name, "inn": self.inn, field: value}
        self.name_key = rules.name_key(told["name"] or "")
        short_key = rules.name_key(told["short_name"] or "")
        self.sort_key = short_key or self.name_key
        self.search_text = " ".join(part for part in (self.name_key, short_key, told["inn"]) if part)
        return value

    @property
    def shown_name(self) -> str:
        """The short name where there is one: what people call it."""
        return self.short_name or self.name


class EmployerContact(Base):
    """Somebody at an organisation whom the curator calls; no user of the service."""

    __tablename__ = "employer_contact"
    __table_args__ = (Index("ix_employer_contact_employer_id", "employer_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    employer_id: Mapped[int] = mapped_column(ForeignKey("employer.id"))
    name: Mapped[str] = mapped_column(String(rules.LONGEST_NAME))
    position: Mapped[str] = mapped_column(String(rules.LONGEST_POSITION), default="", server_default="")
    phone: Mapped[str] = mapped_column(String(rules.LONGEST_PHONE), default="", server_default="")
    email: Mapped[str] = mapped_column(String(rules.LONGEST_EMAIL), default="", server_default="")


class AgreementKind(StrEnum):
    """What the college and an organisation have agreed on (road map 5.1 and 5.2)."""

    DUAL = "dual"
    PRACTICE = "practice"
    OTHER = "other"


class Agreement(Base):
    """An agreement with an organisation. How it stands is computed: `employer_rules.agreement_state`."""

    __tablename__ = "agreement"
    __table_args__ = (UniqueConstraint("employer_id", "kind", "number", "signed_on"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    employer_id: Mapped[int] = mapped_column(ForeignKey("employer.id"))
    kind: Mapped[AgreementKind] = mapped_column(EnumText(AgreementKind))
    number: Mapped[str] = mapped_column(String(rules.LONGEST_NUMBER))
    signed_on: Mapped[date]
    valid_until: Mapped[date | None]
    """Its last day; none: it has no end."""
    subject: Mapped[str] = mapped_column(String(rules.LONGEST_SUBJECT), default="", server_default="")
