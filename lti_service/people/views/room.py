"""What the wing's pages share: the blueprint, its words, and where a curator works."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flask import Blueprint, request
from flask.blueprints import BlueprintSetupState
from sqlalchemy.orm import Session

from lti_service import access, db, pages
from lti_service.access import Role, Viewer
from lti_service.people import labels, service, trouble
from lti_service.people.consents import labels as consent_labels
from lti_service.people.employers import labels as employer_labels
from lti_service.people.errors import PeopleError
from lti_service.people.forms import RecordForm
from lti_service.people.imports import labels as import_labels
from lti_service.people.selection import labels as selection_labels
from lti_service.people.service import Desk
from lti_service.people.training import labels as training_labels
from lti_service.programme import service as programme
from lti_service.programme.models import Cycle

blueprint = Blueprint("people", __name__)


@blueprint.record_once
def share_words(setup: BlueprintSetupState) -> None:
    """Give the wing's words to all templates; as globals, for macros that are imported see no context."""
    setup.app.jinja_env.globals.update(
        people_labels=labels,
        consent_labels=consent_labels,
        employer_labels=employer_labels,
        import_labels=import_labels,
        selection_labels=selection_labels,
        training_labels=training_labels,
        sync_trouble=trouble.sentence,
    )


@blueprint.app_template_filter("people_role")
def role_word(value: str) -> str:
    """What a role, as memberships keep it, is called."""
    return str(labels.ROLES[Role(value)])


def desk(session: Session) -> Desk:
    viewer = access.viewer()
    return service.desk(
        session,
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        actor_id=viewer.person_id,
        day=pages.local_today(),
    )


def cycle_of(session: Session, viewer: Viewer) -> Cycle | None:
    return programme.find_cycle(session, viewer.platform_id, pages.local_today())


def cycle_id(session: Session, viewer: Viewer) -> int | None:
    cycle = cycle_of(session, viewer)
    return cycle.id if cycle else None


def offered(moves: Mapping[Any, Mapping[Any, Any]], state: Any, known: Iterable[Any]) -> list[Any]:
    """Actions that the table allows in a state; all of them where people of any state are shown together."""
    return [action for action in known if state is None or action in moves[state]]


def sent() -> Any:
    """What was posted; none when a page is only asked for."""
    return request.form if request.method == "POST" else None


def keep_form(form: RecordForm, keep: Callable[[Session], int]) -> tuple[int | None, PeopleError | None]:
    """Do it with a valid form; what `keep` gives, or none with the error that belongs to no field of it."""
    if not form.is_valid():
        return None, None
    try:
        with db.transaction() as session:
            return keep(session), None
    except PeopleError as error:
        if error.field not in form:
            return None, error
        form[error.field].errors = [error.text]
        return None, None
