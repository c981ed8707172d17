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


class NoPhoneError(PeopleError):
    """The answer is to be the last digits of a phone number, and none is kept."""

    code = "no-phone"
    field = "factor"
    message = _l("No phone number is kept of this person. Enter it, or agree on a word.")


class QuestionMissingError(PeopleError):
    """A word is agreed on without saying which."""

    code = "question-missing"
    field = "question"
    message = _l("Write what the answer is to, so that the guest knows what to enter.")


class AnswerTooShortError(PeopleError):
    """An answer that is guessed at once."""

    code = "answer-too-short"
    field = "answer"
    message = _l("At least %(least)s letters or digits.")


class AnswerInQuestionError(PeopleError):
    """The letter and the printed sheet would tell the answer."""

    code = "answer-in-question"
    field = "question"
    message = _l("The question must not contain the answer: it stands in the letter and on the sheet.")


class AccessDayError(PeopleError):
    """An access that ends before today, or in years."""

    code = "access-day"
    field = "until"
    message = _l("Choose a day from today on, no more than a year ahead.")


class NoAddressError(PeopleError):
    """A letter to somebody whose address is not known."""

    code = "no-address"
    message = _l("No e-mail address is kept of this person. Enter it, or print the invitation.")


class NoMailError(PeopleError):
    """The service cannot send letters."""

    code = "no-mail"
    status = 409
    message = _l("Sending mail is not set up. Print the invitation.")


class NoAccessYetError(PeopleError):
    """Something is done with the access of somebody who was never invited."""

    code = "no-access-yet"
    status = 409
    message = _l("This person has not been invited yet.")


class AccessMoveError(PeopleError):
    """An access is in a state from which this leads nowhere."""

    code = "access-move"
    status = 409
    message = _l("This cannot be done now: “%(state)s”.")


class DoorClosedError(PeopleError):
    """The door stays shut. Whoever stands before it learns no more than that: neither whether there is such a code,
    nor what was wrong."""

    code = "door-closed"
    status = 403
    message = _l(
        "This did not open. Check the code and the answer. A code opens once, in one browser, and not for ever; after "
        "several wrong answers it is locked. If it goes on, ask the curator who invited you for a new code."
    )


class CodeMistypedError(PeopleError):
    """Digits that are no code at all, whichever codes there are."""

    code = "code-mistyped"
    field = "code"
    message = _l("The code has 20 digits, and these do not fit together: there is a slip of the keyboard.")


class PreviewStaleError(PeopleError):
    """What would move is no longer what the curator has seen."""

    code = "preview-stale"
    status = 409
    message = _l("Something has changed meanwhile. Look through it once more, then confirm.")


class JoinConflictError(PeopleError):
    """Both records have something of which one person may have only one."""

    code = "join-conflict"
    status = 409
    message = _l("Nothing was moved: both records have an entry in “%(what)s” of which only one can stay. Remove one.")


class InvitedMeanwhileError(PeopleError):
    """The form was sent twice, or another curator has invited at the same moment."""

    code = "invited-meanwhile"
    status = 409
    message = _l(
        "An invitation has just been made, and its code holds. Only if it is lost, invite once more from this page."
    )


class AccountIsMenteeError(PeopleError):
    """The account is of somebody who has a mentor, or one proposed."""

    code = "account-is-mentee"
    status = 409
    message = _l("%(name)s has a mentor, or one is proposed: this is most likely another person of this name.")
