"""The curator's pages of people, as a browser gets them after a real launch."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service import queue
from lti_service.people.models import MenteeState, MentorState, Person
from lti_service.platforms.models import Course, Platform
from lti_service.programme.models import Form, MenteeKind, MentorKind
from lti_service.queue import Run
from tests.counting import statements
from tests.people.conftest import a_course, membership_of, mentee_of, mentor_of
from tests.practice_moodle import PracticeMoodle

USERS = "core_enrol_get_enrolled_users"
PersonOf = Callable[[str], Person]
LaunchAs = Callable[..., FlaskClient]


@pytest.fixture(autouse=True)
def _english(moodle: PracticeMoodle) -> None:
    """Sentences are looked for as they stand in the code, whatever the catalogue says."""
    for person in moodle.college.people.values():
        person.lang = "en"


@pytest.fixture
def curator(synced: Course, launch_as: LaunchAs) -> FlaskClient:
    """The curator of the synced course, just come in."""
    return launch_as("curator")


@pytest.fixture
def at(synced: Course) -> Callable[[str], str]:
    """`at("base/")`: an address in the synced course."""
    return lambda path: f"/courses/{synced.id}/{path}"


def token(client: FlaskClient, page: str) -> str:
    """The CSRF token of a page's form."""
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get(page).text)
    assert found
    return found[1]


def send(client: FlaskClient, address: str, page: str, **fields: object):
    """Post a form of a page as a browser would, and follow to where it leads."""
    return client.post(address, data={"csrf_token": token(client, page), **fields}, follow_redirects=True)


# --- who may ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["student001", "teacher01", "employer01"])
def test_only_curators_see_the_bases_and_the_sync(synced: Course, launch_as: LaunchAs, at, who: str):
    client = launch_as(who)
    for path in ("base/", "base/mentors/", "people/1/", "sync/", "sync/status"):
        assert client.get(at(path)).status_code == 403


def test_an_administrator_may_sync_and_does_not_see_the_bases(synced: Course, launch_as: LaunchAs, at):
    admin = launch_as("admin")
    assert admin.get(at("sync/")).status_code == 200
    assert admin.get(at("base/")).status_code == 403


def test_a_curator_of_another_course_gets_404(
    session: Session, synced: Course, platform: Platform, launch_as: LaunchAs
):
    other = a_course(session, platform, 77)
    curator = launch_as("curator")
    for path in ("base/", "base/mentors/", "people/1/", "sync/"):
        assert curator.get(f"/courses/{other.id}/{path}").status_code == 404


def test_a_person_who_is_not_of_the_course_is_not_found(
    session: Session, curator: FlaskClient, at, synced: Course, platform: Platform
):
    stranger = Person(platform_id=platform.id, moodle_id="777", family_name="Чужой", updated_at=synced_at(session))
    session.add(stranger)
    session.commit()
    assert curator.get(at(f"people/{stranger.id}/")).status_code == 404
    assert curator.get(at("people/99999999999/")).status_code == 404


def synced_at(session: Session):
    return session.scalars(select(Course.synced_at)).first()


# --- the base of mentees ------------------------------------------------------------------------------------------


def test_the_base_shows_candidates_with_counts_and_fifty_lines(curator: FlaskClient, at):
    page = curator.get(at("base/")).text

    assert "School year 20" in page
    assert re.search(r'Candidate <span class="people-count">206<', page)
    assert page.count('name="chosen"') == 50
    assert "1–50 of 206" in page


def test_filters_and_search_narrow_the_list_and_stay_in_its_links(curator: FlaskClient, at, person_of: PersonOf):
    young = curator.get(at("base/?kind=young_teacher")).text
    assert "1–6 of 6" in young
    assert "kind=young_teacher" in young.split('class="nav nav-pills')[1].split("</ul>")[0]

    person = person_of("student007")
    found = curator.get(at("base/"), query_string={"search": person.family_name.upper()}).text
    assert person.name in found
    nobody = curator.get(at("base/?search=нет-таких")).text
    assert "Nobody answers to the filter" in nobody


@pytest.mark.parametrize(
    "query", ["state=nonsense&kind=x&sort=y&page=-1&order=z", "page=99999999999999", "search=%00%25_", "group=%27;--"]
)
def test_a_nonsensical_address_still_shows_a_list(curator: FlaskClient, at, query: str):
    assert curator.get(at(f"base/?{query}")).status_code == 200
    assert curator.get(at(f"base/mentors/?{query}")).status_code == 200


def test_a_whole_page_can_be_chosen_without_a_script(curator: FlaskClient, at):
    page = curator.get(at("base/?select=page")).text
    assert len(re.findall(r'name="chosen"[^>]*checked', page)) == 50


def test_the_curator_marks_several_as_needing_with_a_form(
    session: Session, curator: FlaskClient, at, person_of: PersonOf
):
    people = [person_of("student001"), person_of("student002")]
    form = session.scalars(select(Form).where(Form.code == "teacher-student")).one()
    ids = [mentee_of(session, person).id for person in people]

    page = send(curator, at("base/?kind=student"), at("base/"), action="need", chosen=ids, wanted_form=form.id)

    assert "2 people need a mentor." in page.text
    assert page.request.path + "?" + page.request.query_string.decode() == at("base/?kind=student")
    for person in people:
        mentee = mentee_of(session, person)
        assert (mentee.state, mentee.wanted_form_id) == (MenteeState.NEEDS, form.id)
    assert [row.course_id for row in queue.due_courses(session)]


def test_of_many_who_could_not_be_moved_some_are_named(session: Session, curator: FlaskClient, at, person_of: PersonOf):
    mentees = [mentee_of(session, person_of(f"student{number:03}")) for number in range(1, 10)]
    for mentee in mentees[1:]:
        mentee.state = MenteeState.PAIRED
    session.commit()

    page = send(curator, at("base/"), at("base/"), action="need", chosen=[mentee.id for mentee in mentees])

    [left] = re.findall(r"Left as they are: [^<]*", page.text)
    assert (left.count("(Has a mentor)"), "and 3 more" in left) == (5, True)


def test_a_form_that_does_not_fit_shows_the_list_again_with_everything_chosen(
    session: Session, curator: FlaskClient, at, person_of: PersonOf
):
    form = session.scalars(select(Form).where(Form.code == "teacher-student")).one()
    young = mentee_of(session, person_of("teacher01"))

    page = send(
        curator, at("base/?kind=young_teacher"), at("base/"), action="need", chosen=[young.id], wanted_form=form.id
    )

    assert page.status_code == 422
    assert "is not meant for" in page.text
    assert re.search(rf'name="chosen" value="{young.id}"[^>]*checked', page.text)
    assert f'value="{form.id}" selected' in page.text
    assert mentee_of(session, person_of("teacher01")).state is MenteeState.CANDIDATE


def test_choosing_nobody_says_so(curator: FlaskClient, at):
    page = send(curator, at("base/"), at("base/"), action="need")
    assert page.status_code == 422
    assert "Choose at least one person" in page.text


def test_whoever_stayed_as_they_are_is_named(session: Session, curator: FlaskClient, at, person_of: PersonOf):
    free, paired = (mentee_of(session, person_of(name)) for name in ("student001", "student002"))
    paired.state = MenteeState.PAIRED
    session.commit()

    page = send(curator, at("base/"), at("base/"), action="withdraw", chosen=[free.id, paired.id])

    assert "1 person does not take part." in page.text
    assert f"Left as they are: {person_of('student002').name} (Has a mentor)." in page.text
    assert "Left as they are" not in curator.get(at("base/")).text


def test_students_are_made_mentors_from_the_list(session: Session, curator: FlaskClient, at, person_of: PersonOf):
    mentee = mentee_of(session, person_of("student051"))

    page = send(curator, at("base/"), at("base/"), action="make_mentors", chosen=[mentee.id])

    assert "1 person is a candidate in the base of mentors." in page.text
    assert mentor_of(session, person_of("student051")).kind is MentorKind.STUDENT


def test_an_action_that_is_not_the_curators_changes_nothing(
    session: Session, curator: FlaskClient, at, person_of: PersonOf
):
    mentee = mentee_of(session, person_of("student001"))
    for action in ("pair", "nonsense", ""):
        send(curator, at("base/"), at("base/"), action=action, chosen=[mentee.id])
    assert mentee_of(session, person_of("student001")).state is MenteeState.CANDIDATE


def test_a_post_without_the_token_changes_nothing(session: Session, app: Flask, curator: FlaskClient, at, person_of):
    mentee = mentee_of(session, person_of("student001"))
    assert curator.post(at("base/"), data={"action": "need", "chosen": mentee.id}).status_code == 400
    assert mentee_of(session, person_of("student001")).state is MenteeState.CANDIDATE


def test_the_base_takes_the_same_queries_for_many_as_for_few(session: Session, curator: FlaskClient, at):
    with statements(session) as many:
        curator.get(at("base/"))
    with statements(session) as few:
        curator.get(at("base/?kind=young_teacher"))
    assert len(many) == len(few) < 12


# --- the base of mentors ------------------------------------------------------------------------------------------


def test_the_curator_takes_mentors_into_the_base(session: Session, curator: FlaskClient, at, person_of: PersonOf):
    page = curator.get(at("base/mentors/")).text
    assert "1–25 of 25" in page
    ids = [mentor_of(session, person_of(name)).id for name in ("employer01", "employer02")]

    chosen = send(curator, at("base/mentors/decide"), at("base/mentors/"), chosen=ids).text
    assert person_of("employer01").name in chosen
    decision = {"decision": "admitted", "reason": "Опытные мастера производства", "do": "decide"}
    page = send(curator, at("base/mentors/decide"), at("base/mentors/"), chosen=ids, **decision).text

    assert "2 mentors are ready without training." in page
    assert mentor_of(session, person_of("employer01")).state is MentorState.READY


# --- a person -----------------------------------------------------------------------------------------------------


def test_a_persons_page_shows_what_moodle_told(
    session: Session, curator: FlaskClient, at, synced: Course, person_of: PersonOf
):
    person = person_of("student001")
    page = curator.get(at(f"people/{person.id}/")).text

    assert f'<h1 class="h3 mb-1">{person.name}</h1>' in page
    assert membership_of(session, person, synced).groups in page
    assert person.department in page
    assert person.birth_date.strftime("%d.%m.%Y") in page
    assert f'href="mailto:{person.email}"' in page


def test_a_request_and_a_need_are_saved_together(session: Session, curator: FlaskClient, at, person_of: PersonOf):
    person = person_of("student001")
    here = at(f"people/{person.id}/")
    form = session.scalars(select(Form).where(Form.code == "student-student")).one()

    page = send(curator, here + "mentee", here, wanted_form=form.id, request="Адаптация", action="need")

    assert "Saved." in page.text
    mentee = mentee_of(session, person)
    assert (mentee.state, mentee.wanted_form_id, mentee.request) == (MenteeState.NEEDS, form.id, "Адаптация")


def test_a_request_that_is_too_long_comes_back_with_its_text(
    session: Session, curator: FlaskClient, at, person_of: PersonOf
):
    person = person_of("student001")
    here = at(f"people/{person.id}/")

    page = send(curator, here + "mentee", here, wanted_form="", request="я" * 2001, action="need")

    assert page.status_code == 422
    assert "No more than 2000 characters." in page.text
    assert "я" * 2001 in page.text
    assert mentee_of(session, person).state is MenteeState.CANDIDATE


def test_a_form_for_another_kind_is_refused_at_its_field(
    session: Session, curator: FlaskClient, at, person_of: PersonOf
):
    person = person_of("student001")
    here = at(f"people/{person.id}/")
    other = session.scalars(select(Form).where(Form.code == "teacher-teacher")).one()

    page = send(curator, here + "mentee", here, wanted_form=other.id, request="Текст")

    assert page.status_code == 422
    assert "is-invalid" in page.text
    assert "Текст" in page.text


@pytest.mark.parametrize("capacity", ["0", "21", "", "много"])
def test_a_wrong_capacity_is_refused_at_its_field(
    session: Session, curator: FlaskClient, at, person_of: PersonOf, capacity: str
):
    person = person_of("employer01")
    here = at(f"people/{person.id}/")

    page = send(curator, here + "mentor", here, kind="employer", capacity=capacity, action="withdraw")

    assert page.status_code == 422
    assert "is-invalid" in page.text
    assert (mentor_of(session, person).capacity, mentor_of(session, person).state) == (3, MentorState.CANDIDATE)


def test_a_mentor_is_changed_and_withdrawn_together(session: Session, curator: FlaskClient, at, person_of: PersonOf):
    person = person_of("teacher03")
    here = at(f"people/{person.id}/")

    send(curator, here + "mentor", here, kind="employer", capacity="5", action="withdraw")

    mentor = mentor_of(session, person)
    assert (mentor.kind, mentor.capacity, mentor.state) == (MentorKind.EMPLOYER, 5, MentorState.WITHDRAWN)


def test_a_teacher_without_known_experience_is_put_among_the_mentees_by_hand(
    session: Session, curator: FlaskClient, at, moodle: PracticeMoodle, person_of: PersonOf
):
    teacher = next(person for person in moodle.college.teachers if "experience" not in person.fields)
    person = person_of(teacher.username)
    here = at(f"people/{person.id}/")

    send(curator, here + "into/mentees", here, kind="young_teacher")
    assert mentee_of(session, person).kind is MenteeKind.YOUNG_TEACHER
    again = send(curator, here + "into/mentees", here, kind="young_teacher")
    assert again.status_code == 422
    assert "is in this base already" in again.text


def test_someone_who_left_is_shown_as_gone(
    session: Session, curator: FlaskClient, at, synced: Course, person_of: PersonOf
):
    person = person_of("student001")
    membership_of(session, person, synced).active = False
    session.commit()

    assert "Left the course" in curator.get(at(f"people/{person.id}/")).text
    assert person.name in curator.get(at("base/?gone=1")).text


# --- sync ---------------------------------------------------------------------------------------------------------


def test_the_first_sync_is_offered_at_home_and_fills_the_course(
    session: Session, platform: Platform, launch_as: LaunchAs, moodle: PracticeMoodle
):
    admin = launch_as("admin")
    course = session.scalars(select(Course)).one()
    home = f"/courses/{course.id}/"
    assert "Begin with the people" in admin.get(home).text

    page = send(admin, home + "sync/", home)

    assert "new: 231" in page.text
    assert "new mentee candidates: 206" in page.text
    assert "People from Moodle as of" in admin.get(home).text


def test_a_failure_is_said_in_plain_words_and_the_good_data_keep_their_date(
    session: Session, curator: FlaskClient, at, moodle: PracticeMoodle
):
    moodle.faults.add(USERS, page=True)

    page = send(curator, at("sync/"), at("sync/")).text

    assert "Moodle answered with something we cannot read. We try again by ourselves." in page
    assert "Complete data as of" in page
    assert "Nothing was changed" in page
    assert "Traceback" not in page
    assert "did not succeed" in curator.get(at("")).text


def test_roles_without_a_meaning_and_unreadable_values_are_explained(
    session: Session, curator: FlaskClient, at, platform: Platform, moodle: PracticeMoodle
):
    session.get_one(Platform, platform.id).role_map = {"teacher": []}
    session.commit()
    moodle.college.students[0].fields["birthdate"] = "31.12.1899"

    page = send(curator, at("sync/"), at("sync/")).text

    assert "their roles in Moodle mean nothing here (teacher)" in page
    assert f"Correct it in the Moodle profiles with numbers {moodle.college.students[0].id}." in page


def test_a_sync_under_way_is_shown_with_its_bar_and_not_started_twice(
    session: Session, curator: FlaskClient, at, synced: Course
):
    run, _ = queue.open_run(session, "enrolments", synced.id)
    run.done, run.total, run.state = 100, 231, queue.RunState.RUNNING
    session.commit()

    page = send(curator, at("sync/"), at("sync/")).text

    assert 'max="231" value="100"' in page
    assert 'data-run-open="yes"' in page
    assert "100 of about 231 people" in curator.get(at("sync/status")).text
    assert session.query(Run).count() == 1
