"""Background work of the rules on who is who: putting everybody of a platform before them."""

from datetime import datetime
from zoneinfo import ZoneInfo

from lti_service import db, queue
from lti_service.people.kinds import service
from lti_service.platforms.models import Course, Platform
from lti_service.queue import Run, huey


@huey.task()  # type: ignore[untyped-decorator]
def apply_rules(run_id: int) -> None:
    """Apply the rules of the platform that the run's course is of, under the run."""
    with db.new_session() as session:
        course = session.get_one(Course, session.get_one(Run, run_id).course_id)
        platform = session.get_one(Platform, course.platform_id)
        platform_id, day = platform.id, datetime.now(ZoneInfo(platform.time_zone)).date()
    with queue.watched(run_id) as progress:
        progress.finish(service.apply(platform_id, day, progress.step))
