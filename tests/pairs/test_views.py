"""The pairs' pages as people see them: who sees what, what the forms say, and how many queries a board costs."""

import re
from html import unescape

import pytest
from sqlalchemy import insert, select

from lti_service.access import Role
from lti_service.audit import AuditEvent
from lti_service.db import now
from lti_service.pairs.models import Pair, PairMentee, PairState
from lti_service.pairs.rules import Action
from lti_service.people.models import ContactWay, Membership, Mentee, MenteeState, Mentor, MentorState, Person
from lti_service.platforms.models import Platform, PlatformState
from lti_service.programme import service as programme
from lti_service.programme.models import MenteeKind, MentorKind
from tests.counting import statements

S = PairState


def text_of(response) -> str:
    """What of a page is to be read, in one line."""
    main = response.text.partition("<main")[2] or response.text
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


def token_of(response) -> str:
    """The CSRF token of a page's form."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', response.text)
    assert found, response.text
    return found[1]


@pytest.fixture
def board(world):
    """The address of the course's board."""
    return f"/courses/{world.course.id}/pairs/"


@pytest.fixture
def home(world):
    """The address of the course's home page."""
    return f"/courses/{world.course.id}/"


@pytest.fixture
def curator(world, come_in):
    """The curator's browser, in English."""
    return come_in(world.curator, "en")


def look_again(session):
    """Let the test's session see what requests wrote meanwhile."""
    session.rollback()
    session.expire_all()


def post(client, page, address, **values):
    """Send a form of a page, with its token."""
    return client.post(address, data={"csrf_token": token_of(client.get(page)), **values})


# --- who sees what ------------------------------------------------------------------------------------------------

SEES = {
    #                     stranger mentee mentor teacher curator
    S.PROPOSED: (404, 404, 200, 200, 200),
    S.AGREED: (404, 200, 200, 200, 200),
    S.ACTIVE: (404, 200, 200, 200, 200),
    S.FINISHED: (404, 200, 200, 200, 200),
    S.ENDED_EARLY: (404, 200, 200, 200, 200),
    S.DECLINED: (404, 404, 200, 200, 200),
    S.CANCELLED: (404, 404, 200, 200, 200),
}


@pytest.mark.parametrize("state", list(PairState))
def test_a_pairs_page_is_for_its_people_the_teachers_and_the_curator(world, come_in, board, state):
    # An employer sees no pairs but their own, so that being the mentor is what opens the page.
    pair = world.pair(state, world.mentor(kind=MentorKind.EMPLOYER), form="employer-student")
    people = (
        world.person("", Role.STUDENT),
        pair.places[0].mentee.person,
        pair.mentor.person,
        world.person("", Role.TEACHER),
        world.curator,
    )
    found = tuple(come_in(person).get(f"{board}{pair.id}/").status_code for person in people)
    assert found == SEES[state]


def test_nobody_comes_to_a_pair_through_another_course_or_site(world, session, come_in):
    pair = world.pair(S.ACTIVE)
    elsewhere = world.another_course()
    for person in (world.curator, pair.mentor.person, pair.places[0].mentee.person):
        world.enrol(person, Role.CURATOR, course=elsewhere)
        assert come_in(person).get(f"/courses/{elsewhere.id}/pairs/{pair.id}/").status_code == 404
    other = Platform(
        name="Другой",
        issuer="https://other.example",
        client_id="c",
        login_url="",
        token_url="",
        jwks_url="",
        state=PlatformState.ACTIVE,
        created_at=now(),
    )
    session.add(other)
    session.flush()
    foreigner = Person(platform_id=other.id, moodle_id="1", family_name="Чужой", updated_at=now())
    session.add(foreigner)
    session.commit()
    assert come_in(foreigner).get(f"/courses/{world.course.id}/pairs/{pair.id}/").status_code == 404


@pytest.mark.parametrize("state", list(PairState))
def test_a_persons_pairs_are_for_them_their_mentor_the_teachers_and_the_curator(world, come_in, board, state):
    mentor = world.mentor("Мастеров Илья", kind=MentorKind.EMPLOYER)
    pair = world.pair(state, mentor, form="employer-student")
    mentee = pair.places[0].mentee.person
    people = (world.person("", Role.STUDENT), mentee, mentor.person, world.person("", Role.TEACHER), world.curator)
    pages = [come_in(person).get(f"{board}of/{mentee.id}/") for person in people]
    assert [page.status_code for page in pages] == [404, 200, 200, 200, 200]
    # Whom a mentee was proposed to, they learn only when the mentor has agreed.
    shown = ["Мастеров" in text_of(page) for page in pages[1:]]
    assert shown == [SEES[state][1] == 200, True, True, True]


def test_a_mentee_does_not_read_the_mentors_other_pairs(world, come_in, board):
    pair = world.pair(S.ACTIVE)
    assert come_in(pair.places[0].mentee.person).get(f"{board}of/{pair.mentor.person_id}/").status_code == 404


def test_of_a_group_a_mentee_reads_themselves_only(world, come_in, board):
    first, second = world.mentee("Первый Пётр"), world.mentee("Второй Вадим")
    world.pair(S.ACTIVE, world.mentor(), first, second, form="teacher-student")
    page = text_of(come_in(first.person).get(f"{board}of/{first.person_id}/"))
    assert "Первый" in page
    assert "Второй" not in page


def test_a_mentor_reads_of_a_mentee_only_what_is_theirs_together(world, come_in, board):
    mentee = world.mentee()
    own = world.mentor("Свой Семён", kind=MentorKind.EMPLOYER)
    other = world.mentor("Чужой Чеслав")
    world.pair(S.ACTIVE, own, mentee, form="employer-student")
    world.pair(S.ACTIVE, other, mentee)
    page = text_of(come_in(own.person).get(f"{board}of/{mentee.person_id}/"))
    assert "Свой" in page
    assert "Чужой" not in page


def test_a_look_at_somebody_elses_pairs_is_kept_and_at_ones_own_is_not(world, session, come_in, board):
    pair = world.pair(S.ACTIVE)
    mentee = pair.places[0].mentee.person
    for person in (mentee, pair.mentor.person, world.curator):
        assert come_in(person).get(f"{board}of/{mentee.id}/").status_code == 200
    looks = session.scalars(select(AuditEvent).where(AuditEvent.action == "person.looked")).all()
    shown = (mentee.id, pair.mentor.person_id)
    assert sorted((look.actor_id, look.subject) for look in looks) == [
        (world.curator.id, f"person:{person_id}") for person_id in sorted(shown)
    ]


def test_nobody_of_another_course_or_site_has_a_page_here(world, session, come_in, board):
    elsewhere = world.another_course()
    outsider = world.person("", Role.STUDENT, course=elsewhere)
    pair = world.pair(S.ACTIVE)
    curator = come_in(world.curator)
    assert curator.get(f"{board}of/{outsider.id}/").status_code == 404
    assert curator.get(f"{board}of/999999/").status_code == 404
    world.enrol(pair.mentor.person, Role.CURATOR, course=elsewhere)
    address = f"/courses/{elsewhere.id}/pairs/of/{pair.places[0].mentee.person_id}/"
    assert come_in(pair.mentor.person).get(address).status_code == 404
    other = Platform(
        name="Другой", issuer="https://other.example", client_id="c", login_url="", token_url="", jwks_url="",
        state=PlatformState.ACTIVE, created_at=now(),
    )  # fmt: skip
    session.add(other)
    session.flush()
    foreigner = Person(platform_id=other.id, moodle_id="1", family_name="Чужой", updated_at=now())
    session.add(foreigner)
    session.commit()
    assert curator.get(f"{board}of/{foreigner.id}/").status_code == 404
    address = f"{board}of/{pair.places[0].mentee.person_id}/"
    assert come_in(foreigner).get(address).status_code == 404


def test_without_a_visit_there_are_no_pages(client, board):
    assert client.get(board).status_code == 401


@pytest.mark.parametrize("page", ["", "new"])
def test_the_board_is_not_for_students_and_employers(world, come_in, board, page):
    for role in (Role.STUDENT, Role.EMPLOYER):
        assert come_in(world.person("", role)).get(board + page).status_code == 403


def test_a_teacher_sees_the_pairs_and_can_do_nothing_with_them(world, come_in, board):
    teacher = come_in(world.person("", Role.TEACHER), "en")
    waiting = world.mentee("Ждущий Иван")
    pair = world.pair(
        S.ACTIVE, world.mentor("Наставников Пётр"), world.mentee("Учеников Олег", email="secret@x.example")
    )
    page = teacher.get(board)
    assert "Учеников Олег" in page.text
    assert "New pair" not in page.text
    assert waiting.person.name not in page.text
    page = teacher.get(f"{board}{pair.id}/")
    assert "Наставников Пётр" in page.text
    assert "secret@x.example" not in page.text
    assert "<form" not in page.text
    assert "action=" not in page.text
    assert teacher.get(f"{board}new").status_code == 403


def test_how_to_reach_one_another_is_known_once_the_mentor_has_agreed(world, session, come_in, board):
    pair = world.pair(S.PROPOSED, None, world.mentee(email="mentee@x.example"))
    mentor, mentee = come_in(pair.mentor.person), come_in(pair.places[0].mentee.person)
    page = f"{board}{pair.id}/"
    assert "mentee@x.example" not in mentor.get(page).text
    world.move(pair, Action.AGREE)
    session.commit()
    assert "mailto:mentee@x.example" in mentor.get(page).text
    assert f"mailto:{pair.mentor.person.email}" in mentee.get(page).text
    world.move(pair, Action.CANCEL)
    session.commit()
    assert "mentee@x.example" not in mentor.get(page).text


def test_of_a_group_a_mentee_sees_the_mentor_and_themselves_only(world, come_in, board):
    mine = world.mentee("Первый Иван", request="Мой запрос")
    other = world.mentee("Второй Олег", email="other@x.example", request="Чужой запрос")
    pair = world.pair(S.ACTIVE, world.mentor("Наставников Пётр"), mine, other)
    page = come_in(mine.person, "en").get(f"{board}{pair.id}/")
    assert "Наставников Пётр" in page.text
    assert "1 other mentee" in page.text
    for hidden in ("Второй", "other@x.example", "Чужой запрос", "Куратова"):
        assert hidden not in page.text
    seen_by_mentor = come_in(pair.mentor.person).get(f"{board}{pair.id}/").text
    assert "Чужой запрос" in seen_by_mentor


def test_a_reason_is_for_curators_and_the_mentor(world, session, come_in, board):
    pair = world.pair(S.ACTIVE)
    world.move(pair, Action.END_EARLY, "Тайная причина")
    session.commit()
    page = f"{board}{pair.id}/"
    for person in (world.curator, pair.mentor.person):
        assert "Тайная причина" in come_in(person).get(page).text
    for person in (pair.places[0].mentee.person, world.person("", Role.TEACHER)):
        assert "Тайная причина" not in come_in(person).get(page).text


# --- moving -------------------------------------------------------------------------------------------------------


def test_a_mentor_agrees_on_the_home_page(world, session, come_in, home, board):
    pair = world.pair(S.PROPOSED, None, world.mentee("Учеников Олег", request="Помогите с практикой"))
    mentor = come_in(pair.mentor.person, "en")
    page = mentor.get(home)
    assert "You are asked to be a mentor" in page.text
    assert "Помогите с практикой" in page.text
    answer = post(mentor, home, f"{board}{pair.id}/agree")
    assert answer.status_code == 303
    page = mentor.get(answer.location)
    assert "Thank you!" in page.text
    assert "Agreed" in page.text
    look_again(session)
    assert pair.state is S.AGREED
    assert "You are asked to be a mentor" not in mentor.get(home).text


def test_declining_says_first_what_will_happen_and_takes_a_reason(world, session, come_in, board):
    pair = world.pair(S.PROPOSED)
    mentor = come_in(pair.mentor.person, "en")
    page = f"{board}{pair.id}/?action=decline"
    assert "the curator will look for another mentor" in mentor.get(page).text
    look_again(session)
    assert pair.state is S.PROPOSED
    assert post(mentor, page, f"{board}{pair.id}/decline", reason=" Нет времени ").status_code == 303
    look_again(session)
    assert (pair.state, pair.reason) == (S.DECLINED, "Нет времени")


def test_ending_early_without_a_reason_comes_back_with_the_message_at_the_field(world, session, curator, board):
    pair = world.pair(S.ACTIVE)
    page = f"{board}{pair.id}/?action=end_early"
    answer = post(curator, page, f"{board}{pair.id}/end_early", reason="  ")
    assert answer.status_code == 422
    assert "Say why the pair ends early." in answer.text
    assert 'aria-describedby="reason-hint reason-error"' in answer.text
    assert post(curator, page, f"{board}{pair.id}/end_early", reason="Переезд в другой город").status_code == 303
    look_again(session)
    assert pair.state is S.ENDED_EARLY


def test_a_reason_that_is_too_long_is_not_lost(world, curator, board):
    pair = world.pair(S.ACTIVE)
    answer = post(curator, f"{board}{pair.id}/?action=end_early", f"{board}{pair.id}/end_early", reason="ф" * 1001)
    assert answer.status_code == 422
    assert "At most 1000 characters" in answer.text
    assert "ф" * 1001 in answer.text


def test_a_move_that_came_too_late_shows_the_pair_as_it_is(world, session, come_in, home, board):
    pair = world.pair(S.PROPOSED)
    mentor = come_in(pair.mentor.person, "en")
    token = token_of(mentor.get(home))
    world.move(pair, Action.CANCEL)
    session.commit()
    answer = mentor.post(f"{board}{pair.id}/agree", data={"csrf_token": token})
    assert answer.status_code == 409
    assert "the pair is now in the state “Cancelled”" in answer.text


def test_whoever_may_not_move_a_pair_does_not(world, session, come_in, curator, home, board):
    pair = world.pair(S.PROPOSED)
    mentee = come_in(pair.places[0].mentee.person)
    with_form = world.pair(
        S.PROPOSED, world.mentor(person=pair.places[0].mentee.person, kind=MentorKind.STUDENT), form="student-student"
    )
    token = token_of(mentee.get(home))
    assert mentee.post(f"{board}{pair.id}/agree", data={"csrf_token": token}).status_code == 404
    assert mentee.post(f"{board}{with_form.id}/cancel", data={"csrf_token": token}).status_code == 403
    assert post(curator, f"{board}{pair.id}/?action=cancel", f"{board}{pair.id}/agree").status_code == 403
    assert curator.post(f"{board}{pair.id}/explode").status_code == 404
    assert curator.post(f"{board}{pair.id}/cancel").status_code == 400  # no token
    look_again(session)
    assert pair.state is with_form.state is S.PROPOSED


# --- a new pair ---------------------------------------------------------------------------------------------------


def test_a_curator_forms_a_pair_step_by_step(world, session, curator, board):
    mentor, mentee = world.mentor("Наставников Пётр"), world.mentee("Учеников Олег")
    world.mentor("Заводов Илья", kind=MentorKind.EMPLOYER)
    world.mentee("Молодой Павел", kind=MenteeKind.YOUNG_TEACHER)
    first = curator.get(f"{board}new")
    assert "«педагог – студент»" in first.text
    assert "1 mentor with free places · 1 mentee needs a mentor" in text_of(first)
    form = world.form().id
    second = curator.get(f"{board}new?form={form}")
    assert "Наставников Пётр" in second.text
    assert "free: 3 of 3" in second.text
    assert "Учеников Олег" in second.text
    assert "Заводов" not in second.text
    assert "Молодой" not in second.text
    answer = post(curator, f"{board}new?form={form}", f"{board}new", form=form, mentor=mentor.id, mentees=[mentee.id])
    assert answer.status_code == 303
    pair = session.scalars(select(Pair)).one()
    assert answer.location.endswith(f"/pairs/{pair.id}/")
    assert pair.proposed_by == world.curator.id
    page = text_of(curator.get(answer.location))
    assert "The mentor sees the proposal on their page" in page
    assert "Наставников Пётр" in page


def test_choosing_a_mentee_on_the_board_leads_to_the_form_they_wish(world, curator, board):
    wished = world.mentee("Учеников Олег", wanted=world.form("student-student"))
    page = curator.get(f"{board}new?mentees={wished.id}")
    assert "New pair: «студент – студент»" in page.text
    assert re.search(rf'value="{wished.id}" checked', page.text)
    without = world.mentee(kind=MenteeKind.YOUNG_TEACHER)
    page = curator.get(f"{board}new?mentees={without.id}")
    assert "which form of mentoring?" in page.text
    assert "«педагог – педагог»" in page.text
    assert "«студент – студент»" not in page.text


def test_searching_keeps_what_is_chosen(world, curator, board):
    mentor, other = world.mentor("Наставников Пётр"), world.mentor("Иной Егор")
    first = world.mentee("Первый Иван", groups="СВ-11", department="Сварка")
    world.mentee("Вторая Анна", groups="СВ-11, СВ-12", department="Горное дело")
    world.mentee("Третий Олег", groups="СВ-111", department="Сварка")
    form = world.form().id
    chosen = f"{board}new?form={form}&mentor={mentor.id}&mentees={first.id}"
    page = curator.get(f"{chosen}&name=анна&mentor_name=иной").text
    assert re.search(rf'value="{mentor.id}" checked', page)
    assert re.search(rf'value="{first.id}" checked', page)
    assert "Вторая Анна" in page
    assert "Третий Олег" not in page
    assert other.person.name in page
    page = curator.get(f"{board}new?form={form}&group=СВ-11").text
    assert ("Первый" in page, "Вторая" in page, "Третий" in page) == (True, True, False)
    page = curator.get(f"{board}new?form={form}&department=Сварка").text
    assert ("Первый" in page, "Вторая" in page, "Третий" in page) == (True, False, True)


def test_a_refused_proposal_comes_back_whole_with_the_message_at_its_field(world, session, curator, board):
    full = world.mentor("Полный Пётр", capacity=1)
    form = world.form().id
    page = f"{board}new?form={form}"
    mentees = [world.mentee("Первый Иван"), world.mentee("Вторая Анна")]
    ids = [mentee.id for mentee in mentees]
    answer = post(
        curator, page, f"{board}new", form=form, mentor=full.id, mentees=ids, name="Анна", mentor_name="Полный"
    )
    assert answer.status_code == 422
    assert 'id="mentor-error"' in answer.text
    assert "Полный Пётр has too few free places: free 1 of 1, mentees chosen: 2." in answer.text
    for kept in (full.id, *ids):
        assert re.search(rf'value="{kept}" checked', answer.text)
    assert 'name="name" type="search" value="Анна"' in answer.text
    assert 'name="mentor_name" type="search" value="Полный"' in answer.text
    assert session.scalar(select(Pair.id)) is None


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        ({"mentees": []}, "mentees", "Choose at least one mentee."),
        ({"mentor": ""}, "mentor", "Choose a mentor from the list."),
        ({"mentor": "999999"}, "mentor", "Choose a mentor from the list."),
        ({"mentees": ["99999999999999999999"]}, "mentees", "Choose at least one mentee."),
        ({"form": "x"}, "form", "Choose a form of mentoring from the list."),
        ({"form": "999999"}, "form", "Choose a form of mentoring from the list."),
    ],
)
def test_wrong_values_get_their_message(world, curator, board, values, field, message):
    form = world.form().id
    good = {"form": form, "mentor": world.mentor().id, "mentees": [world.mentee().id]}
    answer = post(curator, f"{board}new?form={form}", f"{board}new", **{**good, **values})
    assert answer.status_code == 422
    assert f'id="{field}-error" role="alert">{message}' in answer.text


def test_a_mentee_who_was_taken_meanwhile_is_named_and_drops_out(world, session, curator, board):
    mentor, taken, free = world.mentor(), world.mentee("Занятый Олег"), world.mentee("Вольный Иван")
    form = world.form().id
    world.pair(S.PROPOSED, world.mentor(), taken)
    answer = post(
        curator, f"{board}new?form={form}", f"{board}new", form=form, mentor=mentor.id, mentees=[taken.id, free.id]
    )
    assert answer.status_code == 422
    assert "Already in a pair of the form «педагог – студент»: Занятый Олег." in answer.text
    assert re.search(rf'value="{free.id}" checked', answer.text)
    assert not re.search(rf'name="mentees"[^>]*value="{taken.id}"', answer.text)


def test_a_mentor_without_places_is_not_offered_but_counted(world, curator, board):
    busy = world.mentor("Занятой Пётр", capacity=1)
    world.pair(S.PROPOSED, busy)
    page = curator.get(f"{board}new?form={world.form().id}")
    assert "Занятой Пётр" not in page.text
    assert "1 more fitting mentor has no free place." in page.text


def test_the_token_never_gets_into_an_address(world, curator, board):
    world.mentor(), world.mentee()
    page = curator.get(f"{board}new?form={world.form().id}").text
    assert 'type="hidden" name="csrf_token"' not in page
    assert page.count('name="csrf_token"') == 1
    assert re.search(r'<button class="btn btn-primary" name="csrf_token"', page)


# --- the board ----------------------------------------------------------------------------------------------------


def column(response, name: str) -> str:
    """What is to be read in a column of the board."""
    part = response.text.partition(f'aria-labelledby="column-{name}"')[2].partition("</section>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", part)).split())


def test_the_board_shows_everybody_where_they_are_and_the_numbers(world, session, curator, board):
    for state in PairState:
        world.pair(state, world.mentor(), world.mentee(f"Наставляемый-{state.value} Иван"))
    world.mentee("Ждущий Иван")
    world.mentee("Кандидатов Иван", state=MenteeState.CANDIDATE)
    page = curator.get(board)
    assert "Ждущий Иван" in column(page, "needs")
    assert "Наставляемый-declined Иван" in column(page, "needs")  # somebody else can be found for them
    assert "Кандидатов" not in page.text
    for state in (S.PROPOSED, S.AGREED, S.ACTIVE, S.FINISHED):
        assert f"Наставляемый-{state.value} Иван" in column(page, state.value)
    text = text_of(page)
    assert f"25 % Pairs formed of needed 2 of 8 on {world.day:%d.%m.%Y}" in text.replace("\xa0", " ")
    assert "4 Without a mentor" in text
    assert "1 Wait for an answer the longest since" in text
    assert "Declined, cancelled, ended early: 3" in text
    closed = curator.get(f"{board}?column=closed")
    assert "Наставляемый-ended_early" in column(closed, "closed")
    formed = curator.get(f"{board}?column=formed")
    assert "Наставляемый-active" in column(formed, "formed")
    assert "Наставляемый-finished" in column(formed, "formed")


def test_the_board_is_filtered_by_form_group_speciality_and_name(world, curator, board):
    welder = world.mentee("Сварщиков Ёжик", groups="СВ-11", department="Сварка")
    miner = world.mentee(
        "Шахтёров Олег", groups="ГР-21", department="Горное дело", wanted=world.form("student-student")
    )
    world.pair(S.ACTIVE, world.mentor("Мастеров Пётр"), welder)
    world.pair(
        S.ACTIVE,
        world.mentor("Заводов Илья", kind=MentorKind.EMPLOYER),
        world.mentee("Токарев Лев", groups="СВ-12", department="Сварка"),
        form="employer-student",
    )
    people = {"Сварщиков", "Шахтёров", "Токарев"}

    def found(query: str) -> set[str]:
        page = curator.get(f"{board}?{query}")
        assert page.status_code == 200
        return {name for name in people if name in page.text}

    assert found("") == people
    assert found("group=СВ-11") == {"Сварщиков"}
    assert found("department=Сварка") == {"Сварщиков", "Токарев"}
    assert found("name=ежик сварщ") == {"Сварщиков"}
    assert found("name=МАСТЕРОВ") == {"Сварщиков"}
    assert found("name=%25") == set()
    assert found(f"form={world.form('employer-student').id}") == {"Токарев"}
    assert found(f"form={world.form('student-student').id}") == {"Шахтёров"}
    assert found("group=СВ-11&department=Горное+дело") == set()
    assert miner.person.name in curator.get(f"{board}?name=шахтеров").text


@pytest.mark.parametrize("query", ["form=x", "column=nonsense", "page=-1", "page=999999999999", "year=0", "name=%00"])
def test_nonsense_in_the_address_is_no_error(world, curator, board, query):
    world.pair(S.ACTIVE)
    assert curator.get(f"{board}?{query}").status_code == 200


def test_foreign_parameters_of_the_address_are_not_carried_on(world, curator, board):
    world.pair(S.ACTIVE)
    page = curator.get(f"{board}?name=а&_scheme=javascript&_external=1&endpoint=x&course_id=7&page=1")
    assert page.status_code == 200
    assert "javascript" not in page.text
    assert "/courses/7/" not in page.text


def test_before_the_first_sync_the_board_says_what_to_do(world, session, curator, board, home):
    world.cycle.start_year -= 3
    session.commit()
    assert "This school year has not begun here yet" in curator.get(board).text
    assert "This school year has not begun here yet" in curator.get(home).text
    assert "There is no form of mentoring to choose" in curator.get(f"{board}new").text


def test_last_years_pairs_are_on_last_years_board(world, session, curator, board):
    world.pair(S.FINISHED, None, world.mentee("Прошлый Иван"))
    world.cycle.start_year -= 1
    session.flush()
    programme.current_cycle(session, world.platform.id, world.day)
    session.commit()
    assert "Прошлый Иван" not in curator.get(board).text
    assert "Прошлый Иван" in curator.get(f"{board}?year={world.cycle.start_year}").text


def test_a_long_column_is_cut_short_and_paged(world, curator, board):
    many(world, mentees=120, pairs=0)
    page = curator.get(board)
    assert column(page, "needs").count("Массовый") == 8
    assert "Show all (120)" in page.text
    first = curator.get(f"{board}?column=needs")
    assert column(first, "needs").count("Массовый") == 50
    assert "page 1 of 3" in first.text
    last = curator.get(f"{board}?column=needs&page=3")
    assert column(last, "needs").count("Массовый") == 20
    assert 'rel="next"' not in last.text
    assert "page 3 of 3" in curator.get(f"{board}?column=needs&page=77").text


def many(world, mentees: int, pairs: int) -> None:
    """A crowd, written in bulk: mentees who need a mentor, and pairs of other mentees in every column."""
    session, moment = world.session, now()
    total = mentees + pairs
    base = session.scalar(select(Person.id).order_by(Person.id.desc()).limit(1)) or 0
    persons = [
        {
            "id": base + n,
            "platform_id": world.platform.id,
            "moodle_id": f"9{n:05}",
            "family_name": f"Массовый{n:05}",
            "given_name": "Иван",
            "search_name": f"массовый{n:05} иван",
            "department": f"Специальность {n % 7}",
            "updated_at": moment,
        }
        for n in range(1, total + 1 + pairs)
    ]
    session.execute(insert(Person), persons)
    session.execute(
        insert(Membership),
        [
            {
                "course_id": world.course.id,
                "person_id": row["id"],
                "roles": ["student"],
                "groups": f"ГР-{row['id'] % 40}",
            }
            for row in persons
        ],
    )
    first = (session.scalar(select(Mentee.id).order_by(Mentee.id.desc()).limit(1)) or 0) + 1
    session.execute(
        insert(Mentee),
        [
            {
                "id": first + n,
                "cycle_id": world.cycle.id,
                "person_id": persons[n]["id"],
                "kind": MenteeKind.STUDENT,
                "state": MenteeState.NEEDS if n < mentees else MenteeState.PAIRED,
                "created_at": moment,
            }
            for n in range(total)
        ],
    )
    if pairs:
        states = [S.PROPOSED, S.AGREED, S.ACTIVE, S.FINISHED]
        common = {"cycle_id": world.cycle.id, "created_at": moment, "kind": MentorKind.TEACHER}
        session.execute(
            insert(Mentor),
            [
                {"id": 1000 + n, "person_id": persons[total + n]["id"], "state": MentorState.READY, **common}
                for n in range(pairs)
            ],
        )
        form = world.form().id
        session.execute(
            insert(Pair),
            [
                {
                    "id": 1000 + n,
                    "cycle_id": world.cycle.id,
                    "course_id": world.course.id,
                    "form_id": form,
                    "mentor_id": 1000 + n,
                    "state": states[n % 4],
                    "proposed_at": moment,
                }
                for n in range(pairs)
            ],
        )
        session.execute(
            insert(PairMentee),
            [
                {"pair_id": 1000 + n, "mentee_id": first + mentees + n, "form_id": form, "is_open": n % 4 != 3}
                for n in range(pairs)
            ],
        )
    session.commit()


def queries(session, client, address: str) -> int:
    """How many statements a page costs."""
    with statements(session) as sent:
        assert client.get(address).status_code == 200
    return len(sent)


def test_a_page_costs_as_many_queries_for_2000_people_as_for_a_few(world, session, curator, board, home, come_in):
    for state in (S.PROPOSED, S.AGREED, S.ACTIVE, S.FINISHED):
        some = [world.mentee("Кто-то Иван", groups="ГР-1", department="Специальность 1") for _ in range(2)]
        world.pair(state, world.mentor(), *some)
    world.mentee("Кто-то Иван", groups="ГР-1", department="Специальность 1", wanted=world.form())
    teacher = come_in(world.person("", Role.TEACHER))
    form = world.form().id
    pages = [
        (curator, board),
        (curator, f"{board}?column=active"),
        (curator, f"{board}?group=ГР-1&department=Специальность+1&name=иван&form={form}"),
        (curator, f"{board}new"),
        (curator, f"{board}new?form={form}"),
        (curator, home),
        (teacher, board),
        (teacher, home),
    ]
    few = [queries(session, client, page) for client, page in pages]
    many(world, mentees=1000, pairs=500)
    assert [queries(session, client, page) for client, page in pages] == few
    assert max(few) < 40


# --- home pages ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (MenteeState.CANDIDATE, "nothing is needed from you now"),
        (MenteeState.NEEDS, "We are looking for a mentor for you."),
        (MenteeState.PROPOSED, "We have found somebody for you and are waiting for their answer."),
        (MenteeState.FINISHED, "Your work with a mentor is finished."),
        (MenteeState.WITHDRAWN, "nothing is needed from you now"),
    ],
)
def test_a_mentees_home_page_says_where_the_search_is(world, come_in, home, state, says):
    assert says in come_in(world.mentee(state=state).person, "en").get(home).text


def test_a_student_whom_no_base_knows_is_told_that_nothing_is_needed(world, come_in, home):
    assert "nothing is needed from you now" in come_in(world.person("", Role.STUDENT), "en").get(home).text


def test_a_mentees_home_page_names_the_mentor_once_there_is_one(world, session, come_in, home):
    pair = world.pair(S.PROPOSED, world.mentor("Наставников Пётр"))
    mentee = come_in(pair.places[0].mentee.person, "en")
    assert "Наставников" not in mentee.get(home).text
    for action in (Action.AGREE, Action.START):
        world.move(pair, action)
        session.commit()
        page = mentee.get(home).text
        assert "Наставников Пётр" in page
        assert f"mailto:{pair.mentor.person.email}" in page
        assert "«педагог – студент»" in page
    world.move(pair, Action.END_EARLY)
    session.commit()
    assert "We are looking for a mentor for you." in mentee.get(home).text


def test_a_mentors_home_page_has_a_card_each_and_the_places(world, come_in, home):
    mentor = world.mentor(capacity=4)
    world.pair(S.ACTIVE, mentor, world.mentee("Первый Иван", email="first@x.example"))
    world.pair(S.ACTIVE, mentor, world.mentee("Второй Олег"), world.mentee("Третья Анна"))
    page = come_in(mentor.person, "en").get(home)
    assert "places taken: 3 of 4" in page.text
    assert page.text.count("<article") == 2
    assert "mailto:first@x.example" in page.text
    assert "Третья Анна" in page.text


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (MentorState.READY, "The curator chooses whom to propose to you"),
        (MentorState.CANDIDATE, "You are a candidate for the base of mentors."),
    ],
)
def test_a_mentor_without_mentees_is_told_what_comes_next(world, come_in, home, state, says):
    assert says in come_in(world.mentor(state=state).person, "en").get(home).text


def test_who_is_no_mentor_has_no_mentors_part(world, come_in, home):
    assert "My mentees" not in come_in(world.person("", Role.STUDENT), "en").get(home).text
    assert "My mentees" not in come_in(world.mentor(state=MentorState.WITHDRAWN).person, "en").get(home).text


def test_work_that_goes_on_into_the_next_school_year_stays_on_the_home_pages(world, session, come_in, home):
    pair = world.pair(S.ACTIVE, world.mentor("Наставников Пётр"), world.mentee("Учеников Олег"))
    world.cycle.start_year -= 1
    session.commit()
    assert "Учеников Олег" in come_in(pair.mentor.person, "en").get(home).text
    assert "Наставников Пётр" in come_in(pair.places[0].mentee.person, "en").get(home).text


def test_ones_own_pair_of_another_course_is_on_the_home_page_with_its_course(world, session, come_in, home, board):
    pair = world.pair(S.ACTIVE)
    elsewhere = world.another_course("Горное дело")
    mentee = pair.places[0].mentee.person
    world.enrol(mentee, Role.STUDENT, course=elsewhere)
    client = come_in(mentee, "en")
    page = client.get(f"/courses/{elsewhere.id}/").text
    assert "Course: Сварочное дело" in page
    assert f'href="{board}{pair.id}/"' in page
    assert client.get(f"{board}{pair.id}/").status_code == 200


def test_a_teachers_home_page_counts_the_courses_pairs(world, come_in, home):
    teacher = come_in(world.person("", Role.TEACHER), "en")
    assert "There are none yet." in teacher.get(home).text
    world.pair(S.ACTIVE)
    world.pair(S.PROPOSED)
    world.pair(S.DECLINED)
    assert "2 pairs , 1 of them active" in text_of(teacher.get(home))


def test_a_curators_home_page_has_the_numbers_and_the_way_to_the_board(world, curator, home, board):
    world.pair(S.ACTIVE)
    world.mentee()
    page = curator.get(home)
    assert f"1 of 2 on {world.day:%d.%m.%Y}" in text_of(page)
    assert f'href="{board}"' in page.text


# --- what mentors' profiles say -----------------------------------------------------------------------------------


def test_how_a_mentor_wants_to_be_reached_is_for_their_mentees_once_agreed(world, session, come_in, home, board):
    mentor, mentee = world.mentor(), world.mentee()
    mentor.contact_way, mentor.contact = ContactWay.PHONE, "+7 900 000-00-00"
    mentor.times, mentor.times_note = ["evening"], "кроме пятницы"
    pair = world.pair(S.PROPOSED, mentor, mentee)
    client, teacher = come_in(mentee.person, "en"), come_in(world.person("", Role.TEACHER), "en")
    assert "+7 900" not in text_of(client.get(home))
    world.move(pair, Action.AGREE)
    session.commit()
    for page in (home, f"{board}{pair.id}/"):
        said = text_of(client.get(page))
        assert "Best reached: by telephone : +7 900 000-00-00" in said or "by telephone: +7 900 000-00-00" in said
        assert "weekday evenings ; кроме пятницы" in said or "weekday evenings; кроме пятницы" in said
    assert "+7 900" not in text_of(teacher.get(f"{board}{pair.id}/"))
    world.move(pair, Action.CANCEL)
    session.commit()
    assert "+7 900" not in client.get(f"{board}{pair.id}/").text


def test_only_mentors_who_take_part_in_the_form_are_offered_and_taken(world, session, curator, board):
    teaching, guiding, _anybody = (world.mentor(name) for name in ("Учителева Анна", "Проводова Инна", "Общая Ольга"))
    teaching.forms, guiding.forms = [world.form("teacher-teacher")], [world.form("teacher-student")]
    mentee = world.mentee()
    session.commit()
    form = world.form("teacher-student")
    counted = curator.get(f"{board}new").text
    assert re.search(r"mentors[^<]*2|2[^<]*mentors", counted), counted
    page = text_of(curator.get(f"{board}new?form={form.id}"))
    assert "Проводова Инна" in page
    assert "Общая Ольга" in page
    assert "Учителева Анна" not in page
    refused = post(
        curator, f"{board}new?form={form.id}", f"{board}new", form=form.id, mentor=teaching.id, mentees=mentee.id
    )
    assert refused.status_code == 422
    assert "takes part in other forms of mentoring" in refused.text
    assert session.scalars(select(Pair)).all() == []


def test_who_is_strong_in_what_the_mentee_asks_for_comes_first_and_it_is_said(world, session, curator, board):
    first, strong = world.mentor("Абрамова Анна"), world.mentor("Якова Яна")
    strong.strengths, first.strengths = ["консультации", "ВКР"], ["волонтёрство"]
    mentee = world.mentee()
    mentee.topics = ["ВКР"]
    session.commit()
    form = world.form("teacher-student")
    page = text_of(curator.get(f"{board}new?form={form.id}&mentees={mentee.id}"))
    assert "strong in what is asked for: ВКР" in page
    assert page.index("Якова Яна") < page.index("Абрамова Анна")
    page = text_of(curator.get(f"{board}new?form={form.id}"))
    assert "strong in what is asked for" not in page
    assert page.index("Абрамова Анна") < page.index("Якова Яна")
