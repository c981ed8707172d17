"""What a row of a file would do: the words a curator reads, and the plan that is carried out."""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from lti_service.access import Viewer
from lti_service.people.imports.columns import Cells, Layout
from lti_service.people.imports.rules import Verdict
from lti_service.people.service import Desk
from lti_service.programme.models import Cycle


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file belongs: whose it is, in which course and school year, on which day."""

    viewer: Viewer
    cycle: Cycle
    day: date

    @property
    def desk(self) -> Desk:
        """The curator's desk."""
        return Desk(self.viewer.platform_id, self.viewer.course_id, self.cycle.id, self.viewer.person_id)


@dataclass
class Line:
    """A row of a file as it was judged."""

    row: Cells
    who: str = ""
    verdict: Verdict = Verdict.SAME
    changes: list[tuple[str, str, str]] = field(default_factory=list)
    """What, from, to: in words."""
    problems: list[tuple[str, str]] = field(default_factory=list)
    """Column, reason: in words."""
    plan: dict[str, Any] = field(default_factory=dict)
    """Plain values that say to whom what is to be done, and what was there before."""
    is_nobody: bool = False
    """It is wrong only because whom it is about is not known here."""
    target: Any = None
    """What the kind of file needs to carry the plan out; nobody else looks at it."""

    def wrong(self, column: str, reason: Any) -> None:
        """Something in the row cannot be; `column` in words, or empty."""
        self.problems.append((column, str(reason)))
        self.verdict = Verdict.WRONG

    def change(self, what: Any, before: Any, after: Any) -> None:
        """Something is to be another than it was."""
        self.changes.append((str(what), shown(before), shown(after)))
        if self.verdict is Verdict.SAME:
            self.verdict = Verdict.CHANGED

    @property
    def is_wrong(self) -> bool:
        return self.verdict is Verdict.WRONG

    @property
    def does_something(self) -> bool:
        """Whether there is anything to carry out."""
        return self.verdict in (Verdict.NEW, Verdict.CHANGED)

    @property
    def mark(self) -> str:
        """The same for two judgements that would do the same."""
        told = json.dumps([self.verdict.value, self.plan], sort_keys=True, ensure_ascii=False, default=str)
        return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()


def shown(value: Any) -> str:
    """A value in words; nothing is nothing."""
    if value is None:
        return ""
    if isinstance(value, date):
        return value.strftime("%d.%m.%Y")
    if isinstance(value, (list, tuple)):
        return "; ".join(shown(one) for one in value)
    return str(value)


Judge = Callable[[Session, Place, Sequence[Cells], bool], list[Line]]
"""Says of every row what it would do; with True it locks what it reads, for the lines are carried out next."""
CarryOut = Callable[[Session, Place, Sequence[Line]], None]
"""Does what right lines say, in the caller's transaction."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file."""

    layout: Layout
    judge: Judge
    carry_out: CarryOut

    def title(self, key: str) -> str:
        """What a column is called."""
        return str(self.layout[key].title)


def begin(rows: Iterable[Cells]) -> list[Line]:
    """A line for each row; those with more cells than columns are wrong already."""
    lines = [Line(row) for row in rows]
    for line in lines:
        if line.row.overflows:
            line.wrong("", _("There are more cells in this row than columns: put the text with the divider in quotes."))
    return lines


def refuse_repeats(lines: Iterable[Line], key: Callable[[Line], Any], reason: Any) -> None:
    """Of rows with one key the later are wrong; `reason` names the first by %(row)s. None is no key."""
    first: dict[Any, int] = {}
    for line in lines:
        if line.is_wrong or (found := key(line)) is None:
            continue
        if found in first:
            line.wrong("", str(reason) % {"row": first[found]})
        else:
            first[found] = line.row.number
