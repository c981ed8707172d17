"""What the gradebook columns keep about a person, and what erasure does to it."""

from flask_babel import lazy_gettext as _l

from lti_service import personal
from lti_service.indicators.models import Grade
from lti_service.people.kept import OWN_KEY
from lti_service.personal import Eyes, Holding, Origin, Piece

_SENDING = "how the delivery to Moodle goes: nothing about the person"

personal.keep(
    Holding(
        Grade,
        order=70,
        title=_l("Grades in Moodle's gradebook made from indicators"),
        keys=("person_id",),
        pieces=(
            Piece("wanted", _l("The grade as it should be"), Origin.SERVICE, (Eyes.CURATORS, Eyes.MOODLE)),
            Piece("confirmed", _l("The grade in Moodle"), Origin.SERVICE, (Eyes.CURATORS, Eyes.MOODLE)),
            Piece("sent_at", _l("Sent to Moodle"), Origin.SERVICE),
        ),
        untold={
            "id": OWN_KEY,
            "column_id": "which of several rows this is: told as the row's name",
            **dict.fromkeys(("state", "tries", "try_at", "claimed_at", "sent", "reason", "roles_then"), _SENDING),
        },
        rows_go=True,
        name_of=lambda grade: grade.column.label,
    )
)
