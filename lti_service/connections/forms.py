"""What an administrator fills in about a connection."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from zoneinfo import available_timezones

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import PasswordField, SelectField, StringField
from wtforms.validators import InputRequired, Length, Regexp

from lti_service.access import Role
from lti_service.connections.service import GIVEN_ROLES, Wanted
from lti_service.people.enrolments import PROFILE_FIELDS

RUSSIAN_ZONES = {
    "Europe/Kaliningrad": _l("Kaliningrad (UTC+2)"),
    "Europe/Moscow": _l("Moscow (UTC+3)"),
    "Europe/Samara": _l("Samara (UTC+4)"),
    "Asia/Yekaterinburg": _l("Yekaterinburg (UTC+5)"),
    "Asia/Omsk": _l("Omsk (UTC+6)"),
    "Asia/Novosibirsk": _l("Novosibirsk, Kemerovo, Krasnoyarsk (UTC+7)"),
    "Asia/Irkutsk": _l("Irkutsk (UTC+8)"),
    "Asia/Yakutsk": _l("Yakutsk (UTC+9)"),
    "Asia/Vladivostok": _l("Vladivostok (UTC+10)"),
    "Asia/Magadan": _l("Magadan (UTC+11)"),
    "Asia/Kamchatka": _l("Kamchatka (UTC+12)"),
}
_SHORT_NAME = Regexp(r"^[A-Za-z0-9_]*$", message=_l("A profile field's short name has Latin letters, digits and “_”."))


def _stripped(value: str | None) -> str:
    return (value or "").strip()


class TokenForm(FlaskForm):
    """The web-service token; a password field, so that it is never shown and never comes back."""

    token = PasswordField(
        _l("Web-service token"),
        filters=[_stripped],
        validators=[
            InputRequired(_l("Paste the token.")),
            Regexp(r"^[A-Za-z0-9]{16,128}$", message=_l("A token has Latin letters and digits only, usually 32.")),
        ],
    )


class SettingsForm(FlaskForm):
    """What the platform is called, where it is, and which profile fields are read."""

    name = StringField(
        _l("Name of the connection"),
        filters=[_stripped],
        validators=[InputRequired(_l("Give it a name.")), Length(max=200)],
    )
    time_zone = SelectField(_l("Time zone"), validators=[InputRequired()])
    birth_date = StringField(
        _l("Profile field with the birth date"), filters=[_stripped], validators=[Length(max=100), _SHORT_NAME]
    )
    experience = StringField(
        _l("Profile field with the years of teaching"), filters=[_stripped], validators=[Length(max=100), _SHORT_NAME]
    )

    specialty = StringField(
        _l("Profile field with the speciality"), filters=[_stripped], validators=[Length(max=100), _SHORT_NAME]
    )
    study_year = StringField(
        _l("Profile field with the year of study"), filters=[_stripped], validators=[Length(max=100), _SHORT_NAME]
    )
    department = StringField(
        _l("Profile field with the department"), filters=[_stripped], validators=[Length(max=100), _SHORT_NAME]
    )
    organisation = StringField(
        _l("Profile field with the organisation"), filters=[_stripped], validators=[Length(max=100), _SHORT_NAME]
    )

    @property
    def profile_fields(self) -> Mapping[str, str]:
        """By what they are for."""
        return {name: getattr(self, name).data or "" for name in PROFILE_FIELDS}


def token_form() -> Any:
    """The form of a request."""
    return _made(TokenForm)


def settings_form(**values: Any) -> Any:
    """The form of a request, filled with what is kept."""
    form = _made(SettingsForm, **values)
    others = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/"))
    form.time_zone.choices = {
        str(_l("Russia")): list(RUSSIAN_ZONES.items()),
        str(_l("Elsewhere")): [("UTC", "UTC"), *((zone, zone) for zone in others if zone not in RUSSIAN_ZONES)],
    }
    return form


def _made(kind: Any, **values: Any) -> Any:
    # The form library has no types: what it makes is taken as it is.
    return kind(**values)


def read_roles(values: MultiDict[str, str]) -> dict[str, list[Role]]:
    """The role map as it was filled in: each row has its name, and a box for each role here."""
    rows: dict[str, list[Role]] = {}
    for number, name in enumerate(values.getlist("name")):
        rows[name] = _ticked(values, f"roles-{number}")
    if new := values.get("new_name", "").strip():
        rows[new] = _ticked(values, "roles-new")
    return rows


def _ticked(values: MultiDict[str, str], field: str) -> list[Role]:
    return [Role(value) for value in values.getlist(field) if value in GIVEN_ROLES]


def read_wanted(values: MultiDict[str, str]) -> Wanted:
    """Which entries of the trail are asked for; what makes no sense is taken as not given."""
    return Wanted(
        action=values.get("action", "")[:60].replace("\0", ""),
        person=values.get("person", "")[:100].replace("\0", ""),
        subject=values.get("subject", "")[:100].replace("\0", ""),
        since=_day(values.get("since", "")),
        until=_day(values.get("until", "")),
        page=_number(values.get("page", "")),
    )


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    # Far from the ends of the calendar, where a time zone or a day more would overflow.
    return day if 1970 <= day.year <= 9000 else None


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else 1
