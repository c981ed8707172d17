"""A pair at work in a browser: the mentor writes a meeting down in one step, the mentee ticks and proposes."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from sqlalchemy import select

from lti_service.db import now
from lti_service.pairs.models import Pair, PairMentee, PairState
from lti_service.people.models import Mentee, MenteeState, Mentor, MentorState, Person
from lti_service.programme import service as programme
from lti_service.programme.models import Form, MenteeKind, MentorKind
from tests.browser.conftest import fits, press
from tests.consenting import give_consent


@pytest.fixture
def people(open_as, moodle, session):
    """An employer's mentor and a student in an active pair; both have opened the activity once."""
    who = {"mentor": moodle.college.employers[0], "mentee": moodle.college.students[0]}
    frames = {side: open_as(person) for side, person in who.items()}
    course_id = int(frames["mentor"].url.split("/courses/")[1].split("/")[0])
    known = {
        side: session.scalars(select(Person).where(Person.moodle_id == str(person.id))).one()
        for side, person in who.items()
    }
    day = now().date()
    cycle = programme.current_cycle(session, known["mentor"].platform_id, day)
    for person in known.values():
        give_consent(session, person, day)
    mentor = session.scalars(select(Mentor).where(Mentor.person_id == known["mentor"].id)).first() or Mentor(
        cycle_id=cycle.id, person_id=known["mentor"].id, kind=MentorKind.EMPLOYER, created_at=now()
    )
    mentor.state = MentorState.READY
    mentee = session.scalars(select(Mentee).where(Mentee.person_id == known["mentee"].id)).first() or Mentee(
        cycle_id=cycle.id, person_id=known["mentee"].id, kind=MenteeKind.STUDENT, created_at=now()
    )
    mentee.state = MenteeState.PAIRED
    form = session.scalars(select(Form).where(Form.code == "employer-student")).first()
    session.add_all([mentor, mentee])
    session.flush()
    session.add(
        Pair(
            cycle_id=cycle.id,
            course_id=course_id,
            form_id=form.id,
            mentor_id=mentor.id,
            state=PairState.ACTIVE,
            proposed_at=now(),
            answered_at=now(),
            started_at=now(),
            places=[PairMentee(mentee_id=mentee.id, form_id=form.id)],
        )
    )
    session.commit()
    return who


def test_a_mentor_writes_down_plans_and_the_mentee_ticks_and_proposes(open_as, people):
    mentor = open_as(people["mentor"])
    fits(mentor)
    press(mentor, mentor.get_by_role("button", name="Мы встретились"))
    expect(mentor.get_by_role("status")).to_contain_text("Встреча записана.")
    home = mentor.url
    fits(mentor)
    press(mentor, mentor.get_by_role("link", name="Открыть пару"))
    pair = mentor.url
    press(mentor, mentor.get_by_role("link", name="Указать, чего хотите достичь вместе"))
    fits(mentor)
    mentor.get_by_label("Цель").fill("Сдать на третий разряд")
    press(mentor, mentor.get_by_role("button", name="Сохранить"))
    mentor.get_by_text("Добавить пункт").click()
    mentor.get_by_label("Что сделать").fill("Прочитать сборочный чертёж")
    fits(mentor)
    press(mentor, mentor.get_by_role("button", name="Добавить", exact=True))
    expect(mentor.locator("#plan")).to_contain_text("0 из 1")
    fits(mentor)
    press(mentor, mentor.locator("#meetings").get_by_role("link", name="Изменить встречу").first)
    fits(mentor)
    mentor.get_by_label("О чём договорились").fill("Принести чертёж в пятницу")
    press(mentor, mentor.get_by_role("button", name="Сохранить"))
    expect(mentor.locator("#meetings")).to_contain_text("Договорились: Принести чертёж в пятницу")

    mentee = open_as(people["mentee"])
    fits(mentee)
    press(mentee, mentee.get_by_role("button", name="Отметить сделанным: Прочитать сборочный чертёж"))
    expect(mentee.locator("main")).to_contain_text("1 из 1")
    assert mentee.url == home, "ticked on the home page, and there they stay"
    press(mentee, mentee.get_by_role("link", name="План и встречи"))
    mentee.get_by_text("Предложить встречу").click()
    form = mentee.locator("form[action$='meetings/planned']")
    form.get_by_label("День").fill("2020-01-01")
    press(mentee, form.get_by_role("button", name="Предложить"))
    expect(mentee.locator("main")).to_contain_text("Этот день уже прошёл")
    fits(mentee)
    mentee.goto(pair)
    fits(mentee)
    expect(mentee.locator("#plan")).to_contain_text("сделано")


def test_the_pages_of_the_work_have_nothing_serious_that_axe_finds(open_as, people):
    found = {}
    for side in people:
        frame = open_as(people[side])
        page, home = frame.page, frame.url
        link = frame.get_by_role("link", name="Открыть пару" if side == "mentor" else "План и встречи")
        pair = str(frame.evaluate("link => link.href", link.element_handle()))
        if side == "mentor":
            frame.goto(pair)
            frame.get_by_text("Добавить пункт").click()
            frame.get_by_label("Что сделать").fill("Прочитать чертёж")
            press(frame, frame.get_by_role("button", name="Добавить", exact=True))
        for address in (home, pair, f"{pair}meetings/held", *([f"{pair}goal", f"{pair}plan/1/"] * (side == "mentor"))):
            page.goto(address)
            page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
            violations = Axe().run(page).response["violations"]
            found[side, address] = [
                (one["id"], one["nodes"][0]["html"]) for one in violations if one["impact"] in ("serious", "critical")
            ]
    assert {where: serious for where, serious in found.items() if serious} == {}
