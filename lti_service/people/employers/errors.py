"""What cannot be done with organisations, each with a code and a sentence."""

from flask_babel import lazy_gettext as _l

from lti_service.people.errors import PeopleError


class EmployerExistsError(PeopleError):
    """Another organisation of the college has this name, but for case and quotation marks."""

    code = "employer-exists"
    field = "name"
    message = _l("There is such an organisation already: %(name)s.")


class NameMissingError(PeopleError):
    """An organisation or a contact without a name."""

    code = "name-missing"
    field = "name"
    message = _l("Write the name.")


class InnError(PeopleError):
    """Digits that are nobody's taxpayer's number."""

    code = "inn-wrong"
    field = "inn"
    message = _l("There is no such number: the last digits do not follow from the others. Check it with the document.")


class EmailError(PeopleError):
    """Not an e-mail address."""

    code = "email-wrong"
    field = "email"
    message = _l("This is not an e-mail address.")


class PhoneError(PeopleError):
    """Not a phone number."""

    code = "phone-wrong"
    field = "phone"
    message = _l("This is not a phone number.")


class NoWayToReachError(PeopleError):
    """A contact without a phone and without an e-mail."""

    code = "no-way-to-reach"
    field = "phone"
    message = _l("Write a phone number or an e-mail address.")


class EmployerInUseError(PeopleError):
    """Something hangs on an organisation that is to be deleted."""

    code = "employer-in-use"
    status = 409
    message = _l("The organisation has mentors, agreements or contacts, so it cannot be deleted. Take them away first.")


class AgreementExistsError(PeopleError):
    """The organisation has an agreement of this kind, number and date."""

    code = "agreement-exists"
    field = "number"
    message = _l("The organisation has this agreement already.")


class NumberMissingError(PeopleError):
    """An agreement without a number."""

    code = "number-missing"
    field = "number"
    message = _l("Write the number, or “б/н” when it has none.")


class SignedLaterError(PeopleError):
    """An agreement that has not been signed yet."""

    code = "signed-later"
    field = "signed_on"
    message = _l("This day has not come yet. Enter the agreement when it is signed.")


class EndsBeforeSignedError(PeopleError):
    """An agreement that ended before it began."""

    code = "ends-before-signed"
    field = "valid_until"
    message = _l("The agreement cannot end before it is signed.")


class LongAgoError(PeopleError):
    """A year that can only be a slip."""

    code = "long-ago"
    field = "signed_on"
    message = _l("Check the year.")


class TooLongError(PeopleError):
    """More text than a field holds."""

    code = "too-long"
    message = _l("No more than %(most)s characters; there are %(count)s.")

    def __init__(self, field: str, **facts: object) -> None:
        super().__init__(**facts)
        self.field = field  # type: ignore[misc]
