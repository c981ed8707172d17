"""What a curator looks after people in, in a real browser: filters put away, who is due, and a mended card."""

import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import fits, press


def test_a_curator_filters_mends_a_card_and_looks_after_those_without_a_pair(open_as, moodle, live):
    college = moodle.college
    admin = open_as(college.admin)
    admin.goto(re.sub(r"(/courses/\d+/).*", r"\1sync/", admin.url))
    press(admin, admin.locator("form[method=post] button.btn-primary").first)

    curator = open_as(college.curators[0])
    home = curator.url
    curator.goto(home + "base/?kind=student")
    more = curator.locator("summary", has_text="Ещё фильтры")
    expect(curator.locator("#special")).to_be_hidden()
    more.click()
    curator.locator("#special").check()
    fits(curator)
    press(curator, curator.get_by_role("button", name="Показать"))
    assert "special=1" in curator.url
    expect(curator.locator("main")).to_contain_text("По фильтру никого не найдено")
    expect(curator.locator("#special")).to_be_visible()
    fits(curator)

    curator.goto(home + "base/?kind=student")
    ticks = curator.locator("tbody input[name=chosen]")
    ticks.nth(0).press("Space")
    ticks.nth(1).press("Enter")
    expect(curator.locator("[data-people-count]")).to_have_text("Выбрано: 1")
    press(curator, curator.locator("tbody a.people-name").first)
    card = curator.url
    curator.locator("summary", has_text="Выбрать темы").click()
    curator.locator("input[name=topics]").first.check()
    curator.locator("input[name=special_needs]").check()
    fits(curator)
    press(curator, curator.get_by_role("button", name="Сохранить: нужен наставник"))
    expect(curator.locator("summary", has_text="Изменить темы")).to_be_visible()
    press(curator, curator.locator("button[name=action][value=give_up]"))
    fits(curator)
    curator.goto(home)
    press(curator, curator.get_by_role("link", name="1 наставляемый без пары"))
    expect(curator.locator("tbody tr")).to_have_count(1)
    expect(curator.locator("tbody")).to_contain_text("ещё не беседовали")
    fits(curator)
    press(curator, curator.locator("a:visible", has_text="Записать беседу").first)
    curator.locator("input[name=who]").fill("Психолог Петрова Анна Сергеевна, кабинет 214")
    curator.locator("textarea[name=agreed]").fill("Встречаться по средам")
    press(curator, curator.get_by_role("button", name="Сохранить"))
    curator.goto(home + "base/support/")
    expect(curator.locator("tbody")).to_contain_text("не требуется")
    fits(curator)

    found = {path: _serious(curator.page, home + path) for path in ("base/?special=1", "base/support/")}
    found["card"] = _serious(curator.page, card)
    found["mentors"] = _serious(curator.page, home + "base/mentors/?differs=1")
    teacher = open_as(college.teachers[0])
    teacher.goto(home + "nominations/?sort=group")
    fits(teacher)
    found["students"] = _serious(teacher.page, home + "nominations/?sort=group")
    assert {path: serious for path, serious in found.items() if serious} == {}


def _serious(page, address):
    """What axe finds on a page; it is run from outside, for our policy keeps its script out."""
    page.goto(address)
    found = Axe().run(page).response["violations"]
    return [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]
