"""`flask grades push` and `flask grades status`: the outbox from the command line."""

import sys

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from lti_service import db, queue
from lti_service.indicators import delivery, gradebook, tasks
from lti_service.indicators.delivery import Delivered
from lti_service.platforms import service as platforms

grades = AppGroup("grades", help="Gradebook columns in Moodle.")


@grades.command("push")
@click.option("--course", "course_id", type=int, help="Only this course (its id here, as in its address).")
def push(course_id: int | None) -> None:
    """Deliver the outbox now: look at what should be, send it, and read it back."""
    with db.new_session() as session:
        chosen = _courses(session, course_id)
    tasks.refresh_due()
    failed = False
    for found_id, title in chosen:
        result = _push(found_id, title)
        failed = failed or bool(result.trouble)
        told = ", ".join(f"{number} {name}" for name, number in result.counts().items())
        click.echo(f"{found_id}\t{title}\t{told}")
        if result.trouble:
            click.echo(f"{title}: {result.trouble}", err=True)
    if not chosen:
        click.echo("No course has a gradebook column.")
    sys.exit(1 if failed else 0)


@grades.command("status")
def status() -> None:
    """Show how many grades are in which state, column by column."""
    with db.new_session() as session:
        chosen = _courses(session, None)
        for course_id, title in chosen:
            for row in gradebook.columns_of(session, course_id):
                counts = row.counts
                trouble = f"\t{row.column.error_code}" if row.column.error_code else ""
                click.echo(
                    f"{course_id}\t{title}\t{row.column.label}\t{counts.waiting} waiting\t"
                    f"{counts.confirmed} confirmed\t{counts.rejected} rejected{trouble}"
                )
    if not chosen:
        click.echo("No course has a gradebook column.")


def _courses(session: Session, course_id: int | None) -> list[tuple[int, str]]:
    """Ids and titles of the courses to look at."""
    with_columns = gradebook.courses_with_columns(session)
    courses = {course.id: course.title for course in platforms.active_courses(session)}
    if course_id is not None:
        if course_id not in courses:
            raise click.UsageError(f"There is no course {course_id} of an active platform.")
        return [(course_id, courses[course_id])]
    return [(found, title) for found, title in courses.items() if found in with_columns]


def _push(course_id: int, title: str) -> Delivered:
    """Deliver one course in this process, with a bar; also beside a worker that is at it, for rows are shared out."""
    tasks.refresh_course(course_id)
    with db.new_session() as own, db.transaction(own) as session:
        gradebook.hurry(session, course_id)
        run, is_new = queue.open_run(session, gradebook.KIND, course_id)
        run_id = run.id
    with click.progressbar(length=1, label=title, file=sys.stderr) as bar:

        def show(done: int, total: int | None) -> None:
            bar.length = max(total or 0, 1)
            bar.update(done - bar.pos)

        if not is_new:
            return delivery.deliver(course_id, show, verify=True)
        with queue.watched(run_id) as progress:
            heartbeat = tasks.Heartbeat(progress)

            def tell(done: int, total: int | None) -> None:
                show(done, total)
                heartbeat(done, total)

            result = delivery.deliver(course_id, tell, verify=True)
            tasks.finish(progress, result)
    return result
