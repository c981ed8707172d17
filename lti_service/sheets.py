"""Tables as files that Russian Excel opens as they are: XLSX, and CSV with what it expects of one.

No cell is ever a formula: what people typed somewhere must not run on the computer of whoever opens the file (OWASP,
CSV injection).
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from urllib.parse import quote

from flask import Response
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import Cell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

Value = str | int | date | None
"""What a cell holds; none leaves it empty."""
DAY = "DD.MM.YYYY"
WIDEST = 60
"""Characters that a column is made wide for."""
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Beginnings that spreadsheet programs take for a formula in CSV."""
_NOT_IN_FILES = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Signs that no part of a workbook may hold (XML 1.0, 2.2), of which openpyxl refuses the control characters only; in
CSV they are nothing that anybody meant either."""
_UNSEEN = " \u00a0\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\ufeff"
"""Signs that may stand before such a beginning without anybody seeing them: programs may drop them, too."""


class Kind(StrEnum):
    """Kinds of files; the value is the ending of the name."""

    XLSX = "xlsx"
    CSV = "csv"


TYPES = {
    Kind.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Kind.CSV: "text/csv; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: its name, the heads of its columns, and its rows, each as long as the heads."""

    title: str
    heads: Sequence[str]
    rows: Iterable[Sequence[Value]]


def download(sheet: Sheet, kind: Kind) -> Response:
    """The table as a file to be saved, named after it."""
    name = f"{sheet.title}.{kind.value}"
    # RFC 6266: a plain name for old programs, the real one beside it.
    disposition = f"attachment; filename=\"table.{kind.value}\"; filename*=UTF-8''{quote(name, safe='')}"
    return Response(
        content(sheet, kind),
        content_type=TYPES[kind],
        headers={"Content-Disposition": disposition, "Cache-Control": "no-store"},
    )


def content(sheet: Sheet, kind: Kind) -> bytes:
    """What such a file holds."""
    return _xlsx(sheet) if kind is Kind.XLSX else _csv(sheet)


def _xlsx(sheet: Sheet) -> bytes:
    book = Workbook(write_only=True)
    page = book.create_sheet(_sheet_name(sheet.title))
    page.freeze_panes = "A2"
    rows = [list(row) for row in sheet.rows]
    for number, head in enumerate(sheet.heads):
        longest = max([len(head), *(len(_shown(row[number])) for row in rows)])
        page.column_dimensions[get_column_letter(number + 1)].width = min(longest, WIDEST) + 2
    page.append([_cell(page, head, bold=True) for head in sheet.heads])
    for row in rows:
        page.append([_cell(page, value) for value in row])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _cell(page: object, value: Value, bold: bool = False) -> Cell:
    made: Cell = WriteOnlyCell(page, value=None)  # type: ignore[arg-type]
    if isinstance(value, str):
        # Set as text: openpyxl makes a formula of whatever begins with "=".
        value = _NOT_IN_FILES.sub("", value)
        made.value = value
        made.data_type = "s"
        if _is_dangerous(value):
            # As if typed with an apostrophe: else whoever only opens the cell for editing and presses Enter runs it.
            made.quotePrefix = True
    elif value is not None:
        made.value = value
        if isinstance(value, date):
            made.number_format = DAY
    if bold:
        made.font = Font(bold=True)
    return made


def _csv(sheet: Sheet) -> bytes:
    """With a byte-order mark, semicolons and CRLF, or Excel shows one column of wrong letters."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
    writer.writerow([_harmless(head) for head in sheet.heads])
    for row in sheet.rows:
        writer.writerow([_harmless(_shown(value)) if isinstance(value, str) else _shown(value) for value in row])
    return file.getvalue().encode("utf-8-sig")


def _harmless(text: str) -> str:
    text = _NOT_IN_FILES.sub("", text)
    return "'" + text if _is_dangerous(text) else text


def _is_dangerous(text: str) -> bool:
    return text.lstrip(_UNSEEN).startswith(DANGEROUS)


def _shown(value: Value) -> str:
    if value is None:
        return ""
    return value.strftime("%d.%m.%Y") if isinstance(value, date) else str(value)


def _sheet_name(title: str) -> str:
    """Excel takes 31 characters, and none of these."""
    return "".join(sign for sign in title if sign not in "[]:*?/\\")[:31] or "1"
