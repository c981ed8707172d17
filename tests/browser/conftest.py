"""A real browser on the real pages: the service on a port of its own, opened from the practice Moodle's frame."""

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Frame, Locator, Page, Playwright, sync_playwright

from config import Settings
from tests.practice_moodle import Person, PracticeMoodle, running

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark these tests, and leave them out where there is no Chromium (CI installs it and so always runs them)."""
    for item in items:
        if "tests/browser/" in item.nodeid.replace("\\", "/"):
            item.add_marker(pytest.mark.browser)
            if not CHROMIUM:
                if os.environ.get("CI"):
                    raise pytest.UsageError("CI must have chromium")
                item.add_marker(pytest.mark.skip(reason="chromium is not installed"))


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running_playwright:
        yield running_playwright


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def settings(settings: Settings, free_port: int) -> Settings:
    """As everywhere, but with the address that the browser sees."""
    return replace(settings, public_url=f"http://localhost:{free_port}")


@pytest.fixture
def service_at() -> dict[str, Any]:
    """How the service is reached, as `running` takes it; override it for https."""
    return {}


@pytest.fixture
def live(
    app: Flask, settings: Settings, moodle: PracticeMoodle, free_port: int, service_at: dict[str, Any]
) -> Iterator[str]:
    """The service on its port, known to the practice Moodle under that address."""
    tool = next(iter(moodle.lti.tools.values()))
    tool.login_url = f"{settings.public_url}/lti/login"
    tool.url = f"{settings.public_url}/lti/launch"
    tool.redirect_uris = [tool.url]
    with running(app, port=free_port, **service_at):
        yield settings.public_url


@pytest.fixture(params=[1000, 360], ids=["desktop", "phone"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A page at the two widths that the product is made for; a script error or a refused resource fails the test."""
    context = browser.new_context(viewport={"width": request.param, "height": 800}, locale="ru-RU")
    with no_complaints(context):
        yield context.new_page()
        context.close()


@contextmanager
def no_complaints(context: BrowserContext) -> Iterator[None]:
    """A script error or a refused resource, in any window or frame, fails the test."""
    complaints: list[str] = []
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    yield
    # Chromium reports a status of 4xx as an error of the console too: tests look at those themselves.
    assert [text for text in complaints if "Failed to load resource" not in text] == []


@pytest.fixture
def open_as(page: Page, live: str, platform: object, moodle: PracticeMoodle) -> Callable[..., Frame]:
    """`open_as(person, course=2)`: open the activity in Moodle's frame as this person; returns the frame."""

    def open_activity(who: Person, course: int = 2) -> Frame:
        link = moodle.lti.link_in(course)
        page.goto(f"{moodle.issuer}/mod/lti/view.php?id={link.module_id}&user={who.id}")
        frame = frame_of(page)
        frame.wait_for_url(f"{live}/courses/**")
        frame.wait_for_load_state("load")
        return frame

    return open_activity


@pytest.fixture
def open_review(page: Page, live: str, platform: object, moodle: PracticeMoodle) -> Callable[..., Frame]:
    """`open_review(teacher, student)`: open this student's grade in Moodle's frame; returns the frame."""

    def open_grade(who: Person, whom: Person) -> Frame:
        link = moodle.lti.link_in(2)
        page.goto(f"{moodle.issuer}/mod/lti/view.php?id={link.module_id}&user={who.id}&for_user={whom.id}")
        frame = frame_of(page)
        frame.wait_for_url(f"{live}/courses/**")
        return frame

    return open_grade


def frame_of(page: Page) -> Frame:
    """What stands in Moodle's frame."""
    frame = page.wait_for_selector("iframe").content_frame()
    assert frame is not None
    return frame


def fits(frame: Frame | Page) -> None:
    """Nothing sticks out sideways, nor hides behind the scrolling of a list of its own."""
    over = frame.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert over <= 0, f"{frame.url} is {over} px too wide"
    lists = "[...document.querySelectorAll('.table-responsive')].map(list => list.scrollWidth - list.clientWidth)"
    assert [hidden for hidden in frame.evaluate(lists) if hidden > 0] == [], f"a list on {frame.url} hides columns"


def press(frame: Frame | Page, button: Locator) -> None:
    """Press a button that sends a form, and wait for the page it leads to."""
    with frame.expect_navigation():
        button.click()
