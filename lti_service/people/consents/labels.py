"""The words in which pages speak of consents."""

from typing import Any

from flask_babel import lazy_gettext as _l

from lti_service.people.consents.lists import Who
from lti_service.people.consents.models import Audience, Relation, Way
from lti_service.people.consents.service import Standing, Stands

STANDINGS: dict[Standing, Any] = {
    Standing.NONE: _l("no consent"),
    Standing.WITHDRAWN: _l("consent withdrawn"),
    Standing.LAPSED: _l("a new consent is needed"),
    Standing.REPRESENTATIVE: _l("a representative's consent"),
    Standing.OWN: _l("own consent"),
}

TONES: dict[Standing, str] = {
    Standing.NONE: "warning",
    Standing.WITHDRAWN: "danger",
    Standing.LAPSED: "warning",
    Standing.REPRESENTATIVE: "success",
    Standing.OWN: "success",
}
"""Colour of a standing's badge; it always stands beside the word."""

FILTERS: dict[Stands, Any] = {
    Stands.MISSING: _l("No consent that counts"),
    Stands.MINOR: _l("Of them under 18"),
    Stands.NONE: _l("Never given"),
    Stands.WITHDRAWN: _l("Withdrawn"),
    Stands.LAPSED: _l("A new one is needed"),
    Stands.REPRESENTATIVE: _l("By a representative"),
    Stands.OWN: _l("Own"),
}
"""What lists can be filtered by."""

WHO: dict[Who, Any] = {
    Who.TAKING_PART: _l("Those who take part: mentees who need or have a mentor, mentors of the base"),
    Who.NEEDING: _l("Mentees who need or have a mentor"),
    Who.MENTORS: _l("Mentors of the base"),
}

WAYS: dict[Way, Any] = {
    Way.TOOL: _l("given here by themselves"),
    Way.PAPER: _l("signed on paper by themselves"),
    Way.REPRESENTATIVE: _l("signed on paper by a representative"),
}

RELATIONS: dict[Relation, Any] = {
    Relation.MOTHER: _l("mother"),
    Relation.FATHER: _l("father"),
    Relation.ADOPTER: _l("adoptive parent"),
    Relation.GUARDIAN: _l("guardian"),
    Relation.OTHER: _l("another legal representative"),
}

AUDIENCES: dict[Audience, Any] = {
    Audience.ADULT: _l("For those who are 18 or older"),
    Audience.REPRESENTATIVE: _l("For representatives of those under 18"),
}
