"""Enrolments come in from Moodle: who is new, changed, back or gone, and what a failure leaves behind."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_service import queue
from lti_service.db import now
from lti_service.people import enrolments
from lti_service.people.enrolments import SyncStoppedError
from lti_service.people.models import Membership, Mentee, MenteeState, Mentor, MentorState, Person
from lti_service.platforms.models import Course, Platform
from lti_service.programme import service as programme
from lti_service.programme.models import MenteeKind, MentorKind
from tests.counting import statements
from tests.people.conftest import a_course, membership_of, mentee_of, mentor_of, writes
from tests.practice_moodle import PracticeMoodle

USERS = "core_enrol_get_enrolled_users"
PersonOf = Callable[[str], Person]


def due(session: Session) -> list[int]:
    session.commit()
    return [row.course_id for row in queue.due_courses(session)]


def settle(session: Session) -> None:
    for row in queue.due_courses(session):
        queue.settle_due(session, row)
    session.commit()


def active(session: Session, course: Course) -> int:
    session.commit()
    query = select(func.count(Membership.id)).where(Membership.course_id == course.id, Membership.active)
    return session.scalar(query) or 0


def fail_from_page(moodle: PracticeMoodle, number: int, **how: object) -> None:
    """Let the pages before this one (counted from 1) pass."""
    # A page begins with the last row of the one before.
    moodle.faults.add(USERS, beyond=enrolments.PAGE * (number - 1) - 1, **how)


def test_the_first_sync_brings_everybody_in(session: Session, course: Course, person_of: PersonOf):
    report = enrolments.sync_course(course.id)

    assert (report.new, report.changed, report.same, report.left) == (231, 0, 0, 0)
    assert (report.skipped, report.problems) == ({}, {})
    assert active(session, course) == 231
    session.expire_all()
    assert course.title == "Наставничество 2026/27"
    assert course.synced_at is not None
    assert due(session) == [course.id]


def test_it_keeps_names_groups_and_profile_fields(
    session: Session, synced: Course, moodle: PracticeMoodle, person_of: PersonOf
):
    told = moodle.college.students[0]
    person = person_of("student001")
    membership = membership_of(session, person, synced)

    assert (person.family_name, person.given_name) == (told.lastname, told.firstname)
    assert (person.email, person.idnumber) == (told.email, "ST-2026-0001")
    assert person.department == told.department
    assert moodle.college.midnight(person.birth_date) == int(told.fields["birthdate"])
    assert membership.groups == told.institution, "the sample college writes the group there, too"
    assert (membership.roles, membership.moodle_roles, membership.active) == (["student"], ["student"], True)


@pytest.mark.parametrize("sign", ["\0", "\ud800"], ids=["nul", "half"])
def test_a_broken_sign_in_a_name_or_a_group_stops_no_sync(
    session: Session, course: Course, moodle: PracticeMoodle, person_of: PersonOf, sign: str
):
    """PHP cuts a name in the middle of a sign, and JSON can spell half of one."""
    told = moodle.college.students[0]
    moodle.college.people[told.id].lastname = f"Ро{sign}мова"
    moodle.college.people[told.id].idnumber = f"ST{sign}1"
    for group in moodle.college.course(2).groups_of(told):
        group.name = f"И{sign}С-21"
    moodle.college.course(2).fullname += sign

    report = enrolments.sync_course(course.id)

    person = person_of(told.username)
    stands_for = "" if sign == "\0" else "?"
    assert (report.new, person.family_name, person.idnumber) == (231, f"Ро{stands_for}мова", f"ST{stands_for}1")
    assert membership_of(session, person, course).groups == f"И{stands_for}С-21"
    assert enrolments.sync_course(course.id).same == 231


def test_students_and_young_teachers_become_mentee_candidates_the_others_mentor_candidates(
    session: Session, synced: Course, person_of: PersonOf
):
    def count(base: type[Mentee] | type[Mentor], kind: object) -> int:
        candidates = select(func.count(base.id)).where(base.kind == kind, base.state == "candidate")
        return session.scalar(candidates) or 0

    assert count(Mentee, MenteeKind.STUDENT) == 200
    assert count(Mentee, MenteeKind.YOUNG_TEACHER) == 6
    assert count(Mentor, MentorKind.EMPLOYER) == 10
    assert count(Mentor, MentorKind.TEACHER) == 14 + 1, "the curator teaches, too"
    assert count(Mentor, MentorKind.STUDENT) == 0
    young = person_of("teacher01")
    assert young.experience_years == 0
    assert mentor_of(session, young) is None


def test_a_second_run_without_changes_writes_no_row_and_says_so(session: Session, synced: Course):
    with statements(session) as sent:
        report = enrolments.sync_course(synced.id)

    assert report.same == 231
    assert not any(report.counts()[name] for name in enrolments.CHANGES)
    # Only when the list was read is written down, which is the one thing that has changed.
    assert [statement.split(" SET ")[0] for statement in writes(sent)] == ["UPDATE course"]


def test_a_page_takes_the_same_queries_whatever_its_length(
    session: Session, synced: Course, platform: Platform, monkeypatch: pytest.MonkeyPatch
):
    """People read on one page, then on three; and the few of another course as well as the many of this."""
    with statements(session) as one_page:
        enrolments.sync_course(synced.id)
    monkeypatch.setattr(enrolments, "PAGE", 100)
    with statements(session) as three_pages:
        enrolments.sync_course(synced.id)
    told = "the erased, persons, memberships, what the rules look at, mentees, mentors"
    assert len(three_pages) - len(one_page) == 2 * 6, told

    monkeypatch.setattr(enrolments, "PAGE", 500)
    with statements(session) as first_time:
        enrolments.sync_course(a_course(session, platform, 3).id)
    assert len(writes(first_time)) < 8


def test_someone_unenrolled_becomes_inactive_and_keeps_everything(
    session: Session, synced: Course, moodle: PracticeMoodle, person_of: PersonOf
):
    settle(session)
    moodle.college.unenrol("student001", 2)

    report = enrolments.sync_course(synced.id)

    assert (report.left, report.same) == (1, 230)
    person = person_of("student001")
    assert membership_of(session, person, synced).active is False
    assert mentee_of(session, person) is not None
    assert due(session) == [synced.id]


def test_someone_enrolled_again_comes_back_with_their_history(
    session: Session, synced: Course, moodle: PracticeMoodle, person_of: PersonOf
):
    person = person_of("student001")
    mentee = mentee_of(session, person)
    mentee.state = MenteeState.NEEDS
    mentee.request = "Подготовка к демонстрационному экзамену"
    session.commit()
    enrolment = moodle.college.unenrol("student001", 2)
    enrolments.sync_course(synced.id)
    settle(session)
    moodle.college.enrol("student001", 2, *enrolment.roles)

    report = enrolments.sync_course(synced.id)

    assert (report.returned, report.new, report.mentees) == (1, 0, 0)
    assert person_of("student001").id == person.id
    assert membership_of(session, person, synced).active is True
    back = mentee_of(session, person)
    assert (back.id, back.state, back.request) == (mentee.id, MenteeState.NEEDS, mentee.request)
    assert due(session) == [synced.id]


def test_a_suspended_enrolment_counts_as_left(
    session: Session, synced: Course, moodle: PracticeMoodle, person_of: PersonOf
):
    moodle.college.suspend("student002", 2)

    report = enrolments.sync_course(synced.id)

    assert report.left == 1
    assert membership_of(session, person_of("student002"), synced).active is False


def test_a_new_name_and_a_new_group_are_changes_that_move_no_grade(
    session: Session, synced: Course, moodle: PracticeMoodle, person_of: PersonOf
):
    settle(session)
    moodle.college.rename("student003", lastname="Ёлкина-Новая")

    report = enrolments.sync_course(synced.id)

    assert (report.changed, report.same) == (1, 230)
    person = person_of("student003")
    assert person.family_name == "Ёлкина-Новая"
    assert person.search_name.startswith("елкина-новая ")
    assert due(session) == []

    group = list(moodle.college.course(2).groups.values())[-1]
    moodle.college.move("student003", group)
    assert enrolments.sync_course(synced.id).changed == 1
    assert membership_of(session, person, synced).groups == group.name


def test_a_new_role_is_kept_and_marks_the_course_due(
    session: Session, synced: Course, moodle: PracticeMoodle, person_of: PersonOf
):
    settle(session)
    moodle.college.enrol("teacher03", 2, "curator", "editingteacher")

    assert enrolments.sync_course(synced.id).changed == 1
    assert membership_of(session, person_of("teacher03"), synced).roles == ["curator", "teacher"]
    assert due(session) == [synced.id]


def test_experience_filled_in_later_makes_a_young_teacher_of_a_mentor_candidate(
    session: Session, synced: Course, moodle: PracticeMoodle, person_of: PersonOf
):
    teacher = next(person for person in moodle.college.teachers if "experience" not in person.fields)
    assert mentor_of(session, person_of(teacher.username)).state is MentorState.CANDIDATE
    teacher.fields["experience"] = "1 год"

    report = enrolments.sync_course(synced.id)

    assert (report.changed, report.mentees, report.revised) == (1, 1, 1)
    person = person_of(teacher.username)
    assert person.experience_years == 1
    assert mentee_of(session, person).kind is MenteeKind.YOUNG_TEACHER
    assert mentor_of(session, person).state is MentorState.WITHDRAWN


def test_a_mentor_whom_the_curator_accepted_stays_one(
    session: Session, synced: Course, moodle: PracticeMoodle, person_of: PersonOf
):
    teacher = next(person for person in moodle.college.teachers if "experience" not in person.fields)
    mentor_of(session, person_of(teacher.username)).state = MentorState.READY
    session.commit()
    teacher.fields["experience"] = "1"

    enrolments.sync_course(synced.id)

    assert mentor_of(session, person_of(teacher.username)).state is MentorState.READY


def test_values_that_cannot_be_are_told_and_the_person_is_kept(
    session: Session,
    course: Course,
    moodle: PracticeMoodle,
    person_of: PersonOf,
    caplog: pytest.LogCaptureFixture,
):
    student, teacher = moodle.college.students[0], moodle.college.teachers[2]
    student.fields["birthdate"] = "-2500000000"
    teacher.fields["experience"] = "с прошлого века"

    with caplog.at_level("INFO"):
        report = enrolments.sync_course(course.id)

    # A log tells how many they are: who they are no erasure would find there.
    [told] = [record.msg for record in caplog.records if "course synced" in str(record.msg)]
    assert isinstance(told, dict)
    assert told["problems"] == {"birth-date": 1, "experience": 1}

    assert report.new == 231
    assert report.counts()["problems"] == {
        "birth-date": {"count": 1, "people": [str(student.id)]},
        "experience": {"count": 1, "people": [str(teacher.id)]},
    }
    assert person_of("student001").birth_date is None
    assert person_of("teacher03").experience_years is None


def test_profile_fields_may_have_other_names(
    session: Session, course: Course, platform: Platform, moodle: PracticeMoodle, person_of: PersonOf
):
    platform = session.get_one(Platform, platform.id)
    platform.profile_fields = {"birth_date": "experience", "experience": "birthdate"}
    session.commit()
    moodle.college.students[0].fields = {"experience": "15.03.2008"}

    enrolments.sync_course(course.id)

    assert person_of("student001").birth_date == date(2008, 3, 15)


def test_people_in_roles_that_mean_nothing_here_are_skipped_and_the_role_is_named(
    session: Session, course: Course, platform: Platform
):
    platform = session.get_one(Platform, platform.id)
    platform.role_map = {"student": []}
    session.commit()

    report = enrolments.sync_course(course.id)

    assert (report.new, report.skipped, report.unknown_roles) == (31, {"no-known-role": 200}, {"student"})
    assert active(session, course) == 31


def test_someone_known_from_a_launch_is_the_same_person(
    session: Session,
    launch_as: Callable[..., FlaskClient],
    moodle: PracticeMoodle,
    person_of: PersonOf,
):
    launch_as("employer01")
    before = person_of("employer01")
    course = session.scalars(select(Course)).one()
    assert membership_of(session, before, course).roles == ["teacher"], "Moodle calls them Instructor"

    report = enrolments.sync_course(course.id)

    assert (report.new, report.changed) == (230, 1)
    person = person_of("employer01")
    assert person.id == before.id
    assert membership_of(session, person, course).roles == ["employer"]
    assert mentor_of(session, person).kind is MentorKind.EMPLOYER


def test_people_whom_no_list_of_enrolments_shows_stay_unless_they_came_as_students(
    session: Session, synced: Course, platform: Platform
):
    def launched(moodle_id: str, role: str) -> Person:
        person = Person(platform_id=platform.id, moodle_id=moodle_id, updated_at=now())
        session.add(person)
        session.flush()
        session.add(Membership(course_id=synced.id, person_id=person.id, roles=[role], active=True))
        session.commit()
        return person

    manager, stranger = launched("9001", "teacher"), launched("9002", "student")

    report = enrolments.sync_course(synced.id)

    assert report.left == 1
    assert membership_of(session, manager, synced).active is True
    assert membership_of(session, stranger, synced).active is False


def test_whoever_comes_in_by_a_launch_while_the_list_is_read_is_not_marked_as_gone(
    session: Session, synced: Course, platform: Platform, monkeypatch: pytest.MonkeyPatch
):
    person = Person(platform_id=platform.id, moodle_id="9003", updated_at=now())
    session.add(person)
    session.commit()

    def somebody_launches(_done: int, _total: int | None, mark: object, _counts: object, within: Session) -> None:
        if mark:
            within.add(Membership(course_id=synced.id, person_id=person.id, roles=["student"], active=True))

    report = enrolments.sync_course(synced.id, somebody_launches)

    assert report.left == 0
    assert membership_of(session, person, synced).active is True


def test_a_failure_midway_keeps_the_pages_before_and_marks_nobody_as_gone(
    session: Session, synced: Course, moodle: PracticeMoodle, monkeypatch: pytest.MonkeyPatch, person_of: PersonOf
):
    monkeypatch.setattr(enrolments, "PAGE", 50)
    session.refresh(synced)
    synced_at = synced.synced_at
    moodle.college.rename("student001", firstname="Новое")
    moodle.college.rename("student150", firstname="Новое")
    moodle.college.unenrol("student200", 2)
    fail_from_page(moodle, 3, status=500)

    with pytest.raises(SyncStoppedError) as stopped:
        enrolments.sync_course(synced.id)

    assert (stopped.value.code, stopped.value.may_pass) == ("moodle-down", True)
    assert "HTTP 500" in stopped.value.detail
    assert {name: stopped.value.counts[name] for name in ("changed", "same", "left")} == {
        "changed": 1,
        "same": 99,
        "left": 0,
    }
    assert person_of("student001").given_name == "Новое"
    assert person_of("student150").given_name != "Новое"
    assert active(session, synced) == 231
    session.refresh(synced)
    assert synced.synced_at == synced_at


@pytest.mark.parametrize(
    ("how", "code", "may_pass"),
    [
        ({"page": True}, "moodle-nonsense", True),
        ({"body": '[{"fullname": "x"}]'}, "moodle-nonsense", True),
        ({"status": 500}, "moodle-down", True),
        ({"body": '{"exception": "x", "errorcode": "invalidtoken", "message": "m"}'}, "moodle-token", False),
        ({"body": '{"exception": "x", "errorcode": "nopermissions", "message": "m"}'}, "moodle-access", False),
        ({"body": '{"exception": "x", "errorcode": "invalidrecord", "message": "m"}'}, "moodle-no-record", False),
        ({"body": '{"exception": "x", "errorcode": "brandnew", "message": "m"}'}, "moodle-error", False),
    ],
)
def test_each_way_of_failing_has_its_name(
    session: Session, course: Course, moodle: PracticeMoodle, how: dict[str, object], code: str, may_pass: bool
):
    moodle.faults.add(USERS, **how)

    with pytest.raises(SyncStoppedError) as stopped:
        enrolments.sync_course(course.id)

    assert (stopped.value.code, stopped.value.may_pass) == (code, may_pass)
    assert active(session, course) == 0


def test_without_a_web_service_and_a_roster_it_says_so(session: Session, course: Course, platform: Platform):
    session.get_one(Platform, platform.id).ws_token = ""
    session.commit()

    with pytest.raises(SyncStoppedError) as stopped:
        enrolments.sync_course(course.id)

    assert (stopped.value.code, stopped.value.may_pass) == ("no-roster", False)


def test_an_empty_answer_about_a_known_course_marks_nobody_as_gone(
    session: Session, synced: Course, moodle: PracticeMoodle
):
    moodle.faults.add(USERS, body="[]")

    with pytest.raises(SyncStoppedError) as stopped:
        enrolments.sync_course(synced.id)

    assert stopped.value.code == "nobody-returned"
    assert active(session, synced) == 231


@pytest.fixture
def with_roster(session: Session, synced: Course, moodle: PracticeMoodle) -> Course:
    """The course after a launch, which says where its roster is."""
    tool = next(iter(moodle.lti.tools.values()))
    session.get_one(Course, synced.id).memberships_url = moodle.lti.memberships_url(moodle.college.course(2), tool)
    session.commit()
    return synced


@pytest.fixture
def hidden(moodle: PracticeMoodle, monkeypatch: pytest.MonkeyPatch) -> None:
    """The web-service user has lost moodle/user:viewdetails: a real Moodle then shows some few, without an error."""
    everybody = moodle.web_service.functions[USERS]
    monkeypatch.setitem(moodle.web_service.functions, USERS, lambda arguments: everybody(arguments)[:40])


def test_people_whom_only_the_web_service_no_longer_shows_are_not_gone(
    session: Session, with_roster: Course, moodle: PracticeMoodle, hidden: None
):
    """Otherwise a right taken away in Moodle would empty the bases, and with them the gradebook."""
    settle(session)
    session.refresh(with_roster)
    synced_at = with_roster.synced_at

    with pytest.raises(SyncStoppedError) as stopped:
        enrolments.sync_course(with_roster.id)

    assert (stopped.value.code, stopped.value.may_pass) == ("people-hidden", False)
    assert "191" in stopped.value.detail
    assert active(session, with_roster) == 231
    assert due(session) == []
    session.expire_all()
    assert with_roster.synced_at == synced_at


def test_whoever_is_gone_from_the_roster_too_is_marked_as_gone(
    session: Session, with_roster: Course, moodle: PracticeMoodle, person_of: PersonOf
):
    moodle.college.unenrol("student001", 2)

    report = enrolments.sync_course(with_roster.id)

    assert (report.left, report.same) == (1, 230)


def test_whoever_has_a_role_that_means_nothing_here_is_gone_though_the_roster_has_them(
    session: Session, with_roster: Course, platform: Platform
):
    session.get_one(Platform, platform.id).role_map = {"student": []}
    session.commit()

    report = enrolments.sync_course(with_roster.id)

    assert (report.left, report.same) == (200, 31)


def test_nobody_asks_for_the_roster_while_nobody_is_gone(with_roster: Course, moodle: PracticeMoodle):
    enrolments.sync_course(with_roster.id)

    assert moodle.requests.of("/memberships") == []


def test_a_roster_that_cannot_be_read_holds_up_no_sync(session: Session, with_roster: Course, moodle: PracticeMoodle):
    moodle.college.unenrol("student001", 2)
    moodle.faults.add("/memberships", status=404)

    assert enrolments.sync_course(with_roster.id).left == 1


def test_somebody_in_two_courses_has_one_record_in_the_base(session: Session, synced: Course, platform: Platform):
    second = a_course(session, platform, 3)
    before = session.scalar(select(func.count(Mentee.id))), session.scalar(select(func.count(Mentor.id)))

    report = enrolments.sync_course(second.id)

    assert report.new > 50
    assert (report.mentees, report.mentors) == (0, 0)
    assert (session.scalar(select(func.count(Mentee.id))), session.scalar(select(func.count(Mentor.id)))) == before
    assert enrolments.sync_course(synced.id).same == 231


def test_two_courses_of_a_college_may_be_synced_at_once(
    session: Session, course: Course, platform: Platform, moodle: PracticeMoodle, monkeypatch: pytest.MonkeyPatch
):
    second = a_course(session, platform, 3)
    programme.current_cycle(session, platform.id, date(2026, 11, 23))
    session.commit()
    monkeypatch.setattr(enrolments, "PAGE", 60)
    expected = {course.id: 231, second.id: len(moodle.college.course(3).enrolments)}
    for _again in range(2):
        for person in moodle.college.people.values():
            person.department += " "  # trimmed away: no change
            person.idnumber += "X"
        with ThreadPoolExecutor(2) as both:
            reports = dict(zip(expected, both.map(enrolments.sync_course, expected), strict=True))
        assert {course_id: report.read for course_id, report in reports.items()} == expected
    assert session.scalar(select(func.count(Person.id))) == 231
    assert session.scalar(select(func.count(Mentee.id))) == 206


def test_progress_counts_people_and_knows_how_many_to_expect_the_second_time(
    course: Course, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(enrolments, "PAGE", 100)
    first: list[tuple[int, int | None]] = []
    second: list[tuple[int, int | None]] = []
    enrolments.sync_course(course.id, lambda done, total, *_more: first.append((done, total)))
    enrolments.sync_course(course.id, lambda done, total, *_more: second.append((done, total)))

    assert first == [(0, None), (100, None), (200, None), (231, None), (231, None), (231, None)]
    assert second == [(0, None), (100, 231), (200, 231), (231, 231), (231, 231), (231, 231)]


def test_a_new_school_year_gets_bases_of_its_own_and_keeps_the_mentors(session: Session, course: Course):
    with time_machine.travel(datetime.fromisoformat("2026-11-23T12:00:00+03:00")):
        enrolments.sync_course(course.id)
    with time_machine.travel(datetime.fromisoformat("2027-09-01T12:00:00+03:00")):
        report = enrolments.sync_course(course.id)

    assert (report.same, report.mentees, report.mentors) == (231, 206, 0)
    assert session.scalar(select(func.count(Mentee.id))) == 2 * 206
    assert session.scalar(select(func.count(Mentor.id))) == 2 * 25, "those of last year are in the new base already"


def test_it_asks_moodle_for_no_more_than_two_things_at_a_time_and_never_for_groups_of_each_user(
    course: Course, moodle: PracticeMoodle, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(enrolments, "PAGE", 25)
    enrolments.sync_course(course.id)

    asked = [seen.function for seen in moodle.requests.of("/webservice/")]
    assert asked.count(USERS) in (10, 11), "the page after the last may have been under way"
    assert asked.count("core_group_get_group_members") == 1
    assert moodle.requests.most_at_once("/webservice/") <= 2
