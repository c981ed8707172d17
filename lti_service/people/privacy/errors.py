"""What cannot be done with personal data, each with a code and a sentence."""

from flask_babel import lazy_gettext as _l

from lti_service.people.errors import PeopleError


class AlreadyAskedError(PeopleError):
    """One request is waiting."""

    code = "erasure-already-asked"
    status = 409
    message = _l("The request is with the administrator already.")


class RequestDecidedError(PeopleError):
    """Somebody else decided meanwhile, or the person took the request back."""

    code = "erasure-decided"
    status = 409
    message = _l("This request has been decided or taken back already.")


class NotSureError(PeopleError):
    """The box that says "I have read it" is not ticked."""

    code = "erasure-not-sure"
    status = 422
    field = "sure"
    message = _l("Tick the box first: what is erased does not come back.")


class RefusalReasonError(PeopleError):
    """The law asks for reasons."""

    code = "erasure-reason"
    status = 422
    field = "reason"
    message = _l("Give the reason, with the provision of the law, in at most %(most)s characters: the person reads it.")


class ReceivedDayError(PeopleError):
    """No day, or one that has not come."""

    code = "erasure-received"
    status = 422
    field = "received_on"
    message = _l("Give the day on which the paper came; it is not in the future.")


class PeriodError(PeopleError):
    """Not a number of days."""

    code = "keeping-period"
    status = 422
    message = _l("A period is a whole number of days from %(least)s to %(most)s; empty means for ever.")

    def __init__(self, field: str, **facts: object) -> None:
        super().__init__(**facts)
        self.field = field  # type: ignore[misc]
