"""Pages of indicators and of the gradebook columns made of them."""

from decimal import Decimal
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from markupsafe import Markup
from sqlalchemy.orm import Session

from lti_service import access, db, pages, queue
from lti_service.access import Permission, Viewer
from lti_service.indicators import gradebook, labels, service, tasks
from lti_service.indicators.errors import IndicatorError
from lti_service.indicators.forms import ColumnForm, column_form, texts_form
from lti_service.indicators.models import GradebookColumn
from lti_service.indicators.service import Side

blueprint = Blueprint("indicators", __name__)

pages.add_nav(50, "indicators.overview", _l("Indicators"), Permission.SEE_INDICATORS)
pages.add_nav(60, "indicators.columns", _l("Gradebook"), Permission.MANAGE_GRADEBOOK)


@blueprint.record_once
def words(state: BlueprintSetupState) -> None:
    """What templates say about indicators and grades. As globals, which imported macros see too."""
    state.app.jinja_env.globals.update({"indicator_labels": labels, "show_number": _number})


# --- indicators ---------------------------------------------------------------------------------------------------


@blueprint.get("/courses/<int:course_id>/indicators/")
@access.needs(Permission.SEE_INDICATORS)
def overview() -> Any:
    """Plan and fact of each indicator."""
    viewer = access.viewer()
    shown = service.overview(db.session(), viewer.platform_id, viewer.course_id, pages.local_today())
    return render_template("indicators/overview.html", shown=shown, today=pages.local_today())


@blueprint.get("/courses/<int:course_id>/indicators/<code>/")
@access.needs(Permission.MANAGE_BASE)
def people(code: str) -> Any:
    """The people behind a number, or a page of one side of it; names are for curators only."""
    viewer, asked = access.viewer(), request.args
    side = asked.get("side", type=Side)
    shown = service.behind(
        db.session(),
        viewer.platform_id,
        viewer.course_id,
        pages.local_today(),
        code,
        side,
        asked.get("page", 1, type=int) if side else 1,
    )
    return render_template("indicators/people.html", shown=shown, chosen=side, today=pages.local_today())


@pages.home_section(50)
def figures(session: Session, viewer: Viewer) -> Markup | None:
    """For curators: the indicators in short."""
    if not viewer.may(Permission.MANAGE_GRADEBOOK):
        return None
    shown = service.overview(session, viewer.platform_id, viewer.course_id, pages.local_today())
    if shown is None or not any(reading.share.denominator for reading in shown.computed):
        return None
    return pages.part("indicators/_home.html", shown=shown, today=pages.local_today())


# --- gradebook columns --------------------------------------------------------------------------------------------


@blueprint.get("/courses/<int:course_id>/gradebook/")
@access.needs(Permission.MANAGE_GRADEBOOK)
def columns() -> Any:
    """The course's columns and how far their grades are."""
    return _columns_page(column_form(_sources()))


@blueprint.post("/courses/<int:course_id>/gradebook/")
@access.needs(Permission.MANAGE_GRADEBOOK)
def make_column() -> Any:
    """Make a column, and let the worker bring it to Moodle."""
    viewer = access.viewer()
    sources = _sources()
    form = column_form(sources)
    if not form.is_filled_in():
        return _columns_page(form), 422
    try:
        with db.transaction() as session:
            gradebook.make_column(session, viewer, pages.local_today(), form.source.data, form.texts(sources))
    except IndicatorError as err:
        form.show_error(err.field, err.text)
        return _columns_page(form), err.status
    tasks.start(viewer.course_id, viewer.person_id)
    flash(_("The column has been made. Its grades are on their way to Moodle."))
    return redirect(url_for("indicators.columns"), 303)


@blueprint.post("/courses/<int:course_id>/gradebook/deliver")
@access.needs(Permission.MANAGE_GRADEBOOK)
def deliver() -> Any:
    """Deliver now what is due, unless a worker is at it."""
    viewer = access.viewer()
    tasks.start(viewer.course_id, viewer.person_id)
    return redirect(url_for("indicators.columns"), 303)


@blueprint.get("/courses/<int:course_id>/gradebook/run")
@access.needs(Permission.MANAGE_GRADEBOOK)
def run_status() -> Any:
    """How far the delivery is: a piece of page for the script that watches it."""
    return render_template("indicators/_run.html", run=_run())


@blueprint.get("/courses/<int:course_id>/gradebook/<int:column_id>/")
@access.needs(Permission.MANAGE_GRADEBOOK)
def column(column_id: int) -> Any:
    """One column: its people with their grades, and why some cannot be delivered."""
    session = db.session()
    found = gradebook.find_column(session, access.viewer().course_id, column_id)
    show = request.args.get("show", gradebook.Show.ALL)
    number = request.args.get("page", 1, type=int)
    return render_template(
        "indicators/column.html",
        column=found,
        grades=gradebook.grade_page(session, found, show, number),
        counts=gradebook.counts(session, [found.id])[found.id],
        show=show,
    )


@blueprint.route("/courses/<int:course_id>/gradebook/<int:column_id>/texts", methods=["GET", "POST"])
@access.needs(Permission.MANAGE_GRADEBOOK)
def texts(column_id: int) -> Any:
    """Another name for the column, other comments."""
    viewer = access.viewer()
    found = _column(db.session(), viewer, column_id)
    form = texts_form(gradebook.texts_of(found))
    if request.method == "GET":
        return render_template("indicators/texts.html", column=found, form=form)
    if not form.is_filled_in():
        return render_template("indicators/texts.html", column=found, form=form), 422
    try:
        with db.transaction() as session:
            is_changed = gradebook.change_column(session, viewer, _column(session, viewer, column_id), form.texts)
    except IndicatorError as err:
        form.show_error(err.field, err.text)
        return render_template("indicators/texts.html", column=found, form=form), err.status
    if is_changed:
        tasks.start(viewer.course_id, viewer.person_id)
        flash(_("The column has new texts. Moodle gets the name now, a comment with the next change of a grade."))
    return redirect(url_for("indicators.column", column_id=column_id), 303)


@blueprint.post("/courses/<int:course_id>/gradebook/<int:column_id>/retry")
@access.needs(Permission.MANAGE_GRADEBOOK)
def retry(column_id: int) -> Any:
    """Send rejected grades again, for somebody mended what was in their way."""
    viewer = access.viewer()
    with db.transaction() as session:
        count = gradebook.retry_rejected(session, viewer, _column(session, viewer, column_id))
    tasks.start(viewer.course_id, viewer.person_id)
    flash(ngettext("%(num)d grade is sent again.", "%(num)d grades are sent again.", count))
    return redirect(url_for("indicators.column", column_id=column_id), 303)


@blueprint.route("/courses/<int:course_id>/gradebook/<int:column_id>/remove", methods=["GET", "POST"])
@access.needs(Permission.MANAGE_GRADEBOOK)
def remove(column_id: int) -> Any:
    """Say what removing means, and do it when confirmed."""
    viewer = access.viewer()
    if request.method == "GET":
        return render_template("indicators/remove.html", column=_column(db.session(), viewer, column_id))
    with db.transaction() as session:
        gradebook.remove_column(session, viewer, _column(session, viewer, column_id))
    flash(_("The column is no longer filled. In Moodle it stays with its grades."))
    return redirect(url_for("indicators.columns"), 303)


def _column(session: Session, viewer: Viewer, column_id: int) -> GradebookColumn:
    return gradebook.find_column(session, viewer.course_id, column_id)


def _sources() -> list[gradebook.Source]:
    return gradebook.sources(db.session(), access.viewer(), pages.local_today())


def _anonymous() -> list[str]:
    """Names of the surveys that no column can be made of."""
    return [source.survey.name for source in _sources() if source.survey is not None and source.anonymous]


def _columns_page(form: ColumnForm) -> str:
    viewer, session = access.viewer(), db.session()
    rows = gradebook.columns_of(session, viewer.course_id)
    return render_template(
        "indicators/columns.html",
        form=form,
        rows=rows,
        anonymous=_anonymous(),
        rejections=gradebook.rejections(session, [row.column.id for row in rows]),
        run=_run(),
    )


def _run() -> queue.Run | None:
    return queue.last_run(db.session(), gradebook.KIND, access.viewer().course_id)


def _number(value: Decimal | None) -> str:
    """A plan's number without needless noughts, `—` for none."""
    if value is None:
        return "—"
    text = f"{value.quantize(Decimal('0.1')).normalize():f}"
    return text.replace(".", ",") if g.get("locale", "ru") == "ru" else text
