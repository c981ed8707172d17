"""What all lists have in common: how somebody wants to see one, the address that says so, and the part a page shows."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Generic, TypeVar

from flask import url_for

PAGE = 50
"""Lines of a page."""
_HOW = frozenset({"sort", "descending", "page"})
"""What leaves nobody out."""

L = TypeVar("L")


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


def place(total: int, page: int) -> tuple[int, int]:
    """Which page of a list of so many lines is shown when this one is asked for, and how many there are."""
    pages = max(1, -(-total // PAGE))
    return min(max(1, page), pages), pages


def part(query: Any, page: int) -> Any:
    """The lines of one page of an ordered query."""
    return query.limit(PAGE).offset((page - 1) * PAGE)
