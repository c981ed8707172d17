"""The words of the administrator's pages: roles, states of keys and steps, and what the audit trail's actions mean."""

from typing import Any

from flask_babel import lazy_gettext as _l

from lti_service.access import Role
from lti_service.connections.service import KeyState, StepState
from lti_service.lti.checks import Level
from lti_service.platforms.models import PlatformState

ROLES: dict[Role, Any] = {
    Role.STUDENT: _l("Student"),
    Role.TEACHER: _l("Teacher"),
    Role.EMPLOYER: _l("Employer"),
    Role.CURATOR: _l("Curator"),
}
LEVELS: dict[Level, tuple[Any, str]] = {
    Level.OK: (_l("works"), "success"),
    Level.ADVICE: (_l("worth a look"), "warning"),
    Level.BROKEN: (_l("to be mended"), "danger"),
}
STEPS: dict[StepState, tuple[Any, str]] = {
    StepState.DONE: (_l("done"), "success"),
    StepState.TODO: (_l("to do"), "warning"),
    StepState.UNSEEN: (_l("look yourself"), "secondary"),
}
STATES: dict[PlatformState, tuple[Any, str]] = {
    PlatformState.ACTIVE: (_l("active"), "success"),
    PlatformState.PAUSED: (_l("paused"), "warning"),
    PlatformState.PENDING: (_l("not active yet"), "secondary"),
}
KEYS: dict[KeyState, tuple[Any, str]] = {
    KeyState.SIGNING: (_l("signs now"), "success"),
    KeyState.WAITING: (_l("published, will sign"), "info"),
    KeyState.LEAVING: (_l("published, signs no more"), "secondary"),
    KeyState.GONE: (_l("retired"), "light"),
}
ACTIONS: dict[str, Any] = {
    "launch.refused": _l("A launch was refused"),
    "registration.refused": _l("A registration did not work"),
    "platform.registered": _l("Moodle was registered"),
    "platform.updated": _l("Moodle was registered again"),
    "platform.invited": _l("A registration address was made"),
    "platform.checked": _l("The connection was checked"),
    "platform.paused": _l("The connection was paused"),
    "platform.resumed": _l("The connection was resumed"),
    "connection.token-given": _l("A web-service token was given"),
    "connection.token-removed": _l("The web-service token was removed"),
    "connection.settings": _l("Settings of the connection were changed"),
    "connection.roles": _l("The meaning of Moodle's roles was changed"),
    "form.added": _l("A form of mentoring was added"),
    "form.changed": _l("A form of mentoring was changed"),
    "form.retired": _l("A form of mentoring was retired"),
    "form.brought-back": _l("A form of mentoring was offered again"),
    "form.removed": _l("A form of mentoring was deleted"),
    "kinds.tried": _l("Rules on who is who were tried out on people"),
    "kinds.changed": _l("A rule on who is who was changed"),
    "kinds.applied": _l("The rules on who is who were applied to everybody"),
    "curator.appointed": _l("Somebody was made a curator"),
    "curator.dismissed": _l("Somebody is no longer a curator"),
    "keys.rotated": _l("A new key was published"),
    "content.chosen": _l("Activities were chosen for a course"),
    "pair.proposed": _l("A pair was proposed"),
    "pair.agreed": _l("A mentor agreed to a pair"),
    "pair.declined": _l("A mentor declined a pair"),
    "pair.cancelled": _l("A pair was cancelled"),
    "pair.active": _l("A pair was started"),
    "pair.finished": _l("A pair was finished"),
    "pair.ended_early": _l("A pair was ended early"),
    "pair.looked": _l("Somebody else's pairs were looked at"),
    "mentee.need": _l("A mentee was said to need a mentor"),
    "mentee.return": _l("A mentee became a candidate again"),
    "mentee.withdraw": _l("A mentee was withdrawn from the base"),
    "mentor.accept": _l("A mentor was taken into the base"),
    "mentor.return": _l("A mentor became a candidate again"),
    "mentor.withdraw": _l("A mentor was withdrawn from the base"),
    "mentor.select": _l("A mentor was selected"),
    "mentor.turn_down": _l("A candidate was not selected as a mentor"),
    "mentor.postpone": _l("The decision on a candidate was postponed"),
    "mentor.admit": _l("A mentor was made ready without training"),
    "mentor.trained": _l("A mentor's training was recorded"),
    "mentor.train": _l("A mentor became ready by training"),
    "mentor.training-removed": _l("A record of training was deleted"),
    "mentor.untrain": _l("A mentor is to be trained again"),
    "selection.criteria": _l("The criteria of selection were changed"),
    "training.course-added": _l("A training course was added"),
    "training.course-changed": _l("A training course was changed"),
    "training.course-removed": _l("A training course was deleted"),
    "mentee.request": _l("A mentee's request was changed"),
    "mentee.asked": _l("Somebody asked for a mentor"),
    "mentee.took-back": _l("Somebody took their request for a mentor back"),
    "employer.added": _l("An employer was added"),
    "employer.changed": _l("An employer was changed"),
    "employer.removed": _l("An employer was removed"),
    "employer.contact-added": _l("An employer's contact was added"),
    "employer.contact-changed": _l("An employer's contact was changed"),
    "employer.contact-removed": _l("An employer's contact was removed"),
    "employer.agreement-added": _l("An employer's agreement was added"),
    "employer.agreement-changed": _l("An employer's agreement was changed"),
    "employer.agreement-removed": _l("An employer's agreement was removed"),
    "mentor.employer": _l("A mentor was put to an employer"),
    "outsider.added": _l("Somebody from outside was added"),
    "outsider.changed": _l("Particulars of somebody from outside were changed"),
    "mentee.changed": _l("A mentee's record was changed"),
    "mentee.supported": _l("A talk with a mentee without a pair was recorded"),
    "mentor.offered": _l("Somebody offered to be a mentor"),
    "mentor.took-back": _l("Somebody took their offer to be a mentor back"),
    "mentor.profile": _l("A mentor changed their profile"),
    "mentee.nominated": _l("A teacher nominated a student"),
    "mentee.nomination-taken-back": _l("A nomination was taken back"),
    "mentee.added": _l("A mentee was added"),
    "base.exported": _l("A base was saved as a file"),
    "import.checked": _l("A file was checked"),
    "import.left-out": _l("Wrong rows of a file were left out"),
    "import.saved": _l("Wrong rows of a file were saved"),
    "import.applied": _l("A file was applied"),
    "person.birth-date": _l("Somebody's birth date was changed"),
    "mentor.added": _l("A mentor was added"),
    "mentor.changed": _l("A mentor's record was changed"),
    "consent.given": _l("Somebody consented to the processing of their personal data"),
    "consent.recorded": _l("A consent on paper was recorded"),
    "consent.withdrawn": _l("A consent was withdrawn"),
    "consent.text": _l("A new version of a consent's text was made"),
    "consent.exported": _l("The list of consents was saved as a file"),
    "consent.scan-added": _l("The scan of a consent was added"),
    "consent.scan-downloaded": _l("The scan of a consent was downloaded"),
    "consent.scan-removed": _l("The scan of a consent was deleted"),
    "survey.added": _l("A survey was added"),
    "survey.changed": _l("A survey was changed"),
    "survey.removed": _l("A survey was removed"),
    "column.made": _l("A gradebook column was made"),
    "column.changed": _l("A gradebook column was changed"),
    "column.removed": _l("A gradebook column was removed"),
    "column.retried": _l("Rejected grades were tried again"),
}


def action(code: str) -> str:
    """What an action of the trail means; the code itself where no words are known."""
    return str(ACTIONS.get(code, code))
