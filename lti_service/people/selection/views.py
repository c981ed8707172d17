"""Pages of the selection: the criteria, a candidate's score sheet, and a decision about several at once."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from markupsafe import Markup
from sqlalchemy.orm import Session

from lti_service import access, db, pages
from lti_service.access import Permission, Viewer
from lti_service.people import lists, rules, service
from lti_service.people.errors import NobodyChosenError, PeopleError
from lti_service.people.forms import read_ids
from lti_service.people.models import Mentor
from lti_service.people.selection import rules as selection_rules
from lti_service.people.selection import service as selection
from lti_service.people.selection.errors import CriteriaWrongError
from lti_service.people.selection.forms import DecisionForm, lines_of, read_criteria, read_marks
from lti_service.people.selection.models import Decision
from lti_service.people.selection.service import ACTIONS
from lti_service.people.service import Record
from lti_service.people.training import lists as training_lists
from lti_service.people.views.bases import list_address, mentors_look, tell
from lti_service.people.views.room import blueprint, cycle_of, desk

NAMED = 30
"""How many people a page about several names before it says how many more there are."""

# --- criteria -----------------------------------------------------------------------------------------------------


@blueprint.route("/courses/<int:course_id>/base/mentors/criteria/", methods=["GET", "POST"])
@access.needs(Permission.MANAGE_BASE)
def criteria() -> Any:
    """By what the college selects its mentors: shown, and kept when sent."""
    session = db.session()
    at = desk(session)
    known = selection.criteria_at(session, at)
    shown = {
        "known": known,
        "lines": lines_of(known),
        "problems": {},
        "version": known.version,
        "rules": selection_rules,
    }
    if request.method == "GET":
        return render_template("people/selection/criteria.html", **shown)
    sent = read_criteria(request.form)
    try:
        with db.transaction() as session:
            selection.save_criteria(session, desk(session), request.form.get("version", ""), sent)
    except PeopleError as error:
        problems = error.problems if isinstance(error, CriteriaWrongError) else {}
        changed = error.status == 409
        shown |= {} if changed else {"lines": sent, "version": request.form.get("version", "")}
        return render_template("people/selection/criteria.html", **shown | {"problems": problems, "error": error}), (
            409 if changed else 422
        )
    flash(_("The criteria are saved. Decisions taken before keep theirs."))
    return redirect(url_for("people.criteria"), 303)


# --- one candidate ------------------------------------------------------------------------------------------------


@blueprint.route("/courses/<int:course_id>/people/<int(max=2147483647):person_id>/selection", methods=["GET", "POST"])
@access.needs(Permission.MANAGE_BASE)
def assess(person_id: int) -> Any:
    """A candidate's score sheet: marks by the criteria, what they come to, and the decision."""
    viewer, session = access.viewer(), db.session()
    cycle = cycle_of(session, viewer)
    record = service.record_of(session, viewer.course_id, cycle.id if cycle else None, person_id)
    if record.mentor is None or cycle is None:
        return redirect(url_for("people.person", person_id=person_id), 303)
    criteria = selection.criteria_of(session, viewer.platform_id, cycle.programme_id)
    if request.method == "GET":
        return _sheet(record, criteria, DecisionForm.of(None), {})
    form, marks = DecisionForm.of(request.form), read_marks(request.form, len(criteria.listed))
    if request.form.get("do") == "count":
        return _sheet(record, criteria, form, marks)
    if not form.is_valid():
        return _sheet(record, criteria, form, marks), 422
    try:
        with db.transaction() as session:
            outcome = selection.decide(
                session,
                desk(session),
                [record.mentor.id],
                Decision(form.decision.data),
                form.reason.data or "",
                pages.local_today(),
                marks=marks if any(mark is not None for mark in marks.values()) else None,
                seen=request.form.get("version", ""),
            )
    except PeopleError as error:
        at_field = error.field in form
        if at_field:
            form[error.field].errors = [error.text]
        record = service.record_of(db.session(), viewer.course_id, cycle.id, person_id)
        return _sheet(record, criteria, form, marks, None if at_field else error), error.status
    flash(_("The decision is kept.") if outcome.done else _("Nothing to change: it is so already."))
    return redirect(url_for("people.person", person_id=person_id), 303)


def _sheet(
    record: Record,
    criteria: selection.Criteria,
    form: DecisionForm,
    marks: dict[int, int | None],
    error: PeopleError | None = None,
) -> str:
    given = [(facts.weight, marks.get(place)) for place, facts in enumerate(criteria.listed)]
    return render_template(
        "people/selection/assess.html",
        record=record,
        mentor=record.mentor,
        criteria=criteria,
        form=form,
        marks=marks,
        result=selection_rules.weigh(given),
        rules=selection_rules,
        offered=_possible(record.mentor),
        error=error,
    )


def _possible(mentor: Mentor | None) -> list[Decision]:
    """Decisions that lead somewhere from where somebody is, or may be taken anew."""
    if mentor is None:
        return []
    return [
        decision
        for decision, action in ACTIONS.items()
        if action in rules.MENTOR_MOVES[mentor.state] or rules.MENTOR_TARGETS[action] is mentor.state
    ]


# --- several at once ----------------------------------------------------------------------------------------------


@blueprint.route("/courses/<int:course_id>/base/mentors/decide", methods=["GET", "POST"])
@access.needs(Permission.MANAGE_BASE)
def decide() -> Any:
    """One decision about those who were chosen in the list, whose filters the address keeps."""
    viewer, look = access.viewer(), mentors_look()
    ticked, mark = read_ids(request.values, "chosen"), request.values.get("everyone", "")
    form = DecisionForm.of(request.form if "do" in request.form else None)
    error = None
    if "do" in request.form and form.is_valid():
        decision = Decision(form.decision.data)
        try:
            with db.transaction() as session:
                at = desk(session)
                chosen = lists.chosen(session, Mentor, at.cycle_id, at.course_id, look, ticked, mark)
                reason = form.reason.data or ""
                outcome = selection.decide(session, at, chosen, decision, reason, pages.local_today())
        except PeopleError as refused:
            if refused.field in form:
                form[refused.field].errors = [refused.text]
            else:
                error = refused
        else:
            tell(decision, outcome, "people.mentors")
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
    status = 422 if "do" in request.form or error else 200
    return (
        render_template(
            "people/selection/decide.html",
            mentors=mentors,
            named=mentors[:NAMED],
            everyone=mark,
            look=look,
            form=form,
            decisions=list(Decision),
            error=error,
            viewer_name=viewer.name,
        ),
        status,
    )


# --- on other pages -----------------------------------------------------------------------------------------------


@pages.record_section(10)
def selection_of(session: Session, viewer: Viewer, person_id: int) -> Markup | None:
    """What was decided about a mentor, by which marks, and everything before it."""
    cycle = cycle_of(session, viewer)
    mentor = service.mentor_of(session, cycle.id, person_id) if cycle else None
    decisions = selection.history(session, person_id)
    if mentor is None and not decisions:
        return None
    return pages.part(
        "people/selection/_of_person.html",
        mentor=mentor,
        person_id=person_id,
        decisions=decisions,
        may_decide=bool(_possible(mentor)),
    )


@pages.home_section(17)
def waiting(session: Session, viewer: Viewer) -> Markup | None:
    """For curators: how many wait for selection and for training, and whose training runs out."""
    if not viewer.may(Permission.MANAGE_BASE):
        return None
    cycle = cycle_of(session, viewer)
    if cycle is None:
        return None
    counts = training_lists.waiting(session, cycle.id, viewer.course_id, pages.local_today())
    if not any((counts.selection, counts.training, counts.soon, counts.expired)):
        return None
    return pages.part("people/selection/_waiting.html", counts=counts)
