"""Who somebody is to the programme, by a platform's own rules: pure, and with a stated answer where data are missing.

A rule says of one kind who is it: anybody for whom all conditions of one of its ways hold. A condition on something
that is not known, or is told in two ways, is neither met nor failed; where it would decide, the rule's own word on
missing data does (Kleene's logic of three values). So no other piece of data ever has to be guessed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from lti_service.access import EVERYONE, Role
from lti_service.people.kinds import patterns
from lti_service.people.kinds.patterns import PatternError
from lti_service.people.models import MenteeState, MentorState, Placed
from lti_service.programme.models import MenteeKind, MentorKind


class Kind(StrEnum):
    """What a rule decides; the order is the one in which rules are shown."""

    STUDENT = "student"
    YOUNG_TEACHER = "young-teacher"
    TEACHER = "teacher"
    EMPLOYER = "employer"
    SENIOR_STUDENT = "senior-student"


class Field(StrEnum):
    """What a condition looks at."""

    ROLE = "role"
    MOODLE_ROLE = "moodle-role"
    GROUP = "group"
    STUDY_YEAR = "study-year"
    SPECIALTY = "specialty"
    DEPARTMENT = "department"
    ORGANISATION = "organisation"
    EXPERIENCE = "experience"
    AGE = "age"


class Op(StrEnum):
    """How a condition compares."""

    IS = "is"
    IS_NOT = "is-not"
    LIKE = "like"
    NOT_LIKE = "not-like"
    AT_LEAST = "at-least"
    AT_MOST = "at-most"


NUMBERS = frozenset({Field.STUDY_YEAR, Field.EXPERIENCE, Field.AGE})
NAMES = frozenset({Field.GROUP, Field.SPECIALTY, Field.DEPARTMENT, Field.ORGANISATION})
ROLES = (Role.STUDENT, Role.TEACHER, Role.EMPLOYER, Role.CURATOR)
MOST_WAYS = 5
MOST_CONDITIONS = 6
LONGEST_ROLE = 100


def ops_of(of: Field) -> tuple[Op, ...]:
    """How values of a field can be compared."""
    if of in NUMBERS:
        return (Op.AT_LEAST, Op.AT_MOST)
    return (Op.LIKE, Op.NOT_LIKE) if of in NAMES else (Op.IS, Op.IS_NOT)


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison; `value` is a role, a number of full years, or a pattern."""

    field: Field
    op: Op
    value: str


@dataclass(frozen=True, slots=True)
class Rule:
    """Who is of a kind."""

    ways: tuple[tuple[Condition, ...], ...]
    """Any of them is enough; of each all conditions must hold."""
    when_unknown: bool
    """The answer where what is not known would decide."""
    enters: bool = True
    """Whether such people are candidates of the base by themselves, or only when they or a curator say so."""


def _rule(*ways: tuple[Condition, ...], when_unknown: bool, enters: bool = True) -> Rule:
    return Rule(ways, when_unknown, enters)


_LEARNS = Condition(Field.ROLE, Op.IS, Role.STUDENT.value)
_TEACHES = Condition(Field.ROLE, Op.IS, Role.TEACHER.value)

DEFAULT_RULES: dict[Kind, Rule] = {
    Kind.STUDENT: _rule((_LEARNS,), when_unknown=False),
    # The programme: «молодой (начинающий) специалист, стаж 0–3 года».
    Kind.YOUNG_TEACHER: _rule((_TEACHES, Condition(Field.EXPERIENCE, Op.AT_MOST, "3")), when_unknown=False),
    Kind.TEACHER: _rule((_TEACHES, Condition(Field.EXPERIENCE, Op.AT_LEAST, "4")), when_unknown=True),
    # Moodle has no role for employers: colleges enrol their people as non-editing teachers and say it in the profile.
    Kind.EMPLOYER: _rule(
        (Condition(Field.ROLE, Op.IS, Role.EMPLOYER.value),),
        (Condition(Field.MOODLE_ROLE, Op.IS, "teacher"), Condition(Field.DEPARTMENT, Op.LIKE, "*работодател*")),
        when_unknown=False,
    ),
    # Senior students are mentors when they offer themselves or the curator chooses them, not all of them at once.
    Kind.SENIOR_STUDENT: _rule(
        (_LEARNS, Condition(Field.STUDY_YEAR, Op.AT_LEAST, "3")), when_unknown=True, enters=False
    ),
}
DEFAULT_YEARS = "@-{курс}, @-{курс}#, @-{курс}#@"
"""«ГТ-4», «ИС-21», «ИС-21а»: the first digit after the dash."""


@dataclass(frozen=True, slots=True)
class Ruleset:
    """All rules of a platform."""

    rules: Mapping[Kind, Rule] = field(default_factory=lambda: DEFAULT_RULES)
    years: str = DEFAULT_YEARS
    """How a group's name tells the year of study."""

    def having(self, kind: Kind, rule: Rule) -> "Ruleset":
        """The same with another rule for one kind."""
        return replace(self, rules={**self.rules, kind: rule})


# --- rules as they are kept ---------------------------------------------------------------------------------------


def as_json(ruleset: Ruleset) -> dict[str, Any]:
    """A ruleset as it is kept."""
    return {
        "years": ruleset.years,
        "rules": {
            kind.value: {
                "ways": [[[one.field.value, one.op.value, one.value] for one in way] for way in rule.ways],
                "when_unknown": rule.when_unknown,
                "enters": rule.enters,
            }
            for kind, rule in ruleset.rules.items()
        },
    }


def from_json(kept: Mapping[str, Any]) -> Ruleset:
    """A ruleset as it was kept; what is not there is as usual."""
    rules = dict(DEFAULT_RULES)
    for name, told in kept.get("rules", {}).items():
        ways = tuple(tuple(Condition(Field(of), Op(op), value) for of, op, value in way) for way in told["ways"])
        rules[Kind(name)] = Rule(ways, told["when_unknown"], told["enters"])
    return Ruleset(rules, kept.get("years", DEFAULT_YEARS))


class ConditionError(ValueError):
    """A condition that cannot be; the argument says why: `op`, `role`, `number`, or one of PatternError's."""


def a_condition(of: Field, op: Op, value: str) -> Condition:
    """A condition from what somebody filled in. Raises ConditionError."""
    value = " ".join(value.split())
    if op not in ops_of(of):
        raise ConditionError("op")
    if of in NUMBERS:
        if not (value.isascii() and value.isdecimal() and len(value) <= 3):
            raise ConditionError("number")
        value = str(int(value))
    elif of in NAMES:
        try:
            patterns.alternatives(value)
        except PatternError as err:
            raise ConditionError(str(err)) from err
    elif value not in set(ROLES) if of is Field.ROLE else not 0 < len(value) <= LONGEST_ROLE:
        raise ConditionError("role")
    return Condition(of, op, value)


# --- what is known of somebody ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a person, over all courses of the platform that they are in."""

    roles: frozenset[Role] = frozenset()
    moodle_roles: frozenset[str] = frozenset()
    """Short names; empty: only a launch or a roster has told of them."""
    groups: tuple[str, ...] = ()
    study_year: int | None = None
    """None: nobody tells it, or it is told in two ways."""
    specialty: str = ""
    department: str = ""
    organisation: str = ""
    experience: int | None = None
    age: int | None = None


def study_year(from_profile: int | None, groups: Iterable[str], years: str, school_year: int) -> int | None:
    """The year of study: the profile's word, else what the names of the person's groups tell, if they agree."""
    if from_profile is not None:
        return from_profile
    told = {year for group in groups if (year := patterns.year_of(years, group, school_year)) is not None}
    return told.pop() if len(told) == 1 else None


# --- deciding -----------------------------------------------------------------------------------------------------


def is_met(one: Condition, facts: Facts) -> bool | None:
    """Whether a condition holds; none: what it looks at is not known."""
    match one.field:
        case Field.ROLE:
            return (one.value in facts.roles) is (one.op is Op.IS)
        case Field.MOODLE_ROLE:
            return (one.value in facts.moodle_roles) is (one.op is Op.IS) if facts.moodle_roles else None
        case Field.STUDY_YEAR:
            return _compared(one, facts.study_year)
        case Field.EXPERIENCE:
            return _compared(one, facts.experience)
        case Field.AGE:
            return _compared(one, facts.age)
        case Field.GROUP:
            return _like(one, facts.groups)
        case Field.SPECIALTY:
            return _like(one, [facts.specialty])
        case Field.DEPARTMENT:
            return _like(one, [facts.department])
        case Field.ORGANISATION:
            return _like(one, [facts.organisation])


def _compared(one: Condition, known: int | None) -> bool | None:
    if known is None:
        return None
    return known >= int(one.value) if one.op is Op.AT_LEAST else known <= int(one.value)


def _like(one: Condition, names: Sequence[str]) -> bool | None:
    told = [name for name in names if name]
    if not told:
        return None
    return any(patterns.matches(one.value, name) for name in told) is (one.op is Op.LIKE)


def judge(rule: Rule, facts: Facts) -> bool | None:
    """Whether somebody is of the rule's kind; none: what is not known would decide."""
    answer: bool | None = False
    for way in rule.ways:
        met = [is_met(one, facts) for one in way]
        if False in met:
            continue
        if None not in met:
            return True
        answer = None
    return answer


def holds(rule: Rule, facts: Facts) -> bool:
    """Whether somebody is of the rule's kind, with the rule's word where data are missing."""
    found = judge(rule, facts)
    return rule.when_unknown if found is None else found


@dataclass(frozen=True, slots=True)
class Bases:
    """In which bases somebody belongs, and as what; none: not by themselves."""

    mentee: MenteeKind | None = None
    mentor: MentorKind | None = None


@dataclass(frozen=True, slots=True)
class Kinds:
    """As what somebody may be a mentee and a mentor; and where the rules put them without anybody's word."""

    mentee: MenteeKind | None = None
    mentor: MentorKind | None = None
    bases: Bases = Bases()


def decide(facts: Facts, ruleset: Ruleset) -> Kinds:
    """What somebody is by the rules.

    Where several hold, the first of these does: of mentees young teacher, then student; of mentors employer, then
    teacher, then senior student. A young teacher is a mentee and not a mentor among teachers, whatever else holds.
    """
    rules = ruleset.rules
    mentee = mentor = None
    bases = Bases()
    if holds(rules[Kind.YOUNG_TEACHER], facts):
        mentee = (MenteeKind.YOUNG_TEACHER, rules[Kind.YOUNG_TEACHER].enters)
    elif holds(rules[Kind.STUDENT], facts):
        mentee = (MenteeKind.STUDENT, rules[Kind.STUDENT].enters)
    if holds(rules[Kind.EMPLOYER], facts):
        mentor = (MentorKind.EMPLOYER, rules[Kind.EMPLOYER].enters)
    elif not (mentee and mentee[0] is MenteeKind.YOUNG_TEACHER) and holds(rules[Kind.TEACHER], facts):
        mentor = (MentorKind.TEACHER, rules[Kind.TEACHER].enters)
    elif holds(rules[Kind.SENIOR_STUDENT], facts):
        mentor = (MentorKind.STUDENT, rules[Kind.SENIOR_STUDENT].enters)
    bases = Bases(mentee[0] if mentee and mentee[1] else None, mentor[0] if mentor and mentor[1] else None)
    return Kinds(mentee and mentee[0], mentor and mentor[0], bases)


OF_MENTEE: dict[MenteeKind, Kind] = {
    MenteeKind.STUDENT: Kind.STUDENT,
    MenteeKind.YOUNG_TEACHER: Kind.YOUNG_TEACHER,
}
OF_MENTOR: dict[MentorKind, Kind] = {
    MentorKind.TEACHER: Kind.TEACHER,
    MentorKind.EMPLOYER: Kind.EMPLOYER,
    MentorKind.STUDENT: Kind.SENIOR_STUDENT,
}


# --- roles in a course --------------------------------------------------------------------------------------------

ROLE_MAP: dict[str, tuple[Role, ...]] = {
    "student": (Role.STUDENT,),
    "teacher": (Role.TEACHER,),
    "editingteacher": (Role.TEACHER,),
    "employer": (Role.EMPLOYER,),
    "curator": (Role.CURATOR,),
    "manager": (Role.CURATOR,),
}
"""Moodle role short name → roles here; a platform's own map adds to it and overrides it, an empty list switches off."""


def roles_of(
    moodle_roles: Iterable[str], facts: Facts, platform_map: Mapping[str, Any], ruleset: Ruleset
) -> list[Role]:
    """Roles in a course, sorted, each once; none when Moodle's roles say nothing here.

    Whom the rule on employers finds among those who teach is an employer there instead: each of their Moodle roles is
    looked at by itself, with what is known of the person.
    """
    roles: set[Role] = set()
    for name in moodle_roles:
        known = {Role(role) for role in platform_map.get(name, ROLE_MAP.get(name, ())) if role in EVERYONE}
        if Role.TEACHER in known:
            alone = replace(facts, roles=frozenset(known), moodle_roles=frozenset({name}))
            if holds(ruleset.rules[Kind.EMPLOYER], alone):
                known = known - {Role.TEACHER} | {Role.EMPLOYER}
        roles |= known
    return sorted(roles)


# --- places in the bases ------------------------------------------------------------------------------------------


def placed_mentee(
    kind: MenteeKind, state: MenteeState, placed: Placed, wanted: MenteeKind | None, asks: bool = False
) -> tuple[MenteeKind, MenteeState, Placed]:
    """A mentee's record after a look at the rules, which want `wanted` of them.

    Rules move only candidates whom they have put there themselves, and bring back only those whom they have taken out
    themselves: whatever somebody decided by hand stays. Whoever asks for a mentor themselves stays too.
    """
    if not _is_theirs(placed, state is MenteeState.CANDIDATE, state is MenteeState.WITHDRAWN):
        return kind, state, placed
    if wanted is not None:
        return wanted, MenteeState.CANDIDATE, Placed.RULES
    return (kind, state, placed) if asks else (kind, MenteeState.WITHDRAWN, Placed.OUT)


def placed_mentor(
    kind: MentorKind, state: MentorState, placed: Placed, wanted: MentorKind | None, asks: bool = False
) -> tuple[MentorKind, MentorState, Placed]:
    """A mentor's record after a look at the rules; see `placed_mentee`."""
    if not _is_theirs(placed, state is MentorState.CANDIDATE, state is MentorState.WITHDRAWN):
        return kind, state, placed
    if wanted is not None:
        return wanted, MentorState.CANDIDATE, Placed.RULES
    return (kind, state, placed) if asks else (kind, MentorState.WITHDRAWN, Placed.OUT)


def _is_theirs(placed: Placed, is_candidate: bool, is_withdrawn: bool) -> bool:
    return (is_candidate and placed is Placed.RULES) or (is_withdrawn and placed is Placed.OUT)
