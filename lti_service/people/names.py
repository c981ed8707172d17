"""Names: how they are spoken, and how they are compared, without regard to case and with ё taken for е."""

import re
import unicodedata
from collections.abc import Callable, Iterable

LONGEST = 400
"""Characters of a key, which its column holds; folding may lengthen a name."""


def search_key(*parts: str) -> str:
    """What a search is matched against and a list is sorted by.

    Databases differ in how they fold Cyrillic letters (SQLite does not at all), so the fold is kept in a column.
    """
    return " ".join(_folded(" ".join(parts)).split())[:LONGEST]


def mentions(words: Iterable[str]) -> Callable[[str], bool]:
    """Whether a text has any of these names, addresses or numbers, as whole words: «Ли» is not in «Филиппова».

    A word of digits only is found where it is the whole text; elsewhere it is a part of some date or count.
    """
    folded = {_folded(word).strip() for word in words} - {""}
    numbers = {word for word in folded if word.isdigit()}
    parts = [re.escape(word) + (r"(?![\w-]|\.\w)" if "@" in word else r"(?![\w-])") for word in folded - numbers]
    before = {True: r"(?<![\w.+-])", False: r"(?<![\w-])"}
    found = [re.compile(before["@" in part] + part) for part in parts]

    def has(text: str) -> bool:
        told = _folded(text)
        return told.strip() in numbers or any(one.search(told) for one in found)

    return has


_CASE = r"(?:ыми|ими|ого|его|ому|ему|ая|яя|ую|юю|ый|ий|ой|ою|ей|ею|ом|ем|ым|им|ых|их|а|я|у|ю|ы|и|е|ь|й)"
"""What the cases of Russian family names end in. A patronymic made of the same stem ends otherwise."""
_SHORTEST_STEM = 4
"""Letters; a shorter one begins too many words that are no names."""


def mentions_family(family_name: str) -> Callable[[str], bool]:
    """Whether a text that people wrote has this family name in any of its cases: «помочь Алексееву».

    Of names that lose a vowel (Заяц, Зайца) and of short ones only the form that is given is found.
    """
    parts = [_in_any_case(part) for part in re.split(r"[\s-]+", _folded(family_name).strip()) if part]
    if not parts:
        return lambda _text: False
    found = re.compile(r"(?<![\w-])" + r"[\s-]+".join(parts) + r"(?![\w-])")
    return lambda text: found.search(_folded(text)) is not None


def _in_any_case(word: str) -> str:
    stem = re.sub(rf"{_CASE}$", "", word)
    return f"{re.escape(stem)}{_CASE}?" if len(stem) >= _SHORTEST_STEM else re.escape(word)


_UNSEEN = re.compile("[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
"""Signs of no width and marks of direction, which come along when names are copied from pages and documents."""
_YO = re.compile("ё\u0308*")


def _folded(text: str) -> str:
    """A Mac takes й and ё apart, and Moodle keeps what was uploaded to it; nobody sees a difference."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", _UNSEEN.sub("", text))
        return _YO.sub("е", unicodedata.normalize("NFC", text.casefold()))
    return text.casefold()


def spoken(given_name: str, family_name: str, moodle_id: str | None) -> str:
    """Имя Фамилия, as Moodle greets; the number of whoever has no name here."""
    return f"{given_name} {family_name}".strip() or number(moodle_id)


def number(moodle_id: str | None) -> str:
    """What stands for a name that nobody has told: the number in Moodle, where there is an account."""
    return f"№ {moodle_id or '—'}"
