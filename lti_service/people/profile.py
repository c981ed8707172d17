"""A mentor's profile: what they bring and when, kept by themselves or by the curator; and offering oneself as one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service import audit, db
from lti_service.access import Viewer
from lti_service.db import now
from lti_service.errors import NotFoundError
from lti_service.people import cycles, rules, service
from lti_service.people.errors import (
    CapacityError,
    ContactWayMissingError,
    ExperienceError,
    FormNotForMentorError,
    TooLateToOfferError,
    TooLateToTakeBackError,
)
from lti_service.people.kinds import placing
from lti_service.people.models import ContactWay, MeetingTime, Mentor, MentorState, Placed
from lti_service.people.rules import MentorAction
from lti_service.people.service import Desk, mentor_of, topics_of
from lti_service.programme import service as programme
from lti_service.programme.models import Cycle, Form, MentorKind


@dataclass(frozen=True, slots=True)
class Profile:
    """What a mentor tells of themselves, as a page sends it."""

    capacity: int
    form_ids: Collection[int] = ()
    """None: all forms for their kind."""
    strengths: Collection[str] = ()
    offer: str = ""
    organisation: str = ""
    experience: str = ""
    experience_years: int | None = None
    times: Collection[MeetingTime] = ()
    times_note: str = ""
    contact_way: ContactWay | None = None
    contact: str = ""


@dataclass(frozen=True, slots=True)
class OwnProfile:
    """What somebody is as a mentor, or would be, and what there is to choose from."""

    mentor: Mentor | None
    """Their record of this school year; none: not in the base yet."""
    kind: MentorKind
    forms: list[Form]
    """Forms of mentoring for mentors like them."""

    @property
    def may_offer(self) -> bool:
        """Whether saying that they want to be a mentor changes anything."""
        if self.mentor is None:
            return True
        return self.mentor.state in rules.MAY_OFFER and not self.is_asking

    @property
    def is_asking(self) -> bool:
        """They have said so, and may still take it back."""
        mentor = self.mentor
        return mentor is not None and mentor.asked_at is not None and mentor.state is MentorState.CANDIDATE

    @property
    def is_in_base(self) -> bool:
        """They have a profile to keep."""
        return self.mentor is not None and self.mentor.state is not MentorState.WITHDRAWN

    @property
    def topics(self) -> list[str]:
        """The activities of those forms, each once."""
        return topics_of(self.forms)


def forms_of_mentor(cycle: Cycle | None, kind: MentorKind) -> list[Form]:
    """The forms of a school year that a kind of mentor leads and in which pairs are formed."""
    return [form for form in cycle.programme.offered_forms if form.mentor_kind is kind] if cycle else []


def own_profile(session: Session, viewer: Viewer, day: date) -> OwnProfile:
    """What the viewer is as a mentor in the school year of `day`.

    Raises NotFoundError for whoever is none and cannot offer themselves either.
    """
    cycle = programme.find_cycle(session, viewer.platform_id, day)
    mentor = mentor_of(session, cycle.id, viewer.person_id) if cycle else None
    kind = mentor.kind if mentor else placing.of_person(session, viewer.person_id, day).mentor
    if kind is None:
        raise NotFoundError
    return OwnProfile(mentor, kind, forms_of_mentor(cycle, kind))


def offer_oneself(session: Session, viewer: Viewer, day: date, profile: Profile) -> Mentor:
    """Keep the profile of somebody who wants to be a mentor: they are a candidate, and the curator sees who asked.

    Raises NotFoundError, TooLateToOfferError, errors of the profile.
    """
    cycle = cycles.open_cycle(session, viewer.platform_id, day)
    own = own_profile(session, viewer, day)
    mentor = own.mentor
    if mentor is None:
        row = {"cycle_id": cycle.id, "person_id": viewer.person_id, "kind": own.kind}
        # A load of the course, or another window of theirs, may make the same record at this moment.
        db.add_missing(session, Mentor, {**row, "state": MentorState.CANDIDATE, "created_at": now()})
    mentor = _locked(session, cycle.id, viewer.person_id)
    if mentor.state not in rules.MAY_OFFER:
        raise TooLateToOfferError
    mentor.state, mentor.asked_at = MentorState.CANDIDATE, now()
    _keep_own(session, viewer, mentor, cycle, profile)
    _record(session, viewer, "mentor.offered", mentor)
    return mentor


def save_own(session: Session, viewer: Viewer, day: date, profile: Profile) -> Mentor:
    """Keep what a mentor tells of themselves. Raises NotFoundError, errors of the profile."""
    cycle = cycles.open_cycle(session, viewer.platform_id, day)
    if not own_profile(session, viewer, day).is_in_base:
        raise NotFoundError
    mentor = _locked(session, cycle.id, viewer.person_id)
    _keep_own(session, viewer, mentor, cycle, profile)
    return mentor


def take_back(session: Session, viewer: Viewer, day: date) -> None:
    """No longer want to be a mentor; whom Moodle's roles make a candidate anyway, the curator may still choose.

    Raises NotFoundError, TooLateToTakeBackError once the curator has decided.
    """
    if own_profile(session, viewer, day).mentor is None:
        raise NotFoundError
    mentor = _locked(session, cycles.open_cycle(session, viewer.platform_id, day).id, viewer.person_id)
    if mentor.asked_at is None:
        return
    if mentor.state is not MentorState.CANDIDATE:
        raise TooLateToTakeBackError
    bases = placing.of_person(session, viewer.person_id, day).bases
    mentor.state, mentor.asked_at = rules.state_when_taking_back(bases.mentor is not None), None
    session.flush()
    _record(session, viewer, "mentor.took-back", mentor)


def check(forms: Sequence[Form], profile: Profile) -> None:
    """Refuse what no profile of a mentor can say who leads these forms; see `keep`."""
    if profile.capacity not in rules.CAPACITY:
        raise CapacityError(least=rules.CAPACITY[0], most=rules.CAPACITY[-1])
    if profile.experience_years is not None and profile.experience_years not in rules.EXPERIENCE:
        raise ExperienceError(most=rules.EXPERIENCE[-1])
    if not set(profile.form_ids) <= {form.id for form in forms}:
        raise FormNotForMentorError
    if profile.contact.strip() and profile.contact_way is None:
        raise ContactWayMissingError


def keep(session: Session, mentor: Mentor, kind: MentorKind, forms: Sequence[Form], profile: Profile) -> list[str]:
    """Write what differs of a profile: `put`, and flush."""
    changed = put(mentor, kind, forms, profile)
    session.flush()
    return changed


def put(mentor: Mentor, kind: MentorKind, forms: Sequence[Form], profile: Profile) -> list[str]:
    """Change what differs of a profile; `forms` are those of the year that `kind` leads. The names of what changed.

    It is the caller's to flush, once for many. How long texts may be is for the page's form to see to.
    Raises CapacityError, ExperienceError, FormNotForMentorError, ContactWayMissingError; then nothing is changed.
    """
    check(forms, profile)
    chosen = [form for form in forms if form.id in set(profile.form_ids)]
    # Retired forms are no longer offered for choosing; whoever chose one keeps it, for none chosen would mean all.
    retired = [form for form in mentor.forms if form.is_retired and form.mentor_kind is kind]
    wanted = {
        "kind": kind,
        **columns(forms, profile),
        "forms": sorted([*chosen, *retired], key=lambda form: form.position),
    }
    changed = [name for name, value in wanted.items() if getattr(mentor, name) != value]
    for name in changed:
        setattr(mentor, name, wanted[name])
    if "kind" in changed:
        mentor.placed = Placed.HAND
    return changed


def columns(forms: Sequence[Form], profile: Profile) -> dict[str, Any]:
    """What a profile says, as a mentor's row keeps it; `forms` are those that their kind leads."""
    return {
        "capacity": profile.capacity,
        "strengths": [topic for topic in topics_of(forms) if topic in set(profile.strengths)],
        "offer": profile.offer.strip(),
        "organisation": profile.organisation.strip(),
        "experience": profile.experience.strip(),
        "experience_years": profile.experience_years,
        "times": [time.value for time in MeetingTime if time in set(profile.times)],
        "times_note": profile.times_note.strip(),
        "contact_way": profile.contact_way,
        "contact": profile.contact.strip(),
    }


def save_mentor(
    session: Session,
    at: Desk,
    person_id: int,
    *,
    kind: MentorKind,
    profile: Profile,
    action: MentorAction | None = None,
) -> Mentor:
    """Keep what a mentor is, takes and brings, in the curator's hand, and do one thing with them when it is given.

    Forms of the kind that they no longer are go by themselves. Raises NotFoundError, errors of the profile,
    MoveRefusedError; then nothing is kept.
    """
    mentor = service.of_person(session, at, Mentor, person_id)
    cycle = session.get_one(Cycle, at.cycle_id)
    forms = forms_of_mentor(cycle, kind)
    if kind is not mentor.kind:
        fitting = {form.id for form in forms}
        profile = replace(profile, form_ids=[found for found in profile.form_ids if found in fitting])
    changed = keep(session, mentor, kind, forms, profile)
    if changed:
        # Which parts, not what they say.
        service.record(session, at, "mentor.changed", f"mentor:{mentor.id}", parts=changed)
    if action is not None:
        service.move_mentors(session, at, [mentor.id], action)
    return mentor


def _keep_own(session: Session, viewer: Viewer, mentor: Mentor, cycle: Cycle, profile: Profile) -> None:
    changed = keep(session, mentor, mentor.kind, forms_of_mentor(cycle, mentor.kind), profile)
    mentor.profile_at = now()
    session.flush()
    if changed:
        _record(session, viewer, "mentor.profile", mentor)


def _locked(session: Session, cycle_id: int, person_id: int) -> Mentor:
    return session.scalars(
        select(Mentor)
        .where(Mentor.cycle_id == cycle_id, Mentor.person_id == person_id)
        .with_for_update(of=Mentor, key_share=True)
        .execution_options(populate_existing=True)
    ).one()


def _record(session: Session, viewer: Viewer, action: str, mentor: Mentor) -> None:
    # What they told is theirs, not the trail's: only that they did.
    audit.record(
        session,
        action,
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        actor_id=viewer.person_id,
        subject=f"mentor:{mentor.id}",
    )
