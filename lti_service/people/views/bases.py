"""The lists of the two bases."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask import session as carried
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy.orm import Session

from lti_service import access, db, pages, sheets
from lti_service.access import Permission, Viewer
from lti_service.people import exports, labels, lists, rules, service
from lti_service.people.consents import service as consents
from lti_service.people.consents.service import Stand
from lti_service.people.errors import PeopleError
from lti_service.people.forms import read_choice, read_id, read_ids, read_look
from lti_service.people.kinds import placing
from lti_service.people.models import Mentee, MenteeState, Mentor, MentorState
from lti_service.people.rules import MenteeAction, MentorAction
from lti_service.people.selection.models import Decision
from lti_service.people.service import B, Outcome
from lti_service.people.training import service as training
from lti_service.people.training.rules import Standing, TrainingState
from lti_service.people.views.room import blueprint, cycle_of, desk, offered
from lti_service.programme.models import Cycle, MenteeKind, MentorKind

pages.add_nav(20, "people.mentees", _l("Mentees"), Permission.MANAGE_BASE)
pages.add_nav(21, "people.mentors", _l("Mentors"), Permission.MANAGE_BASE)

MENTEE_SORTS = ("name", "group", "kind", "state")
MENTOR_SORTS = ("name", "group", "kind", "capacity", "training", "state")
NAMED = 5
"""How many people a message names before it says how many more there are."""
MAKE_MENTORS = "make_mentors"


@blueprint.get("/courses/<int:course_id>/base/")
@access.needs(Permission.MANAGE_BASE)
def mentees() -> Any:
    """Who needs or may need a mentor, as filtered and sorted by the address."""
    return _mentees_page()


@blueprint.post("/courses/<int:course_id>/base/")
@access.needs(Permission.MANAGE_BASE)
def change_mentees() -> Any:
    """Do one thing with those who are ticked; the address keeps what the list showed."""
    look = read_look(request.args, MenteeState, MenteeKind, MENTEE_SORTS, pages.local_today())
    ticked, mark = read_ids(request.form, "chosen"), request.form.get("everyone", "")
    wanted_form_id = read_id(request.form, "wanted_form")
    makes_mentors = request.form.get("action") == MAKE_MENTORS
    action = read_choice(request.form, "action", MenteeAction)
    if not makes_mentors and (action is None or action not in rules.CURATOR_ACTIONS):
        return redirect(list_address("people.mentees"), 303)
    try:
        with db.transaction() as session:
            at = desk(session)
            chosen = lists.chosen(session, Mentee, at.cycle_id, at.course_id, look, ticked, mark)
            if action is None:
                outcome = service.make_mentors(session, at, chosen, pages.local_today())
            else:
                form_id = wanted_form_id if action is MenteeAction.NEED else None
                # Of everybody of a filter the curator sees one page: whoever does not fit is left and told of.
                outcome = service.move_mentees(session, at, chosen, action, form_id, leaves_misfits=bool(mark))
    except PeopleError as error:
        return _mentees_page(error, ticked, wanted_form_id), error.status
    tell(MAKE_MENTORS if makes_mentors else action, outcome, "people.mentees")
    return redirect(list_address("people.mentees"), 303)


def _mentees_page(error: PeopleError | None = None, chosen: Iterable[int] = (), form_id: int | None = None) -> str:
    viewer, session = access.viewer(), db.session()
    look = read_look(request.args, MenteeState, MenteeKind, MENTEE_SORTS, pages.local_today())
    cycle = cycle_of(session, viewer)
    listing = lists.list_mentees(session, cycle.id, viewer.course_id, look) if cycle else None
    stands = _stands(session, listing.lines) if listing else {}
    everyone = lists.everyone(session, Mentee, cycle.id, viewer.course_id, look) if cycle and _wants_all() else None
    state = MenteeState(look.state) if look.state else None
    return render_template(
        "people/mentees.html",
        cycle=cycle,
        look=look,
        listing=listing,
        stands=stands,
        actions=offered(rules.MENTEE_MOVES, state, rules.CURATOR_ACTIONS),
        forms=service.forms_for(cycle),
        specialties=lists.specialties_of(session, cycle.id, viewer.course_id) if cycle else [],
        wanted_forms=cycle.programme.forms if cycle else [],
        unchosen=lists.UNCHOSEN,
        years=_years(session, viewer, listing.lines if listing else []),
        error=error,
        left=_left(session, cycle, "people.mentees", Mentee, look),
        chosen=set(chosen),
        all_chosen=request.args.get("select") == "page" and not error,
        everyone=everyone,
        chosen_form_id=form_id,
        make_mentors=MAKE_MENTORS,
        address=look.addresses("people.mentees"),
    )


@blueprint.get("/courses/<int:course_id>/base/mentees.<any(xlsx,csv):ending>")
@access.needs(Permission.MANAGE_BASE)
def export_mentees(ending: str) -> Response:
    """Everybody whom the list shows with these filters, as a file; who has special needs no file tells, so that filter
    leaves nobody out of one."""
    look = read_look(request.args, MenteeState, MenteeKind, MENTEE_SORTS, pages.local_today())
    look = replace(look, special=False)
    with db.transaction() as session:
        at = desk(session)
        lines = lists.all_mentees(session, at.cycle_id, at.course_id, look)
        service.record_export(session, at, "mentees", len(lines), look.told)
        years = _years(session, access.viewer(), lines)
        return sheets.download(exports.mentees(lines, _stands(session, lines), years), sheets.Kind(ending))


@blueprint.get("/courses/<int:course_id>/base/mentors/")
@access.needs(Permission.MANAGE_BASE)
def mentors() -> Any:
    """Who is or may become a mentor, as filtered and sorted by the address."""
    return _mentors_page()


@blueprint.post("/courses/<int:course_id>/base/mentors/")
@access.needs(Permission.MANAGE_BASE)
def change_mentors() -> Any:
    """Do one thing with those who are ticked."""
    look = mentors_look()
    ticked, mark = read_ids(request.form, "chosen"), request.form.get("everyone", "")
    action = read_choice(request.form, "action", MentorAction)
    if action not in rules.PLAIN_ACTIONS:
        return redirect(list_address("people.mentors"), 303)
    try:
        with db.transaction() as session:
            at = desk(session)
            chosen = lists.chosen(session, Mentor, at.cycle_id, at.course_id, look, ticked, mark)
            outcome = service.move_mentors(session, at, chosen, action)
    except PeopleError as error:
        return _mentors_page(error, ticked), error.status
    tell(action, outcome, "people.mentors")
    return redirect(list_address("people.mentors"), 303)


def _mentors_page(error: PeopleError | None = None, chosen: Iterable[int] = ()) -> str:
    viewer, session = access.viewer(), db.session()
    look = mentors_look()
    cycle = cycle_of(session, viewer)
    state = MentorState(look.state) if look.state else None
    listing = lists.list_mentors(session, cycle.id, viewer.course_id, look) if cycle else None
    everyone = lists.everyone(session, Mentor, cycle.id, viewer.course_id, look) if cycle and _wants_all() else None
    return render_template(
        "people/mentors.html",
        cycle=cycle,
        look=look,
        listing=listing,
        standings=_standings(session, listing.lines if listing else []),
        stands=_stands(session, listing.lines) if listing else {},
        training_states=TrainingState,
        actions=offered(rules.MENTOR_MOVES, state, rules.PLAIN_ACTIONS),
        may_decide=state is None or any(action in rules.MENTOR_MOVES[state] for action in rules.DECISIONS),
        forms=service.forms_for(cycle),
        employers=lists.employers_of(session, cycle.id, viewer.course_id) if cycle else [],
        error=error,
        left=_left(session, cycle, "people.mentors", Mentor, look),
        chosen=set(chosen),
        all_chosen=request.args.get("select") == "page" and not error,
        everyone=everyone,
        address=look.addresses("people.mentors"),
    )


@blueprint.get("/courses/<int:course_id>/base/mentors.<any(xlsx,csv):ending>")
@access.needs(Permission.MANAGE_BASE)
def export_mentors(ending: str) -> Response:
    """Everybody whom the list shows with these filters, as a file."""
    look = mentors_look()
    with db.transaction() as session:
        at = desk(session)
        lines = lists.all_mentors(session, at.cycle_id, at.course_id, look)
        service.record_export(session, at, "mentors", len(lines), look.told)
        return sheets.download(
            exports.mentors(lines, _standings(session, lines), _stands(session, lines)), sheets.Kind(ending)
        )


def _standings(session: Session, lines: Iterable[lists.Line[Mentor]]) -> dict[int, Standing]:
    return training.standings(session, [line.record.person_id for line in lines], pages.local_today())


def _stands(session: Session, lines: Iterable[lists.Line[Any]]) -> dict[int, Stand]:
    """How people of a list stand with their consents, by their ids."""
    return consents.stands(session, [line.record.person_id for line in lines], pages.local_today())


def _wants_all() -> bool:
    """Whether everybody of the filter is chosen: the address says so, or a change of them is shown again."""
    return request.args.get("select") == "all" or bool(request.form.get("everyone"))


def mentors_look() -> lists.Look:
    """How the list of mentors is looked at, by the address."""
    return read_look(request.args, MentorState, MentorKind, MENTOR_SORTS, pages.local_today())


def _years(session: Session, viewer: Viewer, lines: Iterable[lists.Line[Mentee]]) -> dict[int, int | None]:
    """Years of study of mentees by their persons' ids; none: nobody tells it."""
    told = {line.record.person_id: (line.record.person.study_year, line.groups) for line in lines}
    return placing.study_years(session, viewer.platform_id, told, pages.local_today())


def list_address(endpoint: str) -> str:
    """Back to the list as it was looked at."""
    if endpoint == "people.mentees":
        look = read_look(request.args, MenteeState, MenteeKind, MENTEE_SORTS, pages.local_today())
    else:
        look = mentors_look()
    return url_for(endpoint, **look.query())


def tell(action: str | None, outcome: Outcome, endpoint: str) -> None:
    """Let the list that follows say what was done with how many people, and who stayed as they were."""
    if outcome.done:
        flash(_done(action, outcome.done))
        if outcome.same:
            flash(ngettext("%(num)d person was so already.", "%(num)d people were so already.", outcome.same))
    elif outcome.same:
        flash(_("Nothing to change: it is so already."))
    if left := [*outcome.refused, *outcome.misfits]:
        # Their ids only: this goes through a cookie, and no cookie carries a name.
        carried[f"stayed:{endpoint}"] = {
            "ids": [found.id for found in left[:NAMED]],
            "states": Counter(found.state.value for found in outcome.refused),
            "misfits": len(outcome.misfits),
        }


@dataclass(frozen=True, slots=True)
class Left:
    """Who stayed as they were at a change of several."""

    sentence: str
    """Some of them by name."""
    reasons: list[tuple[str, int, str]]
    """Why, how many, and the address of the list that shows them (empty: there is none); when some are not named."""


def _left(session: Session, cycle: Cycle | None, endpoint: str, base: type[B], look: lists.Look) -> Left | None:
    """Who stayed as they were at the change that led here, said once; none: nobody."""
    told = carried.pop(f"stayed:{endpoint}", {"ids": [], "states": {}, "misfits": 0})
    found = service.in_base(session, access.viewer().course_id, cycle.id, base, told["ids"]) if cycle else []
    if not found:
        return None
    states: Mapping[Any, Any] = labels.MENTEE_STATES if base is Mentee else labels.MENTOR_STATES
    named = ", ".join(f"{one.person.name} ({states[one.state]})" for one in found)
    more = sum(told["states"].values()) + told["misfits"] - len(found)
    if more <= 0:
        return Left(_("Left as they are: %(names)s.", names=named), [])
    named += " " + ngettext("and %(num)d more", "and %(num)d more", more)
    reasons = [
        (str(states[state]), told["states"][state], url_for(endpoint, **look.query(state=state, page=1)))
        for state in map(str, states)
        if state in told["states"]
    ]
    if told["misfits"]:
        reasons.append((_("The form of mentoring is not meant for them"), told["misfits"], ""))
    return Left(_("Left as they are: %(names)s.", names=named), reasons)


def _done(action: str | None, count: int) -> str:
    match action:
        case Decision.ACCEPTED:
            return ngettext("%(num)d person is selected.", "%(num)d people are selected.", count)
        case Decision.TURNED_DOWN:
            return ngettext("%(num)d person is not selected.", "%(num)d people are not selected.", count)
        case Decision.POSTPONED:
            return ngettext(
                "The decision on %(num)d person is postponed.", "The decision on %(num)d people is postponed.", count
            )
        case Decision.ADMITTED:
            return ngettext(
                "%(num)d mentor is ready without training.", "%(num)d mentors are ready without training.", count
            )
        case MentorAction.TRAIN:
            return ngettext(
                "The training of %(num)d mentor is recorded.", "The training of %(num)d mentors is recorded.", count
            )
        case MenteeAction.NEED:
            return ngettext("%(num)d person needs a mentor.", "%(num)d people need a mentor.", count)
        case MenteeAction.GIVE_UP:
            return ngettext("%(num)d person has no pair for now.", "%(num)d people have no pair for now.", count)
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
