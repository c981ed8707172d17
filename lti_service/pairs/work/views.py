"""Pages of a pair's work: its goal, the items of its plan, its meetings; the pair's own page shows them together."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.sansio.blueprints import BlueprintSetupState
from flask_babel import gettext as _

from lti_service import access, db, pages
from lti_service.access import Permission
from lti_service.pairs.forms import read_id
from lti_service.pairs.work import labels, meetings, plan, rules, shown
from lti_service.pairs.work.errors import WorkError
from lti_service.pairs.work.forms import ItemDraft, MeetingDraft, read_text
from lti_service.pairs.work.models import MeetingState
from lti_service.pairs.work.rules import Act
from lti_service.pairs.work.shown import Work
from lti_service.pairs.work.taking_part import Actor, take_part

blueprint = Blueprint("work", __name__)

PAIR = "/courses/<int:course_id>/pairs/<int(max=2147483647):pair_id>/"
ITEM = PAIR + "plan/<int(max=2147483647):item_id>/"
MEETING = PAIR + "meetings/<int(max=2147483647):meeting_id>/"


@blueprint.record
def give_words(state: BlueprintSetupState) -> None:
    """Let templates of the whole wing show the work of a pair."""
    state.app.jinja_env.globals |= {"work_labels": labels, "work_rules": rules, "work_link": link}


def link(work: Work, name: str, guest: bool = False, **values: Any) -> str:
    """The address of something to be done in a pair's work, by the name of its view; guests have their own."""
    endpoint = f"pairs.guest_{name}" if guest else f"work.{name}"
    return url_for(endpoint, course_id=work.course_id, pair_id=work.pair_id, **values)


def actor() -> Actor:
    """Who asks, as the services take it."""
    viewer = access.viewer()
    return Actor(
        person_id=viewer.person_id,
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        moment=pages.local_now(),
        is_curator=viewer.may(Permission.MANAGE_PAIRS),
        is_guest=viewer.may(Permission.SEE_GUEST_HOME),
    )


# --- the plan -----------------------------------------------------------------------------------------------------


@blueprint.route(PAIR + "goal", methods=["GET", "POST"])
@access.needs(Permission.SEE_HOME)
def set_goal(pair_id: int) -> Any:
    """Say what both want to reach."""
    if request.method == "GET":
        hand = take_part(db.session(), actor(), pair_id, Act.SET_GOAL, lock=False)
        return render_template("pairs/work/goal.html", pair_id=pair_id, goal=hand.pair.goal)
    goal = read_text(request.form, "goal")
    try:
        with db.transaction() as session:
            plan.set_goal(session, actor(), pair_id, goal)
    except WorkError as error:
        _at_field(error)
        return render_template("pairs/work/goal.html", pair_id=pair_id, goal=goal, error=error), error.status
    flash(_("Saved."))
    return _back(pair_id, "plan")


@blueprint.route(PAIR + "plan/new", methods=["GET", "POST"])
@access.needs(Permission.SEE_HOME)
def add_item(pair_id: int) -> Any:
    """Put an item into the plan."""
    if request.method == "GET":
        return _item_page(pair_id, Act.ADD_ITEM, ItemDraft())
    draft = ItemDraft.sent(request.form)
    try:
        with db.transaction() as session:
            plan.add_item(session, actor(), pair_id, draft.facts())
    except WorkError as error:
        _at_field(error)
        return _item_page(pair_id, Act.ADD_ITEM, draft, error=error), error.status
    flash(_("Added to the plan."))
    return _back(pair_id, "plan")


@blueprint.route(ITEM, methods=["GET", "POST"])
@access.needs(Permission.SEE_HOME)
def change_item(pair_id: int, item_id: int) -> Any:
    """Say something else in an item."""
    if request.method == "GET":
        item = plan.item_of(db.session(), actor(), pair_id, item_id)
        return _item_page(pair_id, Act.CHANGE_ITEM, ItemDraft.of(item), item_id)
    draft = ItemDraft.sent(request.form)
    try:
        with db.transaction() as session:
            plan.change_item(session, actor(), pair_id, item_id, draft.facts())
    except WorkError as error:
        _at_field(error)
        return _item_page(pair_id, Act.CHANGE_ITEM, draft, item_id, error), error.status
    flash(_("Saved."))
    return _back(pair_id, "plan")


@blueprint.post(ITEM + "remove")
@access.needs(Permission.SEE_HOME)
def remove_item(pair_id: int, item_id: int) -> Any:
    """Take an item out of the plan."""
    with db.transaction() as session:
        plan.remove_item(session, actor(), pair_id, item_id)
    flash(_("Removed from the plan."))
    return _back(pair_id, "plan")


@blueprint.post(ITEM + "tick")
@access.needs(Permission.SEE_HOME)
def tick(pair_id: int, item_id: int) -> Any:
    """Say that an item is done, or that it is not."""
    with db.transaction() as session:
        plan.tick(session, actor(), pair_id, item_id, done=request.form.get("done") == "1")
    return _back(pair_id, "plan")


def _item_page(
    pair_id: int, act: Act, draft: ItemDraft, item_id: int | None = None, error: WorkError | None = None
) -> str:
    hand = take_part(db.session(), actor(), pair_id, act, lock=False)
    return render_template(
        "pairs/work/item.html",
        pair_id=pair_id,
        item_id=item_id,
        draft=draft,
        choices=shown.choices(hand.eyes),
        error=error,
    )


# --- the meetings -------------------------------------------------------------------------------------------------


@blueprint.route(PAIR + "meetings/held", methods=["GET", "POST"])
@access.needs(Permission.SEE_HOME)
def log_meeting(pair_id: int) -> Any:
    """Write down that the pair has met."""
    return _new_meeting(pair_id, MeetingState.HELD)


@blueprint.route(PAIR + "meetings/planned", methods=["GET", "POST"])
@access.needs(Permission.SEE_HOME)
def plan_meeting(pair_id: int) -> Any:
    """Plan a meeting, or propose one."""
    return _new_meeting(pair_id, MeetingState.PLANNED)


def _new_meeting(pair_id: int, state: MeetingState) -> Any:
    is_held = state is MeetingState.HELD
    act = Act.LOG_MEETING if is_held else Act.PLAN_MEETING
    if request.method == "GET":
        return _meeting_page(pair_id, act, state, MeetingDraft(day=pages.local_today().isoformat() if is_held else ""))
    draft = MeetingDraft.sent(request.form)
    try:
        with db.transaction() as session:
            (meetings.log if is_held else meetings.plan)(session, actor(), pair_id, draft.facts())
    except WorkError as error:
        _at_field(error)
        return _meeting_page(pair_id, act, state, draft, error=error), error.status
    flash(_("The meeting is written down.") if is_held else _("The meeting is planned; both of you see it."))
    return _back(pair_id, "meetings")


@blueprint.route(MEETING, methods=["GET", "POST"])
@access.needs(Permission.SEE_HOME)
def change_meeting(pair_id: int, meeting_id: int) -> Any:
    """Say something else of a meeting, or that a planned one was held so."""
    meeting = meetings.meeting_of(db.session(), actor(), pair_id, meeting_id)
    if request.method == "GET":
        return _meeting_page(pair_id, Act.CHANGE_MEETING, meeting.state, MeetingDraft.of(meeting), meeting_id)
    draft, state = MeetingDraft.sent(request.form), meeting.state
    try:
        with db.transaction() as session:
            held = request.form.get("do") == "held"
            meetings.change(session, actor(), pair_id, meeting_id, draft.facts(), held=held)
    except WorkError as error:
        _at_field(error)
        return _meeting_page(pair_id, Act.CHANGE_MEETING, state, draft, meeting_id, error), error.status
    flash(_("Saved."))
    return _back(pair_id, "meetings")


@blueprint.post(MEETING + "held")
@access.needs(Permission.SEE_HOME)
def hold_meeting(pair_id: int, meeting_id: int) -> Any:
    """Say that a planned meeting was held."""
    with db.transaction() as session:
        meetings.hold(session, actor(), pair_id, meeting_id)
    flash(_("The meeting is written down."))
    return _back(pair_id, "meetings")


@blueprint.post(MEETING + "remove")
@access.needs(Permission.SEE_HOME)
def remove_meeting(pair_id: int, meeting_id: int) -> Any:
    """Take a meeting back."""
    with db.transaction() as session:
        meetings.remove(session, actor(), pair_id, meeting_id)
    flash(_("The meeting is removed."))
    return _back(pair_id, "meetings")


def _meeting_page(
    pair_id: int,
    act: Act,
    state: MeetingState,
    draft: MeetingDraft,
    meeting_id: int | None = None,
    error: WorkError | None = None,
) -> str:
    hand = take_part(db.session(), actor(), pair_id, act, lock=False)
    return render_template(
        "pairs/work/meeting.html",
        pair_id=pair_id,
        meeting_id=meeting_id,
        is_held=state is MeetingState.HELD,
        draft=draft,
        choices=shown.choices(hand.eyes),
        error=error,
        today=pages.local_today(),
    )


# --- where it leads -----------------------------------------------------------------------------------------------


def _at_field(error: WorkError) -> None:
    """Go on where the form is shown once more with the message at its field; what belongs to no field has a page."""
    if not error.field:
        raise error


def _back(pair_id: int, anchor: str) -> Any:
    """The page that the form stood on: the home page of the course that it names, else the pair's."""
    home = read_id(request.form, "home")
    if home is not None:
        return redirect(url_for("entrance.home", course_id=home), 303)
    return redirect(url_for("pairs.show_pair", pair_id=pair_id, _anchor=anchor), 303)
