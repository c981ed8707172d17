"""A login and the launch it leads to, verified whole: what comes out is a plain `Launch` that can be trusted.

PyLTI1p3 speaks the protocol; this module adds what it leaves out (its nonce is looked up but not consumed, a known
state skips the cookie, `aud` and required claims go unchecked, key sets have no cache): 1EdTech LTI Core 1.3 and
Security Framework 1.0 §5.1.
"""

import binascii
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast
from urllib.parse import urlsplit

import jwt
from jwt.utils import base64url_decode, base64url_encode
from pylti1p3.cookie import CookieService
from pylti1p3.deployment import Deployment as LtiDeployment
from pylti1p3.exception import LtiException, OIDCException
from pylti1p3.message_launch import MessageLaunch, TJwtData
from pylti1p3.oidc_login import OIDCLogin
from pylti1p3.redirect import Redirect
from pylti1p3.registration import Registration
from pylti1p3.request import Request
from pylti1p3.session import SessionService
from pylti1p3.tool_config.abstract import ToolConfAbstract
from sqlalchemy import Connection, CursorResult, Table, bindparam, delete, exists, insert, select, update
from sqlalchemy.orm import Session

from lti_service.db import UtcDateTime, now
from lti_service.lti.errors import LaunchRefusedError, Refusal
from lti_service.lti.keysets import key_sets
from lti_service.lti.models import LaunchAttempt
from lti_service.platforms import outgoing
from lti_service.platforms.directory import KnownPlatform, directory
from lti_service.platforms.models import Platform, PlatformState
from lti_service.prepared import Prepared
from moodle_client import storable

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
AGS_ENDPOINT = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
NRPS_SERVICE = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
ATTEMPT_LIFE = timedelta(minutes=10)
"""How long somebody may take to log in to Moodle on the way."""
LEEWAY = 30
"""Seconds that the clocks of Moodle and ours may differ."""
TOKEN_LIFE = timedelta(hours=1)
"""An `iat` further back than this is wrong whatever `exp` says; Moodle's tokens live a minute."""
REQUIRED = ["iss", "aud", "exp", "iat", "nonce", "sub"]

# Built once: composing a statement costs several times what SQLite needs to run it, and every launch runs these. On
# tables rather than classes: an object of the mapper's costs three times what a row does.
_attempts = cast(Table, LaunchAttempt.__table__)
_platforms = cast(Table, Platform.__table__)
_KEEP = Prepared(insert(_attempts))
_CONSUME = Prepared(
    update(_attempts)
    .where(
        _attempts.c.state_hash == bindparam("state"),
        _attempts.c.binding_hash == bindparam("binding"),
        _attempts.c.nonce_hash == bindparam("nonce"),
        _attempts.c.platform_id == bindparam("platform"),
        _attempts.c.expires_at > bindparam("moment", type_=UtcDateTime),
        _attempts.c.used_at.is_(None),
        # What is remembered of a platform may be seconds old: whether it takes messages is asked of the table.
        exists().where(_platforms.c.id == bindparam("platform"), _platforms.c.state == PlatformState.ACTIVE),
    )
    .values(used_at=bindparam("moment", type_=UtcDateTime))
)


@dataclass(frozen=True, slots=True)
class Launch:
    """What a verified message says, as plain values; empty text where the platform said nothing."""

    platform_id: int
    platform_origin: str
    deployment_id: str
    message_type: str
    user_id: str
    given_name: str
    family_name: str
    full_name: str
    email: str
    idnumber: str
    roles: frozenset[str]
    """As sent: full URIs or short names."""
    context_id: str
    context_label: str
    context_title: str
    link_id: str
    link_title: str
    target: str
    """The signed `target_link_uri`, which is inside this tool."""
    locale: str
    lineitems_url: str
    memberships_url: str
    for_user_id: str
    """Whose work a submission review is about."""


@dataclass(frozen=True, slots=True)
class LoginStart:
    """Where to send the browser, and the cookie value that ties the attempt to it."""

    redirect_url: str
    binding: str


def begin_login(connection: Connection, params: dict[str, str], launch_url: str, binding: str | None) -> LoginStart:
    """Answer a third-party-initiated login: keep an attempt, and send the browser to the platform.

    `params` are the login request's parameters, each once; `launch_url` our redirect URI; `binding` the cookie that
    the browser already carries, so that two activities opened at once do not undo each other.
    Raises LaunchRefusedError.
    """
    platform = _platform(lambda: connection, params.get("iss", ""), params.get("client_id", ""))
    recorder = _Recorder()
    login = _Login(_Params(params), _ToolConf(platform), recorder, _NoCookies())
    try:
        url = login._prepare_redirect_url(launch_url)
    except OIDCException as err:
        raise LaunchRefusedError(Refusal.PARAMETER_MISSING, str(err), platform.id) from err
    binding = binding if binding and len(binding) >= 32 else secrets.token_urlsafe(32)
    moment = now()
    _KEEP.write(
        connection,
        {
            "state_hash": _hash(login.state),
            "binding_hash": _hash(binding),
            "nonce_hash": _hash(recorder.nonce),
            "platform_id": platform.id,
            "target": params.get("target_link_uri", "")[:600],
            "created_at": moment,
            "expires_at": moment + ATTEMPT_LIFE,
        },
    )
    return LoginStart(redirect_url=url, binding=binding)


@dataclass(frozen=True, slots=True)
class Signed:
    """A message that its platform has signed and whose claims hold; only `finish_launch` makes a launch of it."""

    launch: Launch
    state: str
    nonce: str


def verify(session: Callable[[], Session], params: dict[str, str], public_url: str) -> Signed:
    """Check all of a message that can be checked without writing. Raises LaunchRefusedError.

    It only reads, so that a forger's messages never keep the database's one writer waiting; `session` is asked for one
    only when the platform is not remembered.
    """
    if not params.get("state") or not params.get("id_token"):
        raise LaunchRefusedError(Refusal.PARAMETER_MISSING)
    message = _Message(session, params, public_url)
    try:
        launch = message.validate().as_launch()
    except LaunchRefusedError as err:
        err.platform_id = err.platform_id or message.platform_id
        raise
    except LtiException as err:
        raise LaunchRefusedError(Refusal.MESSAGE, str(err)[:200], message.platform_id) from err
    except (AttributeError, KeyError, TypeError, ValueError) as err:
        # Signed, but a claim is not of the type that the specification gives it.
        raise LaunchRefusedError(Refusal.CLAIM_INVALID, repr(err)[:200], message.platform_id) from err
    return Signed(launch, params["state"], message.claims["nonce"])


def finish_launch(connection: Connection, message: Signed, binding: str | None) -> Launch:
    """Consume the attempt that the message ends, in the caller's transaction. Raises LaunchRefusedError.

    The attempt is consumed together with whatever the caller writes, or not at all: no launch is accepted twice.
    """
    moment, platform_id = now(), message.launch.platform_id
    consumed = _CONSUME.write(
        connection,
        {
            "state": _hash(message.state),
            "binding": _hash(binding or ""),
            "nonce": _hash(message.nonce),
            "platform": platform_id,
            "moment": moment,
        },
    )
    if consumed != 1:
        attempt = connection.execute(select(_attempts).where(_attempts.c.state_hash == _hash(message.state))).first()
        raise LaunchRefusedError(_why_not(attempt, message, binding, moment), platform_id=platform_id)
    return message.launch


def purge_attempts(session: Session, before: datetime) -> int:
    """Delete attempts that ran out before `before`; says how many."""
    result: CursorResult[Any] = session.execute(delete(LaunchAttempt).where(LaunchAttempt.expires_at < before))  # type: ignore[assignment]
    return result.rowcount


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class _Segments(jwt.PyJWS):
    """PyJWT's signatures, with the letters of a token compared all at once: it takes each one by itself in Python,
    which was a tenth of a launch. Where a PyJWT to come does not ask this, its own way serves."""

    @staticmethod
    def _decode_base64url_segment(segment: bytes, name: str) -> bytes:
        try:
            decoded = base64url_decode(segment)
        except binascii.Error as err:
            raise jwt.DecodeError(f"Invalid {name} padding") from err
        # What is no base64url, or not its one spelling (RFC 7515 §2: without padding), does not come back the same.
        if base64url_encode(decoded) != segment:
            raise jwt.DecodeError(f"Invalid {name} padding")
        return decoded


_tokens = jwt.PyJWT()
_tokens._jws = _Segments()


def _platform(source: Callable[[], Session | Connection], issuer: str, client_id: str) -> KnownPlatform:
    """The active platform. Raises LaunchRefusedError."""
    platform = directory.find(source, issuer, client_id)
    if platform is None:
        raise LaunchRefusedError(Refusal.UNKNOWN_PLATFORM, f"iss={issuer[:200]} client_id={client_id[:100]}")
    if not platform.is_active:
        raise LaunchRefusedError(Refusal.PLATFORM_NOT_ACTIVE, platform_id=platform.id)
    return platform


def _why_not(attempt: Any, message: Signed, binding: str | None, moment: datetime) -> Refusal:
    if attempt is None:
        return Refusal.STATE_UNKNOWN
    if attempt.used_at is not None:
        return Refusal.STATE_USED
    if attempt.expires_at <= moment:
        return Refusal.STATE_EXPIRED
    if attempt.platform_id != message.launch.platform_id:
        return Refusal.OTHER_PLATFORM
    if not binding:
        return Refusal.NO_COOKIE
    if attempt.binding_hash != _hash(binding):
        return Refusal.OTHER_BROWSER
    return Refusal.NONCE if attempt.nonce_hash != _hash(message.nonce) else Refusal.PLATFORM_NOT_ACTIVE


class _Params(Request):
    """PyLTI1p3's view of a request: parameters only."""

    def __init__(self, params: dict[str, str]) -> None:
        self._params = params

    def get_param(self, key: str) -> str:
        return self._params.get(key, "")

    def is_secure(self) -> bool:
        return True


class _NoCookies(CookieService):
    """The binding cookie is ours alone; PyLTI1p3's cookie, which holds the state itself, is never set."""

    def get_cookie(self, name: str) -> str | None:
        return None

    def set_cookie(self, name: str, value: str | int, exp: int | None = 3600) -> None:
        return None


@dataclass
class _Recorder(SessionService):
    """Keeps the nonce that PyLTI1p3 makes, for the attempt's row."""

    nonce: str = ""

    def save_nonce(self, nonce: str) -> None:
        self.nonce = nonce


class _ToolConf(ToolConfAbstract[_Params]):
    """PyLTI1p3's tool configuration of the one platform, with its deployments, that this message names."""

    def __init__(self, platform: KnownPlatform | None) -> None:
        self._deployments = platform.deployments if platform is not None else frozenset()
        self._registration = Registration()
        if platform is not None:
            self._registration.set_issuer(platform.issuer).set_client_id(platform.client_id)
            self._registration.set_auth_login_url(platform.login_url).set_key_set_url(platform.jwks_url)

    def check_iss_has_one_client(self, iss: str) -> bool:
        return False

    def find_registration_by_params(self, iss: str, client_id: str, *args: Any, **kwargs: Any) -> Registration:
        return self._registration

    def find_registration_by_issuer(self, iss: str, *args: Any, **kwargs: Any) -> Registration:
        raise LtiException("an issuer alone names no registration here")

    def find_deployment(self, iss: str, deployment_id: str) -> LtiDeployment | None:
        return None

    def find_deployment_by_params(
        self, iss: str, deployment_id: str, client_id: str, *args: Any, **kwargs: Any
    ) -> LtiDeployment | None:
        return LtiDeployment() if deployment_id in self._deployments else None


class _Login(OIDCLogin[_Params, _ToolConf, _Recorder, _NoCookies, str]):
    """PyLTI1p3's login, of which only the address to go to is used; its state and nonce are made unguessable."""

    state: str = ""

    def get_redirect(self, url: str) -> Redirect[str]:
        raise LtiException("the entrance redirects")

    def _get_uuid(self) -> str:
        # PyLTI1p3 puts "state-" before it.
        unguessable = secrets.token_urlsafe(32)
        self.state = f"state-{unguessable}"
        return unguessable

    def _generate_nonce(self) -> str:
        return secrets.token_urlsafe(32)


class _Message(MessageLaunch[_Params, _ToolConf, _Recorder, _NoCookies]):
    """PyLTI1p3's message, with every check that touches trust replaced by a strict one."""

    def __init__(self, session: Callable[[], Session], params: dict[str, str], public_url: str) -> None:
        # Without a storage: nothing of a launch is kept but what the caller writes.
        super().__init__(_Params(params), _ToolConf(None), _Recorder(), _NoCookies(), requests_session=outgoing.http())
        self.set_auto_validation(False)
        self._db = session
        self._public_url = public_url
        self._header: dict[str, Any] = {}
        self._unverified: dict[str, Any] = {}
        self.platform: KnownPlatform
        self.platform_id: int | None = None
        self.claims: dict[str, Any] = {}

    def validate(self) -> "_Message":
        """Everything in the order that costs a forger's message the least of our work."""
        self._validated = True
        self.validate_jwt_format()
        self.validate_registration()
        self.validate_jwt_signature()
        self.validate_deployment()
        self.validate_message()
        self._validate_target()
        return self

    def _get_request_param(self, key: str) -> str:
        return self._request.get_param(key)

    def validate_jwt_format(self) -> "_Message":
        try:
            super().validate_jwt_format()
        except LtiException as err:
            raise LaunchRefusedError(Refusal.TOKEN_MALFORMED, str(err)[:200]) from err
        # Set aside, so that nothing can read an unsigned claim by accident.
        header, body = cast(Any, self._jwt["header"]), cast(Any, self._jwt["body"])
        self._jwt = {}
        if not isinstance(header, dict) or not isinstance(body, dict):
            raise LaunchRefusedError(Refusal.TOKEN_MALFORMED)
        if header.get("alg") != "RS256":
            raise LaunchRefusedError(Refusal.ALGORITHM, str(header.get("alg"))[:20])
        if {"jwk", "jku", "x5u", "x5c", "crit"} & header.keys():
            raise LaunchRefusedError(Refusal.KEY_IN_HEADER)
        self._header, self._unverified = header, body
        return self

    def validate_registration(self) -> "_Message":
        body = self._unverified
        client_id: Any
        audience = body.get("aud")
        if isinstance(audience, list):
            if len(audience) == 1:
                client_id = audience[0]
            else:
                # OpenID Connect Core §3.1.3.7: of several audiences, `azp` says which one is meant.
                client_id = body.get("azp")
                if client_id not in audience:
                    raise LaunchRefusedError(Refusal.WRONG_AUDIENCE, "azp")
        else:
            client_id = audience
        if "azp" in body and body["azp"] != client_id:
            raise LaunchRefusedError(Refusal.WRONG_AUDIENCE, "azp")
        issuer = body.get("iss")
        if not isinstance(issuer, str) or not isinstance(client_id, str):
            raise LaunchRefusedError(Refusal.CLAIM_MISSING, "iss or aud")
        if storable(issuer) != issuer or storable(client_id) != client_id:
            raise LaunchRefusedError(Refusal.CLAIM_INVALID, "iss or aud")
        self.platform = _platform(self._db, issuer, client_id)
        self.platform_id = self.platform.id
        self._tool_config = _ToolConf(self.platform)
        self._registration = self._tool_config.find_registration_by_params(issuer, client_id)
        return self

    def validate_jwt_signature(self) -> "_Message":
        kid = self._header.get("kid")
        if not isinstance(kid, str) or not kid:
            raise LaunchRefusedError(Refusal.KEY_UNKNOWN, "no kid")
        key = key_sets.find(self.platform.jwks_url, kid)
        try:
            self.claims = _tokens.decode(
                self._get_id_token(),
                key,
                algorithms=["RS256"],
                audience=self.platform.client_id,
                issuer=self.platform.issuer,
                leeway=LEEWAY,
                options={"require": REQUIRED},
            )
        except jwt.PyJWTError as err:
            raise LaunchRefusedError(_reason_of(err), str(err)[:200]) from err
        for name in ("sub", "nonce"):
            if not isinstance(self.claims[name], str) or not self.claims[name]:
                raise LaunchRefusedError(Refusal.CLAIM_MISSING, name)
            if storable(self.claims[name]) != self.claims[name]:
                raise LaunchRefusedError(Refusal.CLAIM_INVALID, name)
        if self.claims["iat"] < (now() - TOKEN_LIFE).timestamp():
            raise LaunchRefusedError(Refusal.EXPIRED, "iat")
        # Only now does PyLTI1p3 see a body: what it reads from here on is signed.
        self._jwt = cast(TJwtData, {"header": self._header, "body": self.claims})
        return self

    def validate_deployment(self) -> "_Message":
        deployment = self.claims.get(CLAIM + "deployment_id")
        if not isinstance(deployment, str) or not deployment:
            raise LaunchRefusedError(Refusal.CLAIM_MISSING, "deployment_id")
        where = self.platform.issuer, deployment, self.platform.client_id
        if not self._tool_config.find_deployment_by_params(*where):
            # Signed, so worth asking whether another process has added it just now.
            self._tool_config = _ToolConf(
                directory.find(self._db, self.platform.issuer, self.platform.client_id, anew=True)
            )
        if not self._tool_config.find_deployment_by_params(*where):
            raise LaunchRefusedError(Refusal.UNKNOWN_DEPLOYMENT, deployment[:100])
        roles = self.claims.get(CLAIM + "roles")
        if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
            raise LaunchRefusedError(Refusal.CLAIM_MISSING, "roles")
        return self

    def _validate_target(self) -> None:
        """Only the signed target counts, and only inside this tool."""
        target = self.claims.get(CLAIM + "target_link_uri")
        if not isinstance(target, str) or not target:
            raise LaunchRefusedError(Refusal.CLAIM_MISSING, "target_link_uri")
        ours, theirs = urlsplit(self._public_url), urlsplit(target)
        if (theirs.scheme, theirs.netloc) != (ours.scheme, ours.netloc):
            raise LaunchRefusedError(Refusal.FOREIGN_TARGET, target[:200])

    def as_launch(self) -> Launch:
        """The claims as plain values. Raises LaunchRefusedError for claims of the wrong type."""
        claims = _Claims(self.claims)
        context, link = claims.part(CLAIM + "context"), claims.part(CLAIM + "resource_link")
        parts = urlsplit(self.platform.issuer)
        return Launch(
            platform_id=self.platform.id,
            platform_origin=f"{parts.scheme}://{parts.netloc}",
            deployment_id=claims.text(CLAIM + "deployment_id"),
            message_type=claims.text(CLAIM + "message_type"),
            user_id=claims.text("sub"),
            given_name=claims.words("given_name"),
            family_name=claims.words("family_name"),
            full_name=claims.words("name"),
            email=claims.words("email"),
            idnumber=claims.part(CLAIM + "lis").words("person_sourcedid"),
            roles=frozenset(self.claims[CLAIM + "roles"]),
            context_id=context.text("id"),
            context_label=context.words("label"),
            context_title=context.words("title"),
            link_id=link.text("id"),
            link_title=link.words("title"),
            target=claims.text(CLAIM + "target_link_uri"),
            locale=claims.part(CLAIM + "launch_presentation").text("locale"),
            lineitems_url=claims.part(AGS_ENDPOINT).text("lineitems"),
            memberships_url=claims.part(NRPS_SERVICE).text("context_memberships_url"),
            for_user_id=claims.part(CLAIM + "for_user").text("user_id"),
        )


@dataclass(frozen=True)
class _Claims:
    """Claims read with care: what is there must have its type, what is not there is empty."""

    values: dict[str, Any] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """An address, or what somebody or something is known by: as it was signed, or not at all."""
        value = self.values.get(name)
        if value is not None and (not isinstance(value, str) or storable(value) != value):
            raise LaunchRefusedError(Refusal.CLAIM_INVALID, name)
        return self.words(name)

    def words(self, name: str) -> str:
        """What is only told, a name or a title: a broken sign in it keeps nobody out, and is cleaned as a sync does."""
        value = self.values.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise LaunchRefusedError(Refusal.CLAIM_INVALID, name)
        return storable(value).strip()

    def part(self, name: str) -> "_Claims":
        value = self.values.get(name)
        if value is not None and not isinstance(value, dict):
            raise LaunchRefusedError(Refusal.CLAIM_INVALID, name)
        return _Claims(value or {})


def _reason_of(error: jwt.PyJWTError) -> Refusal:
    table: list[tuple[type[jwt.PyJWTError], Refusal]] = [
        (jwt.ExpiredSignatureError, Refusal.EXPIRED),
        (jwt.ImmatureSignatureError, Refusal.NOT_YET_VALID),
        (jwt.InvalidAudienceError, Refusal.WRONG_AUDIENCE),
        (jwt.InvalidIssuerError, Refusal.WRONG_ISSUER),
        (jwt.MissingRequiredClaimError, Refusal.CLAIM_MISSING),
        (jwt.InvalidSignatureError, Refusal.SIGNATURE),
        (jwt.InvalidIssuedAtError, Refusal.CLAIM_INVALID),
    ]
    return next((reason for kind, reason in table if isinstance(error, kind)), Refusal.TOKEN_MALFORMED)
