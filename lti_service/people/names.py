"""Names: how they are spoken, and how they are compared, without regard to case and with ё taken for е."""

LONGEST = 400
"""Characters of a key, which its column holds; folding may lengthen a name."""


def search_key(*parts: str) -> str:
    """What a search is matched against and a list is sorted by.

    Databases differ in how they fold Cyrillic letters (SQLite does not at all), so the fold is kept in a column.
    """
    return " ".join(" ".join(parts).casefold().replace("ё", "е").split())[:LONGEST]


def spoken(given_name: str, family_name: str, moodle_id: str | None) -> str:
    """Имя Фамилия, as Moodle greets; the number of whoever has no name here."""
    return f"{given_name} {family_name}".strip() or number(moodle_id)


def number(moodle_id: str | None) -> str:
    """What stands for a name that nobody has told: the number in Moodle, where there is an account."""
    return f"№ {moodle_id or '—'}"
