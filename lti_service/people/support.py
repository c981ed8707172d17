"""Support of mentees who have no pair (road map 1.5): who talked with them, what was agreed, when to look again."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from lti_service import audit
from lti_service.db import now
from lti_service.errors import NotFoundError
from lti_service.people.errors import NothingAgreedError, SupportDayError
from lti_service.people.models import Membership, Mentee, MenteeState, Support
from lti_service.people.service import Desk, record_of


@dataclass(frozen=True, slots=True)
class Supported:
    """What a curator's page about a mentee says of their support."""

    mentee: Mentee
    entries: list[Support]
    """The newest first."""

    @property
    def is_wanted(self) -> bool:
        """Whether there is a reason to speak of it: no pair, or there was none once."""
        return self.mentee.state is MenteeState.UNPAIRED or bool(self.entries)

    @property
    def next_look(self) -> date | None:
        """When somebody has promised to look again; none once the mentee has a pair."""
        newest = self.entries[0] if self.entries else None
        return newest.next_look if newest and self.mentee.state is MenteeState.UNPAIRED else None


def supported(session: Session, course_id: int, cycle_id: int, person_id: int) -> Supported | None:
    """The support of a person of the course; none when they are no mentee of the year. Raises NotFoundError."""
    mentee = record_of(session, course_id, cycle_id, person_id).mentee
    if mentee is None:
        return None
    entries = session.scalars(
        select(Support).where(Support.mentee_id == mentee.id).order_by(Support.day.desc(), Support.id.desc())
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
    """Keep one talk with a mentee.

    Raises NotFoundError for somebody who is no mentee here, SupportDayError for a talk still to come or a next look
    before the talk, NothingAgreedError.
    """
    mentee = record_of(session, at.course_id, at.cycle_id, person_id).mentee
    if mentee is None:
        raise NotFoundError
    if day > today or (next_look is not None and next_look < day):
        raise SupportDayError
    if not who.strip() or not agreed.strip():
        raise NothingAgreedError
    entry = Support(
        mentee_id=mentee.id,
        day=day,
        who=who.strip(),
        agreed=agreed.strip(),
        next_look=next_look,
        recorded_by=at.actor_id,
        created_at=now(),
    )
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


def due_looks(session: Session, cycle_id: int, course_id: int, today: date) -> int:
    """How many mentees without a pair nobody has looked at again by the promised day, or never."""
    newest = select(Support.mentee_id, func.max(Support.id).label("id")).group_by(Support.mentee_id).subquery()
    query = (
        select(func.count())
        .select_from(Mentee)
        .outerjoin(newest, newest.c.mentee_id == Mentee.id)
        .outerjoin(Support, Support.id == newest.c.id)
        .where(
            Mentee.cycle_id == cycle_id,
            Mentee.state == MenteeState.UNPAIRED,
            exists().where(
                Membership.person_id == Mentee.person_id, Membership.course_id == course_id, Membership.active
            ),
            (Support.id.is_(None)) | (Support.next_look < today),
        )
    )
    return session.scalar(query) or 0
