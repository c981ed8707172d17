"""Pages of people: the two bases, a person's record, and the sync with Moodle."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask import session as carried
from flask.blueprints import BlueprintSetupState
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from markupsafe import Markup
from sqlalchemy.orm import Session

from lti_service import access, db, pages, sheets
from lti_service.access import Permission, Role, Viewer
from lti_service.people import asking, exports, labels, lists, rules, service, tasks, trouble
from lti_service.people.errors import PeopleError
from lti_service.people.forms import AskForm, MenteeForm, MentorForm, read_choice, read_id, read_ids, read_look
from lti_service.people.models import Mentee, MenteeState, Mentor, MentorState
from lti_service.people.rules import MenteeAction, MentorAction
from lti_service.people.service import B, Desk, Outcome
from lti_service.programme import service as programme
from lti_service.programme.models import Cycle, MenteeKind, MentorKind
from lti_service.queue import OPEN, RunState

blueprint = Blueprint("people", __name__)

pages.add_nav(20, "people.mentees", _l("Mentees"), Permission.MANAGE_BASE)
pages.add_nav(21, "people.mentors", _l("Mentors"), Permission.MANAGE_BASE)
pages.add_nav(70, "people.sync", _l("People from Moodle"), Permission.RUN_SYNC)

MENTEE_SORTS = ("name", "group", "kind", "state")
MENTOR_SORTS = ("name", "group", "kind", "capacity", "state")
NAMED = 5
"""How many people a message names before it says how many more there are."""
RUNS_SHOWN = 10
MAKE_MENTORS = "make_mentors"


@blueprint.record_once
def share_words(setup: BlueprintSetupState) -> None:
    """Give the wing's words to all templates; as globals, for macros that are imported see no context."""
    setup.app.jinja_env.globals.update(people_labels=labels, sync_trouble=trouble.sentence)


@blueprint.app_template_filter("people_role")
def role_word(value: str) -> str:
    """What a role, as memberships keep it, is called."""
    return str(labels.ROLES[Role(value)])


# --- the base of mentees ------------------------------------------------------------------------------------------


@blueprint.get("/courses/<int:course_id>/base/")
@access.needs(Permission.MANAGE_BASE)
def mentees() -> Any:
    """Who needs or may need a mentor, as filtered and sorted by the address."""
    return _mentees_page()


@blueprint.post("/courses/<int:course_id>/base/")
@access.needs(Permission.MANAGE_BASE)
def change_mentees() -> Any:
    """Do one thing with those who are ticked; the address keeps what the list showed."""
    chosen = read_ids(request.form, "chosen")
    wanted_form_id = read_id(request.form, "wanted_form")
    makes_mentors = request.form.get("action") == MAKE_MENTORS
    action = read_choice(request.form, "action", MenteeAction)
    if not makes_mentors and (action is None or action not in rules.CURATOR_ACTIONS):
        return redirect(_list_address("people.mentees"), 303)
    try:
        with db.transaction() as session:
            if action is None:
                outcome = service.make_mentors(session, _desk(session), chosen)
            else:
                form_id = wanted_form_id if action is MenteeAction.NEED else None
                outcome = service.move_mentees(session, _desk(session), chosen, action, form_id)
    except PeopleError as error:
        return _mentees_page(error, chosen, wanted_form_id), error.status
    _tell(MAKE_MENTORS if makes_mentors else action, outcome, "people.mentees")
    return redirect(_list_address("people.mentees"), 303)


def _mentees_page(error: PeopleError | None = None, chosen: Iterable[int] = (), form_id: int | None = None) -> str:
    viewer, session = access.viewer(), db.session()
    look = read_look(request.args, MenteeState, MenteeKind, MENTEE_SORTS)
    cycle = _cycle(session, viewer)
    listing = lists.list_mentees(session, cycle.id, viewer.course_id, look) if cycle else None
    state = MenteeState(look.state) if look.state else None
    return render_template(
        "people/mentees.html",
        cycle=cycle,
        look=look,
        listing=listing,
        actions=_offered(rules.MENTEE_MOVES, state, rules.CURATOR_ACTIONS),
        forms=service.forms_for(cycle),
        error=error,
        left=_left(session, cycle, "people.mentees", Mentee, labels.MENTEE_STATES),
        chosen=set(chosen),
        all_chosen=request.args.get("select") == "page" and not error,
        chosen_form_id=form_id,
        make_mentors=MAKE_MENTORS,
        address=_address_of("people.mentees", look),
    )


@blueprint.get("/courses/<int:course_id>/base/mentees.<any(xlsx,csv):ending>")
@access.needs(Permission.MANAGE_BASE)
def export_mentees(ending: str) -> Response:
    """Everybody whom the list shows with these filters, as a file."""
    look = read_look(request.args, MenteeState, MenteeKind, MENTEE_SORTS)
    with db.transaction() as session:
        at = _desk(session)
        lines = lists.all_mentees(session, at.cycle_id, at.course_id, look)
        service.record_export(session, at, "mentees", len(lines), look.query())
        return sheets.download(exports.mentees(lines), sheets.Kind(ending))


# --- the base of mentors ------------------------------------------------------------------------------------------


@blueprint.get("/courses/<int:course_id>/base/mentors/")
@access.needs(Permission.MANAGE_BASE)
def mentors() -> Any:
    """Who is or may become a mentor, as filtered and sorted by the address."""
    return _mentors_page()


@blueprint.post("/courses/<int:course_id>/base/mentors/")
@access.needs(Permission.MANAGE_BASE)
def change_mentors() -> Any:
    """Do one thing with those who are ticked."""
    chosen = read_ids(request.form, "chosen")
    action = read_choice(request.form, "action", MentorAction)
    if action is None:
        return redirect(_list_address("people.mentors"), 303)
    try:
        with db.transaction() as session:
            outcome = service.move_mentors(session, _desk(session), chosen, action)
    except PeopleError as error:
        return _mentors_page(error, chosen), error.status
    _tell(action, outcome, "people.mentors")
    return redirect(_list_address("people.mentors"), 303)


def _mentors_page(error: PeopleError | None = None, chosen: Iterable[int] = ()) -> str:
    viewer, session = access.viewer(), db.session()
    look = read_look(request.args, MentorState, MentorKind, MENTOR_SORTS)
    cycle = _cycle(session, viewer)
    state = MentorState(look.state) if look.state else None
    return render_template(
        "people/mentors.html",
        cycle=cycle,
        look=look,
        listing=lists.list_mentors(session, cycle.id, viewer.course_id, look) if cycle else None,
        actions=_offered(rules.MENTOR_MOVES, state, tuple(MentorAction)),
        error=error,
        left=_left(session, cycle, "people.mentors", Mentor, labels.MENTOR_STATES),
        chosen=set(chosen),
        all_chosen=request.args.get("select") == "page" and not error,
        address=_address_of("people.mentors", look),
    )


@blueprint.get("/courses/<int:course_id>/base/mentors.<any(xlsx,csv):ending>")
@access.needs(Permission.MANAGE_BASE)
def export_mentors(ending: str) -> Response:
    """Everybody whom the list shows with these filters, as a file."""
    look = read_look(request.args, MentorState, MentorKind, MENTOR_SORTS)
    with db.transaction() as session:
        at = _desk(session)
        lines = lists.all_mentors(session, at.cycle_id, at.course_id, look)
        service.record_export(session, at, "mentors", len(lines), look.query())
        return sheets.download(exports.mentors(lines), sheets.Kind(ending))


# --- a person -----------------------------------------------------------------------------------------------------


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
    record = service.record_of(session, viewer.course_id, _cycle_id(session, viewer), person_id)
    if record.mentee is None:
        return redirect(url_for("people.person", person_id=person_id), 303)
    forms = service.forms_for(_cycle(session, viewer), record.mentee.kind)
    form = MenteeForm.of(record.mentee, forms, request.form)
    action = read_choice(request.form, "action", MenteeAction)
    if not form.is_valid():
        return _person_page(person_id, mentee_form=form), 422
    try:
        with db.transaction() as session:
            service.save_mentee(
                session,
                _desk(session),
                person_id,
                wanted_form_id=form.wanted_form_id,
                request=form.request.data or "",
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
    record = service.record_of(session, viewer.course_id, _cycle_id(session, viewer), person_id)
    if record.mentor is None:
        return redirect(url_for("people.person", person_id=person_id), 303)
    form = MentorForm.of(record.mentor, request.form)
    if not form.is_valid():
        return _person_page(person_id, mentor_form=form), 422
    try:
        with db.transaction() as session:
            service.save_mentor(
                session,
                _desk(session),
                person_id,
                kind=MentorKind(form.kind.data),
                capacity=form.capacity.data,
                action=read_choice(request.form, "action", MentorAction),
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
                service.add_mentee(session, _desk(session), person_id, mentee_kind)
            elif base == "mentors" and mentor_kind:
                service.add_mentor(session, _desk(session), person_id, mentor_kind)
    except PeopleError as error:
        return _person_page(person_id, error=error), error.status
    return redirect(url_for("people.person", person_id=person_id), 303)


def _person_page(
    person_id: int,
    *,
    mentee_form: MenteeForm | None = None,
    mentor_form: MentorForm | None = None,
    error: PeopleError | None = None,
) -> str:
    viewer, session = access.viewer(), db.session()
    cycle = _cycle(session, viewer)
    record = service.record_of(session, viewer.course_id, cycle.id if cycle else None, person_id)
    mentee, mentor = record.mentee, record.mentor
    # What was posted belongs to one form of the page; the other shows what is kept.
    if mentee and mentee_form is None:
        mentee_form = MenteeForm.of(mentee, service.forms_for(cycle, mentee.kind))
    if mentor and mentor_form is None:
        mentor_form = MentorForm.of(mentor)
    for form in (mentee_form, mentor_form):
        if error and form and error.field in form:
            form[error.field].errors = [error.text]
            error = None
    return render_template(
        "people/person.html",
        cycle=cycle,
        record=record,
        mentee_form=mentee_form,
        mentor_form=mentor_form,
        mentee_actions=_offered(rules.MENTEE_MOVES, mentee.state, rules.CURATOR_ACTIONS) if mentee else [],
        mentor_actions=_offered(rules.MENTOR_MOVES, mentor.state, tuple(MentorAction)) if mentor else [],
        age=rules.age_on(record.person.birth_date, pages.local_today()) if record.person.birth_date else None,
        likely_mentee=rules.likely_mentee_kind(record.membership.roles),
        likely_mentor=rules.likely_mentor_kind(record.membership.roles),
        error=error,
    )


# --- one's own request --------------------------------------------------------------------------------------------


@blueprint.route("/courses/<int:course_id>/my-request", methods=["GET", "POST"])
@access.needs(Permission.ASK_FOR_MENTOR)
def my_request() -> Any:
    """What the viewer wants a mentor for: shown, and kept when sent."""
    viewer, session, day = access.viewer(), db.session(), pages.local_today()
    found = asking.own_asking(session, viewer, day)
    form = AskForm.of(found, request.form if request.method == "POST" else None)
    if request.method == "GET":
        return render_template("people/ask.html", asking=found, form=form)
    if not form.is_valid():
        return render_template("people/ask.html", asking=found, form=form), 422
    try:
        with db.transaction() as session:
            asking.ask(
                session,
                viewer,
                day,
                form_id=form.wanted_form_id,
                topics=form.topics.data or [],
                text=form.request.data or "",
            )
    except PeopleError as error:
        at_field = error.field in form
        if at_field:
            form[error.field].errors = [error.text]
        found = asking.own_asking(db.session(), viewer, day)
        page = render_template("people/ask.html", asking=found, form=form, error=None if at_field else error)
        return page, 422
    flash(_("Your request is with the curator. You can change it until a mentor is proposed."))
    return redirect(url_for("entrance.home"), 303)


@blueprint.post("/courses/<int:course_id>/my-request/take-back")
@access.needs(Permission.ASK_FOR_MENTOR)
def take_back_request() -> Any:
    """Forget what the viewer asked for."""
    try:
        with db.transaction() as session:
            asking.take_back(session, access.viewer(), pages.local_today())
    except PeopleError as error:
        flash(error.text, "warning")
    else:
        flash(_("Your request is taken back."))
    return redirect(url_for("entrance.home"), 303)


# --- sync ---------------------------------------------------------------------------------------------------------


@blueprint.get("/courses/<int:course_id>/sync/")
@access.needs(Permission.RUN_SYNC)
def sync() -> Any:
    """How the course's people come from Moodle: when they last did, how it goes now, and what it changed."""
    session, course_id = db.session(), access.viewer().course_id
    runs = service.runs(session, course_id, RUNS_SHOWN)
    return render_template(
        "people/sync.html",
        course=service.course(session, course_id),
        runs=runs,
        run=runs[0] if runs else None,
        names=service.names_of(session, [run.requested_by for run in runs if run.requested_by]),
        states=RunState,
        is_open=bool(runs) and runs[0].state in OPEN,
    )


@blueprint.post("/courses/<int:course_id>/sync/")
@access.needs(Permission.RUN_SYNC)
def start_sync() -> Any:
    """Start a sync, unless one is under way, and show how it goes."""
    viewer = access.viewer()
    with db.transaction() as session:
        run, is_new = service.open_sync(session, viewer.course_id, viewer.person_id)
    if is_new:
        tasks.sync_enrolments(run.id)
    return redirect(url_for("people.sync"), 303)


@blueprint.get("/courses/<int:course_id>/sync/status")
@access.needs(Permission.RUN_SYNC)
def sync_status() -> Any:
    """The part of the page that says how the newest run goes; a script asks for it each second."""
    runs = service.runs(db.session(), access.viewer().course_id, 1)
    return render_template(
        "people/_run.html", run=runs[0] if runs else None, is_open=bool(runs) and runs[0].state in OPEN
    )


@pages.home_section(70)
def home(session: Session, viewer: Viewer) -> Markup | None:
    """For those who may sync: when the people last came from Moodle, and what to do when they never did."""
    if not viewer.may(Permission.RUN_SYNC):
        return None
    runs = service.runs(session, viewer.course_id, 1)
    return pages.part(
        "people/_home.html",
        course=service.course(session, viewer.course_id),
        run=runs[0] if runs else None,
        is_open=bool(runs) and runs[0].state in OPEN,
    )


# --- steps that several of the above share ------------------------------------------------------------------------


def _desk(session: Session) -> Desk:
    viewer = access.viewer()
    return service.desk(
        session,
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        actor_id=viewer.person_id,
        day=pages.local_today(),
    )


def _cycle(session: Session, viewer: Viewer) -> Cycle | None:
    return programme.find_cycle(session, viewer.platform_id, pages.local_today())


def _cycle_id(session: Session, viewer: Viewer) -> int | None:
    cycle = _cycle(session, viewer)
    return cycle.id if cycle else None


def _address_of(endpoint: str, look: lists.Look) -> Any:
    """A function for templates: this list's address with some of its look changed, on its first page again."""

    def address(**changes: Any) -> str:
        extra = {name: changes.pop(name) for name in ("select",) if name in changes}
        return url_for(endpoint, **look.query(**{"page": 1, **changes}), **extra)

    return address


def _list_address(endpoint: str) -> str:
    """Back to the list as it was looked at."""
    if endpoint == "people.mentees":
        look = read_look(request.args, MenteeState, MenteeKind, MENTEE_SORTS)
    else:
        look = read_look(request.args, MentorState, MentorKind, MENTOR_SORTS)
    return url_for(endpoint, **look.query())


def _offered(moves: Mapping[Any, Mapping[Any, Any]], state: Any, known: Iterable[Any]) -> list[Any]:
    """Actions that the table allows in a state; all of them where people of any state are shown together."""
    return [action for action in known if state is None or action in moves[state]]


def _tell(action: str | None, outcome: Outcome, endpoint: str) -> None:
    """Let the list that follows say what was done with how many people, and who stayed as they were."""
    if outcome.done:
        flash(_done(action, outcome.done))
    elif outcome.same:
        flash(_("Nothing to change: it is so already."))
    if outcome.refused:
        # Their ids only: this goes through a cookie, and no cookie carries a name.
        carried[f"left:{endpoint}"] = [[found.id for found in outcome.refused[:NAMED]], len(outcome.refused)]


def _left(session: Session, cycle: Cycle | None, endpoint: str, base: type[B], states: Mapping[Any, Any]) -> str:
    """Who stayed as they were at the change that led here, said once; empty: nobody."""
    ids, count = carried.pop(f"left:{endpoint}", ([], 0))
    left = service.in_base(session, access.viewer().course_id, cycle.id, base, ids) if cycle else []
    if not left:
        return ""
    named = ", ".join(f"{found.person.name} ({states[found.state]})" for found in left)
    more = count - len(left)
    if more > 0:
        named += " " + ngettext("and %(num)d more", "and %(num)d more", more)
    return _("Left as they are: %(names)s.", names=named)


def _done(action: str | None, count: int) -> str:
    match action:
        case MenteeAction.NEED:
            return ngettext("%(num)d person needs a mentor.", "%(num)d people need a mentor.", count)
        case MentorAction.ACCEPT:
            return ngettext("%(num)d mentor is in the base.", "%(num)d mentors are in the base.", count)
        case "return":
            return ngettext("%(num)d person is a candidate again.", "%(num)d people are candidates again.", count)
        case "withdraw":
            return ngettext("%(num)d person does not take part.", "%(num)d people do not take part.", count)
        case _:
            return ngettext(
                "%(num)d person is a candidate in the base of mentors.",
                "%(num)d people are candidates in the base of mentors.",
                count,
            )
