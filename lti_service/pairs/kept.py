"""What pairs keep about a person, and what erasure does to it. The other side is a third person: not told by name."""

from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from lti_service import personal
from lti_service.pairs import labels, rules, service
from lti_service.pairs.models import Pair, PairMentee, PairMove
from lti_service.people.kept import OWN_KEY, PARTNERS
from lti_service.people.models import Mentee, Mentor
from lti_service.personal import Erasing, Holding, Origin, Piece

_FORM, _STATE = _l("Form of mentoring"), _l("State")
_STAYS = _l("That an entry without a name was in a pair, when and how it ended, stays for the numbers of past years.")
_IN_A_FEW_WORDS = "the pair's own course: told by its state and its days"


def _title(pair: Pair) -> str:
    return f"{pair.cycle.title}, {pair.course.title}"


personal.keep(
    Holding(
        Pair,
        order=51,
        title=_l("Pairs as a mentor"),
        keys=("mentor_id",),
        pieces=(
            Piece("form_id", _FORM, Origin.CURATOR, PARTNERS, read=lambda pair: pair.form.title),
            Piece("state", _STATE, Origin.CURATOR, PARTNERS, show=labels.STATES.__getitem__),
            Piece("reason", _l("Reason"), Origin.SELF, emptied=""),
            Piece("proposed_at", _l("Proposed on"), Origin.CURATOR, PARTNERS),
            Piece("answered_at", _l("Answered on"), Origin.SELF, PARTNERS),
            Piece("started_at", _l("Started on"), Origin.CURATOR, PARTNERS),
            Piece("ended_at", _l("Ended on"), Origin.CURATOR, PARTNERS),
        ),
        untold={
            "id": OWN_KEY,
            "cycle_id": "told as the row's name",
            "course_id": "told as the row's name",
            "continues_id": "the pair of the year before, which is a row of its own",
            "goal": "what the mentee wants to reach: told to the mentee; the mentor reads it on the pair's page",
        },
        others={
            "proposed_by": "which curator proposed it: their work, about somebody else",
            "continues_id": "the pair of the year before that it goes on from: told as a row of its own",
        },
        name_of=_title,
        stays=_STAYS,
    )
)
personal.keep(
    Holding(
        PairMentee,
        order=50,
        title=_l("Pairs as a mentee"),
        keys=("mentee_id",),
        pieces=(
            Piece("form_id", _FORM, Origin.CURATOR, PARTNERS, read=lambda place: place.pair.form.title),
            # A mentee never reads of having been turned down, nor the words in which: they are the mentor's or the
            # curator's own, and may tell of the mentor.
            Piece("state", _STATE, Origin.CURATOR, PARTNERS, read=lambda place: _known(place, place.pair.state)),
            Piece("goal", _l("Goal"), Origin.MENTOR, PARTNERS, read=lambda place: _known(place, place.pair.goal)),
            Piece("started_at", _l("Started on"), Origin.CURATOR, PARTNERS, read=lambda place: place.pair.started_at),
            Piece(
                "ended_at",
                _l("Ended on"),
                Origin.CURATOR,
                PARTNERS,
                read=lambda place: _known(place, place.pair.ended_at),
            ),
        ),
        untold={"id": OWN_KEY, "is_open": "told by the pair's state"},
        goes=(_l("Reason"), _l("Goal")),
        others={"pair_id": "the pair as the mentor's: told here as far as the mentee may know it"},
        name_of=lambda place: _title(place.pair),
        stays=_STAYS,
    )
)
personal.tell_nothing(f"{Pair.__tablename__}.continues_id", "the pair of the year before: told as a row of its own")
personal.tell_nothing(f"{PairMove.__tablename__}.pair_id", _IN_A_FEW_WORDS)
personal.tell_nothing(f"{PairMove.__tablename__}.actor_id", "who moved a pair: told in the trail of what they did")


def _known(place: PairMentee, value: Any) -> Any:
    if place.pair.state not in rules.KNOWN_TO_MENTEE:
        return None
    return labels.STATES.get(value, value)


@personal.locks_first
def lock_pairs(session: Session, erasing: Erasing) -> None:
    """The person's pairs, as whoever works in one does: first the pair, then the people whom a row of it names."""
    as_mentee = select(PairMentee.pair_id).join(Mentee).where(Mentee.person_id == erasing.person_id)
    as_mentor = select(Mentor.id).where(Mentor.person_id == erasing.person_id)
    session.execute(
        select(Pair.id)
        .where(or_(Pair.id.in_(as_mentee), Pair.mentor_id.in_(as_mentor)))
        .order_by(Pair.id)
        .with_for_update(of=Pair, key_share=True)
    )


@personal.before_erasure(10)
def end_pairs(session: Session, erasing: Erasing) -> None:
    """Open pairs end, and nobody's words about why any pair ended are left."""
    service.end_for_erased(session, erasing.person_id, day=erasing.day, actor_id=erasing.actor_id)
    as_mentee = select(PairMentee.pair_id).join(Mentee).where(Mentee.person_id == erasing.person_id)
    as_mentor = select(Mentor.id).where(Mentor.person_id == erasing.person_id)
    session.execute(
        update(Pair)
        .where(or_(Pair.id.in_(as_mentee), Pair.mentor_id.in_(as_mentor)))
        .values(reason="")
        .execution_options(synchronize_session=False)
    )
