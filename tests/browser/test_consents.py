"""Consents in a real browser: a filter, papers of many at once, a scan, one's own page, and a withdrawal."""

import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import fits, press


def test_a_curator_records_papers_and_people_agree_and_withdraw(open_as, moodle, live, tmp_path):
    college = moodle.college
    admin = open_as(college.admin)
    admin.goto(re.sub(r"(/courses/\d+/).*", r"\1sync/", admin.url))
    press(admin, admin.locator("form[method=post] button.btn-primary").first)

    curator = open_as(college.curators[0])
    home = curator.url
    curator.goto(home + "base/?kind=student&consent=minor")
    fits(curator)
    curator.locator("input[name=chosen]").first.check()
    curator.locator("input[name=chosen]").nth(1).check()
    press(curator, curator.locator("button[name=action][value=need]"))
    curator.goto(home)
    fits(curator)
    press(curator, curator.get_by_role("link", name="Без согласия на обработку персональных данных: 2 из 2 участников"))
    expect(curator.locator("tbody tr")).to_have_count(2)
    fits(curator)

    # Lines of minors: one is filled in, the other left for later.
    press(curator, curator.get_by_role("link", name="Записать бумаги"))
    fits(curator)
    form = curator.locator("form:has(input[value=minors])")
    form.locator("input[name=signed_on]").fill("2026-11-20")
    form.locator("input[name^=name-]").first.fill("Иванова Мария Петровна")
    press(curator, form.locator("button"))
    expect(curator.locator("main")).to_contain_text("кем приходится", ignore_case=True)
    expect(curator.locator(".text-danger")).to_have_count(1)
    form.locator("select[name^=relation-]").first.select_option("mother")
    press(curator, form.locator("button"))
    expect(curator.locator(".alert-success")).to_contain_text("Записано 1 согласие")
    fits(curator)

    # The other comes with a scan, on the person's own record.
    curator.goto(home + "consents/?who=taking-part&standing=missing")
    name = curator.locator("tbody a").first.inner_text()
    press(curator, curator.locator("tbody a").first)
    fits(curator)
    press(curator, curator.get_by_role("link", name="Записать бумагу"))
    scan = tmp_path / "scan.pdf"
    scan.write_bytes(b"%PDF-1.4\n%%EOF")
    curator.locator("input[name=signed_on]").fill("2026-11-20")
    curator.locator("input[name=representative]").fill("Иванов Пётр Петрович")
    curator.locator("select[name=relation]").select_option("father")
    curator.locator("input[name=scan]").set_input_files(scan)
    press(curator, curator.locator("button.btn-primary"))
    expect(curator.locator("main")).to_contain_text("Скачать скан (PDF)")
    with curator.page.expect_download() as download:
        curator.get_by_role("link", name="Скачать скан").click()
    assert re.fullmatch(r"consent-\d+\.pdf", download.value.suggested_filename)

    # An employer's mentor, whose age Moodle does not tell, agrees; then takes it back.
    mentor = open_as(college.employers[0])
    fits(mentor)
    press(mentor, mentor.get_by_role("link", name="Прочитать и решить"))
    fits(mentor)
    mentor.get_by_label("Мне исполнилось 18 лет").check()
    press(mentor, mentor.get_by_role("button", name="Согласен(на)"))
    expect(mentor.locator("main")).to_contain_text("Спасибо! Согласие сохранено")
    press(mentor, mentor.get_by_role("link", name="Прочитать или отозвать"))
    mentor.locator("summary", has_text="Отозвать согласие").click()
    press(mentor, mentor.get_by_role("button", name="Отозвать согласие"))
    expect(mentor.locator("main")).to_contain_text("Согласие отозвано")
    fits(mentor)

    # A minor reads who signs, and prints the paper.
    people = {f"{person.lastname} {person.firstname}": person for person in college.students}
    minor = open_as(people[name])
    expect(minor.locator("main")).to_contain_text("Ваше согласие на обработку персональных данных есть")
    minor.goto(home + "my-consent/blank")
    fits(minor)
    expect(minor.locator("main")).to_contain_text("законного представителя")
    expect(minor.get_by_role("button", name="Напечатать")).to_be_visible()


def test_pages_of_consents_have_nothing_serious_that_axe_finds(open_as, moodle, live):
    college = moodle.college
    admin = open_as(college.admin)
    admin.goto(re.sub(r"(/courses/\d+/).*", r"\1sync/", admin.url))
    press(admin, admin.locator("form[method=post] button.btn-primary").first)
    curator = open_as(college.curators[0])
    home, page = curator.url, curator.page
    curator.goto(home + "consents/?standing=minor")
    person = re.search(r"people/\d+/", curator.locator("tbody a").first.get_attribute("href") or "")
    assert person
    paths = ("consents/", "consents/record", "consents/texts/", "consents/texts/adult", "consents/blanks",
             person[0], person[0] + "consents/new", "base/", "base/mentors/")  # fmt: skip
    found = {path: _serious(page, home + path) for path in paths}
    student = open_as(college.students[0])
    page = student.page
    found |= {path: _serious(page, home + path) for path in ("", "my-consent")}
    employer = open_as(college.employers[0])
    found["adult"] = _serious(employer.page, home + "my-consent")
    assert {path: serious for path, serious in found.items() if serious} == {}


def _serious(page, address):
    """What axe finds on a page; it is run from outside, for our policy keeps its script out."""
    page.goto(address)
    found = Axe().run(page).response["violations"]
    return [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]
