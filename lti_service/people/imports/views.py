"""Pages of files: what can be loaded, a file that is being checked, and what became of it."""

from collections.abc import Callable
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lti_service import access, db, edge, pages, sheets
from lti_service.access import Permission
from lti_service.people.errors import PeopleError
from lti_service.people.forms import read_choice, read_id
from lti_service.people.imports import errors, labels, reading, service
from lti_service.people.imports.kinds import KINDS
from lti_service.people.imports.models import ImportPreview, PreviewState, Subject
from lti_service.people.imports.rules import Verdict
from lti_service.people.views.room import blueprint

pages.add_nav(23, "people.imports", _l("From files"), Permission.MANAGE_BASE)

ALL = "/courses/<int:course_id>/imports/"
OF_KIND = ALL + f"<any({','.join(KINDS)}):what>/"
ONE = ALL + "<int(max=2147483647):import_id>/"

for _endpoint in ("people.check_import", "people.correct_import"):
    # A little more than the file, for what the form has besides: then the page itself can say what is wrong.
    edge.takes_files(_endpoint, reading.MOST_BYTES * 2)


# --- what can be loaded -------------------------------------------------------------------------------------------


@blueprint.get(ALL)
@access.needs(Permission.MANAGE_BASE)
def imports() -> Any:
    """The kinds of files, those that wait to be applied, and the last that were."""
    waiting, applied = service.previews(db.session(), access.viewer())
    return render_template("people/imports/list.html", kinds=list(KINDS), waiting=waiting, applied=applied)


@blueprint.get(OF_KIND)
@access.needs(Permission.MANAGE_BASE)
def new_import(what: str) -> Any:
    """How a kind of file looks, and a field to load one."""
    return _kind_page(Subject(what))


@blueprint.get(OF_KIND + "template.<any(xlsx,csv):ending>")
@access.needs(Permission.MANAGE_BASE)
def import_template(what: str, ending: str) -> Response:
    """An empty file with the columns that are expected."""
    subject = Subject(what)
    title = _("Template: %(what)s", what=labels.SUBJECTS[subject])
    return sheets.download(service.template(subject, title), sheets.Kind(ending))


@blueprint.get(ALL + "births/missing.<any(xlsx,csv):ending>")
@access.needs(Permission.MANAGE_BASE)
def missing_births(ending: str) -> Response:
    """Those whose birth date is not known, as a file that only needs the dates."""
    with db.transaction() as session:
        sheet = service.without_birth_date(session, access.viewer(), pages.local_today(), _("Without a birth date"))
    return sheets.download(sheet, sheets.Kind(ending))


@blueprint.post(OF_KIND)
@access.needs(Permission.MANAGE_BASE)
def check_import(what: str) -> Any:
    """Read a file and show what it would change."""
    subject = Subject(what)
    try:
        data, name = _sent_file()
        # Before the transaction: on SQLite everybody who writes waits for it.
        file = service.read_file(subject, data)
        with db.transaction() as session:
            place = service.place_of(session, access.viewer(), pages.local_today())
            preview = service.check(session, place, file, name)
    except PeopleError as error:
        return _kind_page(subject, error), error.status
    return redirect(_address(preview), 303)


def _kind_page(subject: Subject, error: PeopleError | None = None) -> str:
    return render_template(
        "people/imports/new.html",
        subject=subject,
        layout=KINDS[subject].layout,
        error=error,
        most_rows=reading.MOST_ROWS,
        most_megabytes=reading.MOST_BYTES // 1024 // 1024,
    )


def _sent_file() -> tuple[bytes, str]:
    """What was sent, and how it is called. Raises NoFileError, FileTooBigError."""
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        raise errors.NoFileError
    data = sent.read(reading.MOST_BYTES + 1)
    if len(data) > reading.MOST_BYTES:
        raise errors.FileTooBigError(most=reading.MOST_BYTES // 1024 // 1024)
    return data, sent.filename


# --- a file that is being checked ---------------------------------------------------------------------------------


@blueprint.get(ONE)
@access.needs(Permission.MANAGE_BASE)
def import_preview(import_id: int) -> Any:
    """What the rows of a file would do."""
    return _preview_page(import_id)


@blueprint.post(ONE + "corrections")
@access.needs(Permission.MANAGE_BASE)
def correct_import(import_id: int) -> Any:
    """Put corrected rows in the place of the wrong ones."""
    try:
        data, _name = _sent_file()
        file = service.read_corrections(db.session(), access.viewer(), import_id, data)
    except PeopleError as error:
        return _preview_page(import_id, error), error.status

    def work(session: Session) -> ImportPreview:
        place = service.place_of(session, access.viewer(), pages.local_today())
        return service.correct(session, place, import_id, file)

    return _changed(import_id, work)


@blueprint.post(ONE + "leave-out")
@access.needs(Permission.MANAGE_BASE)
def leave_out_wrong(import_id: int) -> Any:
    """Go on without the wrong rows."""

    def work(session: Session) -> ImportPreview:
        place = service.place_of(session, access.viewer(), pages.local_today())
        return service.leave_out(session, place, import_id)

    return _changed(import_id, work)


@blueprint.post(ONE + "apply")
@access.needs(Permission.MANAGE_BASE)
def apply_import(import_id: int) -> Any:
    """Do what the file says, all of it."""
    try:
        with db.transaction() as session:
            place = service.place_of(session, access.viewer(), pages.local_today())
            applied = service.apply(session, place, import_id)
    except PeopleError as error:
        return _preview_page(import_id, error), error.status
    if applied.moved:
        moved = errors.MovedMeanwhileError()
        return _preview_page(import_id, moved), moved.status
    return redirect(_address(applied.preview), 303)


@blueprint.post(ONE + "remove")
@access.needs(Permission.MANAGE_BASE)
def remove_import(import_id: int) -> Any:
    """Throw a checked file away."""
    with db.transaction() as session:
        service.discard(session, access.viewer(), import_id)
    flash(_("The file is thrown away; nothing was changed."))
    return redirect(url_for("people.imports"), 303)


@blueprint.get(ONE + "wrong.<any(xlsx,csv):ending>")
@access.needs(Permission.MANAGE_BASE)
def wrong_rows(import_id: int, ending: str) -> Response:
    """The wrong rows as a file to be corrected."""
    with db.transaction() as session:
        sheet = service.wrong_rows(session, access.viewer(), import_id, _("Wrong rows"))
    return sheets.download(sheet, sheets.Kind(ending))


def _changed(import_id: int, work: Callable[[Session], ImportPreview]) -> Any:
    try:
        with db.transaction() as session:
            preview = work(session)
    except PeopleError as error:
        return _preview_page(import_id, error), error.status
    return redirect(_address(preview), 303)


def _address(preview: ImportPreview) -> str:
    """The preview's page; where rows are wrong, those are what there is to look at."""
    show = Verdict.WRONG.value if preview.counts.get(Verdict.WRONG) else None
    return url_for("people.import_preview", import_id=preview.id, show=show)


def _preview_page(import_id: int, error: PeopleError | None = None) -> str:
    chosen = read_choice(request.args, "show", Verdict)
    number = read_id(request.args, "page") or 1
    found = service.page_of(db.session(), access.viewer(), import_id, chosen, number)
    counts = found.preview.counts

    def address(**changes: Any) -> str:
        asked = {"show": chosen.value if chosen else None, **changes}
        return url_for("people.import_preview", import_id=import_id, **asked)

    return render_template(
        "people/imports/preview.html",
        listing=found,
        preview=found.preview,
        show=chosen,
        verdicts=[verdict for verdict in Verdict if counts.get(verdict)],
        wrong=counts.get(Verdict.WRONG, 0),
        doing=counts.get(Verdict.NEW, 0) + counts.get(Verdict.CHANGED, 0),
        is_open=found.preview.state is PreviewState.OPEN,
        most_megabytes=reading.MOST_BYTES // 1024 // 1024,
        error=error,
        address=address,
    )
