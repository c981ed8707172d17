"""What cannot be done with people, each with a code and a sentence."""

from flask_babel import lazy_gettext as _l

from lti_service.errors import DomainError


class PeopleError(DomainError):
    """Something about the bases cannot be done."""


class NobodyChosenError(PeopleError):
    """A change of several people came without any."""

    code = "nobody-chosen"
    message = _l("Choose at least one person in the list.")


class ListMovedError(PeopleError):
    """Everybody of a list was to be changed, and more or fewer are in it than its page had counted."""

    code = "list-moved"
    status = 409
    message = _l(
        "The list has changed since you saw it: then %(before)s people answered to the filter, now %(count)s. "
        "Nobody was changed; look at the list and press again."
    )


class ListChangedError(PeopleError):
    """Everybody of a list was to be changed, and as many are in it, but not the same."""

    code = "list-changed"
    status = 409
    message = _l(
        "The list has changed since you saw it: now other people answer to the filter (%(count)s). "
        "Nobody was changed; look at the list and press again."
    )


class NobodyFitsError(PeopleError):
    """The rules on who is who find no mentor among those chosen."""

    code = "nobody-fits"
    message = _l(
        "By the rules “Who is who” none of those chosen can be a mentor: senior students can, and teachers who are not "
        "young ones. On a person's own page you can put them into the base all the same."
    )


class NameMissingError(PeopleError):
    """A name corrected to nothing."""

    code = "name-missing"
    field = "family_name"
    message = _l("Write at least a family name or a given name.")


class BirthDateError(PeopleError):
    """A day on which nobody alive was born."""

    code = "birth-date"
    field = "birth_date"
    message = _l("A date of birth from %(least)s up to today.")


class MoveRefusedError(PeopleError):
    """Nobody of those chosen is in a state from which this leads anywhere."""

    code = "move-refused"
    message = _l("This cannot be done with people in the state “%(state)s”.")


class FormDoesNotFitError(PeopleError):
    """The form of mentoring is for another kind of mentee."""

    code = "form-does-not-fit"
    field = "wanted_form"
    message = _l("The form %(form)s is not meant for %(name)s.")


class PairKeepsKindError(PeopleError):
    """Somebody is to be another kind of mentee while a pair of theirs is open, whose form is for the kind they are."""

    code = "pair-keeps-kind"
    field = "kind"
    message = _l(
        "%(name)s has an open pair in a form that is for the kind “%(kind)s”. Finish it or take it back first."
    )


class FormRetiredError(PeopleError):
    """No new pairs are formed in this form of mentoring any more."""

    code = "form-retired"
    field = "wanted_form"
    message = _l("No new pairs are formed in the form %(form)s any more.")


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


class NoAccountError(PeopleError):
    """Somebody from outside is put into the base of mentees, whose pages, consents and grades are Moodle's."""

    code = "no-account"
    message = _l("%(name)s has no Moodle account, so they can be a mentor only.")


class CapacityError(PeopleError):
    """A number of mentees that no mentor can be given."""

    code = "capacity-out-of-range"
    field = "capacity"
    message = _l("From %(least)s to %(most)s mentees at once.")


class TooLateToOfferError(PeopleError):
    """The curator has decided about this mentor already."""

    code = "too-late-to-offer"
    status = 409
    message = _l("The curator has decided about you already; your profile can still be changed.")


class TooLateToTakeBackError(PeopleError):
    """Only candidates can take back that they want to be a mentor."""

    code = "too-late-to-take-back"
    status = 409
    message = _l("The curator has decided about you already. If you cannot be a mentor, write to the curator.")


class ExperienceError(PeopleError):
    """More years than a life has."""

    code = "experience-out-of-range"
    field = "experience_years"
    message = _l("From 0 to %(most)s years.")


class FormNotForMentorError(PeopleError):
    """A form of mentoring that another kind of mentor leads, or another programme has."""

    code = "form-not-for-mentor"
    field = "forms"
    message = _l("Choose forms of mentoring that are meant for this kind of mentor.")


class ContactWayMissingError(PeopleError):
    """A number or an address without a word on what it is."""

    code = "contact-way-missing"
    field = "contact_way"
    message = _l("Say what this is: a telephone number, an address, a place.")


class NoCycleError(PeopleError):
    """The school year has not been opened: the first sync does it."""

    code = "no-cycle"
    message = _l("The school year has no base yet: load the people from Moodle first.")


class ConsentError(PeopleError):
    """Something about a consent cannot be done."""


class MinorCannotConsentError(ConsentError):
    """Under 18 a representative signs."""

    code = "minor-cannot-consent"
    status = 403
    message = _l("You are under 18, so one of your parents or another legal representative signs for you, on paper.")


class AgeNotConfirmedError(ConsentError):
    """The birth date is not known, and the person did not say that they are of age."""

    code = "age-not-confirmed"
    field = "says_adult"
    message = _l("Confirm that you are 18 or older. If you are not, a parent or another representative signs for you.")


class TextChangedError(ConsentError):
    """The text that was agreed to is no longer the current one."""

    code = "consent-text-changed"
    status = 409
    message = _l("The text has changed meanwhile. Read it again, please, and then agree.")


class PapersWrongError(ConsentError):
    """Some of the papers cannot be recorded, so none was; `problems` says which and why, by the person's id."""

    code = "papers-wrong"
    message = _l("Nothing was recorded yet: mend the lines that are marked.")

    def __init__(self, problems: dict[int, dict[str, str]]) -> None:
        super().__init__()
        self.problems = problems
        """Person id → field → what is wrong."""


class NoPaperError(ConsentError):
    """Papers were to be recorded, but no line was filled in."""

    code = "no-paper"
    message = _l("Fill in at least one line.")


class NothingToWithdrawError(ConsentError):
    """There is no consent, or it was withdrawn before."""

    code = "nothing-to-withdraw"
    status = 409
    message = _l("There is no consent to withdraw.")


class WithdrawalDateError(ConsentError):
    """A day that no paper of this withdrawal can bear."""

    code = "withdrawal-date"
    field = "withdrawn_on"
    message = _l("Give the date of the paper: not in the future, and not before the consent.")


class ReasonNeededError(ConsentError):
    """A curator withdraws in somebody's name without saying why."""

    code = "reason-needed"
    field = "reason"
    message = _l("Say on what ground, in no more than %(most)s characters.")


class TextWrongError(ConsentError):
    """A title or a text that is empty or too long."""

    code = "consent-text-wrong"
    message = _l("A title of up to %(title)s and a text of up to %(text)s characters are needed.")


class ScanTooLargeError(ConsentError):
    """More bytes than a scan may have."""

    code = "scan-too-large"
    status = 413
    field = "scan"
    message = _l("The file is larger than %(most)s MB: scan it in grey, or at 150–200 dpi.")


class ScanKindError(ConsentError):
    """Something else than a scan, whatever its name says."""

    code = "scan-kind"
    field = "scan"
    message = _l("This is no PDF, JPEG or PNG file.")


class ScanThereError(ConsentError):
    """One scan a paper."""

    code = "scan-there"
    status = 409
    field = "scan"
    message = _l("This consent has a scan already. Delete it first, then add the other.")


class ScanGoneError(ConsentError):
    """The database knows of a file that is not in the folder."""

    code = "scan-gone"
    status = 404
    message = _l("The file of this scan is not in the folder of scans; the administrator can restore it from a backup.")


class SupportDayError(PeopleError):
    """A talk that is still to come or was too long ago, or a next look before the talk."""

    code = "support-day"
    field = "day"
    message = _l(
        "The talk cannot be in the future or before the year %(least)s, and the next look cannot be before the talk."
    )


class NothingAgreedError(PeopleError):
    """A talk of which nothing is told."""

    code = "nothing-agreed"
    field = "agreed"
    message = _l("Say who talked with the mentee and what was agreed.")


class NoReasonError(PeopleError):
    """A nomination that does not say why."""

    code = "no-reason"
    field = "reason"
    message = _l("Say in a few words why this student needs a mentor.")
