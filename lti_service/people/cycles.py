"""A new school year: opened by the first work in it, with the long-term base of mentors brought along, and with those
who had no mentor in the year before."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, insert, inspect, literal, or_, select
from sqlalchemy.orm import Session, aliased, contains_eager

from lti_service import audit, db, queue
from lti_service.access import Viewer
from lti_service.db import now
from lti_service.lists import in_parts
from lti_service.people.consents import service as consents
from lti_service.people.errors import NobodyChosenError
from lti_service.people.models import (
    ChosenForm,
    Membership,
    Mentee,
    MenteeState,
    Mentor,
    MentorState,
    Person,
    Placed,
)
from lti_service.programme import service as programme
from lti_service.programme.models import Cycle, Form

NOT_CARRIED = frozenset({"id", "cycle_id", "created_at"})
"""Columns of a record that belong to the year it was made in."""
STAY_BEHIND = (MentorState.WITHDRAWN, MentorState.TURNED_DOWN)
"""States of those who are not in the next year's base by themselves; Moodle's roles may make candidates of them."""
LEFT_WITHOUT = (MenteeState.NEEDS, MenteeState.UNPAIRED)
"""States of those who needed a mentor and had none. For whom one has been proposed is decided with that pair, which may
still become active: see `carry_lost`."""


def open_cycle(session: Session, platform_id: int, day: date) -> Cycle:
    """The platform's school year on `day`; opened when there is none, with last year's mentors and those who had none
    in its bases."""
    known = programme.find_cycle(session, platform_id, day)
    if known is not None:
        return known
    cycle = programme.current_cycle(session, platform_id, day)
    last = before(session, platform_id, cycle.start_year)
    if last is not None:
        carry_mentors(session, last, cycle)
        carry_left_without(session, last, cycle)
    return cycle


def before(session: Session, platform_id: int, start_year: int) -> Cycle | None:
    """The platform's school year before that of `start_year`, however long ago it was."""
    return session.scalar(
        select(Cycle)
        .where(Cycle.platform_id == platform_id, Cycle.start_year < start_year)
        .order_by(Cycle.start_year.desc())
        .limit(1)
    )


def carry_mentors(session: Session, last: Cycle, cycle: Cycle) -> None:
    """Bring the mentors of an earlier year into a new one as they were.

    The withdrawn and turned down stay behind, and so does whoever is in no course any more or has been erased.
    Whoever is in the new year's base already is left alone. Two statements, however many they are.
    """
    moment = now()
    carried = [column for column in inspect(Mentor).columns if column.name not in NOT_CARRIED]
    there = select(Mentor.person_id).where(Mentor.cycle_id == cycle.id)
    rows = select(literal(cycle.id), literal(moment, Mentor.__table__.c.created_at.type), *carried).where(
        Mentor.cycle_id == last.id,
        Mentor.state.not_in(STAY_BEHIND),
        Mentor.person_id.not_in(there),
        Mentor.person_id.in_(_in_courses()),
    )
    session.execute(insert(Mentor).from_select(["cycle_id", "created_at", *(column.name for column in carried)], rows))
    _carry_chosen_forms(session, last, cycle, moment)


def _carry_chosen_forms(session: Session, last: Cycle, cycle: Cycle, moment: datetime) -> None:
    """Give the mentors brought at `moment` the forms they take part in, as the new year's programme has them."""
    old, new, chosen, kept = aliased(Mentor), aliased(Mentor), aliased(Form), aliased(Form)
    rows = (
        select(new.id, kept.id)
        .select_from(ChosenForm)
        .join(old, old.id == ChosenForm.mentor_id)
        .join(new, (new.person_id == old.person_id) & (new.cycle_id == cycle.id) & (new.created_at == moment))
        .join(chosen, chosen.id == ChosenForm.form_id)
        .join(kept, (kept.code == chosen.code) & (kept.programme_id == cycle.programme_id))
        .where(old.cycle_id == last.id)
    )
    session.execute(insert(ChosenForm).from_select(["mentor_id", "form_id"], rows))


def count_mentors(session: Session, cycle_id: int, course_id: int) -> int:
    """How many of a year's base of mentors are in the course: as many as the base's list shows there."""
    here = select(Membership.person_id).where(Membership.course_id == course_id, Membership.active)
    count = select(func.count(Mentor.id)).where(Mentor.cycle_id == cycle_id, Mentor.person_id.in_(here))
    return session.scalar(count) or 0


# --- mentees ------------------------------------------------------------------------------------------------------


def carry_left_without(session: Session, last: Cycle, cycle: Cycle) -> None:
    """Bring whoever needed a mentor in an earlier year and had none into a new one, with what they asked for.

    They need one there too, and whoever was without a pair still is; whoever asked themselves and was not decided on
    stays a candidate who asked. Those who are in no course any more, have been erased or are in the new base already
    are left alone. Who has withdrawn their consent is counted, but their own words and special needs stay where they
    are. One statement, however many they are.
    """
    table = Mentee.__table__.c
    is_withdrawn = consents.all_withdrawn()
    changed = {
        "cycle_id": literal(cycle.id),
        "created_at": literal(now(), table.created_at.type),
        "wanted_form_id": _form_in(cycle),
        "request": case((is_withdrawn, ""), else_=Mentee.request),
        "topics": case((is_withdrawn, literal([], table.topics.type)), else_=Mentee.topics),
        "asked_at": case((~is_withdrawn, Mentee.asked_at)),
        "special_needs": and_(Mentee.special_needs, ~is_withdrawn),
    }
    left_out = NOT_CARRIED | {"offered_at"} | changed.keys()
    carried = {column.name: column for column in inspect(Mentee).columns if column.name not in left_out}
    there = select(Mentee.person_id).where(Mentee.cycle_id == cycle.id)
    rows = (
        _left_without(last, *changed.values(), *carried.values())
        .join(Person, Person.id == Mentee.person_id)
        .where(Mentee.person_id.not_in(there))
    )
    session.execute(insert(Mentee).from_select([*changed, *carried], rows))
    # Whether they need a mentor shows in the gradebook.
    courses = (
        select(Membership.course_id)
        .join(Mentee, Mentee.person_id == Membership.person_id)
        .where(Mentee.cycle_id == cycle.id, Membership.active)
        .distinct()
    )
    for course_id in sorted(session.scalars(courses)):
        queue.mark_due(session, course_id)


def count_left_without(session: Session, last: Cycle, cycle: Cycle | None) -> int:
    """How many mentees opening a year brings along from the one before, or has brought when it is open."""
    query = _left_without(last, func.count())
    if cycle is not None:
        there = aliased(Mentee)
        query = query.where(Mentee.person_id.in_(select(there.person_id).where(there.cycle_id == cycle.id)))
    return session.scalar(query) or 0


def _left_without(last: Cycle, *what: Any) -> Select[Any]:
    """Of the mentees of a year who needed a mentor, or asked for one, and had none, and who are still in a course."""
    asked = and_(Mentee.state == MenteeState.CANDIDATE, Mentee.asked_at.is_not(None))
    return (
        select(*what)
        .select_from(Mentee)
        .where(
            Mentee.cycle_id == last.id,
            or_(Mentee.state.in_(LEFT_WITHOUT), asked),
            Mentee.person_id.in_(_in_courses()),
        )
    )


def _in_courses() -> Select[int]:
    """Ids of people who are in some course, and whose data have not been erased."""
    return select(Membership.person_id).join(Person).where(Membership.active, Person.erased_at.is_(None))


def _form_in(cycle: Cycle) -> ColumnElement[int | None]:
    """The form that a mentee wants, as a year's programme has it; none: it has no such form."""
    chosen, kept = aliased(Form), aliased(Form)
    return (
        select(kept.id)
        .join(chosen, chosen.code == kept.code)
        .where(chosen.id == Mentee.wanted_form_id, kept.programme_id == cycle.programme_id)
        .correlate(Mentee)
        .scalar_subquery()
    )


def special_needs_before(session: Session, cycle_id: int, person_ids: Iterable[int]) -> set[int]:
    """Those of these people who had special needs by their last record of the years before: whoever comes into the
    base of a new year anew, in whatever way, still has them. Of who has withdrawn their consent it is not told on."""
    this = aliased(Cycle)
    query = (
        select(Mentee.person_id, Mentee.special_needs)
        .join(Cycle, Cycle.id == Mentee.cycle_id)
        .join(this, (this.platform_id == Cycle.platform_id) & (this.start_year > Cycle.start_year))
        .join(Person, Person.id == Mentee.person_id)
        .where(this.id == cycle_id, ~consents.all_withdrawn())
        .order_by(Cycle.start_year)
    )
    newest: dict[int, bool] = {}
    for some in in_parts(list(person_ids)):
        newest.update(session.execute(query.where(Mentee.person_id.in_(some))).all())
    return {person_id for person_id, special in newest.items() if special}


def as_before(session: Session, cycle_id: int, person_id: int) -> dict[str, bool]:
    """What a record of somebody who comes into the base of a year anew takes from the years before."""
    return {"special_needs": person_id in special_needs_before(session, cycle_id, [person_id])}


def carry_mentees(session: Session, mentees: Sequence[Mentee], cycle: Cycle) -> list[Mentee]:
    """The records of these mentees in a new year's base, for whom work goes on; made where there are none.

    Whoever had not been said to need a mentor there needs one: they have one. The withdrawn stay so. Whom only a load
    from Moodle has put there asks for what they asked for before, unless they have withdrawn their consent.
    """
    persons = [mentee.person_id for mentee in mentees]
    known = _of_year(session, persons, cycle)
    rows = session.execute(
        select(Mentee.id, _form_in(cycle), consents.all_withdrawn())
        .join(Person, Person.id == Mentee.person_id)
        .where(Mentee.id.in_([mentee.id for mentee in mentees]))
    )
    asked = {mentee_id: (form_id, is_withdrawn) for mentee_id, form_id, is_withdrawn in rows}
    asking: dict[int, dict[str, Any]] = {}
    for mentee in mentees:
        form_id, is_withdrawn = asked[mentee.id]
        said = ("", [], None) if is_withdrawn else (mentee.request, mentee.topics, mentee.asked_at)
        asked_for = dict(zip(("request", "topics", "asked_at"), said, strict=True)) | {"wanted_form_id": form_id}
        asking[mentee.person_id] = asked_for
        if mentee.person_id not in known:
            values = {column.key: getattr(mentee, column.key) for column in inspect(Mentee).column_attrs}
            values = {key: value for key, value in values.items() if key not in NOT_CARRIED | {"offered_at"}}
            values |= {"cycle_id": cycle.id, "state": MenteeState.NEEDS, "created_at": now()}
            values["special_needs"] = mentee.special_needs and not is_withdrawn
            # A load from Moodle may make the same record at this moment.
            db.add_missing(session, Mentee, values | asked_for)
    known = _of_year(session, persons, cycle)
    for person_id in persons:
        there = known[person_id]
        if there.state in (MenteeState.CANDIDATE, MenteeState.UNPAIRED):
            there.state = MenteeState.NEEDS
        if there.asked_at is None and not there.asking and there.wanted_form_id is None:
            for name, value in asking[person_id].items():
                setattr(there, name, value)
    session.flush()
    return [known[person_id] for person_id in persons]


def carry_lost(session: Session, mentees: Sequence[Mentee], last: Cycle) -> None:
    """Bring those into the newest year who have lost their only mentor of an earlier one after it was opened.

    They need a mentor there as those do who had none. Of whom somebody has decided there already nothing is changed.
    """
    cycle = session.scalar(
        select(Cycle)
        .where(Cycle.platform_id == last.platform_id, Cycle.start_year > last.start_year)
        .order_by(Cycle.start_year.desc())
        .limit(1)
    )
    if cycle is None:
        return
    persons = [mentee.person_id for mentee in mentees]
    known = _of_year(session, persons, cycle)
    here = set(session.scalars(_in_courses().where(Person.id.in_(persons))))
    carry_mentees(
        session,
        [
            mentee
            for mentee in mentees
            if mentee.person_id in here and ((there := known.get(mentee.person_id)) is None or _is_untouched(there))
        ],
        cycle,
    )


def _is_untouched(mentee: Mentee) -> bool:
    return mentee.state is MenteeState.CANDIDATE and mentee.placed is Placed.RULES


def _of_year(session: Session, persons: Sequence[int], cycle: Cycle) -> dict[int, Mentee]:
    """Records of people in the base of a year, by person."""
    query = select(Mentee).where(Mentee.cycle_id == cycle.id, Mentee.person_id.in_(persons)).order_by(Mentee.id)
    return {mentee.person_id: mentee for mentee in session.scalars(query)}


# --- mentees who may become mentors -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Finished:
    """A mentee whose work with a mentor is finished, and whether they were offered to become one."""

    mentee: Mentee
    groups: str

    @property
    def is_offered(self) -> bool:
        """A curator has offered it, and they have not answered."""
        return self.mentee.offered_at is not None


def finished_mentees(session: Session, course_id: int, cycle: Cycle | None, last: Cycle | None) -> list[Finished]:
    """Active members of the course who finished this school year or the one before and are not in the base of mentors.

    Sorted by name; one record a person, the newest.
    """
    years = [year.id for year in (cycle, last) if year is not None]
    mentors = select(Mentor.person_id).where(Mentor.cycle_id == (cycle.id if cycle else 0))
    rows = session.execute(
        select(Mentee, Membership.groups)
        .join(Person, Person.id == Mentee.person_id)
        .join(Membership, Membership.person_id == Mentee.person_id)
        .where(
            Mentee.cycle_id.in_(years),
            Mentee.state == MenteeState.FINISHED,
            Mentee.person_id.not_in(mentors),
            Membership.course_id == course_id,
            Membership.active,
        )
        .options(contains_eager(Mentee.person))
        .order_by(Person.search_name, Person.id, Mentee.id)
    )
    newest = {mentee.person_id: Finished(mentee, groups) for mentee, groups in rows}
    return list(newest.values())


def offer_mentoring(session: Session, viewer: Viewer, day: date, mentee_ids: Iterable[int]) -> int:
    """Offer these finished mentees to become mentors: their home page asks them. Says how many were new.

    Raises NobodyChosenError; whoever is not among `finished_mentees` is passed over.
    """
    wanted = set(mentee_ids)
    if not wanted:
        raise NobodyChosenError
    cycle = programme.find_cycle(session, viewer.platform_id, day)
    last = before(session, viewer.platform_id, programme.school_year(day))
    count = 0
    for found in finished_mentees(session, viewer.course_id, cycle, last):
        if found.mentee.id in wanted and not found.is_offered:
            found.mentee.offered_at = now()
            _record(session, viewer, "mentee.offered-mentoring", f"mentee:{found.mentee.id}")
            count += 1
    session.flush()
    return count


def decline_offer(session: Session, viewer: Viewer) -> None:
    """The viewer does not want to be a mentor now: the offer is not shown any more."""
    offered = session.scalars(
        select(Mentee).where(Mentee.person_id == viewer.person_id, Mentee.offered_at.is_not(None)).order_by(Mentee.id)
    ).all()
    for mentee in offered:
        mentee.offered_at = None
        _record(session, viewer, "mentee.declined-mentoring", f"mentee:{mentee.id}")
    session.flush()


def _record(session: Session, viewer: Viewer, action: str, subject: str) -> None:
    audit.record(
        session,
        action,
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        actor_id=viewer.person_id,
        subject=subject,
    )
