"""What a person takes along: everything that the page shows, for people as a table and for machines as JSON; and both
with the files that are kept, in one archive. And what the administrator takes along: the list of requests to erase."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import accumulate
from tempfile import SpooledTemporaryFile
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from flask_babel import gettext as _
from flask_babel import ngettext

from lti_service import personal, sheets
from lti_service.pages import local_day, show_moment
from lti_service.people import labels
from lti_service.people.privacy import labels as labels_of_requests
from lti_service.people.privacy.looked import Look
from lti_service.people.privacy.models import ErasureRequest
from lti_service.people.privacy.service import OwnData, titles_of
from lti_service.personal import Enclosure, Eyes, Origin
from lti_service.sheets import Sheet, Value


def look_in_words(look: Look) -> str:
    """Who looked, in one line."""
    roles = ", ".join(str(labels.ROLES[role]) for role in look.roles)
    return ", ".join(part for part in (look.who or _("by the service itself"), roles, look.course) if part)


def table(own: OwnData) -> Sheet:
    """A row for each thing that is kept, then one for each look, then one for each list."""
    rows: list[Sequence[Value]] = [
        [told.title, row.name, fact.label, fact.value, fact.origin, fact.eyes]
        for told in own.told
        for row in told.rows
        for fact in row.facts
    ]
    rows += [
        [
            _("Files"),
            enclosure.title,
            _("Name of the file"),
            enclosure.name if is_in else _("%(name)s: too large for one archive, ask the curator", name=enclosure.name),
            str(personal.ORIGINS[Origin.CURATOR]),
            str(personal.EYES[Eyes.CURATORS]),
        ]
        for enclosure, is_in in _taken(own)
    ]
    rows += [
        [part, show_moment(look.at), what, look_in_words(look), _("the service itself"), ""]
        for part, what, looks in (
            (_("Who has looked"), _("Your card was looked at"), own.looks),
            (_("Lists that were saved as files"), _("A list was saved as a file"), own.lists),
        )
        for look in looks.lines
    ]
    heads = [_("Part"), _("Which"), _("What"), _("Value"), _("From where it came"), _("Who sees it, besides you")]
    return Sheet(_("My data"), heads, rows)


def requests(asked: Iterable[ErasureRequest]) -> Sheet:
    """A row for each request to erase, as the administrator's list has them: the annex to the act of destruction.

    Names are those of today, so whoever was erased has none; the reason of a refusal stays on the request's own page.
    """
    heads = [
        _("Family name, given name, patronymic"),
        _("Received on"),
        _("How"),
        _("Written down by"),
        _("Answer by"),
        _("Erase by"),
        _("State"),
        _("Decided on"),
        _("By whom"),
        _("What was erased"),
    ]
    rows: list[Sequence[Value]] = [
        [
            one.person.name,
            one.received_on,
            _("on paper") if one.on_paper else _("in the tool"),
            one.recorder.name if one.recorder else _("the person themselves"),
            one.answer_by,
            one.erase_by,
            str(labels_of_requests.STATES[one.state]),
            local_day(one.decided_at) if one.decided_at else None,
            _by_whom(one),
            _gone_in_words(one.gone),
        ]
        for one in asked
    ]
    return Sheet(_("Requests to erase"), heads, rows)


def _by_whom(one: ErasureRequest) -> str:
    if one.decided_by == one.person_id:
        return _("the person themselves")
    return one.decider.name if one.decider else ""


def _gone_in_words(gone: Mapping[str, int]) -> str:
    """What went at an erasure, as the request's page says it."""
    return "; ".join(
        f"{title}: {ngettext('%(num)d entry', '%(num)d entries', count)}" for title, count in titles_of(gone)
    )


IN_MEMORY = 1024 * 1024
"""Bytes of an archive that are held in memory; a larger one lies on the disk meanwhile, without a name."""
LARGEST_ARCHIVE = 200 * 1024 * 1024
"""Bytes of files in one archive: many times what anybody has; what goes beyond it is named, and got from a curator."""
PIECE = 64 * 1024
PLACE = "files/"


def _taken(own: OwnData) -> list[tuple[Enclosure, bool]]:
    """Each file with whether it is in the archive."""
    sizes = accumulate(enclosure.size for enclosure in own.enclosures)
    return [(one, size <= LARGEST_ARCHIVE) for one, size in zip(own.enclosures, sizes, strict=True)]


def archive(own: OwnData) -> IO[bytes]:
    """All of it in one ZIP, read from its beginning: the table, the JSON, and the files that are kept."""
    packed = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - whoever sends it closes it
    with ZipFile(packed, "w", ZIP_DEFLATED) as out:
        out.writestr("my-data.xlsx", sheets.content(table(own), sheets.Kind.XLSX))
        out.writestr("my-data.json", json_text(own))
        for enclosure, is_in in _taken(own):
            # Erased or replaced since it was looked for; scans are packed as they are, for they are compressed already.
            with suppress(FileNotFoundError):
                if is_in:
                    out.write(enclosure.path, PLACE + enclosure.name, ZIP_STORED)
    packed.seek(0)
    return packed


def pieces(file: IO[bytes]) -> Iterator[bytes]:
    """A file from its beginning, piece by piece; it is closed at its end."""
    with file:
        while piece := file.read(PIECE):
            yield piece


def json_text(own: OwnData) -> str:
    """The same as text."""
    return json.dumps(as_json(own), ensure_ascii=False, indent=2)


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
        "files": [
            {"name": enclosure.name, "title": enclosure.title, "bytes": enclosure.size, "in_archive": is_in}
            for enclosure, is_in in _taken(own)
        ],
        "looks": [_look_as_json(look) for look in own.looks.lines],
        "lists": [{**_look_as_json(look), "people_on_the_list": look.people} for look in own.lists.lines],
    }


def _look_as_json(look: Look) -> dict[str, Any]:
    return {
        "at": look.at.isoformat(),
        "who": look.who,
        "roles": [role.value for role in look.roles],
        "course": look.course,
    }
