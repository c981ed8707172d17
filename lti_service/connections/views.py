"""The administrator's pages of their own Moodle's connection, and its part of the home page."""

from typing import Any

from flask import Blueprint, current_app, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from itsdangerous import BadSignature, URLSafeTimedSerializer
from markupsafe import Markup
from sqlalchemy.orm import Session

from config import Settings
from lti_service import access, db, pages, sheets
from lti_service.access import Permission, Viewer
from lti_service.connections import forms, labels, service
from lti_service.connections.errors import ConnectionsError, FieldsUntriedError, ResumeLinkError, RoleNameError
from lti_service.lti import checks
from lti_service.people import exports
from lti_service.people.enrolments import PROFILE_FIELDS
from lti_service.people.fields import FieldsTrial
from lti_service.people.kinds import labels as kind_labels
from lti_service.people.kinds.forms import read_file, read_part
from lti_service.people.kinds.service import Trial
from lti_service.platforms import outgoing
from lti_service.platforms.models import Course, Platform

blueprint = Blueprint("connections", __name__)

pages.add_nav(80, "connections.show", _l("Connection"), Permission.SEE_CONNECTION)

RESUME_WITHIN = 30 * 24 * 3600
"""Seconds for which the page that paused a connection can resume it."""


@blueprint.context_processor
def words() -> dict[str, Any]:
    """The wing's words, for its templates."""
    return {"labels": labels, "moodle_pages": checks.PAGES}


# --- the connection and its health --------------------------------------------------------------------------------


@blueprint.get("/courses/<int:course_id>/connections/")
@access.needs(Permission.SEE_CONNECTION)
def show() -> Any:
    """Is it well, and what is still to be set up."""
    viewer, session = access.viewer(), db.session()
    platform = service.find(session, viewer)
    health = service.health(session, platform.id)
    return render_template(
        "connections/show.html",
        platform=platform,
        health=health,
        steps=service.steps(session, viewer, platform, health),
        course=session.get_one(Course, viewer.course_id),
        functions=(*checks.FUNCTIONS, *checks.OPTIONAL),
        capabilities=checks.CAPABILITIES,
        fields=PROFILE_FIELDS | platform.profile_fields,
    )


@blueprint.post("/courses/<int:course_id>/connections/check")
@access.needs(Permission.SEE_CONNECTION)
def check() -> Any:
    """Try everything now."""
    _check(access.viewer())
    return redirect(url_for(".show", _anchor="health"), 303)


def _check(viewer: Viewer) -> None:
    session = db.session()
    platform = service.find(session, viewer)
    findings = checks.check_platform(session, platform, session.get(Course, viewer.course_id))
    with db.transaction() as session:
        service.keep_check(session, viewer, findings)
    count = checks.broken(findings)
    if count:
        flash(_("The check is through. To be mended: %(count)s.", count=count), "warning")
    else:
        flash(_("The check is through: nothing must be mended."))


@blueprint.get("/courses/<int:course_id>/connections/values")
@access.needs(Permission.SEE_CONNECTION)
def values() -> Any:
    """What both sides know of each other, for connecting by hand and for comparing."""
    platform = service.find(db.session(), access.viewer())
    return render_template("connections/values.html", platform=platform, public_url=_public_url())


@blueprint.post("/courses/<int:course_id>/connections/invite")
@access.needs(Permission.SEE_CONNECTION)
def invite() -> Any:
    """A registration address for this Moodle; it is shown this once, for only its hash is kept."""
    with db.transaction() as session:
        address = service.invite(session, access.viewer(), _public_url())
        platform = service.find(session, access.viewer())
    return render_template("connections/invited.html", address=address, platform=platform)


# --- the web-service token ----------------------------------------------------------------------------------------


@blueprint.route("/courses/<int:course_id>/connections/token", methods=["GET", "POST"])
@access.needs(Permission.SEE_CONNECTION)
def token() -> Any:
    """Take a web-service token, try it, keep it encrypted, and check what it opens."""
    viewer, form = access.viewer(), forms.token_form()
    platform = service.find(db.session(), viewer)
    if not form.is_submitted():
        return _token_page(platform, form)
    if not form.validate():
        return _token_page(platform, form), 422
    given: str = form.token.data
    db.session().commit()
    try:
        site_name = service.try_token(platform, given)
    except ConnectionsError as err:
        form.token.errors = [err.text]
        return _token_page(platform, form), err.status
    with db.transaction() as session:
        service.keep_token(session, viewer, given, site_name)
    flash(_("The token is kept, encrypted. It is not shown again."))
    _check(viewer)
    return redirect(url_for(".show", _anchor="health"), 303)


def _token_page(platform: Platform, form: Any) -> str:
    return render_template(
        "connections/token.html",
        platform=platform,
        form=form,
        functions=(*checks.FUNCTIONS, *checks.OPTIONAL),
        capabilities=checks.CAPABILITIES,
    )


@blueprint.post("/courses/<int:course_id>/connections/token/remove")
@access.needs(Permission.SEE_CONNECTION)
def remove_token() -> Any:
    """Forget the token."""
    with db.transaction() as session:
        service.drop_token(session, access.viewer())
    flash(_("The token is forgotten. Delete it in Moodle too, if nobody else uses it."))
    # What the last check found of the web service is true no longer.
    _check(access.viewer())
    return redirect(url_for(".token"), 303)


# --- settings and roles -------------------------------------------------------------------------------------------


@blueprint.route("/courses/<int:course_id>/connections/settings", methods=["GET", "POST"])
@access.needs(Permission.SEE_CONNECTION)
def settings() -> Any:
    """Name, time zone and profile fields."""
    viewer = access.viewer()
    platform = service.find(db.session(), viewer)
    form = forms.settings_form(name=platform.name, time_zone=platform.time_zone, **platform.profile_fields)
    if not form.is_submitted():
        return _settings_page(platform, form)
    if not form.validate():
        return _settings_page(platform, form), 422
    if request.form.get("do") == "try":
        try:
            trial = service.try_fields(db.session(), viewer, form.profile_fields)
        except FieldsUntriedError as err:
            return _settings_page(platform, form, error=err), err.status
        with db.transaction() as session:
            service.record_trial(session, viewer, trial.people)
        return _settings_page(platform, form, trial)
    with db.transaction() as session:
        changed = service.save_settings(
            session,
            viewer,
            name=form.name.data,
            time_zone=form.time_zone.data,
            profile_fields=form.profile_fields,
        )
    flash(_("Saved.") if changed else _("Nothing was changed."))
    return redirect(url_for(".settings"), 303)


def _settings_page(
    platform: Platform, form: Any, trial: FieldsTrial | None = None, error: ConnectionsError | None = None
) -> str:
    return render_template(
        "connections/settings.html", platform=platform, form=form, defaults=PROFILE_FIELDS, trial=trial, error=error
    )


@blueprint.get("/courses/<int:course_id>/connections/roles")
@access.needs(Permission.SEE_CONNECTION)
def roles() -> Any:
    """What Moodle's roles make people here, and who is a curator by that."""
    return _roles_page(service.role_rows(db.session(), service.find(db.session(), access.viewer())))


@blueprint.post("/courses/<int:course_id>/connections/roles")
@access.needs(Permission.SEE_CONNECTION)
def save_roles() -> Any:
    """Keep the role map; it applies at the next load of participants."""
    wanted = forms.read_roles(request.form)
    file = read_file(request.form)
    tries = request.form.get("do") == "try" or "at" in request.form or file is not None
    try:
        if tries:
            with db.transaction() as session:
                part = read_part(request.form)
                trial = service.try_roles(
                    session, access.viewer(), wanted, pages.local_today(), part, whole=file is not None
                )
            if file:
                return sheets.download(exports.trial(trial), file)
            rows = service.rows_of(wanted)
            return _roles_page(rows, trial=trial)
        with db.transaction() as session:
            changed = service.save_roles(session, access.viewer(), wanted)
    except RoleNameError as err:
        rows = [service.RoleRow(name, frozenset(given), False) for name, given in wanted.items()]
        new = rows.pop() if request.form.get("new_name", "").strip() else None
        return _roles_page(rows, new, err), err.status
    if changed:
        flash(_("Saved. It applies at the next load of people; under “Who is who” you can apply it at once."))
    else:
        flash(_("Nothing was changed."))
    return redirect(url_for(".roles"), 303)


@blueprint.post("/courses/<int:course_id>/connections/curators")
@access.needs(Permission.SEE_CONNECTION)
def appoint() -> Any:
    """Make somebody who teaches the course its curator."""
    membership_id = request.form.get("membership", 0, type=int)
    with db.transaction() as session:
        service.appoint(session, access.viewer(), membership_id, is_curator=True)
    # Without a name: what is flashed travels in a cookie.
    flash(_("A curator is appointed; it holds at once."))
    return redirect(url_for(".roles", _anchor="curators-title"), 303)


@blueprint.post("/courses/<int:course_id>/connections/curators/<int(max=2147483647):membership_id>/dismiss")
@access.needs(Permission.SEE_CONNECTION)
def dismiss(membership_id: int) -> Any:
    """Take an appointment back."""
    with db.transaction() as session:
        service.appoint(session, access.viewer(), membership_id, is_curator=False)
    flash(_("The appointment is taken back."))
    return redirect(url_for(".roles", _anchor="curators-title"), 303)


def _roles_page(
    rows: list[service.RoleRow],
    new: service.RoleRow | None = None,
    error: ConnectionsError | None = None,
    trial: Trial | None = None,
) -> str:
    viewer, session = access.viewer(), db.session()
    return render_template(
        "connections/roles.html",
        platform=service.find(session, viewer),
        course=session.get_one(Course, viewer.course_id),
        rows=rows,
        new=new,
        error=error,
        trial=trial,
        kind_titles=kind_labels.TITLES,
        given=service.GIVEN_ROLES,
        curators=service.curators(session, viewer.platform_id),
        appointable=service.appointable(session, viewer),
    )


# --- keys ---------------------------------------------------------------------------------------------------------


@blueprint.get("/courses/<int:course_id>/connections/keys")
@access.needs(Permission.SEE_CONNECTION)
def keys() -> Any:
    """Our signing keys."""
    return render_template("connections/keys.html", rows=service.key_rows(db.session()), public_url=_public_url())


@blueprint.post("/courses/<int:course_id>/connections/keys")
@access.needs(Permission.SEE_CONNECTION)
def rotate_keys() -> Any:
    """Publish the next key."""
    with db.transaction() as session:
        key = service.rotate_keys(session, access.viewer())
        when = pages.show_moment(key.signs_from)
    flash(_("The new key is published and signs from %(when)s on. Nothing else has to be done.", when=when))
    return redirect(url_for(".keys"), 303)


# --- pause and resume ---------------------------------------------------------------------------------------------


@blueprint.get("/courses/<int:course_id>/connections/pause")
@access.needs(Permission.SEE_CONNECTION)
def ask_pause() -> Any:
    """What pausing does, before it is done."""
    return render_template("connections/pause.html", platform=service.find(db.session(), access.viewer()))


@blueprint.post("/courses/<int:course_id>/connections/pause")
@access.needs(Permission.SEE_CONNECTION)
def pause() -> Any:
    """Pause, and answer with the page that can resume: from now on nobody comes in, the administrator neither."""
    viewer = access.viewer()
    with db.transaction() as session:
        service.pause(session, viewer)
        platform = service.find(session, viewer)
    leave = _leave().dumps([viewer.platform_id, viewer.person_id])
    return render_template("connections/paused.html", platform=platform, leave=leave)


@blueprint.post("/courses/<int:course_id>/connections/resume")
def resume() -> Any:
    """Resume, for whoever has the page that paused: nobody has a visit in a paused platform."""
    try:
        platform_id, person_id = _leave().loads(request.form.get("leave", ""), max_age=RESUME_WITHIN)
    except (BadSignature, ValueError, TypeError) as err:
        raise ResumeLinkError from err
    with db.transaction() as session:
        course = session.get(Course, g.course_id)
        if course is None or course.platform_id != platform_id:
            raise ResumeLinkError
        # The page that says so stands in the frame of this very Moodle.
        g.platform_origin = outgoing.origin(course.platform.issuer)
        service.resume(session, platform_id, person_id)
    flash(_("The connection is resumed."))
    return redirect(url_for(".show"), 303)


def _leave() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="connections.resume")


# --- the audit trail ----------------------------------------------------------------------------------------------


@blueprint.get("/courses/<int:course_id>/connections/audit")
@access.needs(Permission.SEE_CONNECTION)
def audit() -> Any:
    """Who did what to whom in this platform."""
    wanted = forms.read_wanted(request.args)
    return render_template(
        "connections/audit.html", trail=service.trail(db.session(), access.viewer(), wanted), wanted=wanted
    )


# --- home ---------------------------------------------------------------------------------------------------------


@pages.home_section(5)
def admin_part(session: Session, viewer: Viewer) -> Markup | None:
    """For administrators: is the connection well, and the next step of its set-up."""
    if not viewer.may(Permission.SEE_CONNECTION):
        return None
    platform = service.find(session, viewer)
    health = service.health(session, platform.id)
    steps = service.steps(session, viewer, platform, health)
    return pages.part(
        "connections/home.html",
        platform=platform,
        health=health,
        open_steps=[step for step in steps if step.state is service.StepState.OPEN],
        done=sum(step.state is service.StepState.DONE for step in steps),
        total=len(steps),
        labels=labels,
    )


def _public_url() -> str:
    found: Settings = current_app.extensions["settings"]
    return found.public_url
