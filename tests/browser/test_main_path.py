"""The main job in a real browser, inside Moodle's frame: people are loaded, a pair is formed, both sides see it."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import fits, press


def test_a_pair_is_formed_from_the_first_sync_to_the_mentees_page(open_as, moodle, live):
    college = moodle.college
    admin = open_as(college.admin)
    admin.goto(re.sub(r"(/courses/\d+/).*", r"\1sync/", admin.url))
    press(admin, admin.locator("form[method=post] button.btn-primary").first)
    expect(admin.locator("main")).to_contain_text("231")
    fits(admin)

    curator = open_as(college.curators[0])
    home = curator.url
    fits(curator)
    curator.goto(home + "base/?state=candidate&kind=student")
    fits(curator)
    first = curator.locator("input[name=chosen]").first
    label = first.get_attribute("aria-label") or ""
    first.check()
    press(curator, curator.locator("button[name=action][value=need]"))
    curator.goto(home + "base/?state=needs")
    name = curator.locator("tbody a").first.inner_text()
    assert name in label

    curator.goto(home + "base/mentors/?state=candidate&kind=teacher")
    fits(curator)
    curator.locator("input[name=chosen]").first.check()
    press(curator, curator.get_by_role("button", name="Решение об отборе"))
    fits(curator)
    curator.locator("input[name=decision][value=admitted]").check()
    curator.get_by_label("Причина").fill("Опытный наставник")
    press(curator, curator.get_by_role("button", name="Сохранить решение"))

    # Nobody is proposed without a consent: the curator records two papers.
    for address in (home + "base/?state=needs", home + "base/mentors/?state=ready"):
        curator.goto(address)
        person = curator.locator("tbody a").first.get_attribute("href") or ""
        curator.goto(f"{live}{person.partition('#')[0]}consents/new")
        fits(curator)
        curator.locator("input[name=signed_on]").fill("2026-11-20")
        if curator.locator("input[name=representative]").count() and address.endswith("needs"):
            curator.locator("input[name=representative]").fill("Иванова Мария Петровна")
            curator.locator("select[name=relation]").select_option("mother")
        press(curator, curator.locator("button.btn-primary"))

    curator.goto(home + "pairs/new")
    fits(curator)
    press(curator, curator.get_by_role("link", name="«педагог – студент»"))
    fits(curator)
    mentor_row = curator.locator("label:has(input[name=mentor])").first
    mentor_name = mentor_row.locator(".pairs-wrap").first.inner_text()
    mentor_row.locator("input").check()
    curator.locator("input[name=mentees][type=checkbox]").first.check()
    press(curator, curator.get_by_role("button", name="Предложить пару"))
    curator.wait_for_url(re.compile(r"/pairs/\d+/$"))
    pair = curator.url
    fits(curator)

    people = {f"{person.lastname} {person.firstname}": person for person in college.people.values()}
    mentor = open_as(people[mentor_name])
    fits(mentor)
    expect(mentor.locator("main")).to_contain_text(name)
    mentor.goto(pair)
    press(mentor, mentor.locator("form[action$=agree] button"))

    curator = open_as(college.curators[0])
    curator.goto(pair)
    press(curator, curator.locator("form[action$=start] button"))
    for path in ("", "pairs/", "surveys/", "indicators/", "gradebook/", "sync/"):
        curator.goto(home + path)
        fits(curator)
    curator.goto(home + "indicators/")
    expect(curator.locator("main")).to_contain_text("1 из 1")

    mentee = open_as(people[name])
    fits(mentee)
    expect(mentee.locator("main")).to_contain_text("Мой наставник")
    expect(mentee.locator("main")).to_contain_text(people[mentor_name].lastname)


def test_a_students_page_has_nothing_serious_that_axe_finds(open_as, moodle):
    from axe_playwright_python.sync_playwright import Axe

    frame = open_as(moodle.college.students[0])
    page = frame.page
    page.goto(frame.url)
    # axe is a script of its own, which our policy rightly keeps out: it is run from outside the page.
    found = Axe().run(page)
    serious = [one for one in found.response["violations"] if one["impact"] in ("serious", "critical")]
    assert [(one["id"], one["help"]) for one in serious] == []
