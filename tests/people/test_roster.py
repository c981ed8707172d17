"""People come from the course's roster where no web-service token is set, and nothing better known is lost by it."""

import json
import re
from collections.abc import Callable
from datetime import date

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from lti_service.db import now
from lti_service.lti import services
from lti_service.people import enrolments, tasks
from lti_service.people.enrolments import SyncStoppedError
from lti_service.people.models import Membership, Mentee, MenteeState, Mentor, MentorState, Person
from lti_service.platforms import secrets
from lti_service.platforms.models import AccessToken, Course, Platform
from lti_service.programme.models import MenteeKind
from tests.counting import statements
from tests.people.conftest import a_course, membership_of, mentee_of, mentor_of, writes
from tests.practice_moodle import TOKEN, PracticeMoodle

PersonOf = Callable[[str], Person]
LaunchAs = Callable[..., FlaskClient]
ROSTER = "/memberships"


@pytest.fixture
def course(session: Session, platform: Platform, moodle: PracticeMoodle, launch_as: LaunchAs) -> Course:
    """«Наставничество», opened once by the administrator; its Moodle has no token here."""
    for person in moodle.college.people.values():
        person.lang = "en"
    set_token(session, platform, "")
    launch_as(moodle.college.admin)
    session.commit()
    return session.scalars(select(Course)).one()


def set_token(session: Session, platform: Platform, token: str) -> None:
    session.rollback()
    session.get_one(Platform, platform.id).ws_token = secrets.encrypt(token) if token else ""
    session.commit()


def press(client: FlaskClient, address: str):
    """Press the button of a page that posts to its own address."""
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get(address).text)
    assert found
    return client.post(address, data={"csrf_token": found[1]}, follow_redirects=True)


def active(session: Session) -> int:
    session.commit()
    return session.scalar(select(func.count(Membership.id)).where(Membership.active)) or 0


def test_the_administrator_loads_the_people_without_a_token(
    course: Course, launch_as: LaunchAs, moodle: PracticeMoodle, session: Session
) -> None:
    admin = launch_as(moodle.college.admin)
    assert "there is no web-service token" in admin.get(f"{admin.home}sync/").text

    page = press(admin, f"{admin.home}sync/").text

    assert "new: 231" in page
    assert active(session) == len(moodle.college.courses[2].enrolments) == 231
    assert not moodle.requests.of("core_enrol_get_enrolled_users")
    mentees = session.scalar(select(func.count(Mentee.id)).where(Mentee.kind == MenteeKind.STUDENT))
    # Moodle's roster calls tutors and employers' people Learner, too: nobody can tell until they come.
    tutors = [one for one in moodle.college.courses[2].enrolments.values() if one.roles == ("teacher",)]
    assert mentees == 200 + len(tutors)


def test_names_and_addresses_are_kept(course: Course, moodle: PracticeMoodle, person_of: PersonOf) -> None:
    enrolments.sync_course(course.id)
    told, person = moodle.college.students[0], person_of("student001")
    assert (person.family_name, person.given_name) == (told.lastname, told.firstname)
    assert (person.email, person.idnumber) == (told.email, told.idnumber)
    assert (person.birth_date, person.department) == (None, "")


def test_a_second_load_without_changes_writes_no_row(course: Course, session: Session) -> None:
    enrolments.sync_course(course.id)
    with statements(session) as sent:
        report = enrolments.sync_course(course.id)
    assert (report.same, report.source) == (231, "roster")
    assert not any(report.counts()[name] for name in enrolments.CHANGES)
    written = [statement.split(" SET ")[0] for statement in writes(sent)]
    # The roster needs an access token of ours, which is kept for all processes.
    assert [statement for statement in written if "access_token" not in statement] == ["UPDATE course"]


def test_a_tutor_who_has_come_is_a_teacher_and_stays_one(
    course: Course, launch_as: LaunchAs, moodle: PracticeMoodle, session: Session, person_of: PersonOf
) -> None:
    tutor = next(one.person for one in moodle.college.courses[2].enrolments.values() if one.roles == ("teacher",))
    launch_as(tutor)
    enrolments.sync_course(course.id)
    person = person_of(tutor.username)
    assert membership_of(session, person, course).roles == ["teacher"]
    assert mentee_of(session, person) is None
    assert mentor_of(session, person) is not None


def test_a_tutor_whom_the_roster_made_a_student_leaves_the_candidates_after_the_first_visit(
    course: Course, launch_as: LaunchAs, session: Session, person_of: PersonOf
) -> None:
    enrolments.sync_course(course.id)
    employer = person_of("employer01")
    assert mentee_of(session, employer).state is MenteeState.CANDIDATE

    launch_as("employer01")
    report = enrolments.sync_course(course.id)

    assert (report.same, report.mentors, report.revised) == (231, 1, 1)
    assert mentee_of(session, employer).state is MenteeState.WITHDRAWN
    assert mentor_of(session, employer).state is MentorState.CANDIDATE
    assert not any(enrolments.sync_course(course.id).counts()[name] for name in enrolments.CHANGES)
    visitor = launch_as("employer01")
    page = visitor.get(visitor.home).text
    assert "My mentees" in page
    assert "Ask for a mentor" not in page


@pytest.mark.parametrize("how", ["decided", "asked", "elsewhere"])
def test_a_tutor_stays_in_the_base_whom_somebody_wants_there(
    how: str, course: Course, platform: Platform, launch_as: LaunchAs, session: Session, person_of: PersonOf
) -> None:
    enrolments.sync_course(course.id)
    employer = person_of("employer01")
    mentee = mentee_of(session, employer)
    if how == "decided":
        mentee.state = MenteeState.NEEDS
    elif how == "asked":
        mentee.asked_at = now()
    else:
        other = a_course(session, platform, 4)
        session.add(Membership(course_id=other.id, person_id=employer.id, roles=["student"], active=True))
    state = mentee.state
    session.commit()

    launch_as("employer01")

    assert enrolments.sync_course(course.id).revised == 0
    assert mentee_of(session, employer).state is state


def test_a_change_of_the_rosters_word_is_a_change_in_moodle(
    course: Course, moodle: PracticeMoodle, session: Session, platform: Platform, person_of: PersonOf
) -> None:
    """Otherwise a curator known from the days of a token would be one for ever."""
    moodle.college.enrol("teacher02", 2, "manager")
    set_token(session, platform, TOKEN)
    enrolments.sync_course(course.id)
    set_token(session, platform, "")
    assert enrolments.sync_course(course.id).same == 231
    assert membership_of(session, person_of("teacher02"), course).roles == ["curator"]
    moodle.college.enrol("teacher02", 2, "student")
    moodle.college.enrol("student001", 2, "editingteacher")

    report = enrolments.sync_course(course.id)

    assert (report.changed, report.same) == (2, 229)
    assert membership_of(session, person_of("teacher02"), course).roles == ["student"]
    assert membership_of(session, person_of("student001"), course).roles == ["teacher"]
    assert enrolments.sync_course(course.id).same == 231


def test_roles_that_are_neither_are_left_out_and_named(course: Course, moodle: PracticeMoodle) -> None:
    members = [
        {"user_id": "7001", "roles": ["Learner"], "status": "Active", "name": "Одно Имя"},
        {"user_id": "7002", "roles": ["http://purl.imsglobal.org/vocab/lis/v2/membership#Mentor"]},
        {"user_id": "7003", "roles": ["Instructor"], "status": "Inactive"},
    ]
    moodle.faults.add(ROSTER, body=json.dumps({"members": members}))

    report = enrolments.sync_course(course.id)

    assert (report.new, report.skipped) == (1, {"no-known-role": 1, "suspended": 1})
    assert report.unknown_roles == {"http://purl.imsglobal.org/vocab/lis/v2/membership#Mentor"}


def test_whoever_is_unenrolled_is_marked_as_gone_and_comes_back(
    course: Course, moodle: PracticeMoodle, session: Session, person_of: PersonOf
) -> None:
    enrolments.sync_course(course.id)
    leaving = [moodle.college.students[0], moodle.college.teachers[0]]
    gone = [moodle.college.unenrol(person, 2) for person in leaving]
    assert enrolments.sync_course(course.id).left == 2
    assert not membership_of(session, person_of("teacher01"), course).active
    for enrolment in gone:
        moodle.college.enrol(enrolment.person, 2, *enrolment.roles)
    assert enrolments.sync_course(course.id).returned == 2


def test_what_a_token_has_brought_stays_when_it_is_taken_away(
    course: Course, session: Session, platform: Platform, person_of: PersonOf
) -> None:
    set_token(session, platform, TOKEN)
    enrolments.sync_course(course.id)
    set_token(session, platform, "")

    report = enrolments.sync_course(course.id)

    assert (report.same, report.changed, report.left) == (231, 0, 0)
    student = person_of("student001")
    assert isinstance(student.birth_date, date)
    assert membership_of(session, student, course).groups != ""
    assert membership_of(session, person_of("employer01"), course).roles == ["employer"]
    assert membership_of(session, person_of("curator"), course).roles == ["curator", "teacher"]


def test_a_token_given_later_tells_the_rest(
    course: Course, session: Session, platform: Platform, person_of: PersonOf
) -> None:
    enrolments.sync_course(course.id)
    assert membership_of(session, person_of("employer01"), course).roles == ["student"]
    set_token(session, platform, TOKEN)

    report = enrolments.sync_course(course.id)

    assert (report.source, report.new, report.left) == ("web-service", 0, 0)
    assert membership_of(session, person_of("employer01"), course).roles == ["employer"]
    assert mentor_of(session, person_of("employer01")).state is MentorState.CANDIDATE
    assert mentee_of(session, person_of("employer01")).state is MenteeState.WITHDRAWN
    students = select(func.count(Mentee.id)).where(Mentee.state == "candidate", Mentee.kind == MenteeKind.STUDENT)
    assert session.scalar(students) == 200


def test_a_site_that_shares_no_names_takes_none_away(
    course: Course, launch_as: LaunchAs, moodle: PracticeMoodle, person_of: PersonOf
) -> None:
    enrolments.sync_course(course.id)
    tool = next(iter(moodle.lti.tools.values()))
    tool.sends_name = tool.sends_email = False
    report = enrolments.sync_course(course.id)
    assert report.changed == 0
    assert person_of("student001").family_name == moodle.college.students[0].lastname
    assert person_of("student001").email == moodle.college.students[0].email


def test_a_site_that_never_shared_names_is_told_where_to_share_them(
    course: Course, launch_as: LaunchAs, moodle: PracticeMoodle, person_of: PersonOf
) -> None:
    tool = next(iter(moodle.lti.tools.values()))
    tool.sends_name = tool.sends_email = False
    admin = launch_as(moodle.college.admin)

    page = press(admin, f"{admin.home}sync/").text

    assert "Moodle does not tell the names of 231 people." in page
    assert "Share launcher's name" in page
    assert person_of("student001").idnumber == "ST-2026-0001", "which it sends whatever the privacy"
    tool.sends_name = True
    again = press(admin, f"{admin.home}sync/").text
    assert again.count("Moodle does not tell the name") == 1, "of the loading before"
    assert person_of("student001").family_name == moodle.college.students[0].lastname


@pytest.mark.parametrize(
    ("fault", "code", "passes"),
    [
        ({"status": 503}, "moodle-unavailable", True),
        ({"status": 500}, "moodle-down", True),
        ({"status": 403}, "moodle-refused", False),
        ({"page": True}, "moodle-nonsense", True),
        ({"body": '{"members": "none"}'}, "moodle-nonsense", True),
        ({"close": True}, "moodle-unavailable", True),
    ],
)
def test_a_roster_that_fails_takes_nobody_for_gone(
    course: Course, moodle: PracticeMoodle, session: Session, fault: dict[str, object], code: str, passes: bool
) -> None:
    enrolments.sync_course(course.id)
    moodle.college.unenrol(moodle.college.students[0], 2)
    moodle.faults.add(ROSTER, **fault)
    with pytest.raises(SyncStoppedError) as stopped:
        enrolments.sync_course(course.id)
    assert (stopped.value.code, stopped.value.may_pass) == (code, passes)
    assert active(session) == 231


def test_an_empty_roster_takes_nobody_for_gone(course: Course, moodle: PracticeMoodle, session: Session) -> None:
    enrolments.sync_course(course.id)
    moodle.faults.add(ROSTER, body='{"id": "x", "members": []}')
    with pytest.raises(SyncStoppedError) as stopped:
        enrolments.sync_course(course.id)
    assert stopped.value.code == "roster-empty"
    assert active(session) == 231


def test_a_tool_that_may_not_use_the_roster_any_more_is_told_where_to_allow_it(
    course: Course, launch_as: LaunchAs, moodle: PracticeMoodle, session: Session
) -> None:
    enrolments.sync_course(course.id)
    admin = launch_as(moodle.college.admin)
    next(iter(moodle.lti.tools.values())).roster = False
    session.commit()
    session.execute(delete(AccessToken))
    session.commit()
    services._connectors.clear()

    page = press(admin, f"{admin.home}sync/").text

    assert "IMS LTI Names and Role Provisioning" in page
    assert "Nobody was taken for gone" in page
    assert active(session) == 231


def test_a_roster_that_fails_on_its_second_page_takes_nobody_for_gone(
    course: Course, moodle: PracticeMoodle, session: Session
) -> None:
    """Moodle pages only when asked; the address of a course may ask."""
    session.get_one(Course, course.id).memberships_url += "?limit=100"
    session.commit()
    enrolments.sync_course(course.id)
    assert len(moodle.requests.of(ROSTER)) == 3
    moodle.college.unenrol(moodle.college.students[0], 2)
    moodle.faults.add(ROSTER, times=1)
    moodle.faults.add(ROSTER, status=404)

    with pytest.raises(SyncStoppedError) as stopped:
        enrolments.sync_course(course.id)

    assert stopped.value.code == "moodle-refused"
    assert active(session) == 231


def test_a_course_that_nobody_has_opened_yet_is_said_to_be_so(
    course: Course, session: Session, launch_as: LaunchAs, moodle: PracticeMoodle
) -> None:
    session.get_one(Course, course.id).memberships_url = ""
    session.commit()
    with pytest.raises(SyncStoppedError) as stopped:
        enrolments.sync_course(course.id)
    assert stopped.value.code == "no-roster"


def test_the_nightly_pass_and_the_command_use_it_too(course: Course, session: Session, app) -> None:
    tasks.sync_all()
    assert active(session) == 231
    ran = app.test_cli_runner().invoke(args=["sync", "--course", str(course.id)])
    assert "People: nothing changed, 231 the same, from the roster" in ran.output
    assert session.scalar(select(func.count(Mentor.id)))
