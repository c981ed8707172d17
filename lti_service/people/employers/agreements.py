"""The lists behind an organisation's page: agreements with all of them by when they end, and one's contacts.

However long they are, they take the same few queries.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Date, case, func, literal, or_, select
from sqlalchemy.orm import Session

from lti_service.lists import PAGE, ListLook, ListPage, part, place
from lti_service.people.employers.models import Agreement, AgreementKind, Employer, EmployerContact
from lti_service.people.employers.rules import SOON, AgreementState, agreement_state, name_key
from lti_service.people.names import search_key

SORTS = ("until", "name", "kind", "number", "date")
ENDLESS = date(9999, 12, 31)
"""The last day of an agreement without an end, for comparing."""


@dataclass(frozen=True, slots=True)
class Look(ListLook):
    """What a curator wants to see of the agreements; every value may come from an address and be nonsense."""

    sort: str = "until"
    state: str = ""
    """How the agreement itself stands, whatever others there are: a value of `AgreementState`."""
    kind: str = ""
    employer: str = ""
    """The id of an organisation."""


@dataclass(frozen=True, slots=True)
class Line:
    """One agreement, with whom, and how it stands today."""

    agreement: Agreement
    employer: Employer
    state: AgreementState


@dataclass(frozen=True, slots=True)
class Listing(ListPage[Line]):
    """A page of the list, and what its filters offer."""

    counts: Counter[str]
    """State → agreements that pass the other filters."""

    @property
    def everyone(self) -> int:
        """Agreements that pass the other filters, however they stand."""
        return self.counts.total()


def list_agreements(session: Session, platform_id: int, day: date, look: Look) -> Listing:
    """A page of the agreements with all of the college's organisations."""
    # In a subquery, for PostgreSQL takes the same expression with other parameters for another one.
    states = _narrowed(select(_state(day).label("state")), platform_id, look).subquery()
    counted = session.execute(select(states.c.state, func.count()).group_by(states.c.state))
    counts: Counter[str] = Counter(dict(counted.all()))
    total = counts[look.state] if look.state else counts.total()
    page, pages = place(total, look.page)
    return Listing(_read(session, part(_lines(platform_id, day, look), page), day), total, page, pages, counts)


def all_agreements(session: Session, platform_id: int, day: date, look: Look) -> list[Line]:
    """Every agreement that a look shows, on whatever page, in its order."""
    return _read(session, _lines(platform_id, day, look), day)


def _state(day: date) -> ColumnElement[str]:
    """The same as `employer_rules.agreement_state`, for the database to filter and count by."""
    return case(
        (Agreement.valid_until < day, literal(AgreementState.EXPIRED.value)),
        (Agreement.valid_until <= day + SOON, literal(AgreementState.ENDS_SOON.value)),
        else_=literal(AgreementState.IN_FORCE.value),
    )


def _narrowed(query: Any, platform_id: int, look: Look) -> Any:
    query = (
        query.select_from(Agreement)
        .join(Employer, Employer.id == Agreement.employer_id)
        .where(Employer.platform_id == platform_id)
    )
    for word in look.search.split():
        of_employer = Employer.search_text.contains(name_key(word), autoescape=True)
        # SQLite knows capitals of English only.
        spelt = {word, word.upper(), word.lower()}
        of_number = or_(*(Agreement.number.contains(one, autoescape=True) for one in sorted(spelt)))
        query = query.where(or_(of_employer, of_number))
    if look.kind:
        query = query.where(Agreement.kind == AgreementKind(look.kind))
    if look.employer:
        query = query.where(Agreement.employer_id == int(look.employer))
    return query


def _lines(platform_id: int, day: date, look: Look) -> Any:
    query = _narrowed(select(Agreement, Employer), platform_id, look)
    if look.state:
        query = query.where(_state(day) == look.state)
    by_kind = case({kind.value: place for place, kind in enumerate(AgreementKind)}, value=Agreement.kind)
    columns: dict[str, Any] = {
        "until": func.coalesce(Agreement.valid_until, literal(ENDLESS, Date)),
        "name": Employer.sort_key,
        "kind": by_kind,
        "number": Agreement.number,
        "date": Agreement.signed_on,
    }
    chosen = columns[look.sort]
    return query.order_by(chosen.desc() if look.descending else chosen, Employer.sort_key, Agreement.id)


def _read(session: Session, query: Any, day: date) -> list[Line]:
    return [
        Line(agreement, employer, agreement_state(agreement.valid_until, day))
        for agreement, employer in session.execute(query)
    ]


def list_contacts(session: Session, employer_id: int, look: ListLook) -> ListPage[EmployerContact]:
    """A page of the people whom a curator may call at an organisation, by name."""
    words = search_key(look.search).split()
    # There are some dozens: they are searched and sorted here, for databases fold Cyrillic each in their own way.
    rows = session.execute(
        select(EmployerContact.id, EmployerContact.name, EmployerContact.position).where(
            EmployerContact.employer_id == employer_id
        )
    )
    keys = {row.id: search_key(row.name, row.position) for row in rows}
    found = sorted((one for one, key in keys.items() if all(word in key for word in words)), key=lambda one: keys[one])
    if look.descending:
        found.reverse()
    page, pages = place(len(found), look.page)
    return ListPage(_contacts(session, found[(page - 1) * PAGE : page * PAGE]), len(found), page, pages)


def _contacts(session: Session, ids: Iterable[int]) -> list[EmployerContact]:
    wanted = list(ids)
    contacts = {one.id: one for one in session.scalars(select(EmployerContact).where(EmployerContact.id.in_(wanted)))}
    return [contacts[one] for one in wanted if one in contacts]
