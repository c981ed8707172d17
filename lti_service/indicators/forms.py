"""What curators fill in about a gradebook column."""

from collections.abc import Iterable
from dataclasses import replace

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired

from lti_service.indicators.errors import LabelMissingError, SourceUnknownError
from lti_service.indicators.gradebook import Source, Texts
from lti_service.lti.gradebook import LABEL_LENGTH


class TextsForm(FlaskForm):
    """What a column is called in Moodle, and what people read beside their grade."""

    label = StringField(_l("Name of the column in Moodle"), validators=[InputRequired(LabelMissingError.message)])
    yes_comment = StringField(_l("Comment beside a 100"))
    no_comment = StringField(_l("Comment beside a 0"))

    @property
    def texts(self) -> Texts:
        """What was filled in."""
        return Texts(self.label.data or "", self.yes_comment.data or "", self.no_comment.data or "")

    def is_filled_in(self) -> bool:
        """Whether what was sent can be worked with; messages stand at the fields otherwise."""
        return bool(self.validate())  # type: ignore[no-untyped-call]

    def show_error(self, field: str, text: str) -> None:
        """Put a refusal at its field."""
        found = self._fields.get(field, self.label)
        found.errors = [*found.errors, text]


class ColumnForm(FlaskForm):
    """What a new column shows, and what it is called in Moodle."""

    source = SelectField(
        _l("The column shows"), validators=[InputRequired(SourceUnknownError.message)], validate_choice=False
    )
    label = StringField(_l("Name of the column in Moodle"))

    def texts(self, sources: Iterable[Source]) -> Texts:
        """The words to begin with: the name that was filled in, or what the column shows; comments by its kind."""
        chosen = next((source for source in sources if source.key == self.source.data), None)
        usual = usual_texts(chosen) if chosen is not None else Texts("")
        label = (self.label.data or "").strip()
        return replace(usual, label=label) if label else usual

    def is_filled_in(self) -> bool:
        """Whether what was sent can be worked with; messages stand at the fields otherwise."""
        return bool(self.validate())  # type: ignore[no-untyped-call]

    def show_error(self, field: str, text: str) -> None:
        """Put a refusal at its field."""
        found = self._fields.get(field, self.source)
        found.errors = [*found.errors, text]


def texts_form(texts: Texts) -> TextsForm:
    """The form, filled with the words that the column has."""
    form: TextsForm = TextsForm(  # type: ignore[no-untyped-call]
        label=texts.label, yes_comment=texts.yes_comment, no_comment=texts.no_comment
    )
    return form


def column_form(sources: Iterable[Source]) -> ColumnForm:
    """The form, with what columns can be made of now."""
    form = ColumnForm()  # type: ignore[no-untyped-call]
    form.source.choices = [(source.key, title_of(source)) for source in sources if source.available]
    return form


def title_of(source: Source) -> str:
    """What a column of this source shows, in words."""
    if source.survey is None:
        return _("A pair is formed")
    return _("Survey answered: %(name)s", name=source.survey.name)


def usual_texts(source: Source) -> Texts:
    """What a column is called and says unless the curator has other words; in the curator's language."""
    if source.survey is None:
        return Texts(title_of(source), _("You have a mentor."), _("We are still looking for a mentor for you."))
    return Texts(title_of(source)[:LABEL_LENGTH], _("Survey answered, thank you."), _("Survey not answered yet."))
