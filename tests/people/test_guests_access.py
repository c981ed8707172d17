"""Curators invite guests, see who came, prolong and withdraw; letters leave by a real mail server on loopback."""

import csv
import io
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
import time_machine
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import select
from sqlalchemy.orm import Session

from config import Settings, SettingsError, load_settings
from lti_service import db, mail
from lti_service.access import Viewer
from lti_service.audit import AuditEvent
from lti_service.errors import NotFoundError
from lti_service.mail import Letter, MailError
from lti_service.people.guests import door, errors, invitations, letters, lists, rules
from lti_service.people.guests import service as guests
from lti_service.people.guests.invitations import Terms
from lti_service.people.guests.lists import Look
from lti_service.people.guests.models import GuestAccess
from lti_service.people.guests.rules import AccessState, Factor, MailState, Standing
from lti_service.people.guests.service import PersonFacts
from lti_service.people.models import Person
from lti_service.platforms.models import Course
from tests.consenting import give_consent, withdraw_consent
from tests.counting import statements
from tests.people.conftest import TODAY, SmallCourse
from tests.people.test_employers import post, viewer_of
from tests.people.test_pages import token
from tests.practice_moodle import PracticeMoodle

LaunchAs = Callable[..., FlaskClient]

MINER = PersonFacts("Горняков", "Пётр Ильич", "gornyak@mine.example", "8 915 123-45-67")
MONTH = Terms(Factor.PHONE, TODAY + timedelta(days=30))


@pytest.fixture
def viewer(small: SmallCourse) -> Viewer:
    return viewer_of(small)


@pytest.fixture
def miner(session: Session, small: SmallCourse) -> Person:
    """Somebody from outside whom nobody has invited."""
    person = guests.add_person(session, small.at, MINER)
    session.commit()
    return person


def access_of(session: Session, person: Person) -> GuestAccess:
    """Their access as it is now."""
    session.commit()
    return session.scalars(
        select(GuestAccess).where(GuestAccess.person_id == person.id).execution_options(populate_existing=True)
    ).one()


# --- terms --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "error"),
    [
        (replace(MONTH, until=TODAY - timedelta(days=1)), errors.AccessDayError),
        (replace(MONTH, until=TODAY + timedelta(days=367)), errors.AccessDayError),
        (replace(MONTH, factor=Factor.WORD), errors.QuestionMissingError),
        (replace(MONTH, factor=Factor.WORD, question="Год?", answer="1 9 9"), errors.AnswerTooShortError),
        (replace(MONTH, factor=Factor.WORD, question="Год прихода: 1999", answer="1999"), errors.AnswerInQuestionError),
    ],
)
def test_terms_that_cannot_be_are_refused(
    session: Session, viewer: Viewer, miner: Person, terms: Terms, error: type[Exception]
) -> None:
    with pytest.raises(error):
        invitations.invite(session, viewer, miner.id, terms, TODAY)
    session.rollback()
    assert session.scalars(select(GuestAccess)).all() == []


def test_without_a_phone_there_are_no_last_digits_of_it(session: Session, viewer: Viewer, small: SmallCourse) -> None:
    person = guests.add_person(session, small.at, PersonFacts("Горняков", "Иван"))
    with pytest.raises(errors.NoPhoneError):
        invitations.invite(session, viewer, person.id, MONTH, TODAY)


@pytest.mark.parametrize("phone", ["8 915 123-99-00", ""])
def test_the_door_asks_for_the_phone_that_is_known_now(
    session: Session, viewer: Viewer, small: SmallCourse, miner: Person, phone: str
) -> None:
    code = invitations.invite(session, viewer, miner.id, MONTH, TODAY)
    guests.change_person(session, small.at, miner.id, replace(MINER, phone=phone))
    session.commit()
    found = door.begin_try(session, door.Knock(code=code))
    right, wrong = ("9900", "4567") if phone else ("4567", "9900")
    assert (door.is_right(found, right), door.is_right(found, wrong)) == (True, False)


def test_only_people_without_an_account_of_this_course_are_invited(
    session: Session, viewer: Viewer, small: SmallCourse, miner: Person
) -> None:
    with pytest.raises(errors.NotFromOutsideError):
        invitations.invite(session, viewer, small.mentor.person_id, MONTH, TODAY)
    other = SmallCourse(session, "other")
    with pytest.raises(NotFoundError):
        invitations.invite(session, viewer_of(other), miner.id, MONTH, TODAY)
    with pytest.raises(NotFoundError):
        invitations.page_of(session, viewer_of(other), miner.id, TODAY)
    assert lists.list_guests(session, viewer_of(other), TODAY, Look()).total == 0


def test_the_last_day_is_one_whole_day_where_the_college_is(session: Session, viewer: Viewer, miner: Person) -> None:
    invitations.invite(session, replace(viewer, time_zone="Asia/Kamchatka"), miner.id, MONTH, TODAY)
    access = access_of(session, miner)
    assert access.expires_at.isoformat() == "2026-12-23T12:00:00+00:00"
    assert invitations.last_day(access, "Asia/Kamchatka") == MONTH.until


def test_by_default_it_ends_with_the_school_year() -> None:
    assert rules.usual_end(2026) == date(2027, 7, 31)


def test_what_is_withdrawn_is_neither_prolonged_nor_withdrawn_again(
    session: Session, viewer: Viewer, miner: Person
) -> None:
    with pytest.raises(errors.NoAccessYetError):
        invitations.withdraw(session, viewer, miner.id)
    invitations.invite(session, viewer, miner.id, MONTH, TODAY)
    invitations.withdraw(session, viewer, miner.id)
    for refused in (
        lambda: invitations.withdraw(session, viewer, miner.id),
        lambda: invitations.prolong(session, viewer, miner.id, MONTH.until, TODAY),
    ):
        with pytest.raises(errors.AccessMoveError):
            refused()
    invitations.invite(session, viewer, miner.id, MONTH, TODAY)
    assert access_of(session, miner).state is AccessState.INVITED


def test_each_change_is_in_the_trail_without_names_and_secrets(session: Session, viewer: Viewer, miner: Person) -> None:
    invitations.invite(session, viewer, miner.id, MONTH, TODAY)
    invitations.prolong(session, viewer, miner.id, TODAY + timedelta(days=60), TODAY)
    invitations.prolong(session, viewer, miner.id, TODAY + timedelta(days=60), TODAY)
    invitations.withdraw(session, viewer, miner.id)
    events = session.scalars(select(AuditEvent).where(AuditEvent.action.like("guest.%"))).all()
    subject = f"guest:{access_of(session, miner).id}"
    assert [(event.action, event.subject, event.actor_id) for event in events] == [
        ("guest.invited", subject, viewer.person_id),
        ("guest.prolonged", subject, viewer.person_id),
        ("guest.withdrawn", subject, viewer.person_id),
    ]
    assert events[0].details == {"way": "print", "factor": "phone", "until": "2026-12-23"}


# --- the list -----------------------------------------------------------------------------------------------------


def test_the_list_says_how_each_access_stands(session: Session, viewer: Viewer, small: SmallCourse) -> None:
    wanted = {}
    for number, standing in enumerate(Standing):
        person = guests.add_person(session, small.at, replace(MINER, family_name=f"Гость{number}", email=""))
        wanted[person.name] = standing
        if standing is Standing.NONE:
            continue
        invitations.invite(session, viewer, person.id, MONTH, TODAY)
        access = access_of(session, person)
        if standing in (Standing.OPEN, Standing.WITHDRAWN):
            access.state = AccessState(standing.value)
        if standing is Standing.LOCKED:
            access.failures = rules.MOST_FAILURES
        if standing is Standing.EXPIRED:
            access.expires_at = db.now()
        if standing is Standing.CODE_EXPIRED:
            access.code_until = db.now()
        session.commit()
    with statements(session) as sent:
        found = lists.list_guests(session, viewer, TODAY, Look())
    assert len(sent) == 2, "counts and lines; the school year is at hand"
    assert {line.person.name: line.standing for line in found.lines} == wanted
    assert found.counts == {standing.value: 1 for standing in Standing}
    for standing in Standing:
        [line] = lists.list_guests(session, viewer, TODAY, Look(state=standing.value)).lines
        assert line.standing is standing
    assert lists.list_guests(session, viewer, TODAY, Look(search="гость3")).total == 1


def test_the_list_is_sorted_by_each_of_its_columns(session: Session, viewer: Viewer, small: SmallCourse) -> None:
    for name, days, views in (("Авдеев", 30, 2), ("Бобров", 10, None), ("Ветров", None, None), ("Громов", 20, 5)):
        person = guests.add_person(session, small.at, replace(MINER, family_name=name, email=""))
        if days is None:
            continue
        invitations.invite(session, viewer, person.id, replace(MONTH, until=TODAY + timedelta(days=days)), TODAY)
        access = access_of(session, person)
        if views:
            access.state, access.views, access.last_seen_at = AccessState.OPEN, views, db.now() - timedelta(days=views)
        session.commit()

    def order(sort: str, *, descending: bool = False) -> str:
        look = Look(sort=sort, descending=descending)
        return "".join(line.person.name[0] for line in lists.list_guests(session, viewer, TODAY, look).lines)

    wanted = {"name": "АБВГ", "access": "ВБАГ", "until": "ВБГА", "seen": "БВГА", "views": "БВАГ"}
    assert set(wanted) == set(lists.SORTS)
    for sort, letters_in_order in wanted.items():
        assert order(sort) == letters_in_order, sort
        look = Look(sort=sort)
        assert [line.person.id for line in lists.all_guests(session, viewer, TODAY, look)] == [
            line.person.id for line in lists.list_guests(session, viewer, TODAY, look).lines
        ]
    assert order("until", descending=True) == "АГБВ"
    assert order("name", descending=True) == "ГВБА"


# --- pages --------------------------------------------------------------------------------------------------------


@pytest.fixture
def curator(synced: Course, moodle: PracticeMoodle, launch_as: LaunchAs) -> FlaskClient:
    for person in moodle.college.people.values():
        person.lang = "en"
    return launch_as("curator")


@pytest.fixture
def guest(curator: FlaskClient, session: Session) -> Person:
    """Somebody whom the curator has added."""
    told = {"family_name": MINER.family_name, "given_name": MINER.given_name}
    post(curator, "employers/guests/new", **told, phone=MINER.phone, email=MINER.email)
    session.commit()
    return session.scalars(select(Person).where(Person.moodle_id.is_(None))).one()


def invite(curator: FlaskClient, guest: Person, **more: Any) -> Any:
    at = f"employers/guests/{guest.id}/"
    until = (db.now().date() + timedelta(days=60)).isoformat()
    return post(curator, at + "invite", page=at, **{"factor": "phone", "until": until, "way": "print", **more})


def test_the_curator_prints_an_invitation_with_which_the_guest_comes_in(
    curator: FlaskClient, session: Session, guest: Person, app: Any
) -> None:
    at = f"{curator.home}employers/guests/{guest.id}/"
    assert "Not invited" in curator.get(at).text
    sheet = invite(curator, guest)
    assert sheet.status_code == 200
    shown = re.search(r'guest-sheet-code">([\d ]+)<', sheet.text)
    assert shown
    assert "http://localhost/guest" in sheet.text
    assert "<svg" in sheet.text
    assert "the last four digits of your phone number" in sheet.text
    assert "4567" not in sheet.text.replace(shown[1], "")
    assert shown[1] not in curator.get(at).text, "it is shown once"
    visitor = app.test_client()
    fields = {"csrf_token": token(visitor, "/guest/"), "code": shown[1], "answer": "4567"}
    assert visitor.post("/guest/", data=fields, follow_redirects=True).status_code == 200
    page = curator.get(at).text
    for words in ("Has access", "Came in", "Looked at their mentees", "Last here"):
        assert words in page
    listed = curator.get(f"{curator.home}employers/guests/?state=open").text
    assert "Горняков Пётр Ильич" in listed
    record = curator.get(f"{curator.home}people/{guest.id}/").text
    assert "Access without Moodle" in record
    assert "saved" in post(curator, f"employers/guests/{guest.id}/prolong", page=f"employers/guests/{guest.id}/",
                           until=(db.now().date() + timedelta(days=10)).isoformat()).text.lower()  # fmt: skip
    gone = post(curator, f"employers/guests/{guest.id}/withdraw", page=f"employers/guests/{guest.id}/")
    assert "Access withdrawn" in gone.text
    assert visitor.get(f"/guest{curator.home}").status_code == 303


def test_the_form_sent_twice_does_not_kill_the_code_just_printed(
    curator: FlaskClient, session: Session, guest: Person
) -> None:
    at = f"{curator.home}employers/guests/{guest.id}/"
    form = {"csrf_token": token(curator, at), "factor": "phone", "until": db.now().date() + timedelta(days=9)}
    assert curator.post(at + "invite", data={**form, "after": ""}).status_code == 200
    first = access_of(session, guest).code_hash
    again = curator.post(at + "invite", data={**form, "after": ""})
    assert again.status_code == 409
    assert "An invitation has just been made" in again.text
    assert access_of(session, guest).code_hash == first
    after = re.search(r'name="after"[^>]*value="([^"]+)"', again.text)
    assert after
    assert curator.post(at + "invite", data={**form, "after": after[1]}).status_code == 200
    assert access_of(session, guest).code_hash != first


def test_a_guest_without_a_consent_is_told_of(curator: FlaskClient, session: Session, guest: Person) -> None:
    at = f"{curator.home}employers/guests/{guest.id}/"
    assert "no pair can be proposed without it" in curator.get(at).text
    give_consent(session, guest, db.now().date())
    session.commit()
    assert "no pair can be proposed without it" not in curator.get(at).text


def test_what_is_wrong_is_said_at_its_field(curator: FlaskClient, guest: Person) -> None:
    page = invite(curator, guest, until="2020-01-01")
    assert page.status_code == 422
    assert "Choose a day from today on" in page.text
    page = invite(curator, guest, factor="word", question="Год?", answer="12")
    assert "At least 4 letters or digits" in page.text
    assert "Write what the answer is to" in invite(curator, guest, factor="word", answer="1999").text
    assert invite(curator, guest, factor="none").status_code == 422
    assert invite(curator, guest, until="").status_code == 422


def test_without_a_mail_server_the_page_says_so_and_prints(curator: FlaskClient, guest: Person) -> None:
    page = curator.get(f"{curator.home}employers/guests/{guest.id}/").text
    assert "Letters are not sent" in page
    assert "Send a letter" not in page
    refused = invite(curator, guest, way="mail")
    assert refused.status_code == 409
    assert "Sending mail is not set up" in refused.text


def test_only_curators_see_guests(guest: Person, launch_as: LaunchAs) -> None:
    for who in ("student001", "teacher05", "employer01", "admin"):
        browser = launch_as(who)
        for path in ("", f"{guest.id}/"):
            assert browser.get(f"{browser.home}employers/guests/{path}").status_code == 403
        for path in ("invite", "withdraw", "prolong"):
            data = {"csrf_token": "none"}
            assert browser.post(f"{browser.home}employers/guests/{guest.id}/{path}", data=data).status_code == 400


# --- letters ------------------------------------------------------------------------------------------------------


class Postman:
    """A real mail server on loopback that keeps what it gets, and refuses what a test tells it to."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.refuse: dict[str, str] = {}
        self.logins: list[Any] = []
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.controller = Controller(
            self,
            hostname="127.0.0.1",
            port=self.port,
            auth_require_tls=False,
            authenticator=self.authenticate,
        )
        self.controller.start()
        self.is_open = True

    def stop(self) -> None:
        """Close the port, once."""
        if self.is_open:
            self.is_open = False
            self.controller.stop(no_assert=True)

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=data.password == b"good", handled=False)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if "rcpt" in self.refuse:
            return self.refuse["rcpt"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if "data" in self.refuse:
            return self.refuse["data"]
        letter = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(letter, EmailMessage)
        self.letters.append(letter)
        return "250 OK"


@pytest.fixture
def postman() -> Iterator[Postman]:
    postman = Postman()
    yield postman
    postman.stop()


@pytest.fixture
def with_mail(app: Any, postman: Postman, settings: Settings) -> Postman:
    """The service sends by this server."""
    mail.connect(
        replace(
            settings,
            smtp_host="127.0.0.1",
            smtp_port=postman.port,
            smtp_security="none",
            mail_from="Колледж <mentoring@college.example>",
        )
    )
    return postman


def test_a_letter_brings_the_code_and_not_the_answer(
    with_mail: Postman, curator: FlaskClient, guest: Person, session: Session, app: Any
) -> None:
    page = invite(curator, guest, way="mail")
    assert "The letter is on its way" in page.text
    [letter] = with_mail.letters
    assert letter["To"] == "gornyak@mine.example"
    assert letter["From"] == "Колледж <mentoring@college.example>"
    assert letter["Subject"] == "Invitation for a mentor"
    text = letter.get_content()
    link = re.search(r"http://localhost/guest/\?code=new#(\d{20})", text)
    assert link
    assert "4567" not in text.replace(link[1], "").replace(rules.shown_code(link[1]), "")
    assert "Горняков" not in text
    access = access_of(session, guest)
    assert (access.mail_state, access.letter, access.mail_try_at) == (MailState.SENT, "", None)
    assert link[1] not in page.text
    visitor = app.test_client()
    fields = {"csrf_token": token(visitor, "/guest/"), "code": link[1], "answer": "4567"}
    assert visitor.post("/guest/", data=fields).status_code == 303
    actions = session.scalars(select(AuditEvent.action)).all()
    assert "guest.mailed" in actions


def test_a_letter_that_does_not_leave_is_tried_again_and_only_so_long(
    with_mail: Postman, curator: FlaskClient, guest: Person, session: Session
) -> None:
    with_mail.refuse["data"] = "451 later, please"
    with time_machine.travel(db.now(), tick=False) as clock:
        invite(curator, guest, way="mail")
        access = access_of(session, guest)
        assert (access.mail_state, access.mail_tries, access.mail_error) == (MailState.WAITING, 1, "refused")
        kept = access.letter
        assert "guest/" not in kept, "it is kept encrypted"
        page = curator.get(f"{curator.home}employers/guests/{guest.id}/").text
        assert "has not left yet" in page
        assert letters.send_due() == 0
        assert access_of(session, guest).mail_tries == 1, "not before its time"
        clock.shift(timedelta(minutes=1, seconds=1))
        with_mail.refuse.clear()
        assert letters.send_due() == 1
        assert letters.send_due() == 0
    assert len(with_mail.letters) == 1
    assert access_of(session, guest).mail_state is MailState.SENT


def test_after_many_tries_the_letter_is_given_up_and_the_code_forgotten(
    with_mail: Postman, curator: FlaskClient, guest: Person, session: Session
) -> None:
    with_mail.stop()
    with time_machine.travel(db.now(), tick=False) as clock:
        invite(curator, guest, way="mail")
        for _ in range(rules.MOST_TRIES + 3):
            clock.shift(timedelta(hours=1, seconds=1))
            letters.send_due()
        access = access_of(session, guest)
        assert (access.mail_state, access.mail_tries) == (MailState.FAILED, rules.MOST_TRIES)
        assert (access.mail_error, access.letter) == ("unreachable", "")
    assert "guest.mail-failed" in session.scalars(select(AuditEvent.action)).all()


def test_an_address_that_is_refused_for_good_is_told_at_once(
    with_mail: Postman, curator: FlaskClient, guest: Person, session: Session
) -> None:
    with_mail.refuse["rcpt"] = "550 no such user"
    page = invite(curator, guest, way="mail")
    assert access_of(session, guest).mail_state is MailState.FAILED
    assert "does not take this address" in page.text


def test_a_letter_of_a_withdrawn_or_renewed_access_never_leaves(
    with_mail: Postman, curator: FlaskClient, guest: Person, session: Session
) -> None:
    with_mail.refuse["data"] = "451 later, please"
    invite(curator, guest, way="mail")
    post(curator, f"employers/guests/{guest.id}/withdraw", page=f"employers/guests/{guest.id}/")
    with_mail.refuse.clear()
    with time_machine.travel(db.now() + timedelta(hours=2)):
        assert letters.send_due() == 0
    assert with_mail.letters == []
    access = access_of(session, guest)
    assert (access.letter, access.mail_state) == ("", MailState.NONE)


def test_a_sender_that_died_leaves_the_letter_to_the_next(
    with_mail: Postman, curator: FlaskClient, guest: Person, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(_letter: Letter) -> None:
        raise KeyboardInterrupt

    sending = mail.send
    monkeypatch.setattr(mail, "send", die)
    # The queue takes it for the order to stop and says no more.
    invite(curator, guest, way="mail")
    monkeypatch.setattr(mail, "send", sending)
    assert letters.send_due() == 0, "it is still the dead one's"
    with time_machine.travel(db.now() + rules.LEASE + timedelta(seconds=1)):
        assert letters.send_due() == 1
    assert len(with_mail.letters) == 1


def test_the_server_is_told_name_and_password(postman: Postman, settings: Settings, app: Any) -> None:
    settings = replace(
        settings,
        smtp_host="127.0.0.1",
        smtp_port=postman.port,
        smtp_security="none",
        smtp_user="mentoring",
        smtp_password="good",
        mail_from="m@college.example",
    )
    mail.connect(settings)
    mail.send(Letter("a@b.example", "Тема", "Текст"))
    assert postman.logins == [("mentoring", "good")]
    [letter] = postman.letters
    assert letter["Subject"] == "Тема"
    assert letter["Auto-Submitted"] == "auto-generated"
    mail.connect(replace(settings, smtp_password="bad"))
    with pytest.raises(MailError) as refused:
        mail.send(Letter("a@b.example", "Тема", "Текст"))
    assert refused.value.code == "login"


def test_a_server_without_tls_gets_no_letter_where_tls_is_wanted(
    postman: Postman, settings: Settings, app: Any
) -> None:
    mail.connect(replace(settings, smtp_host="127.0.0.1", smtp_port=postman.port, mail_from="m@college.example"))
    with pytest.raises(MailError) as refused:
        mail.send(Letter("a@b.example", "Тема", "Текст"))
    assert refused.value.code == "unreachable"
    assert postman.letters == []


@pytest.mark.parametrize("to", ["a@b.example\nBcc: c@d.example", "", "a b", "a@b.example, c@d.example"])
def test_what_is_no_single_address_gets_no_letter(postman: Postman, settings: Settings, app: Any, to: str) -> None:
    mail.connect(
        replace(
            settings, smtp_host="127.0.0.1", smtp_port=postman.port, smtp_security="none", mail_from="m@college.example"
        )
    )
    with pytest.raises(MailError):
        mail.send(Letter(to, "Тема", "Текст"))
    assert postman.letters == []


def test_mail_settings_are_read_and_a_sender_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("INSTANCE_PATH", str(tmp_path))
    assert load_settings().smtp_host == ""
    monkeypatch.setenv("SMTP_HOST", "mail.college.example")
    with pytest.raises(SettingsError, match="MAIL_FROM"):
        load_settings()
    monkeypatch.setenv("MAIL_FROM", "Колледж <m@college.example>")
    monkeypatch.setenv("SMTP_SECURITY", "tls")
    found = load_settings()
    assert (found.smtp_port, found.smtp_security) == (465, "tls")
    monkeypatch.setenv("SMTP_SECURITY", "ssl")
    with pytest.raises(SettingsError, match="SMTP_SECURITY"):
        load_settings()


# --- the list as a file -------------------------------------------------------------------------------------------


def as_rows(client: FlaskClient, address: str) -> list[list[str]]:
    response = client.get(client.home + address)
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    return list(csv.reader(io.StringIO(response.data.decode("utf-8-sig"), newline=""), delimiter=";"))


def test_the_list_is_saved_as_it_is_filtered_and_sorted(curator: FlaskClient, session: Session, guest: Person) -> None:
    invite(curator, guest)
    for name in ("=Ядов", "Аистов"):
        post(curator, "employers/guests/new", family_name=name, given_name="Пётр")
    page = curator.get(f"{curator.home}employers/guests/?sort=name&order=desc").text
    assert "/employers/guests.xlsx?order=desc" in page
    rows = as_rows(curator, "employers/guests.csv?sort=name&order=desc")
    assert rows[0][:5] == ["Family name, given name, patronymic", "Organisation", "Telephone", "E-mail", "Access"]
    assert [row[0].split()[0] for row in rows[1:]] == ["Горняков", "Аистов", "'=Ядов"], "and no formula among them"
    told = dict(zip(rows[0], rows[1], strict=True))
    until = (db.now().date() + timedelta(days=60)).strftime("%d.%m.%Y")
    assert (told["Telephone"], told["Access"], told["Access until"]) == ("8 915 123-45-67", "Invited", until)
    assert told["Last here"] == ""
    book = load_workbook(io.BytesIO(curator.get(f"{curator.home}employers/guests.xlsx?state=invited").data))
    cells = list(book.active.iter_rows(values_only=True))
    assert [row[0] for row in cells[1:]] == ["Горняков Пётр Ильич"]
    assert [row[0] for row in as_rows(curator, "employers/guests.csv?search=аист")[1:]] == ["Аистов Пётр"]


def test_after_a_withdrawal_a_file_has_no_more_than_the_name_and_the_access(
    curator: FlaskClient, session: Session, guest: Person
) -> None:
    give_consent(session, guest, db.now().date())
    session.commit()
    assert as_rows(curator, "employers/guests.csv")[1][2:4] == ["8 915 123-45-67", "gornyak@mine.example"]
    withdraw_consent(session, guest, db.now().date())
    session.commit()
    row = as_rows(curator, "employers/guests.csv")[1]
    assert row[:5] == ["Горняков Пётр Ильич", "", "", "", "Not invited"]


def test_who_saved_the_list_is_in_the_trail_and_told_to_guests_alone(
    curator: FlaskClient, session: Session, guest: Person, launch_as: LaunchAs
) -> None:
    curator.get(f"{curator.home}employers/guests.csv?search=горняков&state=none&sort=views")
    session.commit()
    event = session.scalars(select(AuditEvent).where(AuditEvent.action == "base.exported")).one()
    assert event.subject == "base:guests"
    assert event.details == {"count": 1, "state": "none", "sort": "views", "searched": True}
    student = launch_as("student001")
    assert "saved a list" not in student.get(f"{student.home}my-data/").text


def test_only_curators_save_the_list(launch_as: LaunchAs, synced: Course) -> None:
    for who in ("student001", "teacher01", "admin"):
        client = launch_as(who)
        assert client.get(f"{client.home}employers/guests.csv").status_code == 403, who
