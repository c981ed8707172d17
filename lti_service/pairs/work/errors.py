"""What cannot be done in the work of a pair, each with a code, a sentence and the field it belongs to."""

from datetime import date

from flask_babel import lazy_gettext as _l

from lti_service.pairs.errors import PairError


def shown(day: date) -> str:
    """A day as the sentences below name it."""
    return day.strftime("%d.%m.%Y")


class WorkError(PairError):
    """Something in the plan or the meetings of a pair cannot be done."""


class NotYourPartError(WorkError):
    """The pair is theirs to see, but this is for others of it."""

    code = "not-your-part"
    status = 403
    message = _l("This is not yours to change: the mentor and the curator keep the plan.")


class NotAtWorkError(WorkError):
    """The pair has not been agreed yet, or has come to its end."""

    code = "not-at-work"
    status = 409
    message = _l("The plan and the meetings can be changed while the pair works; now it is in the state “%(state)s”.")


class WorkRestsError(WorkError):
    """There is no consent of the mentee, so nothing more is written down about them."""

    code = "work-rests"
    status = 409
    message = _l(
        "Nothing can be written into the plan and the meetings now: there is no consent to the processing of the "
        "mentee's personal data. The curator knows."
    )


class OwnConsentWithdrawnError(WorkError):
    """The mentor has taken their own consent back, so they neither read nor write anything of the work."""

    code = "own-consent-withdrawn"
    status = 409
    message = _l(
        "You have withdrawn your consent to the processing of personal data, so the plan and the meetings are closed "
        "to you. The curator decides how the pair goes on; you can consent again at any time."
    )


class NoTitleError(WorkError):
    """An item of the plan without words."""

    code = "no-title"
    field = "title"
    message = _l("Say what is to be done.")


class TooLongError(WorkError):
    """More than a column holds; which, its kinds say."""

    code = "too-long"
    message = _l("At most %(most)s characters, please; there are %(count)s.")


class TitleTooLongError(TooLongError):
    """More than the column holds."""

    code = "title-too-long"
    field = "title"


class GoalTooLongError(TooLongError):
    """More than the column holds."""

    code = "goal-too-long"
    field = "goal"


class TopicTooLongError(TooLongError):
    """More than the column holds."""

    code = "topic-too-long"
    field = "topic"


class OutcomeTooLongError(TooLongError):
    """More than the column holds."""

    code = "outcome-too-long"
    field = "outcome"


class NoDueDateError(WorkError):
    """What stands in the field of the due date is no date."""

    code = "no-due-date"
    field = "due"
    message = _l("This is no date.")


class OutOfRangeError(WorkError):
    """A day that cannot be meant; of what, its kinds say."""

    code = "out-of-range"
    message = _l("The day must lie between %(first)s and %(last)s.")


class DueOutOfRangeError(OutOfRangeError):
    """A due date before the pair began, or too far ahead."""

    code = "due-out-of-range"
    field = "due"


class NoDayError(WorkError):
    """A meeting without a day."""

    code = "no-day"
    field = "day"
    message = _l("Say on which day.")


class DayOutOfRangeError(OutOfRangeError):
    """A meeting before the pair began, or planned too far ahead."""

    code = "day-out-of-range"
    field = "day"


class HeldInFutureError(WorkError):
    """What is still to come has not been held."""

    code = "held-in-future"
    field = "day"
    message = _l("This day is still to come: plan the meeting, and say later that it was held.")


class HeldLaterTodayError(WorkError):
    """The day has come, the hour has not."""

    code = "held-later-today"
    field = "time"
    message = _l("This hour is still to come: plan the meeting, and say later that it was held.")


class PlannedInPastError(WorkError):
    """What is over cannot be planned."""

    code = "planned-in-past"
    field = "day"
    message = _l("This day is over: write the meeting down as held, or choose another day.")


class NoTimeError(WorkError):
    """What stands in the field of the time is no time."""

    code = "no-time"
    field = "time"
    message = _l("This is no time of day: write it as 14:30.")


class UnknownWayError(WorkError):
    """A way of meeting that is none."""

    code = "unknown-way"
    field = "way"
    message = _l("Choose how you meet from the list.")


class NotOfThePairError(WorkError):
    """An item or a meeting for somebody who is not in the pair, or about whom nothing may be written down."""

    code = "not-of-the-pair"
    field = "whose"
    message = _l("Choose somebody of the group whose consent to the processing of personal data counts.")


class TooManyItemsError(WorkError):
    """A plan of more items than anybody reads."""

    code = "too-many-items"
    field = "title"
    message = _l("The plan has %(most)s items already, and no more fit.")


class TooManyMeetingsError(WorkError):
    """More meetings than a pair can have."""

    code = "too-many-meetings"
    field = "day"
    message = _l("The pair has %(most)s meetings already, and no more fit.")
