"""What this wing keeps about a person, and what erasure does to it.

Whose eyes see what follows `access.TABLE` and the pages; the reasons why something is not told are those of
docs/adr/0006-personal-data.md.
"""

from collections.abc import Callable
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import case, select, update
from sqlalchemy.orm import Session

from lti_service import personal
from lti_service.access import Role
from lti_service.people import labels
from lti_service.people.corrections.rules import FIELDS as CORRECTED_FIELDS
from lti_service.people.models import (
    ChosenForm,
    Membership,
    Mentee,
    MenteeState,
    Mentor,
    MentorState,
    Nomination,
    Person,
    Source,
    Support,
)
from lti_service.people.names import search_key
from lti_service.personal import Erasing, Eyes, Holding, Origin, Piece
from lti_service.programme import service as programme
from lti_service.programme.models import Cycle

STAFF = (Eyes.CURATORS, Eyes.TEACHERS)
PARTNERS = (Eyes.CURATORS, Eyes.TEACHERS, Eyes.MENTOR, Eyes.MENTEES)
_ERASED = "erased-"
OWN_KEY = "the service's own key"
_PLACED = "whether the rules on who is who may move the record again: nothing about the person"
OF_WHICH = "which of several rows this is: told as the row's name"

ORIGIN_OF_MENTEE: dict[Source, Origin] = {
    Source.MOODLE: Origin.MOODLE,
    Source.NOMINATION: Origin.TEACHER,
    Source.OWN: Origin.SELF,
    Source.FILE: Origin.FILE,
    Source.CURATOR: Origin.CURATOR,
}


def erased_name(person_id: int) -> str:
    """What somebody is called whose data were erased; a name like others, so that every list and file shows it.

    In Russian whatever the reader's language: it stands where Moodle's names stand.
    """
    return f"Удалённый участник № {person_id}"


def erased_moodle_id(person_id: int) -> str:
    """What stands in place of Moodle's id, of which none is like it."""
    return f"{_ERASED}{person_id}"


def is_erased_moodle_id(moodle_id: str | None) -> bool:
    """Whether this stands in place of Moodle's id of somebody erased."""
    return moodle_id is not None and moodle_id.startswith(_ERASED)


def _account_origin(person: Person) -> Origin:
    """What an account tells comes from Moodle; of whoever has none, a curator wrote it down."""
    return Origin.MOODLE if person.moodle_id else Origin.CURATOR


def _name_origin(field: str) -> Callable[[Person], Origin]:
    """The same of what curators correct against Moodle."""
    return lambda person: Origin.CURATOR if field in person.corrected else _account_origin(person)


def _member_origin(membership: Membership) -> Origin:
    return _account_origin(membership.person)


def _request_origin(mentee: Mentee) -> Origin:
    return Origin.SELF if mentee.asked_at else Origin.CURATOR


def _profile_origin(mentor: Mentor) -> Origin:
    return Origin.SELF if mentor.profile_at else Origin.CURATOR


def _roles(values: list[Any]) -> str:
    return ", ".join(str(labels.ROLES[Role(value)]) for value in values)


def _otherwise(values: dict[str, str]) -> str:
    return ", ".join(values[field] or "—" for field in CORRECTED_FIELDS if field in values)


personal.keep(
    Holding(
        Person,
        order=10,
        title=_l("The person"),
        keys=("id",),
        pieces=(
            Piece("family_name", _l("Family name"), _name_origin("family_name"), PARTNERS),
            Piece("given_name", _l("Given name and patronymic"), _name_origin("given_name"), PARTNERS, emptied=""),
            Piece("moodle_id", _l("Number of the user in Moodle"), Origin.MOODLE, (Eyes.ADMIN,)),
            Piece("email", _l("E-mail"), _account_origin, (Eyes.CURATORS, Eyes.MENTOR, Eyes.MENTEES), emptied=""),
            Piece("idnumber", _l("ID number"), _account_origin, emptied=""),
            Piece("institution", _l("Organisation"), _account_origin, PARTNERS, emptied=""),
            Piece("department", _l("Speciality, department"), _account_origin, PARTNERS, emptied=""),
            Piece("birth_date", _l("Date of birth"), _name_origin("birth_date"), emptied=None),
            Piece("specialty", _l("Speciality"), _account_origin, STAFF, emptied=""),
            Piece("study_year", _l("Year of study"), _account_origin, emptied=None),
            Piece("phone", _l("Telephone"), Origin.CURATOR, emptied=""),
            Piece("experience_years", _l("Teaching experience, full years"), _account_origin, emptied=None),
            Piece("corrected", _l("Moodle says otherwise"), Origin.MOODLE, show=_otherwise, emptied={}),
            Piece("updated_at", _l("As of"), Origin.SERVICE),
        ),
        untold={
            "id": OWN_KEY,
            "platform_id": "the college that the person is of",
            "search_name": "the name again, as searches compare it",
            "erased_at": "told on the page by itself: whose data were erased has no page",
            "withheld": "told on the page by itself",
        },
        goes=(_l("Family name"), _l("Number of the user in Moodle")),
        stays=_l("An entry without a name stays, so that numbers of past years remain true."),
    )
)
personal.keep(
    Holding(
        Membership,
        order=20,
        title=_l("In courses"),
        keys=("person_id",),
        pieces=(
            Piece("roles", _l("Roles"), _member_origin, STAFF, show=_roles, emptied=[]),
            Piece("moodle_roles", _l("Roles as Moodle names them"), Origin.MOODLE, (Eyes.ADMIN,), emptied=[]),
            Piece("groups", _l("Group"), _member_origin, STAFF, emptied=""),
            Piece("active", _l("Still in the course"), _member_origin, STAFF),
            Piece("appointed", _l("Made a curator by the administrator"), Origin.SERVICE, (Eyes.ADMIN,), emptied=False),
        ),
        untold={
            "id": OWN_KEY,
            "course_id": OF_WHICH,
            "listed": "how the next load of participants finds out who left",
            "roster_role": "the role again, as the roster of the course told it",
        },
        emptied={"listed": False, "roster_role": ""},
        name_of=lambda row: row.course.title,
        stays=_l("That an entry without a name was in the course stays: shares are counted by it."),
    )
)
personal.keep(
    Holding(
        Mentee,
        order=30,
        title=_l("As a mentee"),
        keys=("person_id",),
        pieces=(
            Piece("kind", _l("Kind"), Origin.SERVICE, show=labels.MENTEE_KINDS.__getitem__),
            Piece("state", _l("State"), Origin.CURATOR, STAFF, show=labels.MENTEE_STATES.__getitem__),
            Piece(
                "wanted_form_id",
                _l("Wanted form"),
                _request_origin,
                read=lambda mentee: mentee.wanted_form and mentee.wanted_form.title,
            ),
            Piece("topics", _l("Topics"), _request_origin, (Eyes.CURATORS, Eyes.MENTOR), emptied=[]),
            Piece("request", _l("Request"), _request_origin, (Eyes.CURATORS, Eyes.MENTOR), emptied=""),
            Piece("asked_at", _l("Asked on"), Origin.SELF, emptied=None),
            Piece("offered_at", _l("Offered to become a mentor on"), Origin.CURATOR, emptied=None),
            Piece(
                "source",
                _l("From where"),
                lambda mentee: ORIGIN_OF_MENTEE[mentee.source],
                show=labels.SOURCES.__getitem__,
            ),
            Piece("special_needs", _l("Special educational or social needs"), Origin.CURATOR, emptied=False),
            Piece("created_at", _l("In the base since"), Origin.SERVICE),
        ),
        untold={"id": OWN_KEY, "cycle_id": OF_WHICH, "placed": _PLACED},
        name_of=lambda mentee: mentee.cycle.title,
        stays=_l(
            "That an entry without a name needed a mentor, in which form and how it ended, stays for the numbers."
        ),
    )
)
personal.keep(
    Holding(
        Nomination,
        order=31,
        title=_l("What a teacher said when nominating"),
        keys=("mentee_id",),
        pieces=(
            Piece("reason", _l("Why a mentor is needed"), Origin.TEACHER),
            Piece("at", _l("When"), Origin.TEACHER),
        ),
        untold={"id": OWN_KEY},
        others={
            "nominated_by": "who nominated: the words are about the student, and the teacher's name stays with the "
            "college so that teachers speak openly (152-ФЗ, ст. 14 ч. 8)"
        },
        rows_go=True,
        name_of=lambda nomination: nomination.mentee.cycle.title,
    )
)
personal.keep(
    Holding(
        Support,
        order=32,
        title=_l("Talks about support without a pair"),
        keys=("mentee_id",),
        pieces=(
            Piece("day", _l("Day"), Origin.CURATOR),
            Piece("who", _l("Who talked"), Origin.CURATOR, emptied=""),
            Piece("agreed", _l("What was agreed"), Origin.CURATOR, emptied=""),
            Piece("next_look", _l("Next look"), Origin.CURATOR, emptied=None),
            Piece("created_at", _l("Written down on"), Origin.SERVICE),
        ),
        untold={"id": OWN_KEY},
        others={"recorded_by": "which curator wrote it down: their work, about somebody else"},
        stays=_l("The day of a talk stays, without what was said and by whom."),
    )
)
personal.keep(
    Holding(
        Mentor,
        order=40,
        title=_l("As a mentor"),
        keys=("person_id",),
        pieces=(
            Piece("kind", _l("Kind of mentor"), Origin.SERVICE, STAFF, show=labels.MENTOR_KINDS.__getitem__),
            Piece("state", _l("State"), Origin.CURATOR, show=labels.MENTOR_STATES.__getitem__),
            Piece("without_training", _l("Admitted without training"), Origin.CURATOR),
            Piece("capacity", _l("Mentees at once"), _profile_origin),
            Piece("strengths", _l("Strong in"), _profile_origin, emptied=[]),
            Piece("offer", _l("In their own words"), _profile_origin, emptied=""),
            Piece("organisation", _l("Organisation"), _profile_origin, emptied=""),
            Piece("experience", _l("Experience"), _profile_origin, emptied=""),
            Piece("experience_years", _l("Years of it"), _profile_origin, emptied=None),
            Piece(
                "times",
                _l("Times that suit"),
                _profile_origin,
                (Eyes.CURATORS, Eyes.MENTEES),
                read=labels.times,
                emptied=[],
            ),
            Piece(
                "contact",
                _l("Preferred contact"),
                _profile_origin,
                (Eyes.CURATORS, Eyes.MENTEES),
                read=labels.contact,
                emptied="",
            ),
            Piece("asked_at", _l("Asked on"), Origin.SELF, emptied=None),
            Piece("profile_at", _l("Profile filled in on"), Origin.SELF, emptied=None),
            Piece(
                "employer_id",
                _l("The employer who gave this mentor"),
                Origin.CURATOR,
                STAFF,
                read=lambda mentor: mentor.employer and mentor.employer.name,
            ),
            Piece("created_at", _l("In the base since"), Origin.SERVICE),
        ),
        untold={
            "id": OWN_KEY,
            "cycle_id": OF_WHICH,
            "placed": _PLACED,
            "times_note": "told within the times that suit",
            "contact_way": "told within the preferred contact",
        },
        emptied={"times_note": "", "contact_way": None},
        name_of=lambda mentor: mentor.cycle.title,
        stays=_l(
            "That an entry without a name was a mentor, of which kind and from which employer, stays for numbers."
        ),
    )
)
personal.keep(
    Holding(
        ChosenForm,
        order=41,
        title=_l("Forms of mentoring as a mentor"),
        keys=("mentor_id",),
        pieces=(
            Piece(
                "form_id",
                _l("Form of mentoring"),
                Origin.SELF,
                read=lambda chosen: chosen.form.title,
            ),
        ),
        untold={"id": OWN_KEY},
        rows_go=True,
    )
)


@personal.before_erasure(50)
def leave_the_bases(session: Session, erasing: Erasing) -> None:
    """Take the person out of the bases of a school year that is not over; those of past years stay as they ended."""
    going_on = select(Cycle.id).where(
        Cycle.platform_id == erasing.platform_id, Cycle.start_year >= programme.school_year(erasing.day)
    )
    for base, state in ((Mentee, MenteeState.WITHDRAWN), (Mentor, MentorState.WITHDRAWN)):
        session.execute(
            update(base)
            .where(base.person_id == erasing.person_id, base.cycle_id.in_(going_on))
            .values(state=state)
            .execution_options(synchronize_session=False)
        )


@personal.before_erasure(90)
def take_the_name(session: Session, erasing: Erasing) -> None:
    """Put the words of somebody erased where the name was; the rest of the row the holding empties."""
    name = erased_name(erasing.person_id)
    session.execute(
        update(Person)
        .where(Person.id == erasing.person_id)
        .values(
            family_name=name,
            given_name="",
            search_name=search_key(name),
            # Somebody from outside had none, and is recognised by that.
            moodle_id=case((Person.moodle_id.is_(None), None), else_=erased_moodle_id(erasing.person_id)),
            withheld=False,
            erased_at=erasing.moment,
            updated_at=erasing.moment,
        )
        .execution_options(synchronize_session=False)
    )
