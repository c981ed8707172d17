"""The forms of a mentor's profile: in the mentor's own hand, and in the curator's."""

from collections.abc import Sequence
from typing import Any, Self

from flask_babel import lazy_gettext as _l
from wtforms import IntegerField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from lti_service.people import labels, rules
from lti_service.people.forms import RecordForm, Values, without_nul
from lti_service.people.models import ContactWay, MeetingTime, Mentor
from lti_service.people.profile import Profile
from lti_service.people.service import topics_of
from lti_service.programme.models import Form, MentorKind

TOO_LONG = _l("No more than %(max)d characters.")
USUAL_CAPACITY = 3


class ProfileForm(RecordForm):
    """What a mentor tells of themselves."""

    forms = SelectMultipleField(
        _l("In which forms of mentoring?"), coerce=int, validate_choice=False, description=_l("None ticked: in all.")
    )
    # Which topics there are is the service's rule; what is none of them is left out there.
    strengths = SelectMultipleField(_l("What can you help with?"), validate_choice=False)
    offer = TextAreaField(
        _l("In your own words"),
        filters=[without_nul],
        validators=[Length(max=rules.LONGEST_OFFER, message=TOO_LONG)],
        render_kw={"rows": 3},
    )
    capacity = IntegerField(
        _l("Mentees at once"),
        validators=[
            InputRequired(message=_l("Say how many.")),
            NumberRange(
                min=rules.CAPACITY[0], max=rules.CAPACITY[-1], message=_l("From %(min)d to %(max)d mentees at once.")
            ),
        ],
        render_kw={"min": rules.CAPACITY[0], "max": rules.CAPACITY[-1]},
    )
    times = SelectMultipleField(
        _l("When does it suit you to meet?"),
        choices=[SelectChoice(time.value, labels.MEETING_TIMES[time]) for time in MeetingTime],
    )
    times_note = StringField(
        _l("More about the time"),
        filters=[without_nul],
        validators=[Length(max=rules.LONGEST_TIMES, message=TOO_LONG)],
    )
    contact_way = SelectField(
        _l("How to reach you"),
        choices=[
            SelectChoice("", labels.USUAL_CONTACT),
            *(SelectChoice(way.value, labels.CONTACT_WAYS[way]) for way in ContactWay),
        ],
    )
    contact = StringField(
        _l("Number, address or place"),
        description=_l("Your mentees see it once a pair is agreed, and the curator; nobody else."),
        filters=[without_nul],
        validators=[Length(max=rules.LONGEST_CONTACT, message=TOO_LONG)],
    )
    organisation = StringField(
        _l("Organisation"),
        filters=[without_nul],
        validators=[Length(max=rules.LONGEST_ORGANISATION, message=TOO_LONG)],
    )
    experience = TextAreaField(
        _l("Experience that you bring"),
        filters=[without_nul],
        validators=[Length(max=rules.LONGEST_OFFER, message=TOO_LONG)],
        render_kw={"rows": 2},
    )
    experience_years = IntegerField(
        _l("How many years of it"),
        validators=[Optional(), NumberRange(min=0, max=rules.EXPERIENCE[-1], message=_l("From 0 to %(max)s years."))],
        render_kw={"min": 0, "max": rules.EXPERIENCE[-1]},
    )

    @classmethod
    def of(cls, mentor: Mentor | None, forms: Sequence[Form], sent: Values | None = None, **more: Any) -> Self:
        """The form with what was sent, else as it is kept; `forms` of mentoring are those for the mentor's kind."""
        kept: dict[str, Any] = {"capacity": USUAL_CAPACITY}
        if mentor is not None:
            kept = {
                "forms": [form.id for form in mentor.forms],
                "strengths": mentor.strengths,
                "offer": mentor.offer,
                "capacity": mentor.capacity,
                "times": mentor.times,
                "times_note": mentor.times_note,
                "contact_way": mentor.contact_way.value if mentor.contact_way else "",
                "contact": mentor.contact,
                "organisation": mentor.organisation,
                "experience": mentor.experience,
                "experience_years": mentor.experience_years,
            }
        form = cls(formdata=sent, data={**kept, **more})
        form.forms.choices = [SelectChoice(str(found.id), found.title) for found in forms]
        form.strengths.choices = [SelectChoice(topic, topic) for topic in topics_of(forms)]
        if mentor is not None and mentor.person.institution:
            form.organisation.render_kw = {"placeholder": mentor.person.institution}
        return form

    @property
    def profile(self) -> Profile:
        """What the fields say, once they are valid."""
        return Profile(
            capacity=self.capacity.data,
            form_ids=self.forms.data or [],
            strengths=self.strengths.data or [],
            offer=self.offer.data or "",
            organisation=self.organisation.data or "",
            experience=self.experience.data or "",
            experience_years=self.experience_years.data,
            times=[MeetingTime(time) for time in self.times.data or []],
            times_note=self.times_note.data or "",
            contact_way=ContactWay(self.contact_way.data) if self.contact_way.data else None,
            contact=self.contact.data or "",
        )


class MentorForm(ProfileForm):
    """The same in the curator's hand, with what kind of mentor somebody is."""

    kind = SelectField(
        _l("Kind of mentor"), choices=[SelectChoice(kind.value, labels.MENTOR_KINDS[kind]) for kind in MentorKind]
    )

    @classmethod
    def of_mentor(cls, mentor: Mentor, forms: Sequence[Form], sent: Values | None = None) -> Self:
        """See `ProfileForm.of`."""
        return cls.of(mentor, forms, sent, kind=mentor.kind.value)
