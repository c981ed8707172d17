"""The lists of the two bases as a curator looks at them: filtered, searched, sorted, in pages, with counts by state.

However long a list is, it takes the same few queries.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, String, and_, case, cast, func, literal, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, contains_eager, joinedload, selectinload

from lti_service.lists import PAGE, By, ListLook, ListPage, Stretch, place, values_of
from lti_service.people import rules
from lti_service.people.consents import service as consents
from lti_service.people.consents.service import Stands
from lti_service.people.employers.models import Employer
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
from lti_service.programme.models import Cycle, Form, MenteeKind

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
    wanted: str = ""
    """The id of a form of mentoring that mentees want, or `UNCHOSEN`."""
    source: str = ""
    """A value of `Source`: from where mentees came into the base."""
    special: bool = False
    """Only mentees with special needs; for the eyes of curators, and no file is filtered by it."""
    employer: str = ""
    """The id of the organisation that gave mentors."""
    differs: bool = False
    """Only those of whom something is corrected here that Moodle says otherwise."""
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


UNCHOSEN = "none"
"""In place of a form's id: those who have chosen none yet."""


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
    is_here = Membership.active
    counts: Any = select(
        base.state,
        func.count().filter(is_here),
        func.count().filter(~is_here),
        func.count(base.asked_at).filter(is_here),
        func.count().filter(is_here, _IS_NOMINATED) if base is Mentee else literal(0),
        PEOPLE,
    )
    counted: Any = session.execute(_narrowed(counts, base, cycle_id, course_id, look).group_by(base.state)).all()
    here = Counter({state.value: count for state, count, *_rest in counted if count})
    gone = Counter({state.value: count for state, _here, count, *_rest in counted if count})
    asked = sum(count for _state, _here, _gone, count, *_rest in counted)
    nominated = sum(count for *_rest, count, _people in counted)
    people = max((people for *_rest, people in counted), default=0)
    matching = gone if look.gone else here
    total = matching[look.state] if look.state else matching.total()
    page, pages = place(total, look.page)

    # Rows are read whole for the lines of the page alone: to sort all of them so takes ten times as long.
    stretch = Stretch(total, PAGE, (page - 1) * PAGE)
    order = _order(base, look, states)
    if look.sort == "name" and is_read_off(stretch, people):
        where = _shown(select(base.id), base, cycle_id, course_id, look, about_person=False)
        named = by_name(_college_of(cycle_id), where.where(base.person_id == Person.id).correlate(Person).exists())
        ids = stretch.of(session, named.where(*_about_person(look)), order)
    else:
        ids = stretch.sorted_of(
            session, _shown(select(base.person_id), base, cycle_id, course_id, look, with_person=True), order
        )
    found = _lines(base, course_id).where(base.cycle_id == cycle_id, base.person_id.in_(ids))
    lines = [Line(*row) for row in session.execute(found)]
    lines.sort(key=lambda line: ids.index(line.record.person_id))
    return Listing(lines, total, page, pages, here, gone.total(), asked, nominated, groups_of(session, course_id))


# --- people by name ---------------------------------------------------------------------------------------------------

PEOPLE = select(func.max(Person.id)).scalar_subquery()
"""How many people there are at most, without counting them."""


def is_read_off(stretch: Stretch, people: int) -> bool:
    """Whether lines ordered by name are had faster by `by_name` than by sorting all of them.

    Passed by are as many of the `people` as stand before the last of the lines, if those are spread evenly; for each
    of them it takes half as long again as to sort one line does, as measured on both databases. Where less than half
    of the people are in the list it is left: if they all come last, everybody is passed by for little.
    """
    return people <= stretch.total * 2 and stretch.passed * people * 3 <= stretch.total**2 * 2


def by_name(platform_id: Any, is_in_list: ColumnElement[bool]) -> Select[int]:
    """Ids of people of a college whom a condition lets into a list, to be ordered by their search names.

    They are read off the index by name until there are enough; the condition, an EXISTS about the person, keeps
    databases from beginning with whatever else it is about.
    """
    return select(Person.id).where(Person.platform_id == platform_id, is_in_list)


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
    order = [one.expression() for one in _order(base, look, states)]
    query = _lines(base, course_id).where(base.id.in_(ids)).order_by(*order)
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


def _shown(
    query: Any,
    base: type[B],
    cycle_id: int,
    course_id: int,
    look: Look,
    *,
    with_person: bool = False,
    about_person: bool = True,
) -> Any:
    """The query over a base, narrowed to those whom a look shows; perhaps without what it asks about the person."""
    query = _narrowed(query, base, cycle_id, course_id, look, with_person=with_person, about_person=about_person)
    query = query.where(Membership.active.is_(not look.gone))
    return query.where(base.state == look.state) if look.state else query


def _narrowed(
    query: Any,
    base: type[B],
    cycle_id: int,
    course_id: int,
    look: Look,
    *,
    with_person: bool = False,
    about_person: bool = True,
) -> Any:
    """The query over a base and its members of the course, narrowed by everything but the state and whether somebody
    is still there: those two are what the counts tell apart.

    Persons are joined when a filter asks about them, or `with_person`: of 20,000 that costs more than all the rest.
    """
    asked = _about_person(look) if about_person else []
    query = query.join(Membership, and_(Membership.person_id == base.person_id, Membership.course_id == course_id))
    if asked or with_person:
        query = query.join(Person, Person.id == base.person_id)
    return query.where(base.cycle_id == cycle_id, *_filters(base, look), *asked)


def groups_of(session: Session, course_id: int) -> list[str]:
    """Names of the course's groups that somebody is in, sorted."""
    joined = session.scalars(values_of(Membership.groups, Membership.course_id == course_id))
    return sorted({name for names in joined for name in rules.split_groups(names)})


def employers_of(session: Session, cycle_id: int, course_id: int) -> list[Employer]:
    """Organisations that gave mentors of the year's base who are, or were, in the course, by name."""
    gave = (
        select(Mentor.id)
        .join(Membership, and_(Membership.person_id == Mentor.person_id, Membership.course_id == course_id))
        .where(Mentor.cycle_id == cycle_id, Mentor.employer_id == Employer.id)
        .correlate(Employer)
    )
    query = select(Employer).where(Employer.platform_id == _college_of(cycle_id), gave.exists())
    return sorted(session.scalars(query), key=lambda employer: (search_key(employer.shown_name), employer.id))


def specialties_of(session: Session, cycle_id: int, course_id: int) -> list[str]:
    """What students of the year's base who are, or were, in the course learn to be, sorted."""
    college = _college_of(cycle_id)
    students = (
        select(Mentee.person_id)
        .join(Membership, and_(Membership.person_id == Mentee.person_id, Membership.course_id == course_id))
        .where(Mentee.cycle_id == cycle_id, Mentee.kind == MenteeKind.STUDENT)
    )
    return sorted(session.scalars(among(Person.specialty, college, students)))


def among(column: InstrumentedAttribute[str], platform_id: Any, those: Select[int]) -> Select[str]:
    """The different texts that a column of `Person` has among those people of a college, the empty one left out.

    An index has the college, then the column. Of each text it is asked whether somebody has it. EXISTS would be the
    word, but PostgreSQL joins that with all of the texts and reads everybody, and without OFFSET it looks through
    everybody in the hope to meet somebody soon.
    """
    texts = values_of(column, Person.platform_id == platform_id)
    text = texts.selected_columns.value
    having_it = select(Person.id).where(Person.platform_id == platform_id, column == text)
    people = having_it.correlate(text.table).offset(0).subquery()
    [person_id] = those.selected_columns
    found = those.where(person_id == people.c.id).correlate(people).exists()
    return texts.where(select(people.c.id).where(found).limit(1).scalar_subquery().is_not(None))


def _college_of(cycle_id: int) -> Any:
    return select(Cycle.platform_id).where(Cycle.id == cycle_id).scalar_subquery()


def _about_person(look: Look) -> list[Any]:
    """The filters that ask about the person."""
    conditions: list[Any] = [
        Person.search_name.contains(word, autoescape=True) for word in search_key(look.search).split()
    ]
    if look.specialty:
        conditions.append(Person.specialty == look.specialty)
    if look.differs:
        # As text, which is the same on both databases.
        conditions.append(cast(Person.corrected, String) != "{}")
    if look.consent and look.day:
        conditions.append(consents.stands_so(Stands(look.consent), look.day))
    return conditions


def _filters(base: type[B], look: Look) -> list[Any]:
    """The filters that ask about the record or the membership."""
    conditions: list[Any] = []
    if look.kind:
        conditions.append(base.kind == look.kind)
    if look.group:
        conditions.append(is_in_group(look.group))
    if look.asked:
        conditions.append(base.asked_at.is_not(None))
    if look.form and base is Mentor:
        conditions.append(takes_part(int(look.form)))
    if look.training and look.day and base is Mentor:
        conditions.append(training.is_in(TrainingState(look.training), look.day))
    if look.employer and base is Mentor:
        conditions.append(Mentor.employer_id == int(look.employer))
    if base is Mentee:
        conditions += _about_request(look)
    return conditions


def _about_request(look: Look) -> list[Any]:
    """The filters that ask about a mentee's record."""
    conditions: list[Any] = []
    if look.nominated:
        conditions.append(_IS_NOMINATED)
    if look.wanted:
        chosen = None if look.wanted == UNCHOSEN else int(look.wanted)
        conditions.append(Mentee.wanted_form_id.is_(None) if chosen is None else Mentee.wanted_form_id == chosen)
    if look.source:
        conditions.append(Mentee.source == look.source)
    if look.special:
        conditions.append(Mentee.special_needs)
    return conditions


def is_in_group(group: str) -> ColumnElement[bool]:
    """Whether a member of a course is in this group, among others."""
    separator = rules.SEPARATOR
    padded = literal(separator).concat(Membership.groups).concat(separator)
    return padded.contains(f"{separator}{group}{separator}", autoescape=True)


def takes_part(form_id: int) -> ColumnElement[bool]:
    """Whether a mentor leads pairs of this form: it is for their kind, and they chose it or chose none."""
    return and_(select(Form.id).where(Form.id == form_id, Form.mentor_kind == Mentor.kind).exists(), chose(form_id))


def chose(form_id: Any) -> ColumnElement[bool]:
    """Whether a mentor chose a form, by its id or a column of ids, or chose none, which means all for their kind."""
    chosen = select(ChosenForm.id).where(ChosenForm.mentor_id == Mentor.id)
    return or_(~chosen.exists(), chosen.where(ChosenForm.form_id == form_id).exists())


def _order(base: type[B], look: Look, states: Sequence[MenteeState | MentorState]) -> list[By]:
    by_state = case({state.value: place for place, state in enumerate(states)}, value=base.state, else_=len(states))
    columns: dict[str, Any] = {"group": Membership.groups, "kind": base.kind, "state": by_state}
    if base is Mentor:
        columns |= {"capacity": Mentor.capacity, "training": training.sort_key()}
    chosen = columns.get(look.sort)
    if chosen is None:
        return [By(Person.search_name, look.descending), By(Person.id)]
    return [By(chosen, look.descending), By(Person.search_name), By(Person.id)]
