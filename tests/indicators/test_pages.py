"""The pages of indicators and columns, as a curator, an administrator and others see them."""

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from lti_service import db, lists
from lti_service.indicators import gradebook, service
from lti_service.indicators.models import ColumnKind, GradebookColumn
from lti_service.people.models import Membership, Person
from lti_service.platforms.models import Course
from lti_service.programme.models import MenteeKind
from lti_service.surveys.models import Audience
from tests.counting import statements
from tests.indicators.world import World

Come = Callable[..., FlaskClient]


@pytest.fixture
def curator(world: World, launch_as: Come) -> FlaskClient:
    """The curator's browser, in the course."""
    return launch_as(int(world.curator.moodle_id))


def get(client: FlaskClient, path: str) -> TestResponse:
    return client.get(f"{client.home}{path}")  # type: ignore[attr-defined]


def post(client: FlaskClient, path: str, **fields: str) -> TestResponse:
    """Send a form as the page would: with the token of the visit."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', get(client, "gradebook/").text)
    assert token
    return client.post(f"{client.home}{path}", data={"csrf_token": token[1], **fields})  # type: ignore[attr-defined]


def text_of(response: TestResponse) -> str:
    """What a person reads of a page."""
    without_tags = re.sub(r"<[^>]+>", " ", response.text.partition("<main")[2])
    # A no-break space stays one: it is a part of how numbers are shown.
    return re.sub(r"[ \n]+", " ", without_tags)


@pytest.fixture
def year(world: World) -> World:
    """Students 18 of 25, young teachers 1 of 2, mentees 4 of 5 satisfied, mentors 7 of 8, anonymously."""
    world.need(world.students[:25])
    world.pair(world.students[:18])
    world.need(world.teachers[1:3], MenteeKind.YOUNG_TEACHER)
    world.pair(world.teachers[1:2])
    survey = world.survey()
    world.answer(survey, world.students[:4], rating=5)
    world.answer(survey, world.students[4:5], rating=2)
    of_mentors = world.survey(anonymous=True, audience=Audience.MENTORS)
    world.answer(of_mentors, [None] * 7, rating=4)
    world.answer(of_mentors, [None], rating=1)
    return world


# --- indicators ---------------------------------------------------------------------------------------------------


def test_each_indicator_shows_its_title_its_fact_and_its_plan(year: World, curator: FlaskClient) -> None:
    page = text_of(get(curator, "indicators/"))

    day = year.today.strftime("%d.%m.%Y")
    for code, fact in {"R1": (1, 2, 50), "R4": (18, 25, 72), "E5": (4, 5, 80), "E6": (7, 8, "87.5")}.items():
        numerator, denominator, percent = fact
        assert f"{percent}\N{NO-BREAK SPACE}% — {numerator} of {denominator} on {day}" in page, code
    assert "Доля сформированных пар" in page
    assert "Plan: 100 %" in page


def test_a_word_stands_beside_every_colour(year: World, curator: FlaskClient) -> None:
    page = get(curator, "indicators/").text

    for word in ("behind the plan", "close to the plan", "plan reached"):
        assert word in page


def test_indicators_that_are_not_computed_are_listed_honestly_with_their_plan(
    year: World, curator: FlaskClient
) -> None:
    page = text_of(get(curator, "indicators/"))

    assert "Количество договоров о дуальном обучении" in page
    assert "entered by hand: not kept yet" in page
    assert "will be computed: not yet" in page


def test_a_click_shows_the_people_on_both_sides(year: World, curator: FlaskClient) -> None:
    page = text_of(get(curator, "indicators/R4/"))

    formed, unformed = page.split("Only in the denominator")
    assert all(person.name in formed for person in year.students[:18])
    assert all(person.name in unformed for person in year.students[18:25])


def test_a_side_of_many_people_is_shown_in_pages(
    world: World, curator: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (service, lists):
        monkeypatch.setattr(module, "PAGE", 10)
    world.need(world.students[:23])
    names = [person.name for person in sorted(world.students[:23], key=lambda one: (one.search_name, one.id))]

    both = text_of(get(curator, "indicators/R4/"))
    assert [name for name in names if name in both] == names[:10]
    assert "Show all 23" in both
    found = [text_of(get(curator, f"indicators/R4/?side=out&page={page}")) for page in (1, 2, 3, 99)]
    assert [name for page in found[:3] for name in names if name in page] == names
    assert "21–23 of 23" in found[2]
    assert found[3] == found[2]
    assert "Show all" not in found[0]
    assert text_of(get(curator, "indicators/R4/?side=both&page=3")) == both


def test_anonymous_answers_show_no_people(year: World, curator: FlaskClient) -> None:
    page = text_of(get(curator, "indicators/E6/"))

    assert "8 more answers are anonymous" in page


def test_too_few_anonymous_answers_count_for_nothing(world: World, curator: FlaskClient) -> None:
    survey = world.survey(anonymous=True)
    world.answer(survey, [None] * 4, rating=5)

    page = text_of(get(curator, "indicators/"))

    assert "4 anonymous answers are not counted" in page


def test_an_indicator_that_is_not_computed_has_no_people(year: World, curator: FlaskClient) -> None:
    assert get(curator, "indicators/R2/").status_code == 404
    assert get(curator, "indicators/none/").status_code == 404


def test_before_anything_happened_nothing_is_counted(world: World, curator: FlaskClient) -> None:
    assert "nothing to count yet" in text_of(get(curator, "indicators/"))


def test_the_whole_college_is_told_of_when_it_has_other_courses(year: World, session: Session) -> None:
    def college() -> list[tuple[int, int] | None]:
        shown = service.overview(session, year.platform.id, year.course.id, year.today)
        assert shown is not None
        return [(one.college.numerator, one.college.denominator) if one.college else None for one in shown.computed]

    assert college() == [None] * 4
    other = Course(platform_id=year.platform.id, moodle_id="3", title="Адаптация")
    newcomer = Person(platform_id=year.platform.id, moodle_id="9999", family_name="Новенький", updated_at=db.now())
    session.add_all([other, newcomer])
    session.flush()
    session.add(Membership(course_id=other.id, person_id=newcomer.id, roles=["student"], moodle_roles=["student"]))
    session.commit()
    year.need([newcomer])

    assert college() == [(1, 2), (18, 26), (4, 5), (7, 8)]


def test_the_page_asks_as_often_for_many_people_as_for_few(
    world: World, session: Session, curator: FlaskClient
) -> None:
    def queries() -> int:
        with statements(session) as sent:
            assert get(curator, "indicators/").status_code == 200
        return len(sent)

    world.need(world.students[:2])
    world.pair(world.students[:1])
    few = queries()
    world.need(world.students[2:30])
    world.pair(world.students[2:30])

    assert queries() == few


# --- columns ------------------------------------------------------------------------------------------------------


def test_a_column_is_made_and_delivered(year: World, curator: FlaskClient) -> None:
    answer = post(curator, "gradebook/", source="pair-formed", label="Пара сформирована")

    assert answer.status_code == 303
    page = text_of(get(curator, "gradebook/"))
    assert "In Moodle: 25 of 25" in page
    assert "average in Moodle: 72" in page
    assert year.in_moodle().label == "Пара сформирована"
    assert year.in_moodle().average() == 72


def test_a_column_without_a_name_is_called_by_what_it_shows(year: World, curator: FlaskClient) -> None:
    post(curator, "gradebook/", source="pair-formed", label="")

    assert year.in_moodle().label == "A pair is formed"


def test_a_column_of_a_survey_averages_to_the_share_of_answers(year: World, curator: FlaskClient) -> None:
    survey_id = year.session.scalars(select(gradebook.Survey.id).where(gradebook.Survey.anonymous.is_(False))).one()

    post(curator, "gradebook/", source=f"survey-{survey_id}", label="Анкета")

    # Asked are the eighteen students and the young teacher with a pair; a teacher gets no grade in Moodle.
    assert year.in_moodle().average() == pytest.approx(100 * 5 / 18)
    page = text_of(get(curator, "gradebook/"))
    assert "cannot be delivered: 1" in page
    assert "they are not a student of the course there" in page


def test_anonymous_surveys_are_not_offered_and_the_page_says_why(year: World, curator: FlaskClient) -> None:
    page = get(curator, "gradebook/").text

    assert "answers are anonymous and nobody can say who is to get a grade: Анкета 2" in page
    anonymous = year.session.scalars(select(gradebook.Survey.id).where(gradebook.Survey.anonymous)).one()
    answer = post(curator, "gradebook/", source=f"survey-{anonymous}", label="Анкета")
    assert answer.status_code == 422
    assert "Answers to this survey are anonymous" in answer.text


def test_the_same_column_is_not_made_twice(year: World, curator: FlaskClient) -> None:
    post(curator, "gradebook/", source="pair-formed", label="Пара")

    answer = post(curator, "gradebook/", source="pair-formed", label="Ещё одна")

    assert answer.status_code == 409
    assert 'value="Ещё одна"' in answer.text or "There is such a column already" in answer.text
    assert len(year.columns_in_moodle()) == 1


@pytest.mark.parametrize("source", ["", "survey-999999", "nonsense"])
def test_a_column_of_nothing_is_refused_at_its_field(source: str, world: World, curator: FlaskClient) -> None:
    answer = post(curator, "gradebook/", source=source, label="Название")

    assert answer.status_code == 422
    assert "Choose what the column is to show." in answer.text
    assert 'value="Название"' in answer.text


def test_a_name_that_is_too_long_is_refused_and_stays_typed(world: World, curator: FlaskClient) -> None:
    answer = post(curator, "gradebook/", source="pair-formed", label="Ж" * 251)

    assert answer.status_code == 422
    assert "At most 250 characters." in answer.text
    assert "Ж" * 251 in answer.text


def test_a_column_gets_another_name_and_other_comments(year: World, curator: FlaskClient) -> None:
    post(curator, "gradebook/", source="pair-formed", label="Пара")
    column = year.session.scalars(select(GradebookColumn)).one()

    answer = post(curator, f"gradebook/{column.id}/texts", label="Наставник", yes_comment="Есть", no_comment="Нет")

    assert answer.status_code == 303
    assert year.in_moodle().label == "Наставник"
    year.pair(year.students[18:19])
    post(curator, "gradebook/deliver")
    assert year.in_moodle().grades[int(year.students[18].moodle_id)].feedback == "Есть"


def test_a_column_keeps_its_name_when_the_new_one_is_empty(year: World, curator: FlaskClient) -> None:
    post(curator, "gradebook/", source="pair-formed", label="Пара")
    column = year.session.scalars(select(GradebookColumn)).one()

    answer = post(curator, f"gradebook/{column.id}/texts", label=" ", yes_comment="Есть")

    assert answer.status_code == 422
    assert "Give the column a name." in answer.text
    assert 'value="Есть"' in answer.text
    assert year.in_moodle().label == "Пара"


def test_delivering_now_brings_what_changed(year: World, curator: FlaskClient) -> None:
    post(curator, "gradebook/", source="pair-formed", label="Пара")
    year.pair(year.students[18:20])

    assert post(curator, "gradebook/deliver").status_code == 303

    assert year.in_moodle().average() == 80


def test_trouble_with_moodle_is_told_and_nothing_is_lost(year: World, curator: FlaskClient) -> None:
    year.moodle.faults.add("lineitems", status=503)
    post(curator, "gradebook/", source="pair-formed", label="Пара")

    page = text_of(get(curator, "gradebook/"))
    assert "waiting: 25" in page
    assert "Moodle did not answer" in page
    year.moodle.faults.clear()
    post(curator, "gradebook/deliver")
    assert year.in_moodle().average() == 72


def test_a_columns_page_lists_people_by_state(year: World, curator: FlaskClient) -> None:
    post(curator, "gradebook/", source="pair-formed", label="Пара")
    column = year.session.scalars(select(GradebookColumn)).one()

    everybody = text_of(get(curator, f"gradebook/{column.id}/"))
    rejected = text_of(get(curator, f"gradebook/{column.id}/?show=rejected"))

    assert all(person.name in everybody for person in year.students[:25])
    assert "Nobody here" in rejected


def test_a_rejected_grade_can_be_tried_again(world: World, curator: FlaskClient) -> None:
    world.need(world.teachers[1:2])
    post(curator, "gradebook/", source="pair-formed", label="Пара")
    column = world.session.scalars(select(GradebookColumn)).one()
    assert "Try the rejected again" in get(curator, f"gradebook/{column.id}/").text
    enrolment = world.moodle.college.course(2).enrolments[int(world.teachers[1].moodle_id)]
    enrolment.roles = ("student",)

    post(curator, f"gradebook/{column.id}/retry")

    assert world.accepted == [(world.teachers[1].moodle_id, 0)]


def test_removing_a_column_says_what_happens_and_leaves_moodle_alone(year: World, curator: FlaskClient) -> None:
    post(curator, "gradebook/", source="pair-formed", label="Пара")
    column = year.session.scalars(select(GradebookColumn)).one()
    assert "stays with its grades" in get(curator, f"gradebook/{column.id}/remove").text

    post(curator, f"gradebook/{column.id}/remove")

    assert year.in_moodle().average() == 72
    year.session.rollback()
    assert year.session.scalars(select(GradebookColumn)).all() == []


def test_a_survey_with_a_column_cannot_be_removed_under_it(year: World) -> None:
    survey = year.survey()
    column = year.column(f"survey-{survey.id}")

    assert column.kind is ColumnKind.SURVEY_ANSWERED
    assert column.resource_id == f"indicator:survey-answered:{survey.feedback_id}:{year.cycle.start_year}"


# --- who may see what ---------------------------------------------------------------------------------------------

PAGES = ("indicators/", "indicators/R4/", "gradebook/")


@pytest.mark.parametrize("path", PAGES)
def test_a_student_and_a_teacher_see_none_of_it(path: str, year: World, launch_as: Come) -> None:
    for person in (year.students[0], year.teachers[1]):
        assert get(launch_as(int(person.moodle_id)), path).status_code == 403


def test_an_administrator_sees_numbers_but_no_people(year: World, launch_as: Come) -> None:
    admin = launch_as("admin")

    page = get(admin, "indicators/")
    assert page.status_code == 200
    assert "18 of 25" in text_of(page)
    assert get(admin, "indicators/R4/").status_code == 403
    assert get(admin, "gradebook/").status_code == 403


def test_a_column_of_another_course_does_not_exist_here(year: World, curator: FlaskClient, session: Session) -> None:
    other = Course(platform_id=year.platform.id, moodle_id="77", title="Другой")
    session.add(other)
    session.flush()
    foreign = GradebookColumn(
        course_id=other.id,
        cycle_id=year.cycle.id,
        kind=ColumnKind.PAIR_FORMED,
        label="Чужой",
        resource_id="x",
        created_at=db.now(),
    )
    session.add(foreign)
    session.commit()

    for path in ("", "texts", "remove"):
        assert get(curator, f"gradebook/{foreign.id}/{path}").status_code == 404
    for path in ("texts", "remove", "retry"):
        assert post(curator, f"gradebook/{foreign.id}/{path}", label="Мой").status_code == 404


def test_a_form_without_its_token_changes_nothing(year: World, curator: FlaskClient) -> None:
    answer = curator.post(f"{curator.home}gradebook/", data={"source": "pair-formed"})  # type: ignore[attr-defined]

    assert answer.status_code == 400
    assert year.columns_in_moodle() == []


def test_the_home_page_of_a_curator_holds_the_indicators_in_short(
    year: World, curator: FlaskClient, launch_as: Come
) -> None:
    assert "18 of 25" in text_of(get(curator, ""))
    assert "18 of 25" not in text_of(get(launch_as(int(year.students[0].moodle_id)), ""))
