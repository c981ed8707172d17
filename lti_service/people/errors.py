"""What cannot be done with people, each with a code and a sentence."""

from flask_babel import lazy_gettext as _l

from lti_service.errors import DomainError


class PeopleError(DomainError):
    """Something about the bases cannot be done."""


class NobodyChosenError(PeopleError):
    """A change of several people came without any."""

    code = "nobody-chosen"
    message = _l("Choose at least one person in the list.")


class MoveRefusedError(PeopleError):
    """Nobody of those chosen is in a state from which this leads anywhere."""

    code = "move-refused"
    message = _l("This cannot be done with people in the state “%(state)s”.")


class FormDoesNotFitError(PeopleError):
    """The form of mentoring is for another kind of mentee."""

    code = "form-does-not-fit"
    field = "wanted_form"
    message = _l("The form %(form)s is not meant for %(name)s.")


class RequestTooLongError(PeopleError):
    """More text than a request holds."""

    code = "request-too-long"
    field = "request"
    message = _l("No more than %(most)s characters; there are %(count)s.")


class NothingAskedError(PeopleError):
    """A request without a topic and without a word."""

    code = "nothing-asked"
    field = "topics"
    message = _l("Tick at least one topic, or write a few words below.")


class TooLateToAskError(PeopleError):
    """A mentor is proposed or there already."""

    code = "too-late-to-ask"
    status = 409
    message = _l("A mentor is being found for you already. To change something, write to the curator.")


class AlreadyInBaseError(PeopleError):
    """Somebody is put into a base they are in."""

    code = "already-in-base"
    message = _l("%(name)s is in this base already.")


class CapacityError(PeopleError):
    """A number of mentees that no mentor can be given."""

    code = "capacity-out-of-range"
    field = "capacity"
    message = _l("From %(least)s to %(most)s mentees at once.")


class NoCycleError(PeopleError):
    """The school year has not been opened: the first sync does it."""

    code = "no-cycle"
    message = _l("The school year has no base yet: load the people from Moodle first.")
