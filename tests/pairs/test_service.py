"""Proposing and moving pairs: what is refused and how it is said, and what a change brings with it."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from lti_service.access import Role
from lti_service.audit import AuditEvent
from lti_service.db import now
from lti_service.errors import NotFoundError
from lti_service.pairs import errors, service
from lti_service.pairs.models import PairMentee, PairState
from lti_service.pairs.rules import Action
from lti_service.people.models import Membership, MenteeState, MentorState
from lti_service.programme.models import MenteeKind, MentorKind
from lti_service.queue import DueCourse
from tests.pairs.test_views import token_of


def due(session):
    return set(session.scalars(select(DueCourse.course_id)))


def test_a_proposal_stands_with_its_people_and_its_history(world, session):
    mentor, first, second = world.mentor(), world.mentee(), world.mentee()
    pair = world.propose(mentor, first, second)
    session.commit()
    session.expire_all()
    assert pair.state is PairState.PROPOSED
    assert [place.mentee for place in pair.places] == [first, second]
    assert all(place.is_open for place in pair.places)
    assert [(move.state, move.actor_id) for move in pair.moves] == [(PairState.PROPOSED, world.curator.id)]
    assert {first.state, second.state} == {MenteeState.PROPOSED}


def test_every_change_is_audited_and_marks_the_course_due(world, session):
    pair = world.propose(world.mentor(), mentee := world.mentee())
    session.commit()
    assert due(session) == {world.course.id}
    for action in (Action.AGREE, Action.START, Action.FINISH):
        session.execute(delete(DueCourse))
        world.move(pair, action)
        session.commit()
        assert due(session) == {world.course.id}
    events = session.scalars(select(AuditEvent).where(AuditEvent.subject == f"pair:{pair.id}").order_by(AuditEvent.id))
    found = [(event.action, event.actor_id, event.platform_id, event.course_id) for event in events]
    where = (world.platform.id, world.course.id)
    assert found == [
        ("pair.proposed", world.curator.id, *where),
        ("pair.agreed", pair.mentor.person_id, *where),
        ("pair.active", world.curator.id, *where),
        ("pair.finished", world.curator.id, *where),
    ]
    assert mentee.state is MenteeState.FINISHED


def test_other_courses_of_the_same_people_become_due_too(world, session):
    mentee, elsewhere, left = world.mentee(), world.another_course(), world.another_course("Архив")
    world.enrol(mentee.person, Role.STUDENT, course=elsewhere)
    world.enrol(mentee.person, Role.STUDENT, course=left).active = False
    world.propose(world.mentor(), mentee)
    session.commit()
    assert due(session) == {world.course.id, elsewhere.id}


@pytest.mark.parametrize(
    ("state", "mentee_state", "is_open"),
    [
        (PairState.PROPOSED, MenteeState.PROPOSED, True),
        (PairState.AGREED, MenteeState.PROPOSED, True),
        (PairState.ACTIVE, MenteeState.PAIRED, True),
        (PairState.FINISHED, MenteeState.FINISHED, False),
        (PairState.ENDED_EARLY, MenteeState.NEEDS, False),
        (PairState.DECLINED, MenteeState.NEEDS, False),
        (PairState.CANCELLED, MenteeState.NEEDS, False),
    ],
)
def test_each_state_says_where_the_mentee_is_and_whether_the_place_is_taken(
    world, session, state, mentee_state, is_open
):
    pair = world.pair(state)
    session.expire_all()
    assert pair.state is state
    assert pair.places[0].mentee.state is mentee_state
    assert pair.places[0].is_open is is_open
    assert (pair.ended_at is not None) is not is_open
    assert pair.moves[-1].state is state


# --- refusals of a proposal ---------------------------------------------------------------------------------------


def refusal(world, *args, **kwargs):
    """The error with which a proposal is refused."""
    with pytest.raises(errors.PairError) as caught:
        world.propose(*args, **kwargs)
    world.session.rollback()
    return caught.value


def test_a_mentor_without_capacity_is_refused_with_the_numbers(world):
    mentor = world.mentor("Петров Пётр Петрович", capacity=2)
    world.pair(PairState.ACTIVE, mentor)
    world.pair(PairState.PROPOSED, mentor)
    error = refusal(world, mentor, world.mentee())
    assert isinstance(error, errors.NoCapacityError)
    assert error.field == "mentor"
    assert error.facts["name"] == "Петров Пётр Петрович"
    assert (error.facts["taken"], error.facts["capacity"]) == (2, 2)


def test_places_in_other_courses_and_forms_count_and_ended_pairs_do_not(world, session):
    elsewhere = world.another_course()
    person = world.person("", Role.STUDENT)
    world.enrol(person, Role.STUDENT, course=elsewhere)
    mentor = world.mentor(capacity=1, person=person, kind=MentorKind.STUDENT)
    mentee = world.mentee(course=elsewhere)
    pair = world.propose(mentor, mentee, form="student-student", course=elsewhere)
    session.commit()
    assert isinstance(refusal(world, mentor, world.mentee(), form="student-student"), errors.NoCapacityError)
    world.move(pair, Action.CANCEL)
    session.commit()
    assert world.propose(mentor, world.mentee(), form="student-student").state is PairState.PROPOSED


def test_a_group_larger_than_the_free_places_is_refused(world):
    mentor = world.mentor(capacity=2)
    error = refusal(world, mentor, world.mentee(), world.mentee(), world.mentee())
    assert isinstance(error, errors.TooFewPlacesError)
    assert (error.field, error.facts["free"], error.facts["wanted"]) == ("mentor", 2, 3)


def test_a_mentee_with_an_open_pair_in_the_form_is_refused_by_name(world):
    mentee = world.mentee("Иванов Иван Иванович")
    world.pair(PairState.PROPOSED, world.mentor(), mentee)
    error = refusal(world, world.mentor(), mentee, world.mentee())
    assert isinstance(error, errors.AlreadyPairedError)
    assert error.field == "mentees"
    assert error.facts["names"] == "Иванов Иван Иванович"
    assert error.facts["form"] == "«педагог – студент»"


def test_a_mentee_may_have_a_pair_in_each_of_two_forms(world, session):
    mentee = world.mentee()
    taught = world.pair(PairState.ACTIVE, world.mentor(), mentee)
    hired = world.pair(PairState.ACTIVE, world.mentor(kind=MentorKind.EMPLOYER), mentee, form="employer-student")
    world.move(taught, Action.END_EARLY)
    session.commit()
    assert mentee.state is MenteeState.PAIRED
    world.move(hired, Action.FINISH)
    session.commit()
    assert mentee.state is MenteeState.FINISHED


def test_after_a_pair_has_ended_the_same_people_can_be_proposed_again(world):
    pair = world.pair(PairState.DECLINED)
    again = world.propose(pair.mentor, pair.places[0].mentee)
    assert again.id != pair.id
    assert again.places[0].mentee.state is MenteeState.PROPOSED


def test_a_mentor_of_another_kind_does_not_fit_the_form(world):
    error = refusal(world, world.mentor(kind=MentorKind.EMPLOYER), world.mentee())
    assert (type(error), error.field) == (errors.MentorDoesNotFitError, "mentor")


def test_a_mentee_of_another_kind_does_not_fit_the_form(world):
    error = refusal(world, world.mentor(), world.mentee(kind=MenteeKind.YOUNG_TEACHER))
    assert (type(error), error.field) == (errors.MenteeDoesNotFitError, "mentees")


@pytest.mark.parametrize("state", [MentorState.CANDIDATE, MentorState.WITHDRAWN])
def test_a_mentor_whom_the_curator_has_not_accepted_is_refused(world, state):
    assert isinstance(refusal(world, world.mentor(state=state), world.mentee()), errors.MentorNotReadyError)


@pytest.mark.parametrize("state", [MenteeState.CANDIDATE, MenteeState.WITHDRAWN])
def test_a_mentee_who_needs_no_mentor_is_refused(world, state):
    assert isinstance(refusal(world, world.mentor(), world.mentee(state=state)), errors.MenteeNotNeedingError)


def test_people_who_are_not_in_the_course_are_refused(world, session):
    left, gone = world.mentor(), world.mentee()
    for person_id in (left.person_id, gone.person_id):
        session.scalars(select(Membership).where(Membership.person_id == person_id)).one().active = False
    session.commit()
    assert isinstance(refusal(world, left, world.mentee()), errors.MentorNotHereError)
    assert isinstance(refusal(world, world.mentor(), gone), errors.MenteeNotHereError)


@pytest.mark.parametrize(
    ("side", "error"), [("mentor", errors.MentorNotHereError), ("mentee", errors.MenteeNotHereError)]
)
def test_no_pair_is_started_with_somebody_who_has_left_the_course(world, session, come_in, side, error):
    pair = world.pair(PairState.AGREED)
    gone = pair.mentor.person if side == "mentor" else pair.places[0].mentee.person
    session.scalars(select(Membership).where(Membership.person_id == gone.id)).one().active = False
    session.commit()
    with pytest.raises(error):
        world.move(pair, Action.START)
    session.rollback()
    curator, page = come_in(world.curator), f"/courses/{world.course.id}/pairs/{pair.id}/"
    answer = curator.post(page + "start", data={"csrf_token": token_of(curator.get(page))})
    assert answer.status_code == error.status
    assert gone.name in answer.text
    assert "в этом курсе" in answer.text
    session.rollback()
    assert pair.state is PairState.AGREED
    assert world.move(pair, Action.CANCEL).state is PairState.CANCELLED


def test_nobody_is_told_who_is_in_another_course(world):
    elsewhere = world.another_course()
    mentor, mentee = world.mentor(course=elsewhere), world.mentee(course=elsewhere, state=MenteeState.CANDIDATE)
    assert isinstance(refusal(world, mentor, world.mentee()), errors.UnknownMentorError)
    assert isinstance(refusal(world, world.mentor(), mentee), errors.UnknownMenteeError)


def test_nobody_mentors_themselves(world, session):
    mentee = world.mentee()
    mentor = world.mentor(person=mentee.person, kind=MentorKind.STUDENT)
    assert isinstance(refusal(world, mentor, mentee, form="student-student"), errors.SamePersonError)


def test_a_pair_needs_a_mentee(world):
    assert isinstance(refusal(world, world.mentor()), errors.NobodyChosenError)


def test_what_is_not_of_this_year_or_site_is_not_known(world, session):
    ask = {
        "platform_id": world.platform.id,
        "course_id": world.course.id,
        "day": world.day,
        "form_id": world.form().id,
        "mentor_id": world.mentor().id,
        "mentee_ids": [world.mentee().id],
    }
    for change, error in (
        ({"form_id": 10**6}, errors.UnknownFormError),
        ({"mentor_id": 10**6}, errors.UnknownMentorError),
        ({"mentee_ids": [10**6]}, errors.UnknownMenteeError),
        ({"day": world.day - timedelta(days=800)}, errors.NoCycleError),
    ):
        with pytest.raises(error):
            service.propose(session, **{**ask, **change})
        session.rollback()
    assert service.propose(session, **ask).proposed_by is None


def test_the_table_itself_refuses_a_second_open_pair(world, session, monkeypatch):
    pair = world.pair(PairState.PROPOSED)
    # As if the look had come before the other transaction's commit.
    monkeypatch.setattr(service, "_check", lambda *_args: None)
    with pytest.raises(errors.AlreadyPairedError) as caught:
        world.propose(world.mentor(), pair.places[0].mentee)
    assert caught.value.facts["names"] == pair.places[0].mentee.person.name


# --- refusals of a move -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", [Action.CANCEL, Action.START, Action.FINISH, Action.END_EARLY])
def test_a_mentor_does_not_do_what_is_the_curators(world, session, action):
    pair = world.pair(PairState.AGREED)
    with pytest.raises(errors.NotYourMoveError):
        world.move(pair, action, actor=pair.mentor.person)


@pytest.mark.parametrize("action", [Action.AGREE, Action.DECLINE])
def test_a_curator_does_not_answer_in_the_mentors_name(world, session, action):
    pair = world.pair(PairState.PROPOSED)
    with pytest.raises(errors.NotYourMoveError):
        service.move(
            session,
            pair.id,
            action,
            course_id=world.course.id,
            actor_id=world.curator.id,
            is_curator=True,
            day=world.day,
        )


def test_the_mentee_and_strangers_move_nothing_and_learn_nothing(world, session):
    pair = world.pair(PairState.PROPOSED)
    for person in (pair.places[0].mentee.person, world.person("", Role.STUDENT), world.mentor().person):
        with pytest.raises(NotFoundError):
            world.move(pair, Action.AGREE, actor=person)


def test_a_pair_of_another_course_is_not_there(world, session):
    pair = world.pair(PairState.PROPOSED)
    with pytest.raises(NotFoundError):
        service.move(
            session,
            pair.id,
            Action.CANCEL,
            course_id=world.another_course().id,
            actor_id=world.curator.id,
            is_curator=True,
            day=world.day,
        )


def test_a_move_that_comes_too_late_says_where_the_pair_is(app, world, session):
    pair = world.pair(PairState.CANCELLED)
    with pytest.raises(errors.UnknownMoveError) as caught:
        world.move(pair, Action.AGREE)
    with app.test_request_context(headers={"Accept-Language": "en"}):
        assert "Cancelled" in caught.value.text


@pytest.mark.parametrize("reason", ["", "  \n "])
def test_ending_early_needs_a_reason(world, session, reason):
    pair = world.pair(PairState.ACTIVE)
    with pytest.raises(errors.ReasonNeededError) as caught:
        service.move(
            session,
            pair.id,
            Action.END_EARLY,
            reason,
            course_id=world.course.id,
            actor_id=world.curator.id,
            is_curator=True,
            day=world.day,
        )
    assert caught.value.field == "reason"
    session.rollback()
    session.refresh(pair)
    assert pair.state is PairState.ACTIVE


def test_a_reason_is_kept_and_one_too_long_is_refused(world, session):
    pair = world.pair(PairState.ACTIVE)
    with pytest.raises(errors.ReasonTooLongError):
        world.move(pair, Action.END_EARLY, "я" * 1001)
    session.rollback()
    world.move(pair, Action.END_EARLY, f"  {'я' * 1000} ")
    session.commit()
    assert pair.reason == "я" * 1000


def test_who_left_the_base_stays_out_of_it_when_their_pair_ends(world, session):
    pair = world.pair(PairState.ACTIVE)
    mentee = pair.places[0].mentee
    mentee.state = MenteeState.WITHDRAWN
    session.commit()
    world.move(pair, Action.END_EARLY)
    session.commit()
    assert mentee.state is MenteeState.WITHDRAWN


def test_a_lowered_capacity_takes_nobody_away(world, session):
    mentor = world.mentor(capacity=2)
    pair = world.pair(PairState.PROPOSED, mentor, world.mentee(), world.mentee())
    mentor.capacity = 1
    session.commit()
    world.move(pair, Action.AGREE)
    session.commit()
    assert pair.state is PairState.AGREED


# --- for the wings above ------------------------------------------------------------------------------------------


def test_formed_are_the_mentees_of_active_and_finished_pairs(world, session):
    pairs = {state: world.pair(state) for state in PairState}
    people = {state: pair.places[0].mentee.person_id for state, pair in pairs.items()}
    mentors = {state: pair.mentor.person_id for state, pair in pairs.items()}
    formed = (PairState.ACTIVE, PairState.FINISHED)
    for course_id in (None, world.course.id):
        assert service.formed(session, world.cycle.id, course_id) == {people[state] for state in formed}
        assert service.mentors_in_pairs(session, world.cycle.id, course_id) == {mentors[state] for state in formed}
    with_early = (*formed, PairState.ENDED_EARLY)
    assert service.formed(session, world.cycle.id, ended_early=True) == {people[state] for state in with_early}
    assert service.mentors_in_pairs(session, world.cycle.id, ended_early=True) == {
        mentors[state] for state in with_early
    }


def test_in_a_course_those_are_formed_who_are_in_it_now_wherever_their_pair_was_made(world, session):
    pair = world.pair(PairState.ACTIVE)
    mentee, elsewhere = pair.places[0].mentee, world.another_course()
    assert service.formed(session, world.cycle.id, elsewhere.id) == set()
    world.enrol(mentee.person, Role.STUDENT, course=elsewhere)
    assert service.formed(session, world.cycle.id, elsewhere.id) == {mentee.person_id}
    session.scalars(
        select(Membership).where(Membership.person_id == mentee.person_id, Membership.course_id == world.course.id)
    ).one().active = False
    session.commit()
    assert service.formed(session, world.cycle.id, world.course.id) == set()
    assert service.formed(session, world.cycle.id) == {mentee.person_id}


def test_another_years_pairs_are_not_this_years(world, session):
    world.pair(PairState.ACTIVE)
    assert service.formed(session, world.cycle.id + 1) == set()


def test_places_are_unique_within_a_pair(world, session):
    mentee = world.mentee()
    pair = world.propose(world.mentor(), mentee, mentee)
    assert session.scalars(select(PairMentee.mentee_id).where(PairMentee.pair_id == pair.id)).all() == [mentee.id]
    assert pair.proposed_at <= now()
