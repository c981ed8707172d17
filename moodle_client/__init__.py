"""A typed client for Moodle's web services, on requests and marshmallow.

    with MoodleClient("https://moodle.example.org", token) as moodle:
        for page in moodle.iter_enrolled_users(course_id=2, only_active=True):
            for user in page:
                print(user.fullname, user.roles)

Answers are frozen dataclasses; what goes wrong is a `MoodleError`, sorted by Moodle's own `errorcode`.
"""

import logging

from .client import BEGINNING, ENROLLED_USER_FIELDS, MESSAGE_MAX_BYTES, MoodleClient, Position
from .errors import (
    AccessDenied,
    InvalidParameter,
    InvalidToken,
    MalformedResponse,
    MessageNotSent,
    MoodleError,
    MoodleUnavailable,
    RecordNotFound,
)
from .models import (
    Answer,
    Course,
    CourseCompletion,
    EnrolledUser,
    Feedback,
    FeedbackAttempt,
    FeedbackItem,
    FeedbackResponses,
    Group,
    SiteInfo,
    User,
)
from .texts import read_json, storable

__all__ = [
    "BEGINNING",
    "ENROLLED_USER_FIELDS",
    "MESSAGE_MAX_BYTES",
    "AccessDenied",
    "Answer",
    "Course",
    "CourseCompletion",
    "EnrolledUser",
    "Feedback",
    "FeedbackAttempt",
    "FeedbackItem",
    "FeedbackResponses",
    "Group",
    "InvalidParameter",
    "InvalidToken",
    "MalformedResponse",
    "MessageNotSent",
    "MoodleClient",
    "MoodleError",
    "MoodleUnavailable",
    "Position",
    "RecordNotFound",
    "SiteInfo",
    "User",
    "read_json",
    "storable",
]

logging.getLogger(__name__).addHandler(logging.NullHandler())
