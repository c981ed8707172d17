"""What all lists have in common: how somebody wants to see one, the address that says so, and the part a page shows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Generic, NamedTuple, TypeVar

from flask import url_for
from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

PAGE = 50
"""Lines of a page."""
_HOW = frozenset({"sort", "descending", "page"})
"""What leaves nobody out."""

L = TypeVar("L")
K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class ListLook:
    """What somebody wants to see of a list; every value may come from an address and be nonsense.

    A list adds its filters: texts, of which the empty one filters nothing, and bools. What is neither (a day on which
    something is asked) is no part of the address.
    """

    search: str = ""
    sort: str = "name"
    descending: bool = False
    page: int = 1

    @property
    def filters(self) -> dict[str, str]:
        """What leaves anybody out, as parameters of the address; those that filter nothing are left out."""
        values = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in _HOW}
        return {
            name: value if isinstance(value, str) else "1"
            for name, value in values.items()
            if isinstance(value, str | bool) and value
        }

    @property
    def narrows(self) -> bool:
        """Whether a filter leaves anybody out."""
        return bool(self.filters)

    def without(self, *staying: str) -> dict[str, str]:
        """The changes that take every filter away, but for those that stay."""
        return {name: "" for name in self.filters if name not in staying}

    def query(self, **changes: Any) -> dict[str, Any]:
        """The parameters of an address that shows this look with some changes; defaults are left out."""
        wanted, plain = replace(self, **changes), type(self)()
        found: dict[str, Any] = {**wanted.filters}
        if wanted.sort != plain.sort:
            found["sort"] = wanted.sort
        if wanted.descending:
            found["order"] = "desc"
        if wanted.page > 1:
            found["page"] = str(wanted.page)
        return found

    @property
    def told(self) -> dict[str, Any]:
        """The look as the trail keeps it when somebody saves a list: that something was searched for, and not what.

        What is searched for is mostly somebody's name, often a part of one or misspelt: erasure, which looks for whole
        names, would not find it in an entry about a whole list.
        """
        told = self.query(page=1, search="")
        return told | {"searched": True} if self.search else told

    def addresses(self, endpoint: str, **values: Any) -> Callable[..., str]:
        """A function for templates: the list's address with some of its look changed, on its first page again.

        What it is told that no look knows stands in the address as it is.
        """
        known = {one.name for one in fields(self)}

        def address(**changes: Any) -> str:
            extra = {name: value for name, value in changes.items() if name not in known}
            look = {name: value for name, value in changes.items() if name in known}
            return url_for(endpoint, **values, **extra, **self.query(**{"page": 1, **look}))

        return address


@dataclass(frozen=True, slots=True)
class ListPage(Generic[L]):
    """A page of a list."""

    lines: list[L]
    total: int
    page: int
    pages: int

    @property
    def first(self) -> int:
        """Number of the first line shown."""
        return (self.page - 1) * PAGE + 1 if self.lines else 0

    @property
    def last(self) -> int:
        """Number of the last line shown."""
        return (self.page - 1) * PAGE + len(self.lines)


AT_ONCE = 5000
"""Ids that one query is asked about: databases take so many parameters and not many more."""


def in_parts(ids: Sequence[K]) -> Iterator[Sequence[K]]:
    """The ids, as many at a time as one query is asked about."""
    for first in range(0, len(ids), AT_ONCE):
        yield ids[first : first + AT_ONCE]


def place(total: int, page: int) -> tuple[int, int]:
    """Which page of a list of so many lines is shown when this one is asked for, and how many there are."""
    pages = max(1, -(-total // PAGE))
    return min(max(1, page), pages), pages


def part(query: Any, page: int) -> Any:
    """The lines of one page of an ordered query."""
    return query.limit(PAGE).offset((page - 1) * PAGE)


class By(NamedTuple):
    """One of the things that a list is ordered by."""

    value: Any
    descending: bool = False

    def expression(self, *, backwards: bool = False) -> Any:
        """For ORDER BY, or for the opposite order."""
        return self.value.desc() if self.descending is not backwards else self.value


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some following lines of an ordered list of which it is known how many lines there are.

    Databases find the lines of a late page by finding all before them; those near the end are counted from there.
    """

    total: int
    limit: int
    offset: int

    @property
    def passed(self) -> int:
        """How many lines a database passes by or shows."""
        return min(self.offset, self._behind) + self.limit

    @property
    def _behind(self) -> int:
        return max(0, self.total - self.offset - self.limit)

    def of(self, session: Session, query: Select[int], order: Sequence[By]) -> list[int]:
        """These lines of a query for one column, in their order."""
        if self.offset <= self._behind or self.offset >= self.total:
            ordered = query.order_by(*(one.expression() for one in order))
            return list(session.scalars(ordered.limit(self.limit).offset(self.offset)))
        ordered = query.order_by(*(one.expression(backwards=True) for one in order))
        shown = min(self.limit, self.total - self.offset)
        return list(reversed(session.scalars(ordered.limit(shown).offset(self._behind)).all()))

    def sorted_of(self, session: Session, query: Select[int], order: Sequence[By]) -> list[int]:
        """The same where all lines are to be found first and then sorted.

        OFFSET keeps PostgreSQL from reading everybody in the order wanted, in the hope to meet enough lines soon.
        """
        keys = [one.value.label(f"key_{number}") for number, one in enumerate(order)]
        found, *sorted_by = query.add_columns(*keys).offset(0).subquery().columns
        return self.of(
            session, select(found), [By(key, one.descending) for key, one in zip(sorted_by, order, strict=True)]
        )


def values_of(column: InstrumentedAttribute[str], *where: ColumnElement[bool]) -> Select[str]:
    """The different texts in a column, the empty one left out, as the only column `value`.

    `where` are equalities with the columns that come before this one in an index: each value is found by jumping from
    the one before it, so it takes as long as there are values, however many rows have them. DISTINCT reads all rows.
    """
    seen = select(func.min(column).label("value")).where(*where, column > "").cte("seen", recursive=True)
    following = select(func.min(column)).where(*where, column > seen.c.value).correlate(seen).scalar_subquery()
    seen = seen.union_all(select(following).where(seen.c.value.is_not(None)))
    return select(seen.c.value).where(seen.c.value.is_not(None))
