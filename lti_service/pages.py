"""What all pages share: the navigation, and the sections that wings add to a home page and to a person's record."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, current_app, g, request, url_for
from markupsafe import Markup
from sqlalchemy.orm import Session

from lti_service.access import Permission, Viewer


@dataclass(frozen=True, slots=True)
class NavItem:
    """A page in the navigation, for those who have its permission."""

    order: int
    endpoint: str
    label: Any
    permission: Permission


Section = Callable[[Session, Viewer], Markup | None]
RecordSection = Callable[[Session, Viewer, int], Markup | None]

MAIN_COLUMN = 50
"""Sections of a record whose order is less stand in the page's main column."""

_nav: list[NavItem] = []
_sections: list[tuple[int, Section]] = []
_record_sections: list[tuple[int, RecordSection]] = []


def add_nav(order: int, endpoint: str, label: Any, permission: Permission) -> None:
    """Put a page into the navigation; a wing calls it when its views are imported."""
    _nav.append(NavItem(order, endpoint, label, permission))
    _nav.sort(key=lambda item: item.order)


def home_section(order: int) -> Callable[[Section], Section]:
    """Decorate a function that renders a wing's part of the home page, or None for viewers it does not concern."""

    def add(section: Section) -> Section:
        _sections.append((order, section))
        _sections.sort(key=lambda pair: pair[0])
        return section

    return add


def home_sections(session: Session, viewer: Viewer) -> list[Markup]:
    """The parts of this person's home page, in order."""
    return [part for _order, section in _sections if (part := section(session, viewer)) is not None]


def record_section(order: int) -> Callable[[RecordSection], RecordSection]:
    """Decorate a function that renders a part of a curator's page about a person of the course, by the person's id.

    It returns None for people it does not concern. Parts below 50 stand in the page's main column, the others beside.
    """

    def add(section: RecordSection) -> RecordSection:
        _record_sections.append((order, section))
        _record_sections.sort(key=lambda pair: pair[0])
        return section

    return add


def record_sections(session: Session, viewer: Viewer, person_id: int) -> tuple[list[Markup], list[Markup]]:
    """The parts of a person's record, in order: those of the main column and those beside it."""
    main: list[Markup] = []
    aside: list[Markup] = []
    for order, section in _record_sections:
        if (found := section(session, viewer, person_id)) is not None:
            (main if order < MAIN_COLUMN else aside).append(found)
    return main, aside


def part(template: str, **values: Any) -> Markup:
    """A wing's part of a page, rendered; what all templates share is put together once for all parts."""
    if "template_context" not in g:
        g.template_context = {}
        current_app.update_template_context(g.template_context)
    found = current_app.jinja_env.get_template(template)
    return Markup(found.render(g.template_context, **values))  # noqa: S704 - the template has escaped what it was given


def kept_part(template: str, **values: Any) -> Markup:
    """A part that says the same to everybody with the same values, in one course and language: rendered once.

    The template sees these values and nothing else of the request; each of them is hashable.
    """
    return _kept_part(template, g.locale, g.course_id, request.script_root, tuple(values.items()))


@lru_cache(maxsize=4096)
def _kept_part(
    template: str, _language: str, _course_id: int | None, _root: str, values: tuple[tuple[str, Any], ...]
) -> Markup:
    found = current_app.jinja_env.get_template(template)
    return Markup(found.render(dict(values)))  # noqa: S704 - the template has escaped what it was given


def _section(items: list[NavItem]) -> NavItem | None:
    """The item that the page shown belongs to: whose address its own begins with, the longest such."""
    found = [
        (len(address), item)
        for item in items
        if request.path == (address := url_for(item.endpoint))
        or (request.path.startswith(address) and item is not items[0])
    ]
    return max(found, key=lambda pair: pair[0])[1] if found else None


def _zone() -> ZoneInfo:
    viewer: Viewer | None = g.get("viewer")
    return ZoneInfo(viewer.time_zone if viewer else "UTC")


def local_now() -> datetime:
    """Now, by the clock and in the time zone of the viewer's college."""
    return datetime.now(_zone())


def local_today() -> date:
    """Today where the viewer's college is."""
    return local_now().date()


def local_day(moment: datetime) -> date:
    """The day of a moment where the viewer's college is."""
    return moment.astimezone(_zone()).date()


def show_day(value: date | datetime | None) -> str:
    """15.11.2026, in the platform's time zone."""
    if value is None:
        return "—"
    if isinstance(value, datetime):
        value = value.astimezone(_zone())
    return value.strftime("%d.%m.%Y")


def show_moment(value: datetime | None) -> str:
    """15.11.2026 14:30, in the platform's time zone."""
    return "—" if value is None else value.astimezone(_zone()).strftime("%d.%m.%Y %H:%M")


def show_share(numerator: int, denominator: int) -> str:
    """A share in per cent as people write it: `72 %`, `66,7 %`; nothing out of nothing is a dash."""
    if not denominator:
        return "—"
    percent = (Decimal(100 * numerator) / denominator).quantize(Decimal("0.1"))
    text = f"{percent.normalize():f}"
    return f"{text.replace('.', ',') if g.get('locale', 'ru') == 'ru' else text}\N{NO-BREAK SPACE}%"


def init_app(app: Flask) -> None:
    """Give templates the navigation and the ways in which values are shown."""
    app.add_template_filter(show_day, "day")
    app.add_template_filter(show_moment, "moment")
    app.add_template_global(show_share, "share")

    @app.context_processor
    def shared() -> dict[str, Any]:
        viewer: Viewer | None = g.get("viewer")
        items = [item for item in _nav if viewer and viewer.may(item.permission)]
        return {
            "viewer": viewer,
            "navigation": items,
            "section": _section(items) if len(items) > 1 else None,
            "here": request.endpoint,
            "locale": g.get("locale", "ru"),
        }
