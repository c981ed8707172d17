"""A real browser on the real pages: the service on a port of its own, opened from the practice Moodle's frame."""

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask
from playwright.sync_api import Browser, Frame, Page, Playwright, sync_playwright

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
def live(app: Flask, settings: Settings, moodle: PracticeMoodle, free_port: int) -> Iterator[str]:
    """The service on its port, known to the practice Moodle under that address."""
    tool = next(iter(moodle.lti.tools.values()))
    tool.login_url = f"{settings.public_url}/lti/login"
    tool.url = f"{settings.public_url}/lti/launch"
    tool.redirect_uris = [tool.url]
    with running(app, port=free_port):
        yield settings.public_url


@pytest.fixture(params=[1000, 360], ids=["desktop", "phone"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A page at the two widths that the product is made for; a script error or a refused resource fails the test."""
    context = browser.new_context(viewport={"width": request.param, "height": 800}, locale="ru-RU")
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    yield page
    context.close()
    # Chromium reports a status of 4xx as an error of the console too: tests look at those themselves.
    assert [text for text in complaints if "Failed to load resource" not in text] == []


@pytest.fixture
def open_as(page: Page, live: str, platform: object, moodle: PracticeMoodle) -> Callable[..., Frame]:
    """`open_as(person, course=2)`: open the activity in Moodle's frame as this person; returns the frame."""

    def open_activity(who: Person, course: int = 2) -> Frame:
        link = moodle.lti.link_in(course)
        page.goto(f"{moodle.issuer}/mod/lti/view.php?id={link.module_id}&user={who.id}")
        element = page.wait_for_selector("iframe")
        frame = element.content_frame() if element else None
        assert frame is not None
        frame.wait_for_url(f"{live}/courses/**")
        frame.wait_for_load_state("load")
        return frame

    return open_activity
