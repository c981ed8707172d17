"""Background work of the gradebook: delivering on demand, every minute what is due, and the nightly pass."""

import time
from datetime import timedelta

import structlog

from lti_service import db, queue
from lti_service.indicators import delivery, gradebook
from lti_service.indicators.delivery import Delivered
from lti_service.platforms import service as platforms
from lti_service.queue import Progress, Run, huey

log = structlog.get_logger(__name__)

SILENT = timedelta(minutes=1)
"""A run that said nothing for so long is taken up by the next pass: its worker was killed, or the wake-up was lost.
Should it live after all, two workers do no harm: each row is taken by one."""
BETWEEN_STEPS = 0.5
"""Seconds between two writes of progress; a watcher's page looks less often."""


@huey.task()  # type: ignore[untyped-decorator]
def deliver_course(run_id: int) -> None:
    """Deliver the outbox of the run's course, under the run."""
    _work(run_id)


@huey.task()  # type: ignore[untyped-decorator]
def deliver_all_of_course(run_id: int) -> None:
    """As `deliver_course`, after a fresh look at what should be, and reading confirmed grades back as well."""
    with db.new_session() as session:
        course_id = session.get_one(Run, run_id).course_id
    refresh_course(course_id)
    _work(run_id, verify=True)


def deliver_due() -> None:
    """Every minute: look at the courses that something marked, and start deliveries where there is something to do."""
    refresh_due()
    with db.new_session() as session:
        course_ids = gradebook.courses_to_deliver(session, db.now())
    for course_id in course_ids:
        run_id = _open(course_id)
        if run_id is not None:
            deliver_course(run_id)


def refresh_all() -> None:
    """The nightly pass: every course of an active platform is looked at, delivered, and read back."""
    with db.new_session() as session:
        courses = [course.id for course in platforms.active_courses(session)]
        with_columns = gradebook.courses_with_columns(session)
    for course_id in courses:
        if course_id not in with_columns:
            continue
        run_id = _open(course_id)
        if run_id is not None:
            deliver_all_of_course(run_id)


def refresh_due() -> int:
    """Bring the outboxes of marked courses to what should be; says how many grades became due."""
    with db.new_session() as session:
        marked = queue.due_courses(session)
    changed = 0
    for due in marked:
        with db.new_session() as own, db.transaction(own) as session:
            changed += gradebook.refresh_due(session, due)
    return changed


def refresh_course(course_id: int) -> int:
    """Bring one course's outbox to what should be, marked or not; says how many grades became due."""
    with db.new_session() as own, db.transaction(own) as session:
        return gradebook.refresh_course(session, course_id)


def start(course_id: int, requested_by: int) -> int:
    """Somebody wants the course delivered now: start, or find the delivery that goes on; returns the run's id."""
    with db.new_session() as own, db.transaction(own) as session:
        gradebook.hurry(session, course_id)
        run, is_new = queue.open_run(session, gradebook.KIND, course_id, requested_by)
        run_id, is_silent = run.id, run.heard_at < db.now() - SILENT
    if is_new or is_silent:
        deliver_all_of_course(run_id)
    return run_id


def _open(course_id: int) -> int | None:
    """A run to work under; None while another worker is at the course."""
    with db.new_session() as own, db.transaction(own) as session:
        run, is_new = queue.open_run(session, gradebook.KIND, course_id)
        return run.id if is_new or run.heard_at < db.now() - SILENT else None


def _work(run_id: int, verify: bool = False) -> Delivered | None:
    with db.new_session() as session:
        run = session.get_one(Run, run_id)
    if run.state not in queue.OPEN:
        # Another worker took the silent run up and has brought it to its end.
        return None
    with queue.watched(run.id) as progress:
        result = delivery.deliver(run.course_id, Heartbeat(progress), verify=verify)
        finish(progress, result)
    return result


def finish(progress: Progress, result: Delivered) -> None:
    """Close the run with what was done; trouble makes it a failed one, though what was delivered stays delivered."""
    if result.trouble:
        progress.fail(result.trouble, counts=result.counts())
    else:
        progress.finish(result.counts())


class Heartbeat:
    """Tells a run of progress, often enough to be seen alive and seldom enough to cost nothing."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._told = float("-inf")

    def __call__(self, done: int, total: int | None) -> None:
        """So many of so many."""
        if time.monotonic() - self._told >= BETWEEN_STEPS or done == total:
            self._progress.step(done, total)
            self._told = time.monotonic()
