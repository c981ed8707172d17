"""Statements that every launch and every page run: composed and compiled once, then handed straight to the driver.

SQLAlchemy writes the SQL and converts the values both ways; left out is what it does anew each time that a statement
runs, which was a third of a launch's cost. Only for statements that are kept for as long as the process lives.
"""

import collections
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Dialect, Executable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

Converter = Callable[[Any], Any]


class Prepared:
    """One statement with its parameters; a row is a tuple whose values have their columns' names too.

    It runs in the transaction of a session, without flushing what the mapper holds, or in that of a connection.
    Whoever listens to statements (a counter in a test, a tracer) gets it by SQLAlchemy's own way. All methods raise
    SQLAlchemy's DBAPIError.
    """

    def __init__(self, statement: Executable) -> None:
        self.statement = statement
        self._compiled: dict[tuple[str, ...], _Compiled] = {}

    def all(self, of: Session | Connection, values: dict[str, Any]) -> list[Any]:
        """Every row."""
        connection = _connection(of)
        if _is_watched(connection):
            return list(connection.execute(self.statement, values).all())
        compiled = self._for(connection, ())
        return [compiled.row(found) for found in compiled.run(connection, values).fetchall()]

    def first(self, of: Session | Connection, values: dict[str, Any]) -> Any | None:
        """The first row; None where there is none."""
        found = self.all(of, values)
        return found[0] if found else None

    def one(self, of: Session | Connection, values: dict[str, Any]) -> Any:
        """The row of a statement that always has one. Raises LookupError where it has none."""
        found = self.first(of, values)
        if found is None:
            raise LookupError("a statement without a row")
        return found

    def write(self, of: Session | Connection, values: dict[str, Any]) -> int:
        """Run an INSERT, UPDATE or DELETE; says how many rows it wrote."""
        connection = _connection(of)
        if _is_watched(connection):
            return int(connection.execute(self.statement, values).rowcount)
        # An INSERT names the columns that it is given.
        return int(self._for(connection, tuple(values)).run(connection, values).rowcount)

    def _for(self, connection: Connection, columns: tuple[str, ...]) -> "_Compiled":
        key = (connection.dialect.name, *columns)
        found = self._compiled.get(key)
        if found is None:
            found = self._compiled[key] = _compile(self.statement, connection.dialect, columns)
        return found


@dataclass(frozen=True, slots=True)
class _Compiled:
    """The statement in one database's words."""

    sql: str
    dialect: Dialect
    parameters: tuple[tuple[str, Any, Converter | None], ...]
    """Of each its name, the value where none is given, and what makes the driver's value of it."""
    positional: bool
    made: tuple[tuple[str, Converter], ...]
    """What makes the values of columns that are not given, as the tables say."""
    make: Converter
    converters: tuple[tuple[int, Converter], ...]
    """Of the columns that come back."""

    def run(self, connection: Connection, values: dict[str, Any]) -> Any:
        if self.made:
            values = {**{name: make(None) for name, make in self.made}, **values}
        given: Any = [
            value if convert is None else convert(value)
            for value, convert in [(values.get(name, default), convert) for name, default, convert in self.parameters]
        ]
        if not self.positional:
            given = dict(zip((name for name, _default, _convert in self.parameters), given, strict=True))
        driver: Any = connection.connection.driver_connection
        try:
            return driver.execute(self.sql, given)
        except self.dialect.loaded_dbapi.Error as err:
            # Without the values: they are people's.
            raise DBAPIError.instance(
                self.sql, None, err, self.dialect.loaded_dbapi.Error, hide_parameters=True, dialect=self.dialect
            ) from err

    def row(self, found: Any) -> Any:
        if self.converters:
            found = list(found)
            for place, convert in self.converters:
                found[place] = convert(found[place])
        return self.make(found)


def _connection(of: Session | Connection) -> Connection:
    return of if isinstance(of, Connection) else of.connection()


def _is_watched(connection: Connection) -> bool:
    return bool(connection.engine.dispatch.before_cursor_execute)


def _compile(statement: Any, dialect: Dialect, columns: tuple[str, ...]) -> _Compiled:
    """Raises ValueError for what has to be composed anew each time: lists of values of any length."""
    compiled = statement.compile(dialect=dialect, column_keys=list(columns) or None)
    if compiled.post_compile_params or compiled.literal_execute_params:
        raise ValueError(f"composed anew each time it runs: {compiled}")
    names = compiled.positiontup if compiled.positional else list(compiled.bind_names.values())
    binds = [compiled.binds[name] for name in names]
    selected = list(statement.selected_columns) if statement.is_select else []
    keys = statement.selected_columns.keys() if statement.is_select else []
    results = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in selected]
    # The columns are known only now.
    named: Any = collections.namedtuple
    row_of = named("Row", keys, rename=True)
    return _Compiled(
        sql=str(compiled),
        dialect=dialect,
        parameters=tuple(
            (name, bind.value, bind.type.dialect_impl(dialect).bind_processor(dialect))
            for name, bind in zip(names, binds, strict=True)
        ),
        positional=compiled.positional,
        made=tuple((column.key, _maker(column.default)) for column in getattr(compiled, "insert_prefetch", ())),
        make=row_of._make,
        converters=tuple((place, convert) for place, convert in enumerate(results) if convert is not None),
    )


def _maker(default: Any) -> Converter:
    """What a column's default makes: it is called with a context that none of ours looks at."""
    if default.is_callable:
        return default.arg  # type: ignore[no-any-return]
    return lambda _context: default.arg
