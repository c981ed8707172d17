"""What comes in about training: a course, and that mentors have completed one."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import DateField, IntegerField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from lti_service.people.forms import RecordForm, Values, read_choice, read_id, read_way, without_nul
from lti_service.people.training import rules
from lti_service.people.training.models import TrainingCourse
from lti_service.people.training.records import COURSE_SORTS, ENDING_WITHIN, RECORD_SORTS, CoursesLook, RecordsLook
from lti_service.people.training.rules import TrainingState
from lti_service.people.training.service import CourseFacts


def read_courses_look(values: Values) -> CoursesLook:
    """How the list of courses is to be shown; what makes no sense is taken as not given."""
    return CoursesLook(**read_way(values, COURSE_SORTS))


def read_records_look(values: Values) -> RecordsLook:
    """How the list of records is to be shown; what makes no sense is taken as not given."""
    state, course = read_choice(values, "state", TrainingState), read_id(values, "course")
    within = values.get("within", "")
    return RecordsLook(
        state=state.value if state else "",
        within=within if within in map(str, ENDING_WITHIN) else "",
        course=str(course) if course else "",
        group=without_nul(values.get("group")).strip()[:255],
        **read_way(values, RECORD_SORTS),
    )


def _line(label: Any, most: int, **more: Any) -> StringField:
    attributes = {"maxlength": most, **more.pop("render_kw", {})}
    too_long = Length(max=most, message=_l("No more than %(max)d characters."))
    return StringField(label, filters=[without_nul], validators=[too_long], render_kw=attributes, **more)


class CourseForm(RecordForm):
    """A training course."""

    title = _line(_l("Title"), rules.LONGEST_TITLE)
    begins_on = DateField(_l("Begins on"), validators=[Optional()])
    ends_on = DateField(_l("Ends on"), validators=[Optional()])
    hours = IntegerField(
        _l("Hours"),
        validators=[
            Optional(),
            NumberRange(rules.HOURS[0], rules.HOURS[-1], message=_l("From %(min)d to %(max)d.")),
        ],
        render_kw={"min": rules.HOURS[0], "max": rules.HOURS[-1]},
    )
    document = _line(
        _l("Document"),
        rules.LONGEST_DOCUMENT,
        description=_l("What those who complete it get, e.g. a certificate; empty: nothing."),
    )
    valid_months = IntegerField(
        _l("Counts for, months"),
        description=_l("Empty: without an end."),
        validators=[
            Optional(),
            NumberRange(rules.MONTHS[0], rules.MONTHS[-1], message=_l("From %(min)d to %(max)d.")),
        ],
        render_kw={"min": rules.MONTHS[0], "max": rules.MONTHS[-1]},
    )
    moodle_course = _line(
        _l("Course in Moodle"),
        400,
        description=_l(
            "Its address, or the number after “id=” in it. Then its completion is read from Moodle each night, of "
            "mentors who are enrolled there as students. Empty: you record it here."
        ),
    )

    @classmethod
    def of(cls, course: TrainingCourse | None, sent: Values | None = None) -> "CourseForm":
        """The form with what was sent, else as it is kept."""
        return cls(formdata=sent, obj=course)

    @property
    def facts(self) -> CourseFacts:
        """What was sent."""
        return CourseFacts(
            title=self.title.data or "",
            begins_on=self.begins_on.data,
            ends_on=self.ends_on.data,
            hours=self.hours.data,
            document=self.document.data or "",
            valid_months=self.valid_months.data,
            moodle_course=self.moodle_course.data or "",
        )


class CompletionForm(RecordForm):
    """That mentors have completed a course."""

    course = SelectField(_l("Course"), validators=[InputRequired(message=_l("Choose the course."))])
    completed_on = DateField(_l("Completed on"), validators=[InputRequired(message=_l("Say when it was completed."))])
    valid_until = DateField(
        _l("Counts until"),
        description=_l("Empty: for as long as the course says."),
        validators=[Optional()],
    )

    @classmethod
    def of(cls, courses: Iterable[TrainingCourse], today: date, sent: Values | None = None) -> "CompletionForm":
        """The form with what was sent, else for the newest course, today."""
        known = list(courses)
        first = str(known[0].id) if len(known) == 1 else ""
        form = cls(formdata=sent, data={"completed_on": today, "course": first})
        form.course.choices = [
            SelectChoice("", _("choose…")),
            *(SelectChoice(str(course.id), course.title) for course in known),
        ]
        return form

    @property
    def course_id(self) -> int | None:
        """The course that was chosen."""
        return int(self.course.data) if self.course.data else None


def read_numbers(values: Values, mentor_ids: Iterable[int]) -> dict[int, str]:
    """Numbers of documents by the mentor's id."""
    return {mentor_id: without_nul(values.get(f"number-{mentor_id}", "")) for mentor_id in mentor_ids}
