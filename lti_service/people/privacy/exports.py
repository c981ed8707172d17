"""What a person takes along: everything that the page shows, for people as a table and for machines as JSON."""

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _

from lti_service.pages import show_moment
from lti_service.people import labels
from lti_service.people.privacy.service import Look, OwnData
from lti_service.sheets import Sheet, Value


def look_in_words(look: Look) -> str:
    """Who looked, in one line."""
    roles = ", ".join(str(labels.ROLES[role]) for role in look.roles)
    return ", ".join(part for part in (look.who or _("by the service itself"), roles, look.course) if part)


def table(own: OwnData) -> Sheet:
    """A row for each thing that is kept, then one for each look."""
    rows: list[Sequence[Value]] = [
        [told.title, row.name, fact.label, fact.value, fact.origin, fact.eyes]
        for told in own.told
        for row in told.rows
        for fact in row.facts
    ]
    rows += [
        [
            _("Who has looked"),
            show_moment(look.at),
            _("A list was saved as a file") if look.people is not None else _("Your card was looked at"),
            look_in_words(look),
            _("the service itself"),
            "",
        ]
        for look in own.looks
    ]
    heads = [_("Part"), _("Which"), _("What"), _("Value"), _("From where it came"), _("Who sees it, besides you")]
    return Sheet(_("My data"), heads, rows)


def as_json(own: OwnData) -> dict[str, Any]:
    """The same by the names of tables and columns, with the words beside them."""
    return {
        "kept": [
            {
                "table": told.holding.columns.name,
                "title": told.title,
                "rows": [
                    {
                        "name": row.name,
                        "facts": [
                            {
                                "name": fact.name,
                                "label": fact.label,
                                "value": fact.value,
                                "origin": fact.origin_code.value,
                                "seen_by": [eyes.value for eyes in fact.eye_codes],
                            }
                            for fact in row.facts
                        ],
                    }
                    for row in told.rows
                ],
            }
            for told in own.told
        ],
        "looks": [
            {
                "at": look.at.isoformat(),
                "who": look.who,
                "roles": [role.value for role in look.roles],
                "course": look.course,
                "people_on_the_list": look.people,
            }
            for look in own.looks
        ],
    }
