"""A curator's day with mentors in a browser: mark one, decide on several, read who has learnt, look at all years."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import fits, press
from tests.practice_moodle import add_school


def test_the_curator_selects_and_trains_until_mentors_are_ready(open_as, moodle, live):
    college = moodle.college
    school = add_school(college)
    admin = open_as(college.admin)
    admin.goto(re.sub(r"(/courses/\d+/).*", r"\1sync/", admin.url))
    press(admin, admin.locator("form[method=post] button.btn-primary").first)
    expect(admin.locator("main")).to_contain_text("231")

    curator = open_as(college.curators[0])
    home = curator.url
    expect(curator.locator("main")).to_contain_text("ждут отбора")

    # The criteria are ours at first, and say so; the college puts one of its own.
    curator.goto(home + "base/mentors/criteria/")
    fits(curator)
    expect(curator.locator("main")).to_contain_text("лишь предложение службы")
    curator.locator("#title-5").fill("Рекомендация цикловой комиссии")
    curator.locator("#weight-5").fill("2")
    press(curator, curator.get_by_role("button", name="Сохранить критерии"))
    expect(curator.locator("#title-5")).to_have_value("Рекомендация цикловой комиссии")

    # One is marked: the result is counted before anything is decided.
    curator.goto(home + "base/mentors/?state=candidate&kind=employer")
    fits(curator)
    press(curator, curator.locator("tbody a").first)
    press(curator, curator.get_by_role("link", name="Оценить и решить"))
    fits(curator)
    for place, mark in enumerate("544535"):
        curator.locator(f"#mark-{place}").select_option(mark)
    press(curator, curator.get_by_role("button", name="Посчитать результат"))
    expect(curator.get_by_role("status")).to_contain_text("58 из 65 баллов")
    curator.locator("#decision-accepted").check()
    press(curator, curator.get_by_role("button", name="Сохранить решение"))
    expect(curator.locator("main")).to_contain_text("58 из 65 баллов")
    fits(curator)

    # The others of the filter at once.
    curator.goto(home + "base/mentors/?state=candidate&kind=employer")
    curator.get_by_role("link", name="Выбрать всех на странице").click()
    press(curator, curator.get_by_role("button", name="Решение об отборе"))
    fits(curator)
    curator.locator("#decision-accepted").check()
    curator.get_by_label("Причина").fill("Решение педсовета")
    press(curator, curator.get_by_role("button", name="Сохранить решение"))
    expect(curator.locator("main")).to_contain_text("Отобрано 9 человек")

    # A training whose completion Moodle tells.
    curator.goto(home + "base/mentors/training/new")
    fits(curator)
    curator.get_by_label("Название").fill("Школа наставника")
    curator.get_by_label("Курс в Moodle").fill(f"{moodle.issuer}/course/view.php?id={school.id}")
    press(curator, curator.get_by_role("button", name="Добавить"))
    curator.goto(home + "base/mentors/training/")
    press(curator, curator.get_by_role("button", name="Прочитать завершения из Moodle"))
    expect(curator.locator("main")).to_contain_text("Новых завершений")
    fits(curator)

    # And one of those who have not completed it is recorded by hand.
    curator.goto(home + "base/mentors/?state=selected")
    name = curator.locator("tbody a").first.inner_text()
    curator.locator("input[name=chosen]").first.check()
    press(curator, curator.get_by_role("button", name="Записать обучение"))
    fits(curator)
    press(curator, curator.get_by_role("button", name="Записать обучение"))
    expect(curator.locator("main")).to_contain_text("Записано обучение 1 наставника")

    curator.goto(home + "base/mentors/years/")
    fits(curator)
    expect(curator.locator("tbody")).to_contain_text(name)
    curator.goto(home)
    fits(curator)
    expect(curator.locator("main")).not_to_contain_text("0 кандидатов")
