"""Who can be put together: the forms, mentors and mentees that the page of a new pair offers."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from lti_service.errors import NotFoundError
from lti_service.pairs import cards, rules
from lti_service.pairs.board import Filters, Q, is_named, mentees_here, people_choices, person_where
from lti_service.pairs.cards import PersonLine
from lti_service.pairs.models import Pair, PairMentee
from lti_service.people import lists
from lti_service.people.consents import service as consents
from lti_service.people.models import Membership, Mentee, MenteeState, Mentor, MentorState, Person
from lti_service.people.rules import SEEKING
from lti_service.people.training import lists as training
from lti_service.programme import service as programme
from lti_service.programme.models import Cycle, Form

LISTED = 40
"""People of a list; a search brings up the others."""


@dataclass(frozen=True, slots=True)
class FormChoice:
    """A form of mentoring with who is there for it."""

    form: Form
    mentors: int
    """Ready mentors of the course with a free place."""
    needing: int
    """Mentees of the course who need a mentor."""
    lacking: int
    """Those of them who cannot be proposed, for no consent of theirs counts."""


@dataclass(frozen=True, slots=True)
class MentorChoice:
    """A mentor who fits the form."""

    id: int
    person: PersonLine
    capacity: int
    taken: int
    strengths: tuple[str, ...] = ()
    """What they said they are strong in."""
    offer: str = ""
    matching: tuple[str, ...] = ()
    """Those of their strengths that the chosen mentees ask for."""

    @property
    def free(self) -> int:
        """How many more mentees there is room for."""
        return rules.free_places(self.capacity, self.taken)


@dataclass(frozen=True, slots=True)
class MenteeChoice:
    """A mentee who fits the form and has no open pair in it."""

    id: int
    person: PersonLine
    state: MenteeState
    wishes_form: bool
    """This very form is the one they asked for."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Everything that the page of a new pair offers once a form is chosen."""

    form: Form
    mentors: list[MentorChoice]
    mentors_total: int
    """Who answers to the search and has a free place, shown or not."""
    mentors_full: int
    """Fitting mentors without a free place."""
    mentees: list[MenteeChoice]
    mentees_total: int
    mentors_lacking: int
    """Fitting mentors who are not offered, for no consent of theirs counts."""
    mentees_lacking: int
    """Fitting mentees who answer to the search and cannot be proposed for that reason."""
    chosen_lacking: list[Person]
    """Those of the people already chosen."""
    groups: list[str]
    departments: list[str]


def forms_to_choose(
    session: Session, *, platform_id: int, course_id: int, day: date, mentee_id: int | None = None
) -> list[FormChoice]:
    """The year's forms of mentoring, those meant for a mentee when one is given; none while no year is open."""
    cycle = programme.find_cycle(session, platform_id, day)
    if cycle is None:
        return []
    query = (
        select(Form).where(Form.programme_id == cycle.programme_id, Form.retired_at.is_(None)).order_by(Form.position)
    )
    if mentee_id is not None:
        kind = select(Mentee.kind).where(Mentee.id == mentee_id, Mentee.cycle_id == cycle.id).scalar_subquery()
        query = query.where(Form.mentee_kind == kind)
    taken = _taken()
    mentors = dict(
        session.execute(
            _mentors_here(select(Form.id, func.count(Mentor.id)), cycle, course_id, taken, day)
            .join(Form, and_(Form.programme_id == cycle.programme_id, Form.mentor_kind == Mentor.kind))
            .where(_has_free(taken), lists.chose(Form.id), consents.valid_for(day))
            .group_by(Form.id)
        ).all()
    )
    counted = (
        mentees_here(select(Mentee.kind, func.count(Mentee.id)), course_id)
        .where(Mentee.cycle_id == cycle.id, Mentee.state.in_(SEEKING))
        .group_by(Mentee.kind)
    )
    needing = dict(session.execute(counted).all())
    lacking = dict(session.execute(counted.where(~consents.valid_for(day))).all())
    return [
        FormChoice(form, mentors.get(form.id, 0), needing.get(form.mentee_kind, 0), lacking.get(form.mentee_kind, 0))
        for form in session.scalars(query)
    ]


def wanted_form(session: Session, *, platform_id: int, day: date, mentee_id: int) -> int | None:
    """The form that a mentee of the year asked for, if any."""
    cycle = programme.find_cycle(session, platform_id, day)
    if cycle is None:
        return None
    return session.scalar(select(Mentee.wanted_form_id).where(Mentee.id == mentee_id, Mentee.cycle_id == cycle.id))


def select_for(
    session: Session,
    *,
    platform_id: int,
    course_id: int,
    day: date,
    form_id: int,
    mentor_name: str = "",
    mentor_id: int | None = None,
    filters: Filters,
    mentee_ids: Iterable[int] = (),
) -> Selection:
    """Mentors and mentees of the course who fit a form; those already chosen come first, whatever is searched for.

    A chosen mentor is offered even without a free place, so that the page can say so; a chosen mentee who is in a
    pair by now is not. Nobody is offered whose consent does not count: they are numbers, or names once chosen.
    Raises NotFoundError for a form of another programme.
    """
    cycle = programme.find_cycle(session, platform_id, day)
    form = None
    if cycle is not None:
        form = session.scalar(
            select(Form).where(Form.id == form_id, Form.programme_id == cycle.programme_id, Form.retired_at.is_(None))
        )
    if cycle is None or form is None:
        raise NotFoundError
    chosen = set(mentee_ids)
    wanted = _topics_of(session, cycle, chosen)
    mentors, mentors_total, full, mentors_lacking = _mentors(
        session, cycle, course_id, form, mentor_name, mentor_id, wanted, day
    )
    mentees, mentees_total, mentees_lacking = _mentees(session, cycle, course_id, form, filters, chosen, day)
    groups, departments = people_choices(session, cycle, course_id)
    return Selection(
        form,
        mentors,
        mentors_total,
        full,
        mentees,
        mentees_total,
        mentors_lacking,
        mentees_lacking,
        _chosen_lacking(session, cycle, course_id, mentor_id, chosen, day),
        groups,
        departments,
    )


def _chosen_lacking(
    session: Session, cycle: Cycle, course_id: int, mentor_id: int | None, mentee_ids: set[int], day: date
) -> list[Person]:
    """People who came chosen by the address and cannot be proposed, for no consent of theirs counts."""
    if mentor_id is None and not mentee_ids:
        return []
    mentor = select(Mentor.person_id).where(Mentor.id == (mentor_id or 0), Mentor.cycle_id == cycle.id)
    mentees = select(Mentee.person_id).where(Mentee.id.in_(mentee_ids), Mentee.cycle_id == cycle.id)
    members = select(Membership.person_id).where(Membership.course_id == course_id, Membership.active)
    return list(
        session.scalars(
            select(Person)
            .where(or_(Person.id.in_(mentor), Person.id.in_(mentees)), Person.id.in_(members))
            .where(~consents.valid_for(day))
            .order_by(Person.search_name, Person.id)
        )
    )


def _taken() -> Any:
    return (
        select(Pair.mentor_id, func.count(PairMentee.id).label("taken"))
        .join(PairMentee, PairMentee.pair_id == Pair.id)
        .where(PairMentee.is_open)
        .group_by(Pair.mentor_id)
        .subquery()
    )


def _has_free(taken: Any) -> ColumnElement[bool]:
    return Mentor.capacity > func.coalesce(taken.c.taken, 0)


def _mentors_here(query: Q, cycle: Cycle, course_id: int, taken: Any, day: date) -> Q:
    return (
        query.select_from(Mentor)
        .join(Person, Person.id == Mentor.person_id)
        .join(Membership, and_(Membership.person_id == Person.id, Membership.course_id == course_id))
        .outerjoin(taken, taken.c.mentor_id == Mentor.id)
        .where(Membership.active, Mentor.cycle_id == cycle.id, Mentor.state == MentorState.READY)
        .where(~training.has_run_out(day))
    )


def _mentors(
    session: Session,
    cycle: Cycle,
    course_id: int,
    form: Form,
    name: str,
    chosen_id: int | None,
    wanted: set[str],
    day: date,
) -> tuple[list[MentorChoice], int, int, int]:
    taken = _taken()
    of_kind = lists.takes_part(form.id)
    consenting = consents.valid_for(day)
    free, full, lacking = session.execute(
        _mentors_here(
            select(
                func.count(Mentor.id).filter(and_(_has_free(taken), is_named(name), consenting)),
                func.count(Mentor.id).filter(and_(~_has_free(taken), consenting)),
                func.count(Mentor.id).filter(~consenting),
            ),
            cycle,
            course_id,
            taken,
            day,
        ).where(of_kind)
    ).one()
    is_chosen = Mentor.id == (chosen_id or 0)
    offered = and_(or_(is_chosen, and_(_has_free(taken), is_named(name))), consenting)
    best: list[int] = []
    if wanted:
        # Strengths are a list in JSON, which the two databases search in different ways; these rows are short.
        strengths = session.execute(
            _mentors_here(select(Mentor.id, Mentor.strengths), cycle, course_id, taken, day)
            .where(of_kind, offered)
            .order_by(Person.search_name, Mentor.id)
        ).all()
        ranked = sorted(strengths, key=lambda row: -len(wanted.intersection(row.strengths)))
        best = [row.id for row in ranked if wanted.intersection(row.strengths)][:LISTED]
    place = {mentor_id: number for number, mentor_id in enumerate(best)}
    first = case(place, value=Mentor.id, else_=len(place)) if place else literal(0)
    rows = session.execute(
        _mentors_here(select(Mentor, Membership.groups, func.coalesce(taken.c.taken, 0)), cycle, course_id, taken, day)
        .where(of_kind, offered)
        .options(contains_eager(Mentor.person), joinedload(Mentor.employer))
        .order_by(case((is_chosen, 0), else_=1), first, Person.search_name, Mentor.id)
        .limit(LISTED)
    )
    listed = [
        MentorChoice(
            id=mentor.id,
            person=cards.mentor_line(mentor, course_id, {(course_id, mentor.person_id): groups}),
            capacity=mentor.capacity,
            taken=count,
            strengths=tuple(mentor.strengths),
            offer=mentor.offer,
            matching=tuple(topic for topic in mentor.strengths if topic in wanted),
        )
        for mentor, groups, count in rows
    ]
    return listed, free, full, lacking


def _topics_of(session: Session, cycle: Cycle, mentee_ids: set[int]) -> set[str]:
    """What the chosen mentees ticked of the programme's activities."""
    if not mentee_ids:
        return set()
    asked = session.scalars(select(Mentee.topics).where(Mentee.id.in_(mentee_ids), Mentee.cycle_id == cycle.id))
    return {topic for topics in asked for topic in topics}


def _mentees(
    session: Session, cycle: Cycle, course_id: int, form: Form, filters: Filters, chosen: set[int], day: date
) -> tuple[list[MenteeChoice], int, int]:
    paired = select(PairMentee.mentee_id).where(PairMentee.form_id == form.id, PairMentee.is_open)
    fits = and_(
        Mentee.cycle_id == cycle.id,
        Mentee.kind == form.mentee_kind,
        Mentee.state.in_(rules.PROPOSABLE),
        Mentee.id.not_in(paired),
    )
    searched = and_(True, *person_where(cycle, filters))
    consenting = consents.valid_for(day)
    counted = mentees_here(select(func.count(Mentee.id)), course_id, with_person=filters.about_person)
    fitting = session.scalar(counted.where(fits, searched)) or 0
    is_chosen = Mentee.id.in_(chosen)
    wishes = func.coalesce(Mentee.wanted_form_id, 0) == form.id
    # Rows are read whole for those alone who are listed, with outer joins so that no database begins with the course.
    listing = session.execute(
        mentees_here(select(Mentee.id, func.count().filter(searched).over().label("total")), course_id)
        .where(fits, or_(is_chosen, searched), consenting)
        .order_by(
            case((is_chosen, 0), else_=1),
            # Who needs a mentor comes before who has one in another form, and who asked for this form first of all.
            case((Mentee.state.in_(SEEKING), 0), else_=1),
            case((wishes, 0), else_=1),
            Person.search_name,
            Mentee.id,
        )
        .limit(LISTED + len(chosen))
    ).all()
    ids, total = [row.id for row in listing], listing[0].total if listing else 0
    found = session.execute(
        select(Mentee, Membership.groups)
        .outerjoin(Mentee.person)
        .outerjoin(Membership, and_(Membership.person_id == Mentee.person_id, Membership.course_id == course_id))
        .where(Mentee.id.in_(ids))
        .options(contains_eager(Mentee.person))
    ).all()
    listed = [
        MenteeChoice(
            id=mentee.id,
            person=cards.line(mentee.person, course_id, {(course_id, mentee.person_id): groups}, request=mentee.asking),
            state=mentee.state,
            wishes_form=mentee.wanted_form_id == form.id,
        )
        for mentee, groups in sorted(found, key=lambda row: ids.index(row.Mentee.id))
    ]
    return listed, total, fitting - total
