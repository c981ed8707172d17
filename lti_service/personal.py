"""What is kept about a person: each wing says it of its own tables, and what becomes of it when it is erased.

The page "Who sees my data", its export and erasure are made from these words alone, so that no wing is asked from below
and nothing is kept that the person is not told of: a test compares the words with the tables, column by column.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, Table, delete, func, or_, select, update
from sqlalchemy.orm import Session

from lti_service.db import Base
from lti_service.pages import show_day, show_moment


class Origin(StrEnum):
    """From where something that is kept has come."""

    MOODLE = "moodle"
    SELF = "self"
    CURATOR = "curator"
    TEACHER = "teacher"
    MENTOR = "mentor"
    FILE = "file"
    SERVICE = "service"


ORIGINS: dict[Origin, Any] = {
    Origin.MOODLE: _l("Moodle"),
    Origin.SELF: _l("you yourself"),
    Origin.CURATOR: _l("a curator"),
    Origin.TEACHER: _l("a teacher of the course"),
    Origin.MENTOR: _l("your mentor"),
    Origin.FILE: _l("a file that a curator brought in"),
    Origin.SERVICE: _l("the service itself"),
}


class Eyes(StrEnum):
    """Who may see something, besides the person themselves."""

    CURATORS = "curators"
    TEACHERS = "teachers"
    MENTOR = "mentor"
    MENTEES = "mentees"
    ADMIN = "admin"
    MOODLE = "moodle"


EYES: dict[Eyes, Any] = {
    Eyes.CURATORS: _l("curators of your course"),
    Eyes.TEACHERS: _l("teachers of your course"),
    Eyes.MENTOR: _l("your mentor"),
    Eyes.MENTEES: _l("your mentees"),
    Eyes.ADMIN: _l("the administrator"),
    Eyes.MOODLE: _l("those who see the gradebook in Moodle"),
}


class _Kept:
    """Stands for "erasure leaves it as it is"."""


KEPT = _Kept()


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing that a row tells of a person; mostly a column of the same name."""

    name: str
    label: Any
    origin: Origin | Callable[[Any], Origin]
    """From where it came, which may depend on the row."""
    eyes: tuple[Eyes, ...] = (Eyes.CURATORS,)
    show: Callable[[Any], Any] | None = None
    """The value in words; none: as it is. It is not asked about what is empty."""
    read: Callable[[Any], Any] | None = None
    """The value, of the row; none: the column's."""
    emptied: Any = KEPT
    """What stands in the column after erasure; KEPT: it stays, for counts need it and it names nobody."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What one table keeps about a person."""

    table: type[Base]
    order: int
    title: Any
    keys: tuple[str, ...]
    """Columns that lead to the person: foreign keys of `person`, or of another table that is told of here."""
    pieces: tuple[Piece, ...]
    untold: Mapping[str, str] = field(default_factory=dict)
    """Columns that the person is not told, each with the reason."""
    others: Mapping[str, str] = field(default_factory=dict)
    """Foreign keys by which rows about somebody else lead to this person too, each with the reason why such rows are
    not shown to this one. They stay: they lead to the name that is left after erasure."""
    emptied: Mapping[str, Any] = field(default_factory=dict)
    """Columns without a piece that erasure empties, and what stands there then."""
    goes: tuple[Any, ...] = ()
    """What a wing's own step takes from rows that stay, besides what is emptied."""
    rows_go: bool = False
    """Erasure deletes the rows; else they stay without what is emptied."""
    stays: Any = ""
    """What of it stays after erasure and why, in a sentence; for holdings whose rows do not go."""
    name_of: Callable[[Any], Any] | None = None
    """What to call one of several rows: a school year, a survey."""
    where: Callable[[], ColumnElement[bool]] | None = None
    """Which of the rows only."""
    reach: Callable[[int], ColumnElement[bool]] | None = None
    """Rows that tell of a person though no key of theirs leads there; instead of `keys`, by the person's id."""

    @property
    def columns(self) -> Table:
        """The table itself."""
        return cast(Table, self.table.__table__)


_holdings: list[Holding] = []
_before: list[tuple[int, Callable[[Session, "Erasing"], None]]] = []
_locking: list[Callable[[Session, "Erasing"], None]] = []
_elsewhere: dict[str, str] = {}


def keep(holding: Holding) -> Holding:
    """Say what a table keeps about a person."""
    _holdings.append(holding)
    _holdings.sort(key=lambda one: (one.order, one.columns.name))
    return holding


def tell_nothing(column: str, reason: str) -> None:
    """Say of a foreign key, `table.column`, of a table that keeps nothing about the person why it is none of theirs."""
    _elsewhere[column] = reason


def holdings() -> Sequence[Holding]:
    """All that is kept about people, in the order in which it is shown."""
    return tuple(_holdings)


def untold_keys() -> Mapping[str, str]:
    """Foreign keys to people that are no data about them, `table.column` → reason."""
    found = dict(_elsewhere)
    for holding in _holdings:
        found |= {f"{holding.columns.name}.{name}": reason for name, reason in holding.others.items()}
    return found


# --- what is kept about one person --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing kept about a person, in words."""

    name: str
    label: str
    value: str
    origin: str
    eyes: str
    origin_code: Origin
    eye_codes: tuple[Eyes, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """What one row of a table tells."""

    name: str
    facts: list[Fact]


@dataclass(frozen=True, slots=True)
class Told:
    """What one table keeps about a person."""

    holding: Holding
    title: str
    rows: list[Row]


def told(session: Session, person_id: int) -> list[Told]:
    """All that is kept about a person, in words of the request's language; tables that keep nothing are left out."""
    found = []
    for holding in _holdings:
        rows = [
            Row(
                name="" if holding.name_of is None else str(holding.name_of(row)),
                facts=[fact for piece in holding.pieces if (fact := _fact(piece, row)) is not None],
            )
            for row in session.scalars(rows_of(holding, person_id))
        ]
        if rows:
            found.append(Told(holding, str(holding.title), rows))
    return found


def _fact(piece: Piece, row: Any) -> Fact | None:
    value = getattr(row, piece.name) if piece.read is None else piece.read(row)
    if value is None or value == "" or value == [] or value == {}:
        return None
    origin = piece.origin if isinstance(piece.origin, Origin) else piece.origin(row)
    return Fact(
        name=piece.name,
        label=str(piece.label),
        value=in_words(value if piece.show is None else piece.show(value)),
        origin=str(ORIGINS[origin]),
        eyes=", ".join(str(EYES[eyes]) for eyes in piece.eyes) or _("nobody but you"),
        origin_code=origin,
        eye_codes=piece.eyes,
    )


def in_words(value: Any) -> str:
    """A value as people write it."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, datetime):
        return show_moment(value)
    if isinstance(value, date):
        return show_day(value)
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, list | tuple):
        return "; ".join(in_words(one) for one in value)
    if isinstance(value, dict):
        return "; ".join(f"{name}: {in_words(one)}" for name, one in value.items())
    return str(value)


def rows_of(holding: Holding, person_id: int) -> Any:
    """The query for a table's rows about a person."""
    query = select(holding.table).where(_about(holding, person_id))
    return query.order_by(holding.columns.c.id)


def _about(holding: Holding, person_id: int) -> ColumnElement[bool]:
    """The condition that a row is about the person, however far down it hangs."""
    columns = holding.columns
    if columns.name == "person":
        return columns.c.id == person_id
    ways = [] if holding.reach is None else [holding.reach(person_id)]
    for name in holding.keys:
        target = parent_of(columns, name)
        if target == "person":
            ways.append(columns.c[name] == person_id)
        else:
            above = next(one for one in _holdings if one.columns.name == target)
            ways.append(columns.c[name].in_(select(above.columns.c.id).where(_about(above, person_id))))
    condition = or_(*ways)
    return condition if holding.where is None else condition & holding.where()


def parent_of(table: Table, column: str) -> str:
    """The name of the table that a foreign key leads to."""
    return str(next(iter(table.c[column].foreign_keys)).column.table.name)


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file that is kept about a person, besides what the tables say."""

    name: str
    """What it is called among what they take along."""
    title: str
    path: Path
    size: int
    """Bytes."""


Encloser = Callable[[Session, int], Iterable[Enclosure]]

_enclosers: list[Encloser] = []


def encloses(encloser: Encloser) -> Encloser:
    """Decorate a function that says which files a wing keeps about a person, by the person's id."""
    _enclosers.append(encloser)
    return encloser


def enclosures(session: Session, person_id: int) -> list[Enclosure]:
    """All files that are kept about a person."""
    return [found for encloser in _enclosers for found in encloser(session, person_id)]


# --- erasure ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Erasing:
    """Whose data go, who does it, and when; the wings' own steps are told it."""

    platform_id: int
    person_id: int
    actor_id: int | None
    """None: the service itself, when a period of keeping is over."""
    course_id: int | None
    day: date
    moment: datetime


def before_erasure(order: int) -> Callable[[Callable[[Session, Erasing], None]], Callable[[Session, Erasing], None]]:
    """Decorate what a wing does before a person's data go, in the same transaction: end a pair, delete a file."""

    def add(step: Callable[[Session, Erasing], None]) -> Callable[[Session, Erasing], None]:
        _before.append((order, step))
        _before.sort(key=lambda pair: pair[0])
        return step

    return add


def locks_first(step: Callable[[Session, Erasing], None]) -> Callable[[Session, Erasing], None]:
    """Decorate what locks rows that others lock before they lock people, so that nobody waits in a circle."""
    _locking.append(step)
    return step


def lock_first(session: Session, erasing: Erasing) -> None:
    """Lock what has to be locked before the person is."""
    for step in _locking:
        step(session, erasing)


@dataclass(frozen=True, slots=True)
class Going:
    """What erasure does to one table's rows about a person."""

    title: str
    rows: int
    deleted: bool
    emptied: list[str]
    """Labels of what goes from rows that stay."""
    stays: str


def preview(session: Session, person_id: int) -> list[Going]:
    """What erasing a person would do, table by table; nothing is changed."""
    found = []
    for holding in _holdings:
        counted = session.scalar(select(func.count()).select_from(holding.table).where(_about(holding, person_id)))
        if counted:
            emptied = [str(label) for label in holding.goes]
            emptied += [str(piece.label) for piece in holding.pieces if not isinstance(piece.emptied, _Kept)]
            found.append(Going(str(holding.title), counted, holding.rows_go, emptied, str(holding.stays)))
    return found


def erase(session: Session, erasing: Erasing) -> dict[str, int]:
    """Let a person's data go: the wings' own steps first, then what each table says of itself.

    Returns how many rows of each table were deleted or emptied. The caller's transaction makes it one step.
    """
    for _order, step in _before:
        step(session, erasing)
    session.flush()
    touched: dict[str, int] = {}
    # From the leaves inwards, so that nothing is deleted that another row still leads to.
    for holding in sorted(_holdings, key=_depth, reverse=True):
        ids = list(session.scalars(select(holding.columns.c.id).where(_about(holding, erasing.person_id))))
        if not ids:
            continue
        values = values_after(holding)
        if holding.rows_go:
            session.execute(delete(holding.table).where(holding.columns.c.id.in_(ids)))
        elif values:
            session.execute(update(holding.table).where(holding.columns.c.id.in_(ids)).values(**values))
        else:
            continue
        touched[holding.columns.name] = len(ids)
    # What the session still holds of them is out of date.
    session.expire_all()
    return touched


def values_after(holding: Holding) -> dict[str, Any]:
    """What stands in a table's columns after erasure, where that is not what stood there before."""
    values = {piece.name: piece.emptied for piece in holding.pieces if not isinstance(piece.emptied, _Kept)}
    return values | dict(holding.emptied)


def _depth(holding: Holding) -> int:
    """How many steps a table is away from the person."""
    targets: Iterable[str] = (parent_of(holding.columns, name) for name in holding.keys if name != "id")
    above = [one for target in targets for one in _holdings if one.columns.name == target]
    return 1 + max((_depth(one) for one in above if one is not holding), default=0)
