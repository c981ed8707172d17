"""What an administrator does with the rules on who is who: see, try out on everybody, save, and apply at once."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from lti_service import audit, db, queue
from lti_service.access import Viewer
from lti_service.db import now
from lti_service.lists import in_parts
from lti_service.people import cycles
from lti_service.people.kinds import patterns, placing, rules
from lti_service.people.kinds.errors import EmptyRuleError, YearsWrongError
from lti_service.people.kinds.models import KindRules
from lti_service.people.kinds.patterns import PatternError
from lti_service.people.kinds.placing import KNOWN
from lti_service.people.kinds.rules import Kind, Kinds, Rule, Ruleset
from lti_service.people.models import Membership, Mentee, MenteeState, Mentor, MentorState, Person, Placed
from lti_service.people.rules import split_groups
from lti_service.platforms.models import Course, Platform
from lti_service.programme import service as programme
from lti_service.queue import Run

RUN = "kinds"
"""Of the runs that put everybody of a platform before its rules."""
CHUNK = 500
"""People of one transaction of such a run."""
NAMED = 100
"""People of a trial's list that a page names."""

Step = Callable[[int, int | None], None]


# --- what there is ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Overview:
    """A platform's rules, and how far they have been applied."""

    ruleset: Ruleset
    own: set[Kind]
    """Kinds whose rule is not the usual one."""
    in_bases: Mapping[Kind, int]
    """People of each kind in the bases of the school year."""
    kept: KindRules | None
    run: Run | None
    """The last one that applied them."""

    @property
    def waits(self) -> bool:
        """Whether the rules were changed since everybody was last looked at."""
        return self.kept is not None and (self.kept.applied_at is None or self.kept.applied_at < self.kept.changed_at)


def overview(session: Session, viewer: Viewer, day: date) -> Overview:
    """The rules of the viewer's platform."""
    kept = session.get(KindRules, viewer.platform_id)
    ruleset = rules.from_json(kept.content if kept else {})
    cycle = programme.find_cycle(session, viewer.platform_id, day)
    in_bases: Counter[Kind] = Counter()
    if cycle is not None:
        for base, of in ((Mentee, rules.OF_MENTEE), (Mentor, rules.OF_MENTOR)):
            withdrawn: Any = MenteeState.WITHDRAWN if base is Mentee else MentorState.WITHDRAWN
            counted = session.execute(
                select(base.kind, func.count(base.id))
                .where(base.cycle_id == cycle.id, base.state != withdrawn)
                .group_by(base.kind)
            )
            for kind, count in counted:
                in_bases[of[kind]] += count  # type: ignore[index]
    return Overview(
        ruleset=ruleset,
        own={kind for kind, rule in ruleset.rules.items() if rule != rules.DEFAULT_RULES[kind]},
        in_bases=in_bases,
        kept=kept,
        run=last_run(session, viewer.platform_id),
    )


def last_run(session: Session, platform_id: int) -> Run | None:
    """The newest run that applied a platform's rules."""
    at = _anchor(session, platform_id)
    return queue.last_run(session, RUN, at) if at is not None else None


def _anchor(session: Session, platform_id: int) -> int | None:
    # A run is one of a course; those of a whole platform are kept at its first, so that two never overlap.
    return session.scalar(select(func.min(Course.id)).where(Course.platform_id == platform_id))


# --- trying out ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody in a trial's list."""

    name: str
    groups: str


@dataclass(frozen=True, slots=True)
class Side:
    """Who would come to a kind or role, or go from it: a page of them."""

    people: list[Named]
    total: int
    page: int
    pages: int
    is_asked: bool
    """This page of this side was asked for."""


@dataclass(frozen=True, slots=True)
class Part:
    """Which page of which list of a trial somebody wants to see; of the others it shows the first."""

    key: str = ""
    """A value of `Kind`, or `role:` and a role."""
    is_going: bool = False
    page: int = 1


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one kind or role: how many people it has and would have, and who would come and go."""

    key: str
    """A value of `Kind`, or of a role here."""
    before: int
    after: int
    coming: "Side"
    going: "Side"

    @property
    def is_none(self) -> bool:
        """Nobody comes and nobody goes."""
        return not self.coming.total and not self.going.total


@dataclass(frozen=True, slots=True)
class Trial:
    """What other rules, or another meaning of Moodle's roles, would make of everybody on the platform."""

    people: int
    kinds: list[Change]
    roles: list[Change]
    changing: int
    """People of whom anything would change."""
    decided: int
    """Those of them who stay where they are in a base, for somebody has decided on them by hand."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """Everything by which people are told apart: rules, and what Moodle's roles mean."""

    ruleset: Ruleset
    role_map: Mapping[str, Any] = field(default_factory=dict)


def meaning_of(session: Session, platform_id: int) -> Meaning:
    """What holds on a platform now."""
    platform = session.get_one(Platform, platform_id)
    return Meaning(placing.ruleset_of(session, platform_id), dict(platform.role_map))


def try_out(
    session: Session, viewer: Viewer, wanted: Meaning, day: date, part: Part | None = None, *, whole: bool = False
) -> Trial:
    """Put everybody who is in a course of the viewer's platform before other rules; nothing of people is written.

    Of each list it names a page, the first but for `part`; all with `whole`, for a file. The trail keeps that the
    administrator looked, or took a file along.
    """
    part = part or Part()
    now_holds = meaning_of(session, viewer.platform_id)
    rows = placing.by_person(
        session.execute(placing.known().where(Person.platform_id == viewer.platform_id).order_by(Person.id))
    )
    before = {person_id: _standing(found, now_holds, day) for person_id, found in rows.items()}
    after = {person_id: _standing(found, wanted, day) for person_id, found in rows.items()}
    kinds = {kind.value: _moved(kind.value, before, after) for kind in Kind}
    roles = {role.value: _moved(f"role:{role}", before, after) for role in rules.ROLES}
    moved = {person_id for coming, going in [*kinds.values(), *roles.values()] for person_id in [*coming, *going]}
    lists = dict([*kinds.items(), *((f"role:{key}", roles[key]) for key in roles)])
    places = {
        (key, is_going): _place(len(side), part if (part.key, part.is_going) == (key, is_going) else None, whole)
        for key, sides in lists.items()
        for is_going, side in zip((False, True), sides, strict=True)
    }
    shown = {
        person_id for (key, is_going), place in places.items() for person_id in place.of(lists[key][int(is_going)])
    }
    names = _names(session, shown, rows)
    if whole:
        _record(session, viewer, "base.exported", subject="base:trial", count=len(moved))
    else:
        _record(session, viewer, "kinds.tried", people=len(rows), changing=len(moved))
    return Trial(
        people=len(rows),
        kinds=[_change(key, key, before, after, lists[key], places, names) for key in kinds],
        roles=[_change(key, f"role:{key}", before, after, roles[key], places, names) for key in roles],
        changing=len(moved),
        decided=_decided(session, viewer.platform_id, moved, day),
    )


def _standing(rows: Sequence[Any], meaning: Meaning, day: date) -> frozenset[str]:
    """What somebody is: values of `Kind`, and roles as `role:student`."""
    told = [_Row(row, _roles(row, meaning, day)) for row in rows]
    facts = placing.facts_in(told, meaning.ruleset, day)
    found = rules.decide(facts, meaning.ruleset)
    return frozenset({*_kinds(found), *(f"role:{role}" for role in facts.roles)})


class _Row:
    """A row of what is known, with other roles."""

    __slots__ = ("_row", "roles")

    def __init__(self, row: Any, roles: Sequence[str]) -> None:
        self._row = row
        self.roles = roles

    def __getattr__(self, name: str) -> Any:
        return getattr(self._row, name)


def _roles(row: Any, meaning: Meaning, day: date) -> list[str]:
    """Roles in a course by what Moodle's mean; as they are where no web service has told Moodle's."""
    if not row.moodle_roles:
        return list(row.roles)
    here = placing.facts_in([row], meaning.ruleset, day)
    return [role.value for role in rules.roles_of(row.moodle_roles, here, meaning.role_map, meaning.ruleset)]


def _kinds(found: Kinds) -> list[str]:
    kinds = []
    if found.mentee is not None:
        kinds.append(rules.OF_MENTEE[found.mentee].value)
    if found.mentor is not None:
        kinds.append(rules.OF_MENTOR[found.mentor].value)
    return kinds


Standings = Mapping[int, frozenset[str]]


def _moved(key: str, before: Standings, after: Standings) -> tuple[list[int], list[int]]:
    """Who would be of a kind or role and is not, and the other way round."""
    coming = [person_id for person_id, found in after.items() if key in found and key not in before[person_id]]
    going = [person_id for person_id, found in before.items() if key in found and key not in after[person_id]]
    return coming, going


@dataclass(frozen=True, slots=True)
class _Place:
    """Which of a list are named."""

    page: int
    pages: int
    size: int
    is_asked: bool

    def of(self, people: Sequence[int]) -> Sequence[int]:
        return people[(self.page - 1) * self.size : self.page * self.size]


def _place(total: int, part: Part | None, whole: bool) -> _Place:
    size = max(1, total) if whole else NAMED
    pages = max(1, -(-total // size))
    return _Place(min(max(1, part.page), pages) if part else 1, pages, size, part is not None)


def _change(
    key: str,
    sought: str,
    before: Standings,
    after: Standings,
    moved: tuple[list[int], list[int]],
    places: Mapping[tuple[str, bool], _Place],
    names: Mapping[int, Named],
) -> Change:
    def side(is_going: bool) -> Side:
        place, people = places[sought, is_going], moved[int(is_going)]
        shown = [names[person_id] for person_id in place.of(people)]
        return Side(shown, len(people), place.page, place.pages, place.is_asked)

    return Change(
        key=key,
        before=sum(sought in found for found in before.values()),
        after=sum(sought in found for found in after.values()),
        coming=side(False),
        going=side(True),
    )


def _names(session: Session, person_ids: Iterable[int], rows: Mapping[int, list[Any]]) -> dict[int, Named]:
    wanted = list(person_ids)
    found: dict[int, Named] = {}
    for some in in_parts(wanted):
        for person in session.scalars(select(Person).where(Person.id.in_(some))):
            groups = sorted({name for row in rows[person.id] for name in split_groups(row.groups)})
            found[person.id] = Named(person.name, ", ".join(groups))
    return found


def _decided(session: Session, platform_id: int, person_ids: set[int], day: date) -> int:
    """How many of these people have a record in a base that rules do not touch."""
    cycle = programme.find_cycle(session, platform_id, day)
    if cycle is None or not person_ids:
        return 0
    found: set[int] = set()
    for base, candidate, withdrawn in (
        (Mentee, MenteeState.CANDIDATE, MenteeState.WITHDRAWN),
        (Mentor, MentorState.CANDIDATE, MentorState.WITHDRAWN),
    ):
        ours = ((base.state == candidate) & (base.placed == Placed.RULES)) | (
            (base.state == withdrawn) & (base.placed == Placed.OUT)
        )
        found.update(session.scalars(select(base.person_id).where(base.cycle_id == cycle.id, ~ours)))
    return len(found & person_ids)


@dataclass(frozen=True, slots=True)
class GroupYear:
    """A group of the platform as a pattern reads its name."""

    name: str
    people: int
    before: int | None
    after: int | None


def try_years(session: Session, viewer: Viewer, years: str, day: date) -> list[GroupYear]:
    """The platform's groups with the years of study that their names tell now and would; raises YearsWrongError."""
    check_years(years)
    kept = placing.ruleset_of(session, viewer.platform_id).years
    of_platform = select(Membership.groups, func.count(Membership.id)).join(Course)
    counted = session.execute(
        of_platform.where(Course.platform_id == viewer.platform_id, Membership.active).group_by(Membership.groups)
    )
    people: Counter[str] = Counter()
    for names, count in counted:
        for name in split_groups(names):
            people[name] += count
    year = programme.school_year(day)
    return [
        GroupYear(name, people[name], patterns.year_of(kept, name, year), patterns.year_of(years, name, year))
        for name in sorted(people)
    ]


# --- saving -------------------------------------------------------------------------------------------------------


def save_rule(session: Session, viewer: Viewer, kind: Kind, rule: Rule) -> bool:
    """Keep a rule; it applies at the next load of people, or by `apply`. False when nothing changed.

    Raises EmptyRuleError.
    """
    if not any(rule.ways):
        raise EmptyRuleError
    kept = placing.ruleset_of(session, viewer.platform_id)
    if kept.rules[kind] == rule:
        return False
    _save(session, viewer, kept.having(kind, rule), kind=kind.value)
    return True


def check_years(years: str) -> None:
    """Raises YearsWrongError for a pattern that tells no year; its fact `reason` says why."""
    try:
        patterns.year_patterns(years)
    except PatternError as err:
        raise YearsWrongError(reason=str(err)) from err


def save_years(session: Session, viewer: Viewer, years: str) -> bool:
    """Keep how the names of groups tell the year of study; see `save_rule`. Raises YearsWrongError."""
    check_years(years)
    kept = placing.ruleset_of(session, viewer.platform_id)
    if kept.years == years:
        return False
    _save(session, viewer, Ruleset(kept.rules, years), kind="years")
    return True


def _save(session: Session, viewer: Viewer, ruleset: Ruleset, **details: str) -> None:
    values = {"content": rules.as_json(ruleset), "changed_by": viewer.person_id, "changed_at": now()}
    adding = db.insert(session, KindRules).values(platform_id=viewer.platform_id, **values)
    session.execute(adding.on_conflict_do_update(index_elements=["platform_id"], set_=values))
    _record(session, viewer, "kinds.changed", **details)


# --- applying -----------------------------------------------------------------------------------------------------


def open_apply(session: Session, viewer: Viewer) -> tuple[Run, bool]:
    """The run that puts everybody of the platform before its rules; True when its task must be started."""
    at = _anchor(session, viewer.platform_id)
    run, is_new = queue.open_run(session, RUN, at or viewer.course_id, viewer.person_id)
    if is_new:
        _record(session, viewer, "kinds.applied")
    return run, is_new


def apply(platform_id: int, day: date, step: Step = lambda _done, _total: None) -> dict[str, int]:
    """Look at everybody on a platform with its rules and its meaning of Moodle's roles, as a load would, from what is
    known here; a transaction for some hundred people each. Says what changed, as `Run.counts` keeps it."""
    begun = now()
    with db.new_session() as own, db.transaction(own) as session:
        cycle_id = cycles.open_cycle(session, platform_id, day).id
        meaning = meaning_of(session, platform_id)
        ids = list(
            session.scalars(
                select(Person.id)
                .where(Person.platform_id == platform_id, Person.moodle_id.is_not(None), placing.IS_KNOWN)
                .where(select(Membership.id).where(Membership.person_id == Person.id, Membership.active).exists())
                .order_by(Person.id)
            )
        )
    counts = {"people": len(ids), "roles": 0, "mentees": 0, "mentors": 0, "revised": 0}
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        with db.new_session() as own, db.transaction(own) as session:
            counts["roles"] += _apply_roles(session, chunk, meaning, day)
            placed = placing.place(session, cycle_id, chunk, meaning.ruleset, day)
        counts["mentees"] += placed.mentees
        counts["mentors"] += placed.mentors
        counts["revised"] += placed.revised
        step(start + len(chunk), len(ids))
    with db.new_session() as own, db.transaction(own) as session:
        session.execute(update(KindRules).where(KindRules.platform_id == platform_id).values(applied_at=begun))
    return counts


def _apply_roles(session: Session, person_ids: Sequence[int], meaning: Meaning, day: date) -> int:
    """Write the roles of memberships that a web service told of, where they mean something else now."""
    rows = session.execute(
        select(*KNOWN, Membership.id.label("membership_id"), Membership.course_id)
        .join(Membership, Membership.person_id == Person.id)
        .where(Membership.active, Person.id.in_(person_ids))
        .order_by(Membership.id)
    ).all()
    changed = []
    for row in rows:
        roles = _roles(row, meaning, day)
        # Whose roles mean nothing any more the next load leaves out, as somebody who is gone.
        if roles and roles != row.roles:
            changed.append((row.course_id, {"id": row.membership_id, "roles": roles}))
    if changed:
        session.execute(update(Membership), [values for _course_id, values in changed])
        for course_id in sorted({course_id for course_id, _values in changed}):
            queue.mark_due(session, course_id)
    return len(changed)


def _record(session: Session, viewer: Viewer, action: str, **details: Any) -> None:
    audit.record(
        session,
        action,
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        actor_id=viewer.person_id,
        **{"subject": f"platform:{viewer.platform_id}", **details},
    )
