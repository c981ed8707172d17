"""The database: engine, session, declarative base, column types and constraint names."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from alembic.config import Config
from alembic.script import ScriptDirectory
from flask import Flask, g, has_app_context
from sqlalchemy import (
    JSON,
    Connection,
    DateTime,
    Dialect,
    Engine,
    MetaData,
    String,
    Table,
    create_engine,
    event,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.types import TypeDecorator

from lti_service.prepared import Prepared

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


E = TypeVar("E", bound=StrEnum)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, timezone-aware in Python; SQLite forgets the zone, so UTC is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class EnumText(TypeDecorator[E], Generic[E]):
    """A StrEnum kept as its text, so that a new state needs no change of the column."""

    impl = String(40)
    cache_ok = True

    def __init__(self, enum: type[E]) -> None:
        self.enum = enum
        super().__init__()

    def process_bind_param(self, value: E | str | None, dialect: Dialect) -> str | None:
        return None if value is None else self.enum(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> E | None:
        return None if value is None else self.enum(value)


Json = JSON().with_variant(JSONB(), "postgresql")


class Base(DeclarativeBase):
    """Every table's base; constraint names follow one pattern so that migrations can name them."""

    metadata = MetaData(naming_convention=NAMING)


_writing: ContextVar[bool] = ContextVar("writing", default=False)
"""Whether the transaction that begins now will write. Said aside: as an option of the connection it costs more."""
_factory: sessionmaker[Session] = sessionmaker(expire_on_commit=False)


def connect(url: str) -> Engine:
    """Make the engine for `url` and let every session use it from now on."""
    engine = make_engine(url)
    _factory.configure(bind=engine)
    return engine


def _engine() -> Engine:
    engine: Engine = _factory.kw["bind"]
    return engine


def make_engine(url: str) -> Engine:
    """An engine set up as the service needs it; SQLite in WAL mode with foreign keys.

    Its errors do not tell the values of statements: they end in logs, and most are people's.
    """
    if not url.startswith("sqlite"):
        engine = create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=10, hide_parameters=True)

        @event.listens_for(engine, "connect")
        def spare_compiling(connection: Any, _record: Any) -> None:
            # To compile a statement takes PostgreSQL several times as long as any of ours runs.
            connection.execute("SET jit = off")
            connection.commit()

        return engine
    engine = create_engine(url, connect_args={"timeout": 30}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # The driver's own BEGIN comes late and never IMMEDIATE; ours is sent by `begin` below.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=30000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A reading transaction that turns into a writing one fails at once when another wrote meanwhile
        # (SQLITE_BUSY_SNAPSHOT); one that says beforehand that it will write waits its turn instead.
        writes = _writing.get()
        # Straight to the driver: a statement of SQLAlchemy's costs more than all that SQLite does here.
        driver: Any = connection.connection.driver_connection
        driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def new_session() -> Session:
    """A session of one's own, for a job's steps and for commands; the caller closes it."""
    return _factory()


def session() -> Session:
    """The session of this request (or application context), closed when it ends."""
    if not has_app_context():
        raise RuntimeError("session() is for requests; use transaction() elsewhere")
    if "db_session" not in g:
        g.db_session = _factory()
    found: Session = g.db_session
    return found


_AFTERWARDS = "afterwards"


def afterwards(session: Session, step: Callable[[], None]) -> None:
    """Do something once the transaction that is open has been committed, and not at all when it fails.

    For what no rollback brings back, a deleted file; only within `transaction`.
    """
    session.info.setdefault(_AFTERWARDS, []).append(step)


@contextmanager
def transaction(own: Session | None = None) -> Iterator[Session]:
    """One writing transaction: committed at the end, rolled back when anything is raised.

    Uses `own`, else the request's session, else a new one. What the session had read before is given up
    first, so that the transaction sees the present.
    """
    used = own if own is not None else (session() if has_app_context() else _factory())
    try:
        if used.in_transaction():
            used.commit()
        begin_writing(used)
        yield used
        used.commit()
    except BaseException:
        used.rollback()
        used.info.pop(_AFTERWARDS, None)
        raise
    else:
        for step in used.info.pop(_AFTERWARDS, []):
            step()
    finally:
        if own is None and not has_app_context():
            used.close()


@contextmanager
def writing() -> Iterator[Connection]:
    """One writing transaction without a session, for who writes a row or two and needs no mapper: half the cost.

    What the request's session had read before is given up first: nobody holds two connections at once.
    """
    used: Session | None = g.get("db_session") if has_app_context() else None
    if used is not None and used.in_transaction():
        used.commit()
    with _engine().connect() as connection:
        with _said_writing():
            begun = connection.begin()
        with begun:
            yield connection


@contextmanager
def mapped(connection: Connection) -> Iterator[Session]:
    """A session in the connection's transaction, for the rare step of it that needs the mapper.

    What it changed is written at its end; whoever owns the connection commits.
    """
    with Session(connection, join_transaction_mode="rollback_only", expire_on_commit=False) as used:
        yield used
        used.commit()


def begin_writing(used: Session) -> None:
    """Begin a transaction that will write, where none is open; `transaction` does it for its callers."""
    with _said_writing():
        used.connection()


@contextmanager
def _said_writing() -> Iterator[None]:
    """For the moment of the beginning only: what somebody reads meanwhile, elsewhere, must not wait for who writes."""
    said = _writing.set(True)
    try:
        yield
    finally:
        _writing.reset(said)


def insert(of: Session, table: type[Base]) -> Any:
    """The dialect's INSERT, which knows ON CONFLICT on both databases."""
    maker = sqlite_insert if of.get_bind().dialect.name == "sqlite" else postgresql_insert
    return maker(table)


def add_missing(of: Session | Connection, table: type[Base], values: dict[str, Any]) -> None:
    """Insert a row, unless one with the same unique key is there already or comes in at the same moment."""
    dialect = of.dialect if isinstance(of, Connection) else of.get_bind().dialect
    _adding(dialect.name, table).write(of, values)


@cache
def _adding(dialect: str, table: type[Base]) -> Prepared:
    maker: Any = sqlite_insert if dialect == "sqlite" else postgresql_insert
    return Prepared(maker(cast(Table, table.__table__)).on_conflict_do_nothing())


def now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


def init_app(app: Flask, url: str) -> Engine:
    """Connect the application to its database and close each request's session at its end."""
    engine = connect(url)

    @app.teardown_appcontext
    def close(_error: BaseException | None) -> None:
        used: Session | None = g.pop("db_session", None)
        if used is not None:
            used.close()

    return engine


def alembic_config() -> Config:
    """Alembic's configuration of our migrations."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("file_template", "%%(year)d_%%(month).2d_%%(day).2d_%%(hour).2d%%(minute).2d_%%(slug)s")
    return config


@cache
def newest_revision() -> str | None:
    """The revision that the code expects the database to be at."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head()
