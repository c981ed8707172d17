"""What cannot be done with the training of mentors, each with a code and a sentence."""

from flask_babel import lazy_gettext as _l

from lti_service.people.errors import PeopleError


class TrainingError(PeopleError):
    """Something about training cannot be done."""


class TitleMissingError(TrainingError):
    """A course without a title."""

    code = "title-missing"
    field = "title"
    message = _l("Write what the course is called.")


class CourseDatesError(TrainingError):
    """A course that ends before it begins, or in a year that can only be a slip."""

    code = "training-dates"
    field = "ends_on"
    message = _l("Check the dates: the course cannot end before it begins.")


class MoodleCourseError(TrainingError):
    """What was given for a Moodle course is no number and no address of one."""

    code = "moodle-course-wrong"
    field = "moodle_course"
    message = _l("Give the address of the course in Moodle, or the number after “id=” in it.")


class MoodleCourseTakenError(TrainingError):
    """Another training course is read from this Moodle course already."""

    code = "moodle-course-taken"
    field = "moodle_course"
    message = _l("The completion of this Moodle course is read for another training already: %(title)s.")


class CourseInUseError(TrainingError):
    """Somebody has completed a course that is to be deleted."""

    code = "training-in-use"
    status = 409
    message = _l("Mentors have completed this course, so it cannot be deleted. Take their records away first.")


class CompletedDayError(TrainingError):
    """A day of completion that is still to come, or long ago."""

    code = "completed-day"
    field = "completed_on"
    message = _l("Give the day of completion: it cannot be in the future.")


class ValidUntilError(TrainingError):
    """A training that would have run out before it was completed."""

    code = "valid-until"
    field = "valid_until"
    message = _l("The training cannot run out before it is completed.")


class NumberTooLongError(TrainingError):
    """More than a document's number holds."""

    code = "document-number-long"
    field = "number"
    message = _l("No more than %(most)s characters.")


class NoCourseError(TrainingError):
    """A record without a course, or of one that is not there any more."""

    code = "training-course-missing"
    field = "course"
    message = _l("Choose the course.")


class ReadFromMoodleError(TrainingError):
    """A record that the next reading would bring back."""

    code = "read-from-moodle"
    status = 409
    message = _l("This completion comes from Moodle and would come back. Change it there.")


class NotReadableError(TrainingError):
    """A course whose completion is read from nowhere."""

    code = "training-not-readable"
    status = 409
    message = _l("No Moodle course is given for this training, so there is nothing to read.")
