"""Cookies on plain-http localhost, where the product is tried out: Lax, and without what only https allows."""

import pytest
from playwright.sync_api import expect


@pytest.mark.parametrize("page", [1000], indirect=True)
def test_on_localhost_the_visit_and_the_words_after_a_launch_reach_the_frame(open_review, page, moodle):
    teacher = moodle.college.teachers[0]
    frame = open_review(teacher, moodle.college.students[3])
    expect(frame.locator("[role=status]")).to_contain_text("здесь ещё не известен")
    frame.goto(frame.url)
    expect(frame.locator("header")).to_contain_text(teacher.lastname)
    expect(frame.locator("[role=status]")).to_have_count(0)
    cookies = page.context.cookies()
    assert {cookie["name"] for cookie in cookies} >= {"login", "visit"}
    assert {cookie["name"] for cookie in cookies} <= {"login", "visit", "session"}
    for cookie in cookies:
        assert (cookie["domain"], cookie["path"], cookie["sameSite"]) == ("localhost", "/", "Lax")
        assert (cookie["secure"], cookie["httpOnly"]) == (False, True)
