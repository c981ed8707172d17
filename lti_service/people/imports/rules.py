"""How names of columns and values of cells are understood: pure functions of texts."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import TypeVar

from lti_service.people.names import search_key

K = TypeVar("K")


class Verdict(StrEnum):
    """What a row of a file would do."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    WRONG = "wrong"
    LEFT_OUT = "left_out"
    """It was wrong, and the curator goes on without it."""


class ValueUnclearError(ValueError):
    """A cell holds something that cannot be what its column is for."""


def fold(text: str) -> str:
    """What two spellings of a name have in common: neither case nor ё, spaces nor signs matter."""
    return "".join(sign for sign in text.casefold().replace("ё", "е") if sign.isalnum())


_EXCEL_EPOCH = date(1899, 12, 30)
_SERIAL = re.compile(r"\d{5}")
"""Days since the epoch of Excel: 10000 is in 1927, and a bare year is no day."""
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T]\d{1,2}:\d{2}(?::\d{2})?)?")
_WRITTEN = re.compile(r"(\d{1,2})[./](\d{1,2})[./](\d{4})(?:\s*г\.?)?(?:\s+\d{1,2}:\d{2}(?::\d{2})?)?")


_FROM_1904 = timedelta(days=1462)
"""So much later than the other epoch is that of workbooks which count from 1904."""


def day_from_1904(text: str) -> str:
    """A bare number of a day in a workbook that counts from 1904, as a day; any other text as it is.

    Only a cell that is no date in the workbook is such a number: dates come as days whatever they are counted from.
    """
    number = text.strip()
    if not (number.isascii() and _SERIAL.fullmatch(number)):
        return text
    return (_EXCEL_EPOCH + timedelta(days=int(number)) + _FROM_1904).isoformat()


def parse_day(text: str) -> date | None:
    """A day as files have it: 15.11.2026, 15/11/2026, 2026-11-15, or Excel's number of it; none when empty.

    A time of day after it is left aside. Raises ValueUnclearError for anything else, two digits of a year among it.
    """
    text = text.strip()
    if not text:
        return None
    try:
        if found := _WRITTEN.fullmatch(text):
            return date(int(found[3]), int(found[2]), int(found[1]))
        if found := _ISO.fullmatch(text):
            return date(int(found[1]), int(found[2]), int(found[3]))
        if text.isascii() and _SERIAL.fullmatch(text):
            return _EXCEL_EPOCH + timedelta(days=int(text))
    except ValueError as err:
        raise ValueUnclearError(text) from err
    raise ValueUnclearError(text)


def parse_number(text: str) -> int | None:
    """A whole number; none when empty. Raises ValueUnclearError."""
    text = "".join(text.split())
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueUnclearError(text)
    return int(text)


_YES = frozenset({"да", "yes", "y", "1", "true", "истина", "нужен", "v", "х", "x"})
_NO = frozenset({"нет", "no", "n", "0", "false", "ложь", "ненужен"})


def parse_yes(text: str) -> bool | None:
    """Yes or no; none when empty. Raises ValueUnclearError."""
    if text.strip() in ("+", "✓", "✔"):
        return True
    key = fold(text)
    if not key and not text.strip(" -–—"):
        return None
    if key in _YES:
        return True
    if key in _NO:
        return False
    raise ValueUnclearError(text)


def split_list(text: str) -> list[str]:
    """The parts of a cell with several values, which semicolons or lines divide."""
    return [part.strip() for part in re.split(r"[;\n]", text) if part.strip()]


def choose(text: str, words: Mapping[K, Iterable[str]]) -> K:
    """The one whose words, folded, a cell has. Raises ValueUnclearError."""
    key = fold(text)
    for value, spellings in words.items():
        if any(fold(spelling) == key for spelling in spellings):
            return value
    raise ValueUnclearError(text)


def same_name(one: str, other: str) -> bool:
    """Whether two full names, as `names.search_key` folds them, may be one person's: the patronymic may be missing."""
    first, second = one.split(), other.split()
    shorter = min(len(first), len(second))
    return shorter > 1 and first[:shorter] == second[:shorter]


def alike(one: str, other: str) -> bool:
    """Whether two names have a word in common: a changed family name is a person's still, two strangers are not."""
    return not set(search_key(one).split()).isdisjoint(search_key(other).split())
