"""A course's members as Moodle's roster tells them (1EdTech Names and Role Provisioning Services 2.0)."""

from dataclasses import dataclass
from typing import Any

from lti_service.lti.services import NRPS_SCOPES, Connector, MalformedAnswerError, with_query

MEMBERSHIPS = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"
"""Exactly this, alone: Moodle answers 400 to a list of types and to plain JSON."""
MAX_PAGES = 1000


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in the course; names and address are empty when the site does not share them.

    Moodle's roster calls non-editing teachers Learner, so the web service's role short names are the truth where
    they can be had.
    """

    user_id: str
    roles: frozenset[str]
    active: bool
    name: str
    given_name: str
    family_name: str
    email: str
    idnumber: str


def read_members(service: Connector, memberships_url: str, page: int | None = None) -> list[Member]:
    """All members, each once, in the platform's order: to the very end, or ServiceError is raised.

    `page` asks for pages of so many; leave it out, or page wide (1000): Moodle loads everybody for each page.
    """
    url: str | None = with_query(memberships_url, limit=page) if page else memberships_url
    found: dict[str, Member] = {}
    seen: set[str] = set()
    while url:
        if url in seen or len(seen) == MAX_PAGES:
            # Who stands on the pages that were not reached would be taken for gone.
            raise MalformedAnswerError(what="next-page")
        seen.add(url)
        answer = service.make_service_request(NRPS_SCOPES, url, accept=MEMBERSHIPS)
        body: Any = answer["body"]
        rows = body.get("members") if isinstance(body, dict) else None
        if not isinstance(rows, list):
            raise MalformedAnswerError(what="members")
        for row in rows:
            member = _member(row)
            found.setdefault(member.user_id, member)
        url = answer["next_page_url"]
    return list(found.values())


def _member(row: Any) -> Member:
    if not isinstance(row, dict) or not row.get("user_id"):
        raise MalformedAnswerError(what="member")
    roles = row.get("roles")
    return Member(
        user_id=str(row["user_id"]),
        roles=frozenset(str(role) for role in roles) if isinstance(roles, list) else frozenset(),
        # The specification's default; Moodle leaves suspended people out and says Active of all others.
        active=row.get("status", "Active") == "Active",
        name=str(row.get("name") or ""),
        given_name=str(row.get("given_name") or ""),
        family_name=str(row.get("family_name") or ""),
        email=str(row.get("email") or ""),
        idnumber=str(row.get("lis_person_sourcedid") or ""),
    )
