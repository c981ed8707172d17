"""A sync that breaks off goes on where it was, even hours later, and takes nobody for gone who is there."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from lti_service import db, queue
from lti_service.db import now
from lti_service.people import enrolments, tasks
from lti_service.people.models import Membership, Person
from lti_service.people.privacy import erasing
from lti_service.personal import Erasing
from lti_service.platforms.models import Course, Platform
from lti_service.queue import Run, RunLostError, RunState
from moodle_client import MoodleClient
from tests.people.conftest import membership_of
from tests.practice_moodle import PracticeMoodle

USERS = "core_enrol_get_enrolled_users"
PersonOf = Callable[[str], Person]


@pytest.fixture(autouse=True)
def _ten_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """231 people in pages of 25."""
    monkeypatch.setattr(enrolments, "PAGE", 25)


def a_sync(course: Course) -> Run:
    """One run as the queue does it; later tries are not waited for."""
    with db.new_session() as own, db.transaction(own) as session:
        run, is_new = queue.open_run(session, enrolments.KIND, course.id)
        assert is_new
    tasks.sync_enrolments.call_local(run.id, 0)
    with db.new_session() as session:
        return session.get_one(Run, run.id)


@pytest.fixture
def full_pages(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Where the pages begin that Moodle is asked for with all their fields."""
    begun: list[int] = []
    call = MoodleClient.call

    def noted(self: MoodleClient, function: str, params: Any = None, **how: Any) -> Any:
        if function == USERS:
            options = {option["name"]: option["value"] for option in params["options"]}
            begun.extend([options["limitfrom"]] if "roles" in options["userfields"] else [])
        return call(self, function, params, **how)

    monkeypatch.setattr(MoodleClient, "call", noted)
    return begun


def break_off(course: Course, moodle: PracticeMoodle) -> Run:
    """A sync that Moodle breaks off at page 7 of 10."""
    moodle.faults.add(USERS, beyond=6 * enrolments.PAGE - 1, status=500)
    run = a_sync(course)
    moodle.faults.clear()
    return run


@pytest.fixture
def broken(course: Course, moodle: PracticeMoodle) -> Run:
    """The first sync of the course, broken off so."""
    return break_off(course, moodle)


def active(session: Session, course: Course) -> int:
    session.commit()
    query = select(func.count(Membership.id)).where(Membership.course_id == course.id, Membership.active)
    return session.scalar(query) or 0


def test_six_pages_of_ten_are_kept_and_the_run_says_so(session: Session, course: Course, broken: Run):
    assert (broken.state, broken.error_code, broken.done) == (RunState.FAILED, "moodle-down", 150)
    assert (broken.counts["pages"], broken.counts["new"]) == (6, 150)
    assert active(session, course) == 150


def test_the_next_sync_goes_on_with_the_seventh(session: Session, course: Course, broken: Run, full_pages: list[int]):
    full_pages.clear()

    run = a_sync(course)

    assert (run.state, run.done) == (RunState.DONE, 231)
    assert {name: run.counts[name] for name in ("new", "same", "left", "resumed_at", "earlier", "pages")} == {
        "new": 81,
        "same": 0,
        "left": 0,
        "resumed_at": 7,
        "earlier": 150,
        "pages": 10,
    }
    assert min(full_pages) == 149, "each page begins with the last row of the one before"
    assert active(session, course) == 231
    assert a_sync(course).counts["resumed_at"] == 0


def test_hours_later_whoever_came_or_left_meanwhile_is_seen_in_the_pages_read_before_too(
    session: Session, course: Course, moodle: PracticeMoodle, person_of: PersonOf
):
    a_sync(course)
    moodle.college.unenrol("student004", 2)
    a_sync(course)
    assert break_off(course, moodle).counts["pages"] == 6
    for name in ("student001", "student002", "student003", "student199"):
        moodle.college.unenrol(name, 2)
    moodle.college.enrol("student004", 2, "student")

    with time_machine.travel(datetime.now(UTC) + timedelta(hours=5)):
        run = a_sync(course)

    assert (run.counts["left"], run.counts["returned"], run.counts["resumed_at"]) == (4, 1, 7)
    assert active(session, course) == 227
    for name in ("student001", "student002", "student003", "student199"):
        assert membership_of(session, person_of(name), course).active is False
    assert membership_of(session, person_of("student004"), course).active is True


def test_a_sync_that_goes_on_and_breaks_off_at_once_keeps_the_place(
    course: Course, moodle: PracticeMoodle, broken: Run
):
    moodle.faults.add("core_course_get_courses_by_field", status=500)
    again = a_sync(course)
    moodle.faults.clear()

    assert (again.state, again.counts["resumed_at"]) == (RunState.FAILED, 0)
    assert a_sync(course).counts["resumed_at"] == 7


def test_after_a_day_everybody_is_read_anew(course: Course, broken: Run):
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=25)):
        assert a_sync(course).counts["resumed_at"] == 0


def test_when_roles_mean_something_else_meanwhile_everybody_is_read_anew(
    session: Session, course: Course, platform: Platform, broken: Run
):
    session.execute(update(Platform).values(role_map={"student": ["teacher"]}))
    session.commit()

    run = a_sync(course)

    assert (run.counts["resumed_at"], run.counts["changed"]) == (0, 150 - run.counts["same"])


def test_a_run_whose_worker_was_killed_is_gone_on_with_too(
    session: Session, course: Course, moodle: PracticeMoodle, broken: Run
):
    silent = datetime.now(UTC) - timedelta(minutes=6)
    session.execute(update(Run).values(state=RunState.RUNNING, heard_at=silent, error_code="", finished_at=None))
    session.commit()

    run = a_sync(course)

    assert (run.state, run.counts["resumed_at"]) == (RunState.DONE, 7)


def test_the_page_says_how_far_it_came_and_where_it_goes_on(
    course: Course, moodle: PracticeMoodle, launch_as: Callable[..., FlaskClient]
):
    moodle.college.person("curator").lang = "en"
    a_sync(course)
    break_off(course, moodle)
    curator, address = launch_as("curator"), f"/courses/{course.id}/sync/"

    page = curator.get(address).text
    assert "150 people were read before that and are kept." in page
    assert "The next loading goes on with page 7." in page
    a_sync(course)
    assert "Gone on with page 7: 150 people had been read before." in curator.get(address).text


# --- two syncs of one course ----------------------------------------------------------------------------------------


def test_of_many_who_start_a_sync_at_once_one_opens_a_run(session: Session, course: Course):
    """Each has a connection of its own, as another process would."""
    opened: list[tuple[int, bool]] = []
    begin = threading.Barrier(8)

    def start() -> None:
        with db.new_session() as own:
            begin.wait()
            with db.transaction(own) as mine:
                run, is_new = queue.open_run(mine, enrolments.KIND, course.id)
                opened.append((run.id, is_new))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(opened) == 8
    assert len({run_id for run_id, _is_new in opened}) == 1
    assert [is_new for _run_id, is_new in opened].count(True) == 1
    assert session.scalar(select(func.count(Run.id))) == 1


def test_a_run_that_was_given_up_stops_at_its_next_step_and_stays_given_up(session: Session, course: Course):
    """Moodle may hang longer than a run may be silent: whoever took over must not find it still at work."""
    with db.new_session() as own, db.transaction(own) as mine:
        slow, _ = queue.open_run(mine, enrolments.KIND, course.id)
    progress = queue.Progress(slow.id)
    progress.step(25)
    session.execute(update(Run).values(heard_at=datetime.now(UTC) - timedelta(minutes=6)))
    session.commit()
    with db.new_session() as own, db.transaction(own) as mine:
        other, is_new = queue.open_run(mine, enrolments.KIND, course.id)

    with pytest.raises(RunLostError):
        progress.step(50)
    progress.finish({})

    session.expire_all()
    assert is_new
    assert session.get_one(Run, slow.id).state is RunState.FAILED
    assert session.get_one(Run, other.id).state is RunState.WAITING


def test_a_sync_whose_run_was_given_up_marks_nobody_as_gone(session: Session, course: Course, moodle: PracticeMoodle):
    a_sync(course)
    moodle.college.unenrol("student001", 2)
    with db.new_session() as own, db.transaction(own) as mine:
        slow, _ = queue.open_run(mine, enrolments.KIND, course.id)
        mine.execute(update(Run).where(Run.id == slow.id).values(state=RunState.FAILED, error_code="worker-lost"))

    with pytest.raises(RunLostError):
        tasks.sync_enrolments.call_local(slow.id, 0)

    assert active(session, course) == 231


def test_a_run_that_was_given_up_while_moodle_hung_writes_not_one_page_more(
    session: Session, course: Course, moodle: PracticeMoodle, person_of: PersonOf, monkeypatch: pytest.MonkeyPatch
):
    """One call may take longer than a run may be silent: what comes then, comes after the next sync has begun."""
    a_sync(course)
    call, hung = MoodleClient.call, threading.Event()
    late = moodle.college.students[199]
    late.lastname = "Старая"
    followers: list[tuple[int, bool]] = []

    def hanging(self: MoodleClient, function: str, params: Any = None, **how: Any) -> Any:
        told = call(self, function, params, **how)
        is_late = function == USERS and any(row["id"] == late.id for row in told)
        if is_late and not hung.is_set():
            hung.set()
            late.lastname = "Новая"
            with db.new_session() as own, db.transaction(own) as mine:
                mine.execute(update(Run).values(heard_at=datetime.now(UTC) - timedelta(minutes=6)))
                follower, is_new = queue.open_run(mine, enrolments.KIND, course.id)
            tasks.sync_enrolments.call_local(follower.id, 0)
            followers.append((follower.id, is_new))
        return told

    monkeypatch.setattr(MoodleClient, "call", hanging)
    with db.new_session() as own, db.transaction(own) as mine:
        slow, _ = queue.open_run(mine, enrolments.KIND, course.id)
    with pytest.raises(RunLostError):
        tasks.sync_enrolments.call_local(slow.id, 0)

    assert person_of(late.username).family_name == "Новая", "the page that came late is not written"
    [(follower, is_new)] = followers
    session.expire_all()
    assert is_new
    assert session.get_one(Run, follower).state is RunState.DONE
    given_up = session.get_one(Run, slow.id)
    assert (given_up.state, given_up.error_code) == (RunState.FAILED, "worker-lost")


def test_a_page_is_kept_with_its_run_or_not_at_all(session: Session, course: Course):
    with db.new_session() as own, db.transaction(own) as mine:
        slow, _ = queue.open_run(mine, enrolments.KIND, course.id)
        mine.execute(update(Run).where(Run.id == slow.id).values(state=RunState.FAILED))

    with pytest.raises(RunLostError):
        enrolments.sync_course(course.id, queue.Progress(slow.id).step)

    assert active(session, course) == 0
    session.expire_all()
    assert (session.get_one(Course, course.id).title, session.scalar(select(func.count(Person.id)))) == ("Курс", 0)


def test_what_breaks_unexpectedly_keeps_the_counts_of_the_pages_that_are_kept(
    session: Session,
    course: Course,
    moodle: PracticeMoodle,
    launch_as: Callable[..., FlaskClient],
    monkeypatch: pytest.MonkeyPatch,
):
    keep, pages = enrolments._keep_memberships, []

    def breaking(*page: Any) -> Any:
        pages.append(page)
        if len(pages) == 8:
            raise ZeroDivisionError
        return keep(*page)

    monkeypatch.setattr(enrolments, "_keep_memberships", breaking)
    with db.new_session() as own, db.transaction(own) as mine:
        run, _ = queue.open_run(mine, enrolments.KIND, course.id)
    with pytest.raises(ZeroDivisionError):
        tasks.sync_enrolments.call_local(run.id, 0)

    session.expire_all()
    run = session.get_one(Run, run.id)
    assert (run.state, run.error_code, run.done, active(session, course)) == (RunState.FAILED, "unexpected", 175, 175)
    assert {name: run.counts[name] for name in ("pages", "new", "changed", "same")} == {
        "pages": 7,
        "new": 175,
        "changed": 0,
        "same": 0,
    }
    monkeypatch.setattr(enrolments, "_keep_memberships", keep)
    a_sync(course)
    moodle.college.person("curator").lang = "en"
    assert "new: 175" in launch_as("curator").get(f"/courses/{course.id}/sync/").text, "among the earlier ones"


# --- whoever is erased --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("meanwhile", [False, True], ids=["before", "between two pages"])
def test_of_whom_data_were_erased_no_report_of_a_load_keeps_the_number(
    session: Session,
    course: Course,
    moodle: PracticeMoodle,
    person_of: PersonOf,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: bool,
):
    moodle.college.person("student001").fields["birthdate"] = "-2500000000"
    moodle_id = str(moodle.college.person("student001").id)
    assert a_sync(course).counts["problems"]["birth-date"]["people"] == [moodle_id]
    gone = person_of("student001")
    read = enrolments._from_web_service

    def erase() -> None:
        with db.new_session() as own, db.transaction(own) as writing:
            what = Erasing(course.platform_id, gone.id, None, course.id, now().date(), now())
            erasing.erase_person(writing, what, stays_away=True)

    def erased_at_the_third_page(*told: Any) -> Any:
        for number, page in enumerate(read(*told)):
            if number == 2:
                erase()
            yield page

    if meanwhile:
        monkeypatch.setattr(enrolments, "_from_web_service", erased_at_the_third_page)
    else:
        erase()

    assert a_sync(course).counts["problems"] == {}

    session.rollback()
    assert not [run for run in session.scalars(select(Run)) if f'"{moodle_id}"' in json.dumps(run.counts)]
