"""What people and the administrator do about personal data: look, take along, ask, decide, erase, come back."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, contains_eager, joinedload

from lti_service import audit, looks, personal
from lti_service.access import Viewer
from lti_service.db import now
from lti_service.errors import NotFoundError
from lti_service.keeping import Kind
from lti_service.lists import PAGE, ListLook, ListPage, part, place
from lti_service.people.models import Membership, Person
from lti_service.people.names import search_key
from lti_service.people.privacy import erasing, identities, looked, periods, rules
from lti_service.people.privacy.errors import (
    AlreadyAskedError,
    NotSureError,
    ReceivedDayError,
    RefusalReasonError,
    RequestDecidedError,
)
from lti_service.people.privacy.looked import Newest, Trail
from lti_service.people.privacy.models import ErasureRequest, RequestState
from lti_service.people.privacy.rules import Deciding
from lti_service.personal import Enclosure, Erasing, Going, Told
from lti_service.platforms.models import Course

LOOKS_SHOWN = 10
LISTS_SHOWN = 5
"""Newest entries on the page itself; the others are a click away."""
FOUND_SHOWN = 20
REQUEST_SORTS = ("waiting", "name", "received", "answer", "erase")


# --- one's own data -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OwnData:
    """Everything that the page "Who sees my data" shows, and its files."""

    told: list[Told]
    looks: Newest
    """Who has opened the person's card."""
    lists: Newest
    """Lists that were saved, on which the person may have been."""
    enclosures: list[Enclosure]
    """Files, which the archive has besides."""
    request: ErasureRequest | None
    """The newest."""


def own_data(session: Session, viewer: Viewer, *, whole: bool = False) -> OwnData:
    """What is kept about the viewer, who looked, and what became of their wish to be erased.

    `whole` for files, which hold every look; of a page the newest are enough.
    """
    shown = {Trail.LOOKS: LOOKS_SHOWN, Trail.LISTS: LISTS_SHOWN}
    trails = {
        trail: looked.everything(session, viewer, trail) if whole else looked.newest(session, viewer, trail, count)
        for trail, count in shown.items()
    }
    return OwnData(
        told=personal.told(session, viewer.person_id),
        looks=trails[Trail.LOOKS],
        lists=trails[Trail.LISTS],
        enclosures=personal.enclosures(session, viewer.person_id),
        request=session.scalar(
            select(ErasureRequest)
            .where(ErasureRequest.person_id == viewer.person_id)
            .order_by(ErasureRequest.id.desc())
            .limit(1)
        ),
    )


def record_taking(session: Session, viewer: Viewer, kind: str) -> None:
    """Keep that somebody took their own data along."""
    _record(session, viewer, "person.data-taken", viewer.person_id, kind=kind)


# --- asking -------------------------------------------------------------------------------------------------------


def ask(session: Session, viewer: Viewer, day: date) -> ErasureRequest:
    """The viewer wants their data erased. Raises AlreadyAskedError."""
    return _ask(session, viewer, viewer.person_id, day, recorded_by=None)


def record_paper(
    session: Session, viewer: Viewer, person_id: int, received_on: date | None, day: date
) -> ErasureRequest:
    """The administrator writes down that a person of the college has asked in writing.

    Raises NotFoundError, ReceivedDayError, AlreadyAskedError.
    """
    person = session.get(Person, person_id)
    if person is None or person.platform_id != viewer.platform_id or person.erased_at is not None:
        raise NotFoundError
    if received_on is None or received_on > day or received_on.year < day.year - 1:
        raise ReceivedDayError
    return _ask(session, viewer, person_id, received_on, recorded_by=viewer.person_id)


def _ask(
    session: Session, viewer: Viewer, person_id: int, received_on: date, recorded_by: int | None
) -> ErasureRequest:
    answer, erase_in = periods.terms(session, viewer.platform_id)
    request = ErasureRequest(
        platform_id=viewer.platform_id,
        person_id=person_id,
        state=RequestState.ASKED,
        received_on=received_on,
        on_paper=recorded_by is not None,
        answer_by=rules.after_working_days(received_on, answer),
        erase_by=periods.days_after(received_on, erase_in),
        asked_at=now(),
        recorded_by=recorded_by,
    )
    try:
        with session.begin_nested():
            session.add(request)
    except IntegrityError as err:
        raise AlreadyAskedError from err
    _record(session, viewer, "person.erasure-asked", person_id, request=request.id, paper=request.on_paper)
    return request


def take_back(session: Session, viewer: Viewer) -> None:
    """The viewer does not want it any more. Raises RequestDecidedError."""
    request = session.scalar(
        _locked().where(ErasureRequest.person_id == viewer.person_id, ErasureRequest.state == RequestState.ASKED)
    )
    if request is None:
        raise RequestDecidedError
    _decide(request, Deciding.TAKE_BACK, viewer)
    _record(session, viewer, "person.erasure-taken-back", viewer.person_id, request=request.id)


def come_back(session: Session, viewer: Viewer) -> bool:
    """The viewer, whose data were erased once, wants to be known again; False when nothing stood in the way."""
    person = session.scalars(
        select(Person)
        .where(Person.id == viewer.person_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()
    if not person.withheld:
        return False
    identities.welcome(session, person)
    _record(session, viewer, "person.came-back", person.id)
    return True


@dataclass(frozen=True, slots=True)
class ErasureStanding:
    """Where somebody's wish to be erased is."""

    erased_at: datetime | None
    asked: ErasureRequest | None
    """The request that waits."""


def erasure_of(session: Session, person_id: int) -> ErasureStanding | None:
    """Whether a person was erased or wants to be; None: neither. One query."""
    is_waiting = and_(ErasureRequest.person_id == Person.id, ErasureRequest.state == RequestState.ASKED)
    row = session.execute(
        select(Person.erased_at, ErasureRequest).outerjoin(ErasureRequest, is_waiting).where(Person.id == person_id)
    ).first()
    if row is None or (row[0] is None and row[1] is None):
        return None
    return ErasureStanding(row[0], row[1])


# --- the administrator --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RequestsLook(ListLook):
    """What the administrator wants to see of the requests; every value may come from an address and be nonsense."""

    sort: str = "waiting"
    state: str = ""


@dataclass(frozen=True, slots=True)
class Requests(ListPage[ErasureRequest]):
    """A page of the requests, and what its filter offers."""

    counts: Counter[str]
    """State → requests of those whom the search finds."""

    @property
    def everyone(self) -> int:
        """All of these, in whatever state."""
        return self.counts.total()


def requests(session: Session, viewer: Viewer, look: RequestsLook) -> Requests:
    """A page of the college's requests; unless sorted otherwise those that wait by their term, then the newest."""
    counted = select(ErasureRequest.state, func.count()).join(ErasureRequest.person)
    counted = counted.where(*_of_college(viewer, look))
    rows = session.execute(counted.group_by(ErasureRequest.state))
    counts: Counter[str] = Counter({state.value: count for state, count in rows})
    total = counts[look.state] if look.state else counts.total()
    page, pages = place(total, look.page)
    return Requests(list(session.scalars(part(_listed(viewer, look), page))), total, page, pages, counts)


def all_requests(session: Session, viewer: Viewer, look: RequestsLook) -> list[ErasureRequest]:
    """All requests that a look shows, on whatever page, in its order, with who recorded and decided them."""
    with_names = joinedload(ErasureRequest.recorder), joinedload(ErasureRequest.decider)
    return list(session.scalars(_listed(viewer, look).options(*with_names)))


def record_export(session: Session, viewer: Viewer, count: int, filters: Mapping[str, Any]) -> None:
    """Keep who took the list of requests out of the service, and how many are in it; `filters` are what the look
    tells."""
    audit.record(
        session,
        "base.exported",
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        actor_id=viewer.person_id,
        subject=looked.OF_REQUESTS,
        count=count,
        **filters,
    )


def _listed(viewer: Viewer, look: RequestsLook) -> Select[ErasureRequest]:
    query = select(ErasureRequest).join(ErasureRequest.person).where(*_of_college(viewer, look))
    if look.state:
        query = query.where(ErasureRequest.state == RequestState(look.state))
    return query.options(contains_eager(ErasureRequest.person)).order_by(*_order(look))


def _of_college(viewer: Viewer, look: RequestsLook) -> list[ColumnElement[bool]]:
    words = search_key(look.search).split()
    named = [Person.search_name.contains(word, autoescape=True) for word in words]
    return [ErasureRequest.platform_id == viewer.platform_id, *named]


def _order(look: RequestsLook) -> list[Any]:
    columns: dict[str, Any] = {
        "name": Person.search_name,
        "received": ErasureRequest.received_on,
        "answer": ErasureRequest.answer_by,
        "erase": ErasureRequest.erase_by,
    }
    chosen = columns.get(look.sort)
    if chosen is not None:
        return [chosen.desc() if look.descending else chosen, ErasureRequest.id]
    is_waiting = ErasureRequest.state == RequestState.ASKED
    return [is_waiting.desc(), ErasureRequest.decided_at.desc(), ErasureRequest.answer_by, ErasureRequest.id]


def waiting(session: Session, platform_id: int, day: date) -> tuple[int, int]:
    """How many requests of a college wait, and how many of those are past their term."""
    terms = session.scalars(
        select(ErasureRequest.answer_by).where(
            ErasureRequest.platform_id == platform_id, ErasureRequest.state == RequestState.ASKED
        )
    ).all()
    return len(terms), sum(term < day for term in terms)


def find_people(session: Session, viewer: Viewer, search: str) -> list[tuple[Person, str]]:
    """People of the college by a part of their name, each with the titles of their courses; of anybody else nothing."""
    words = search_key(search).split()
    if not words:
        return []
    persons = session.scalars(
        select(Person)
        .where(
            Person.platform_id == viewer.platform_id,
            Person.erased_at.is_(None),
            *(Person.search_name.contains(word, autoescape=True) for word in words),
        )
        .order_by(Person.search_name, Person.id)
        .limit(FOUND_SHOWN)
    ).all()
    return _with_courses(session, persons)


def _with_courses(session: Session, persons: Sequence[Person]) -> list[tuple[Person, str]]:
    """These people, each with the titles of their courses, of those that they have left too; one query."""
    rows = session.execute(
        select(Membership.person_id, Course.title)
        .join(Course, Course.id == Membership.course_id)
        .where(Membership.person_id.in_([person.id for person in persons]))
        .order_by(Course.title)
    )
    titles: dict[int, list[str]] = {}
    for person_id, title in rows:
        titles.setdefault(person_id, []).append(title)
    return [(person, ", ".join(titles.get(person.id, []))) for person in persons]


@dataclass(frozen=True, slots=True)
class GoingPeople(ListPage[tuple[Person, str]]):
    """A page of those whose data of one kind goes, by name, each with the titles of their courses."""

    kind: Kind


def going_people(session: Session, viewer: Viewer, code: str, on: date, page: int) -> GoingPeople:
    """Whose data of a kind goes in the night of the day `on`, were nothing to change before. Raises NotFoundError."""
    kind, whose = periods.going_of(session, viewer, code, on)
    if whose is None:
        return GoingPeople([], 0, 1, 1, kind)
    by_name = (Person.search_name, Person.id)
    # All ids at once: to find who goes takes longer than to hand over their numbers, and counting would find them anew.
    ids = session.scalars(select(Person.id).where(Person.id.in_(whose)).order_by(*by_name)).all()
    page, pages = place(len(ids), page)
    shown = ids[PAGE * (page - 1) : PAGE * page]
    persons = session.scalars(select(Person).where(Person.id.in_(shown)).order_by(*by_name)).all()
    return GoingPeople(_with_courses(session, persons), len(ids), page, pages, kind)


@dataclass(frozen=True, slots=True)
class Preview:
    """A request, and what erasing would do."""

    request: ErasureRequest
    going: list[Going]


def preview(session: Session, viewer: Viewer, request_id: int) -> Preview:
    """A request of the college with what would go and what would stay; of a decided one, nothing more goes.

    Raises NotFoundError.
    """
    request = _find(session, viewer, request_id)
    is_open = request.state is RequestState.ASKED
    return Preview(request, personal.preview(session, request.person_id) if is_open else [])


def refuse(session: Session, viewer: Viewer, request_id: int, reason: str) -> None:
    """Do not erase, and say why. Raises NotFoundError, RequestDecidedError, RefusalReasonError."""
    request = _find(session, viewer, request_id, lock=True)
    reason = " ".join(reason.replace("\0", "").split())
    if not reason or len(reason) > rules.LONGEST_REASON:
        raise RefusalReasonError(most=rules.LONGEST_REASON)
    _decide(request, Deciding.REFUSE, viewer)
    request.reason = reason
    _record(session, viewer, "person.erasure-refused", request.person_id, request=request.id)


def erase(session: Session, viewer: Viewer, request_id: int, day: date, *, is_sure: bool) -> ErasureRequest:
    """Erase the data of whoever asked, in the caller's one transaction.

    Raises NotFoundError, NotSureError, RequestDecidedError.
    """
    if not is_sure:
        raise NotSureError
    request = _find(session, viewer, request_id, lock=True)
    _decide(request, Deciding.ERASE, viewer)
    session.flush()
    what = Erasing(
        platform_id=viewer.platform_id,
        person_id=request.person_id,
        actor_id=viewer.person_id,
        course_id=viewer.course_id,
        day=day,
        moment=now(),
    )
    gone = erasing.erase_person(session, what, stays_away=True)
    request = session.get_one(ErasureRequest, request_id)
    request.gone = gone
    request.reason = ""
    return request


def titles_of(gone: Mapping[str, Any]) -> list[tuple[str, int]]:
    """What went at an erasure, in words: the title of each table and how many rows."""
    titles = {holding.columns.name: str(holding.title) for holding in personal.holdings()}
    return [(titles[name], count) for name, count in gone.items() if name in titles]


# --- steps that several of the above share ------------------------------------------------------------------------


def _locked() -> Any:
    return (
        select(ErasureRequest)
        .with_for_update(of=ErasureRequest, key_share=True)
        .execution_options(populate_existing=True)
    )


def _find(session: Session, viewer: Viewer, request_id: int, *, lock: bool = False) -> ErasureRequest:
    query = _locked() if lock else select(ErasureRequest).options(joinedload(ErasureRequest.person))
    found: ErasureRequest | None = session.scalar(
        query.where(ErasureRequest.id == request_id, ErasureRequest.platform_id == viewer.platform_id)
    )
    if found is None:
        raise NotFoundError
    return found


def _decide(request: ErasureRequest, action: Deciding, viewer: Viewer) -> None:
    state = rules.MOVES[request.state].get(action)
    if state is None:
        raise RequestDecidedError
    request.state = RequestState(state)
    request.decided_at, request.decided_by = now(), viewer.person_id


def _record(session: Session, viewer: Viewer, action: str, person_id: int, **details: Any) -> None:
    audit.record(
        session,
        action,
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        actor_id=viewer.person_id,
        subject=looks.subject_of(person_id),
        **details,
    )
