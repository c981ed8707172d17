"""What cannot be done with surveys, each with a code and a sentence; and what stopped a reading of answers."""

from typing import Any

from flask_babel import lazy_gettext as _l

from lti_service.errors import DomainError
from lti_service.people import trouble
from moodle_client import MoodleError


class SurveyError(DomainError):
    """Something about surveys cannot be done."""


class AlreadyAddedError(SurveyError):
    """The activity is a survey of this course and school year already."""

    code = "survey-already-added"
    message = _l("This activity is already a survey of this school year.")


class NothingToAnswerError(SurveyError):
    """The activity has no questions yet."""

    code = "survey-without-questions"
    message = _l("This activity has no questions yet. Add them in Moodle, then come back.")


class NoSuchActivityError(SurveyError):
    """The course has no such Feedback activity, or the web-service user does not see it."""

    code = "activity-gone"
    status = 404
    message = _l("Moodle does not show this activity in the course any more: it was deleted or hidden.")


class NoRatingError(SurveyError):
    """There are questions to rate by, and none was chosen."""

    code = "rating-missing"
    field = "rating"
    message = _l("Choose at least one question that tells whether people are satisfied.")


class NotARatingError(SurveyError):
    """A chosen question is not one of this survey, or not one with a single answer out of several."""

    code = "not-a-rating"
    field = "rating"
    message = _l("One of the chosen questions cannot be a rating. Choose again.")


class MixedScalesError(SurveyError):
    """The chosen questions have different numbers of answers, so one threshold says nothing about them."""

    code = "mixed-scales"
    field = "rating"
    message = _l("The chosen questions have different numbers of answers. Choose questions with the same scale.")


class NoThresholdError(SurveyError):
    """No answer from which on somebody is satisfied, or one that the scale does not have."""

    code = "threshold-missing"
    field = "satisfied_from"
    message = _l("Choose the answer from which on somebody counts as satisfied.")


class SurveyInUseError(SurveyError):
    """Something outside this wing, a gradebook column, is made from the survey."""

    code = "survey-in-use"
    message = _l(
        "A gradebook column is made from this survey. Remove the column on the page “Gradebook” first, then the survey."
    )


class MoodleTroubleError(SurveyError):
    """Moodle could not be asked; `code` is that of `people.trouble`."""

    status = 503

    def __init__(self, error: MoodleError | DomainError) -> None:
        super().__init__()
        self.code = trouble.code_of(error)  # type: ignore[misc]  # the trouble's own, not the class's

    @property
    def text(self) -> str:
        """What happened and what to do, to someone who waits for the page."""
        return sentence(self.code)


NOW: dict[str, Any] = {
    "moodle-down": _l("Moodle does not answer. Nothing is lost: try again in a minute."),
    "moodle-nonsense": _l("Moodle answered with something we cannot read. Nothing is lost: try again in a minute."),
    "activity-gone": _l(
        "Moodle does not show a survey's activity any more: it was deleted or hidden. The answers read before are kept."
    ),
    "answers-vanished": _l(
        "Moodle shows no answers to a survey that had some. They are kept here; if they were deleted on purpose, "
        "remove the survey."
    ),
    "answers-moving": _l("Answers changed while they were being read. The next reading completes them."),
}
"""Sentences of our own, or in place of those that promise another try: here a person waits."""


def sentence(code: str) -> str:
    """What a code of trouble means, in the language of the request."""
    own = NOW.get(code)
    return str(own) if own is not None else trouble.sentence(code)
