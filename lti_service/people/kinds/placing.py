"""What is known of people put before the rules, and what follows of it for their places in the bases."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, and_, bindparam, select, update
from sqlalchemy.orm import Session

from lti_service import db
from lti_service.access import Role
from lti_service.db import now
from lti_service.people import cycles
from lti_service.people.kinds import rules
from lti_service.people.kinds.models import KindRules
from lti_service.people.kinds.rules import Bases, Facts, Kinds, Ruleset
from lti_service.people.models import Membership, Mentee, MenteeState, Mentor, MentorState, Person, Placed
from lti_service.people.rules import age_on, split_groups
from lti_service.prepared import Prepared
from lti_service.programme.service import school_year

KNOWN = (
    Person.id,
    Person.department,
    Person.institution,
    Person.specialty,
    Person.experience_years,
    Person.study_year,
    Person.birth_date,
    Membership.roles,
    Membership.moodle_roles,
    Membership.groups,
)
"""What the rules look at; a row for each course that somebody is in."""
IS_KNOWN = and_(Person.erased_at.is_(None), Person.withheld.is_(False))
"""Whose data were erased is nobody to rules, nor is who came in again and has not said that they want to be known."""
_ONE = Prepared(
    select(*KNOWN, KindRules.content)
    .join(Membership, and_(Membership.person_id == Person.id, Membership.active))
    .outerjoin(KindRules, KindRules.platform_id == Person.platform_id)
    .where(Person.id == bindparam("person"), IS_KNOWN)
)


def ruleset_of(session: Session, platform_id: int) -> Ruleset:
    """The rules of a platform."""
    kept = session.scalar(select(KindRules.content).where(KindRules.platform_id == platform_id))
    return rules.from_json(kept or {})


def known() -> Select[Any]:
    """A query of what is known of people in courses, to be narrowed; each person's rows must come together."""
    return select(*KNOWN).join(Membership, Membership.person_id == Person.id).where(Membership.active, IS_KNOWN)


def facts_of(rows: Iterable[Any], ruleset: Ruleset, day: date) -> dict[int, Facts]:
    """Facts by person from rows of `KNOWN`."""
    return {person_id: facts_in(found, ruleset, day) for person_id, found in by_person(rows).items()}


def by_person(rows: Iterable[Any]) -> dict[int, list[Any]]:
    """Rows of `KNOWN` put together by person."""
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row.id, []).append(row)
    return found


def facts_in(rows: Sequence[Any], ruleset: Ruleset, day: date) -> Facts:
    """Facts of the one person of these rows."""
    person = rows[0]
    groups = tuple(sorted({group for row in rows for group in split_groups(row.groups)}))
    return Facts(
        # Guests are employers' people without an account.
        roles=frozenset(Role.EMPLOYER if role == Role.GUEST else Role(role) for row in rows for role in row.roles),
        moodle_roles=frozenset(name for row in rows for name in row.moodle_roles),
        groups=groups,
        study_year=rules.study_year(person.study_year, groups, ruleset.years, school_year(day)),
        specialty=person.specialty,
        department=person.department,
        organisation=person.institution,
        experience=person.experience_years,
        age=age_on(person.birth_date, day) if person.birth_date else None,
    )


def look_at(session: Session, person_id: int, day: date) -> tuple[Facts, Kinds]:
    """What is known of one person over all courses of their platform, and what they are by its rules; one query."""
    rows = _ONE.all(session, {"person": person_id})
    if not rows:
        return Facts(), Kinds()
    ruleset = rules.from_json(rows[0].content or {})
    facts = facts_of(rows, ruleset, day)[person_id]
    return facts, rules.decide(facts, ruleset)


def of_person(session: Session, person_id: int, day: date) -> Kinds:
    """What one person is by their platform's rules."""
    return look_at(session, person_id, day)[1]


def of_people(session: Session, platform_id: int, person_ids: Iterable[int], day: date) -> dict[int, Kinds]:
    """The same of several people of a platform; whoever is in no course of it is left out."""
    ruleset = ruleset_of(session, platform_id)
    rows = session.execute(known().where(Person.platform_id == platform_id, Person.id.in_(list(person_ids))))
    return {person_id: rules.decide(facts, ruleset) for person_id, facts in facts_of(rows, ruleset, day).items()}


def study_years(
    session: Session, platform_id: int, told: Mapping[int, tuple[int | None, str]], day: date
) -> dict[int, int | None]:
    """Years of study by the keys of `told`: of each what the profile says, and the joined names of groups."""
    patterns = ruleset_of(session, platform_id).years
    year = school_year(day)
    return {
        key: rules.study_year(profile, split_groups(groups), patterns, year) for key, (profile, groups) in told.items()
    }


@dataclass
class Placement:
    """How many records a look at the rules wrote."""

    mentees: int = 0
    """New in the base of mentees."""
    mentors: int = 0
    """New in the base of mentors."""
    revised: int = 0
    """Candidates of either base whom the rules now put elsewhere."""


def place(session: Session, cycle_id: int, person_ids: Iterable[int], ruleset: Ruleset, day: date) -> Placement:
    """Put people into the bases of a school year as the rules say, and candidates where they belong now.

    In as many queries for many people as for few; what is right already is not written. Rows are written in the order
    of their ids everywhere, so that two courses at once never wait in a circle.
    """
    ids = list(person_ids)
    if not ids:
        return Placement()
    found = facts_of(session.execute(known().where(Person.id.in_(ids))), ruleset, day)
    bases = {person_id: rules.decide(facts, ruleset).bases for person_id, facts in found.items()}
    done = Placement()
    done.mentees, moved = _place(session, Mentee, cycle_id, bases)
    done.mentors, also_moved = _place(session, Mentor, cycle_id, bases)
    done.revised = moved + also_moved
    return done


def _place(
    session: Session, base: type[Mentee] | type[Mentor], cycle_id: int, bases: dict[int, Bases]
) -> tuple[int, int]:
    """How many records are new, and how many were changed."""
    columns: Any = (base.id, base.person_id, base.kind, base.state, base.placed, base.asked_at)
    rows = session.execute(
        select(*columns).where(base.cycle_id == cycle_id, base.person_id.in_(bases)).order_by(base.id)
    ).all()
    there = {row.person_id for row in rows}
    adding: list[dict[str, Any]] = [
        {
            "cycle_id": cycle_id,
            "person_id": person_id,
            "kind": kind,
            "state": MenteeState.CANDIDATE if base is Mentee else MentorState.CANDIDATE,
            "placed": Placed.RULES,
            "created_at": now(),
        }
        for person_id, wanted in bases.items()
        if (kind := wanted.mentee if base is Mentee else wanted.mentor) and person_id not in there
    ]
    if adding and base is Mentee:
        special = cycles.special_needs_before(session, cycle_id, [row["person_id"] for row in adding])
        adding = [{**row, "special_needs": row["person_id"] in special} for row in adding]
    if adding:
        # The sync of another course of the same platform may have made the same record meanwhile.
        session.execute(db.insert(session, base).on_conflict_do_nothing(), adding)
    revising = [row.id for row in rows if _revised(base, row, bases[row.person_id])]
    if not revising:
        return len(adding), 0
    # A curator may have decided since: those about to be changed are locked and looked at once more.
    locked = session.execute(
        select(*columns).where(base.id.in_(revising)).order_by(base.id).with_for_update(key_share=True)
    ).all()
    changes = [
        {"id": row.id, **change} for row in locked if (change := _revised(base, row, bases[row.person_id])) is not None
    ]
    if changes:
        session.execute(update(base), changes)
    return len(adding), len(changes)


def _revised(base: type[Mentee] | type[Mentor], row: Any, wanted: Bases) -> dict[str, Any] | None:
    """What is to be written of a record; none: it is right."""
    now_is = (row.kind, row.state, row.placed)
    asks = row.asked_at is not None
    if base is Mentee:
        after: Any = rules.placed_mentee(*now_is, wanted.mentee, asks)
    else:
        after = rules.placed_mentor(*now_is, wanted.mentor, asks)
    return None if after == now_is else dict(zip(("kind", "state", "placed"), after, strict=True))
