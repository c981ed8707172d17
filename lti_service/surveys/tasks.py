"""Background work of surveys: reading a course's answers, on demand and by night."""

import structlog

from lti_service import db, queue
from lti_service.platforms import service as platforms
from lti_service.queue import Progress, Run, huey
from lti_service.surveys import answers

log = structlog.get_logger(__name__)


@huey.task()  # type: ignore[untyped-decorator]
def refresh_answers(run_id: int) -> None:
    """Read the answers of the run's course, under the run."""
    with db.new_session() as session:
        run = session.get_one(Run, run_id)
    _work(run)


def sync_all() -> None:
    """The nightly pass: the answers of every active platform's courses, one after the other.

    A course whose answers somebody is reading just now is left to them; trouble with one course stays its own.
    """
    with db.new_session() as session:
        courses = [course.id for course in platforms.active_courses(session)]
    for course_id in courses:
        with db.new_session() as own, db.transaction(own) as session:
            run, is_new = queue.open_run(session, answers.KIND, course_id)
        if is_new:
            try:
                _work(run)
            except Exception:
                # The run and the log have it; the next course may be on another, healthy Moodle.
                log.warning("surveys of a course not read", course=course_id)


def _work(run: Run) -> None:
    """Read under the run, and once more under one of its own what was added meanwhile.

    Whoever adds a survey while the others are being read starts no run, for one is open; that one had looked for
    its surveys before.
    """
    with queue.watched(run.id) as progress:
        outcome = answers.sync_surveys(run.course_id, progress)
        _finish(progress, outcome)
    with db.new_session() as own, db.transaction(own) as session:
        if not answers.added_meanwhile(session, run.course_id, outcome.tried):
            return
        following, is_new = queue.open_run(session, answers.KIND, run.course_id, run.requested_by)
    if is_new:
        _work(following)


def _finish(progress: Progress, outcome: answers.Outcome) -> None:
    if outcome.code:
        progress.fail(outcome.code, outcome.detail, outcome.counts())
    else:
        progress.finish(outcome.counts())
