"""The lists of the two bases as a curator looks at them: filtered, searched, sorted, in pages, with counts by state.

However long a list is, it takes the same few queries.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from lti_service.lists import ListLook, ListPage, part, place
from lti_service.people import rules
from lti_service.people.consents import service as consents
from lti_service.people.consents.service import Stands
from lti_service.people.errors import ListChangedError, ListMovedError
from lti_service.people.models import (
    ChosenForm,
    Membership,
    Mentee,
    MenteeState,
    Mentor,
    MentorState,
    Nomination,
    Person,
)
from lti_service.people.names import search_key
from lti_service.people.training import lists as training
from lti_service.people.training.rules import TrainingState
from lti_service.programme.models import Form, MenteeKind

B = TypeVar("B", Mentee, Mentor)
_IS_NOMINATED = Mentee.id.in_(select(Nomination.mentee_id))


@dataclass(frozen=True, slots=True)
class Look(ListLook):
    """What a curator wants to see of a base; every value may come from an address and be nonsense."""

    state: str = ""
    kind: str = ""
    group: str = ""
    specialty: str = ""
    form: str = ""
    """The id of a form of mentoring: of mentors only those who take part in it."""
    asked: bool = False
    """Only those who asked for a mentor, or to be one, themselves."""
    nominated: bool = False
    """Only those whom a teacher has nominated."""
    training: str = ""
    """Only mentors whose trainings come to this: a value of `TrainingState`."""
    consent: str = ""
    """A value of `Stands`: only those who stand so with their consents."""
    day: date | None = None
    """On which day trainings and consents are asked about; no part of the address."""
    gone: bool = False
    """Those who left the course instead of those who are in it."""


@dataclass(frozen=True, slots=True)
class Line(Generic[B]):
    """One person of a list."""

    record: B
    groups: str
    active: bool


@dataclass(frozen=True, slots=True)
class Listing(ListPage[Line[B]], Generic[B]):
    """A page of a list, and what its filters offer."""

    counts: Counter[str]
    """State → people of the course who pass the other filters."""
    gone: int
    """People who pass the other filters and have left the course."""
    asked: int = 0
    """People of the course who pass the other filters and asked for a mentor, or to be one, themselves."""
    nominated: int = 0
    """Such people whom a teacher has nominated."""
    groups: list[str] = field(default_factory=list)
    """All groups of the course."""

    @property
    def everyone(self) -> int:
        """People of the course who pass the other filters, in whatever state."""
        return self.counts.total()


def list_mentees(session: Session, cycle_id: int, course_id: int, look: Look) -> Listing[Mentee]:
    """A page of the base of mentees: those of the school year who are (or were) in the course."""
    return _listing(session, Mentee, cycle_id, course_id, look, list(MenteeState))


def list_mentors(session: Session, cycle_id: int, course_id: int, look: Look) -> Listing[Mentor]:
    """A page of the base of mentors."""
    return _listing(session, Mentor, cycle_id, course_id, look, list(MentorState))


def _listing(
    session: Session,
    base: type[B],
    cycle_id: int,
    course_id: int,
    look: Look,
    states: Sequence[MenteeState | MentorState],
) -> Listing[B]:
    nominated = func.count(case((_IS_NOMINATED, 1))) if base is Mentee else literal(0)
    counts: Any = select(base.state, Membership.active, func.count(base.id), func.count(base.asked_at), nominated)
    counts = _narrowed(counts, base, cycle_id, course_id, look).group_by(base.state, Membership.active)
    counted: Any = session.execute(counts).all()
    here = Counter({state.value: count for state, active, count, *_rest in counted if active})
    gone = Counter({state.value: count for state, active, count, *_rest in counted if not active})
    asked = sum(count for _state, active, _all, count, _nominated in counted if active)
    named = sum(count for _state, active, _all, _asked, count in counted if active)
    matching = gone if look.gone else here
    total = matching[look.state] if look.state else matching.total()
    page, pages = place(total, look.page)

    # Rows are read whole for the lines of the page alone: to sort all of them so takes ten times as long.
    shown = _shown(select(base.id), base, cycle_id, course_id, look, with_person=True)
    ids = session.scalars(part(shown.order_by(*_order(base, look, states)), page)).all()
    lines = [Line(*row) for row in session.execute(_lines(base, course_id).where(base.id.in_(ids)))]
    lines.sort(key=lambda line: ids.index(line.record.id))
    return Listing(lines, total, page, pages, here, gone.total(), asked, named, groups_of(session, course_id))


def all_mentees(session: Session, cycle_id: int, course_id: int, look: Look) -> list[Line[Mentee]]:
    """Everybody whom a look at the base of mentees shows, on whatever page, in its order."""
    return _all(session, Mentee, cycle_id, course_id, look, list(MenteeState))


def all_mentors(session: Session, cycle_id: int, course_id: int, look: Look) -> list[Line[Mentor]]:
    """The same of the base of mentors."""
    return _all(session, Mentor, cycle_id, course_id, look, list(MentorState))


def _all(
    session: Session,
    base: type[B],
    cycle_id: int,
    course_id: int,
    look: Look,
    states: Sequence[MenteeState | MentorState],
) -> list[Line[B]]:
    ids = _shown(select(base.id), base, cycle_id, course_id, look)
    query = _lines(base, course_id).where(base.id.in_(ids)).order_by(*_order(base, look, states))
    return [Line(*row) for row in session.execute(query)]


@dataclass(frozen=True, slots=True)
class Everyone:
    """All whom a list shows with its filters, on whatever page: to change them all at once, without any script.

    How a list offers it (people/mentees.html and views/bases.py are the example):

    1. its page calls `everyone(…)` when the address says `select=all`, and gives it to the template (else None);
    2. the form of the changes (`id="change"`, its action keeps `look.query()`) has
       `chosen_bar(address, look, listing, everyone)`, each line `tick(line, chosen, all_chosen, everyone)`;
    3. what takes the POST calls `chosen(…)` with the ticked ids and the field `everyone`, and goes on with the ids
       that it gives. It raises PeopleErrors, after which the list is shown again with `select=all` counted anew.

    So whoever is changed was counted on the page that the curator saw. A list with filters of its own makes its
    `Everyone` of its own query's ids and calls `as_counted` itself.
    """

    ids: tuple[int, ...]
    """Of the records, in their order."""

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self.ids)

    @property
    def mark(self) -> str:
        """What a page keeps to know these very people again: their number and a digest of their ids."""
        return f"{self.count}-{sha256(','.join(map(str, self.ids)).encode()).hexdigest()[:16]}"

    def as_counted(self, mark: str) -> list[int]:
        """The ids, when they are those of whom a page keeps this mark; else ListMovedError or ListChangedError."""
        if mark == self.mark:
            return list(self.ids)
        before = mark.partition("-")[0]
        if before == str(self.count) or not before.isdecimal():
            raise ListChangedError(count=self.count)
        raise ListMovedError(before=before[:10], count=self.count)


def everyone(session: Session, base: type[B], cycle_id: int, course_id: int, look: Look) -> Everyone:
    """All whom a look at a base shows, on whatever page."""
    query = _shown(select(base.id), base, cycle_id, course_id, look).order_by(base.id)
    return Everyone(tuple(session.scalars(query)))


def chosen(
    session: Session, base: type[B], cycle_id: int, course_id: int, look: Look, ids: Iterable[int], mark: str
) -> list[int]:
    """The ids of those whom a curator chose: the ticked ones or, with a mark, all whom the look shows.

    Raises ListMovedError or ListChangedError when these are no longer those who were counted.
    """
    return everyone(session, base, cycle_id, course_id, look).as_counted(mark) if mark else list(ids)


def _lines(base: type[B], course_id: int) -> Any:
    """Records with their persons and what else a line shows, and what they are in the course."""
    # Outer joins, though nobody lacks either: of inner ones SQLite may begin with the whole course.
    query: Any = select(base, Membership.groups, Membership.active).outerjoin(base.person)
    query = query.outerjoin(Membership, and_(Membership.person_id == base.person_id, Membership.course_id == course_id))
    query = query.options(contains_eager(base.person))
    if base is Mentee:
        return query.options(joinedload(Mentee.wanted_form))
    return query.options(selectinload(Mentor.forms), joinedload(Mentor.employer))


def _shown(query: Any, base: type[B], cycle_id: int, course_id: int, look: Look, *, with_person: bool = False) -> Any:
    """The query over a base, narrowed to those whom a look shows."""
    query = _narrowed(query, base, cycle_id, course_id, look, with_person=with_person)
    query = query.where(Membership.active.is_(not look.gone))
    return query.where(base.state == look.state) if look.state else query


def _narrowed(
    query: Any, base: type[B], cycle_id: int, course_id: int, look: Look, *, with_person: bool = False
) -> Any:
    """The query over a base and its members of the course, narrowed by everything but the state and whether somebody
    is still there: those two are what the counts tell apart.

    Persons are joined when a filter asks about them, or `with_person`: of 20,000 that costs more than all the rest.
    """
    asked = _about_person(look)
    query = query.join(Membership, and_(Membership.person_id == base.person_id, Membership.course_id == course_id))
    if asked or with_person:
        query = query.join(Person, Person.id == base.person_id)
    return query.where(base.cycle_id == cycle_id, *_filters(base, look), *asked)


def groups_of(session: Session, course_id: int) -> list[str]:
    """Names of the course's groups that somebody is in, sorted."""
    joined = session.scalars(
        select(Membership.groups).where(Membership.course_id == course_id, Membership.groups != "").distinct()
    )
    return sorted({name for names in joined for name in rules.split_groups(names)})


def specialties_of(session: Session, cycle_id: int, course_id: int) -> list[str]:
    """What students of the year's base who are, or were, in the course learn to be, sorted."""
    query = select(Person.specialty).join(Mentee, Mentee.person_id == Person.id).distinct()
    query = query.join(Membership, and_(Membership.person_id == Person.id, Membership.course_id == course_id))
    students = (Mentee.cycle_id == cycle_id, Mentee.kind == MenteeKind.STUDENT)
    return sorted(session.scalars(query.where(*students, Person.specialty != "")))


def _about_person(look: Look) -> list[Any]:
    """The filters that ask about the person."""
    conditions: list[Any] = [
        Person.search_name.contains(word, autoescape=True) for word in search_key(look.search).split()
    ]
    if look.specialty:
        conditions.append(Person.specialty == look.specialty)
    if look.consent and look.day:
        conditions.append(consents.stands_so(Stands(look.consent), look.day))
    return conditions


def _filters(base: type[B], look: Look) -> list[Any]:
    """The filters that ask about the record or the membership."""
    conditions: list[Any] = []
    if look.kind:
        conditions.append(base.kind == look.kind)
    if look.group:
        separator = rules.SEPARATOR
        padded = literal(separator).concat(Membership.groups).concat(separator)
        conditions.append(padded.contains(f"{separator}{look.group}{separator}", autoescape=True))
    if look.asked:
        conditions.append(base.asked_at.is_not(None))
    if look.form and base is Mentor:
        conditions.append(takes_part(int(look.form)))
    if look.training and look.day and base is Mentor:
        conditions.append(training.is_in(TrainingState(look.training), look.day))
    if look.nominated and base is Mentee:
        conditions.append(_IS_NOMINATED)
    return conditions


def takes_part(form_id: int) -> ColumnElement[bool]:
    """Whether a mentor leads pairs of this form: it is for their kind, and they chose it or chose none."""
    return and_(select(Form.id).where(Form.id == form_id, Form.mentor_kind == Mentor.kind).exists(), chose(form_id))


def chose(form_id: Any) -> ColumnElement[bool]:
    """Whether a mentor chose a form, by its id or a column of ids, or chose none, which means all for their kind."""
    chosen = select(ChosenForm.id).where(ChosenForm.mentor_id == Mentor.id)
    return or_(~chosen.exists(), chosen.where(ChosenForm.form_id == form_id).exists())


def _order(base: type[B], look: Look, states: Sequence[MenteeState | MentorState]) -> list[Any]:
    by_state = case({state.value: place for place, state in enumerate(states)}, value=base.state, else_=len(states))
    columns: dict[str, Any] = {"group": Membership.groups, "kind": base.kind, "state": by_state}
    if base is Mentor:
        columns |= {"capacity": Mentor.capacity, "training": training.sort_key()}
    chosen = columns.get(look.sort)
    if chosen is None:
        return [Person.search_name.desc() if look.descending else Person.search_name, Person.id]
    return [chosen.desc() if look.descending else chosen, Person.search_name, Person.id]
