"""What cannot be done with pairs, each with a code, a sentence and the field it belongs to."""

from flask_babel import lazy_gettext as _l

from lti_service.errors import DomainError


class PairError(DomainError):
    """Something about a pair cannot be done."""


class NoCycleError(PairError):
    """The school year has not been opened: the first sync does it."""

    code = "no-cycle"
    message = _l("The school year has no bases yet: load the people from Moodle first.")


class UnknownFormError(PairError):
    """No such form of mentoring in the year's programme."""

    code = "unknown-form"
    field = "form"
    message = _l("Choose a form of mentoring from the list.")


class UnknownMentorError(PairError):
    """No such mentor in the year's base."""

    code = "unknown-mentor"
    field = "mentor"
    message = _l("Choose a mentor from the list.")


class UnknownMenteeError(PairError):
    """No such mentee in the year's base."""

    code = "unknown-mentee"
    field = "mentees"
    message = _l("Choose mentees from the list.")


class MentorNotHereError(PairError):
    """The mentor is not, or no longer, in the course."""

    code = "mentor-not-here"
    field = "mentor"
    message = _l("%(name)s is not in this course. Enrol them in Moodle, then load the people again.")


class MentorNotReadyError(PairError):
    """The mentor is not selected and trained yet, or has left the base."""

    code = "mentor-not-ready"
    field = "mentor"
    message = _l("%(name)s is not ready to mentor yet: first come selection and training, in the base of mentors.")


class TrainingRanOutError(PairError):
    """The mentor's training does not count any more; the pairs they have go on."""

    code = "training-ran-out"
    field = "mentor"
    message = _l("The training of %(name)s has run out. Record a new one in the base of mentors first.")


class MentorWithoutConsentError(PairError):
    """No consent of the mentor to the processing of personal data counts."""

    code = "mentor-without-consent"
    field = "mentor"
    message = _l(
        "%(name)s has no consent to the processing of personal data: it is given on the mentor's own page "
        "“My consent”, or on paper and recorded on their record."
    )


class MentorInOtherFormsError(PairError):
    """The mentor takes part in other forms of mentoring only."""

    code = "mentor-in-other-forms"
    field = "mentor"
    message = _l("%(name)s takes part in other forms of mentoring; their profile says in which.")


class MentorDoesNotFitError(PairError):
    """The form asks for another kind of mentor."""

    code = "mentor-does-not-fit"
    field = "mentor"
    message = _l("The form %(form)s does not fit %(name)s as a mentor.")


class NoCapacityError(PairError):
    """All of the mentor's places are taken; open proposals take them, too."""

    code = "no-capacity"
    field = "mentor"
    message = _l("%(name)s has no free places: %(taken)s of %(capacity)s are taken.")


class TooFewPlacesError(PairError):
    """The mentor has fewer free places than mentees were chosen."""

    code = "too-few-places"
    field = "mentor"
    message = _l("%(name)s has too few free places: free %(free)s of %(capacity)s, mentees chosen: %(wanted)s.")


class NobodyChosenError(PairError):
    """A pair without a mentee."""

    code = "nobody-chosen"
    field = "mentees"
    message = _l("Choose at least one mentee.")


class SamePersonError(PairError):
    """Somebody as their own mentor."""

    code = "same-person"
    field = "mentees"
    message = _l("%(name)s cannot be their own mentor.")


class MenteeNotHereError(PairError):
    """A mentee is not, or no longer, in the course."""

    code = "mentee-not-here"
    field = "mentees"
    message = _l("Not in this course: %(names)s.")


class MenteeNotNeedingError(PairError):
    """Nobody has said that the mentee needs a mentor."""

    code = "mentee-not-needing"
    field = "mentees"
    message = _l("Not marked as needing a mentor: %(names)s. Mark them in the base of mentees first.")


class MenteeDoesNotFitError(PairError):
    """The form is for another kind of mentee."""

    code = "mentee-does-not-fit"
    field = "mentees"
    message = _l("The form %(form)s is not meant for: %(names)s.")


class MenteeWithoutConsentError(PairError):
    """No consent of a mentee, or of whoever signs for them, counts."""

    code = "mentee-without-consent"
    field = "mentees"
    message = _l(
        "No consent to the processing of personal data: %(names)s. They are counted, but cannot be proposed until the "
        "consent is given here or recorded from paper."
    )


class AlreadyPairedError(PairError):
    """A mentee has an open pair in this form."""

    code = "already-paired"
    field = "mentees"
    message = _l("Already in a pair of the form %(form)s: %(names)s.")


class UnknownMoveError(PairError):
    """The pair is in a state from which this does not lead anywhere."""

    code = "unknown-move"
    status = 409
    message = _l("This can no longer be done: the pair is now in the state “%(state)s”.")


class MentorLeftError(PairError):
    """The mentor of an earlier year is not in the new year's base, so the pair can only be finished."""

    code = "mentor-left"
    status = 409
    message = _l("%(name)s is not among the mentors of the new school year.")


class MenteeLeftError(PairError):
    """A mentee has been withdrawn from the new year's base."""

    code = "mentee-left"
    status = 409
    message = _l("Withdrawn from the base of the new school year: %(names)s.")


class FormGoneError(PairError):
    """The new year follows a programme that does not know the pair's form."""

    code = "form-gone"
    status = 409
    message = _l("The programme of the new school year has no form %(form)s.")


class ConsentMissingError(PairError):
    """Somebody of the pair has no consent that counts, so the work does not go on."""

    code = "consent-missing"
    status = 409
    message = _l(
        "This cannot go on: no consent to the processing of personal data of %(names)s. "
        "The curator sees it and decides."
    )


class NotYourMoveError(PairError):
    """The pair is theirs to see, but this is somebody else's to do."""

    code = "not-your-move"
    status = 403
    message = _l("This is not yours to decide: the mentor answers a proposal, the curator does the rest.")


class ReasonNeededError(PairError):
    """Ending early wants a reason."""

    code = "reason-needed"
    field = "reason"
    message = _l("Say why the pair ends early.")


class ReasonTooLongError(PairError):
    """More than the column holds."""

    code = "reason-too-long"
    field = "reason"
    message = _l("At most %(most)s characters, please; there are %(count)s.")


class SomebodysConsentMissingError(PairError):
    """The same, told to whom it is not told whose consent it is."""

    code = "somebodys-consent-missing"
    status = 409
    message = _l(
        "You cannot agree yet: somebody of the pair has no consent to the processing of personal data. Ask the curator."
    )
