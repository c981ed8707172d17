"""A working day at the highest log level: nothing that opens a door is written down anywhere."""

import logging
import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service import db, logs
from lti_service.indicators import tasks as indicators
from lti_service.people import tasks as people
from lti_service.platforms import keys, secrets
from lti_service.platforms.models import Platform, ToolKey
from lti_service.surveys import tasks as surveys
from tests.practice_moodle import TOKEN, PracticeMoodle


def test_a_day_at_the_highest_log_level_writes_no_secret_down(
    app, moodle: PracticeMoodle, platform: Platform, session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("DEBUG", "text")
    # Even what the service's own set-up keeps quiet.
    logging.getLogger("urllib3").setLevel(logging.DEBUG)
    found: set[str] = {TOKEN, app.config["SECRET_KEY"]}
    try:
        for who in (moodle.college.curators[0], moodle.college.admin):
            client = app.test_client()
            login = client.post("/lti/login", data=moodle.login_form(who, 2))
            query = dict(parse_qsl(urlsplit(login.location).query))
            answer = moodle.answer(query)
            found |= {query["state"], query["nonce"], answer["id_token"], answer["id_token"].split(".")[2]}
            home = client.post("/lti/launch", data=answer)
            assert home.status_code == 303
            # A launch that is refused is told of in the log and the audit trail.
            assert client.post("/lti/launch", data=answer).status_code == 401
            found |= {cookie.value for cookie in client._cookies.values()}
            if who is moodle.college.curators[0]:
                continue
            page = client.get(f"{home.location}connections/token").text
            csrf = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page)
            assert csrf
            wrong = {"csrf_token": csrf[1], "token": "f" * 32}
            assert client.post(f"{home.location}connections/token", data=wrong).status_code == 422
            found |= {"f" * 32, csrf[1]}
            assert client.post(f"{home.location}connections/check", data={"csrf_token": csrf[1]}).status_code == 303
        people.sync_all()
        surveys.sync_all()
        indicators.refresh_all()
        with db.transaction(session):
            keys.rotate(session, db.now())
        ran = app.test_cli_runner().invoke(args=["platforms", "check", str(platform.id)])
        moodle.faults.add("/webservice/", status=500)
        failed = app.test_cli_runner().invoke(args=["sync"])
        assert failed.exit_code == 1
    finally:
        logs.configure("WARNING", "text")
        logging.getLogger("urllib3").setLevel(logging.WARNING)
    session.rollback()
    for key in session.scalars(select(ToolKey)):
        found |= set(secrets.decrypt(key.private_pem).splitlines()[1:-1])
    found |= set(moodle.lti._access_tokens)
    caught = capsys.readouterr()
    written = caught.out + caught.err + ran.output + failed.output
    assert "launch refused" in written
    assert len(found) > 20
    assert [secret[:12] for secret in found if secret in written] == []
