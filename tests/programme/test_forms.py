"""Forms of mentoring that a college makes its own; another college and an old year keep theirs."""

import re
from collections.abc import Callable
from datetime import date

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service import tables
from lti_service.audit import AuditEvent
from lti_service.db import now
from lti_service.pairs import candidates
from lti_service.pairs import errors as pair_errors
from lti_service.pairs import service as pairs
from lti_service.pairs.models import Pair, PairMentee
from lti_service.people import enrolments
from lti_service.people import service as people
from lti_service.people.errors import FormRetiredError
from lti_service.people.models import ChosenForm, Mentee, MenteeState, Mentor, MentorState
from lti_service.people.rules import MenteeAction
from lti_service.platforms.models import Course, Platform
from lti_service.programme import mentoring_forms
from lti_service.programme import service as programme
from lti_service.programme.models import Cycle, Form, Indicator, MenteeKind, MentorKind, Programme
from tests.consenting import give_consent
from tests.practice_moodle import PracticeMoodle

HERE = "programme/"
OWN = {
    "title": "«выпускник – студент»", "mentor_kind": "employer", "mentee_kind": "student", "goal": "Помощь с работой",
    "activities": "резюме\r\nсобеседование\r\n\r\nрезюме", "expected_results": "трудоустройство",
    "source": "Приказ № 5",
}  # fmt: skip


@pytest.fixture
def admin(
    session: Session, platform: Platform, launch_as: Callable[..., FlaskClient], moodle: PracticeMoodle
) -> FlaskClient:
    """An administrator in the course, whose people have been loaded."""
    for person in moodle.college.people.values():
        person.lang = "en"
    client = launch_as(moodle.college.admin)
    session.commit()
    enrolments.sync_course(session.scalars(select(Course.id)).one())
    session.commit()
    return client


@pytest.fixture
def cycle(session: Session, admin: FlaskClient) -> Cycle:
    return session.scalars(select(Cycle)).one()


def send(client: FlaskClient, path: str, page: str = "", **fields: object):
    """Post a form of a page as a browser would, and follow to where it leads."""
    shown = client.get(f"{client.home}{HERE}{page or path}").text
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', shown)
    assert found, shown
    return client.post(f"{client.home}{HERE}{path}", data={"csrf_token": found[1], **fields}, follow_redirects=True)


def forms(session: Session, cycle: Cycle) -> dict[str, Form]:
    session.commit()
    session.expire_all()
    return {form.code: form for form in cycle.programme.forms}


def trail(session: Session) -> list[tuple[str, object]]:
    session.commit()
    found = session.scalars(select(AuditEvent).where(AuditEvent.action.like("form.%")).order_by(AuditEvent.id))
    return [(event.action, event.details.get("form")) for event in found]


def another_platform(session: Session) -> Cycle:
    """Another college that follows the same preset in the same year."""
    other = Platform(
        name="Другой", issuer="https://other.example", client_id="1", login_url="", token_url="", jwks_url="",
        created_at=now(),
    )  # fmt: skip
    session.add(other)
    session.flush()
    found = programme.current_cycle(session, other.id, now().date())
    session.commit()
    return found


# --- seeing -------------------------------------------------------------------------------------------------------


def test_the_four_forms_are_shown_with_goal_topics_results_and_source(
    admin: FlaskClient, launch_as: Callable[..., FlaskClient]
) -> None:
    page = admin.get(f"{admin.home}{HERE}").text
    for told in (
        "«педагог – педагог»", "«студент – студент»", "Mentor: senior student. Mentee: student.",
        "рост числа профессиональных работ", "открытые уроки", "Source: Программа внедрения целевой модели",
    ):  # fmt: skip
        assert told in page
    curator = launch_as("curator")
    page = curator.get(f"{curator.home}{HERE}").text
    assert "«студент – студент»" in page
    assert "Add a form" not in page
    assert curator.get(f"{curator.home}{HERE}forms/new").status_code == 403
    student = launch_as("student001")
    assert student.get(f"{student.home}{HERE}").status_code == 403


def test_before_the_first_load_the_page_says_what_to_do(
    platform: Platform, launch_as: Callable[..., FlaskClient], moodle: PracticeMoodle, session: Session
) -> None:
    moodle.college.admin.lang = "en"
    client = launch_as(moodle.college.admin)
    assert "has not begun here yet" in client.get(f"{client.home}{HERE}").text
    answer = send(client, "forms/new", **OWN)
    assert (answer.status_code, "load the people from Moodle first" in answer.text) == (409, True)


# --- adding and changing ------------------------------------------------------------------------------------------


def test_a_college_adds_a_form_of_its_own_and_nobody_else_gets_it(
    admin: FlaskClient, session: Session, cycle: Cycle
) -> None:
    other = another_platform(session)
    assert other.programme_id == cycle.programme_id

    told = send(admin, "forms/new", **OWN)

    assert "The form is added" in told.text
    own = forms(session, cycle)["own-1"]
    assert (own.title, own.mentor_kind, own.mentee_kind) == (OWN["title"], MentorKind.EMPLOYER, MenteeKind.STUDENT)
    assert (own.activities, own.expected_results, own.source) == (
        ["резюме", "собеседование"], ["трудоустройство"], "Приказ № 5",
    )  # fmt: skip
    assert trail(session) == [("form.added", "own-1")]
    assert list(forms(session, other)) == ["teacher-teacher", "teacher-student", "employer-student", "student-student"]
    assert other.programme_id != cycle.programme_id
    codes = select(Indicator.code).order_by(Indicator.position)
    mine = session.scalars(codes.where(Indicator.programme_id == cycle.programme_id)).all()
    assert mine == session.scalars(codes.where(Indicator.programme_id == other.programme_id)).all()
    assert len(mine) == 19
    send(admin, "forms/new", **{**OWN, "title": "Ещё одна"})
    assert "own-2" in forms(session, cycle)
    assert len(session.scalars(select(Programme)).all()) == 2, "one copy for the year, however many changes"


def test_a_form_of_the_federal_model_is_a_beginning(admin: FlaskClient) -> None:
    page = admin.get(f"{admin.home}{HERE}forms/new?like=student-pupil").text
    assert 'value="«студент – ученик»"' in page
    assert "Р-145" in page
    assert admin.get(f"{admin.home}{HERE}forms/new?like=nonsense").status_code == 200


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"title": " "}, "Give it a title"),
        ({"title": "«Студент – студент»"}, "a form with this title already"),
        ({"activities": "\n".join(str(number) for number in range(41))}, "No more than 40 lines"),
        ({"expected_results": "ё" * 301}, "No line of more than 300 characters"),
        ({"mentor_kind": "wizard"}, "Not a valid choice"),
    ],
)
def test_a_form_that_cannot_be_is_shown_again(
    admin: FlaskClient, session: Session, cycle: Cycle, fields: dict[str, str], says: str
) -> None:
    answer = send(admin, "forms/new", **{**OWN, **fields})
    assert answer.status_code == 422
    assert says in answer.text
    assert "own-1" not in forms(session, cycle)
    assert session.scalars(select(Programme)).one(), "what is refused leaves no copy"


def a_mentee(session: Session, cycle: Cycle, kind: MenteeKind = MenteeKind.STUDENT) -> Mentee:
    found = session.scalars(select(Mentee).where(Mentee.cycle_id == cycle.id, Mentee.kind == kind)).first()
    assert found is not None
    return found


def a_mentor(session: Session, cycle: Cycle, kind: MentorKind) -> Mentor:
    found = session.scalars(select(Mentor).where(Mentor.cycle_id == cycle.id, Mentor.kind == kind)).first()
    assert found is not None
    found.state = MentorState.READY
    return found


def a_pair(session: Session, cycle: Cycle) -> Pair:
    """A pair in «работодатель – студент», whose mentor chose that form and whose mentee asked for it."""
    form = forms(session, cycle)["employer-student"]
    mentor, mentee = a_mentor(session, cycle, MentorKind.EMPLOYER), a_mentee(session, cycle)
    mentor.forms, mentee.wanted_form, mentee.state = [form], form, MenteeState.NEEDS
    for one in (mentor, mentee):
        give_consent(session, one.person, enrolments_day(cycle))
    session.flush()
    pair = pairs.propose(
        session,
        platform_id=cycle.platform_id,
        course_id=session.scalars(select(Course.id).where(Course.platform_id == cycle.platform_id)).one(),
        day=enrolments_day(cycle),
        form_id=form.id,
        mentor_id=mentor.id,
        mentee_ids=[mentee.id],
    )
    session.commit()
    return pair


def enrolments_day(cycle: Cycle) -> date:
    """A day in the school year."""
    return date(cycle.start_year, 11, 23)


def test_what_names_a_form_follows_when_the_year_gets_its_own_copy(
    admin: FlaskClient, session: Session, cycle: Cycle
) -> None:
    pair = a_pair(session, cycle)
    pair_id, before = pair.id, pair.form_id

    told = send(admin, "forms/employer-student/", title="«наставник с производства – студент»")

    assert "Saved." in told.text
    form = forms(session, cycle)["employer-student"]
    assert form.id != before
    pair = session.get_one(Pair, pair_id)
    place = session.scalars(select(PairMentee)).one()
    assert {pair.form_id, place.form_id, place.mentee.wanted_form_id} == {form.id}
    assert [found.id for found in pair.mentor.forms] == [form.id]
    assert pair.form.title == "«наставник с производства – студент»"
    assert session.get_one(Form, before).title == "«работодатель – студент»"
    assert trail(session) == [("form.changed", "employer-student")]
    assert "In use this year." in admin.get(f"{admin.home}{HERE}").text


def test_everything_that_names_forms_is_known_to_follow() -> None:
    """A new table that names forms must say so, or it would go on naming another year's form."""
    naming = {
        f"{key.parent.table.name}.{key.parent.name}"
        for table in tables.metadata.tables.values()
        for key in table.foreign_keys
        if key.column is Form.__table__.c.id
    }
    assert mentoring_forms.used_columns() == naming
    assert f"{ChosenForm.__tablename__}.form_id" in naming


def test_whom_a_used_form_is_for_stays(admin: FlaskClient, session: Session, cycle: Cycle) -> None:
    a_pair(session, cycle)
    page = admin.get(f"{admin.home}{HERE}forms/employer-student/").text
    assert "whom it is for stays" in page
    fields = {**OWN, "mentor_kind": "teacher"}
    answer = send(admin, "forms/employer-student/", **fields)
    assert (answer.status_code, "the kinds of mentor and mentee stay" in answer.text) == (422, True)
    assert forms(session, cycle)["employer-student"].mentor_kind is MentorKind.EMPLOYER
    unused = {**OWN, "title": "Другая", "mentor_kind": "teacher"}
    assert "Saved." in send(admin, "forms/student-student/", **unused).text
    assert forms(session, cycle)["student-student"].mentor_kind is MentorKind.TEACHER


def test_saving_without_a_change_copies_nothing(admin: FlaskClient, session: Session, cycle: Cycle) -> None:
    form = forms(session, cycle)["student-student"]
    same = {
        "title": form.title, "mentor_kind": "student", "mentee_kind": "student", "goal": form.goal,
        "activities": "\r\n".join(form.activities), "expected_results": "\r\n".join(form.expected_results),
        "source": form.source,
    }  # fmt: skip
    assert "Nothing was changed." in send(admin, "forms/student-student/", **same).text
    assert session.scalars(select(Programme)).one()


# --- retiring and deleting ----------------------------------------------------------------------------------------


def test_a_retired_form_is_offered_to_nobody_and_its_pairs_go_on(
    admin: FlaskClient, session: Session, cycle: Cycle
) -> None:
    pair = a_pair(session, cycle)
    pair_id = pair.id
    told = send(admin, "forms/employer-student/retire", "forms/employer-student/")
    assert "no new pairs are formed in it" in told.text
    form = forms(session, cycle)["employer-student"]
    assert form.is_retired
    assert form not in people.forms_for(cycle)
    day, course_id = enrolments_day(cycle), session.get_one(Pair, pair_id).course_id
    offered = candidates.forms_to_choose(session, platform_id=cycle.platform_id, course_id=course_id, day=day)
    assert form.code not in [choice.form.code for choice in offered]
    mentee = session.scalars(select(Mentee).where(Mentee.kind == MenteeKind.STUDENT).offset(5)).first()
    at = people.desk(session, platform_id=cycle.platform_id, course_id=course_id, actor_id=1, day=day)
    with pytest.raises(FormRetiredError):
        people.move_mentees(session, at, [mentee.id], MenteeAction.NEED, form.id)
    with pytest.raises(pair_errors.UnknownFormError):
        pairs.propose(
            session, platform_id=cycle.platform_id, course_id=course_id, day=day, form_id=form.id,
            mentor_id=session.get_one(Pair, pair_id).mentor_id, mentee_ids=[mentee.id],
        )  # fmt: skip
    session.rollback()
    assert session.get_one(Pair, pair_id).form.title == form.title
    send(admin, "forms/employer-student/bring-back", "forms/employer-student/")
    assert not forms(session, cycle)["employer-student"].is_retired
    assert [action for action, _code in trail(session)] == ["form.retired", "form.brought-back"]


def test_only_a_form_that_nothing_names_can_be_deleted(admin: FlaskClient, session: Session, cycle: Cycle) -> None:
    a_pair(session, cycle)
    told = send(admin, "forms/employer-student/remove", "forms/employer-student/")
    assert "It can be retired instead" in told.text
    assert "employer-student" in forms(session, cycle)
    assert "The form is deleted" in send(admin, "forms/student-student/remove", "forms/student-student/").text
    assert "student-student" not in forms(session, cycle)
    assert admin.get(f"{admin.home}{HERE}forms/student-student/").status_code == 404


# --- old years ----------------------------------------------------------------------------------------------------


def test_an_old_year_keeps_its_forms_and_a_new_one_begins_with_the_last_ones(
    admin: FlaskClient, session: Session, cycle: Cycle
) -> None:
    send(admin, "forms/new", **OWN)
    assert "own-1" in forms(session, cycle)
    later = programme.current_cycle(session, cycle.platform_id, date(cycle.start_year + 1, 9, 1))
    session.commit()
    assert "own-1" in forms(session, later)

    send(admin, "forms/own-1/", **{**OWN, "title": "«выпускник – первокурсник»"})

    assert forms(session, later)["own-1"].title == "«выпускник – первокурсник»"
    assert forms(session, cycle)["own-1"].title == OWN["title"]
    assert later.programme_id != cycle.programme_id
    page = admin.get(f"{admin.home}{HERE}?year={cycle.start_year}").text
    assert OWN["title"] in page
    assert "An old year keeps its forms" in page
    assert "Add a form" not in page
    assert admin.get(f"{admin.home}{HERE}?year=1999").status_code == 404


def test_loading_the_preset_again_leaves_a_years_own_copy_alone(
    admin: FlaskClient, session: Session, cycle: Cycle
) -> None:
    send(admin, "forms/student-student/", **OWN)
    forms(session, cycle)
    preset, is_new = programme.load_preset(session, programme.DEFAULT_PRESET)
    session.commit()
    assert not is_new
    assert preset.id != cycle.programme_id
    assert forms(session, cycle)["student-student"].title == OWN["title"]
    assert another_platform(session).programme_id == preset.id, "a copy is nobody else's to follow"
