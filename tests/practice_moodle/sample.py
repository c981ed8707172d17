"""The sample college: `a_college()` makes the people, courses, groups and answered surveys, the same at every start."""

import functools
import random
from datetime import date, timedelta
from pathlib import Path

from .college import College, Course, Feedback, Person

SPECIALITIES = (
    ("ИС", "09.02.07 Информационные системы и программирование"),
    ("ТМ", "15.02.16 Технология машиностроения"),
    ("СВ", "15.01.05 Сварщик (ручной и частично механизированной сварки)"),
    ("ПД", "43.02.15 Поварское и кондитерское дело"),
)
AGES_BY_STUDY_YEAR = {1: (15, 16), 2: (16, 17), 3: (17, 18), 4: (18, 20)}
"""Ages on 1 September; someone of the fourth study year may turn 21 only in the next school year."""

EMPLOYERS = (
    "АО «Ротор»",
    "ООО «Софт-Лайн»",
    "ПАО «Станкомаш»",
    "ООО «Литейный двор»",
    "АО «Комбинат питания № 3»",
    "ООО «Северсталь-Монтаж»",
    "ИП Гончаренко",
    "АО «Приборостроительный завод»",
    "ООО «Цифровая верфь»",
    "ООО «Пекарня на Садовой»",
)
COLLEGE = "Политехнический колледж"
COMMISSIONS = (
    "ПЦК информационных технологий",
    "ПЦК технологии машиностроения",
    "ПЦК общеобразовательных дисциплин",
    "ПЦК технологии питания",
)
EXPERIENCE = (0, 2, 4, 6, 8, None, None, 1, 3, 11, 15, 0, 22, 7, 18, 31, 5, 2, 27, 12)
"""Years of work of the teachers in turn: six are young specialists (0-3 years), two never filled the field
in."""

TEACHER_ROLES = ("editingteacher",) * 5 + ("teacher",) * 2
"""Roles of the teachers in turn."""


@functools.cache
def names(kind: str) -> tuple[str, ...]:
    """The names of a kind in names.txt: 'male', 'female' (first names) or 'family' (in the man's form)."""
    text = Path(__file__).with_name("names.txt").read_text(encoding="utf-8")
    return tuple(text.partition(f"[{kind}]")[2].partition("[")[0].split())


def feminine(family_name: str) -> str:
    """The woman's form of a Russian family name given in the man's; names like Коваленко, Ким and Мельник
    have one form."""
    if family_name.endswith("ий"):
        return family_name[:-2] + "ая"
    if family_name.endswith(("ов", "ев", "ёв", "ин", "ын")):
        return family_name + "а"
    return family_name


def a_name(rng: random.Random) -> tuple[str, str]:
    """A first and a family name that agree in gender."""
    family_name = rng.choice(names("family"))
    if rng.random() < 0.5:
        return rng.choice(names("female")), feminine(family_name)
    return rng.choice(names("male")), family_name


def a_birth_date(rng: random.Random, study_year: int, school_year: int) -> date:
    """A day that makes a student of this study year as old as such students are on 1 September."""
    age = rng.randint(*AGES_BY_STUDY_YEAR[study_year])
    return date(school_year - age, 9, 1) - timedelta(days=rng.randrange(365))


def a_college(
    students: int = 200,
    teachers: int = 20,
    employers: int = 10,
    *,
    groups: int | None = None,
    year: int = 2026,
    seed: int = 2026,
    zone: str = "Europe/Moscow",
) -> College:
    """A college with two courses: 2 «Наставничество» with everybody, 3 «Адаптация первокурсников» with a
    part.

    `groups` are study groups, by default one for 25 students (at least two); they take turns in study year (1
    to 4) and speciality. The same arguments give the same college, down to ids and answers.
    """
    rng = random.Random(seed)
    college = College(year=year, zone=zone)
    school_year = f"{year}/{(year + 1) % 100:02d}"
    main = college.add_course(
        f"Наставничество {school_year}",
        "MENTOR",
        "Программа наставничества колледжа: пары, встречи, анкеты.\nКурс для наставников, наставляемых и куратора.",
    )
    firstyear = college.add_course(
        "Адаптация первокурсников", "ADAPT", "Первые месяцы в колледже: знакомство, правила, помощь старших."
    )
    _add_students(college, rng, students, groups or max(2, round(students / 25)), main, firstyear)
    _add_staff(college, rng, teachers, employers, main, firstyear)
    _add_activities(college, rng, main, firstyear)
    return college


def add_school(college: College, seed: int = 2026) -> Course:
    """«Школа наставника», a course in which the college trains its mentors, with completion tracked.

    Experienced teachers and employers' people are enrolled, as students: Moodle tracks nobody else. Three of four have
    completed it, most of the others are halfway. The same college gets the same school.
    """
    rng = random.Random(seed)
    school = college.add_course(
        "Школа наставника", "SCHOOL", "Четыре занятия и итоговый тест для наставников колледжа."
    )
    school.completion = ("Занятия школы наставника", "Итоговый тест")
    novices = {person.id for person in college.teachers if person.fields.get("experience", "9") in ("0", "1", "2", "3")}
    for place, person in enumerate([*college.teachers, *college.employers]):
        if person.id in novices:
            continue
        college.enrol(person, school, "student")
        when = college.now - 86400 * rng.randint(3, 40)
        if place % 4 != 3:
            college.complete(person, school, when=when)
        elif rng.random() < 0.7:
            college.complete(person, school, "Занятия школы наставника", when=when)
    college.enrol(college.curators[0], school, "editingteacher")
    return school


def _add_students(
    college: College, rng: random.Random, students: int, groups: int, main: Course, firstyear: Course
) -> None:
    numbers: dict[tuple[str, int], int] = {}
    first_years: list[tuple[str, str, list[Person]]] = []
    width = max(2, len(str(students)))
    for position in range(groups):
        study_year = position % 4 + 1
        code, speciality = SPECIALITIES[(position + position // 4) % len(SPECIALITIES)]
        numbers[code, study_year] = numbers.get((code, study_year), 0) + 1
        name = f"{code}-{study_year}{numbers[code, study_year]}"
        members = []
        for n in range(position * students // groups + 1, (position + 1) * students // groups + 1):
            firstname, lastname = a_name(rng)
            person = college.add_person(
                f"student{n:0{width}d}",
                firstname,
                lastname,
                idnumber=f"ST-{college.year}-{n:04d}",
                department=speciality,
                institution=name,
                fields={"birthdate": str(college.midnight(a_birth_date(rng, study_year, college.year)))},
                firstaccess=college.now - 86400 * rng.randint(20, 80),
                lastaccess=college.now - 60 * rng.randint(1, 20000),
            )
            college.enrol(person, main, "student")
            members.append(person)
        college.students += members
        college.add_group(main, name, speciality, members)
        if study_year == 1:
            first_years.append((name, speciality, members))
    for name, speciality, members in first_years:
        for person in members:
            college.enrol(person, firstyear, "student")
        college.add_group(firstyear, name, speciality, members)


def _add_staff(
    college: College, rng: random.Random, teachers: int, employers: int, main: Course, firstyear: Course
) -> None:
    for n in range(teachers):
        firstname, lastname = a_name(rng)
        experience = EXPERIENCE[n % len(EXPERIENCE)]
        person = college.add_person(
            f"teacher{n + 1:02d}",
            firstname,
            lastname,
            idnumber=f"TE-{n + 1:03d}",
            department=COMMISSIONS[n % len(COMMISSIONS)],
            institution=COLLEGE,
            fields={} if experience is None else {"experience": str(experience)},
        )
        role = TEACHER_ROLES[n % len(TEACHER_ROLES)]
        college.enrol(person, main, role)
        if n % 3 == 0:
            college.enrol(person, firstyear, role)
        college.teachers.append(person)
    for n in range(employers):
        firstname, lastname = a_name(rng)
        person = college.add_person(
            f"employer{n + 1:02d}",
            firstname,
            lastname,
            idnumber=f"EM-{n + 1:03d}",
            department="Наставник от работодателя",
            institution=EMPLOYERS[n % len(EMPLOYERS)],
        )
        college.enrol(person, main, "teacher")
        college.employers.append(person)
    curator = college.add_person(
        "curator",
        "Ольга",
        "Сергеева",
        idnumber="CU-001",
        department="Воспитательная работа",
        institution=COLLEGE,
        fields={"experience": "14"},
    )
    for course in (main, firstyear):
        college.enrol(curator, course, "editingteacher", "curator")
    college.curators.append(curator)


def _add_activities(college: College, rng: random.Random, main: Course, firstyear: Course) -> None:
    mentees = [
        ("q1", "Наставник помогает мне в учёбе и практике", "rating"),
        ("q2", "Мне понятны задачи на неделю", "rating"),
        ("q3", "Я удовлетворён(а) участием в программе", "rating"),
        ("comment", "Что улучшить в программе?", "text"),
    ]
    mentors = [
        ("m1", "Я удовлетворён(а) взаимодействием с наставляемым", "rating"),
        ("m2", "Какая поддержка нужна наставнику?", "text"),
    ]
    beginning = [
        ("b1", "Мне есть к кому обратиться за помощью в колледже", "rating"),
        ("b2", "Я понимаю, чему научусь в этом году", "rating"),
        ("b3", "Я удовлетворён(а) началом учебного года", "rating"),
        ("wish", "Чего вы ждёте от наставника?", "text"),
    ]
    after = college.add_feedback(
        main, "Удовлетворённость наставляемых", mentees, anonymous=False, asked="student", completion=True
    )
    of_mentors = college.add_feedback(main, "Опрос наставников (анонимно)", mentors, anonymous=True, asked="mentors")
    college.add_module(main, "quiz", "Тест для проверки", section=2)
    college.add_choice(main, "Выбор времени встречи", ("Понедельник", "Среда", "Пятница"), section=2)
    college.add_module(main, "assign", "Отчёт по практике", section=2)
    before = college.add_feedback(main, "Анкета наставляемых: начало года", beginning, anonymous=False, asked="student")
    settled = college.add_feedback(
        firstyear, "Удовлетворённость первокурсников", mentees, anonymous=False, asked="student"
    )
    of_few_mentors = college.add_feedback(
        firstyear, "Опрос наставников первокурсников (анонимно)", mentors, anonymous=True, asked="mentors"
    )
    arrived = college.add_feedback(
        firstyear, "Анкета первокурсника: сентябрь", beginning, anonymous=False, asked="student"
    )
    day = 86400
    _answer(college, rng, after, share=0.7, satisfied=0.8, since=college.now - 20 * day)
    _answer(college, rng, of_mentors, share=0.6, satisfied=0.75, since=college.now - 15 * day)
    _answer(college, rng, before, share=0.9, satisfied=0.55, since=college.now - 75 * day)
    _answer(college, rng, settled, share=0.7, satisfied=0.7, since=college.now - 20 * day)
    _answer(college, rng, of_few_mentors, share=0, satisfied=1, since=college.now - 10 * day, at_least=3)
    _answer(college, rng, arrived, share=0.9, satisfied=0.5, since=college.now - 75 * day)


COMMENTS = {
    "student": (
        "Всё нравится.",
        "Нужны понятные сроки задач.",
        "Хочу больше практики на предприятии.",
        "",
        "Больше встреч с наставником.",
    ),
    "mentors": (
        "Нужны методические материалы.",
        "",
        "Отдельная аудитория для встреч.",
        "Обучение для наставников.",
    ),
}


def _answer(
    college: College,
    rng: random.Random,
    feedback: Feedback,
    *,
    share: float,
    satisfied: float,
    since: int,
    at_least: int = 0,
) -> None:
    """Lets a share of those asked answer, of whom about `satisfied` rate 4 or 5, within ten days from
    `since`."""
    asked = college.asked(feedback)
    count = min(len(asked), max(at_least, round(len(asked) * share)))
    comments = COMMENTS[feedback.asked]
    for person in rng.sample(asked, count):
        content = rng.random() < satisfied
        values: list[int | str] = [
            (rng.choice((4, 4, 5)) if content else rng.choice((1, 2, 3, 3))) if item.options else rng.choice(comments)
            for item in feedback.items
        ]
        college.answer(feedback, person, values, when=since + rng.randrange(10 * 86400))
