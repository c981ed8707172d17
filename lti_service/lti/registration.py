"""Dynamic registration: a Moodle site and this tool tell each other who they are (1EdTech Dynamic Registration 1.0).

The platform opens our address with where its configuration is and a token; we read the configuration, post what we
are, and are answered with a client id. Nothing here touches the database.
"""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from flask_babel import lazy_gettext as _l

from lti_service.errors import DomainError
from lti_service.lti.services import AGS_SCOPES, NRPS_SCOPES
from lti_service.platforms import outgoing
from lti_service.platforms.service import Registration

TOOL_CONFIGURATION = "https://purl.imsglobal.org/spec/lti-tool-configuration"
PLATFORM_CONFIGURATION = "https://purl.imsglobal.org/spec/lti-platform-configuration"
NAME = "Наставничество"
DESCRIPTION = "Целевая модель наставничества: пары, анкеты и показатели программы"
SCOPES = (*AGS_SCOPES, *NRPS_SCOPES)
CLAIMS = ("iss", "sub", "name", "given_name", "family_name", "email")
MESSAGES = ("LtiResourceLinkRequest", "LtiDeepLinkingRequest")
CUSTOM_PARAMETERS = {"group_ids": "$Moodle.Person.userGroupIds"}
"""Never named lineitem_url, scores_url or results_url: Moodle would put those over its own gradebook addresses."""
TIMEOUT = (5.0, 15.0)
"""Seconds to connect and to be answered: the admin is looking at the page."""
LONGEST_ADDRESS = 400
LONGEST_CLIENT_ID = 200
LONGEST_DEPLOYMENT_ID = 255
LONGEST_REASON = 200

_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?", re.IGNORECASE)
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{1,8000}")


class RegistrationError(DomainError):
    """A registration that came to nothing; `detail` is for the audit trail."""

    def __init__(self, detail: str = "", **facts: Any) -> None:
        super().__init__(**facts)
        self.detail = detail


class NotFromMoodleError(RegistrationError):
    """The address was opened without what a platform adds to it."""

    code = "not-from-moodle"
    status = 400
    message = _l("This address is not for opening in a browser: it is pasted into Moodle, which then opens it itself.")


class PlatformAddressError(RegistrationError):
    """Moodle is at an address that we do not go to."""

    code = "platform-address"
    message = _l("We may not go to the address of this Moodle: %(host)s.")


class NoAnswerError(RegistrationError):
    """Moodle did not answer us."""

    code = "no-answer"
    status = 502
    message = _l("We asked %(host)s and got no answer.")


class WrongConfigurationError(RegistrationError):
    """What Moodle says of itself is not what it must say; the fact `problem` is a translated sentence's part."""

    code = "wrong-configuration"
    status = 502
    message = _l("The configuration that Moodle gave us cannot be right: %(problem)s.")


class RefusedByMoodleError(RegistrationError):
    """Moodle did not want us; `reason` is its own word, in plain text."""

    code = "refused-by-moodle"
    message = _l("Moodle refused the registration (HTTP %(http)s).")

    def __init__(self, http: int, reason: str) -> None:
        super().__init__(f"{http} {reason}".strip(), http=http)
        self.reason = reason


class WrongAnswerError(RegistrationError):
    """Moodle took the registration, yet its answer lacks what we need."""

    code = "wrong-answer"
    status = 502
    message = _l("Moodle took the registration, but its answer lacks something: %(problem)s.")


@dataclass(frozen=True, slots=True)
class PlatformConfiguration:
    """What a platform says of itself, checked: all addresses are on one origin, the issuer's."""

    issuer: str
    login_url: str
    token_url: str
    jwks_url: str
    registration_url: str


def origin_of(configuration_url: str) -> str:
    """The origin behind `openid_configuration`, safe to be put into a header.

    Raises PlatformAddressError unless it is an address that we would go to.
    """
    host = _host(configuration_url)
    try:
        outgoing.check_address(configuration_url, outgoing.http().allowed)
    except outgoing.AddressRefusedError as err:
        raise PlatformAddressError(str(err.facts.get("reason", "")), host=host) from err
    if not _HOST.fullmatch(host):
        raise PlatformAddressError("malformed", host=host)
    return outgoing.origin(configuration_url)


def framing_origin(configuration_url: str) -> str:
    """The same of an address that we may not go to: whose frame may show why; empty where it is no site's."""
    is_site = _HOST.fullmatch(_host(configuration_url)) and urlsplit(configuration_url).scheme in ("http", "https")
    return outgoing.origin(configuration_url) if is_site else ""


def read_configuration(url: str) -> PlatformConfiguration:
    """Fetch and check a platform's OpenID configuration (§3.4).

    Raises PlatformAddressError, NoAnswerError, WrongConfigurationError.
    """
    origin = origin_of(url)
    response = _ask("GET", url, headers={"Accept": "application/json"})
    if response.status_code != 200:
        raise WrongConfigurationError(
            f"HTTP {response.status_code}", problem=_l("its address answers HTTP %(http)s", http=response.status_code)
        )
    told = _object(response.content)
    if told is None:
        raise WrongConfigurationError("not a JSON object", problem=_l("it is not JSON"))
    addresses = {
        name: _address(told, name, origin)
        for name in ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "registration_endpoint")
    }
    # The specification: the issuer is where the configuration is, so that nobody speaks for another site. A site in
    # a folder of its host speaks for that folder only.
    if not url.startswith(addresses["issuer"].rstrip("/") + "/"):
        raise WrongConfigurationError("issuer", problem=_l("it speaks for another site (issuer)"))
    _check_abilities(told)
    return PlatformConfiguration(
        issuer=addresses["issuer"],
        login_url=addresses["authorization_endpoint"],
        token_url=addresses["token_endpoint"],
        jwks_url=addresses["jwks_uri"],
        registration_url=addresses["registration_endpoint"],
    )


def configuration_url(issuer: str) -> str:
    """Where a Moodle at this address has its configuration."""
    return f"{issuer.rstrip('/')}/mod/lti/openid-configuration.php"


def tool_registration(public_url: str) -> dict[str, Any]:
    """What we tell a platform about ourselves (§3.5); `public_url` has no slash at its end."""
    launch = f"{public_url}/lti/launch"
    return {
        "application_type": "web",
        "response_types": ["id_token"],
        "grant_types": ["implicit", "client_credentials"],
        "initiate_login_uri": f"{public_url}/lti/login",
        "redirect_uris": [launch],
        "client_name": NAME,
        "jwks_uri": f"{public_url}/lti/jwks",
        "logo_uri": f"{public_url}/static/logo.svg",
        "token_endpoint_auth_method": "private_key_jwt",
        "scope": " ".join(SCOPES),
        TOOL_CONFIGURATION: {
            # Moodle compares it with the host of target_link_uri, port included.
            "domain": urlsplit(public_url).netloc,
            "description": DESCRIPTION,
            "target_link_uri": launch,
            "custom_parameters": CUSTOM_PARAMETERS,
            "claims": list(CLAIMS),
            "messages": [
                {"type": "LtiResourceLinkRequest"},
                {"type": "LtiDeepLinkingRequest", "target_link_uri": launch, "label": NAME},
            ],
        },
    }


def register_at(configuration: PlatformConfiguration, token: str, public_url: str) -> Registration:
    """Post our registration to the platform and return what both sides must know of each other.

    `token` is the one that the platform gave us for this; empty: none was given.
    Raises NotFromMoodleError, PlatformAddressError, NoAnswerError, RefusedByMoodleError, WrongAnswerError.
    """
    if token and not _TOKEN.fullmatch(token):
        raise NotFromMoodleError("registration_token")
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    response = _ask("POST", configuration.registration_url, json=tool_registration(public_url), headers=headers)
    if response.status_code not in (200, 201):
        raise RefusedByMoodleError(response.status_code, plain_reason(response.content))
    told = _object(response.content) or {}
    tool = told.get(TOOL_CONFIGURATION)
    client_id = told.get("client_id")
    deployment_id = tool.get("deployment_id") if isinstance(tool, dict) else None
    if not isinstance(client_id, str) or not 0 < len(client_id) <= LONGEST_CLIENT_ID:
        raise WrongAnswerError("client_id", problem="client_id")
    if not isinstance(deployment_id, str) or not 0 < len(deployment_id) <= LONGEST_DEPLOYMENT_ID:
        raise WrongAnswerError("deployment_id", problem="deployment_id")
    return registration_of(configuration, client_id, deployment_id)


def registration_of(configuration: PlatformConfiguration, client_id: str, deployment_id: str) -> Registration:
    """What both sides must know of each other, from what the platform says of itself and calls us."""
    return Registration(
        issuer=configuration.issuer,
        client_id=client_id,
        deployment_id=deployment_id,
        login_url=configuration.login_url,
        token_url=configuration.token_url,
        jwks_url=configuration.jwks_url,
        name=configuration.issuer.partition("://")[2],
        # Moodle's issuer is the root of the site, where its web services are.
        ws_url=configuration.issuer,
        active=True,
    )


def plain_reason(body: bytes) -> str:
    """The one line of plain text that Moodle gives as its reason; empty when it sent a page or nothing."""
    text = body[: 4 * LONGEST_REASON].decode("utf-8", "replace").strip()
    if "<" in text or "\n" in text or len(text) > LONGEST_REASON or not text.isprintable():
        return ""
    return text


def _ask(method: str, url: str, **how: Any) -> requests.Response:
    try:
        return outgoing.http().request(method, url, timeout=TIMEOUT, **how)
    except outgoing.AddressRefusedError as err:
        raise PlatformAddressError(str(err.facts.get("reason", "")), host=_host(url)) from err
    except (requests.RequestException, outgoing.AnswerTooLargeError) as err:
        raise NoAnswerError(type(err).__name__, host=_host(url)) from err


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc[:200]
    except ValueError:
        return ""


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def _address(told: dict[str, Any], name: str, origin: str) -> str:
    """One address of the configuration. Raises WrongConfigurationError."""
    value = told.get(name)
    if not isinstance(value, str) or not value or len(value) > LONGEST_ADDRESS:
        raise WrongConfigurationError(f"no {name}", problem=_l("it does not say its %(what)s", what=name))
    try:
        outgoing.check_address(value, outgoing.http().allowed)
        same_site = outgoing.origin(value) == origin
    except outgoing.AddressRefusedError:
        same_site = False
    if not same_site:
        raise WrongConfigurationError(
            f"{name} elsewhere", problem=_l("its %(what)s is not at %(origin)s", what=name, origin=origin)
        )
    return value


def _check_abilities(told: dict[str, Any]) -> None:
    """Raise WrongConfigurationError for what the platform must be able to do and cannot."""
    for name, needed in (
        ("scopes_supported", SCOPES),
        ("token_endpoint_auth_methods_supported", ("private_key_jwt",)),
        ("id_token_signing_alg_values_supported", ("RS256",)),
    ):
        offered = told.get(name)
        missing = [one for one in needed if not isinstance(offered, list) or one not in offered]
        if missing:
            raise WrongConfigurationError(
                f"{name} without {' '.join(missing)}",
                problem=_l("it does not offer what is needed: %(what)s", what=", ".join(missing)),
            )
    platform = told.get(PLATFORM_CONFIGURATION)
    listed = platform.get("messages_supported") if isinstance(platform, dict) else None
    messages = {one.get("type") for one in listed if isinstance(one, dict)} if isinstance(listed, list) else set()
    if "LtiResourceLinkRequest" not in messages:
        raise WrongConfigurationError(
            "messages_supported", problem=_l("it does not offer what is needed: %(what)s", what=MESSAGES[0])
        )
