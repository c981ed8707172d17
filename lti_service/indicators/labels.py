"""The words in which pages speak of indicators and grades."""

from typing import Any

from flask_babel import lazy_gettext as _l

from lti_service.indicators.delivery import NOT_ACTIVE, NOT_OFFERED
from lti_service.indicators.formulas import Standing
from lti_service.indicators.models import Grade, GradeState
from lti_service.indicators.rules import Trouble
from lti_service.indicators.service import Side
from lti_service.lti import services

STANDINGS: dict[Standing, tuple[Any, str, str]] = {
    Standing.REACHED: (_l("plan reached"), "success", "✓"),
    Standing.CLOSE: (_l("close to the plan"), "warning", "≈"),
    Standing.BEHIND: (_l("behind the plan"), "danger", "!"),
    Standing.NO_FACT: (_l("nothing to count yet"), "secondary", "—"),
    Standing.NO_PLAN: (_l("no plan for this year"), "secondary", "—"),
}
"""Word, colour and sign: never the colour alone."""

SIDES: dict[Side, Any] = {Side.INSIDE: _l("In the numerator"), Side.OUTSIDE: _l("Only in the denominator")}

GRADE_STATES: dict[GradeState, tuple[Any, str]] = {
    GradeState.DUE: (_l("waits to be sent"), "secondary"),
    GradeState.SENDING: (_l("is being sent"), "info"),
    GradeState.SENT: (_l("sent, not yet read back"), "info"),
    GradeState.CONFIRMED: (_l("in Moodle"), "success"),
    GradeState.REJECTED: (_l("cannot be delivered"), "danger"),
}

TROUBLES: dict[str, Any] = {
    Trouble.STALE.value: _l("Moodle holds a grade with a newer time stamp."),
    Trouble.NOT_GRADABLE.value: _l("Moodle gives this person no grades: they are not a student of the course there."),
    Trouble.OVERRIDDEN.value: _l("Somebody set this grade by hand in Moodle."),
    Trouble.LOCKED.value: _l("The grade is locked in Moodle."),
    Trouble.UNAVAILABLE.value: _l("Moodle did not answer. It is tried again."),
    Trouble.UNAUTHORISED.value: _l("Moodle did not let us in. The administrator should check the connection."),
    Trouble.REFUSED.value: _l("Moodle refused the grade without saying why."),
    Trouble.COLUMN_GONE.value: _l("The column is no longer in Moodle's gradebook. It is made anew."),
    NOT_OFFERED: _l(
        "Moodle offers no gradebook to this course. In the tool's settings in Moodle, allow grade sync and column "
        "management; then open the activity once."
    ),
    NOT_ACTIVE: _l("The connection to Moodle is paused."),
    services.TokenRefusedError.code: _l(
        "Moodle did not give this service access. The administrator should check the connection."
    ),
    services.ServiceRefusedError.code: _l(
        "Moodle refused the request. The administrator finds the details in the log."
    ),
    services.MalformedAnswerError.code: _l("Moodle answered with something that cannot be read. It is tried again."),
    "worker-lost": _l("The worker was stopped in the middle."),
}


_LEFT = _l("The person left the course: Moodle keeps the old grade out of sight.")


def grade_trouble(grade: Grade) -> Any:
    """What stands between a grade and Moodle, in a sentence."""
    if grade.wanted is None and grade.reason == Trouble.NOT_GRADABLE:
        return _LEFT
    return trouble(grade.reason)


def trouble(code: str) -> Any:
    """What a reason means, in a sentence."""
    return TROUBLES.get(code, _l("It did not work. The administrator finds the details in the log."))
