"""A new school year begins with last year's base of mentors."""

from collections.abc import Callable
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_service.db import now
from lti_service.people import cycles
from lti_service.people.models import Membership, Mentor, MentorState, Person
from lti_service.platforms.models import Course
from lti_service.programme import service as programme
from tests.practice_moodle import PracticeMoodle

PersonOf = Callable[[str], Person]


def of_year(session: Session, cycle_id: int) -> dict[int, Mentor]:
    return {mentor.person_id: mentor for mentor in session.scalars(select(Mentor).where(Mentor.cycle_id == cycle_id))}


def test_mentors_stay_in_the_base_as_they_were_and_the_withdrawn_and_turned_down_stay_behind(
    session: Session, synced: Course, person_of: PersonOf, moodle: PracticeMoodle
) -> None:
    session.commit()
    this_year = session.scalars(select(Mentor).order_by(Mentor.id)).all()
    ready, selected, withdrawn, turned_down, *others = this_year
    ready.state, ready.capacity, ready.without_training = MentorState.READY, 7, True
    selected.state = MentorState.SELECTED
    withdrawn.state, turned_down.state = MentorState.WITHDRAWN, MentorState.TURNED_DOWN
    session.commit()

    before = ready.cycle
    opened = cycles.open_cycle(session, synced.platform_id, date(before.start_year + 1, 9, 1))
    session.commit()

    carried = of_year(session, opened.id)
    assert opened.start_year == before.start_year + 1
    assert (carried[ready.person_id].state, carried[ready.person_id].capacity) == (MentorState.READY, 7)
    assert carried[ready.person_id].without_training, "who was admitted without training needs none in the new year"
    assert carried[selected.person_id].state is MentorState.SELECTED, "still to be trained"
    assert not {withdrawn.person_id, turned_down.person_id} & carried.keys()
    assert len(carried) == len(others) + 2
    assert len(of_year(session, before.id)) == len(this_year), "the year that is over keeps its own base"


def test_opening_again_brings_nobody_twice(session: Session, synced: Course) -> None:
    session.commit()
    first = session.scalars(select(Mentor)).first()
    assert first is not None
    day = date(first.cycle.start_year + 1, 9, 1)
    opened = cycles.open_cycle(session, synced.platform_id, day)
    count = len(of_year(session, opened.id))
    assert cycles.open_cycle(session, synced.platform_id, day).id == opened.id
    cycles.carry_mentors(session, first.cycle, opened)
    assert len(of_year(session, opened.id)) == count
    assert count > 0


def test_the_very_first_year_begins_empty(session: Session, course: Course) -> None:
    opened = cycles.open_cycle(session, course.platform_id, date(2026, 9, 1))
    assert opened.start_year == programme.school_year(date(2026, 9, 1))
    assert session.scalar(select(func.count(Mentor.id))) == 0


def test_whoever_has_left_or_was_erased_is_not_brought_along(session: Session, synced: Course) -> None:
    session.commit()
    left, erased, *others = session.scalars(select(Mentor).order_by(Mentor.id)).all()
    for membership in session.scalars(select(Membership).where(Membership.person_id == left.person_id)):
        membership.active = False
    erased.person.erased_at = now()
    session.commit()

    opened = cycles.open_cycle(session, synced.platform_id, date(left.cycle.start_year + 1, 9, 1))
    session.commit()

    carried = of_year(session, opened.id)
    assert {left.person_id, erased.person_id}.isdisjoint(carried)
    assert len(carried) == len(others) > 0
