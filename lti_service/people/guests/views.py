"""People from outside without a Moodle account, as the curator keeps them."""

from typing import Any

import segno
from flask import Response, current_app, flash, redirect, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from flask_babel import gettext as _
from markupsafe import Markup
from sqlalchemy.orm import Session

from lti_service import access, db, looks, mail, pages, sheets
from lti_service.access import Permission, Viewer
from lti_service.people import exports, service
from lti_service.people.consents import service as consents
from lti_service.people.employers import service as employers
from lti_service.people.errors import PeopleError
from lti_service.people.forms import read_id
from lti_service.people.guests import errors, invitations, joining, labels, lists, rules
from lti_service.people.guests import service as guests
from lti_service.people.guests.forms import AccessForm, MentorForm, PersonForm, UntilForm, read_look
from lti_service.people.guests.models import GuestAccess
from lti_service.people.guests.rules import Standing
from lti_service.people.guests.tasks import send_letters
from lti_service.people.views.room import blueprint, desk, keep_form, sent

ALL = "/courses/<int:course_id>/employers/guests/"
ONE = ALL + "<int(max=2147483647):guest_id>/"


@looks.leads_to("guest_id")
def _whose_card(_session: Session, guest_id: int) -> tuple[int]:
    return (guest_id,)


@blueprint.record_once
def share_words(setup: BlueprintSetupState) -> None:
    """Give the words of this part to all templates; as globals, for macros that are imported see no context."""
    setup.app.jinja_env.globals.update(guest_labels=labels, shown_code=rules.shown_code)


# --- the people ---------------------------------------------------------------------------------------------------


@blueprint.get(ALL)
@access.needs(Permission.MANAGE_BASE)
def guests_list() -> Any:
    """Everybody of the course who has no Moodle account, with how their access stands."""
    viewer, look = access.viewer(), read_look(request.args)
    listing = lists.list_guests(db.session(), viewer, pages.local_today(), look)
    return render_template(
        "people/guests/list.html",
        look=look,
        listing=listing,
        address=look.addresses("people.guests_list"),
        mail_set=mail.is_set(),
    )


@blueprint.get("/courses/<int:course_id>/employers/guests.<any(xlsx,csv):ending>")
@access.needs(Permission.MANAGE_BASE)
def export_guests(ending: str) -> Response:
    """Everybody whom the list shows with these filters, as a file."""
    viewer, day, look = access.viewer(), pages.local_today(), read_look(request.args)
    with db.transaction() as session:
        lines = lists.all_guests(session, viewer, day, look)
        service.record_export(session, desk(session), "guests", len(lines), look.told)
        stands = consents.stands(session, [line.person.id for line in lines], day)
        return sheets.download(exports.guests(lines, stands), sheets.Kind(ending))


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
    flash(_("The mentor is added as a candidate. Now you can invite them, at once or later."))
    return redirect(url_for("people.guest", guest_id=person_id), 303)


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


# --- one guest's access -------------------------------------------------------------------------------------------


@blueprint.get(ONE)
@access.needs(Permission.MANAGE_BASE)
def guest(guest_id: int) -> Any:
    """A guest: how their access stands, what they did here, and what can be done about it."""
    return _guest_page(guest_id)


@blueprint.post(ONE + "invite")
@access.needs(Permission.MANAGE_BASE)
def invite_guest(guest_id: int) -> Any:
    """Give a guest a new code: on a page to be printed, which is shown once, or in a letter."""
    viewer, today = access.viewer(), pages.local_today()
    form = AccessForm.of(invitations.page_of(db.session(), viewer, guest_id, today), request.form)
    if not form.is_valid():
        return _guest_page(guest_id, access_form=form), 422
    by_mail = request.form.get("way") == "mail"
    code = ""
    try:
        with db.transaction() as session:
            if by_mail:
                invitations.invite_by_mail(session, viewer, guest_id, form.terms, today, _letter(viewer))
            else:
                code = invitations.invite(session, viewer, guest_id, form.terms, today)
    except errors.InvitedMeanwhileError as error:
        # With the form as it is now, so that inviting once more is a decision and no accident.
        return _guest_page(guest_id, error=error), error.status
    except PeopleError as error:
        return _guest_page(guest_id, access_form=form, error=error), error.status
    if by_mail:
        send_letters()
        flash(_("The letter is on its way. Tell the guest what the answer is by word of mouth."))
        return redirect(url_for("people.guest", guest_id=guest_id), 303)
    page = invitations.page_of(db.session(), viewer, guest_id, today)
    address = door_address()
    return render_template(
        "people/guests/sheet.html",
        page=page,
        code=code,
        address=address.partition("://")[2].rstrip("/") if address.startswith("https") else address.rstrip("/"),
        qr=_qr(f"{address}?code=new#{code}"),
        code_days=rules.CODE_LIFE.days,
    )


@blueprint.post(ONE + "withdraw")
@access.needs(Permission.MANAGE_BASE)
def withdraw_guest(guest_id: int) -> Any:
    """Take a guest's access away."""
    try:
        with db.transaction() as session:
            invitations.withdraw(session, access.viewer(), guest_id)
    except PeopleError as error:
        return _guest_page(guest_id, error=error), error.status
    flash(_("The access is withdrawn. If they are here now, their next step leads out."))
    return redirect(url_for("people.guest", guest_id=guest_id), 303)


@blueprint.post(ONE + "prolong")
@access.needs(Permission.MANAGE_BASE)
def prolong_guest(guest_id: int) -> Any:
    """Let a guest's access last to another day."""
    viewer, today = access.viewer(), pages.local_today()
    form = UntilForm.of(invitations.page_of(db.session(), viewer, guest_id, today), request.form)
    if not form.is_valid():
        return _guest_page(guest_id, until_form=form), 422
    try:
        with db.transaction() as session:
            invitations.prolong(session, viewer, guest_id, form.until.data, today)
    except PeopleError as error:
        if error.field == "until":
            form["until"].errors = [error.text]
            return _guest_page(guest_id, until_form=form), error.status
        return _guest_page(guest_id, error=error), error.status
    flash(_("Saved."))
    return redirect(url_for("people.guest", guest_id=guest_id), 303)


# --- a guest who has got an account -------------------------------------------------------------------------------


@blueprint.route(ONE + "join", methods=["GET", "POST"])
@access.needs(Permission.MANAGE_BASE)
def join_guest(guest_id: int) -> Any:
    """Move a guest's records to their Moodle account: choose it, see what would move, confirm."""
    viewer = access.viewer()
    if request.method == "GET":
        return _join_page(guest_id)
    account_id = read_id(request.form, "account")
    if account_id is None:
        return _join_page(guest_id)
    try:
        with db.transaction() as session:
            joining.join(session, viewer, guest_id, account_id, request.form.get("seen", ""))
    except (errors.PreviewStaleError, errors.JoinConflictError, errors.AccountIsMenteeError) as error:
        return _join_page(guest_id, account_id, error), error.status
    flash(_("Joined. From now on they come in through Moodle."))
    return redirect(url_for("people.person", person_id=account_id), 303)


def _join_page(guest_id: int, account_id: int | None = None, error: PeopleError | None = None) -> str:
    viewer, session = access.viewer(), db.session()
    person = guests.of_course(session, viewer.course_id, guest_id)
    account_id = account_id or read_id(request.args, "account")
    if account_id:
        looks.note([account_id])
    search = request.args.get("search", person.family_name).replace("\0", "")[:100]
    return render_template(
        "people/guests/join.html",
        person=person,
        search=search,
        found=[] if account_id else joining.accounts(session, viewer, search),
        preview=joining.preview(session, viewer, guest_id, account_id) if account_id else None,
        error=error,
    )


def _guest_page(
    guest_id: int,
    *,
    access_form: AccessForm | None = None,
    until_form: UntilForm | None = None,
    error: PeopleError | None = None,
) -> str:
    page = invitations.page_of(db.session(), access.viewer(), guest_id, pages.local_today())
    access_form = access_form or AccessForm.of(page)
    if error is not None and error.field in access_form:
        access_form[error.field].errors = [error.text]
        error = None
    return render_template(
        "people/guests/show.html",
        page=page,
        form=access_form,
        until_form=until_form or UntilForm.of(page),
        error=error,
        standings=Standing,
        mail_set=mail.is_set(),
        most_failures=rules.MOST_FAILURES,
    )


def _letter(viewer: Viewer) -> invitations.Compose:
    def compose(kept: GuestAccess, code: str) -> tuple[str, str]:
        text = render_template(
            "people/guests/letter.txt",
            access=kept,
            code=code,
            address=door_address(),
            until=invitations.last_day(kept, viewer.time_zone),
            code_days=rules.CODE_LIFE.days,
            curator=viewer.name,
            course=viewer.course_title,
        )
        return _("Invitation for a mentor"), text

    return compose


def _qr(text: str) -> Markup:
    drawn = segno.make(text, error="m").svg_inline(border=0, omitsize=True, svgclass=None, lineclass=None)
    return Markup(drawn)  # noqa: S704 - the library draws squares; the text is not in them


def door_address() -> str:
    """The address of the guests' door, as it is written on invitations."""
    public_url: str = current_app.extensions["settings"].public_url
    return f"{public_url}/guest/"


@pages.record_section(55)
def guest_of_record(session: Session, viewer: Viewer, person_id: int) -> Markup | None:
    """How the access of somebody without an account stands, on their page."""
    line = lists.line_of(session, viewer, person_id)
    return None if line is None else pages.part("people/guests/_of_person.html", line=line)
