"""PHP's arrays in a form and Moodle's `presentation` of a question, there and back."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moodle_client.encoding import decode_presentation, encode_params

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
SCALARS = st.one_of(st.text(), st.integers(), st.booleans())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4), st.dictionaries(NAMES, inner, min_size=1, max_size=4)
    ),
    max_leaves=20,
)


def as_php_reads(pairs: list[tuple[str, str]]) -> Any:
    """Build the nested array PHP would make of a form, lists as dictionaries by index."""
    array: dict[str, Any] = {}
    for name, value in pairs:
        *path, last = re.findall(r"[^\[\]]+", name)
        place = array
        for key in path:
            place = place.setdefault(key, {})
        assert last not in place, "PHP keeps only the last of two"
        place[last] = value
    return array


def as_php_would(value: Any) -> Any:
    """Write a value the way PHP would see it: text leaves, lists as dictionaries by index."""
    match value:
        case dict():
            return {key: as_php_would(inner) for key, inner in value.items()}
        case list():
            return {str(index): as_php_would(inner) for index, inner in enumerate(value)}
        case bool():
            return "1" if value else "0"
    return str(value)


@given(st.dictionaries(NAMES, VALUES))
def test_php_reads_back_what_was_encoded(params: dict[str, Any]) -> None:
    assert as_php_reads(encode_params(params)) == as_php_would(params)


def test_arrays_are_numbered_from_zero() -> None:
    params: dict[str, Any] = {
        "courseid": 2,
        "options": [{"name": "sortby", "value": "id"}, {"name": "onlyactive", "value": 1}],
    }

    assert encode_params(params) == [
        ("courseid", "2"),
        ("options[0][name]", "sortby"),
        ("options[0][value]", "id"),
        ("options[1][name]", "onlyactive"),
        ("options[1][value]", "1"),
    ]


def test_nothing_is_sent_for_none_and_empty_lists() -> None:
    assert encode_params({"a": None, "b": [], "c": ""}) == [("c", "")]


# What an editor can type as an option: any text of one line without Moodle's own signs.
OPTIONS = st.text(st.characters(exclude_characters="|<>#\n\r", exclude_categories=["Cs"])).map(str.strip)
LISTS_OF_OPTIONS = st.lists(OPTIONS, min_size=1, max_size=8).filter(lambda texts: texts != [""])
SIDEWAYS = st.sampled_from(["", "<<<<<1"])


@given(LISTS_OF_OPTIONS, st.sampled_from("rcd"), SIDEWAYS, st.sampled_from(["", "\r"]))
def test_options_are_read_as_they_were_written(texts: list[str], look: str, sideways: str, line_end: str) -> None:
    ending = "" if look == "d" else sideways
    presentation = f"{look}>>>>>" + f"{line_end}|".join(texts) + ending

    choices = decode_presentation("multichoice", presentation)

    assert choices.options == tuple(texts)
    assert choices.weights == ()
    assert choices.multiple == (look == "c")


@given(st.lists(st.tuples(st.integers(), OPTIONS), min_size=1, max_size=8), SIDEWAYS)
def test_rated_options_keep_text_and_weight_apart(rated: list[tuple[int, str]], sideways: str) -> None:
    presentation = "r>>>>>" + "|".join(f"{weight}####{text}" for weight, text in rated) + sideways

    choices = decode_presentation("multichoicerated", presentation)

    assert choices.options == tuple(text for _, text in rated)
    assert choices.weights == tuple(weight for weight, _ in rated)


@given(st.sampled_from(["multichoice", "multichoicerated"]), st.text(st.sampled_from("rcd1a|<>#\r ")))
def test_no_presentation_breaks_it(item_type: str, presentation: str) -> None:
    choices = decode_presentation(item_type, presentation)

    assert len(choices.weights) in {0, len(choices.options)}


@pytest.mark.parametrize(
    ("presentation", "options", "weights"),
    [
        ("r>>>>>1####нет|2####да", ("нет", "да"), (1, 2)),
        ("d>>>>>0####нет|10####да", ("нет", "да"), (0, 10)),
        ("d>>>>>1####<<<<< нет|2####да", ("<<<<< нет", "да"), (1, 2)),
        ("r>>>>>без веса|x####странный вес", ("без веса", "странный вес"), (0, 0)),
        ("r>>>>>1####нет||3####да", ("нет", "", "да"), (1, 0, 3)),
        ("r>>>>>", (), ()),
        ("", (), ()),
    ],
)
def test_rated_presentations(presentation: str, options: tuple[str, ...], weights: tuple[int, ...]) -> None:
    assert decode_presentation("multichoicerated", presentation)[:2] == (options, weights)


@pytest.mark.parametrize(
    ("item_type", "presentation"),
    [("textarea", "40|20"), ("textfield", "30|255"), ("numeric", "1|5"), ("label", "r>>>>>a|b")],
)
def test_other_questions_have_no_options(item_type: str, presentation: str) -> None:
    assert decode_presentation(item_type, presentation).options == ()
