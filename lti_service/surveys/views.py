"""Pages of surveys: the list, adding one in two steps, its results, and the parts of people's home pages."""

from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from itsdangerous import BadSignature, URLSafeSerializer
from markupsafe import Markup
from sqlalchemy.orm import Session

from lti_service import access, db, looks, pages, queue
from lti_service.access import Permission, Viewer
from lti_service.errors import NotFoundError
from lti_service.surveys import answers, charts, feedback, results, rules, service, tasks
from lti_service.surveys.errors import SurveyError, SurveyInUseError, sentence
from lti_service.surveys.forms import AUDIENCES, SurveyForm, chosen, defaults, survey_form
from lti_service.surveys.models import Audience, Survey
from lti_service.surveys.service import Activity, Question

blueprint = Blueprint("surveys", __name__)

pages.add_nav(40, "surveys.index", _l("Surveys"), Permission.MANAGE_SURVEYS)

ORDERS = {"new": _l("Newest first"), "name": _l("By title"), "read": _l("Last read first")}
PEOPLE_PER_PAGE = 50
SHOWN_AT_HOME = 5


@blueprint.app_context_processor
def words() -> dict[str, Any]:
    """The wing's words, for its templates."""
    return {"audiences": AUDIENCES, "survey_trouble": sentence}


@blueprint.get("/courses/<int:course_id>/surveys/")
@access.needs(Permission.MANAGE_SURVEYS)
def index() -> Any:
    """The course's surveys with their numbers."""
    viewer, session = access.viewer(), db.session()
    order = request.args.get("order", "new")
    shown = service.survey_page(
        session,
        viewer.course_id,
        year=request.args.get("year", type=int),
        audience=request.args.get("audience", type=Audience),
        order=order if order in ORDERS else "new",
        page=request.args.get("page", 1, type=int),
    )
    return render_template(
        "surveys/index.html",
        shown=shown,
        orders=ORDERS,
        issuer=service.issuer_of(session, viewer.platform_id),
        address=service.moodle_address,
        run=queue.last_run(session, answers.KIND, viewer.course_id),
    )


# --- adding, in two steps -----------------------------------------------------------------------------------------


@blueprint.get("/courses/<int:course_id>/surveys/add")
@access.needs(Permission.MANAGE_SURVEYS)
def choose_activity() -> Any:
    """The first step: which Feedback activity of the course, read from Moodle now."""
    viewer = access.viewer()
    added = service.added_feedbacks(db.session(), viewer.course_id, viewer.platform_id, pages.local_today())
    try:
        activities = service.offered_activities(viewer.course_id)
    except SurveyError as err:
        return render_template("surveys/choose.html", activities=[], added=added, trouble=err.text), err.status
    return render_template("surveys/choose.html", activities=activities, added=added, trouble="")


@blueprint.get("/courses/<int:course_id>/surveys/add/<int:feedback_id>")
@access.needs(Permission.MANAGE_SURVEYS)
def describe_activity(feedback_id: int) -> Any:
    """The second step: whose survey it is, which questions rate, and from which answer on it is good."""
    viewer = access.viewer()
    added = service.added_feedbacks(db.session(), viewer.course_id, viewer.platform_id, pages.local_today())
    if feedback_id in added:
        return redirect(url_for("surveys.show", survey_id=added[feedback_id]))
    try:
        activity = service.offered_activity(viewer.course_id, feedback_id)
    except SurveyError as err:
        return render_template("surveys/choose.html", activities=[], added={}, trouble=err.text), err.status
    form = survey_form(activity.questions, defaults(activity.questions))
    return _describe(form, activity)


@blueprint.post("/courses/<int:course_id>/surveys/add")
@access.needs(Permission.MANAGE_SURVEYS)
def add() -> Any:
    """Make the activity a survey and start reading its answers.

    The form carries the activity as it was shown, signed: a Moodle that fails meanwhile costs the curator nothing,
    and the reading that follows brings what changed.
    """
    viewer = access.viewer()
    try:
        activity = Activity.from_json(_signer(viewer).loads(request.form.get("activity", "")))
    except BadSignature:
        flash(_("Choose the activity once more."), "warning")
        return redirect(url_for("surveys.choose_activity"))
    form = survey_form(activity.questions)
    if not form.is_filled_in():
        return _describe(form, activity), 422
    try:
        with db.transaction() as session:
            wanted = form.wanted(activity.questions)
            survey = service.add_survey(session, viewer, pages.local_today(), activity, **wanted)
    except SurveyError as err:
        return _describe(form, activity, _at_field(form, err)), err.status
    _start_reading(viewer)
    flash(_("The survey has been added. Its answers are being read."))
    return redirect(url_for("surveys.show", survey_id=survey.id))


def _describe(form: SurveyForm, activity: Activity, refusal: str = "") -> str:
    viewer = access.viewer()
    signed = _signer(viewer).dumps(activity.to_json())
    return render_template("surveys/describe.html", form=form, activity=activity, signed=signed, refusal=refusal)


def _signer(viewer: Viewer) -> URLSafeSerializer:
    """Signs an activity for one course only: what was offered there is taken nowhere else."""
    return URLSafeSerializer(str(current_app.secret_key), salt=f"survey-activity-{viewer.course_id}")


def _at_field(form: SurveyForm, error: SurveyError) -> str:
    """Show a refusal at its field; the text when it belongs above the form."""
    return "" if form.show_error(error.field, error.text) else error.text


# --- one survey ---------------------------------------------------------------------------------------------------


@blueprint.get("/courses/<int:course_id>/surveys/<int:survey_id>/")
@access.needs(Permission.MANAGE_SURVEYS)
def show(survey_id: int) -> Any:
    """What the answers say."""
    viewer, session = access.viewer(), db.session()
    survey = service.find_survey(session, survey_id, viewer.course_id)
    tally = service.tally(session, survey)
    return render_template(
        "surveys/show.html",
        survey=survey,
        tally=tally,
        results=results.item_results(session, survey, tally),
        pieces=charts.pieces,
        satisfied_texts=_satisfied_texts(survey),
        fewest=rules.FEWEST_ANONYMOUS,
        address=service.moodle_address(service.issuer_of(session, viewer.platform_id), survey),
        run=queue.last_run(session, answers.KIND, viewer.course_id),
    )


def _satisfied_texts(survey: Survey) -> list[str]:
    """The answers that count as satisfied, each once, from the lowest."""
    scales = ((item.options, item.weights) for item in survey.items if item.is_rating)
    found = [row for row in rules.thresholds(scales, survey.best_first) if row.place >= survey.satisfied_from]
    return list(dict.fromkeys(text for row in found for text in row.texts if text))


@blueprint.get("/courses/<int:course_id>/surveys/<int:survey_id>/people")
@access.needs(Permission.MANAGE_SURVEYS)
def people(survey_id: int) -> Any:
    """The people behind the numbers of a named survey; nobody knows those of an anonymous one."""
    viewer, session = access.viewer(), db.session()
    survey = service.find_survey(session, survey_id, viewer.course_id)
    tally = service.tally(session, survey)
    if survey.anonymous and not tally.named:
        raise NotFoundError
    everyone = results.respondents(session, tally)
    which = request.args.get("which", "")
    rows = [row for row in everyone if _is_among(row, which)]
    page_count = max(1, -(-len(rows) // PEOPLE_PER_PAGE))
    page = min(max(request.args.get("page", 1, type=int), 1), page_count)
    first = (page - 1) * PEOPLE_PER_PAGE
    looks.note(row.person_id for row in rows[first : first + PEOPLE_PER_PAGE] if row.person_id is not None)
    return render_template(
        "surveys/people.html",
        survey=survey,
        rows=rows[first : first + PEOPLE_PER_PAGE],
        counts={name: sum(_is_among(row, name) for row in everyone) for name in WHICH},
        which=which if which in WHICH else "",
        names=WHICH,
        page=page,
        pages=page_count,
    )


WHICH = {
    "": _l("Asked"),
    "answered": _l("Answered"),
    "waiting": _l("Not answered yet"),
    "satisfied": _l("Satisfied"),
    "outside": _l("Not of the audience"),
}


def _is_among(row: results.Respondent, which: str) -> bool:
    if which == "outside":
        return row.outside
    if row.outside:
        return False
    kinds = {"answered": row.has_answered, "waiting": not row.has_answered, "satisfied": row.satisfied is True}
    return kinds.get(which, True)


@blueprint.route("/courses/<int:course_id>/surveys/<int:survey_id>/edit", methods=["GET", "POST"])
@access.needs(Permission.MANAGE_SURVEYS)
def edit(survey_id: int) -> Any:
    """Say anew whose survey it is and what satisfied means."""
    viewer = access.viewer()
    survey = service.find_survey(db.session(), survey_id, viewer.course_id)
    questions = service.questions_of(survey)
    form = survey_form(questions, chosen(survey))
    if request.method == "GET":
        return _edit(form, survey, questions)
    if not form.is_filled_in():
        return _edit(form, survey, questions), 422
    try:
        with db.transaction() as session:
            survey = service.find_survey(session, survey_id, viewer.course_id)
            changed = service.change_survey(session, viewer, survey, **form.wanted(questions))
    except SurveyError as err:
        return _edit(form, survey, questions, _at_field(form, err)), err.status
    flash(_("Saved. The numbers follow the new settings.") if changed else _("Nothing was changed."))
    return redirect(url_for("surveys.show", survey_id=survey_id))


def _edit(form: SurveyForm, survey: Survey, questions: tuple[Question, ...], refusal: str = "") -> str:
    return render_template("surveys/edit.html", form=form, survey=survey, questions=questions, refusal=refusal)


@blueprint.route("/courses/<int:course_id>/surveys/<int:survey_id>/remove", methods=["GET", "POST"])
@access.needs(Permission.MANAGE_SURVEYS)
def remove(survey_id: int) -> Any:
    """Take a survey away, after saying what goes with it."""
    viewer = access.viewer()
    survey = service.find_survey(db.session(), survey_id, viewer.course_id)
    kept = service.response_counts(db.session(), [survey_id]).get(survey_id, 0)
    if request.method == "GET":
        return render_template("surveys/remove.html", survey=survey, kept=kept, refusal="")
    try:
        with db.transaction() as session:
            survey = service.find_survey(session, survey_id, viewer.course_id)
            name = survey.name
            service.remove_survey(session, viewer, survey)
    except SurveyInUseError as err:
        survey = service.find_survey(db.session(), survey_id, viewer.course_id)
        return render_template("surveys/remove.html", survey=survey, kept=kept, refusal=err.text), err.status
    flash(_("The survey “%(name)s” has been removed here. Moodle keeps it.", name=name))
    return redirect(url_for("surveys.index"))


# --- reading answers ----------------------------------------------------------------------------------------------


@blueprint.post("/courses/<int:course_id>/surveys/refresh")
@access.needs(Permission.MANAGE_SURVEYS)
def refresh() -> Any:
    """Start reading the answers of the course's surveys, unless that goes on already."""
    viewer = access.viewer()
    _start_reading(viewer)
    survey_id = request.form.get("survey", type=int)
    if survey_id is None:
        return redirect(url_for("surveys.index"))
    return redirect(url_for("surveys.show", survey_id=survey_id))


def _start_reading(viewer: Viewer) -> None:
    with db.transaction() as session:
        run, is_new = queue.open_run(session, answers.KIND, viewer.course_id, viewer.person_id)
    if is_new:
        tasks.refresh_answers(run.id)


@blueprint.get("/courses/<int:course_id>/surveys/run")
@access.needs(Permission.MANAGE_SURVEYS)
def run_status() -> Any:
    """How far the reading is: a piece of page for the script that watches it."""
    run = queue.last_run(db.session(), answers.KIND, access.viewer().course_id)
    return render_template("surveys/_run.html", run=run)


# --- home pages ---------------------------------------------------------------------------------------------------


@pages.home_section(40)
def waiting_surveys(session: Session, viewer: Viewer) -> Markup | None:
    """The surveys that wait for a mentee or a mentor, with the way into Moodle."""
    invitations = service.surveys_for(session, viewer, db.now(), pages.local_today())
    return pages.part("surveys/_waiting.html", invitations=invitations) if invitations else None


@pages.home_section(41)
def survey_overview(session: Session, viewer: Viewer) -> Markup | None:
    """For curators: how many surveys there are this school year, and how many answered."""
    if not viewer.may(Permission.MANAGE_SURVEYS):
        return None
    shown = service.overview(session, viewer.course_id, viewer.platform_id, pages.local_today())
    return pages.part("surveys/_overview.html", rows=shown, most=SHOWN_AT_HOME)


# --- a mentor's record --------------------------------------------------------------------------------------------


@pages.record_section(31)
def feedback_of(session: Session, viewer: Viewer, person_id: int) -> Markup | None:
    """For curators: what the surveys say about a mentor."""
    if not viewer.may(Permission.MANAGE_SURVEYS):
        return None
    found = feedback.of_mentor(session, viewer.course_id, person_id)
    return pages.part("surveys/_feedback.html", feedback=found, audiences=Audience) if found else None
