"""The administrator's rules on who is who: seen, changed, tried out on everybody, saved and applied."""

import csv
import io
import re
from collections.abc import Callable
from datetime import date

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service.audit import AuditEvent
from lti_service.db import now
from lti_service.people import enrolments, service
from lti_service.people.kinds import placing
from lti_service.people.kinds import service as kinds
from lti_service.people.models import MenteeState, MentorState, Person, Placed
from lti_service.people.rules import MenteeAction
from lti_service.platforms.models import Course, Platform
from lti_service.programme.models import MenteeKind, MentorKind
from tests.counting import statements
from tests.people.conftest import TODAY, a_course, membership_of, mentee_of, mentor_of, writes
from tests.people.test_corrections import correct
from tests.practice_moodle import PracticeMoodle
from tests.practice_moodle.college import PROFILE_FIELDS, ProfileField

PersonOf = Callable[[str], Person]
LaunchAs = Callable[..., FlaskClient]
HERE = "programme/kinds/"
YOUNG_UP_TO_5 = {
    "what-0-0": "role:is:teacher", "what-0-1": "experience:at-most", "value-0-1": "5", "when_unknown": "no",
    "enters": "yes",
}  # fmt: skip
SENIORS_BY_GROUP = {
    "what-0-0": "group:like", "value-0-0": "ИС-4*, ТМ-4*", "what-0-1": "role:is:student", "when_unknown": "no",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _english(moodle: PracticeMoodle) -> None:
    for person in moodle.college.people.values():
        person.lang = "en"


@pytest.fixture
def admin(synced: Course, launch_as: LaunchAs, moodle: PracticeMoodle) -> FlaskClient:
    return launch_as(moodle.college.admin)


def send(client: FlaskClient, path: str, page: str = "", **fields: object):
    """Post a form of a page as a browser would, and follow to where it leads."""
    shown = client.get(f"{client.home}{page or path}").text
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', shown)
    assert found, shown
    return client.post(f"{client.home}{path}", data={"csrf_token": found[1], **fields}, follow_redirects=True)


def trail(session: Session) -> list[str]:
    session.commit()
    return list(
        session.scalars(select(AuditEvent.action).where(AuditEvent.action.like("kinds.%")).order_by(AuditEvent.id))
    )


def counts_of(page: str, title: str) -> str:
    """What a trial says of one kind."""
    found = re.search(rf'people-name">{title}</span>\s*<span>([^<]+)</span>', page)
    assert found, page
    return found[1]


# --- who may ------------------------------------------------------------------------------------------------------


def test_curators_read_the_rules_and_only_administrators_change_them(admin: FlaskClient, launch_as: LaunchAs) -> None:
    curator = launch_as("curator")
    page = curator.get(f"{curator.home}{HERE}").text
    assert "role here: teacher and years of teaching at most 3" in page
    assert "The administrator changes the rules" in page
    assert "Change and try out" not in page
    for path in ("young-teacher", "years"):
        assert curator.get(f"{curator.home}{HERE}{path}").status_code == 403
    for who in ("student001", "teacher01"):
        client = launch_as(who)
        assert client.get(f"{client.home}{HERE}").status_code == 403
    assert admin.get(f"{admin.home}{HERE}young-teacher").status_code == 200


def test_the_rules_are_plain_sentences_with_the_people_in_the_bases(admin: FlaskClient) -> None:
    page = admin.get(f"{admin.home}{HERE}").text
    assert "role here: student and year of study at least 3" in page
    assert "role in Moodle: teacher and department like “*работодател*”" in page
    assert "in the base: 200" in page
    assert "in the base: 6" in page
    assert "If not enough is known: yes." in page


# --- trying out ---------------------------------------------------------------------------------------------------


def test_a_rule_is_tried_out_on_everybody_with_names_before_anything_is_saved(
    admin: FlaskClient, session: Session, person_of: PersonOf, moodle: PracticeMoodle
) -> None:
    teacher = next(one for one in moodle.college.teachers if one.fields.get("experience") in ("4", "5"))

    page = send(admin, f"{HERE}young-teacher", do="try", **YOUNG_UP_TO_5).text

    assert "Nothing is saved yet" in page
    count = sum(one.fields.get("experience") in ("4", "5") for one in moodle.college.teachers)
    assert counts_of(page, "Young teacher, as a mentee") == f"now 6 → {6 + count}"
    assert counts_of(page, "Teacher, as a mentor") == f"now 15 → {15 - count}"
    assert counts_of(page, "Student, as a mentee") == "200, as now"
    assert person_of(teacher.username).name in page
    assert 'value="5"' in page, "what was filled in stays"
    assert mentee_of(session, person_of(teacher.username)) is None
    assert trail(session) == ["kinds.tried"]
    rule = placing.ruleset_of(session, person_of(teacher.username).platform_id).rules["young-teacher"]
    assert rule.ways[0][1].value == "3"


def test_everybody_of_whom_a_trial_tells_is_named_in_pages_and_in_a_file(
    admin: FlaskClient, session: Session, person_of: PersonOf, moodle: PracticeMoodle
) -> None:
    nobody = {"what-0-0": "role:is:student", "what-0-1": "group:like", "value-0-1": "НЕТ", "when_unknown": "no"}
    students = [person_of(one.username).name for one in moodle.college.students]

    first = send(admin, f"{HERE}student", do="try", **nobody).text
    assert all(name in first for name in students[:100])
    assert "Page 1 of 2" in first
    assert 'form="trial-form" name="at" value="student going 2"' in first
    second = send(admin, f"{HERE}student", at="student going 2", **nobody).text
    assert "Page 2 of 2" in second
    assert all(name in second for name in students[100:])
    assert 'value="student going 1"' in second
    assert 'value="НЕТ"' in second, "what was filled in stays, and is not saved"
    for nonsense in ("student going 99999999999", "student going x", "wizard", ""):
        assert "of 2" in send(admin, f"{HERE}student", at=nonsense, **nobody).text

    page = admin.get(f"{admin.home}{HERE}student").text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    saved = admin.post(f"{admin.home}{HERE}student", data={"csrf_token": token[1], "do": "csv", **nobody})
    heads, *rows = list(csv.reader(io.StringIO(saved.data.decode("utf-8-sig")), delimiter=";"))
    assert heads == ["Family name, given name, patronymic", "Group", "Who is who", "What would change"]
    gone = [row for row in rows if row[2:] == ["Student, as a mentee", "Would go"]]
    assert sorted(row[0] for row in gone) == sorted(students)
    session.commit()
    event = session.scalars(select(AuditEvent).where(AuditEvent.action == "base.exported")).one()
    assert (event.subject, event.details["count"]) == ("base:trial", 200)
    assert set(trail(session)) == {"kinds.tried"}, "nothing is saved by all this"


def test_a_trial_says_how_many_stay_for_somebody_has_decided_on_them(
    admin: FlaskClient, session: Session, person_of: PersonOf, synced: Course, moodle: PracticeMoodle
) -> None:
    curator = person_of("curator")
    young = mentee_of(session, person_of("teacher01"))
    at = service.desk(session, platform_id=synced.platform_id, course_id=synced.id, actor_id=curator.id, day=TODAY)
    service.move_mentees(session, at, [young.id], MenteeAction.NEED)
    session.commit()
    nobody = {**YOUNG_UP_TO_5, "value-0-1": "0", "what-0-2": "age:at-least", "value-0-2": "99"}
    page = send(admin, f"{HERE}young-teacher", do="try", **nobody).text
    assert counts_of(page, "Young teacher, as a mentee") == "now 6 → 0"
    assert "1 of them stays in the bases as they are" in page


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"what-0-0": "experience:at-most", "value-0-0": "три"}, "Write a number of full years"),
        ({"what-0-0": "group:like", "value-0-0": ""}, "Write a pattern"),
        ({"what-0-0": "group:like", "value-0-0": "ё" * 250}, "no more than 200 characters"),
        ({"what-0-0": "group:like", "value-0-0": "{курс}"}, "only for the year of study"),
        ({"what-0-0": "nonsense:x"}, "This cannot be compared so"),
        ({"what-0-0": "role:is:admin"}, "short name in Moodle"),
        ({}, "Fill in at least one condition"),
    ],
)
@pytest.mark.parametrize("do", ["try", "save"])
def test_a_rule_that_cannot_be_is_shown_again_with_what_to_mend(
    admin: FlaskClient, session: Session, fields: dict[str, str], says: str, do: str
) -> None:
    answer = send(admin, f"{HERE}senior-student", do=do, **fields)
    assert answer.status_code == 422
    assert says in answer.text
    assert trail(session) == []


# --- saving and applying ------------------------------------------------------------------------------------------


def test_a_saved_rule_applies_at_once_when_asked_and_writes_nothing_the_second_time(
    admin: FlaskClient, session: Session, person_of: PersonOf, synced: Course, moodle: PracticeMoodle
) -> None:
    teacher = next(one for one in moodle.college.teachers if one.fields.get("experience") in ("4", "5"))
    told = send(admin, f"{HERE}young-teacher", do="save", **YOUNG_UP_TO_5).text
    assert "Saved. It applies at the next load" in told
    assert "not everybody has been looked at with them yet" in told
    person = person_of(teacher.username)
    assert mentee_of(session, person) is None

    page = send(admin, f"{HERE}apply", HERE).text

    count = sum(one.fields.get("experience") in ("4", "5") for one in moodle.college.teachers)
    assert f"new mentee candidates: {count}, candidates moved: {count}" in page
    assert "not everybody has been looked at" not in page
    assert (mentee_of(session, person).kind, mentee_of(session, person).placed) == (
        MenteeKind.YOUNG_TEACHER,
        Placed.RULES,
    )
    assert (mentor_of(session, person).state, mentor_of(session, person).placed) == (
        MentorState.WITHDRAWN,
        Placed.OUT,
    )
    assert trail(session) == ["kinds.changed", "kinds.applied"]
    session.rollback()
    with statements(session) as sent:
        counts = kinds.apply(synced.platform_id, TODAY)
    assert {name: count for name, count in counts.items() if name != "people" and count} == {}
    assert [one.split(" SET ")[0] for one in sent if not one.startswith("SELECT")] == ["UPDATE kind_rules"]


def test_rules_taken_back_bring_back_those_whom_they_took_out(
    admin: FlaskClient, session: Session, person_of: PersonOf, synced: Course, moodle: PracticeMoodle
) -> None:
    teacher = next(one for one in moodle.college.teachers if one.fields.get("experience") in ("4", "5"))
    send(admin, f"{HERE}young-teacher", do="save", **YOUNG_UP_TO_5)
    kinds.apply(synced.platform_id, TODAY)
    usual = {**YOUNG_UP_TO_5, "value-0-1": "3"}
    send(admin, f"{HERE}young-teacher", do="save", **usual)
    kinds.apply(synced.platform_id, TODAY)
    person = person_of(teacher.username)
    assert mentor_of(session, person).state is MentorState.CANDIDATE
    assert (mentee_of(session, person).state, mentee_of(session, person).placed) == (
        MenteeState.WITHDRAWN,
        Placed.OUT,
    )


def test_the_next_load_applies_a_saved_rule_too(
    admin: FlaskClient, session: Session, person_of: PersonOf, synced: Course, moodle: PracticeMoodle
) -> None:
    teacher = next(one for one in moodle.college.teachers if one.fields.get("experience") in ("4", "5"))
    send(admin, f"{HERE}young-teacher", do="save", **YOUNG_UP_TO_5)
    enrolments.sync_course(synced.id)
    assert mentee_of(session, person_of(teacher.username)).kind is MenteeKind.YOUNG_TEACHER


def test_nobody_whom_a_curator_has_decided_on_is_moved(
    admin: FlaskClient, session: Session, person_of: PersonOf, synced: Course
) -> None:
    curator = person_of("curator")
    at = service.desk(session, platform_id=synced.platform_id, course_id=synced.id, actor_id=curator.id, day=TODAY)
    people = [person_of(f"student00{number}") for number in range(1, 5)]
    needs, back, out, left = (mentee_of(session, person) for person in people)
    service.move_mentees(session, at, [needs.id, back.id], MenteeAction.NEED)
    service.move_mentees(session, at, [back.id], MenteeAction.RETURN)
    service.move_mentees(session, at, [out.id], MenteeAction.WITHDRAW)
    by_hand = service.add_mentor(session, at, people[3].id, MentorKind.STUDENT)
    session.commit()
    nobody = {"what-0-0": "age:at-least", "value-0-0": "99", "when_unknown": "no", "enters": "yes"}
    for kind in ("student", "senior-student"):
        send(admin, f"{HERE}{kind}", do="save", **nobody)
    kinds.apply(synced.platform_id, TODAY)
    session.commit()
    session.expire_all()
    assert [one.state for one in (needs, back, out)] == [
        MenteeState.NEEDS,
        MenteeState.CANDIDATE,
        MenteeState.WITHDRAWN,
    ]
    assert (left.state, left.placed) == (MenteeState.WITHDRAWN, Placed.OUT), "whom only the rules had put there"
    assert by_hand.state is MentorState.CANDIDATE
    everybody = {"what-0-0": "role:is:student", "when_unknown": "no", "enters": "yes"}
    send(admin, f"{HERE}student", do="save", **everybody)
    kinds.apply(synced.platform_id, TODAY)
    session.commit()
    session.expire_all()
    assert (out.state, left.state) == (MenteeState.WITHDRAWN, MenteeState.CANDIDATE)


def test_whose_data_were_erased_is_nobody_to_the_rules(
    admin: FlaskClient, session: Session, person_of: PersonOf, synced: Course, moodle: PracticeMoodle
) -> None:
    teachers = [one for one in moodle.college.teachers if one.fields.get("experience") in ("4", "5")]
    erased, withheld = person_of(teachers[0].username), person_of(teachers[1].username)
    erased.erased_at, withheld.withheld = now(), True
    session.commit()
    page = send(admin, f"{HERE}young-teacher", do="try", **YOUNG_UP_TO_5).text
    assert counts_of(page, "Young teacher, as a mentee") == "6, as now", "there are no others of so many years"
    send(admin, f"{HERE}young-teacher", do="save", **YOUNG_UP_TO_5)
    kinds.apply(synced.platform_id, TODAY)
    assert mentee_of(session, erased) is None
    assert mentee_of(session, withheld) is None


def test_senior_students_offer_themselves_and_others_are_not_asked(
    admin: FlaskClient, session: Session, launch_as: LaunchAs, moodle: PracticeMoodle, person_of: PersonOf
) -> None:
    by_year = {person.institution.split("-")[1][0]: person for person in moodle.college.students}
    young, old = launch_as(by_year["1"].username), launch_as(by_year["4"].username)
    assert "I want to be a mentor" not in young.get(young.home).text
    assert young.get(f"{young.home}my-mentor-profile").status_code == 404
    assert "I want to be a mentor" in old.get(old.home).text
    send(admin, f"{HERE}senior-student", do="save", **{"what-0-0": "role:is:student", "when_unknown": "no"})
    assert "I want to be a mentor" in young.get(young.home).text


def test_seniors_may_be_candidates_by_themselves_where_the_college_wants_it(
    admin: FlaskClient, session: Session, synced: Course, moodle: PracticeMoodle, person_of: PersonOf
) -> None:
    fourth = [one for one in moodle.college.students if re.match(r"(ИС|ТМ)-4", one.institution)]
    page = send(admin, f"{HERE}senior-student", do="try", **SENIORS_BY_GROUP, enters="yes").text
    assert f"→ {len(fourth)}" in counts_of(page, "Senior student, as a mentor")
    send(admin, f"{HERE}senior-student", do="save", **SENIORS_BY_GROUP, enters="yes")
    assert kinds.apply(synced.platform_id, TODAY)["mentors"] == len(fourth)
    assert fourth
    assert mentor_of(session, person_of(fourth[0].username)).kind is MentorKind.STUDENT


def test_the_employers_rule_changes_roles_in_courses_too(
    admin: FlaskClient, session: Session, synced: Course, person_of: PersonOf
) -> None:
    employer = person_of("employer01")
    assert membership_of(session, employer, synced).roles == ["employer"]
    by_role_only = {"what-0-0": "role:is:employer", "when_unknown": "no", "enters": "yes"}
    page = send(admin, f"{HERE}employer", do="try", **by_role_only).text
    assert "Roles in courses" in page
    assert counts_of(page, "employer's mentor") == "now 10 → 0"
    send(admin, f"{HERE}employer", do="save", **by_role_only)
    counts = kinds.apply(synced.platform_id, TODAY)
    assert (counts["roles"], counts["revised"]) == (10, 10)
    assert membership_of(session, employer, synced).roles == ["teacher"]
    assert mentor_of(session, employer).kind is MentorKind.TEACHER


def test_a_corrected_birth_date_wins_over_moodles_in_each_load(
    admin: FlaskClient,
    launch_as: LaunchAs,
    session: Session,
    moodle: PracticeMoodle,
    synced: Course,
    person_of: PersonOf,
) -> None:
    """The college counts teachers of seventy and more as employers' people; Moodle has a slip in one's date."""
    old = next(one for one in moodle.college.teachers if int(one.fields.get("experience") or 0) > 10)
    old.fields["birthdate"] = str(moodle.college.midnight(date(1940, 1, 15)))
    rule = {"what-0-0": "moodle-role:is", "value-0-0": "editingteacher", "what-0-1": "age:at-least", "value-0-1": "70"}
    send(admin, f"{HERE}employer", do="save", **rule, when_unknown="no", enters="yes")
    enrolments.sync_course(synced.id)
    teacher = person_of(old.username)
    assert membership_of(session, teacher, synced).roles == ["employer"]
    curator = launch_as("curator")
    correct(curator, synced, teacher, birth_date="1990-01-15")
    enrolments.sync_course(synced.id)
    assert person_of(old.username).birth_date == date(1990, 1, 15)
    assert membership_of(session, teacher, synced).roles == ["teacher"]
    assert mentor_of(session, teacher).kind is MentorKind.TEACHER
    with statements(session) as sent:
        enrolments.sync_course(synced.id)
    assert [statement.split(" SET ")[0] for statement in writes(sent)] == ["UPDATE course"], "and stays so"

    correct(curator, synced, teacher, birth_date="")
    enrolments.sync_course(synced.id)
    assert membership_of(session, teacher, synced).roles == ["teacher"], "not known is what the curator says, too"

    post = f"people/{teacher.id}/as-in-moodle"
    send(curator, post, f"people/{teacher.id}/")
    enrolments.sync_course(synced.id)
    assert membership_of(session, teacher, synced).roles == ["employer"]
    assert mentor_of(session, teacher).kind is MentorKind.EMPLOYER


# --- the year of study --------------------------------------------------------------------------------------------


def test_the_year_of_study_is_tried_out_on_the_colleges_groups(admin: FlaskClient, session: Session) -> None:
    page = admin.get(f"{admin.home}{HERE}years").text
    assert re.search(r"ИС-11</th>\s*<td>25</td>\s*<td>1", page)
    page = send(admin, f"{HERE}years", do="try", years="@-#{курс}").text
    assert "now: 4" in page
    assert "→" in counts_of(page, "Senior student, as a mentor")
    wrong = send(admin, f"{HERE}years", do="save", years="ИС-*")
    assert (wrong.status_code, "one place for the year" in wrong.text) == (422, True)
    told = send(admin, f"{HERE}years", do="save", years="@-{курс}*").text
    assert "Saved." in told
    assert "@-{курс}*" in told


# --- several courses, several platforms ---------------------------------------------------------------------------


def test_all_courses_of_a_person_count_whichever_was_loaded_last(
    session: Session, synced: Course, platform: Platform, moodle: PracticeMoodle, person_of: PersonOf
) -> None:
    """A teacher who learns in another course is no student mentee there and teacher here by turns."""
    teacher = next(one for one in moodle.college.teachers if one.fields.get("experience") == "1")
    moodle.college.enrol(teacher, 3, "student")
    other = a_course(session, platform, 3)
    seen = []
    for course in (synced, other, synced, other):
        enrolments.sync_course(course.id)
        mentee = mentee_of(session, person_of(teacher.username))
        seen.append((mentee.kind, mentee.state))
    assert set(seen) == {(MenteeKind.YOUNG_TEACHER, MenteeState.CANDIDATE)}


def test_the_page_costs_the_same_whatever_the_number_of_people(admin: FlaskClient, session: Session) -> None:
    session.commit()
    with statements(session) as sent:
        assert admin.get(f"{admin.home}{HERE}").status_code == 200
    assert len(sent) <= 10, sent


# --- speciality and year of study in the list and on a person's page ----------------------------------------------


def test_the_base_shows_speciality_and_year_and_filters_by_speciality(
    launch_as: LaunchAs, session: Session, synced: Course, moodle: PracticeMoodle, person_of: PersonOf
) -> None:
    student = next(one for one in moodle.college.students if "-3" in one.institution)
    there = [one for one in moodle.college.students if one.department == student.department]
    curator = launch_as("curator")
    page = curator.get(f"{curator.home}base/", query_string={"specialty": student.department}).text
    assert f"of {len(there)}" in page
    assert f'<option value="{student.department}" selected>{student.department}</option>' in page
    one = curator.get(f"{curator.home}base/", query_string={"search": f"{student.lastname} {student.firstname}"}).text
    assert student.department in one
    assert "year 3" in one
    record = curator.get(f"{curator.home}people/{person_of(student.username).id}/").text
    assert re.search(r"Year of study</dt><dd[^>]*>3<", record)
    saved = curator.get(f"{curator.home}base/mentees.csv", query_string={"specialty": student.department})
    lines = saved.get_data().decode("utf-8-sig").splitlines()
    assert len(lines) == len(there) + 1
    assert any(line.startswith(f"{student.lastname} {student.firstname}") and ";3;" in line for line in lines)


def test_profile_fields_may_tell_the_year_and_the_speciality(
    session: Session,
    synced: Course,
    platform: Platform,
    moodle: PracticeMoodle,
    person_of: PersonOf,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("kurs", "spec"):
        monkeypatch.setitem(PROFILE_FIELDS, name, ProfileField("text", name))
    first, second = moodle.college.students[:2]
    first.fields |= {"kurs": "IV курс", "spec": "Логистика"}
    second.fields |= {"kurs": "второй"}
    session.get_one(Platform, platform.id).profile_fields = {"study_year": "kurs", "specialty": "spec"}
    session.commit()
    report = enrolments.sync_course(synced.id)
    person = person_of(first.username)
    assert (person.study_year, person.specialty, person.department) == (4, "Логистика", first.department)
    assert placing.of_person(session, person.id, TODAY).mentor is MentorKind.STUDENT
    assert report.counts()["problems"]["study-year"] == {"count": 1, "people": [str(second.id)]}
    assert person_of(second.username).study_year is None
