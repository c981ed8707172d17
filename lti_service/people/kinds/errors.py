"""What cannot be done with the rules on who is who."""

from flask_babel import lazy_gettext as _l

from lti_service.people.errors import PeopleError


class KindsError(PeopleError):
    """Something about the rules cannot be done."""


class EmptyRuleError(KindsError):
    """A rule without any condition would take nobody, or, read carelessly, everybody."""

    code = "rule-empty"
    message = _l("Fill in at least one condition.")


class YearsWrongError(KindsError):
    """A pattern for the year of study that cannot be used."""

    code = "years-wrong"
    field = "years"
