"""Calls of a platform's services (gradebook, roster) with access tokens that all our processes share.

It stands on PyLTI1p3's connector and adds what that lacks: tokens that expire and are kept, one try with a fresh token
on 401, time limits, page links as Moodle writes them, and errors that hold neither token nor body.
(1EdTech Security Framework 1.0 §4, access tokens by client_credentials with a signed assertion, RFC 7523.)

Never call these inside an open writing transaction: a fresh token is stored in a transaction of its own.
"""

import re
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast
from urllib.parse import quote, urlsplit, urlunsplit
from weakref import WeakKeyDictionary

import requests
import structlog
from flask_babel import lazy_gettext as _l
from pylti1p3.registration import Registration
from pylti1p3.service_connector import ServiceConnector, TServiceConnectorResponse
from sqlalchemy import Engine, select

from lti_service import db
from lti_service.errors import DomainError
from lti_service.platforms import keys, outgoing, secrets
from lti_service.platforms.models import AccessToken, Platform
from moodle_client import read_json

log = structlog.get_logger(__name__)

AGS_SCOPES = (
    "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem",
    # Moodle does not let `lineitem` imply it.
    "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem.readonly",
    "https://purl.imsglobal.org/spec/lti-ags/scope/result.readonly",
    "https://purl.imsglobal.org/spec/lti-ags/scope/score",
)
NRPS_SCOPES = ("https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly",)

ASSERTION_LIFE = 60
"""Seconds that a signed assertion is good for; it is used at once."""
EXPIRY_MARGIN = timedelta(seconds=60)
"""A token is given up so long before its end, so that it does not run out on the way."""
UNSAID_LIFE = 300
"""Seconds that a token is trusted when the platform does not say (RFC 6749 §5.1 only recommends to)."""

NOT_NOW = frozenset({429, 502, 503, 504})
"""Answers of gateways and of a Moodle in maintenance; 500 is not among them: so Moodle answers for a locked grade."""

Method = Literal["GET", "POST", "PUT"]
Timeout = tuple[float, float]


class ServiceError(DomainError):
    """A service of the platform did not do what it was asked."""

    code = "moodle-service"
    status = 502
    message = _l("Moodle did not do what it was asked. Try again later.")


class TokenRefusedError(ServiceError):
    """The platform gives us no access token; the fact `error` is its own code, e.g. `invalid_client`."""

    code = "token-refused"
    message = _l("Moodle does not give this service access. Tell your Moodle administrator.")


class ServiceUnavailableError(ServiceError):
    """No answer, or one that says "not now". What was sent may have arrived nevertheless."""

    code = "moodle-unavailable"
    status = 503
    message = _l("Moodle does not answer just now. Try again later.")


class ServiceRefusedError(ServiceError):
    """The service answered with an error; the facts are `http` (the status) and `reason` (its status line, cut)."""

    code = "moodle-refused"

    @property
    def http(self) -> int:
        """The HTTP status."""
        return int(self.facts["http"])


class MalformedAnswerError(ServiceError):
    """The answer is not what the specification asks for."""

    code = "moodle-nonsense"
    message = _l("Moodle answered with something that this service does not understand.")


def connector(platform: Platform) -> "Connector":
    """This process's connector to a platform; always the same one, so that its tokens are used again."""
    with db.new_session() as session:
        engine = session.get_bind().engine
    key = (platform.id, platform.client_id, platform.token_url)
    with _connectors_lock:
        of_database = _connectors.setdefault(engine, {})
        if key not in of_database:
            of_database[key] = Connector(platform)
        return of_database[key]


_connectors: WeakKeyDictionary[Engine, dict[tuple[int, str, str], "Connector"]] = WeakKeyDictionary()
_connectors_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    expires_at: datetime


class Connector(ServiceConnector):
    """PyLTI1p3's connector with its holes closed; several threads may use it at once."""

    def __init__(self, platform: Platform) -> None:
        self._platform_id = platform.id
        registration = Registration().set_issuer(platform.issuer).set_client_id(platform.client_id)
        registration.set_auth_token_url(platform.token_url)
        super().__init__(registration, requests_session=outgoing.http())
        self._client_id = platform.client_id
        self._token_url = platform.token_url
        # A token goes to the registration's own site only, whatever address a launch or an answer names.
        self._origins = {outgoing.origin(platform.issuer), outgoing.origin(platform.token_url)}
        self._lock = threading.Lock()
        self._tokens: dict[str, _Token] = {}

    def get_access_token(self, scopes: Sequence[str], refused: str = "") -> str:
        """A token for these scopes: the one this process holds, another process's, or a new one.

        `refused` is a token that the platform just answered with 401: it is not given again.
        Raises TokenRefusedError, ServiceUnavailableError, MalformedAnswerError.
        """
        wanted = " ".join(sorted(scopes))
        with self._lock:
            known = self._tokens.get(wanted)
            if known is None or not self._is_good(known, refused):
                stored = self._stored(wanted)
                known = stored if stored is not None and self._is_good(stored, refused) else self._fetch(wanted)
                self._tokens[wanted] = known
            return known.text

    def make_service_request(
        self,
        scopes: Sequence[str],
        url: str,
        is_post: bool = False,
        data: str | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        case_insensitive_headers: bool = False,
        *,
        method: Method | None = None,
        timeout: Timeout | None = None,
    ) -> TServiceConnectorResponse:
        """As PyLTI1p3's, with PUT and a time limit (seconds to connect, and between two bytes of the answer).

        `body` of the answer is parsed JSON, None when empty; `next_page_url` is whole, its case kept.
        Raises TokenRefusedError, ServiceUnavailableError, ServiceRefusedError, MalformedAnswerError,
        AddressRefusedError.
        """
        verb = method or ("POST" if is_post else "GET")
        if outgoing.origin(url) not in self._origins:
            raise outgoing.AddressRefusedError(reason="foreign-origin", url=url)
        headers = {"Accept": accept}
        if verb != "GET":
            headers["Content-Type"] = content_type
        token = self.get_access_token(scopes)
        response = self._send(verb, url, data, headers, token, timeout)
        if response.status_code == 401:
            # Moodle forgets tokens (its caches are purged, its clock is mended): one try with a fresh one.
            token = self.get_access_token(scopes, refused=token)
            response = self._send(verb, url, data, headers, token, timeout)
        if response.status_code in NOT_NOW:
            raise ServiceUnavailableError(http=response.status_code)
        if not 200 <= response.status_code < 300:
            # Moodle puts the whole posted body into the reason: keep its beginning only.
            raise ServiceRefusedError(http=response.status_code, reason=(response.reason or "").partition("{")[0][:120])
        link = response.headers.get("Link", "")
        return {
            "headers": response.headers if case_insensitive_headers else dict(response.headers),
            "body": _json(response) if response.content else None,
            "next_page_url": next_link(link, url),
        }

    def _is_good(self, token: _Token, refused: str) -> bool:
        return token.text != refused and token.expires_at - EXPIRY_MARGIN > db.now()

    def _stored(self, scopes: str) -> _Token | None:
        with db.new_session() as session:
            row = session.scalar(
                select(AccessToken).where(AccessToken.platform_id == self._platform_id, AccessToken.scopes == scopes)
            )
            if row is None:
                return None
            try:
                return _Token(secrets.decrypt(row.token), row.expires_at)
            except secrets.SecretUnreadableError:
                # Encrypted with a key since withdrawn: a token is soon had anew.
                return None

    def _fetch(self, scopes: str) -> _Token:
        asked_at = db.now()
        response = self._post_assertion(scopes)
        if response.status_code >= 500 or response.status_code == 429:
            raise ServiceUnavailableError(what="token", http=response.status_code)
        # Moodle calls its JSON text/html, so the content type is not asked.
        answer = _json(response)
        if not isinstance(answer, dict):
            raise MalformedAnswerError(what="token")
        if not response.ok:
            raise TokenRefusedError(error=str(answer.get("error", response.status_code))[:100])
        text, life = answer.get("access_token"), answer.get("expires_in", UNSAID_LIFE)
        if not isinstance(text, str) or not text or not str(life).isdigit():
            raise MalformedAnswerError(what="token")
        token = _Token(text, asked_at + timedelta(seconds=int(life)))
        self._keep(scopes, token)
        log.info("access token fetched", platform=self._platform_id)
        return token

    def _post_assertion(self, scopes: str) -> requests.Response:
        key = _signing_key()
        issued = int(time.time())
        claims: dict[str, str | int] = {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": self._token_url,
            # Rounded down, never ahead: Moodle allows no leeway.
            "iat": issued,
            "exp": issued + ASSERTION_LIFE,
            "jti": str(uuid.uuid4()),
        }
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": self.encode_jwt(claims, cast(str, key.private_key), {"kid": key.kid}),
            "scope": scopes,
        }
        try:
            return outgoing.http().post(self._token_url, data=form, headers={"Accept": "application/json"})
        except requests.RequestException as err:
            raise ServiceUnavailableError(what="token", error=type(err).__name__) from err

    def _keep(self, scopes: str, token: _Token) -> None:
        with db.new_session() as own, db.transaction(own) as session:
            row = db.insert(session, AccessToken).values(
                platform_id=self._platform_id,
                scopes=scopes,
                token=secrets.encrypt(token.text),
                expires_at=token.expires_at,
            )
            session.execute(
                row.on_conflict_do_update(
                    index_elements=["platform_id", "scopes"],
                    set_={"token": row.excluded.token, "expires_at": row.excluded.expires_at},
                )
            )

    def _send(
        self, method: Method, url: str, data: str | None, headers: dict[str, str], token: str, timeout: Timeout | None
    ) -> requests.Response:
        with_token = headers | {"Authorization": f"Bearer {token}"}
        try:
            return outgoing.http().request(method, url, data=data, headers=with_token, timeout=timeout)
        except requests.RequestException as err:
            raise ServiceUnavailableError(error=type(err).__name__) from err


def next_link(header: str, page_url: str) -> str | None:
    """The address of the next page in a `Link` header, or None.

    Moodle writes curly quotes (`rel=“next”`, which arrive as mojibake) and, for line items, `&amp;` in the address.
    """
    for address, relation in re.findall(r"<([^>]*)>\s*;\s*rel=([^,;]*)", header):
        if re.fullmatch(r"\W*next\W*", relation, re.IGNORECASE | re.ASCII):
            found = str(address).replace("&amp;", "&")
            return found if found != page_url else None
    return None


def below(url: str, part: str) -> str:
    """The address `part` below a service's: before the query that Moodle's addresses carry (`…/lineitem?type_id=1`)."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{part}"))


def with_query(url: str, **values: str | int) -> str:
    """The address with more query parameters behind those that it has."""
    parts = urlsplit(url)
    added = [f"{name}={quote(str(value), safe='')}" for name, value in values.items()]
    return urlunsplit(parts._replace(query="&".join([*([parts.query] if parts.query else []), *added])))


def _json(response: requests.Response) -> Any:
    try:
        return read_json(response.content)
    except (ValueError, RecursionError) as err:
        raise MalformedAnswerError(what="json", http=response.status_code) from err


def _signing_key() -> keys.SigningKey:
    with db.new_session() as session:
        try:
            return keys.signing_key(session)
        except keys.NoSigningKeyError:
            with db.transaction(session):
                keys.ensure_key(session)
            return keys.signing_key(session)
