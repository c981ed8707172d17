"""Lists of trainings, agreements and loads in a browser: nothing sticks out, and buttons find their form."""

from datetime import timedelta

from playwright.sync_api import expect
from sqlalchemy import select

from lti_service.db import now
from lti_service.people import enrolments
from lti_service.people.employers.models import Agreement, AgreementKind, Employer, EmployerContact
from lti_service.people.models import Membership, Person
from lti_service.people.training.models import Origin, Training, TrainingCourse
from lti_service.platforms.models import Course
from lti_service.queue import Run, RunState
from tests.browser.conftest import fits, press


def a_year_of_records(session, course):
    """Trainings, agreements and loads, with texts as long as they come."""
    day = now().date()
    training = TrainingCourse(
        platform_id=course.platform_id,
        title="Психолого-педагогическое сопровождение наставнической деятельности мастеров",
        begins_on=day,
        hours=72,
        document="Удостоверение о повышении квалификации",
        created_at=now(),
    )
    employer = Employer(
        platform_id=course.platform_id, name="Государственное автономное учреждение «Шахтоуправление»", created_at=now()
    )
    session.add_all([training, employer])
    session.flush()
    people = session.scalars(
        select(Person).join(Membership, Membership.person_id == Person.id).where(Membership.course_id == course.id)
    ).all()
    for number, person in enumerate(people[:60]):
        until = day + timedelta(number * 5 - 60)
        session.add(
            Training(
                training_course_id=training.id,
                person_id=person.id,
                completed_on=day,
                document_number="АБВ-2026/000001",
                valid_until=until,
                origin=Origin.MOODLE,
                created_at=now(),
            )
        )
        session.add(
            Agreement(
                employer_id=employer.id,
                kind=AgreementKind.DUAL,
                number=f"ДО-2026/11/{number:05}",
                signed_on=day,
                valid_until=until,
            )
        )
        session.add(EmployerContact(employer_id=employer.id, name=person.name, phone="8 (3846) 61-20-33"))
    counts = {"problems": {"birth-date": {"count": 60, "people": [person.moodle_id for person in people[:60]]}}}
    for _number in range(60):
        run = Run(kind=enrolments.KIND, course_id=course.id, state=RunState.DONE, counts=counts, created_at=now())
        run.heard_at = run.finished_at = now()
        session.add(run)
    session.commit()
    return training.id, employer.id, run.id


def test_long_lists_fit_and_lead_on(open_as, moodle, session, live):
    admin = open_as(moodle.college.admin)
    course = session.scalars(select(Course)).one()
    enrolments.sync_course(course.id)
    session.commit()
    training, employer, run = a_year_of_records(session, course)
    home = f"{live}/courses/{course.id}/"
    curator = open_as(moodle.college.curators[0])
    for address in (
        "base/mentors/training/",
        "base/mentors/training/records/",
        "base/mentors/training/records/?state=expired&within=30&group=ИС",
        f"base/mentors/training/{training}/",
        "employers/",
        "employers/agreements/",
        f"employers/agreements/?employer={employer}&state=expired",
        f"employers/{employer}/",
        f"employers/{employer}/contacts/",
        "sync/",
        "sync/?page=2",
        f"sync/{run}/birth-date/",
    ):
        curator.goto(home + address)
        expect(curator.locator("h1")).to_be_visible()
        fits(curator)
    curator.goto(home + "base/mentors/training/records/")
    curator.locator("#within").select_option("30")
    press(curator, curator.get_by_role("button", name="Показать"))
    expect(curator.locator("main")).to_contain_text("1–7 из 7")

    # A trial of rules names all, page by page, and what was filled in stays in the form.
    admin = open_as(moodle.college.admin)
    admin.goto(home + "programme/kinds/student")
    admin.locator("#value-0-1").fill("НЕТ")
    admin.locator("#what-0-1").select_option("group:like")
    press(admin, admin.get_by_role("button", name="Опробовать"))
    admin.locator("summary", has_text="Уйдут").first.click()
    press(admin, admin.get_by_role("button", name="Далее").first)
    expect(admin.locator("main")).to_contain_text("Страница 2 из 2")
    expect(admin.locator("#value-0-1")).to_have_value("НЕТ")
    fits(admin)
