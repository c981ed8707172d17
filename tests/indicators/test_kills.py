"""A worker killed at any moment: nothing is lost, and Moodle takes each grade once."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from config import Settings
from lti_service import db, queue
from lti_service.indicators import delivery, gradebook, rules, tasks
from lti_service.indicators.models import Grade, GradebookColumn, GradeState
from lti_service.lti import gradebook as protocol
from lti_service.platforms.models import Platform
from tests.indicators.worker_to_kill import LEASE
from tests.indicators.world import World, a_world
from tests.practice_moodle import College, PracticeMoodle, a_college

ROOT = Path(__file__).parents[2]


class KilledError(BaseException):
    """Stands for SIGKILL: nothing that catches ordinary errors may catch it."""


def everything_arrived_once(world: World, formed: int, needing: int) -> None:
    expected = {
        person.moodle_id: 100 if number < formed else 0 for number, person in enumerate(world.students[:needing])
    }
    assert Counter(world.accepted) == Counter(expected.items())
    assert world.shown() == expected
    assert world.states() == {"confirmed": needing}
    assert len(world.columns_in_moodle()) == 1


# --- at each moment in turn, in this process ----------------------------------------------------------------------


def kill_at(monkeypatch: pytest.MonkeyPatch, moment: int) -> Callable[[], bool]:
    """Let the worker die at its `moment`-th step: before or after a commit, before or after a post or a call of
    Moodle. Returns a function that tells whether it came so far.
    """
    passed = 0

    def step() -> None:
        nonlocal passed
        passed += 1
        if passed == moment:
            raise KilledError

    writing = delivery._writing

    @contextmanager
    def mortal_writing() -> Iterator[Session]:
        with writing() as session:
            yield session
            step()
        step()

    monkeypatch.setattr(delivery, "_writing", mortal_writing)

    def mortal(name: str) -> None:
        real = getattr(protocol, name)

        def call(*args: object, **kwargs: object) -> object:
            step()
            answer = real(*args, **kwargs)
            step()
            return answer

        monkeypatch.setattr(protocol, name, call)

    for name in ("find_line_item", "create_line_item", "post_score", "read_results"):
        mortal(name)
    return lambda: passed >= moment


def test_many_workers_die_one_after_the_other_until_one_lives_to_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each dies a step later than the one before."""
    world.need(world.students[:3])
    world.pair(world.students[:1])
    world.column()
    for moment in range(1, 200):
        with monkeypatch.context() as patched:
            died = kill_at(patched, moment)
            try:
                world.deliver()
            except KilledError:
                assert died()
        if not died():
            break
    else:
        pytest.fail("no worker ever came to the end")

    everything_arrived_once(world, formed=1, needing=3)


def test_killed_once_at_any_step_nothing_is_lost_or_sent_twice(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.need(world.students[:3])
    world.pair(world.students[:1])
    for moment in range(1, 200):
        world.column()
        with monkeypatch.context() as patched:
            died = kill_at(patched, moment)
            try:
                world.deliver()
            except KilledError:
                assert died()

        world.deliver()

        everything_arrived_once(world, formed=1, needing=3)
        if not died():
            break
        start_anew(world)
    assert moment > 20, "there are more steps than that: the double has lost its grip"


def start_anew(world: World) -> None:
    """Neither Moodle nor the outbox knows of any column."""
    world.moodle.gradebook.delete(world.in_moodle())
    with db.transaction(world.session) as session:
        gradebook.remove_column(session, world.viewer, session.scalars(select(GradebookColumn)).one())
    world.accepted.clear()


# --- at random moments, with SIGKILL ------------------------------------------------------------------------------


class TestSigkill:
    """Two hundred grades, and a real process that is killed again and again."""

    @pytest.fixture
    def college(self) -> College:
        return a_college(students=200)

    @pytest.fixture
    def world(self, session: Session, moodle: PracticeMoodle, platform: Platform) -> World:
        return a_world(session, moodle, platform, students=200)

    def test_two_hundred_grades_survive_a_worker_killed_again_and_again(
        self, world: World, settings: Settings, moodle: PracticeMoodle, tmp_path: Path
    ) -> None:
        world.need(world.students)
        world.pair(world.students[:120])
        world.column()
        world.session.commit()
        moodle.faults.add("/scores", wait=0.01)
        chance = random.Random()

        for _kill in range(5):
            self.kill_a_worker(world, settings, tmp_path, after=chance.randint(1, 32), moment=chance.uniform(0, 0.03))
            assert len(world.accepted) < 200, "it came to the end before it could be killed"

        delivery.deliver(world.course.id, lease=LEASE)
        everything_arrived_once(world, formed=120, needing=200)
        assert moodle.requests.most_at_once("/scores") <= 2 * 4
        assert world.in_moodle().average() == 60.0

    def kill_a_worker(self, world: World, settings: Settings, folder: Path, after: int, moment: float) -> None:
        """Start a worker and kill it when Moodle took `after` more scores, and `moment` seconds more."""
        environment = {
            **{name: value for name, value in os.environ.items() if name in ("PATH", "LANG")},
            "DATABASE_URL": settings.database_url,
            "QUEUE_URL": f"sqlite:///{folder / 'queue.sqlite3'}",
            "PUBLIC_URL": settings.public_url,
            "SECRET_KEY": settings.secret_key,
            "ENCRYPTION_KEYS": ",".join(settings.encryption_keys),
            "ALLOWED_PRIVATE_HOSTS": ",".join(settings.allowed_private_hosts),
            "LOG_LEVEL": "WARNING",
            "PYTHONPATH": str(ROOT),
        }
        before = len(world.accepted)
        worker = subprocess.Popen(
            [sys.executable, "-m", "tests.indicators.worker_to_kill", str(world.course.id)],
            env=environment,
            cwd=folder,
        )
        try:
            ends = time.monotonic() + 60
            while len(world.accepted) < before + after and worker.poll() is None:
                assert time.monotonic() < ends, "the worker does not get on"
                time.sleep(0.002)
            assert worker.poll() is None, f"the worker ended by itself: {worker.returncode}"
            time.sleep(moment)
        finally:
            worker.send_signal(signal.SIGKILL)
            worker.wait()


def test_the_queues_own_pass_takes_up_what_a_killed_worker_left(world: World) -> None:
    world.need(world.students[:4])
    world.column()
    with db.transaction(world.session) as session:
        gradebook.claim(session, session.scalars(select(GradebookColumn)).one(), [], 2)
        for row in session.scalars(select(Grade).where(Grade.state == GradeState.SENDING)):
            row.claimed_at = db.now() - rules.LEASE
        run, _is_new = queue.open_run(session, gradebook.KIND, world.course.id)
        run.state = queue.RunState.RUNNING
        run.heard_at = db.now() - tasks.SILENT - tasks.SILENT

    tasks.deliver_due()

    world.session.expire_all()
    assert world.session.scalars(select(queue.Run.state)).all() == [queue.RunState.DONE]
    assert {user for user, _value in world.accepted} == {person.moodle_id for person in world.students[:4]}
