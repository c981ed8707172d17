"""The columns of a file: which are expected, and which of them a row of cells names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lti_service.people.imports import errors
from lti_service.people.imports.reading import Table
from lti_service.people.imports.rules import day_from_1904, fold

NUMBER = "file_row"
"""In a file of wrong rows: which row of the first file it is."""
REASON = "file_reason"
"""In such a file: what is wrong. It is not read."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a file."""

    key: str
    title: Any
    """What the template calls it."""
    names: tuple[str, ...] = ()
    """What else it may be called, in whatever language."""
    hint: Any = ""
    """How to fill it in."""
    example: Any = ""
    offered: bool = True
    """Whether the template has it; others are understood when a file has them."""
    needed: bool = False
    """Whether the page says that it must be filled in."""
    is_day: bool = False
    """Whether its cells are dates."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a kind of file."""

    columns: tuple[Column, ...]
    needs: tuple[tuple[str, ...], ...]
    """Of each of these sets of columns a file has at least one."""

    def __getitem__(self, key: str) -> Column:
        return next(column for column in self.columns if column.key == key)

    @property
    def template(self) -> list[Column]:
        """What the template has."""
        return [column for column in self.columns if column.offered]

    def spellings(self) -> dict[str, str]:
        """Folded name → key of the column."""
        found: dict[str, str] = {}
        for column in self.columns:
            for name in (str(column.title), *column.names):
                found.setdefault(fold(name), column.key)
        return found


@dataclass(frozen=True, slots=True)
class Cells:
    """A row as columns and texts."""

    number: int
    values: dict[str, str]
    """Of columns that are filled in."""
    overflows: bool = False
    """A text file has more cells in this row than columns: something in it divides where it should not."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A file by its columns."""

    rows: list[Cells]
    unused: list[str]
    """Names of columns that mean nothing here."""


def score(layout: Layout, cells: Sequence[str], spellings: Mapping[str, str]) -> int:
    """How many columns of the layout these cells name."""
    return len({spellings[key] for cell in cells if cell and (key := fold(cell)) in spellings})


def fill(layout: Layout, table: Table) -> Filled:
    """The rows of a table by the layout's columns. Raises ColumnsMissingError, ColumnTwiceError, EmptyFileError."""
    spellings = layout.spellings()
    places: dict[str, int] = {}
    unused: list[str] = []
    for place, head in enumerate(table.heads):
        key = spellings.get(fold(head)) if head else None
        if key is None:
            if head:
                unused.append(head)
        elif key in places:
            raise errors.ColumnTwiceError(column=head)
        else:
            places[key] = place
    missing = [one for one in layout.needs if places.keys().isdisjoint(one)]
    if missing:
        told = [" / ".join(f"«{layout[key].title}»" for key in one if layout[key].offered) for one in missing]
        heads = [f"«{head[:60]}»" for head in table.heads if head]
        raise errors.ColumnsMissingError(missing=", ".join(told), found=", ".join(heads[:30]) or "—")
    rows = [_cells(row.number, row.cells, places, table) for row in table.rows]
    if table.counts_from_1904:
        days = {column.key for column in layout.columns if column.is_day}
        for row in rows:
            row.values.update({key: day_from_1904(row.values[key]) for key in days & row.values.keys()})
    rows = [row for row in rows if row.values]
    if not rows:
        raise errors.EmptyFileError
    return Filled(rows, unused)


def _cells(number: int, cells: Sequence[str], places: Mapping[str, int], table: Table) -> Cells:
    values = {key: cells[place] for key, place in places.items() if place < len(cells) and cells[place]}
    overflows = table.is_text and any(cells[len(table.heads) :])
    return Cells(number, values, overflows)
