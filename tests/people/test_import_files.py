"""Bytes as tables: whatever Excel saved is read, and whatever is no table is refused with a reason."""

import contextlib
import io
import time
import zipfile
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from flask import Flask
from flask_babel import force_locale
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from lti_service.people.imports import errors, reading
from lti_service.people.imports.births import LAYOUT
from lti_service.people.imports.columns import Filled, fill, score
from lti_service.people.imports.kinds import KINDS
from lti_service.people.imports.models import Subject
from lti_service.people.imports.rules import ValueUnclearError, fold, parse_day, parse_number, parse_yes

HEADS = "Фамилия Имя Отчество;Группа;Дата рождения"
ROW = "Ёлкина Анна;ИС-21;15.03.2008"


def read(data: bytes) -> Filled:
    spellings = LAYOUT.spellings()
    return fill(LAYOUT, reading.read(data, lambda cells: score(LAYOUT, cells, spellings)))


def first(data: bytes) -> dict[str, str]:
    return read(data).rows[0].values


def book(*rows: Sequence[Any], change: Any = None) -> bytes:
    made = Workbook()
    for row in rows:
        made.active.append(list(row))
    if change:
        change(made)
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def repacked(data: bytes, **parts: bytes) -> bytes:
    """The same package with other or more parts."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in parts:
                new.writestr(name, old.read(name))
        for name, content in parts.items():
            new.writestr(name, content)
    return file.getvalue()


def sheet(rows: int, cell: str, columns: int = 30) -> bytes:
    """The part of a workbook that is a sheet of so many cells."""
    head = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    return (head + ("<row>" + cell * columns + "</row>") * rows + "</sheetData></worksheet>").encode()


@pytest.mark.parametrize("cell", ['<c t="s"><v>1</v></c>', '<c t="inlineStr"><is><t>a</t></is></c>'])
def test_a_sheet_of_10000_rows_and_30_columns_is_within_what_may_be_read(cell: str) -> None:
    part = sheet(10_000, cell)
    counted = reading._cells_of_part("xl/worksheets/sheet1.xml", len(part), part)
    assert counted == 310_000 < reading.MOST_CELLS, "a row counts, too"


@pytest.mark.parametrize("cell", ["<x/>", "<c><v/><v/></c>"])
def test_a_sheet_that_takes_much_longer_to_read_than_a_real_one_is_refused(cell: str) -> None:
    part = sheet(10_000, cell, columns=101)
    with pytest.raises(errors.UnpacksTooBigError):
        reading._cells_of_part("xl/worksheets/sheet1.xml", len(part), part)


# --- what is read -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("divider", [";", ",", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_text_is_read_however_excel_saved_it(encoding: str, divider: str, line_end: str) -> None:
    text = (HEADS + line_end + ROW + line_end).replace(";", divider)
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    assert first(mark + text.encode(encoding)) == {"name": "Ёлкина Анна", "group": "ИС-21", "born": "15.03.2008"}


def test_excels_own_word_on_the_divider_is_heard() -> None:
    filled = read(f"sep=,\n{HEADS.replace(';', ',')}\n{ROW.replace(';', ',')}".encode())
    assert filled.rows[0].number == 3
    assert filled.rows[0].values["group"] == "ИС-21"


@pytest.mark.parametrize(
    "head", ["ФИО", " ф.и.о. ", "фамилия, имя, отчество", "ФАМИЛИЯ  ИМЯ ОТЧЕСТВО", "Фамилия\u00a0Имя\nОтчество"]
)
def test_names_of_columns_are_taken_with_good_will(head: str) -> None:
    assert first(book((head, "дата рождёния"), ("Иванов Пётр", "15.03.2008")))["name"] == "Иванов Пётр"


def test_titles_above_and_columns_beside_do_not_matter() -> None:
    filled = read(
        book(("Колледж",), (), ("Список на 1 сентября",), ("№", "ФИО", "Дата рождения"), (1, "А Б", "1.1.2008"))
    )
    assert [row.number for row in filled.rows] == [5]
    assert filled.unused == ["№"]


def test_the_sheet_with_the_columns_is_read() -> None:
    def two(made: Workbook) -> None:
        sheet = made.create_sheet("Даты")
        sheet.append(("ФИО", "Дата рождения"))
        sheet.append(("Иванов Пётр", date(2008, 3, 15)))

    assert first(book(("Как заполнять",), change=two))["born"] == "2008-03-15"


def test_our_own_guard_against_formulas_is_taken_off() -> None:
    assert first("ФИО;Дата рождения;Группа\nА Б;1.1.2008;'-21\n".encode())["group"] == "-21"


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("15.11.2026", date(2026, 11, 15)),
        ("2026-11-15", date(2026, 11, 15)),
        ("2026-11-15 00:00:00", date(2026, 11, 15)),
        ("15/11/2026", date(2026, 11, 15)),
        ("5.1.2026 г.", date(2026, 1, 5)),
        ("46341", date(2026, 11, 15)),
        ("39522", date(2008, 3, 15)),
        ("15.03.1899", date(1899, 3, 15)),
        ("", None),
    ],
)
def test_days_are_read_as_people_and_excel_write_them(text: str, day: date | None) -> None:
    assert parse_day(text) == day


@pytest.mark.parametrize("text", ["15.11.26", "2008", "32.01.2008", "29.02.2007", "вчера", "0", "999999", "15.13.2008"])
def test_what_is_no_day_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueUnclearError):
        parse_day(text)


@pytest.mark.parametrize("subject", list(KINDS))
def test_a_template_is_understood_in_the_other_language_too(app: Flask, subject: Subject) -> None:
    layout = KINDS[subject].layout
    for own, other in (("ru", "en"), ("en", "ru")):
        with app.test_request_context():
            with force_locale(own):
                heads = {column.key: fold(str(column.title)) for column in layout.columns}
            with force_locale(other):
                known = layout.spellings()
        assert {key: known.get(head) for key, head in heads.items()} == {key: key for key in heads}


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", errors.EmptyFileError),
        (b"\xef\xbb\xbf\r\n\r\n", errors.EmptyFileError),
        (HEADS.encode(), errors.EmptyFileError),
        (b"%PDF-1.7 ...", errors.NotATableError),
        (b"\x89PNG\r\n\x1a\n", errors.NotATableError),
        (b"<html><table><tr><td>1", errors.NotATableError),
        (b"a\0b\0", errors.NotATableError),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, errors.OldExcelError),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), errors.PasswordError),
        (b"PK\x03\x04 cut off", errors.DamagedFileError),
        (b"x" * (reading.MOST_BYTES + 1), errors.FileTooBigError),
        (f'{HEADS}\n"Иванов;ИС-21;1.1.2008\n'.encode(), errors.CsvError),
        ("ФИО;ФИО;Дата рождения\nА Б;В Г;1.1.2008".encode(), errors.ColumnTwiceError),
    ],
)
def test_what_is_no_table_is_refused(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        read(data)


def test_columns_that_are_missing_are_named_with_those_that_were_found() -> None:
    with pytest.raises(errors.ColumnsMissingError) as caught:
        read("Группа;Куратор\nИС-21;Петрова".encode())
    assert "«Куратор»" in caught.value.facts["found"]
    assert caught.value.facts["missing"].count("«") == 4


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        ((HEADS.encode(), ROW.encode(), ROW.encode(), ROW.encode("cp1251")), 4),
        ((HEADS.encode("cp1251"), ROW.encode("cp1251"), ROW.encode(), ROW.encode("cp1251")), 3),
    ],
)
def test_mixed_encodings_are_named_by_their_line(lines: tuple[bytes, ...], line: int) -> None:
    with pytest.raises(errors.MixedEncodingsError) as caught:
        read(b"\r\n".join(lines))
    assert caught.value.facts["line"] == line


def test_a_broken_line_is_named() -> None:
    with pytest.raises(errors.EncodingError) as caught:
        read(b"\xef\xbb\xbf" + f"{HEADS}\n{ROW}\n".encode() + ROW.encode("cp1251"))
    assert caught.value.facts["line"] == 3
    with pytest.raises(errors.CsvError) as broken:
        read(f'{HEADS}\n{ROW}\n"Ива"нов;ИС-21;1.1.2008\n'.encode())
    assert broken.value.facts["line"] == 3


def test_a_formula_is_named_by_its_cell() -> None:
    with pytest.raises(errors.FormulaError) as caught:
        read(book(("ФИО", "Дата рождения"), ("А Б", "1.1.2008"), ("В Г", "=TODAY()")))
    assert caught.value.facts["cell"] == "B3"


PLAIN = book(("ФИО", "Дата рождения"), ("А Б", "1.1.2008"))


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (repacked(PLAIN, **{"xl/vbaProject.bin": b"program"}), errors.MacroError),
        (repacked(PLAIN, **{"xl/workbook.bin": b"binary"}), errors.OldExcelError),
        (repacked(PLAIN, mimetype=b"application/vnd.oasis.opendocument.spreadsheet"), errors.OpenDocumentError),
        (repacked(PLAIN, **{"[Content_Types].xml": b"<Types/>"}), errors.NotATableError),
        (repacked(PLAIN, **{"xl/media/bomb.bin": b"\0" * (reading.UNPACKED + 1)}), errors.UnpacksTooBigError),
        (repacked(PLAIN, **{"xl/styles.xml": b" " * (reading.SMALL_PART + 1)}), errors.UnpacksTooBigError),
        (
            repacked(PLAIN, **{"xl/worksheets/sheet1.xml": b"<c/>" * (reading.MOST_CELLS + 1)}),
            errors.UnpacksTooBigError,
        ),
        (repacked(PLAIN, **{"xl/workbook.xml": b'<!DOCTYPE a [<!ENTITY b "b">]><a>&b;</a>'}), errors.DamagedFileError),
        (repacked(PLAIN, **{"xl/workbook.xml": b"<broken"}), errors.DamagedFileError),
        (repacked(PLAIN, **{f"x{n}": b"" for n in range(reading.MOST_PARTS)}), errors.UnpacksTooBigError),
    ],
)
def test_what_is_dangerous_is_refused_before_it_is_read(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        read(data)


def test_a_sheet_that_says_it_is_endless_is_no_more_than_its_rows() -> None:
    with zipfile.ZipFile(io.BytesIO(PLAIN)) as package:
        sheet = package.read("xl/worksheets/sheet1.xml").decode()
    endless = sheet.replace('ref="A1:B2"', 'ref="A1:XFD1048576"')
    assert endless != sheet
    assert len(read(repacked(PLAIN, **{"xl/worksheets/sheet1.xml": endless.encode()})).rows) == 1
    far = sheet.replace('<row r="2"', '<row r="99999999999"')
    assert far != sheet
    with pytest.raises(errors.DamagedFileError):
        read(repacked(PLAIN, **{"xl/worksheets/sheet1.xml": far.encode()}))


def with_rows(rows: str) -> bytes:
    """The plain file with these rows after its own."""
    part = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(io.BytesIO(PLAIN)) as package:
        sheet = package.read(part).decode()
    return repacked(PLAIN, **{part: sheet.replace("</sheetData>", f"{rows}</sheetData>").encode()})


def test_a_stray_cell_in_the_last_row_of_a_sheet_costs_no_time() -> None:
    last = reading.EXCEL_ROWS
    data = with_rows(f'<row r="{last}"><c r="A{last}" t="inlineStr"><is><t>А Б</t></is></c></row>')
    before = time.process_time()
    assert [row.number for row in read(data).rows] == [2, last]
    # A million rows that are not there took five seconds, of everybody else's too.
    assert time.process_time() - before < 1.5


def test_half_a_million_empty_rows_are_refused_before_they_are_read() -> None:
    with pytest.raises(errors.UnpacksTooBigError):
        read(with_rows("".join(f'<row r="{number}" ht="15"/>' for number in range(3, 500_000))))


def test_more_rows_or_columns_than_anybody_needs_are_refused() -> None:
    with pytest.raises(errors.TooManyRowsError):
        read((HEADS + "\n" + (ROW + "\n") * (reading.MOST_ROWS + 1)).encode())
    with pytest.raises(errors.TooManyColumnsError):
        read((HEADS + ";x" * reading.MOST_COLUMNS + "\n" + ROW).encode())
    with pytest.raises(errors.TooManyColumnsError):
        read(book([*HEADS.split(";"), *("x" for _ in range(reading.MOST_COLUMNS))], ROW.split(";")))
    with pytest.raises(errors.CellTooLongError) as caught:
        read(f"{HEADS}\n{'я' * 5001};ИС-21;1.1.2008".encode())
    assert (caught.value.facts["row"], caught.value.facts["column"]) == (2, "A")


def with_texts(texts: Sequence[str], cells: str) -> bytes:
    """A workbook whose cells name their texts by number, as Excel writes it."""
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    shared = f"<sst {main}>{''.join(f'<si><t>{text}</t></si>' for text in texts)}</sst>"
    sheet = f"<worksheet {main}><sheetData>{cells}</sheetData></worksheet>"
    with zipfile.ZipFile(io.BytesIO(PLAIN)) as package:
        types = package.read("[Content_Types].xml")
    kind = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    told = b'<Override PartName="/xl/sharedStrings.xml" ContentType="' + kind + b'"/></Types>'
    parts = {
        "[Content_Types].xml": types.replace(b"</Types>", told),
        "xl/sharedStrings.xml": shared.encode(),
        "xl/worksheets/sheet1.xml": sheet.encode(),
    }
    return repacked(PLAIN, **parts)


def moved_sheet(data: bytes, name: str) -> bytes:
    """The same workbook with its sheet in a part of another name."""
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        parts = {part: package.read(part) for part in package.namelist()}
    sheet, parts["xl/worksheets/sheet1.xml"] = parts["xl/worksheets/sheet1.xml"], b"<a/>"
    parts[f"xl/{name}"] = sheet
    for part in ("[Content_Types].xml", "xl/_rels/workbook.xml.rels"):
        parts[part] = parts[part].replace(b"worksheets/sheet1.xml", name.encode())
    return repacked(PLAIN, **parts)


HEAD_CELLS = '<row r="1"><c t="s"><v>0</v></c><c t="s"><v>1</v></c></row>'
ROW_CELLS = '<row r="2"><c t="s"><v>2</v></c><c t="s"><v>3</v></c></row>'
HEAD_TEXTS = ("ФИО", "Дата рождения")


def test_one_long_text_in_many_cells_is_refused_before_anything_is_done_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cleaned: list[int] = []
    real = reading.clean
    monkeypatch.setattr(reading, "clean", lambda text: cleaned.append(len(text)) or real(text))
    assert read(with_texts([*HEAD_TEXTS, "А Б", "1.1.2008"], HEAD_CELLS + ROW_CELLS)).rows[0].values["name"] == "А Б"
    long = ("<row>" + '<c t="s"><v>2</v></c>' * 10 + "</row>") * 30
    with pytest.raises(errors.CellTooLongError) as caught:
        read(with_texts([*HEAD_TEXTS, "Щ" * 50_000], HEAD_CELLS + long))
    assert (caught.value.facts["row"], caught.value.facts["column"]) == (2, "A")
    with pytest.raises(errors.CellTooLongError):
        read(f"{HEADS}\nА;{'Щ' * 50_000};1.1.2008".encode())
    assert max(cleaned) <= reading.LONGEST_CELL
    cells = reading.MOST_TEXT // reading.LONGEST_CELL
    with pytest.raises(errors.UnpacksTooBigError):
        read(with_texts([*HEAD_TEXTS, "Щ" * reading.LONGEST_CELL], HEAD_CELLS + long * (cells // 300 + 1)))
    assert sum(cleaned) <= reading.MOST_TEXT + 100_000


@pytest.mark.parametrize("cell", ["<c\n/>", "<c\t/>", "<c\r\n></c>", '<x:c xmlns:x="y"/>', "<ы:c\n/>"])
@pytest.mark.parametrize("place", ["worksheets/sheet1.xml", "worksheets/sheet1.dat", "other.png"])
def test_cells_are_counted_however_they_are_written_and_wherever_they_are(
    monkeypatch: pytest.MonkeyPatch, cell: str, place: str
) -> None:
    monkeypatch.setattr(reading, "MOST_CELLS", 1000)
    plain = with_texts([*HEAD_TEXTS, "А Б", "1.1.2008"], HEAD_CELLS + ROW_CELLS)
    assert len(read(moved_sheet(plain, place)).rows) == 1, "a sheet may lie there"
    with pytest.raises(errors.UnpacksTooBigError):
        read(moved_sheet(with_texts(HEAD_TEXTS, f"{HEAD_CELLS}<row>{cell * 1001}</row>"), place))


def test_whatever_stands_in_a_row_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_ELEMENTS", 1000)
    with pytest.raises(errors.UnpacksTooBigError):
        read(with_texts(HEAD_TEXTS, f"{HEAD_CELLS}<row>{'<x/>' * 1001}</row>"))


def test_a_part_of_any_name_is_looked_at_and_a_picture_may_be_big() -> None:
    typed = b'<!DOCTYPE a [<!ENTITY b "b">]><a>&b;</a>'
    with pytest.raises(errors.DamagedFileError):
        read(repacked(PLAIN, **{"xl/worksheets/sheet2.dat": typed}))
    with pytest.raises(errors.UnpacksTooBigError):
        read(repacked(PLAIN, **{"xl/worksheets/_rels/sheet1": b"<a>" + b" " * reading.SMALL_PART}))
    photo = b"\x89PNG" + b"\0" * reading.SMALL_PART
    assert len(read(repacked(PLAIN, **{"xl/media/photo.png": photo})).rows) == 1


# --- whatever comes -----------------------------------------------------------------------------------------------


def _read_or_refuse(data: bytes) -> None:
    with contextlib.suppress(errors.FileError):
        read(data)


@given(st.binary(max_size=2000))
def test_any_bytes_are_a_table_or_refused(data: bytes) -> None:
    _read_or_refuse(data)


@given(st.text(max_size=500), st.sampled_from(["utf-8", "utf-16", "cp1251"]))
def test_any_text_below_the_columns_is_a_table_or_refused(text: str, encoding: str) -> None:
    _read_or_refuse(f"{HEADS}\n{text}".encode(encoding, "replace"))


@given(st.data())
def test_a_workbook_with_bytes_gone_wrong_is_a_table_or_refused(data: st.DataObject) -> None:
    spoiled = bytearray(PLAIN)
    for _ in range(data.draw(st.integers(1, 8))):
        spoiled[data.draw(st.integers(0, len(spoiled) - 1))] = data.draw(st.integers(0, 255))
    _read_or_refuse(bytes(spoiled))


@given(st.sampled_from(["xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/styles.xml"]), st.data())
def test_a_workbook_with_a_part_gone_wrong_is_a_table_or_refused(part: str, data: st.DataObject) -> None:
    with zipfile.ZipFile(io.BytesIO(PLAIN)) as package:
        content = bytearray(package.read(part))
    start = data.draw(st.integers(0, len(content)))
    content[start : start + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=20))
    _read_or_refuse(repacked(PLAIN, **{part: bytes(content)}))


@given(st.text(max_size=30))
def test_any_text_is_a_value_or_unclear(text: str) -> None:
    for parse in (parse_day, parse_number, parse_yes):
        try:
            parse(text)
        except ValueUnclearError:
            continue
    assert fold(fold(text)) == fold(text) or not text.isascii()


@given(st.dates(date(1931, 6, 1), date(2099, 12, 31)))
def test_a_bare_number_of_a_day_is_read_by_what_its_workbook_counts_from(day: date) -> None:
    """A workbook of an old Mac counts from 1904: the same number is another day there, and no date tells of it."""

    def of_a_mac(made: Workbook) -> None:
        made.epoch = CALENDAR_MAC_1904

    rows = [("ФИО", "Дата рождения"), ("Ёлкина Анна", (day - date(1904, 1, 1)).days), ("Юрьев Лев", day)]
    told = [row.values["born"] for row in read(book(*rows, change=of_a_mac)).rows]
    assert [parse_day(text) for text in told] == [day, day]
    rows = [("ФИО", "Дата рождения"), ("Ёлкина Анна", (day - date(1899, 12, 30)).days)]
    assert parse_day(first(book(*rows))["born"]) == day


@given(st.dates(min_value=date(1928, 1, 1), max_value=date(2100, 1, 1)))
def test_every_way_to_write_a_day_means_that_day(day: date) -> None:
    serial = str((day - date(1899, 12, 30)).days)
    for text in (day.isoformat(), day.strftime("%d.%m.%Y"), f"{day.day}/{day.month}/{day.year}", serial):
        assert parse_day(text) == day
