"""What the selection of mentors keeps about a person, and what erasure does to it.

A mark that somebody was given is their own data, whatever the pages show of it: the person is told it.
"""

from typing import Any

from flask_babel import lazy_gettext as _l

from lti_service import personal
from lti_service.people.kept import OWN_KEY
from lti_service.people.selection import labels
from lti_service.people.selection.models import MentorDecision
from lti_service.personal import Holding, Origin, Piece


def _marks(scores: list[Any]) -> dict[str, Any]:
    return {str(score["title"]): score["mark"] for score in scores}


personal.keep(
    Holding(
        MentorDecision,
        order=42,
        title=_l("Decisions about the mentor"),
        keys=("mentor_id",),
        pieces=(
            Piece("decision", _l("Decision"), Origin.CURATOR, show=labels.DECISIONS.__getitem__),
            Piece("reason", _l("Reason"), Origin.CURATOR, emptied=""),
            Piece("scores", _l("Marks"), Origin.CURATOR, show=_marks, emptied=[]),
            Piece("decided_at", _l("Decided on"), Origin.CURATOR),
        ),
        untold={"id": OWN_KEY},
        others={"decided_by": "which curator decided: their work, about somebody else"},
        stays=_l("That an entry without a name was selected stays, without marks and reasons."),
    )
)
