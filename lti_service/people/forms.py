"""What comes in about people: the looks and choices of lists as plain values, and the forms of a person's page."""

from collections.abc import Container, Iterable
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, DateField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from lti_service.people import labels, nominations, rules, without_pair
from lti_service.people.asking import Asking
from lti_service.people.consents.service import Stands
from lti_service.people.lists import UNCHOSEN, Look
from lti_service.people.models import Mentee, Person, Source
from lti_service.people.service import topics_for
from lti_service.people.training.rules import TrainingState
from lti_service.programme.models import Form, MenteeKind

Values = MultiDict[str, str]
E = TypeVar("E", bound=StrEnum)

LARGEST_ID = 2**31 - 1
"""What an id's column holds; anything larger is nobody's."""
LONGEST_SEARCH = 100


def read_way(values: Values, sorts: Container[str], plain: str = "name") -> dict[str, Any]:
    """What every list's look is told by an address besides its filters; what makes no sense is taken as not given."""
    sort = values.get("sort", "")
    return {
        "search": _text(values, "search")[:LONGEST_SEARCH],
        "sort": sort if sort in sorts else plain,
        "descending": values.get("order") == "desc",
        "page": read_id(values, "page") or 1,
    }


def read_look(
    values: Values,
    states: Iterable[StrEnum],
    kinds: Iterable[StrEnum],
    sorts: Container[str],
    day: date | None = None,
) -> Look:
    """How a list is to be shown; what makes no sense is taken as not given. `day` is the platform's today."""

    def one_of(name: str, known: Iterable[str]) -> str:
        value = values.get(name, "")
        return value if value in set(known) else ""

    form, wanted, employer = (values.get(name, "") for name in ("form", "wanted", "employer"))
    return Look(
        state=one_of("state", states),
        kind=one_of("kind", kinds),
        group=_text(values, "group"),
        specialty=_text(values, "specialty")[:255],
        consent=one_of("consent", Stands) if day else "",
        day=day,
        gone=values.get("gone") == "1",
        form=form if _is_id(form) else "",
        wanted=wanted if _is_id(wanted) or wanted == UNCHOSEN else "",
        source=one_of("source", Source),
        special=values.get("special") == "1",
        employer=employer if _is_id(employer) else "",
        differs=values.get("differs") == "1",
        asked=values.get("asked") == "1",
        nominated=values.get("nominated") == "1",
        training=one_of("training", TrainingState),
        **read_way(values, sorts),
    )


def read_support_look(values: Values) -> without_pair.Look:
    """How the list of those without a pair is to be shown; what makes no sense is taken as not given."""
    due = read_choice(values, "due", rules.Wait)
    return without_pair.Look(
        due=due.value if due else "",
        group=_text(values, "group"),
        **read_way(values, without_pair.SORTS, without_pair.Look().sort),
    )


def read_students_look(values: Values) -> nominations.Look:
    """How the list of students to nominate is to be shown; what makes no sense is taken as not given."""
    return nominations.Look(
        group=_text(values, "group"),
        nominated=values.get("nominated") == "1",
        **read_way(values, nominations.SORTS),
    )


def read_ids(values: Values, name: str) -> list[int]:
    """The ids that were ticked."""
    return [int(value) for value in values.getlist(name) if _is_id(value)]


def read_id(values: Values, name: str) -> int | None:
    """An id that may be left out."""
    value = values.get(name, "")
    return int(value) if _is_id(value) else None


def read_choice(values: Values, name: str, enum: type[E]) -> E | None:
    """One of an enumeration's values."""
    value = values.get(name, "")
    return enum(value) if value in set(enum) else None


def _is_id(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= 10 and int(value) <= LARGEST_ID


def _text(values: Values, name: str) -> str:
    # PostgreSQL takes no NUL, and no name has one.
    return values.get(name, "").replace("\0", "").strip()


def without_nul(value: str | None) -> str:
    """A text as a field keeps it: PostgreSQL takes no NUL."""
    return (value or "").replace("\0", "")


class RecordForm(FlaskForm):
    """A form of a person's page, of which a page has two."""

    def is_valid(self) -> bool:
        """Whether what was sent can be taken; the fields have the messages."""
        return bool(self.validate())  # type: ignore[no-untyped-call]


class MenteeForm(RecordForm):
    """What a mentee is and wants."""

    kind = SelectField(
        _l("Kind"),
        # A mentor's form on the same page has a kind, too.
        id="mentee-kind",
        choices=[SelectChoice(kind.value, labels.MENTEE_KINDS[kind]) for kind in MenteeKind],
    )
    # Which topics there are is the service's rule; what is none of them is left out there.
    topics = SelectMultipleField(_l("Topics"), validate_choice=False)
    wanted_form = SelectField(_l("Form of mentoring"))
    request = TextAreaField(
        _l("Request"),
        description=_l("What the mentee wants help with, in their own words."),
        filters=[without_nul],
        validators=[
            Length(max=rules.LONGEST_REQUEST, message=_l("No more than %(max)d characters.")),
        ],
        render_kw={"rows": 4},
    )
    special_needs = BooleanField(
        _l("Special educational or social needs"),
        description=_l("Only curators see it, and the person themselves; it is in no list that is saved."),
    )

    @classmethod
    def of(cls, mentee: Mentee, forms: Iterable[Form], sent: Values | None = None) -> "MenteeForm":
        """The form with what was sent, else as it is kept; `forms` of mentoring are those for the mentee's kind."""
        kept = {
            "kind": mentee.kind.value,
            "topics": mentee.topics,
            "wanted_form": str(mentee.wanted_form_id or ""),
            "request": mentee.request,
            "special_needs": mentee.special_needs,
        }
        form = cls(formdata=sent, data=kept)
        if sent is not None and "kind" not in sent:
            form.kind.data = mentee.kind.value
        form.topics.choices = [SelectChoice(topic, topic) for topic in topics_for(mentee)]
        offered = list(forms)
        # A form that was retired since stays theirs.
        own = [mentee.wanted_form] if mentee.wanted_form and mentee.wanted_form not in offered else []
        form.wanted_form.choices = [
            SelectChoice("", _("not chosen yet")),
            *(SelectChoice(str(found.id), found.title) for found in [*offered, *own]),
        ]
        return form

    @property
    def wanted_form_id(self) -> int | None:
        """The form of mentoring that was chosen."""
        return int(self.wanted_form.data) if self.wanted_form.data else None


class CorrectionForm(RecordForm):
    """What a curator corrects of what Moodle tells about somebody."""

    family_name = StringField(_l("Family name"), filters=[without_nul], validators=[Length(max=200)])
    given_name = StringField(_l("Given name and patronymic"), filters=[without_nul], validators=[Length(max=200)])
    birth_date = DateField(_l("Date of birth"), validators=[Optional()])

    @classmethod
    def of(cls, person: Person, sent: Values | None = None) -> "CorrectionForm":
        """The form with what was sent, else as it is kept."""
        kept = {name: getattr(person, name) for name in ("family_name", "given_name", "birth_date")}
        return cls(formdata=sent, data=kept, prefix="correct-")


class NominationForm(RecordForm):
    """Why a student needs a mentor."""

    reason = TextAreaField(
        _l("Why does this student need a mentor?"),
        description=_l("Curators read it, and the person it is about on their page “Who sees my data”."),
        filters=[without_nul],
        validators=[
            InputRequired(message=_l("Say in a few words why this student needs a mentor.")),
            Length(max=rules.LONGEST_REQUEST, message=_l("No more than %(max)d characters.")),
        ],
        render_kw={"rows": 4},
    )

    @classmethod
    def of(cls, reason: str, sent: Values | None = None) -> "NominationForm":
        """The form with what was sent, else with what was said before."""
        return cls(formdata=sent, data={"reason": reason})


class SupportForm(RecordForm):
    """One talk with a mentee who has no pair."""

    day = DateField(_l("Day of the talk"), validators=[InputRequired(message=_l("Say when it was."))])
    who = StringField(
        _l("Who talked with them"),
        filters=[without_nul],
        validators=[InputRequired(message=_l("Say who it was.")), Length(max=200)],
    )
    agreed = TextAreaField(
        _l("What was agreed"),
        description=_l("Curators read it, and the person it is about on their page “Who sees my data”."),
        filters=[without_nul],
        validators=[
            InputRequired(message=_l("Say what was agreed.")),
            Length(max=rules.LONGEST_REQUEST, message=_l("No more than %(max)d characters.")),
        ],
        render_kw={"rows": 3},
    )
    next_look = DateField(
        _l("Look again on"), description=_l("Leave it empty when it is not needed."), validators=[Optional()]
    )

    @classmethod
    def of(cls, today: date, sent: Values | None = None) -> "SupportForm":
        """The form with what was sent, else with today's date."""
        return cls(formdata=sent, data={"day": today})


class AskForm(RecordForm):
    """What somebody wants a mentor for, in their own hand."""

    # Which topics there are is the service's rule; what is none of them is left out there.
    topics = SelectMultipleField(_l("What would you like help with?"), validate_choice=False)
    request = TextAreaField(
        _l("In your own words"),
        description=_l("Only the curator reads it, and a mentor when they are asked to take you on."),
        filters=[without_nul],
        validators=[Length(max=rules.LONGEST_REQUEST, message=_l("No more than %(max)d characters."))],
        render_kw={"rows": 4},
    )
    wanted_form = SelectField(_l("Who should the mentor be?"))

    @classmethod
    def of(cls, asking: Asking, sent: Values | None = None) -> "AskForm":
        """The form with what was sent, else with what was asked before."""
        mentee = asking.mentee
        kept = {}
        if mentee is not None:
            kept = {"wanted_form": str(mentee.wanted_form_id or ""), "request": mentee.request, "topics": mentee.topics}
        form = cls(formdata=sent, data=kept)
        form.topics.choices = [SelectChoice(topic, topic) for topic in asking.topics]
        form.wanted_form.choices = [
            SelectChoice("", _("it does not matter")),
            *(SelectChoice(str(found.id), labels.MENTORS_OF_FORM[found.mentor_kind]) for found in asking.forms),
        ]
        return form

    @property
    def wanted_form_id(self) -> int | None:
        """The form of mentoring that was chosen."""
        return int(self.wanted_form.data) if self.wanted_form.data else None
