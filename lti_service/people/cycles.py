"""A new school year: opened by the first work in it, with the long-term base of mentors brought along."""

from datetime import date

from sqlalchemy import insert, inspect, literal, select
from sqlalchemy.orm import Session

from lti_service.db import now
from lti_service.people.models import Mentor, MentorState
from lti_service.programme import service as programme
from lti_service.programme.models import Cycle

NOT_CARRIED = frozenset({"id", "cycle_id", "created_at"})
"""Columns of a mentor's record that belong to the year it was made in."""
STAY_BEHIND = (MentorState.WITHDRAWN, MentorState.TURNED_DOWN)
"""States of those who are not in the next year's base by themselves; Moodle's roles may make candidates of them."""


def open_cycle(session: Session, platform_id: int, day: date) -> Cycle:
    """The platform's school year on `day`; opened when there is none, with last year's mentors in its base."""
    known = programme.find_cycle(session, platform_id, day)
    if known is not None:
        return known
    cycle = programme.current_cycle(session, platform_id, day)
    before = cycle_before(session, cycle)
    if before is not None:
        carry_mentors(session, before, cycle)
    return cycle


def cycle_before(session: Session, cycle: Cycle) -> Cycle | None:
    """The platform's school year before this one, however long ago it was."""
    return session.scalar(
        select(Cycle)
        .where(Cycle.platform_id == cycle.platform_id, Cycle.start_year < cycle.start_year)
        .order_by(Cycle.start_year.desc())
        .limit(1)
    )


def carry_mentors(session: Session, before: Cycle, cycle: Cycle) -> None:
    """Bring the mentors of an earlier year into a new one as they were; the withdrawn and turned down stay behind.

    Whoever is in the new year's base already is left alone. One statement, however many they are.
    """
    carried = [column for column in inspect(Mentor).columns if column.name not in NOT_CARRIED]
    there = select(Mentor.person_id).where(Mentor.cycle_id == cycle.id)
    rows = select(literal(cycle.id), literal(now(), Mentor.__table__.c.created_at.type), *carried).where(
        Mentor.cycle_id == before.id, Mentor.state.not_in(STAY_BEHIND), Mentor.person_id.not_in(there)
    )
    session.execute(insert(Mentor).from_select(["cycle_id", "created_at", *(column.name for column in carried)], rows))
