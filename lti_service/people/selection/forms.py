"""What comes in about the selection of mentors: a decision with its marks, and the college's criteria."""

from collections.abc import Sequence

from flask_babel import lazy_gettext as _l
from wtforms import RadioField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from lti_service.people.forms import RecordForm, Values, without_nul
from lti_service.people.selection import labels, rules
from lti_service.people.selection.models import Decision
from lti_service.people.selection.service import Criteria, Facts

BLANK = 2
"""Empty lines below the criteria, to add some."""


class DecisionForm(RecordForm):
    """What is decided, and why."""

    decision = RadioField(
        _l("Decision"),
        choices=[SelectChoice(decision.value, labels.DECISIONS[decision]) for decision in Decision],
        validators=[InputRequired(message=_l("Choose what you have decided."))],
    )
    reason = TextAreaField(
        _l("Reason"),
        description=_l(
            "E.g. the minutes of the council. Curators read it and the marks, and the person themselves on their page "
            "“Who sees my data”."
        ),
        filters=[without_nul],
        validators=[Length(max=rules.LONGEST_REASON, message=_l("No more than %(max)d characters."))],
        render_kw={"rows": 2},
    )

    @classmethod
    def of(cls, sent: Values | None) -> "DecisionForm":
        """The form with what was sent."""
        return cls(formdata=sent)


def read_marks(values: Values, count: int) -> dict[int, int | None]:
    """Marks by the place of their criterion, of which there are so many; none: not assessed."""
    return {place: _number(values.get(f"mark-{place}", "")) for place in range(count)}


def read_criteria(values: Values) -> list[Facts]:
    """The lines of the page of criteria, also the empty ones."""
    lines = range(rules.MOST_CRITERIA + BLANK)
    return [
        Facts(
            title=_text(values, f"title-{line}"),
            hint=_text(values, f"hint-{line}"),
            weight=_number(values.get(f"weight-{line}", "")) or 0,
            source=_text(values, f"source-{line}"),
        )
        for line in lines
        if f"title-{line}" in values
    ]


def lines_of(criteria: Criteria) -> Sequence[Facts]:
    """The lines that the page of criteria begins with: each criterion, and some to add more."""
    empty = min(BLANK, rules.MOST_CRITERIA - len(criteria.listed))
    return [*criteria.listed, *[Facts("", "", 1, "")] * max(0, empty)]


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else None


def _text(values: Values, name: str) -> str:
    return without_nul(values.get(name, ""))
