"""Does the connection to a Moodle work, and what must its admin mend: keys, tokens, roster, gradebook, web services.

A finding is a code with facts, so that it can be kept and told in any language later; `PAGES` are Moodle's own pages
(4.x) on which things are mended. Moodle's silent ways of giving less are told by comparing what it says twice.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

import requests
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service.errors import DomainError
from lti_service.lti import gradebook, roster
from lti_service.lti.errors import LaunchRefusedError, Refusal
from lti_service.lti.keysets import KeySets
from lti_service.lti.services import (
    AGS_SCOPES,
    NRPS_SCOPES,
    ServiceError,
    ServiceRefusedError,
    TokenRefusedError,
    connector,
)
from lti_service.platforms import outgoing, secrets
from lti_service.platforms import service as platforms
from lti_service.platforms.models import Course, Platform
from moodle_client import AccessDenied, InvalidToken, MoodleClient, MoodleError, MoodleUnavailable, SiteInfo

SITE_INFO = "core_webservice_get_site_info"
FUNCTIONS = (
    SITE_INFO,
    "core_course_get_courses_by_field",
    "core_enrol_get_enrolled_users",
    "core_group_get_course_groups",
    "core_group_get_group_members",
    "core_user_get_users_by_field",
    "mod_feedback_get_feedbacks_by_courses",
    "mod_feedback_get_items",
    "mod_feedback_get_responses_analysis",
    "core_message_send_instant_messages",
)
"""The web-service functions that the service calls."""
OPTIONAL = ("core_completion_get_course_completion_status",)
"""Those that it calls only where a college uses what they are for: completion of trainings."""
NOT_TRIED = frozenset({"core_message_send_instant_messages", *OPTIONAL})
"""Somebody would get a message; and a course that does not follow completion refuses to tell of it, as it should."""
CAPABILITIES = (
    "webservice/rest:use",
    "moodle/course:view",
    "moodle/course:viewparticipants",
    "moodle/course:enrolreview",
    "moodle/course:managegroups",
    "moodle/user:viewdetails",
    "moodle/user:viewalldetails",
    "moodle/site:viewfullnames",
    "moodle/site:viewuseridentity",
    "moodle/course:useremail",
    "mod/feedback:view",
    "mod/feedback:viewreports",
    "moodle/site:sendmessage",
    "report/completion:view",
)
"""What the token's user must be allowed to do. Without some of them Moodle raises no error, it only tells less."""
MISSED_CAPABILITY: Mapping[str, str] = {
    "core_course_get_courses_by_field": "moodle/course:view",
    "core_enrol_get_enrolled_users": "moodle/course:viewparticipants, moodle/course:enrolreview",
    "core_group_get_course_groups": "moodle/course:managegroups",
    "core_group_get_group_members": "moodle/course:managegroups",
    "core_user_get_users_by_field": "moodle/user:viewdetails",
    "mod_feedback_get_feedbacks_by_courses": "mod/feedback:view",
    "mod_feedback_get_items": "mod/feedback:view, mod/feedback:viewreports",
    "mod_feedback_get_responses_analysis": "mod/feedback:viewreports",
}
"""What is probably not allowed when the function is in the service and yet denied."""
COURSE_CLOSED = frozenset({"errorcoursecontextnotvalid", "requireloginerror"})
"""How Moodle denies any function of a course that the token's user may not even enter."""
TOKEN_ERRORS: Mapping[str, str] = {"invalid_client": "unknown-tool", "invalid_scope": "no-services"}
"""Moodle's codes for a refused token (RFC 6749 §5.2) that say plainly what is wrong."""
SAMPLE = 50
"""People among whom profile fields are looked for."""


class MoodlePage(NamedTuple):
    """A page of Moodle: its address below the site, and the way to it through Moodle's menus."""

    path: str
    title: Any


PAGES: Mapping[str, MoodlePage] = {
    "tools": MoodlePage(
        "/mod/lti/toolconfigure.php",
        _l("Site administration → Plugins → Activity modules → External tool → Manage tools"),
    ),
    "http": MoodlePage(
        "/admin/settings.php?section=httpsecurity", _l("Site administration → General → Security → HTTP security")
    ),
    "features": MoodlePage(
        "/admin/settings.php?section=optionalsubsystems", _l("Site administration → General → Advanced features")
    ),
    "protocols": MoodlePage(
        "/admin/settings.php?section=webserviceprotocols",
        _l("Site administration → Server → Web services → Manage protocols"),
    ),
    "services": MoodlePage(
        "/admin/settings.php?section=externalservices",
        _l("Site administration → Server → Web services → External services"),
    ),
    "tokens": MoodlePage(
        "/admin/webservice/tokens.php", _l("Site administration → Server → Web services → Manage tokens")
    ),
    "user": MoodlePage("/user/editadvanced.php?id=-1", _l("Site administration → Users → Accounts → Add a new user")),
    "roles": MoodlePage("/admin/roles/manage.php", _l("Site administration → Users → Permissions → Define roles")),
    "system-roles": MoodlePage(
        "/admin/roles/assign.php?contextid=1", _l("Site administration → Users → Permissions → Assign system roles")
    ),
    "profile": MoodlePage(
        "/user/profile/index.php", _l("Site administration → Users → Accounts → User profile fields")
    ),
    "participants": MoodlePage("/user/index.php?id=", _l("Course → Participants")),
    "course-tools": MoodlePage("/mod/lti/coursetools.php?id=", _l("Course → More → LTI External tools")),
}


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    ADVICE = "advice"
    """It works, or may work; something is worth a look."""
    BROKEN = "broken"
    """It does not work: the admin must mend it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one part of the connection; `facts` are texts and numbers, safe to keep."""

    code: str
    level: Level
    facts: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """For keeping; `from_json` takes it."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Finding":
        """What `as_json` gave."""
        return cls(str(kept["code"]), Level(kept["level"]), dict(kept.get("facts") or {}))

    @property
    def subject(self) -> str:
        """What it is about, in the language of the request; the exact name for a web-service function."""
        if self.code == "function":
            return str(self.facts.get("name", ""))
        return str(_SUBJECTS.get(self.code, self.code))

    @property
    def text(self) -> str:
        """What was found."""
        sentence = _TEXTS.get((self.code, self.level, self.facts.get("why", "")))
        return str(sentence) % self.facts if sentence is not None else ""

    @property
    def advice(self) -> str:
        """What to do about it; empty when there is nothing to do."""
        sentence = _ADVICE.get((self.code, self.facts.get("why", "")))
        return "" if sentence is None or self.level is Level.OK else str(sentence) % self.facts

    @property
    def page(self) -> MoodlePage | None:
        """Moodle's page on which to do it."""
        name = _WHERE.get((self.code, self.facts.get("why", "")))
        return PAGES[name] if name and self.level is not Level.OK else None


def check_platform(session: Session, platform: Platform, course: Course | None = None) -> list[Finding]:
    """Try the connection piece by piece, and say what works and what must be mended.

    `course` is where the roster, the gradebook and the course's functions are tried; by default the course of the
    platform that was synced last. Asks Moodle a dozen times; the session's reading transaction is ended first.
    """
    course = course or _course(session, platform)
    session.commit()
    findings = [_keys(platform), *_lti_services(platform, course)]
    members = next(
        (one.facts.get("people") for one in findings if one.code == "roster" and one.level is Level.OK), None
    )
    findings += _web_service(platform, course, members)
    return findings


def broken(findings: list[Finding]) -> int:
    """How many of them must be mended."""
    return sum(one.level is Level.BROKEN for one in findings)


def _course(session: Session, platform: Platform) -> Course | None:
    return session.scalar(
        select(Course)
        .where(Course.platform_id == platform.id)
        .order_by(Course.synced_at.is_(None), Course.synced_at.desc(), Course.id)
        .limit(1)
    )


# --- LTI ----------------------------------------------------------------------------------------------------------


def _keys(platform: Platform) -> Finding:
    try:
        KeySets().find(platform.jwks_url, "")
    except LaunchRefusedError as err:
        # No key has an empty name: the set was read if that is what is wrong.
        if err.reason is Refusal.KEY_UNKNOWN:
            return Finding("keys", Level.OK)
    return Finding("keys", Level.BROKEN, _why_unreadable(platform.jwks_url))


def _why_unreadable(url: str) -> dict[str, Any]:
    try:
        answer = outgoing.http().get(url)
    except outgoing.AddressRefusedError as err:
        return {"why": "forbidden", "reason": str(err.facts.get("reason", ""))}
    except (requests.RequestException, DomainError) as err:
        return {"why": "no-answer", "reason": type(err).__name__}
    return {"why": "nonsense", "http": answer.status_code}


def _lti_services(platform: Platform, course: Course | None) -> list[Finding]:
    service = connector(platform)
    try:
        for scopes in (AGS_SCOPES, NRPS_SCOPES):
            # A kept token would hide that there are no more of them.
            service.get_access_token(scopes, refused=service.get_access_token(scopes))
    except TokenRefusedError as err:
        error = str(err.facts.get("error", ""))
        return [Finding("token", Level.BROKEN, {"why": TOKEN_ERRORS.get(error, "refused"), "error": error})]
    except (ServiceError, outgoing.AddressRefusedError, secrets.SecretUnreadableError) as err:
        return [Finding("token", Level.BROKEN, {"why": "failed", "error": err.code})]
    findings = [Finding("token", Level.OK)]
    if course is None:
        return [*findings, Finding("course", Level.ADVICE)]
    findings.append(_tried("roster", course.memberships_url, lambda url: len(roster.read_members(service, url))))
    findings.append(
        _tried(
            "gradebook",
            course.lineitems_url,
            lambda url: gradebook.find_line_item(service, url, tag="-", resource_id="-"),
        )
    )
    return findings


def _tried(code: str, url: str, read: Callable[[str], Any]) -> Finding:
    if not url:
        return Finding(code, Level.BROKEN, {"why": "not-offered"})
    try:
        found = read(url)
    except ServiceRefusedError as err:
        return Finding(code, Level.BROKEN, {"why": "refused", "http": err.http})
    except (ServiceError, outgoing.AddressRefusedError) as err:
        return Finding(code, Level.BROKEN, {"why": "failed", "error": err.code})
    return Finding(code, Level.OK, {"people": found} if isinstance(found, int) else {})


# --- web services -------------------------------------------------------------------------------------------------


def _web_service(platform: Platform, course: Course | None, members: int | None) -> list[Finding]:
    try:
        moodle = platforms.moodle(platform)
    except platforms.NoWebServiceError:
        return [Finding("web-service", Level.ADVICE, {"why": "none"})]
    except (secrets.SecretUnreadableError, ValueError):
        return [Finding("web-service", Level.BROKEN, {"why": "unreadable"})]
    try:
        info = moodle.site_info()
    except InvalidToken:
        return [Finding("web-service", Level.BROKEN, {"why": "token"})]
    except AccessDenied as err:
        # Moodle's answer is an empty 403 while its web services, or REST, are off.
        why = "off" if err.errorcode == "http403" else "denied"
        return [Finding("web-service", Level.BROKEN, {"why": why, "error": err.errorcode})]
    except (MoodleError, DomainError) as err:
        down = isinstance(err, MoodleUnavailable)
        error = err.errorcode if isinstance(err, MoodleError) else err.code
        return [Finding("web-service", Level.BROKEN, {"why": "down" if down else "failed", "error": error})]
    if not same_site(info, platform):
        return [Finding("web-service", Level.BROKEN, {"why": "other-site", "site": info.url})]
    facts = {"site": info.name, "user": info.fullname, "release": info.release}
    trial = _Trial(moodle, info, course)
    tried = [trial.function(name) for name in (*FUNCTIONS, *OPTIONAL)]
    return [Finding("web-service", Level.OK, facts), *tried, *trial.silent_losses(members)]


def same_site(info: SiteInfo, platform: Platform) -> bool:
    """Whether the token opens the web services of this platform's own site, and not another's."""
    return info.url.rstrip("/") in (platform.issuer.rstrip("/"), platform.ws_url.rstrip("/"))


class _Trial:
    """One look at a site's web services: calls that change nothing, each building on what the ones before showed."""

    def __init__(self, moodle: MoodleClient, info: SiteInfo, course: Course | None) -> None:
        self.moodle = moodle
        self.info = info
        self.course_id = int(course.moodle_id) if course and course.moodle_id.isdecimal() else None
        self.groups: list[int] = []
        self.feedbacks: list[int] = []
        self.people: list[dict[str, Any]] = []
        self.answered: set[str] = set()
        self.questionless = 0

    def function(self, name: str) -> Finding:
        """Whether the function is in the service and answers."""
        if name not in self.info.functions and name in OPTIONAL:
            return Finding("function", Level.ADVICE, {"name": name, "why": "optional"})
        if name not in self.info.functions:
            return Finding("function", Level.BROKEN, {"name": name, "why": "missing"})
        params = None if name in NOT_TRIED else self._params(name)
        if name == SITE_INFO or params is None:
            return Finding("function", Level.OK, {"name": name, "why": "" if name == SITE_INFO else "not-tried"})
        try:
            self._learn(name, self.moodle.call(name, params))
        except AccessDenied as err:
            missed = "moodle/course:view" if err.errorcode in COURSE_CLOSED else MISSED_CAPABILITY.get(name, "-")
            facts = {"capability": missed, "error": err.errorcode}
            return Finding("function", Level.BROKEN, {"name": name, "why": "denied", **facts})
        except (MoodleError, DomainError) as err:
            error = err.errorcode if isinstance(err, MoodleError) else err.code
            return Finding("function", Level.BROKEN, {"name": name, "why": "failed", "error": error})
        self.answered.add(name)
        return Finding("function", Level.OK, {"name": name})

    def silent_losses(self, members: int | None) -> list[Finding]:
        """What Moodle leaves out without a word when the token's user may not see it."""
        found: list[Finding] = []
        if self.course_id is None:
            return [Finding("capabilities", Level.ADVICE)]
        if "core_enrol_get_enrolled_users" in self.answered:
            shown = self._count_people()
            if shown is None or members is None:
                found.append(Finding("people", Level.ADVICE, {"why": "unknown"}))
            elif shown < members:
                found.append(Finding("people", Level.BROKEN, {"why": "hidden", "shown": shown, "members": members}))
            else:
                found.append(Finding("people", Level.OK, {"shown": shown, "members": members}))
            if self.people and not any(person.get("customfields") for person in self.people):
                found.append(Finding("profile", Level.ADVICE))
        if self.questionless:
            found.append(Finding("questions", Level.ADVICE, {"surveys": self.questionless}))
        return found

    def _params(self, name: str) -> dict[str, Any] | None:
        """What to ask of a function; None when there is nothing that it could be tried on."""
        if name == "core_user_get_users_by_field":
            return {"field": "id", "values": [self.info.user_id]}
        if self.course_id is None:
            return None
        options = {"onlyactive": 1, "limitfrom": 0, "limitnumber": SAMPLE, "userfields": "id,fullname,customfields"}
        params: dict[str, dict[str, Any] | None] = {
            "core_course_get_courses_by_field": {"field": "ids", "value": str(self.course_id)},
            "core_enrol_get_enrolled_users": {
                "courseid": self.course_id,
                "options": [{"name": option, "value": value} for option, value in options.items()],
            },
            "core_group_get_course_groups": {"courseid": self.course_id},
            "core_group_get_group_members": {"groupids": self.groups[:1]} if self.groups else None,
            "mod_feedback_get_feedbacks_by_courses": {"courseids": [self.course_id]},
            "mod_feedback_get_items": {"feedbackid": self.feedbacks[0]} if self.feedbacks else None,
            "mod_feedback_get_responses_analysis": (
                {"feedbackid": self.feedbacks[0], "page": 0, "perpage": 1} if self.feedbacks else None
            ),
        }
        return params.get(name)

    def _learn(self, name: str, body: Any) -> None:
        """Keep what later calls build on. Raises AccessDenied for a course that Moodle does not show."""
        if name == "core_course_get_courses_by_field":
            if not _rows(body, "courses"):
                raise AccessDenied("the course is not shown", errorcode="coursehidden", function=name)
        elif name == "core_enrol_get_enrolled_users":
            self.people = _rows(body)
        elif name == "core_group_get_course_groups":
            self.groups = [row["id"] for row in _rows(body) if isinstance(row.get("id"), int)]
        elif name == "mod_feedback_get_feedbacks_by_courses":
            self.feedbacks = [row["id"] for row in _rows(body, "feedbacks") if isinstance(row.get("id"), int)]
        elif name == "mod_feedback_get_items" and not _rows(body, "items"):
            self.questionless += 1

    def _count_people(self) -> int | None:
        assert self.course_id is not None
        try:
            pages = self.moodle.iter_enrolled_users(self.course_id, only_active=True, fields=())
            return sum(len(page) for page in pages)
        except (MoodleError, DomainError):
            return None


def _rows(body: Any, under: str = "") -> list[dict[str, Any]]:
    listed = body.get(under) if under and isinstance(body, dict) else body
    return [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []


# --- words --------------------------------------------------------------------------------------------------------

_SUBJECTS: dict[str, Any] = {
    "keys": _l("Moodle's keys"),
    "token": _l("Access token"),
    "course": _l("A course to try in"),
    "roster": _l("Roster of the course"),
    "gradebook": _l("Gradebook of the course"),
    "web-service": _l("Web services"),
    "people": _l("Everybody is shown"),
    "profile": _l("Profile fields"),
    "questions": _l("Questions of surveys"),
    "capabilities": _l("Rights of the token's user"),
}
_OK, _LOOK, _MEND = Level.OK, Level.ADVICE, Level.BROKEN
_TEXTS: dict[tuple[str, Level, Any], Any] = {
    ("keys", _OK, ""): _l("Read."),
    ("keys", _MEND, "forbidden"): _l("We may not go to the address of the key set (%(reason)s)."),
    ("keys", _MEND, "no-answer"): _l("No answer from the address of the key set (%(reason)s)."),
    ("keys", _MEND, "nonsense"): _l("There is no usable key at the address of the key set (HTTP %(http)s)."),
    ("token", _OK, ""): _l("Moodle gives one."),
    ("token", _MEND, "refused"): _l("Moodle gives none and says: %(error)s."),
    ("token", _MEND, "unknown-tool"): _l("Moodle does not know this tool any more (%(error)s)."),
    ("token", _MEND, "no-services"): _l("Moodle does not let this tool use its services (%(error)s)."),
    ("token", _MEND, "failed"): _l("None could be had (%(error)s)."),
    ("course", _LOOK, ""): _l("Nobody has opened the activity in a course yet."),
    ("roster", _OK, ""): _l("Read, people in it: %(people)s."),
    ("roster", _MEND, "not-offered"): _l("Moodle does not offer it to this tool."),
    ("roster", _MEND, "refused"): _l("Moodle refuses it (HTTP %(http)s)."),
    ("roster", _MEND, "failed"): _l("It could not be read (%(error)s)."),
    ("gradebook", _OK, ""): _l("Its columns can be read."),
    ("gradebook", _MEND, "not-offered"): _l("Moodle does not offer it to this tool."),
    ("gradebook", _MEND, "refused"): _l("Moodle refuses it (HTTP %(http)s)."),
    ("gradebook", _MEND, "failed"): _l("It could not be read (%(error)s)."),
    ("web-service", _OK, ""): _l("“%(site)s”, Moodle %(release)s, as the user %(user)s."),
    ("web-service", _LOOK, "none"): _l("No token has been given: groups, profile fields and surveys cannot be read."),
    ("web-service", _MEND, "unreadable"): _l("The kept token cannot be read any more: the encryption key is gone."),
    ("web-service", _MEND, "token"): _l("Moodle does not accept the token."),
    ("web-service", _MEND, "denied"): _l("The token is good, but Moodle denies the first question (%(error)s)."),
    ("web-service", _MEND, "off"): _l("Moodle turns every question away (%(error)s)."),
    ("web-service", _MEND, "down"): _l("Moodle does not answer (%(error)s)."),
    ("web-service", _MEND, "failed"): _l("Something is wrong with the answer (%(error)s)."),
    ("web-service", _MEND, "other-site"): _l("The token opens another site: %(site)s."),
    ("function", _OK, ""): _l("Allowed."),
    ("function", _OK, "not-tried"): _l("Allowed; there is nothing to try it on."),
    ("function", _MEND, "missing"): _l("Not in the service."),
    ("function", _LOOK, "optional"): _l("Not in the service; needed only to read the completion of mentors' training."),
    ("function", _MEND, "denied"): _l("In the service, but denied (%(error)s)."),
    ("function", _MEND, "failed"): _l("In the service, but it fails (%(error)s)."),
    ("people", _OK, ""): _l("%(shown)s by the web service, %(members)s by the roster."),
    ("people", _LOOK, "unknown"): _l("It could not be compared with the roster."),
    ("people", _MEND, "hidden"): _l("Moodle shows %(shown)s of %(members)s people, without any error."),
    ("profile", _LOOK, ""): _l("Nobody of those looked at has any."),
    ("questions", _LOOK, ""): _l("Moodle shows a survey without a question."),
    ("capabilities", _LOOK, ""): _l("They cannot be tried without a course."),
}
_RIGHTS = _l("Give the token's user a role with these rights in the whole site: %(capability)s.")
_ADVICE: dict[tuple[str, Any], Any] = {
    ("keys", "forbidden"): _l(
        "If Moodle is in the college's own network, whoever runs the service adds its host to ALLOWED_PRIVATE_HOSTS."
    ),
    ("keys", "no-answer"): _l("Our server must reach Moodle: check its name, certificate and firewall."),
    ("keys", "nonsense"): _l("Compare the public keyset URL that Moodle shows for the tool with the one kept here."),
    ("token", "refused"): _l(
        "Look whether the tool is still there, and whether Moodle may fetch our keys: the host of this service must "
        "not be among the blocked hosts, nor its port outside the allowed ones."
    ),
    ("token", "unknown-tool"): _l(
        "If the tool was deleted in Moodle, register it again with the address that the page “Connection” gives: the "
        "data stays."
    ),
    ("token", "no-services"): _l("Edit the tool: switch on its services for grades and for names and roles."),
    ("token", "failed"): _l("Our server must reach Moodle: check its name, certificate and firewall."),
    ("course", ""): _l("Add the activity “Наставничество” to a course, open it, and check again."),
    ("roster", "not-offered"): _l("Edit the tool: Services → IMS LTI Names and Role Provisioning → use this service."),
    ("roster", "refused"): _l("Edit the tool: Services → IMS LTI Names and Role Provisioning → use this service."),
    ("roster", "failed"): _l("Try again later."),
    ("gradebook", "not-offered"): _l(
        "Edit the tool: Services → IMS LTI Assignment and Grade Services → grade sync and column management."
    ),
    ("gradebook", "refused"): _l(
        "Edit the tool: Services → IMS LTI Assignment and Grade Services → grade sync and column management."
    ),
    ("gradebook", "failed"): _l("Try again later."),
    ("web-service", "none"): _l("Create a token and give it to the service."),
    ("web-service", "unreadable"): _l("Create a new token and give it to the service."),
    ("web-service", "token"): _l(
        "It was mistyped, deleted or has run out: create a new one and give it to the service."
    ),
    ("web-service", "denied"): _l(
        "Look at the external service: it must be enabled, have the function core_webservice_get_site_info and all the "
        "others, and the token's user among its authorised users. The user needs a role with webservice/rest:use. A "
        "token that has just run out is denied too."
    ),
    ("web-service", "off"): _l(
        "Switch on web services (Advanced features) and the REST protocol. If both are on, something in front of "
        "Moodle keeps us from /webservice/rest/server.php."
    ),
    ("web-service", "down"): _l(
        "Web services and the REST protocol must be switched on, and our server must reach Moodle."
    ),
    ("web-service", "failed"): _l("Web services and the REST protocol must be switched on."),
    ("web-service", "other-site"): _l("Create a token on the site that is connected here."),
    ("function", "missing"): _l("Add the function %(name)s to the service."),
    ("function", "optional"): _l("Add the function %(name)s to the service if mentors are trained in a Moodle course."),
    ("function", "denied"): _RIGHTS,
    ("function", "failed"): _l("Try again later."),
    ("people", "unknown"): _l("Check again when the roster can be read."),
    ("people", "hidden"): _l(
        "The token's user lacks moodle/user:viewdetails (or moodle/site:accessallgroups in a course with separate "
        "groups). Until then a sync would take the others for gone."
    ),
    ("profile", ""): _l(
        "If birth dates and experience are kept in Moodle, the token's user lacks moodle/user:viewalldetails. If not, "
        "create the profile fields."
    ),
    ("questions", ""): _l("If it has questions, the token's user lacks mod/feedback:viewreports."),
    ("capabilities", ""): _l("Open the activity in a course and check again."),
}
_WHERE: dict[tuple[str, Any], str] = {
    ("keys", "nonsense"): "tools",
    ("token", "refused"): "http",
    ("token", "unknown-tool"): "tools",
    ("token", "no-services"): "tools",
    ("roster", "not-offered"): "tools",
    ("roster", "refused"): "tools",
    ("gradebook", "not-offered"): "tools",
    ("gradebook", "refused"): "tools",
    ("web-service", "none"): "tokens",
    ("web-service", "unreadable"): "tokens",
    ("web-service", "token"): "tokens",
    ("web-service", "denied"): "services",
    ("web-service", "off"): "protocols",
    ("web-service", "down"): "protocols",
    ("web-service", "failed"): "protocols",
    ("web-service", "other-site"): "tokens",
    ("function", "missing"): "services",
    ("function", "optional"): "services",
    ("function", "denied"): "roles",
    ("people", "hidden"): "roles",
    ("profile", ""): "profile",
    ("questions", ""): "roles",
}
