"""Pages of the programme: the forms of mentoring of a school year."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from lti_service import access, db, pages
from lti_service.access import Permission
from lti_service.programme import labels, mentoring_forms
from lti_service.programme.errors import ProgrammeError
from lti_service.programme.forms import MentoringFormForm, mentoring_form
from lti_service.programme.models import Form

blueprint = Blueprint("programme", __name__)

pages.add_nav(75, "programme.forms", _l("Programme"), Permission.SEE_PROGRAMME)

HERE = "/courses/<int:course_id>/programme/"
ONE = HERE + "forms/<string(maxlength=60):form_code>/"


@blueprint.context_processor
def words() -> dict[str, Any]:
    """The wing's words, for its templates."""
    return {"labels": labels}


@blueprint.get(HERE)
@access.needs(Permission.SEE_PROGRAMME)
def forms() -> Any:
    """The forms of mentoring of the newest school year, or of an older one."""
    year = mentoring_forms.year(db.session(), access.viewer(), _year_asked())
    return render_template("programme/forms.html", year=year, may_change=_may_change())


def _year_asked() -> int | None:
    asked = request.args.get("year", "")
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) == 4 else None


def _may_change() -> bool:
    return access.viewer().may(Permission.MANAGE_PROGRAMME)


@blueprint.route(HERE + "forms/new", methods=["GET", "POST"])
@access.needs(Permission.MANAGE_PROGRAMME)
def new_form() -> Any:
    """Add a form; the address may name one of the federal model to begin with."""
    sample = mentoring_forms.samples().get(request.args.get("like", ""))
    form = mentoring_form(sample, request.form if request.method == "POST" else None)
    if request.method == "GET":
        return _form_page(form, None)
    if not form.is_valid():
        return _form_page(form, None), 422
    try:
        with db.transaction() as session:
            mentoring_forms.add(session, access.viewer(), form.facts)
    except ProgrammeError as error:
        return _form_page(form, None, error=error), error.status
    flash(_("The form is added. It can be chosen from now on."))
    return redirect(url_for("programme.forms"), 303)


@blueprint.route(ONE, methods=["GET", "POST"])
@access.needs(Permission.MANAGE_PROGRAMME)
def change_form(form_code: str) -> Any:
    """Change a form of the newest school year."""
    kept, used = mentoring_forms.find(db.session(), access.viewer(), form_code)
    form = mentoring_form(kept, _with_kinds(kept) if request.method == "POST" else None)
    if request.method == "GET":
        return _form_page(form, kept, used)
    if not form.is_valid():
        return _form_page(form, kept, used), 422
    try:
        with db.transaction() as session:
            changed = mentoring_forms.change(session, access.viewer(), form_code, form.facts)
    except ProgrammeError as error:
        kept, used = mentoring_forms.find(db.session(), access.viewer(), form_code)
        return _form_page(form, kept, used, error), error.status
    flash(_("Saved.") if changed else _("Nothing was changed."))
    return redirect(url_for("programme.forms"), 303)


def _with_kinds(kept: Form) -> Any:
    """What was sent; a page of a used form sends no kinds, for its fields are locked."""
    sent = request.form.copy()
    sent.setdefault("mentor_kind", kept.mentor_kind.value)
    sent.setdefault("mentee_kind", kept.mentee_kind.value)
    return sent


def _form_page(form: MentoringFormForm, kept: Form | None, used: bool = False, error: Any = None) -> str:
    if error is not None and error.field in form:
        form[error.field].errors = [error.text]
        error = None
    return render_template(
        "programme/form.html", form=form, kept=kept, used=used, error=error, samples=mentoring_forms.samples()
    )


@blueprint.post(ONE + "<any('retire', 'bring-back'):how>")
@access.needs(Permission.MANAGE_PROGRAMME)
def retire_form(form_code: str, how: str) -> Any:
    """Form no new pairs in a form any more, or do again."""
    with db.transaction() as session:
        mentoring_forms.retire(session, access.viewer(), form_code, how == "retire")
    if how == "retire":
        flash(_("The form is retired: no new pairs are formed in it; those that there are go on."))
    else:
        flash(_("The form can be chosen again."))
    return redirect(url_for("programme.forms"), 303)


@blueprint.post(ONE + "remove")
@access.needs(Permission.MANAGE_PROGRAMME)
def remove_form(form_code: str) -> Any:
    """Delete a form that nothing names."""
    try:
        with db.transaction() as session:
            mentoring_forms.remove(session, access.viewer(), form_code)
    except ProgrammeError as error:
        flash(error.text, "warning")
    else:
        flash(_("The form is deleted."))
    return redirect(url_for("programme.forms"), 303)
