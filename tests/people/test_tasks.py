"""Background syncs: what a run says at its end, when another try comes, and what the night does."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service import db
from lti_service.people import enrolments, service, tasks
from lti_service.people.models import Membership
from lti_service.platforms.models import Course, Platform
from lti_service.queue import Run, RunState, huey
from tests.people.conftest import a_course
from tests.practice_moodle import PracticeMoodle

USERS = "core_enrol_get_enrolled_users"


@pytest.fixture(autouse=True)
def _nothing_is_scheduled() -> None:
    huey.storage.flush_schedule()


def open_run(course: Course) -> Run:
    with db.new_session() as own, db.transaction(own) as session:
        return service.open_sync(session, course.id, requested_by=None)[0]


def runs(session: Session, course: Course) -> list[Run]:
    session.commit()
    return list(
        session.scalars(
            select(Run).where(Run.course_id == course.id).order_by(Run.id).execution_options(populate_existing=True)
        )
    )


def run_what_is_scheduled() -> int:
    """Let time pass for the worker: everything scheduled is done now."""
    waiting = huey.scheduled()
    huey.storage.flush_schedule()
    for task in waiting:
        assert task.eta is not None
        huey.execute(task, task.eta)
    return len(waiting)


def test_a_run_ends_with_what_changed(session: Session, course: Course):
    tasks.sync_enrolments(open_run(course).id)

    run = runs(session, course)[0]
    assert (run.state, run.done, run.error_code) == (RunState.DONE, 231, "")
    assert (run.counts["new"], run.counts["mentees"]) == (231, 206)
    assert run.finished_at is not None
    assert huey.scheduled() == []


def test_a_failed_run_says_what_failed_and_how_far_it_came(
    session: Session, course: Course, moodle: PracticeMoodle, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(enrolments, "PAGE", 100)
    moodle.faults.add(USERS, beyond=99, page=True)

    tasks.sync_enrolments(open_run(course).id)

    run = runs(session, course)[0]
    assert (run.state, run.error_code, run.done) == (RunState.FAILED, "moodle-nonsense", 100)
    assert run.counts["new"] == 100
    assert "not JSON" in run.error_detail
    assert session.get_one(Course, course.id).synced_at is None


def test_while_moodle_is_down_it_tries_twice_more_and_then_leaves_it_to_the_night(
    session: Session, course: Course, moodle: PracticeMoodle
):
    moodle.faults.add(USERS, status=500)

    tasks.sync_enrolments(open_run(course).id)
    assert run_what_is_scheduled() == 1
    assert run_what_is_scheduled() == 1
    assert run_what_is_scheduled() == 0

    assert [run.error_code for run in runs(session, course)] == ["moodle-down"] * 3


def test_a_later_try_that_succeeds_is_the_last(session: Session, course: Course, moodle: PracticeMoodle):
    moodle.faults.add(USERS, status=500)
    tasks.sync_enrolments(open_run(course).id)
    moodle.faults.clear()

    run_what_is_scheduled()

    assert [run.state for run in runs(session, course)] == [RunState.FAILED, RunState.DONE]
    assert huey.scheduled() == []


def test_a_later_try_is_left_out_when_somebody_has_synced_meanwhile(
    session: Session, course: Course, moodle: PracticeMoodle
):
    moodle.faults.add(USERS, status=500)
    tasks.sync_enrolments(open_run(course).id)
    moodle.faults.clear()
    tasks.sync_enrolments(open_run(course).id)

    run_what_is_scheduled()

    assert [run.state for run in runs(session, course)] == [RunState.FAILED, RunState.DONE]


def test_trouble_that_does_not_pass_by_itself_is_not_tried_again(
    session: Session, course: Course, moodle: PracticeMoodle
):
    moodle.web_service.allowed.discard(USERS)

    tasks.sync_enrolments(open_run(course).id)

    assert runs(session, course)[0].error_code == "moodle-access"
    assert huey.scheduled() == []


def test_an_error_of_ours_is_kept_in_the_run_too(session: Session, course: Course, monkeypatch: pytest.MonkeyPatch):
    def broken(*_args: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(enrolments, "sync_course", broken)
    tasks.sync_enrolments(open_run(course).id)

    run = runs(session, course)[0]
    assert (run.state, run.error_code, run.error_detail) == (RunState.FAILED, "unexpected", "ours")


def test_the_night_syncs_every_course_and_one_failure_stops_no_other(
    session: Session, course: Course, platform: Platform, moodle: PracticeMoodle
):
    lost, second = a_course(session, platform, 77), a_course(session, platform, 3)

    tasks.sync_all()

    assert runs(session, course)[0].state is RunState.DONE
    assert runs(session, lost)[0].error_code == "moodle-no-record"
    assert runs(session, second)[0].state is RunState.DONE
    assert session.scalars(select(Membership.id).where(Membership.course_id == second.id)).first()


def test_the_night_leaves_a_course_alone_that_somebody_is_syncing(session: Session, course: Course):
    open_run(course)

    tasks.sync_all()

    assert [run.state for run in runs(session, course)] == [RunState.WAITING]


def test_the_night_leaves_a_college_alone_that_gave_no_web_service(
    session: Session, course: Course, platform: Platform
):
    session.get_one(Platform, platform.id).ws_token = ""
    session.commit()

    tasks.sync_all()

    assert runs(session, course) == []
