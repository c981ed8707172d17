"""A whole college of people put straight into the database, for measuring at size: no Moodle is asked."""

from datetime import date, timedelta
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from lti_service.access import Role
from lti_service.db import now
from lti_service.pairs.models import Pair, PairMentee, PairState
from lti_service.people.consents.models import Audience, Consent, ConsentText, TextSource, Way
from lti_service.people.employers.models import Agreement, AgreementKind, Employer
from lti_service.people.models import (
    ChosenForm,
    Membership,
    Mentee,
    MenteeState,
    Mentor,
    MentorState,
    Nomination,
    Person,
    Source,
    Support,
)
from lti_service.people.names import search_key
from lti_service.platforms.models import Course
from lti_service.programme.models import Cycle, MenteeKind, MentorKind

FAMILIES = tuple(
    "Иванов Смирнов Кузнецов Попов Васильев Петров Соколов Михайлов Новиков Фёдоров Морозов Волков Алексеев Лебедев "  # noqa: SIM905
    "Семёнов Егоров Павлов Козлов Степанов Николаев Орлов Андреев Макаров Никитин Захаров Зайцев Соловьёв Борисов "
    "Яковлев Григорьев Романов Воробьёв Сергеев Кузьмин Фролов Александров Дмитриев Королёв Гусев Киселёв".split()
)
NAMES = tuple("Анна Борис Вера Глеб Дарья Егор Жанна Захар Инна Кирилл Лидия Максим Нина Олег Полина Роман".split())  # noqa: SIM905
FATHERS = tuple("Андреев Борисов Викторов Глебов Данилов Евгеньев Иванов Львов Михайлов Олегов Павлов Юрьев".split())  # noqa: SIM905
SPECIALTIES = ("Сварочное производство", "Информационные системы", "Технология машиностроения", "Электроснабжение")

STATES = (
    *[MenteeState.CANDIDATE] * 8,
    *[MenteeState.NEEDS] * 4,
    *[MenteeState.PAIRED] * 3,
    *[MenteeState.PROPOSED] * 2,
    MenteeState.FINISHED,
    MenteeState.UNPAIRED,
    MenteeState.WITHDRAWN,
)


def a_crowd(session: Session, course: Course, cycle: Cycle, people: int = 20_000) -> None:
    """Fill a course: of 20 people one is a teacher or an employer's mentor, the others are students.

    Nothing is left to chance, so two databases hold the same.
    """
    keepers = people // 20
    ids = _persons(session, course, people)
    staff, students = ids[:keepers], ids[keepers:]
    _memberships(session, course, staff, students)
    employers = _employers(session, course, max(1, people // 100))
    forms = {form.mentor_kind: form.id for form in cycle.programme.forms}
    mentors = _mentors(session, cycle, staff, students[: people // 20], employers, forms)
    mentees = _mentees(session, cycle, students, {form.mentee_kind: form.id for form in cycle.programme.forms})
    _nominations(session, mentees, staff)
    _support(session, mentees)
    _consents(session, course, ids)
    _pairs(session, course, cycle, mentors, mentees)
    session.flush()


def _persons(session: Session, course: Course, count: int) -> list[int]:
    rows = []
    for number in range(count):
        family = FAMILIES[number % len(FAMILIES)] + ("ский" if number % 7 == 0 else "")
        given = f"{NAMES[number // 3 % len(NAMES)]} {FATHERS[number // 5 % len(FATHERS)]}ич"
        rows.append(
            {
                "platform_id": course.platform_id,
                "moodle_id": str(1_000_000 + number),
                "family_name": family,
                "given_name": given,
                "search_name": search_key(family, given),
                "email": f"user{number}@college.example",
                "department": SPECIALTIES[number % len(SPECIALTIES)],
                "specialty": SPECIALTIES[number % len(SPECIALTIES)],
                "birth_date": date(2004, 1, 1) + timedelta(days=number % 2000),
                "corrected": {"given_name": "Иначе"} if number % 200 == 0 else {},
                "updated_at": now(),
            }
        )
    return _added(session, Person, rows)


def _memberships(session: Session, course: Course, staff: list[int], students: list[int]) -> None:
    def row(person_id: int, number: int, role: Role, groups: str) -> dict[str, Any]:
        return {
            "course_id": course.id,
            "person_id": person_id,
            "roles": [role.value],
            "moodle_roles": [role.value],
            "groups": groups,
            "active": number % 50 != 0,
            "listed": True,
        }

    rows = [row(one, number + 1, Role.TEACHER, "") for number, one in enumerate(staff)]
    # Groups of 25, which people of one family name do not share.
    rows += [row(one, number, Role.STUDENT, f"ИС-{100 + number % 760}") for number, one in enumerate(students)]
    _added(session, Membership, rows)


def _employers(session: Session, course: Course, count: int) -> list[int]:
    rows = []
    for number in range(count):
        employer = Employer(platform_id=course.platform_id, name=f"ООО «Завод № {number}»", created_at=now())
        rows.append({name: value for name, value in vars(employer).items() if not name.startswith("_")})
    ids = _added(session, Employer, rows)
    agreements = [
        {
            "employer_id": one,
            "kind": list(AgreementKind)[number % len(AgreementKind)],
            "number": str(number),
            "signed_on": date(2024, 9, 1),
            "valid_until": date(2026, 9, 1) + timedelta(days=number % 400),
        }
        for number, one in enumerate(ids)
    ]
    _added(session, Agreement, agreements)
    return ids


def _mentors(
    session: Session,
    cycle: Cycle,
    staff: list[int],
    seniors: list[int],
    employers: list[int],
    forms: dict[MentorKind, int],
) -> list[int]:
    kinds = [(one, MentorKind.EMPLOYER if number % 4 == 0 else MentorKind.TEACHER) for number, one in enumerate(staff)]
    kinds += [(one, MentorKind.STUDENT) for one in seniors]
    rows = [
        {
            "cycle_id": cycle.id,
            "person_id": one,
            "kind": kind,
            "state": list(MentorState)[0 if number % 5 == 0 else 1],
            "capacity": 1 + number % 5,
            "employer_id": employers[number % len(employers)] if kind is MentorKind.EMPLOYER else None,
            "asked_at": now() if number % 3 == 0 else None,
            "created_at": now(),
        }
        for number, (one, kind) in enumerate(kinds)
    ]
    ids = _added(session, Mentor, rows)
    chosen = [
        {"mentor_id": one, "form_id": forms[kind]}
        for number, (one, (_person, kind)) in enumerate(zip(ids, kinds, strict=True))
        if kind in forms and number % 2
    ]
    _added(session, ChosenForm, chosen)
    return ids


def _mentees(session: Session, cycle: Cycle, students: list[int], forms: dict[MenteeKind, int]) -> list[int]:
    rows = []
    for number, one in enumerate(students):
        kind = MenteeKind.YOUNG_TEACHER if number % 100 == 0 else MenteeKind.STUDENT
        rows.append(
            {
                "cycle_id": cycle.id,
                "person_id": one,
                "kind": kind,
                "state": STATES[number % len(STATES)],
                "wanted_form_id": forms.get(kind) if number % 3 == 0 else None,
                "request": "Помощь с дипломом и поиском места практики" if number % 4 == 0 else "",
                "asked_at": now() if number % 5 == 0 else None,
                "source": Source.NOMINATION if number % 20 == 0 else Source.MOODLE,
                "special_needs": number % 40 == 0,
                "created_at": now(),
            }
        )
    return _added(session, Mentee, rows)


def _nominations(session: Session, mentees: list[int], staff: list[int]) -> None:
    rows = [
        {"mentee_id": one, "nominated_by": staff[number % len(staff)], "reason": "Пропускает занятия", "at": now()}
        for number, one in enumerate(mentees[::20])
    ]
    _added(session, Nomination, rows)


def _support(session: Session, mentees: list[int]) -> None:
    """With most of those without a pair somebody has talked, with some of them twice."""
    unpaired = [one for number, one in enumerate(mentees) if STATES[number % len(STATES)] is MenteeState.UNPAIRED]
    today = now().date()
    rows = [
        {
            "mentee_id": one,
            "day": today - timedelta(days=20 + number % 60),
            "who": "Психолог Петрова А. С.",
            "agreed": "Встречаться по средам",
            "next_look": None if number % 7 == 0 else today + timedelta(days=number % 60 - 30),
            "created_at": now(),
        }
        for number, one in enumerate(unpaired * 2)
        if number % 3
    ]
    _added(session, Support, rows)


def _consents(session: Session, course: Course, people: list[int]) -> None:
    """Seven of ten agreed, one of them withdrew."""
    [text] = _added(
        session,
        ConsentText,
        [
            {
                "platform_id": course.platform_id,
                "audience": Audience.ADULT,
                "version": 1000,
                "title": "Согласие",
                "text": "Согласен",
                "source": TextSource.COLLEGE,
                "created_at": now(),
            }
        ],
    )
    rows = [
        {
            "person_id": one,
            "text_id": text,
            "way": Way.TOOL if number % 2 else Way.REPRESENTATIVE,
            "given_on": date(2026, 9, 1),
            "grown_if_born_by": date(2008, 9, 1),
            "recorded_at": now(),
            "recorded_by": one,
            "withdrawn_at": now() if number % 10 == 0 else None,
        }
        for number, one in enumerate(people)
        if number % 10 < 7
    ]
    _added(session, Consent, rows)


def _pairs(session: Session, course: Course, cycle: Cycle, mentors: list[int], mentees: list[int]) -> None:
    """Pairs of those whose state says that they have one."""
    states = {
        MenteeState.PAIRED: PairState.ACTIVE,
        MenteeState.PROPOSED: PairState.PROPOSED,
        MenteeState.FINISHED: PairState.FINISHED,
    }
    form = cycle.programme.forms[0].id
    paired = [
        (one, states[state]) for number, one in enumerate(mentees) if (state := STATES[number % len(STATES)]) in states
    ]
    rows = [
        {
            "cycle_id": cycle.id,
            "course_id": course.id,
            "form_id": form,
            "mentor_id": mentors[number % len(mentors)],
            "state": state,
            "proposed_at": now() - timedelta(minutes=number),
        }
        for number, (_mentee, state) in enumerate(paired)
    ]
    ids = _added(session, Pair, rows)
    places = [
        {"pair_id": pair, "mentee_id": mentee, "form_id": form, "is_open": state is not PairState.FINISHED}
        for pair, (mentee, state) in zip(ids, paired, strict=True)
    ]
    _added(session, PairMentee, places)


def _added(session: Session, table: Any, rows: list[dict[str, Any]]) -> list[int]:
    """Put rows in and give their ids in the same order."""
    if not rows:
        return []
    made = session.execute(insert(table).returning(table.id, sort_by_parameter_order=True), rows)
    return list(made.scalars())
