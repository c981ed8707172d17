"""What the check of a connection finds, tried on the practice Moodle in health and in every sickness."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from lti_service import db
from lti_service.lti import checks, cli
from lti_service.lti.checks import FUNCTIONS, Finding, Level
from lti_service.platforms import secrets
from lti_service.platforms.models import Platform
from tests.practice_moodle import PracticeMoodle

assert cli.check.name == "check"  # the import is what adds the command


@pytest.fixture
def look(
    app: Flask, session: Session, platform: Platform, launch_as: Callable[..., FlaskClient], moodle: PracticeMoodle
):
    """Somebody has opened the activity in course 2; then the connection is checked."""
    launch_as(moodle.college.teachers[0])

    def check() -> dict[str, Finding]:
        session.expire_all()
        found = checks.check_platform(session, session.get_one(Platform, platform.id))
        return {one.facts.get("name") or one.code: one for one in found}

    return check


def change(platform: Platform, **values: str) -> None:
    with db.new_session() as own, db.transaction(own) as session:
        row = session.get_one(Platform, platform.id)
        for name, value in values.items():
            setattr(row, name, value)


def test_a_healthy_connection_has_nothing_to_mend(look, moodle):
    found = look()
    assert {one.level for one in found.values() if one.code != "profile"} == {Level.OK}
    assert set(FUNCTIONS) <= found.keys()
    assert found["keys"].text == "Read."
    assert found["roster"].facts["people"] == found["people"].facts["shown"] == found["people"].facts["members"]
    assert moodle.college.web_service_user.fullname in found["web-service"].text
    assert moodle.site.fullname in found["web-service"].text


def test_nothing_is_sent_to_anybody(look, moodle):
    found = look()["core_message_send_instant_messages"]
    assert (found.level, found.text) == (Level.OK, "Allowed; there is nothing to try it on.")
    assert moodle.web_service.messages == []


@pytest.mark.parametrize("name", FUNCTIONS[1:])
def test_each_missing_function_is_named(look, moodle, name):
    moodle.web_service.allowed.discard(name)
    found = look()
    assert found[name].level is Level.BROKEN
    assert name in found[name].advice
    assert found[name].page.path.endswith("section=externalservices")
    assert [one.facts["name"] for one in found.values() if one.code == "function" and one.level is Level.BROKEN] == [
        name
    ]


def test_a_function_that_is_there_and_denied_names_the_right(look, moodle):
    denied = '{"exception":"required_capability_exception","errorcode":"nopermissions","message":"no"}'
    moodle.faults.add("core_group_get_course_groups", body=denied)
    found = look()["core_group_get_course_groups"]
    assert found.level is Level.BROKEN
    assert "nopermissions" in found.text
    assert "moodle/course:managegroups" in found.advice


@pytest.mark.parametrize("name", checks.OPTIONAL)
def test_a_function_that_only_some_colleges_need_is_advice_and_nothing_is_broken_without_it(look, moodle, name):
    assert look()[name].level is Level.OK
    moodle.web_service.allowed.discard(name)
    found = look()
    assert found[name].level is Level.ADVICE
    assert name in found[name].advice
    assert Level.BROKEN not in {finding.level for finding in found.values()}


def test_a_course_that_moodle_does_not_show_is_a_missing_right(look, moodle):
    moodle.faults.add("core_course_get_courses_by_field", body='{"courses":[],"warnings":[]}')
    found = look()["core_course_get_courses_by_field"]
    assert found.level is Level.BROKEN
    assert "moodle/course:view" in found.advice


@pytest.mark.parametrize("errorcode", ["errorcoursecontextnotvalid", "requireloginerror"])
def test_a_course_that_is_closed_to_the_tokens_user_names_that_right(look, moodle, errorcode):
    """So a real Moodle answers, whatever the function, where moodle/course:view is missing."""
    moodle.faults.add("core_enrol_get_enrolled_users", body=f'{{"exception":"x","errorcode":"{errorcode}"}}')
    found = look()["core_enrol_get_enrolled_users"]
    assert found.level is Level.BROKEN
    assert "moodle/course:view." in found.advice


def test_a_service_that_denies_the_first_question_is_told_with_every_reason_there_may_be(look, moodle):
    """A missing function, a user who is not authorised, a missing right and a token just run out look alike."""
    moodle.web_service.allowed.discard(checks.SITE_INFO)
    found = look()
    assert (found["web-service"].level, found["web-service"].facts["why"]) == (Level.BROKEN, "denied")
    for reason in (checks.SITE_INFO, "authorised users", "webservice/rest:use", "run out"):
        assert reason in found["web-service"].advice
    assert not any(one.code == "function" for one in found.values())


def test_people_that_moodle_hides_are_counted(look, moodle, monkeypatch):
    """A real Moodle answers 200 with fewer people when moodle/user:viewdetails is missing."""
    all_of_them = moodle.web_service.functions["core_enrol_get_enrolled_users"]
    monkeypatch.setitem(
        moodle.web_service.functions, "core_enrol_get_enrolled_users", lambda arguments: all_of_them(arguments)[:7]
    )
    found = look()["people"]
    assert (found.level, found.facts["shown"]) == (Level.BROKEN, 7)
    assert "moodle/user:viewdetails" in found.advice


def test_people_without_any_profile_field_are_worth_a_look(look, moodle, monkeypatch):
    everything = moodle.web_service.functions["core_enrol_get_enrolled_users"]

    def without(arguments):
        return [{key: value for key, value in row.items() if key != "customfields"} for row in everything(arguments)]

    monkeypatch.setitem(moodle.web_service.functions, "core_enrol_get_enrolled_users", without)
    found = look()["profile"]
    assert found.level is Level.ADVICE
    assert "moodle/user:viewalldetails" in found.advice


def test_a_survey_without_questions_is_worth_a_look(look, moodle):
    moodle.faults.add("mod_feedback_get_items", body='{"items":[],"warnings":[]}')
    found = look()["questions"]
    assert found.level is Level.ADVICE
    assert "mod/feedback:viewreports" in found.advice


def test_a_wrong_token_is_told(look, platform):
    change(platform, ws_token=secrets.encrypt("0" * 32))
    found = look()["web-service"]
    assert (found.level, found.facts["why"]) == (Level.BROKEN, "token")
    assert found.page.path == "/admin/webservice/tokens.php"


def test_no_token_is_worth_a_look_only(look, platform):
    change(platform, ws_token="")
    found = look()
    assert (found["web-service"].level, found["roster"].level) == (Level.ADVICE, Level.OK)


def test_a_token_encrypted_with_a_lost_key_is_told(look, platform):
    change(platform, ws_token="gAAAAAB-not-ours")
    assert look()["web-service"].facts["why"] == "unreadable"


def test_the_token_of_another_site_is_told(look, moodle):
    assert look()["web-service"].level is Level.OK
    moodle.site.address = "https://another.example"
    found = look()["web-service"]
    assert (found.level, found.facts["why"]) == (Level.BROKEN, "other-site")
    assert "https://another.example" in found.text


def test_a_silent_web_service_is_told(look, moodle):
    moodle.faults.add("/webservice/", status=500)
    assert look()["web-service"].facts["why"] == "down"


def test_web_services_or_rest_that_are_switched_off_are_told(look, moodle):
    """A real Moodle answers an empty 403 then."""
    moodle.faults.add("/webservice/", status=403)
    found = look()["web-service"]
    assert (found.level, found.facts["why"]) == (Level.BROKEN, "off")
    assert found.page.path.endswith("section=webserviceprotocols")


def test_a_page_in_place_of_an_answer_is_told(look, moodle):
    moodle.faults.add("/webservice/", page=True)
    found = look()["web-service"]
    assert (found.level, found.facts["why"]) == (Level.BROKEN, "failed")


def test_a_tool_that_moodle_has_forgotten_is_told(look, moodle):
    moodle.lti.tools.clear()
    found = look()["token"]
    assert (found.level, found.facts["why"]) == (Level.BROKEN, "unknown-tool")
    assert found.page.path == "/mod/lti/toolconfigure.php"


def test_a_kept_access_token_does_not_hide_that_there_are_no_more(look, moodle):
    assert look()["token"].level is Level.OK
    moodle.lti.tools.clear()
    assert look()["token"].level is Level.BROKEN


def test_a_key_set_that_moodle_cannot_use_is_told(look, moodle):
    next(iter(moodle.lti.tools.values())).keys.source = lambda: {"keys": []}
    next(iter(moodle.lti.tools.values())).keys._cached = None
    found = look()["token"]
    assert (found.level, found.facts["why"]) == (Level.BROKEN, "refused")
    assert found.page.path.endswith("section=httpsecurity")


def test_a_switched_off_roster_is_told(look, moodle):
    next(iter(moodle.lti.tools.values())).roster = False
    found = look()["token"]
    assert (found.level, found.facts["why"]) == (Level.BROKEN, "no-services")


@pytest.mark.parametrize(
    ("where", "code"), [("/memberships", "roster"), ("/lineitems", "gradebook")], ids=["roster", "gradebook"]
)
def test_a_refusing_service_is_told(look, moodle, where, code):
    moodle.faults.add(where, status=404)
    found = look()[code]
    assert (found.level, found.facts["why"], found.facts["http"]) == (Level.BROKEN, "refused", 404)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://127.0.0.2/keys", "forbidden"),
        ("http://127.0.0.1:1/keys", "no-answer"),
        ("{moodle}/mod/lti/openid-configuration.php", "nonsense"),
        ("{moodle}/nothing-here", "nonsense"),
    ],
)
def test_keys_that_cannot_be_read_are_told(look, moodle, platform, url, why):
    change(platform, jwks_url=url.replace("{moodle}", moodle.issuer))
    found = look()["keys"]
    assert (found.level, found.facts["why"]) == (Level.BROKEN, why)
    assert found.text
    assert found.advice


def test_before_the_first_launch_there_is_no_course_to_try_in(session, platform):
    found = {one.code: one for one in checks.check_platform(session, session.get_one(Platform, platform.id))}
    assert found["course"].level is Level.ADVICE
    assert found["capabilities"].level is Level.ADVICE
    assert "roster" not in found
    assert found["web-service"].level is Level.OK


def test_a_finding_can_be_kept_and_told_later(look, moodle):
    moodle.web_service.allowed.discard("mod_feedback_get_items")
    for one in look().values():
        again = Finding.from_json(one.as_json())
        assert (again, again.text, again.advice) == (one, one.text, one.advice)
        assert one.subject


def test_every_sentence_can_be_said():
    """Each text and advice is there for the codes that can occur, and its places are filled from known facts."""
    assert {code for code, _level, _why in checks._TEXTS} == {*checks._SUBJECTS, "function"}
    spoken = {(code, why) for code, level, why in checks._TEXTS if level is not Level.OK}
    assert spoken == set(checks._ADVICE)
    assert set(checks._WHERE) <= spoken
    assert set(checks._WHERE.values()) <= set(checks.PAGES)


# --- the command --------------------------------------------------------------------------------------------------


def run(app: Flask, platform_id: int | str):
    return app.test_cli_runner().invoke(args=["platforms", "check", str(platform_id)])


def test_the_command_prints_a_table_and_is_content(app, look, platform):
    done = run(app, platform.id)
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    for name in FUNCTIONS:
        assert any(line.startswith("ok") and name in line for line in lines)


def test_the_command_fails_when_something_must_be_mended(app, look, moodle, platform):
    moodle.web_service.allowed.discard("mod_feedback_get_items")
    done = run(app, platform.id)
    assert done.exit_code == 1
    assert "MEND  mod_feedback_get_items" in done.output
    assert f"{moodle.issuer}/admin/settings.php?section=externalservices" in done.output
    assert "must be mended" in done.output


def test_the_command_knows_no_other_platform(app):
    assert run(app, 99).exit_code == 1


def test_the_command_wants_a_number(app):
    assert run(app, "one").exit_code == 2
