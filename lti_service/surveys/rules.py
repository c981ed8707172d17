"""What answers say: who counts as satisfied, how answers are distributed, and when a group is too small to look into.

The federal documents give no formula for "satisfied" and no questionnaire (their annexes are not public). What
stands here is our default, to be called so on screen: someone is satisfied when every rating question that they
answered has an answer at or above the one that the curator chose.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

FEWEST_ANONYMOUS = 5
"""Fewer anonymous answers than this are not broken down: the people who gave them could be guessed."""

CHOICE_KINDS = frozenset({"multichoice", "multichoicerated"})
OPEN_KINDS = frozenset({"textarea", "textfield", "numeric"})
"""Moodle's item types that hold somebody's answer. `info` is left out on purpose: it may tell the time of an answer."""


def scale(options: int, weights: Sequence[int] = (), best_first: bool = False) -> tuple[int, ...]:
    """Where each of a question's `options` stands on its scale: 1 is the worst answer, `options` the best.

    Weights decide where the question has some that differ (equal weights share a place); otherwise the order in
    which the answers are listed, from the worst to the best unless `best_first`.
    """
    if len(weights) == options and len(set(weights)) > 1:
        return tuple(1 + sum(other < weight for other in weights) for weight in weights)
    return tuple(range(options, 0, -1)) if best_first else tuple(range(1, options + 1))


def chosen(raw: str, options: int) -> tuple[int, ...]:
    """The options (1-based) that a raw answer to a choice names: `"3"`, or `"1|3"` where several are allowed.

    What names no option of the question (`""`, `"0"`, a leftover of an older version of it) is left out.
    """
    found = [int(part) for part in raw.split("|") if part.strip().isascii() and part.strip().isdigit()]
    return tuple(option for option in dict.fromkeys(found) if 1 <= option <= options)


def can_rate(kind: str, options: int, multiple: bool) -> bool:
    """Whether a question can be part of a rating: one answer of at least two."""
    return kind in CHOICE_KINDS and not multiple and options >= 2


def is_satisfied(answers: Mapping[str, str], scales: Mapping[str, Sequence[int]], satisfied_from: int) -> bool | None:
    """Whether a response is a satisfied one; None when it answers no rating question.

    `answers` are raw values by item id, `scales` the places of the options of each rating question by item id
    (see `scale`), `satisfied_from` the lowest place that counts as satisfied. Our default, not an official formula.
    """
    places = [
        places_of_item[option - 1]
        for item, places_of_item in scales.items()
        for option in chosen(answers.get(item, ""), len(places_of_item))[:1]
    ]
    return all(place >= satisfied_from for place in places) if places else None


@dataclass(frozen=True, slots=True)
class Distribution:
    """How often each option of a question was chosen, and by how many people in all."""

    counts: tuple[int, ...]
    answered: int


def distribution(raws: Iterable[str], options: int) -> Distribution:
    """Count the options of a question over raw answers; answers that name none count nowhere."""
    counts = [0] * options
    answered = 0
    for raw in raws:
        picked = chosen(raw, options)
        answered += bool(picked)
        for option in picked:
            counts[option - 1] += 1
    return Distribution(tuple(counts), answered)


def may_look_into(anonymous: int) -> bool:
    """Whether so many anonymous answers may be broken down (distribution, share, texts)."""
    return anonymous >= FEWEST_ANONYMOUS


def texts_without_trace(texts: Iterable[str]) -> list[str]:
    """Anonymous texts in an order that says nothing of who wrote when: the alphabet's."""
    return sorted((text.strip() for text in texts if text.strip()), key=lambda text: (text.casefold(), text))


@dataclass(frozen=True, slots=True)
class Threshold:
    """A place on the scale from which on somebody is satisfied, with the answers that stand there."""

    place: int
    best_first: bool
    texts: tuple[str, ...]
    """Of all rating questions, each once, in their order."""


def thresholds(questions: Iterable[tuple[Sequence[str], Sequence[int]]], best_first: bool = False) -> list[Threshold]:
    """The thresholds that these questions (option texts, weights) offer, from the lowest.

    The lowest place of a scale is no threshold: everybody would be satisfied.
    """
    texts: dict[int, dict[str, None]] = {}
    for options, weights in questions:
        for text, place in zip(options, scale(len(options), weights, best_first), strict=True):
            if place > 1:
                texts.setdefault(place, {})[text] = None
    return [Threshold(place, best_first, tuple(found)) for place, found in sorted(texts.items())]
