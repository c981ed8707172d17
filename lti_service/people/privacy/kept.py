"""What is kept about a person's own wishes about their data. It stays: it proves that the wish was granted."""

from flask_babel import lazy_gettext as _l

from lti_service import personal
from lti_service.people.kept import OWN_KEY
from lti_service.people.privacy.labels import STATES
from lti_service.people.privacy.models import ErasureRequest
from lti_service.personal import Eyes, Holding, Origin, Piece

_ADMIN = (Eyes.ADMIN,)

personal.keep(
    Holding(
        ErasureRequest,
        order=80,
        title=_l("Requests to erase data"),
        keys=("person_id",),
        pieces=(
            Piece("state", _l("State"), Origin.SERVICE, _ADMIN, show=STATES.__getitem__),
            Piece("received_on", _l("Received on"), Origin.SELF, _ADMIN),
            Piece("on_paper", _l("On paper"), Origin.SERVICE, _ADMIN),
            Piece("answer_by", _l("Answer by"), Origin.SERVICE, _ADMIN),
            Piece("erase_by", _l("Erase by"), Origin.SERVICE, _ADMIN),
            Piece("asked_at", _l("Recorded on"), Origin.SERVICE, _ADMIN),
            Piece("decided_at", _l("Decided on"), Origin.SERVICE, _ADMIN),
            Piece("reason", _l("Reason"), Origin.SERVICE, _ADMIN, emptied=""),
        ),
        untold={
            "id": OWN_KEY,
            "platform_id": "the college that the person is of",
            "gone": "how many rows went at an erasure: whoever was erased has no page",
        },
        others={
            "recorded_by": "which administrator wrote a paper down: their work, about somebody else",
            "decided_by": "which administrator decided: their work, about somebody else",
        },
        stays=_l("When it was asked and what was decided stays without a name, as proof."),
    )
)
