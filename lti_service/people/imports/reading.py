"""A curator's file as a table of texts: XLSX, or CSV in whatever way a Russian Excel has saved it.

Functions of bytes alone. Whatever they are, what comes out is a table or a `FileError` that says what to do.
"""

import csv
import io
import re
import unicodedata
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any

from openpyxl import load_workbook
from openpyxl.cell.read_only import EMPTY_CELL
from openpyxl.utils import get_column_letter
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from lti_service.people.imports import errors
from lti_service.sheets import DANGEROUS

MOST_BYTES = 8 * 1024 * 1024
"""Of a file: 10,000 rows are half a megabyte as XLSX and one or two as CSV."""
MOST_ROWS = 20_000
MOST_COLUMNS = 60
LONGEST_CELL = 5_000
UNPACKED = 48 * 1024 * 1024
"""Bytes of all parts of an XLSX together."""
SMALL_PART = 2 * 1024 * 1024
"""Bytes of a part other than sheets and their texts: Python objects are made of all of it."""
MOST_CELLS = 400_000
"""Of all sheets together, empty ones included: 10,000 rows of 30 columns are 300,000, of which openpyxl reads some
hundred thousand a second."""
MOST_ELEMENTS = 1_000_000
"""Of a sheet: whatever stands in a row is a cell to openpyxl, however it is called. 300,000 cells that hold their texts
themselves are 900,000, each with its rich text and the text in it."""
MOST_TEXT = 10_000_000
"""Letters of all cells together: a text that the package holds once may stand in any number of cells."""
LONGEST_HEAD = 200
"""No name of a column is longer."""
MOST_PARTS = 1000
EXCEL_ROWS = 1_048_576
TITLE_ROWS = 20
"""Within so many first rows the names of columns are looked for: above them people write titles."""

Score = Callable[[Sequence[str]], int]
"""How many names of columns a row of cells has."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file with anything in it."""

    number: int
    """As Excel counts it."""
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Table:
    """What a file says."""

    heads: list[str]
    rows: list[Row]
    is_text: bool
    """CSV, where a cell too many moves all that follow."""
    sheet: str = ""
    """The sheet that was read, where the workbook has several."""
    counts_from_1904: bool = False
    """A workbook that counts its days from 1904, as those of old Macs do: see `rules.day_from_1904`."""


def read(data: bytes, score: Score) -> Table:
    """The table in a file. Raises errors of `FileError`."""
    if len(data) > MOST_BYTES:
        raise errors.FileTooBigError(most=MOST_BYTES // 1024 // 1024)
    _refuse_other_formats(data)
    if data.startswith(b"PK"):
        return _read_xlsx(data, score)
    return _read_csv(data, score)


_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OTHER = (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"{\\rtf")
_PAGES = (b"<html", b"<!doctype", b"<?xml", b"<table", b"<head", b"<meta")


def _refuse_other_formats(data: bytes) -> None:
    if not data.strip(b"\0\t\r\n \xef\xbb\xbf"):
        raise errors.EmptyFileError
    if data.startswith(_OLE):
        # A workbook with a password is an encrypted package in the container that old Excel used for everything.
        raise errors.PasswordError if "EncryptedPackage".encode("utf-16-le") in data else errors.OldExcelError
    beginning = data[:200].lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    # Many systems save web pages under the name of a table.
    if data.startswith(_OTHER) or beginning.startswith(_PAGES):
        raise errors.NotATableError


# --- XLSX ---------------------------------------------------------------------------------------------------------


def _read_xlsx(data: bytes, score: Score) -> Table:
    try:
        _check_package(data)
        with warnings.catch_warnings():
            # Of styles and extensions that openpyxl does not know; none of them matters for the values.
            warnings.simplefilter("ignore")
            book = load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
            return _read_book(book, score)
    except errors.FileError:
        raise
    except Exception as err:
        # A package may be broken in any way, and openpyxl raises whatever comes of it.
        raise errors.DamagedFileError from err


def _check_package(data: bytes) -> None:
    """Refuse what is no workbook, and what would take too much to read, before anything of it is read."""
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        parts = package.infolist()
        names = {part.filename for part in parts}
        if any(part.flag_bits & 1 for part in parts):
            raise errors.PasswordError
        if "mimetype" in names:
            raise errors.OpenDocumentError
        if any(name.endswith("workbook.bin") for name in names):
            raise errors.OldExcelError
        if "[Content_Types].xml" not in names:
            raise errors.NotATableError
        # What a part says of its size is what Python unpacks of it at most.
        if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > UNPACKED:
            raise errors.UnpacksTooBigError
        types = package.read("[Content_Types].xml").lower()
        if b"macroenabled" in types or b"vbaproject" in types or any("vbaproject" in name.lower() for name in names):
            raise errors.MacroError
        if b"spreadsheetml" not in types:
            raise errors.NotATableError
        if sum(_cells_of_part(part.filename, part.file_size, package.read(part)) for part in parts) > MOST_CELLS:
            raise errors.UnpacksTooBigError


_SHEET = re.compile(r"(?:.*/)?worksheets/[^/]+\.xml")
_CELL = re.compile(rb"[<:](?:c|row)[\s/>]")
"""A row is some work even without any cell: there may be a million of them."""
_ELEMENT = re.compile(rb"<[^/!?]")


def _cells_of_part(name: str, size: int, content: bytes) -> int:
    """How many cells a part may have. Raises UnpacksTooBigError, DamagedFileError."""
    # NULs are in between where the part is UTF-16.
    plain = content.replace(b"\0", b"")
    # What is what the package itself says, not the names: any part that may be XML may be read as such.
    begins = plain[:1000].lstrip(b"\xef\xbb\xbf\xfe\xff\t\r\n ")
    if not name.endswith((".xml", ".rels")) and begins and not begins.startswith(b"<"):
        return 0
    is_texts = name.endswith("sharedStrings.xml")
    if size > SMALL_PART and not _SHEET.fullmatch(name) and not is_texts:
        raise errors.UnpacksTooBigError
    # No workbook defines entities.
    if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
        raise errors.DamagedFileError
    if not is_texts and len(_ELEMENT.findall(plain)) > MOST_ELEMENTS:
        raise errors.UnpacksTooBigError
    return len(_CELL.findall(plain))


def _read_book(book: Any, score: Score) -> Table:
    sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"] or list(book.worksheets)
    if not sheets:
        raise errors.EmptyFileError
    letters = _Letters()
    chosen = max(sheets, key=lambda sheet: _best_score(sheet, score, letters))
    rows = list(_xlsx_rows(chosen, letters))
    table = _table(rows, score, is_text=False, sheet=chosen.title if len(sheets) > 1 else "")
    return replace(table, counts_from_1904=book.epoch == CALENDAR_MAC_1904)


class _Letters:
    """Counts the letters of a workbook's cells, before anything is done with them."""

    def __init__(self) -> None:
        self.count = 0

    def take(self, value: Any) -> None:
        """Raises UnpacksTooBigError."""
        if isinstance(value, str):
            self.count += len(value)
            if self.count > MOST_TEXT:
                raise errors.UnpacksTooBigError


def _best_score(sheet: Any, score: Score, letters: _Letters) -> int:
    best = 0
    for row in sheet.iter_rows(max_row=TITLE_ROWS, max_col=MOST_COLUMNS, values_only=True):
        names = ["" if isinstance(value, str) and len(value) > LONGEST_HEAD else value for value in row]
        for name in names:
            letters.take(name)
        best = max(best, score([_shown(name) for name in names]))
    return best


def _xlsx_rows(sheet: Any, letters: _Letters) -> Iterator[Row]:
    # What a sheet says of its own size may be anything.
    sheet.reset_dimensions()
    count = 0
    gap: Any = None
    for number, row in enumerate(sheet.iter_rows(max_col=MOST_COLUMNS + 1), 1):
        if number > EXCEL_ROWS:
            raise errors.DamagedFileError
        if row is gap:
            continue
        if all(cell is EMPTY_CELL for cell in row):
            # Rows that the sheet leaves out are one and the same here: a cell at its very end makes a million of them.
            gap = row
            continue
        cells: list[str] = []
        for cell in row:
            if cell is not EMPTY_CELL and cell.data_type == "f":
                raise errors.FormulaError(cell=cell.coordinate)
            if isinstance(cell.value, str):
                _refuse_long(cell.value, number, len(cells))
                letters.take(cell.value)
            cells.append("" if cell.value is None else _shown(cell.value))
        if any(cells):
            count += 1
            if count > MOST_ROWS + TITLE_ROWS:
                raise errors.TooManyRowsError(most=MOST_ROWS)
            yield Row(number, cells)


def _shown(value: Any) -> str:
    """A cell as people would write it; days as 2026-11-15, whole numbers without a fraction."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return clean(str(value))


# --- CSV ----------------------------------------------------------------------------------------------------------

CYRILLIC = "windows-1251"
DELIMITERS = ";,\t"


def _read_csv(data: bytes, score: Score) -> Table:
    text = decode(data)
    head, _line_end, rest = text.partition("\n")
    if head.strip().lower() in [f"sep={sign}" for sign in (";", ",", "")]:
        # Excel's own way to say it; the row counts as one.
        rows = list(_csv_rows(rest, head.strip()[4:] or "\t", 2))
        return _table(rows, score, is_text=True)
    best = max(DELIMITERS, key=lambda sign: _delimiter_score(text, sign, score))
    return _table(list(_csv_rows(text, best, 1)), score, is_text=True)


def _delimiter_score(text: str, delimiter: str, score: Score) -> tuple[int, int]:
    """How many names of columns are found with it; where none are, how many cells the first rows have."""
    sample = "\n".join(text.split("\n", TITLE_ROWS)[:TITLE_ROWS])
    try:
        rows = list(csv.reader(io.StringIO(sample), delimiter=delimiter))
    except csv.Error:
        return 0, 0
    return max((score(row) for row in rows), default=0), sum(len(row) for row in rows)


def _csv_rows(text: str, delimiter: str, first: int) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    count = 0
    begins = 1
    try:
        for number, row in enumerate(reader, first):
            begins = reader.line_num + 1
            for place, cell in enumerate(row):
                _refuse_long(cell, number, place)
            cells = [clean(cell) for cell in row]
            while cells and not cells[-1]:
                cells.pop()
            if len(cells) > MOST_COLUMNS:
                raise errors.TooManyColumnsError(most=MOST_COLUMNS)
            if cells:
                count += 1
                if count > MOST_ROWS + TITLE_ROWS:
                    raise errors.TooManyRowsError(most=MOST_ROWS)
                yield Row(number, [_without_guard(cell) for cell in cells])
    except csv.Error as err:
        raise errors.CsvError(line=begins + first - 1) from err


def _without_guard(text: str) -> str:
    """Our own CSV puts an apostrophe before what Excel would take for a formula."""
    return text[1:] if text.startswith("'") and text[1:].lstrip().startswith(DANGEROUS) else text


def decode(data: bytes) -> str:
    """The text of a CSV file, with \\n for whatever ends its lines.

    UTF-8 with and without a byte-order mark, UTF-16 as Excel's “Unicode text” has it, and windows-1251. Raises
    EncodingError, MixedEncodingsError, NotATableError.
    """
    # The mark is taken off here, for the decoders that know of it count the bytes without it.
    if data.startswith(b"\xff\xfe"):
        text = _strictly(data[2:], "utf-16-le", "UTF-16")
    elif data.startswith(b"\xfe\xff"):
        text = _strictly(data[2:], "utf-16-be", "UTF-16")
    elif b"\0" in data:
        raise errors.NotATableError
    elif data.startswith(b"\xef\xbb\xbf"):
        text = _strictly(data[3:], "utf-8", "UTF-8")
    else:
        text = _guessed(data)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _strictly(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as err:
        before = data[: err.start].decode(encoding, "ignore")
        raise errors.EncodingError(line=before.count("\n") + 1, encoding=name) from err


def _guessed(data: bytes) -> str:
    """UTF-8 where all of it is that; else windows-1251, unless some lines are clearly UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    in_utf8: list[int] = []
    in_cyrillic: list[int] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.isascii():
            continue
        (in_utf8 if _is_utf8(line) else in_cyrillic).append(number)
    if in_utf8:
        odd, encoding, other = (
            (in_utf8, "UTF-8", CYRILLIC) if len(in_utf8) <= len(in_cyrillic) else (in_cyrillic, CYRILLIC, "UTF-8")
        )
        raise errors.MixedEncodingsError(line=odd[0], encoding=encoding, other=other)
    return _strictly(data, "cp1251", CYRILLIC)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


# --- both ---------------------------------------------------------------------------------------------------------


def clean(text: str) -> str:
    """A cell's text: letters composed as everybody composes them, no control characters, plain spaces, trimmed."""
    if text.isascii() and text.isprintable():
        return text.strip()
    # A Mac takes й apart, and Excel keeps what the Mac did.
    text = unicodedata.normalize("NFC", text).replace("_x000D_", "")
    if text.isprintable():
        return text.strip()
    return "".join(_plain(sign) for sign in text).strip()


def _plain(sign: str) -> str:
    if sign in "\n\t" or sign.isprintable():
        return sign
    # Spaces of every kind are spaces; control characters, marks of direction and halves of pairs are nothing.
    return " " if unicodedata.category(sign) in ("Zs", "Zl", "Zp") else ""


def _table(rows: Sequence[Row], score: Score, *, is_text: bool, sheet: str = "") -> Table:
    if not rows:
        raise errors.EmptyFileError
    first = list(rows[:TITLE_ROWS])
    scores = [score(row.cells) for row in first]
    place = scores.index(max(scores))
    heads, body = rows[place].cells, rows[place + 1 :]
    if len(heads) > MOST_COLUMNS and heads[MOST_COLUMNS]:
        raise errors.TooManyColumnsError(most=MOST_COLUMNS)
    if len(body) > MOST_ROWS:
        raise errors.TooManyRowsError(most=MOST_ROWS)
    return Table(heads, list(body), is_text, sheet)


def _refuse_long(cell: str, row: int, place: int) -> None:
    """Before anything is done with the text. Raises CellTooLongError."""
    if len(cell) > LONGEST_CELL:
        raise errors.CellTooLongError(row=row, column=get_column_letter(place + 1), most=LONGEST_CELL)
