"""A teacher's nominations: the students of their course, and why one of them needs a mentor."""

from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from markupsafe import Markup
from sqlalchemy.orm import Session

from lti_service import access, db, pages, sheets
from lti_service.access import Permission, Viewer
from lti_service.people import exports, nominations
from lti_service.people.errors import PeopleError
from lti_service.people.forms import NominationForm, read_students_look
from lti_service.people.views.room import blueprint, cycle_id


@blueprint.get("/courses/<int:course_id>/nominations/")
@access.needs(Permission.NOMINATE)
def nominations_page() -> Any:
    """The students of the course, those whom the viewer has nominated marked."""
    look = read_students_look(request.args)
    found = nominations.students(db.session(), access.viewer(), pages.local_today(), look)
    return render_template(
        "people/nominations.html", found=found, look=look, address=look.addresses("people.nominations_page")
    )


@blueprint.get("/courses/<int:course_id>/nominations/students.<any(xlsx,csv):ending>")
@access.needs(Permission.NOMINATE)
def export_students(ending: str) -> Response:
    """Everybody whom the list shows with these filters, as a file."""
    look = read_students_look(request.args)
    with db.transaction() as session:
        lines = nominations.all_students(session, access.viewer(), pages.local_today(), look)
        return sheets.download(exports.students(lines), sheets.Kind(ending))


@blueprint.route("/courses/<int:course_id>/nominations/<int(max=2147483647):person_id>", methods=["GET", "POST"])
@access.needs(Permission.NOMINATE)
def nominate(person_id: int) -> Any:
    """Say why a student needs a mentor."""
    viewer, day = access.viewer(), pages.local_today()
    student = nominations.nominee(db.session(), viewer, person_id, day)
    form = NominationForm.of(student.reason or "", request.form if request.method == "POST" else None)
    if request.method == "GET":
        return render_template("people/nominate.html", student=student, form=form)
    if not form.is_valid():
        return render_template("people/nominate.html", student=student, form=form), 422
    try:
        with db.transaction() as session:
            nominations.nominate(session, viewer, person_id, day, form.reason.data or "")
    except PeopleError as error:
        form[error.field].errors = [error.text]
        return render_template("people/nominate.html", student=student, form=form), error.status
    flash(_("The curator sees your nomination."))
    return redirect(url_for("people.nominations_page"), 303)


@blueprint.post("/courses/<int:course_id>/nominations/<int(max=2147483647):person_id>/take-back")
@access.needs(Permission.NOMINATE)
def take_back_nomination(person_id: int) -> Any:
    """Forget what the viewer said of a student."""
    with db.transaction() as session:
        nominations.take_back(session, access.viewer(), person_id, pages.local_today())
    flash(_("The nomination is taken back."))
    return redirect(url_for("people.nominations_page"), 303)


@pages.home_section(35)
def nominations_part(session: Session, viewer: Viewer) -> Markup | None:
    """For teachers: the way to say who needs a mentor."""
    if not viewer.may(Permission.NOMINATE):
        return None
    count = nominations.count_by(session, viewer, pages.local_today())
    return pages.part("people/_nominations_home.html", count=count)


@pages.record_section(10)
def nominations_of(session: Session, viewer: Viewer, person_id: int) -> Markup | None:
    """Who has nominated this person, and why."""
    year = cycle_id(session, viewer)
    found = nominations.of_person(session, year, person_id) if year else []
    return pages.part("people/_nominations.html", found=found) if found else None
