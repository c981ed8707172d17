"""The kinds of files that there are."""

from lti_service.people.imports import births, mentees, mentors, organisations, papers
from lti_service.people.imports.lines import Kind
from lti_service.people.imports.models import Subject

KINDS: dict[Subject, Kind] = {
    Subject.BIRTHS: births.KIND,
    Subject.CONSENTS: papers.KIND,
    Subject.MENTEES: mentees.KIND,
    Subject.EMPLOYERS: organisations.KIND,
    Subject.MENTORS: mentors.KIND,
}
"""In the order in which a curator fills the bases."""
