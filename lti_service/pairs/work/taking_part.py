"""Who takes part in the work of a pair: the check before every change of its plan and its meetings."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from lti_service import audit
from lti_service.errors import NotFoundError
from lti_service.pairs import labels
from lti_service.pairs import rules as pair_rules
from lti_service.pairs.models import Pair, PairMentee
from lti_service.pairs.work import errors, rules
from lti_service.pairs.work.models import Meeting, PlanItem
from lti_service.pairs.work.rules import Act, Eyes, Looking
from lti_service.people.consents import service as consents
from lti_service.people.models import Mentee

T = TypeVar("T", PlanItem, Meeting)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, as plain values."""

    person_id: int
    platform_id: int
    course_id: int
    moment: datetime
    """Now, by the college's clock and in its time zone."""
    is_curator: bool = False
    is_guest: bool = False

    @property
    def today(self) -> date:
        """By the college's calendar."""
        return self.moment.date()


@dataclass(frozen=True, slots=True)
class Hand:
    """Somebody at work in a pair that they may work in."""

    session: Session
    actor: Actor
    pair: Pair
    eyes: Eyes

    @property
    def began(self) -> date:
        """The first day of the pair's work."""
        return rules.began_on(self.pair.proposed_at, self.pair.answered_at, self.actor.moment.tzinfo)

    def check_whose(self, for_id: int | None) -> int | None:
        """Whose an item or a meeting will be: in a group one mentee's or everybody's, a mentee's meetings their own.

        Raises NotOfThePairError.
        """
        if len(self.eyes.mentees) == 1:
            return None
        if not self.eyes.parts & rules.CHOOSING:
            return self.actor.person_id
        if for_id is not None and for_id not in rules.choosable(self.eyes):
            raise errors.NotOfThePairError
        return for_id

    def find(self, table: type[T], key: int) -> T:
        """An item or a meeting of the pair, read anew under the pair's lock: a page may have looked at it before.

        Raises NotFoundError for one that is not theirs to see.
        """
        query = select(table).where(table.id == key, table.pair_id == self.pair.id)
        found = self.session.scalar(query.execution_options(populate_existing=True))
        if found is None or not rules.seen_as(self.eyes, found.for_id, found.made_by):
            raise NotFoundError
        return found

    def record(self, action: str, **details: Any) -> None:
        """Leave an entry in the trail; what was written is in none."""
        audit.record(
            self.session,
            action,
            platform_id=self.actor.platform_id,
            course_id=self.pair.course_id,
            actor_id=self.actor.person_id,
            subject=f"pair:{self.pair.id}",
            **details,
        )


def take_part(session: Session, actor: Actor, pair_id: int, act: Act, *, lock: bool = True) -> Hand:
    """The pair of the actor's course, locked, once it is sure that they may do this in it now.

    Without `lock`, for a page that asks before something is done. Raises NotFoundError for pairs that are not theirs
    to work in, NotYourPartError, NotAtWorkError, OwnConsentWithdrawnError, WorkRestsError.
    """
    query = select(Pair).where(Pair.id == pair_id, Pair.course_id == actor.course_id).options(*_PEOPLE)
    if lock:
        query = query.with_for_update(of=Pair, key_share=True)
    pair = session.scalar(query.execution_options(populate_existing=True))
    eyes = None if pair is None else _eyes(session, pair, actor)
    if pair is None or eyes is None or not eyes.parts:
        raise NotFoundError
    if not any(act in rules.MAY[part] for part in eyes.parts):
        raise errors.NotYourPartError
    if pair.state not in rules.WORKING:
        raise errors.NotAtWorkError(state=labels.STATES[pair.state])
    if act not in rules.acts(eyes, pair.state):
        raise errors.OwnConsentWithdrawnError if eyes.has_withdrawn else errors.WorkRestsError
    return Hand(session, actor, pair, eyes)


_PEOPLE = (
    joinedload(Pair.mentor, innerjoin=True),
    selectinload(Pair.places).joinedload(PairMentee.mentee, innerjoin=True).joinedload(Mentee.person, innerjoin=True),
)
"""What is asked of everybody in a pair, in as many queries for a group as for a pair of two."""


def _eyes(session: Session, pair: Pair, actor: Actor) -> Eyes:
    goes_on = pair.state in pair_rules.OPEN
    present = [place.mentee.person for place in pair.places if place.is_open or not goes_on]
    mentees = {person.id: person.name for person in present}
    consenting = consents.consenting(session, list(mentees), actor.today)
    looking = Looking(actor.person_id, is_curator=actor.is_curator, is_guest=actor.is_guest)
    is_mentor = actor.person_id == pair.mentor.person_id
    return rules.eyes_of(
        looking,
        pair.state,
        pair.mentor.person_id,
        mentees,
        consenting,
        has_withdrawn=is_mentor and consents.has_withdrawn(session, actor.person_id, actor.today),
    )
