"""One's own request for a mentor."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from lti_service import access, db, pages
from lti_service.access import Permission
from lti_service.people import asking
from lti_service.people.errors import PeopleError
from lti_service.people.forms import AskForm
from lti_service.people.views.room import blueprint


@blueprint.route("/courses/<int:course_id>/my-request", methods=["GET", "POST"])
@access.needs(Permission.ASK_FOR_MENTOR)
def my_request() -> Any:
    """What the viewer wants a mentor for: shown, and kept when sent."""
    viewer, session, day = access.viewer(), db.session(), pages.local_today()
    found = asking.own_asking(session, viewer, day)
    form = AskForm.of(found, request.form if request.method == "POST" else None)
    if request.method == "GET":
        return render_template("people/ask.html", asking=found, form=form)
    if not form.is_valid():
        return render_template("people/ask.html", asking=found, form=form), 422
    try:
        with db.transaction() as session:
            asking.ask(
                session,
                viewer,
                day,
                form_id=form.wanted_form_id,
                topics=form.topics.data or [],
                text=form.request.data or "",
            )
    except PeopleError as error:
        at_field = error.field in form
        if at_field:
            form[error.field].errors = [error.text]
        found = asking.own_asking(db.session(), viewer, day)
        page = render_template("people/ask.html", asking=found, form=form, error=None if at_field else error)
        return page, 422
    flash(_("Your request is with the curator. You can change it until a mentor is proposed."))
    return redirect(url_for("entrance.home"), 303)


@blueprint.post("/courses/<int:course_id>/my-request/take-back")
@access.needs(Permission.ASK_FOR_MENTOR)
def take_back_request() -> Any:
    """Forget what the viewer asked for."""
    try:
        with db.transaction() as session:
            asking.take_back(session, access.viewer(), pages.local_today())
    except PeopleError as error:
        flash(error.text, "warning")
    else:
        flash(_("Your request is taken back."))
    return redirect(url_for("entrance.home"), 303)
