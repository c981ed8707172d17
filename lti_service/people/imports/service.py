"""Checking a curator's file, looking at what it would change, and applying it: all of it or nothing."""

import gc
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from lti_service import audit
from lti_service.access import Viewer
from lti_service.db import now
from lti_service.errors import NotFoundError
from lti_service.lists import PAGE, ListPage, part, place
from lti_service.people import cycles
from lti_service.people.consents import service as consents
from lti_service.people.consents.service import Stands
from lti_service.people.imports import columns, errors, reading
from lti_service.people.imports.columns import NUMBER, REASON, Cells, Filled
from lti_service.people.imports.kinds import KINDS
from lti_service.people.imports.lines import Line, Place
from lti_service.people.imports.models import ImportPreview, ImportRow, PreviewState, Subject
from lti_service.people.imports.rules import ValueUnclearError, Verdict, parse_day, parse_number
from lti_service.people.models import Membership, Person
from lti_service.sheets import Sheet, Value

KEPT = timedelta(days=3)
"""A check that nobody has applied is forgotten after so long: it is full of personal data."""
REMEMBERED = timedelta(days=90)
"""What was applied when is remembered so long, without a word of what the file said."""
BATCH = 1000
"""Rows of one statement."""


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep Python from looking for cycles among what is kept to the end anyway: of 10,000 rows that is a third of the
    time. What is in no cycle, nearly all of it, is freed as ever."""
    is_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_on:
            gc.enable()


def place_of(session: Session, viewer: Viewer, day: date) -> Place:
    """Where a curator's files belong; the school year is opened when there is none yet."""
    return Place(viewer, cycles.open_cycle(session, viewer.platform_id, day), day)


# --- checking a file ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReadFile:
    """What a file says, read for one kind."""

    subject: Subject
    table: reading.Table
    filled: Filled


@undisturbed()
def read_file(subject: Subject, data: bytes) -> ReadFile:
    """Read a file. It takes a while, so it is done before the transaction. Raises errors of `FileError`."""
    layout = KINDS[subject].layout
    spellings = layout.spellings()
    table = reading.read(data, lambda cells: columns.score(layout, cells, spellings))
    return ReadFile(subject, table, columns.fill(layout, table))


@undisturbed()
def check(session: Session, place: Place, file: ReadFile, file_name: str) -> ImportPreview:
    """Keep what a file would change. Raises errors of `FileError`."""
    kind = KINDS[file.subject]
    rows = [_without_service_columns(row) for row in file.filled.rows]
    rows = [row for row in rows if row.values]
    if not rows:
        raise errors.EmptyFileError
    preview = ImportPreview(
        course_id=place.viewer.course_id,
        subject=file.subject,
        file_name=reading.clean(file_name)[:200],
        sheet=file.table.sheet[:100],
        unused=[name[:100] for name in file.filled.unused],
        created_by=place.viewer.person_id,
        created_at=now(),
        expires_at=now() + KEPT,
    )
    session.add(preview)
    session.flush()
    _keep_lines(session, preview, kind.judge(session, place, rows, False))
    _record(session, place, "import.checked", preview, **preview.counts)
    return preview


def read_corrections(session: Session, viewer: Viewer, preview_id: int, data: bytes) -> ReadFile:
    """Read corrected rows. Raises NotFoundError, PreviewClosedError, errors of `FileError`."""
    preview = find(session, viewer, preview_id)
    _refuse_closed(preview)
    return read_file(preview.subject, data)


def correct(session: Session, place: Place, preview_id: int, file: ReadFile) -> ImportPreview:
    """Put corrected rows, by their numbers, in the place of those that were checked, and check all anew.

    A row of which only the number is left is left out. Raises NotFoundError, PreviewClosedError, errors of
    `FileError`.
    """
    preview = _open(session, place.viewer, preview_id)
    rows = {row.number: row for row in _rows_of(session, preview)}
    left_out = {number for number, row in rows.items() if row.verdict is Verdict.LEFT_OUT}
    cells = {number: _cells_of(row) for number, row in rows.items()}
    for given in file.filled.rows:
        number = _number_of(given)
        if number is None or number not in rows:
            raise errors.NotCorrectionsError(rows=given.values.get(NUMBER, "")[:20] or "—")
        corrected = _without_service_columns(given)
        left_out.discard(number)
        if corrected.values:
            cells[number] = Cells(number, corrected.values, given.overflows)
        else:
            left_out.add(number)
    _judge_again(session, place, preview, cells, {number: rows[number] for number in left_out})
    _record(session, place, "import.checked", preview, **preview.counts)
    return preview


def leave_out(session: Session, place: Place, preview_id: int) -> ImportPreview:
    """Go on without the wrong rows. Raises NotFoundError, PreviewClosedError."""
    preview = _open(session, place.viewer, preview_id)
    rows = {row.number: row for row in _rows_of(session, preview)}
    gone = {number: row for number, row in rows.items() if row.verdict in (Verdict.WRONG, Verdict.LEFT_OUT)}
    _judge_again(session, place, preview, {number: _cells_of(row) for number, row in rows.items()}, gone)
    _record(session, place, "import.left-out", preview, rows=len(gone))
    return preview


def discard(session: Session, viewer: Viewer, preview_id: int) -> None:
    """Throw a checked file away; one that is closed already stays as it is. Raises NotFoundError."""
    preview = _locked(session, viewer, preview_id)
    if preview.state is PreviewState.OPEN:
        _close(session, preview, PreviewState.DISCARDED)


def _without_service_columns(row: Cells) -> Cells:
    values = {key: text for key, text in row.values.items() if key not in (NUMBER, REASON)}
    return Cells(row.number, values, row.overflows)


def _number_of(row: Cells) -> int | None:
    try:
        return parse_number(row.values.get(NUMBER, ""))
    except ValueUnclearError:
        return None


def _cells_of(row: Any) -> Cells:
    return Cells(row.number, row.cells, row.overflows)


def _left_out(row: Any) -> Line:
    problems = [(column, reason) for column, reason in row.problems]
    return Line(_cells_of(row), row.who, Verdict.LEFT_OUT, problems=problems)


def _judge_again(
    session: Session, place: Place, preview: ImportPreview, cells: dict[int, Cells], left_out: dict[int, Any]
) -> None:
    """Judge all rows but those left out, which stay as they were shown."""
    kind = KINDS[preview.subject]
    chosen = [cells[number] for number in sorted(cells) if number not in left_out]
    lines = kind.judge(session, place, chosen, False)
    lines += [_left_out(row) for row in left_out.values()]
    _keep_lines(session, preview, lines)


def _keep_lines(session: Session, preview: ImportPreview, lines: Sequence[Line], moved: Iterable[int] = ()) -> None:
    """Make these the preview's rows."""
    session.execute(delete(ImportRow).where(ImportRow.preview_id == preview.id))
    marked = set(moved)
    rows = [
        {
            "preview_id": preview.id,
            "number": line.row.number,
            "verdict": line.verdict,
            "who": line.who[:400],
            "cells": line.row.values,
            "overflows": line.row.overflows,
            "changes": line.changes,
            "problems": line.problems,
            "mark": line.mark,
            "moved": line.row.number in marked,
        }
        for line in lines
    ]
    for start in range(0, len(rows), BATCH):
        session.execute(insert(ImportRow), rows[start : start + BATCH])
    preview.counts = _counts(lines)
    session.flush()


def _counts(lines: Iterable[Line]) -> dict[str, int]:
    found = Counter(line.verdict for line in lines)
    return {verdict.value: found[verdict] for verdict in Verdict}


# --- applying it --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a try to apply a file."""

    preview: ImportPreview
    moved: int = 0
    """Rows that would do something else now than was shown; when there are any, nothing was applied."""


@undisturbed()
def apply(session: Session, place: Place, preview_id: int) -> Applied:
    """Do what the preview shows, all of it; once, however often it is asked for.

    What the rows would do is reckoned anew: where something has moved meanwhile, nothing is done, and the preview
    shows it. Raises NotFoundError, PreviewClosedError, RowsWrongError, NothingToApplyError.
    """
    preview = _locked(session, place.viewer, preview_id)
    if preview.state is PreviewState.APPLIED:
        return Applied(preview)
    _refuse_closed(preview)
    if preview.counts.get(Verdict.WRONG, 0):
        raise errors.RowsWrongError
    rows = _rows_of(session, preview)
    left_out = [row for row in rows if row.verdict is Verdict.LEFT_OUT]
    shown = [row for row in rows if row.verdict is not Verdict.LEFT_OUT]
    kind = KINDS[preview.subject]
    lines = kind.judge(session, place, [_cells_of(row) for row in shown], True)
    moved = {line.row.number for line, row in zip(lines, shown, strict=True) if line.mark != row.mark}
    if moved:
        lines += [_left_out(row) for row in left_out]
        _keep_lines(session, preview, lines, moved)
        return Applied(preview, len(moved))
    doing = [line for line in lines if line.does_something]
    if not doing:
        raise errors.NothingToApplyError
    kind.carry_out(session, place, doing)
    session.flush()
    _record(session, place, "import.applied", preview, **preview.counts)
    _close(session, preview, PreviewState.APPLIED)
    return Applied(preview)


def _close(session: Session, preview: ImportPreview, state: PreviewState) -> None:
    session.execute(delete(ImportRow).where(ImportRow.preview_id == preview.id))
    preview.state, preview.closed_at, preview.file_name = state, now(), ""
    session.flush()


# --- looking at it ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PreviewPage(ListPage[ImportRow]):
    """A page of a preview's rows."""

    preview: ImportPreview


def find(session: Session, viewer: Viewer, preview_id: int) -> ImportPreview:
    """A curator's own preview in this course. Raises NotFoundError."""
    found: ImportPreview | None = session.scalar(_own(viewer).where(ImportPreview.id == preview_id))
    if found is None:
        raise NotFoundError
    return found


def page_of(session: Session, viewer: Viewer, preview_id: int, verdict: Verdict | None, page: int) -> PreviewPage:
    """Rows of a preview, those of one verdict when it is given; those that have moved come first.

    Raises NotFoundError.
    """
    preview = find(session, viewer, preview_id)
    of_it = select(ImportRow).where(ImportRow.preview_id == preview.id)
    if preview.state is not PreviewState.OPEN:
        total = 0
    elif verdict is None:
        total = sum(preview.counts.values())
    else:
        of_it = of_it.where(ImportRow.verdict == verdict)
        total = preview.counts.get(verdict.value, 0)
    page, pages = place(total, page)
    query = part(of_it.order_by(ImportRow.moved.desc(), ImportRow.number), page)
    return PreviewPage(list(session.scalars(query)), total, page, pages, preview)


def previews(session: Session, viewer: Viewer) -> tuple[list[ImportPreview], list[ImportPreview]]:
    """A curator's own files in this course, the newest first: those that wait, and the last that were applied."""
    found = list(session.scalars(_own(viewer).order_by(ImportPreview.id.desc()).limit(PAGE)))
    return (
        [one for one in found if one.state is PreviewState.OPEN],
        [one for one in found if one.state is PreviewState.APPLIED][:10],
    )


def wrong_rows(session: Session, viewer: Viewer, preview_id: int, title: str) -> Sheet:
    """The wrong rows as a table to be corrected, with what is wrong. Raises NotFoundError, PreviewClosedError."""
    preview = find(session, viewer, preview_id)
    _refuse_closed(preview)
    rows = [row for row in _rows_of(session, preview) if row.verdict in (Verdict.WRONG, Verdict.LEFT_OUT)]
    layout = KINDS[preview.subject].layout
    used = {key for row in rows for key in row.cells}
    shown = [one for one in layout.columns if (one.offered or one.key in used) and one.key not in (NUMBER, REASON)]
    heads = [str(layout[NUMBER].title), *(str(one.title) for one in shown), str(layout[REASON].title)]
    table: list[list[Value]] = []
    for row in rows:
        reasons = "; ".join(": ".join(part for part in problem if part) for problem in row.problems)
        cells: list[Value] = [_as_value(row.cells.get(one.key, ""), one.is_day) for one in shown]
        table.append([row.number, *cells, reasons])
    audit.record(
        session,
        "import.saved",
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        actor_id=viewer.person_id,
        subject=f"import:{preview.id}",
        rows=len(rows),
    )
    return Sheet(title, heads, table)


def template(subject: Subject, title: str) -> Sheet:
    """An empty table with the columns that are expected."""
    return Sheet(title, [str(column.title) for column in KINDS[subject].layout.template], [])


def without_birth_date(session: Session, viewer: Viewer, day: date, title: str) -> Sheet:
    """Everybody of the course whose birth date is not known, in a template of birth dates that waits for them.

    Of whoever has withdrawn their consent no more than the name and the group, as in all files.
    """
    has_withdrawn = consents.stands_so(Stands.WITHDRAWN, day)
    people = session.execute(
        select(Person.family_name, Person.given_name, Membership.groups, Person.email, Person.moodle_id, has_withdrawn)
        .join(Membership, Membership.person_id == Person.id)
        .where(Membership.course_id == viewer.course_id, Membership.active)
        .where(Person.birth_date.is_(None), Person.erased_at.is_(None))
        .order_by(Membership.groups, Person.search_name, Person.id)
    ).all()
    rows: list[list[Value]] = [
        [f"{family} {given}".strip(), groups, *(("", "") if withdrawn else (email, moodle_id or "")), None]
        for family, given, groups, email, moodle_id, withdrawn in people
    ]
    audit.record(
        session,
        "base.exported",
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        actor_id=viewer.person_id,
        subject="base:births",
        count=len(rows),
    )
    return Sheet(title, [str(column.title) for column in KINDS[Subject.BIRTHS].layout.template], rows)


def _as_value(text: str, is_day: bool) -> Value:
    if is_day:
        try:
            day = parse_day(text)
        except ValueUnclearError:
            return text
        # Excel has no day before 1900.
        return day if day is None or day.year >= 1900 else text
    return text


def _own(viewer: Viewer) -> Any:
    return select(ImportPreview).where(
        ImportPreview.course_id == viewer.course_id,
        ImportPreview.created_by == viewer.person_id,
        ImportPreview.state != PreviewState.DISCARDED,
        (ImportPreview.expires_at > now()) | (ImportPreview.state == PreviewState.APPLIED),
    )


def _locked(session: Session, viewer: Viewer, preview_id: int) -> ImportPreview:
    query = _own(viewer).where(ImportPreview.id == preview_id).with_for_update(key_share=True)
    found: ImportPreview | None = session.scalar(query.execution_options(populate_existing=True))
    if found is None:
        raise NotFoundError
    return found


def _open(session: Session, viewer: Viewer, preview_id: int) -> ImportPreview:
    preview = _locked(session, viewer, preview_id)
    _refuse_closed(preview)
    return preview


def _refuse_closed(preview: ImportPreview) -> None:
    if preview.state is not PreviewState.OPEN:
        raise errors.PreviewClosedError


def _rows_of(session: Session, preview: ImportPreview) -> list[Any]:
    """All rows as plain tuples: of ten thousand the mapper would make objects for a second."""
    query = select(
        ImportRow.number,
        ImportRow.verdict,
        ImportRow.who,
        ImportRow.cells,
        ImportRow.overflows,
        ImportRow.problems,
        ImportRow.mark,
    )
    return list(session.execute(query.where(ImportRow.preview_id == preview.id).order_by(ImportRow.number)))


def _record(session: Session, place: Place, action: str, preview: ImportPreview, **details: Any) -> None:
    audit.record(
        session,
        action,
        platform_id=place.viewer.platform_id,
        course_id=place.viewer.course_id,
        actor_id=place.viewer.person_id,
        subject=f"import:{preview.id}",
        kind=preview.subject.value,
        **details,
    )


# --- forgetting ---------------------------------------------------------------------------------------------------


def purge(session: Session, moment: datetime) -> int:
    """Forget checks that ran out, and after a long time that files were applied; says how many."""
    gone = list(
        session.scalars(
            select(ImportPreview.id).where(
                (ImportPreview.expires_at < moment)
                & ((ImportPreview.state == PreviewState.OPEN) | (ImportPreview.created_at < moment - REMEMBERED))
                | (ImportPreview.state == PreviewState.DISCARDED)
            )
        )
    )
    if gone:
        session.execute(delete(ImportRow).where(ImportRow.preview_id.in_(gone)))
        session.execute(delete(ImportPreview).where(ImportPreview.id.in_(gone)))
    return len(gone)
