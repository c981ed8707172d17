"""The door: login, launch and key set for platforms; the home page, and who asks, for people."""

import secrets
from typing import Any

import structlog
from flask import Blueprint, Flask, Response, current_app, g, jsonify, redirect, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.exceptions import RequestEntityTooLarge

from config import Settings
from lti_service import access, audit, db, pages
from lti_service.access import Permission
from lti_service.edge import csrf
from lti_service.edge import page as error_page
from lti_service.entrance import choosing, guests, handoff, registration, visits
from lti_service.limits import Door, led_somewhere, limited
from lti_service.lti import launch as lti
from lti_service.lti.errors import LaunchRefusedError, Refusal
from lti_service.people.forms import LARGEST_ID
from lti_service.platforms import keys
from moodle_client import storable

blueprint = Blueprint("entrance", __name__)
log = structlog.get_logger(__name__)

LOGIN_COOKIE = "login"
VISIT_COOKIE = "visit"

pages.add_nav(10, "entrance.home", _l("Home"), Permission.SEE_HOME)


@blueprint.route("/lti/login", methods=["GET", "POST"])
@limited(Door.LOGIN)
def login() -> Any:
    """Third-party-initiated login: on to the platform, with an attempt that one launch may end."""
    params = _params()
    binding = request.cookies.get(_cookie_name(LOGIN_COOKIE))
    instead = handoff.instead_of_login(params, binding)
    if instead is not None:
        _set_cookie(instead, LOGIN_COOKIE, secrets.token_urlsafe(32), int(lti.ATTEMPT_LIFE.total_seconds()))
        return instead
    with db.writing() as connection:
        start = lti.begin_login(connection, params, _launch_url(), binding)
    response = redirect(start.redirect_url)
    _set_cookie(response, LOGIN_COOKIE, start.binding, int(lti.ATTEMPT_LIFE.total_seconds()))
    return response


@blueprint.post("/lti/launch")
@limited(Door.LAUNCH)
def launch() -> Any:
    """The platform's answer: verified whole, remembered, and on to where it leads: the person's home page, mostly."""
    settings = _settings()
    params = _params()
    signed = lti.verify(db.session, params, settings.public_url)
    with db.writing() as connection:
        message = lti.finish_launch(connection, signed, request.cookies.get(_cookie_name(LOGIN_COOKIE)))
        arrival = visits.begin(connection, message, settings.session_lifetime)
        address = choosing.landing(connection, message, arrival, params["id_token"])
    led_somewhere(Door.LOGIN, Door.LAUNCH)
    # 303, for the launch was a POST.
    response = redirect(address, 303)
    _set_cookie(response, VISIT_COOKIE, arrival.token, int(settings.session_lifetime.total_seconds()))
    return response


@blueprint.get("/lti/jwks")
def jwks() -> Any:
    """Our public keys."""
    response = jsonify(keys.key_set(db.session()))
    response.headers["Cache-Control"] = "public, max-age=300"
    return response


@blueprint.get("/courses/<int:course_id>/")
@access.needs(Permission.SEE_HOME)
def home() -> Any:
    """A person's home page in a course: the parts that concern them, from every wing."""
    viewer = access.viewer()
    # As a part, for the parts before it have put together what all templates share.
    return pages.part("entrance/home.html", sections=pages.home_sections(db.session(), viewer))


@blueprint.get("/")
def outside() -> Any:
    """Where somebody is who came without a course, or nobody yet."""
    visitor: visits.Visitor | None = g.get("visitor")
    return render_template("entrance/outside.html", visitor=visitor)


@blueprint.app_errorhandler(LaunchRefusedError)
def refused(error: LaunchRefusedError) -> Any:
    """A page that says what to do; the audit trail says why."""
    log.warning("launch refused", reason=error.reason.value, detail=error.detail, platform=error.platform_id)
    with db.writing() as connection:
        audit.record(
            connection,
            "launch.refused",
            platform_id=error.platform_id,
            correlation_id=g.correlation_id,
            reason=error.reason.value,
            detail=storable(error.detail),
            address=request.remote_addr or "",
            path=request.path,
        )
    title = _("The activity could not be opened") if error.text else ""
    return error_page(error.status, title=title, message=error.text)


def init_app(app: Flask) -> None:
    """Let every request know its course and who asks."""
    # A platform's form posts cannot carry our token: the attempt's state and its cookie guard these two.
    csrf.exempt(login)
    csrf.exempt(launch)

    @app.url_value_preprocessor
    def take_course(_endpoint: str | None, values: dict[str, Any] | None) -> None:
        course_id = values.pop("course_id", None) if values else None
        # More than the column holds is nobody's, and no question that a database would take.
        g.course_id = 0 if course_id and course_id > LARGEST_ID else course_id

    @app.url_defaults
    def give_course(endpoint: str, values: dict[str, Any]) -> None:
        if (
            "course_id" not in values
            and g.get("course_id")
            and app.url_map.is_endpoint_expecting(endpoint, "course_id")
        ):
            values["course_id"] = g.course_id

    app.before_request(_recognise)
    app.register_blueprint(blueprint)
    app.register_blueprint(registration.blueprint)
    app.register_blueprint(choosing.blueprint)
    handoff.init_app(app)
    app.register_blueprint(guests.blueprint)


def _recognise() -> Any:
    """Find out who asks: the cookie says which person, the address which course, the database what they are there."""
    if guests.is_here():
        return guests.recognise()
    token = request.cookies.get(_cookie_name(VISIT_COOKIE))
    if request.path.startswith(("/lti/", "/static/")):
        return None
    if not token:
        # A guest elsewhere is nobody; but neither are they told to open an activity in Moodle.
        g.signed_in = guests.is_somewhere()
        return None
    visitor = visits.find(db.session(), token, g.course_id)
    if visitor is None:
        return None
    g.visitor = visitor
    g.signed_in = True
    g.locale = visitor.locale
    g.platform_origin = visitor.platform_origin
    g.viewer = visitor.viewer
    return None


def _params() -> dict[str, str]:
    """The request's parameters, each of which may come only once, in a body that is not too large.

    Raises LaunchRefusedError.
    """
    try:
        values = request.form if request.method == "POST" else request.args
    except RequestEntityTooLarge as err:
        raise LaunchRefusedError(Refusal.BODY_TOO_LARGE, f"{request.content_length or 0} bytes") from err
    twice = [name for name, found in values.lists() if len(found) > 1]
    if twice:
        raise LaunchRefusedError(Refusal.PARAMETER_TWICE, ", ".join(twice)[:200])
    # No parameter that means anything has such signs, and the databases differ about them.
    return {name: storable(value) for name, value in values.items()}


def _settings() -> Settings:
    found: Settings = current_app.extensions["settings"]
    return found


def _launch_url() -> str:
    return _settings().public_url + "/lti/launch"


def _cookie_name(name: str) -> str:
    return f"__Host-{name}" if _settings().https else name


def _set_cookie(response: Any, name: str, value: str, seconds: int) -> None:
    """A cookie that works inside Moodle's frame: on https third-party and partitioned, on localhost Lax."""
    https = _settings().https
    reply: Response = response
    reply.set_cookie(
        _cookie_name(name),
        value,
        max_age=seconds,
        secure=https,
        httponly=True,
        samesite="None" if https else "Lax",
        partitioned=https,
        path="/",
    )
