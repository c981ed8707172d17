"""Loads of a course's people as pages tell of them: the earlier ones, and with whom one of them had trouble."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from lti_service.errors import NotFoundError
from lti_service.lists import PAGE, ListLook, ListPage, in_parts, part, place
from lti_service.people.enrolments import KIND
from lti_service.people.models import Membership, Person
from lti_service.people.names import search_key
from lti_service.queue import Run, RunState

REASONS = ("birth-date", "experience", "study-year", "name", "corrected")
"""Of trouble with people who are kept all the same."""


@dataclass(frozen=True, slots=True)
class Look(ListLook):
    """What a curator wants to see of the earlier loads."""

    state: str = ""
    """`done` or `failed`."""


@dataclass(frozen=True, slots=True)
class Listing(ListPage[Run]):
    """A page of the earlier loads, and what its filter offers."""

    counts: Counter[str]

    @property
    def everyone(self) -> int:
        """Earlier loads, however they ended."""
        return self.counts.total()


def earlier(session: Session, course_id: int, newest: Run, look: Look) -> Listing:
    """A page of the loads before the newest one, the last first."""
    before = _before(select(Run.state, func.count()), course_id, newest).group_by(Run.state)
    counts: Counter[str] = Counter(dict(session.execute(before).all()))
    total = counts[look.state] if look.state else counts.total()
    page, pages = place(total, look.page)
    query = _before(select(Run), course_id, newest)
    if look.state:
        query = query.where(Run.state == look.state)
    return Listing(list(session.scalars(part(query.order_by(Run.id.desc()), page))), total, page, pages, counts)


def _before(query: Any, course_id: int, newest: Run) -> Any:
    # None of them is open: no two ever are.
    return query.where(
        Run.kind == KIND,
        Run.course_id == course_id,
        Run.id < newest.id,
        Run.state.in_((RunState.DONE, RunState.FAILED)),
    )


@dataclass(frozen=True, slots=True)
class Trouble:
    """Somebody with whom a load had trouble; without a person: nobody here has this number any more."""

    moodle_id: str
    person: Person | None
    groups: str


@dataclass(frozen=True, slots=True)
class Troubles(ListPage[Trouble]):
    """A page of the people with whom a load had one kind of trouble, by name."""

    run: Run
    reason: str
    count: int
    """How many they were; a run keeps the first of very many only."""


def troubles(session: Session, course_id: int, run_id: int, reason: str, look: ListLook) -> Troubles:
    """A page of them. Raises NotFoundError for a load of another course, and where there is no such trouble."""
    run = session.scalar(select(Run).where(Run.id == run_id, Run.kind == KIND, Run.course_id == course_id))
    found = run.counts.get("problems", {}).get(reason) if run else None
    if run is None or not found:
        raise NotFoundError
    known = _named(session, course_id, found["people"])
    words = search_key(look.search).split()
    lines = [
        known.get(moodle_id, Trouble(moodle_id, None, ""))
        for moodle_id in found["people"]
        if all(word in _key(known.get(moodle_id), moodle_id) for word in words)
    ]
    lines.sort(key=lambda line: _key(line, line.moodle_id), reverse=look.descending)
    page, pages = place(len(lines), look.page)
    shown = lines[(page - 1) * PAGE : page * PAGE]
    return Troubles(shown, len(lines), page, pages, run, reason, found["count"])


def _key(line: Trouble | None, moodle_id: str) -> str:
    return f"{line.person.search_name if line and line.person else ''} {moodle_id}"


def _named(session: Session, course_id: int, moodle_ids: Sequence[str]) -> dict[str, Trouble]:
    found: dict[str, Trouble] = {}
    for some in in_parts(moodle_ids):
        rows = session.execute(
            select(Person.moodle_id, Person, Membership.groups)
            .join(Membership, and_(Membership.person_id == Person.id, Membership.course_id == course_id))
            .where(Person.moodle_id.in_(some))
        )
        found |= {str(moodle_id): Trouble(str(moodle_id), person, groups) for moodle_id, person, groups in rows}
    return found
