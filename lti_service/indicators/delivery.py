"""Delivering a course's outbox to Moodle: posts scores, a few at a time, and reads results back to verify.

Why a grade is neither lost nor sent twice when the worker is killed at any moment:
- a row is SENDING, with value and time stamp, in a committed transaction before anything is posted;
- what became of it is written afterwards; a row still SENDING when its worker is gone is first looked for in
  Moodle's results, and only sent again when it is not there;
- sent again, it carries the stamp it had, and Moodle refuses a stamp that is not newer than the one it has (409): so
  even a post that was still on its way then is taken once.

The requests run in a few threads; the database is touched by the calling thread alone, never during a request.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session, joinedload

from lti_service import db
from lti_service.errors import DomainError
from lti_service.indicators import gradebook, rules
from lti_service.indicators.gradebook import Claim, Reading
from lti_service.indicators.models import GradebookColumn
from lti_service.indicators.rules import Event, Trouble
from lti_service.lti import gradebook as moodle
from lti_service.lti import services
from lti_service.lti.gradebook import Outcome
from lti_service.platforms.models import Course, PlatformState

log = structlog.get_logger(__name__)

PATIENCE = timedelta(seconds=3)
"""A row that may be sent so soon is waited for; later ones are left to the next pass."""
ROUNDS = 20
"""Of sending and reading back in one pass of one column; more only happens when somebody keeps changing things."""
NOT_OFFERED = "no-gradebook-service"
NOT_ACTIVE = "platform-not-active"


@dataclass
class Delivered:
    """What a pass did."""

    posted: int = 0
    """Scores sent, whatever was answered."""
    taken: int = 0
    confirmed: int = 0
    rejected: int = 0
    waiting: int = 0
    """Grades that are left for a later pass."""
    trouble: str = ""
    """Code of what ended the pass early, or of a column that could not be reached; empty: nothing did."""

    def counts(self) -> dict[str, int]:
        """The numbers, for the run's watchers."""
        return {
            "sent": self.taken,
            "confirmed": self.confirmed,
            "rejected": self.rejected,
            "waiting": self.waiting,
        }


class _StoppedError(Exception):
    """The pass ends: the platform is down or gives no access."""


class _ColumnGoneError(Exception):
    """Moodle no longer has the column at this address."""


Tell = Callable[[int, int | None], None]
"""Told of progress: so many of so many."""


def deliver(
    course_id: int,
    tell: Tell | None = None,
    *,
    verify: bool = False,
    lease: timedelta = rules.LEASE,
    sleep: Callable[[float], None] = time.sleep,
) -> Delivered:
    """Deliver what is due in a course; `verify` reads confirmed grades back as well.

    Trouble is kept with the columns and grades it concerns, and told of in the result; nothing is raised for it.
    """
    return _Pass(course_id, tell or (lambda done, total: None), verify, lease, sleep).run()


@dataclass
class _Bad:
    """Answers of one bad kind in a row."""

    trouble: str = ""
    number: int = 0

    def count(self, trouble: str) -> bool:
        """Count an answer; True when there were too many of its kind."""
        self.number = self.number + 1 if trouble and trouble == self.trouble else int(bool(trouble))
        self.trouble = trouble
        return any(trouble == kind and self.number >= most for kind, most in rules.GIVE_UP_AFTER.items())


@dataclass
class _Pass:
    course_id: int
    tell: Tell
    verify: bool
    lease: timedelta
    sleep: Callable[[float], None]
    result: Delivered = field(default_factory=Delivered)
    done: int = 0
    total: int = 0

    def run(self) -> Delivered:
        with db.new_session() as session:
            course = session.scalars(
                select(Course).where(Course.id == self.course_id).options(joinedload(Course.platform))
            ).one()
        if course.platform.state is not PlatformState.ACTIVE:
            self.result.trouble = NOT_ACTIVE
            return self.result
        service = services.connector(course.platform)
        column_ids: list[int] = []
        with contextlib.suppress(_StoppedError):
            # A column made while the pass goes on finds its run open and starts none: it would wait for the next one.
            while fresh := self._columns(column_ids):
                column_ids += fresh
                for column_id in fresh:
                    self._column(column_id, service, course.lineitems_url)
        self._count_what_is_left(column_ids)
        return self.result

    def _columns(self, known: Sequence[int]) -> list[int]:
        """The course's columns but those known already; what is to be done in them is told."""
        with db.new_session() as session:
            found = list(
                session.scalars(
                    select(GradebookColumn.id)
                    .where(GradebookColumn.course_id == self.course_id, GradebookColumn.id.not_in(known))
                    .order_by(GradebookColumn.id)
                )
            )
            moment = db.now()
            work = [gradebook.work_in(session, column_id, moment, self.lease) for column_id in found]
        self.total += sum(one.due + one.in_doubt + one.sent + one.elsewhere for one in work)
        if found or not known:
            self.told()
        return found

    def _column(self, column_id: int, service: services.Connector, lineitems_url: str) -> None:
        """One column, with its trouble kept. Raises _StoppedError when there is no use in trying others."""
        try:
            try:
                _Column(self, column_id, service, lineitems_url).bring_up_to_date()
            except _ColumnGoneError:
                # Somebody deleted it in Moodle: once in a pass it is looked for, or made, again.
                log.info("column gone", column=column_id)
                _Column(self, column_id, service, lineitems_url).bring_up_to_date()
        except _ColumnGoneError:
            self._keep_trouble(column_id, Trouble.COLUMN_GONE)
        except NoResultFound:
            log.info("column removed meanwhile", column=column_id)
        except DomainError as err:
            code = _code_of(err)
            self._keep_trouble(column_id, code)
            if code in _STOPPING:
                raise _StoppedError from err

    def _keep_trouble(self, column_id: int, code: str) -> None:
        log.warning("column not reached", column=column_id, code=code)
        self.result.trouble = code
        with _writing() as session:
            gradebook.keep_trouble(session, column_id, code)

    def told(self) -> None:
        """Tell whoever watches how many rows are through for now. Never within a transaction of ours."""
        self.done = min(self.done, self.total)
        self.tell(self.done, self.total)

    def _count_what_is_left(self, column_ids: list[int]) -> None:
        with db.new_session() as session:
            found = gradebook.counts(session, column_ids)
        self.result.waiting = sum(counts.waiting for counts in found.values())
        self.tell(self.total, self.total)


_STOPPING = {
    services.TokenRefusedError.code,
    services.ServiceUnavailableError.code,
    Trouble.UNAUTHORISED,
    Trouble.UNAVAILABLE,
}


def _code_of(error: DomainError) -> str:
    if isinstance(error, services.ServiceRefusedError) and error.http in (401, 403):
        return Trouble.UNAUTHORISED
    return error.code


@dataclass
class _Column:
    """One column in one pass."""

    of: _Pass
    column_id: int
    service: services.Connector
    lineitems_url: str
    bad: _Bad = field(default_factory=_Bad)
    stopped: str = ""
    gone: bool = False

    def bring_up_to_date(self) -> None:
        """Find or make the column, then send and read back until nothing is left to do now.

        Raises _ColumnGoneError, _StoppedError, ServiceError.
        """
        if self._is_idle():
            return
        # Before any thread needs it: without a token nothing else need be tried.
        self.service.get_access_token(services.AGS_SCOPES)
        url, is_known = self._line_item()
        everything = self.of.verify or not is_known
        rounds, waited = 0, timedelta()
        while rounds < ROUNDS and waited <= self.of.lease + PATIENCE:
            reading = self._read_back(url, everything)
            everything = False
            if self._send(url, reading.again):
                rounds += 1
                continue
            pause = self._pause()
            if pause is None:
                break
            self.of.told()
            self.of.sleep(pause.total_seconds())
            waited += pause
        if self.stopped:
            # What was taken before that is verified all the same.
            self._read_back(url, everything=False)
        with _writing() as session:
            gradebook.keep_success(session, self.column_id)

    def _is_idle(self) -> bool:
        """Nothing here needs Moodle."""
        with db.new_session() as session:
            column = session.get_one(GradebookColumn, self.column_id)
            work = gradebook.work_in(session, self.column_id, db.now(), self.of.lease)
        is_there = bool(column.lineitem_url) and column.label == column.moodle_label
        return is_there and not self.of.verify and not (work.total or work.elsewhere)

    # --- the column itself ----------------------------------------------------------------------------------------

    def _read(self) -> GradebookColumn:
        with db.new_session() as session:
            return session.get_one(GradebookColumn, self.column_id)

    def _line_item(self) -> tuple[str, bool]:
        """Where the column is in Moodle, and whether it was known before."""
        column = self._read()
        if not column.lineitem_url:
            return self._find_or_make(column), False
        if column.label != column.moodle_label:
            try:
                moodle.rename_line_item(self.service, column.lineitem_url, column.label)
            except services.ServiceRefusedError as err:
                self._if_gone(err, column.lineitem_url)
                raise
            with _writing() as session:
                gradebook.keep_label(session, self.column_id, column.label)
        return column.lineitem_url, True

    def _find_or_make(self, column: GradebookColumn) -> str:
        if not self.lineitems_url:
            raise _NotOfferedError
        item = moodle.find_line_item(
            self.service, self.lineitems_url, tag=gradebook.TAG, resource_id=column.resource_id
        )
        is_new = item is None
        if item is None:
            item = moodle.create_line_item(
                self.service,
                self.lineitems_url,
                label=column.label,
                tag=gradebook.TAG,
                resource_id=column.resource_id,
            )
        with _writing() as session:
            return gradebook.keep_line_item(session, self.column_id, item.url, item.label, is_new)

    def _if_gone(self, error: services.ServiceRefusedError, url: str) -> None:
        if error.http == 404:
            self._forget(url)
            raise _ColumnGoneError from error

    def _forget(self, url: str) -> None:
        with _writing() as session:
            gradebook.forget_line_item(session, self.column_id, url)

    # --- reading back ---------------------------------------------------------------------------------------------

    def _read_back(self, url: str, everything: bool) -> Reading:
        """Hold the outbox against what Moodle shows, where there is something to learn from it."""
        with db.new_session() as session:
            seen = gradebook.glance(session, self.column_id, everything, self.of.lease)
        if not seen.rows:
            return Reading([], 0, 0)
        try:
            found = moodle.read_results(self.service, url)
        except services.ServiceRefusedError as err:
            self._if_gone(err, url)
            raise
        with _writing() as session:
            reading = gradebook.keep_results(session, self.column_id, seen, found)
        self.of.result.confirmed += reading.confirmed
        self.of.result.rejected += reading.rejected
        self.of.done += reading.confirmed + reading.rejected
        self.of.told()
        return reading

    # --- sending --------------------------------------------------------------------------------------------------

    def _send(self, url: str, again: list[int]) -> bool:
        """Send what may be sent, at most rules.AT_ONCE at a time; says whether anything was."""
        column = self._read()
        waiting = list(again)
        running: dict[Future[Outcome], Claim] = {}
        anything = False
        with ThreadPoolExecutor(rules.AT_ONCE, thread_name_prefix="scores") as pool:
            while True:
                answers = self._answers(running)
                with _writing() as session:
                    for claim, outcome in answers:
                        self._keep(session, claim, outcome)
                    free = 0 if self.stopped or self.gone else rules.AT_ONCE - len(running)
                    claims = gradebook.claim(session, column, waiting, free, self.of.lease) if free else []
                # Only now: progress is written in a transaction of its own, and two of ours would wait for each other.
                self.of.told()
                for claim in claims:
                    if claim.grade_id in waiting:
                        waiting.remove(claim.grade_id)
                    running[pool.submit(moodle.post_score, self.service, url, claim.score)] = claim
                    anything = True
                if not running:
                    break
        if self.gone:
            self._forget(url)
            raise _ColumnGoneError
        if self.stopped in _STOPPING:
            self.of.result.trouble = self.stopped
            with _writing() as session:
                gradebook.keep_trouble(session, self.column_id, self.stopped)
            raise _StoppedError
        return anything and not self.stopped

    def _answers(self, running: dict[Future[Outcome], Claim]) -> list[tuple[Claim, Outcome]]:
        """What has been answered by now; waits for at least one answer while there is any to come."""
        if not running:
            return []
        done, _rest = wait(running, return_when=FIRST_COMPLETED)
        return [(running.pop(future), future.result()) for future in done]

    def _keep(self, session: Session, claim: Claim, outcome: Outcome) -> None:
        self.of.result.posted += 1
        step = gradebook.record_answer(session, claim, outcome)
        if step is None:
            return
        if step.event in (Event.TAKEN, Event.OVERTAKEN):
            self.of.result.taken += 1
        elif step.event is Event.REFUSE:
            self.of.result.rejected += 1
        if step.event not in (Event.TAKEN, Event.OVERTAKEN) and step.trouble is not Trouble.STALE:
            self.of.done += 1
        if step.trouble is Trouble.COLUMN_GONE:
            self.gone = True
        if step.stops or self.bad.count(step.trouble or ""):
            self.stopped = step.trouble or ""

    def _pause(self) -> timedelta | None:
        """How long to wait for something that can be done soon; None when there is no such thing."""
        if self.stopped:
            return None
        moment = db.now()
        with db.new_session() as session:
            work = gradebook.work_in(session, self.column_id, moment, self.of.lease)
        if work.total or work.elsewhere:
            # Another worker has the platform's places, or had these rows when it was killed.
            return timedelta(seconds=0.5)
        if work.next_at is not None and work.next_at - moment <= PATIENCE:
            return max(work.next_at - moment, timedelta(milliseconds=10))
        return None


class _NotOfferedError(DomainError):
    """The course's launches carry no gradebook service: the tool is not allowed to use it in Moodle."""

    code = NOT_OFFERED


@contextmanager
def _writing() -> Iterator[Session]:
    """A short transaction of our own, whatever context the caller runs in."""
    with db.new_session() as own, db.transaction(own) as session:
        yield session
