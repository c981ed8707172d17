"""Pages of training: the college's courses, one of them with those who have completed it, and recording that."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from markupsafe import Markup
from sqlalchemy.orm import Session

from lti_service import access, db, pages, queue, sheets
from lti_service.access import Permission, Viewer
from lti_service.people import exports, lists, service
from lti_service.people.errors import NobodyChosenError, PeopleError
from lti_service.people.forms import read_id, read_ids
from lti_service.people.models import Mentor
from lti_service.people.rules import MentorAction
from lti_service.people.selection import service as selection
from lti_service.people.training import completions, records, tasks
from lti_service.people.training import service as training
from lti_service.people.training.forms import (
    CompletionForm,
    CourseForm,
    read_courses_look,
    read_numbers,
    read_records_look,
)
from lti_service.people.training.rules import standing_of, state_until
from lti_service.people.views.bases import list_address, mentors_look, tell
from lti_service.people.views.room import blueprint, cycle_of, desk

ALL = "/courses/<int:course_id>/base/mentors/training/"
ONE = ALL + "<int(max=2147483647):training_course_id>/"
NUMBERED = 50
"""Up to how many people at once the numbers of their documents can be entered."""

# --- courses ------------------------------------------------------------------------------------------------------


@blueprint.get(ALL)
@access.needs(Permission.MANAGE_BASE)
def training_courses() -> str:
    """The college's training courses, as searched and sorted by the address."""
    session, viewer, look = db.session(), access.viewer(), read_courses_look(request.args)
    return render_template(
        "people/training/list.html",
        look=look,
        listing=records.list_courses(session, viewer, look),
        address=look.addresses("people.training_courses"),
        is_readable=completions.has_something_to_read(session, viewer.platform_id),
        run=queue.last_run(session, completions.KIND, viewer.course_id),
    )


@blueprint.get("/courses/<int:course_id>/base/mentors/training.<any(xlsx,csv):ending>")
@access.needs(Permission.MANAGE_BASE)
def export_training_courses(ending: str) -> Response:
    """Every course that the list shows with this search, as a file."""
    lines = records.all_courses(db.session(), access.viewer(), read_courses_look(request.args))
    return sheets.download(exports.training_courses(lines), sheets.Kind(ending))


@blueprint.get(ALL + "records/")
@access.needs(Permission.MANAGE_BASE)
def training_records() -> str:
    """Who has completed what, as filtered and sorted by the address."""
    session, viewer, look = db.session(), access.viewer(), read_records_look(request.args)
    return render_template(
        "people/training/records.html",
        look=look,
        listing=records.list_records(session, viewer, pages.local_today(), look),
        address=look.addresses("people.training_records"),
        courses=training.courses(session, viewer.platform_id),
        groups=lists.groups_of(session, viewer.course_id),
        within=records.ENDING_WITHIN,
    )


@blueprint.get(ALL + "records.<any(xlsx,csv):ending>")
@access.needs(Permission.MANAGE_BASE)
def export_training_records(ending: str) -> Response:
    """Every record that the list shows with these filters, as a file."""
    viewer, look = access.viewer(), read_records_look(request.args)
    with db.transaction() as session:
        lines = records.all_records(session, viewer, pages.local_today(), look)
        service.record_export(session, desk(session), "trainings", len(lines), look.told)
        return sheets.download(exports.training_records(lines), sheets.Kind(ending))


@blueprint.post(ALL + "read")
@access.needs(Permission.MANAGE_BASE)
def read_training() -> Any:
    """Start reading completions from Moodle, unless that is under way, and show how it goes."""
    viewer = access.viewer()
    with db.transaction() as session:
        run, is_new = completions.open_reading(session, viewer.course_id, viewer.person_id)
    if is_new:
        tasks.read_completions(run.id)
    return redirect(url_for("people.training_courses"), 303)


@blueprint.get(ALL + "status")
@access.needs(Permission.MANAGE_BASE)
def training_status() -> str:
    """The part of the page that says how the newest reading goes; a script asks for it each second."""
    run = queue.last_run(db.session(), completions.KIND, access.viewer().course_id)
    return render_template("people/training/_run.html", run=run)


@blueprint.route(ALL + "new", methods=["GET", "POST"])
@access.needs(Permission.MANAGE_BASE)
def new_training() -> Any:
    """Add a course."""
    viewer = access.viewer()

    def keep(session: Session, form: CourseForm) -> int:
        return training.add_course(session, viewer, form.facts).id

    return _form_page(None, keep)


@blueprint.route(ONE + "change", methods=["GET", "POST"])
@access.needs(Permission.MANAGE_BASE)
def change_training(training_course_id: int) -> Any:
    """Change what is told of a course."""
    viewer = access.viewer()

    def keep(session: Session, form: CourseForm) -> int:
        return training.change_course(session, viewer, training_course_id, form.facts).id

    return _form_page(training_course_id, keep)


def _form_page(training_course_id: int | None, keep: Callable[[Session, CourseForm], int]) -> Any:
    platform_id = access.viewer().platform_id

    def kept() -> Any:
        return None if training_course_id is None else training.find(db.session(), platform_id, training_course_id)

    form = CourseForm.of(kept(), request.form if request.method == "POST" else None)
    if request.method == "GET":
        return render_template("people/training/form.html", form=form, course=kept())
    error = None
    if form.is_valid():
        try:
            with db.transaction() as session:
                done = keep(session, form)
        except PeopleError as refused:
            if refused.field in form:
                form[refused.field].errors = [refused.text]
            else:
                error = refused
        else:
            flash(_("Saved."))
            return redirect(url_for("people.training_course", training_course_id=done), 303)
    return render_template("people/training/form.html", form=form, course=kept(), error=error), 422


@blueprint.get(ONE)
@access.needs(Permission.MANAGE_BASE)
def training_course(training_course_id: int) -> Any:
    """A course, and who has completed it."""
    return _course_page(training_course_id)


def _course_page(training_course_id: int, error: PeopleError | None = None) -> str:
    viewer, session = access.viewer(), db.session()
    course = training.find(session, viewer.platform_id, training_course_id)
    look = replace(read_records_look(request.args), course="")
    of_course = replace(look, course=str(course.id))
    return render_template(
        "people/training/show.html",
        course=course,
        look=look,
        of_course=of_course,
        listing=records.list_records(session, viewer, pages.local_today(), of_course),
        address=look.addresses("people.training_course", training_course_id=course.id),
        groups=lists.groups_of(session, viewer.course_id),
        within=records.ENDING_WITHIN,
        error=error,
    )


@blueprint.post(ONE + "remove")
@access.needs(Permission.MANAGE_BASE)
def remove_training(training_course_id: int) -> Any:
    """Delete a course that nobody has completed."""
    try:
        with db.transaction() as session:
            training.remove_course(session, access.viewer(), training_course_id)
    except PeopleError as error:
        return _course_page(training_course_id, error), error.status
    flash(_("The course is deleted."))
    return redirect(url_for("people.training_courses"), 303)


# --- recording it -------------------------------------------------------------------------------------------------


@blueprint.route("/courses/<int:course_id>/base/mentors/train", methods=["GET", "POST"])
@access.needs(Permission.MANAGE_BASE)
def train() -> Any:
    """Record that those have completed a course who were chosen in the list, whose filters the address keeps."""
    viewer, look, today = access.viewer(), mentors_look(), pages.local_today()
    ticked, mark = read_ids(request.values, "chosen"), request.values.get("everyone", "")
    courses = training.courses(db.session(), viewer.platform_id)
    form = CompletionForm.of(courses, today, request.form if "do" in request.form else None)
    error = None
    if "do" in request.form and form.is_valid():
        try:
            with db.transaction() as session:
                at = desk(session)
                chosen = lists.chosen(session, Mentor, at.cycle_id, at.course_id, look, ticked, mark)
                outcome = training.record_completion(
                    session,
                    at,
                    chosen,
                    form.course_id,
                    completed_on=form.completed_on.data,
                    valid_until=form.valid_until.data,
                    numbers=read_numbers(request.form, chosen),
                    today=today,
                )
        except PeopleError as refused:
            if refused.field in form:
                form[refused.field].errors = [refused.text]
            else:
                error = refused
        else:
            tell(MentorAction.TRAIN, outcome, "people.mentors")
            if back := read_id(request.form, "person"):
                return redirect(url_for("people.person", person_id=back), 303)
            return redirect(list_address("people.mentors"), 303)
    mentors: list[Mentor] = []
    try:
        session = db.session()
        at = desk(session)
        chosen = lists.chosen(session, Mentor, at.cycle_id, at.course_id, look, ticked, mark)
        mentors = selection.course_mentors(session, at, chosen)
        if not mentors:
            raise NobodyChosenError
    except PeopleError as refused:
        error = error or refused
    page = render_template(
        "people/training/train.html",
        mentors=mentors,
        numbered=NUMBERED,
        numbers=read_numbers(request.form, [mentor.id for mentor in mentors]),
        courses=courses,
        everyone=mark,
        look=look,
        person_id=read_id(request.values, "person"),
        form=form,
        error=error,
    )
    return page, 422 if "do" in request.form or error else 200


@blueprint.post(
    "/courses/<int:course_id>/people/<int(max=2147483647):person_id>/training/<int(max=2147483647):training_id>/remove"
)
@access.needs(Permission.MANAGE_BASE)
def remove_training_record(person_id: int, training_id: int) -> Any:
    """Take away a record that was made by mistake."""
    try:
        with db.transaction() as session:
            training.remove_record(session, desk(session), person_id, training_id, pages.local_today())
    except PeopleError as error:
        flash(error.text, "warning")
    else:
        flash(_("The record of training is deleted."))
    return redirect(url_for("people.person", person_id=person_id), 303)


@pages.record_section(11)
def training_of(session: Session, viewer: Viewer, person_id: int) -> Markup | None:
    """What somebody was trained in, and until when it counts."""
    cycle = cycle_of(session, viewer)
    mentor = service.mentor_of(session, cycle.id, person_id) if cycle else None
    trainings = training.of_person(session, person_id)
    if mentor is None and not trainings:
        return None
    today = pages.local_today()
    return pages.part(
        "people/training/_of_person.html",
        mentor=mentor,
        person_id=person_id,
        records=trainings,
        standing=standing_of([record.valid_until for record in trainings], today),
        state_until=state_until,
        today=today,
    )
