"""How names are compared when people look for one another: without regard to case, and with ё taken for е."""

LONGEST = 400
"""Characters of a key, which its column holds; folding may lengthen a name."""


def search_key(*parts: str) -> str:
    """What a search is matched against and a list is sorted by.

    Databases differ in how they fold Cyrillic letters (SQLite does not at all), so the fold is kept in a column.
    """
    return " ".join(" ".join(parts).casefold().replace("ё", "е").split())[:LONGEST]
