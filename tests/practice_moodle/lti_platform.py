"""The LTI 1.3 side of the practice Moodle: tools, their activities, launches with their claims, and access
tokens.

Follows `mod/lti/auth.php`, `token.php` and `locallib.php` of Moodle 4.5; the claims are those of
tests/recordings.
"""

import hashlib
import itertools
import json
import random
import secrets
import string
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from . import signing
from .college import College, Course, Enrolment, Person
from .gradebook import Column, Gradebook, review_of
from .signing import BadSignatureError, ToolKeys
from .site import Site

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
AGS = "https://purl.imsglobal.org/spec/lti-ags/"
NRPS = "https://purl.imsglobal.org/spec/lti-nrps/"
DEEP_LINKING = "https://purl.imsglobal.org/spec/lti-dl/claim/"
BASIC_OUTCOME = "https://purl.imsglobal.org/spec/lti-bo/claim/basicoutcome"

SCOPE_LINE_ITEM = AGS + "scope/lineitem"
SCOPE_LINE_ITEM_READ = AGS + "scope/lineitem.readonly"
SCOPE_RESULT = AGS + "scope/result.readonly"
SCOPE_SCORE = AGS + "scope/score"
SCOPE_ROSTER = NRPS + "scope/contextmembership.readonly"
SCOPE_SETTINGS = "https://purl.imsglobal.org/spec/lti-ts/scope/toolsetting"

RESOURCE_LINK = "LtiResourceLinkRequest"
DEEP_LINK = "LtiDeepLinkingRequest"
SUBMISSION_REVIEW = "LtiSubmissionReviewRequest"

MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership#"
INSTITUTION_ADMIN = "http://purl.imsglobal.org/vocab/lis/v2/institution/person#Administrator"
SYSTEM_ADMIN = "http://purl.imsglobal.org/vocab/lis/v2/system/person#Administrator"

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ACCESS_TOKEN_LIFE = 3600
ID_TOKEN_LIFE = 60
LAUNCHES_KEPT = 10_000
FULL_GRADEBOOK = 2
"""The tool setting "use this service for grade sync and column management"."""

IN_FRAME, IN_WINDOW = "iframe", "window"
CONTAINERS = {IN_FRAME: 3, IN_WINDOW: 4}


class MoodlePageError(Exception):
    """Moodle shows an HTML error page instead of doing what was asked."""


class TokenRefusedError(Exception):
    """No access token; the text is the `error` of the answer."""


@dataclass
class Tool:
    """An external tool as registered; its id is the deployment id ("type") too."""

    id: int
    name: str
    client_id: str
    url: str
    login_url: str
    redirect_uris: list[str]
    keys: ToolKeys
    domain: str = ""
    description: str = ""
    icon: str = ""
    deep_linking_url: str | None = None
    custom: dict[str, str] = field(default_factory=dict)
    sends_name: bool = True
    sends_email: bool = True
    gradebook: int = FULL_GRADEBOOK
    roster: bool = True
    settings: bool = False
    active: bool = True
    in_chooser: bool = True

    @property
    def deployment_id(self) -> str:
        return str(self.id)

    @property
    def scopes(self) -> list[str]:
        """What the tool may ask a token for, in the order Moodle lists it."""
        scopes = []
        if self.gradebook:
            scopes += [SCOPE_LINE_ITEM_READ, SCOPE_RESULT, SCOPE_SCORE]
        if self.gradebook == FULL_GRADEBOOK:
            scopes.append(SCOPE_LINE_ITEM)
        if self.roster:
            scopes.append(SCOPE_ROSTER)
        if self.settings:
            scopes.append(SCOPE_SETTINGS)
        return scopes


@dataclass
class Link:
    """An External tool activity. `id` is the resource link id, `module_id` the course-module id of the
    address."""

    id: int
    module_id: int
    course: Course
    tool: Tool
    title: str
    description: str = ""
    url: str | None = None
    custom: dict[str, str] = field(default_factory=dict)
    accepts_grades: bool = True
    container: str = IN_FRAME
    salt: str = field(default_factory=lambda: secrets.token_hex(8))


@dataclass(frozen=True)
class Launch:
    """A launch that has been started: who, with which tool, in which course, on which activity (None:
    choosing content)."""

    person: Person
    tool: Tool
    course: Course
    link: Link | None
    message_type: str
    for_user: Person | None
    container: str


@dataclass(frozen=True)
class AuthenticationAnswer:
    """Where the browser posts which fields: `id_token` and `state`, or `error` with its description and
    `state`."""

    redirect_uri: str
    fields: dict[str, str]


@dataclass(frozen=True)
class AccessToken:
    tool: Tool
    scopes: frozenset[str]
    expires: float


class LtiPlatform:
    """All tools, activities, started launches and access tokens of the site."""

    def __init__(self, site: Site, gradebook: Gradebook) -> None:
        self.site = site
        self.college: College = site.college
        self.gradebook = gradebook
        self.tools: dict[int, Tool] = {}
        self.links: dict[int, Link] = {}
        self._tool_ids = itertools.count(1)
        self._launches: dict[str, Launch] = {}
        self._access_tokens: dict[str, AccessToken] = {}
        self._lock = threading.RLock()
        self._random = random.SystemRandom()

    # --- tools and activities -------------------------------------------------------------------------------

    def add_tool(
        self,
        address: str,
        *,
        name: str = "Наставничество",
        client_id: str | None = None,
        keys: str | Callable[[], dict[str, Any]] | None = None,
        **more: Any,
    ) -> Tool:
        """Registers a tool by hand, active at once.

        `address` is the tool's root: login, launch and key set are at its /lti/login, /lti/launch and
        /lti/jwks unless `login_url`, `url`, `redirect_uris` or `keys` (an address, or a function giving the
        key set) say otherwise. `more` are other fields of Tool.
        """
        address = address.rstrip("/")
        launch = more.pop("url", f"{address}/lti/launch")
        with self._lock:
            tool = Tool(
                id=next(self._tool_ids),
                name=name,
                client_id=client_id or self.new_client_id(),
                url=launch,
                login_url=more.pop("login_url", f"{address}/lti/login"),
                redirect_uris=more.pop("redirect_uris", [launch]),
                keys=ToolKeys(keys or f"{address}/lti/jwks"),
                domain=more.pop("domain", urlsplit(address).netloc),
                **more,
            )
            if any(other.client_id == tool.client_id for other in self.tools.values()):
                raise ValueError(f"client id {tool.client_id} is taken")
            self.tools[tool.id] = tool
            return tool

    def new_client_id(self) -> str:
        """Fifteen letters and digits, as Moodle makes them."""
        return "".join(self._random.choices(string.ascii_letters + string.digits, k=15))

    def tool_of(self, client_id: str) -> Tool | None:
        with self._lock:
            return next((tool for tool in self.tools.values() if tool.client_id == client_id), None)

    def add_link(
        self,
        course: Course | int,
        tool: Tool,
        title: str = "Наставничество",
        *,
        line_item: bool = True,
        maximum: float = 100,
        column_title: str | None = None,
        resource_id: str = "",
        tag: str = "",
        review: dict[str, Any] | None = None,
        section: int = 1,
        **more: Any,
    ) -> Link:
        """Adds an activity of a tool to a course, by default with a gradebook column of its own; `more`:
        fields of Link."""
        with self.college.lock:
            course = self.college.course(course)
            module = self.college.add_module(course, "lti", title, section=section)
            link = Link(module.instance, module.id, course, tool, title, accepts_grades=line_item, **more)
            self.links[link.id] = link
            if line_item:
                self.gradebook.add_column(
                    course,
                    tool.id,
                    column_title or title,
                    maximum,
                    resource_id=resource_id,
                    tag=tag,
                    link_id=link.id,
                    review=review,
                    coupled_to_module=link.module_id,
                )
            return link

    def link_of_module(self, module_id: int) -> Link | None:
        with self.college.lock:
            return next((link for link in self.links.values() if link.module_id == module_id), None)

    def link_in(self, course: Course | int) -> Link:
        """The first activity of an LTI tool in a course. Raises LookupError when there is none."""
        course = self.college.course(course)
        with self.college.lock:
            for link in self.links.values():
                if link.course.id == course.id:
                    return link
        raise LookupError(f"no LTI activity in {course.fullname}")

    def delete_link(self, link: Link) -> None:
        """Deletes an activity with its own column; columns the tool made for itself stay."""
        with self.college.lock:
            self.links.pop(link.id, None)
            link.course.modules = [module for module in link.course.modules if module.id != link.module_id]
            for column in self.gradebook.of_tool(link.course, link.tool.id):
                if column.coupled and column.instance == link.id:
                    self.gradebook.delete(column)

    # --- a launch -------------------------------------------------------------------------------------------

    def launch(
        self,
        who: Person | int | str,
        where: Link | Course | int,
        *,
        tool: Tool | None = None,
        message_type: str = RESOURCE_LINK,
        for_user: Person | int | str | None = None,
        container: str | None = None,
    ) -> Launch:
        """Says who is launched where.

        `where` is an activity, or a course (its first LTI activity; for deep linking the course itself, with
        `tool` by default the one of that activity or the only one). Someone who is not in the course gets an
        MoodlePageError, unless a site administrator.
        """
        person = self.college.person(who)
        if isinstance(where, Link):
            link: Link | None = where
            course = where.course
        else:
            course = self.college.course(where)
            link = None if message_type == DEEP_LINK else self.link_in(course)
        if link:
            tool = link.tool
        elif tool is None:
            tool = next(iter(self.tools.values()))
        enrolment = course.enrolments.get(person.id)
        if not person.is_site_admin and (enrolment is None or enrolment.suspended):
            raise MoodlePageError("Вы не можете записаться на этот курс.")
        if message_type == DEEP_LINK and not (person.is_site_admin or (enrolment and enrolment.manages_activities)):
            raise MoodlePageError("Извините, но у вас сейчас нет прав на это (Управление элементами курса).")
        reviewed = self.college.person(for_user) if for_user is not None else None
        return Launch(
            person,
            tool,
            course,
            None if message_type == DEEP_LINK else link,
            message_type,
            reviewed,
            container or (link.container if link else IN_FRAME),
        )

    def login_form(self, launch: Launch) -> dict[str, str]:
        """Starts a launch: the fields of the form that Moodle posts to the tool's login address. Its hint
        works once."""
        number = self._random.randrange(10**8, 10**10)
        hint: dict[str, Any]
        if launch.link:
            hint = {"cmid": launch.link.module_id, "launchid": f"ltilaunch{launch.link.id}_{number}"}
        else:
            hint = {"launchid": f"ltilaunch_ContentItemSelectionRequest{number}"}
        with self._lock:
            self._launches[hint["launchid"]] = launch
            while len(self._launches) > LAUNCHES_KEPT:
                del self._launches[next(iter(self._launches))]
        return {
            "iss": self.site.address,
            "target_link_uri": self.target(launch),
            "login_hint": str(launch.person.id),
            "lti_message_hint": json.dumps(hint, separators=(",", ":")),
            "client_id": launch.tool.client_id,
            "lti_deployment_id": launch.tool.deployment_id,
        }

    def target(self, launch: Launch) -> str:
        if launch.link:
            return launch.link.url or launch.tool.url
        return launch.tool.deep_linking_url or launch.tool.url

    def authenticate(self, params: Mapping[str, str]) -> AuthenticationAnswer:
        """Answers a tool's authentication request, checking what `auth.php` checks, in its order.

        Raises MoodlePageError where Moodle cannot trust the redirect address and shows a page of its own.
        """
        names = ("scope", "response_type", "client_id", "redirect_uri", "login_hint", "nonce")
        error = None if all(params.get(name) for name in names) else "invalid_request"
        launch_id = _launch_id(params.get("lti_message_hint", ""))
        if not error and launch_id is None:
            error = "invalid_request"
        if not error and params["scope"] != "openid":
            error = "invalid_scope"
        if not error and params["response_type"] != "id_token":
            error = "unsupported_response_type"
        with self._lock:
            launch = self._launches.pop(launch_id or "", None) if not error else None
        if launch is None or params["redirect_uri"] not in launch.tool.redirect_uris:
            raise MoodlePageError("Недопустимый запрос")
        description = None
        if params["client_id"] != launch.tool.client_id:
            error = "unauthorized_client"
        elif params["login_hint"] != str(launch.person.id):
            error = "access_denied"
        elif params.get("response_mode") != "form_post":
            error, description = "invalid_request", "Invalid response_mode"
        elif params.get("prompt") not in (None, "", "none"):
            error, description = "invalid_request", "Invalid prompt"
        if error:
            fields = {"error": error} | ({"error_description": description} if description else {})
        else:
            fields = {"id_token": signing.token(self.claims(launch, params["nonce"]))}
        return AuthenticationAnswer(params["redirect_uri"], fields | {"state": params.get("state", "")})

    # --- claims ---------------------------------------------------------------------------------------------

    def claims(self, launch: Launch, nonce: str) -> dict[str, Any]:
        """The claims Moodle would sign for a launch at this moment."""
        with self.college.lock:
            return self._claims(launch, nonce)

    def _claims(self, launch: Launch, nonce: str) -> dict[str, Any]:
        now = int(time.time())
        person, tool, course, link = launch.person, launch.tool, launch.course, launch.link
        sourcedid = self.result_sourcedid(link, person) if link and link.accepts_grades else None
        claims: dict[str, Any] = {
            "nonce": nonce,
            "iat": now,
            "exp": now + ID_TOKEN_LIFE,
            "iss": self.site.address,
            "aud": tool.client_id,
            CLAIM + "deployment_id": tool.deployment_id,
            CLAIM + "target_link_uri": self.target(launch),
            "sub": str(person.id),
            CLAIM + "lis": {"person_sourcedid": person.idnumber, "course_section_sourcedid": course.idnumber},
            CLAIM + "roles": self.roles(person, course),
            CLAIM + "context": {
                "id": str(course.id),
                "label": course.shortname,
                "title": course.fullname,
                "type": ["CourseSection"],
            },
        }
        if launch.for_user:
            claims[CLAIM + "for_user"] = {"user_id": str(launch.for_user.id)}
        claims[CLAIM + "message_type"] = launch.message_type
        if link:
            claims[CLAIM + "resource_link"] = {
                "title": link.title,
                "description": link.description,
                "id": str(link.id),
            }
        if sourcedid:
            claims[BASIC_OUTCOME] = self.basic_outcome(sourcedid)
        if tool.sends_name:
            claims |= {"given_name": person.firstname, "family_name": person.lastname, "name": person.fullname}
        claims[CLAIM + "ext"] = ({"user_username": person.username} if tool.sends_name else {}) | {"lms": "moodle-2"}
        if tool.sends_email:
            claims["email"] = person.email
        claims[CLAIM + "launch_presentation"] = {"locale": person.lang} | (
            {"document_target": launch.container, "return_url": self._return_url(launch)} if link else {}
        )
        claims[CLAIM + "tool_platform"] = {
            "product_family_code": "moodle",
            "version": self.site.version,
            "guid": self.site.guid,
            "name": self.site.shortname,
            "description": self.site.fullname,
        }
        claims[CLAIM + "version"] = "1.3.0"
        custom = self._custom(launch, sourcedid)
        service_addresses = {
            claim: custom.pop(name)
            for name, claim in ADDRESSES_THAT_BECOME_CLAIMS.items()
            if isinstance(custom.get(name), str)
        }
        claims[CLAIM + "custom"] = custom
        if tool.gradebook:
            claims[AGS + "claim/endpoint"] = {
                "lineitems": self.line_items_url(course, tool),
                **({"lineitem": self.line_item_url(column)} if (column := self._only_column(link)) else {}),
                **{claim: text for claim, text in service_addresses.items() if claim != "lineitem" or not column},
                "scope": sorted(scope for scope in tool.scopes if scope.startswith(AGS)),
            }
        if tool.roster:
            claims[NRPS + "claim/namesroleservice"] = {
                "context_memberships_url": self.memberships_url(course, tool),
                "service_versions": ["1.0", "2.0"],
            }
        if launch.message_type == DEEP_LINK:
            claims[DEEP_LINKING + "deep_linking_settings"] = {
                "accept_types": ["ltiResourceLink"],
                "accept_presentation_document_targets": ["frame", "iframe", "window"],
                "accept_copy_advice": False,
                "accept_multiple": True,
                "accept_unsigned": False,
                "auto_create": False,
                "can_confirm": False,
                "deep_link_return_url": self.site.url(
                    f"/mod/lti/contentitem_return.php?course={course.id}&id={tool.id}&sesskey={sesskey(person)}"
                ),
                "title": tool.name,
                "text": "",
            }
        return claims

    def roles(self, person: Person, course: Course) -> list[str]:
        """The role claim: Learner or Instructor, and Administrator for site administrators, never anything
        else."""
        enrolment = course.enrolments.get(person.id)
        teaches = person.is_site_admin or (enrolment is not None and enrolment.teaches)
        role = MEMBERSHIP + ("Instructor" if teaches else "Learner")
        return [INSTITUTION_ADMIN, role, SYSTEM_ADMIN] if person.is_site_admin else [role]

    def _return_url(self, launch: Launch) -> str:
        assert launch.link
        return self.site.url(
            f"/mod/lti/return.php?course={launch.course.id}&launch_container={CONTAINERS[launch.container]}"
            f"&instanceid={launch.link.id}&sesskey={sesskey(launch.person)}"
        )

    def result_sourcedid(self, link: Link, person: Person) -> str:
        data = {
            "instanceid": str(link.id),
            "userid": str(person.id),
            "typeid": str(link.tool.id),
            "launchid": self._random.randrange(10**8, 2**31),
        }
        text = json.dumps(data, separators=(",", ":"))
        digest = hashlib.sha256((text + link.salt).encode()).hexdigest()
        return json.dumps({"data": data, "hash": digest}, separators=(",", ":"))

    def basic_outcome(self, sourcedid: str) -> dict[str, str]:
        return {"lis_result_sourcedid": sourcedid, "lis_outcome_service_url": self.site.url("/mod/lti/service.php")}

    def _only_column(self, link: Link | None) -> Column | None:
        """The column of an activity; nothing when there are several, as the specification says."""
        if link is None:
            return None
        columns = self.gradebook.of_tool(link.course, link.tool.id)
        named = [column for column in columns if column.link_id == link.id]
        own = [column for column in columns if column.coupled and column.instance == link.id]
        if len(named) < 2 and len(own) == 1:
            return own[0] if named in ([], own) else None
        return named[0] if len(named) == 1 else None

    def line_items_url(self, course: Course, tool: Tool) -> str:
        return self.site.url(f"/mod/lti/services.php/{course.id}/lineitems?type_id={tool.id}")

    def line_item_url(self, column: Column) -> str:
        return self.site.url(
            f"/mod/lti/services.php/{column.course_id}/lineitems/{column.id}/lineitem?type_id={column.tool_id}"
        )

    def memberships_url(self, course: Course, tool: Tool) -> str:
        return self.site.url(f"/mod/lti/services.php/CourseSection/{course.id}/bindings/{tool.id}/memberships")

    def _custom(self, launch: Launch, sourcedid: str | None) -> dict[str, Any]:
        """The custom claim: the tool's and the activity's parameters, each also under its lower-case name,
        then the parameters that services add. Variables Moodle does not know stay as they are written."""
        tool, course, link = launch.tool, launch.course, launch.link
        custom: dict[str, Any] = {}
        for name, value in (tool.custom | (link.custom if link else {})).items():
            text = self._substituted(value, launch, sourcedid)
            plain = "".join(letter if letter.isalnum() else "_" for letter in name.lower())
            custom[plain] = text
            custom[name] = text
        if tool.roster:
            custom["context_memberships_url"] = self.memberships_url(course, tool)
        if tool.settings:
            services = self.site.url("/mod/lti/services.php")
            custom["system_setting_url"] = f"{services}/tool/{tool.id}/custom"
            custom["context_setting_url"] = f"{services}/CourseSection/{course.id}/bindings/tool/{tool.id}/custom"
            if link:
                custom["link_setting_url"] = services + "/links/{link_id}/custom"
        return custom

    def _substituted(self, value: str, launch: Launch, sourcedid: str | None) -> str | None:
        if not value.startswith("$"):
            return value
        person, course, link, tool = launch.person, launch.course, launch.link, launch.tool
        college = self.college
        roles = ["Instructor" if self.roles(person, course) != [MEMBERSHIP + "Learner"] else "Learner"]
        if person.is_site_admin:
            roles += ["urn:lti:sysrole:ims/lis/Administrator", "urn:lti:instrole:ims/lis/Administrator"]
        known: dict[str, str | None] = {
            "User.id": str(person.id),
            "User.username": person.username,
            "Person.name.full": person.fullname,
            "Person.name.given": person.firstname,
            "Person.name.family": person.lastname,
            "Person.name.middle": "",
            "Person.email.primary": person.email,
            "Person.sourcedId": person.idnumber,
            "Person.address.street1": "",
            "Person.address.locality": person.city,
            "Person.address.country": person.country,
            "Person.address.timezone": "99",
            "Person.phone.primary": "",
            "Person.phone.mobile": "",
            "Person.webaddress": "",
            "Membership.role": ",".join(roles),
            "Context.id": str(course.id),
            "Context.title": course.fullname,
            "Context.label": course.shortname,
            "Context.sourcedId": course.idnumber,
            "Context.longDescription": course.summary,
            "Context.id.history": "",
            "Context.timeFrame.begin": str(course.start),
            "CourseSection.title": course.fullname,
            "CourseSection.label": course.shortname,
            "CourseSection.sourcedId": course.idnumber,
            "CourseSection.longDescription": course.summary,
            "CourseSection.timeFrame.begin": _iso(course.start),
            "CourseSection.timeFrame.end": _iso(course.end),
            "ResourceLink.id": str(link.id) if link else None,
            "ResourceLink.title": link.title if link else None,
            "ResourceLink.description": link.description if link else None,
            "Result.sourcedId": sourcedid,
            "BasicOutcome.sourcedId": sourcedid,
            "Moodle.Person.userGroupIds": ",".join(str(group.id) for group in college.course(course).groups_of(person)),
            "ToolProxyBinding.memberships.url": self.memberships_url(course, tool),
            "LtiLink.memberships.url": self.site.url("/mod/lti/services.php/links/{link_id}/memberships"),
            "LineItems.url": self.line_items_url(course, tool),
            "LineItem.url": self.line_item_url(column) if (column := self._only_column(link)) else "",
            "Scores.url": "",
            "Results.url": "",
        }
        return known.get(value[1:], value)

    # --- access tokens --------------------------------------------------------------------------------------

    def issue_token(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Answers a token request as `token.php` does. Raises TokenRefusedError."""
        if not all(form.get(name) for name in ("client_assertion", "client_assertion_type", "grant_type", "scope")):
            raise TokenRefusedError("invalid_request")
        if form["client_assertion_type"] != ASSERTION_TYPE or form["grant_type"] != "client_credentials":
            raise TokenRefusedError("unsupported_grant_type")
        claims = _unverified_claims(form["client_assertion"])
        if not claims.get("sub"):
            raise TokenRefusedError("invalid_request")
        tool = self.tool_of(str(claims["sub"]))
        if tool is None:
            raise TokenRefusedError("invalid_client")
        try:
            tool.keys.check(form["client_assertion"])
        except BadSignatureError as error:
            raise TokenRefusedError(str(error)) from error
        scopes = [scope for scope in form["scope"].split(" ") if scope in tool.scopes]
        if not scopes:
            raise TokenRefusedError("invalid_scope")
        return {
            "access_token": self.new_access_token(tool, scopes),
            "token_type": "Bearer",
            "expires_in": ACCESS_TOKEN_LIFE,
            "scope": " ".join(scopes),
        }

    def new_access_token(self, tool: Tool, scopes: list[str] | None = None) -> str:
        """An access token without the ceremony: by default with every scope the tool may have."""
        text = secrets.token_hex(16)
        with self._lock:
            self._access_tokens[text] = AccessToken(
                tool, frozenset(tool.scopes if scopes is None else scopes), time.time() + ACCESS_TOKEN_LIFE
            )
        return text

    def tool_with_token(self, authorization: str, scopes: set[str]) -> Tool | None:
        """The tool whose live token an Authorization header carries, if it holds one of these scopes."""
        kind, _, text = authorization.partition(" ")
        with self._lock:
            token = self._access_tokens.get(text.strip()) if kind == "Bearer" else None
        if token is None or token.expires < time.time() or not token.scopes & scopes:
            return None
        return token.tool

    def forget_access_tokens(self) -> None:
        """Every token given out so far stops working, as after a purge of Moodle's table."""
        with self._lock:
            self._access_tokens.clear()

    # --- deep linking ---------------------------------------------------------------------------------------

    def take_deep_linking_answer(self, course: Course | int, tool: Tool, text: str) -> list[Link]:
        """Adds what a tool chose to a course, as the teacher saving the form does. Raises MoodlePageError for
        a bad answer."""
        try:
            claims = tool.keys.check(text)
        except (BadSignatureError, OSError, ValueError) as error:
            raise MoodlePageError(str(error)) from error
        if claims.get("iss") != tool.client_id:
            raise MoodlePageError("Consumer key is incorrect.")
        if claims.get(CLAIM + "message_type") != "LtiDeepLinkingResponse" or claims.get(CLAIM + "version") != "1.3.0":
            raise MoodlePageError("Недопустимый запрос")
        items = claims.get(DEEP_LINKING + "content_items") or []
        return [
            self._link_from(course, tool, item)
            for item in items
            if isinstance(item, dict) and item.get("type") == "ltiResourceLink"
        ]

    def _link_from(self, course: Course | int, tool: Tool, item: dict[str, Any]) -> Link:
        column = item.get("lineItem") or {}
        return self.add_link(
            course,
            tool,
            item.get("title") or tool.name,
            description=item.get("text") or "",
            url=item.get("url"),
            custom={str(name): str(value) for name, value in (item.get("custom") or {}).items()},
            container=IN_WINDOW if "window" in item and "iframe" not in item else IN_FRAME,
            line_item=bool(column),
            maximum=float(column.get("scoreMaximum") or 100),
            # Its label is not read: the column is called like the activity.
            resource_id=column.get("resourceId") or "",
            tag=column.get("tag") or "",
            review=review_of(column),
        )


ADDRESSES_THAT_BECOME_CLAIMS = {
    "lineitems_url": "lineitems",
    "lineitem_url": "lineitem",
    "scores_url": "scores",
    "results_url": "results",
}
"""Custom parameters with these names land in the gradebook claim, over what belongs there: never use them."""


def sesskey(person: Person) -> str:
    """The session key that Moodle puts into addresses; here one for each person."""
    return hashlib.sha256(f"sesskey {person.id}".encode()).hexdigest()[:10]


def short_role(enrolment: Enrolment) -> str:
    """The role NRPS gives: only those who may edit activities are Instructor there."""
    return "Instructor" if enrolment.manages_activities else "Learner"


def _iso(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()


def _launch_id(hint: str) -> str | None:
    try:
        decoded = json.loads(hint)
    except ValueError:
        return None
    launch_id = decoded.get("launchid") if isinstance(decoded, dict) else None
    return launch_id if isinstance(launch_id, str) else None


def _unverified_claims(text: str) -> dict[str, Any]:
    parts = text.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(signing.from_base64url(parts[1]))
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}
