"""Rules of people: roles, bases, moves, and profile fields as people fill them in."""

from datetime import UTC, date, datetime
from unicodedata import normalize
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lti_service.access import Role
from lti_service.people import rules
from lti_service.people.models import MenteeState, MentorState
from lti_service.people.names import LONGEST, mentions, mentions_family, search_key
from lti_service.people.rules import MenteeAction, ProfileValueError

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("said", "before", "roles", "moodle_roles", "expected"),
    [
        # Known from nowhere: the roster's word is all there is.
        ("student", "", [], [], (["student"], [])),
        ("teacher", "", [], [], (["teacher"], [])),
        # A launch calls tutors Instructor, whom the roster calls Learner.
        ("student", "", ["teacher"], [], (["teacher"], [])),
        ("student", "student", ["teacher"], [], (["teacher"], [])),
        # Whom the roster calls Instructor is one at a launch, too.
        ("teacher", "", ["student"], [], (["teacher"], [])),
        ("teacher", "", ["curator"], [], (["curator", "teacher"], [])),
        # The web service knew exactly, whatever the roster calls it.
        ("teacher", "", ["curator"], ["manager"], (["curator"], ["manager"])),
        ("student", "", ["employer"], ["teacher"], (["employer"], ["teacher"])),
        ("student", "student", ["curator"], ["curator"], (["curator"], ["curator"])),
        # No student may change activities, so this one has become a teacher since.
        ("teacher", "", ["student"], ["student"], (["teacher"], [])),
        # The roster's word has changed, so something has changed in Moodle that nobody else has told.
        ("student", "teacher", ["curator"], ["manager"], (["student"], [])),
        ("student", "teacher", ["teacher"], [], (["student"], [])),
        ("teacher", "student", ["employer"], ["teacher"], (["teacher"], [])),
    ],
)
def test_it_weighs_the_rosters_rough_word_against_what_is_known(said, before, roles, moodle_roles, expected):
    assert rules.roles_in_roster(Role(said), before, roles, moodle_roles) == expected


def test_every_action_leads_to_one_state_only():
    for moves, targets in ((rules.MENTEE_MOVES, rules.MENTEE_TARGETS), (rules.MENTOR_MOVES, rules.MENTOR_TARGETS)):
        for possible in moves.values():
            assert possible == {action: targets[action] for action in possible}


def test_every_state_has_its_moves_and_a_way_back_from_outside():
    assert set(rules.MENTEE_MOVES) == set(MenteeState)
    assert set(rules.MENTOR_MOVES) == set(MentorState)
    assert MenteeState.CANDIDATE in rules.MENTEE_MOVES[MenteeState.WITHDRAWN].values()
    assert MentorState.CANDIDATE in rules.MENTOR_MOVES[MentorState.WITHDRAWN].values()


def test_a_mentee_with_a_pair_cannot_be_taken_out_of_the_base():
    for state in (MenteeState.PROPOSED, MenteeState.PAIRED):
        assert not {MenteeAction.WITHDRAW, MenteeAction.RETURN} & rules.MENTEE_MOVES[state].keys()


def test_pairs_move_only_those_who_need_a_mentor_and_never_out_of_the_base():
    for state in MenteeState:
        reachable = {target for target in MenteeState if rules.pairing_allowed(state, target)}
        assert reachable <= rules.NEEDING - {state}
        assert bool(reachable) is (state in rules.NEEDING)


@given(
    st.dates(date(1900, 1, 1), TODAY), st.sampled_from(["Europe/Moscow", "Asia/Novokuznetsk", "Asia/Kamchatka", "UTC"])
)
def test_a_birth_date_survives_whatever_zone_it_was_typed_in(day, zone):
    typed = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    stored = str(int(typed.timestamp()))
    # Moodle keeps nothing else for an empty field; and four digits are a year that somebody typed.
    if len(stored.lstrip("-")) > 4:
        assert rules.parse_birth_date(stored, TODAY) == day


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1104537600", date(2005, 1, 1)),
        ("1104526800", date(2005, 1, 1)),  # midnight in Moscow
        ("-86400000", date(1967, 4, 7)),
        ("15.03.2005", date(2005, 3, 15)),
        (" 2005-03-15 ", date(2005, 3, 15)),
        ("15/03/2005", date(2005, 3, 15)),
        ("", None),
        ("  ", None),
        ("0", None),
    ],
)
def test_it_reads_birth_dates_as_moodle_and_people_write_them(text, expected):
    assert rules.parse_birth_date(text, TODAY) == expected


@pytest.mark.parametrize(
    "text",
    [
        "31.12.1899",
        "24.11.2026",
        "2005",
        "вчера",
        "31.02.2005",
        "99999999999999",
        "-99999999999",
        "15.03.05",
        "999999999999",
    ],
)
def test_it_refuses_birth_dates_that_cannot_be(text):
    with pytest.raises(ProfileValueError):
        rules.parse_birth_date(text, TODAY)


def test_a_birth_date_may_be_today_but_not_tomorrow():
    assert rules.parse_birth_date("23.11.2026", TODAY) == TODAY
    with pytest.raises(ProfileValueError):
        rules.parse_birth_date(str(int(datetime(2026, 11, 24, tzinfo=UTC).timestamp())), TODAY)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", 5),
        ("5 лет", 5),
        ("1 год", 1),
        ("2 года", 2),
        ("2,5", 2),
        ("2.5 года", 2),
        ("3г.", 3),
        ("3 года 5 месяцев", 3),
        ("12 years", 12),
        ("6 мес.", 0),
        ("18 месяцев", 1),
        ("0", 0),
        ("", None),
        ("   ", None),
    ],
)
def test_it_reads_experience_as_people_write_it(text, expected):
    assert rules.parse_experience(text) == expected


@pytest.mark.parametrize("text", ["много", "с 2015 года", "-3", "150", "5 попугаев", "2015"])
def test_it_refuses_experience_that_cannot_be(text):
    with pytest.raises(ProfileValueError):
        rules.parse_experience(text)


@pytest.mark.parametrize(
    ("born", "expected"),
    [(date(2008, 11, 23), 18), (date(2008, 11, 24), 17), (date(2008, 2, 29), 18), (TODAY, 0)],
)
def test_age_counts_full_years(born, expected):
    assert rules.age_on(born, TODAY) == expected


def test_age_of_someone_born_on_the_29th_of_february_grows_on_the_1st_of_march():
    assert rules.age_on(date(2008, 2, 29), date(2027, 2, 28)) == 18
    assert rules.age_on(date(2008, 2, 29), date(2027, 3, 1)) == 19


@given(st.lists(st.text(max_size=20), max_size=8), st.integers(1, 60))
def test_joined_groups_fit_and_come_apart_again(names, limit):
    joined = rules.join_groups(names, limit)
    assert len(joined) <= limit
    cleaned = {name.replace(",", ";").strip() for name in names}
    assert set(rules.split_groups(joined)) <= cleaned


def test_a_group_with_a_comma_in_its_name_stays_one_group():
    joined = rules.join_groups(["ТМ-31", "ИС-21, вечерняя"], 400)
    assert rules.split_groups(joined) == ["ИС-21; вечерняя", "ТМ-31"]


@given(st.text(max_size=300), st.text(max_size=300))
def test_a_search_key_fits_its_column_and_is_its_own_key(family, given_name):
    key = search_key(family, given_name)
    assert len(key) <= LONGEST
    assert search_key(key) == key or len(key) == LONGEST


@pytest.mark.parametrize(
    "written", [normalize("NFD", "Йотов Семён"), "Йотов\u200b \u202aСемён\u202c", "Йо\u00adтов Семен"]
)
def test_a_search_finds_a_name_however_it_was_put_together(written):
    assert search_key(written) == search_key("Йотов Семён")
    assert mentions(["Йотов"])(f"звонил {written}")
    assert mentions([written.split()[0]])("звонил Йотов")


def test_a_search_takes_yo_for_ye_and_case_for_nothing():
    assert search_key("Фёдоров", " Пётр  Ильич ") == "федоров петр ильич"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("  ", None),
        ("3", 3),
        ("3 курс", 3),
        ("3-й курс", 3),
        ("III", 3),
        ("IV курс", 4),
        ("1.", 1),
    ],
)
def test_it_reads_the_year_of_study_as_people_write_it(text, expected):
    assert rules.parse_study_year(text) == expected


@pytest.mark.parametrize("text", ["0", "7", "третий", "2024", "33", "IIII", "3 группа", "-3"])
def test_it_refuses_years_of_study_that_cannot_be(text):
    with pytest.raises(ProfileValueError):
        rules.parse_study_year(text)


@pytest.mark.parametrize(
    ("family_name", "text", "is_named"),
    [
        ("Королёв", "помочь Королеву с отчётом", True),
        ("Борисова", "встреча с БОРИСОВОЙ", True),
        ("Достоевский", "о Достоевском", True),
        ("Гоголь", "с Гоголем", True),
        ("Мамин-Сибиряк", "отзыв Мамина-Сибиряка", True),
        ("Ли", "Ли сдала", True),
        ("Smith", "call Smith", True),
        ("Королёв", "королевство", False),
        ("Алексеев", "Анна Алексеевна", False),
        ("Ли", "были", False),
        ("", "что угодно", False),
    ],
)
def test_a_family_name_is_found_in_any_case(family_name: str, text: str, is_named: bool) -> None:
    assert mentions_family(family_name)(text) is is_named
