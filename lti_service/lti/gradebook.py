"""A course's gradebook in Moodle (1EdTech Assignment and Grade Services 2.0): columns, scores, results.

Comments name what Moodle does otherwise than the specification; it was measured on Moodle 4.5.
"""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from lti_service.errors import DomainError
from lti_service.lti.services import (
    AGS_SCOPES,
    Connector,
    MalformedAnswerError,
    Method,
    ServiceRefusedError,
    ServiceUnavailableError,
    TokenRefusedError,
    below,
    with_query,
)

LINE_ITEM = "application/vnd.ims.lis.v2.lineitem+json"
LINE_ITEMS = "application/vnd.ims.lis.v2.lineitemcontainer+json"
SCORE = "application/vnd.ims.lis.v1.score+json"
RESULTS = "application/vnd.ims.lis.v2.resultcontainer+json"
MAXIMUM = 100
"""What scores are given out of; Moodle scales them to its column."""
POST_TIMEOUT = (5.0, 15.0)
"""Seconds to connect and to be answered when one score is posted; whoever waits longer asks the results instead."""
MAX_PAGES = 100
LABEL_LENGTH = 250


@dataclass(frozen=True, slots=True)
class LineItem:
    """A column of the gradebook."""

    url: str
    label: str
    maximum: Decimal
    tag: str
    resource_id: str


@dataclass(frozen=True, slots=True)
class Score:
    """One person's grade to be posted: `given` of MAXIMUM; None erases what is there, its comment too."""

    user_id: str
    given: Decimal | None
    stamp: datetime
    """Moodle takes a score only when this is newer than the one it has, at a resolution of a second."""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What Moodle shows of one person: the grade as a share of MAXIMUM, None when there is none."""

    value: Decimal | None
    stamp: datetime | None


class Outcome(StrEnum):
    """How the posting of one score ended."""

    DELIVERED = "delivered"
    """Taken; an overridden grade stays as it was nevertheless, so results must be read."""
    STALE = "stale"
    """409: Moodle has one with this or a newer time stamp."""
    NOT_GRADABLE = "not-gradable"
    """400: the person has no graded role in the course, or is not in it."""
    GONE = "gone"
    """404: no such column any more."""
    UNAUTHORISED = "unauthorised"
    """401 or 403 with a fresh token, or no token at all: surely not taken."""
    LOCKED = "locked"
    """500: so Moodle answers for a locked grade (and for faults of its own); whether it was taken is not known."""
    UNAVAILABLE = "unavailable"
    """No answer, or a gateway's: whether it was taken is not known."""
    REFUSED = "refused"
    """Anything else that is not the empty 200 of success; whether it was taken is not known."""


def find_line_item(service: Connector, lineitems_url: str, *, tag: str, resource_id: str) -> LineItem | None:
    """The oldest column with this tag and resource id, or None; Moodle itself does not keep them unique.

    Raises ServiceError.
    """
    url: str | None = with_query(lineitems_url, tag=tag, resource_id=resource_id)
    seen: set[str] = set()
    while url and url not in seen and len(seen) < MAX_PAGES:
        seen.add(url)
        answer = service.make_service_request(AGS_SCOPES, url, accept=LINE_ITEMS)
        if not isinstance(answer["body"], list):
            raise MalformedAnswerError(what="line items")
        for row in answer["body"]:
            # The filters are asked again here: a platform may ignore them, and a next page may lose them.
            if isinstance(row, dict) and row.get("tag") == tag and row.get("resourceId") == resource_id:
                return _line_item(row)
        url = answer["next_page_url"]
    return None


def create_line_item(service: Connector, lineitems_url: str, *, label: str, tag: str, resource_id: str) -> LineItem:
    """Make a column. Look for it first: Moodle makes a second one without a word. Raises ServiceError."""
    wanted = {"label": label, "scoreMaximum": MAXIMUM, "resourceId": resource_id, "tag": tag}
    return _line_item(_write(service, "POST", lineitems_url, wanted))


def read_line_item(service: Connector, url: str) -> LineItem:
    """The column at `url` as it is in Moodle now. Raises ServiceError (ServiceRefusedError 404: no such column)."""
    return _line_item(service.make_service_request(AGS_SCOPES, url, accept=LINE_ITEM)["body"])


def rename_line_item(service: Connector, url: str, label: str) -> LineItem:
    """Give the column another label; all else stays as Moodle has it. Raises ServiceError."""
    row: Any = service.make_service_request(AGS_SCOPES, url, accept=LINE_ITEM)["body"]
    present = _line_item(row)
    # Moodle drops what a PUT does not repeat, the activity of the column (resourceLinkId) and its review among it.
    _write(service, "PUT", url, row | {"label": label})
    return replace(present, label=label)


def post_score(service: Connector, lineitem_url: str, score: Score) -> Outcome:
    """Post one score and say how it ended; nothing is raised for what Moodle or the network does."""
    try:
        answer = service.make_service_request(
            AGS_SCOPES,
            below(lineitem_url, "scores"),
            is_post=True,
            data=score_body(score),
            content_type=SCORE,
            accept=SCORE,
            timeout=POST_TIMEOUT,
        )
    except TokenRefusedError:
        return Outcome.UNAUTHORISED
    except ServiceUnavailableError:
        return Outcome.UNAVAILABLE
    except ServiceRefusedError as err:
        return _OUTCOMES.get(err.http, Outcome.REFUSED)
    except DomainError:
        return Outcome.REFUSED
    # Success has no body at all. A body with 200 is an error whose status line PHP dropped.
    return Outcome.DELIVERED if answer["body"] is None else Outcome.REFUSED


_OUTCOMES = {
    400: Outcome.NOT_GRADABLE,
    401: Outcome.UNAUTHORISED,
    403: Outcome.UNAUTHORISED,
    404: Outcome.GONE,
    409: Outcome.STALE,
    500: Outcome.LOCKED,
}


def score_body(score: Score) -> str:
    """The score as JSON on one line, in ASCII.

    Moodle echoes it in the status line of an error: a line break in it would turn the error into a 200.
    """
    body: dict[str, Any] = {"userId": score.user_id}
    if score.given is not None:
        body |= {"scoreGiven": _number(score.given), "scoreMaximum": MAXIMUM}
    body["timestamp"] = score.stamp.astimezone(UTC).isoformat(timespec="milliseconds")
    if score.given is not None:
        body |= {"activityProgress": "Completed", "gradingProgress": "FullyGraded"}
        # Without a comment Moodle would erase the one that is there.
        body["comment"] = score.comment
    else:
        # Any other progress than FullyGraded erases the grade.
        body |= {"activityProgress": "Initialized", "gradingProgress": "NotReady"}
    return json.dumps(body, separators=(",", ":"))


def read_results(service: Connector, lineitem_url: str) -> dict[str, Result]:
    """What Moodle shows in a column, by user id; people without a grade may be missing. Raises ServiceError.

    Unpaged: Moodle 4.5 crashes on `limit` here.
    """
    answer = service.make_service_request(AGS_SCOPES, below(lineitem_url, "results"), accept=RESULTS)
    if not isinstance(answer["body"], list):
        raise MalformedAnswerError(what="results")
    return {str(row["userId"]): _result(row) for row in answer["body"] if isinstance(row, dict) and "userId" in row}


def _write(service: Connector, method: Method, url: str, wanted: dict[str, Any]) -> Any:
    answer = service.make_service_request(
        AGS_SCOPES,
        url,
        method=method,
        data=json.dumps(wanted, separators=(",", ":")),
        content_type=LINE_ITEM,
        accept=LINE_ITEM,
    )
    return answer["body"]


def _line_item(row: Any) -> LineItem:
    if not isinstance(row, dict) or not isinstance(row.get("id"), str) or not row["id"]:
        raise MalformedAnswerError(what="line item")
    return LineItem(
        url=row["id"],
        label=str(row.get("label") or ""),
        maximum=_decimal(row.get("scoreMaximum")) or Decimal(MAXIMUM),
        tag=str(row.get("tag") or ""),
        resource_id=str(row.get("resourceId") or ""),
    )


def _result(row: dict[str, Any]) -> Result:
    score, maximum = _decimal(row.get("resultScore")), _decimal(row.get("resultMaximum")) or Decimal(1)
    value = None if score is None else (score * MAXIMUM / maximum).quantize(Decimal("0.01"))
    try:
        stamp = datetime.fromisoformat(str(row.get("timestamp")))
    except ValueError:
        stamp = None
    return Result(value=value, stamp=stamp if stamp is not None and stamp.tzinfo else None)


def _decimal(value: Any) -> Decimal | None:
    try:
        return None if value is None else Decimal(str(value))
    except InvalidOperation as err:
        raise MalformedAnswerError(what="number") from err


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)
