"""What comes in about organisations: the look of their list, and the forms of one of them."""

from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import DateField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from lti_service.lists import ListLook
from lti_service.people.employers import agreements, labels, rules
from lti_service.people.employers.lists import SORTS, Look
from lti_service.people.employers.models import Agreement, AgreementKind, Employer, EmployerContact
from lti_service.people.employers.rules import AgreementState
from lti_service.people.employers.service import AgreementFacts, ContactFacts, EmployerFacts
from lti_service.people.forms import RecordForm, Values, read_choice, read_id, read_way


def read_look(values: Values) -> Look:
    """How the list is to be shown; what makes no sense is taken as not given."""
    state, kind = read_choice(values, "state", AgreementState), read_choice(values, "kind", AgreementKind)
    return Look(
        # Who has an agreement of a kind has one, so this pair of filters is empty by itself.
        state=state.value if state else "",
        kind=kind.value if kind else "",
        **read_way(values, SORTS),
    )


def read_agreements_look(values: Values) -> agreements.Look:
    """How the list of agreements is to be shown; what makes no sense is taken as not given."""
    state, kind = read_choice(values, "state", AgreementState), read_choice(values, "kind", AgreementKind)
    employer = read_id(values, "employer")
    return agreements.Look(
        state=state.value if state else "",
        kind=kind.value if kind else "",
        employer=str(employer) if employer else "",
        **read_way(values, agreements.SORTS, "until"),
    )


def read_contacts_look(values: Values) -> ListLook:
    """How the list of an organisation's contacts is to be shown."""
    return ListLook(**read_way(values, ("name",)))


def _text(value: str | None) -> str:
    return (value or "").replace("\0", "").strip()


def _short(most: int) -> Length:
    return Length(max=most, message=_l("No more than %(max)d characters."))


def line(label: Any, most: int, **more: Any) -> StringField:
    attributes = {"maxlength": most, **more.pop("render_kw", {})}
    return StringField(label, filters=[_text], validators=[_short(most)], render_kw=attributes, **more)


class EmployerForm(RecordForm):
    """An organisation."""

    name = line(_l("Full name"), rules.LONGEST_NAME, description=_l("As in the agreements, e.g. ООО «Шахта Полярная»."))
    short_name = line(_l("Short name"), rules.LONGEST_SHORT_NAME, description=_l("What people call it; lists show it."))
    inn = line(_l("INN"), 14, description=_l("10 or 12 digits; may be left out."), render_kw={"inputmode": "numeric"})
    address = line(_l("Address"), rules.LONGEST_ADDRESS)
    note = TextAreaField(
        _l("Note"),
        description=_l("Only curators read it."),
        filters=[_text],
        validators=[_short(rules.LONGEST_NOTE)],
        render_kw={"rows": 3},
    )

    @classmethod
    def of(cls, employer: Employer | None, sent: Values | None = None, **more: str) -> "EmployerForm":
        """The form with what was sent, else as it is kept, else with what is suggested."""
        return cls(formdata=sent, obj=employer, data=None if employer else more)

    @property
    def facts(self) -> EmployerFacts:
        """What was sent."""
        return EmployerFacts(
            name=self.name.data or "",
            short_name=self.short_name.data or "",
            inn=self.inn.data or "",
            address=self.address.data or "",
            note=self.note.data or "",
        )


class ContactForm(RecordForm):
    """Somebody at an organisation."""

    name = line(_l("Family name, given name, patronymic"), rules.LONGEST_NAME)
    position = line(_l("Position"), rules.LONGEST_POSITION)
    phone = line(_l("Phone"), rules.LONGEST_PHONE, render_kw={"type": "tel"})
    email = line(_l("E-mail"), rules.LONGEST_EMAIL, render_kw={"type": "email"})

    @classmethod
    def of(cls, contact: EmployerContact | None, sent: Values | None = None) -> "ContactForm":
        """The form with what was sent, else as it is kept."""
        return cls(formdata=sent, obj=contact)

    @property
    def facts(self) -> ContactFacts:
        """What was sent."""
        return ContactFacts(
            name=self.name.data or "",
            position=self.position.data or "",
            phone=self.phone.data or "",
            email=self.email.data or "",
        )


class AgreementForm(RecordForm):
    """An agreement with an organisation."""

    kind = SelectField(
        _l("Kind of agreement"), choices=[SelectChoice(kind.value, labels.KINDS[kind]) for kind in AgreementKind]
    )
    number = line(_l("Number"), rules.LONGEST_NUMBER)
    signed_on = DateField(_l("Date"), validators=[InputRequired(message=_l("Say the date of the agreement."))])
    valid_until = DateField(
        _l("Valid until"), description=_l("Its last day. Left empty: without an end."), validators=[Optional()]
    )
    subject = TextAreaField(
        _l("What it is about"),
        description=_l("E.g. specialities, how many students, where."),
        filters=[_text],
        validators=[_short(rules.LONGEST_SUBJECT)],
        render_kw={"rows": 2},
    )

    @classmethod
    def of(cls, agreement: Agreement | None, sent: Values | None = None) -> "AgreementForm":
        """The form with what was sent, else as it is kept."""
        return cls(formdata=sent, obj=agreement)

    @property
    def facts(self) -> AgreementFacts:
        """What was sent; of a valid form only."""
        signed_on: date = self.signed_on.data
        return AgreementFacts(
            kind=AgreementKind(self.kind.data),
            number=self.number.data or "",
            signed_on=signed_on,
            valid_until=self.valid_until.data,
            subject=self.subject.data or "",
        )
