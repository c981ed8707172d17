"""A person's record, as a curator keeps it."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from lti_service import access, db, pages
from lti_service.access import Permission
from lti_service.people import profile, rules, service
from lti_service.people.corrections import service as corrections
from lti_service.people.corrections.rules import as_value as corrected_value
from lti_service.people.errors import PeopleError
from lti_service.people.forms import CorrectionForm, MenteeForm, read_choice
from lti_service.people.kinds import placing
from lti_service.people.profile_forms import MentorForm
from lti_service.people.rules import MenteeAction, MentorAction
from lti_service.people.views.room import blueprint, cycle_id, cycle_of, desk, offered
from lti_service.programme.models import MenteeKind, MentorKind


@blueprint.get("/courses/<int:course_id>/people/<int(max=2147483647):person_id>/")
@access.needs(Permission.MANAGE_BASE)
def person(person_id: int) -> Any:
    """What is known of a person of the course, and their places in the two bases."""
    return _person_page(person_id)


@blueprint.post("/courses/<int:course_id>/people/<int(max=2147483647):person_id>/mentee")
@access.needs(Permission.MANAGE_BASE)
def save_mentee(person_id: int) -> Any:
    """Keep the request of a mentee, and move them when a move was asked for."""
    viewer, session = access.viewer(), db.session()
    record = service.record_of(session, viewer.course_id, cycle_id(session, viewer), person_id)
    if record.mentee is None:
        return redirect(url_for("people.person", person_id=person_id), 303)
    forms = service.forms_for(cycle_of(session, viewer), record.mentee.kind)
    form = MenteeForm.of(record.mentee, forms, request.form)
    action = read_choice(request.form, "action", MenteeAction)
    if not form.is_valid():
        return _person_page(person_id, mentee_form=form), 422
    try:
        with db.transaction() as session:
            service.save_mentee(
                session,
                desk(session),
                person_id,
                wanted_form_id=form.wanted_form_id,
                request=form.request.data or "",
                kind=MenteeKind(form.kind.data),
                topics=form.topics.data or [],
                special_needs=bool(form.special_needs.data),
                action=action if action in rules.CURATOR_ACTIONS else None,
            )
    except PeopleError as error:
        return _person_page(person_id, mentee_form=form, error=error), error.status
    flash(_("Saved."))
    return redirect(url_for("people.person", person_id=person_id), 303)


@blueprint.post("/courses/<int:course_id>/people/<int(max=2147483647):person_id>/mentor")
@access.needs(Permission.MANAGE_BASE)
def save_mentor(person_id: int) -> Any:
    """Keep what a mentor is and takes, and move them when a move was asked for."""
    viewer, session = access.viewer(), db.session()
    record = service.record_of(session, viewer.course_id, cycle_id(session, viewer), person_id)
    if record.mentor is None:
        return redirect(url_for("people.person", person_id=person_id), 303)
    forms = profile.forms_of_mentor(cycle_of(session, viewer), record.mentor.kind)
    form = MentorForm.of_mentor(record.mentor, forms, request.form)
    action = read_choice(request.form, "action", MentorAction)
    if not form.is_valid():
        return _person_page(person_id, mentor_form=form), 422
    try:
        with db.transaction() as session:
            profile.save_mentor(
                session,
                desk(session),
                person_id,
                kind=MentorKind(form.kind.data),
                profile=form.profile,
                action=action if action in rules.PLAIN_ACTIONS else None,
            )
    except PeopleError as error:
        return _person_page(person_id, mentor_form=form, error=error), error.status
    flash(_("Saved."))
    return redirect(url_for("people.person", person_id=person_id), 303)


@blueprint.post("/courses/<int:course_id>/people/<int(max=2147483647):person_id>/into/<any(mentees,mentors):base>")
@access.needs(Permission.MANAGE_BASE)
def add_to_base(person_id: int, base: str) -> Any:
    """Put somebody into a base by hand."""
    mentee_kind = read_choice(request.form, "kind", MenteeKind)
    mentor_kind = read_choice(request.form, "kind", MentorKind)
    try:
        with db.transaction() as session:
            if base == "mentees" and mentee_kind:
                service.add_mentee(session, desk(session), person_id, mentee_kind)
            elif base == "mentors" and mentor_kind:
                service.add_mentor(session, desk(session), person_id, mentor_kind)
    except PeopleError as error:
        return _person_page(person_id, error=error), error.status
    return redirect(url_for("people.person", person_id=person_id), 303)


_LIKELY_MENTOR: dict[MenteeKind | None, MentorKind] = {MenteeKind.STUDENT: MentorKind.STUDENT}
"""What a curator most likely means whom the rules do not find a mentor: a student too young to be one."""


@blueprint.post("/courses/<int:course_id>/people/<int(max=2147483647):person_id>/correct")
@access.needs(Permission.MANAGE_BASE)
def correct_person(person_id: int) -> Any:
    """Keep a name or a birth date against what Moodle says."""
    viewer, session = access.viewer(), db.session()
    person = service.record_of(session, viewer.course_id, None, person_id).person
    form = CorrectionForm.of(person, request.form)
    if not form.is_valid():
        return _person_page(person_id, correction_form=form), 422
    try:
        with db.transaction() as session:
            corrections.correct(
                session,
                desk(session),
                person_id,
                family_name=form.family_name.data or "",
                given_name=form.given_name.data or "",
                birth_date=form.birth_date.data,
                today=pages.local_today(),
            )
    except PeopleError as error:
        return _person_page(person_id, correction_form=form, error=error), error.status
    flash(_("Saved."))
    return redirect(url_for("people.person", person_id=person_id), 303)


@blueprint.post("/courses/<int:course_id>/people/<int(max=2147483647):person_id>/as-in-moodle")
@access.needs(Permission.MANAGE_BASE)
def take_moodles(person_id: int) -> Any:
    """Give up what was corrected by hand."""
    with db.transaction() as session:
        corrections.take_moodles(session, desk(session), person_id)
    flash(_("Everything is as in Moodle again."))
    return redirect(url_for("people.person", person_id=person_id), 303)


def _person_page(
    person_id: int,
    *,
    correction_form: CorrectionForm | None = None,
    mentee_form: MenteeForm | None = None,
    mentor_form: MentorForm | None = None,
    error: PeopleError | None = None,
) -> str:
    viewer, session = access.viewer(), db.session()
    cycle = cycle_of(session, viewer)
    record = service.record_of(session, viewer.course_id, cycle.id if cycle else None, person_id)
    mentee, mentor = record.mentee, record.mentor
    # What was posted belongs to one form of the page; the other shows what is kept.
    if mentee and mentee_form is None:
        mentee_form = MenteeForm.of(mentee, service.forms_for(cycle, mentee.kind))
    if mentor and mentor_form is None:
        mentor_form = MentorForm.of_mentor(mentor, profile.forms_of_mentor(cycle, mentor.kind))
    corrects = correction_form is not None
    correction_form = correction_form or CorrectionForm.of(record.person)
    for form in (mentee_form, mentor_form, correction_form):
        if error and form and error.field in form:
            form[error.field].errors = [error.text]
            error = None
    sections, aside = pages.record_sections(session, viewer, person_id)
    known, found = placing.look_at(session, person_id, pages.local_today())
    return render_template(
        "people/person.html",
        cycle=cycle,
        sections=sections,
        aside=aside,
        record=record,
        study_year=known.study_year,
        mentee_form=mentee_form,
        mentor_form=mentor_form,
        correction_form=correction_form,
        corrects=corrects,
        corrected={name: corrected_value(name, text) for name, text in record.person.corrected.items()},
        mentee_actions=offered(rules.MENTEE_MOVES, mentee.state, rules.CURATOR_ACTIONS) if mentee else [],
        mentor_actions=offered(rules.MENTOR_MOVES, mentor.state, rules.PLAIN_ACTIONS) if mentor else [],
        age=rules.age_on(record.person.birth_date, pages.local_today()) if record.person.birth_date else None,
        likely_mentee=found.mentee or MenteeKind.STUDENT,
        likely_mentor=found.mentor or _LIKELY_MENTOR.get(found.mentee, MentorKind.TEACHER),
        error=error,
    )
