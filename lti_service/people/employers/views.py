"""Organisations that give mentors: their list, one organisation with what is agreed with it, and whose a mentor is."""

from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from markupsafe import Markup
from sqlalchemy.orm import Session

from lti_service import access, db, pages, sheets
from lti_service.access import Permission, Viewer
from lti_service.people import exports, service
from lti_service.people.employers import agreements as agreement_lists
from lti_service.people.employers import lists as employer_lists
from lti_service.people.employers import service as employers
from lti_service.people.employers.forms import (
    AgreementForm,
    ContactForm,
    EmployerForm,
    read_agreements_look,
    read_contacts_look,
    read_look,
)
from lti_service.people.errors import PeopleError
from lti_service.people.forms import read_id, read_ids
from lti_service.people.views.room import blueprint, cycle_of, keep_form, sent

pages.add_nav(22, "people.employers", _l("Employers"), Permission.MANAGE_BASE)

ONE = "/courses/<int:course_id>/employers/<int(max=2147483647):employer_id>/"
NAMED = 6
"""Organisations that the list's page offers from Moodle profiles at once; the next come when these are settled."""


# --- the list -----------------------------------------------------------------------------------------------------


@blueprint.get("/courses/<int:course_id>/employers/", endpoint="employers")
@access.needs(Permission.MANAGE_BASE)
def show_employers() -> Any:
    """The college's organisations, as filtered and sorted by the address."""
    viewer, session, day = access.viewer(), db.session(), pages.local_today()
    look = read_look(request.args)
    cycle = cycle_of(session, viewer)
    offered = employers.offers(session, viewer, day)
    return render_template(
        "people/employers/list.html",
        look=look,
        listing=employer_lists.list_employers(session, viewer.platform_id, day, look),
        offers=offered[:NAMED],
        more_offers=max(0, len(offered) - NAMED),
        cycle=cycle,
        gave=len(employers.that_gave_mentors(session, cycle.id)) if cycle else 0,
        address=look.addresses("people.employers"),
    )


@blueprint.get("/courses/<int:course_id>/employers.<any(xlsx,csv):ending>")
@access.needs(Permission.MANAGE_BASE)
def export_employers(ending: str) -> Response:
    """Every organisation that the list shows with these filters, as a file."""
    viewer, day, look = access.viewer(), pages.local_today(), read_look(request.args)
    with db.transaction() as session:
        lines = employer_lists.all_employers(session, viewer.platform_id, day, look)
        contacts = employer_lists.contacts_of(session, viewer.platform_id)
        agreements = employer_lists.agreements_of(session, viewer.platform_id)
        employers.record_export(session, viewer, len(lines), look.told)
        return sheets.download(exports.employers(lines, contacts, agreements, day), sheets.Kind(ending))


# --- one organisation ---------------------------------------------------------------------------------------------


@blueprint.route("/courses/<int:course_id>/employers/new", methods=["GET", "POST"])
@access.needs(Permission.MANAGE_BASE)
def new_employer() -> Any:
    """Add an organisation; the address may suggest a name, which a Moodle profile has."""
    viewer = access.viewer()
    suggested = request.args.get("name", "").replace("\0", "")[:300]
    form = EmployerForm.of(None, sent(), name=suggested)
    if request.method == "GET":
        return render_template("people/employers/form.html", form=form, employer=None)

    def keep(session: Session) -> int:
        return employers.add(session, viewer, form.facts).id

    employer_id, error = keep_form(form, keep)
    if employer_id is None:
        return render_template("people/employers/form.html", form=form, employer=None, error=error), 422
    flash(_("The organisation is added. Now its contacts and agreements."))
    return redirect(url_for("people.employer", employer_id=employer_id), 303)


@blueprint.get(ONE)
@access.needs(Permission.MANAGE_BASE)
def employer(employer_id: int) -> Any:
    """An organisation with its contacts, agreements and mentors."""
    return _employer_page(employer_id)


def _employer_page(employer_id: int, error: PeopleError | None = None) -> str:
    viewer, session = access.viewer(), db.session()
    page = employers.page_of(session, viewer, employer_id, pages.local_today())
    return render_template("people/employers/show.html", page=page, employer=page.employer, error=error)


@blueprint.route(ONE + "change", methods=["GET", "POST"])
@access.needs(Permission.MANAGE_BASE)
def change_employer(employer_id: int) -> Any:
    """Change what is told of an organisation."""
    viewer = access.viewer()
    kept = employers.find(db.session(), viewer, employer_id)
    form = EmployerForm.of(kept, sent())
    if request.method == "GET":
        return render_template("people/employers/form.html", form=form, employer=kept)

    def keep(session: Session) -> int:
        return employers.change(session, viewer, employer_id, form.facts).id

    done, error = keep_form(form, keep)
    if done is None:
        kept = employers.find(db.session(), viewer, employer_id)
        return render_template("people/employers/form.html", form=form, employer=kept, error=error), 422
    return _saved(employer_id)


@blueprint.post(ONE + "remove")
@access.needs(Permission.MANAGE_BASE)
def remove_employer(employer_id: int) -> Any:
    """Delete an organisation on which nothing hangs."""
    try:
        with db.transaction() as session:
            employers.remove(session, access.viewer(), employer_id)
    except PeopleError as error:
        return _employer_page(employer_id, error), error.status
    flash(_("The organisation is deleted."))
    return redirect(url_for("people.employers"), 303)


# --- contacts -----------------------------------------------------------------------------------------------------


@blueprint.get(ONE + "contacts/")
@access.needs(Permission.MANAGE_BASE)
def contacts(employer_id: int) -> str:
    """All whom a curator may call at an organisation."""
    session, look = db.session(), read_contacts_look(request.args)
    kept = employers.find(session, access.viewer(), employer_id)
    return render_template(
        "people/employers/contacts.html",
        employer=kept,
        look=look,
        listing=agreement_lists.list_contacts(session, kept.id, look),
        address=look.addresses("people.contacts", employer_id=kept.id),
    )


@blueprint.route(ONE + "contacts/new", methods=["GET", "POST"])
@access.needs(Permission.MANAGE_BASE)
def new_contact(employer_id: int) -> Any:
    """Add somebody at an organisation."""
    return _contact_page(employer_id, None)


@blueprint.route(ONE + "contacts/<int(max=2147483647):contact_id>", methods=["GET", "POST"])
@access.needs(Permission.MANAGE_BASE)
def change_contact(employer_id: int, contact_id: int) -> Any:
    """Change what is told of somebody at an organisation."""
    return _contact_page(employer_id, contact_id)


def _contact_page(employer_id: int, contact_id: int | None) -> Any:
    viewer, session = access.viewer(), db.session()
    kept = employers.find(session, viewer, employer_id)
    contact = None if contact_id is None else employers.find_contact(session, viewer, employer_id, contact_id)
    form = ContactForm.of(contact, sent())
    error = None
    if request.method == "POST":

        def keep(session: Session) -> int:
            if contact_id is None:
                return employers.add_contact(session, viewer, employer_id, form.facts).id
            return employers.change_contact(session, viewer, employer_id, contact_id, form.facts).id

        done, error = keep_form(form, keep)
        if done is not None:
            return _saved(employer_id)
    page = render_template(
        "people/employers/contact.html", form=form, employer=kept, contact_id=contact_id, error=error
    )
    return page, 422 if request.method == "POST" else 200


@blueprint.post(ONE + "contacts/<int(max=2147483647):contact_id>/remove")
@access.needs(Permission.MANAGE_BASE)
def remove_contact(employer_id: int, contact_id: int) -> Any:
    """Delete a contact."""
    with db.transaction() as session:
        employers.remove_contact(session, access.viewer(), employer_id, contact_id)
    flash(_("The contact is deleted."))
    return redirect(url_for("people.employer", employer_id=employer_id), 303)


# --- agreements ---------------------------------------------------------------------------------------------------


@blueprint.route(ONE + "agreements/new", methods=["GET", "POST"])
@access.needs(Permission.MANAGE_BASE)
def new_agreement(employer_id: int) -> Any:
    """Add an agreement with an organisation."""
    return _agreement_page(employer_id, None)


@blueprint.route(ONE + "agreements/<int(max=2147483647):agreement_id>", methods=["GET", "POST"])
@access.needs(Permission.MANAGE_BASE)
def change_agreement(employer_id: int, agreement_id: int) -> Any:
    """Change what is told of an agreement."""
    return _agreement_page(employer_id, agreement_id)


def _agreement_page(employer_id: int, agreement_id: int | None) -> Any:
    viewer, session, today = access.viewer(), db.session(), pages.local_today()
    kept = employers.find(session, viewer, employer_id)
    agreement = None if agreement_id is None else employers.find_agreement(session, viewer, employer_id, agreement_id)
    form = AgreementForm.of(agreement, sent())
    error = None
    if request.method == "POST":

        def keep(session: Session) -> int:
            if agreement_id is None:
                return employers.add_agreement(session, viewer, employer_id, form.facts, today).id
            return employers.change_agreement(session, viewer, employer_id, agreement_id, form.facts, today).id

        done, error = keep_form(form, keep)
        if done is not None:
            return _saved(employer_id)
    page = render_template(
        "people/employers/agreement.html", form=form, employer=kept, agreement_id=agreement_id, error=error
    )
    return page, 422 if request.method == "POST" else 200


@blueprint.post(ONE + "agreements/<int(max=2147483647):agreement_id>/remove")
@access.needs(Permission.MANAGE_BASE)
def remove_agreement(employer_id: int, agreement_id: int) -> Any:
    """Delete an agreement."""
    with db.transaction() as session:
        employers.remove_agreement(session, access.viewer(), employer_id, agreement_id)
    flash(_("The agreement is deleted."))
    return redirect(url_for("people.employer", employer_id=employer_id), 303)


@blueprint.get("/courses/<int:course_id>/employers/agreements/")
@access.needs(Permission.MANAGE_BASE)
def agreements() -> str:
    """The agreements with all of the college's organisations, as filtered and sorted by the address."""
    viewer, session, look = access.viewer(), db.session(), read_agreements_look(request.args)
    listing = agreement_lists.list_agreements(session, viewer.platform_id, pages.local_today(), look)
    return render_template(
        "people/employers/agreements.html",
        look=look,
        listing=listing,
        address=look.addresses("people.agreements"),
        employers=employers.all_of(session, viewer.platform_id),
    )


@blueprint.get("/courses/<int:course_id>/employers/agreements.<any(xlsx,csv):ending>")
@access.needs(Permission.MANAGE_BASE)
def export_agreements(ending: str) -> Response:
    """Every agreement that the list shows with these filters, as a file."""
    look, day = read_agreements_look(request.args), pages.local_today()
    lines = agreement_lists.all_agreements(db.session(), access.viewer().platform_id, day, look)
    return sheets.download(exports.agreements(lines), sheets.Kind(ending))


# --- whose a mentor is --------------------------------------------------------------------------------------------


@blueprint.post(ONE + "mentors")
@access.needs(Permission.MANAGE_BASE)
def tie_mentors(employer_id: int) -> Any:
    """Tie those mentors of the course to the organisation that are ticked."""
    try:
        with db.transaction() as session:
            chosen = read_ids(request.form, "chosen")
            count = employers.tie(session, access.viewer(), pages.local_today(), employer_id, chosen)
    except PeopleError as error:
        return _employer_page(employer_id, error), error.status
    flash(
        ngettext(
            "%(num)d mentor is from this organisation now.", "%(num)d mentors are from this organisation now.", count
        )
    )
    return redirect(url_for("people.employer", employer_id=employer_id), 303)


@blueprint.post("/courses/<int:course_id>/people/<int(max=2147483647):person_id>/employer")
@access.needs(Permission.MANAGE_BASE)
def save_mentor_employer(person_id: int) -> Any:
    """Say which organisation a mentor is from."""
    with db.transaction() as session:
        employer_id = read_id(request.form, "employer")
        employers.set_employer(session, access.viewer(), pages.local_today(), person_id, employer_id)
    flash(_("Saved."))
    return redirect(url_for("people.person", person_id=person_id), 303)


@pages.record_section(12)
def employer_of_person(session: Session, viewer: Viewer, person_id: int) -> Markup | None:
    """Which organisation a mentor is from, on their page."""
    cycle = cycle_of(session, viewer)
    mentor = service.mentor_of(session, cycle.id, person_id) if cycle else None
    if mentor is None:
        return None
    return pages.part(
        "people/employers/_of_person.html", mentor=mentor, employers=employers.all_of(session, viewer.platform_id)
    )


# --- steps that several of the above share ------------------------------------------------------------------------


def _saved(employer_id: int) -> Any:
    flash(_("Saved."))
    return redirect(url_for("people.employer", employer_id=employer_id), 303)
