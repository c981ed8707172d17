"""Support of a mentee without a pair, on the curator's page about them."""

from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from markupsafe import Markup
from sqlalchemy.orm import Session

from lti_service import access, db, pages, sheets
from lti_service.access import Permission, Viewer
from lti_service.errors import NotFoundError
from lti_service.people import exports, service, support, without_pair
from lti_service.people.consents import service as consents
from lti_service.people.errors import PeopleError
from lti_service.people.forms import SupportForm, read_support_look
from lti_service.people.views.room import blueprint, cycle_id, desk


@pages.record_section(20)
def support_of(session: Session, viewer: Viewer, person_id: int) -> Markup | None:
    """What was talked about with somebody who has no pair, and when to look again."""
    found = support.supported(session, viewer.course_id, cycle_id(session, viewer), person_id)
    if not found.is_wanted:
        return None
    return pages.part("people/_support.html", found=found, person_id=person_id, today=pages.local_today())


@pages.home_section(16)
def support_due(session: Session, viewer: Viewer) -> Markup | None:
    """For curators: how many of those without a pair it is time to look at again."""
    if not viewer.may(Permission.MANAGE_BASE):
        return None
    year = cycle_id(session, viewer)
    count = support.due_looks(session, year, viewer.course_id, pages.local_today()) if year else 0
    return pages.part("people/_support_due.html", count=count) if count else None


@blueprint.get("/courses/<int:course_id>/base/support/")
@access.needs(Permission.MANAGE_BASE)
def without_pair_list() -> Any:
    """All without a pair: when somebody talked with each of them last, and when to look again."""
    viewer, session, today = access.viewer(), db.session(), pages.local_today()
    look, year = read_support_look(request.args), cycle_id(session, viewer)
    return render_template(
        "people/without_pair.html",
        listing=without_pair.list_supported(session, year, viewer.course_id, today, look) if year else None,
        look=look,
        today=today,
        address=look.addresses("people.without_pair_list"),
    )


@blueprint.get("/courses/<int:course_id>/base/support.<any(xlsx,csv):ending>")
@access.needs(Permission.MANAGE_BASE)
def export_without_pair(ending: str) -> Response:
    """Everybody whom the list shows with these filters, as a file."""
    look, today = read_support_look(request.args), pages.local_today()
    with db.transaction() as session:
        at = desk(session)
        lines = without_pair.all_supported(session, at.cycle_id, at.course_id, today, look)
        stands = consents.stands(session, [line.person.id for line in lines], today)
        service.record_export(session, at, "support", len(lines), look.told)
        return sheets.download(exports.supported(lines, stands), sheets.Kind(ending))


@blueprint.route("/courses/<int:course_id>/people/<int(max=2147483647):person_id>/support", methods=["GET", "POST"])
@access.needs(Permission.MANAGE_BASE)
def record_support(person_id: int) -> Any:
    """Write down one talk."""
    viewer, today = access.viewer(), pages.local_today()
    found = support.supported(db.session(), viewer.course_id, cycle_id(db.session(), viewer), person_id)
    if found.mentee is None:
        raise NotFoundError
    form = SupportForm.of(today, request.form if request.method == "POST" else None)
    shown = {"found": found, "form": form}
    if request.method == "GET":
        return render_template("people/support.html", **shown)
    if not form.is_valid():
        return render_template("people/support.html", **shown), 422
    try:
        with db.transaction() as session:
            support.record_support(
                session,
                desk(session),
                person_id,
                day=form.day.data,
                who=form.who.data or "",
                agreed=form.agreed.data or "",
                next_look=form.next_look.data,
                today=today,
            )
    except PeopleError as error:
        form[error.field].errors = [error.text]
        return render_template("people/support.html", **shown), error.status
    flash(_("Saved."))
    return redirect(url_for("people.person", person_id=person_id), 303)
