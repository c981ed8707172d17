"""`flask grades …`, and what the worker does by the clock."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from lti_service import db, queue
from lti_service.indicators import tasks
from lti_service.indicators.models import GradebookColumn
from tests.indicators.world import World


def test_push_delivers_and_says_what_it_did(world: World, app: Flask) -> None:
    world.need(world.students[:4])
    world.pair(world.students[:3])
    world.column()

    done = app.test_cli_runner().invoke(args=["grades", "push"])

    assert done.exit_code == 0, done.output
    assert "4 sent, 4 confirmed, 0 rejected, 0 waiting" in done.output
    assert world.in_moodle().average() == 75


def test_push_sees_changes_that_nobody_looked_at_yet(world: World, app: Flask) -> None:
    world.need(world.students[:4])
    world.column()
    world.deliver()
    world.pair(world.students[:4])

    done = app.test_cli_runner().invoke(args=["grades", "push", "--course", str(world.course.id)])

    assert done.exit_code == 0, done.output
    assert world.in_moodle().average() == 100


def test_push_that_meets_trouble_fails(world: World, app: Flask) -> None:
    world.need(world.students[:4])
    world.column()
    world.moodle.faults.add("lineitems", status=503)

    done = app.test_cli_runner().invoke(args=["grades", "push"])

    assert done.exit_code == 1
    assert "moodle-unavailable" in done.output


def test_push_works_beside_a_run_that_another_process_has_open(world: World, app: Flask) -> None:
    world.need(world.students[:4])
    world.column()
    with db.transaction(world.session) as session:
        run, _is_new = queue.open_run(session, "grades", world.course.id)
        run.state = queue.RunState.RUNNING

    done = app.test_cli_runner().invoke(args=["grades", "push"])

    assert done.exit_code == 0, done.output
    assert len(world.shown()) == 4


def test_an_unknown_course_is_wrong_usage(app: Flask) -> None:
    assert app.test_cli_runner().invoke(args=["grades", "push", "--course", "999"]).exit_code == 2


@pytest.mark.parametrize("command", ["push", "status"])
def test_without_columns_there_is_nothing_to_do(command: str, app: Flask) -> None:
    done = app.test_cli_runner().invoke(args=["grades", command])

    assert done.exit_code == 0
    assert "No course has a gradebook column." in done.output


def test_status_counts_by_state(world: World, app: Flask) -> None:
    world.need([*world.students[:3], world.teachers[1]])
    world.column()
    before = app.test_cli_runner().invoke(args=["grades", "status"]).output
    world.deliver()
    after = app.test_cli_runner().invoke(args=["grades", "status"]).output

    assert "4 waiting\t0 confirmed\t0 rejected" in before
    assert "0 waiting\t3 confirmed\t1 rejected" in after


def test_a_change_reaches_moodle_with_the_next_minute(world: World) -> None:
    world.need(world.students[:4])
    world.column()
    tasks.deliver_due()
    with time_machine.travel(db.now() + timedelta(minutes=1), tick=True):
        world.pair(world.students[:2])

        tasks.deliver_due()

    assert world.in_moodle().average() == 50
    with db.new_session() as session:
        assert queue.due_courses(session) == []


def test_a_minute_without_changes_costs_moodle_nothing(world: World) -> None:
    world.need(world.students[:4])
    world.column()
    tasks.deliver_due()
    world.moodle.requests.clear()

    tasks.deliver_due()

    assert len(world.moodle.requests) == 0
    assert len(world.session.scalars(select(queue.Run)).all()) == 1


def test_the_night_reads_back_what_was_confirmed_and_finds_what_nobody_marked(world: World) -> None:
    world.need(world.students[:4])
    world.column()
    tasks.deliver_due()
    del world.in_moodle().grades[int(world.students[0].moodle_id)]
    world.session.execute(queue.DueCourse.__table__.delete())
    world.session.commit()
    with time_machine.travel(db.now() + timedelta(hours=12), tick=True):
        tasks.refresh_all()

        assert len(world.shown()) == 4
        world.session.expire_all()
        verified_at = world.session.scalars(select(GradebookColumn.verified_at)).one()
        assert verified_at is not None
        assert db.now() - verified_at < timedelta(minutes=1)


def test_a_run_that_lives_is_left_alone_and_one_that_fell_silent_is_taken_up(world: World) -> None:
    world.need(world.students[:4])
    world.column()
    with db.transaction(world.session) as session:
        queue.open_run(session, "grades", world.course.id)

    tasks.deliver_due()
    assert world.accepted == []
    with time_machine.travel(db.now() + tasks.SILENT + timedelta(seconds=1), tick=True):
        tasks.deliver_due()

    assert len(world.accepted) == 4
    world.session.expire_all()
    assert world.session.scalars(select(queue.Run.state)).all() == [queue.RunState.DONE]
