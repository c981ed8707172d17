"""Enrolments: who is in a Moodle course, in which roles and groups, brought into people, memberships and the bases.

They come from Moodle's web service, or from the course's roster where no token is set; the roster knows neither groups
nor profiles and tells roles roughly, so what is known of those stays as it was.

Idempotent: what is already as Moodle says is not written again. Nobody is ever deleted: whoever is not seen any more
becomes inactive, and comes back with all their history.
"""

import json
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import String, cast, select, update
from sqlalchemy.orm import Session

from lti_service import db, queue
from lti_service.access import Role
from lti_service.db import now
from lti_service.errors import DomainError
from lti_service.lists import in_parts
from lti_service.lti import roster, services
from lti_service.lti.roles import course_roles
from lti_service.lti.roster import Member
from lti_service.people import cycles, rules, trouble
from lti_service.people.corrections.rules import as_text, merged
from lti_service.people.kinds import placing
from lti_service.people.kinds import rules as kinds
from lti_service.people.kinds.rules import Facts, Ruleset
from lti_service.people.models import Membership, Person
from lti_service.people.names import search_key
from lti_service.people.privacy import identities
from lti_service.people.rules import ProfileValueError
from lti_service.platforms import service as platforms
from lti_service.platforms.models import Course, Platform
from lti_service.programme.service import school_year
from moodle_client import Course as MoodleCourse
from moodle_client import EnrolledUser, MoodleClient, MoodleError, Position, User

log = structlog.get_logger(__name__)

WEB_SERVICE, ROSTER = "web-service", "roster"
"""Where a sync had the people from."""
KIND = "enrolments"
"""Of the runs that do this work."""
PAGE = 500
"""People a request; the client asks for the next two pages while this one is being kept."""
PROFILE_FIELDS = {
    "birth_date": "birthdate",
    "experience": "experience",
    "specialty": "department",
    "study_year": "",
    "department": "department",
    "organisation": "institution",
}
"""Short names of the profile fields, where the platform does not say otherwise; empty: none is read."""
STANDARD_FIELDS = ("department", "institution", "idnumber")
"""Fields that every Moodle profile has and that may be named as well as one's own."""
CHUNK = 500
"""Rows of one statement that names them by their ids."""

RESUMED_WITHIN = timedelta(hours=24)
"""How long the pages before a failure count as read: by then a night has passed, and the next sync reads all anew."""

Step = Callable[[int, int | None, dict[str, Any] | None, dict[str, Any] | None, Session], None]
"""Told at the end of each transaction, in it: people read so far, people expected (none: not known), a `Mark` as plain
values, with which another sync can go on after this page (empty: none can), and `Report.counts`; of the last two, None
leaves what was told before. What it raises undoes the transaction: a sync that was given up writes nothing more."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a sync is in a course's pages, for another to go on from there."""

    pages: int
    read: int
    """Rows that Moodle gave."""
    last_id: int
    """Of the last of them; Moodle gives them by id."""
    done: int
    """People that the pages told of."""
    made_with: str
    """What roles and places in the bases were decided by: when that changes, everybody is read anew."""


class NobodyReturnedError(DomainError):
    """Moodle shows an empty course where there were people: a lost right looks the same as everybody leaving."""

    code = "nobody-returned"


class RosterEmptyError(DomainError):
    """The roster has nobody where there were people: no course loses all of them between two nights."""

    code = "roster-empty"


class PeopleHiddenError(DomainError):
    """The roster still has people whom the web service no longer shows: its user has lost a right."""

    code = "people-hidden"


class NoRosterError(DomainError):
    """There is no web-service token, and no launch has told the address of the course's roster yet."""

    code = "no-roster"


class SyncStoppedError(Exception):
    """The sync broke off. What had been read is kept and nobody was marked as gone."""

    def __init__(self, code: str, detail: str, counts: dict[str, Any]) -> None:
        super().__init__(detail)
        self.code = code
        """One of `trouble`'s."""
        self.detail = detail
        self.counts = counts
        """As `Report.counts` gives them, up to where it broke off."""

    @property
    def may_pass(self) -> bool:
        """Whether another try later may succeed without anybody doing anything."""
        return self.code in trouble.PASSING


@dataclass
class Report:
    """What a sync saw and changed, in people unless said otherwise."""

    new: int = 0
    changed: int = 0
    same: int = 0
    returned: int = 0
    left: int = 0
    mentees: int = 0
    """New in the base of mentees."""
    mentors: int = 0
    """New in the base of mentors."""
    revised: int = 0
    """Candidates of either base whom their profile now puts elsewhere."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Reason → people of the course whom we do not keep."""
    unknown_roles: set[str] = field(default_factory=set)
    """Moodle's short names of roles for which somebody was skipped."""
    source: str = WEB_SERVICE
    problems: dict[str, list[str]] = field(default_factory=dict)
    """Reason → Moodle's ids of people who are kept without the value that could not be read, or was not told."""
    pages: int = 0
    """Pages that were read in full, those of the sync before that broke off among them."""
    resumed_at: int = 0
    """The page from which this sync went on; 0: it began with the first."""
    earlier: int = 0
    """People whom the sync before had read."""

    @property
    def read(self) -> int:
        """People seen so far, kept or not."""
        return self.new + self.changed + self.same + self.returned + self.skipped.total()

    def counts(self) -> dict[str, Any]:
        """As `Run.counts` keeps it."""
        return {
            **{name: getattr(self, name) for name in COUNTED},
            "source": self.source,
            "pages": self.pages,
            "resumed_at": self.resumed_at,
            "earlier": self.earlier,
            "skipped": dict(self.skipped),
            "unknown_roles": sorted(self.unknown_roles),
            "problems": {reason: {"count": len(ids), "people": ids[:NAMED]} for reason, ids in self.problems.items()},
        }


NAMED = 1_000
"""People of one trouble that a run keeps: a run stays for years, and each night has one."""
COUNTED = ("new", "changed", "same", "returned", "left", "mentees", "mentors", "revised")
CHANGES = tuple(name for name in COUNTED if name != "same")
"""Those of the counts that say that something was written."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a sync happens, as plain values: they outlive the sessions of its pages."""

    platform_id: int
    course_id: int
    moodle_id: int
    role_map: dict[str, Any]
    ruleset: Ruleset
    fields: dict[str, str]
    today: date
    memberships_url: str
    births: dict[str, date | None]
    """Birth dates that a curator has corrected, by Moodle's id: they count, whatever Moodle says."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What Moodle says about one person of the course."""

    moodle_id: str
    facts: dict[str, Any]
    """By the names of `FACTS`; of what is not told, what is known stays."""
    membership: dict[str, Any] = field(default_factory=dict)
    """By the names of `PLACE_FACTS`; empty when it is the roster that speaks."""
    in_roster: Role = Role.STUDENT
    """What the roster says: TEACHER for Instructor, STUDENT for Learner."""


FACTS = (
    "family_name",
    "given_name",
    "email",
    "idnumber",
    "institution",
    "department",
    "specialty",
    "birth_date",
    "experience_years",
    "study_year",
)
LIMITS = {name: getattr(Person.__table__.c[name].type, "length", None) for name in FACTS}
UNTOLD = dict.fromkeys(FACTS, "") | {"birth_date": None, "experience_years": None, "study_year": None}
"""Of somebody new, what nobody has told."""
KEPT_WHEN_BLANK = frozenset({"email", "idnumber"})
"""A launch tells them too, and Moodle may hide them from the web-service user: no news is not bad news."""
PLACE_FACTS = ("roles", "moodle_roles", "groups")
GROUPS_LIMIT: int = getattr(Membership.__table__.c.groups.type, "length", 0)


def resume_point(session: Session, run_id: int) -> dict[str, Any]:
    """Where the sync before this run broke off, as `sync_course` takes it; empty: it did not, or too long ago."""
    run = session.get_one(queue.Run, run_id)
    before = session.scalar(
        select(queue.Run)
        .where(queue.Run.kind == KIND, queue.Run.course_id == run.course_id, queue.Run.id < run_id)
        .order_by(queue.Run.id.desc())
        .limit(1)
    )
    if before is None or before.state is not queue.RunState.FAILED or before.heard_at < now() - RESUMED_WITHIN:
        return {}
    return dict(before.position)


def sync_course(
    course_id: int,
    step: Step = lambda *_told: None,
    resumed: dict[str, Any] | None = None,
) -> Report:
    """Bring a course's enrolments in, one transaction a page; `resumed` is what `resume_point` gave.

    Raises SyncStoppedError when Moodle fails: the pages before are kept, nobody is marked as gone, the course's
    `synced_at` stays, and the next sync may go on with the page that failed.
    """
    report = Report()
    mark = Mark(**resumed) if resumed else None
    if mark:
        # Should this one break off before its first page, the next still knows where to go on.
        with _transaction() as session:
            step(mark.done, None, asdict(mark), None, session)
    try:
        _sync(course_id, step, report, mark)
    except (MoodleError, DomainError) as err:
        stopped = SyncStoppedError(trouble.code_of(err), trouble.detail_of(err), report.counts())
        log.warning("sync stopped", course=course_id, code=stopped.code, detail=stopped.detail, read=report.read)
        raise stopped from err
    # Of a trouble the log tells how many had it; who they are is in the run, where an erasure finds them.
    told = report.counts() | {"problems": {reason: len(ids) for reason, ids in report.problems.items()}}
    log.info("course synced", course=course_id, **told)
    return report


def _sync(course_id: int, step: Step, report: Report, mark: Mark | None) -> None:
    place, client = _prepare(course_id)
    report.source = WEB_SERVICE if client else ROSTER
    courses = client.courses([place.moodle_id]) if client else []
    with _transaction() as session:
        _keep_course(session, place, courses)
        cycle_id = cycles.open_cycle(session, place.platform_id, place.today).id
        before = _members_before(session, place.course_id)
        step(mark.done if mark else 0, None, None, None, session)
    made_with = _made_with(place, cycle_id)
    if mark is None or client is None or mark.made_with != made_with:
        mark = Mark(0, 0, 0, 0, made_with)
    if mark.pages:
        report.pages, report.resumed_at, report.earlier = mark.pages, mark.pages + 1, mark.done
    expected = len(before) or None
    here: set[int] = set()
    seen = _Shown()
    pages = _from_web_service(client, place, report, seen, mark, len(before)) if client else _from_roster(place, report)
    with closing(pages):
        for people, reached in pages:
            with _transaction() as session:
                here |= _keep_page(session, place, cycle_id, people, report)
                report.pages = max(report.pages, reached.pages if reached else 0)
                done = report.earlier + report.read
                mark = replace(reached, done=done, made_with=made_with) if reached else mark
                position = asdict(mark) if mark.pages else {}
                _forget_erased(session, place, report)
                step(done, expected and max(expected, done), position, report.counts(), session)
    # What is left to do needs no page, and what it may find wrong wants all of them read again.
    with _transaction() as session:
        _forget_erased(session, place, report)
        step(report.earlier + report.read, expected, {}, report.counts(), session)
    here |= seen.before
    if before and not here:
        raise NobodyReturnedError if client else RosterEmptyError
    gone = {person: membership for person, membership in before.items() if person not in here}
    if gone and client:
        _check_hidden(place, list(gone), seen.ids)
    with _transaction() as session:
        report.left = _mark_left(session, place.course_id, list(gone.values()))
        session.execute(update(Course).where(Course.id == place.course_id).values(synced_at=now()))
        _forget_erased(session, place, report)
        step(report.earlier + report.read, expected, {}, report.counts(), session)


def _forget_erased(session: Session, place: _Place, report: Report) -> None:
    """Name nobody in the report's troubles whose data were erased, before this sync or while it read the pages."""
    named = {one for ids in report.problems.values() for one in ids[:NAMED]}
    known: set[str | None] = set()
    for some in in_parts(sorted(named)):
        ours = select(Person.moodle_id).where(Person.platform_id == place.platform_id, Person.moodle_id.in_(some))
        known.update(session.scalars(ours.where(Person.withheld.is_(False))))
    gone = named - known
    if gone:
        left = {reason: [one for one in ids if one not in gone] for reason, ids in report.problems.items()}
        report.problems = {reason: ids for reason, ids in left.items() if ids}


def _made_with(place: _Place, cycle_id: int) -> str:
    births = {moodle_id: as_text(born) for moodle_id, born in place.births.items()}
    decided_by = [cycle_id, place.role_map, place.fields, kinds.as_json(place.ruleset), births]
    return sha256(json.dumps(decided_by, sort_keys=True).encode()).hexdigest()[:16]


@dataclass
class _Shown:
    """Whom Moodle shows in the course now, in this very sync: whoever is not among them has left."""

    ids: set[str] = field(default_factory=set)
    """Moodle's, of people who are kept and of those who are not."""
    before: set[int] = field(default_factory=set)
    """Our ids of those in the pages that the sync before had read."""


Page = tuple[dict[str, _Seen], Mark | None]
"""People by Moodle's id, and where that leads; none: no further than before."""


def _from_web_service(
    client: MoodleClient, place: _Place, report: Report, seen: _Shown, mark: Mark, expected: int
) -> Generator[Page, None, None]:
    """Pages of people after the mark, and before them whoever is new in the pages up to it."""
    groups = _groups_by_person(client, place.moodle_id)

    def look(users: list[EnrolledUser]) -> dict[str, _Seen]:
        seen.ids.update(str(user.id) for user in users)
        looks = (_look_at(user, place, groups.get(user.id, []), report) for user in users)
        return {found.moodle_id: found for found in looks if found}

    if mark.pages:
        for strangers in _look_over(client, place, seen, mark):
            yield look(strangers), None
    after = Position(mark.read, mark.last_id)
    # Suspended enrolments are left out by Moodle itself: in its answers they cannot be told from active ones.
    with closing(
        client.iter_enrolled_users(place.moodle_id, page_size=PAGE, only_active=True, after=after, expected=expected)
    ) as pages:
        for users in pages:
            mark = replace(mark, pages=mark.pages + 1, read=mark.read + len(users), last_id=users[-1].id)
            yield look(users), mark


def _look_over(
    client: MoodleClient, place: _Place, seen: _Shown, mark: Mark
) -> Generator[list[EnrolledUser], None, None]:
    """Who is in the pages up to the mark now, by ids alone, which cost Moodle little; yields those we do not know.

    Hours may have passed since those pages were read: who has left is decided by what Moodle shows now.
    """
    ids: list[int] = []
    names_only = client.iter_enrolled_users(
        place.moodle_id, page_size=PAGE, only_active=True, fields=(), expected=mark.read
    )
    with closing(names_only) as pages:
        for users in pages:
            ids += [user.id for user in users if user.id <= mark.last_id]
            if users[-1].id >= mark.last_id:
                break
    with db.new_session() as session:
        rows = session.execute(
            select(Person.moodle_id, Person.id)
            .join(Membership, Membership.person_id == Person.id)
            .where(Membership.course_id == place.course_id, Membership.active, Membership.listed)
        )
        known: dict[str | None, int] = dict(rows.all())
    shown = [str(moodle_id) for moodle_id in ids]
    seen.ids.update(shown)
    seen.before.update(known[moodle_id] for moodle_id in shown if moodle_id in known)
    strangers = [number for number, moodle_id in enumerate(shown) if moodle_id not in known]
    while strangers:
        first = strangers[0]
        after = Position(first, ids[first - 1] if first else 0)
        with closing(
            client.iter_enrolled_users(place.moodle_id, page_size=PAGE, only_active=True, after=after)
        ) as pages:
            users = next(pages, [])
        wanted = {ids[number] for number in strangers}
        yield [user for user in users if user.id in wanted]
        last = users[-1].id if users else ids[first]
        strangers = [number for number in strangers if ids[number] > last]


def _from_roster(place: _Place, report: Report) -> Generator[Page, None, None]:
    """The same from the course's roster, which Moodle reads whole for each page: so it is asked for as one."""
    with db.new_session() as session:
        service = services.connector(session.get_one(Platform, place.platform_id))
    members = roster.read_members(service, place.memberships_url)
    for start in range(0, len(members), PAGE):
        looks = (_look_at_member(member, report) for member in members[start : start + PAGE])
        yield {seen.moodle_id: seen for seen in looks if seen}, None


def told_in(user: User, field: str) -> str:
    """What a profile says in a field, by its short name: one of the site's own, else one that every profile has."""
    if field in user.profile:
        return user.profile[field]
    return str(getattr(user, field)) if field in STANDARD_FIELDS else ""


def _look_at_member(member: Member, report: Report) -> _Seen | None:
    if not member.active:
        report.skipped["suspended"] += 1
        return None
    roles = course_roles(member.roles)
    if not roles:
        report.skipped["no-known-role"] += 1
        report.unknown_roles.update(member.roles)
        return None
    told = {
        "family_name": member.family_name,
        "given_name": member.given_name if member.given_name or member.family_name else member.name,
        "email": member.email,
        "idnumber": member.idnumber,
    }
    # A site may share no names: those that a launch told stay.
    if not told["family_name"] and not told["given_name"]:
        del told["family_name"], told["given_name"]
    return _Seen(
        moodle_id=member.user_id,
        facts=_fitting(told),
        in_roster=Role.TEACHER if Role.TEACHER in roles else Role.STUDENT,
    )


def _fitting(told: dict[str, str]) -> dict[str, Any]:
    """As the columns hold it, without what is blank and may be known from elsewhere."""
    cut = {name: text.replace("\0", "").strip()[: LIMITS[name]] for name, text in told.items()}
    return {name: text for name, text in cut.items() if text or name not in KEPT_WHEN_BLANK}


def _check_hidden(place: _Place, gone: Sequence[int], shown: set[str]) -> None:
    """Hold those about to be marked as gone against the roster, which no right of the web service's user touches.

    Without moodle/user:viewdetails, say, Moodle shows some few people and no error; taking the others for gone would
    empty the bases and the gradebook. `shown` are all whom the web service did show, in whatever role. Where the
    roster cannot be read, the web service is believed. Raises PeopleHiddenError.
    """
    with db.new_session() as session:
        course = session.get_one(Course, place.course_id)
        url, service = course.memberships_url, services.connector(course.platform)
        moodle_ids: set[str] = set()
        for start in range(0, len(gone), CHUNK):
            of_chunk = Person.id.in_(gone[start : start + CHUNK])
            moodle_ids.update(session.scalars(select(Person.moodle_id).where(of_chunk)))
    if not url:
        return
    try:
        listed = {member.user_id for member in roster.read_members(service, url) if member.active}
    except DomainError as err:
        log.warning("roster not read", course=place.course_id, code=err.code)
        return
    hidden = (moodle_ids & listed) - shown
    if hidden:
        raise PeopleHiddenError(people=len(hidden))


@contextmanager
def _transaction() -> Iterator[Session]:
    """A short transaction in a session of its own, so that nothing piles up over the pages."""
    with db.new_session() as own, db.transaction(own) as session:
        yield session


def _prepare(course_id: int) -> tuple[_Place, MoodleClient | None]:
    """Where to sync, and a client of the web service; none: from the roster. Raises NoRosterError."""
    with db.new_session() as session:
        course = session.get_one(Course, course_id)
        platform = session.get_one(Platform, course.platform_id)
        place = _Place(
            platform_id=platform.id,
            course_id=course.id,
            moodle_id=int(course.moodle_id),
            role_map=dict(platform.role_map),
            ruleset=placing.ruleset_of(session, platform.id),
            fields=PROFILE_FIELDS | platform.profile_fields,
            today=datetime.now(ZoneInfo(platform.time_zone)).date(),
            memberships_url=course.memberships_url,
            births=_corrected_births(session, platform.id),
        )
        try:
            return place, platforms.moodle(platform)
        except platforms.NoWebServiceError:
            if not place.memberships_url:
                raise NoRosterError from None
            return place, None


def _corrected_births(session: Session, platform_id: int) -> dict[str, date | None]:
    rows = session.execute(
        select(Person.moodle_id, Person.birth_date).where(
            Person.platform_id == platform_id,
            Person.moodle_id.is_not(None),
            cast(Person.corrected, String).contains('"birth_date"'),
        )
    )
    return {moodle_id: born for moodle_id, born in rows if moodle_id}


def _groups_by_person(client: MoodleClient, course: int) -> dict[int, list[str]]:
    """Names of groups by Moodle's user id; two cheap calls instead of Moodle's dear `groups` field."""
    names = {group.id: group.name for group in client.course_groups(course)}
    by_person: dict[int, list[str]] = {}
    for group, members in client.group_members(names).items():
        for member in members:
            by_person.setdefault(member, []).append(names[group])
    return by_person


def _keep_course(session: Session, place: _Place, found: list[MoodleCourse]) -> None:
    course = session.get_one(Course, place.course_id)
    for told in found:
        # Setting what is there already writes nothing.
        course.title, course.label = told.fullname[:400], told.shortname[:200]


def _members_before(session: Session, course_id: int) -> dict[int, int]:
    """Person → membership of those whom only the list of enrolments can keep in the course.

    It is taken before the reading begins: whoever comes in by a launch meanwhile is not in it. People known from
    launches alone are in it when they came as students; others may hold their role above the course, where no list
    of enrolments shows them.
    """
    rows = session.execute(
        select(Membership.person_id, Membership.id, Membership.roles, Membership.listed).where(
            Membership.course_id == course_id, Membership.active
        )
    )
    return {person: row for person, row, roles, listed in rows if listed or roles == [Role.STUDENT]}


def _look_at(user: EnrolledUser, place: _Place, groups: list[str], report: Report) -> _Seen | None:
    """What is worth keeping about somebody; None, with the reason in the report, for those whom we do not keep."""
    moodle_id = str(user.id)
    if user.suspended:
        report.skipped["suspended"] += 1
        return None
    birth_date = experience = study_year = None
    problems = []
    try:
        birth_date = rules.parse_birth_date(told_in(user, place.fields["birth_date"]), place.today)
    except ProfileValueError:
        problems.append("birth-date")
    try:
        experience = rules.parse_experience(told_in(user, place.fields["experience"]))
    except ProfileValueError:
        problems.append("experience")
    try:
        study_year = rules.parse_study_year(told_in(user, place.fields["study_year"]))
    except ProfileValueError:
        problems.append("study-year")
    facts = {
        "family_name": user.lastname,
        # A site may hide the parts of a name and still tell the whole.
        "given_name": user.firstname if user.firstname or user.lastname else user.fullname,
        "email": user.email,
        "idnumber": user.idnumber,
        "institution": told_in(user, place.fields["organisation"]),
        "department": told_in(user, place.fields["department"]),
        "specialty": told_in(user, place.fields["specialty"]),
    }
    born = place.births.get(moodle_id, birth_date)
    known = Facts(
        groups=tuple(groups),
        study_year=kinds.study_year(study_year, groups, place.ruleset.years, school_year(place.today)),
        specialty=facts["specialty"],
        department=facts["department"],
        organisation=facts["institution"],
        experience=experience,
        age=rules.age_on(born, place.today) if born else None,
    )
    roles = kinds.roles_of(user.roles, known, place.role_map, place.ruleset)
    if not roles:
        report.skipped["no-known-role"] += 1
        report.unknown_roles.update(user.roles)
        return None
    for problem in problems:
        report.problems.setdefault(problem, []).append(moodle_id)
    return _Seen(
        moodle_id=moodle_id,
        facts=_fitting(facts) | {"birth_date": birth_date, "experience_years": experience, "study_year": study_year},
        membership={
            "roles": [role.value for role in roles],
            "moodle_roles": sorted(user.roles),
            "groups": rules.join_groups(groups, GROUPS_LIMIT),
        },
    )


def _keep_page(session: Session, place: _Place, cycle_id: int, people: dict[str, _Seen], report: Report) -> set[int]:
    """Write what differs, in as many queries for many people as for few; returns the ids of the page's people.

    Rows that courses share are written in one order everywhere, so that two courses at once never wait in a circle.
    """
    people, withheld = _without_erased(session, place.platform_id, people, report)
    if not people:
        return withheld
    ids, renewed, problems = _keep_persons(session, place.platform_id, people)
    by_id = {ids[moodle_id]: seen for moodle_id, seen in people.items()}
    new, returned, moved = _keep_memberships(session, place.course_id, by_id)
    if new or returned or moved:
        queue.mark_due(session, place.course_id)
    for person_id in by_id:
        if person_id in new:
            report.new += 1
        elif person_id in returned:
            report.returned += 1
        elif person_id in renewed or person_id in moved:
            report.changed += 1
        else:
            report.same += 1
    for problem, of_whom in problems.items():
        if of_whom:
            report.problems.setdefault(problem, []).extend(of_whom)
    placed = placing.place(session, cycle_id, by_id, place.ruleset, place.today)
    report.mentees += placed.mentees
    report.mentors += placed.mentors
    report.revised += placed.revised
    return set(by_id) | withheld


def _without_erased(
    session: Session, platform_id: int, people: dict[str, _Seen], report: Report
) -> tuple[dict[str, _Seen], set[int]]:
    """The page without those whose data were erased at their wish; and the ids of those of them who have come in again,
    who are in the course although nothing that Moodle tells of them is kept."""
    erased = identities.erased_among(session, platform_id, people)
    if not erased:
        return people, set()
    report.skipped["erased"] += len(erased)
    here = session.scalars(select(Person.id).where(Person.platform_id == platform_id, Person.moodle_id.in_(erased)))
    return {moodle_id: seen for moodle_id, seen in people.items() if moodle_id not in erased}, set(here)


def _keep_persons(
    session: Session, platform_id: int, people: dict[str, _Seen]
) -> tuple[dict[str, int], set[int], dict[str, list[str]]]:
    """Ids by Moodle's id, the ids of those already known of whom something changed, and problems with Moodle's ids:
    whose name nobody has told, and of whom something corrected here differs from Moodle."""
    rows = session.execute(
        select(Person.moodle_id, Person.id, Person.corrected, *(getattr(Person, name) for name in FACTS))
        .where(Person.platform_id == platform_id, Person.moodle_id.in_(people))
        .order_by(Person.id)
    ).all()
    ids: dict[str, int] = {row.moodle_id: row.id for row in rows}
    told = {moodle_id: UNTOLD | seen.facts for moodle_id, seen in people.items()}
    changing, differing = [], []
    for row in rows:
        known = {name: getattr(row, name) for name in FACTS}
        facts, corrected = merged(known, people[row.moodle_id].facts, row.corrected)
        told[row.moodle_id] = facts
        if facts != known or corrected != row.corrected:
            changing.append({"id": row.id, **_person_row(facts), "corrected": corrected})
        if corrected:
            differing.append(row.moodle_id)
    if changing:
        # An erasure may have been committed since they were read: its row is nobody's, and nothing goes into it.
        ours = select(Person.id).where(Person.id.in_([row["id"] for row in changing]), Person.erased_at.is_(None))
        alive = set(session.scalars(ours.order_by(Person.id).with_for_update(key_share=True)))
        changing = [row for row in changing if row["id"] in alive]
    if changing:
        session.execute(update(Person), changing)
    adding = [
        {"platform_id": platform_id, "moodle_id": moodle_id, **_person_row(facts)}
        for moodle_id, facts in told.items()
        if moodle_id not in ids
    ]
    if adding:
        insert = db.insert(session, Person)
        # Somebody may come in by a launch at this very moment.
        insert = insert.on_conflict_do_update(
            index_elements=["platform_id", "moodle_id"], set_={"updated_at": insert.excluded.updated_at}
        )
        for row in session.execute(insert.returning(Person.moodle_id, Person.id), adding):
            ids[row.moodle_id] = row.id
    nameless = [moodle_id for moodle_id, facts in told.items() if not facts["family_name"] and not facts["given_name"]]
    return ids, {row["id"] for row in changing}, {"name": nameless, "corrected": differing}


def _person_row(facts: dict[str, Any]) -> dict[str, Any]:
    return {**facts, "search_name": search_key(facts["family_name"], facts["given_name"]), "updated_at": now()}


def _keep_memberships(session: Session, course_id: int, by_id: dict[int, _Seen]) -> tuple[set[int], set[int], set[int]]:
    """Ids of those who are new here, who are back, and whose roles or groups changed."""
    names = (*PLACE_FACTS, "listed", "roster_role")
    rows = session.execute(
        select(
            Membership.person_id, Membership.id, Membership.active, *(getattr(Membership, name) for name in names)
        ).where(Membership.course_id == course_id, Membership.person_id.in_(by_id))
    ).all()
    known = {row.person_id: row for row in rows}
    places = {person_id: _place_of(seen, known.get(person_id)) for person_id, seen in by_id.items()}
    returned = {person_id for person_id, row in known.items() if not row.active}
    differing = {person_id for person_id, row in known.items() if _differs(places[person_id], row, names)}
    moved = {person_id for person_id in differing if _differs(places[person_id], known[person_id], PLACE_FACTS)}
    if touched := returned | differing:
        session.execute(
            update(Membership),
            [{"id": known[person_id].id, "active": True, **places[person_id]} for person_id in touched],
        )
    new = by_id.keys() - known.keys()
    if new:
        insert = db.insert(session, Membership)
        insert = insert.on_conflict_do_update(
            index_elements=["course_id", "person_id"],
            set_={name: insert.excluded[name] for name in ("active", *names)},
        )
        session.execute(
            insert,
            [
                {"course_id": course_id, "person_id": person_id, "active": True, **places[person_id]}
                for person_id in new
            ],
        )
    return set(new), returned, moved - returned


def _differs(place: dict[str, Any], row: Any, names: Iterable[str]) -> bool:
    return any(place[name] != getattr(row, name) for name in names)


def _place_of(seen: _Seen, known: Any) -> dict[str, Any]:
    """Somebody's place in the course, after what is told of it; `known` is the row that is there, if any."""
    if seen.membership:
        return {**seen.membership, "listed": True, "roster_role": ""}
    said = {"listed": True, "roster_role": seen.in_roster.value}
    if known is None:
        return {"roles": [seen.in_roster.value], "moodle_roles": [], "groups": "", **said}
    roles, moodle_roles = rules.roles_in_roster(seen.in_roster, known.roster_role, known.roles, known.moodle_roles)
    return {"roles": [role.value for role in roles], "moodle_roles": moodle_roles, "groups": known.groups, **said}


def _mark_left(session: Session, course_id: int, gone: list[int]) -> int:
    """Make these memberships inactive; says how many they are."""
    for start in range(0, len(gone), CHUNK):
        chunk = gone[start : start + CHUNK]
        session.execute(update(Membership).where(Membership.id.in_(chunk)).values(active=False))
    if gone:
        queue.mark_due(session, course_id)
    return len(gone)
