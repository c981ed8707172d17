"""What comes in about consents: the look of their list, papers, withdrawals and texts."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, DateField, FileField, HiddenField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from lti_service.people.consents import labels, rules
from lti_service.people.consents.lists import SORTS, Look, Who
from lti_service.people.consents.models import Audience, ConsentText, Relation, Way
from lti_service.people.consents.service import Paper, Stands
from lti_service.people.forms import RecordForm, Values, read_choice, read_way, without_nul

AGES = ("adults", "unknown")


def read_look(values: Values) -> Look:
    """How the list is to be shown; what makes no sense is taken as not given."""
    who, standing = read_choice(values, "who", Who), read_choice(values, "standing", Stands)
    return Look(
        who=who.value if who else "",
        standing=standing.value if standing else "",
        group=without_nul(values.get("group")).strip(),
        **read_way(values, SORTS),
    )


def _of(text: ConsentText, with_audience: bool = False) -> str:
    told = _("Version %(number)s of %(day)s", number=text.version, day=text.created_at.strftime("%d.%m.%Y"))
    return f"{told} · {labels.AUDIENCES[text.audience]}" if with_audience else told


def relation_choices() -> list[SelectChoice]:
    """What representatives are to people, to choose from."""
    return [
        SelectChoice("", _("choose")),
        *(SelectChoice(relation.value, str(labels.RELATIONS[relation])) for relation in Relation),
    ]


class PaperForm(RecordForm):
    """One signed paper."""

    way = SelectField(_l("Who signed"))
    signed_on = DateField(
        _l("Date of the signature"),
        validators=[Optional()],
        description=_l("As on the paper."),
    )
    representative = StringField(
        _l("Family name, given name, patronymic of who signed"),
        filters=[without_nul],
        render_kw={"maxlength": rules.LONGEST_NAME},
    )
    relation = SelectField(_l("What they are to the person"), default="")
    text = SelectField(_l("Which text was signed"), default="")
    scan = FileField(
        _l("Scan of the paper"),
        description=_l("May be left out or added later: PDF, JPEG or PNG, up to %(most)s MB.", most=rules.SCAN_MB),
        render_kw={"accept": ".pdf,.jpg,.jpeg,.png"},
    )

    @classmethod
    def of(cls, is_minor: bool | None, texts: Sequence[ConsentText], sent: Values | None = None) -> "PaperForm":
        """The form for somebody who is a minor, an adult, or whose age nobody knows (None)."""
        form = cls(formdata=sent)
        ways = {True: [Way.REPRESENTATIVE], False: [Way.PAPER], None: [Way.PAPER, Way.REPRESENTATIVE]}[is_minor]
        form.way.choices = [
            SelectChoice(way.value, _("themselves, 18 or older") if way is Way.PAPER else _("a representative"))
            for way in ways
        ]
        form.relation.choices = relation_choices()
        audiences = {Audience.REPRESENTATIVE if way is Way.REPRESENTATIVE else Audience.ADULT for way in ways}
        offered = [text for text in texts if text.audience in audiences]
        form.text.choices = [
            SelectChoice("", _("the current one")),
            *(SelectChoice(str(text.id), _of(text, len(audiences) > 1)) for text in offered),
        ]
        return form

    def paper(self, person_id: int) -> Paper:
        """What was sent; of a valid form only."""
        way = Way(self.way.data)
        of_other = way is Way.REPRESENTATIVE
        return Paper(
            person_id=person_id,
            way=way,
            signed_on=self.signed_on.data,
            representative=self.representative.data or "" if of_other else "",
            relation=Relation(self.relation.data) if of_other and self.relation.data else None,
            text_id=int(self.text.data) if self.text.data else None,
        )


class AdultsForm(RecordForm):
    """Papers that all adults of a filter have signed on one day."""

    # Two forms stand on one page, so their fields need ids of their own.
    signed_on = DateField(
        _l("Date of the signature"),
        id="adults-signed_on",
        validators=[InputRequired(message=_l("Give the date of the signature."))],
    )
    text = SelectField(_l("Which text was signed"), id="adults-text", default="")
    unknown = BooleanField(_l("Also those whose birth date is not known: I have seen that they are 18 or older"))
    counted = HiddenField()

    @classmethod
    def of(cls, texts: Sequence[ConsentText], sent: Values | None = None, **kept: Any) -> "AdultsForm":
        """The form; `texts` are those versions for adults that still count."""
        form = cls(formdata=sent, data=kept)
        form.text.choices = text_choices(texts, Audience.ADULT)
        return form

    @property
    def text_id(self) -> int | None:
        """The version; none: the current one."""
        return int(self.text.data) if self.text.data else None


class MinorsForm(RecordForm):
    """What papers of several minors have in common; who signed each is in the lines beside it."""

    # Two forms stand on one page, so their fields need ids of their own.
    signed_on = DateField(
        _l("Date of the signature"),
        id="minors-signed_on",
        validators=[InputRequired(message=_l("Give the date of the signature."))],
    )
    text = SelectField(_l("Which text was signed"), id="minors-text", default="")

    @classmethod
    def of(cls, texts: Sequence[ConsentText], sent: Values | None = None) -> "MinorsForm":
        """The form; `texts` are those versions for representatives that still count."""
        form = cls(formdata=sent)
        form.text.choices = text_choices(texts, Audience.REPRESENTATIVE)
        return form

    @property
    def text_id(self) -> int | None:
        """The version; none: the current one."""
        return int(self.text.data) if self.text.data else None


def text_choices(texts: Iterable[ConsentText], audience: Audience) -> list[SelectChoice]:
    """The versions of a text that a paper may bear."""
    return [
        SelectChoice("", _("the current one")),
        *(SelectChoice(str(text.id), _of(text)) for text in texts if text.audience is audience),
    ]


def read_lines(values: Values, person_ids: Iterable[int], signed_on: date | None, text_id: int | None) -> list[Paper]:
    """The lines that were filled in, of those people whom the page may name."""
    papers = []
    for person_id in person_ids:
        name = without_nul(values.get(f"name-{person_id}")).strip()
        relation = values.get(f"relation-{person_id}", "")
        if name or relation:
            known = Relation(relation) if relation in set(Relation) else None
            papers.append(Paper(person_id, Way.REPRESENTATIVE, signed_on, name, known, text_id))
    return papers


class WithdrawalForm(RecordForm):
    """A withdrawal on paper."""

    withdrawn_on = DateField(_l("Date of the paper"), validators=[Optional()])
    reason = TextAreaField(
        _l("On what ground"),
        description=_l("E.g. “Application of the mother of 12.11.2026”. Curators read it, and the person themselves."),
        filters=[without_nul],
        validators=[Length(max=rules.LONGEST_REASON, message=_l("No more than %(max)d characters."))],
        render_kw={"rows": 2},
    )

    @classmethod
    def of(cls, day: date, sent: Values | None = None) -> "WithdrawalForm":
        """The form with what was sent, else with today."""
        return cls(formdata=sent, data={"withdrawn_on": day})


class TextForm(RecordForm):
    """A new version of a text."""

    title = StringField(_l("Title"), filters=[without_nul], render_kw={"maxlength": rules.LONGEST_TITLE})
    text = TextAreaField(_l("Text"), filters=[without_nul], render_kw={"rows": 18, "maxlength": rules.LONGEST_TEXT})
    asks_again = BooleanField(
        _l("Ask everybody again"),
        description=_l(
            "Consents to earlier versions stop counting at once: nobody is proposed until they have agreed to this "
            "one. Tick it when what is agreed to has changed; leave it when only the wording has."
        ),
    )

    @classmethod
    def of(cls, current: ConsentText, sent: Values | None = None) -> "TextForm":
        """The form with what was sent, else with the current version."""
        return cls(formdata=sent, data={"title": current.title, "text": current.text})
