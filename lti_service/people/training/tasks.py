"""Background work of training: reading completions from Moodle, on demand and by night."""

import structlog

from lti_service import db, queue
from lti_service.people.training import completions
from lti_service.platforms import service as platforms
from lti_service.queue import Run, huey

log = structlog.get_logger(__name__)


@huey.task()  # type: ignore[untyped-decorator]
def read_completions(run_id: int) -> None:
    """Read the completions of the run's college, under the run."""
    with db.new_session() as session:
        run = session.get_one(Run, run_id)
    _work(run)


def read_all() -> None:
    """The nightly pass: every college that has named a Moodle course, once each.

    A course whose completions somebody is reading just now is left to them; trouble with one college stays its own.
    """
    with db.new_session() as session:
        first: dict[int, int] = {}
        for course in platforms.active_courses(session):
            if course.platform.ws_token and completions.has_something_to_read(session, course.platform_id):
                first.setdefault(course.platform_id, course.id)
    for course_id in first.values():
        with db.new_session() as own, db.transaction(own) as session:
            run, is_new = completions.open_reading(session, course_id)
        if is_new:
            try:
                _work(run)
            except Exception:
                # The run and the log have it; the next college may be on another, healthy Moodle.
                log.warning("completions of a college not read", course=course_id)


def _work(run: Run) -> None:
    with queue.watched(run.id) as progress:
        report = completions.read_completions(run.course_id, progress, run.requested_by)
        if report.code:
            progress.fail(report.code, report.detail, report.counts())
        else:
            progress.finish(report.counts())
