"""`/mod/lti/services.php` of the practice Moodle: the roster (NRPS) and the gradebook (AGS), oddities
included.

A request finds its resource as Moodle's dispatcher does it: the first resource whose formats hold the exact
media type and whose template occurs anywhere in the path. So a wrong `Accept` may be refused, or land on
another resource.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from . import php
from .college import Course
from .gradebook import Column, Gradebook, GradeRefusedError, review_of
from .lti_platform import (
    SCOPE_LINE_ITEM,
    SCOPE_LINE_ITEM_READ,
    SCOPE_RESULT,
    SCOPE_ROSTER,
    SCOPE_SCORE,
    LtiPlatform,
    Tool,
    short_role,
)

LINE_ITEM = "application/vnd.ims.lis.v2.lineitem+json"
LINE_ITEMS = "application/vnd.ims.lis.v2.lineitemcontainer+json"
RESULTS = "application/vnd.ims.lis.v2.resultcontainer+json"
SCORES = "application/vnd.ims.lis.v1.scorecontainer+json"
SCORE = "application/vnd.ims.lis.v1.score+json"
MEMBERS = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"
MEMBERS_LD = "application/vnd.ims.lis.v2.membershipcontainer+json"

REASONS = {
    200: "OK",
    201: "Created",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    500: "Internal Server Error",
}


@dataclass(frozen=True)
class ServiceRequest:
    """What Moodle looks at. `path` is what follows services.php; `media_type` is Accept for GET, else the
    content type."""

    method: str
    path: str
    query: Mapping[str, str]
    url: str
    accept: str
    content_type: str
    authorization: str
    body: str

    @property
    def media_type(self) -> str:
        return self.accept if self.method == "GET" else self.content_type

    def whole(self, name: str) -> int:
        """A whole number from the query, 0 when absent or not one."""
        text = self.query.get(name, "")
        return int(text) if re.fullmatch(r"-?\d+", text) else 0


@dataclass
class ServiceAnswer:
    """What goes back: an empty reason means the usual words."""

    status: int = 200
    reason: str = ""
    content_type: str = ""
    body: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)


class PhpCrashError(Exception):
    """The request makes Moodle's own code fail: a bare 500."""


@dataclass(frozen=True)
class Resource:
    """One kind of address: a path template, its formats, its methods, and what answers it."""

    template: re.Pattern[str]
    formats: tuple[str, ...]
    methods: tuple[str, ...]
    answer: Callable[[ServiceRequest, "re.Match[str]", ServiceAnswer], None]


class Services:
    """Answers service requests of tools."""

    def __init__(self, platform: LtiPlatform, gradebook: Gradebook) -> None:
        self.platform = platform
        self.gradebook = gradebook
        self.college = platform.college
        self.site = platform.site
        part = "[^/]+"
        self.resources = (
            Resource(
                re.compile(f"/({part})/lineitems/({part})/lineitem"),
                (LINE_ITEM,),
                ("GET", "PUT", "DELETE"),
                self._line_item,
            ),
            Resource(re.compile(f"/({part})/lineitems"), (LINE_ITEMS, LINE_ITEM), ("GET", "POST"), self._line_items),
            Resource(re.compile(f"/({part})/lineitems/({part})/lineitem/results"), (RESULTS,), ("GET",), self._results),
            Resource(
                re.compile(f"/({part})/lineitems/({part})/lineitem/scores"), (SCORES, SCORE), ("POST",), self._scores
            ),
            Resource(
                re.compile(f"/{part}/({part})/bindings/({part})/memberships"),
                (MEMBERS_LD, MEMBERS),
                ("GET",),
                self._members,
            ),
        )

    def answer(self, request: ServiceRequest) -> ServiceAnswer:
        """The answer to a request, as `response::send` would send it. Raises PhpCrashError."""
        answer = ServiceAnswer(content_type="" if request.method == "GET" else request.content_type)
        found = self._find(request)
        if found is None:
            answer.status = 400
            accept, sent_as = (request.accept, "") if request.method == "GET" else ("", request.content_type)
            answer.reason = f"No handler found for {request.path} {accept} {sent_as}"
        elif request.method not in found[0].methods:
            answer.status = 405
        else:
            try:
                with self.college.lock:
                    found[0].answer(request, found[1], answer)
            except GradeRefusedError as refusal:
                answer.status, answer.reason = refusal.status, refusal.reason or ""
        return _sent(request, answer)

    def _find(self, request: ServiceRequest) -> "tuple[Resource, re.Match[str]] | None":
        for resource in self.resources:
            if request.method == "GET":
                if request.accept and "*/*" not in request.accept and request.accept not in resource.formats:
                    continue
            elif request.method != "DELETE" and request.content_type not in resource.formats:
                continue
            match = resource.template.search(request.path)
            if match:
                return resource, match
        return None

    def _tool(self, request: ServiceRequest, type_id: str | None, scopes: set[str]) -> Tool:
        tool = self.platform.tool_with_token(request.authorization, scopes)
        if tool is None or (type_id and type_id != str(tool.id)):
            raise GradeRefusedError(401)
        return tool

    def _course(self, course_id: str) -> Course:
        course = self.college.courses.get(int(course_id)) if course_id.isdigit() else None
        if course is None:
            raise GradeRefusedError(404, f"Not Found: Course {course_id} doesn't exist")
        return course

    def _column(self, course: Course, tool: Tool, column_id: str) -> Column:
        column = self.gradebook.columns.get(int(column_id)) if column_id.isdigit() else None
        if column is None:
            raise GradeRefusedError(404, f"Not Found: Grade item {column_id} doesn't exist")
        if column.course_id != course.id or column.tool_id != tool.id:
            raise GradeRefusedError(404, "Line item does not exist")
        return column

    # --- roster ---------------------------------------------------------------------------------------------

    def _members(self, request: ServiceRequest, match: "re.Match[str]", answer: ServiceAnswer) -> None:
        tool = self._tool(request, match[2], {SCOPE_ROSTER})
        course = self._course(match[1])
        link = self.platform.links.get(request.whole("rlid")) if "rlid" in request.query else None
        if "rlid" in request.query and (link is None or link.course.id != course.id or link.tool.id != tool.id):
            raise GradeRefusedError(404, f"Not Found: LTI link with id {request.query['rlid']} doesn't exist")
        limit, start = request.whole("limit"), request.whole("from")
        role = request.query.get("role", "").rpartition("#")[2]
        members: list[dict[str, Any]] = []
        counted, more = 0, False
        for enrolment in sorted(course.active(), key=lambda enrolment: enrolment.person.by_family_name):
            if role in ("Instructor", "Learner") and short_role(enrolment) != role:
                continue
            counted += 1
            if limit > 0:
                if counted <= start:
                    continue
                if len(members) >= limit:
                    more = True
                    break
            person = enrolment.person
            member: dict[str, Any] = {"status": "Active", "roles": [short_role(enrolment)]}
            if link:
                message: dict[str, Any] = {
                    "https://purl.imsglobal.org/spec/lti/claim/message_type": "LtiResourceLinkRequest"
                }
                if link.accepts_grades:
                    message["https://purl.imsglobal.org/spec/lti-bo/claim/basicoutcome"] = self.platform.basic_outcome(
                        self.platform.result_sourcedid(link, person)
                    )
                member["message"] = [message]
            member |= {"user_id": str(person.id), "lis_person_sourcedid": person.idnumber}
            if tool.sends_name:
                member |= {"name": person.fullname, "given_name": person.firstname, "family_name": person.lastname}
            if tool.sends_email:
                member["email"] = person.email
            if tool.sends_name:
                member["ext_user_username"] = person.username
            members.append(member)
        address = self.platform.memberships_url(course, tool)
        if more:
            further = f"{address}?limit={limit}&from={start + limit}" + (f"&rlid={link.id}" if link else "")
            answer.headers.append(("Link", f'<{further}>; rel="next"'))
        context = {"id": str(course.id), "label": course.shortname, "title": course.fullname}
        answer.content_type = MEMBERS
        answer.body = php.to_json({"id": address, "context": context, "members": members})

    # --- line items -----------------------------------------------------------------------------------------

    def _line_items(self, request: ServiceRequest, match: "re.Match[str]", answer: ServiceAnswer) -> None:
        scopes = {SCOPE_LINE_ITEM} | ({SCOPE_LINE_ITEM_READ} if request.method == "GET" else set())
        tool = self._tool(request, request.query.get("type_id"), scopes)
        container = request.media_type in ("", LINE_ITEMS)
        if container == (request.method == "POST") or request.media_type not in ("", LINE_ITEMS, LINE_ITEM):
            raise GradeRefusedError(400, "No context or unsupported content type")
        course = self._course(match[1])
        if request.method == "POST":
            answer.status, answer.content_type = 201, LINE_ITEM
            answer.body = self._created(course, tool, request.body)
            return
        filters = {
            "tag": request.query.get("tag"),
            "resource_id": request.query.get("resource_id"),
            "link_id": request.query.get("resource_link_id", request.query.get("lti_link_id")),
        }
        columns = self.gradebook.of_tool(course, tool.id, **filters)
        limit, start = request.whole("limit"), request.whole("from")
        shown = columns[start : start + limit] if limit > 0 else columns
        if limit > 0:
            answer.headers.append(("Link", self._page_links(course, tool, filters, limit, start, len(columns))))
        answer.content_type = LINE_ITEMS
        answer.body = php.to_json([self._shown(column) for column in shown])

    def _page_links(
        self, course: Course, tool: Tool, filters: Mapping[str, str | None], limit: int, start: int, total: int
    ) -> str:
        """The Link header of Moodle: curly quotes, `&amp;`, and a last page that is one too far."""
        base = self.site.url(f"/mod/lti/services.php/{course.id}/lineitems?")
        names = {"resource_id": "resource_id", "link_id": "resource_link_id", "tag": "tag"}
        query = [f"{names[name]}={filters[name]}" for name in names if filters[name] is not None]
        query += [f"type_id={tool.id}", f"limit={limit}"]
        pages = {"first": 0}
        if start > 0:
            pages["prev"] = max(start - limit, 0)
        pages["canonical"] = start
        if start + limit <= total - 1:
            pages["next"] = start + limit
        pages["last"] = max(total - limit + 1, 0)
        return ", ".join(f"<{base}{'&amp;'.join([*query, f'from={at}'])}>; rel=“{name}”" for name, at in pages.items())

    def _shown(self, column: Column) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "id": self.platform.line_item_url(column),
            "label": column.label,
            "scoreMaximum": php.number(column.maximum),
            "resourceId": column.resource_id,
            "tag": column.tag,
        }
        if column.link_id is not None:
            shown |= {"resourceLinkId": str(column.link_id), "ltiLinkId": str(column.link_id)}
        if column.review is not None:
            shown["submissionReview"] = column.review
        return shown

    def _wanted(self, course: Course, tool: Tool, body: str, complaint: str | None) -> dict[str, Any]:
        """The line item a tool sent, checked. Raises GradeRefusedError."""
        sent = php.decoded(body)
        if not isinstance(sent, dict) or sent.get("scoreMaximum") is None or sent.get("label") is None:
            raise GradeRefusedError(400, complaint)
        if not php.is_numeric(sent["scoreMaximum"]):
            raise GradeRefusedError(400)
        link_id = sent.get("resourceLinkId") or sent.get("ltiLinkId")
        if link_id is not None:
            link = self.platform.links.get(int(link_id)) if str(link_id).isdigit() else None
            if link is None or link.course.id != course.id or link.tool.id != tool.id:
                raise GradeRefusedError(403)
        return sent

    def _created(self, course: Course, tool: Tool, body: str) -> str:
        sent = self._wanted(course, tool, body, "No label or Score Maximum")
        link_id = sent.get("resourceLinkId") or sent.get("ltiLinkId")
        column = self.gradebook.add_column(
            course,
            tool.id,
            str(sent["label"]),
            float(sent["scoreMaximum"]),
            resource_id=str(sent.get("resourceId") or ""),
            tag=str(sent.get("tag") or ""),
            link_id=int(link_id) if link_id is not None else None,
            review=review_of(sent),
        )
        return php.to_json(sent | {"id": self.platform.line_item_url(column)}, escape_slashes=False)

    def _line_item(self, request: ServiceRequest, match: "re.Match[str]", answer: ServiceAnswer) -> None:
        scopes = {SCOPE_LINE_ITEM} | ({SCOPE_LINE_ITEM_READ} if request.method == "GET" else set())
        tool = self._tool(request, request.query.get("type_id"), scopes)
        course = self._course(match[1])
        column = self._column(course, tool, match[2])
        if request.method == "DELETE":
            self.gradebook.delete(column)
            answer.status = 204
        elif request.method == "GET":
            answer.content_type = LINE_ITEM
            answer.body = php.to_json(self._shown(column))
        else:
            sent = self._wanted(course, tool, request.body, None)
            column.label = str(sent["label"])
            if float(sent["scoreMaximum"]) != column.maximum:
                self.gradebook.rescale(column, float(sent["scoreMaximum"]))
            column.resource_id = str(sent.get("resourceId") or "")
            column.tag = str(sent.get("tag") or "")
            link_id = sent.get("resourceLinkId") or sent.get("ltiLinkId")
            # What is not sent is gone: Moodle keeps neither the activity nor the review of before.
            column.link_id = int(link_id) if link_id is not None else None
            column.review = review_of(sent)
            answer.body = php.to_json(sent | {"id": self.platform.line_item_url(column)}, escape_slashes=False)

    # --- scores and results ---------------------------------------------------------------------------------

    def _scores(self, request: ServiceRequest, match: "re.Match[str]", answer: ServiceAnswer) -> None:
        tool = self._tool(request, request.query.get("type_id"), {SCOPE_SCORE})
        if request.content_type != SCORE:
            raise GradeRefusedError(400, "No context or unsupported content type")
        course = self._course(match[1])
        column = self._column(course, tool, match[2])
        try:
            self.gradebook.take_score(column, course, request.body)
        except GradeRefusedError as refusal:
            # Whatever went wrong, the body stays the '[]' that was prepared.
            answer.status, answer.reason, answer.body = refusal.status, refusal.reason or "", "[]"

    def _results(self, request: ServiceRequest, match: "re.Match[str]", answer: ServiceAnswer) -> None:
        tool = self._tool(request, request.query.get("type_id"), {SCOPE_RESULT})
        course = self._course(match[1])
        column = self._column(course, tool, match[2])
        only = request.whole("user_id")
        graded = {
            user_id: grade
            for user_id, grade in column.grades.items()
            if grade.modified and (only <= 0 or user_id == only)
        }
        if request.whole("limit") > 0 and graded:
            raise PhpCrashError("Call to a member function out() on null")
        item = self.platform.line_item_url(column)
        address, _, query = item.partition("?")
        results = []
        for user_id, grade in graded.items():
            result: dict[str, Any] = {"id": f"{address}/results?{query}&user_id={user_id}", "userId": str(user_id)}
            if grade.final is not None:
                result |= {"resultScore": php.number(grade.final), "resultMaximum": php.number(column.maximum)}
                if grade.feedback:
                    result["comment"] = grade.feedback
                moment = datetime.fromtimestamp(grade.modified or time.time(), UTC)
                result |= {"scoreOf": item, "timestamp": moment.isoformat(timespec="seconds")}
            results.append(result)
        answer.content_type = RESULTS
        answer.body = php.to_json(results)


def _sent(request: ServiceRequest, answer: ServiceAnswer) -> ServiceAnswer:
    """What `response::send` makes of an answer.

    A reason with a line break in it cannot become a status line: PHP drops the header, and the status stays
    200.
    """
    reason = answer.reason or REASONS.get(answer.status, REASONS.get(answer.status // 100 * 100, ""))
    if 200 <= answer.status < 300 or answer.body:
        answer.content_type = (
            f"{answer.content_type}; charset=utf-8" if answer.content_type else "text/html; charset=utf-8"
        )
    elif answer.status >= 400:
        answer.content_type = "application/json; charset=utf-8"
        echo = {
            "method": request.method,
            "url": request.url,
            "accept": request.accept,
            "contentType": request.content_type.partition(";")[0],
        }
        answer.body = php.pretty_json({"status": answer.status, "reason": reason, "request": echo})
    if "\n" in reason or "\r" in reason:
        answer.status, reason = 200, REASONS[200]
    answer.reason = reason
    return answer
