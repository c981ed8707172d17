"""What answers say: who was asked, who answered, who is satisfied, and what small anonymous groups keep."""

from sqlalchemy.orm import Session

from lti_service.pairs.models import PairState
from lti_service.people import enrolments
from lti_service.programme.models import Cycle
from lti_service.surveys import results, service
from lti_service.surveys.models import Audience, Survey
from tests.counting import statements
from tests.surveys.conftest import World


def fresh(world: World, survey: Survey) -> Survey:
    world.refresh()
    return service.find_survey(world.session, survey.id, world.course.id)


def tally(world: World, survey: Survey) -> results.Tally:
    return service.tally(world.session, fresh(world, survey))


def ids(world: World, *people: object) -> set[int]:
    return {world.person(who).id for who in people}  # type: ignore[arg-type]


def test_asked_are_people_whose_pair_was_formed_also_when_it_ended_early(world: World) -> None:
    one, two, three, four, five = world.college.students[:5]
    old, new, early = world.college.teachers[:3]
    world.pair(old, one, state=PairState.ACTIVE)
    world.pair(old, two, state=PairState.FINISHED)
    world.pair(early, three, state=PairState.ENDED_EARLY)
    world.pair(new, four, state=PairState.PROPOSED)
    world.pair(new, five, state=PairState.DECLINED)
    mentees = world.survey(world.new_feedback(anonymous=False))
    mentors = world.survey(world.new_feedback(anonymous=False, name="Вторая"), Audience.MENTORS)
    assert service.asked_people(world.session, mentees) == ids(world, one, two, three)
    assert service.asked_people(world.session, mentors) == ids(world, old, early)


def test_the_share_counts_the_audience_and_sets_the_others_apart(world: World) -> None:
    happy, sad, silent, stranger = world.college.students[:4]
    world.pair(world.college.teachers[0], happy, sad, silent)
    feedback = world.new_feedback(anonymous=False)
    world.college.answer(feedback, happy, [4, 5, ""])
    world.college.answer(feedback, sad, [5, 3, ""])
    world.college.answer(feedback, stranger, [5, 5, ""])
    survey = world.survey(feedback)
    world.sync()

    found = tally(world, survey)

    assert (len(found.asked), found.answered, len(found.outside)) == (3, 2, 1)
    assert (found.satisfied, found.rated) == (1, 2)
    share = service.satisfaction(world.session, world.cycle.id, Audience.MENTEES)
    assert (share.satisfied, share.answered) == (1, 2)
    assert share.satisfied_people == ids(world, happy)
    assert share.answered_people == ids(world, happy, sad)
    assert share.read_at == fresh(world, survey).synced_at
    assert service.answered_people(world.session, survey.id) == ids(world, happy, sad, stranger)


def test_only_the_chosen_questions_rate(world: World) -> None:
    student = world.college.students[0]
    world.pair(world.college.teachers[0], student)
    feedback = world.new_feedback(anonymous=False)
    world.college.answer(feedback, student, [5, 1, ""])
    survey = world.survey(feedback, rating=(0,))
    world.sync()
    assert (tally(world, survey).satisfied, tally(world, survey).rated) == (1, 1)


def test_a_response_without_a_rating_counts_as_answered_but_not_in_the_share(world: World) -> None:
    student = world.college.students[0]
    world.pair(world.college.teachers[0], student)
    feedback = world.new_feedback(anonymous=False)
    attempt = world.college.answer(feedback, student, [5, 5, "Только слова"])
    attempt.values[feedback.items[0].id] = attempt.values[feedback.items[1].id] = "0"
    survey = world.survey(feedback)
    world.sync()
    found = tally(world, survey)
    assert (found.answered, found.satisfied, found.rated) == (1, 0, 0)


def test_a_year_keeps_its_numbers_when_its_graduates_leave_the_course(world: World) -> None:
    student = world.college.students[0]
    world.pair(world.college.teachers[0], student)
    feedback = world.new_feedback(anonymous=False)
    world.college.answer(feedback, student, [5, 5, ""])
    survey = world.survey(feedback)
    world.sync()
    world.college.unenrol(student, 2)
    enrolments.sync_course(world.course.id)

    found = tally(world, survey)

    assert (len(found.asked), found.answered, found.satisfied, len(found.outside)) == (1, 1, 1, 0)
    assert service.asked_people(world.session, survey) == set()  # nobody is left to be asked


def anonymous_survey(world: World, answers: int, satisfied: int) -> Survey:
    """A survey of mentors with so many anonymous answers."""
    feedback = world.new_feedback(anonymous=True, name=f"Аноним {answers}")
    for number, student in enumerate(world.college.students[:answers]):
        rating = 5 if number < satisfied else 2
        world.college.answer(feedback, student, [rating, rating, f"текст {answers - number}"])
    survey = world.survey(feedback, Audience.MENTORS)
    world.sync()
    return fresh(world, survey)


def test_four_anonymous_answers_say_only_how_many_they_are(world: World) -> None:
    survey = anonymous_survey(world, 4, 3)
    found = service.tally(world.session, survey)
    assert (found.answered, found.withheld) == (4, 4)
    assert (found.satisfied, found.rated, found.shown) == (0, 0, [])
    for result in results.item_results(world.session, survey, found):
        assert result.answered == 0
        assert [option.count for option in result.options] == [0] * len(result.options)
        assert result.texts == ()


def test_five_anonymous_answers_are_broken_down_their_texts_in_alphabetical_order(world: World) -> None:
    survey = anonymous_survey(world, 5, 3)
    found = service.tally(world.session, survey)
    assert (found.satisfied, found.rated, found.withheld) == (3, 5, 0)
    first, _second, words = results.item_results(world.session, survey, found)
    assert [(option.text, option.count) for option in first.options if option.count] == [
        ("скорее нет", 2),
        ("полностью да", 3),
    ]
    assert [text.text for text in words.texts] == [f"текст {number}" for number in range(1, 6)]
    assert {text.name for text in words.texts} == {""}


def test_a_small_anonymous_group_cannot_be_taken_out_of_a_sum(world: World) -> None:
    """The share over both surveys must be that of the large one alone, or the difference would tell."""
    anonymous_survey(world, 6, 4)
    anonymous_survey(world, 3, 0)
    share = service.satisfaction(world.session, world.cycle.id, Audience.MENTORS)
    assert (share.satisfied, share.answered, share.withheld) == (4, 6, 3)


def test_few_anonymous_answers_beside_named_ones_stay_out(world: World) -> None:
    student = world.college.students[0]
    world.pair(world.college.teachers[0], student)
    feedback = world.new_feedback(anonymous=False)
    world.college.answer(feedback, student, [5, 5, "имя"])
    survey = world.survey(feedback)
    world.sync()
    from lti_service.surveys.models import SurveyResponse

    for number in range(4):
        key = str(feedback.items[0].id)
        world.session.add(SurveyResponse(survey_id=survey.id, moodle_id=9000 + number, answers={key: "1"}))
    world.session.commit()
    found = tally(world, survey)
    assert (found.answered, found.withheld, found.satisfied, found.rated) == (5, 4, 1, 1)


def test_anonymous_answers_may_be_more_than_people_were_asked(world: World) -> None:
    world.pair(world.college.teachers[0], world.college.students[0])
    found = service.tally(world.session, anonymous_survey(world, 6, 6))
    assert (len(found.asked), found.answered) == (1, 6)


def test_somebody_who_answered_two_surveys_counts_once_with_the_newest(world: World) -> None:
    student = world.college.students[0]
    world.pair(world.college.teachers[0], student)
    before = world.new_feedback(anonymous=False, name="Начало года")
    after = world.new_feedback(anonymous=False, name="Конец года")
    # The later one is added and read first: the time of the answer decides, not ours.
    world.college.answer(after, student, [5, 5, ""], when=1_795_000_000)
    world.college.answer(before, student, [1, 1, ""], when=1_790_000_000)
    world.survey(after)
    world.survey(before)
    world.sync()
    world.refresh()
    share = service.satisfaction(world.session, world.cycle.id, Audience.MENTEES)
    assert (share.satisfied, share.answered) == (1, 1)


def test_satisfaction_is_that_of_one_audience_cycle_and_course(world: World, cycle: Cycle) -> None:
    student = world.college.students[0]
    world.pair(world.college.teachers[0], student)
    feedback = world.new_feedback(anonymous=False)
    world.college.answer(feedback, student, [5, 5, ""])
    world.survey(feedback)
    world.sync()
    world.refresh()

    def answered(cycle_id: int, audience: Audience, course_id: int | None = None) -> int:
        return service.satisfaction(world.session, cycle_id, audience, course_id).answered

    assert answered(cycle.id, Audience.MENTEES) == 1
    assert answered(cycle.id, Audience.MENTEES, world.course.id) == 1
    assert answered(cycle.id, Audience.MENTEES, world.course.id + 1) == 0
    assert answered(cycle.id, Audience.MENTORS) == 0
    assert answered(cycle.id + 1, Audience.MENTEES) == 0


def test_without_surveys_there_is_no_share(world: World) -> None:
    share = service.satisfaction(world.session, world.cycle.id, Audience.MENTEES)
    assert (share.satisfied, share.answered, share.read_at) == (0, 0, None)


def test_the_best_answers_listed_first_are_shown_from_the_worst_to_the_best(world: World) -> None:
    feedback = world.new_feedback(anonymous=False)
    student = world.college.students[0]
    world.pair(world.college.teachers[0], student)
    world.college.answer(feedback, student, [1, 1, ""])
    survey = world.survey(feedback)
    world.sync()
    survey = fresh(world, survey)
    for item in survey.items[:2]:
        item.options, item.weights = list(reversed(item.options)), list(reversed(item.weights))
    world.session.commit()
    found = service.tally(world.session, survey)
    assert (found.satisfied, found.rated) == (1, 1)  # the first answer listed is «полностью да»
    first = results.item_results(world.session, survey, found)[0]
    assert [option.text for option in first.options][::4] == ["совсем нет", "полностью да"]
    assert [option.counts_as_satisfied for option in first.options] == [False, False, False, True, True]


def test_the_list_takes_as_many_queries_for_one_survey_as_for_many(world: World) -> None:
    def queries() -> int:
        world.refresh()
        course_id = world.course.id
        with statements(world.session) as sent:
            service.survey_page(world.session, course_id)
        return len(sent)

    def add(*numbers: int) -> None:
        for number in numbers:
            feedback = world.new_feedback(anonymous=False, name=f"Анкета {number}")
            for student in world.college.students[: 2 * number]:
                world.college.answer(feedback, student, [4, 4, "текст"])
            world.survey(feedback)
        world.sync()

    add(1)
    one = queries()
    add(2, 3, 4, 5)
    assert queries() == one


def test_the_people_of_a_survey_are_listed_by_name_the_others_last(world: World, session: Session) -> None:
    answered, silent, stranger = world.college.students[:3]
    world.pair(world.college.teachers[0], answered, silent)
    feedback = world.new_feedback(anonymous=False)
    world.college.answer(feedback, answered, [5, 5, ""])
    world.college.answer(feedback, stranger, [5, 5, ""])
    survey = world.survey(feedback)
    world.sync()
    rows = results.respondents(session, tally(world, survey))
    assert {(row.name, row.has_answered, row.outside) for row in rows} == {
        (world.person(answered).name, True, False),
        (world.person(silent).name, False, False),
        (world.person(stranger).name, True, True),
    }
    assert rows[-1].outside
