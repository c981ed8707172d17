"""Tables of files that are being checked: what each would change, row by row, until it is applied or thrown away."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from lti_service.db import Base, EnumText, Json, UtcDateTime
from lti_service.people.imports.rules import Verdict


class Subject(StrEnum):
    """What a file is about."""

    BIRTHS = "births"
    MENTEES = "mentees"
    MENTORS = "mentors"
    EMPLOYERS = "employers"
    CONSENTS = "consents"


class PreviewState(StrEnum):
    """Where a checked file is."""

    OPEN = "open"
    APPLIED = "applied"
    DISCARDED = "discarded"


class ImportPreview(Base):
    """A file that a curator of a course has let be checked; nobody else sees it. Its rows go when it is closed."""

    __tablename__ = "import_preview"
    __table_args__ = (
        Index("ix_import_preview_course_id_created_by", "course_id", "created_by"),
        Index("ix_import_preview_expires_at", "expires_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    subject: Mapped[Subject] = mapped_column(EnumText(Subject))
    state: Mapped[PreviewState] = mapped_column(EnumText(PreviewState), default=PreviewState.OPEN)
    file_name: Mapped[str] = mapped_column(String(200), default="")
    """As the browser told it; forgotten when it is closed, for files are named after people, too."""
    sheet: Mapped[str] = mapped_column(String(100), default="")
    """The sheet that was read, where there were several."""
    unused: Mapped[list[Any]] = mapped_column(Json, default=list)
    """Names of columns that mean nothing here."""
    counts: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """Verdict → rows."""
    created_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ImportRow(Base):
    """One row of a checked file, with what it would do."""

    __tablename__ = "import_row"
    __table_args__ = (
        UniqueConstraint("preview_id", "number"),
        Index("ix_import_row_preview_id_verdict_number", "preview_id", "verdict", "number"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    preview_id: Mapped[int] = mapped_column(ForeignKey("import_preview.id"))
    number: Mapped[int]
    """As Excel counts the rows of the file."""
    verdict: Mapped[Verdict] = mapped_column(EnumText(Verdict))
    who: Mapped[str] = mapped_column(String(400), default="")
    """Whom or what it is about."""
    cells: Mapped[dict[str, Any]] = mapped_column(Json)
    """Key of the column → text, as the file has it."""
    overflows: Mapped[bool] = mapped_column(default=False, server_default=false())
    """It has more cells than there are columns."""
    changes: Mapped[list[Any]] = mapped_column(Json, default=list)
    """[what, from, to] in the words that were shown."""
    problems: Mapped[list[Any]] = mapped_column(Json, default=list)
    """[column, reason] in the words that were shown."""
    mark: Mapped[str] = mapped_column(String(64), default="")
    """Of what would be done: another one at the end means that something has moved meanwhile."""
    moved: Mapped[bool] = mapped_column(default=False, server_default=false())
    """At the last try to apply the file this row had become another."""
