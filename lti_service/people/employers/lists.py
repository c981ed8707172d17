"""The list of organisations as a curator looks at it: filtered, searched, sorted, in pages, with counts by state.

However long it is, it takes the same few queries.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Date, Select, case, func, literal, select
from sqlalchemy.orm import Session

from lti_service.lists import ListLook, ListPage, part, place
from lti_service.people.employers.models import Agreement, AgreementKind, Employer, EmployerContact
from lti_service.people.employers.rules import SOON, AgreementState, agreement_state, name_key
from lti_service.people.models import Mentor, MentorState
from lti_service.programme import service as programme

SORTS = ("name", "until", "mentors")
ENDLESS = date(9999, 12, 31)
"""The last day of an agreement without an end, for comparing."""


@dataclass(frozen=True, slots=True)
class Look(ListLook):
    """What a curator wants to see of the list; every value may come from an address and be nonsense."""

    state: str = ""
    """How the best of the organisation's agreements stands."""
    kind: str = ""
    """Only agreements of this kind are looked at, and organisations without one are left out."""


@dataclass(frozen=True, slots=True)
class Line:
    """One organisation of the list."""

    employer: Employer
    state: AgreementState
    valid_until: date | None
    """Until when the agreement that lasts longest is; none: without an end, or there is none."""
    mentors: int
    """Of this school year, in whatever course of the college, but for those who do not take part."""


@dataclass(frozen=True, slots=True)
class Listing(ListPage[Line]):
    """A page of the list, and what its filters offer."""

    counts: Counter[str]
    """State → organisations that pass the other filters."""

    @property
    def everyone(self) -> int:
        """Organisations that pass the other filters, in whatever state."""
        return self.counts.total()


def list_employers(session: Session, platform_id: int, day: date, look: Look) -> Listing:
    """A page of the college's organisations."""
    until = _until(look)
    # In a subquery, for PostgreSQL takes the same expression with other parameters for another one.
    standing = _filtered(select(_state(until, day).label("state")), platform_id, until, look).subquery()
    counted = session.execute(select(standing.c.state, func.count()).group_by(standing.c.state))
    counts: Counter[str] = Counter(dict(counted.all()))
    total = counts[look.state] if look.state else counts.total()
    page, pages = place(total, look.page)
    query = part(_lines(session, platform_id, day, look), page)
    return Listing(_read(session, query, day), total, page, pages, counts)


def all_employers(session: Session, platform_id: int, day: date, look: Look) -> list[Line]:
    """Every organisation that a look shows, on whatever page, in its order."""
    return _read(session, _lines(session, platform_id, day, look), day)


def contacts_of(session: Session, platform_id: int) -> dict[int, list[EmployerContact]]:
    """Contacts by organisation, for a file of all."""
    found: dict[int, list[EmployerContact]] = {}
    query = (
        select(EmployerContact)
        .join(Employer, Employer.id == EmployerContact.employer_id)
        .where(Employer.platform_id == platform_id)
        .order_by(EmployerContact.name, EmployerContact.id)
    )
    for contact in session.scalars(query):
        found.setdefault(contact.employer_id, []).append(contact)
    return found


def agreements_of(session: Session, platform_id: int) -> dict[int, list[Agreement]]:
    """Agreements by organisation, the latest first, for a file of all."""
    found: dict[int, list[Agreement]] = {}
    query = (
        select(Agreement)
        .join(Employer, Employer.id == Agreement.employer_id)
        .where(Employer.platform_id == platform_id)
        .order_by(Agreement.signed_on.desc(), Agreement.id.desc())
    )
    for agreement in session.scalars(query):
        found.setdefault(agreement.employer_id, []).append(agreement)
    return found


def _until(look: Look) -> Any:
    """Per organisation with an agreement (of the kind looked at): the last day of the one that lasts longest."""
    last = func.max(func.coalesce(Agreement.valid_until, literal(ENDLESS, Date)), type_=Date)
    query = select(Agreement.employer_id, last.label("until")).group_by(Agreement.employer_id)
    if look.kind:
        query = query.where(Agreement.kind == AgreementKind(look.kind))
    return query.subquery()


def _state(until: Any, day: date) -> Any:
    """The same as `employer_rules.agreement_state`, for the database to filter and count by."""
    return case(
        (until.c.until.is_(None), AgreementState.NONE.value),
        (until.c.until < day, AgreementState.EXPIRED.value),
        (until.c.until <= day + SOON, AgreementState.ENDS_SOON.value),
        else_=AgreementState.IN_FORCE.value,
    )


def _filtered(query: Select[Any], platform_id: int, until: Any, look: Look) -> Select[Any]:
    query = query.select_from(Employer).where(Employer.platform_id == platform_id)
    query = query.join(until, until.c.employer_id == Employer.id, isouter=not look.kind)
    return query.where(
        *(Employer.search_text.contains(word, autoescape=True) for word in name_key(look.search).split())
    )


def _lines(session: Session, platform_id: int, day: date, look: Look) -> Select[Any]:
    until = _until(look)
    cycle = programme.find_cycle(session, platform_id, day)
    given = (
        select(Mentor.employer_id, func.count(Mentor.id).label("mentors"))
        .where(Mentor.cycle_id == (cycle.id if cycle else 0), Mentor.state != MentorState.WITHDRAWN)
        .group_by(Mentor.employer_id)
        .subquery()
    )
    mentors = func.coalesce(given.c.mentors, 0)
    query = _filtered(select(Employer, until.c.until, mentors), platform_id, until, look)
    query = query.outerjoin(given, given.c.employer_id == Employer.id)
    if look.state:
        query = query.where(_state(until, day) == look.state)
    chosen: Any = {"until": func.coalesce(until.c.until, date(1, 1, 1)), "mentors": mentors}.get(look.sort)
    order = [] if chosen is None else [chosen.desc() if look.descending else chosen]
    by_name = Employer.sort_key.desc() if chosen is None and look.descending else Employer.sort_key
    return query.order_by(*order, by_name, Employer.id)


def _read(session: Session, query: Select[Any], day: date) -> list[Line]:
    lines = []
    for employer, until, mentors in session.execute(query):
        last = None if until in (None, ENDLESS) else until
        state = AgreementState.NONE if until is None else agreement_state(last, day)
        lines.append(Line(employer, state, last, mentors))
    return lines
