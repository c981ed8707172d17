"""What comes in about people from outside."""

from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, SelectField
from wtforms.fields.choices import SelectChoice

from lti_service.people.employers import rules as employer_rules
from lti_service.people.employers.forms import line
from lti_service.people.employers.models import Employer
from lti_service.people.forms import RecordForm, Values
from lti_service.people.guests import rules
from lti_service.people.guests.service import PersonFacts
from lti_service.people.models import Person


class PersonForm(RecordForm):
    """Somebody from outside."""

    family_name = line(_l("Family name"), rules.LONGEST_NAME)
    given_name = line(_l("Given name and patronymic"), rules.LONGEST_NAME)
    phone = line(
        _l("Phone"),
        employer_rules.LONGEST_PHONE,
        description=_l("Its last four digits can be the answer that the door asks for."),
        render_kw={"type": "tel"},
    )
    email = line(
        _l("E-mail"),
        employer_rules.LONGEST_EMAIL,
        description=_l("May be left out: an invitation can be printed too."),
        render_kw={"type": "email"},
    )

    @classmethod
    def of(cls, person: Person | None, sent: Values | None = None) -> "PersonForm":
        """The form with what was sent, else as it is kept."""
        return cls(formdata=sent, obj=person)

    @property
    def facts(self) -> PersonFacts:
        """What was sent."""
        return PersonFacts(
            family_name=self.family_name.data or "",
            given_name=self.given_name.data or "",
            email=self.email.data or "",
            phone=self.phone.data or "",
        )


class MentorForm(PersonForm):
    """A mentor from outside who is new."""

    tells_phone = BooleanField(_l("Their mentees may see the phone number once a pair is agreed"))
    employer = SelectField(_l("Organisation"), validate_choice=False)

    @classmethod
    def of_new(cls, employers: list[Employer], chosen: int | None, sent: Values | None = None) -> "MentorForm":
        """The form with what was sent, else empty but for the organisation."""
        form = cls(formdata=sent, data={"employer": str(chosen or "")})
        nobody: Any = _l("Not said")
        kept = [SelectChoice(str(employer.id), employer.shown_name) for employer in employers]
        form.employer.choices = [SelectChoice("", nobody), *kept]
        return form

    @property
    def employer_id(self) -> int | None:
        """The organisation chosen; whether it is the college's the service asks."""
        chosen = self.employer.data or ""
        return int(chosen) if chosen.isascii() and chosen.isdigit() and len(chosen) < 10 else None
