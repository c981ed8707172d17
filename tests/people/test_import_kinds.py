"""What each kind of file says, and to whom: people found, records made, and the reasons when they are not."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from lti_service import db
from lti_service.audit import AuditEvent
from lti_service.db import now
from lti_service.people import service as people
from lti_service.people.consents.models import Consent, Relation, Way
from lti_service.people.employers.models import Agreement, Employer, EmployerContact
from lti_service.people.models import Membership, Mentee, MenteeState, Mentor, Person, Source
from lti_service.platforms.models import Course
from lti_service.programme.models import MenteeKind, MentorKind
from tests.consenting import give_consent, withdraw_consent
from tests.counting import statements
from tests.people.conftest import mentee_of, mentor_of
from tests.people.test_imports import checked, counts, csv_of, curator, load, post, problems, set_born, xlsx
from tests.people.test_pages import token
from tests.practice_moodle import College, PracticeMoodle, a_college

__all__ = ["curator"]

PersonOf = Callable[[str], Person]
LaunchAs = Callable[..., FlaskClient]


@pytest.fixture
def college() -> College:
    return a_college(students=45, teachers=6, employers=3)


def applied(client: FlaskClient, what: str, data: bytes) -> None:
    """Check a file and apply it."""
    address = checked(client, what, data)
    response = post(client, address + "apply")
    assert response.status_code == 200, response.text


def change(session: Session, person: Person, **values: Any) -> None:
    session.commit()
    session.execute(update(Person).where(Person.id == person.id).values(**values))
    session.commit()


# --- who it is ----------------------------------------------------------------------------------------------------


def test_people_are_found_by_number_address_or_name(
    curator: FlaskClient, session: Session, person_of: PersonOf
) -> None:
    one, other, third = (person_of(f"student0{n}") for n in (1, 2, 3))
    change(session, third, given_name="Пётр Ильич", family_name="Ёжиков", search_name="ежиков петр ильич")
    data = xlsx(
        ("Номер в Moodle", "E-mail", "Фамилия", "Имя", "Дата рождения"),
        (int(one.moodle_id or 0), "", "", "", "1.2.2008"),
        ("", other.email.upper(), other.family_name, "", "2.2.2008"),
        ("", "personal@mail.ru", "ЕЖИКОВ", "Петр", "3.2.2008"),
    )
    applied(curator, "births", data)
    born = [session.scalar(select(Person.birth_date).where(Person.id == one.id)) for one in (one, other, third)]
    assert born == [date(2008, 2, 1), date(2008, 2, 2), date(2008, 2, 3)]


def test_two_people_with_one_address_or_name_are_both_named(
    curator: FlaskClient, session: Session, person_of: PersonOf
) -> None:
    one, other, third, fourth = (person_of(f"student0{n}") for n in (1, 2, 3, 4))
    change(session, other, email=one.email)
    for namesake in (third, fourth):
        change(session, namesake, family_name="Иванов", given_name="Пётр", search_name="иванов петр")
    session.execute(update(Membership).where(Membership.person_id == fourth.id).values(groups="ТЭ-99"))
    session.commit()
    heads = ("ФИО", "Группа", "Почта", "Дата рождения")
    data = xlsx(
        heads,
        ("", "", one.email, "1.2.2008"),
        ("Иванов Пётр", "", "", "1.2.2008"),
        ("Иванов Пётр", "тэ 99", "", "1.2.2008"),
        ("Иванов Пётр", "ЮР-1", "", "1.2.2008"),
    )
    checked(curator, "births", data)
    found = problems(session)
    assert sorted(found) == [2, 3, 5]
    assert one.name in found[2]
    assert other.name in found[2]
    assert found[3].count("Иванов Пётр (") == 2
    assert "ТЭ-99" in found[5]


def test_a_row_that_speaks_of_two_people_is_wrong(curator: FlaskClient, session: Session, person_of: PersonOf) -> None:
    one, other = person_of("student01"), person_of("student02")
    change(session, one, family_name="Иванов", given_name="Пётр", search_name="иванов петр")
    change(session, other, family_name="Сидорова", given_name="Анна", search_name="сидорова анна")
    data = xlsx(
        ("ФИО", "Почта", "Номер в Moodle", "Дата рождения"),
        ("Сидорова Анна", one.email, "", "1.2.2008"),
        ("", one.email, other.moodle_id, "1.2.2008"),
        ("", "", "999999", "1.2.2008"),
        ("Никто Никакой", "", "", "1.2.2008"),
        ("", "", "", "1.2.2008"),
    )
    checked(curator, "births", data)
    found = problems(session)
    assert sorted(found) == [2, 3, 4, 5, 6]
    assert "другой человек" in found[2]
    assert "Сидорова Анна" in found[3]
    assert "Иванов Пётр" in found[3]


def test_one_person_in_two_rows_is_wrong_and_both_rows_are_named(
    curator: FlaskClient, session: Session, person_of: PersonOf
) -> None:
    one = person_of("student01")
    checked(curator, "births", xlsx(("Почта", "Дата рождения"), (one.email, "1.2.2008"), (one.email, "2.2.2008")))
    assert problems(session) == {3: ": О том же человеке строка 2."}


def test_whoever_has_left_or_is_of_another_course_is_nobody(
    curator: FlaskClient, session: Session, person_of: PersonOf, synced: Course
) -> None:
    gone = person_of("student01")
    session.execute(update(Membership).where(Membership.person_id == gone.id).values(active=False))
    session.commit()
    checked(curator, "births", xlsx(("Почта", "Дата рождения"), (gone.email, "1.2.2008")))
    assert "выбыл" in problems(session)[2]


@pytest.mark.parametrize("born", ["15.03.1899", "15.03.2999", "1899-03-15", "15.03.08", "2008", ""])
def test_a_birth_date_that_cannot_be_is_wrong(
    curator: FlaskClient, session: Session, person_of: PersonOf, born: str
) -> None:
    data = csv_of(("Почта", "Дата рождения"), (person_of("student01").email, born), encoding="cp1251")
    checked(curator, "births", data, "даты.csv")
    assert problems(session)[2].startswith("Дата рождения: ")


# --- mentees ------------------------------------------------------------------------------------------------------


def test_mentees_come_from_a_file_with_what_they_want(
    curator: FlaskClient, session: Session, person_of: PersonOf
) -> None:
    new, known = person_of("student01"), person_of("student02")
    session.commit()
    session.execute(Mentee.__table__.delete().where(Mentee.__table__.c.person_id == new.id))
    session.commit()
    data = xlsx(
        ("ФИО", "Почта", "Нужен наставник", "Желаемая форма", "Темы", "Запрос"),
        (new.name, new.email, "да", "педагог - студент", "консультации; вкр", "Помогите с дипломом"),
        (known.name, known.email, "", "", "", "Ничего особенного"),
    )
    address = checked(curator, "mentees", data)
    assert counts(session) == {"new": 1, "changed": 1}
    assert post(curator, address + "apply").status_code == 200
    made, other = mentee_of(session, new), mentee_of(session, known)
    assert made is not None
    assert other is not None
    assert (made.state, made.source, made.topics) == (MenteeState.NEEDS, Source.FILE, ["консультации", "ВКР"])
    assert made.wanted_form is not None
    assert made.wanted_form.code == "teacher-student"
    assert (other.state, other.request) == (MenteeState.CANDIDATE, "Ничего особенного")
    checked(curator, "mentees", data)
    assert counts(session) == {"same": 2}


def test_a_file_and_a_load_that_bring_in_the_same_person_at_once_say_so(
    curator: FlaskClient, session: Session, person_of: PersonOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The load commits between what the file's rows were judged by and what they write."""
    if session.get_bind().dialect.name == "sqlite":
        pytest.skip("whoever applies a file holds the only place to write")
    one, other = person_of("student01"), person_of("student02")
    with db.transaction(session):
        kept = mentee_of(session, one)
        assert kept is not None
        loaded = {"cycle_id": kept.cycle_id, "person_id": one.id, "kind": kept.kind, "created_at": now()}
        session.execute(delete(Mentee).where(Mentee.person_id.in_([one.id, other.id])))
    address = checked(curator, "mentees", xlsx(("ФИО", "Почта"), (one.name, one.email), (other.name, other.email)))
    add = people.add_mentees

    def meanwhile(*args: Any) -> list[Mentee]:
        with db.new_session() as own, db.transaction(own):
            db.add_missing(own, Mentee, loaded)
        monkeypatch.setattr(people, "add_mentees", add)
        return add(*args)

    monkeypatch.setattr(people, "add_mentees", meanwhile)
    refused = post(curator, address + "apply")
    assert refused.status_code == 422
    assert f"{one.name}: уже в этой базе" in refused.text
    session.commit()
    assert mentee_of(session, other) is None
    assert post(curator, address + "apply").status_code == 409, "the row does something else now, and is shown so"
    assert post(curator, address + "apply").status_code == 200
    assert mentee_of(session, other) is not None


def test_a_retired_form_is_wanted_by_a_file_of_whoever_wants_it_already_only(
    curator: FlaskClient, session: Session
) -> None:
    mentee, another = session.scalars(select(Mentee).where(Mentee.kind == MenteeKind.STUDENT).limit(2))
    form = next(form for form in mentee.cycle.programme.forms if form.mentee_kind is mentee.kind)
    mentee.wanted_form, form.retired_at = form, now()
    session.commit()
    heads = ("Почта", "Желаемая форма")
    checked(curator, "mentees", xlsx(heads, (mentee.person.email, form.title), (another.person.email, form.title)))
    assert counts(session) == {"same": 1, "wrong": 1}
    assert form.title in problems(session)[3]


def test_topics_that_the_programme_has_no_more_stay_with_whoever_has_them(
    curator: FlaskClient, session: Session
) -> None:
    mentee, another = session.scalars(select(Mentee).where(Mentee.kind == MenteeKind.STUDENT).limit(2))
    mentee.topics = ["Прошлогодняя тема"]
    session.commit()
    rows = [(one.person.email, "прошлогодняя тема; ВКР") for one in (mentee, another)]
    checked(curator, "mentees", xlsx(("Почта", "Темы"), *rows))
    assert counts(session) == {"changed": 1, "wrong": 1}
    assert "прошлогодняя" in problems(session)[3]
    applied(curator, "mentees", xlsx(("Почта", "Темы"), rows[0]))
    session.commit()
    assert session.get_one(Mentee, mentee.id, populate_existing=True).topics == ["ВКР", "Прошлогодняя тема"]


def test_a_topic_with_semicolons_of_its_own_is_one_topic(curator: FlaskClient, session: Session) -> None:
    mentee = session.scalars(select(Mentee).where(Mentee.kind == MenteeKind.STUDENT).limit(1)).one()
    form = next(form for form in mentee.cycle.programme.forms if form.mentee_kind is mentee.kind)
    form.activities = ["Экзамен; зачёт; отработка", "Зачёт", "Экзамен"]
    mentee.topics = ["Экзамен; зачёт; отработка", "Экзамен"]
    session.commit()
    email = mentee.person.email
    for text, verdict in (
        ("Экзамен; зачёт; отработка; Экзамен", "same"),
        ("Экзамен; экзамен; зачёт; отработка", "same"),
        ("Зачёт; Экзамен", "changed"),
        ("Экзамен; отработка", "wrong"),
    ):
        checked(curator, "mentees", xlsx(("Почта", "Темы"), (email, text)))
        assert counts(session) == {verdict: 1}, text
    assert "«отработка»" in problems(session)[2]


def test_what_no_mentee_can_want_is_said(curator: FlaskClient, session: Session, person_of: PersonOf) -> None:
    email = person_of("student01").email
    heads = ("Почта", "Нужен наставник", "Желаемая форма", "Темы", "Запрос", "Вид")
    rows = [
        (email, "может быть", "", "", "", ""),
        (email, "", "педагог – педагог", "", "", ""),
        (email, "", "нет такой", "", "", ""),
        (email, "", "", "плавание", "", ""),
        (email, "", "", "", "я" * 2001, ""),
        (email, "", "", "", "", "директор"),
    ]
    checked(curator, "mentees", xlsx(heads, *rows))
    found = problems(session)
    starts = ["Нужен наставник", "Желаемая форма", "Желаемая форма", "Темы", "Запрос", "Вид"]
    assert [found[number + 2].split(":")[0] for number in range(6)] == starts


# --- mentors ------------------------------------------------------------------------------------------------------


def test_mentors_come_from_a_file_and_employers_people_without_an_account(
    curator: FlaskClient, session: Session, person_of: PersonOf
) -> None:
    teacher = person_of("teacher01")
    applied(curator, "employers", xlsx(("Организация", "Короткое название"), ("ООО «Шахта Полярная»", "Полярная")))
    data = xlsx(
        ("ФИО", "Почта", "Телефон", "Вид наставника", "Организация", "Наставляемых одновременно", "Сильные стороны",
         "Лет опыта", "Удобное время", "Предпочтительная связь"),
        (teacher.name, "", "", "", "", 5, "консультации", 12, "вечер в будни; после 16",
         "по телефону: 8 900 123-45-67"),
        ("Горняков Пётр Ильич", "g@mine.ru", "8 900 765-43-21", "работодатель", "полярная", "", "", "", "", ""),
    )  # fmt: skip
    address = checked(curator, "mentors", data)
    assert "wrong" not in counts(session), problems(session)
    assert post(curator, address + "apply").status_code == 200
    kept = mentor_of(session, teacher)
    assert kept is not None
    assert (kept.capacity, kept.experience_years, kept.times, kept.times_note) == (5, 12, ["evening"], "после 16")
    assert (kept.contact_way, kept.contact) == ("phone", "8 900 123-45-67")
    outsider = session.scalars(select(Person).where(Person.family_name == "Горняков")).one()
    assert outsider.moodle_id is None
    made = mentor_of(session, outsider)
    assert made is not None
    assert made.employer is not None
    assert (made.kind, made.employer.short_name) == (MentorKind.EMPLOYER, "Полярная")
    checked(curator, "mentors", data)
    assert counts(session) == {"same": 2}


def test_a_retired_form_that_a_mentor_has_chosen_stays_theirs_and_is_nobody_elses(
    curator: FlaskClient, session: Session
) -> None:
    mentor, another = session.scalars(select(Mentor).where(Mentor.kind == MentorKind.EMPLOYER).limit(2))
    guide, other = mentor.person, another.person
    form = next(form for form in mentor.cycle.programme.forms if form.mentor_kind is mentor.kind)
    mentor.forms, form.retired_at = [form], now()
    session.commit()
    title = form.title
    # The saved list has the form, and so has the file that comes back with another number.
    rows = ("Почта", "Формы наставничества", "Наставляемых одновременно"), (guide.email, title, 5)
    applied(curator, "mentors", xlsx(*rows))
    kept = mentor_of(session, guide)
    assert kept is not None
    assert (kept.capacity, [found.title for found in kept.forms]) == (5, [title])
    checked(curator, "mentors", xlsx(rows[0], (other.email, title, 5)))
    assert counts(session) == {"wrong": 1}


def test_a_stranger_is_a_mentor_only_when_the_file_says_that_they_are_an_employers(
    curator: FlaskClient, session: Session
) -> None:
    heads = ("ФИО", "Почта", "Вид наставника")
    data = xlsx(
        heads,
        ("Горняков Пётр", "g@mine.ru", ""),
        ("Горняков", "g@mine.ru", "работодатель"),
        ("Кротов Пётр", "не почта", "работодатель"),
    )
    checked(curator, "mentors", data)
    assert sorted(problems(session)) == [2, 3, 4]


def test_what_no_mentor_can_be_is_said(curator: FlaskClient, session: Session, person_of: PersonOf) -> None:
    email = person_of("teacher01").email
    heads = ("Почта", "Наставляемых одновременно", "Формы наставничества", "Сильные стороны", "Лет опыта", "Связь")
    rows = [
        (email, "21", "", "", "", ""),
        (email, "три", "", "", "", ""),
        (email, "", "студент – студент", "", "", ""),
        (email, "", "", "плавание", "", ""),
        (email, "", "", "", "99", ""),
        (email, "", "", "", "", "голубем"),
    ]
    checked(curator, "mentors", xlsx(heads, *rows))
    assert sorted(problems(session)) == [2, 3, 4, 5, 6, 7]


# --- employers ----------------------------------------------------------------------------------------------------

EMPLOYER_HEADS = ("Организация", "ИНН", "Контактное лицо", "Должность", "Телефон", "Вид договора", "Номер договора",
                  "Дата договора", "Действует до")  # fmt: skip


def test_employers_come_with_contacts_and_agreements(curator: FlaskClient, session: Session) -> None:
    data = xlsx(
        EMPLOYER_HEADS,
        (
            "ООО «Шахта Полярная»",
            "7707083893",
            "Орлов Пётр",
            "кадры",
            "612033",
            "дуальное обучение",
            "17",
            date(2025, 1, 15),
            "",
        ),
        ('ооо "шахта полярная"', "", "Белова Анна", "", "612034", "практика", "18", "16.01.2025", "31.12.2027"),
        ("АО «Разрез»", "", "", "", "", "", "", "", ""),
    )
    address = checked(curator, "employers", data)
    assert counts(session) == {"new": 2, "changed": 1}
    assert post(curator, address + "apply").status_code == 200
    session.commit()
    assert session.scalars(select(Employer.name).order_by(Employer.id)).all() == ["ООО «Шахта Полярная»", "АО «Разрез»"]
    assert session.scalars(select(EmployerContact.name).order_by(EmployerContact.id)).all() == [
        "Орлов Пётр",
        "Белова Анна",
    ]
    ends = session.execute(select(Agreement.number, Agreement.valid_until).order_by(Agreement.id)).all()
    assert [tuple(one) for one in ends] == [("17", None), ("18", date(2027, 12, 31))]
    checked(curator, "employers", data)
    assert counts(session) == {"same": 3}

    changed = xlsx(EMPLOYER_HEADS, ("ООО «Шахта Полярная»", "", "Орлов Пётр", "директор", "", "", "", "", ""))
    page = load(curator, "employers", changed)
    assert "кадры" in page.text
    assert counts(session) == {"changed": 1}


def test_what_cannot_be_of_an_employer_is_said(curator: FlaskClient, session: Session) -> None:
    name = "ООО «Шахта»"
    data = xlsx(
        EMPLOYER_HEADS,
        (name, "123", "", "", "", "", "", "", ""),
        (name, "", "Орлов Пётр", "", "", "", "", "", ""),
        (name, "", "", "", "", "аренда", "1", "1.1.2025", ""),
        (name, "", "", "", "", "практика", "", "1.1.2025", ""),
        (name, "", "", "", "", "практика", "1", "1.1.2999", ""),
        (name, "", "", "", "", "практика", "1", "1.1.2025", "1.1.2024"),
        (name, "7707083893", "", "", "", "", "", "", ""),
        (name, "5003052454", "", "", "", "", "", "", ""),
        ("", "7707083893", "", "", "", "", "", "", ""),
    )
    checked(curator, "employers", data)
    found = problems(session)
    assert sorted(found) == [2, 3, 4, 5, 6, 7, 9, 10]
    assert "строка 8" in found[9].lower()


def test_mentors_are_written_in_as_many_statements_however_many_they_are(
    curator: FlaskClient, session: Session, person_of: PersonOf
) -> None:
    """Applying 10,000 rows must keep nobody waiting who saves something."""
    heads = ("ФИО", "Почта", "Вид", "Организация", "Стаж", "Связь", "Телефон")
    applied(curator, "employers", xlsx(EMPLOYER_HEADS, ("Шахта", "", "Орлов П", "", "61-20-33", "", "", "", "")))

    def rows(first: int, last: int, years: int) -> list[tuple[object, ...]]:
        ways = "по телефону: 8 900 1234567"
        people = [person_of(f"student{number:02}") for number in range(first, last)]
        return [
            *((one.name, one.email, "старшекурсник", "Шахта", years, ways, "") for one in people),
            *(
                (f"Внешнев Яков {number}-й", f"out{number}@mine.ru", "работодатель", "Шахта", years, "", "61-20-33")
                for number in range(first, last)
            ),
        ]

    def cost(told: list[tuple[object, ...]]) -> int:
        address = checked(curator, "mentors", xlsx(heads, *told))
        with statements(session) as sent:
            post(curator, address + "apply")
        session.commit()
        return len(sent)

    few, many = cost(rows(1, 3, 5)), cost(rows(3, 40, 5))
    assert many <= few + 2
    assert session.scalar(select(func.count(Mentor.id)).where(Mentor.experience_years == 5)) == 2 * 39
    few, many = cost(rows(1, 3, 6)), cost(rows(3, 40, 6))
    assert many <= few + 2
    session.commit()
    mentors = session.scalars(select(Mentor).where(Mentor.experience_years == 6)).all()
    assert len(mentors) == 2 * 39
    assert {mentor.workplace for mentor in mentors} == {"Шахта"}
    actions = session.execute(
        select(AuditEvent.action, func.count()).where(AuditEvent.action.like("mentor.%")).group_by(AuditEvent.action)
    )
    assert dict(actions.all()) == {"mentor.added": 78, "mentor.changed": 78, "mentor.employer": 78}


# --- consents -----------------------------------------------------------------------------------------------------

CONSENT_HEADS = ("Почта", "Дата подписи", "Представитель", "Кем приходится")


def test_signed_consents_come_from_a_file(curator: FlaskClient, session: Session, person_of: PersonOf) -> None:
    young, grown = person_of("student01"), person_of("student02")
    set_born(session, young, date(2010, 3, 15))
    set_born(session, grown, date(2000, 3, 15))
    data = xlsx(
        CONSENT_HEADS,
        (young.email, date(2026, 9, 10), "Иванова Мария Сергеевна", "мать"),
        (grown.email, "10.09.2026", "", ""),
    )
    applied(curator, "consents", data)
    session.commit()
    kept = session.execute(select(Consent.person_id, Consent.way, Consent.relation).order_by(Consent.person_id)).all()
    assert sorted(map(tuple, kept)) == sorted(
        [(young.id, Way.REPRESENTATIVE, Relation.MOTHER), (grown.id, Way.PAPER, None)], key=lambda row: row[0]
    )
    checked(curator, "consents", data)
    assert counts(session) == {"same": 2}


def test_a_paper_that_counts_for_nothing_is_said(curator: FlaskClient, session: Session, person_of: PersonOf) -> None:
    young, grown = person_of("student01"), person_of("student02")
    set_born(session, young, date(2010, 3, 15))
    set_born(session, grown, date(2000, 3, 15))
    data = xlsx(
        CONSENT_HEADS,
        (young.email, "10.09.2026", "", ""),
        (grown.email, "10.09.2026", "Иванова Мария", "мать"),
        (young.email, "10.09.2999", "Иванова Мария", "мать"),
        (young.email, "", "Иванова Мария", "мать"),
        (young.email, "10.09.2026", "Иванова Мария", "тётя"),
        (young.email, "10.09.2026", "Иванова Мария", ""),
        (young.email, "10.09.2026", "", "мать"),
    )
    checked(curator, "consents", data)
    assert sorted(problems(session)) == [2, 3, 4, 5, 6, 7, 8]


def test_a_withdrawn_consent_does_not_come_back_by_the_old_paper(
    curator: FlaskClient, session: Session, person_of: PersonOf
) -> None:
    person = person_of("student02")
    set_born(session, person, date(2000, 3, 15))
    data = xlsx(CONSENT_HEADS, (person.email, "10.09.2026", "", ""))
    applied(curator, "consents", data)
    session.commit()
    session.execute(update(Consent).values(withdrawn_at=person.updated_at, withdrawn_on=date(2026, 10, 1)))
    session.commit()
    checked(curator, "consents", data)
    assert "01.10.2026" in problems(session)[2]
    checked(curator, "consents", xlsx(CONSENT_HEADS, (person.email, "02.10.2026", "", "")))
    assert counts(session) == {"new": 1}


@pytest.mark.parametrize("lang", ["ru", "en"])
@pytest.mark.parametrize("ending", ["xlsx", "csv"])
def test_the_list_of_consents_that_was_saved_changes_nothing_when_it_is_loaded(
    launch_as: LaunchAs,
    moodle: PracticeMoodle,
    synced: Course,
    session: Session,
    person_of: PersonOf,
    lang: str,
    ending: str,
) -> None:
    moodle.college.person("curator").lang = lang
    curator = launch_as("curator")
    day = now().date()
    by_paper, in_tool, minor, grown, withdrawn = (person_of(f"student0{number}") for number in range(1, 6))
    for person in (by_paper, in_tool, grown, withdrawn):
        set_born(session, person, date(2000, 3, 15))
    set_born(session, minor, date(2011, 3, 15))
    data = xlsx(
        CONSENT_HEADS,
        (by_paper.email, "10.09.2026", "", ""),
        (minor.email, "11.09.2026", "Иванова Мария Сергеевна", "мать"),
        (withdrawn.email, "12.09.2026", "", ""),
    )
    applied(curator, "consents", data)
    give_consent(session, in_tool, day)
    set_born(session, grown, date(2011, 3, 15))
    give_consent(session, grown, day)
    set_born(session, grown, date(2000, 3, 15))
    withdraw_consent(session, withdrawn, day)
    session.commit()
    before = session.scalars(select(Consent.id)).all()

    saved = curator.get(f"{curator.home}consents/list.{ending}")
    page = load(curator, "consents", saved.data, f"согласия.{ending}")

    assert page.status_code == 200, page.text
    assert set(counts(session)) == {"same"}, problems(session)
    assert session.scalars(select(Consent.id)).all() == before


@pytest.mark.parametrize("head", ["Дата", "Date", "Дата согласия", "Date of the consent"])
def test_rows_of_a_saved_list_never_become_papers_of_what_is_none(
    curator: FlaskClient, session: Session, person_of: PersonOf, head: str
) -> None:
    """A list of another day or place: what it tells is not so here."""
    people = [person_of(f"student0{number}") for number in range(1, 6)]
    for person in people:
        set_born(session, person, date(2000, 3, 15))
    data = xlsx(
        ("Почта", "Согласие", head, "Как", "Отозвано"),
        (people[0].email, "своё согласие", "10.09.2026", "дано здесь самим человеком", ""),
        (people[1].email, "согласие отозвано", "10.09.2026", "подписано на бумаге самим человеком", "01.10.2026"),
        (people[2].email, "consent withdrawn", "10.09.2026", "given here by themselves", ""),
        (people[3].email, "нет согласия", "", "", ""),
        # Into the saved list the curator has written the date of the paper that lay on the table.
        (people[4].email, "нет согласия", "10.09.2026", "", ""),
    )
    checked(curator, "consents", data)
    assert sorted(problems(session)) == [2, 3, 4]
    assert counts(session) == {"wrong": 3, "same": 1, "new": 1}


# --- what we save comes back as it is -----------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["xlsx", "csv"])
def test_bases_that_were_saved_change_nothing_when_they_are_loaded(
    curator: FlaskClient, session: Session, person_of: PersonOf, ending: str
) -> None:
    applied(
        curator,
        "employers",
        xlsx(EMPLOYER_HEADS, ("+ООО", "", "Орлов П", "", "+7 900 123-45-67", "практика", "б/н", "1.1.2025", "")),
    )
    student = person_of("student01")
    applied(
        curator,
        "mentees",
        xlsx(("Почта", "Нужен наставник", "Темы", "Запрос"), (student.email, "да", "ВКР", "-1; и @всё")),
    )
    teacher = person_of("teacher01")
    applied(curator, "mentors", xlsx(("Почта", "Связь", "Опыт"), (teacher.email, "8 900 1234567", "+ много")))
    for what, address in (("mentees", "base/mentees"), ("mentors", "base/mentors"), ("employers", "employers")):
        saved = curator.get(f"{curator.home.rstrip('/')}/{address}.{ending}")
        assert saved.status_code == 200
        page = load(curator, what, saved.data, f"база.{ending}")
        assert page.status_code == 200, page.text
        assert set(counts(session)) == {"same"}, (what, problems(session))


@pytest.mark.parametrize("what", ["births", "mentees", "mentors", "employers", "consents"])
@pytest.mark.parametrize("ending", ["xlsx", "csv"])
def test_a_template_filled_in_is_understood(
    curator: FlaskClient, session: Session, person_of: PersonOf, what: str, ending: str
) -> None:
    saved = curator.get(f"{curator.home}imports/{what}/template.{ending}")
    assert saved.status_code == 200
    refused = load(curator, what, saved.data, f"шаблон.{ending}")
    assert refused.status_code == 422
    assert "нет ни одной строки с данными" in refused.text
    if ending == "csv":
        heads = saved.data.decode("utf-8-sig").strip().split(";")
        row = [person_of("student01").email if head == "Электронная почта" else "" for head in heads]
        page = load(curator, what, csv_of(heads, row), "шаблон.csv")
        assert page.status_code == 200
        assert "пропущены" not in page.text


def test_sizes_and_formats_are_refused_on_the_page(curator: FlaskClient) -> None:
    for data, words in ((b"%PDF-1.7", "не таблица"), (b"x;y\n1;2\n", "Не хватает столбцов")):
        page = load(curator, "births", data)
        assert page.status_code == 422
        assert words in page.text
    page = send_much(curator, 9)
    assert page.status_code == 413
    assert "больше 8 МБ" in page.text
    assert send_much(curator, 17).status_code == 413
    # What takes no files takes as little as ever.
    assert send_much(curator, 3, "base/").status_code == 413


@pytest.mark.parametrize(("megabytes", "page"), [(40, "imports/births/"), (3, "base/")])
def test_what_is_too_much_to_read_has_a_number_as_every_error_has(
    curator: FlaskClient, megabytes: int, page: str
) -> None:
    refused = send_much(curator, megabytes, page)
    assert refused.status_code == 413
    number = re.search(r"Номер запроса: (\w+)", refused.text)
    assert number
    assert number[1] == refused.headers["X-Correlation-Id"]


def send_much(client: FlaskClient, megabytes: int, page: str = "imports/births/") -> TestResponse:
    """A form with so large a file, put together by hand: the test client leaves its own draft of it open."""
    secret = token(client, client.home + "imports/births/").encode()
    head = b'--x\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n' + secret
    file = b'\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    body = head + file + b"a" * megabytes * 1024 * 1024 + b"\r\n--x--\r\n"
    return client.post(client.home + page, data=body, content_type="multipart/form-data; boundary=x")
