"""What cannot be done in the selection of mentors, each with a code and a sentence."""

from flask_babel import lazy_gettext as _l

from lti_service.people.errors import PeopleError


class SelectionError(PeopleError):
    """Something about the selection cannot be done."""


class DecisionReasonError(SelectionError):
    """A decision that needs a reason came without one, or with too long a one."""

    code = "decision-reason"
    field = "reason"
    message = _l("Say on what ground, in no more than %(most)s characters.")


class CriteriaChangedError(SelectionError):
    """Somebody has changed the criteria since the page was shown."""

    code = "criteria-changed"
    status = 409
    message = _l("The criteria have been changed meanwhile. Look at them again, please.")


class CriteriaWrongError(SelectionError):
    """A criterion that is none; `problems` says which line is wrong and why."""

    code = "criteria-wrong"
    message = _l("Nothing was saved yet: mend the lines that are marked.")

    def __init__(self, problems: dict[int, dict[str, str]]) -> None:
        super().__init__()
        self.problems = problems
        """Number of the line → field → what is wrong."""


class NoCriterionError(SelectionError):
    """A list of criteria without any."""

    code = "no-criterion"
    message = _l("At least one criterion is needed.")


class WrongMarkError(SelectionError):
    """A mark outside the scale, or of a criterion that is not there."""

    code = "wrong-mark"
    message = _l("Marks are from %(least)s to %(most)s.")
