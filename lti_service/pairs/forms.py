"""What comes in about pairs, from forms and addresses, as plain values; what makes no sense is taken as not given."""

from dataclasses import dataclass

from werkzeug.datastructures import MultiDict

from lti_service.pairs.board import Column, Filters
from lti_service.pairs.rules import Action

Values = MultiDict[str, str]

LARGEST_ID = 2**31 - 1
"""What an id's column holds; anything larger is nobody's."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What has been chosen for a new pair so far, and what its lists are searched for."""

    form_id: int | None
    mentor_id: int | None
    mentee_ids: tuple[int, ...]
    mentor_name: str
    mentees: Filters


def read_choice(values: Values) -> Choice:
    """What the page of a new pair sends, by its address or its form."""
    return Choice(
        form_id=read_id(values, "form"),
        mentor_id=read_id(values, "mentor"),
        mentee_ids=read_ids(values, "mentees"),
        mentor_name=_text(values, "mentor_name"),
        mentees=Filters(
            group=_text(values, "group"), department=_text(values, "department"), name=_text(values, "name")
        ),
    )


def read_filters(values: Values) -> Filters:
    """The board's filters."""
    return Filters(
        form_id=read_id(values, "form"),
        group=_text(values, "group"),
        department=_text(values, "department"),
        name=_text(values, "name"),
    )


def read_column(values: Values) -> Column | None:
    """The board's column that is asked for; None: all of it."""
    return values.get("column", type=Column)


def read_action(values: Values) -> Action | None:
    """The move that is to be confirmed."""
    return values.get("action", type=Action)


def read_id(values: Values, name: str) -> int | None:
    """An id, or any other small whole number."""
    value = values.get(name, "")
    return int(value) if _is_id(value) else None


def read_ids(values: Values, name: str) -> tuple[int, ...]:
    """Ids, each once, in the order in which they came."""
    return tuple(dict.fromkeys(int(value) for value in values.getlist(name) if _is_id(value)))


def _is_id(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= 10 and int(value) <= LARGEST_ID


def _text(values: Values, name: str) -> str:
    # PostgreSQL takes no NUL, and no name has one.
    return values.get(name, "").replace("\0", "").strip()
