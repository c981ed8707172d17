"""Patterns that people write for names: `ГТ-4*`, `*работодател*`; and where a group's name has the year of study.

They are no regular expressions: somebody's pattern must not keep the service busy. A pattern is walked sign by sign
with a name, at most its length times the name's, whatever stands in either.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

LONGEST = 200
"""Characters of a pattern, all its alternatives together."""
LONGEST_NAME = 400
"""Characters of a name that are looked at."""
MOST_ALTERNATIVES = 20
YEARS = range(1, 7)
"""Years of study that there are."""
COURSE, ENTRY = "{курс}", "{год}"
"""Places of a group's name: the year of study, one digit; the year of entry, two or four."""
PLACES = {COURSE: COURSE, "{year}": COURSE, ENTRY: ENTRY, "{entry}": ENTRY}


class PatternError(ValueError):
    """A pattern that cannot be used; the argument says why: `empty`, `long`, `many`, `brace`, `place`."""


Test = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class _Token:
    """One sign of a pattern: what it takes, and how often."""

    takes: Test
    least: int = 1
    endless: bool = False


def _is_decimal(sign: str) -> bool:
    return sign in "0123456789"


_SIGNS = {
    "*": _Token(lambda _sign: True, least=0, endless=True),
    "?": _Token(lambda _sign: True),
    "#": _Token(_is_decimal),
    "@": _Token(str.isalpha, endless=True),
}


def fold(text: str) -> str:
    """A text without what makes no difference in names: case, ё for е, kinds of dashes, doubled spaces."""
    plain = text.casefold().replace("ё", "е")
    for dash in "‐‑‒–—−":
        plain = plain.replace(dash, "-")
    return " ".join(plain.split())


@lru_cache(maxsize=512)
def alternatives(pattern: str) -> tuple[tuple[_Token, ...], ...]:
    """What a pattern is made of; commas part its alternatives. Raises PatternError."""
    return tuple(_tokens(part) for part in _parts(pattern))


def _parts(pattern: str) -> list[str]:
    if len(pattern) > LONGEST:
        raise PatternError("long")
    parts = [part for part in (fold(part) for part in pattern.replace("\n", ",").split(",")) if part]
    if not parts:
        raise PatternError("empty")
    if len(parts) > MOST_ALTERNATIVES:
        raise PatternError("many")
    return parts


def _tokens(part: str) -> tuple[_Token, ...]:
    if "{" in part or "}" in part:
        raise PatternError("brace")
    return tuple(_SIGNS.get(sign) or _literal(sign) for sign in part)


def _literal(sign: str) -> _Token:
    return _Token(lambda found: found == sign)


def _reached(tokens: Sequence[_Token], text: str) -> list[bool]:
    """For each place of the text, from before its first sign to after its last, whether the tokens may end there."""
    here = [True] + [False] * len(text)
    for token in tokens:
        after = list(here) if token.least == 0 else [False] * (len(text) + 1)
        for place, sign in enumerate(text):
            comes = here[place] or (token.endless and after[place])
            if comes and token.takes(sign):
                after[place + 1] = True
        here = after
    return here


@lru_cache(maxsize=8192)
def matches(pattern: str, name: str) -> bool:
    """Whether a name, as a whole, is as the pattern says. Raises PatternError."""
    text = fold(name[:LONGEST_NAME])
    return any(_reached(tokens, text)[-1] for tokens in alternatives(pattern))


# --- the year of study ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _YearPattern:
    before: tuple[_Token, ...]
    place: str
    after: tuple[_Token, ...]


@lru_cache(maxsize=128)
def year_patterns(pattern: str) -> tuple[_YearPattern, ...]:
    """The alternatives of a pattern for the year of study, each with one place for it. Raises PatternError."""
    return tuple(_year_pattern(part) for part in _parts(pattern))


def _year_pattern(part: str) -> _YearPattern:
    found = [(part.index(place), place) for place in PLACES if place in part]
    if len(found) != 1:
        raise PatternError("place")
    at, place = found[0]
    return _YearPattern(_tokens(part[:at]), PLACES[place], _tokens(part[at + len(place) :]))


@lru_cache(maxsize=8192)
def year_of(pattern: str, group: str, school_year: int) -> int | None:
    """The year of study that a group's name tells, in the school year that begins in `school_year`; none: it does not.

    The first alternative that fits says it, where it fits first. Raises PatternError.
    """
    text = fold(group[:LONGEST_NAME])
    for one in year_patterns(pattern):
        begins = _reached(one.before, text)
        ends = _reached(one.after[::-1], text[::-1])[::-1]
        for length in (1,) if one.place == COURSE else (4, 2):
            for at in range(len(text) - length + 1):
                digits = text[at : at + length]
                if not (begins[at] and ends[at + length] and all(map(_is_decimal, digits))):
                    continue
                year = int(digits) if one.place == COURSE else _studied(int(digits), length, school_year)
                if year in YEARS:
                    return year
    return None


def _studied(entered: int, digits: int, school_year: int) -> int:
    """The year of study in a school year of those who entered in a year."""
    return school_year - (entered if digits == 4 else school_year // 100 * 100 + entered) + 1
