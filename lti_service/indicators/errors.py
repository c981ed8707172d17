"""What can go wrong with indicators and gradebook columns."""

from flask_babel import lazy_gettext as _l

from lti_service.errors import DomainError


class IndicatorError(DomainError):
    """Something about indicators or their columns cannot be done."""


class ColumnExistsError(IndicatorError):
    """The course has such a column already."""

    code = "column-exists"
    status = 409
    field = "source"
    message = _l("There is such a column already.")


class SourceUnknownError(IndicatorError):
    """The column is to be made from something that the course does not have."""

    code = "source-unknown"
    field = "source"
    message = _l("Choose what the column is to show.")


class AnonymousSurveyError(IndicatorError):
    """A column needs to know who answered."""

    code = "survey-anonymous"
    field = "source"
    message = _l("Answers to this survey are anonymous: nobody can say who is to get a grade.")


class LabelMissingError(IndicatorError):
    """A column without a name would be nameless in Moodle too."""

    code = "label-missing"
    field = "label"
    message = _l("Give the column a name.")


class TextTooLongError(IndicatorError):
    """A name or a comment is longer than Moodle keeps."""

    code = "text-too-long"
    message = _l("At most %(most)s characters.")

    def __init__(self, field: str, most: int) -> None:
        super().__init__(most=most)
        self.field = field  # type: ignore[misc]
