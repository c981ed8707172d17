"""Grades on their way to the practice Moodle: each delivered once, whatever Moodle or the network does."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from sqlalchemy import select

from lti_service import db
from lti_service.indicators import delivery, gradebook, rules
from lti_service.indicators.gradebook import Texts
from lti_service.indicators.models import Grade, GradebookColumn, GradeState
from lti_service.lti import gradebook as protocol
from lti_service.lti import services
from lti_service.lti.gradebook import Score
from lti_service.people.models import Person
from lti_service.platforms.models import AccessToken, PlatformState
from tests.indicators.world import MOODLE_COURSE, World, average


@pytest.fixture
def filled(world: World) -> World:
    """Ten students need a mentor, six of them have one; the column is in Moodle with all ten grades."""
    world.need(world.students[:10])
    world.pair(world.students[:6])
    world.column()
    world.deliver()
    world.accepted.clear()
    world.moodle.requests.clear()
    return world


def take_as_a_worker(world: World, number: int) -> list[gradebook.Claim]:
    """A worker takes rows to send them, and is killed before it says what became of them."""
    with db.transaction(world.session) as session:
        gradebook.hurry(session, world.course.id)
        column = session.scalars(select(GradebookColumn)).one()
        return gradebook.claim(session, column, [], number)


def post_as_a_worker(world: World, claim: gradebook.Claim) -> protocol.Outcome:
    """What that worker would have posted reaches Moodle."""
    column = world.session.scalars(select(GradebookColumn)).one()
    return protocol.post_score(services.connector(world.platform), column.lineitem_url, claim.score)


# --- what arrives -------------------------------------------------------------------------------------------------


def test_everybody_of_the_share_gets_a_grade_and_the_average_is_the_indicator(world: World) -> None:
    world.need(world.students[:25])
    world.pair(world.students[:18])
    world.column()

    result = world.deliver()

    assert result.counts() == {"sent": 25, "confirmed": 25, "rejected": 0, "waiting": 0}
    shown = world.shown()
    assert shown == {
        person.moodle_id: 100.0 if person in world.students[:18] else 0.0 for person in world.students[:25]
    }
    assert average(shown.values()) == Decimal("72.00")
    assert world.in_moodle().average() == 72.0


def test_people_read_why_beside_their_grade(filled: World) -> None:
    grades = filled.in_moodle().grades

    assert grades[int(filled.students[0].moodle_id)].feedback == "Наставник есть"
    assert grades[int(filled.students[9].moodle_id)].feedback == "Наставник пока не найден"


def test_a_second_pass_without_changes_asks_moodle_for_nothing(filled: World) -> None:
    assert filled.refresh() == 0
    filled.deliver()

    assert len(filled.moodle.requests) == 0


def test_only_what_changed_is_sent(filled: World) -> None:
    filled.pair(filled.students[6:7])
    filled.part(filled.students[0:1])
    assert filled.refresh() == 2

    filled.deliver()

    changed = {(filled.students[6].moodle_id, 100), (filled.students[0].moodle_id, 0)}
    assert set(filled.accepted) == changed
    assert len(filled.accepted) == 2
    assert filled.shown()[filled.students[0].moodle_id] == 0


def test_a_change_that_was_taken_back_before_it_was_sent_is_not_sent(filled: World) -> None:
    filled.pair(filled.students[6:7])
    filled.refresh()
    filled.part(filled.students[6:7])
    filled.refresh()

    filled.deliver()

    assert filled.accepted == []
    assert filled.states() == {"confirmed": 10}


def test_whoever_leaves_the_share_loses_the_grade(filled: World) -> None:
    filled.no_longer_need(filled.students[9:10])
    filled.refresh()

    filled.deliver()

    assert filled.accepted == [(filled.students[9].moodle_id, None)]
    assert filled.students[9].moodle_id not in filled.shown()
    assert average(filled.shown().values()) == Decimal("66.67")


def test_whoever_leaves_before_anything_was_sent_costs_no_request(world: World) -> None:
    world.need(world.students[:3])
    world.column()
    world.no_longer_need(world.students[2:3])
    world.refresh()

    world.deliver()

    assert {user for user, _value in world.accepted} == {person.moodle_id for person in world.students[:2]}


def test_two_changes_within_one_second_both_arrive(filled: World) -> None:
    filled.pair(filled.students[6:7])
    filled.refresh()
    filled.deliver()
    filled.part(filled.students[6:7])
    filled.refresh()
    filled.deliver()

    assert filled.accepted == [(filled.students[6].moodle_id, 100), (filled.students[6].moodle_id, 0)]
    assert filled.states() == {"confirmed": 10}


def test_a_column_that_ended_with_its_school_year_is_left_alone(filled: World) -> None:
    with time_machine.travel(db.now() + timedelta(days=365), tick=True):
        filled.no_longer_need(filled.students[:10])

        assert filled.refresh() == 0
    assert filled.states() == {"confirmed": 10}


def test_a_column_of_answers_holds_a_hundred_for_those_who_answered(world: World) -> None:
    world.need(world.students[:5])
    world.pair(world.students[:4])
    survey = world.survey()
    world.answer(survey, world.students[:3], rating=5)
    world.column(f"survey-{survey.id}", "Анкета заполнена")

    world.deliver()

    given = {person.moodle_id: value for person, value in zip(world.students, [100.0, 100.0, 100.0, 0.0], strict=False)}
    assert world.shown() == given
    world.answer(survey, world.students[3:4], rating=2)
    world.refresh()
    world.deliver()
    assert average(world.shown().values()) == Decimal(100)


def test_a_survey_that_turns_anonymous_takes_nobodys_grade_away(world: World) -> None:
    world.need(world.students[:2])
    world.pair(world.students[:2])
    survey = world.survey()
    world.answer(survey, world.students[:2], rating=5)
    world.column(f"survey-{survey.id}", "Анкета заполнена")
    world.deliver()
    survey.anonymous = True
    world.session.commit()

    assert world.refresh() == 0


# --- the column ---------------------------------------------------------------------------------------------------


def test_a_column_that_is_there_is_found_and_its_right_grades_are_not_sent_again(filled: World) -> None:
    with db.transaction(filled.session) as session:
        gradebook.remove_column(session, filled.viewer, session.scalars(select(GradebookColumn)).one())
    filled.column()

    filled.deliver()

    assert len(filled.columns_in_moodle()) == 1
    assert filled.accepted == []
    assert filled.states() == {"confirmed": 10}


def test_a_worker_killed_right_after_making_the_column_does_not_make_it_twice(world: World) -> None:
    world.need(world.students[:2])
    column = world.column()
    protocol.create_line_item(
        services.connector(world.platform),
        world.course.lineitems_url,
        label=column.label,
        tag=gradebook.TAG,
        resource_id=column.resource_id,
    )

    world.deliver()

    assert len(world.columns_in_moodle()) == 1
    assert len(world.shown()) == 2


def test_a_column_deleted_in_moodle_is_made_again_with_all_its_grades(filled: World) -> None:
    filled.moodle.gradebook.delete(filled.in_moodle())
    filled.pair(filled.students[6:7])
    filled.refresh()

    result = filled.deliver()

    assert result.trouble == ""
    assert average(filled.shown().values()) == Decimal(70)
    assert filled.states() == {"confirmed": 10}


def test_a_deleted_column_is_noticed_when_it_is_read_back(filled: World) -> None:
    filled.moodle.gradebook.delete(filled.in_moodle())

    filled.deliver(verify=True)

    assert len(filled.shown()) == 10


def test_a_new_name_reaches_moodle_and_a_scale_changed_there_stays(filled: World) -> None:
    filled.moodle.gradebook.rescale(filled.in_moodle(), 5)
    with db.transaction(filled.session) as session:
        column = session.scalars(select(GradebookColumn)).one()
        gradebook.change_column(session, filled.viewer, column, Texts("Есть наставник"))
    filled.pair(filled.students[6:7])
    filled.refresh()

    filled.deliver(verify=True)

    assert filled.in_moodle().label == "Есть наставник"
    assert filled.in_moodle().maximum == 5
    assert filled.shown()[filled.students[6].moodle_id] == 5
    assert filled.states() == {"confirmed": 10}


def test_an_activitys_own_column_stays_the_activitys_when_it_gets_our_name(world: World) -> None:
    """A column that came with an activity is called like it; Moodle forgets what a renaming does not repeat."""
    world.need(world.students[:2])
    tool = next(iter(world.moodle.lti.tools.values()))
    column = world.column()
    link = world.moodle.add_link(
        MOODLE_COURSE, tool, "Мой наставник", resource_id=column.resource_id, tag=gradebook.TAG, review={}
    )

    world.deliver()
    with db.transaction(world.session) as session:
        gradebook.change_column(session, world.viewer, column, Texts("Есть наставник"))
    world.deliver(verify=True)

    (there,) = world.columns_in_moodle()
    assert there.label == "Есть наставник"
    assert there.link_id == link.id
    assert there.review == {}


def test_a_course_without_a_gradebook_service_says_so_and_waits(world: World) -> None:
    world.course.lineitems_url = ""
    world.session.commit()
    world.need(world.students[:2])
    world.column()

    result = world.deliver()

    assert result.trouble == delivery.NOT_OFFERED
    world.session.expire_all()
    column = world.session.scalars(select(GradebookColumn)).one()
    assert column.error_code == delivery.NOT_OFFERED
    assert column.try_at is not None
    assert gradebook.courses_to_deliver(world.session, db.now()) == []
    assert gradebook.courses_to_deliver(world.session, column.try_at) == [world.course.id]


def test_a_paused_platform_is_not_asked(filled: World) -> None:
    filled.platform = filled.session.merge(filled.platform)
    filled.platform.state = PlatformState.PAUSED
    filled.session.commit()
    filled.pair(filled.students[6:7])
    filled.refresh()

    assert filled.deliver().trouble == "platform-not-active"
    assert len(filled.moodle.requests) == 0


def test_a_column_removed_while_it_is_delivered_ends_its_delivery(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.need(world.students[:8])
    world.column()
    read = protocol.read_results

    def removed_meanwhile(service: services.Connector, url: str) -> dict[str, protocol.Result]:
        with db.transaction(world.session) as session:
            for column in session.scalars(select(GradebookColumn)):
                gradebook.remove_column(session, world.viewer, column)
        return read(service, url)

    monkeypatch.setattr(protocol, "read_results", removed_meanwhile)

    assert world.deliver().trouble == ""
    assert world.states() == {}
    assert len(world.columns_in_moodle()) == 1


def test_a_column_made_while_others_are_delivered_arrives_in_the_same_pass(filled: World) -> None:
    survey = filled.survey()
    filled.answer(survey, filled.students[:3], rating=5)

    def tell(done: int, total: int | None) -> None:
        if len(filled.session.scalars(select(GradebookColumn.id)).all()) == 1:
            filled.column(f"survey-{survey.id}", "Анкета заполнена")

    result = delivery.deliver(filled.course.id, tell)

    assert [column.label for column in filled.columns_in_moodle()] == ["Пара сформирована", "Анкета заполнена"]
    # Three of the six in pairs have answered.
    assert filled.in_moodle(1).average() == 50
    assert result.waiting == 0


# --- a worker killed at any moment ---------------------------------------------------------------------------------


def test_a_score_that_arrived_before_the_kill_is_not_sent_again(filled: World) -> None:
    filled.pair(filled.students[6:8])
    filled.refresh()
    first, _second = take_as_a_worker(filled, 2)
    post_as_a_worker(filled, first)

    filled.deliver()

    assert sorted(filled.accepted) == sorted((person.moodle_id, 100) for person in filled.students[6:8])
    assert filled.states() == {"confirmed": 10}


def test_a_score_still_on_its_way_at_the_kill_is_taken_once(filled: World) -> None:
    filled.pair(filled.students[6:7])
    filled.refresh()
    (claim,) = take_as_a_worker(filled, 1)

    filled.deliver()
    late = post_as_a_worker(filled, claim)

    assert late is protocol.Outcome.STALE
    assert filled.accepted == [(filled.students[6].moodle_id, 100)]


def test_a_score_that_arrives_between_reading_and_sending_again_is_taken_once(
    filled: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.pair(filled.students[6:7])
    filled.refresh()
    (claim,) = take_as_a_worker(filled, 1)
    read = protocol.read_results

    def reading_then_late(service: services.Connector, url: str) -> dict[str, protocol.Result]:
        found = read(service, url)
        if not filled.accepted:
            post_as_a_worker(filled, claim)
        return found

    monkeypatch.setattr(protocol, "read_results", reading_then_late)

    filled.deliver()

    assert filled.accepted == [(filled.students[6].moodle_id, 100)]
    assert filled.states() == {"confirmed": 10}


def test_a_value_that_changed_while_it_was_on_its_way_follows(filled: World) -> None:
    filled.pair(filled.students[6:7])
    filled.refresh()
    (claim,) = take_as_a_worker(filled, 1)
    filled.part(filled.students[6:7])
    filled.refresh()
    post_as_a_worker(filled, claim)
    with db.transaction(filled.session) as session:
        gradebook.record_answer(session, claim, protocol.Outcome.DELIVERED)

    filled.deliver()

    assert filled.accepted == [(filled.students[6].moodle_id, 100), (filled.students[6].moodle_id, 0)]
    assert filled.shown()[filled.students[6].moodle_id] == 0


def test_a_value_that_changed_while_a_killed_worker_had_it_is_the_only_one_sent(filled: World) -> None:
    filled.pair(filled.students[6:8])
    filled.refresh()
    take_as_a_worker(filled, 2)
    filled.part(filled.students[6:7])
    filled.refresh()

    filled.deliver()

    assert filled.accepted == [(filled.students[7].moodle_id, 100)]
    assert filled.states() == {"confirmed": 10}


def test_a_worker_that_comes_back_late_writes_nothing_over_the_others_work(filled: World) -> None:
    filled.pair(filled.students[6:7])
    filled.refresh()
    (claim,) = take_as_a_worker(filled, 1)
    filled.deliver()

    with db.transaction(filled.session) as session:
        assert gradebook.record_answer(session, claim, protocol.Outcome.UNAVAILABLE) is None

    assert filled.states() == {"confirmed": 10}


def test_rows_of_a_living_worker_are_not_touched(filled: World) -> None:
    filled.pair(filled.students[6:8])
    filled.refresh()
    take_as_a_worker(filled, 1)
    waited: list[float] = []

    delivery.deliver(filled.course.id, lease=timedelta(seconds=20), sleep=waited.append)

    assert [user for user, _value in filled.accepted] == [filled.students[7].moodle_id]
    assert filled.grade(filled.students[6]).state is GradeState.SENDING
    assert sum(waited) >= 20


# --- what Moodle says ---------------------------------------------------------------------------------------------


def test_a_lost_answer_does_not_make_a_second_score(filled: World) -> None:
    filled.moodle.faults.add("/scores", lose=True, times=2)
    filled.pair(filled.students[6:10])
    filled.refresh()

    filled.deliver()
    assert filled.states() == {"confirmed": 8, "sending": 2}
    filled.deliver()

    assert sorted(filled.accepted) == sorted((person.moodle_id, 100) for person in filled.students[6:10])
    assert filled.states() == {"confirmed": 10}


def test_a_moodle_that_is_down_is_left_alone_after_a_few_tries_and_nothing_is_lost(world: World) -> None:
    world.need(world.students[:30])
    world.column()
    world.moodle.faults.add("/scores", status=503)

    result = world.deliver()

    assert result.trouble == rules.Trouble.UNAVAILABLE
    assert len(world.moodle.requests.of("/scores")) <= 2 * rules.AT_ONCE
    world.moodle.faults.clear()
    world.deliver()
    assert len(world.shown()) == 30
    assert len(world.accepted) == 30


def test_a_failed_grade_waits_longer_each_time(filled: World) -> None:
    filled.pair(filled.students[6:7])
    filled.refresh()
    filled.moodle.faults.add("/scores", status=502)
    waits = []
    for _time in range(3):
        filled.deliver()
        waits.append(filled.grade(filled.students[6]).try_at - db.now())

    assert waits[0] < waits[1] < waits[2]
    assert filled.grade(filled.students[6]).reason == rules.Trouble.UNAVAILABLE


def test_an_access_token_that_moodle_forgot_costs_one_new_token(filled: World) -> None:
    filled.moodle.lti.forget_access_tokens()
    filled.pair(filled.students[6:10])
    filled.refresh()

    result = filled.deliver()

    assert result.trouble == ""
    assert len(filled.accepted) == 4
    assert len(filled.moodle.requests.of("token.php")) == 1


def test_without_access_no_grade_loses_a_try_and_the_column_says_why(filled: World) -> None:
    filled.session.query(AccessToken).delete()
    filled.session.commit()
    services.connector(filled.platform)._tokens.clear()
    tool = next(iter(filled.moodle.lti.tools.values()))
    client_id, tool.client_id = tool.client_id, "another"
    filled.pair(filled.students[6:7])
    filled.refresh()

    result = filled.deliver()

    assert result.trouble == "token-refused"
    filled.session.expire_all()
    assert filled.session.scalars(select(GradebookColumn.error_code)).one() == "token-refused"
    assert filled.grade(filled.students[6]).tries == 0
    tool.client_id = client_id
    filled.deliver()
    assert filled.states() == {"confirmed": 10}
    assert filled.session.scalars(select(GradebookColumn.error_code)).one() == ""


def test_a_tool_that_may_not_make_columns_says_so(world: World) -> None:
    tool = next(iter(world.moodle.lti.tools.values()))
    tool.gradebook = 1
    world.need(world.students[:2])
    world.column()

    assert world.deliver().trouble == rules.Trouble.UNAUTHORISED


def test_somebody_moodle_does_not_grade_is_rejected_with_the_reason_and_not_tried_again(world: World) -> None:
    teacher = world.teachers[1]
    world.need([*world.students[:2], teacher])
    world.column()

    world.deliver()
    world.refresh()
    world.deliver()

    row = world.grade(teacher)
    assert (row.state, row.reason) == (GradeState.REJECTED, rules.Trouble.NOT_GRADABLE)
    assert len(world.moodle.requests.of("/scores")) == 3


def test_somebody_rejected_is_tried_again_when_their_roles_change(world: World) -> None:
    teacher = world.teachers[1]
    world.need([teacher])
    world.column()
    world.deliver()

    world.become(teacher, "student")
    assert world.refresh() == 1
    world.deliver()

    assert world.accepted == [(teacher.moodle_id, 0)]


def test_somebody_unenrolled_and_enrolled_again_gets_the_grade_back(filled: World) -> None:
    student = filled.students[0]
    filled.leave(student)
    filled.refresh()
    filled.deliver()
    gone = filled.grade(student)
    assert (gone.state, gone.reason) == (GradeState.REJECTED, rules.Trouble.NOT_GRADABLE)

    filled.come_back(student)
    filled.refresh()
    filled.deliver()

    assert filled.states() == {"confirmed": 10}
    assert filled.shown()[student.moodle_id] == 100


def test_a_locked_grade_waits_and_arrives_when_it_is_unlocked(filled: World) -> None:
    student = filled.students[6]
    filled.moodle.gradebook.lock(filled.in_moodle(), filled.person_in_moodle(student))
    filled.pair(filled.students[6:8])
    filled.refresh()

    filled.deliver()

    row = filled.grade(student)
    assert (row.state, row.reason, row.tries) == (GradeState.SENDING, rules.Trouble.LOCKED, 1)
    assert filled.grade(filled.students[7]).state is GradeState.CONFIRMED
    filled.moodle.gradebook.lock(filled.in_moodle(), filled.person_in_moodle(student), locked=False)
    filled.deliver()
    assert filled.states() == {"confirmed": 10}
    assert len(filled.accepted) == 2


def test_a_locked_column_ends_the_pass_before_it_keeps_moodle_busy(world: World) -> None:
    world.need(world.students[:30])
    world.column()
    world.deliver()
    world.in_moodle().locked = True
    world.pair(world.students[:30])
    world.refresh()
    world.moodle.requests.clear()

    world.deliver()

    assert len(world.moodle.requests.of("/scores")) <= rules.GIVE_UP_AFTER[rules.Trouble.LOCKED] + rules.AT_ONCE


def test_a_grade_that_a_teacher_overrode_is_rejected_after_reading_back(filled: World) -> None:
    column = filled.in_moodle()
    column.coupled = True
    filled.moodle.gradebook.override(column, filled.person_in_moodle(filled.students[6]), 55)
    with time_machine.travel(db.now() + timedelta(seconds=2), tick=True):
        filled.pair(filled.students[6:7])
        filled.refresh()

        filled.deliver()

        row = filled.grade(filled.students[6])
        assert (row.state, row.reason) == (GradeState.REJECTED, rules.Trouble.OVERRIDDEN)
        assert row.confirmed == 55
        filled.moodle.requests.clear()
        filled.deliver()
        assert len(filled.moodle.requests) == 0


def test_a_rejected_grade_is_sent_again_when_the_curator_asks(filled: World) -> None:
    column = filled.in_moodle()
    column.coupled = True
    student = filled.person_in_moodle(filled.students[6])
    filled.moodle.gradebook.override(column, student, 55)
    with time_machine.travel(db.now() + timedelta(seconds=2), tick=True):
        filled.pair(filled.students[6:7])
        filled.refresh()
        filled.deliver()
        filled.moodle.gradebook.grade_of(column, student).overridden = False

        with db.transaction(filled.session) as session:
            ours = session.scalars(select(GradebookColumn)).one()
            assert gradebook.retry_rejected(session, filled.viewer, ours) == 1
        filled.deliver()

    assert filled.states() == {"confirmed": 10}


def test_a_newer_stamp_in_moodle_is_passed_with_a_newer_one_of_ours(filled: World) -> None:
    grade = filled.in_moodle().grades[int(filled.students[6].moodle_id)]
    grade.final, grade.modified = 40.0, int(db.now().timestamp()) + 300
    filled.pair(filled.students[6:7])
    filled.refresh()

    filled.deliver()

    assert filled.shown()[filled.students[6].moodle_id] == 100
    assert filled.states() == {"confirmed": 10}


def test_a_grade_changed_by_hand_is_noticed_by_the_nightly_reading(filled: World) -> None:
    filled.in_moodle().grades[int(filled.students[0].moodle_id)].final = 90.0

    filled.deliver(verify=True)

    row = filled.grade(filled.students[0])
    assert (row.state, row.reason, row.confirmed) == (GradeState.REJECTED, rules.Trouble.OVERRIDDEN, Decimal(90))
    assert filled.accepted == []


def test_a_grade_that_vanished_in_moodle_is_sent_again_by_the_nightly_reading(filled: World) -> None:
    del filled.in_moodle().grades[int(filled.students[0].moodle_id)]

    filled.deliver(verify=True)

    assert filled.accepted == [(filled.students[0].moodle_id, 100)]
    assert filled.states() == {"confirmed": 10}


def test_nonsense_instead_of_results_leaves_the_grades_unverified_until_later(filled: World) -> None:
    filled.moodle.faults.add("/results", page=True, times=1)
    filled.pair(filled.students[6:7])
    filled.refresh()

    assert filled.deliver().trouble == "moodle-nonsense"
    assert filled.states() == {"confirmed": 9, "sent": 1}
    filled.deliver()
    assert filled.states() == {"confirmed": 10}
    assert len(filled.accepted) == 1


def test_an_answer_that_makes_no_sense_is_a_final_no_after_some_tries(filled: World) -> None:
    filled.moodle.faults.add("/scores", body="[]")
    filled.pair(filled.students[6:7])
    filled.refresh()

    for _time in range(rules.REFUSED_FOR_GOOD + 1):
        filled.deliver()

    row = filled.grade(filled.students[6])
    assert (row.state, row.reason) == (GradeState.REJECTED, rules.Trouble.REFUSED)


# --- several workers ----------------------------------------------------------------------------------------------


def test_no_more_than_four_scores_are_on_their_way_at_a_time(world: World) -> None:
    world.need(world.students[:30])
    world.column()
    world.moodle.faults.add("/scores", wait=0.02)

    world.deliver()

    assert world.moodle.requests.most_at_once("/scores") <= rules.AT_ONCE
    assert len(world.shown()) == 30


def test_several_workers_at_once_send_each_grade_once(world: World) -> None:
    world.need(world.students[:30])
    world.pair(world.students[:10])
    world.column()
    world.moodle.faults.add("/scores", wait=0.01)
    start = threading.Barrier(3)
    troubles: list[str] = []

    def work() -> None:
        start.wait()
        troubles.append(delivery.deliver(world.course.id).trouble)

    workers = [threading.Thread(target=work) for _number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert troubles == ["", "", ""]
    assert len(world.accepted) == 30
    assert len({user for user, _value in world.accepted}) == 30
    assert world.moodle.requests.most_at_once("/scores") <= rules.AT_ONCE
    assert world.states() == {"confirmed": 30}


def test_each_score_is_stamped_when_it_is_sent(world: World) -> None:
    world.need(world.students[:3])
    world.column()
    with time_machine.travel(db.now() + timedelta(hours=3), tick=True):
        world.deliver()

        for person in world.students[:3]:
            row = world.grade(person)
            assert row.sent_at is not None
            assert db.now() - row.sent_at < timedelta(minutes=1)


def test_a_score_holds_what_moodle_needs_of_the_person(world: World) -> None:
    world.need(world.students[:1])
    world.column()
    claims = take_as_a_worker(world, 4)

    person: Person = world.students[0]
    assert [claim.score for claim in claims] == [
        Score(person.moodle_id, Decimal(0), claims[0].claimed_at, "Наставник пока не найден")
    ]
    assert world.session.scalars(select(Grade.state)).one() is GradeState.SENDING
