"""One's own profile as a mentor, and saying that one wants to be one."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from lti_service import access, db, pages
from lti_service.access import Permission
from lti_service.people import profile
from lti_service.people.errors import PeopleError
from lti_service.people.profile_forms import ProfileForm
from lti_service.people.selection import service as selection
from lti_service.people.training import service as training
from lti_service.people.training.rules import state_until
from lti_service.people.views.room import blueprint


@blueprint.route("/courses/<int:course_id>/my-mentor-profile", methods=["GET", "POST"])
@access.needs(Permission.KEEP_MENTOR_PROFILE)
def my_profile() -> Any:
    """What the viewer brings as a mentor: shown, and kept when sent; with `offer` they want to be one."""
    viewer, session, day = access.viewer(), db.session(), pages.local_today()
    own = profile.own_profile(session, viewer, day)
    form = ProfileForm.of(own.mentor, own.forms, request.form if request.method == "POST" else None)
    if request.method == "GET":
        return _page(own, form)
    if not form.is_valid():
        return _page(own, form), 422
    offers = "offer" in request.form.getlist("do") or not own.is_in_base
    try:
        with db.transaction() as session:
            if offers:
                profile.offer_oneself(session, viewer, day, form.profile)
            else:
                profile.save_own(session, viewer, day, form.profile)
    except PeopleError as error:
        at_field = error.field in form
        if at_field:
            form[error.field].errors = [error.text]
        own = profile.own_profile(db.session(), viewer, day)
        return _page(own, form, None if at_field else error), error.status
    flash(_("Thank you! The curator sees that you want to be a mentor.") if offers else _("Your profile is saved."))
    return redirect(url_for("entrance.home"), 303)


def _page(own: profile.OwnProfile, form: ProfileForm, error: PeopleError | None = None) -> str:
    """The page with what was decided about them, though not by which marks, and with their training."""
    session, mentor = db.session(), own.mentor
    return render_template(
        "people/profile.html",
        own=own,
        form=form,
        error=error,
        decision=selection.newest_of(session, [mentor.id]).get(mentor.id) if mentor else None,
        trainings=training.of_person(session, access.viewer().person_id) if mentor else [],
        state_until=state_until,
        today=pages.local_today(),
    )


@blueprint.post("/courses/<int:course_id>/my-mentor-profile/take-back")
@access.needs(Permission.KEEP_MENTOR_PROFILE)
def take_back_offer() -> Any:
    """The viewer does not want to be a mentor after all."""
    try:
        with db.transaction() as session:
            profile.take_back(session, access.viewer(), pages.local_today())
    except PeopleError as error:
        flash(error.text, "warning")
    else:
        flash(_("Taken back: you are no longer on the list of those who want to be mentors."))
    return redirect(url_for("entrance.home"), 303)
