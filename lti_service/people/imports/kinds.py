"""The kinds of files that there are."""

from lti_service.people.imports import births
from lti_service.people.imports.lines import Kind
from lti_service.people.imports.models import Subject

KINDS: dict[Subject, Kind] = {
    Subject.BIRTHS: births.KIND,
}
