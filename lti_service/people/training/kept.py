"""What training keeps about a person, and what erasure does to it."""

from flask_babel import lazy_gettext as _l

from lti_service import personal
from lti_service.people.kept import OWN_KEY
from lti_service.people.training.models import Origin as From
from lti_service.people.training.models import Training
from lti_service.personal import Holding, Origin, Piece


def _origin(training: Training) -> Origin:
    return Origin.MOODLE if training.origin is From.MOODLE else Origin.CURATOR


personal.keep(
    Holding(
        Training,
        order=43,
        title=_l("Training of the mentor"),
        keys=("person_id",),
        pieces=(
            Piece("completed_on", _l("Completed on"), _origin),
            Piece("document_number", _l("Number of the document"), _origin, emptied=""),
            Piece("valid_until", _l("Valid until"), _origin),
            Piece("created_at", _l("Written down on"), Origin.SERVICE),
        ),
        untold={
            "id": OWN_KEY,
            "training_course_id": "told as the row's name",
            "origin": "told as from where it came",
        },
        others={"recorded_by": "which curator recorded it: their work, about somebody else"},
        name_of=lambda training: training.course.title,
        stays=_l("That an entry without a name was trained stays, without the number of the document."),
    )
)
