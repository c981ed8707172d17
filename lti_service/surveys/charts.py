"""Where the pieces of a distribution's chart lie and how they are coloured, as values for an inline SVG."""

from collections.abc import Sequence
from dataclasses import dataclass

from lti_service.surveys.results import ItemResult, Option

SATISFIED = ("#8cbde6", "#0c589c")
OTHERS = ("#6c757d", "#dee2e6")
NEUTRAL = ("#0c589c", "#cfe2f3")
"""First and last colour of a row of answers; those between are mixed."""
DARK, LIGHT = "#212529", "#ffffff"
ROOM_FOR_DIGIT = 3.5
"""Per cent of the width that a digit takes on a phone; a piece without room leaves its number to the table."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One answer of a question in the chart; lengths are per cent of the chart's width."""

    option: Option
    x: float
    width: float
    fill: str
    ink: str
    """Colour of the number on `fill`, the one of two that reads better."""
    shows_number: bool

    @property
    def middle(self) -> float:
        """Where the number stands."""
        return round(self.x + self.width / 2, 3)


def pieces(result: ItemResult) -> list[Piece]:
    """The answers of a question as pieces of one bar, or as bars of their own where several could be chosen."""
    fills = _fills(result.options)
    found: list[Piece] = []
    x = 0.0
    for option, fill in zip(result.options, fills, strict=True):
        width = round(100 * option.count / result.answered, 3) if result.answered else 0.0
        start = 0.0 if result.item.multiple else round(x, 3)
        found.append(Piece(option, start, width, fill, _ink(fill), width >= ROOM_FOR_DIGIT * len(str(option.count))))
        x += width
    return found


def _fills(options: Sequence[Option]) -> list[str]:
    satisfied = sum(option.counts_as_satisfied for option in options)
    if not satisfied:
        return _between(NEUTRAL, len(options))
    blues = iter(_between(SATISFIED, satisfied))
    greys = iter(_between(OTHERS, len(options) - satisfied))
    return [next(blues) if option.counts_as_satisfied else next(greys) for option in options]


def _between(ends: tuple[str, str], steps: int) -> list[str]:
    first, last = (_rgb(colour) for colour in ends)
    if steps == 1:
        return [ends[1]]
    return [
        "#" + "".join(f"{round(a + (b - a) * step / (steps - 1)):02x}" for a, b in zip(first, last, strict=True))
        for step in range(steps)
    ]


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _ink(fill: str) -> str:
    light = _luminance(fill)
    on_light = (light + 0.05) / (_luminance(DARK) + 0.05)
    on_dark = 1.05 / (light + 0.05)
    return DARK if on_light >= on_dark else LIGHT


def _luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [value / 255 for value in _rgb(colour)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
