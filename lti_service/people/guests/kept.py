"""What the access of a guest keeps about a person, and what erasure does to it."""

from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, and_, delete, func, select
from sqlalchemy.orm import Session

from lti_service import keeping, personal
from lti_service.keeping import Kind, Moment
from lti_service.people.guests import labels
from lti_service.people.guests.models import GuestAccess
from lti_service.people.guests.rules import AccessState, Standing
from lti_service.people.kept import OF_WHICH, OWN_KEY
from lti_service.personal import Holding, Origin, Piece
from lti_service.platforms.models import Course

_SECRET = "the service's own secret: it opens the door, and tells nothing"  # noqa: S105 - a sentence
_LETTER = "how the letter with the invitation is doing; the letter itself is gone once it has left"


def _state(state: AccessState) -> str:
    return str(labels.STANDINGS[Standing(state.value)])


personal.keep(
    Holding(
        GuestAccess,
        order=45,
        title=_l("Access without Moodle"),
        keys=("person_id",),
        pieces=(
            Piece("state", _l("State"), Origin.SERVICE, show=_state),
            Piece("question", _l("What the word is the answer to"), Origin.CURATOR),
            Piece("invited_at", _l("Invited"), Origin.CURATOR),
            Piece("activated_at", _l("Code used"), Origin.SELF),
            Piece("expires_at", _l("Access until"), Origin.CURATOR),
            Piece("last_seen_at", _l("Last here"), Origin.SERVICE),
            Piece("views", _l("Looks"), Origin.SERVICE),
            Piece("failures", _l("Wrong answers in a row"), Origin.SERVICE),
        ),
        untold={
            "id": OWN_KEY,
            "course_id": OF_WHICH,
            "code_hash": _SECRET,
            "code_until": _SECRET,
            "bound_hash": _SECRET,
            "device_hash": _SECRET,
            "answer": _SECRET,
            "factor": "which question is asked: told by the question",
            "mail_state": _LETTER,
            "letter": _LETTER,
            "mail_tries": _LETTER,
            "mail_try_at": _LETTER,
            "mail_error": _LETTER,
        },
        others={"invited_by": "which curator invited: their work, about somebody else"},
        rows_go=True,
    )
)


def _ended(moment: Moment) -> Any:
    courses = select(Course.id).where(Course.platform_id == moment.platform_id)
    return and_(GuestAccess.course_id.in_(courses), GuestAccess.expires_at < moment.before)


def _count(session: Session, moment: Moment) -> int:
    return session.scalar(select(func.count()).select_from(GuestAccess).where(_ended(moment))) or 0


def _of_accesses(_session: Session, moment: Moment) -> Select[int]:
    return select(GuestAccess.person_id).where(_ended(moment))


def _purge(session: Session, moment: Moment) -> int:
    gone = _count(session, moment)
    session.execute(delete(GuestAccess).where(_ended(moment)))
    return gone


keeping.keep_for(
    Kind(
        "guests",
        order=21,
        title=_l("Accesses of guests that have ended"),
        about=_l("The access with its question and its counts is deleted; the mentor stays."),
        days=365,
        source=_l("our default: no law gives a number; put in your own"),
        least=1,
        count=_count,
        purge=_purge,
        whose=_of_accesses,
    )
)
