"""The situation in which the recordings were made, played by the practice Moodle: the same ids, counts and
settings."""

import html
import json
import re
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.practice_moodle import (
    TOKEN,
    Link,
    PracticeMoodle,
    Tool,
    a_college,
    create_practice_moodle,
    new_key,
    practice_moodle,
    public_jwk,
)
from tests.practice_moodle.services import LINE_ITEM, LINE_ITEMS, MEMBERS, RESULTS, SCORE
from tests.practice_moodle.signing import base64url, token

SITE = "http://localhost:8080"
TOOL = "http://localhost:9701"
TOOL_KEY = new_key()
ALL_SCOPES = (
    "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem "
    "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem.readonly "
    "https://purl.imsglobal.org/spec/lti-ags/scope/result.readonly "
    "https://purl.imsglobal.org/spec/lti-ags/scope/score "
    "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
)

PROBE_PARAMETERS = {
    "plain": "abc",
    "CamelKey": "X y",
    "user_id": "$User.id",
    "user_username": "$User.username",
    "user_image": "$User.image",
    "user_scope_mentor": "$User.scope.mentor",
    "person_name_full": "$Person.name.full",
    "person_sourcedid": "$Person.sourcedId",
    "person_email_primary": "$Person.email.primary",
    "person_name_middle": "$Person.name.middle",
    "person_address_locality": "$Person.address.locality",
    "person_address_timezone": "$Person.address.timezone",
    "person_phone_mobile": "$Person.phone.mobile",
    "person_webaddress": "$Person.webaddress",
    "membership_role": "$Membership.role",
    "context_id": "$Context.id",
    "context_label": "$Context.label",
    "context_title": "$Context.title",
    "context_sourcedid": "$Context.sourcedId",
    "context_id_history": "$Context.id.history",
    "context_timeframe_begin": "$Context.timeFrame.begin",
    "coursesection_sourcedid": "$CourseSection.sourcedId",
    "coursesection_timeframe_begin": "$CourseSection.timeFrame.begin",
    "coursesection_timeframe_end": "$CourseSection.timeFrame.end",
    "resourcelink_id": "$ResourceLink.id",
    "resourcelink_title": "$ResourceLink.title",
    "resourcelink_available_startdatetime": "$ResourceLink.available.startDateTime",
    "moodle_person_usergroupids": "$Moodle.Person.userGroupIds",
    "moodle_person_useridnumber": "$Moodle.Person.userIdNumber",
    "coursegroup_id": "$CourseGroup.id",
    "coursegroup_name": "$CourseGroup.name",
    "coursegroup_groupids": "$CourseGroup.groupIds",
    "result_sourcedid": "$Result.sourcedId",
    "toolproxybinding_memberships_url": "$ToolProxyBinding.memberships.url",
    "ltilink_memberships_url": "$LtiLink.memberships.url",
    "toolconsumerprofile_url": "$ToolConsumerProfile.url",
    "context_longdescription": "$Context.longDescription",
    "user_department": "$User.department",
    "lineitem_url": "$LineItem.url",
    "scores_url": "$Scores.url",
    "results_url": "$Results.url",
}
"""The custom parameters of the tool with which the launches were recorded."""


@dataclass
class Situation:
    """The site with its tool and its activity, and ways to ask it what the recordings asked."""

    moodle: PracticeMoodle
    client: FlaskClient
    tool: Tool
    link: Link
    bearer: str

    def service(
        self,
        method: str,
        url: str,
        *,
        accept: str | None = None,
        content_type: str | None = None,
        body: str | None = None,
        bearer: str | None = "",
    ) -> TestResponse:
        """A service request of the tool; media types are the right ones unless given, `bearer=None` leaves it
        out."""
        address = urlsplit(url)
        headers = {}
        if method == "GET":
            headers["Accept"] = accept or right_media_type(address.path)
        if bearer is not None:
            headers["Authorization"] = f"Bearer {bearer or self.bearer}"
        return self.client.open(
            f"{address.path}?{address.query}",
            method=method,
            base_url=SITE,
            headers=headers,
            data=body,
            content_type=content_type or (right_media_type(address.path, sent=True) if body is not None else None),
        )

    def web_service(
        self, function: str, params: dict[str, Any], *, token: str = TOKEN, form: str = "json"
    ) -> TestResponse:
        data = {"wstoken": token, "wsfunction": function}
        if form:
            data["moodlewsrestformat"] = form
        return self.client.post("/webservice/rest/server.php", data=data | params, base_url=SITE)

    def launch(self, form: dict[str, str], **changes: str) -> TestResponse:
        """The tool's authentication request after a login form, answered by Moodle's page."""
        request = {
            "scope": "openid",
            "response_type": "id_token",
            "response_mode": "form_post",
            "prompt": "none",
            "client_id": form["client_id"],
            "redirect_uri": self.tool.redirect_uris[0],
            "login_hint": form["login_hint"],
            "lti_message_hint": form["lti_message_hint"],
            "nonce": "n-1",
            "state": "s-1",
        } | changes
        return self.client.get("/mod/lti/auth.php?" + urlencode(request), base_url=SITE)

    def assertion(self, **changes: Any) -> str:
        """A token request's assertion, signed by the tool."""
        now = int(time.time())
        claims = {
            "iss": self.tool.client_id,
            "sub": self.tool.client_id,
            "aud": f"{SITE}/mod/lti/token.php",
            "iat": now,
            "exp": now + 60,
            "jti": "1",
        }
        return token(claims | changes, key=TOOL_KEY, kid="tool-key")

    def ask_token(self, scope: str = ALL_SCOPES, *, assertion: str = "") -> TestResponse:
        return self.client.post(
            "/mod/lti/token.php",
            base_url=SITE,
            data={
                "grant_type": "client_credentials",
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": assertion or self.assertion(),
                "scope": scope,
            },
        )


def the_situation() -> Situation:
    """Forty students in two groups, seven teachers, three employers; a tool with an activity; column 20 its
    own."""
    app = create_practice_moodle(a_college(40, 7, 3), SITE)
    moodle = practice_moodle(app)
    for course in moodle.college.courses.values():
        moodle.college.unenrol("curator", course)
    tool = moodle.add_tool(
        TOOL,
        name="PROBE",
        client_id="probeclient0001",
        url=f"{TOOL}/launch",
        deep_linking_url=f"{TOOL}/dl",
        redirect_uris=[f"{TOOL}/launch", f"{TOOL}/dl"],
        keys=lambda: {"keys": [public_jwk(TOOL_KEY, "tool-key")]},
        custom=PROBE_PARAMETERS,
        settings=True,
    )
    moodle.college.start_ids("lti", 6)
    moodle.college.start_ids("module", 11)
    moodle.gradebook.start_ids(20)
    link = moodle.add_link(2, tool)
    return Situation(moodle, app.test_client(), tool, link, moodle.lti.new_access_token(tool))


def right_media_type(path: str, *, sent: bool = False) -> str:
    """The media type Moodle wants at a path, to be accepted or, with `sent`, to be posted."""
    if path.endswith("/memberships"):
        return MEMBERS
    if path.endswith("/lineitems"):
        return LINE_ITEM if sent else LINE_ITEMS
    if path.endswith("/scores"):
        return SCORE
    return RESULTS if path.endswith("/results") else LINE_ITEM


def posted_fields(page: str) -> dict[str, str]:
    """The fields of Moodle's page that posts itself."""
    return {name: html.unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', page)}


def opened(id_token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header and the claims of a token, unchecked."""
    return jwt.get_unverified_header(id_token), jwt.decode(id_token, options={"verify_signature": False})


def compact(value: Any) -> str:
    """JSON on one line, as a tool should send it."""
    return json.dumps(value, separators=(",", ":"))


def tampered(text: str) -> str:
    """A token whose claims were changed after signing."""
    head, _, signature = text.split(".")
    return f"{head}.{base64url(b'{}')}.{signature}"
