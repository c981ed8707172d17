"""Background work: the queue itself, the runs people can watch, and the courses whose grades are due.

The queue only wakes the worker. What must not be lost stands in tables (`Run`, `DueCourse` and the wings' own),
so a lost wake-up costs time and nothing else.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import structlog
from huey.api import MemoryHuey
from huey.storage import PostgresStorage, RedisStorage, SqliteStorage
from sqlalchemy import ForeignKey, Index, String, and_, delete, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from config import SettingsError
from lti_service import db
from lti_service.db import Base, EnumText, Json, UtcDateTime, now

log = structlog.get_logger(__name__)

QUIET = timedelta(minutes=5)
"""A run that has not been heard of for so long has lost its worker."""

huey = MemoryHuey("nastavnichestvo", immediate=True, results=False)
"""Tasks are declared on it at import; `connect` then gives it the real storage."""


def connect(url: str) -> None:
    """Give the queue its storage: `sqlite:///FILE`, `redis://…`, `postgresql://…`, or `immediate`.

    `immediate` runs each task at once in the caller's thread, which is what tests want. Raises SettingsError.
    """
    huey.immediate = url == "immediate"
    scheme = urlsplit(url).scheme
    if scheme == "sqlite":
        huey.storage = SqliteStorage(huey.name, filename=url.removeprefix("sqlite:///"), timeout=30)
    elif scheme in ("redis", "rediss"):
        huey.storage = RedisStorage(huey.name, url=url)
    elif scheme in ("postgresql", "postgres"):
        huey.storage = PostgresStorage(huey.name, dsn=url)
    elif not huey.immediate:
        raise SettingsError(f"QUEUE_URL must begin with sqlite:///, redis:// or postgresql://, not {scheme}://")


class RunState(StrEnum):
    """Where a run of background work is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


OPEN = (RunState.WAITING, RunState.RUNNING)


IS_OPEN = text("state IN ('waiting', 'running')")


class Run(Base):
    """One run of background work, which its starter may leave and find again."""

    __tablename__ = "run"
    __table_args__ = (
        # Two runs of one kind in one course never overlap, whoever starts them and from where.
        Index("uq_run_open", "kind", "course_id", unique=True, sqlite_where=IS_OPEN, postgresql_where=IS_OPEN),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    """`enrolments`, `surveys`, `grades` …"""
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"), index=True)
    state: Mapped[RunState] = mapped_column(EnumText(RunState), default=RunState.WAITING)
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int | None]
    """How many steps there are, when that is known."""
    counts: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """What changed, e.g. `{"new": 200, "changed": 0}`."""
    position: Mapped[dict[str, Any]] = mapped_column(Json, default=dict, server_default="{}")
    """Where another run may go on when this one breaks off, in the words of its kind; empty: from the beginning."""
    error_code: Mapped[str] = mapped_column(String(60), default="")
    error_detail: Mapped[str] = mapped_column(String(500), default="")
    requested_by: Mapped[int | None]
    """The person who started it; none for the nightly pass and the command line."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    heard_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class DueCourse(Base):
    """A course in which something changed that its gradebook columns may depend on."""

    __tablename__ = "due_course"

    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"), primary_key=True)
    marked_at: Mapped[datetime] = mapped_column(UtcDateTime)


def mark_due(session: Session, course_id: int) -> None:
    """Say, in the transaction of the change itself, that the course's grades must be looked at."""
    marked = db.insert(session, DueCourse).values(course_id=course_id, marked_at=now())
    session.execute(
        marked.on_conflict_do_update(index_elements=["course_id"], set_={"marked_at": marked.excluded.marked_at})
    )


def due_courses(session: Session) -> list[DueCourse]:
    """The courses that wait for a look, the longest waiting first."""
    return list(session.scalars(select(DueCourse).order_by(DueCourse.marked_at)))


def settle_due(session: Session, due: DueCourse) -> None:
    """Take the mark away, unless the course was marked again after `due` had been read."""
    session.execute(delete(DueCourse).where(DueCourse.course_id == due.course_id, DueCourse.marked_at == due.marked_at))


def open_run(session: Session, kind: str, course_id: int, requested_by: int | None = None) -> tuple[Run, bool]:
    """The run of this kind that is open in the course, or a new one; True when it is new.

    A run whose worker was killed is closed first, so that it does not block the next for ever.
    """
    moment = now()
    session.execute(
        update(Run)
        .where(Run.kind == kind, Run.course_id == course_id, Run.state.in_(OPEN), Run.heard_at < moment - QUIET)
        .values(state=RunState.FAILED, error_code="worker-lost", finished_at=moment)
    )
    found = session.scalar(select(Run).where(Run.kind == kind, Run.course_id == course_id, Run.state.in_(OPEN)))
    if found:
        return found, False
    run = Run(kind=kind, course_id=course_id, requested_by=requested_by, created_at=moment, heard_at=moment)
    try:
        with session.begin_nested():
            session.add(run)
    except IntegrityError:
        # Another process opened one between the look and the insert; the unique index decided.
        found = session.scalar(select(Run).where(Run.kind == kind, Run.course_id == course_id, Run.state.in_(OPEN)))
        if found is None:
            raise
        return found, False
    return run, True


class RunLostError(Exception):
    """Nothing was heard of a run for so long that it was given up: its work must stop, for another may do it."""

    code = "worker-lost"


class Progress:
    """What a job tells its watchers while it works, each time in a short transaction unless it has one of its own."""

    def __init__(self, run_id: int) -> None:
        self.run_id = run_id

    def step(
        self,
        done: int,
        total: int | None = None,
        position: dict[str, Any] | None = None,
        counts: dict[str, Any] | None = None,
        within: Session | None = None,
    ) -> None:
        """`done` of `total` steps are through; what is None stays as it was told before.

        `position` is where another run may go on, `counts` what changed so far. Raises RunLostError when the run was
        given up meanwhile, for then another may be under way: in a transaction of the job's own (`within`) nothing of
        what it wrote there is kept then.
        """
        told = {"total": total, "position": position, "counts": counts}
        values: dict[str, Any] = {name: value for name, value in told.items() if value is not None}
        values |= {"done": done, "heard_at": now(), "state": RunState.RUNNING}
        if not (self._write(**values) if within is None else self._write_in(within, values)):
            raise RunLostError(self.run_id)

    def finish(self, counts: dict[str, Any]) -> None:
        """The work is through; `counts` says what changed."""
        self._write(state=RunState.DONE, counts=counts, finished_at=now(), heard_at=now())

    def fail(self, code: str, detail: str = "", counts: dict[str, Any] | None = None) -> None:
        """The work stopped; `code` is stable, `detail` is for the log and the admin; without counts the last stay."""
        self._write(
            state=RunState.FAILED,
            error_code=code,
            error_detail=detail[:500],
            finished_at=now(),
            heard_at=now(),
            **({} if counts is None else {"counts": counts}),
        )

    def _write(self, **values: Any) -> bool:
        with db.new_session() as own, db.transaction(own) as session:
            return self._write_in(session, values)

    def _write_in(self, session: Session, values: dict[str, Any]) -> bool:
        """Whether the run was still open: what was given up stays as it is."""
        is_open = and_(Run.id == self.run_id, Run.state.in_(OPEN))
        written = session.execute(update(Run).where(is_open).values(**values).returning(Run.id))
        return written.first() is not None


@contextmanager
def watched(run_id: int) -> Iterator[Progress]:
    """Run a job under its `Run`: what it raises is kept there before it goes on to the log."""
    progress = Progress(run_id)
    progress.step(0)
    try:
        yield progress
    except Exception as err:
        progress.fail(getattr(err, "code", None) or "unexpected", str(err))
        log.exception("run failed", run=run_id)
        raise


def last_run(session: Session, kind: str, course_id: int) -> Run | None:
    """The newest run of a kind in a course."""
    return session.scalar(
        select(Run).where(Run.kind == kind, Run.course_id == course_id).order_by(Run.id.desc()).limit(1)
    )
