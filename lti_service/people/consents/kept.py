"""What is kept about a person's consents, and what erasure does to it.

That a consent was given and withdrawn stays without a name: the operator has to prove that the processing was lawful
while it lasted (152-ФЗ, ст. 9 ч. 3). What names the representative goes, and the paper with it.
"""

from collections.abc import Iterable
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, and_, func, not_, or_, select, update
from sqlalchemy.orm import Session

from lti_service import keeping, personal
from lti_service.keeping import Kind, Moment
from lti_service.pages import show_day
from lti_service.people.consents import labels, scans
from lti_service.people.consents.models import Consent, ConsentText, Way
from lti_service.people.kept import OWN_KEY
from lti_service.personal import Enclosure, Erasing, Holding, Origin, Piece

WAYS: dict[Way, Any] = {
    Way.TOOL: _l("in this service, personally"),
    Way.PAPER: _l("on paper, personally"),
    Way.REPRESENTATIVE: _l("on paper, by a representative"),
}


def _giver(consent: Consent) -> Origin:
    return Origin.SELF if consent.way is Way.TOOL else Origin.CURATOR


personal.keep(
    Holding(
        Consent,
        order=15,
        title=_l("Consent to the processing of personal data"),
        keys=("person_id",),
        pieces=(
            Piece(
                "text_id",
                _l("Text of the consent"),
                _giver,
                read=lambda consent: f"{consent.text.title} ({consent.text.version})",
            ),
            Piece("way", _l("How it was given"), _giver, show=WAYS.__getitem__),
            Piece("given_on", _l("Given on"), _giver),
            Piece("says_adult", _l("Said to be of age"), Origin.SELF),
            Piece("representative", _l("Representative"), Origin.CURATOR, emptied=""),
            Piece(
                "relation",
                _l("Who they are to the person"),
                Origin.CURATOR,
                show=labels.RELATIONS.__getitem__,
                emptied=None,
            ),
            Piece("scan_kind", _l("Scan of the paper"), Origin.CURATOR, emptied=""),
            Piece("recorded_at", _l("Recorded on"), Origin.SERVICE),
            Piece("withdrawn_on", _l("Withdrawn on"), Origin.SELF),
            Piece("withdrawn_reason", _l("Reason of the withdrawal"), Origin.SELF, emptied=""),
        ),
        untold={
            "id": OWN_KEY,
            "grown_if_born_by": "reckoned from the day on which it was given",
            "scan": "the random name of the scan's file; the file itself is taken along",
            "withdrawn_at": "the moment of the withdrawal: its day is told",
        },
        others={
            "recorded_by": "which curator recorded it: their work, about somebody else",
            "withdrawn_by": "who recorded the withdrawal: their work, about somebody else",
        },
        emptied={"scan": ""},
        stays=_l("That a consent was given and withdrawn stays without names: the college has to prove it."),
    )
)
personal.tell_nothing(
    f"{ConsentText.__tablename__}.created_by", "who wrote the college's text: a document, nobody's personal data"
)


@personal.encloses
def papers(session: Session, person_id: int) -> Iterable[Enclosure]:
    """The scans of somebody's consents; one whose file is lost cannot be given to anybody."""
    scanned = select(Consent).where(Consent.person_id == person_id, Consent.scan != "")
    for consent in session.scalars(scanned.order_by(Consent.id)):
        path = scans.kept(consent.scan)
        if path is not None:
            yield Enclosure(
                name=f"consent-{consent.given_on.isoformat()}-{consent.id}.{scans.ENDINGS[consent.scan_kind]}",
                title=_("Scan of the paper of %(day)s", day=show_day(consent.given_on)),
                path=path,
                size=path.stat().st_size,
            )


@personal.before_erasure(21)
def discard_papers(session: Session, erasing: Erasing) -> None:
    """The scans of somebody erased go; the rows forget their names with the rest."""
    scans.discard_afterwards(
        session, session.scalars(select(Consent.scan).where(Consent.person_id == erasing.person_id))
    )


@personal.before_erasure(20)
def withdraw_all(session: Session, erasing: Erasing) -> None:
    """No consent of somebody erased counts any more."""
    session.execute(
        update(Consent)
        .where(Consent.person_id == erasing.person_id, Consent.withdrawn_at.is_(None))
        .values(withdrawn_at=erasing.moment, withdrawn_on=erasing.day, withdrawn_by=erasing.actor_id)
        .execution_options(synchronize_session=False)
    )


def _old_papers(moment: Moment) -> Any:
    """Consents that have a scan and count no more: withdrawn, or of a text that asked everybody again, long ago."""
    texts = select(ConsentText.id).where(ConsentText.platform_id == moment.platform_id)
    superseded = select(ConsentText.id).where(not_(ConsentText.counts))
    return and_(
        Consent.text_id.in_(texts),
        Consent.scan != "",
        or_(
            Consent.withdrawn_at < moment.before,
            and_(Consent.text_id.in_(superseded), Consent.recorded_at < moment.before),
        ),
    )


def _count_papers(session: Session, moment: Moment) -> int:
    return session.scalar(select(func.count()).select_from(Consent).where(_old_papers(moment))) or 0


def _of_papers(_session: Session, moment: Moment) -> Select[int]:
    return select(Consent.person_id).where(_old_papers(moment))


def _purge_papers(session: Session, moment: Moment) -> int:
    found = session.scalars(select(Consent).where(_old_papers(moment)).order_by(Consent.id).with_for_update()).all()
    scans.discard_afterwards(session, [consent.scan for consent in found])
    for consent in found:
        consent.scan, consent.scan_kind = "", ""
    session.flush()
    return len(found)


keeping.keep_for(
    Kind(
        "papers",
        order=25,
        title=_l("Scans of consents that count no more"),
        about=_l("The scan of a consent that was withdrawn or replaced is deleted; that it was given stays."),
        days=3 * 365,
        source=_l("our default: check it with the college's file register"),
        least=30,
        count=_count_papers,
        purge=_purge_papers,
        whose=_of_papers,
    )
)
