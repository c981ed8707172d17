"""What cannot be done with people from outside, each with a code and a sentence."""

from flask_babel import lazy_gettext as _l

from lti_service.people.errors import PeopleError


class FamilyNameMissingError(PeopleError):
    """Somebody without a family name."""

    code = "family-name-missing"
    field = "family_name"
    message = _l("Write the family name.")


class GivenNameMissingError(PeopleError):
    """Somebody without a given name."""

    code = "given-name-missing"
    field = "given_name"
    message = _l("Write the given name.")


class PersonKnownError(PeopleError):
    """Somebody of the course has this e-mail address, or this name and phone number, already."""

    code = "person-known"
    status = 409
    message = _l("The course has such a person already: %(name)s. Keep to that record, or change it.")


class NotFromOutsideError(PeopleError):
    """Somebody with a Moodle account is treated as one without."""

    code = "not-from-outside"
    status = 409
    message = _l("%(name)s has a Moodle account and comes in through the course.")
