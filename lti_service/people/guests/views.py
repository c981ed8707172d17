"""People from outside without a Moodle account, as the curator keeps them."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from lti_service import access, db, pages
from lti_service.access import Permission
from lti_service.people.employers import service as employers
from lti_service.people.forms import read_id
from lti_service.people.guests import service as guests
from lti_service.people.guests.forms import MentorForm, PersonForm
from lti_service.people.views.room import blueprint, desk, keep_form, sent

ALL = "/courses/<int:course_id>/employers/guests/"
ONE = ALL + "<int(max=2147483647):guest_id>/"


@blueprint.route(ALL + "new", methods=["GET", "POST"])
@access.needs(Permission.MANAGE_BASE)
def new_outside_mentor() -> Any:
    """Add a mentor from outside; the address may suggest the organisation."""
    viewer, session = access.viewer(), db.session()
    organisations = employers.all_of(session, viewer.platform_id)
    form = MentorForm.of_new(organisations, read_id(request.args, "employer"), sent())
    if request.method == "GET":
        return render_template("people/guests/new.html", form=form)

    def keep(session: Session) -> int:
        mentor = guests.add_mentor(
            session,
            viewer,
            pages.local_today(),
            form.facts,
            employer_id=form.employer_id,
            tells_phone=bool(form.tells_phone.data),
        )
        return mentor.person_id

    person_id, error = keep_form(form, keep)
    if person_id is None:
        return render_template("people/guests/new.html", form=form, error=error), 422
    flash(_("The mentor is added as a candidate."))
    return redirect(url_for("people.person", person_id=person_id), 303)


@blueprint.route(ONE + "change", methods=["GET", "POST"])
@access.needs(Permission.MANAGE_BASE)
def change_outsider(guest_id: int) -> Any:
    """Change what is told of somebody from outside."""
    viewer = access.viewer()
    form = PersonForm.of(guests.of_course(db.session(), viewer.course_id, guest_id), sent())
    if request.method == "GET":
        return render_template("people/guests/change.html", form=form, person_id=guest_id)

    def keep(session: Session) -> int:
        return guests.change_person(session, desk(session), guest_id, form.facts).id

    done, error = keep_form(form, keep)
    if done is None:
        return render_template("people/guests/change.html", form=form, person_id=guest_id, error=error), 422
    flash(_("Saved."))
    return redirect(url_for("people.person", person_id=guest_id), 303)
