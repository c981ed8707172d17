"""Answers read from the practice Moodle: what comes in, what changes, what goes, and what stays when Moodle fails."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_service import db, queue
from lti_service.queue import DueCourse, Run, RunState
from lti_service.surveys import answers, service, tasks
from lti_service.surveys.models import Survey, SurveyItem, SurveyResponse
from moodle_client import FeedbackResponses, MoodleClient
from tests.counting import statements
from tests.practice_moodle import PracticeMoodle
from tests.practice_moodle.college import Feedback, Item
from tests.surveys.conftest import Steps, World, writes

RESPONSES = "mod_feedback_get_responses_analysis"


def see_anew(session: Session) -> None:
    """Neither the session's snapshot nor its objects are kept."""
    session.commit()
    session.expire_all()


def responses(session: Session, survey: Survey) -> list[SurveyResponse]:
    see_anew(session)
    return list(
        session.scalars(
            select(SurveyResponse).where(SurveyResponse.survey_id == survey.id).order_by(SurveyResponse.moodle_id)
        )
    )


def is_due(session: Session, course_id: int) -> bool:
    see_anew(session)
    return session.get(DueCourse, course_id) is not None


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moodle gives two responses a page at the first reading, ten at the second."""
    plain = MoodleClient.iter_feedback_responses
    small = dict(zip(answers.PAGE_SIZES, (2, 10), strict=True))

    def paged(self: MoodleClient, feedback_id: int, *, page_size: int) -> Any:
        return plain(self, feedback_id, page_size=small[page_size])

    monkeypatch.setattr(MoodleClient, "iter_feedback_responses", paged)


@pytest.fixture
def between_pages(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int], None]], None]:
    """`between_pages(act)`: after each page of two responses `act(page number)` happens before the next is asked."""

    def arrange(act: Callable[[int], None]) -> None:
        plain = MoodleClient.iter_feedback_responses

        def paged(self: MoodleClient, feedback_id: int, **_how: Any) -> Any:
            for number, page in enumerate(plain(self, feedback_id, page_size=2)):
                yield page
                act(number)

        monkeypatch.setattr(MoodleClient, "iter_feedback_responses", paged)

    return arrange


def test_named_answers_come_in_joined_to_people(world: World, session: Session) -> None:
    feedback = world.new_feedback(anonymous=False)
    student = world.college.students[0]
    world.college.answer(feedback, student, [4, 5, "Больше встреч"], when=1_795_000_000)
    survey = world.survey(feedback)

    outcome = world.sync()

    assert (outcome.new, outcome.changed, outcome.removed, outcome.code) == (1, 0, 0, "")
    (found,) = responses(session, survey)
    assert found.person_id == world.person(student).id
    assert found.moodle_user_id == str(student.id)
    assert found.answered_at is not None
    assert found.answered_at.timestamp() == 1_795_000_000
    ids = [str(item.id) for item in feedback.items]
    assert found.answers == dict(zip(ids, ["4", "5", "Больше встреч"], strict=True))
    assert session.get_one(Survey, survey.id).synced_at is not None
    assert is_due(session, world.course.id)


def test_anonymous_answers_come_in_without_person_and_time(world: World, session: Session) -> None:
    feedback = world.new_feedback(anonymous=True)
    for student in world.college.students[:3]:
        world.college.answer(feedback, student, [4, 5, ""])
    survey = world.survey(feedback)

    world.sync()

    found = responses(session, survey)
    assert len(found) == 3
    assert {(row.person_id, row.moodle_user_id, row.answered_at) for row in found} == {(None, None, None)}


def test_what_was_not_answered_is_left_out(world: World, session: Session) -> None:
    feedback = world.new_feedback(anonymous=False)
    world.college.answer(feedback, world.college.students[0], [3, 4, "  "])
    survey = world.survey(feedback)
    world.sync()
    assert set(responses(session, survey)[0].answers.values()) == {"3", "4"}


def test_a_second_reading_without_changes_writes_nothing_but_its_time(world: World, session: Session) -> None:
    survey = world.survey(world.feedback("Удовлетворённость наставляемых"))
    world.survey(world.feedback("Опрос наставников"))
    first = world.sync()
    assert first.new > 5
    world.settle()

    with statements(session) as sent:
        second = world.sync()

    assert (second.new, second.changed, second.removed, second.same) == (0, 0, 0, first.new)
    assert {statement.split(" WHERE")[0] for statement in writes(sent)} <= {
        "UPDATE survey SET synced_at=?",
        "UPDATE survey SET synced_at=%(synced_at)s::TIMESTAMP WITH TIME ZONE",
    }
    assert len(writes(sent)) == 2
    assert not is_due(session, world.course.id)
    assert len(responses(session, survey)) > 0


def test_an_answer_changed_in_moodle_changes_here(world: World, session: Session) -> None:
    feedback = world.new_feedback(anonymous=False)
    attempt = world.college.answer(feedback, world.college.students[0], [1, 1, "Плохо"])
    survey = world.survey(feedback)
    world.sync()
    world.settle()

    attempt.values[feedback.items[0].id] = "5"
    outcome = world.sync()

    assert (outcome.new, outcome.changed, outcome.same) == (0, 1, 0)
    assert responses(session, survey)[0].answers[str(feedback.items[0].id)] == "5"
    assert is_due(session, world.course.id)


def test_an_answer_deleted_in_moodle_goes_here_too(world: World, session: Session, small_pages: None) -> None:
    feedback = world.new_feedback(anonymous=False)
    for student in world.college.students[:5]:
        world.college.answer(feedback, student, [4, 4, ""])
    survey = world.survey(feedback)
    world.sync()
    world.settle()

    gone = world.college.students[2]
    del feedback.attempts[gone.id]
    outcome = world.sync()

    assert (outcome.removed, outcome.same) == (1, 4)
    assert str(gone.id) not in {row.moodle_user_id for row in responses(session, survey)}
    assert is_due(session, world.course.id)


def test_pages_are_read_to_the_end_and_progress_is_told(world: World, session: Session, small_pages: None) -> None:
    feedback = world.new_feedback(anonymous=False)
    for student in world.college.students[:5]:
        world.college.answer(feedback, student, [4, 4, ""])
    survey = world.survey(feedback)
    steps = Steps()
    session.commit()
    answers.sync_surveys(world.course.id, steps)
    assert len(responses(session, survey)) == 5
    assert [step for step in steps.seen if step[1]] == [(2, 5), (4, 5), (5, 5), (5, 5)]


def test_someone_unknown_here_is_joined_once_they_are_known(world: World, session: Session) -> None:
    feedback = world.new_feedback(anonymous=False)
    newcomer = world.college.add_person("newcomer", "Илья", "Новиков")
    world.college.enrol(newcomer, 2, "student")
    world.college.answer(feedback, newcomer, [4, 4, ""])
    survey = world.survey(feedback)
    world.sync()
    (found,) = responses(session, survey)
    assert (found.person_id, found.moodle_user_id) == (None, str(newcomer.id))

    from lti_service.people import enrolments

    enrolments.sync_course(world.course.id)
    assert world.sync().changed == 1
    assert responses(session, survey)[0].person_id == world.person(newcomer).id


def test_moodle_failing_midway_keeps_what_was_there_and_says_so(
    world: World, session: Session, moodle: PracticeMoodle, small_pages: None
) -> None:
    feedback = world.new_feedback(anonymous=False)
    for student in world.college.students[:5]:
        world.college.answer(feedback, student, [4, 4, ""])
    survey = world.survey(feedback)
    world.sync()
    read_at = session.get_one(Survey, survey.id).synced_at
    del feedback.attempts[world.college.students[0].id]
    world.college.answer(feedback, world.college.students[7], [1, 1, ""])

    pages_before = len(moodle.requests.of(RESPONSES))
    plain = moodle.web_service.functions[RESPONSES]

    def breaks_on_the_second_page(arguments: Any) -> Any:
        # Asked again and again, as a client that retries does: the second page never comes.
        if len(moodle.requests.of(RESPONSES)) - pages_before >= 1:
            return {"attempts": "nonsense"}
        return plain(arguments)

    moodle.web_service.functions[RESPONSES] = breaks_on_the_second_page
    run = start_run(session, world)
    tasks.refresh_answers(run.id)

    see_anew(session)
    run = session.get_one(Run, run.id)
    assert (run.state, run.error_code) == (RunState.FAILED, "moodle-nonsense")
    assert run.counts["troubles"] == {"Новая анкета": "moodle-nonsense"}
    kept = {row.moodle_user_id for row in responses(session, survey)}
    assert {str(student.id) for student in world.college.students[:5]} <= kept  # nothing was removed
    assert session.get_one(Survey, survey.id).synced_at == read_at


def start_run(session: Session, world: World) -> Run:
    run, _is_new = queue.open_run(session, answers.KIND, world.course.id)
    session.commit()
    return run


def test_one_broken_survey_does_not_stop_the_others(world: World, session: Session) -> None:
    gone = world.new_feedback(anonymous=False, name="Удалённая анкета")
    world.college.answer(gone, world.college.students[0], [4, 4, ""])
    first = world.survey(gone)
    kept = world.new_feedback(anonymous=False)
    world.college.answer(kept, world.college.students[0], [4, 4, ""])
    second = world.survey(kept)
    world.sync()
    del world.college.feedbacks[gone.id]
    world.college.answer(kept, world.college.students[1], [4, 4, ""])

    outcome = world.sync()

    assert outcome.troubles == {"Удалённая анкета": "activity-gone"}
    assert outcome.code == "activity-gone"
    assert (outcome.surveys, outcome.new) == (1, 1)
    assert len(responses(session, first)) == 1  # its last good data stay
    assert session.get_one(Survey, first.id).missing_since is not None
    assert len(responses(session, second)) == 2


def test_an_activity_that_comes_back_is_no_longer_missing(world: World, session: Session) -> None:
    feedback = world.new_feedback(anonymous=False)
    survey = world.survey(feedback)
    del world.college.feedbacks[feedback.id]
    world.sync()
    since = session.get_one(Survey, survey.id).missing_since
    world.sync()
    assert session.get_one(Survey, survey.id).missing_since == since is not None
    world.college.feedbacks[feedback.id] = feedback
    assert world.sync().code == ""
    assert session.get_one(Survey, survey.id).missing_since is None


def test_all_answers_vanishing_at_once_removes_none(world: World, session: Session) -> None:
    feedback = world.new_feedback(anonymous=False)
    for student in world.college.students[:3]:
        world.college.answer(feedback, student, [4, 4, ""])
    survey = world.survey(feedback)
    world.sync()
    feedback.attempts.clear()
    outcome = world.sync()
    assert outcome.code == "answers-vanished"
    assert len(responses(session, survey)) == 3


def test_a_survey_nobody_has_answered_is_read_without_trouble(world: World, session: Session) -> None:
    survey = world.survey(world.new_feedback(anonymous=True))
    assert world.sync().code == ""
    assert session.get_one(Survey, survey.id).synced_at is not None


def test_someone_answering_between_two_pages_makes_it_read_once_more(
    world: World, session: Session, between_pages: Callable[..., None]
) -> None:
    feedback = world.new_feedback(anonymous=False)
    for student in world.college.students[:6]:
        world.college.answer(feedback, student, [4, 4, ""])
    survey = world.survey(feedback)
    world.sync()
    leaves = sorted(feedback.attempts.values(), key=lambda attempt: attempt.person.by_family_name)[0].person
    acted: list[int] = []

    def act(page: int) -> None:
        # The first on the list goes after page 0: what stood first on page 1 slides out of sight.
        if not acted:
            acted.append(page)
            del feedback.attempts[leaves.id]

    between_pages(act)
    outcome = world.sync()

    assert (outcome.code, outcome.removed, outcome.same) == ("", 1, 6)
    assert {row.moodle_user_id for row in responses(session, survey)} == {str(number) for number in feedback.attempts}


def test_namesakes_where_two_pages_meet_are_all_read(world: World, session: Session, small_pages: None) -> None:
    """Moodle sorts by the family name alone; one of five namesakes then came twice, another on no page."""
    feedback = world.new_feedback(anonymous=False)
    for student in world.college.students[:5]:
        student.lastname = "Ким"
        world.college.answer(feedback, student, [4, 4, ""])
    survey = world.survey(feedback)

    outcome = world.sync()

    assert (outcome.code, outcome.new, outcome.same) == ("", 5, 0)
    assert {row.moodle_user_id for row in responses(session, survey)} == {str(number) for number in feedback.attempts}


def test_a_survey_that_never_stands_still_removes_nothing(
    world: World, session: Session, between_pages: Callable[..., None]
) -> None:
    feedback = world.new_feedback(anonymous=False)
    for student in world.college.students[:4]:
        world.college.answer(feedback, student, [4, 4, ""])
    survey = world.survey(feedback)
    world.sync()
    del feedback.attempts[world.college.students[0].id]
    late = iter(world.college.students[4:])
    between_pages(lambda page: page == 0 and world.college.answer(feedback, next(late), [4, 4, ""]) and None)
    outcome = world.sync()
    assert outcome.code == "answers-moving"
    assert outcome.removed == 0
    assert str(world.college.students[0].id) in {row.moodle_user_id for row in responses(session, survey)}


def test_a_survey_removed_while_it_is_read_stays_removed(
    world: World, session: Session, between_pages: Callable[..., None]
) -> None:
    feedback = world.new_feedback(anonymous=False)
    for student in world.college.students[:6]:
        world.college.answer(feedback, student, [4, 4, ""])
    survey = world.survey(feedback)

    def act(page: int) -> None:
        found = session.get(Survey, survey.id)
        if found is not None:
            service.remove_survey(session, world.viewer, found)
            session.commit()

    between_pages(act)
    assert world.sync().code == ""
    assert session.scalar(select(func.count(SurveyResponse.id))) == 0


def test_questions_follow_moodle(world: World, session: Session) -> None:
    feedback = world.new_feedback(anonymous=False)
    survey = world.survey(feedback)
    feedback.name = "Другое имя"
    first, second, text = feedback.items
    renamed = Item(first.id, first.label, "Я очень доволен(а)", first.kind, first.options, required=True)
    added = Item(world.college.new_id("item"), "d", "Ещё вопрос", "multichoicerated", first.options)
    feedback.items[:] = [renamed, text, added]

    world.sync()

    see_anew(session)
    assert session.get_one(Survey, survey.id).name == "Другое имя"
    found = session.scalars(
        select(SurveyItem).where(SurveyItem.survey_id == survey.id).order_by(SurveyItem.position)
    ).all()
    assert [(item.moodle_id, item.name, item.is_rating) for item in found] == [
        (first.id, "Я очень доволен(а)", True),
        (text.id, "Пожелания", False),
        (added.id, "Ещё вопрос", False),  # whether it rates is the curator's to say
    ]
    assert second.id not in {item.moodle_id for item in found}


def test_a_survey_made_anonymous_later_holds_both_kinds_of_answers(
    world: World, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Moodle keeps with each answer whether it was anonymous; the practice Moodle knows one kind an activity."""
    feedback = world.new_feedback(anonymous=False)
    world.college.answer(feedback, world.college.students[0], [4, 4, ""])
    survey = world.survey(feedback)
    plain = MoodleClient.iter_feedback_responses

    def mixed(self: MoodleClient, feedback_id: int, **_how: Any) -> Any:
        for page in plain(self, feedback_id):
            (named,) = page.attempts
            anonymous = type(named)(id=named.id + 1000, user_id=None, modified=None, answers=named.answers)
            yield FeedbackResponses(attempts=(named, anonymous), total_named=1, total_anonymous=1)

    monkeypatch.setattr(MoodleClient, "iter_feedback_responses", mixed)
    assert world.sync().new == 2
    assert [row.moodle_user_id is None for row in responses(session, survey)] == [False, True]


def test_a_course_without_surveys_asks_moodle_nothing(world: World, moodle: PracticeMoodle) -> None:
    moodle.requests.clear()
    assert world.sync().counts() == {"surveys": 0, "new": 0, "changed": 0, "removed": 0, "same": 0, "troubles": {}}
    assert len(moodle.requests) == 0


@pytest.mark.parametrize("how", ["revoked", "run out"])
def test_a_token_that_is_no_longer_good_is_said_in_the_run(
    how: str, world: World, session: Session, moodle: PracticeMoodle
) -> None:
    world.survey(world.new_feedback(anonymous=False))
    if how == "revoked":
        moodle.web_service.tokens.clear()
    else:
        moodle.web_service.run_out.update(moodle.web_service.tokens)
    run = start_run(session, world)
    tasks.refresh_answers(run.id)
    see_anew(session)
    run = session.get_one(Run, run.id)
    assert (run.state, run.error_code) == (RunState.FAILED, "moodle-token")


def test_a_survey_added_while_another_is_read_is_read_too(
    world: World, session: Session, between_pages: Callable[[Callable[[int], None]], None]
) -> None:
    """Whoever adds it finds a run open and starts none; that run had looked for its surveys before."""
    first, second = (world.new_feedback(anonymous=False, name=name) for name in ("Первая", "Вторая"))
    for feedback in (first, second):
        world.college.answer(feedback, world.college.students[0], [4, 4, ""])
    world.survey(first)
    added: list[Survey] = []

    def add(_page: int) -> None:
        if not added:
            added.append(world.survey(second))
            with db.new_session() as own, db.transaction(own) as curators:
                assert queue.open_run(curators, answers.KIND, world.course.id)[1] is False

    between_pages(add)
    tasks.refresh_answers(start_run(session, world).id)
    assert len(responses(session, added[0])) == 1
    assert not session.scalars(select(Run).where(Run.state.in_(queue.OPEN))).all()


def test_the_nightly_pass_reads_every_course(world: World, session: Session) -> None:
    feedback = world.new_feedback(anonymous=False)
    world.college.answer(feedback, world.college.students[0], [4, 4, ""])
    survey = world.survey(feedback)
    session.commit()
    tasks.sync_all()
    see_anew(session)
    run = queue.last_run(session, answers.KIND, world.course.id)
    assert run is not None
    assert (run.state, run.counts["new"]) == (RunState.DONE, 1)
    assert len(responses(session, survey)) == 1


def test_the_nightly_pass_leaves_a_course_alone_that_is_being_read(
    world: World, session: Session, moodle: PracticeMoodle
) -> None:
    world.survey(world.new_feedback(anonymous=False))
    run = start_run(session, world)
    moodle.requests.clear()
    tasks.sync_all()
    see_anew(session)
    assert session.get_one(Run, run.id).state is RunState.WAITING
    assert len(moodle.requests.of(RESPONSES)) == 0


def test_the_sample_college_counts_as_its_own_moodle_does(world: World, session: Session) -> None:
    feedback: Feedback = world.feedback("Удовлетворённость наставляемых")
    survey = world.survey(feedback)
    world.sync()
    assert {row.moodle_user_id for row in responses(session, survey)} == {str(number) for number in feedback.attempts}
