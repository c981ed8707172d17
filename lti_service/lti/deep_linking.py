"""Choosing content for a course from inside the platform, and the signed answer (1EdTech LTI Deep Linking 2.0).

A request is kept with the person who chooses, is good for an hour and is answered once.
"""

import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
from flask_babel import lazy_gettext as _l
from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session

from lti_service.access import Role
from lti_service.db import now
from lti_service.errors import DomainError, NotFoundError
from lti_service.lti.errors import LaunchRefusedError, Refusal
from lti_service.lti.launch import CLAIM, Launch
from lti_service.lti.roles import course_roles, is_administrator
from lti_service.platforms import keys, outgoing
from lti_service.platforms.models import ContentChoice, Platform

MESSAGE = "LtiDeepLinkingRequest"
ANSWER = "LtiDeepLinkingResponse"
DEEP_LINKING = "https://purl.imsglobal.org/spec/lti-dl/claim/"
SETTINGS = DEEP_LINKING + "deep_linking_settings"
REQUEST_LIFE = timedelta(hours=1)
ANSWER_LIFE = 300
"""Seconds: the browser carries the answer over at once."""
LONGEST_ADDRESS = 1000
MAXIMUM = 100
"""What the grades of a column are given out of."""


class ChoiceNotAllowedError(LaunchRefusedError):
    """Somebody who does not teach the course wants to add content to it."""

    def __init__(self, platform_id: int) -> None:
        super().__init__(Refusal.MESSAGE, "deep linking without a teacher's role", platform_id)
        self.message = _l("Only those who teach the course can add activities to it.")  # type: ignore[misc]


class ChoiceOverError(DomainError):
    """The request was answered already, or its hour is over."""

    code = "choice-over"
    status = 410
    message = _l(
        "This choice has been taken to Moodle already, or was left open for too long. Close this window and add the "
        "activity in Moodle again."
    )


@dataclass(frozen=True, slots=True)
class Request:
    """What a platform asks for, checked."""

    return_url: str
    data: str
    """To be given back as it is, as JSON; empty: nothing was sent."""
    several: bool
    line_items: bool


@dataclass(frozen=True, slots=True)
class LineItem:
    """The gradebook column that comes with an activity."""

    label: str
    resource_id: str
    tag: str


@dataclass(frozen=True, slots=True)
class Item:
    """An activity to be made: `url` is where it leads, inside this tool."""

    title: str
    text: str
    url: str
    line_item: LineItem | None = None


def read_request(launch: Launch, token: str) -> Request:
    """The deep linking settings of a launch (§4.4.1). Raises LaunchRefusedError.

    `token` must be the very id_token that `launch` was verified from: its signature is not asked again.
    """
    settings = jwt.decode(token, options={"verify_signature": False}).get(SETTINGS)
    if not _teaches(launch):
        raise ChoiceNotAllowedError(launch.platform_id)
    if not launch.context_id:
        raise LaunchRefusedError(Refusal.CLAIM_MISSING, "context", launch.platform_id)
    if not isinstance(settings, dict):
        raise LaunchRefusedError(Refusal.CLAIM_MISSING, "deep_linking_settings", launch.platform_id)
    return_url = settings.get("deep_link_return_url")
    if not isinstance(return_url, str) or not 0 < len(return_url) <= LONGEST_ADDRESS:
        raise LaunchRefusedError(Refusal.CLAIM_MISSING, "deep_link_return_url", launch.platform_id)
    try:
        outgoing.check_address(return_url, outgoing.http().allowed)
        is_theirs = outgoing.origin(return_url) == launch.platform_origin
    except outgoing.AddressRefusedError:
        is_theirs = False
    if not is_theirs:
        raise LaunchRefusedError(Refusal.CLAIM_INVALID, "deep_link_return_url", launch.platform_id)
    return Request(
        return_url=return_url,
        data=json.dumps(settings["data"]) if settings.get("data") is not None else "",
        several=_is_true(settings.get("accept_multiple", False)),
        # A platform that does not say so ignores what it does not know (§4.4.1, accept_lineitem).
        line_items=_is_true(settings.get("accept_lineitem", True)),
    )


def _teaches(launch: Launch) -> bool:
    return Role.TEACHER in course_roles(launch.roles) or is_administrator(launch.roles)


def _is_true(value: Any) -> bool:
    """The specification has booleans; some platforms send them as text."""
    return value is True or value == "true"


def begin(session: Session, launch: Launch, request: Request, course_id: int, person_id: int) -> int:
    """Keep a request until it is answered; returns its number, for the address of the page."""
    moment = now()
    choice = ContentChoice(
        platform_id=launch.platform_id,
        course_id=course_id,
        person_id=person_id,
        deployment_id=launch.deployment_id,
        return_url=request.return_url,
        data=request.data,
        several=request.several,
        line_items=request.line_items,
        created_at=moment,
        expires_at=moment + REQUEST_LIFE,
    )
    session.add(choice)
    session.flush()
    return choice.id


def find(session: Session, choice_id: int, course_id: int, person_id: int) -> ContentChoice:
    """The request while it waits for this person's answer. Raises NotFoundError, ChoiceOverError."""
    choice = session.scalar(
        select(ContentChoice).where(
            ContentChoice.id == choice_id, ContentChoice.course_id == course_id, ContentChoice.person_id == person_id
        )
    )
    if choice is None:
        raise NotFoundError
    if choice.used_at is not None or choice.expires_at <= now():
        raise ChoiceOverError
    return choice


def answer(session: Session, choice: ContentChoice, items: Sequence[Item], message: str = "") -> str:
    """Use the request up and return the signed answer (§4.5); no items means that nothing was chosen.

    `message` is what the platform may show to the person. Raises ChoiceOverError when it was answered meanwhile.
    """
    moment = now()
    claim: CursorResult[Any] = session.execute(  # type: ignore[assignment]
        update(ContentChoice)
        .where(ContentChoice.id == choice.id, ContentChoice.used_at.is_(None), ContentChoice.expires_at > moment)
        .values(used_at=moment)
    )
    if claim.rowcount != 1:
        raise ChoiceOverError
    platform = session.get_one(Platform, choice.platform_id)
    issued = int(time.time())
    claims: dict[str, Any] = {
        # The roles are the other way round than in a launch: here the tool is the issuer.
        "iss": platform.client_id,
        "aud": platform.issuer,
        "iat": issued,
        "exp": issued + ANSWER_LIFE,
        "nonce": secrets.token_urlsafe(24),
        CLAIM + "deployment_id": choice.deployment_id,
        CLAIM + "message_type": ANSWER,
        CLAIM + "version": "1.3.0",
        DEEP_LINKING + "content_items": [_content_item(item, choice.line_items) for item in items],
    }
    if choice.data:
        claims[DEEP_LINKING + "data"] = json.loads(choice.data)
    if message:
        claims[DEEP_LINKING + "msg"] = message
    keys.ensure_key(session)
    key = keys.signing_key(session)
    return jwt.encode(claims, key.private_key, algorithm="RS256", headers={"kid": key.kid})


def purge(session: Session, before: datetime) -> int:
    """Delete requests that ran out before `before`; says how many."""
    result: CursorResult[Any] = session.execute(delete(ContentChoice).where(ContentChoice.expires_at < before))  # type: ignore[assignment]
    return result.rowcount


def _content_item(item: Item, line_items: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"type": "ltiResourceLink", "title": item.title, "text": item.text, "url": item.url}
    if item.line_item is not None and line_items:
        told["lineItem"] = {
            "scoreMaximum": MAXIMUM,
            "label": item.line_item.label,
            "resourceId": item.line_item.resource_id,
            "tag": item.line_item.tag,
            # With it a teacher who opens a grade comes to that person's page (LTI Submission Review 1.0).
            "submissionReview": {"reviewableStatus": ["InProgress", "Submitted", "Completed"]},
        }
    return told
