"""Pairs as pages show them: cards, the page of one pair, and a person's own pairs for their home page."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import cast

from sqlalchemy import Table, and_, bindparam, func, literal, or_, select, union_all
from sqlalchemy.orm import Session, joinedload, selectinload

from lti_service.errors import NotFoundError
from lti_service.pairs import rules, service
from lti_service.pairs.models import Pair, PairMentee, PairMove, PairState
from lti_service.pairs.rules import Action, Mover
from lti_service.pairs.work import rules as work_rules
from lti_service.pairs.work import shown
from lti_service.pairs.work.rules import Looking
from lti_service.pairs.work.shown import Seen, Work
from lti_service.people import service as people
from lti_service.people.consents import service as consents
from lti_service.people.models import (
    ContactWay,
    MeetingTime,
    Membership,
    Mentee,
    MenteeState,
    Mentor,
    MentorState,
    Person,
)
from lti_service.people.rules import SEEKING
from lti_service.people.training import lists as training
from lti_service.prepared import Prepared


@dataclass(frozen=True, slots=True)
class PersonLine:
    """Somebody in a card."""

    person_id: int
    name: str
    email: str
    groups: str
    """Of the pair's course, joined by a comma; for students."""
    department: str
    institution: str
    is_here: bool
    """An active member of the pair's course."""
    in_moodle: bool
    """They have an account there."""
    request: str = ""
    """What a mentee wants help with."""
    contact_way: ContactWay | None = None
    """How a mentor wants to be reached; none: by e-mail."""
    contact: str = ""
    times: tuple[MeetingTime, ...] = ()
    """When it suits a mentor to meet."""
    times_note: str = ""
    has_consent: bool = True
    """One to the processing of their personal data counts; without it other people are shown the name only."""


@dataclass(frozen=True, slots=True)
class PairCard:
    """A pair with all that its cards and its page say of it."""

    id: int
    course_id: int
    course_title: str
    cycle_title: str
    state: PairState
    form: str
    mentor: PersonLine
    mentees: tuple[PersonLine, ...]
    since: datetime
    """When it came into its state."""
    started_at: datetime | None
    ended_at: datetime | None
    reason: str
    work: Work | None = None
    """Its plan and meetings, as far as they are the viewer's to see; none: not asked for, or there are none yet."""
    is_closed: bool = False
    """The viewer is its mentor and has withdrawn their own consent: of the mentees they are told the names."""

    @property
    def lacking(self) -> tuple[PersonLine, ...]:
        """People of the pair who have no consent that counts."""
        return tuple(person for person in (self.mentor, *self.mentees) if not person.has_consent)


def load(
    session: Session, pair_ids: Sequence[int], day: date, *, viewer_id: int | None = None, is_curator: bool = False
) -> list[PairCard]:
    """Cards of these pairs, in this order, in five queries however many there are.

    Whose consent does not count on `day` is there by name only, but for curators and for the person themselves
    (`viewer_id`); to a mentor who has withdrawn their own all of their mentees are.
    """
    made = _closed(session, _load(session, pair_ids, day), viewer_id, is_curator, day)
    return [card if is_curator else _discreet(card, viewer_id) for _pair, card in made]


def load_with_work(
    session: Session,
    pair_ids: Sequence[int],
    moment: datetime,
    looking: Looking,
    states: Collection[PairState] = tuple(PairState),
) -> list[PairCard]:
    """The same with plan and meetings as this viewer sees them, in two queries more.

    Those of pairs in `states` only, and none of a pair that has not been agreed. `moment` is now, in the college's
    time zone.
    """
    day = moment.date()
    made = _closed(session, _load(session, pair_ids, day), looking.person_id, looking.is_curator, day)
    seen = [_seen(pair, card, looking, moment) for pair, card in made if card.state in states]
    works = shown.works(
        session, [one for one in seen if one.eyes.parts and one.state is not PairState.PROPOSED], moment
    )
    found = []
    for _pair, card in made:
        work = works.get(card.id)
        if work is not None and work.is_empty and card.state not in work_rules.LASTING:
            work = None
        found.append(replace(card, work=work))
    return found if looking.is_curator else [_discreet(card, looking.person_id) for card in found]


def _closed(
    session: Session, made: list[tuple[Pair, PairCard]], viewer_id: int | None, is_curator: bool, day: date
) -> list[tuple[Pair, PairCard]]:
    """The same, with those marked that the viewer leads and has closed by withdrawing their own consent; a curator who
    is a mentor too sees all of them."""
    led = [card for _pair, card in made if card.mentor.person_id == viewer_id and not card.mentor.has_consent]
    if viewer_id is None or is_curator or not led or not consents.has_withdrawn(session, viewer_id, day):
        return made
    return [(pair, replace(card, is_closed=card.mentor.person_id == viewer_id)) for pair, card in made]


def _seen(pair: Pair, card: PairCard, looking: Looking, moment: datetime) -> Seen:
    return Seen(
        pair_id=pair.id,
        course_id=pair.course_id,
        state=pair.state,
        goal=pair.goal,
        began=work_rules.began_on(pair.proposed_at, pair.answered_at, moment.tzinfo),
        eyes=work_rules.eyes_of(
            looking,
            pair.state,
            card.mentor.person_id,
            {mentee.person_id: mentee.name for mentee in card.mentees},
            [mentee.person_id for mentee in card.mentees if mentee.has_consent],
            has_withdrawn=card.is_closed,
        ),
    )


def _load(session: Session, pair_ids: Sequence[int], day: date) -> list[tuple[Pair, PairCard]]:
    """The pairs, each with all that a card says of it."""
    if not pair_ids:
        return []
    pairs = {
        pair.id: pair
        for pair in session.scalars(
            select(Pair)
            .where(Pair.id.in_(pair_ids))
            .options(
                joinedload(Pair.form, innerjoin=True),
                joinedload(Pair.course, innerjoin=True),
                joinedload(Pair.cycle, innerjoin=True),
                joinedload(Pair.mentor, innerjoin=True).options(
                    joinedload(Mentor.person, innerjoin=True), joinedload(Mentor.employer)
                ),
                selectinload(Pair.places)
                .joinedload(PairMentee.mentee, innerjoin=True)
                .joinedload(Mentee.person, innerjoin=True),
            )
            .execution_options(populate_existing=True)
        )
    }
    found = [pairs[pair_id] for pair_id in pair_ids if pair_id in pairs]
    persons = {pair.mentor.person_id for pair in found}
    persons |= {place.mentee.person_id for pair in found for place in pair.places}
    memberships = memberships_of(session, {pair.course_id for pair in found}, persons)
    consenting = consents.consenting(session, persons, day)
    return [(pair, _card(pair, memberships, consenting)) for pair in found]


def _discreet(card: PairCard, viewer_id: int | None) -> PairCard:
    """The card for others than curators."""

    def seen(person: PersonLine) -> PersonLine:
        if person.person_id == viewer_id or (person.has_consent and not card.is_closed):
            return person
        return replace(by_name(person), has_consent=person.has_consent)

    shown = replace(card, mentor=seen(card.mentor), mentees=tuple(seen(mentee) for mentee in card.mentees))
    return replace(shown, reason="") if card.is_closed else shown


def by_name(person: PersonLine) -> PersonLine:
    """Somebody whose name is all that may be shown."""
    return PersonLine(
        person_id=person.person_id,
        name=person.name,
        email="",
        groups="",
        department="",
        institution="",
        is_here=person.is_here,
        in_moodle=person.in_moodle,
        has_consent=False,
    )


Memberships = dict[tuple[int, int], str]


def memberships_of(session: Session, course_ids: Iterable[int], person_ids: Iterable[int]) -> Memberships:
    """(course, person) → the person's groups there, for active members."""
    rows = session.execute(
        select(Membership.course_id, Membership.person_id, Membership.groups).where(
            Membership.course_id.in_(course_ids), Membership.person_id.in_(person_ids), Membership.active
        )
    )
    return {(course_id, person_id): groups for course_id, person_id, groups in rows}


def line(person: Person, course_id: int, memberships: Memberships, request: str = "") -> PersonLine:
    """A person as cards of a course show them."""
    groups = memberships.get((course_id, person.id))
    return PersonLine(
        person_id=person.id,
        name=person.name,
        email=person.email,
        groups=groups or "",
        department=person.department,
        institution=person.institution,
        is_here=groups is not None,
        in_moodle=person.moodle_id is not None,
        request=request,
    )


def mentor_line(mentor: Mentor, course_id: int, memberships: Memberships) -> PersonLine:
    """A mentor as cards of a course show them: with what their profile says on meeting them."""
    return replace(
        line(mentor.person, course_id, memberships),
        institution=mentor.workplace,
        contact_way=mentor.contact_way,
        contact=mentor.contact,
        times=tuple(MeetingTime(time) for time in mentor.times),
        times_note=mentor.times_note,
    )


def _card(pair: Pair, memberships: Memberships, consenting: set[int]) -> PairCard:
    # Of a group that goes on, whoever has left it is no longer shown.
    goes_on = pair.state in rules.OPEN
    present = (place.mentee for place in pair.places if place.is_open or not goes_on)
    mentees = sorted(present, key=lambda mentee: mentee.person.search_name)

    def marked(person: PersonLine) -> PersonLine:
        return replace(person, has_consent=person.person_id in consenting)

    return PairCard(
        id=pair.id,
        course_id=pair.course_id,
        course_title=pair.course.title,
        cycle_title=pair.cycle.title,
        state=pair.state,
        form=pair.form.title,
        mentor=marked(mentor_line(pair.mentor, pair.course_id, memberships)),
        mentees=tuple(marked(line(mentee.person, pair.course_id, memberships, mentee.asking)) for mentee in mentees),
        since=pair.ended_at or pair.started_at or pair.answered_at or pair.proposed_at,
        started_at=pair.started_at,
        ended_at=pair.ended_at,
        reason=pair.reason,
    )


# --- the page of a pair -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One step of a pair's history."""

    at: datetime
    state: PairState
    actor: str
    """Empty: the service itself, or not this viewer's to know."""


@dataclass(frozen=True, slots=True)
class PairPage:
    """A pair as one particular viewer may see it; what is not theirs to see is not in it."""

    card: PairCard
    history: tuple[HistoryLine, ...]
    actions: tuple[Action, ...]
    """What this viewer may do now."""
    shows_contacts: bool
    """How to reach the people of the pair is this viewer's to know, in this state."""
    companions: int
    """Other mentees of the group, whom a mentee is told the number of only."""
    is_mentor: bool
    is_mentee: bool
    is_curator: bool


def pair_page(
    session: Session,
    pair_id: int,
    *,
    course_id: int,
    person_id: int,
    is_curator: bool,
    sees_course: bool,
    moment: datetime,
) -> PairPage:
    """The page of a pair of the course, for a curator, somebody who sees the course's pairs, or one of the pair.

    A mentee sees the pair once the mentor has agreed, and of a group themselves only. How to reach one another is
    for curators and for the pair's own people while they are in touch; requests and reasons are for curators and
    the mentor. Plan and meetings are for all of them; what was agreed at a meeting is not for those who only see the
    course's pairs. Raises NotFoundError for everybody else, and for pairs of another course.
    """
    pair = session.scalar(select(Pair).where(Pair.id == pair_id, Pair.course_id == course_id))
    if pair is None:
        raise NotFoundError
    looking = Looking(person_id, is_curator=is_curator, sees_course=sees_course)
    [card] = load_with_work(session, [pair.id], moment, looking)
    movers = service.movers_of(pair, person_id, is_curator)
    is_mentor = Mover.MENTOR in movers
    is_mentee = any(mentee.person_id == person_id for mentee in card.mentees)
    if not (movers or sees_course or (is_mentee and card.state in rules.KNOWN_TO_MENTEE)):
        raise NotFoundError
    history = session.execute(
        select(PairMove.at, PairMove.state, Person)
        .outerjoin(Person, Person.id == PairMove.actor_id)
        .where(PairMove.pair_id == pair.id)
        .order_by(PairMove.id)
    )
    sees_all = bool(movers)
    contacts = is_curator or ((is_mentor or is_mentee) and card.state in rules.IN_TOUCH)
    everyone = sees_all or sees_course
    return PairPage(
        card=_for_eyes(
            card,
            mentees=card.mentees if everyone else tuple(m for m in card.mentees if m.person_id == person_id),
            contacts=contacts,
            confidences=sees_all,
        ),
        history=tuple(
            HistoryLine(at, state, actor.name if actor is not None and sees_all else "") for at, state, actor in history
        ),
        actions=tuple(rules.actions_for(card.state, movers, all_consent=not card.lacking)),
        shows_contacts=contacts,
        companions=0 if everyone else len(card.mentees) - 1,
        is_mentor=is_mentor,
        is_mentee=is_mentee,
        is_curator=is_curator,
    )


def _for_eyes(card: PairCard, *, mentees: Iterable[PersonLine], contacts: bool, confidences: bool) -> PairCard:
    def seen(person: PersonLine) -> PersonLine:
        return replace(
            person,
            email=person.email if contacts else "",
            contact_way=person.contact_way if contacts else None,
            contact=person.contact if contacts else "",
            times=person.times if contacts else (),
            times_note=person.times_note if contacts else "",
            request=person.request if confidences else "",
        )

    return replace(
        card,
        mentor=seen(card.mentor),
        mentees=tuple(seen(mentee) for mentee in mentees),
        reason=card.reason if confidences else "",
    )


# --- one's own pairs ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MentorHome:
    """What a mentor's home page says."""

    state: MentorState | None
    """In this year's base of mentors; none: not in it."""
    training_ran_out: bool
    """Nobody new is given to them until they are trained again."""
    capacity: int
    taken: int
    proposals: tuple[PairCard, ...]
    """They wait for the mentor's answer, the longest waiting first."""
    current: tuple[PairCard, ...]
    """Agreed and active ones."""
    finished: tuple[PairCard, ...]
    """This year's."""


@dataclass(frozen=True, slots=True)
class MenteeHome:
    """What a mentee's home page says."""

    state: MenteeState | None = None
    """In this year's base of mentees; none: not in it."""
    asked_at: datetime | None = None
    """When they asked for a mentor themselves."""
    has_consent: bool = True
    """Told of those for whom a mentor is looked for."""
    current: tuple[PairCard, ...] = ()
    """Agreed and active ones."""
    finished: tuple[PairCard, ...] = ()
    """This year's."""

    @property
    def is_left(self) -> bool:
        """Out of the base, with no pair to show."""
        return self.state is MenteeState.WITHDRAWN and not (self.current or self.finished)


@dataclass(frozen=True, slots=True)
class OwnHomes:
    """A person's own pairs as a mentor and as a mentee; None for who is not one."""

    mentor: MentorHome | None
    mentee: MenteeHome | None
    is_offered: bool
    """A curator has offered them to become a mentor."""


def own_homes(session: Session, platform_id: int, person_id: int, moment: datetime) -> OwnHomes:
    """A person's own pairs, in whatever course of the platform; those that work, with their plans and meetings.

    Open pairs are shown whatever year they began in: work goes on into the next summer. Closed ones only this year.
    """
    day = moment.date()
    row = _STANDING.one(session, people.standing_keys(platform_id, person_id, day))
    standing = people.Standing(*row[:-1])
    own = {"person": person_id, "cycle": standing.cycle_id or 0}
    # Most who come have no pair yet, or never will: the statement about them tells, and spares another.
    found = _OWN.all(session, own) if row.has_pairs else []
    ids = list({row.pair_id for row in found})
    loaded = load_with_work(session, ids, moment, Looking(person_id), work_rules.WORKING)
    cards = {card.id: card for card in loaded}
    led, met = ([cards[row.pair_id] for row in found if row.leads is leads] for leads in (True, False))
    mentor = mentee = None
    if led or standing.mentor_state not in (None, MentorState.WITHDRAWN):
        mentor = _mentor_home(session, standing, led, day)
    if met or standing.mentee_state is not None:
        mentee = _mentee_home(standing, person_id, met)
        if mentee.state in SEEKING:
            mentee = replace(mentee, has_consent=consents.is_valid(session, person_id, day))
    return OwnHomes(mentor, mentee, standing.is_offered)


def _mentor_home(session: Session, standing: people.Standing, found: list[PairCard], day: date) -> MentorHome:
    taken, ran_out = 0, False
    if standing.mentor_id is not None:
        counted = select(func.count(PairMentee.id)).join(Pair)
        taken = session.scalar(counted.where(Pair.mentor_id == standing.mentor_id, PairMentee.is_open)) or 0
    if standing.mentor_state is MentorState.READY:
        ran_out = session.scalar(select(training.has_run_out(day)).where(Mentor.id == standing.mentor_id)) or False
    return MentorHome(
        state=standing.mentor_state,
        training_ran_out=ran_out,
        capacity=standing.capacity or 0,
        taken=taken,
        proposals=tuple(
            _for_eyes(card, mentees=card.mentees, contacts=False, confidences=True)
            for card in found
            if card.state is PairState.PROPOSED
        ),
        current=tuple(card for card in found if card.state in (PairState.AGREED, PairState.ACTIVE)),
        finished=tuple(card for card in found if card.state is PairState.FINISHED),
    )


def _mentee_home(standing: people.Standing, person_id: int, met: list[PairCard]) -> MenteeHome:
    found = [
        _for_eyes(
            card,
            mentees=(m for m in card.mentees if m.person_id == person_id),
            contacts=card.state in rules.IN_TOUCH,
            confidences=False,
        )
        for card in met
    ]
    return MenteeHome(
        state=standing.mentee_state,
        asked_at=standing.asked_at,
        current=tuple(card for card in found if card.state in (PairState.AGREED, PairState.ACTIVE)),
        finished=tuple(card for card in found if card.state is PairState.FINISHED),
    )


# Composed once: every launch of everybody runs it, and composing costs several times what the database needs.
_pairs, _pair_mentees, _mentors, _mentees = (
    cast(Table, table.__table__) for table in (Pair, PairMentee, Mentor, Mentee)
)
_WANTED = or_(
    # Not `in_`, whose list is spelled out anew each time that a statement runs.
    *(_pairs.c.state == state for state in rules.OPEN),
    and_(_pairs.c.cycle_id == bindparam("cycle"), _pairs.c.state == PairState.FINISHED),
)
_OWN = Prepared(
    union_all(
        select(_pairs.c.id.label("pair_id"), _pairs.c.proposed_at.label("since"), literal(True).label("leads"))
        .join(_mentors, _mentors.c.id == _pairs.c.mentor_id)
        .where(_mentors.c.person_id == bindparam("person"), _WANTED),
        select(_pairs.c.id.label("pair_id"), _pairs.c.proposed_at.label("since"), literal(False).label("leads"))
        .join(_pair_mentees, _pair_mentees.c.pair_id == _pairs.c.id)
        .join(_mentees, _mentees.c.id == _pair_mentees.c.mentee_id)
        .where(_mentees.c.person_id == bindparam("person"), _WANTED),
    ).order_by("since", "pair_id")
)
_HAS_PAIRS = or_(
    select(_pairs.c.id)
    .join(_mentors, _mentors.c.id == _pairs.c.mentor_id)
    .where(_mentors.c.person_id == bindparam("person"))
    .exists(),
    select(_pair_mentees.c.id)
    .join(_mentees, _mentees.c.id == _pair_mentees.c.mentee_id)
    .where(_mentees.c.person_id == bindparam("person"))
    .exists(),
)
_STANDING = Prepared(
    select(*people.STANDING_COLUMNS, _HAS_PAIRS.label("has_pairs"))
    .select_from(people.from_standing())
    .where(people.standing_where())
)
