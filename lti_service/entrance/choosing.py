"""Where a launch leads beyond the home page: choosing activities for a course, the pages they open, a person's work."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import structlog
from flask import Blueprint, current_app, flash, g, redirect, render_template, request, url_for
from flask_babel import force_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from config import Settings
from lti_service import access, audit, db, pages
from lti_service.access import Permission, Viewer
from lti_service.entrance.visits import Arrival
from lti_service.errors import DomainError
from lti_service.lti import deep_linking, gradebook, services
from lti_service.lti.deep_linking import Item, LineItem
from lti_service.lti.launch import Launch
from lti_service.lti.roles import is_administrator
from lti_service.people import arrivals
from lti_service.people.models import Membership, Person
from lti_service.platforms import outgoing
from lti_service.platforms.models import Course
from lti_service.programme import service as programme

blueprint = Blueprint("choosing", __name__)
log = structlog.get_logger(__name__)

SUBMISSION_REVIEW = "LtiSubmissionReviewRequest"
PERSON_PAGE = "pairs.plan_of_person"
"""It leads to one person's pair and plan; the wing of pairs has it."""


@dataclass(frozen=True, slots=True)
class Place:
    """A page of ours that can stand in a course as an activity of its own."""

    title: Any
    about: Any
    endpoint: str
    """Where it leads those who may see that page; all others come to their home page."""
    permission: Permission
    gradable: bool = False
    """It is for students, so that a gradebook column makes sense with it."""


PLACES: dict[str, Place] = {
    "home": Place(
        _l("Mentoring"),
        _l("Everybody's own page: the student's mentor, the mentor's mentees, the teacher's and curator's overview."),
        "entrance.home",
        Permission.SEE_HOME,
        gradable=True,
    ),
    "mentor": Place(
        _l("My mentor"),
        _l("For students: who their mentor is, how to reach them, and what is planned."),
        "entrance.home",
        Permission.SEE_HOME,
        gradable=True,
    ),
    "surveys": Place(
        _l("Mentoring surveys"),
        _l("For everybody the surveys that wait for them, for curators the results too."),
        "surveys.index",
        Permission.MANAGE_SURVEYS,
    ),
    "indicators": Place(
        _l("Mentoring indicators"),
        _l("For curators and administrators: the programme's figures, plan against fact."),
        "indicators.overview",
        Permission.SEE_INDICATORS,
    ),
}


# --- where a launch leads -----------------------------------------------------------------------------------------


def landing(connection: Connection, launch: Launch, arrival: Arrival, token: str) -> str:
    """The address that a verified launch leads to: always a route of ours, never a text from outside.

    `token` is the id_token that `launch` was verified from. Raises LaunchRefusedError for a request to choose content
    that is wrong, or from somebody who does not teach.
    """
    if launch.message_type == deep_linking.MESSAGE:
        wanted = deep_linking.read_request(launch, token)
        assert arrival.course_id is not None, "read_request has seen to it"
        with db.mapped(connection) as session:
            choice_id = deep_linking.begin(session, launch, wanted, arrival.course_id, arrival.person_id)
        return url_for("choosing.choose", course_id=arrival.course_id, choice_id=choice_id)
    if arrival.course_id is None:
        return url_for("entrance.outside")
    if launch.message_type == SUBMISSION_REVIEW:
        person_id = _person_of(connection, launch, arrival.course_id)
        if person_id is None:
            with force_locale(arrival.locale):
                flash(_("This person is not known here yet: they have not been loaded from Moodle."), "warning")
        elif _may_look(connection, launch, arrival, arrival.course_id, person_id):
            return url_for(PERSON_PAGE, course_id=arrival.course_id, person_id=person_id)
    elif "?" in launch.target and (place := _place_of(launch.target)):
        return url_for("choosing.open_place", course_id=arrival.course_id, place=place)
    return url_for("entrance.home", course_id=arrival.course_id)


def _person_of(connection: Connection, launch: Launch, course_id: int) -> int | None:
    """Whose work is to be reviewed; None for somebody who is not known in the course."""
    found: int | None = connection.scalar(
        select(Person.id)
        .join(Membership, Membership.person_id == Person.id)
        .where(
            Person.platform_id == launch.platform_id,
            Person.moodle_id == launch.for_user_id,
            Membership.course_id == course_id,
        )
    )
    return found


def _may_look(connection: Connection, launch: Launch, arrival: Arrival, course_id: int, person_id: int) -> bool:
    """Whether the person's page would open: a site administrator, say, may open grades but sees no pairs."""
    viewer = arrivals.viewer_in(connection, arrival.person_id, course_id, is_administrator(launch.roles))
    return viewer is not None and (viewer.person_id == person_id or viewer.may(Permission.SEE_COURSE_PAIRS))


def _place_of(target: str) -> str | None:
    named = parse_qs(urlsplit(target).query).get("page", [""])[0]
    return named if named in PLACES else None


def target_of(public_url: str, place: str) -> str:
    """The address that stands in Moodle for an activity that leads to `place`."""
    launch = f"{public_url}/lti/launch"
    return launch if place == "home" else f"{launch}?page={place}"


@blueprint.get("/courses/<int:course_id>/open/<place>")
@access.needs(Permission.SEE_HOME)
def open_place(place: str) -> Any:
    """On to the page that an activity stands for; who may not see it comes to their home page."""
    known = PLACES.get(place)
    if known and known.endpoint in current_app.view_functions and access.viewer().may(known.permission):
        return redirect(url_for(known.endpoint))
    return redirect(url_for("entrance.home"))


# --- choosing -----------------------------------------------------------------------------------------------------


@blueprint.get("/courses/<int:course_id>/choosing/<int(max=2147483647):choice_id>")
@access.needs(Permission.SEE_HOME)
def choose(choice_id: int) -> Any:
    """What can be added to the course; only the person who was sent here by Moodle sees it."""
    viewer = access.viewer()
    choice = deep_linking.find(db.session(), choice_id, viewer.course_id, viewer.person_id)
    # Of several none is chosen beforehand: what was not wanted would have to be seen and unticked.
    chosen = [] if choice.several else ["home"]
    return render_template("choosing/choose.html", choice=choice, places=PLACES, chosen=chosen, column=False)


@blueprint.post("/courses/<int:course_id>/choosing/<int(max=2147483647):choice_id>")
@access.needs(Permission.SEE_HOME)
def answer(choice_id: int) -> Any:
    """Sign what was chosen; the page carries it back to Moodle, with a button where scripts are off."""
    viewer = access.viewer()
    choice = deep_linking.find(db.session(), choice_id, viewer.course_id, viewer.person_id)
    cancelled = "cancel" in request.form
    chosen = [] if cancelled else [name for name in request.form.getlist("place") if name in PLACES]
    chosen = list(dict.fromkeys(chosen))
    column = "column" in request.form and not cancelled
    trouble = "" if cancelled else _trouble(chosen, column, choice.several)
    if column and not trouble and _has_pair_column(viewer):
        trouble = _("The gradebook has the column “The pair is formed” already: add the activity without a column.")
        column = False
    if trouble:
        page = render_template(
            "choosing/choose.html", choice=choice, places=PLACES, chosen=chosen, column=column, trouble=trouble
        )
        return page, 422
    with db.transaction() as session:
        signed = deep_linking.answer(session, choice, _items(session, viewer, chosen, column))
        if chosen:
            audit.record(
                session,
                "content.chosen",
                platform_id=viewer.platform_id,
                course_id=viewer.course_id,
                actor_id=viewer.person_id,
                correlation_id=g.correlation_id,
                places=chosen,
                column=column,
            )
    g.form_origin = outgoing.origin(choice.return_url)
    return render_template("choosing/answer.html", return_url=choice.return_url, signed=signed, cancelled=cancelled)


def _trouble(chosen: list[str], column: bool, several: bool) -> str:
    """What is wrong with a choice; empty: nothing."""
    if not chosen:
        return _("Choose at least one page.")
    if len(chosen) > 1 and not several:
        return _("Moodle takes only one at a time here.")
    if column and not any(PLACES[name].gradable for name in chosen):
        return _("A gradebook column comes with “Mentoring” or “My mentor”: choose one of them too.")
    return ""


def _has_pair_column(viewer: Viewer) -> bool:
    """Whether Moodle has the column already: it would make a second one, which nobody ever fills.

    When Moodle cannot be asked the teacher goes on as if it had none.
    """
    session = db.session()
    course = session.get_one(Course, viewer.course_id)
    wanted, url, platform = _pair_column(session, viewer), course.lineitems_url, course.platform
    session.commit()
    if not url:
        return False
    try:
        found = gradebook.find_line_item(
            services.connector(platform), url, tag=wanted.tag, resource_id=wanted.resource_id
        )
    except DomainError as err:
        log.warning("columns not read", course=viewer.course_id, code=err.code)
        return False
    return found is not None


def _items(session: Session, viewer: Viewer, chosen: list[str], column: bool) -> list[Item]:
    """The activities to be made; the column, if wanted, comes with one of them, "My mentor" where that is chosen."""
    settings: Settings = current_app.extensions["settings"]
    with_column = next((name for name in reversed(chosen) if PLACES[name].gradable), None) if column else None
    return [
        Item(
            title=str(PLACES[name].title),
            text=str(PLACES[name].about),
            url=target_of(settings.public_url, name),
            line_item=_pair_column(session, viewer) if name == with_column else None,
        )
        for name in chosen
    ]


def _pair_column(session: Session, viewer: Viewer) -> LineItem:
    """The column "a pair is formed" of this school year.

    Under these names the service looks for it, so that a curator who switches the column on fills this very one
    instead of making a second.
    """
    today = pages.local_today()
    cycle = programme.find_cycle(session, viewer.platform_id, today)
    year = cycle.start_year if cycle else programme.school_year(today)
    return LineItem(label=_("The pair is formed"), resource_id=f"indicator:pair-formed:{year}", tag="indicator")
