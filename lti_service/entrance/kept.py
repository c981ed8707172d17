"""What the door keeps about a person, and what erasure does to it."""

from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from lti_service import keeping, personal
from lti_service.entrance.models import Visit
from lti_service.keeping import Kind, Moment
from lti_service.people.kept import OWN_KEY
from lti_service.personal import Holding, Origin, Piece

personal.keep(
    Holding(
        Visit,
        order=90,
        title=_l("Visits"),
        keys=("person_id",),
        pieces=(
            Piece("created_at", _l("Came in"), Origin.SERVICE, ()),
            Piece("expires_at", _l("Visit ends"), Origin.SERVICE, ()),
            Piece("locale", _l("Language"), Origin.MOODLE, ()),
            Piece("is_admin", _l("As an administrator of Moodle"), Origin.MOODLE, ()),
        ),
        untold={
            "id": OWN_KEY,
            "token_hash": "whoever knew it could not come in with it, and it tells nothing",
            "platform_id": "the college that the person is of",
            "guest_device": "a secret's hash, which ends a guest's visit with the access",
        },
        rows_go=True,
    )
)


def _ended(moment: Moment) -> list[object]:
    return [Visit.platform_id == moment.platform_id, Visit.expires_at < moment.before]


def _count(session: Session, moment: Moment) -> int:
    return session.scalar(select(func.count()).select_from(Visit).where(*_ended(moment))) or 0  # type: ignore[arg-type]


def _purge(session: Session, moment: Moment) -> int:
    gone = _count(session, moment)
    session.execute(delete(Visit).where(*_ended(moment)))  # type: ignore[arg-type]
    return gone


keeping.keep_for(
    Kind(
        "visits",
        order=20,
        title=_l("Visits that have ended"),
        about=_l("Who came in and when; an ended visit opens nothing. It is deleted."),
        days=1,
        source=_l("our default: as long as somebody may look into why a visit did not work"),
        count=_count,
        purge=_purge,
    )
)
