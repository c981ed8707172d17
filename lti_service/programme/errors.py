"""What cannot be done with the programme, each with a code and a sentence."""

from flask_babel import lazy_gettext as _l

from lti_service.errors import DomainError


class ProgrammeError(DomainError):
    """Something about the programme cannot be done."""


class PresetInvalidError(ProgrammeError):
    """The file is not a programme: `problems` says what is wrong where."""

    code = "preset-invalid"


class NoYearError(ProgrammeError):
    """The school year has not been opened: the first load of people does it."""

    code = "no-year"
    status = 409
    message = _l("The school year has not begun here yet: load the people from Moodle first.")


class TitleTakenError(ProgrammeError):
    """Two forms of a year would look the same."""

    code = "form-title-taken"
    field = "title"
    message = _l("There is a form with this title already.")


class KindsFixedError(ProgrammeError):
    """The form is used, so whom it is for cannot change under the feet of those who use it."""

    code = "form-kinds-fixed"
    field = "mentor_kind"
    message = _l("The form is used already, so the kinds of mentor and mentee stay. Retire it and add another one.")


class FormInUseError(ProgrammeError):
    """A form that somebody uses was to be deleted."""

    code = "form-in-use"
    status = 409
    message = _l("The form is used: by pairs, requests or mentors. It can be retired instead.")


class TooManyFormsError(ProgrammeError):
    """More forms than anybody can choose from."""

    code = "too-many-forms"
    status = 409
    message = _l("There are %(most)s forms already, which is as many as there can be.")
