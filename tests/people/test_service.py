"""What curators do with the bases, and what other wings are told about people."""

from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service import queue
from lti_service.access import Role
from lti_service.audit import AuditEvent
from lti_service.errors import NotFoundError
from lti_service.people import errors, profile, rules, service
from lti_service.people.models import MenteeState, MentorState
from lti_service.people.profile import Profile
from lti_service.people.rules import MenteeAction, MentorAction
from lti_service.platforms.models import Course
from lti_service.programme.models import MenteeKind, MentorKind
from tests.people.conftest import TODAY, SmallCourse


def due(session: Session) -> list[int]:
    return [row.course_id for row in queue.due_courses(session)]


def trail(session: Session) -> list[tuple[str, str, int | None]]:
    session.flush()
    events = session.scalars(select(AuditEvent).order_by(AuditEvent.id))
    return [(event.action, event.subject, event.actor_id) for event in events]


def test_marking_several_as_needing_moves_them_marks_the_course_due_and_leaves_a_trail(
    session: Session, small: SmallCourse
):
    chosen = small.mentees[:2]

    outcome = service.move_mentees(session, small.at, [mentee.id for mentee in chosen], MenteeAction.NEED)

    assert (outcome.done, outcome.same, outcome.refused) == (2, 0, [])
    assert [mentee.state for mentee in small.mentees] == [MenteeState.NEEDS] * 2 + [MenteeState.CANDIDATE] * 2
    assert due(session) == [small.course.id]
    assert trail(session) == [("mentee.need", f"mentee:{mentee.id}", small.curator.id) for mentee in chosen]


def test_marking_twice_changes_nothing_the_second_time(session: Session, small: SmallCourse):
    ids = [mentee.id for mentee in small.mentees]
    service.move_mentees(session, small.at, ids, MenteeAction.NEED)
    for row in queue.due_courses(session):
        queue.settle_due(session, row)

    outcome = service.move_mentees(session, small.at, ids, MenteeAction.NEED)

    assert (outcome.done, outcome.same) == (0, 4)
    assert due(session) == []
    assert len(trail(session)) == 4


def test_the_wanted_form_goes_with_it(session: Session, small: SmallCourse):
    form = small.form("teacher-student")

    service.move_mentees(session, small.at, [small.mentees[0].id], MenteeAction.NEED, form.id)
    assert small.mentees[0].wanted_form is form

    again = service.move_mentees(session, small.at, [small.mentees[0].id], MenteeAction.NEED)
    assert (again.same, small.mentees[0].wanted_form) == (1, form), "no form given leaves theirs"

    other = small.form("student-student")
    changed = service.move_mentees(session, small.at, [small.mentees[0].id], MenteeAction.NEED, other.id)
    assert (changed.done, small.mentees[0].wanted_form) == (1, other)


def test_a_form_for_others_is_refused_by_name_and_nobody_is_moved(session: Session, small: SmallCourse):
    ids = [small.mentees[0].id, small.young.id]

    with pytest.raises(errors.FormDoesNotFitError) as refused:
        service.move_mentees(session, small.at, ids, MenteeAction.NEED, small.form("teacher-student").id)

    assert refused.value.facts == {"form": "«педагог – студент»", "name": "Яшина Вера"}
    assert small.mentees[0].state is MenteeState.CANDIDATE


def test_whoever_cannot_be_moved_stays_and_is_named(session: Session, small: SmallCourse):
    paired = small.mentees[0]
    paired.state = MenteeState.PAIRED
    session.flush()

    outcome = service.move_mentees(session, small.at, [mentee.id for mentee in small.mentees], MenteeAction.WITHDRAW)

    assert (outcome.done, outcome.refused) == (3, [paired])
    assert paired.state is MenteeState.PAIRED


def test_a_move_that_is_open_to_nobody_chosen_is_an_error(session: Session, small: SmallCourse):
    small.mentees[0].state = MenteeState.PAIRED
    session.flush()

    with pytest.raises(errors.MoveRefusedError):
        service.move_mentees(session, small.at, [small.mentees[0].id], MenteeAction.RETURN)


@pytest.mark.parametrize("move", [service.move_mentees, service.move_mentors])
def test_choosing_nobody_is_an_error(session: Session, small: SmallCourse, move: Callable[..., object]):
    with pytest.raises(errors.NobodyChosenError):
        move(session, small.at, [], MenteeAction.WITHDRAW)


def test_people_of_another_college_are_not_there(session: Session, small: SmallCourse):
    other = SmallCourse(session, "other")

    with pytest.raises(NotFoundError):
        service.move_mentees(session, small.at, [small.mentees[0].id, other.mentees[0].id], MenteeAction.NEED)
    with pytest.raises(NotFoundError):
        service.move_mentors(session, small.at, [other.mentor.id], MentorAction.WITHDRAW)
    with pytest.raises(NotFoundError):
        service.record_of(session, small.course.id, small.cycle.id, other.curator.id)
    with pytest.raises(NotFoundError):
        service.add_mentor(session, small.at, other.mentees[0].person_id, MentorKind.STUDENT)
    with pytest.raises(NotFoundError):
        profile.save_mentor(session, small.at, other.mentor.person_id, kind=MentorKind.TEACHER, profile=Profile(2))


def test_people_of_another_course_of_the_college_are_not_there(session: Session, small: SmallCourse):
    second = Course(platform_id=small.platform.id, moodle_id="3", title="Адаптация")
    session.add(second)
    session.flush()
    at = service.desk(session, platform_id=small.platform.id, course_id=second.id, actor_id=small.curator.id, day=TODAY)

    with pytest.raises(NotFoundError):
        service.move_mentees(session, at, [small.mentees[0].id], MenteeAction.NEED)


def test_mentors_are_withdrawn_and_brought_back(session: Session, small: SmallCourse):
    for action, state in (
        (MentorAction.WITHDRAW, MentorState.WITHDRAWN),
        (MentorAction.RETURN, MentorState.CANDIDATE),
    ):
        assert service.move_mentors(session, small.at, [small.mentor.id], action).done == 1
        assert small.mentor.state is state
    assert [action for action, *_ in trail(session)] == ["mentor.withdraw", "mentor.return"]


def test_a_student_becomes_a_mentor_candidate_once_and_stays_a_mentee(session: Session, small: SmallCourse):
    senior, junior = small.mentee("Зимин Ян", groups="ИС-41"), small.mentees[0]
    ids = [senior.id, junior.id, small.young.id]

    first = service.make_mentors(session, small.at, ids, TODAY)
    assert (first.done, first.same, first.refused) == (2, 0, [junior])
    again = service.make_mentors(session, small.at, ids, TODAY)
    assert (again.done, again.same, again.refused) == (0, 2, [junior])
    with pytest.raises(errors.NobodyFitsError):
        service.make_mentors(session, small.at, [junior.id], TODAY)

    made = service.mentor_of(session, small.cycle.id, senior.person_id)
    assert (made.kind, made.state, made.capacity) == (MentorKind.STUDENT, MentorState.CANDIDATE, 3)
    assert service.mentor_of(session, small.cycle.id, small.young.person_id).kind is MentorKind.TEACHER
    assert senior.state is MenteeState.CANDIDATE


def test_nobody_is_put_into_a_base_twice(session: Session, small: SmallCourse):
    teacher = small.mentor.person_id
    mentee = service.add_mentee(session, small.at, teacher, MenteeKind.YOUNG_TEACHER)
    assert (mentee.kind, mentee.state) == (MenteeKind.YOUNG_TEACHER, MenteeState.CANDIDATE)

    with pytest.raises(errors.AlreadyInBaseError):
        service.add_mentee(session, small.at, teacher, MenteeKind.YOUNG_TEACHER)
    with pytest.raises(errors.AlreadyInBaseError):
        service.add_mentor(session, small.at, teacher, MentorKind.TEACHER)


def test_a_request_is_kept_but_not_repeated_in_the_trail(session: Session, small: SmallCourse):
    form = small.form("student-student")
    person_id = small.mentees[0].person_id

    service.save_mentee(session, small.at, person_id, wanted_form_id=form.id, request="  Помочь с адаптацией  ")
    assert (small.mentees[0].request, small.mentees[0].wanted_form) == ("Помочь с адаптацией", form)
    session.flush()
    assert "адаптац" not in str([event.details for event in session.scalars(select(AuditEvent))])

    service.save_mentee(session, small.at, person_id, wanted_form_id=None, request="")
    assert (small.mentees[0].request, small.mentees[0].wanted_form) == ("", None)
    with pytest.raises(errors.RequestTooLongError):
        service.save_mentee(session, small.at, person_id, wanted_form_id=None, request="я" * 2001)


@pytest.mark.parametrize("capacity", [0, 21, -1])
def test_a_capacity_out_of_range_is_refused(session: Session, small: SmallCourse, capacity: int):
    with pytest.raises(errors.CapacityError):
        profile.save_mentor(
            session, small.at, small.mentor.person_id, kind=MentorKind.TEACHER, profile=Profile(capacity)
        )


def test_saving_a_mentor_as_they_are_leaves_no_trail(session: Session, small: SmallCourse):
    person_id = small.mentor.person_id
    profile.save_mentor(session, small.at, person_id, kind=MentorKind.TEACHER, profile=Profile(3))
    assert trail(session) == []
    profile.save_mentor(session, small.at, person_id, kind=MentorKind.EMPLOYER, profile=Profile(5))
    assert (small.mentor.kind, small.mentor.capacity) == (MentorKind.EMPLOYER, 5)
    assert len(trail(session)) == 1


def test_needing_counts_those_who_need_or_have_a_mentor_and_are_still_there(session: Session, small: SmallCourse):
    for mentee, state in zip(
        small.mentees,
        (MenteeState.NEEDS, MenteeState.PAIRED, MenteeState.FINISHED, MenteeState.WITHDRAWN),
        strict=True,
    ):
        mentee.state = state
    gone = small.mentee("Ушедший Илья", state=MenteeState.NEEDS, active=False)
    small.young.state = MenteeState.NEEDS
    session.flush()
    counted = {mentee.person_id for mentee in small.mentees[:3]}

    assert service.needing(session, small.cycle.id, MenteeKind.STUDENT, small.course.id) == counted
    assert service.needing(session, small.cycle.id, MenteeKind.STUDENT) == counted
    assert gone.person_id not in service.needing(session, small.cycle.id, MenteeKind.STUDENT)
    assert service.needing(session, small.cycle.id, MenteeKind.YOUNG_TEACHER) == {small.young.person_id}


def test_needing_of_a_course_leaves_out_people_of_the_other_courses(session: Session, small: SmallCourse):
    small.mentees[0].state = MenteeState.NEEDS
    second = Course(platform_id=small.platform.id, moodle_id="3", title="Адаптация")
    session.add(second)
    session.flush()

    assert service.needing(session, small.cycle.id, MenteeKind.STUDENT, second.id) == set()
    assert service.needing(session, small.cycle.id, MenteeKind.STUDENT) == {small.mentees[0].person_id}


@pytest.mark.parametrize("state", MenteeState)
@pytest.mark.parametrize("target", sorted(rules.NEEDING))
def test_pairs_move_a_mentee_only_as_the_table_says(
    session: Session, small: SmallCourse, state: MenteeState, target: MenteeState
):
    mentee = small.mentees[0]
    mentee.state = state
    if state is target or rules.pairing_allowed(state, target):
        service.set_pairing(session, mentee, target)
        assert mentee.state is target
    else:
        with pytest.raises(errors.MoveRefusedError):
            service.set_pairing(session, mentee, target)
        assert mentee.state is state


def test_members_come_by_name_and_by_role(session: Session, small: SmallCourse):
    small.add("Ушедший Илья", "student", active=False)

    everyone = [found.person.family_name for found in service.members(session, small.course.id)]
    assert everyone == ["Алексеев", "Борисова", "Ёлкин", "Жуков", "Сергеева", "Титов", "Яшина"]
    teachers = [found.person.family_name for found in service.members(session, small.course.id, role=Role.TEACHER)]
    assert teachers == ["Титов", "Яшина"]
    with_gone = service.members(session, small.course.id, including_gone=True)
    assert len(with_gone) == len(everyone) + 1


def test_without_a_school_year_there_is_no_desk(session: Session, small: SmallCourse):
    with pytest.raises(errors.NoCycleError):
        service.desk(
            session,
            platform_id=small.platform.id,
            course_id=small.course.id,
            actor_id=small.curator.id,
            day=TODAY.replace(year=2030),
        )
