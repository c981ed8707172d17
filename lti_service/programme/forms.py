"""What an administrator fills in about a form of mentoring."""

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length, ValidationError

from lti_service.programme import labels
from lti_service.programme.mentoring_forms import FormFacts
from lti_service.programme.models import Form, MenteeKind, MentorKind

MOST_LINES = 40
LONGEST_LINE = 300


def _clean(value: str | None) -> str:
    # PostgreSQL takes no NUL.
    return (value or "").replace("\0", "").strip()


def _lines(text: str | None) -> tuple[str, ...]:
    """Each line once, without what surrounds it."""
    return tuple(dict.fromkeys(" ".join(line.split()) for line in (text or "").splitlines() if line.strip()))


def _fitting_lines(_form: Any, field: Any) -> None:
    lines = _lines(field.data)
    if len(lines) > MOST_LINES:
        raise ValidationError(_l("No more than %(most)s lines.", most=MOST_LINES))
    if any(len(line) > LONGEST_LINE for line in lines):
        raise ValidationError(_l("No line of more than %(most)s characters.", most=LONGEST_LINE))


class MentoringFormForm(FlaskForm):
    """A form of mentoring."""

    title = StringField(
        _l("Title"),
        description=_l("As people will choose it, e.g. «студент – ученик»."),
        filters=[_clean],
        validators=[DataRequired(message=_l("Give it a title.")), Length(max=200)],
    )
    mentor_kind = SelectField(
        _l("Mentor"), choices=[SelectChoice(kind.value, word) for kind, word in labels.MENTOR_KINDS.items()]
    )
    mentee_kind = SelectField(
        _l("Mentee"), choices=[SelectChoice(kind.value, word) for kind, word in labels.MENTEE_KINDS.items()]
    )
    goal = TextAreaField(_l("Goal"), filters=[_clean], validators=[Length(max=2000)], render_kw={"rows": 3})
    activities = TextAreaField(
        _l("Topics: what is done together"),
        description=_l("One a line. Mentees choose of them what they want help with, mentors what they are strong in."),
        filters=[_clean],
        validators=[_fitting_lines],
        render_kw={"rows": 6},
    )
    expected_results = TextAreaField(
        _l("Expected results"),
        description=_l("One a line."),
        filters=[_clean],
        validators=[_fitting_lines],
        render_kw={"rows": 5},
    )
    source = TextAreaField(
        _l("Source"),
        description=_l("The document or decision that this form is from."),
        filters=[_clean],
        validators=[Length(max=1000)],
        render_kw={"rows": 2},
    )

    @property
    def facts(self) -> FormFacts:
        """What was filled in."""
        return FormFacts(
            title=self.title.data or "",
            mentor_kind=MentorKind(self.mentor_kind.data),
            mentee_kind=MenteeKind(self.mentee_kind.data),
            goal=self.goal.data or "",
            activities=_lines(self.activities.data),
            expected_results=_lines(self.expected_results.data),
            source=self.source.data or "",
        )

    def is_valid(self) -> bool:
        """Whether what was sent can be taken; the fields have the messages."""
        return bool(self.validate())  # type: ignore[no-untyped-call]


def mentoring_form(kept: Form | FormFacts | None, sent: MultiDict[str, str] | None = None) -> MentoringFormForm:
    """The form with what was sent, else with what is kept."""
    data: dict[str, Any] = {}
    if kept is not None:
        data = {
            "title": kept.title,
            "mentor_kind": kept.mentor_kind.value,
            "mentee_kind": kept.mentee_kind.value,
            "goal": kept.goal,
            "activities": "\n".join(kept.activities),
            "expected_results": "\n".join(kept.expected_results),
            "source": kept.source,
        }
    return MentoringFormForm(formdata=sent, data=data)  # type: ignore[no-untyped-call]
