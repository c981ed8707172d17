"""How people come from Moodle: the last loading, how one goes now, and its line on the home page."""

from typing import Any

from flask import redirect, render_template, url_for
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from sqlalchemy.orm import Session

from lti_service import access, db, pages
from lti_service.access import Permission, Viewer
from lti_service.people import service, tasks
from lti_service.people.views.room import blueprint
from lti_service.queue import OPEN, RunState

pages.add_nav(70, "people.sync", _l("People from Moodle"), Permission.RUN_SYNC)

RUNS_SHOWN = 10


@blueprint.get("/courses/<int:course_id>/sync/")
@access.needs(Permission.RUN_SYNC)
def sync() -> Any:
    """How the course's people come from Moodle: when they last did, how it goes now, and what it changed."""
    session, course_id = db.session(), access.viewer().course_id
    runs = service.runs(session, course_id, RUNS_SHOWN)
    return render_template(
        "people/sync.html",
        course=service.course(session, course_id),
        runs=runs,
        run=runs[0] if runs else None,
        names=service.names_of(session, [run.requested_by for run in runs if run.requested_by]),
        states=RunState,
        is_open=bool(runs) and runs[0].state in OPEN,
    )


@blueprint.post("/courses/<int:course_id>/sync/")
@access.needs(Permission.RUN_SYNC)
def start_sync() -> Any:
    """Start a sync, unless one is under way, and show how it goes."""
    viewer = access.viewer()
    with db.transaction() as session:
        run, is_new = service.open_sync(session, viewer.course_id, viewer.person_id)
    if is_new:
        tasks.sync_enrolments(run.id)
    return redirect(url_for("people.sync"), 303)


@blueprint.get("/courses/<int:course_id>/sync/status")
@access.needs(Permission.RUN_SYNC)
def sync_status() -> Any:
    """The part of the page that says how the newest run goes; a script asks for it each second."""
    runs = service.runs(db.session(), access.viewer().course_id, 1)
    return render_template(
        "people/_run.html", run=runs[0] if runs else None, is_open=bool(runs) and runs[0].state in OPEN
    )


@pages.home_section(70)
def home(session: Session, viewer: Viewer) -> Markup | None:
    """For those who may sync: when the people last came from Moodle, and what to do when they never did."""
    if not viewer.may(Permission.RUN_SYNC):
        return None
    runs = service.runs(session, viewer.course_id, 1)
    return pages.part(
        "people/_home.html",
        course=service.course(session, viewer.course_id),
        run=runs[0] if runs else None,
        is_open=bool(runs) and runs[0].state in OPEN,
    )
