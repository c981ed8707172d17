"""An entry in the trail for each look at somebody else's card, by one mechanism for all pages.

An address that names a person, or something that leads to people, says whose card a page is: `person_id` by itself,
others by what the wings tell here. A page that shows people whom its address does not name says so with `note`. After
the page is made, each look is kept: at most one an hour for a viewer and a card.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta

from flask import Flask, Response, g, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_service import audit, db
from lti_service.access import Viewer
from lti_service.audit import AuditEvent

LOOKED = "person.looked"
ONCE_IN = timedelta(hours=1)
"""Whoever looks again within this time leaves no second entry: the trail says who looked, not how often."""
SHOWN = frozenset({200, 409, 422})
"""A page was shown: as asked for, or again with what was wrong in its form."""

Finder = Callable[[Session, int], Iterable[int]]
Partners = Callable[[Session, Viewer, set[int]], set[int]]

_finders: dict[str, Finder] = {"person_id": lambda _session, person_id: (person_id,)}
_partners: list[Partners] = []


def leads_to(argument: str) -> Callable[[Finder], Finder]:
    """Decorate a function that says which people a part of an address leads to, by its value."""

    def add(finder: Finder) -> Finder:
        _finders[argument] = finder
        return finder

    return add


def no_strangers(partners: Partners) -> Partners:
    """Decorate a function that says which of these people are no strangers to the viewer: they work together."""
    _partners.append(partners)
    return partners


def note(person_ids: Iterable[int]) -> None:
    """The page being made shows the cards of these people, whom its address does not name."""
    g.setdefault("looked_at", set()).update(person_ids)


def subject_of(person_id: int) -> str:
    """How the trail names a person."""
    return f"person:{person_id}"


def init_app(app: Flask) -> None:
    """Keep the looks of every page that is shown."""
    app.after_request(_keep)


def _keep(response: Response) -> Response:
    viewer: Viewer | None = g.get("viewer")
    if viewer is None or response.status_code not in SHOWN:
        return response
    named = {name: value for name, value in (request.view_args or {}).items() if name in _finders}
    noted: set[int] = g.get("looked_at", set())
    if not named and not noted:
        return response
    session = db.session()
    seen = {person for name, value in named.items() for person in _finders[name](session, int(value))} | noted
    seen.discard(viewer.person_id)
    for partners in _partners:
        seen -= partners(session, viewer, seen) if seen else set()
    if fresh := seen - _seen_lately(session, viewer, seen):
        with db.transaction() as session:
            for person_id in sorted(fresh):
                audit.record(
                    session,
                    LOOKED,
                    platform_id=viewer.platform_id,
                    course_id=viewer.course_id,
                    actor_id=viewer.person_id,
                    subject=subject_of(person_id),
                    page=request.endpoint or "",
                )
    return response


def _seen_lately(session: Session, viewer: Viewer, person_ids: set[int]) -> set[int]:
    if not person_ids:
        return set()
    found = session.scalars(
        select(AuditEvent.subject).where(
            AuditEvent.subject.in_([subject_of(person_id) for person_id in person_ids]),
            AuditEvent.action == LOOKED,
            AuditEvent.actor_id == viewer.person_id,
            AuditEvent.course_id == viewer.course_id,
            AuditEvent.at > db.now() - ONCE_IN,
        )
    )
    return {int(subject.partition(":")[2]) for subject in found}
