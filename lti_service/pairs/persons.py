"""One person's pairs in a course: the page that a teacher comes to from that person's grade."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import or_, select, union
from sqlalchemy.orm import Session

from lti_service import looks
from lti_service.access import Viewer
from lti_service.errors import NotFoundError
from lti_service.pairs import cards, rules
from lti_service.pairs.cards import PairCard
from lti_service.pairs.models import Pair, PairMentee
from lti_service.pairs.work.rules import Looking
from lti_service.people.consents import service as consents
from lti_service.people.models import Membership, Mentee, Mentor, Person
from lti_service.programme import service as programme


@dataclass(frozen=True, slots=True)
class PersonPairs:
    """A person and those of their pairs in the course that one particular viewer may see, the newest first."""

    name: str
    groups: str
    is_viewer: bool
    pairs: tuple[PairCard, ...]


def pairs_of(
    session: Session,
    person_id: int,
    *,
    platform_id: int,
    course_id: int,
    viewer_id: int,
    sees_course: bool,
    is_curator: bool,
    moment: datetime,
) -> PersonPairs:
    """This year's pairs of a person in the course, and open ones of whatever year.

    For those who see the course's pairs, for the person, and for the mentor of one of the person's pairs, who sees
    what is theirs together. A mentee sees what a pair's own page would show them. Raises NotFoundError for everybody
    else, and for people who are not of the course.
    """
    day = moment.date()
    person = session.get(Person, person_id)
    if person is None or person.platform_id != platform_id:
        raise NotFoundError
    membership = session.scalar(
        select(Membership).where(Membership.course_id == course_id, Membership.person_id == person_id)
    )
    cycle = programme.find_cycle(session, platform_id, day)
    as_mentee = select(PairMentee.pair_id).join(Mentee, Mentee.id == PairMentee.mentee_id)
    found = session.scalars(
        select(Pair.id)
        .where(
            Pair.course_id == course_id,
            or_(Pair.state.in_(rules.OPEN), Pair.cycle_id == (cycle.id if cycle is not None else 0)),
            or_(
                Pair.mentor_id.in_(select(Mentor.id).where(Mentor.person_id == person_id)),
                Pair.id.in_(as_mentee.where(Mentee.person_id == person_id)),
            ),
        )
        .order_by(Pair.proposed_at.desc(), Pair.id.desc())
    ).all()
    looking = Looking(viewer_id, is_curator=is_curator, sees_course=sees_course)
    shown = cards.load_with_work(session, found, moment, looking)
    is_viewer = viewer_id == person_id
    if not sees_course:
        shown = [seen for card in shown if (seen := _for_eyes(card, viewer_id, is_viewer)) is not None]
    if not (membership or found) or not (sees_course or is_viewer or shown):
        raise NotFoundError
    # Without a consent that counts others are told the name only.
    tells = is_curator or is_viewer or consents.is_valid(session, person_id, day)
    return PersonPairs(person.name, membership.groups if membership and tells else "", is_viewer, tuple(shown))


def _for_eyes(card: PairCard, viewer_id: int, is_viewer: bool) -> PairCard | None:
    """The card for one who does not see the whole course; None: not theirs to see."""
    if card.mentor.person_id == viewer_id:
        return card
    # Not the pair's mentor: only the person themselves, as a mentee; a mentee of this person looks at their own page.
    if not is_viewer or card.state not in rules.KNOWN_TO_MENTEE:
        return None
    return replace(card, mentees=tuple(mentee for mentee in card.mentees if mentee.person_id == viewer_id))


@looks.leads_to("pair_id")
def people_of(session: Session, pair_id: int) -> set[int]:
    """Person ids of a pair's mentor and mentees."""
    mentor = select(Mentor.person_id).join(Pair, Pair.mentor_id == Mentor.id).where(Pair.id == pair_id)
    mentees = (
        select(Mentee.person_id)
        .join(PairMentee, PairMentee.mentee_id == Mentee.id)
        .where(PairMentee.pair_id == pair_id)
    )
    return set(session.scalars(union(mentor, mentees)))


@looks.no_strangers
def partners_of(session: Session, viewer: Viewer, person_ids: set[int]) -> set[int]:
    """Those of these people with whom the viewer is or was in a pair: their own mentees, their own mentor."""
    as_mentor = (
        select(Mentee.person_id)
        .join(PairMentee, PairMentee.mentee_id == Mentee.id)
        .join(Pair, Pair.id == PairMentee.pair_id)
        .join(Mentor, Mentor.id == Pair.mentor_id)
        .where(Mentor.person_id == viewer.person_id, Mentee.person_id.in_(person_ids))
    )
    as_mentee = (
        select(Mentor.person_id)
        .join(Pair, Pair.mentor_id == Mentor.id)
        .join(PairMentee, PairMentee.pair_id == Pair.id)
        .join(Mentee, Mentee.id == PairMentee.mentee_id)
        .where(
            Mentee.person_id == viewer.person_id,
            Mentor.person_id.in_(person_ids),
            Pair.state.in_(rules.KNOWN_TO_MENTEE),
        )
    )
    return set(session.scalars(union(as_mentor, as_mentee)))
