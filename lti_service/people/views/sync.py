"""How people come from Moodle: the last loading, how one goes now, and its line on the home page."""

from typing import Any

from flask import redirect, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from sqlalchemy.orm import Session

from lti_service import access, db, pages
from lti_service.access import Permission, Viewer
from lti_service.lists import ListLook
from lti_service.people import loads, service, tasks
from lti_service.people.forms import read_choice, read_id, read_way
from lti_service.people.views.room import blueprint
from lti_service.queue import OPEN, RunState

pages.add_nav(70, "people.sync", _l("People from Moodle"), Permission.RUN_SYNC)

MENTIONED = 10
"""How many people with a trouble a report names; the others are on a page of their own."""


OUTCOMES: dict[RunState, Any] = {RunState.DONE: _l("Done"), RunState.FAILED: _l("Broken off")}
"""How loads end, to filter them by."""
_REASONS = ",".join(f"'{reason}'" for reason in loads.REASONS)


@blueprint.get("/courses/<int:course_id>/sync/")
@access.needs(Permission.RUN_SYNC)
def sync() -> Any:
    """How the course's people come from Moodle: when they last did, how it goes now, and what it changed."""
    session, course_id = db.session(), access.viewer().course_id
    newest = next(iter(service.runs(session, course_id, 1)), None)
    state = read_choice(request.args, "state", RunState)
    look = loads.Look(state=state.value if state and state in OUTCOMES else "", page=read_id(request.args, "page") or 1)
    listing = loads.earlier(session, course_id, newest, look) if newest else None
    runs = listing.lines if listing else []
    return render_template(
        "people/sync.html",
        course=service.course(session, course_id),
        run=newest,
        listing=listing,
        look=look,
        address=look.addresses("people.sync"),
        names=service.names_of(session, [run.requested_by for run in runs if run.requested_by]),
        states=RunState,
        outcomes=OUTCOMES,
        is_open=newest is not None and newest.state in OPEN,
        mentioned=MENTIONED,
    )


@blueprint.get(f"/courses/<int:course_id>/sync/<int(max=2147483647):run_id>/<any({_REASONS}):reason>/")
@access.needs(Permission.RUN_SYNC)
def sync_troubles(run_id: int, reason: str) -> str:
    """All the people with whom a load had one kind of trouble."""
    look = ListLook(**read_way(request.args, ("name",)))
    found = loads.troubles(db.session(), access.viewer().course_id, run_id, reason, look)
    return render_template(
        "people/troubles.html",
        found=found,
        look=look,
        address=look.addresses("people.sync_troubles", run_id=run_id, reason=reason),
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
        "people/_run.html",
        run=runs[0] if runs else None,
        is_open=bool(runs) and runs[0].state in OPEN,
        mentioned=MENTIONED,
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
