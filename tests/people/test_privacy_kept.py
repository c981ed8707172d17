"""What is kept about people is told of whole: every table that leads to a person, every column of it."""

from collections.abc import Iterator

from flask import Flask

from lti_service import holdings, personal, tables

REASONS = 10
"""Characters that say at least something."""


def _leads() -> Iterator[tuple[str, str, str]]:
    """Every foreign key to a person, or to a table that tells of one: table, column, and where it leads."""
    told = {holding.columns.name for holding in personal.holdings()}
    for table in tables.metadata.sorted_tables:
        for column in table.columns:
            for key in column.foreign_keys:
                if key.column.table.name in told:
                    yield table.name, column.name, key.column.table.name


def test_every_foreign_key_to_a_person_is_told_of_or_has_a_reason(app: Flask) -> None:
    """Fails for a new table: say in the wing's `kept.py` what it keeps, or why it is nothing about the person."""
    by_table = {holding.columns.name: holding for holding in personal.holdings()}
    reasons = personal.untold_keys()
    silent = [
        f"{table}.{column}"
        for table, column, _target in _leads()
        if not (table in by_table and column in by_table[table].keys) and f"{table}.{column}" not in reasons
    ]
    assert silent == []
    assert all(len(reason) >= REASONS for reason in reasons.values())


def test_every_column_is_told_or_has_a_reason(app: Flask) -> None:
    for holding in personal.holdings():
        columns = {column.name for column in holding.columns.columns}
        shown = {piece.name for piece in holding.pieces}
        said = shown | set(holding.untold) | set(holding.others) | set(holding.keys)
        assert columns - said == set(), f"{holding.columns.name}: say what these are"
        # What is said must be there, once.
        named = {*holding.untold, *holding.others, *holding.keys, *holding.emptied}
        assert named <= columns, holding.columns.name
        without_column = [piece.name for piece in holding.pieces if piece.name not in columns]
        assert all(piece.read is not None for piece in holding.pieces if piece.name in without_column)
        assert not set(holding.untold) & shown - {"id"}, holding.columns.name


def test_what_stays_is_explained(app: Flask) -> None:
    for holding in personal.holdings():
        assert holding.rows_go or str(holding.stays), holding.columns.name


def test_what_erasure_puts_into_a_column_fits_it(app: Flask) -> None:
    for holding in personal.holdings():
        for name, value in personal.values_after(holding).items():
            column = holding.columns.c[name]
            assert value is not None or column.nullable, f"{holding.columns.name}.{name}"


def test_wings_have_all_said_something() -> None:
    assert len(holdings.WINGS) >= 7
