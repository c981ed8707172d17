"""Dynamic registration of tools with the practice Moodle: its configuration, its registration tokens, its
answers.

Follows `openid-configuration.php`, `openid-registration.php` and `registration_helper` of Moodle 4.5.
"""

import re
import time
from typing import Any
from urllib.parse import urlencode

from . import signing
from .lti_platform import (
    SCOPE_LINE_ITEM,
    SCOPE_LINE_ITEM_READ,
    SCOPE_RESULT,
    SCOPE_ROSTER,
    SCOPE_SCORE,
    SCOPE_SETTINGS,
    LtiPlatform,
    MoodlePageError,
    Tool,
)
from .signing import BadSignatureError, ToolKeys
from .site import Site

REGISTRATION_TOKEN_LIFE = 3600
NEW, UPDATE = "reg", "reg-update"
TOOL_CONFIGURATION = "https://purl.imsglobal.org/spec/lti-tool-configuration"
PLATFORM_CONFIGURATION = "https://purl.imsglobal.org/spec/lti-platform-configuration"
BASIC_OUTCOME_SCOPE = "https://purl.imsglobal.org/spec/lti-bo/scope/basicoutcome"

VARIABLES = [
    "basic-lti-launch-request",
    "ContentItemSelectionRequest",
    "ToolProxyRegistrationRequest",
    "Context.id",
    "Context.title",
    "Context.label",
    "Context.id.history",
    "Context.sourcedId",
    "Context.longDescription",
    "Context.timeFrame.begin",
    "CourseSection.title",
    "CourseSection.label",
    "CourseSection.sourcedId",
    "CourseSection.longDescription",
    "CourseSection.timeFrame.begin",
    "CourseSection.timeFrame.end",
    "ResourceLink.id",
    "ResourceLink.title",
    "ResourceLink.description",
    "User.id",
    "User.username",
    "Person.name.full",
    "Person.name.given",
    "Person.name.family",
    "Person.email.primary",
    "Person.sourcedId",
    "Person.name.middle",
    "Person.address.street1",
    "Person.address.locality",
    "Person.address.country",
    "Person.address.timezone",
    "Person.phone.primary",
    "Person.phone.mobile",
    "Person.webaddress",
    "Membership.role",
    "Result.sourcedId",
    "Result.autocreate",
    "BasicOutcome.sourcedId",
    "BasicOutcome.url",
    "Moodle.Person.userGroupIds",
]


class RegistrationRefusedError(Exception):
    """The registration is refused: an HTTP status and the plain text of the body."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text


class Registration:
    """Registers tools and updates them."""

    def __init__(self, site: Site, platform: LtiPlatform) -> None:
        self.site = site
        self.platform = platform

    def configuration(self) -> dict[str, Any]:
        """The platform's OpenID configuration."""
        return {
            "issuer": self.site.address,
            "token_endpoint": self.site.url("/mod/lti/token.php"),
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS256"],
            "jwks_uri": self.site.url("/mod/lti/certs.php"),
            "authorization_endpoint": self.site.url("/mod/lti/auth.php"),
            "registration_endpoint": self.site.url("/mod/lti/openid-registration.php"),
            "scopes_supported": [
                BASIC_OUTCOME_SCOPE,
                SCOPE_LINE_ITEM_READ,
                SCOPE_RESULT,
                SCOPE_SCORE,
                SCOPE_LINE_ITEM,
                SCOPE_ROSTER,
                SCOPE_SETTINGS,
                "openid",
            ],
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public", "pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "claims_supported": ["sub", "iss", "name", "given_name", "family_name", "email"],
            PLATFORM_CONFIGURATION: {
                "product_family_code": "moodle",
                "version": self.site.release,
                "messages_supported": [
                    {"type": "LtiResourceLinkRequest"},
                    {"type": "LtiDeepLinkingRequest", "placements": ["ContentArea"]},
                ],
                "variables": list(VARIABLES),
            },
        }

    def start(self, address: str, update: Tool | None = None) -> str:
        """What the admin's browser is sent to after pasting a tool's registration address: that address with
        the platform's configuration and a registration token, which works once for a new tool and for an hour
        for an update."""
        query = urlencode(
            {
                "openid_configuration": self.site.url("/mod/lti/openid-configuration.php"),
                "registration_token": self.token(update),
            }
        )
        return f"{address}{'&' if '?' in address else '?'}{query}"

    def tools_at(self, address: str) -> list[Tool]:
        """The tools on the host of a registration address, whatever their state: Moodle asks whether one of them
        is to be updated."""
        return [tool for tool in self.platform.tools.values() if tool.domain == _host(address)]

    def token(self, update: Tool | None = None, *, life: int = REGISTRATION_TOKEN_LIFE) -> str:
        """A registration token: for a new tool, or to update a registered one."""
        now = int(time.time())
        subject = str(update.id) if update else self.platform.new_client_id()
        return signing.token({"sub": subject, "scope": UPDATE if update else NEW, "iat": now, "exp": now + life})

    def register(self, authorization: str, sent: Any) -> dict[str, Any]:
        """Registers or updates a tool and returns what it is told. Raises RegistrationRefusedError, or
        MoodlePageError for a bad token."""
        if not authorization.startswith("Bearer "):
            raise RegistrationRefusedError(401, "missing_registration_token")
        try:
            claims = signing.check_own(authorization[7:].strip())
        except BadSignatureError as error:
            # Moodle does not catch this one: the tool is answered with an HTML page.
            raise MoodlePageError(str(error)) from error
        if claims.get("scope") == NEW:
            if self.platform.tool_of(claims["sub"]):
                raise RegistrationRefusedError(401, "token_already_used")
            fields = _fields(sent)
            tool = self.platform.add_tool(
                fields.pop("origin"),
                client_id=claims["sub"],
                keys=fields.pop("key_set_url"),
                active=False,
                in_chooser=False,
                **fields,
            )
        elif claims.get("scope") == UPDATE:
            found = self.platform.tools.get(int(claims["sub"])) if str(claims["sub"]).isdigit() else None
            if found is None:
                raise RegistrationRefusedError(400, "Unknown client")
            tool = found
            fields = _fields(sent)
            del fields["origin"]
            tool.keys = ToolKeys(fields.pop("key_set_url"))
            # Moodle makes the configuration anew: what the admin had set is taken back.
            tool.in_chooser = False
            for name, value in fields.items():
                setattr(tool, name, value)
        else:
            raise RegistrationRefusedError(403, "Incorrect scope")
        return _told(tool)


def _fields(sent: Any) -> dict[str, Any]:
    """The fields of Tool that a registration asks for, checked in Moodle's order. Raises
    RegistrationRefusedError."""
    if not isinstance(sent, dict):
        raise RegistrationRefusedError(500, "")
    for name in ("response_types", "initiate_login_uri", "redirect_uris", "client_name", "jwks_uri"):
        _needed(sent, name)
    method = _needed(sent, "token_endpoint_auth_method")
    configuration = _needed(sent, TOOL_CONFIGURATION)
    domain = configuration.get("domain")
    if not domain:
        raise RegistrationRefusedError(400, "missing_domain")
    target = configuration.get("target_link_uri") or f"https://{domain}"
    if _host(domain) != _host(target):
        raise RegistrationRefusedError(400, "domain_targetlinkuri_mismatch")
    if "id_token" not in sent["response_types"]:
        raise RegistrationRefusedError(400, "invalid_response_types")
    if not isinstance(sent["redirect_uris"], list):
        raise RegistrationRefusedError(400, "invalid_redirect_uris")
    if method != "private_key_jwt":
        raise RegistrationRefusedError(400, "invalid_token_endpoint_auth_method")
    if sent.get("application_type") not in (None, "", "web"):
        raise RegistrationRefusedError(400, "invalid_application_type")
    scopes = str(sent.get("scope") or "").split(" ")
    claims = configuration.get("claims") or []
    deep_linking = next(
        (one for one in configuration.get("messages") or [] if one.get("type") == "LtiDeepLinkingRequest"), None
    )
    grades = 1 if {SCOPE_SCORE, SCOPE_RESULT, SCOPE_LINE_ITEM_READ} & set(scopes) else 0
    return {
        "origin": target,
        "key_set_url": sent["jwks_uri"],
        "name": sent["client_name"],
        "url": target,
        "login_url": sent["initiate_login_uri"],
        "redirect_uris": list(sent["redirect_uris"]),
        "domain": _host(domain),
        "description": configuration.get("description") or "",
        "icon": sent.get("logo_uri") or "",
        "deep_linking_url": (deep_linking.get("target_link_uri") or target) if deep_linking else None,
        "custom": {str(name): str(value) for name, value in (configuration.get("custom_parameters") or {}).items()},
        "sends_name": bool({"name", "given_name", "family_name"} & set(claims)),
        "sends_email": "email" in claims,
        "gradebook": 2 if SCOPE_LINE_ITEM in scopes else grades,
        "roster": SCOPE_ROSTER in scopes,
        "settings": SCOPE_SETTINGS in scopes,
    }


def _needed(sent: dict[str, Any], name: str) -> Any:
    if not sent.get(name):
        raise RegistrationRefusedError(400, f"missing required attribute {name}")
    return sent[name]


def _host(address: str) -> str:
    """The host with its port, without `www.`, as Moodle compares domains."""
    found = re.match(r"(?:https?://)?(?:www\.)?([^/]+)(?:/|$)", address, re.IGNORECASE)
    return found[1].lower() if found else ""


def _told(tool: Tool) -> dict[str, Any]:
    assert isinstance(tool.keys.source, str)
    configuration: dict[str, Any] = {
        "version": "1.3.0",
        "deployment_id": tool.deployment_id,
        "target_link_uri": tool.url,
        "domain": tool.domain,
        "description": tool.description,
    }
    if tool.deep_linking_url:
        message = {"type": "LtiDeepLinkingRequest", "target_link_uri": tool.deep_linking_url}
        configuration["messages"] = [message]
    if tool.custom:
        configuration["custom_parameters"] = tool.custom
    claims = ["sub", "iss"]
    claims += ["name", "family_name", "given_name"] if tool.sends_name else []
    claims += ["email"] if tool.sends_email else []
    scopes = [SCOPE_SCORE, SCOPE_RESULT, SCOPE_LINE_ITEM_READ] if tool.gradebook else []
    scopes += [scope for scope in (SCOPE_LINE_ITEM, SCOPE_ROSTER, SCOPE_SETTINGS) if scope in tool.scopes]
    return {
        "client_id": tool.client_id,
        "response_types": ["id_token"],
        "jwks_uri": tool.keys.source,
        "initiate_login_uri": tool.login_url,
        "grant_types": ["client_credentials", "implicit"],
        "redirect_uris": tool.redirect_uris,
        "application_type": "web",
        "token_endpoint_auth_method": "private_key_jwt",
        "client_name": tool.name,
        "logo_uri": tool.icon,
        "scope": " ".join(scopes),
        TOOL_CONFIGURATION: configuration | {"claims": claims},
    }
