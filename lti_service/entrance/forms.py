"""What comes in at the guests' door."""

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import StringField

from lti_service.people.guests import rules


def _text(value: str | None) -> str:
    return (value or "").replace("\0", "").strip()


class DoorForm(FlaskForm):
    """A code, unless the browser is known, and the answer."""

    code = StringField(
        _l("Code of the invitation"),
        filters=[_text],
        render_kw={"inputmode": "numeric", "autocomplete": "one-time-code", "maxlength": 60},
    )
    answer = StringField(
        _l("Answer agreed on"),
        filters=[_text],
        render_kw={"autocomplete": "off", "autocapitalize": "none", "maxlength": rules.LONGEST_ANSWER},
    )
