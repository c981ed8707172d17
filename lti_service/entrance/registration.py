"""The page that Moodle opens to register this tool: what came of it, and what the admin must still do in Moodle."""

from dataclasses import dataclass
from typing import Any

import structlog
from flask import Blueprint, current_app, g, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from config import Settings
from lti_service import audit, db
from lti_service.errors import DomainError
from lti_service.limits import Door, limited
from lti_service.lti import checks
from lti_service.lti import registration as protocol
from lti_service.lti.registration import RegistrationError
from lti_service.platforms import keys
from lti_service.platforms import service as platforms
from lti_service.platforms.models import Invitation, Platform
from lti_service.platforms.service import InvitationError

blueprint = Blueprint("registration", __name__)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Advice:
    """The heading of a failure's page, and what to do about it."""

    title: Any
    what_to_do: Any


_NEW_ADDRESS = _l(
    "Ask for a new one where this one came from: the command “flask --app wsgi platforms invite” on the server, or the "
    "page “Connection” of this service. Then paste it into Moodle's “Manage tools” again."
)
_AGAIN = _l(
    "Nothing was changed here, and the registration address is still good: close this window and paste it into "
    "Moodle's “Manage tools” again."
)
_LOOK_FIRST = _l(
    "Moodle may have added the tool nevertheless: look for “Наставничество” on its page “Manage tools” and delete it "
    "there. The registration address is still good: paste it again."
)
ADVICE: dict[str, Advice] = {
    "invitation-unknown": Advice(_l("This registration address is unknown"), _NEW_ADDRESS),
    "invitation-used": Advice(_l("This registration address is used up"), _NEW_ADDRESS),
    "invitation-expired": Advice(_l("This registration address has run out"), _NEW_ADDRESS),
    "not-from-moodle": Advice(
        _l("Paste this address into Moodle"),
        _l(
            "In Moodle open Site administration → Plugins → Activity modules → External tool → Manage tools, paste the "
            "whole address into the field “Tool URL” and press “Add LTI Advantage”."
        ),
    ),
    "platform-address": Advice(
        _l("We may not go to this Moodle"),
        _l(
            "The service asks only https addresses of public networks. If this Moodle is in the college's own network, "
            "whoever runs the service adds its host to the setting ALLOWED_PRIVATE_HOSTS. Then paste the address again."
        ),
    ),
    "no-answer": Advice(
        _l("Moodle does not answer us"),
        _l(
            "The server of this service must reach the server of Moodle: check the name, the certificate and the "
            "firewall. The registration address is still good: paste it again when that is mended."
        ),
    ),
    "wrong-configuration": Advice(_l("This does not look like a Moodle that we can work with"), _AGAIN),
    "refused-by-moodle": Advice(_l("Moodle refused the registration"), _AGAIN),
    "wrong-answer": Advice(_l("Moodle's answer is incomplete"), _LOOK_FIRST),
    "other-site": Advice(_l("This registration address is for another Moodle"), _LOOK_FIRST),
    "other-connection": Advice(_l("This tool is connected already"), _NEW_ADDRESS),
    "address-refused": Advice(_l("We may not go to this Moodle"), _LOOK_FIRST),
}
REASONS: dict[str, Any] = {
    "token_already_used": _l(
        "Moodle has used up this attempt, for example because the page was reloaded. Close this window and paste the "
        "address into “Manage tools” again; the address itself is still good."
    ),
    "missing_registration_token": _l("Moodle gave no token for this attempt. Paste the address into “Manage tools”."),
    "domain_targetlinkuri_mismatch": _l(
        "Moodle thinks that our addresses are on different hosts: whoever runs the service checks the setting "
        "PUBLIC_URL."
    ),
}
"""Moodle's own words that we know what to do about."""


@blueprint.get("/lti/register")
@limited(Door.REGISTRATION)
def register() -> Any:
    """Register with the platform that opened this page (1EdTech LTI Dynamic Registration 1.0 §3).

    A GET that writes, because the specification has it so; the invitation's code is what guards it. Opened by hand, it
    shows what to fill in on both sides instead.
    """
    code, configuration_url = request.args.get("invitation", ""), request.args.get("openid_configuration", "")
    origin, not_ours = _origin(configuration_url)
    _take_invitation(code, origin)
    if not configuration_url:
        return _by_hand_page(code)
    if not_ours is not None:
        raise not_ours
    configuration = _configuration(configuration_url)
    token = request.args.get("registration_token", "")
    return _keep(code, protocol.register_at(configuration, token, _public_url()), origin)


@blueprint.post("/lti/register")
@limited(Door.REGISTRATION)
def register_by_hand() -> Any:
    """Take from the form what Moodle shows of a tool that was configured by hand; the rest Moodle itself is asked."""
    code = request.form.get("invitation", "")
    _take_invitation(code, "")
    form = {name: request.form.get(name, "").strip().replace("\0", "") for name in HAND_FIELDS}
    errors = {
        name: _("Fill this in as Moodle shows it.")
        for name, most in HAND_FIELDS.items()
        if not 0 < len(form[name]) <= most
    }
    if errors:
        return _by_hand_page(code, form, errors), 422
    try:
        configuration = _configuration(protocol.configuration_url(form["issuer"]))
    except (RegistrationError, platforms.OtherSiteError) as err:
        return _by_hand_page(code, form, {"issuer": err.text}), 422
    return _keep(code, protocol.registration_of(configuration, form["client_id"], form["deployment_id"]), "")


HAND_FIELDS = {
    "issuer": protocol.LONGEST_ADDRESS,
    "client_id": protocol.LONGEST_CLIENT_ID,
    "deployment_id": protocol.LONGEST_DEPLOYMENT_ID,
}
"""What Moodle's "View configuration details" is asked for, and how long each may be."""


def _by_hand_page(code: str, form: dict[str, str] | None = None, errors: dict[str, str] | None = None) -> str:
    return render_template(
        "registration/by_hand.html",
        code=code,
        address=request.url if request.method == "GET" else "",
        form=form or {"issuer": g.wanted.issuer},
        errors=errors or {},
        public_url=_public_url(),
    )


def _configuration(url: str) -> protocol.PlatformConfiguration:
    """Ask a platform what it is, with no transaction open; it must be the one that was invited."""
    db.session().commit()
    configuration = protocol.read_configuration(url)
    if g.wanted.issuer not in ("", configuration.issuer):
        raise platforms.OtherSiteError(issuer=g.wanted.issuer)
    return configuration


def _keep(code: str, registration: platforms.Registration, origin: str) -> str:
    """Keep the platform and use the invitation up, both or neither; the page that says so."""
    with db.transaction() as session:
        keys.ensure_key(session)
        platform, is_new = platforms.accept_invitation(session, code, registration)
        audit.record(
            session,
            "platform.registered" if is_new else "platform.updated",
            platform_id=platform.id,
            actor_id=g.wanted.invited_by,
            subject=f"platform:{platform.id}",
            correlation_id=g.correlation_id,
            client_id=platform.client_id,
            deployment_id=registration.deployment_id,
            address=request.remote_addr or "",
        )
        others = [other for other in platforms.all_platforms(session) if _is_twin(other, platform)]
    log.info("platform registered", platform=platform.id, new=is_new)
    return render_template(
        "registration/done.html",
        platform=platform,
        is_new=is_new,
        origin=origin,
        moved=g.wanted.client_id not in ("", platform.client_id),
        twins=len(others),
        moodle_pages=checks.PAGES,
    )


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What an invitation is for, as plain values."""

    platform_id: int | None = None
    issuer: str = ""
    client_id: str = ""
    invited_by: int | None = None

    @classmethod
    def of(cls, invitation: Invitation) -> "_Wanted":
        platform = invitation.platform
        if platform is None:
            return cls(invited_by=invitation.invited_by)
        return cls(platform.id, platform.issuer, platform.client_id, invitation.invited_by)


def _origin(configuration_url: str) -> tuple[str, RegistrationError | None]:
    if not configuration_url:
        return "", None
    try:
        return protocol.origin_of(configuration_url), None
    except RegistrationError as err:
        return protocol.framing_origin(configuration_url), err


def _take_invitation(code: str, origin: str) -> None:
    """Look at the invitation, and let the site that opened our page frame it. Raises InvitationError.

    Even when the code is unknown, or the site's address is one that we may not go to: the admin would look at the
    browser's empty frame, and a page that only says what went wrong has nothing to press for whoever else may frame it.
    """
    g.platform_origin = origin
    g.wanted = _Wanted.of(platforms.find_invitation(db.session(), code))


def _is_twin(other: Platform, platform: Platform) -> bool:
    """Whether the same site is connected once more, by another registration of its own."""
    return other.issuer == platform.issuer and other.id != platform.id


@blueprint.errorhandler(DomainError)
def failed(error: DomainError) -> Any:
    """The failure's own page; the audit trail says what exactly happened."""
    wanted: _Wanted = g.get("wanted", _Wanted())
    detail = error.detail if isinstance(error, RegistrationError) else ""
    reason = error.reason if isinstance(error, protocol.RefusedByMoodleError) else ""
    platform_id = error.platform_id if isinstance(error, InvitationError) else wanted.platform_id
    log.warning("registration refused", reason=error.code, detail=detail)
    with db.transaction() as session:
        audit.record(
            session,
            "registration.refused",
            platform_id=platform_id,
            correlation_id=g.correlation_id,
            reason=error.code,
            detail=detail,
            address=request.remote_addr or "",
        )
    page = render_template(
        "registration/failed.html",
        advice=ADVICE.get(error.code),
        message=error.text,
        reason=reason,
        explained=REASONS.get(reason),
    )
    return page, error.status


def _public_url() -> str:
    settings: Settings = current_app.extensions["settings"]
    return settings.public_url
