"""Alembic's environment: the service's own engine and tables, on SQLite and PostgreSQL alike."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import JSON, Connection

from lti_service import db, tables

engine = context.config.attributes.get("engine")
if engine is None:
    from config import load_settings

    engine = db.make_engine(load_settings().database_url)


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our column types as what the database sees: a migration must not change when our code does."""
    if kind == "type" and isinstance(item, db.UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, db.EnumText):
        return "sa.String(length=40)"
    if kind == "type" and isinstance(item, JSON):
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


def enforce_references(connection: Connection, on: bool) -> None:
    """SQLite cannot change a column: Alembic fills a new table, drops the old one and renames the new.

    To drop it is refused while rows of other tables refer to it, and where they are to go with it, they go. SQLite
    tells to leave references unenforced meanwhile; it takes that outside a transaction only, so past SQLAlchemy.
    """
    raw = connection.connection.driver_connection
    assert raw is not None
    raw.execute(f"PRAGMA foreign_keys={'ON' if on else 'OFF'}")


def check_references(connection: Connection) -> None:
    """Let no migration through that leaves a row referring to nothing."""
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        raise RuntimeError(f"{len(broken)} rows refer to nothing after the migration, the first: {tuple(broken[0])}")


with engine.connect() as connection:
    on_sqlite = connection.dialect.name == "sqlite"
    if on_sqlite:
        enforce_references(connection, on=False)
    try:
        context.configure(
            connection=connection,
            target_metadata=tables.metadata,
            render_as_batch=True,
            compare_type=True,
            render_item=render_item,
        )
        with context.begin_transaction():
            context.run_migrations()
        if on_sqlite:
            check_references(connection)
        connection.commit()
    finally:
        if on_sqlite:
            connection.rollback()
            enforce_references(connection, on=True)
