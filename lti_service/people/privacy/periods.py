"""How long each kind of data is kept in a college: defaults, what its administrator says instead, what goes when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, delete, exists, func, or_, select
from sqlalchemy.orm import Session

from lti_service import audit, db, keeping
from lti_service.access import Viewer
from lti_service.audit import AuditEvent
from lti_service.db import now
from lti_service.errors import NotFoundError
from lti_service.keeping import Kind, Moment
from lti_service.people.guests.models import GuestAccess
from lti_service.people.models import Membership, Mentee, Mentor, Person
from lti_service.people.privacy import erasing, rules
from lti_service.people.privacy.errors import PeriodError
from lti_service.people.privacy.models import ErasureRequest, KeepingPeriod, RequestState
from lti_service.personal import Erasing
from lti_service.platforms.models import Platform
from lti_service.programme.models import Cycle

log = structlog.get_logger(__name__)

ANSWER, ERASE = "request-answer", "request-erase"
YEAR = 365
AUDIT_DAYS = 3 * YEAR
OURS = _l("our default: no law gives a number; put in your own")

keeping.keep_for(
    Kind(
        ANSWER,
        order=1,
        title=_l("Answer to a request to erase, working days"),
        about=_l(
            "Within it the processing is stopped, or the refusal explained. Public holidays are not reckoned with."
        ),
        days=10,
        source=_l("152-FZ, article 21 part 5.1: ten working days"),
    )
)
keeping.keep_for(
    Kind(
        ERASE,
        order=2,
        title=_l("Erasure at a request, calendar days"),
        about=_l("Within it the data are gone."),
        days=30,
        source=_l("152-FZ, article 21 part 5: thirty days"),
    )
)


# --- what the wing itself keeps for a time ------------------------------------------------------------------------


def _old_events(moment: Moment) -> list[object]:
    # The newest check of the connection is what the page about it shows, however old it is.
    checks = (
        select(func.max(AuditEvent.id))
        .where(AuditEvent.platform_id == moment.platform_id, AuditEvent.action == "platform.checked")
        .scalar_subquery()
    )
    return [
        AuditEvent.platform_id == moment.platform_id,
        AuditEvent.at < moment.before,
        AuditEvent.id != func.coalesce(checks, 0),
    ]


def _count_events(session: Session, moment: Moment) -> int:
    return session.scalar(select(func.count()).select_from(AuditEvent).where(*_old_events(moment))) or 0  # type: ignore[arg-type]


def _purge_events(session: Session, moment: Moment) -> int:
    ids = list(session.scalars(select(AuditEvent.id).where(*_old_events(moment))))  # type: ignore[arg-type]
    for start in range(0, len(ids), 500):
        session.execute(delete(AuditEvent).where(AuditEvent.id.in_(ids[start : start + 500])))
    return len(ids)


def _purge_of_nobody() -> None:
    """Entries of no college, as of a stranger at the guests' door: no college says how long, so by the default."""
    before = now() - timedelta(days=AUDIT_DAYS)
    with db.new_session() as own, db.transaction(own) as session:
        session.execute(delete(AuditEvent).where(AuditEvent.platform_id.is_(None), AuditEvent.at < before))


keeping.keep_for(
    Kind(
        "audit",
        order=30,
        title=_l("Audit trail"),
        about=_l("Who did what and who looked at whom: entries older than that are deleted."),
        days=AUDIT_DAYS,
        source=_l("Roskomnadzor's order 179 of 28.10.2022: proof of an erasure is kept for three years"),
        least=30,
        count=_count_events,
        purge=_purge_events,
    )
)


def _old_requests(moment: Moment) -> list[object]:
    return [
        ErasureRequest.platform_id == moment.platform_id,
        ErasureRequest.state != RequestState.ASKED,
        ErasureRequest.decided_at < moment.before,
    ]


def _count_requests(session: Session, moment: Moment) -> int:
    return session.scalar(select(func.count()).select_from(ErasureRequest).where(*_old_requests(moment))) or 0  # type: ignore[arg-type]


def _purge_requests(session: Session, moment: Moment) -> int:
    gone = _count_requests(session, moment)
    session.execute(delete(ErasureRequest).where(*_old_requests(moment)))  # type: ignore[arg-type]
    return gone


keeping.keep_for(
    Kind(
        "requests",
        order=31,
        title=_l("Decided requests to erase"),
        about=_l("What was asked and decided is deleted; whoever was erased stays so."),
        days=3 * YEAR,
        source=_l("Roskomnadzor's order 179 of 28.10.2022: proof of an erasure is kept for three years"),
        least=30,
        count=_count_requests,
        purge=_purge_requests,
    )
)

_A_YEAR_ENDS = (7, 31)


def _finished(session: Session, moment: Moment) -> Select[int]:
    """Ids of people who are in no course any more, and whose last school year here ended before."""
    zone = ZoneInfo(session.get_one(Platform, moment.platform_id).time_zone)
    limit = moment.before.astimezone(zone).date()
    # A school year that began in `start_year` ends on 31 July of the next.
    over_by = limit.year - 1 if (limit.month, limit.day) > _A_YEAR_ENDS else limit.year - 2
    # Whoever has no Moodle account is in a course, and each year's base, until somebody says otherwise: of them the
    # access that they were given tells.
    is_guest = Person.moodle_id.is_(None)
    later = []
    for base in (Mentee, Mentor):
        in_base = exists().where(base.person_id == Person.id, base.cycle_id == Cycle.id, Cycle.start_year > over_by)
        later.append(or_(is_guest, ~in_base))
    enrolled = exists().where(Membership.person_id == Person.id, Membership.active) & ~is_guest
    let_in = exists().where(GuestAccess.person_id == Person.id, GuestAccess.expires_at >= moment.before)
    # An administrator of the site is in no course and no base, and comes in all the same.
    took_part = or_(*(exists().where(one.person_id == Person.id) for one in (Membership, Mentee, Mentor)))
    acted = select(AuditEvent.actor_id).where(
        AuditEvent.platform_id == moment.platform_id, AuditEvent.at >= moment.before, AuditEvent.actor_id.is_not(None)
    )
    waiting = exists().where(ErasureRequest.person_id == Person.id, ErasureRequest.state == RequestState.ASKED)
    return select(Person.id).where(
        Person.platform_id == moment.platform_id,
        Person.erased_at.is_(None),
        # Moodle, the curator and the person themselves have said nothing of them since.
        Person.updated_at < moment.before,
        ~enrolled,
        ~let_in,
        took_part,
        Person.id.not_in(acted),
        ~waiting,
        *later,
    )


def _count_finished(session: Session, moment: Moment) -> int:
    return session.scalar(select(func.count()).select_from(_finished(session, moment).subquery())) or 0


def _purge_finished(session: Session, moment: Moment) -> int:
    ids = session.scalars(_finished(session, moment).order_by(Person.id)).all()
    for person_id in ids:
        what = Erasing(moment.platform_id, person_id, None, None, moment.day, moment.moment)
        # They are in no course, so nothing brings them back; should they enrol again, they begin anew.
        erasing.erase_person(session, what, stays_away=False)
    return len(ids)


keeping.keep_for(
    Kind(
        "finished",
        order=10,
        title=_l("People who have left all courses"),
        about=_l(
            "After the end of their last school year here and so many days more their names, addresses, requests and "
            "notes go, as at a request to erase; numbers of past years stay."
        ),
        days=3 * YEAR,
        source=OURS,
        least=30,
        count=_count_finished,
        purge=_purge_finished,
        whose=_finished,
    )
)


# --- how long, in a college ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Period:
    """A kind of data with how long a college keeps it, and how much would go on a day."""

    kind: Kind
    days: int | None
    is_default: bool
    going: int | None
    """None: nothing is deleted by it."""


def terms(session: Session, platform_id: int) -> tuple[int, int]:
    """Working days for the answer to a request, and days for the erasure."""
    found = _said(session, platform_id)
    by_code = {kind.code: kind for kind in keeping.kinds()}
    answer, erase = (found.get(code, by_code[code].days) or by_code[code].days or 0 for code in (ANSWER, ERASE))
    return answer, erase


def days_after(day: date, count: int) -> date:
    """So many calendar days later."""
    return day + timedelta(days=count)


def periods(session: Session, viewer: Viewer, on: date) -> list[Period]:
    """How long the viewer's college keeps what, and how much goes in the night of the day `on`, were nothing to
    change before."""
    said = _said(session, viewer.platform_id)
    zone = ZoneInfo(viewer.time_zone)
    found = []
    for kind in keeping.kinds():
        days = said.get(kind.code, kind.days)
        going = None
        if kind.count is not None:
            going = 0 if days is None else kind.count(session, _moment(viewer.platform_id, zone, on, days))
        found.append(Period(kind, days, kind.code not in said or said[kind.code] == kind.days, going))
    return found


def going_of(session: Session, viewer: Viewer, code: str, on: date) -> tuple[Kind, Select[int] | None]:
    """A kind of data that names people, and the query for the ids of those whose goes in the night of the day `on`.

    No query: it is kept for ever. Raises NotFoundError for other kinds.
    """
    kind = next((one for one in keeping.kinds() if one.code == code and one.whose is not None), None)
    if kind is None or kind.whose is None:
        raise NotFoundError
    days = _said(session, viewer.platform_id).get(code, kind.days)
    if days is None:
        return kind, None
    return kind, kind.whose(session, _moment(viewer.platform_id, ZoneInfo(viewer.time_zone), on, days))


def save(session: Session, viewer: Viewer, wanted: Mapping[str, str]) -> list[str]:
    """Keep what an administrator has filled in, by the kinds' codes; returns the codes of those that changed.

    Raises PeriodError.
    """
    known = {
        row.kind: row
        for row in session.scalars(select(KeepingPeriod).where(KeepingPeriod.platform_id == viewer.platform_id))
    }
    changed: list[str] = []
    for kind in keeping.kinds():
        if kind.code not in wanted:
            continue
        days = _read(kind, wanted[kind.code])
        before = known[kind.code].days if kind.code in known else kind.days
        if days == before:
            continue
        changed.append(kind.code)
        if kind.code in known:
            known[kind.code].days = days
        else:
            session.add(KeepingPeriod(platform_id=viewer.platform_id, kind=kind.code, days=days))
    if changed:
        audit.record(
            session,
            "keeping.changed",
            platform_id=viewer.platform_id,
            course_id=viewer.course_id,
            actor_id=viewer.person_id,
            subject=f"platform:{viewer.platform_id}",
            kinds=changed,
        )
        session.flush()
    return changed


def _read(kind: Kind, text: str) -> int | None:
    text = text.strip()
    # A term of the law has an end; data may be kept for ever.
    if not text and kind.count is not None and kind.most == rules.LONGEST_PERIOD:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 6):
        raise PeriodError(kind.code, least=kind.least, most=kind.most)
    days = int(text)
    if not kind.least <= days <= kind.most:
        raise PeriodError(kind.code, least=kind.least, most=kind.most)
    return days


def _said(session: Session, platform_id: int) -> dict[str, int | None]:
    rows = session.execute(
        select(KeepingPeriod.kind, KeepingPeriod.days).where(KeepingPeriod.platform_id == platform_id)
    )
    return {row.kind: row.days for row in rows}


def _moment(platform_id: int, zone: ZoneInfo, day: date, days: int) -> Moment:
    # The day begins where the college is; what is as old as that goes in the night after.
    begins = datetime.combine(day, time(), zone)
    return Moment(platform_id, begins - timedelta(days=days), day, now())


# --- the nightly pass ---------------------------------------------------------------------------------------------


def apply_all() -> dict[str, int]:
    """Delete, college by college and kind by kind, what is older than it is to be kept; says how much of each kind.

    A transaction a kind: what one fails at is logged and leaves the others alone.
    """
    with db.new_session() as session:
        places = [(row.id, row.time_zone) for row in session.scalars(select(Platform).order_by(Platform.id))]
    gone: dict[str, int] = {}
    for platform_id, time_zone in places:
        for kind in keeping.kinds():
            if kind.purge is None:
                continue
            try:
                count = _apply(kind, platform_id, ZoneInfo(time_zone))
            except Exception:
                log.exception("data not deleted in time", platform=platform_id, kind=kind.code)
            else:
                gone[kind.code] = gone.get(kind.code, 0) + count
    try:
        _purge_of_nobody()
    except Exception:
        log.exception("data not deleted in time", platform=None, kind="audit")
    log.info("old data deleted", **gone)
    return gone


def _apply(kind: Kind, platform_id: int, zone: ZoneInfo) -> int:
    assert kind.purge is not None
    with db.new_session() as own, db.transaction(own) as session:
        days = _said(session, platform_id).get(kind.code, kind.days)
        if days is None:
            return 0
        count = kind.purge(session, _moment(platform_id, zone, now().astimezone(zone).date(), days))
        if count:
            audit.record(
                session,
                "keeping.applied",
                platform_id=platform_id,
                subject=f"platform:{platform_id}",
                kind=kind.code,
                count=count,
            )
    return count
