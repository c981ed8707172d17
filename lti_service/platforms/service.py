"""Use cases of Moodle sites: inviting and registering one, finding one, and asking its web services."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session

from lti_service.db import now
from lti_service.errors import DomainError
from lti_service.platforms import outgoing, secrets
from lti_service.platforms.models import AccessToken, Course, Deployment, Invitation, Platform, PlatformState
from lti_service.prepared import Prepared
from moodle_client import MoodleClient

INVITATION_LIFE = timedelta(hours=24)


class PlatformError(DomainError):
    """Something about a platform cannot be done."""


class UnknownPlatformError(PlatformError):
    """No such platform here."""

    code = "unknown-platform"
    status = 404


class NoWebServiceError(PlatformError):
    """The platform has no web-service token, so its enrolments and surveys cannot be read."""

    code = "no-web-service"


class InvitationError(PlatformError):
    """A registration address that must not be used; `platform_id` is the site it was meant for, if any."""

    status = 410

    def __init__(self, platform_id: int | None = None) -> None:
        super().__init__()
        self.platform_id = platform_id


class UnknownInvitationError(InvitationError):
    """No such code was ever given out."""

    code = "invitation-unknown"
    status = 403
    message = _l("This registration address is not one of ours, or it was not copied whole.")


class UsedInvitationError(InvitationError):
    """The code has registered a site already."""

    code = "invitation-used"
    message = _l("This registration address has been used already: each connects one Moodle, once.")


class ExpiredInvitationError(InvitationError):
    """The code's time is over."""

    code = "invitation-expired"
    message = _l("This registration address has run out: it is good for 24 hours.")


class OtherSiteError(PlatformError):
    """An invitation of one site was used by another."""

    code = "other-site"
    message = _l("This registration address was given out for another Moodle: %(issuer)s.")


class OtherConnectionError(PlatformError):
    """The tool that the site names is a connection of its own here already."""

    code = "other-connection"
    message = _l("Moodle named a tool (client id %(client_id)s) that is connected here already, apart from this one.")


@dataclass(frozen=True, slots=True)
class Registration:
    """What both sides must know of each other; addresses are absolute URLs."""

    issuer: str
    client_id: str
    deployment_id: str
    login_url: str
    token_url: str
    jwks_url: str
    name: str = ""
    ws_url: str = ""
    ws_token: str = ""
    """In the clear; it is encrypted before it is kept. Empty: leave what is there."""
    active: bool = False


def register(session: Session, registration: Registration) -> tuple[Platform, bool]:
    """Register a Moodle site, or bring a known one up to date; True when it is new.

    Idempotent on issuer and client id. Raises AddressRefusedError for an address that we would not go to.
    """
    allowed = outgoing.http().allowed
    for url in (registration.login_url, registration.token_url, registration.jwks_url, registration.ws_url):
        if url:
            outgoing.check_address(url, allowed)
    platform = find(session, registration.issuer, registration.client_id)
    is_new = platform is None
    if platform is None:
        platform = Platform(issuer=registration.issuer, client_id=registration.client_id, created_at=now(), name="")
        session.add(platform)
    platform.name = registration.name or platform.name or registration.issuer
    platform.login_url = registration.login_url
    platform.token_url = registration.token_url
    platform.jwks_url = registration.jwks_url
    if registration.ws_url:
        platform.ws_url = registration.ws_url
    if registration.ws_token:
        platform.ws_token = secrets.encrypt(registration.ws_token)
    if registration.active:
        platform.state = PlatformState.ACTIVE
    if registration.deployment_id not in {deployment.deployment_id for deployment in platform.deployments}:
        platform.deployments.append(Deployment(deployment_id=registration.deployment_id))
    session.flush()
    return platform, is_new


def find(session: Session, issuer: str, client_id: str) -> Platform | None:
    """The platform with this issuer and client id, whatever its state."""
    return session.scalar(select(Platform).where(Platform.issuer == issuer, Platform.client_id == client_id))


def get(session: Session, platform_id: int) -> Platform:
    """Raises UnknownPlatformError."""
    platform = session.get(Platform, platform_id)
    if platform is None:
        raise UnknownPlatformError
    return platform


def all_platforms(session: Session) -> list[Platform]:
    """Every platform, in the order in which they came."""
    return list(session.scalars(select(Platform).order_by(Platform.id)))


def active_courses(session: Session) -> list[Course]:
    """The courses of active platforms, for the nightly passes."""
    return list(
        session.scalars(select(Course).join(Platform).where(Platform.state == PlatformState.ACTIVE).order_by(Course.id))
    )


def moodle(platform: Platform) -> MoodleClient:
    """A client of the platform's web services. Raises NoWebServiceError."""
    token = secrets.decrypt(platform.ws_token)
    if not platform.ws_url or not token:
        raise NoWebServiceError
    return MoodleClient(platform.ws_url, token, session=outgoing.http())


# Composed once: pages of people who are not known yet, and every refusal, ask them.
_ISSUERS = Prepared(select(Platform.issuer))
_ACTIVE_ISSUERS = Prepared(select(Platform.issuer).where(Platform.state == PlatformState.ACTIVE))


def active_origins(session: Session) -> list[str]:
    """Origins of the active platforms, each once: those that may show our pages in a frame."""
    return sorted({outgoing.origin(row.issuer) for row in _ACTIVE_ISSUERS.all(session, {})})


def known_origins(session: Session) -> list[str]:
    """Origins of all platforms, each once: those that may show in a frame why something did not work."""
    return sorted({outgoing.origin(row.issuer) for row in _ISSUERS.all(session, {})})


# --- invitations --------------------------------------------------------------------------------------------------


def invite(session: Session, platform_id: int | None = None, invited_by: int | None = None) -> str:
    """A fresh code that lets a Moodle site register itself within INVITATION_LIFE, once.

    With `platform_id` only that site may, and is brought up to date, even if it names another client id.
    """
    code, moment = token_urlsafe(32), now()
    session.add(
        Invitation(
            code_hash=_hash(code),
            platform_id=platform_id,
            invited_by=invited_by,
            created_at=moment,
            expires_at=moment + INVITATION_LIFE,
        )
    )
    return code


def registration_address(public_url: str, code: str) -> str:
    """What an admin pastes into Moodle's "Manage tools"."""
    return f"{public_url}/lti/register?invitation={code}"


def find_invitation(session: Session, code: str) -> Invitation:
    """The invitation behind a code, while it may be used; it is not used up by that.

    Raises UnknownInvitationError, UsedInvitationError, ExpiredInvitationError.
    """
    found = session.scalar(select(Invitation).where(Invitation.code_hash == _hash(code)))
    if found is None:
        raise UnknownInvitationError
    if found.used_at is not None:
        raise UsedInvitationError(found.platform_id)
    if found.expires_at <= now():
        raise ExpiredInvitationError(found.platform_id)
    return found


def accept_invitation(session: Session, code: str, registration: Registration) -> tuple[Platform, bool]:
    """Use an invitation up and register the site, or bring it up to date; True when it is new here.

    Both happen in the caller's transaction or not at all. A paused site stays paused.
    Raises InvitationError, OtherSiteError, OtherConnectionError, AddressRefusedError.
    """
    moment = now()
    claim: CursorResult[Any] = session.execute(  # type: ignore[assignment]
        update(Invitation)
        .where(Invitation.code_hash == _hash(code), Invitation.used_at.is_(None), Invitation.expires_at > moment)
        .values(used_at=moment)
        .execution_options(synchronize_session=False)
    )
    if claim.rowcount != 1:
        find_invitation(session, code)
        raise UsedInvitationError
    invitation = session.scalars(
        select(Invitation).where(Invitation.code_hash == _hash(code)).execution_options(populate_existing=True)
    ).one()
    known = find(session, registration.issuer, registration.client_id)
    if invitation.platform_id is not None:
        invited = get(session, invitation.platform_id)
        if invited.issuer != registration.issuer:
            raise OtherSiteError(issuer=invited.issuer)
        if known is not None and known.id != invited.id:
            raise OtherConnectionError(client_id=registration.client_id)
        if known is None:
            _change_tool(session, invited, registration.client_id)
        known = invited
    if known is not None:
        # What people have set here is theirs: the name, the web service, the pause.
        paused = known.state is PlatformState.PAUSED
        registration = replace(registration, name="", ws_url=known.ws_url, active=not paused)
    platform, is_new = register(session, registration)
    invitation.platform_id = platform.id
    return platform, is_new


def purge_invitations(session: Session, before: datetime) -> int:
    """Delete invitations that ran out before `before`; says how many."""
    result: CursorResult[Any] = session.execute(delete(Invitation).where(Invitation.expires_at < before))  # type: ignore[assignment]
    return result.rowcount


def _change_tool(session: Session, platform: Platform, client_id: str) -> None:
    """The site gave us another registration: what belonged to the one before goes, all people and work stay."""
    platform.client_id = client_id
    platform.deployments.clear()
    session.execute(delete(AccessToken).where(AccessToken.platform_id == platform.id))
    session.flush()


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
