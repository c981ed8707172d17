"""Who is satisfied, how answers are counted, and which groups are too small: tables of examples, and properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lti_service.surveys import rules

FIVE = ("совсем нет", "скорее нет", "нейтрально", "скорее да", "полностью да")


@pytest.mark.parametrize(
    ("weights", "best_first", "places"),
    [
        ((1, 2, 3, 4, 5), False, (1, 2, 3, 4, 5)),
        ((5, 4, 3, 2, 1), False, (5, 4, 3, 2, 1)),  # the best answer is listed first, and the weights say so
        ((1, 2, 3, 4, 5), True, (1, 2, 3, 4, 5)),  # weights know better than the curator's general word
        ((), False, (1, 2, 3, 4, 5)),
        ((), True, (5, 4, 3, 2, 1)),
        ((0, 0, 0, 0, 0), False, (1, 2, 3, 4, 5)),  # nobody filled the weights in
        ((0, 0, 1, 2, 2), False, (1, 1, 3, 4, 4)),  # equal weights share a place
        ((-2, -1, 0, 1, 2), False, (1, 2, 3, 4, 5)),
    ],
)
def test_a_scale_runs_from_the_worst_answer_to_the_best(
    weights: tuple[int, ...], best_first: bool, places: tuple[int, ...]
) -> None:
    assert rules.scale(5, weights, best_first) == places


@pytest.mark.parametrize(
    ("raw", "options"),
    [("3", (3,)), ("1|3", (1, 3)), ("", ()), ("0", ()), ("6", ()), ("да", ()), ("2|2", (2,)), (" 4 ", (4,)), ("²", ())],
)
def test_a_raw_answer_names_options_of_its_question_or_nothing(raw: str, options: tuple[int, ...]) -> None:
    assert rules.chosen(raw, 5) == options


@pytest.mark.parametrize(
    ("answers", "satisfied"),
    [
        ({"1": "4", "2": "5"}, True),
        ({"1": "4", "2": "4", "9": "1"}, True),  # question 9 does not rate
        ({"1": "5", "2": "3"}, False),
        ({"1": "5"}, True),  # an unanswered question takes nothing away
        ({"2": "1"}, False),
        ({"1": "", "2": "0"}, None),
        ({"9": "5"}, None),
        ({}, None),
    ],
)
def test_someone_is_satisfied_when_each_rating_they_gave_reaches_the_threshold(
    answers: dict[str, str], satisfied: bool | None
) -> None:
    scales = {"1": (1, 2, 3, 4, 5), "2": (1, 2, 3, 4, 5)}
    assert rules.is_satisfied(answers, scales, 4) is satisfied


def test_with_the_best_answer_first_the_first_answers_are_the_satisfied_ones() -> None:
    scales = {"1": rules.scale(4, best_first=True)}  # да · скорее да · скорее нет · нет
    assert [rules.is_satisfied({"1": raw}, scales, 3) for raw in "1234"] == [True, True, False, False]


@given(st.dictionaries(st.sampled_from("12"), st.integers(1, 5).map(str)), st.integers(2, 5))
def test_a_higher_threshold_never_makes_more_people_satisfied(answers: dict[str, str], threshold: int) -> None:
    scales = {"1": (1, 2, 3, 4, 5), "2": (1, 2, 3, 4, 5)}
    if rules.is_satisfied(answers, scales, threshold):
        assert rules.is_satisfied(answers, scales, threshold - 1)


def test_a_distribution_counts_each_option_and_who_answered() -> None:
    found = rules.distribution(["1", "3", "3", "", "0", "7"], 3)
    assert (found.counts, found.answered) == ((1, 0, 2), 3)


def test_where_several_options_may_be_chosen_a_person_counts_once() -> None:
    found = rules.distribution(["1|2", "2"], 3)
    assert (found.counts, found.answered) == ((1, 2, 0), 2)


@given(st.lists(st.text(alphabet="0123456789| ", max_size=6)), st.integers(1, 6))
def test_a_distribution_never_counts_more_single_answers_than_people(raws: list[str], options: int) -> None:
    found = rules.distribution(raws, options)
    assert found.answered <= len(raws)
    assert max(found.counts) <= found.answered


def test_four_anonymous_answers_are_not_broken_down_and_five_are() -> None:
    assert [rules.may_look_into(number) for number in (0, 1, 4, 5, 6)] == [False, False, False, True, True]


@given(st.lists(st.text(alphabet="абвАБ ", max_size=4)))
def test_anonymous_texts_come_in_the_same_order_whoever_wrote_first(texts: list[str]) -> None:
    assert rules.texts_without_trace(texts) == rules.texts_without_trace(reversed(texts))


def test_the_lowest_answer_is_no_threshold() -> None:
    offered = rules.thresholds([(FIVE, (1, 2, 3, 4, 5))])
    assert [(row.place, row.texts) for row in offered] == [(n, (FIVE[n - 1],)) for n in (2, 3, 4, 5)]


def test_a_threshold_names_the_answers_of_all_questions_at_its_place() -> None:
    offered = rules.thresholds([(("нет", "да"), ()), (("плохо", "хорошо"), ())])
    assert [(row.place, row.texts) for row in offered] == [(2, ("да", "хорошо"))]


@pytest.mark.parametrize(
    ("kind", "options", "multiple", "can_rate"),
    [
        ("multichoicerated", 5, False, True),
        ("multichoice", 2, False, True),
        ("multichoice", 4, True, False),
        ("multichoice", 1, False, False),
        ("textarea", 0, False, False),
        ("info", 0, False, False),
    ],
)
def test_only_one_answer_out_of_several_can_rate(kind: str, options: int, multiple: bool, can_rate: bool) -> None:
    assert rules.can_rate(kind, options, multiple) is can_rate
