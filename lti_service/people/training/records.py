"""The lists of trainings as a curator looks at them: the college's courses, and the records of who has completed them.

However long they are, they take the same few queries.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, select
from sqlalchemy.orm import Session, contains_eager

from lti_service.access import Viewer
from lti_service.lists import PAGE, By, ListLook, ListPage, Stretch, in_parts, place
from lti_service.people.consents import service as consents
from lti_service.people.consents.service import Stand
from lti_service.people.lists import is_in_group
from lti_service.people.models import Membership, Person
from lti_service.people.names import search_key
from lti_service.people.training.models import Training, TrainingCourse
from lti_service.people.training.rules import SOON, Standing, TrainingState, standing_of

# --- courses ------------------------------------------------------------------------------------------------------

COURSE_SORTS = ("name", "date", "hours", "completed")


@dataclass(frozen=True, slots=True)
class CoursesLook(ListLook):
    """What a curator wants to see of the courses; every value may come from an address and be nonsense."""


@dataclass(frozen=True, slots=True)
class CourseLine:
    """A course with how many people of the viewer's course have completed it."""

    course: TrainingCourse
    completed: int


def list_courses(session: Session, viewer: Viewer, look: CoursesLook) -> ListPage[CourseLine]:
    """A page of the college's training courses, with how many of the viewer's course have completed each."""
    ids, completed = _ordered_courses(session, viewer, look)
    page, pages = place(len(ids), look.page)
    shown = ids[(page - 1) * PAGE : page * PAGE]
    return ListPage(_read_courses(session, shown, completed), len(ids), page, pages)


def all_courses(session: Session, viewer: Viewer, look: CoursesLook) -> list[CourseLine]:
    """Every course that a look shows, on whatever page, in its order."""
    ids, completed = _ordered_courses(session, viewer, look)
    return _read_courses(session, ids, completed)


def _ordered_courses(session: Session, viewer: Viewer, look: CoursesLook) -> tuple[list[int], dict[int, int]]:
    """Ids in the look's order, and how many have completed each.

    A college has some dozens, at most some hundreds: titles are searched and sorted here, for databases fold Cyrillic
    letters each in their own way.
    """
    here = select(Membership.person_id).where(Membership.course_id == viewer.course_id)
    counted = session.execute(
        select(Training.training_course_id, func.count(Training.person_id.distinct()))
        .where(Training.person_id.in_(here))
        .group_by(Training.training_course_id)
    )
    completed: dict[int, int] = dict(counted.all())
    rows = session.execute(
        select(
            TrainingCourse.id,
            TrainingCourse.title,
            TrainingCourse.begins_on,
            TrainingCourse.ends_on,
            TrainingCourse.hours,
        ).where(TrainingCourse.platform_id == viewer.platform_id)
    ).all()
    words = search_key(look.search).split()
    found = [row for row in rows if all(word in search_key(row.title) for word in words)]
    found.sort(key=lambda row: (search_key(row.title), row.id), reverse=look.descending and look.sort == "name")
    keys: dict[str, Any] = {
        "date": lambda row: row.begins_on or row.ends_on or date.min,
        "hours": lambda row: row.hours or 0,
        "completed": lambda row: completed.get(row.id, 0),
    }
    if look.sort in keys:
        found.sort(key=keys[look.sort], reverse=look.descending)
    return [row.id for row in found], completed


def _read_courses(session: Session, ids: Sequence[int], completed: dict[int, int]) -> list[CourseLine]:
    courses = {one.id: one for one in session.scalars(select(TrainingCourse).where(TrainingCourse.id.in_(ids)))}
    return [CourseLine(courses[one], completed.get(one, 0)) for one in ids if one in courses]


# --- who has completed them ---------------------------------------------------------------------------------------

RECORD_SORTS = ("name", "course", "date", "hours", "until")
ENDING_WITHIN = (30, 60, 90, 180, 365)
"""Days within which a training that counts runs out, to filter by."""
ENDLESS = date(9999, 12, 31)
"""The last day of a training without an end, for comparing."""


@dataclass(frozen=True, slots=True)
class RecordsLook(ListLook):
    """What a curator wants to see of the records; every value may come from an address and be nonsense."""

    state: str = ""
    """How the training stands by itself, whatever others its person has: a value of `TrainingState`."""
    within: str = ""
    """One of `ENDING_WITHIN`: only those that count now and run out within so many days."""
    course: str = ""
    """The id of a training course."""
    group: str = ""


@dataclass(frozen=True, slots=True)
class RecordLine:
    """One record: who has completed what."""

    record: Training
    groups: str
    standing: Standing
    stand: Stand
    """How its person stands with their consents: who has withdrawn is told of no more than is counted."""


@dataclass(frozen=True, slots=True)
class RecordsListing(ListPage[RecordLine]):
    """A page of the records, and what their filters offer."""

    counts: Counter[str]
    """State → records that pass the other filters."""

    @property
    def everyone(self) -> int:
        """Records that pass the other filters, however they stand."""
        return self.counts.total()


def list_records(session: Session, viewer: Viewer, day: date, look: RecordsLook) -> RecordsListing:
    """A page of the records of people of the viewer's course."""
    # In a subquery, for PostgreSQL takes the same expression with other parameters for another one.
    states = _narrowed(select(_state(day).label("state")), viewer, day, look).subquery()
    counted = session.execute(select(states.c.state, func.count()).group_by(states.c.state))
    counts: Counter[str] = Counter(dict(counted.all()))
    total = counts[look.state] if look.state else counts.total()
    page, pages = place(total, look.page)
    ids = Stretch(total, PAGE, (page - 1) * PAGE).sorted_of(session, _shown(viewer, day, look), _order(look))
    return RecordsListing(_read(session, viewer, day, ids), total, page, pages, counts)


def all_records(session: Session, viewer: Viewer, day: date, look: RecordsLook) -> list[RecordLine]:
    """Every record that a look shows, on whatever page, in its order."""
    ids = session.scalars(_shown(viewer, day, look).order_by(*(one.expression() for one in _order(look))))
    return _read(session, viewer, day, list(ids))


def _state(day: date) -> ColumnElement[str]:
    """`rules.standing_of` one record, for the database to filter and count by."""
    return case(
        (Training.valid_until < day, literal(TrainingState.EXPIRED.value)),
        (Training.valid_until <= day + SOON, literal(TrainingState.SOON.value)),
        else_=literal(TrainingState.VALID.value),
    )


def _narrowed(query: Any, viewer: Viewer, day: date, look: RecordsLook, *, in_order: bool = False) -> Any:
    """The query over records, narrowed by everything but the state; with what they are ordered by where that is asked.

    Persons and courses are joined only then: of 20,000 records that costs more than all the rest. A record of somebody
    of the viewer's course is of their college.
    """
    query = query.select_from(Training).join(
        Membership, and_(Membership.person_id == Training.person_id, Membership.course_id == viewer.course_id)
    )
    words = search_key(look.search).split()
    if words or in_order:
        query = query.join(Person, Person.id == Training.person_id)
        query = query.where(*(Person.search_name.contains(word, autoescape=True) for word in words))
    if in_order and look.sort in ("course", "hours"):
        query = query.join(TrainingCourse, TrainingCourse.id == Training.training_course_id)
    if look.course:
        query = query.where(Training.training_course_id == int(look.course))
    if look.within:
        query = query.where(Training.valid_until >= day, Training.valid_until <= day + timedelta(int(look.within)))
    if look.group:
        query = query.where(is_in_group(look.group))
    return query


def _shown(viewer: Viewer, day: date, look: RecordsLook) -> Any:
    query = _narrowed(select(Training.id), viewer, day, look, in_order=True)
    return query.where(_state(day) == look.state) if look.state else query


def _order(look: RecordsLook) -> list[By]:
    columns: dict[str, Any] = {
        "course": TrainingCourse.title,
        "date": Training.completed_on,
        "hours": func.coalesce(TrainingCourse.hours, 0),
        "until": func.coalesce(Training.valid_until, ENDLESS),
    }
    by_name = [By(Person.search_name), By(Person.id), By(Training.completed_on), By(Training.id)]
    chosen = columns.get(look.sort)
    if chosen is None:
        return [By(Person.search_name, look.descending), *by_name[1:]]
    return [By(chosen, look.descending), *by_name]


def _read(session: Session, viewer: Viewer, day: date, ids: Sequence[int]) -> list[RecordLine]:
    # Outer joins, though nobody lacks any: of inner ones SQLite may begin with the whole course.
    query = (
        select(Training, Membership.groups)
        .outerjoin(Training.person)
        .outerjoin(Training.course)
        .outerjoin(Membership, and_(Membership.person_id == Person.id, Membership.course_id == viewer.course_id))
        .options(contains_eager(Training.person), contains_eager(Training.course))
    )
    rows: list[Any] = []
    for some in in_parts(ids):
        rows += session.execute(query.where(Training.id.in_(some)))
    stands = consents.stands(session, [record.person_id for record, _groups in rows], day)
    lines = {
        record.id: RecordLine(record, groups, standing_of([record.valid_until], day), stands[record.person_id])
        for record, groups in rows
    }
    return [lines[one] for one in ids if one in lines]
