"""What curators fill in about a survey: whose it is, which questions rate, and from which answer on it is good."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import RadioField, SelectChoice, SelectField, SelectMultipleField
from wtforms.validators import InputRequired

from lti_service.surveys import rules
from lti_service.surveys.errors import NoRatingError, NotARatingError, NoThresholdError
from lti_service.surveys.models import Audience, Survey
from lti_service.surveys.service import Question

AUDIENCES: dict[Audience, Any] = {Audience.MENTEES: _l("Mentees"), Audience.MENTORS: _l("Mentors")}


@dataclass(frozen=True, slots=True)
class Threshold:
    """A value of the select: a place on a scale of so many answers, in one of two directions."""

    options: int
    place: int
    best_first: bool

    def __str__(self) -> str:
        """As the form carries it, e.g. `5:4` or `4:3b`."""
        return f"{self.options}:{self.place}{'b' if self.best_first else ''}"

    @classmethod
    def parse(cls, value: str) -> "Threshold | None":
        """The threshold that `value` stands for; None for anything else."""
        options, _colon, place = value.partition(":")
        best_first = place.endswith("b")
        place = place.removesuffix("b")
        if not (options.isdecimal() and place.isdecimal()):
            return None
        return cls(int(options), int(place), best_first)


class SurveyForm(FlaskForm):
    """Audience, rating questions and threshold; `survey_form` makes one."""

    thresholds: dict[str, list[tuple[str, str]]]
    """Name of a group → its choices, for the select; a nameless group stands alone."""

    audience = RadioField(
        _l("Who is asked"),
        choices=[SelectChoice(audience.value, label) for audience, label in AUDIENCES.items()],
        validators=[InputRequired(_l("Say whose survey it is."))],
    )
    rating = SelectMultipleField(
        _l("Questions that tell whether people are satisfied"),
        coerce=int,
        # Which of them may be chosen is the service's rule; it says so in its own words.
        validate_choice=False,
        invalid_value_message=NotARatingError.message,
        validators=[InputRequired(NoRatingError.message)],
    )
    satisfied_from = SelectField(
        _l("From which answer on somebody counts as satisfied"),
        invalid_choice_message=NoThresholdError.message,
        validators=[InputRequired(NoThresholdError.message)],
    )

    def _fill(self, questions: Iterable[Question]) -> None:
        """Offer the questions that can rate, and the thresholds that their scales have."""
        candidates = [question for question in questions if question.can_rate]
        if not candidates:
            del self.rating
            del self.satisfied_from
            return
        self.thresholds = _threshold_groups(candidates)
        self.rating.choices = [SelectChoice(str(question.moodle_id), question.name) for question in candidates]
        rows = [("", ""), *(row for rows in self.thresholds.values() for row in rows)]
        self.satisfied_from.choices = [SelectChoice(value, label) for value, label in rows]

    @property
    def can_rate(self) -> bool:
        """Whether there is any question to rate by."""
        return "rating" in self

    def wanted(self, questions: Iterable[Question]) -> dict[str, Any]:
        """What `service.add_survey` and `change_survey` take, from a form that has been validated."""
        values: dict[str, Any] = {"audience": Audience(self.audience.data), "rating": [], "satisfied_from": None}
        if not self.can_rate:
            return values
        rating = list(self.rating.data or [])
        values["rating"] = rating
        threshold = Threshold.parse(self.satisfied_from.data or "")
        sizes = {len(question.options) for question in questions if question.moodle_id in rating}
        # A threshold of another scale than that of the chosen questions is none: the service then says so.
        if threshold is not None and sizes <= {threshold.options}:
            values["satisfied_from"] = threshold.place
            values["best_first"] = threshold.best_first
        return values

    def is_filled_in(self) -> bool:
        """Whether what was sent can be worked with; messages stand at the fields otherwise."""
        return bool(self.validate())  # type: ignore[no-untyped-call]

    def show_error(self, field: str, text: str) -> bool:
        """Put a refusal at its field; False when the form has no such field."""
        found = self._fields.get(field)
        if found is None:
            return False
        found.errors = [*found.errors, text]
        return True


def survey_form(questions: tuple[Question, ...], values: dict[str, Any] | None = None) -> SurveyForm:
    """A form for a survey with these questions: with what was sent, else with `values`."""
    form = SurveyForm(data=values)  # type: ignore[no-untyped-call]
    form._fill(questions)
    return form


def defaults(questions: Iterable[Question]) -> dict[str, Any]:
    """What a fresh form has chosen: nothing that could be wrong unseen.

    Where weights tell which answers are good, the threshold is the second best answer of four or more.
    """
    candidates = [question for question in questions if question.can_rate]
    sizes = {len(question.options) for question in candidates}
    if len(sizes) != 1 or not all(_has_weights(question) for question in candidates):
        return {}
    size = sizes.pop()
    return {"satisfied_from": str(Threshold(size, size - 1 if size >= 4 else size, False))}


def chosen(survey: Survey) -> dict[str, Any]:
    """What a survey's form has chosen."""
    rating = [item for item in survey.items if item.is_rating]
    values: dict[str, Any] = {"audience": survey.audience.value, "rating": [item.moodle_id for item in rating]}
    if rating:
        threshold = Threshold(len(rating[0].options), survey.satisfied_from, survey.best_first)
        values["satisfied_from"] = str(threshold)
    return values


def _has_weights(question: Question) -> bool:
    return len(set(question.weights)) > 1


def _threshold_groups(candidates: list[Question]) -> dict[str, list[tuple[str, str]]]:
    """What the select offers, in groups where scales differ in length or may run either way."""
    groups: dict[str, list[tuple[str, str]]] = {}
    sizes = sorted({len(question.options) for question in candidates})
    for size in sizes:
        questions = [question for question in candidates if len(question.options) == size]
        directions = [False] if all(_has_weights(question) for question in questions) else [False, True]
        for best_first in directions:
            scales = [(question.options, question.weights) for question in questions]
            name = _group_name(size if len(sizes) > 1 else None, best_first if len(directions) > 1 else None)
            groups[name] = [
                (str(Threshold(size, threshold.place, best_first)), _threshold_label(threshold, size))
                for threshold in rules.thresholds(scales, best_first)
            ]
    return groups


def _group_name(size: int | None, best_first: bool | None) -> str:
    parts = []
    if size is not None:
        parts.append(_("Questions with %(number)s answers", number=size))
    if best_first is not None:
        parts.append(_("The best answer comes first") if best_first else _("The best answer comes last"))
    return ": ".join(parts)


def _threshold_label(threshold: rules.Threshold, size: int) -> str:
    answers = " / ".join(f"«{text}»" for text in threshold.texts)
    if threshold.place == size:
        return _("only %(answer)s", answer=answers)
    return _("%(answer)s and better", answer=answers)
