"""`flask sync`: what Moodle has, brought in now, in the foreground and with a progress bar."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click
from flask.cli import with_appcontext
from flask_babel import force_locale
from sqlalchemy.orm import Session

from lti_service import db, queue
from lti_service.people import enrolments, trouble
from lti_service.people.enrolments import SyncStoppedError
from lti_service.platforms import service as platforms
from lti_service.platforms.models import Course
from lti_service.queue import Progress

MENTIONED = 10
"""How many people with a trouble are named; a page has all of them."""


class Watcher:
    """Is told of each step, and tells the run and the progress bar."""

    def __init__(self, progress: Progress, bar: Any) -> None:
        self.run_id = progress.run_id
        self._progress = progress
        self._bar = bar

    def step(
        self,
        done: int,
        total: int | None = None,
        position: dict[str, Any] | None = None,
        counts: dict[str, Any] | None = None,
        within: Session | None = None,
    ) -> None:
        """As `Progress.step`."""
        self._progress.step(done, total, position, counts, within)
        self._bar.length = total
        self._bar.update(done - self._bar.pos)


@dataclass(frozen=True, slots=True)
class Result:
    """What a step changed, and what stopped it."""

    counts: dict[str, Any]
    """As `Run.counts` keeps it."""
    code: str = ""
    """Of what went wrong; empty: nothing."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class SyncStep:
    """One thing that `flask sync` brings in for each course."""

    kind: str
    """Of its runs."""
    title: str
    run: Callable[[int, Watcher], Result]
    """Takes the course's id here and somebody to tell of each step."""
    describe: Callable[[dict[str, Any]], str]
    """What changed, in one line."""


_steps: list[SyncStep] = []


def add_step(step: SyncStep) -> None:
    """Let `flask sync` do one thing more for each course, after those added before."""
    _steps.append(step)


def sync_people(course_id: int, watcher: Watcher) -> Result:
    """The first step: enrolments."""
    with db.new_session() as session:
        resumed = enrolments.resume_point(session, watcher.run_id)
    try:
        report = enrolments.sync_course(course_id, watcher.step, resumed)
    except SyncStoppedError as stopped:
        return Result(stopped.counts, stopped.code, stopped.detail)
    return Result(report.counts())


def describe_people(counts: dict[str, Any]) -> str:
    """`231 new, 206 mentee candidates, 25 mentor candidates`, or that nothing has changed."""
    words = {
        "new": "new",
        "changed": "changed",
        "returned": "back",
        "left": "left",
        "mentees": "mentee candidates",
        "mentors": "mentor candidates",
        "revised": "candidates moved",
    }
    changes = [f"{counts[name]} {word}" for name, word in words.items() if counts[name]]
    parts = [*changes, f"{counts['same']} the same"] if changes else [f"nothing changed, {counts['same']} the same"]
    if counts.get("resumed_at"):
        parts.append(f"gone on with page {counts['resumed_at']}, after {counts['earlier']} people read before")
    if counts.get("source") == enrolments.ROSTER:
        parts.append("from the roster, for there is no web-service token: without groups, profiles and exact roles")
    parts += [f"{count} skipped ({reason})" for reason, count in counts["skipped"].items()]
    if counts["unknown_roles"]:
        parts.append("roles without a meaning here: " + ", ".join(counts["unknown_roles"]))
    for reason, found in counts["problems"].items():
        known = {"name": "without a name", "corrected": "corrected here, other than in Moodle"}
        what = known.get(reason, f"with an unreadable {reason}")
        others = ["…"] if found["count"] > MENTIONED else []
        parts.append(f"{found['count']} {what} (Moodle ids {', '.join([*found['people'][:MENTIONED], *others])})")
    return ", ".join(parts)


add_step(SyncStep(enrolments.KIND, "People", sync_people, describe_people))


@click.command("sync", help="Bring enrolments and surveys in from Moodle now.")
@click.option("--platform", "platform_id", type=int, help="Only this platform's courses.")
@click.option("--course", "course_id", type=int, help="Only this course (its number in our addresses).")
@with_appcontext
def sync(platform_id: int | None, course_id: int | None) -> None:
    """Run every step for every course; exit status 1 when one of them failed."""
    courses = [
        course
        for course in platforms.active_courses(db.session())
        if platform_id in (None, course.platform_id) and course_id in (None, course.id)
    ]
    if not courses and (platform_id is not None or course_id is not None):
        raise click.UsageError("There is no such course of an active platform.")
    if not courses:
        click.echo("No course is known yet: open the activity in one, and it will be.")
    # In a list, for one that fails must not keep the others from being synced.
    done = [_sync_course(course) for course in courses]
    sys.exit(0 if all(done) else 1)


def _sync_course(course: Course) -> bool:
    click.echo(f"{course.title} (course {course.id})")
    done = []
    for step in _steps:
        try:
            done.append(_run_step(step, course.id))
        except Exception as err:
            # The run keeps it and the log has the whole story.
            click.echo(f"  {step.title}: FAILED, {err!r}", err=True)
            done.append(False)
    return all(done)


def _run_step(step: SyncStep, course_id: int) -> bool:
    with db.transaction() as session:
        run, is_new = queue.open_run(session, step.kind, course_id)
    if not is_new:
        click.echo(f"  {step.title}: somebody is at it already, since {run.created_at:%H:%M} UTC.", err=True)
        return False
    with queue.watched(run.id) as progress:
        with click.progressbar(length=1, label=f"  {step.title}", show_pos=True, file=sys.stderr) as bar:
            result = step.run(course_id, Watcher(progress, bar))
        if result.code:
            progress.fail(result.code, result.detail, result.counts)
        else:
            progress.finish(result.counts)
    if result.code:
        with force_locale("en"):
            told = " ".join(part for part in (trouble.sentence(result.code), f"({result.detail})") if part != "()")
        click.echo(f"  {step.title}: FAILED, {result.code}: {told}", err=True)
        return False
    click.echo(f"  {step.title}: {step.describe(result.counts)}")
    return True
