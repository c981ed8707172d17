"""`flask sync`, as an administrator sees it in a terminal."""

from collections.abc import Callable

import pytest
from click.testing import Result as Ran
from flask import Flask
from sqlalchemy.orm import Session

from lti_service import db
from lti_service.people import cli, service
from lti_service.people.cli import Result, SyncStep
from lti_service.platforms.models import Course, Platform
from lti_service.queue import RunState
from tests.people.conftest import a_course
from tests.practice_moodle import PracticeMoodle

Sync = Callable[..., Ran]


@pytest.fixture
def sync(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Sync:
    """Run `flask sync` with these arguments, with the step of this wing alone."""
    monkeypatch.setattr(cli, "_steps", [step for step in cli._steps if step.kind == "enrolments"])
    return lambda *arguments: app.test_cli_runner().invoke(cli.sync, arguments)


def test_it_says_what_changed_course_by_course(sync: Sync, course: Course, platform: Platform, session: Session):
    a_course(session, platform, 3)

    first = sync()
    assert first.exit_code == 0, first.output
    assert "People: 231 new, 206 mentee candidates, 25 mentor candidates, 0 the same" in first.stdout
    assert "(course 2)" in first.stdout

    second = sync("--course", str(course.id))
    assert second.exit_code == 0
    assert second.stdout == "Наставничество 2026/27 (course 1)\n  People: nothing changed, 231 the same\n"


def test_it_names_roles_without_a_meaning_and_values_it_could_not_read(
    sync: Sync, course: Course, platform: Platform, session: Session, moodle: PracticeMoodle
):
    session.get_one(Platform, platform.id).role_map = {"student": []}
    session.commit()
    moodle.college.teachers[0].fields["experience"] = "много"

    ran = sync()

    assert "200 skipped (no-known-role), roles without a meaning here: student" in ran.stdout
    assert f"1 with an unreadable experience (Moodle ids {moodle.college.teachers[0].id})" in ran.stdout


def test_a_failure_is_said_on_standard_error_with_status_1_and_the_other_courses_are_synced(
    sync: Sync, course: Course, platform: Platform, session: Session
):
    a_course(session, platform, 77)
    a_course(session, platform, 3)

    ran = sync()

    assert ran.exit_code == 1
    assert "People: FAILED, moodle-no-record" in ran.stderr
    assert ran.stdout.count("People: ") == 2


def test_a_course_that_nobody_knows_is_wrong_usage(sync: Sync, course: Course):
    assert sync("--course", "99").exit_code == 2
    assert sync("--platform", "99").exit_code == 2


def test_without_courses_it_says_what_to_do(sync: Sync, platform: Platform):
    ran = sync()
    assert ran.exit_code == 0
    assert "open the activity in one" in ran.stdout


def test_two_syncs_of_one_course_do_not_overlap(sync: Sync, course: Course):
    with db.new_session() as own, db.transaction(own) as session:
        service.open_sync(session, course.id)

    ran = sync()

    assert ran.exit_code == 1
    assert "somebody is at it already" in ran.stderr


def test_steps_of_other_wings_follow_each_under_a_run_of_its_own(
    sync: Sync, course: Course, session: Session, monkeypatch: pytest.MonkeyPatch
):
    seen: list[int] = []

    def count_members(course_id: int, watcher: cli.Watcher) -> Result:
        with db.new_session() as reading:
            seen.append(len(service.members(reading, course_id)))
        watcher.step(1, 1)
        return Result({"counted": seen[-1]})

    def break_down(course_id: int, watcher: cli.Watcher) -> Result:
        raise ZeroDivisionError("ours")

    cli.add_step(SyncStep("count", "Members", count_members, lambda counts: f"{counts['counted']} counted"))
    cli.add_step(SyncStep("broken", "Broken", break_down, str))

    ran = sync()

    assert "  Members: 231 counted\n" in ran.stdout
    assert "Broken: FAILED, ZeroDivisionError('ours')" in ran.stderr
    assert ran.exit_code == 1
    runs = {run.kind: run.state for run in session.query(service.Run)}
    assert runs == {"enrolments": RunState.DONE, "count": RunState.DONE, "broken": RunState.FAILED}
