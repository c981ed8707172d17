"""The sample college is the one that tests and the demo count on, and changes as an office would change it."""

import time
from collections import Counter
from datetime import date, datetime

import pytest

from tests.practice_moodle import CollegeError, a_college
from tests.practice_moodle.sample import feminine


def test_it_has_the_people_of_a_college() -> None:
    college = a_college()
    assert [len(people) for people in (college.students, college.teachers, college.employers)] == [200, 20, 10]
    everybody, firstyears = college.courses[2], college.courses[3]
    assert len(everybody.enrolments) == 231
    assert 0 < len(firstyears.enrolments) < 100
    assert everybody.enrolments[college.curators[0].id].roles == ("editingteacher", "curator")
    assert college.admin.id not in everybody.enrolments
    roles = Counter(everybody.enrolments[person.id].roles for person in college.teachers)
    assert roles[("editingteacher",)] >= 5
    assert roles[("teacher",)] >= 5
    assert {everybody.enrolments[person.id].roles for person in college.employers} == {("teacher",)}
    assert {person.department for person in college.employers} == {"Наставник от работодателя"}


def test_young_teachers_and_teachers_who_never_said_are_among_them() -> None:
    teachers = a_college().teachers
    experience = [int(person.fields["experience"]) for person in teachers if "experience" in person.fields]
    assert len(experience) == 18
    assert sum(years <= 3 for years in experience) >= 4


def test_students_are_fifteen_to_twenty_on_the_first_of_september() -> None:
    college = a_college()
    for student in college.students:
        born = datetime.fromtimestamp(int(student.fields["birthdate"]), college.zone)
        assert (born.hour, born.minute) == (0, 0)
        age = 2026 - born.year - ((born.month, born.day) > (9, 1))
        assert 15 <= age <= 20


def test_the_same_arguments_give_the_same_college() -> None:
    one, two = a_college(), a_college()
    assert one.people == two.people
    assert [one.feedbacks[number].attempts for number in one.feedbacks] == [
        two.feedbacks[number].attempts for number in two.feedbacks
    ]
    assert a_college(seed=1).people != one.people


def test_every_student_is_in_one_group_of_the_main_course() -> None:
    college = a_college()
    course = college.courses[2]
    for student in college.students:
        [group] = course.groups_of(student)
        assert (group.name, group.description) == (student.institution, student.department)
    assert {len(group.members) for group in course.groups.values()} == {25}


def test_surveys_are_answered_and_one_anonymous_one_by_fewer_than_five() -> None:
    college = a_college()
    for course in (2, 3):
        kinds = Counter((feedback.anonymous, feedback.asked) for feedback in college.feedbacks_of(course))
        assert kinds == {(False, "student"): 2, (True, "mentors"): 1}
    answered = {feedback.id: len(feedback.attempts) for feedback in college.feedbacks.values()}
    few = [number for number, count in answered.items() if count < 5]
    assert [college.feedbacks[number].anonymous for number in few] == [True]
    assert answered[1] == 140
    assert all(len(feedback.attempts) < len(college.asked(feedback)) for feedback in college.feedbacks.values())


@pytest.mark.parametrize(
    ("man", "woman"),
    [("Иванов", "Иванова"), ("Королёв", "Королёва"), ("Ильин", "Ильина"), ("Дубровский", "Дубровская"),
     ("Коваленко", "Коваленко"), ("Ким", "Ким"), ("Мельник", "Мельник")],
)  # fmt: skip
def test_family_names_agree_in_gender(man: str, woman: str) -> None:
    assert feminine(man) == woman


def test_a_college_of_two_hundred_is_made_at_once() -> None:
    a_college()
    started = time.perf_counter()
    a_college()
    # Takes 0.03 s where it was written; the limit only catches something quadratic.
    assert time.perf_counter() - started < 2


def test_one_who_leaves_loses_groups_and_may_come_back() -> None:
    college = a_college()
    student, course = college.students[0], college.courses[2]
    [group] = course.groups_of(student)
    college.unenrol(student, course)
    assert student.id not in course.enrolments
    assert course.groups_of(student) == []
    with pytest.raises(CollegeError):
        college.unenrol(student, course)
    college.enrol(student, course, "student", groups=[group])
    assert course.groups_of(student) == [group]


def test_an_answer_must_fit_the_survey_and_be_the_only_one() -> None:
    college = a_college()
    feedback = college.feedbacks[1]
    person = next(person for person in college.asked(feedback) if person.id not in feedback.attempts)
    with pytest.raises(CollegeError, match="4 questions"):
        college.answer(feedback, person, [5])
    with pytest.raises(CollegeError, match="option"):
        college.answer(feedback, person, [5, 5, 6, ""])
    college.answer(feedback, person, [5, 4, 3, "Спасибо"], when=college.midnight(date(2026, 11, 20)))
    assert list(feedback.attempts[person.id].values.values()) == ["5", "4", "3", "Спасибо"]
    with pytest.raises(CollegeError, match="already"):
        college.answer(feedback, person, [5, 4, 3, ""])
    with pytest.raises(CollegeError, match="not enrolled"):
        college.answer(feedback, college.admin, [5, 4, 3, ""])
