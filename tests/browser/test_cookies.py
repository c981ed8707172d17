"""Cookies in Moodle's frame in a real browser that blocks third-party ones: two sites over https.

A browser takes names below one registered domain for one site, where no cookie is third-party. So Moodle and the
service have names of two, except where a test is about just that.
"""

import json
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, make_response, request
from playwright.sync_api import BrowserContext, Frame, Page, Playwright, expect
from sqlalchemy import select

from config import Settings
from lti_service.audit import AuditEvent
from lti_service.people.models import Person
from lti_service.platforms import outgoing
from tests.browser.conftest import CHROMIUM, FLAGS, fits, frame_of, no_complaints, press
from tests.certificates import Authority
from tests.practice_moodle import PracticeMoodle, running

MOODLE = "moodle.college.test"
OTHER_SITE = "mentoring.programme.test"
SAME_SITE = "mentoring.college.test"
NAMES = (MOODLE, OTHER_SITE, SAME_SITE)


class Keeps(Enum):
    """Which cookies a browser keeps for the service, as its user's preferences say."""

    ALL = "all"
    PARTITIONED = "of a frame's, partitioned ones only"
    FIRST_PARTY = "none of a frame"
    NONE = "none at all"

    @property
    def preferences(self) -> dict[str, Any]:
        """As they stand in Chromium's profile, behind "Block third-party cookies" and "Not allowed to use cookies"."""
        blocks = self is not Keeps.ALL
        # A pattern of who sets the cookie, and one of the site in the address bar; 2 is "block".
        where = {Keeps.FIRST_PARTY: f"[*.]{MOODLE}", Keeps.NONE: "*"}.get(self)
        exceptions = {f"[*.]{OTHER_SITE},{where}": {"setting": 2}} if where else {}
        return {
            "profile": {
                "cookie_controls_mode": 1 if blocks else 0,
                "block_third_party_cookies": blocks,
                "content_settings": {"exceptions": {"cookies": exceptions}},
            }
        }


# --- two sites over https, and a browser ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def service_name() -> str:
    return OTHER_SITE


@pytest.fixture
def settings(settings: Settings, service_name: str, free_port: int) -> Settings:
    return replace(settings, public_url=f"https://{service_name}:{free_port}", allowed_private_hosts=(MOODLE,))


@pytest.fixture
def service_at(authority: Authority, service_name: str) -> dict[str, Any]:
    return {"tls": authority.site(service_name), "name": service_name}


@pytest.fixture
def moodle_at(app: Flask, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Moodle's name leads to this machine for the service too, which takes the authority for a known one."""
    look_up = socket.getaddrinfo

    def known_here(host: Any, *args: Any, **kwargs: Any) -> Any:
        return look_up("127.0.0.1" if host in NAMES else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", known_here)
    monkeypatch.setattr(outgoing.http(), "verify", str(authority.file))
    return {"tls": authority.site(MOODLE), "name": MOODLE}


@pytest.fixture
def keeps() -> Keeps:
    return Keeps.PARTITIONED


@pytest.fixture
def width() -> int:
    return 1000


@pytest.fixture
def context(
    playwright: Playwright, authority: Authority, keeps: Keeps, width: int, tmp_path: Path
) -> Iterator[BrowserContext]:
    """A browser with a profile of its own, for preferences about cookies do not reach a context of a shared one."""
    profile = tmp_path / "profile"
    (profile / "Default").mkdir(parents=True)
    (profile / "Default" / "Preferences").write_text(json.dumps(keeps.preferences))
    context = playwright.chromium.launch_persistent_context(
        profile,
        executable_path=CHROMIUM,
        args=[
            *FLAGS,
            f"--ignore-certificate-errors-spki-list={authority.fingerprint}",
            "--host-resolver-rules=" + ", ".join(f"MAP {name} 127.0.0.1" for name in NAMES),
        ],
        viewport={"width": width, "height": 800},
        locale="ru-RU",
    )
    with no_complaints(context):
        yield context
        context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.pages[0]


# --- the browser does what the other tests stand on -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keeps", "in_frame", "in_window"),
    [
        (Keeps.ALL, {"plain", "partitioned"}, {"plain", "partitioned"}),
        (Keeps.PARTITIONED, {"partitioned"}, {"plain", "partitioned"}),
        (Keeps.FIRST_PARTY, set(), {"plain", "partitioned"}),
        (Keeps.NONE, set(), set()),
    ],
)
def test_the_browser_refuses_the_cookies_that_it_is_told_to(page, authority, in_frame, in_window):
    outer, inner = Flask("outer"), Flask("inner")

    @outer.get("/")
    def frame() -> str:
        return f"<link rel=icon href=data:,><iframe src='{inside}/set'></iframe>"

    @inner.get("/set")
    def give() -> Response:
        response = make_response("<link rel=icon href=data:,><script>location = '/seen'</script>")
        for name in ("plain", "partitioned"):
            response.set_cookie(name, "1", secure=True, samesite="None", partitioned=name == "partitioned")
        return response

    @inner.get("/seen")
    def seen() -> str:
        return "<link rel=icon href=data:,>" + " ".join(request.cookies)

    outside_at = {"tls": authority.site(MOODLE), "name": MOODLE}
    inside_at = {"tls": authority.site(OTHER_SITE), "name": OTHER_SITE}
    with running(outer, **outside_at) as outside, running(inner, **inside_at) as inside:
        page.goto(outside)
        framed = frame_of(page)
        framed.wait_for_url("**/seen")
        assert set(framed.inner_text("body").split()) == in_frame
        page.goto(f"{inside}/set")
        page.wait_for_url("**/seen")
        assert set(page.inner_text("body").split()) == in_window


# --- in the frame ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service_name", [OTHER_SITE, SAME_SITE], ids=["other site", "same site"])
def test_in_the_frame_one_is_signed_in_and_stays_so(open_as, context, moodle, service_name):
    curator = moodle.college.curators[0]
    frame = open_as(curator)
    expect(frame.locator("header")).to_contain_text(curator.lastname)
    press(frame, frame.locator("nav a").nth(1))
    expect(frame.locator("header")).to_contain_text(curator.lastname)
    cookies = {cookie["name"]: cookie for cookie in context.cookies()}
    assert {"__Host-login", "__Host-visit"} <= cookies.keys() <= {"__Host-login", "__Host-visit", "__Host-session"}
    for cookie in cookies.values():
        # Without a dot in front: of this host only.
        assert (cookie["domain"], cookie["path"]) == (service_name, "/")
        assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "None")
        assert cookie["partitionKey"] == "https://college.test"


def test_each_launch_in_the_frame_begins_a_visit_of_its_own(open_as, context, moodle):
    def visit() -> str:
        return next(cookie["value"] for cookie in context.cookies() if cookie["name"] == "__Host-visit")

    open_as(moodle.college.students[0])
    first = visit()
    frame = open_as(moodle.college.students[1])
    expect(frame.locator("header")).to_contain_text(moodle.college.students[1].lastname)
    assert visit() != first


@pytest.mark.parametrize("width", [1000, 360])
def test_forms_are_taken_in_the_frame(open_as, moodle, width):
    admin = open_as(moodle.college.admin)
    admin.goto(re.sub(r"(/courses/\d+/).*", r"\1sync/", admin.url))
    press(admin, admin.locator("form[method=post] button.btn-primary").first)
    expect(admin.locator("main")).to_contain_text("231")
    fits(admin)
    curator = open_as(moodle.college.curators[0])
    curator.goto(curator.url + "base/?state=candidate&kind=student")
    curator.locator("input[name=chosen]").first.check()
    press(curator, curator.locator("button[name=action][value=need]"))
    # The words come over the redirect in Flask's own cookie.
    expect(curator.locator("[role=status]")).to_contain_text("1 человек")
    fits(curator)


def test_what_a_teacher_chooses_in_the_frame_arrives_in_moodle(page, live, platform, moodle):
    tool = next(iter(moodle.lti.tools.values()))
    before = len(moodle.lti.links)
    teacher = moodle.college.teachers[0]
    page.goto(f"{moodle.issuer}/mod/lti/choose.php?course=2&tool={tool.id}&user={teacher.id}")
    frame = frame_of(page)
    frame.wait_for_url(f"{live}/courses/*/choosing/*")
    frame.locator("input[value=mentor]").check()
    frame.locator("form button.btn-primary").click()
    page.wait_for_url(f"{moodle.issuer}/course/view.php?id=2")
    assert len(moodle.lti.links) == before + 1


def test_a_grade_of_somebody_unknown_says_so_in_the_frame(open_review, moodle):
    frame = open_review(moodle.college.teachers[0], moodle.college.students[3])
    expect(frame.locator("[role=status]")).to_contain_text("здесь ещё не известен")


def test_a_grade_leads_to_the_persons_page_in_the_frame(open_as, open_review, moodle, session):
    student = moodle.college.students[3]
    open_as(student)
    person = session.scalars(select(Person).where(Person.moodle_id == str(student.id))).one()
    frame = open_review(moodle.college.teachers[0], student)
    assert frame.url.endswith(f"/pairs/of/{person.id}/")
    expect(frame.locator("main")).to_contain_text(student.lastname)


# --- in a new window --------------------------------------------------------------------------------------------------


@pytest.fixture
def open_refused(page: Page, live: str, platform: object, moodle: PracticeMoodle) -> Callable[..., Frame]:
    """Open the activity where the frame keeps no cookie; returns the frame with the page that says so."""

    def open_activity(who: Any) -> Frame:
        link = moodle.lti.link_in(2)
        page.goto(f"{moodle.issuer}/mod/lti/view.php?id={link.module_id}&user={who.id}")
        frame = frame_of(page)
        frame.wait_for_url(f"{live}/lti/login?*")
        expect(frame.locator("h1")).to_have_text("Открыть в новом окне")
        return frame

    return open_activity


@pytest.mark.parametrize("keeps", [Keeps.FIRST_PARTY])
@pytest.mark.parametrize("width", [1000, 360])
def test_the_page_opens_in_a_new_window_once(open_refused, context, moodle, live, session, keeps, width):
    curator = moodle.college.curators[0]
    frame = open_refused(curator)
    fits(frame)
    assert context.cookies() == []
    with context.expect_page() as opened:
        frame.get_by_role("button").click()
    window = opened.value
    window.wait_for_url(f"{live}/courses/**")
    expect(window.locator("header")).to_contain_text(curator.lastname)
    press(window, window.locator("nav a").nth(1))
    expect(window.locator("header")).to_contain_text(curator.lastname)
    fits(window)
    visits = [cookie for cookie in context.cookies() if cookie["name"] == "__Host-visit"]
    assert [cookie["partitionKey"] for cookie in visits] == ["https://programme.test"]

    with context.expect_page() as opened:
        frame.get_by_role("button").click()
    second = opened.value
    second.wait_for_url(f"{live}/lti/handoff")
    expect(second.locator("main")).to_contain_text("уже использован")
    fits(second)
    event = session.scalars(select(AuditEvent).where(AuditEvent.action == "launch.refused")).one()
    assert (event.details["reason"], event.details["path"]) == ("state-used", "/lti/handoff")
    window.reload()
    expect(window.locator("header")).to_contain_text(curator.lastname)


@pytest.mark.parametrize("keeps", [Keeps.FIRST_PARTY])
def test_forms_are_taken_in_the_new_window(open_refused, context, moodle, live, keeps):
    frame = open_refused(moodle.college.admin)
    with context.expect_page() as opened:
        frame.get_by_role("button").click()
    window = opened.value
    window.wait_for_url(f"{live}/courses/**")
    window.goto(re.sub(r"(/courses/\d+/).*", r"\1sync/", window.url))
    press(window, window.locator("form[method=post] button.btn-primary").first)
    expect(window.locator("main")).to_contain_text("231")


@pytest.mark.parametrize("keeps", [Keeps.NONE])
def test_where_a_window_keeps_no_cookie_either_a_page_says_what_to_allow(open_refused, context, moodle, live, keeps):
    frame = open_refused(moodle.college.students[0])
    with context.expect_page() as opened:
        frame.get_by_role("button").click()
    window = opened.value
    window.wait_for_url(f"{live}/lti/launch")
    expect(window.locator("main")).to_contain_text("Разрешите cookie")
    fits(window)
