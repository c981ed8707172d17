"""A small Moodle for tests and for `make demo`: it answers as a real Moodle 4.5 was recorded to answer.

app = create_practice_moodle(a_college())
moodle = practice_moodle(app)
with running(app) as address:
    tool = moodle.add_tool("http://localhost:8000")
    link = moodle.add_link(2, tool)
    form = moodle.login_form(moodle.college.students[0], link)
"""

from .college import College, CollegeError, Course, Feedback, Group, Person
from .gradebook import Column, Gradebook
from .lti_platform import DEEP_LINK, RESOURCE_LINK, SUBMISSION_REVIEW, Link, MoodlePageError, Tool
from .sample import a_college, add_school
from .server import DEMO_CLIENT_ID, PracticeMoodle, create_practice_moodle, practice_moodle, running
from .signing import new_key, public_jwk
from .web_services import TOKEN

__all__ = [
    "DEEP_LINK",
    "DEMO_CLIENT_ID",
    "RESOURCE_LINK",
    "SUBMISSION_REVIEW",
    "TOKEN",
    "College",
    "CollegeError",
    "Column",
    "Course",
    "Feedback",
    "Gradebook",
    "Group",
    "Link",
    "MoodlePageError",
    "Person",
    "PracticeMoodle",
    "Tool",
    "a_college",
    "add_school",
    "create_practice_moodle",
    "new_key",
    "practice_moodle",
    "public_jwk",
    "running",
]
