"""What becomes of a name or a birth date that a curator has corrected, when Moodle tells of it anew.

`Person.corrected` holds, of each field corrected by hand, what Moodle says of it. Once Moodle says the same, the field
is Moodle's again.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

FIELDS = ("family_name", "given_name", "birth_date")
"""What a curator may correct."""


def as_text(value: str | date | None) -> str:
    """A value as `Person.corrected` keeps it."""
    return value.isoformat() if isinstance(value, date) else value or ""


def as_value(field: str, text: str) -> Any:
    """The value that was kept so."""
    if field != "birth_date":
        return text
    return date.fromisoformat(text) if text else None


def corrections(known: Mapping[str, Any], given: Mapping[str, Any], corrected: Mapping[str, str]) -> dict[str, str]:
    """What differs from Moodle once somebody of whom `known` is kept is given these values by hand instead."""
    said = {field: as_text(known[field]) for field in given if given[field] != known[field]} | dict(corrected)
    return {field: text for field, text in said.items() if text != as_text(given.get(field, known.get(field)))}


def merged(
    known: Mapping[str, Any], told: Mapping[str, Any], corrected: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """What to keep of somebody whom Moodle tells of anew, and what of that still differs from Moodle.

    `known` and `told` are values by field; `told` may leave fields out. A field corrected by hand stays as it is
    known, whatever Moodle says, until Moodle says the same.
    """
    facts, left = {**known, **told}, {}
    for field, said in corrected.items():
        said = as_text(told[field]) if field in told else said
        facts[field] = known[field]
        if said != as_text(known[field]):
            left[field] = said
    return facts, left
