"""What Moodle answers, as frozen dataclasses: plain values, times aware and in UTC."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SiteInfo:
    """A site, the user whose token it is, and the functions the token opens."""

    name: str
    url: str
    user_id: int
    username: str
    fullname: str
    lang: str
    release: str
    version: str
    functions: frozenset[str]


@dataclass(frozen=True, slots=True)
class Course:
    """A course; `starts` and `ends` are None where no date is set."""

    id: int
    fullname: str
    shortname: str
    idnumber: str
    visible: bool
    starts: datetime | None
    ends: datetime | None


@dataclass(frozen=True, slots=True)
class CourseCompletion:
    """Whether somebody has completed a course.

    `completed_at` is when the last of the criteria that are met was: Moodle does not tell the course's own time. None
    where no criterion has one.
    """

    completed: bool
    completed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Group:
    """A group of a course; `idnumber` is empty in a user's own list of groups, where Moodle leaves it out."""

    id: int
    name: str
    idnumber: str = ""


@dataclass(frozen=True, slots=True)
class User:
    """A person; what was not asked for, or is hidden from the token's user, is empty.

    `profile` holds custom fields by short name as Moodle keeps them: text as is, dates as a string of epoch
    seconds.
    """

    id: int
    username: str = ""
    firstname: str = ""
    lastname: str = ""
    fullname: str = ""
    email: str = ""
    idnumber: str = ""
    department: str = ""
    institution: str = ""
    suspended: bool = False
    profile: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EnrolledUser(User):
    """A participant of a course, with the short names of the roles held there (`student`, custom ones too).

    Moodle 4.5 does not say `suspended` here, so False means little: ask for active enrolments only.
    """

    roles: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()


@dataclass(frozen=True, slots=True)
class Feedback:
    """A Feedback activity; `course_module_id` is the id in its page's address."""

    id: int
    course_id: int
    course_module_id: int
    name: str
    anonymous: bool
    opens: datetime | None
    closes: datetime | None


@dataclass(frozen=True, slots=True)
class FeedbackItem:
    """A question, heading or page break of a Feedback activity, with its full name.

    `options` are the texts to choose from, in order: an answer's raw value is a 1-based index into them
    (several, joined by `|`, when `multiple`). `weights` runs alongside for `multichoicerated` items, is
    empty for others.
    """

    id: int
    name: str
    label: str
    type: str
    position: int
    required: bool
    has_value: bool
    options: tuple[str, ...] = ()
    weights: tuple[int, ...] = ()
    multiple: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to one item: `raw` as stored (empty when not given), `printed` as shown to people."""

    raw: str
    printed: str


@dataclass(frozen=True, slots=True)
class FeedbackAttempt:
    """One filled-in form, answers by item id; an anonymous one has neither `user_id` nor `modified`."""

    id: int
    user_id: int | None
    modified: datetime | None
    answers: dict[int, Answer]


@dataclass(frozen=True, slots=True)
class FeedbackResponses:
    """A page of filled-in forms, named ones first, and how many there are of each kind on all pages."""

    attempts: tuple[FeedbackAttempt, ...]
    total_named: int
    total_anonymous: int
