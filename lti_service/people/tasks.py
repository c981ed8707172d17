"""Background work of people: syncing a course's enrolments, on demand and by night, and trying again later."""

from datetime import timedelta

import structlog
from sqlalchemy.orm import Session

from lti_service import db, queue
from lti_service.people import enrolments
from lti_service.people.enrolments import SyncStoppedError
from lti_service.platforms import service as platforms
from lti_service.queue import Run, huey

log = structlog.get_logger(__name__)

LATER_TRIES = 2
LATER = timedelta(minutes=10)
"""Between two tries while Moodle is down: an upgrade takes minutes, and the nightly pass is a try of its own."""


@huey.task()  # type: ignore[untyped-decorator]
def sync_enrolments(run_id: int, tries_left: int = LATER_TRIES) -> None:
    """Sync the run's course under the run; when Moodle is down, try so many times again later."""
    with db.new_session() as session:
        course_id = session.get_one(Run, run_id).course_id
        resumed = enrolments.resume_point(session, run_id)
    with queue.watched(run_id) as progress:
        try:
            report = enrolments.sync_course(course_id, progress.step, resumed)
        except SyncStoppedError as stopped:
            progress.fail(stopped.code, stopped.detail, stopped.counts)
            if stopped.may_pass and tries_left:
                try_again.schedule((run_id, tries_left - 1), delay=LATER.total_seconds())
        else:
            progress.finish(report.counts())


@huey.task()  # type: ignore[untyped-decorator]
def try_again(failed_run_id: int, tries_left: int) -> None:
    """Sync the failed run's course anew, unless somebody has done or is doing it meanwhile."""
    with db.new_session() as own, db.transaction(own) as session:
        failed = session.get_one(Run, failed_run_id)
        last = queue.last_run(session, enrolments.KIND, failed.course_id)
        if last is not None and last.id != failed.id:
            return
        run, is_new = queue.open_run(session, enrolments.KIND, failed.course_id, failed.requested_by)
    if is_new:
        sync_enrolments.call_local(run.id, tries_left)


def sync_all() -> None:
    """The nightly pass: every course of every active platform that has a web service or a roster, one by one.

    It returns when all are done, for what follows by night needs the people. A course that is being synced is left
    to whoever does it; trouble with one course stays its own.
    """
    with db.new_session() as session:
        courses = _courses_to_sync(session)
    for course_id in courses:
        with db.new_session() as own, db.transaction(own) as session:
            run, is_new = queue.open_run(session, enrolments.KIND, course_id)
        if is_new:
            try:
                sync_enrolments.call_local(run.id)
            except Exception:
                # The run and the log have it; the next course may be fine.
                log.warning("course not synced", course=course_id)


def _courses_to_sync(session: Session) -> list[int]:
    return [
        course.id for course in platforms.active_courses(session) if course.platform.ws_token or course.memberships_url
    ]
