"""The second door: for people without a Moodle account, with a code or the browser that used one, and an answer.

Its pages are under /guest/, its cookies count there only, and no other page knows them. See docs/adr/0007.
"""

import hashlib
from typing import Any

import structlog
from flask import Blueprint, Response, current_app, flash, g, make_response, redirect, render_template, request, url_for
from flask import session as browser
from flask_babel import get_locale
from flask_babel import gettext as _

from config import Settings
from lti_service import db
from lti_service.entrance import visits
from lti_service.entrance.forms import DoorForm
from lti_service.limits import Door, led_somewhere, limited
from lti_service.people.errors import PeopleError
from lti_service.people.guests import door, rules
from lti_service.people.guests.door import Entry, Knock
from lti_service.people.guests.errors import CodeMistypedError, DoorClosedError

blueprint = Blueprint("guests", __name__)
log = structlog.get_logger(__name__)

PLACE = "/guest/"
VISIT_COOKIE = "guest"
DEVICE_COOKIE = "guest-device"
DEVICE_LIFE = rules.LONGEST
CODE = "code"
"""The parameter that asks for the field of the code, though the browser is known."""
HOME = "pairs.guest_home"
"""The page that a guest comes to; the wing of pairs has it."""


# --- the door -----------------------------------------------------------------------------------------------------


@blueprint.get(PLACE)
def door_page() -> Any:
    """Where guests come in; whoever is inside goes on to their page, unless they come with a new code."""
    inside: visits.Guest | None = g.get("guest")
    if inside is not None and CODE not in request.args:
        return redirect(url_for(HOME, course_id=inside.course_id), 303)
    return _page(DoorForm())  # type: ignore[no-untyped-call]


@blueprint.post(PLACE)
@limited(Door.GUEST)
def come_in() -> Any:
    """Open for the right answer to whoever holds a code, or has the browser that used one."""
    form = DoorForm()  # type: ignore[no-untyped-call]
    try:
        knock = _knock(form)
        entry, token = _try(knock, form.answer.data or "")
    except PeopleError as error:
        return _page(form, error), error.status
    led_somewhere(Door.GUEST)
    response = redirect(url_for(HOME, course_id=entry.course_id), 303)
    _set_cookie(response, VISIT_COOKIE, token, int(visits.GUEST_LIFE.total_seconds()))
    _set_cookie(response, DEVICE_COOKIE, entry.device, int(DEVICE_LIFE.total_seconds()))
    return response


def _knock(form: DoorForm) -> Knock:
    """What was brought to the door. Raises CodeMistypedError: any code's check digit anybody can reckon."""
    typed = form.code.data or ""
    if not typed:
        return Knock(device=request.cookies.get(_cookie_name(DEVICE_COOKIE), ""))
    code = rules.read_code(typed)
    if code is None:
        raise CodeMistypedError
    return Knock(code=code, browser=_browser())


def _browser() -> str:
    """What tells this browser from others: the secret of its forms, which its signed session cookie holds."""
    secret = browser.get("csrf_token", "")
    return hashlib.sha256(f"guest:{secret}".encode()).hexdigest() if secret else ""


def _try(knock: Knock, answer: str) -> tuple[Entry, str]:
    """One try. The slow hash is computed between two transactions, so that nobody waits for it. Raises
    DoorClosedError."""
    with db.transaction() as session:
        tried = door.begin_try(session, knock)
    right = door.is_right(tried, answer)
    with db.transaction() as session:
        entry = door.end_try(session, knock, tried, right, str(current_app.secret_key))
        if entry is not None:
            if before := request.cookies.get(_cookie_name(VISIT_COOKIE)):
                visits.end(session, before)
            return entry, visits.begin_guest(session, entry, str(get_locale() or "ru"))
    log.info("guest refused")
    raise DoorClosedError


def _page(form: DoorForm, error: PeopleError | None = None) -> str:
    if error is not None and error.field in form:
        form[error.field].errors = [error.text]
        error = None
    form.answer.data = ""
    knows_browser = bool(request.cookies.get(_cookie_name(DEVICE_COOKIE)))
    wants_code = not knows_browser or CODE in request.args or bool(form.code.data)
    return render_template("guests/door.html", form=form, error=error, wants_code=wants_code)


@blueprint.post(PLACE + "leave")
def leave() -> Any:
    """End the visit; on a browser of others, forget it too, so that it takes a new code to come in here again."""
    token = request.cookies.get(_cookie_name(VISIT_COOKIE))
    if token:
        with db.transaction() as session:
            visits.end(session, token)
    response = make_response(redirect(url_for("guests.door_page"), 303))
    _drop_cookie(response, VISIT_COOKIE)
    if "forget" in request.form:
        _drop_cookie(response, DEVICE_COOKIE)
        flash(_("This browser is forgotten: next time a new code from the curator is needed here."))
    else:
        flash(_("You have left."))
    return response


# --- who asks -----------------------------------------------------------------------------------------------------


def is_here() -> bool:
    """Whether a page of the guests is asked for."""
    return request.path == PLACE.rstrip("/") or request.path.startswith(PLACE)


def recognise() -> Any:
    """Find out which guest asks; whoever is none any more is sent to the door."""
    g.unframed = True
    guest = _guest()
    if guest is None:
        inside = request.path.startswith(PLACE + "courses/")
        return redirect(url_for("guests.door_page"), 303) if inside else None
    g.guest = guest
    g.signed_in = True
    g.locale = guest.locale
    g.viewer = guest.viewer
    return None


def is_somewhere() -> bool:
    """Whether a guest asks for a page that is not of the guests."""
    return _guest() is not None


def _guest() -> visits.Guest | None:
    token = request.cookies.get(_cookie_name(VISIT_COOKIE))
    return visits.find_guest(db.session(), token, g.course_id) if token else None


# --- cookies ------------------------------------------------------------------------------------------------------


def _settings() -> Settings:
    found: Settings = current_app.extensions["settings"]
    return found


def _cookie_name(name: str) -> str:
    return f"__Host-{name}" if _settings().https else name


def _set_cookie(response: Any, name: str, value: str, seconds: int) -> None:
    """A cookie of our own site only: no frame and no other site's form ever sends it."""
    response.set_cookie(
        _cookie_name(name),
        value,
        max_age=seconds,
        secure=_settings().https,
        httponly=True,
        samesite="Lax",
        path="/",
    )


def _drop_cookie(response: Response, name: str) -> None:
    response.delete_cookie(_cookie_name(name), secure=_settings().https, httponly=True, samesite="Lax", path="/")
