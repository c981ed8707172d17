"""What comes in about people from outside."""

from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, DateField, HiddenField, RadioField, SelectField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from lti_service.people.employers import rules as employer_rules
from lti_service.people.employers.forms import line
from lti_service.people.employers.models import Employer
from lti_service.people.forms import RecordForm, Values, read_choice, read_way
from lti_service.people.guests import labels, rules
from lti_service.people.guests.invitations import GuestPage, Terms, stamp
from lti_service.people.guests.lists import SORTS, Look
from lti_service.people.guests.rules import Factor, Standing
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


class AccessForm(RecordForm):
    """What a curator and a guest have agreed on."""

    factor = RadioField(
        _l("What the door asks for besides the code"),
        choices=[SelectChoice(factor.value, labels.FACTORS[factor]) for factor in Factor],
    )
    question = line(
        _l("What the word is the answer to"),
        rules.LONGEST_QUESTION,
        description=_l("The guest reads it in the invitation, e.g. “The year you came to the mine”."),
    )
    answer = line(
        _l("The answer"),
        rules.LONGEST_ANSWER,
        description=_l(
            "Agree on it by word of mouth; it is not written in the invitation and cannot be read here again."
        ),
        render_kw={"autocomplete": "off"},
    )
    until = DateField(
        _l("Access until"),
        description=_l("Its last day; no more than a year ahead."),
        validators=[InputRequired(message=_l("Say until which day."))],
    )

    after = HiddenField()

    @classmethod
    def of(cls, page: GuestPage, sent: Values | None = None) -> "AccessForm":
        """The form with what was sent, else as it was agreed before or as is usual."""
        access = page.access
        usual = Factor.PHONE if rules.phone_answer(page.person.phone) else Factor.WORD
        return cls(
            formdata=sent,
            data={
                "factor": (access.factor if access else usual).value,
                "question": access.question if access else "",
                "after": stamp(access),
                "until": page.until if page.until and page.standing is not Standing.EXPIRED else page.usual_end,
            },
        )

    @property
    def terms(self) -> Terms:
        """What was sent; of a valid form only."""
        until: date = self.until.data
        return Terms(
            Factor(self.factor.data), until, self.question.data or "", self.answer.data or "", self.after.data or ""
        )


class UntilForm(RecordForm):
    """Until when an access lasts."""

    until = DateField(_l("Access until"), validators=[InputRequired(message=_l("Say until which day."))])

    @classmethod
    def of(cls, page: GuestPage, sent: Values | None = None) -> "UntilForm":
        """The form with what was sent, else as it is."""
        return cls(formdata=sent, data={"until": page.until or page.usual_end})


def read_look(values: Values) -> Look:
    """How the list is to be shown; what makes no sense is taken as not given."""
    state = read_choice(values, "state", Standing)
    return Look(state=state.value if state else "", **read_way(values, SORTS))
