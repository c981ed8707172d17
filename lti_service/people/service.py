"""What curators do with the two bases, and what other wings ask about people."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar, cast

from sqlalchemy import ColumnElement, FromClause, Select, Table, and_, bindparam, select
from sqlalchemy.orm import Session, contains_eager, joinedload
from sqlalchemy.orm.attributes import set_committed_value

from lti_service import audit, db, queue
from lti_service.access import Role
from lti_service.db import now
from lti_service.errors import NotFoundError
from lti_service.lists import in_parts
from lti_service.people import cycles, labels, rules
from lti_service.people.enrolments import KIND
from lti_service.people.errors import (
    AlreadyInBaseError,
    FormDoesNotFitError,
    FormRetiredError,
    MoveRefusedError,
    NoAccountError,
    NobodyChosenError,
    NobodyFitsError,
    NoCycleError,
    PairKeepsKindError,
    RequestTooLongError,
)
from lti_service.people.kinds import placing
from lti_service.people.kinds.rules import Kinds
from lti_service.people.models import (
    ChosenForm,
    Membership,
    Mentee,
    MenteeState,
    Mentor,
    MentorState,
    Person,
    Placed,
    Source,
)
from lti_service.people.rules import MenteeAction, MentorAction
from lti_service.platforms.models import Course, Platform
from lti_service.prepared import Prepared
from lti_service.programme import mentoring_forms
from lti_service.programme import service as programme
from lti_service.programme.models import Cycle, Form, MenteeKind, MentorKind
from lti_service.queue import Run

B = TypeVar("B", Mentee, Mentor)

mentoring_forms.used_by(Mentee.wanted_form_id, lambda cycle_id: Mentee.cycle_id == cycle_id)
mentoring_forms.used_by(
    ChosenForm.form_id, lambda cycle_id: ChosenForm.mentor_id.in_(select(Mentor.id).where(Mentor.cycle_id == cycle_id))
)

# --- where a curator works ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Desk:
    """Whose work in which course and school year; nothing of another is ever touched from it."""

    platform_id: int
    course_id: int
    cycle_id: int
    actor_id: int | None
    """None: the service itself, for what it reads from Moodle."""


def desk(session: Session, *, platform_id: int, course_id: int, actor_id: int, day: date) -> Desk:
    """The desk of a curator in the school year of `day`. Raises NoCycleError."""
    cycle = programme.find_cycle(session, platform_id, day)
    if cycle is None:
        raise NoCycleError
    return Desk(platform_id, course_id, cycle.id, actor_id)


@dataclass
class Outcome:
    """What became of a change of several people."""

    done: int = 0
    same: int = 0
    """They were so already."""
    refused: list[Mentee | Mentor] = field(default_factory=list)
    """They are in a state from which this leads nowhere, and stayed in it."""
    misfits: list[Mentee] = field(default_factory=list)
    """The form of mentoring is not meant for them, so they stayed as they were."""


# --- mentees ------------------------------------------------------------------------------------------------------


def move_mentees(
    session: Session,
    at: Desk,
    mentee_ids: Iterable[int],
    action: MenteeAction,
    wanted_form_id: int | None = None,
    *,
    leaves_misfits: bool = False,
) -> Outcome:
    """Do one thing with several mentees of the course; `wanted_form_id` goes with NEED, none leaves theirs as it is.

    Whoever cannot be moved stays as they are and is told of; with `leaves_misfits` so is whoever the form is not meant
    for. Raises NobodyChosenError, NotFoundError for somebody of elsewhere, FormRetiredError, FormDoesNotFitError (then
    nothing is changed), MoveRefusedError when nobody could be moved.
    """
    mentees = chosen(session, at, Mentee, mentee_ids)
    form = _fitting_form(session, at, wanted_form_id, [] if leaves_misfits else mentees)
    if form is not None and form.is_retired and leaves_misfits:
        raise FormRetiredError(form=form.title)
    outcome = Outcome()
    moved: list[str] = []
    target = rules.MENTEE_TARGETS[action]
    for mentee in mentees:
        after = rules.MENTEE_MOVES[mentee.state].get(action)
        is_there = mentee.state is target
        # Whose data were erased takes part in nothing any more.
        if mentee.person.erased_at is not None or (after is None and not is_there):
            outcome.refused.append(mentee)
            continue
        if form is not None and mentee.kind is not form.mentee_kind:
            outcome.misfits.append(mentee)
            continue
        changes_form = form is not None and mentee.wanted_form_id != form.id
        if is_there and not changes_form:
            outcome.same += 1
            continue
        mentee.state, mentee.placed = target, Placed.HAND
        if form is not None:
            mentee.wanted_form = form
        outcome.done += 1
        moved.append(f"mentee:{mentee.id}")
    record_all(session, at, f"mentee.{action}", moved)
    if form is not None and outcome.misfits and not outcome.done and not outcome.same:
        raise FormDoesNotFitError(form=form.title, name=outcome.misfits[0].person.name)
    refuse_all_refused(outcome, labels.MENTEE_STATES)
    if outcome.done:
        _mark_due(session, [mentee.person_id for mentee in mentees])
    return outcome


def save_mentee(
    session: Session,
    at: Desk,
    person_id: int,
    *,
    wanted_form_id: int | None,
    request: str,
    kind: MenteeKind | None = None,
    topics: Collection[str] | None = None,
    special_needs: bool | None = None,
    action: MenteeAction | None = None,
) -> Mentee:
    """Keep what a mentee is, what they want help with, in which form and with which special needs; do one thing with
    them if given.

    `topics` count when they are the programme's for the kind, or theirs already. With another kind goes the form that
    is not for it. Raises NotFoundError, errors of the fields, PairKeepsKindError, MoveRefusedError; then nothing is
    kept.
    """
    mentee = of_person(session, at, Mentee, person_id)
    changes_kind = kind is not None and kind is not mentee.kind
    if kind is not None and changes_kind:
        change_kinds(session, at, {mentee: kind})
        fitting = {form.id for form in mentee.cycle.programme.forms if form.mentee_kind is kind}
        wanted_form_id = wanted_form_id if wanted_form_id in fitting else None
    form = _fitting_form(session, at, wanted_form_id, [mentee])
    request = request.strip()
    if len(request) > rules.LONGEST_REQUEST:
        raise RequestTooLongError(most=rules.LONGEST_REQUEST, count=len(request))
    wanted_form_id = form.id if form else None
    wanted = mentee.topics
    if topics is not None:
        wanted = [topic for topic in topics_for(mentee) if topic in set(topics)]
    if (mentee.wanted_form_id, mentee.request, mentee.topics) != (wanted_form_id, request, wanted):
        mentee.wanted_form, mentee.request, mentee.topics = form, request, wanted
        # What was asked for is theirs, not the trail's: only that it was written.
        record(session, at, "mentee.request", f"mentee:{mentee.id}")
    if special_needs is not None and mentee.special_needs != special_needs:
        mentee.special_needs = special_needs
        # Health is nobody's but the curators': the trail says only that the record was changed.
        record(session, at, "mentee.changed", f"mentee:{mentee.id}")
    session.flush()
    if action is not None:
        move_mentees(session, at, [mentee.id], action)
    return mentee


def topics_for(mentee: Mentee) -> list[str]:
    """What a mentee can be said to want help with: the activities of the forms for their kind, in the programme's words
    and order, and what they ticked that the programme has no more."""
    return list(dict.fromkeys([*topics_of(forms_for(mentee.cycle, mentee.kind)), *mentee.topics]))


def topics_of(forms: Iterable[Form]) -> list[str]:
    """The activities of some forms of mentoring, each once."""
    return list(dict.fromkeys(str(topic) for form in forms for topic in form.activities))


def change_kinds(session: Session, at: Desk, kinds: Mapping[Mentee, MenteeKind]) -> None:
    """Say what mentees are, against the rules on who is who too, which leave them alone from then on.

    A wanted form and topics that are not for the new kind go by themselves. The caller has the records locked. Raises
    PairKeepsKindError; then nothing is changed.
    """
    for mentee in kinds:
        if mentee.state in rules.IN_A_PAIR:
            raise PairKeepsKindError(name=mentee.person.name, kind=labels.MENTEE_KINDS[mentee.kind])
    cycle = session.get_one(Cycle, at.cycle_id)
    for kind in MenteeKind:
        fitting = {form.id for form in cycle.programme.forms if form.mentee_kind is kind}
        known = topics_of(forms_for(cycle, kind))
        changed = [mentee for mentee, wanted in kinds.items() if wanted is kind]
        for mentee in changed:
            mentee.kind, mentee.placed = kind, Placed.HAND
            mentee.topics = [topic for topic in known if topic in mentee.topics]
            if mentee.wanted_form_id not in fitting:
                mentee.wanted_form_id = None
        session.flush()
        record_all(session, at, "mentee.kind", [f"mentee:{mentee.id}" for mentee in changed], kind=kind.value)
    _mark_due(session, [mentee.person_id for mentee in kinds])


def add_mentee(session: Session, at: Desk, person_id: int, kind: MenteeKind) -> Mentee:
    """Put a member of the course into the base as a candidate, whatever Moodle says about them.

    Raises NotFoundError, NoAccountError, AlreadyInBaseError.
    """
    person = _member(session, at, person_id)
    if person.moodle_id is None:
        raise NoAccountError(name=person.name)
    [mentee] = add_mentees(session, at, {person_id: {"kind": kind}}, Source.CURATOR)
    return mentee


def add_mentees(session: Session, at: Desk, told: Mapping[int, Mapping[str, Any]], source: Source) -> list[Mentee]:
    """The same with several who have accounts, by their ids, in as many statements as with one; all of them or none.

    `told` has the kind of each and what else their rows say from the beginning, the same columns of all of them.
    """
    named = _members(session, at, told)
    special = cycles.special_needs_before(session, at.cycle_id, told)
    first = {"state": MenteeState.CANDIDATE, "source": source}
    rows = [first | {"person_id": one, "special_needs": one in special, **said} for one, said in told.items()]
    added = _add(session, at, Mentee, rows)
    if left := told.keys() - {mentee.person_id for mentee in added}:
        raise AlreadyInBaseError(name=named[min(left)])
    for kind in sorted({mentee.kind for mentee in added}):
        subjects = [f"mentee:{mentee.id}" for mentee in added if mentee.kind is kind]
        record_all(session, at, "mentee.added", subjects, kind=kind.value, source=source.value)
    return added


# --- mentors ------------------------------------------------------------------------------------------------------


def move_mentors(session: Session, at: Desk, mentor_ids: Iterable[int], action: MentorAction) -> Outcome:
    """Do one thing with several mentors of the course; see `move_mentees`. Pairs they have go on.

    Decisions of the selection are `selection.service.decide`'s, and what follows from training `training.service`'s.
    """
    if action not in rules.PLAIN_ACTIONS:
        raise ValueError(f"{action} is not done by itself")
    mentors = chosen(session, at, Mentor, mentor_ids)
    outcome = Outcome()
    target = rules.MENTOR_TARGETS[action]
    for mentor in mentors:
        if mentor.person.erased_at is not None:
            outcome.refused.append(mentor)
        elif mentor.state is target:
            outcome.same += 1
        elif action not in rules.MENTOR_MOVES[mentor.state]:
            outcome.refused.append(mentor)
        else:
            mentor.state, mentor.placed, mentor.without_training = target, Placed.HAND, False
            outcome.done += 1
            record(session, at, f"mentor.{action}", f"mentor:{mentor.id}")
    refuse_all_refused(outcome, labels.MENTOR_STATES)
    return outcome


def make_mentors(session: Session, at: Desk, mentee_ids: Iterable[int], day: date) -> Outcome:
    """Put mentees into the base of mentors too, as candidates of the kind that the rules find in them.

    Those who are no mentors by the rules stay as they are and are told of; one by one, on their own pages, a curator
    may put them there all the same. Raises NobodyFitsError when the rules find nobody.
    """
    mentees = chosen(session, at, Mentee, mentee_ids)
    known = set(
        session.scalars(
            select(Mentor.person_id).where(
                Mentor.cycle_id == at.cycle_id, Mentor.person_id.in_([mentee.person_id for mentee in mentees])
            )
        )
    )
    found = placing.of_people(session, at.platform_id, [mentee.person_id for mentee in mentees], day)
    kinds = {mentee.person_id: found.get(mentee.person_id, Kinds()) for mentee in mentees}
    rows = [
        {"person_id": mentee.person_id, "kind": kind, "state": MentorState.CANDIDATE}
        for mentee in mentees
        if (kind := kinds[mentee.person_id].mentor) and mentee.person_id not in known
    ]
    refused = [mentee for mentee in mentees if not kinds[mentee.person_id].mentor and mentee.person_id not in known]
    if len(refused) == len(mentees):
        raise NobodyFitsError
    added = _add(session, at, Mentor, rows)
    for mentor in added:
        record(session, at, "mentor.added", f"mentor:{mentor.id}", kind=mentor.kind.value)
    return Outcome(done=len(added), same=len(mentees) - len(added) - len(refused), refused=[*refused])


def add_mentor(session: Session, at: Desk, person_id: int, kind: MentorKind) -> Mentor:
    """Put a member of the course into the base of mentors as a candidate.

    Raises NotFoundError, AlreadyInBaseError.
    """
    [mentor] = add_mentors(session, at, {person_id: kind})
    return mentor


def add_mentors(
    session: Session,
    at: Desk,
    kinds: Mapping[int, MentorKind],
    told: Mapping[int, Mapping[str, Any]] | None = None,
) -> list[Mentor]:
    """The same with several, by their ids, in as many statements as with one; all of them or none.

    `told` has what else their rows say from the beginning, as `profile.columns` gives it: of all of them, or of none.
    """
    named = _members(session, at, kinds)
    more = told or dict[int, Mapping[str, Any]]()
    state = MentorState.CANDIDATE
    rows = [{**more.get(one, {}), "person_id": one, "kind": kind, "state": state} for one, kind in kinds.items()]
    added = _add(session, at, Mentor, rows)
    if left := kinds.keys() - {mentor.person_id for mentor in added}:
        raise AlreadyInBaseError(name=named[min(left)])
    for mentor in added:
        # Nobody has chosen anything for who has just come in: it need not be looked for, one by one.
        set_committed_value(mentor, "forms", [])
    for kind in sorted(set(kinds.values())):
        subjects = [f"mentor:{mentor.id}" for mentor in added if mentor.kind is kind]
        record_all(session, at, "mentor.added", subjects, kind=kind.value)
    return added


# --- a person's record --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Record:
    """Everything that a curator's page about one person of the course shows."""

    person: Person
    membership: Membership
    mentee: Mentee | None
    mentor: Mentor | None


def record_of(session: Session, course_id: int, cycle_id: int | None, person_id: int) -> Record:
    """A person of the course, in the school year when there is one. Raises NotFoundError."""
    membership = session.scalar(
        select(Membership)
        .where(Membership.course_id == course_id, Membership.person_id == person_id)
        .options(joinedload(Membership.person, innerjoin=True))
    )
    if membership is None:
        raise NotFoundError
    if cycle_id is None:
        return Record(membership.person, membership, None, None)
    return Record(
        person=membership.person,
        membership=membership,
        mentee=mentee_of(session, cycle_id, person_id),
        mentor=mentor_of(session, cycle_id, person_id),
    )


def record_export(session: Session, at: Desk, base: str, count: int, filters: Mapping[str, Any]) -> None:
    """Keep who took how many people's data out of the service, and whose; `filters` are what the look tells."""
    record(session, at, "base.exported", f"base:{base}", count=count, **filters)


def forms_for(cycle: Cycle | None, kind: MenteeKind | None = None) -> list[Form]:
    """The forms in which pairs are formed in a school year, those for a kind of mentee when it is given."""
    forms = cycle.programme.offered_forms if cycle else []
    return [form for form in forms if kind is None or form.mentee_kind is kind]


# --- sync ---------------------------------------------------------------------------------------------------------


def open_sync(session: Session, course_id: int, requested_by: int | None = None) -> tuple[Run, bool]:
    """The run that brings the course's people in; True when it is new and its task must be started."""
    return queue.open_run(session, KIND, course_id, requested_by)


def runs(session: Session, course_id: int, limit: int) -> list[Run]:
    """The newest syncs of a course, the newest first."""
    return list(
        session.scalars(
            select(Run).where(Run.kind == KIND, Run.course_id == course_id).order_by(Run.id.desc()).limit(limit)
        )
    )


def names_of(session: Session, person_ids: Iterable[int]) -> dict[int, str]:
    """Names of people by their ids."""
    return {person.id: person.name for person in session.scalars(select(Person).where(Person.id.in_(set(person_ids))))}


def in_base(session: Session, course_id: int, cycle_id: int, base: type[B], ids: Iterable[int]) -> list[B]:
    """Records of people of this course and year by their ids, in that order; whoever is not there is left out."""
    wanted = list(ids)
    if not wanted:
        return []
    members = select(Membership.person_id).where(Membership.course_id == course_id)
    found = session.scalars(
        select(base)
        .where(base.id.in_(wanted), base.cycle_id == cycle_id, base.person_id.in_(members))
        .options(joinedload(base.person, innerjoin=True))
    )
    return sorted(found, key=lambda record: wanted.index(record.id))


def course(session: Session, course_id: int) -> Course:
    """The course, which the caller knows to be there."""
    return session.get_one(Course, course_id)


# --- for the wings above ------------------------------------------------------------------------------------------


_MENTEE = (
    select(Mentee)
    .where(Mentee.cycle_id == bindparam("cycle"), Mentee.person_id == bindparam("person"))
    .options(joinedload(Mentee.wanted_form))
)
_MENTOR = select(Mentor).where(Mentor.cycle_id == bindparam("cycle"), Mentor.person_id == bindparam("person"))


def mentee_of(session: Session, cycle_id: int, person_id: int) -> Mentee | None:
    """A person's record in a school year's base of mentees."""
    return session.scalar(_MENTEE, {"cycle": cycle_id, "person": person_id})


def mentor_of(session: Session, cycle_id: int, person_id: int) -> Mentor | None:
    """A person's record in a school year's base of mentors."""
    return session.scalar(_MENTOR, {"cycle": cycle_id, "person": person_id})


_platforms, _mentees, _mentors, _cycles = (cast(Table, table.__table__) for table in (Platform, Mentee, Mentor, Cycle))
_of_any_year = _mentees.alias("of_any_year")
STANDING_COLUMNS = (
    _cycles.c.id.label("cycle_id"),
    _mentees.c.state.label("mentee_state"),
    _mentees.c.asked_at,
    _mentors.c.id.label("mentor_id"),
    _mentors.c.state.label("mentor_state"),
    _mentors.c.capacity,
    select(_of_any_year.c.id)
    .where(_of_any_year.c.person_id == bindparam("person"), _of_any_year.c.offered_at.is_not(None))
    .exists()
    .label("is_offered"),
)
"""What `Standing` holds, in its order, for statements of the wings above that are composed once."""


def from_standing() -> FromClause:
    """Where STANDING_COLUMNS come from: one row for the parameters `platform`, `person` and `year` of `standing_keys`.

    There is one even where no school year has been opened. The statement asks for `standing_where` too.
    """
    mine = {
        table: and_(table.c.cycle_id == _cycles.c.id, table.c.person_id == bindparam("person"))
        for table in (_mentees, _mentors)
    }
    year = and_(_cycles.c.platform_id == _platforms.c.id, _cycles.c.start_year == bindparam("year"))
    return _platforms.outerjoin(_cycles, year).outerjoin(_mentees, mine[_mentees]).outerjoin(_mentors, mine[_mentors])


def standing_where() -> ColumnElement[bool]:
    """The condition that goes with `from_standing`."""
    return _platforms.c.id == bindparam("platform")


def standing_keys(platform_id: int, person_id: int, day: date) -> dict[str, int]:
    """The parameters of `from_standing`, for the school year of `day`."""
    return {"platform": platform_id, "year": programme.school_year(day), "person": person_id}


@dataclass(frozen=True, slots=True)
class Standing:
    """What somebody is in a school year's bases; none where they are not in one, or no year has been opened."""

    cycle_id: int | None = None
    mentee_state: MenteeState | None = None
    asked_at: datetime | None = None
    """When they asked for a mentor themselves."""
    mentor_id: int | None = None
    mentor_state: MentorState | None = None
    capacity: int | None = None
    """Of the mentor."""
    is_offered: bool = False
    """A curator has offered them, when their work with a mentor was finished, to become one."""


_STANDING = Prepared(select(*STANDING_COLUMNS).select_from(from_standing()).where(standing_where()))


def standing(session: Session, platform_id: int, person_id: int, day: date) -> Standing:
    """What somebody is in the bases of the school year of `day`, in one statement."""
    return Standing(*_STANDING.one(session, standing_keys(platform_id, person_id, day)))


def members(
    session: Session, course_id: int, *, role: Role | None = None, including_gone: bool = False
) -> list[Membership]:
    """Memberships of a course with their persons, by name; those with a role when one is given."""
    query = (
        select(Membership)
        .join(Membership.person)
        .where(Membership.course_id == course_id)
        .options(contains_eager(Membership.person))
        .order_by(Person.search_name, Person.id)
    )
    if not including_gone:
        query = query.where(Membership.active)
    # Roles are a short list in JSON, which the two databases search in different ways.
    return [found for found in session.scalars(query) if role is None or role.value in found.roles]


def needing(session: Session, cycle_id: int, kind: MenteeKind, course_id: int | None = None) -> set[int]:
    """Person ids of mentees of a kind who need or have a mentor: the denominator of R1 and R4.

    With a course: its active members; without: active members of any course of the platform.
    """
    query = (
        select(Mentee.person_id)
        .join(Membership, Membership.person_id == Mentee.person_id)
        .where(
            Mentee.cycle_id == cycle_id,
            Mentee.kind == kind,
            Mentee.state.in_(rules.NEEDING),
            Membership.active,
        )
        .distinct()
    )
    if course_id is not None:
        query = query.where(Membership.course_id == course_id)
    return set(session.scalars(query))


def set_pairing(session: Session, mentee: Mentee, state: MenteeState) -> None:
    """Move a mentee to where their pairs put them: NEEDS, PROPOSED, PAIRED or FINISHED.

    For the pairs wing only, which has locked the row and marks the courses due itself. Raises MoveRefusedError.
    """
    if mentee.state is state:
        return
    if not rules.pairing_allowed(mentee.state, state):
        raise MoveRefusedError(state=labels.MENTEE_STATES[mentee.state])
    mentee.state = state
    session.flush()


# --- steps that several of the above share ------------------------------------------------------------------------


def chosen(session: Session, at: Desk, base: type[B], ids: Iterable[int]) -> list[B]:
    """Records of people of this course and year, locked in a fixed order so that no two changes wait in a circle."""
    wanted = sorted(set(ids))
    if not wanted:
        raise NobodyChosenError
    found = list(session.scalars(_here(at, base).where(base.id.in_(wanted)).order_by(base.id)))
    if len(found) != len(wanted):
        raise NotFoundError
    return found


def of_person(session: Session, at: Desk, base: type[B], person_id: int) -> B:
    """A person's record in a base, locked; of this course and year only, and of nobody whose data were erased.

    Raises NotFoundError.
    """
    found = session.scalar(_here(at, base).where(base.person_id == person_id))
    if found is None or found.person.erased_at is not None:
        raise NotFoundError
    return found


def _here(at: Desk, base: type[B]) -> Select[B]:
    is_member = and_(Membership.person_id == base.person_id, Membership.course_id == at.course_id)
    return (
        select(base)
        .join(Membership, is_member)
        .where(base.cycle_id == at.cycle_id)
        .options(joinedload(base.person, innerjoin=True))
        .with_for_update(of=base, key_share=True)
        .execution_options(populate_existing=True)
    )


def _add(session: Session, at: Desk, base: type[B], rows: Sequence[Mapping[str, Any]]) -> list[B]:
    """Records made in the base of the year, in the order of their ids; none of whoever is there already, or comes in
    at this very moment: then another press, or a load from Moodle, was first."""
    if not rows:
        return []
    insert = db.insert(session, base).on_conflict_do_nothing().returning(base.id)
    values = [{**row, "cycle_id": at.cycle_id, "created_at": now()} for row in rows]
    # In one order everywhere, so that two of many people each never wait in a circle.
    ids = session.scalars(insert, sorted(values, key=lambda row: row["person_id"])).all()
    return list(session.scalars(select(base).where(base.id.in_(ids)).order_by(base.id)))


def _member(session: Session, at: Desk, person_id: int) -> Person:
    person = session.scalar(
        select(Person)
        .join(Membership, Membership.person_id == Person.id)
        .where(Membership.course_id == at.course_id, Person.id == person_id, Person.erased_at.is_(None))
    )
    if person is None:
        raise NotFoundError
    return person


def _members(session: Session, at: Desk, person_ids: Collection[int]) -> dict[int, str]:
    """The names of these members of the course. Raises NotFoundError when one of them is none, or was erased."""
    wanted, found = list(person_ids), dict[int, str]()
    for some in in_parts(wanted):
        rows = session.execute(
            select(Person.id, Person.family_name, Person.given_name)
            .join(Membership, Membership.person_id == Person.id)
            .where(Membership.course_id == at.course_id, Person.id.in_(some), Person.erased_at.is_(None))
        )
        found |= {person_id: f"{family} {given}".strip() for person_id, family, given in rows}
    if len(found) < len(set(wanted)):
        raise NotFoundError
    return found


def _fitting_form(session: Session, at: Desk, form_id: int | None, mentees: Sequence[Mentee]) -> Form | None:
    if form_id is None:
        return None
    form = session.scalar(
        select(Form)
        .join(Cycle, Cycle.programme_id == Form.programme_id)
        .where(Form.id == form_id, Cycle.id == at.cycle_id)
        .with_for_update(of=Form, read=True, key_share=True)
    )
    if form is None:
        raise NotFoundError
    for mentee in mentees:
        if form.is_retired and mentee.wanted_form_id != form.id:
            raise FormRetiredError(form=form.title)
        if mentee.kind is not form.mentee_kind:
            raise FormDoesNotFitError(form=form.title, name=mentee.person.name)
    return form


def refuse_all_refused(outcome: Outcome, states: Mapping[Any, Any]) -> None:
    """Raise MoveRefusedError when a change of several moved nobody at all."""
    if outcome.refused and not outcome.done and not outcome.same:
        raise MoveRefusedError(state=states[outcome.refused[0].state])


def _mark_due(session: Session, person_ids: Sequence[int]) -> None:
    """Every course these people are in: whether they need a mentor shows in the gradebook of each."""
    courses = session.scalars(
        select(Membership.course_id).where(Membership.person_id.in_(person_ids), Membership.active).distinct()
    )
    for course_id in sorted(courses):
        queue.mark_due(session, course_id)


def record_all(session: Session, at: Desk, action: str, subjects: Sequence[str], **details: Any) -> None:
    """Keep in the trail what the curator at this desk did with several."""
    audit.record_all(
        session,
        action,
        subjects,
        platform_id=at.platform_id,
        course_id=at.course_id,
        actor_id=at.actor_id,
        **details,
    )


def record(session: Session, at: Desk, action: str, subject: str, **details: Any) -> None:
    """Keep in the trail what the curator at this desk did."""
    audit.record(
        session,
        action,
        platform_id=at.platform_id,
        course_id=at.course_id,
        actor_id=at.actor_id,
        subject=subject,
        **details,
    )
