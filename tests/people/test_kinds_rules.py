"""Who somebody is by a platform's rules: patterns, conditions on what is not known, and whom rules may move."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lti_service.access import Role
from lti_service.people.kinds import patterns, rules
from lti_service.people.kinds.patterns import PatternError
from lti_service.people.kinds.rules import (
    DEFAULT_RULES,
    DEFAULT_YEARS,
    Bases,
    Condition,
    ConditionError,
    Facts,
    Field,
    Kind,
    Op,
    Rule,
    Ruleset,
)
from lti_service.people.models import MenteeState, MentorState, Placed
from lti_service.programme.models import MenteeKind, MentorKind

USUAL = Ruleset()


# --- patterns -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("ГТ-4*", "ГТ-41", True),
        ("ГТ-4*", "гт–4", True),  # case and the kind of dash make no difference
        ("ГТ-4*", "ГТ-31", False),
        ("ГТ-4*", "новая ГТ-41", False),
        ("ГТ-4*, ШС-4*", "ШС-42", True),
        ("ГТ-4*\nШС-4*", "ШС-42", True),
        ("*работодател*", "Наставник от работодателя", True),
        ("*работодател*", "ПЦК технологии питания", False),
        ("@-##", "ИС-21", True),
        ("@-##", "И1-21", False),
        ("@-#?", "ИС-2а", True),
        ("ёлка", "Елка", True),
        ("(ГТ|ШС)-4", "ГТ-4", False),  # no regular expression: its signs mean themselves
        ("(a+)+$", "(a+)+$", True),
        ("*", "", True),
    ],
)
def test_a_pattern_takes_the_names_that_people_mean_by_it(pattern, name, fits):
    assert patterns.matches(pattern, name) is fits


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("", "empty"),
        (" , ", "empty"),
        ("a" * 201, "long"),
        (",".join("abcdefghijklmnopqrstu"), "many"),
        ("{x}", "brace"),
    ],
)
def test_a_pattern_that_cannot_be_used_says_why(pattern, reason):
    with pytest.raises(PatternError, match=reason):
        patterns.alternatives(pattern)


SIGNS = st.text("аб-1*?#@ ", max_size=12)


def by_definition(tokens: str, text: str) -> bool:
    """What a pattern means, spelled out; slow, and right."""
    if not tokens:
        return not text
    sign, rest = tokens[0], tokens[1:]
    if sign == "*":
        return any(by_definition(rest, text[at:]) for at in range(len(text) + 1))
    if not text:
        return False
    if sign == "@":
        return text[0].isalpha() and (by_definition(rest, text[1:]) or by_definition(tokens, text[1:]))
    fits = sign == "?" or (text[0] in "0123456789" if sign == "#" else text[0] == sign)
    return fits and by_definition(rest, text[1:])


@given(SIGNS, st.text("аб-1 ", max_size=10))
def test_walking_a_pattern_gives_what_it_means(pattern, name):
    folded = patterns.fold(pattern)
    if folded:
        assert patterns.matches(pattern, name) is by_definition(folded, patterns.fold(name))


@given(st.text(max_size=220), st.text(max_size=500))
def test_no_text_makes_a_pattern_fail_in_another_way(pattern, name):
    try:
        patterns.matches(pattern, name)
        patterns.year_of(pattern, name, 2026)
    except PatternError:
        pass


def test_the_worst_pattern_for_regular_expressions_is_walked_at_once():
    begun = time.perf_counter()
    assert not patterns.matches("*а" * 100, "а" * 99 + "б" * 300)
    assert time.perf_counter() - begun < 1


@pytest.mark.parametrize(
    ("pattern", "group", "year"),
    [
        (DEFAULT_YEARS, "ГТ-4", 4),
        (DEFAULT_YEARS, "ИС-21", 2),
        (DEFAULT_YEARS, "ис—31а", 3),
        (DEFAULT_YEARS, "ИС-23-1", None),
        (DEFAULT_YEARS, "ИС-71", None),
        (DEFAULT_YEARS, "Волонтёры", None),
        ("{курс}*", "3ТМ", 3),
        ("*-{год}-*", "ИС-23-1", 4),
        ("*-{год}", "ИС-2026", 1),
        ("*-{entry}-*", "ИС-27-1", None),  # they enter next year
        ("*-{год}-*", "ИС-99-1", None),
        ("{year}*", "3ТМ", 3),
    ],
)
def test_a_groups_name_tells_the_year_of_study(pattern, group, year):
    assert patterns.year_of(pattern, group, 2026) == year


@pytest.mark.parametrize("pattern", ["ИС-*", "{курс}-{год}", "{курс"])
def test_a_pattern_for_the_year_has_one_place_for_it(pattern):
    with pytest.raises(PatternError):
        patterns.year_patterns(pattern)


def test_groups_that_disagree_tell_no_year_and_the_profile_decides():
    assert rules.study_year(None, ["ИС-21", "Волонтёры"], DEFAULT_YEARS, 2026) == 2
    assert rules.study_year(None, ["ИС-21", "ТМ-31"], DEFAULT_YEARS, 2026) is None
    assert rules.study_year(4, ["ИС-21", "ТМ-31"], DEFAULT_YEARS, 2026) == 4
    assert rules.study_year(None, [], DEFAULT_YEARS, 2026) is None


# --- conditions and rules -----------------------------------------------------------------------------------------

VALUES = {
    **dict.fromkeys(rules.NUMBERS, st.integers(0, 70).map(str)),
    **dict.fromkeys(rules.NAMES, st.sampled_from(["ГТ-4*", "*работодател*", "*", "ИС-21"])),
    Field.ROLE: st.sampled_from([role.value for role in rules.ROLES]),
    Field.MOODLE_ROLE: st.sampled_from(["teacher", "student", "manager"]),
}
CONDITIONS = st.sampled_from(Field).flatmap(
    lambda of: st.builds(Condition, st.just(of), st.sampled_from(rules.ops_of(of)), VALUES[of])
)
WAYS = st.lists(st.lists(CONDITIONS, min_size=1, max_size=3).map(tuple), max_size=3).map(tuple)
RULES = st.builds(Rule, WAYS, st.booleans(), st.booleans())
NAMES = st.sampled_from(["", "ИС-21", "ГТ-41", "Наставник от работодателя"])
NUMBERS = st.none() | st.integers(0, 70)
FACTS = st.builds(
    Facts,
    roles=st.frozensets(st.sampled_from(rules.ROLES)),
    moodle_roles=st.frozensets(st.sampled_from(["teacher", "student", "manager"])),
    groups=st.lists(NAMES, max_size=3).map(tuple),
    study_year=st.none() | st.integers(1, 6),
    specialty=NAMES,
    department=NAMES,
    organisation=NAMES,
    experience=NUMBERS,
    age=NUMBERS,
)
RULESETS = st.dictionaries(st.sampled_from(Kind), RULES).map(lambda own: Ruleset({**DEFAULT_RULES, **own}))
UNKNOWN = {
    "moodle_roles": frozenset(), "groups": (), "study_year": None, "specialty": "", "department": "",
    "organisation": "", "experience": None, "age": None,
}  # fmt: skip


@given(RULES, FACTS, st.sampled_from(sorted(UNKNOWN)))
def test_a_definite_answer_never_hangs_on_what_is_not_known(rule, facts, name):
    """Whatever becomes known later, a yes stays a yes and a no a no."""
    known = {field: getattr(facts, field) for field in facts.__dataclass_fields__}
    before = rules.judge(rule, Facts(**{**known, name: UNKNOWN[name]}))
    if before is not None:
        assert rules.judge(rule, facts) is before


@given(RULES, FACTS, st.randoms())
def test_the_order_of_conditions_and_ways_makes_no_difference(rule, facts, random):
    ways = [tuple(random.sample(way, len(way))) for way in rule.ways]
    random.shuffle(ways)
    assert rules.judge(Rule(tuple(ways), rule.when_unknown), facts) is rules.judge(rule, facts)


@given(RULES, FACTS)
def test_the_word_on_missing_data_counts_only_where_data_are_missing(rule, facts):
    yes = rules.holds(Rule(rule.ways, when_unknown=True), facts)
    no = rules.holds(Rule(rule.ways, when_unknown=False), facts)
    assert (yes is no) is (rules.judge(rule, facts) is not None)


@given(FACTS, RULESETS)
def test_whatever_the_rules_a_person_is_at_most_one_kind_in_each_base(facts, ruleset):
    found = rules.decide(facts, ruleset)
    assert found.bases.mentee in (None, found.mentee)
    assert found.bases.mentor in (None, found.mentor)
    assert found.mentee is None or rules.holds(ruleset.rules[rules.OF_MENTEE[found.mentee]], facts)
    assert found.mentor is None or rules.holds(ruleset.rules[rules.OF_MENTOR[found.mentor]], facts)
    if found.mentee is MenteeKind.YOUNG_TEACHER:
        assert found.mentor is not MentorKind.TEACHER, "contradictory data: a mentee, not a mentor among teachers"


@given(RULESETS)
def test_rules_are_kept_and_read_again_as_they_were(ruleset):
    assert rules.from_json(rules.as_json(ruleset)) == ruleset


def test_a_platform_without_rules_of_its_own_follows_the_usual_ones():
    assert rules.from_json({}) == USUAL


@pytest.mark.parametrize(
    ("roles", "experience", "expected"),
    [
        ([Role.STUDENT], None, Bases(mentee=MenteeKind.STUDENT)),
        ([Role.STUDENT], 2, Bases(mentee=MenteeKind.STUDENT)),
        ([Role.TEACHER], 0, Bases(mentee=MenteeKind.YOUNG_TEACHER)),
        ([Role.TEACHER], 3, Bases(mentee=MenteeKind.YOUNG_TEACHER)),
        ([Role.TEACHER], 4, Bases(mentor=MentorKind.TEACHER)),
        ([Role.TEACHER], None, Bases(mentor=MentorKind.TEACHER)),
        ([Role.EMPLOYER], 1, Bases(mentor=MentorKind.EMPLOYER)),
        ([Role.EMPLOYER], None, Bases(mentor=MentorKind.EMPLOYER)),
        ([Role.CURATOR], None, Bases()),
        ([Role.CURATOR, Role.TEACHER], 14, Bases(mentor=MentorKind.TEACHER)),
        ([Role.STUDENT, Role.TEACHER], 1, Bases(mentee=MenteeKind.YOUNG_TEACHER)),
        ([Role.STUDENT, Role.TEACHER], 9, Bases(mentee=MenteeKind.STUDENT, mentor=MentorKind.TEACHER)),
    ],
)
def test_the_usual_rules_put_people_into_the_bases_they_belong_in(roles, experience, expected):
    assert rules.decide(Facts(roles=frozenset(roles), experience=experience), USUAL).bases == expected


@pytest.mark.parametrize(("year", "kind"), [(1, None), (2, None), (3, MentorKind.STUDENT), (None, MentorKind.STUDENT)])
def test_senior_students_may_be_mentors_and_are_none_before_somebody_says_so(year, kind):
    found = rules.decide(Facts(roles=frozenset({Role.STUDENT}), study_year=year), USUAL)
    assert (found.mentee, found.mentor, found.bases.mentor) == (MenteeKind.STUDENT, kind, None)


@pytest.mark.parametrize(
    ("moodle_roles", "department", "platform_map", "expected"),
    [
        (["student"], "", {}, [Role.STUDENT]),
        (["editingteacher"], "ПЦК технологии питания", {}, [Role.TEACHER]),
        (["teacher"], "ПЦК технологии питания", {}, [Role.TEACHER]),
        (["teacher"], "Наставник от работодателя", {}, [Role.EMPLOYER]),
        (["teacher"], "НАСТАВНИК ОТ РАБОТОДАТЕЛЯ", {}, [Role.EMPLOYER]),
        (["editingteacher"], "Наставник от работодателя", {}, [Role.TEACHER]),
        (["editingteacher", "teacher"], "Наставник от работодателя", {}, [Role.EMPLOYER, Role.TEACHER]),
        (["curator", "editingteacher"], "", {}, [Role.CURATOR, Role.TEACHER]),
        (["manager"], "", {}, [Role.CURATOR]),
        (["employer"], "", {}, [Role.EMPLOYER]),
        (["guest"], "", {}, []),
        ([], "", {}, []),
        # A platform's own map adds, overrides and switches off.
        (["tutor"], "", {"tutor": ["teacher"]}, [Role.TEACHER]),
        (["manager"], "", {"manager": []}, []),
        (["student"], "", {"student": ["student", "teacher"]}, [Role.STUDENT, Role.TEACHER]),
        (["student"], "", {"student": ["no such role"]}, []),
    ],
)
def test_it_tells_roles_from_moodles_roles_and_the_rule_on_employers(moodle_roles, department, platform_map, expected):
    assert rules.roles_of(moodle_roles, Facts(department=department), platform_map, USUAL) == expected


@pytest.mark.parametrize(
    ("of", "op", "value", "reason"),
    [
        (Field.EXPERIENCE, Op.LIKE, "3", "op"),
        (Field.EXPERIENCE, Op.AT_MOST, "три", "number"),
        (Field.EXPERIENCE, Op.AT_MOST, "-1", "number"),
        (Field.EXPERIENCE, Op.AT_MOST, "³", "number"),
        (Field.GROUP, Op.LIKE, "", "empty"),
        (Field.GROUP, Op.IS, "ИС-21", "op"),
        (Field.ROLE, Op.IS, "wizard", "role"),
        (Field.ROLE, Op.IS, "admin", "role"),
        (Field.MOODLE_ROLE, Op.IS, "", "role"),
    ],
)
def test_a_condition_that_cannot_be_says_why(of, op, value, reason):
    with pytest.raises(ConditionError, match=reason):
        rules.a_condition(of, op, value)


# --- whom rules may move ------------------------------------------------------------------------------------------

BASES = st.none() | st.sampled_from(MenteeKind)


@given(
    st.sampled_from(MenteeKind),
    st.sampled_from(MenteeState),
    st.sampled_from(Placed),
    st.lists(BASES, max_size=4),
    st.booleans(),
)
def test_rules_never_move_a_mentee_whom_somebody_has_decided_on(kind, state, placed, looks, asks):
    now = (kind, state, placed)
    for wanted in looks:
        now = rules.placed_mentee(*now, wanted, asks)
    if placed is Placed.HAND or state not in (MenteeState.CANDIDATE, MenteeState.WITHDRAWN):
        assert now == (kind, state, placed)
    if state is MenteeState.WITHDRAWN and placed is not Placed.OUT:
        assert now == (kind, state, placed), "somebody took them out"
    if asks and state is MenteeState.CANDIDATE:
        assert now[1] is MenteeState.CANDIDATE, "they asked for a mentor themselves"


@given(st.sampled_from(MenteeKind), st.lists(BASES, max_size=5), BASES)
def test_where_rules_put_a_candidate_hangs_on_the_last_look_only(kind, looks, last):
    now = (kind, MenteeState.CANDIDATE, Placed.RULES)
    for wanted in [*looks, last]:
        now = rules.placed_mentee(*now, wanted)
    assert now[1] is (MenteeState.CANDIDATE if last else MenteeState.WITHDRAWN)
    assert rules.placed_mentee(*now, last) == now, "a second look writes nothing"
    assert last is None or now[0] is last


@given(
    st.sampled_from(MentorKind),
    st.sampled_from(MentorState),
    st.sampled_from(Placed),
    st.lists(st.none() | st.sampled_from(MentorKind), max_size=4),
)
def test_rules_never_move_a_mentor_whom_somebody_has_decided_on(kind, state, placed, looks):
    now = (kind, state, placed)
    for wanted in looks:
        now = rules.placed_mentor(*now, wanted)
    theirs = (state is MentorState.CANDIDATE and placed is Placed.RULES) or (
        state is MentorState.WITHDRAWN and placed is Placed.OUT
    )
    assert theirs or now == (kind, state, placed)
