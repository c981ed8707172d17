"""The guests' door and what is behind it, as a hostile visitor tries it."""

import re
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from alembic import command
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

from lti_service import db
from lti_service.access import Role, Viewer
from lti_service.audit import AuditEvent
from lti_service.db import now
from lti_service.entrance.models import Visit
from lti_service.pairs.models import Pair, PairState
from lti_service.people.guests import door, invitations, rules
from lti_service.people.guests import service as guests
from lti_service.people.guests.invitations import Terms
from lti_service.people.guests.models import GuestAccess
from lti_service.people.guests.rules import AccessState, Factor, Standing
from lti_service.people.guests.service import PersonFacts
from lti_service.people.models import Membership, Mentor, MentorState
from lti_service.people.service import Desk
from lti_service.platforms.models import PlatformState
from lti_service.programme.models import MentorKind
from tests.consenting import give_consent, withdraw_consent
from tests.counting import statements
from tests.pairs.conftest import World, build_world

FACTS = PersonFacts("Горняков", "Пётр Ильич", "gornyak@mine.example", "8 915 123-45-67")
ANSWER = "4567"
SHUT = "This did not open."
BEFORE_LOCKED_BY_COUNT = "3d9f1c7ab052"


def viewer_of(world: World) -> Viewer:
    """The curator of a world's course."""
    return Viewer(
        person_id=world.curator.id,
        platform_id=world.platform.id,
        course_id=world.course.id,
        name=world.curator.spoken_name,
        roles=frozenset({Role.CURATOR}),
        course_title=world.course.title,
        activity_title="",
        time_zone="Europe/Moscow",
    )


class Outsider:
    """A mentor without an account, ready for pairs, and the way they come in."""

    def __init__(self, world: World, app: Flask, facts: PersonFacts = FACTS) -> None:
        self.world, self.app = world, app
        at = Desk(world.platform.id, world.course.id, world.cycle.id, world.curator.id)
        self.person = guests.add_person(world.session, at, facts)
        self.mentor = Mentor(
            cycle_id=world.cycle.id,
            person_id=self.person.id,
            kind=MentorKind.EMPLOYER,
            state=MentorState.READY,
            created_at=now(),
        )
        world.session.add(self.mentor)
        give_consent(world.session, self.person, world.day)
        world.session.commit()
        self.home = f"/guest/courses/{world.course.id}/"

    def invite(self, **more: Any) -> str:
        """A new code."""
        terms = {"factor": Factor.PHONE, "until": self.world.day + timedelta(days=30), **more}
        with db.transaction(self.world.session) as session:
            return invitations.invite(session, viewer_of(self.world), self.person.id, Terms(**terms), self.world.day)

    def access(self) -> GuestAccess:
        """Their access as it is now."""
        self.world.session.commit()
        return self.world.session.scalars(
            select(GuestAccess)
            .where(GuestAccess.person_id == self.person.id, GuestAccess.course_id == self.world.course.id)
            .execution_options(populate_existing=True)
        ).one()

    def standing(self) -> Standing:
        """How their access stands now."""
        return invitations.standing_of(self.access())

    def browser(self) -> FlaskClient:
        """A browser that is inside."""
        client = a_browser(self.app)
        assert enter(client, self.invite()).status_code == 303
        return client


def a_browser(app: Flask) -> FlaskClient:
    client = app.test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def token(client: FlaskClient, page: str = "/guest/") -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get(page).text)
    assert found, client.get(page).text
    return found[1]


def enter(client: FlaskClient, code: str = "", answer: str = ANSWER) -> Any:
    """Fill in the door's form; without a code, as a browser that is known."""
    fields = {"answer": answer, **({"code": code} if code else {})}
    return client.post("/guest/", data={"csrf_token": token(client, "/guest/?code=new"), **fields})


@pytest.fixture
def outsider(world: World, app: Flask) -> Outsider:
    return Outsider(world, app)


@pytest.fixture
def events(session: Session) -> Callable[[], list[str]]:
    """Actions of the trail, the oldest first."""

    def read() -> list[str]:
        session.rollback()
        return list(session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)))

    return read


def state_of(session: Session, pair: Pair) -> PairState:
    """Where a pair is now."""
    session.rollback()
    return session.scalars(select(Pair.state).where(Pair.id == pair.id)).one()


# --- coming in ----------------------------------------------------------------------------------------------------


def test_a_code_and_the_answer_open_the_door(outsider: Outsider, events: Callable[[], list[str]]) -> None:
    client = a_browser(outsider.app)
    code = outsider.invite()
    assert code not in str(outsider.access().__dict__)
    entered = enter(client, rules.shown_code(code))
    assert (entered.status_code, entered.location) == (303, outsider.home)
    page = client.get(entered.location)
    assert page.status_code == 200
    assert "My mentees" in page.text
    assert "Пётр Ильич Горняков" in page.text
    access = outsider.access()
    assert (access.state, access.failures, access.views) == (AccessState.OPEN, 0, 1)
    assert access.last_seen_at is not None
    assert events()[-4:] == ["guest.invited", "guest.activated", "guest.came-in", "guest.viewed"]
    assert client.get("/guest/").location == outsider.home


def test_the_browser_that_used_the_code_comes_in_again_with_the_answer(outsider: Outsider) -> None:
    client = outsider.browser()
    client.delete_cookie("guest")
    page = client.get("/guest/").text
    assert "This browser is known here" in page
    assert 'name="code"' not in page
    assert enter(client, answer="0000").status_code == 403
    assert enter(client).status_code == 303
    assert client.get(outsider.home).status_code == 200


def test_a_word_agreed_on_opens_too(outsider: Outsider) -> None:
    code = outsider.invite(factor=Factor.WORD, question="Как звали первого мастера?", answer="Семён Лукич")
    client = a_browser(outsider.app)
    assert enter(client, code, "семен  лукич ").status_code == 303


def test_cookies_are_first_party_and_pages_stand_in_no_frame(outsider: Outsider) -> None:
    client = a_browser(outsider.app)
    entered = enter(client, outsider.invite())
    cookies = [value for value in entered.headers.getlist("Set-Cookie") if value.startswith("guest")]
    assert len(cookies) == 2
    assert all("SameSite=Lax" in cookie and "HttpOnly" in cookie and "Path=/" in cookie for cookie in cookies)
    for path in ("/guest/", outsider.home, "/guest/nowhere", "/guest/courses/999999/"):
        policy = client.get(path, follow_redirects=True).headers["Content-Security-Policy"]
        assert policy.endswith("frame-ancestors 'none'"), path


def test_on_https_the_cookies_are_of_this_host_alone(outsider: Outsider) -> None:
    app = outsider.app
    app.extensions["settings"] = replace(app.extensions["settings"], public_url="https://mentoring.example")
    entered = enter(a_browser(app), outsider.invite())
    cookies = [value for value in entered.headers.getlist("Set-Cookie") if "guest" in value]
    assert len(cookies) == 2
    assert all(cookie.startswith("__Host-guest") and "Secure" in cookie for cookie in cookies)
    assert not any("Partitioned" in cookie or "Domain" in cookie for cookie in cookies)


# --- what stays shut ----------------------------------------------------------------------------------------------


def test_whatever_is_wrong_the_door_says_the_same(outsider: Outsider, session: Session) -> None:
    unknown = rules.code_of(12345)
    answers = {}

    def shut(name: str, code: str, answer: str = ANSWER) -> None:
        page = enter(a_browser(outsider.app), code, answer)
        text = re.sub(r'(value|nonce)="[^"]*"|[0-9a-f]{12}', "", page.text)
        answers[name] = (page.status_code, text)

    shut("unknown", unknown)
    shut("wrong answer", outsider.invite(), "0000")
    used = outsider.invite()
    assert enter(a_browser(outsider.app), used).status_code == 303
    shut("used", used)
    old = outsider.invite()
    outsider.invite()
    shut("renewed", old)
    late = outsider.invite()
    outsider.access().code_until = now()
    session.commit()
    shut("code too old", late)
    expired = outsider.invite()
    outsider.access().expires_at = now()
    session.commit()
    shut("expired", expired)
    locked = outsider.invite()
    outsider.access().failures = rules.MOST_FAILURES
    session.commit()
    shut("locked", locked)
    withdrawn = outsider.invite()
    invitations.withdraw(session, viewer_of(outsider.world), outsider.person.id)
    session.commit()
    shut("withdrawn", withdrawn)
    gone = outsider.invite()
    session.scalars(select(Membership).where(Membership.person_id == outsider.person.id)).one().active = False
    session.commit()
    shut("left the course", gone)
    session.scalars(select(Membership).where(Membership.person_id == outsider.person.id)).one().active = True
    outsider.world.platform.state = PlatformState.PAUSED
    session.commit()
    shut("platform paused", outsider.invite())
    assert len(answers) == 10
    assert set(answers.values()) == {answers["unknown"]}
    status, text = answers["unknown"]
    assert status == 403
    assert SHUT in text


def test_a_slip_of_the_keyboard_is_told_without_looking_for_the_code(outsider: Outsider) -> None:
    code = outsider.invite()
    slipped = code[:-1] + str((int(code[-1]) + 1) % 10)
    for typed in (slipped, "123", "' OR 1=1 --"):
        page = enter(a_browser(outsider.app), typed)
        assert page.status_code == 422
        assert "slip of the keyboard" in page.text
    assert outsider.access().failures == 0


def test_so_many_wrong_answers_lock_and_only_a_new_code_opens(
    outsider: Outsider, events: Callable[[], list[str]]
) -> None:
    code = outsider.invite()
    for _ in range(rules.MOST_FAILURES):
        assert enter(a_browser(outsider.app), code, "0000").status_code == 403
    assert outsider.standing() is Standing.LOCKED
    assert events().count("guest.wrong-answer") == rules.MOST_FAILURES
    assert events()[-1] == "guest.locked"
    assert enter(a_browser(outsider.app), code).status_code == 403
    assert enter(a_browser(outsider.app), outsider.invite()).status_code == 303


def test_tries_that_never_came_to_an_end_lock_it_for_the_curator_to_see(outsider: Outsider, session: Session) -> None:
    code = outsider.invite()
    session.execute(update(GuestAccess).values(failures=rules.MOST_FAILURES))
    session.commit()
    assert enter(a_browser(outsider.app), code).status_code == 403
    assert outsider.standing() is Standing.LOCKED
    assert enter(a_browser(outsider.app), outsider.invite()).status_code == 303


def test_a_stolen_browser_is_locked_as_well(outsider: Outsider) -> None:
    client = outsider.browser()
    client.delete_cookie("guest")
    for number in range(rules.MOST_FAILURES):
        assert enter(client, answer=f"000{number}").status_code == 403
    assert enter(client).status_code == 403
    assert outsider.standing() is Standing.LOCKED


def test_a_right_answer_forgives_the_wrong_ones(outsider: Outsider) -> None:
    client = outsider.browser()
    for _round in range(2):
        client.delete_cookie("guest")
        for _ in range(rules.MOST_FAILURES - 1):
            enter(client, answer="0000")
        assert enter(client).status_code == 303
    assert outsider.access().failures == 0


def test_many_guesses_at_once_are_no_more_than_a_few(outsider: Outsider, events: Callable[[], list[str]]) -> None:
    """However many browsers try one code at the same moment, no more answers are looked at than may be."""
    code = outsider.invite()
    clients = [a_browser(outsider.app) for _ in range(12)]
    tokens = [token(client) for client in clients]
    statuses: list[int] = []

    def guess(place: int) -> None:
        data = {"csrf_token": tokens[place], "code": code, "answer": f"{place:04}"}
        statuses.append(clients[place].post("/guest/", data=data).status_code)

    threads = [threading.Thread(target=guess, args=(place,)) for place in range(len(clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [403] * len(clients)
    access = outsider.access()
    assert (outsider.standing(), access.failures) == (Standing.LOCKED, rules.MOST_FAILURES)
    assert events().count("guest.locked") == 1


class Tries:
    """Two tries that both have begun before either comes to its end; `first` says which answer ends first."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, first: str) -> None:
        self.begun, self.ended = threading.Barrier(2, timeout=20), threading.Event()
        self.first, self.is_right = first, door.is_right
        self.statuses: dict[str, int] = {}
        monkeypatch.setattr(door, "is_right", self.look)

    def look(self, tried: Any, answer: str) -> bool:
        found = self.is_right(tried, answer)
        self.begun.wait()
        if answer != self.first:
            assert self.ended.wait(20)
        return found

    def make(self, client: FlaskClient, csrf: str, code: str, name: str, answer: str) -> None:
        data = {"csrf_token": csrf, "answer": answer, **({"code": code} if code else {})}
        self.statuses[name] = client.post("/guest/", data=data).status_code
        self.ended.set()

    def run(self, *threads: threading.Thread) -> dict[str, int]:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self.statuses


@pytest.mark.parametrize("first", [ANSWER, "0000"], ids=["the right one ends first", "the wrong one ends first"])
def test_of_two_tries_at_once_the_right_answer_wins_whichever_ends_first(
    outsider: Outsider, session: Session, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    code = outsider.invite()
    clients = [a_browser(outsider.app) for _ in range(2)]
    tokens = [token(client) for client in clients]
    session.execute(update(GuestAccess).values(failures=rules.MOST_FAILURES - 2))
    session.commit()
    tries = Tries(monkeypatch, first)
    statuses = tries.run(
        threading.Thread(target=tries.make, args=(clients[0], tokens[0], code, "right", ANSWER)),
        threading.Thread(target=tries.make, args=(clients[1], tokens[1], code, "wrong", "0000")),
    )
    assert statuses == {"right": 303, "wrong": 403}
    assert outsider.standing() is Standing.OPEN
    assert outsider.access().failures == 0
    assert clients[0].get(outsider.home).status_code == 200


def test_a_double_click_on_the_last_right_answer_locks_nobody_out(
    outsider: Outsider, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = outsider.invite()
    client = a_browser(outsider.app)
    csrf, cookie = token(client), client.get_cookie("session").value
    again = a_browser(outsider.app)
    again.set_cookie("session", cookie)
    session.execute(update(GuestAccess).values(failures=rules.MOST_FAILURES - 1))
    session.commit()
    barrier = threading.Barrier(2, timeout=20)
    look = door.is_right

    def is_right(tried: Any, answer: str) -> bool:
        barrier.wait()
        return look(tried, answer)

    monkeypatch.setattr(door, "is_right", is_right)
    statuses: list[int] = []

    def click(browser: FlaskClient) -> None:
        data = {"csrf_token": csrf, "code": code, "answer": ANSWER}
        statuses.append(browser.post("/guest/", data=data).status_code)

    threads = [threading.Thread(target=click, args=(browser,)) for browser in (client, again)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [303, 403]
    assert outsider.standing() is Standing.OPEN
    monkeypatch.setattr(door, "is_right", look)
    assert enter(again, code).status_code == 303, "and whose answer got lost comes in by the same form again"


def test_what_was_locked_before_the_count_said_so_stays_locked(outsider: Outsider, session: Session) -> None:
    """The migration down and up again, with one that was never opened, one that was, and one that nobody locked."""
    facts = (replace(FACTS, family_name=name, email="") for name in ("Забойщиков", "Проходчиков"))
    opened, free = (Outsider(outsider.world, outsider.app, one) for one in facts)
    opened.browser()
    free.browser()
    outsider.invite()
    for one in (outsider, opened):
        one.access().failures = rules.MOST_FAILURES
    session.commit()
    session.close()
    config = db.alembic_config()
    config.attributes["engine"] = engine = db.make_engine(outsider.app.extensions["settings"].database_url)
    try:
        command.downgrade(config, BEFORE_LOCKED_BY_COUNT)
        with engine.connect() as connection:
            states = connection.execute(text("SELECT state FROM guest_access ORDER BY person_id")).scalars().all()
        assert states == ["locked", "locked", "open"]
        command.upgrade(config, "head")
    finally:
        engine.dispose()
    found = session.scalars(select(GuestAccess).order_by(GuestAccess.person_id)).all()
    assert [access.state for access in found] == [AccessState.INVITED, AccessState.OPEN, AccessState.OPEN]
    assert [invitations.standing_of(access) for access in found] == [Standing.LOCKED, Standing.LOCKED, Standing.OPEN]


# --- one code, one browser ----------------------------------------------------------------------------------------


def test_a_used_code_opens_in_no_other_browser(outsider: Outsider) -> None:
    code = outsider.invite()
    assert enter(a_browser(outsider.app), code).status_code == 303
    for _ in range(3):
        assert enter(a_browser(outsider.app), code).status_code == 403
    assert outsider.access().failures == 0, "nor does it lock the guest out"


def test_a_used_code_opens_again_where_the_answer_got_lost_but_not_for_long(
    outsider: Outsider, session: Session
) -> None:
    code = outsider.invite()
    client = a_browser(outsider.app)
    assert enter(client, code).status_code == 303
    device = client.get_cookie("guest-device").value
    client.delete_cookie("guest")
    client.delete_cookie("guest-device")
    assert enter(client, code, "0000").status_code == 403
    assert enter(client, code).status_code == 303
    assert client.get_cookie("guest-device").value == device
    outsider.access().activated_at = now() - rules.GRACE
    session.commit()
    assert enter(client, code).status_code == 403


def test_of_two_browsers_at_once_one_comes_in(outsider: Outsider) -> None:
    code = outsider.invite()
    clients = [a_browser(outsider.app) for _ in range(2)]
    tokens = [token(client) for client in clients]
    barrier = threading.Barrier(2)
    statuses: list[int] = []

    def come(place: int) -> None:
        barrier.wait()
        data = {"csrf_token": tokens[place], "code": code, "answer": ANSWER}
        statuses.append(clients[place].post("/guest/", data=data).status_code)

    threads = [threading.Thread(target=come, args=(place,)) for place in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [303, 403]
    inside = [client.get(outsider.home).status_code for client in clients]
    assert sorted(inside) == [200, 303]


def test_a_new_code_ends_the_browser_and_the_visit_of_the_old_one(outsider: Outsider) -> None:
    client = outsider.browser()
    assert client.get(outsider.home).status_code == 200
    code = outsider.invite()
    assert client.get(outsider.home).location == "/guest/"
    assert enter(client).status_code == 403, "its secret opens nothing"
    other = a_browser(outsider.app)
    assert enter(other, code).status_code == 303
    assert client.get(outsider.home).location == "/guest/", "nor does the old visit come back to life"


def test_the_secrets_are_new_at_each_entry_whatever_the_browser_brought(outsider: Outsider) -> None:
    client = a_browser(outsider.app)
    client.set_cookie("guest", "planted")
    client.set_cookie("guest-device", "planted")
    assert enter(client, outsider.invite()).status_code == 303
    first, device = client.get_cookie("guest").value, client.get_cookie("guest-device").value
    assert "planted" not in (first, device)
    assert enter(client).status_code == 303
    second = client.get_cookie("guest").value
    assert second != first
    before = a_browser(outsider.app)
    before.set_cookie("guest", first)
    assert before.get(outsider.home).location == "/guest/", "the visit before has ended"
    thief = a_browser(outsider.app)
    thief.set_cookie("guest-device", "planted")
    assert enter(thief).status_code == 403


def test_the_database_alone_opens_nothing(outsider: Outsider, session: Session) -> None:
    outsider.browser()
    access = outsider.access()
    visit = session.scalars(select(Visit).where(Visit.guest_device.is_not(None))).one()
    for value in (visit.token_hash, access.device_hash, access.code_hash):
        thief = a_browser(outsider.app)
        thief.set_cookie("guest", value)
        thief.set_cookie("guest-device", value)
        assert thief.get(outsider.home).location == "/guest/"
        assert enter(thief).status_code == 403
    assert "scrypt" not in access.answer
    assert ANSWER not in access.answer


# --- the end of it ------------------------------------------------------------------------------------------------


def test_withdrawn_means_out_at_the_next_request(outsider: Outsider, session: Session) -> None:
    client = outsider.browser()
    assert client.get(outsider.home).status_code == 200
    invitations.withdraw(session, viewer_of(outsider.world), outsider.person.id)
    session.commit()
    assert client.get(outsider.home).location == "/guest/"
    assert enter(client).status_code == 403


@pytest.mark.parametrize("end", ["access", "visit", "membership", "role", "platform"])
def test_a_visit_ends_with_what_it_stands_on(outsider: Outsider, session: Session, end: str) -> None:
    client = outsider.browser()
    access = outsider.access()
    membership = session.scalars(select(Membership).where(Membership.person_id == outsider.person.id)).one()
    if end == "access":
        access.expires_at = now()
    elif end == "visit":
        session.scalars(select(Visit).where(Visit.guest_device.is_not(None))).one().expires_at = now()
    elif end == "membership":
        membership.active = False
    elif end == "role":
        membership.roles = ["student"]
    else:
        outsider.world.platform.state = PlatformState.PAUSED
    session.commit()
    assert client.get(outsider.home, follow_redirects=False).status_code in (303, 404)
    assert "Горняков" not in client.get(outsider.home, follow_redirects=True).text


def test_a_visit_is_short_and_no_longer_than_the_access(outsider: Outsider, session: Session) -> None:
    outsider.browser()
    visit = session.scalars(select(Visit).where(Visit.guest_device.is_not(None))).one()
    assert visit.expires_at - visit.created_at == timedelta(hours=1)


def test_leaving_ends_the_visit_and_forgetting_the_browser(outsider: Outsider) -> None:
    client = outsider.browser()
    visit = client.get_cookie("guest").value
    client.post("/guest/leave", data={"csrf_token": token(client, outsider.home)})
    assert client.get(outsider.home).location == "/guest/"
    client.set_cookie("guest", visit)
    assert client.get(outsider.home).location == "/guest/"
    client.delete_cookie("guest")
    assert enter(client).status_code == 303
    client.post("/guest/leave", data={"csrf_token": token(client, outsider.home), "forget": "1"})
    assert 'name="code"' in client.get("/guest/").text


# --- forced browsing ----------------------------------------------------------------------------------------------

OPEN_TO_ALL = ("/static/", "/lti/", "/healthz", "/readyz", "/metrics", "/bootstrap")


def test_every_other_page_is_shut_to_a_guest(outsider: Outsider, session: Session) -> None:
    """Walk the whole map with every id that there is, with the guest's own cookie as it is, and as a usual visit's."""
    world, app = outsider.world, outsider.app
    pair = world.pair(PairState.ACTIVE)
    client = outsider.browser()
    impostor = a_browser(app)
    impostor.set_cookie("visit", client.get_cookie("guest").value)
    ids = {"person_id": outsider.person.id, "guest_id": outsider.person.id, "pair_id": pair.id}

    def filled(rule: Rule, name: str) -> Any:
        # A part that is one of several words takes the first of them, whatever it is.
        words = getattr(rule._converters[name], "items", None)
        return sorted(words)[0] if words else ids.get(name, 1)

    walked = 0
    other = world.another_course()
    csrf = token(client, outsider.home)
    for rule in app.url_map.iter_rules():
        if rule.rule == "/" or rule.rule.startswith((*OPEN_TO_ALL, "/guest/")):
            continue
        for of in (world.course.id, other.id):
            values = {name: of if name == "course_id" else filled(rule, name) for name in rule.arguments}
            with app.test_request_context():
                address = app.url_map.bind("localhost").build(
                    rule.endpoint, values, method=next(iter(rule.methods or ()))
                )
            for method in (rule.methods or set()) & {"GET", "POST"}:
                for browser in (client, impostor):
                    data = {"csrf_token": csrf} if method == "POST" else None
                    page = browser.open(address, method=method, data=data)
                    wanted = (401, 400) if browser is impostor else (403, 404)
                    assert page.status_code in wanted, (method, address, page.status_code)
                    walked += 1
    assert walked > 200
    assert state_of(session, pair) is PairState.ACTIVE


def test_a_guest_of_one_course_is_nobody_in_another(outsider: Outsider, world: World) -> None:
    other = world.another_course()
    session = world.session
    session.add(Membership(course_id=other.id, person_id=outsider.person.id, roles=["guest"]))
    session.commit()
    client = outsider.browser()
    assert client.get(f"/guest/courses/{other.id}/").status_code == 404
    assert client.get("/guest/courses/999999/").status_code == 404


def test_a_guest_of_another_platform_sees_nothing_here(outsider: Outsider, app: Flask, session: Session) -> None:
    other = build_world(session)
    stranger = Outsider(other, app)
    pair = outsider.world.pair(PairState.PROPOSED, outsider.mentor, form="employer-student")
    client = stranger.browser()
    assert client.get(outsider.home).status_code == 404
    assert client.get(stranger.home).status_code == 200
    answer = client.post(f"{stranger.home}pairs/{pair.id}/agree", data={"csrf_token": token(client, stranger.home)})
    assert answer.status_code == 404
    assert state_of(session, pair) is PairState.PROPOSED


def test_a_visit_from_moodle_opens_nothing_of_the_guests(
    outsider: Outsider, come_in: Callable[..., FlaskClient]
) -> None:
    curator = come_in(outsider.world.curator)
    assert curator.get(outsider.home).location == "/guest/"
    curator.set_cookie("guest", curator.get_cookie("visit").value)
    assert curator.get(outsider.home).location == "/guest/"


def test_in_one_browser_the_curators_visit_stays_the_curators(
    outsider: Outsider, come_in: Callable[..., FlaskClient]
) -> None:
    curator = come_in(outsider.world.curator, "en")
    assert enter(curator, outsider.invite()).status_code == 303
    assert curator.get(f"/courses/{outsider.world.course.id}/employers/guests/").status_code == 200
    assert "Пётр Ильич Горняков" in curator.get(outsider.home).text


def test_without_a_token_of_its_form_nothing_is_done(outsider: Outsider, session: Session) -> None:
    pair = outsider.world.pair(PairState.PROPOSED, outsider.mentor, form="employer-student")
    client = outsider.browser()
    stolen = token(a_browser(outsider.app))
    for data in ({}, {"csrf_token": stolen}, {"csrf_token": "forged"}):
        assert client.post(f"{outsider.home}pairs/{pair.id}/agree", data=data).status_code == 400
        assert client.post("/guest/leave", data=data).status_code == 400
        fresh = a_browser(outsider.app)
        assert fresh.post("/guest/", data={**data, "code": outsider.invite(), "answer": ANSWER}).status_code == 400
        client = outsider.browser()
    assert state_of(session, pair) is PairState.PROPOSED


# --- floods and clocks --------------------------------------------------------------------------------------------


class TestFlood:
    """Of one address."""

    @pytest.fixture
    def settings(self, settings: Any) -> Any:
        return replace(settings, guest_tries_per_minute=3)

    def test_one_address_may_try_so_often_a_minute(self, outsider: Outsider, events: Callable[[], list[str]]) -> None:
        client = a_browser(outsider.app)
        for number in range(3):
            assert enter(client, rules.code_of(number)).status_code == 403
        before = len(events())
        page = enter(client, outsider.invite())
        assert page.status_code == 429
        assert "Too many codes were tried" in page.text
        assert client.get("/guest/").status_code == 200, "the form itself may be opened"
        assert len(events()) == before + 1, "nothing but the invitation"


def test_a_code_that_is_there_takes_as_long_as_one_that_is_not(outsider: Outsider) -> None:
    """The slow hash is most of the time, and it is computed in any case."""

    def took(code: str) -> float:
        client = a_browser(outsider.app)
        data = {"csrf_token": token(client), "code": code, "answer": "0000"}
        began = time.perf_counter()
        assert client.post("/guest/", data=data).status_code == 403
        return time.perf_counter() - began

    took(rules.code_of(1))
    known, unknown = [], []
    for number in range(4):
        known.append(took(outsider.invite()))
        unknown.append(took(rules.code_of(number)))
    ratio = statistics.median(known) / statistics.median(unknown)
    assert 0.5 < ratio < 2, ratio


def test_no_secret_is_in_a_log(outsider: Outsider, capfd: pytest.CaptureFixture[str]) -> None:
    code = outsider.invite()
    client = a_browser(outsider.app)
    enter(client, code, "0000")
    enter(client, code)
    client.get(outsider.home)
    said = "".join(capfd.readouterr())
    for secret in (code, ANSWER, client.get_cookie("guest").value, client.get_cookie("guest-device").value):
        assert secret not in said


# --- what a guest sees --------------------------------------------------------------------------------------------


def test_a_guest_sees_their_own_open_pairs_of_the_course_and_nothing_else_of_it(
    outsider: Outsider, world: World
) -> None:
    mine = world.mentee("Алексеев Пётр", request="Научиться сварке", groups="СВ-21", email="alekseev@college.example")
    asked = world.mentee("Борисова Анна", request="Не боюсь высоты")
    done = world.mentee("Васильев Олег")
    others = world.mentee("Григорьев Иван")
    active = world.pair(PairState.ACTIVE, outsider.mentor, mine, form="employer-student")
    proposed = world.pair(PairState.PROPOSED, outsider.mentor, asked, form="employer-student")
    world.pair(PairState.FINISHED, outsider.mentor, done, form="employer-student")
    world.pair(PairState.ACTIVE, world.mentor("Титов Олег"), others)
    client = outsider.browser()
    page = client.get(outsider.home).text
    for shown in ("Алексеев Пётр", "Борисова Анна", "Научиться сварке", "Не боюсь высоты", "Agree"):
        assert shown in page
    for hidden in ("Васильев", "Григорьев", "Титов", "СВ-21", "alekseev@"):
        assert hidden not in page, hidden
    links = {link for link in re.findall(r'(?:href|action)="(/[^"#]*)"', page) if "static/" not in link}
    assert links == {
        "/guest/leave",
        f"{outsider.home}my-consent",
        f"{outsider.home}my-data/",
        *(f"{outsider.home}pairs/{proposed.id}/{answer}" for answer in ("agree", "decline")),
        *(f"{outsider.home}pairs/{active.id}/{work}" for work in ("plan/new", "meetings/held")),
    }


def test_whoever_does_not_consent_is_counted_but_not_named(outsider: Outsider, world: World, session: Session) -> None:
    mentee = world.mentee("Алексеев Пётр", request="Научиться сварке")
    world.pair(PairState.ACTIVE, outsider.mentor, mentee, form="employer-student")
    client = outsider.browser()
    assert "Алексеев Пётр" in client.get(outsider.home).text
    withdraw_consent(session, mentee.person, world.day)
    session.commit()
    page = client.get(outsider.home).text
    assert "Алексеев" not in page
    assert "Научиться сварке" not in page
    assert "The name is not shown" in page
    give_consent(session, mentee.person, world.day)
    session.commit()
    assert "Алексеев Пётр" in client.get(outsider.home).text


def test_a_proposal_waits_while_somebodys_consent_is_missing_and_nobody_is_named(
    outsider: Outsider, world: World, session: Session
) -> None:
    mentee = world.mentee("Алексеев Пётр")
    pair = world.pair(PairState.PROPOSED, outsider.mentor, mentee, form="employer-student")
    client = outsider.browser()
    csrf = token(client, outsider.home)
    withdraw_consent(session, mentee.person, world.day)
    session.commit()
    page = client.get(outsider.home).text
    assert "You cannot agree yet" in page
    assert f"{pair.id}/agree" not in page
    answer = client.post(f"{outsider.home}pairs/{pair.id}/agree", data={"csrf_token": csrf})
    assert answer.status_code == 409
    assert "Алексеев" not in answer.text
    assert state_of(session, pair) is PairState.PROPOSED


def test_each_look_is_in_the_trail_with_whom_it_showed(outsider: Outsider, world: World, session: Session) -> None:
    mentee = world.mentee("Алексеев Пётр")
    pair = world.pair(PairState.ACTIVE, outsider.mentor, mentee, form="employer-student")
    client = outsider.browser()
    for _ in range(3):
        client.get(outsider.home)
    session.rollback()
    looks = session.scalars(select(AuditEvent).where(AuditEvent.action == "guest.viewed")).all()
    assert len(looks) == 3
    assert {(look.actor_id, look.course_id) for look in looks} == {(outsider.person.id, world.course.id)}
    assert looks[0].details == {"pairs": [pair.id], "people": [mentee.person_id]}
    assert outsider.access().views == 3


@pytest.mark.parametrize(("answer", "state"), [("agree", PairState.AGREED), ("decline", PairState.DECLINED)])
def test_a_guest_answers_a_proposal(
    outsider: Outsider, world: World, session: Session, answer: str, state: PairState
) -> None:
    pair = world.pair(PairState.PROPOSED, outsider.mentor, form="employer-student")
    client = outsider.browser()
    data = {"csrf_token": token(client, outsider.home), "reason": "Много смен"}
    page = client.post(f"{outsider.home}pairs/{pair.id}/{answer}", data=data, follow_redirects=True)
    assert page.status_code == 200
    assert ("Thank you" if answer == "agree" else "You have declined") in page.text
    assert state_of(session, pair) is state
    again = client.post(f"{outsider.home}pairs/{pair.id}/{answer}", data=data)
    assert again.status_code == 409 or again.status_code == 422
    moved = session.scalars(select(AuditEvent).where(AuditEvent.action == f"pair.{state.value}")).one()
    assert moved.actor_id == outsider.person.id


def test_a_guest_moves_no_pair_further_and_no_pair_of_others(
    outsider: Outsider, world: World, session: Session
) -> None:
    mine = world.pair(PairState.AGREED, outsider.mentor, form="employer-student")
    theirs = world.pair(PairState.PROPOSED, world.mentor("Титов Олег"))
    client = outsider.browser()
    data = {"csrf_token": token(client, outsider.home), "reason": "х" * 2000}
    for move in ("start", "finish", "cancel", "end_early"):
        assert client.post(f"{outsider.home}pairs/{mine.id}/{move}", data=data).status_code == 404
    assert client.post(f"{outsider.home}pairs/{theirs.id}/agree", data=data).status_code == 404
    assert client.post(f"{outsider.home}pairs/{mine.id}/decline", data=data).status_code == 422
    assert state_of(session, mine) is PairState.AGREED
    assert state_of(session, theirs) is PairState.PROPOSED


def test_the_page_takes_the_same_queries_however_many_pairs(outsider: Outsider, world: World) -> None:
    outsider.mentor.capacity = 20
    world.session.commit()
    client = outsider.browser()

    def count() -> int:
        with db.new_session() as session, statements(session) as sent:
            assert client.get(outsider.home).status_code == 200
        return len(sent)

    world.pair(PairState.ACTIVE, outsider.mentor, world.mentee(), form="employer-student")
    few = count()
    for _ in range(8):
        world.pair(PairState.ACTIVE, outsider.mentor, world.mentee(), form="employer-student")
    assert count() == few
