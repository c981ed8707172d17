"""What the work of pairs keeps about a person, and what erasure does to it.

The mentee is told all that they see of it; the mentor that they met and planned, and when: the words are about the
mentee, and are read on the pair's page for as long as a consent counts. Where somebody is erased, the words go.
"""

from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, Select, and_, func, or_, select, update
from sqlalchemy.orm import Session

from lti_service import personal
from lti_service.pairs import rules as pair_rules
from lti_service.pairs.models import Pair, PairMentee
from lti_service.pairs.work import labels
from lti_service.pairs.work.models import Meeting, PlanItem
from lti_service.people.kept import OWN_KEY, PARTNERS
from lti_service.people.models import Mentee, Mentor, Person
from lti_service.people.names import mentions, mentions_family
from lti_service.personal import Erasing, Eyes, Holding, Origin, Piece

PAIRS_OWN = (Eyes.CURATORS, Eyes.MENTOR, Eyes.MENTEES)
_STAFF_WORK = "who wrote it down: told as from where it came"
_WORDS_OF_THE_PAIR = "words about the mentee: told to the mentee, and read on the pair's page while a consent counts"
_OF_WHICH = "the pair, which is a row of its own: told as the row's name"
_STAYS = _l("That there was such a thing, and its days, stays without any words.")


def _led(person_id: int) -> Select[Any]:
    """Ids of the pairs that somebody mentors."""
    return select(Pair.id).join(Mentor, Mentor.id == Pair.mentor_id).where(Mentor.person_id == person_id)


def _joined(person_id: int) -> Select[Any]:
    """Ids of the pairs in which somebody is a mentee who knows of it."""
    return (
        select(PairMentee.pair_id)
        .join(Mentee, Mentee.id == PairMentee.mentee_id)
        .join(Pair, Pair.id == PairMentee.pair_id)
        .where(Mentee.person_id == person_id, Pair.state.in_(pair_rules.KNOWN_TO_MENTEE))
    )


def _as_mentee(table: type[PlanItem] | type[Meeting]) -> Any:
    """Rows of the pair as a whole, and those that are this mentee's."""

    def reach(person_id: int) -> ColumnElement[bool]:
        of_all = and_(table.pair_id.in_(_joined(person_id)), table.for_id.is_(None))
        return or_(table.for_id == person_id, of_all)

    return reach


def _as_mentor(table: type[PlanItem] | type[Meeting]) -> Any:
    def reach(person_id: int) -> ColumnElement[bool]:
        return table.pair_id.in_(_led(person_id))

    return reach


def _origin(row: PlanItem | Meeting) -> Origin:
    """For a mentee: from their mentor, themselves, or a curator."""
    if row.made_by == row.pair.mentor.person_id:
        return Origin.MENTOR
    return Origin.SELF if _is_mentees(row) else Origin.CURATOR


def _mentors_origin(row: PlanItem | Meeting) -> Origin:
    return Origin.SELF if row.made_by == row.pair.mentor.person_id else Origin.SERVICE


def _is_mentees(row: PlanItem | Meeting) -> bool:
    return row.made_by in {place.mentee.person_id for place in row.pair.places}


def _title(row: PlanItem | Meeting) -> str:
    return f"{row.pair.cycle.title}, {row.pair.course.title}"


_ITEM_OTHERS = {
    "made_by": _STAFF_WORK,
    "done_by": "who ticked it: one of the pair or a curator, seen on the pair's page",
}
_MEETING_OTHERS = {"made_by": _STAFF_WORK, "logged_by": "who said that it was held: seen on the pair's page"}

personal.keep(
    Holding(
        PlanItem,
        order=52,
        title=_l("Individual plan as a mentee"),
        keys=(),
        reach=_as_mentee(PlanItem),
        pieces=(
            Piece("title", _l("What is to be done"), _origin, PARTNERS),
            Piece("due", _l("Until"), _origin, PARTNERS),
            Piece("done_at", _l("Done on"), Origin.SERVICE, PARTNERS),
            Piece("made_at", _l("Written down on"), Origin.SERVICE, PARTNERS),
        ),
        untold={"id": OWN_KEY},
        others={**_ITEM_OTHERS, "pair_id": _OF_WHICH, "for_id": "that it is this mentee's: it is told for that"},
        goes=(_l("What is to be done"),),
        name_of=_title,
        stays=_STAYS,
    )
)
personal.keep(
    Holding(
        PlanItem,
        order=53,
        title=_l("Individual plans as a mentor"),
        keys=(),
        reach=_as_mentor(PlanItem),
        pieces=(
            Piece("due", _l("Until"), _mentors_origin, PARTNERS),
            Piece("done_at", _l("Done on"), Origin.SERVICE, PARTNERS),
            Piece("made_at", _l("Written down on"), Origin.SERVICE, PARTNERS),
        ),
        untold={"id": OWN_KEY, "title": _WORDS_OF_THE_PAIR},
        others={**_ITEM_OTHERS, "pair_id": _OF_WHICH, "for_id": "which mentee's it is: a third person"},
        goes=(_l("What is to be done"),),
        name_of=_title,
        stays=_STAYS,
    )
)
personal.keep(
    Holding(
        Meeting,
        order=54,
        title=_l("Meetings as a mentee"),
        keys=(),
        reach=_as_mentee(Meeting),
        pieces=(
            Piece("day", _l("Day"), _origin, PARTNERS),
            Piece("time", _l("Time"), _origin, PARTNERS, show=lambda value: value.strftime("%H:%M")),
            Piece("way", _l("How"), _origin, PARTNERS, show=labels.WAYS.__getitem__),
            Piece("state", _l("State"), Origin.SERVICE, PARTNERS, show=labels.STATES.__getitem__),
            Piece("topic", _l("Topic"), _origin, PARTNERS),
            Piece("outcome", _l("What was agreed"), _origin, PAIRS_OWN),
            Piece("made_at", _l("Written down on"), Origin.SERVICE, PARTNERS),
        ),
        untold={"id": OWN_KEY, "logged_at": "the moment at which it was said to be held: its day is told"},
        others={**_MEETING_OTHERS, "pair_id": _OF_WHICH, "for_id": "that it is this mentee's: it is told for that"},
        goes=(_l("Topic"), _l("What was agreed")),
        name_of=_title,
        stays=_STAYS,
    )
)
personal.keep(
    Holding(
        Meeting,
        order=55,
        title=_l("Meetings as a mentor"),
        keys=(),
        reach=_as_mentor(Meeting),
        pieces=(
            Piece("day", _l("Day"), _mentors_origin, PARTNERS),
            Piece("time", _l("Time"), _mentors_origin, PARTNERS, show=lambda value: value.strftime("%H:%M")),
            Piece("way", _l("How"), _mentors_origin, PARTNERS, show=labels.WAYS.__getitem__),
            Piece("state", _l("State"), Origin.SERVICE, PARTNERS, show=labels.STATES.__getitem__),
            Piece("made_at", _l("Written down on"), Origin.SERVICE, PARTNERS),
        ),
        untold={
            "id": OWN_KEY,
            "topic": _WORDS_OF_THE_PAIR,
            "outcome": _WORDS_OF_THE_PAIR,
            "logged_at": "the moment at which it was said to be held: its day is told",
        },
        others={**_MEETING_OTHERS, "pair_id": _OF_WHICH, "for_id": "with which mentee it was: a third person"},
        goes=(_l("Topic"), _l("What was agreed")),
        name_of=_title,
        stays=_STAYS,
    )
)


# --- erasure ------------------------------------------------------------------------------------------------------


@personal.before_erasure(11)
def forget_words(session: Session, erasing: Erasing) -> None:
    """Of somebody's pairs no words are left; of a group only what is theirs, by them or names them, for it goes on."""
    person = session.get_one(Person, erasing.person_id)
    says = [mentions([person.email, person.idnumber]), *map(mentions_family, person.family_names)]

    def has(text: str) -> bool:
        return any(said(text) for said in says)

    as_mentee = select(PairMentee.pair_id).join(Mentee).where(Mentee.person_id == person.id)
    alone = select(PairMentee.pair_id).group_by(PairMentee.pair_id).having(func.count(PairMentee.id) == 1)
    whole = set(
        session.scalars(
            select(Pair.id).where(or_(Pair.id.in_(_led(person.id)), and_(Pair.id.in_(as_mentee), Pair.id.in_(alone))))
        )
    )
    groups = set(session.scalars(as_mentee)) - whole
    goals = session.execute(select(Pair.id, Pair.goal).where(Pair.id.in_(groups), Pair.goal != "")).all()
    _empty(session, Pair, whole | {key for key, goal in goals if has(goal)}, goal="")
    items = session.scalars(select(PlanItem).where(PlanItem.pair_id.in_(whole | groups))).all()
    theirs = {
        item.id
        for item in items
        if item.pair_id in whole or person.id in (item.for_id, item.made_by) or has(item.title)
    }
    _empty(session, PlanItem, theirs, title="")
    meetings = session.scalars(select(Meeting).where(Meeting.pair_id.in_(whole | groups))).all()
    spoken = {
        meeting.id
        for meeting in meetings
        if meeting.pair_id in whole
        or person.id in (meeting.for_id, meeting.made_by)
        or has(meeting.topic)
        or has(meeting.outcome)
    }
    _empty(session, Meeting, spoken, topic="", outcome="")


def _empty(session: Session, table: type[Pair] | type[PlanItem] | type[Meeting], ids: set[int], **values: str) -> None:
    if ids:
        session.execute(
            update(table).where(table.id.in_(ids)).values(**values).execution_options(synchronize_session=False)
        )
