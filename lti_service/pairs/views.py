"""Pages of pairs: the board, a new pair, the page of one pair, and the parts of people's home pages."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.sansio.blueprints import BlueprintSetupState
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from markupsafe import Markup
from sqlalchemy.orm import Session

from lti_service import access, db, looks, pages
from lti_service.access import Permission, Role, Viewer
from lti_service.errors import DomainError
from lti_service.pairs import board, candidates, cards, errors, labels, persons, rules, service, turn
from lti_service.pairs.board import Column
from lti_service.pairs.forms import Choice, read_action, read_choice, read_column, read_filters, read_id, read_ids
from lti_service.pairs.models import PairState
from lti_service.pairs.persons import PersonPairs
from lti_service.pairs.rules import Action, Decision
from lti_service.pairs.work.rules import Looking
from lti_service.people import cycles
from lti_service.people.errors import NobodyChosenError
from lti_service.people.kinds import placing
from lti_service.people.kinds.rules import Kinds
from lti_service.programme.service import school_year

blueprint = Blueprint("pairs", __name__)

pages.add_nav(30, "pairs.show_board", _l("Pairs"), Permission.SEE_COURSE_PAIRS)

ADDRESS = ("year", "column", "form", "group", "department", "name")
"""What the board's address carries from one look to the next; nothing else in it is taken over."""

COLUMNS: dict[Column, Any] = {
    Column.NEEDS: _l("Need a mentor"),
    Column.PROPOSED: _l("Proposed pairs"),
    Column.AGREED: _l("Agreed pairs"),
    Column.ACTIVE: _l("Active pairs"),
    Column.FINISHED: _l("Finished pairs"),
    Column.FORMED: _l("Formed: active and finished"),
    Column.CLOSED: _l("Declined, cancelled, ended early"),
    Column.NO_CONSENT: _l("Open pairs in which somebody has no consent"),
}
EMPTY_COLUMNS: dict[Column, Any] = {
    Column.NEEDS: _l("Nobody is waiting for a mentor."),
    Column.PROPOSED: _l("No proposal is waiting for an answer."),
    Column.AGREED: _l("No agreed pair is waiting to be started."),
    Column.ACTIVE: _l("No pair is active yet."),
    Column.FINISHED: _l("No pair is finished yet."),
    Column.FORMED: _l("No pair is formed yet."),
    Column.CLOSED: _l("There is no such pair."),
    Column.NO_CONSENT: _l("Everybody in an open pair has a consent."),
}


@blueprint.record
def give_words(state: BlueprintSetupState) -> None:
    """Let the wing's templates, and the macros that they import, know its words."""
    state.app.jinja_env.globals["pair_labels"] = labels


# --- the board ----------------------------------------------------------------------------------------------------


@blueprint.get("/courses/<int:course_id>/pairs/")
@access.needs(Permission.SEE_COURSE_PAIRS)
def show_board() -> Any:
    """The pairs of the course: as a board for curators, read only for its teachers."""
    viewer = access.viewer()
    is_curator = viewer.may(Permission.MANAGE_PAIRS)
    filters = read_filters(request.args)
    column = read_column(request.args)
    shown = board.look(
        db.session(),
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        moment=pages.local_now(),
        looking=Looking(viewer.person_id, is_curator=is_curator, sees_course=True),
        filters=filters,
        column=column,
        page=read_id(request.args, "page") or 1,
        year=read_id(request.args, "year"),
    )

    def address(**changes: Any) -> str:
        """This page's address with some of its parameters changed; empty ones and the page number drop out."""
        values = {name: request.args.get(name) for name in ADDRESS} | changes
        return url_for("pairs.show_board", **{name: value for name, value in values.items() if value})

    return render_template(
        "pairs/board.html",
        board=shown,
        numbers=shown.numbers,
        filters=filters,
        column=column,
        titles=COLUMNS,
        empty_columns=EMPTY_COLUMNS,
        on_board=board.ON_BOARD,
        is_curator=is_curator,
        address=address,
    )


# --- a new pair ---------------------------------------------------------------------------------------------------


@blueprint.get("/courses/<int:course_id>/pairs/new")
@access.needs(Permission.MANAGE_PAIRS)
def new_pair() -> Any:
    """Choose a form, then a mentor and mentees; the address carries what has been chosen so far."""
    viewer = access.viewer()
    choice = read_choice(request.args)
    if choice.form_id is None and choice.mentee_ids and "change" not in request.args:
        wanted = candidates.wanted_form(
            db.session(), platform_id=viewer.platform_id, day=pages.local_today(), mentee_id=choice.mentee_ids[0]
        )
        choice = replace(choice, form_id=wanted)
    return _choose_form(choice) if choice.form_id is None else _choose_people(choice, choice.form_id)


@blueprint.post("/courses/<int:course_id>/pairs/new")
@access.needs(Permission.MANAGE_PAIRS)
def propose_pair() -> Any:
    """Propose the pair, or show the page again with what was chosen and the message at its field."""
    viewer = access.viewer()
    choice = read_choice(request.form)
    if choice.form_id is None:
        error: errors.PairError = errors.UnknownFormError()
        return _choose_form(choice, error), error.status
    try:
        if choice.mentor_id is None:
            raise errors.UnknownMentorError
        with db.transaction() as session:
            pair = service.propose(
                session,
                platform_id=viewer.platform_id,
                course_id=viewer.course_id,
                day=pages.local_today(),
                form_id=choice.form_id,
                mentor_id=choice.mentor_id,
                mentee_ids=choice.mentee_ids,
                proposed_by=viewer.person_id,
            )
    except (errors.UnknownFormError, errors.NoCycleError) as error:
        return _choose_form(choice, error), error.status
    except errors.PairError as error:
        return _choose_people(choice, choice.form_id, error), error.status
    flash(
        ngettext(
            "Proposed. The mentor sees the proposal on their page and agrees or declines.",
            "Proposed for a group of %(num)d. The mentor sees the proposal on their page and agrees or declines.",
            len(choice.mentee_ids),
        )
    )
    return redirect(url_for("pairs.show_pair", pair_id=pair.id), 303)


def _choose_form(choice: Choice, error: errors.PairError | None = None) -> str:
    viewer = access.viewer()
    forms = candidates.forms_to_choose(
        db.session(),
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        day=pages.local_today(),
        mentee_id=choice.mentee_ids[0] if choice.mentee_ids else None,
    )
    return render_template("pairs/choose_form.html", forms=forms, choice=choice, error=error)


def _choose_people(choice: Choice, form_id: int, error: errors.PairError | None = None) -> str:
    viewer = access.viewer()
    selection = candidates.select_for(
        db.session(),
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        day=pages.local_today(),
        form_id=form_id,
        mentor_name=choice.mentor_name,
        mentor_id=choice.mentor_id,
        filters=choice.mentees,
        mentee_ids=choice.mentee_ids,
    )
    return render_template("pairs/choose_people.html", selection=selection, choice=choice, error=error)


# --- one pair -----------------------------------------------------------------------------------------------------


@blueprint.get("/courses/<int:course_id>/pairs/<int:pair_id>/")
@access.needs(Permission.SEE_HOME)
def show_pair(pair_id: int) -> Any:
    """A pair, as far as it is the viewer's to see, with what they may do with it."""
    return _pair_page(pair_id, read_action(request.args))


@blueprint.post("/courses/<int:course_id>/pairs/<int:pair_id>/<any(agree,decline,cancel,start,finish,end_early):move>")
@access.needs(Permission.ANSWER_PROPOSAL)
def move_pair(pair_id: int, move: str) -> Any:
    """Do something with a pair; whose move it is, the service knows."""
    viewer = access.viewer()
    action = Action(move)
    reason = request.form.get("reason", "").replace("\0", "")
    try:
        with db.transaction() as session:
            service.move(
                session,
                pair_id,
                action,
                reason,
                course_id=viewer.course_id,
                actor_id=viewer.person_id,
                day=pages.local_today(),
                is_curator=viewer.may(Permission.MANAGE_PAIRS),
            )
    except (
        errors.ReasonNeededError,
        errors.ReasonTooLongError,
        errors.UnknownMoveError,
        errors.ConsentMissingError,
        errors.MentorNotHereError,
        errors.MenteeNotHereError,
    ) as error:
        return _pair_page(pair_id, action, reason, error), error.status
    flash(str(labels.DONE[action]))
    return redirect(url_for("pairs.show_pair", pair_id=pair_id), 303)


def _pair_page(pair_id: int, action: Action | None, reason: str = "", error: errors.PairError | None = None) -> str:
    viewer = access.viewer()
    page = cards.pair_page(
        db.session(),
        pair_id,
        course_id=viewer.course_id,
        person_id=viewer.person_id,
        is_curator=viewer.may(Permission.MANAGE_PAIRS),
        sees_course=viewer.may(Permission.SEE_COURSE_PAIRS),
        moment=pages.local_now(),
    )
    return render_template(
        "pairs/pair.html",
        page=page,
        pair=page.card,
        asked=action if action in page.actions and action in labels.CONFIRMATIONS else None,
        reason=reason,
        error=error,
        rules=rules,
        sees_board=viewer.may(Permission.SEE_COURSE_PAIRS),
    )


# --- one person ---------------------------------------------------------------------------------------------------


@blueprint.get("/courses/<int:course_id>/pairs/of/<int(max=2147483647):person_id>/")
@access.needs(Permission.SEE_HOME)
def of_person(person_id: int) -> Any:
    """A person's pairs in this course."""
    viewer = access.viewer()
    found = _pairs_of(person_id)
    # Each pair is shown whole: whoever is in it with the person is looked at too.
    looks.note(side.person_id for pair in found.pairs for side in (pair.mentor, *pair.mentees))
    return render_template("pairs/of_person.html", person=found, sees_board=viewer.may(Permission.SEE_COURSE_PAIRS))


@blueprint.get("/courses/<int:course_id>/pairs/of/<int(max=2147483647):person_id>/plan")
@access.needs(Permission.SEE_HOME)
def plan_of_person(person_id: int) -> Any:
    """Lead to the plan of a person's one open pair in this course; to all of their pairs where it is not one."""
    at_work = [pair.id for pair in _pairs_of(person_id).pairs if pair.state in rules.OPEN and pair.work is not None]
    if len(at_work) == 1:
        return redirect(url_for("pairs.show_pair", pair_id=at_work[0], _anchor="plan"), 303)
    return redirect(url_for("pairs.of_person", person_id=person_id), 303)


def _pairs_of(person_id: int) -> PersonPairs:
    viewer = access.viewer()
    return persons.pairs_of(
        db.session(),
        person_id,
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        viewer_id=viewer.person_id,
        sees_course=viewer.may(Permission.SEE_COURSE_PAIRS),
        is_curator=viewer.may(Permission.MANAGE_PAIRS),
        moment=pages.local_now(),
    )


# --- the turn of the year -----------------------------------------------------------------------------------------


@blueprint.get("/courses/<int:course_id>/year/")
@access.needs(Permission.MANAGE_PAIRS)
def show_turn() -> Any:
    """What is left open from the years before, and who may become a mentor now."""
    return _turn_page()


@blueprint.post("/courses/<int:course_id>/year/open")
@access.needs(Permission.MANAGE_PAIRS)
def open_year() -> Any:
    """Open the school year of today, with last year's mentors in its base and the mentees who had none."""
    viewer = access.viewer()
    with db.transaction() as session:
        carried = turn.open_year(session, viewer, pages.local_today())
    flash(_("The school year is open."))
    if carried:
        flash(
            ngettext(
                "%(num)d mentee who had no mentor came along.", "%(num)d mentees who had no mentor came along.", carried
            )
        )
    return redirect(url_for("pairs.show_turn"), 303)


@blueprint.post("/courses/<int:course_id>/year/pairs")
@access.needs(Permission.MANAGE_PAIRS)
def decide_pairs() -> Any:
    """Finish or continue the chosen pairs, or all that the page shows."""
    viewer = access.viewer()
    decision = request.form.get("decision", type=Decision)
    pair_ids = read_ids(request.form, "pairs")
    if decision is None or not pair_ids:
        return _turn_page(problem=_("Choose at least one pair.")), 422
    with db.transaction() as session:
        outcome = turn.decide(session, viewer, pages.local_today(), pair_ids, decision)
    if outcome.done:
        flash(labels.turned(decision, outcome.done))
    if outcome.refused:
        return _turn_page(refused=outcome.refused), 409
    return redirect(url_for("pairs.show_turn"), 303)


@blueprint.post("/courses/<int:course_id>/year/offers")
@access.needs(Permission.MANAGE_PAIRS)
def offer_mentoring() -> Any:
    """Offer mentees who have finished to become mentors."""
    with db.transaction() as session:
        chosen = read_ids(request.form, "mentees")
        try:
            count = cycles.offer_mentoring(session, access.viewer(), pages.local_today(), chosen)
        except NobodyChosenError as error:
            return _turn_page(problem=error.text), 422
    flash(ngettext("Offered to %(num)d person.", "Offered to %(num)d people.", count))
    return redirect(url_for("pairs.show_turn"), 303)


@blueprint.post("/courses/<int:course_id>/year/no-thanks")
@access.needs(Permission.SEE_HOME)
def decline_offer() -> Any:
    """The viewer does not want to become a mentor now."""
    with db.transaction() as session:
        cycles.decline_offer(session, access.viewer())
    flash(_("All right. If you change your mind, the link “I want to be a mentor” is on this page."))
    return redirect(url_for("entrance.home"), 303)


def _turn_page(*, refused: Mapping[int, DomainError] | None = None, problem: str = "") -> str:
    shown = turn.overview(db.session(), access.viewer(), pages.local_today())
    return render_template("pairs/turn.html", turn=shown, refused=refused or {}, problem=problem)


# --- parts of home pages ------------------------------------------------------------------------------------------


@pages.home_section(15)
def curator_part(session: Session, viewer: Viewer) -> Markup | None:
    """The numbers that matter, and the way to the board."""
    if not viewer.may(Permission.MANAGE_PAIRS):
        return None
    numbers = board.numbers(session, viewer.platform_id, viewer.course_id, pages.local_today())
    left_open = turn.left_open(session, viewer.course_id, school_year(pages.local_today()))
    return pages.part("pairs/home_curator.html", numbers=numbers, left_open=left_open)


NO_MENTEE = cards.MenteeHome()
"""Of somebody who may be a mentee and is in no base."""


@pages.home_section(20)
def own_part(session: Session, viewer: Viewer) -> Markup | None:
    """A mentor's own mentees, with the proposals to answer first; a mentee's own mentor, or where the search is."""
    own = cards.own_homes(session, viewer.platform_id, viewer.person_id, pages.local_now())
    mentor, mentee = own.mentor, own.mentee
    settled = mentor and mentee and not mentee.is_left
    kinds = Kinds() if settled else placing.of_person(session, viewer.person_id, pages.local_today())
    if mentor and mentee and mentee.is_left and kinds.mentee is None:
        # A tutor whom the roster had called a student: no mentor is found for them, and they need not ask for one.
        mentee = None
    if mentee is None and kinds.mentee is not None:
        mentee = NO_MENTEE
    may_offer = mentor is None and kinds.mentor is not None
    if not (mentor or mentee or may_offer):
        return None
    shown = {"may_ask": viewer.may(Permission.ASK_FOR_MENTOR), "may_offer": may_offer}
    if mentor is None and mentee in (None, NO_MENTEE) and not own.is_offered:
        # Most who come: nothing on it is theirs alone.
        return pages.kept_part("pairs/home_own.html", mentee=mentee, **shown)
    return pages.part("pairs/home_own.html", mentor=mentor, mentee=mentee, is_offered=own.is_offered, **shown)


@pages.home_section(30)
def teacher_part(session: Session, viewer: Viewer) -> Markup | None:
    """How many pairs the course has, for its teachers; curators have the board's numbers."""
    if Role.TEACHER not in viewer.roles or viewer.may(Permission.MANAGE_PAIRS):
        return None
    counts = board.pair_counts(session, viewer.platform_id, viewer.course_id, pages.local_today())
    total = sum(count for state, count in counts.items() if state in rules.OPEN | rules.FORMED)
    return pages.part("pairs/home_teacher.html", total=total, active=counts.get(PairState.ACTIVE, 0))
