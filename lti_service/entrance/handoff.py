"""Where a browser keeps no cookies in Moodle's frame: said before the login, with a way on in a window of its own.

A login that starts in a frame without our cookie goes round once, with the cookie set. When it still comes without,
the page offers a new window, and a one-use code lets the same login begin there, where the cookie is first-party.
So even then no launch is accepted that is not bound to the browser which began it.
"""

import hashlib
import json
import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Flask, Response, g, make_response, redirect, render_template, request, url_for
from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from lti_service import db
from lti_service.db import now
from lti_service.edge import csrf
from lti_service.lti.errors import LaunchRefusedError, Refusal
from lti_service.lti.models import LaunchAttempt
from lti_service.platforms import outgoing
from lti_service.platforms.models import Platform, PlatformState

blueprint = Blueprint("handoff", __name__)

CODE_LIFE = timedelta(minutes=1)
TRIED = "cookies"
"""The parameter of a login that has gone round already."""
CODE = "code"
LOGIN_PARAMETERS = (
    "iss",
    "client_id",
    "login_hint",
    "lti_message_hint",
    "lti_deployment_id",
    "target_link_uri",
)


def instead_of_login(params: dict[str, str], binding: str | None) -> Response | None:
    """What answers a login whose cookie may be, or is, refused by the browser; None lets the login go on.

    The caller sets the cookie on the answer. Only a login in a frame is asked twice: elsewhere cookies are first-party,
    and a browser too old to say where it is gets the page that a launch without a cookie gets.
    """
    if binding or request.headers.get("Sec-Fetch-Dest") not in ("iframe", "frame"):
        return None
    login = {name: params[name] for name in LOGIN_PARAMETERS if name in params}
    platform = db.session().scalar(
        select(Platform).where(
            Platform.issuer == login.get("iss", ""),
            Platform.client_id == login.get("client_id", ""),
            Platform.state == PlatformState.ACTIVE,
        )
    )
    if platform is None:
        return None
    if TRIED not in params:
        return make_response(redirect(_login_address({**login, TRIED: "tried"}), 303))
    with db.transaction() as session:
        code = begin(session, platform, login)
    # The form leads through our login to Moodle's, and browsers hold redirects to the form's policy too.
    g.form_origin = outgoing.origin(platform.login_url)
    return make_response(render_template("entrance/handoff.html", login=login, code=code))


def begin(session: Session, platform: Platform, login: dict[str, str]) -> str:
    """A code that lets exactly this login begin once more, within a minute; the table keeps its hash only."""
    code = secrets.token_urlsafe(32)
    moment = now()
    session.add(
        LaunchAttempt(
            state_hash=_code_hash(code),
            # Of a secret that nobody gets: no launch can ever use up this row.
            binding_hash=_hash(secrets.token_urlsafe(32)),
            nonce_hash=_login_hash(login),
            platform_id=platform.id,
            target=login.get("target_link_uri", "")[:600],
            created_at=moment,
            expires_at=moment + CODE_LIFE,
        )
    )
    return code


def consume(session: Session, code: str, login: dict[str, str]) -> None:
    """Use the code up: one statement that succeeds for exactly one of all comers. Raises LaunchRefusedError."""
    moment = now()
    result: CursorResult[Any] = session.execute(  # type: ignore[assignment]
        update(LaunchAttempt)
        .where(
            LaunchAttempt.state_hash == _code_hash(code),
            LaunchAttempt.nonce_hash == _login_hash(login),
            LaunchAttempt.expires_at > moment,
            LaunchAttempt.used_at.is_(None),
        )
        .values(used_at=moment)
        .execution_options(synchronize_session=False)
    )
    if result.rowcount == 1:
        return
    found = session.scalar(select(LaunchAttempt).where(LaunchAttempt.state_hash == _code_hash(code)))
    if found is None or found.nonce_hash != _login_hash(login):
        raise LaunchRefusedError(Refusal.STATE_UNKNOWN, "handoff", found.platform_id if found else None)
    reason = Refusal.STATE_USED if found.used_at is not None else Refusal.STATE_EXPIRED
    raise LaunchRefusedError(reason, "handoff", found.platform_id)


@blueprint.post("/lti/handoff")
def open_window() -> Any:
    """In the new window: use the code up and begin the login there."""
    if any(len(found) > 1 for _name, found in request.form.lists()):
        raise LaunchRefusedError(Refusal.PARAMETER_TWICE, "handoff")
    login = {name: request.form[name] for name in LOGIN_PARAMETERS if name in request.form}
    with db.transaction() as session:
        consume(session, request.form.get(CODE, ""), login)
    return redirect(_login_address(login), 303)


def init_app(app: Flask) -> None:
    """Add the new window's way."""
    # It comes from a browser that keeps no cookies, so it can carry no token of theirs: the code guards it.
    csrf.exempt(open_window)
    app.register_blueprint(blueprint)


def _login_address(params: dict[str, str]) -> str:
    return f"{url_for('entrance.login')}?{urlencode(params)}"


def _code_hash(code: str) -> str:
    return _hash(f"handoff:{code}")


def _login_hash(login: dict[str, str]) -> str:
    return _hash(json.dumps(login, sort_keys=True))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
