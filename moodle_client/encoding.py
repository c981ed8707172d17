"""The two notations of Moodle that JSON did not replace: array parameters and the options of a question."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

Param: TypeAlias = "str | int | float | bool | Sequence[Param] | Mapping[str, Param] | None"


def encode_params(params: Mapping[str, Param]) -> list[tuple[str, str]]:
    """Flatten nested parameters the way PHP reads them from a form: `options[0][name]=sortby`.

    Booleans become 1 and 0. None and empty lists are left out, so that Moodle applies its own default.
    """
    return [pair for name, value in params.items() for pair in _pairs(name, value)]


def _pairs(name: str, value: Param) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _pairs(f"{name}[{key}]", inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, inner in enumerate(value):
            yield from _pairs(f"{name}[{index}]", inner)
    elif isinstance(value, bool):
        yield name, str(int(value))
    elif value is not None:
        yield name, str(value)


class Choices(NamedTuple):
    """What a multiple-choice question offers; `weights` is empty unless the question is a rated one."""

    options: tuple[str, ...] = ()
    weights: tuple[int, ...] = ()
    multiple: bool = False


def decode_presentation(item_type: str, presentation: str) -> Choices:
    """Read the options of a Feedback item from its `presentation`, as `mod/feedback/item/*/lib.php` does.

    `r>>>>>1####no|2####yes<<<<<1` is how the question looks (`r`adio, `c`heckboxes, `d`ropdown), its lines,
    and whether they stand side by side. Rated lines carry a weight. Empty lines are kept, as answers count
    them too. Other types use `presentation` for sizes and ranges (`40|20`) and have no options.
    """
    if item_type not in {"multichoice", "multichoicerated"}:
        return Choices()
    look, _, lines = presentation.partition(">>>>>")
    if look != "d":  # Moodle never writes the alignment of a dropdown, so there the sign is part of a text
        lines, _, _ = lines.partition("<<<<<")
    if not lines:
        return Choices()
    texts = lines.split("|")
    if item_type == "multichoice":
        return Choices(tuple(text.strip() for text in texts), multiple=look == "c")
    rated = [_rated(text) for text in texts]
    return Choices(tuple(text for _, text in rated), tuple(weight for weight, _ in rated))


def _rated(line: str) -> tuple[int, str]:
    weight, separator, text = line.partition("####")
    if not separator:
        return 0, line.strip()
    try:
        return int(weight), text.strip()
    except ValueError:
        return 0, text.strip()
