"""Tables of Moodle sites: the platform (one tenant), its deployments and courses, our keys and tokens."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_service.db import Base, EnumText, Json, UtcDateTime


class PlatformState(StrEnum):
    """Whether a platform's messages are taken."""

    PENDING = "pending"
    ACTIVE = "active"
    PAUSED = "paused"


class Platform(Base):
    """A Moodle site, one tenant: nothing of one platform is visible to another."""

    __tablename__ = "platform"
    __table_args__ = (UniqueConstraint("issuer", "client_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    issuer: Mapped[str] = mapped_column(String(400))
    client_id: Mapped[str] = mapped_column(String(200))
    login_url: Mapped[str] = mapped_column(String(400))
    """Where the platform answers authentication requests."""
    token_url: Mapped[str] = mapped_column(String(400))
    jwks_url: Mapped[str] = mapped_column(String(400))
    ws_url: Mapped[str] = mapped_column(String(400), default="")
    """The site root whose web services are asked; empty: none."""
    ws_token: Mapped[str] = mapped_column(Text, default="")
    """Encrypted; empty: none."""
    state: Mapped[PlatformState] = mapped_column(EnumText(PlatformState), default=PlatformState.PENDING)
    time_zone: Mapped[str] = mapped_column(String(60), default="Europe/Moscow")
    role_map: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """Moodle role short name → list of roles here; adds to and overrides `people.rules.ROLE_MAP`."""
    profile_fields: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """`birth_date`, `experience` → short name of the Moodle profile field, where it differs from the default."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    deployments: Mapped[list["Deployment"]] = relationship(back_populates="platform", cascade="all, delete-orphan")


class Deployment(Base):
    """One installation of the tool in a platform."""

    __tablename__ = "deployment"
    __table_args__ = (UniqueConstraint("platform_id", "deployment_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    platform_id: Mapped[int] = mapped_column(ForeignKey("platform.id"))
    deployment_id: Mapped[str] = mapped_column(String(255))

    platform: Mapped[Platform] = relationship(back_populates="deployments")


class Course(Base):
    """A Moodle course in which the activity was opened or which is synced."""

    __tablename__ = "course"
    __table_args__ = (UniqueConstraint("platform_id", "moodle_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    platform_id: Mapped[int] = mapped_column(ForeignKey("platform.id"))
    moodle_id: Mapped[str] = mapped_column(String(40))
    """The launch's `context.id`, which is the web services' course id."""
    title: Mapped[str] = mapped_column(String(400))
    label: Mapped[str] = mapped_column(String(200), default="")
    activity_title: Mapped[str] = mapped_column(String(400), default="")
    """Title of the resource link that was opened last."""
    lineitems_url: Mapped[str] = mapped_column(String(600), default="")
    """AGS line items service of this course, as the last launch said; empty: not offered."""
    memberships_url: Mapped[str] = mapped_column(String(600), default="")
    """NRPS service of this course, as the last launch said; empty: not offered."""
    synced_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When enrolments were last read to the end."""

    platform: Mapped[Platform] = relationship()


class ToolKey(Base):
    """A key pair of ours; `kid` is unique for ever."""

    __tablename__ = "tool_key"

    id: Mapped[int] = mapped_column(primary_key=True)
    kid: Mapped[str] = mapped_column(String(80), unique=True)
    private_pem: Mapped[str] = mapped_column(Text)
    """PKCS 8, encrypted with the settings' keys."""
    public_jwk: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    signs_from: Mapped[datetime] = mapped_column(UtcDateTime)
    """It is published at once and signs from here on, so that platforms have read it before they need it."""
    retires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Published until then; none: not retired."""


class AccessToken(Base):
    """An access token of a platform, shared by all our processes until it expires."""

    __tablename__ = "access_token"
    __table_args__ = (UniqueConstraint("platform_id", "scopes"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    platform_id: Mapped[int] = mapped_column(ForeignKey("platform.id"))
    scopes: Mapped[str] = mapped_column(String(600))
    """Sorted, joined by a space."""
    token: Mapped[str] = mapped_column(Text)
    """Encrypted."""
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Invitation(Base):
    """Leave to register a Moodle site, once and for a while. Only the code's hash is kept: readers gain nothing."""

    __tablename__ = "invitation"

    id: Mapped[int] = mapped_column(primary_key=True)
    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    platform_id: Mapped[int | None] = mapped_column(ForeignKey("platform.id"))
    """Only this site may use it, and is brought up to date by it; none: any site, which is then new here."""
    invited_by: Mapped[int | None]
    """The person who asked for it; none: the command line. No foreign key: people live a floor above."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    platform: Mapped[Platform | None] = relationship()


class ContentChoice(Base):
    """A teacher's way from "add an activity" in Moodle through our page and back (deep linking), once."""

    __tablename__ = "content_choice"

    id: Mapped[int] = mapped_column(primary_key=True)
    platform_id: Mapped[int] = mapped_column(ForeignKey("platform.id"))
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    person_id: Mapped[int]
    """Who chooses. No foreign key: people live a floor above."""
    deployment_id: Mapped[str] = mapped_column(String(255))
    return_url: Mapped[str] = mapped_column(String(1000))
    """Where the answer is posted to; on the platform's own origin."""
    data: Mapped[str] = mapped_column(Json, default="")
    """What the platform wants to be given back as it is, as the text of a JSON value; empty: nothing."""
    several: Mapped[bool]
    """More than one item may be chosen."""
    line_items: Mapped[bool]
    """The platform takes gradebook columns with the items."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
