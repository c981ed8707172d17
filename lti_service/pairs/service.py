"""What people do with pairs (propose, move) and which people are in them, for the wings above."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from lti_service import audit, queue
from lti_service.db import now
from lti_service.errors import NotFoundError
from lti_service.pairs import errors, labels, rules
from lti_service.pairs.models import Pair, PairMentee, PairMove, PairState
from lti_service.pairs.rules import Action, FormKinds, MenteeFacts, MentorFacts, Misfit, Mover
from lti_service.people import cycles
from lti_service.people import service as people
from lti_service.people.consents import service as consents
from lti_service.people.models import Membership, Mentee, MenteeState, Mentor, MentorState, Person
from lti_service.people.training import lists as training
from lti_service.platforms.models import Course
from lti_service.programme import mentoring_forms
from lti_service.programme import service as programme
from lti_service.programme.models import Cycle, Form

mentoring_forms.used_by(Pair.form_id, lambda cycle_id: Pair.cycle_id == cycle_id)
mentoring_forms.used_by(
    PairMentee.form_id, lambda cycle_id: PairMentee.pair_id.in_(select(Pair.id).where(Pair.cycle_id == cycle_id))
)

# --- proposing ----------------------------------------------------------------------------------------------------


def propose(
    session: Session,
    *,
    platform_id: int,
    course_id: int,
    day: date,
    form_id: int,
    mentor_id: int,
    mentee_ids: Sequence[int],
    proposed_by: int | None = None,
) -> Pair:
    """Propose that a mentor takes one or several mentees of the course, in the school year of `day`.

    Mentor and mentees are locked first, so that of two curators at once the later sees what the earlier did.
    Raises one of the wing's errors, which names the field that must change.
    """
    cycle = programme.find_cycle(session, platform_id, day)
    if cycle is None:
        raise errors.NoCycleError
    form = session.scalar(
        select(Form)
        .where(Form.id == form_id, Form.programme_id == cycle.programme_id, Form.retired_at.is_(None))
        .with_for_update(read=True, key_share=True)
    )
    if form is None:
        raise errors.UnknownFormError
    mentor = _lock_mentor(session, cycle, mentor_id)
    wanted = sorted(set(mentee_ids))
    mentees = _lock_mentees(session, wanted)
    if len(mentees) != len(wanted) or any(mentee.cycle_id != cycle.id for mentee in mentees):
        raise errors.UnknownMenteeError
    _check(session, course_id, form, mentor, mentees, day)
    pair = Pair(
        cycle=cycle,
        course_id=course_id,
        form=form,
        mentor=mentor,
        state=PairState.PROPOSED,
        proposed_by=proposed_by,
        proposed_at=now(),
        places=[PairMentee(mentee=mentee, form_id=form.id) for mentee in mentees],
    )
    try:
        with session.begin_nested():
            session.add(pair)
    except IntegrityError as err:
        # The unique index of open places has the last word, should the locks ever not have had it.
        names = ", ".join(mentee.person.name for mentee in mentees)
        raise errors.AlreadyPairedError(form=form.title, names=names) from err
    _moved(
        session,
        pair,
        "pair.proposed",
        proposed_by,
        form=form.code,
        mentor=mentor.person_id,
        mentees=[mentee.person_id for mentee in mentees],
    )
    return pair


def _lock_mentor(session: Session, cycle: Cycle, mentor_id: int) -> Mentor:
    mentor = session.scalar(
        select(Mentor)
        .where(Mentor.id == mentor_id, Mentor.cycle_id == cycle.id)
        .options(joinedload(Mentor.person, innerjoin=True))
        .with_for_update(of=Mentor, key_share=True)
        .execution_options(populate_existing=True)
    )
    if mentor is None:
        raise errors.UnknownMentorError
    return mentor


def _lock_mentees(session: Session, mentee_ids: Iterable[int]) -> list[Mentee]:
    """Always in the same order, so that two transactions never wait for one another in a circle."""
    return list(
        session.scalars(
            select(Mentee)
            .where(Mentee.id.in_(mentee_ids))
            .order_by(Mentee.id)
            .options(joinedload(Mentee.person, innerjoin=True))
            .with_for_update(of=Mentee, key_share=True)
            .execution_options(populate_existing=True)
        )
    )


def _check(session: Session, course_id: int, form: Form, mentor: Mentor, mentees: Sequence[Mentee], day: date) -> None:
    persons = [mentor.person_id, *(mentee.person_id for mentee in mentees)]
    here = _members(session, course_id, persons)
    # Of whoever never was in the course nothing is told, not even the name.
    if mentor.person_id not in here:
        raise errors.UnknownMentorError
    if not here.keys() >= set(persons):
        raise errors.UnknownMenteeError
    consenting = consents.consenting(session, persons, day)
    paired = set(
        session.scalars(
            select(PairMentee.mentee_id).where(
                PairMentee.mentee_id.in_([mentee.id for mentee in mentees]),
                PairMentee.form_id == form.id,
                PairMentee.is_open,
            )
        )
    )
    taken = session.scalar(
        select(func.count(PairMentee.id)).join(Pair).where(Pair.mentor_id == mentor.id, PairMentee.is_open)
    )
    about_mentor = MentorFacts(
        person_id=mentor.person_id,
        name=mentor.person.name,
        kind=mentor.kind,
        is_ready=mentor.state is MentorState.READY,
        is_trained=not training.has_run_out_for(session, mentor, day),
        takes_part=not mentor.forms or form in mentor.forms,
        is_here=here[mentor.person_id],
        capacity=mentor.capacity,
        taken=taken or 0,
        has_consent=mentor.person_id in consenting,
    )
    about_mentees = [
        MenteeFacts(
            person_id=mentee.person_id,
            name=mentee.person.name,
            kind=mentee.kind,
            state=mentee.state,
            is_here=here[mentee.person_id],
            has_open_pair=mentee.id in paired,
            has_consent=mentee.person_id in consenting,
        )
        for mentee in mentees
    ]
    refusal = rules.check_fit(FormKinds(form.mentor_kind, form.mentee_kind), about_mentor, about_mentees)
    if refusal is not None:
        raise _REFUSALS[refusal.misfit](
            form=form.title,
            name=refusal.names[0] if refusal.names else "",
            names=", ".join(refusal.names),
            taken=about_mentor.taken,
            capacity=mentor.capacity,
            free=rules.free_places(mentor.capacity, about_mentor.taken),
            wanted=len(mentees),
        )


_REFUSALS: dict[Misfit, type[errors.PairError]] = {
    Misfit.MENTOR_NOT_HERE: errors.MentorNotHereError,
    Misfit.MENTOR_NOT_READY: errors.MentorNotReadyError,
    Misfit.TRAINING_RAN_OUT: errors.TrainingRanOutError,
    Misfit.MENTOR_IN_OTHER_FORMS: errors.MentorInOtherFormsError,
    Misfit.MENTOR_OF_OTHER_KIND: errors.MentorDoesNotFitError,
    Misfit.MENTOR_WITHOUT_CONSENT: errors.MentorWithoutConsentError,
    Misfit.NOBODY_CHOSEN: errors.NobodyChosenError,
    Misfit.SAME_PERSON: errors.SamePersonError,
    Misfit.MENTEE_NOT_HERE: errors.MenteeNotHereError,
    Misfit.MENTEE_NOT_NEEDING: errors.MenteeNotNeedingError,
    Misfit.MENTEE_OF_OTHER_KIND: errors.MenteeDoesNotFitError,
    Misfit.MENTEE_WITHOUT_CONSENT: errors.MenteeWithoutConsentError,
    Misfit.ALREADY_PAIRED: errors.AlreadyPairedError,
    Misfit.NO_CAPACITY: errors.NoCapacityError,
    Misfit.TOO_FEW_PLACES: errors.TooFewPlacesError,
}


def _members(session: Session, course_id: int, person_ids: Iterable[int]) -> dict[int, bool]:
    """Those of these people who are or were in the course → whether they are there now."""
    rows = session.execute(
        select(Membership.person_id, Membership.active).where(
            Membership.course_id == course_id, Membership.person_id.in_(person_ids)
        )
    )
    return {row.person_id: row.active for row in rows}


# --- moving -------------------------------------------------------------------------------------------------------


def move(
    session: Session,
    pair_id: int,
    action: Action,
    reason: str = "",
    *,
    course_id: int,
    actor_id: int,
    day: date,
    is_curator: bool = False,
) -> Pair:
    """Do something with a pair of the course: the mentor answers, a curator starts, finishes, ends or cancels.

    Raises NotFoundError for pairs that are not this person's to know of, NotYourMoveError, UnknownMoveError when
    the pair is past it, MentorNotHereError and MenteeNotHereError when work would start with somebody who has left the
    course, ConsentMissingError when somebody's consent does not count on `day`, ReasonNeededError and
    ReasonTooLongError.
    """
    pair = session.scalar(
        select(Pair)
        .where(Pair.id == pair_id, Pair.course_id == course_id)
        .with_for_update(of=Pair, key_share=True)
        .execution_options(populate_existing=True)
    )
    movers = set() if pair is None else movers_of(pair, actor_id, is_curator)
    if pair is None or not movers:
        raise NotFoundError
    if rules.MOVERS[action] not in movers:
        raise errors.NotYourMoveError
    state = rules.next_state(pair.state, action)
    if state is None:
        raise errors.UnknownMoveError(state=labels.STATES[pair.state])
    if action is Action.START:
        _check_here(session, course_id, pair.mentor, [place.mentee for place in pair.places if place.is_open])
    if action in rules.NEEDS_CONSENT:
        _check_consents(session, pair, day)
    reason = _checked_reason(action, reason)
    moment = now()
    pair.state = state
    if action in rules.MAY_GIVE_REASON:
        pair.reason = reason
    if rules.MOVERS[action] is Mover.MENTOR:
        pair.answered_at = moment
    if state is PairState.ACTIVE:
        pair.started_at = moment
    if state not in rules.OPEN:
        pair.ended_at = moment
        for place in pair.places:
            place.is_open = False
    _moved(session, pair, f"pair.{state.value}", actor_id)
    return pair


def begin_continued(
    session: Session,
    before: Pair,
    mentor: Mentor,
    form: Form,
    mentees: Sequence[Mentee],
    *,
    cycle: Cycle,
    day: date,
    actor_id: int,
) -> Pair:
    """The pair of the new school year in which the work of `before`, which is finished, goes on: active at once.

    Raises MentorNotHereError, MenteeNotHereError, MenteeLeftError, AlreadyPairedError, ConsentMissingError.
    """
    _check_here(session, before.course_id, mentor, mentees)
    left = [mentee.person.name for mentee in mentees if mentee.state is MenteeState.WITHDRAWN]
    if left:
        raise errors.MenteeLeftError(names=", ".join(left))
    moment = now()
    pair = Pair(
        cycle=cycle,
        course_id=before.course_id,
        form=form,
        mentor=mentor,
        state=PairState.ACTIVE,
        proposed_by=actor_id,
        proposed_at=moment,
        answered_at=before.answered_at,
        started_at=moment,
        continues_id=before.id,
        # Said here, for the consents of open places are asked before the table's default is there.
        places=[PairMentee(mentee=mentee, form_id=form.id, is_open=True) for mentee in mentees],
    )
    _check_consents(session, pair, day)
    try:
        with session.begin_nested():
            session.add(pair)
    except IntegrityError as err:
        names = ", ".join(mentee.person.name for mentee in mentees)
        raise errors.AlreadyPairedError(form=form.title, names=names) from err
    _moved(session, pair, "pair.continued", actor_id, before=before.id)
    return pair


def end_for_erased(session: Session, person_id: int, *, day: date, actor_id: int | None) -> None:
    """End the open pairs of somebody whose data are erased; a group goes on without them when they are a mentee of it.

    A pair of a school year that is over is finished rather than ended early: the numbers of that year stay.
    """
    of_person = select(Mentor.id).where(Mentor.person_id == person_id)
    places = select(PairMentee.pair_id).join(Mentee).where(Mentee.person_id == person_id, PairMentee.is_open)
    pairs = session.scalars(
        select(Pair)
        .where(Pair.state.in_(rules.OPEN), or_(Pair.mentor_id.in_(of_person), Pair.id.in_(places)))
        .order_by(Pair.id)
        .with_for_update(of=Pair, key_share=True)
        .execution_options(populate_existing=True)
    )
    for pair in pairs.all():
        own = [place for place in pair.places if place.is_open and place.mentee.person_id == person_id]
        others = [place for place in pair.places if place.is_open and place not in own]
        if pair.mentor.person_id != person_id and others:
            for place in own:
                place.is_open = False
            _moved(session, pair, "pair.left", actor_id)
            continue
        is_over = pair.cycle.start_year < programme.school_year(day)
        action = rules.ending(pair.state, is_over)
        pair.state = rules.MOVES[pair.state][action]
        pair.ended_at = now()
        for place in pair.places:
            place.is_open = False
        _moved(session, pair, f"pair.{pair.state.value}", actor_id)


def movers_of(pair: Pair, person_id: int, is_curator: bool) -> set[Mover]:
    """As what this person moves the pair; empty: not at all."""
    movers = {Mover.CURATOR} if is_curator else set()
    if pair.mentor.person_id == person_id:
        movers.add(Mover.MENTOR)
    return movers


def _check_here(session: Session, course_id: int, mentor: Mentor, mentees: Sequence[Mentee]) -> None:
    here = _members(session, course_id, [mentor.person_id, *(mentee.person_id for mentee in mentees)])
    if not here.get(mentor.person_id):
        raise errors.MentorNotHereError(name=mentor.person.name)
    gone = [mentee.person.name for mentee in mentees if not here.get(mentee.person_id)]
    if gone:
        raise errors.MenteeNotHereError(names=", ".join(gone))


def _check_consents(session: Session, pair: Pair, day: date) -> None:
    persons = [pair.mentor.person, *(place.mentee.person for place in pair.places if place.is_open)]
    consenting = consents.consenting(session, [person.id for person in persons], day)
    lacking = [person.name for person in persons if person.id not in consenting]
    if lacking:
        raise errors.ConsentMissingError(names=", ".join(lacking))


def _checked_reason(action: Action, reason: str) -> str:
    reason = reason.strip()
    if action in rules.MUST_GIVE_REASON and not reason:
        raise errors.ReasonNeededError
    if len(reason) > rules.LONGEST_REASON:
        raise errors.ReasonTooLongError(most=rules.LONGEST_REASON, count=len(reason))
    return reason


def _moved(session: Session, pair: Pair, event: str, actor_id: int | None, **details: Any) -> None:
    """Everything that a change of a pair brings with it, in the transaction of the change itself."""
    pair.moves.append(PairMove(at=now(), state=pair.state, actor_id=actor_id))
    session.flush()
    course = session.get_one(Course, pair.course_id)
    audit.record(
        session,
        event,
        platform_id=course.platform_id,
        course_id=course.id,
        actor_id=actor_id,
        subject=f"pair:{pair.id}",
        **details,
    )
    _set_pairings(session, pair)
    for course_id in _courses_of(session, pair):
        queue.mark_due(session, course_id)


def _set_pairings(session: Session, pair: Pair) -> None:
    """Tell the base where each mentee of the pair is now, by all of their pairs of the cycle."""
    mentees = _lock_mentees(session, [place.mentee_id for place in pair.places])
    states: dict[int, list[PairState]] = {mentee.id: [] for mentee in mentees}
    rows = session.execute(
        select(PairMentee.mentee_id, Pair.state)
        .join(Pair, Pair.id == PairMentee.pair_id)
        .where(PairMentee.mentee_id.in_(states))
        .order_by(Pair.ended_at, Pair.id)
    )
    for mentee_id, state in rows:
        states[mentee_id].append(state)
    for mentee in mentees:
        # Whoever left the base stays out of it, whatever becomes of the pair they were in.
        if mentee.state is not MenteeState.WITHDRAWN:
            people.set_pairing(session, mentee, rules.pairing_of(states[mentee.id]))
    if lost := [mentee for mentee in mentees if mentee.state is MenteeState.NEEDS]:
        cycles.carry_lost(session, lost, pair.cycle)


def _courses_of(session: Session, pair: Pair) -> list[int]:
    """Every course whose gradebook the pair may show in: its own and those its people are in; in a fixed order."""
    persons = [pair.mentor.person_id, *(place.mentee.person_id for place in pair.places)]
    found = session.scalars(
        select(Membership.course_id).where(Membership.person_id.in_(persons), Membership.active).distinct()
    )
    return sorted({pair.course_id, *found})


# --- for the wings above ------------------------------------------------------------------------------------------


def formed(session: Session, cycle_id: int, course_id: int | None = None, *, ended_early: bool = False) -> set[int]:
    """Person ids of the cycle's mentees whose pair was formed: it is active or finished.

    With a course: those of them who are its active members, wherever their pair was made (so that they are always
    a part of those whom `people.needing` counts). `ended_early` adds pairs that ended early, whose mentees know
    enough to be asked in a survey.
    """
    query = (
        select(Mentee.person_id)
        .join(PairMentee, PairMentee.mentee_id == Mentee.id)
        .join(Pair, Pair.id == PairMentee.pair_id)
        .where(Pair.cycle_id == cycle_id, Pair.state.in_(_formed_states(ended_early)))
    )
    return _ids(session, query, Mentee.person_id, course_id)


def mentors_in_pairs(
    session: Session, cycle_id: int, course_id: int | None = None, *, ended_early: bool = False
) -> set[int]:
    """Person ids of the cycle's mentors with a formed pair; the parameters are those of `formed`.

    Only those with a Moodle account: surveys are taken there, and nobody is asked who cannot answer.
    """
    query = (
        select(Mentor.person_id)
        .join(Pair, Pair.mentor_id == Mentor.id)
        .join(Person, Person.id == Mentor.person_id)
        .where(Pair.cycle_id == cycle_id, Pair.state.in_(_formed_states(ended_early)), Person.moodle_id.is_not(None))
    )
    return _ids(session, query, Mentor.person_id, course_id)


def _formed_states(ended_early: bool) -> frozenset[PairState]:
    return rules.FORMED | {PairState.ENDED_EARLY} if ended_early else rules.FORMED


def _ids(session: Session, query: Any, person_id: Any, course_id: int | None) -> set[int]:
    if course_id is not None:
        query = query.where(
            person_id.in_(select(Membership.person_id).where(Membership.course_id == course_id, Membership.active))
        )
    return set(session.scalars(query))
