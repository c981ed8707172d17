"""A mentee's own request: what they want help with, in which form, in their own words; and taking it back."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service import audit, db
from lti_service.access import Viewer
from lti_service.db import now
from lti_service.errors import NotFoundError
from lti_service.people import cycles, rules
from lti_service.people.errors import NothingAskedError, RequestTooLongError, TooLateToAskError
from lti_service.people.kinds import placing
from lti_service.people.models import Mentee, MenteeState, Source
from lti_service.people.service import forms_for, mentee_of, topics_of
from lti_service.programme import service as programme
from lti_service.programme.models import Form, MenteeKind


@dataclass(frozen=True, slots=True)
class Asking:
    """What somebody has asked for, and what there is to ask for."""

    mentee: Mentee | None
    """Their record of this school year; none: not in the base yet."""
    kind: MenteeKind
    """As what they are a mentee, or would be one."""
    forms: list[Form]
    """Forms of mentoring for people like them."""

    @property
    def may_ask(self) -> bool:
        """Whether the request is still theirs to write."""
        return self.mentee is None or self.mentee.state in rules.MAY_ASK

    @property
    def topics(self) -> list[str]:
        """The activities of those forms, each once."""
        return topics_of(self.forms)


def own_asking(session: Session, viewer: Viewer, day: date) -> Asking:
    """What the viewer has asked for in the school year of `day`.

    Raises NotFoundError for whoever is no mentee and, by the rules on who is who, cannot become one by asking.
    """
    cycle = programme.find_cycle(session, viewer.platform_id, day)
    mentee = mentee_of(session, cycle.id, viewer.person_id) if cycle else None
    kind = mentee.kind if mentee else placing.of_person(session, viewer.person_id, day).mentee
    if kind is None:
        raise NotFoundError
    return Asking(mentee, kind, forms_for(cycle, kind))


def ask(
    session: Session, viewer: Viewer, day: date, *, form_id: int | None, topics: Collection[str], text: str
) -> Mentee:
    """Keep the viewer's request; whoever was not in the base is a candidate by it.

    Raises NotFoundError, TooLateToAskError, NothingAskedError, RequestTooLongError.
    """
    cycle = cycles.open_cycle(session, viewer.platform_id, day)
    asking = own_asking(session, viewer, day)
    text = text.strip()
    if not asking.may_ask:
        raise TooLateToAskError
    chosen = [topic for topic in asking.topics if topic in set(topics)]
    if not chosen and not text:
        raise NothingAskedError
    if len(text) > rules.LONGEST_REQUEST:
        raise RequestTooLongError(most=rules.LONGEST_REQUEST, count=len(text))
    form = next((found for found in asking.forms if found.id == form_id), None)
    if form_id is not None and form is None:
        raise NotFoundError
    mentee = asking.mentee
    if mentee is None:
        row = {"cycle_id": cycle.id, "person_id": viewer.person_id, "kind": asking.kind, "source": Source.OWN}
        row |= cycles.as_before(session, cycle.id, viewer.person_id)
        # A load of the course, or another window of theirs, may make the same record at this moment.
        db.add_missing(session, Mentee, {**row, "state": MenteeState.CANDIDATE, "created_at": now()})
        mentee = session.scalars(
            select(Mentee).where(Mentee.cycle_id == cycle.id, Mentee.person_id == viewer.person_id)
        ).one()
    mentee.state = rules.state_when_asking(mentee.state)
    mentee.wanted_form, mentee.topics, mentee.request, mentee.asked_at = form, chosen, text, now()
    session.flush()
    _record(session, viewer, "mentee.asked", mentee)
    return mentee


def take_back(session: Session, viewer: Viewer, day: date) -> None:
    """Forget what was asked; the place in the base stays, which is the curator's to decide.

    Raises NotFoundError, TooLateToAskError.
    """
    asking = own_asking(session, viewer, day)
    mentee = asking.mentee
    if mentee is None or mentee.asked_at is None:
        return
    if not asking.may_ask:
        raise TooLateToAskError
    mentee.wanted_form, mentee.topics, mentee.request, mentee.asked_at = None, [], "", None
    session.flush()
    _record(session, viewer, "mentee.took-back", mentee)


def _record(session: Session, viewer: Viewer, action: str, mentee: Mentee) -> None:
    # What was asked for is theirs, not the trail's: only that it was.
    audit.record(
        session,
        action,
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        actor_id=viewer.person_id,
        subject=f"mentee:{mentee.id}",
    )
