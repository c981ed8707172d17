"""The administrator's pages of a connection, as they see and use them."""

import re
import time
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

import lti_service
from lti_service import audit, db
from lti_service.audit import AuditEvent
from lti_service.connections import labels
from lti_service.connections import service as connections
from lti_service.db import now
from lti_service.lti.checks import CAPABILITIES, FUNCTIONS
from lti_service.people import enrolments, tasks
from lti_service.people import service as people
from lti_service.people.models import Membership, Person
from lti_service.platforms import keys, outgoing, secrets
from lti_service.platforms.models import Course, Invitation, Platform, PlatformState, ToolKey
from tests.conftest import launch
from tests.counting import statements
from tests.practice_moodle import TOKEN, PracticeMoodle

PAGES = ("", "token", "roles", "settings", "keys", "values", "audit", "pause")
ACTIONS = ("check", "invite", "token", "token/remove", "roles", "curators", "curators/1/dismiss", "settings", "keys",
           "pause")  # fmt: skip


def at(client: FlaskClient, page: str = "") -> str:
    return f"{client.home}connections/{page}"


def send(client: FlaskClient, page: str, follow: bool = True, **fields: Any) -> TestResponse:
    """Press a button of a page, with the token that the page holds."""
    shown = client.get(at(client, "keys")).text
    found = re.search(r'name="csrf_token" value="([^"]+)"', shown)
    assert found, shown
    return client.post(at(client, page), data={"csrf_token": found[1], **fields}, follow_redirects=follow)


def the_platform(session: Session) -> Platform:
    session.expire_all()
    session.commit()
    return session.scalars(select(Platform)).one()


def actions(session: Session) -> list[str]:
    session.commit()
    return list(session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)))


# --- who may ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_the_administrator_sees_each_page(admin, page):
    response = admin.get(at(admin, page))
    assert response.status_code == 200, response.text
    assert "style=" not in response.text
    assert "onclick" not in response.text


@pytest.mark.parametrize("who", ["student", "teacher", "curator"])
def test_nobody_else_does(launch_as, moodle, who):
    person = {
        "student": moodle.college.students[0],
        "teacher": moodle.college.teachers[0],
        "curator": moodle.college.curators[0],
    }[who]
    client = launch_as(person)
    for page in PAGES:
        assert client.get(at(client, page)).status_code == 403
    for page in ACTIONS:
        assert client.post(at(client, page)).status_code in (400, 403)


def test_without_a_form_of_ours_nothing_is_done(admin, session):
    for page in (*ACTIONS, "resume"):
        assert admin.post(at(admin, page), data={"token": "a" * 32}).status_code == 400
    assert the_platform(session).state is PlatformState.ACTIVE


# --- health and set-up --------------------------------------------------------------------------------------------


def test_before_the_first_check_the_page_says_so_and_lists_the_steps(admin, moodle):
    page = unescape(admin.get(at(admin)).text)
    for path in (
        "/mod/lti/toolconfigure.php",
        "/mod/lti/coursetools.php?id=2",
        "/admin/webservice/tokens.php",
        "/admin/settings.php?section=externalservices",
        "/user/profile/index.php",
        "/user/index.php?id=2",
    ):
        assert moodle.issuer + path in page
    for name in (*FUNCTIONS, *CAPABILITIES):
        assert f"<code>{name}</code>" in page
    assert "list-group-numbered" in page


def test_a_moodle_that_hangs_holds_the_page_no_longer_than_we_are_patient(admin, moodle, monkeypatch):
    monkeypatch.setattr(outgoing, "PATIENCE", 1.0)
    moodle.faults.add("/", wait=30)
    started = time.monotonic()
    page = send(admin, "check").text
    waited = time.monotonic() - started
    moodle.faults.clear()
    assert "text-bg-danger" in page
    # The first request waits it out; those after it are not even sent.
    assert 1 <= waited < 10


def test_the_check_finds_what_is_missing_and_the_page_keeps_it(admin, moodle, session):
    moodle.web_service.allowed.discard("mod_feedback_get_items")
    page = send(admin, "check").text
    assert "<code>mod_feedback_get_items</code>" in page
    assert "text-bg-danger" in page
    assert "Исправьте то, что названо выше" in page
    assert "Нажмите «Проверить сейчас»: " not in page
    assert moodle.issuer + "/admin/settings.php?section=externalservices" in page
    again = admin.get(at(admin)).text
    assert again.count("text-bg-danger") == page.count("text-bg-danger") == 1
    moodle.web_service.allowed.add("mod_feedback_get_items")
    assert "text-bg-danger" not in send(admin, "check").text


def test_the_check_changes_nothing_in_moodle(admin, moodle):
    send(admin, "check")
    assert not moodle.web_service.messages
    assert {seen.method for seen in moodle.requests.of("/mod/lti/services.php")} == {"GET"}


def test_a_moodle_that_is_down_does_not_take_the_page_with_it(admin, moodle):
    moodle.faults.add("/", close=True)
    page = send(admin, "check")
    assert page.status_code == 200
    assert page.text.count("text-bg-danger") >= 3


def test_the_home_page_leads_the_administrator_to_the_next_step(admin, moodle, session, platform):
    page = admin.get(admin.home).text
    assert at(admin) in page
    session.execute(update(Platform).values(ws_token=""))
    session.commit()
    assert f'href="{at(admin, "token")}"' in admin.get(admin.home).text


def test_steps_are_done_when_their_work_is(admin, moodle, session, app):
    before = admin.get(at(admin)).text.count("text-bg-success")
    enrolments_of(app, session)
    send(admin, "check")
    after = admin.get(at(admin)).text
    assert after.count("text-bg-success") > before


def enrolments_of(app: Flask, session: Session) -> None:
    """Load the participants of course 2."""
    course_id = session.scalars(select(Course.id)).first()
    assert course_id
    with db.transaction(session):
        run, _ = people.open_sync(session, course_id)
    with app.app_context():
        tasks.sync_enrolments(run.id)


# --- the token ----------------------------------------------------------------------------------------------------


def test_a_token_is_tried_kept_encrypted_and_never_shown(admin, moodle, session):
    session.execute(update(Platform).values(ws_token="", ws_url=""))
    session.commit()
    page = send(admin, "token", token=f"  {TOKEN} ")
    assert page.status_code == 200
    platform = the_platform(session)
    assert TOKEN not in platform.ws_token
    assert secrets.decrypt(platform.ws_token) == TOKEN
    assert platform.ws_url == moodle.issuer
    for shown in PAGES:
        assert TOKEN not in admin.get(at(admin, shown)).text
    assert "connection.token-given" in actions(session)
    assert "platform.checked" in actions(session)
    assert all(TOKEN not in str(kept.details) for kept in session.scalars(select(AuditEvent)))


def test_a_site_called_by_its_host_gets_its_own_name(admin, moodle, session):
    session.execute(update(Platform).values(name=moodle.issuer.removeprefix("http://")))
    session.commit()
    send(admin, "token", token=TOKEN)
    assert the_platform(session).name == moodle.site.fullname
    session.execute(update(Platform).values(name="Наш Moodle"))
    session.commit()
    send(admin, "token", token=TOKEN)
    assert the_platform(session).name == "Наш Moodle"


@pytest.mark.parametrize("token", ["", "   ", "too short", "a" * 200, "<script>alert(1)</script>", "ключ" * 8])
def test_what_is_no_token_is_not_even_tried(admin, moodle, session, token):
    before = the_platform(session).ws_token
    moodle.requests.clear()
    response = send(admin, "token", token=token)
    assert response.status_code == 422
    assert 'id="token-error"' in response.text
    assert not moodle.requests.of("/webservice/")
    assert the_platform(session).ws_token == before


def test_a_token_that_moodle_does_not_know_does_not_replace_a_good_one(admin, session):
    response = send(admin, "token", token="0" * 32)
    assert response.status_code == 422
    assert 'id="token-error"' in response.text
    assert "0" * 32 not in response.text
    assert secrets.decrypt(the_platform(session).ws_token) == TOKEN


def test_a_token_of_another_site_is_not_kept(admin, moodle, session):
    session.execute(update(Platform).values(ws_token=""))
    session.commit()
    moodle.site.address = "https://another.example"
    response = send(admin, "token", token=TOKEN)
    assert response.status_code == 422
    assert "https://another.example" in response.text
    assert the_platform(session).ws_token == ""


def test_a_silent_moodle_keeps_the_old_token(admin, moodle, session):
    moodle.faults.add("/webservice/", status=503)
    assert send(admin, "token", token="1" * 32).status_code == 422
    assert secrets.decrypt(the_platform(session).ws_token) == TOKEN


def test_a_good_token_of_a_poor_service_is_kept_and_its_gaps_are_named(admin, moodle, session):
    session.execute(update(Platform).values(ws_token=""))
    session.commit()
    moodle.web_service.allowed.clear()
    page = send(admin, "token", token=TOKEN)
    assert page.status_code == 200
    assert "<code>core_webservice_get_site_info</code>" in page.text
    assert secrets.decrypt(the_platform(session).ws_token) == TOKEN


def test_the_token_can_be_forgotten(admin, session):
    send(admin, "check")
    send(admin, "token/remove")
    assert the_platform(session).ws_token == ""
    assert actions(session)[-2:] == ["connection.token-removed", "platform.checked"]
    # The health that is shown is not that of the time with a token.
    page = unescape(admin.get(at(admin)).text)
    assert "токен" in page.lower()
    assert "mod_feedback_get_items" not in page.partition('id="steps-title"')[0]


# --- settings and roles -------------------------------------------------------------------------------------------


def test_settings_are_kept_and_shown(admin, session):
    send(admin, "settings", name=" Колледж ", time_zone="Asia/Novosibirsk", birth_date="born", experience="")
    platform = the_platform(session)
    assert (platform.name, platform.time_zone) == ("Колледж", "Asia/Novosibirsk")
    assert platform.profile_fields == {"birth_date": "born"}
    page = admin.get(at(admin, "settings")).text
    assert 'value="Колледж"' in page
    assert '<option selected value="Asia/Novosibirsk">' in page
    assert 'value="born"' in page
    assert actions(session)[-1] == "connection.settings"


def test_settings_that_did_not_change_leave_no_entry(admin, session):
    platform = the_platform(session)
    before = actions(session)
    send(admin, "settings", name=platform.name, time_zone=platform.time_zone)
    assert actions(session) == before


def test_profile_fields_are_tried_out_on_people_before_they_are_saved(admin, moodle, session, app):
    enrolments_of(app, session)
    fields = {"name": "Колледж", "time_zone": "Europe/Moscow", "experience": "birthdate", "study_year": "institution"}

    page = unescape(send(admin, "settings", **fields, do="try").text)

    assert "Запрошены данные 81 человека этого курса. Пока ничего не сохранено." in page, (
        "50 students, and all the others"
    )
    student = moodle.college.students[0]
    assert f"{student.fullname}: {student.institution}" in page, "that is no year of study"
    assert "не удалось прочитать: " in page
    assert "Свои поля, которые сообщает Moodle:" in page
    assert "<code>experience</code>" in page
    assert 'value="birthdate"' in page, "what was typed stays"
    assert the_platform(session).profile_fields == {}
    assert actions(session)[-1] == "connection.fields-tried"


def test_fields_cannot_be_tried_without_a_token_or_of_a_moodle_that_is_down(admin, moodle, session):
    fields = {"name": "Колледж", "time_zone": "Europe/Moscow", "do": "try"}
    moodle.faults.add("core_enrol_get_enrolled_users", times=10, status=503)
    down = send(admin, "settings", **fields)
    assert (down.status_code, "Moodle не отвечает" in down.text) == (422, True)
    send(admin, "token/remove")
    without = send(admin, "settings", **fields)
    assert (without.status_code, "Администратор" in without.text) == (422, True)


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("name", "n" * 201), ("time_zone", "Mars/Olympus"), ("birth_date", "a b"), ("experience", "<b>")],
)
def test_wrong_settings_are_shown_again_with_what_was_typed(admin, session, field, value):
    fields = {"name": "Имя", "time_zone": "UTC", "birth_date": "kept_as_typed", "experience": ""} | {field: value}
    response = send(admin, "settings", **fields)
    assert response.status_code == 422
    assert f'id="{field}-error"' in response.text
    if field != "birth_date":
        assert 'value="kept_as_typed"' in response.text
    assert the_platform(session).name != "Имя"


def rows_of(page: str) -> list[str]:
    return re.findall(r'name="name" value="([^"]+)"', page)


def test_the_role_map_keeps_only_what_differs_from_the_default(admin, session):
    names = rows_of(admin.get(at(admin, "roles")).text)
    assert {"student", "teacher", "editingteacher", "employer", "curator", "manager"} <= set(names)
    default = {"student": "student", "teacher": "teacher", "editingteacher": "teacher", "employer": "employer",
               "curator": "curator", "manager": "curator"}  # fmt: skip
    ticks = {f"roles-{number}": default.get(name, []) for number, name in enumerate(names)}
    send(admin, "roles", name=names, **ticks)
    assert the_platform(session).role_map == {}
    ticks[f"roles-{names.index('teacher')}"] = ["teacher", "employer"]
    ticks[f"roles-{names.index('manager')}"] = []
    send(admin, "roles", name=names, new_name="nastavnik", **{"roles-new": "employer"}, **ticks)
    assert the_platform(session).role_map == {
        "teacher": ["employer", "teacher"], "manager": [], "nastavnik": ["employer"],
    }  # fmt: skip
    assert "nastavnik" in rows_of(admin.get(at(admin, "roles")).text)


def test_a_role_map_is_tried_out_on_everybody_before_it_is_saved(admin, moodle, session, app):
    enrolments_of(app, session)
    teachers = sum("teacher" in one.roles for one in moodle.college.course(2).active())
    fields = {"name": ["teacher"], "roles-0": ["student"]}

    page = unescape(send(admin, "roles", **fields, do="try").text)

    assert "Пока ничего не сохранено" in page
    assert f"сейчас 200 → {200 + teachers}" in page
    assert "Роли в курсах" in page
    teacher = next(one.person for one in moodle.college.course(2).active() if one.roles == ("teacher",))
    assert f"{teacher.lastname} {teacher.firstname}" in page
    assert the_platform(session).role_map == {}
    for pressed in ({"at": "student coming 1"}, {"do": "csv"}):
        assert send(admin, "roles", **fields, **pressed).status_code == 200
        assert the_platform(session).role_map == {}, "to see more of it saves nothing"


def test_a_role_map_makes_nobody_an_administrator(admin, session):
    send(admin, "roles", name=["student"], **{"roles-0": ["student", "admin", "god"]})
    assert the_platform(session).role_map == {}


def test_a_wrong_role_name_is_shown_again_with_the_ticks(admin, session):
    response = send(
        admin, "roles", name=["student"], **{"roles-0": "curator", "new_name": "наставник", "roles-new": "employer"}
    )
    assert response.status_code == 422
    assert 'id="new_name-error"' in response.text
    assert 'value="наставник"' in response.text
    assert len(re.findall(r"checked", response.text)) == 2
    assert the_platform(session).role_map == {}


def test_roles_that_people_hold_are_offered_and_the_map_is_applied_by_the_next_load(admin, moodle, session, app):
    enrolments_of(app, session)
    held = {role for enrolment in moodle.college.course(2).enrolments.values() for role in enrolment.roles}
    names = rows_of(admin.get(at(admin, "roles")).text)
    assert {name for name in held if name != "guest"} <= set(names)
    curator = moodle.college.curators[0]
    assert curator.lastname in admin.get(at(admin, "roles")).text


# --- keys ---------------------------------------------------------------------------------------------------------


def test_the_next_key_is_published_and_the_present_one_goes_on_signing(admin, session, client):
    (present,) = session.scalars(select(ToolKey)).all()
    page = send(admin, "keys").text
    assert present.kid in page
    assert len(client.get("/lti/jwks").json["keys"]) == 2
    assert keys.signing_key(session).kid == present.kid
    assert "keys.rotated" in actions(session)
    assert page.count("text-bg-success") == 1
    with time_machine.travel(now() + timedelta(days=1, minutes=1), tick=True):
        rows = admin_keys(session)
    assert [state for _kid, state in rows] == ["signing", "leaving"]
    with time_machine.travel(now() + timedelta(days=3), tick=True):
        assert [state for _kid, state in admin_keys(session)] == ["signing", "gone"]


def admin_keys(session: Session) -> list[tuple[str, str]]:
    session.expire_all()
    return [(key.kid, state.value) for key, state in connections.key_rows(session)]


# --- registering again --------------------------------------------------------------------------------------------


def test_the_administrators_address_registers_this_moodle_anew(admin, moodle, session, client):
    page = unescape(send(admin, "invite").text)
    address = re.search(r'value="(http://localhost/lti/register\?invitation=[^"]+)"', page)
    assert address
    before = the_platform(session)
    assert session.scalars(select(Invitation)).one().platform_id == before.id
    assert client.get(moodle.start_registration(address[1])).status_code == 200
    after = the_platform(session)
    assert after.id == before.id
    assert after.client_id == list(moodle.lti.tools.values())[-1].client_id


# --- pause and resume ---------------------------------------------------------------------------------------------


@pytest.fixture
def paused(admin: FlaskClient) -> tuple[FlaskClient, dict[str, str]]:
    """Paused; with what the page that said so can send."""
    page = send(admin, "pause")
    assert page.status_code == 200
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', page.text))
    return admin, fields


def test_a_paused_moodle_lets_nobody_in(paused, moodle, session, app):
    admin, _ = paused
    assert the_platform(session).state is PlatformState.PAUSED
    assert admin.get(admin.home).status_code == 401
    refused = app.test_client().post("/lti/login", data=moodle.login_form(moodle.college.students[0], 2))
    assert refused.status_code == 403


def test_the_page_that_paused_resumes(paused, moodle, session, app):
    admin, fields = paused
    page = admin.post(at(admin, "resume"), data=fields, follow_redirects=True)
    assert page.status_code == 200
    assert the_platform(session).state is PlatformState.ACTIVE
    assert actions(session)[-2:] == ["platform.paused", "platform.resumed"]
    assert launch(app.test_client(), moodle, moodle.college.students[0]).status_code == 200


def test_a_forged_leave_resumes_nothing(paused, session):
    admin, fields = paused
    for leave in ("", "made-up", fields["leave"][:-2] + "xx"):
        response = admin.post(at(admin, "resume"), data=fields | {"leave": leave})
        assert response.status_code == 403
    assert the_platform(session).state is PlatformState.PAUSED


def test_an_old_leave_resumes_nothing(paused, session):
    admin, fields = paused
    with time_machine.travel(now() + timedelta(days=30, hours=1)):
        assert admin.post(at(admin, "resume"), data=fields).status_code == 403
    assert the_platform(session).state is PlatformState.PAUSED


def test_the_command_line_pauses_and_resumes(app, session, platform):
    run = app.test_cli_runner().invoke
    assert run(args=["platforms", "pause", str(platform.id)]).exit_code == 0
    assert the_platform(session).state is PlatformState.PAUSED
    assert run(args=["platforms", "resume", str(platform.id)]).exit_code == 0
    assert the_platform(session).state is PlatformState.ACTIVE
    assert actions(session)[-2:] == ["platform.paused", "platform.resumed"]
    assert run(args=["platforms", "resume", "99"]).exit_code == 1


# --- the audit trail ----------------------------------------------------------------------------------------------


@pytest.fixture
def busy(admin: FlaskClient, session: Session, platform: Platform, moodle: PracticeMoodle) -> FlaskClient:
    """A trail of 120 entries by two people, and one of another platform."""
    other = Platform(
        name="x", issuer="https://x", client_id="x", login_url="", token_url="", jwks_url="", created_at=now()
    )
    session.add(other)
    session.flush()
    stranger = Person(platform_id=other.id, moodle_id="2", family_name="Чужой", updated_at=now())
    ivan = Person(platform_id=platform.id, moodle_id="900", family_name="Ёлкин", given_name="Иван", updated_at=now())
    session.add_all([stranger, ivan])
    session.flush()
    admin_id = session.scalars(select(Person.id).where(Person.moodle_id == str(moodle.college.admin.id))).first()
    for number in range(120):
        session.add(
            AuditEvent(
                at=now() - timedelta(days=number), action="pair.proposed", platform_id=platform.id,
                actor_id=ivan.id if number % 2 else admin_id, subject=f"pair:{number}",
                details={"note": "<script>alert(1)</script>"},
            )
        )  # fmt: skip
    audit.record(session, "platform.paused", platform_id=other.id, actor_id=stranger.id, subject="pair:999")
    session.commit()
    return admin


def lines(page: str) -> list[str]:
    return re.findall(r"<code>(pair:\d+)</code>", page)


def test_the_trail_is_paged_and_tells_no_other_moodles_tale(busy):
    first = busy.get(at(busy, "audit?action=pair.proposed")).text
    assert len(lines(first)) == 50
    last = busy.get(at(busy, "audit?action=pair.proposed&page=3")).text
    assert len(lines(last)) == 20
    assert len(lines(busy.get(at(busy, "audit?action=pair.proposed&page=99")).text)) == 20
    for page in (first, last):
        assert "pair:999" not in page
        assert "platform.paused" not in page
        assert "Чужой" not in page
        assert "<script>alert" not in page


def test_the_trail_is_filtered_by_person_whatever_the_case(busy):
    page = busy.get(at(busy, "audit?person=елкин")).text
    assert set(lines(page)) <= {f"pair:{number}" for number in range(1, 120, 2)}
    assert "Ёлкин Иван" in page
    assert lines(busy.get(at(busy, "audit?person=Чужой")).text) == []
    assert lines(busy.get(at(busy, "audit?person=%25")).text) == []


def test_the_trail_is_filtered_by_days_of_the_platform(busy):
    today = now().date()
    since, until = (today - timedelta(days=12)).isoformat(), (today - timedelta(days=10)).isoformat()
    found = lines(busy.get(at(busy, f"audit?since={since}&until={until}")).text)
    assert 2 <= len(found) <= 3
    assert set(found) <= {f"pair:{number}" for number in range(9, 14)}


@pytest.mark.parametrize(
    "query", ["since=nonsense", "page=-1", "page=٣", "until=9999-12-31", "since=0001-01-01", "action=%00", "page=1e9"]
)
def test_nonsense_in_the_filters_is_taken_as_not_given(busy, query):
    assert busy.get(at(busy, f"audit?{query}")).status_code == 200


def test_the_trail_asks_the_database_no_more_for_more_entries(busy, session):
    def queries(address: str) -> int:
        with statements(session) as sent:
            assert busy.get(address).status_code == 200
        return len(sent)

    assert queries(at(busy, "audit")) == queries(at(busy, "audit?page=3"))


def test_a_refused_launch_can_be_found_by_its_number(admin, moodle, app, session):
    refused = app.test_client().post("/lti/launch", data={"state": "x", "id_token": "y"})
    assert refused.status_code == 400
    # Nobody knows whose it was: it is in no platform's trail.
    assert "launch.refused" not in admin.get(at(admin, "audit")).text


def test_the_trail_has_words_for_every_action_of_the_service():
    wings = "launch|registration|platform|connection|keys|content|pair|mentee|mentor|survey|column|consent|employer"
    action = re.compile(rf'(?<!f)"((?:{wings})\.[a-z_-]+)"')
    sources = [file.read_text(encoding="utf-8") for file in Path(lti_service.__file__).parent.rglob("*.py")]
    written = {found for text in sources if "audit.record" in text for found in action.findall(text)}
    assert {"launch.refused", "pair.proposed", "keys.rotated"} <= written
    assert written - set(labels.ACTIONS) == set()


# --- two Moodles --------------------------------------------------------------------------------------------------


def test_an_administrator_meets_no_other_moodles_connection(admin, session, app):
    other = Platform(
        name="Соседний колледж", issuer="https://other.example", client_id="c", login_url="", token_url="", jwks_url="",
        created_at=now(),
    )  # fmt: skip
    session.add(other)
    session.commit()
    for page in PAGES:
        text = admin.get(at(admin, page)).text
        assert "Соседний" not in text
        assert "other.example" not in text


def test_another_platforms_course_is_not_there(admin, session):
    other = Platform(
        name="x", issuer="https://x", client_id="x", login_url="", token_url="", jwks_url="", created_at=now()
    )
    session.add(other)
    session.flush()
    course = Course(platform_id=other.id, moodle_id="2", title="Чужой курс")
    session.add(course)
    session.commit()
    for page in PAGES:
        assert admin.get(f"/courses/{course.id}/connections/{page}").status_code == 404
    assert session.scalar(select(func.count()).select_from(Membership)) == 0


# --- appointed curators -------------------------------------------------------------------------------------------


def test_an_administrator_appoints_a_curator_without_any_load_of_people(admin, launch_as, moodle, session):
    """As soon as a teacher has opened the activity; a later launch or load as a plain teacher takes nothing back."""
    teacher = launch_as(moodle.college.teachers[0])
    assert teacher.get(f"{teacher.home}base/").status_code == 403
    page = unescape(admin.get(at(admin, "roles")).text)
    person = moodle.college.teachers[0]
    found = re.search(rf'<option value="(\d+)">{person.lastname} {person.firstname}</option>', page)
    assert found, page

    told = send(admin, "curators", membership=found[1]).text
    assert f"{person.lastname} {person.firstname}" in told.partition('id="curators-title"')[2]
    assert teacher.get(f"{teacher.home}base/").status_code == 200
    assert actions(session)[-1] == "curator.appointed"
    again = launch_as(person)
    enrolments.sync_course(session.scalars(select(Course.id)).one())
    assert again.get(f"{again.home}base/").status_code == 200

    send(admin, f"curators/{found[1]}/dismiss")
    assert teacher.get(f"{teacher.home}base/").status_code == 403
    assert actions(session)[-1] == "curator.dismissed"


def test_only_those_who_teach_the_course_can_be_appointed(admin, launch_as, moodle, session):
    student = launch_as(moodle.college.students[0])
    membership = session.scalars(select(Membership).join(Person).where(Membership.roles != [])).first()
    assert membership is not None
    assert send(admin, "curators", membership=str(membership.id)).status_code == 404
    assert send(admin, "curators", membership="0").status_code == 404
    assert student.get(f"{student.home}base/").status_code == 403


def test_the_menu_shows_which_section_a_page_belongs_to(admin):
    for page, current in (("", "page"), ("roles", "true"), ("audit", "true")):
        shown = re.findall(
            r'class="nav-link active" aria-current="(\w+)"\s+href="([^"]+)"', admin.get(at(admin, page)).text
        )
        assert shown == [(current, at(admin))]
    assert 'aria-current="page"' in admin.get(admin.home).text
