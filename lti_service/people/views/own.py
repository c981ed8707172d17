"""Pages about the viewers themselves: they stand in the course and, for guests, behind their own door."""

from collections.abc import Callable
from typing import Any, ParamSpec

from flask import url_for

from lti_service import access
from lti_service.access import Permission, Role
from lti_service.people.views.room import blueprint

P = ParamSpec("P")

_COURSE = "/courses/<int:course_id>"
_GUESTS = "guests_"
"""What the names of the guests' own addresses begin with."""


def own(permission: Permission, rule: str, *methods: str) -> Callable[[Callable[P, Any]], Callable[P, Any]]:
    """Decorate a page about the viewer, for whoever has the permission: it is added at both doors."""

    def add(view: Callable[P, Any]) -> Callable[P, Any]:
        guarded = access.needs(permission)(view)
        for place, name in (("", view.__name__), ("/guest", _GUESTS + view.__name__)):
            blueprint.add_url_rule(f"{place}{_COURSE}/{rule}", name, guarded, methods=methods or ("GET",))
        return guarded

    return add


def own_address(name: str, **values: Any) -> str:
    """Where such a page is for the viewer, by the door through which they came."""
    return url_for(f"people.{_GUESTS if is_guest() else ''}{name}", **values)


def own_home() -> str:
    """Where the viewer comes to when they come in."""
    return url_for("pairs.guest_home" if is_guest() else "entrance.home")


def is_guest() -> bool:
    """Whether the viewer has come in by the guests' door."""
    return Role.GUEST in access.viewer().roles
