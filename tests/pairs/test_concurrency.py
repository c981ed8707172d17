"""Two curators in the same second, each in a thread and transaction of their own, on whichever database."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from lti_service import db
from lti_service.pairs import errors, service
from lti_service.pairs.models import Pair, PairMentee, PairState
from lti_service.pairs.rules import Action
from lti_service.pairs.work import meetings, plan
from lti_service.pairs.work.meetings import MeetingFacts
from lti_service.pairs.work.models import Meeting, PlanItem
from lti_service.pairs.work.plan import ItemFacts
from lti_service.pairs.work.rules import Act
from lti_service.pairs.work.taking_part import Actor, take_part
from lti_service.people.models import MenteeState
from lti_service.people.privacy import erasing
from lti_service.personal import Erasing
from lti_service.programme.models import MentorKind

WAIT = 10
"""Seconds after which a thread that does not come back has hung."""


def proposal(world, mentor, *mentees) -> Callable[..., Pair]:
    """A proposal that a thread can make with nothing of the test's own session."""
    values = {
        "platform_id": world.platform.id,
        "course_id": world.course.id,
        "day": world.day,
        "form_id": world.form().id,
        "mentor_id": mentor.id,
        "mentee_ids": [mentee.id for mentee in mentees],
    }
    return lambda session: service.propose(session, **values)


def run(work, before=None, after=None):
    """Work in a transaction of its own; `before` it begins and `after` it, before the commit, something else."""
    with db.new_session() as own:
        if before:
            before()
        with db.transaction(own) as session:
            done = work(session)
            if after:
                after()
        return done


def overlapping(first, second) -> list[Future]:
    """The second begins when the first has done its work, and has not committed it yet."""
    done, go_on = threading.Event(), threading.Event()

    def hold():
        done.set()
        assert go_on.wait(WAIT)

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(run, first, after=hold)
        assert done.wait(WAIT)
        other = pool.submit(run, second)
        # The second waits for the first: were it through by now, it would not have seen what the first did.
        with pytest.raises(TimeoutError):
            other.result(0.5)
        go_on.set()
    return [one, other]


def test_two_curators_do_not_exceed_a_mentors_capacity(world, session):
    mentor, first, second = world.mentor(capacity=1), world.mentee(), world.mentee()
    one, other = overlapping(proposal(world, mentor, first), proposal(world, mentor, second))
    assert one.result().state is PairState.PROPOSED
    assert isinstance(other.exception(), errors.NoCapacityError)
    session.expire_all()
    assert (first.state, second.state) == (MenteeState.PROPOSED, MenteeState.NEEDS)


def test_two_curators_do_not_give_a_mentee_two_pairs_in_one_form(world, session):
    mentee = world.mentee()
    one, other = overlapping(proposal(world, world.mentor(), mentee), proposal(world, world.mentor(), mentee))
    assert one.result().state is PairState.PROPOSED
    assert isinstance(other.exception(), errors.AlreadyPairedError)
    assert session.scalar(select(func.count(PairMentee.id)).where(PairMentee.is_open)) == 1


def test_an_answer_that_comes_second_finds_the_pair_where_the_first_left_it(world):
    pair = world.pair(PairState.PROPOSED)

    def answer(action):
        who = {"course_id": pair.course_id, "actor_id": pair.mentor.person_id, "day": world.day}
        return lambda own: service.move(own, pair.id, action, **who)

    one, other = overlapping(answer(Action.DECLINE), answer(Action.AGREE))
    assert one.result().state is PairState.DECLINED
    assert isinstance(other.exception(), errors.UnknownMoveError)


def test_ten_curators_at_once_fill_exactly_the_places_there_are(world, session):
    mentor = world.mentor(capacity=3)
    proposals = [proposal(world, mentor, world.mentee()) for _ in range(10)]
    start = threading.Barrier(10)
    with ThreadPoolExecutor(10) as pool:
        results = [pool.submit(run, work, before=lambda: start.wait(WAIT)) for work in proposals]
    refused = [result.exception() for result in results if result.exception()]
    assert len(refused) == 7
    assert all(isinstance(error, errors.NoCapacityError) for error in refused)
    taken = select(func.count(PairMentee.id)).join(Pair).where(Pair.mentor_id == mentor.id, PairMentee.is_open)
    assert session.scalar(taken) == 3


def test_pairs_of_one_mentee_in_two_forms_moving_at_once_leave_the_base_right(world, session):
    mentee = world.mentee()
    taught = world.pair(PairState.ACTIVE, world.mentor(), mentee)
    course, curator, day = world.course.id, world.curator.id, world.day
    hired = world.pair(PairState.ACTIVE, world.mentor(kind=MentorKind.EMPLOYER), mentee, form="employer-student")

    def end(pair, action):
        return lambda own: service.move(
            own, pair.id, action, "Переехал", course_id=course, actor_id=curator, is_curator=True, day=day
        )

    one, other = overlapping(end(taught, Action.FINISH), end(hired, Action.FINISH))
    assert one.result().state is other.result().state is PairState.FINISHED
    session.expire_all()
    # Whoever came second knew that the first had ended too.
    assert mentee.state is MenteeState.FINISHED


# --- the work of a pair -------------------------------------------------------------------------------------------


def actor_of(world, person) -> Actor:
    """Somebody of the pair, as the services take them."""
    zone = ZoneInfo(world.platform.time_zone)
    return Actor(person.id, world.platform.id, world.course.id, datetime.now(zone))


def test_a_form_sent_twice_in_the_same_second_is_there_once(world, session):
    pair = world.pair(PairState.ACTIVE)
    actor = actor_of(world, pair.mentor.person)
    facts = MeetingFacts(actor.today)
    for work in (
        lambda own: meetings.log(own, actor, pair.id, facts),
        lambda own: plan.add_item(own, actor, pair.id, ItemFacts("Дело")),
    ):
        one, other = overlapping(work, work)
        assert one.result().id == other.result().id
    assert session.scalar(select(func.count(Meeting.id))) == 1
    assert session.scalar(select(func.count(PlanItem.id))) == 1


def test_somebody_is_erased_while_they_tick_an_item(world, session):
    """Both want the pair and the person; whoever comes second waits, and neither fails."""
    pair = world.pair(PairState.ACTIVE)
    mentee = pair.places[0].mentee.person
    actor, mentee_id = actor_of(world, mentee), mentee.id
    item_id = run(lambda own: plan.add_item(own, actor_of(world, pair.mentor.person), pair.id, ItemFacts("Дело"))).id
    locked, go_on = threading.Event(), threading.Event()

    def ticks(own):
        take_part(own, actor, pair.id, Act.TICK)
        locked.set()
        assert go_on.wait(WAIT)
        return plan.tick(own, actor, pair.id, item_id, done=True)

    def erases(own):
        what = Erasing(world.platform.id, mentee_id, None, None, world.day, db.now())
        return erasing.erase_person(own, what, stays_away=True)

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(run, ticks)
        assert locked.wait(WAIT)
        other = pool.submit(run, erases)
        with pytest.raises(TimeoutError):
            other.result(0.5)
        go_on.set()
    assert one.result().done_by == mentee_id
    assert other.result()["person"] == 1
    session.expire_all()
    item = session.get_one(PlanItem, item_id)
    assert (item.title, item.done_by) == ("", mentee_id)
