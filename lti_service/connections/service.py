"""Use cases of a connection: is it well, what is still to be set up, and what its administrator may change."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, String, cast, exists, func, literal, not_, or_, select, union_all
from sqlalchemy.orm import Session

from lti_service import audit
from lti_service.access import Role, Viewer
from lti_service.audit import AuditEvent
from lti_service.connections.errors import (
    FieldsUntriedError,
    RoleNameError,
    TokenOfOtherSiteError,
    TokenRefusedError,
    TokenUntriedError,
)
from lti_service.db import now
from lti_service.errors import DomainError, NotFoundError
from lti_service.lti import checks
from lti_service.lti.checks import Finding, Level
from lti_service.people import fields, trouble
from lti_service.people.fields import FieldsTrial
from lti_service.people.kinds import rules as kinds
from lti_service.people.kinds import service as kinds_service
from lti_service.people.kinds.service import Meaning, Part, Trial
from lti_service.people.models import Membership, Mentee, Mentor, Person
from lti_service.people.names import search_key
from lti_service.platforms import keys, outgoing, secrets
from lti_service.platforms import service as platforms
from lti_service.platforms.models import Course, Platform, PlatformState, ToolKey
from moodle_client import AccessDenied, InvalidToken, MoodleClient, MoodleError

CHECKED = "platform.checked"
"""The entry of the trail that keeps what a check found."""
GIVEN_ROLES = (Role.STUDENT, Role.TEACHER, Role.EMPLOYER, Role.CURATOR)
"""What a role in a Moodle course may make somebody here; administrators come in by Moodle's own word only."""
_ROLE_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
ENTRIES_PER_PAGE = 50
CURATORS_SHOWN = 50


def find(session: Session, viewer: Viewer) -> Platform:
    """The viewer's own platform: an administrator sees no other."""
    platform = session.get(Platform, viewer.platform_id)
    if platform is None:
        raise NotFoundError
    return platform


# --- health -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Health:
    """What the last check found, and when."""

    at: datetime
    findings: list[Finding]

    @property
    def broken(self) -> int:
        """How many things must be mended."""
        return checks.broken(self.findings)

    @property
    def advice(self) -> int:
        """How many things are worth a look."""
        return sum(one.level is Level.ADVICE for one in self.findings)

    def is_broken(self, *codes: str) -> bool:
        """Whether anything of these codes must be mended."""
        return any(one.code in codes and one.level is Level.BROKEN for one in self.findings)


def health(session: Session, platform_id: int) -> Health | None:
    """The last check of a platform; None: nobody has checked yet."""
    entry = session.scalar(
        select(AuditEvent)
        .where(AuditEvent.platform_id == platform_id, AuditEvent.action == CHECKED)
        .order_by(AuditEvent.id.desc())
        .limit(1)
    )
    if entry is None:
        return None
    return Health(entry.at, [Finding.from_json(kept) for kept in entry.details.get("findings", [])])


def keep_check(session: Session, viewer: Viewer, findings: Iterable[Finding]) -> None:
    """Remember what a check found; the newest is what the page shows."""
    _record(session, viewer, CHECKED, findings=[one.as_json() for one in findings])


# --- what is still to be set up -----------------------------------------------------------------------------------


class StepState(StrEnum):
    """Where a step of the set-up is."""

    DONE = "done"
    OPEN = "open"
    UNSEEN = "unseen"
    """It cannot be seen from here."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the set-up; the template has its words."""

    code: str
    state: StepState


def steps(session: Session, viewer: Viewer, platform: Platform, last: Health | None) -> list[Step]:
    """The set-up, in the order in which it is done."""
    course = session.get_one(Course, viewer.course_id)
    has_token = bool(platform.ws_token)
    allowed = StepState.UNSEEN if last is None else _done(not last.is_broken("web-service", "function", "people"))
    of_platform = Person.platform_id == platform.id
    has_profiles = session.scalar(
        select(exists().where(of_platform, Person.birth_date.is_not(None) | Person.experience_years.is_not(None)))
    )
    return [
        Step("tool", StepState.DONE),
        Step("chooser", StepState.UNSEEN),
        Step("token", _done(has_token)),
        Step("functions", allowed if has_token else StepState.OPEN),
        Step("profile", _done(bool(has_profiles))),
        Step("curators", _done(bool(curators(session, platform.id, 1)))),
        Step("people", _done(course.synced_at is not None)),
    ]


def _done(is_done: bool) -> StepState:
    return StepState.DONE if is_done else StepState.OPEN


# The roles are a JSON list; both databases give it as text in which each name stands in quotes.
_BY_ROLE = cast(Membership.roles, String).contains(f'"{Role.CURATOR.value}"')
_TEACHES = or_(*(cast(Membership.roles, String).contains(f'"{role.value}"') for role in (Role.TEACHER, Role.EMPLOYER)))


@dataclass(frozen=True, slots=True)
class CuratorIn:
    """A curator and the course they have that role in."""

    name: str
    course: str
    membership_id: int | None
    """Of somebody who was appointed here, so that it can be taken back; none: a curator by a role in Moodle."""


def curators(session: Session, platform_id: int, limit: int = CURATORS_SHOWN) -> list[CuratorIn]:
    """Who is a curator in which course of the platform, by course and name."""
    found = session.execute(
        select(Person, Course.title, Membership.id, _BY_ROLE)
        .join(Membership, Membership.person_id == Person.id)
        .join(Course, Course.id == Membership.course_id)
        .where(Course.platform_id == platform_id, Membership.active, or_(_BY_ROLE, Membership.appointed))
        .order_by(Course.title, Person.search_name, Person.id)
        .limit(limit)
    )
    return [CuratorIn(person.name, title, None if by_role else key) for person, title, key, by_role in found]


def appointable(session: Session, viewer: Viewer) -> list[tuple[int, str]]:
    """Ids and names of those who teach the viewer's course and are no curators there yet, by name."""
    found = session.execute(
        select(Membership.id, Person)
        .join(Person)
        .where(
            Membership.course_id == viewer.course_id,
            Membership.active,
            _TEACHES,
            not_(_BY_ROLE),
            not_(Membership.appointed),
        )
        .order_by(Person.search_name, Person.id)
    )
    return [(key, person.name) for key, person in found]


def appoint(session: Session, viewer: Viewer, membership_id: int, is_curator: bool) -> None:
    """Make a member of the platform's courses a curator of that course, or take it back.

    It holds at once and whatever Moodle's roles say later; only members who teach can be appointed, in the course that
    the administrator is in. Raises NotFoundError.
    """
    query = (
        select(Membership).join(Course).where(Membership.id == membership_id, Course.platform_id == viewer.platform_id)
    )
    if is_curator:
        query = query.where(Membership.course_id == viewer.course_id, Membership.active, _TEACHES)
    membership = session.scalar(query)
    if membership is None:
        raise NotFoundError
    if membership.appointed is not is_curator:
        membership.appointed = is_curator
        subject = f"person:{membership.person_id}"
        _record(session, viewer, "curator.appointed" if is_curator else "curator.dismissed", subject=subject)


# --- the web-service token ----------------------------------------------------------------------------------------


def try_token(platform: Platform, token: str) -> str:
    """Ask Moodle about a token before it is kept; returns the site's name, empty when the token may not ask for it.

    Raises TokenRefusedError, TokenOfOtherSiteError, TokenUntriedError.
    """
    url = platform.ws_url or platform.issuer
    try:
        info = MoodleClient(url, token, session=outgoing.http(), retries=0).site_info()
    except InvalidToken as err:
        raise TokenRefusedError from err
    except AccessDenied:
        # A good token of a service without that function: the check names what is missing.
        return ""
    except (MoodleError, DomainError) as err:
        raise TokenUntriedError(reason=err.errorcode if isinstance(err, MoodleError) else err.code) from err
    if not checks.same_site(info, platform):
        raise TokenOfOtherSiteError(site=info.url)
    return info.name


def keep_token(session: Session, viewer: Viewer, token: str, site_name: str) -> None:
    """Keep a token, encrypted; nobody is shown it again. A platform still called by its host gets the site's name."""
    platform = find(session, viewer)
    platform.ws_token = secrets.encrypt(token)
    platform.ws_url = platform.ws_url or platform.issuer
    if site_name and platform.name in ("", platform.issuer, platform.issuer.partition("://")[2]):
        platform.name = site_name[:200]
    _record(session, viewer, "connection.token-given")


def drop_token(session: Session, viewer: Viewer) -> None:
    """Forget the token: nothing is read by web services any more."""
    find(session, viewer).ws_token = ""
    _record(session, viewer, "connection.token-removed")


# --- settings -----------------------------------------------------------------------------------------------------


def save_settings(
    session: Session, viewer: Viewer, *, name: str, time_zone: str, profile_fields: Mapping[str, str]
) -> bool:
    """Set what the platform is called, where it is, and which profile fields are read; False when nothing changed.

    An empty profile field means the default name.
    """
    platform = find(session, viewer)
    wanted = {
        "name": name,
        "time_zone": time_zone,
        "profile_fields": {field: short for field, short in profile_fields.items() if short},
    }
    changed: dict[str, Any] = {key: value for key, value in wanted.items() if getattr(platform, key) != value}
    for key, value in changed.items():
        setattr(platform, key, value)
    if changed:
        _record(session, viewer, "connection.settings", **changed)
    return bool(changed)


def try_fields(session: Session, viewer: Viewer, profile_fields: Mapping[str, str]) -> FieldsTrial:
    """What Moodle tells in these profile fields of people of the viewer's course now; raises FieldsUntriedError."""
    platform = find(session, viewer)
    wanted = {field: short for field, short in profile_fields.items() if short}
    try:
        return fields.try_out(session, platform, viewer.course_id, wanted)
    except (MoodleError, DomainError) as err:
        raise FieldsUntriedError(reason=trouble.sentence(trouble.code_of(err))) from err


def record_trial(session: Session, viewer: Viewer, people: int) -> None:
    """Keep in the trail that the administrator saw what Moodle tells of so many people."""
    _record(session, viewer, "connection.fields-tried", people=people)


@dataclass(frozen=True, slots=True)
class RoleRow:
    """A Moodle role by its short name, and what it makes people here."""

    name: str
    roles: frozenset[Role]
    is_default: bool
    """As the service itself reads it, without a word of the platform's own."""


def role_rows(session: Session, platform: Platform) -> list[RoleRow]:
    """The roles known by default, those the platform maps itself, and those that its people hold."""
    held: set[str] = set()
    lists = select(Membership.moodle_roles).join(Course).where(Course.platform_id == platform.id).distinct()
    for names in session.scalars(lists):
        held.update(str(name) for name in names)
    rows = []
    for name in sorted({*kinds.ROLE_MAP, *platform.role_map, *held}):
        own = platform.role_map.get(name)
        known = kinds.ROLE_MAP.get(name, ()) if own is None else own
        rows.append(RoleRow(name, frozenset(Role(role) for role in known if role in GIVEN_ROLES), own is None))
    return rows


def rows_of(wanted: Mapping[str, Iterable[Role]]) -> list[RoleRow]:
    """A role map as it was filled in, as rows."""
    rows = []
    for name, roles in sorted(wanted.items()):
        usual = sorted(set(roles)) == sorted(kinds.ROLE_MAP.get(name, ()))
        rows.append(RoleRow(name, frozenset(roles), usual))
    return rows


def try_roles(
    session: Session, viewer: Viewer, wanted: Mapping[str, Iterable[Role]], day: date, part: Part, *, whole: bool
) -> Trial:
    """What another meaning of Moodle's roles would make of everybody on the platform; raises RoleNameError.

    It names a page of each list, or all, see `kinds.service.try_out`.
    """
    meaning = kinds_service.meaning_of(session, viewer.platform_id)
    tried = Meaning(meaning.ruleset, _own_roles(wanted))
    return kinds_service.try_out(session, viewer, tried, day, part, whole=whole)


def save_roles(session: Session, viewer: Viewer, wanted: Mapping[str, Iterable[Role]]) -> bool:
    """Set what Moodle's roles mean here; only what differs from the default is kept. False when nothing changed.

    The next load of participants applies it. Raises RoleNameError.
    """
    platform = find(session, viewer)
    own = _own_roles(wanted)
    if own == platform.role_map:
        return False
    platform.role_map = own
    _record(session, viewer, "connection.roles", roles=own)
    return True


def _own_roles(wanted: Mapping[str, Iterable[Role]]) -> dict[str, list[str]]:
    own: dict[str, list[str]] = {}
    for name, roles in wanted.items():
        if not _ROLE_NAME.fullmatch(name):
            raise RoleNameError
        given = sorted(role.value for role in set(roles) & set(GIVEN_ROLES))
        if given != sorted(kinds.ROLE_MAP.get(name, ())):
            own[name] = given
    return own


# --- keys, invitations, pause -------------------------------------------------------------------------------------


class KeyState(StrEnum):
    """What one of our keys is doing."""

    WAITING = "waiting"
    SIGNING = "signing"
    LEAVING = "leaving"
    GONE = "gone"


def key_rows(session: Session) -> list[tuple[ToolKey, KeyState]]:
    """Our keys, the newest first, each with what it is doing now."""
    moment = now()
    found = session.scalars(select(ToolKey).order_by(ToolKey.id.desc())).all()
    states = [(key, _key_state(key, moment)) for key in found]
    # Of those whose turn has come, the newest signs; the others only stay published.
    turn = [key for key, state in states if state is KeyState.SIGNING]
    signing = max(turn, key=lambda key: (key.signs_from, key.id)) if turn else None
    return [(key, KeyState.LEAVING if key in turn and key is not signing else state) for key, state in states]


def _key_state(key: ToolKey, moment: datetime) -> KeyState:
    if key.retires_at is not None and key.retires_at <= moment:
        return KeyState.GONE
    return KeyState.WAITING if key.signs_from > moment else KeyState.SIGNING


def rotate_keys(session: Session, viewer: Viewer) -> ToolKey:
    """Publish the next key; returns it. No message is lost: the present one signs until the next one's turn."""
    key = keys.rotate(session, now())
    _record(session, viewer, "keys.rotated", kid=key.kid)
    return key


def invite(session: Session, viewer: Viewer, public_url: str) -> str:
    """A registration address for this very Moodle: registering with it again keeps all data."""
    code = platforms.invite(session, viewer.platform_id, viewer.person_id)
    _record(session, viewer, "platform.invited")
    return platforms.registration_address(public_url, code)


def pause(session: Session, viewer: Viewer) -> None:
    """Take no more messages of the platform; everybody who is in is out."""
    find(session, viewer).state = PlatformState.PAUSED
    _record(session, viewer, "platform.paused")


def resume(session: Session, platform_id: int, person_id: int) -> None:
    """Take the platform's messages again; `person_id` is who does it. Raises UnknownPlatformError."""
    platform = platforms.get(session, platform_id)
    if platform.state is PlatformState.ACTIVE:
        return
    platform.state = PlatformState.ACTIVE
    audit.record(
        session,
        "platform.resumed",
        platform_id=platform_id,
        actor_id=person_id,
        subject=f"platform:{platform_id}",
    )


# --- the audit trail ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries of the trail are asked for; days are the platform's own, both included."""

    action: str = ""
    person: str = ""
    """Who acted: a part of the name."""
    subject: str = ""
    """To whom it was done: a part of the name."""
    since: date | None = None
    until: date | None = None
    page: int = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the trail, with the names of those it speaks of."""

    event: AuditEvent
    actor: str
    course: str
    subject: str = ""
    """The name of the person it was done to, where the entry names one."""


@dataclass(frozen=True, slots=True)
class Trail:
    """A page of the trail, the newest first."""

    entries: list[Entry]
    total: int
    page: int
    pages: int
    actions: list[str]
    """Every action that the platform's trail holds, for the filter."""


def trail(session: Session, viewer: Viewer, wanted: Wanted) -> Trail:
    """The platform's own trail; a constant number of queries whatever its length."""
    conditions = _conditions(viewer, wanted)
    total = session.scalar(select(func.count()).select_from(AuditEvent).where(*conditions)) or 0
    pages = max(1, -(-total // ENTRIES_PER_PAGE))
    page = min(max(wanted.page, 1), pages)
    events = session.scalars(
        select(AuditEvent)
        .where(*conditions)
        .order_by(AuditEvent.id.desc())
        .offset((page - 1) * ENTRIES_PER_PAGE)
        .limit(ENTRIES_PER_PAGE)
    ).all()
    actions = session.scalars(
        select(AuditEvent.action).where(AuditEvent.platform_id == viewer.platform_id).distinct()
    ).all()
    about = {event.id: _person_of(event.subject) for event in events}
    people = {event.actor_id for event in events} | set(about.values())
    names = _names(session, viewer, {person_id for person_id in people if person_id is not None})
    titles = session.execute(select(Course.id, Course.title).where(Course.platform_id == viewer.platform_id))
    courses = dict(titles.all())
    entries = [
        Entry(
            event,
            names.get(event.actor_id or 0, ""),
            courses.get(event.course_id or 0, ""),
            names.get(about[event.id] or 0, ""),
        )
        for event in events
    ]
    return Trail(entries, total, page, pages, sorted(actions))


def _conditions(viewer: Viewer, wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [AuditEvent.platform_id == viewer.platform_id]
    if wanted.action:
        conditions.append(AuditEvent.action == wanted.action)
    if sought := search_key(wanted.person):
        people = select(Person.id).where(
            Person.platform_id == viewer.platform_id, Person.search_name.contains(sought, autoescape=True)
        )
        conditions.append(AuditEvent.actor_id.in_(people))
    if sought := search_key(wanted.subject):
        conditions.append(_is_about(viewer, sought))
    zone = ZoneInfo(viewer.time_zone)
    if wanted.since:
        conditions.append(AuditEvent.at >= datetime.combine(wanted.since, time(), zone))
    if wanted.until:
        conditions.append(AuditEvent.at < datetime.combine(wanted.until + timedelta(days=1), time(), zone))
    return conditions


def _person_of(subject: str) -> int | None:
    word, _colon, number = subject.partition(":")
    return int(number) if word == "person" and number.isdecimal() else None


def _is_about(viewer: Viewer, sought: str) -> ColumnElement[bool]:
    """Whether an entry is about a person with such a name: their card, or their record in one of the bases."""
    named = (Person.platform_id == viewer.platform_id, Person.search_name.contains(sought, autoescape=True))
    persons = select(literal("person:").concat(cast(Person.id, String))).where(*named)
    records = [
        select(literal(f"{word}:").concat(cast(base.id, String)))
        .join(Person, Person.id == base.person_id)
        .where(*named)
        for word, base in (("mentee", Mentee), ("mentor", Mentor))
    ]
    return AuditEvent.subject.in_(union_all(persons, *records))


def _names(session: Session, viewer: Viewer, person_ids: set[int]) -> dict[int, str]:
    people = session.scalars(select(Person).where(Person.platform_id == viewer.platform_id, Person.id.in_(person_ids)))
    return {person.id: person.name for person in people}


def _record(session: Session, viewer: Viewer, action: str, subject: str = "", **details: Any) -> None:
    audit.record(
        session,
        action,
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        actor_id=viewer.person_id,
        subject=subject or f"platform:{viewer.platform_id}",
        **details,
    )
