"""Support of mentees who have no pair (road map 1.5): who talked with them, what was agreed, when to look again.

Talks are kept with the record of the year they were in, and stay the person's over the years.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, ScalarSelect, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from lti_service import audit
from lti_service.db import now
from lti_service.errors import NotFoundError
from lti_service.people.errors import NothingAgreedError, SupportDayError
from lti_service.people.models import Membership, Mentee, MenteeState, Support
from lti_service.people.service import Desk, record_of

EARLIEST_YEAR = 2000
"""No talk written down here was before: a year of two figures, or a slip."""


@dataclass(frozen=True, slots=True)
class Supported:
    """What a curator's page about somebody says of their support."""

    mentee: Mentee | None
    """Their record of this school year; none: they are not in its base."""
    entries: list[Support]
    """Of all years, the newest first."""

    @property
    def is_wanted(self) -> bool:
        """Whether there is a reason to speak of it: no pair, or there was none once."""
        return self._has_none or bool(self.entries)

    @property
    def next_look(self) -> date | None:
        """When somebody has promised to look again; none once the mentee has a pair."""
        newest = self.entries[0] if self.entries else None
        return newest.next_look if newest and self._has_none else None

    @property
    def _has_none(self) -> bool:
        return self.mentee is not None and self.mentee.state is MenteeState.UNPAIRED


def supported(session: Session, course_id: int, cycle_id: int | None, person_id: int) -> Supported:
    """The support of a person of the course. Raises NotFoundError."""
    mentee = record_of(session, course_id, cycle_id, person_id).mentee
    entries = session.scalars(
        select(Support)
        .join(Mentee, Mentee.id == Support.mentee_id)
        .where(Mentee.person_id == person_id)
        .order_by(Support.day.desc(), Support.id.desc())
    )
    return Supported(mentee, list(entries))


def record_support(
    session: Session,
    at: Desk,
    person_id: int,
    *,
    day: date,
    who: str,
    agreed: str,
    next_look: date | None,
    today: date,
) -> Support:
    """Keep one talk with a mentee; sent twice, it is there once.

    Raises NotFoundError for somebody who is no mentee here, SupportDayError for a talk still to come or of before 2000
    or a next look before the talk, NothingAgreedError.
    """
    mentee = record_of(session, at.course_id, at.cycle_id, person_id).mentee
    if mentee is None or mentee.person.erased_at is not None:
        raise NotFoundError
    if day.year < EARLIEST_YEAR or day > today or (next_look is not None and next_look < day):
        raise SupportDayError(least=EARLIEST_YEAR)
    if not who.strip() or not agreed.strip():
        raise NothingAgreedError
    told = {"day": day, "who": who.strip(), "agreed": agreed.strip(), "next_look": next_look}
    # A double click comes one after the other, and the second finds what the first has written.
    session.execute(select(Mentee.id).where(Mentee.id == mentee.id).with_for_update(key_share=True))
    known = select(Support).filter_by(mentee_id=mentee.id, recorded_by=at.actor_id, **told)
    if (same := session.scalars(known.limit(1)).first()) is not None:
        return same
    entry = Support(mentee_id=mentee.id, recorded_by=at.actor_id, created_at=now(), **told)
    session.add(entry)
    session.flush()
    # What was talked about is in no trail.
    audit.record(
        session,
        "mentee.supported",
        platform_id=at.platform_id,
        course_id=at.course_id,
        actor_id=at.actor_id,
        subject=f"mentee:{mentee.id}",
    )
    return entry


def newest_talk(person_id: ColumnElement[int] | InstrumentedAttribute[int]) -> ScalarSelect[int]:
    """The id of the last talk with somebody, in whatever school year it was; none if nobody has talked with them.

    Asked of each person that the query around it is about: joined to the last talks of everybody, PostgreSQL takes
    there to be one such talk and compares each person with each.
    """
    talk, record = aliased(Support), aliased(Mentee)
    found = select(talk.id).join(record, record.id == talk.mentee_id).where(record.person_id == person_id)
    newest = found.order_by(talk.day.desc(), talk.id.desc()).limit(1)
    return newest.correlate_except(talk, record).scalar_subquery()


def is_due(today: date) -> ColumnElement[bool]:
    """Whether it is time to look at a mentee, by the last talk: nobody has talked with them, or promised to by now."""
    return or_(Support.id.is_(None), Support.next_look <= today)


def due_looks(session: Session, cycle_id: int, course_id: int, today: date) -> int:
    """How many mentees without a pair nobody has looked at again by the promised day, or never."""
    query = (
        select(func.count())
        .select_from(Mentee)
        .outerjoin(Support, Support.id == newest_talk(Mentee.person_id))
        .where(
            Mentee.cycle_id == cycle_id,
            Mentee.state == MenteeState.UNPAIRED,
            exists().where(
                Membership.person_id == Mentee.person_id, Membership.course_id == course_id, Membership.active
            ),
            is_due(today),
        )
    )
    return session.scalar(query) or 0
