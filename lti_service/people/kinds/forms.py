"""What an administrator fills in about a rule: ways and conditions as plain values, with what is wrong at each."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lti_service.people.kinds import rules
from lti_service.people.kinds.rules import NUMBERS, Condition, ConditionError, Field, Op, Rule
from lti_service.people.kinds.service import Part
from lti_service.sheets import Kind as FileKind

BLANK = 2
"""Empty lines that a new way is shown with."""


@dataclass(frozen=True, slots=True)
class Line:
    """One condition as it was filled in."""

    what: str = ""
    """`field:op`, of roles `field:op:role`; empty: no condition."""
    value: str = ""
    problem: str = ""
    """Why it cannot be taken, as ConditionError says it; empty: it can."""


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """A rule as it was filled in."""

    ways: list[list[Line]] = field(default_factory=list)
    when_unknown: bool = False
    enters: bool = True
    rule: Rule | None = None
    """What it says; none: something must be mended first."""

    def shown(self) -> list[list[Line]]:
        """The ways with empty lines to go on in, and an empty way; no more than a rule may have."""
        ways = [[*way, Line()][: rules.MOST_CONDITIONS] for way in self.ways]
        return [*ways, [Line()] * BLANK][: rules.MOST_WAYS]


def drafted(rule: Rule) -> RuleDraft:
    """A rule that is kept, to be changed."""
    ways = [[Line(_what(one), "" if one.field is Field.ROLE else one.value) for one in way] for way in rule.ways]
    return RuleDraft(ways, rule.when_unknown, rule.enters, rule)


def read_rule(values: Mapping[str, str]) -> RuleDraft:
    """A rule as a page sends it: `what-0-1` and `value-0-1` are the second condition of the first way."""
    ways: list[list[Line]] = []
    conditions: list[tuple[Condition, ...]] = []
    is_whole = True
    for way in range(rules.MOST_WAYS):
        lines, found = [], []
        for place in range(rules.MOST_CONDITIONS):
            what = values.get(f"what-{way}-{place}", "")[:60]
            value = values.get(f"value-{way}-{place}", "").replace("\0", "").strip()[:300]
            if not what:
                continue
            try:
                found.append(_condition(what, value))
                lines.append(Line(what, value))
            except ConditionError as err:
                lines.append(Line(what, value, str(err)))
                is_whole = False
        if lines:
            ways.append(lines)
            conditions.append(tuple(found))
    when_unknown, enters = values.get("when_unknown") == "yes", values.get("enters") == "yes"
    rule = Rule(tuple(conditions), when_unknown, enters) if is_whole else None
    return RuleDraft(ways, when_unknown, enters, rule)


def _what(one: Condition) -> str:
    what = f"{one.field}:{one.op}"
    return f"{what}:{one.value}" if one.field is Field.ROLE else what


def _condition(what: str, value: str) -> Condition:
    of, _, rest = what.partition(":")
    op, _, role = rest.partition(":")
    try:
        known, compares = Field(of), Op(op)
    except ValueError as err:
        raise ConditionError("op") from err
    return rules.a_condition(known, compares, role if known is Field.ROLE else value)


def needs_number(what: str) -> bool:
    """Whether a line's value is a number."""
    return what.partition(":")[0] in NUMBERS


def read_part(values: Mapping[str, str]) -> Part:
    """Which page of a trial's lists a button asks for: `student coming 2`; nonsense asks for the first of each."""
    key, _space, rest = values.get("at", "").partition(" ")
    side, _space, page = rest.partition(" ")
    number = int(page) if page.isascii() and page.isdecimal() and len(page) < 10 else 1
    return Part(key, side == "going", number)


def read_file(values: Mapping[str, str]) -> FileKind | None:
    """As what kind of file a trial is to be saved; none: it is to be shown."""
    wanted = values.get("do", "")
    return FileKind(wanted) if wanted in set(FileKind) else None
