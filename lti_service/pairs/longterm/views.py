"""Pages of the long-term base: its list, which can be saved, and a mentor's years on the curator's page about them."""

from collections.abc import Mapping

from flask import Blueprint, Response, render_template, request
from flask_babel import gettext as _
from markupsafe import Markup
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from lti_service import access, audit, db, pages, sheets
from lti_service.access import Permission, Viewer
from lti_service.pairs.longterm import lists
from lti_service.pairs.longterm.lists import Line, Look
from lti_service.people import labels
from lti_service.people.consents import labels as consent_labels
from lti_service.people.consents import service as consents
from lti_service.people.consents.service import Stand
from lti_service.people.employers import service as employers
from lti_service.people.forms import read_choice, read_id, read_way
from lti_service.programme import service as programme
from lti_service.programme.models import Form, MentorKind
from lti_service.sheets import Sheet

blueprint = Blueprint("longterm", __name__)


@blueprint.get("/courses/<int:course_id>/base/mentors/years/")
@access.needs(Permission.MANAGE_BASE)
def show() -> str:
    """Everybody who was a mentor, as filtered and sorted by the address."""
    viewer, session, day = access.viewer(), db.session(), pages.local_today()
    look = read_look(request.args)
    return render_template(
        "pairs/longterm/list.html",
        look=look,
        listing=lists.list_all(session, viewer.platform_id, viewer.course_id, look, day),
        employers=employers.all_of(session, viewer.platform_id),
        forms=_forms(session, viewer),
        address=look.addresses("longterm.show"),
    )


@blueprint.get("/courses/<int:course_id>/base/mentors/years.<any(xlsx,csv):ending>")
@access.needs(Permission.MANAGE_BASE)
def export(ending: str) -> Response:
    """Everybody whom the list shows with these filters, as a file."""
    viewer, look, day = access.viewer(), read_look(request.args), pages.local_today()
    with db.transaction() as session:
        lines = lists.everybody(session, viewer.platform_id, viewer.course_id, look, day)
        stands = consents.stands(session, [line.person.id for line in lines], day)
        audit.record(
            session,
            "base.exported",
            platform_id=viewer.platform_id,
            course_id=viewer.course_id,
            actor_id=viewer.person_id,
            subject="base:mentors-of-all-years",
            count=len(lines),
            **look.told,
        )
        return sheets.download(_sheet(lines, stands), sheets.Kind(ending))


@pages.record_section(30)
def years_of(session: Session, viewer: Viewer, person_id: int) -> Markup | None:
    """A mentor's school years, each with its pairs."""
    found = lists.years_of(session, viewer.platform_id, viewer.course_id, person_id)
    if not found or not (len(found) > 1 or found[0].pairs):
        return None
    return pages.part("pairs/longterm/_of_person.html", years=found)


def read_look(values: MultiDict[str, str]) -> Look:
    """How the list is to be shown; what makes no sense is taken as not given."""
    kind = read_choice(values, "kind", MentorKind)
    year, employer = read_id(values, "year"), read_id(values, "employer")
    return Look(
        year=str(year) if year else "",
        kind=kind.value if kind else "",
        employer=str(employer) if employer else "",
        form=_text(values, "form"),
        **read_way(values, lists.SORTS),
    )


def _text(values: MultiDict[str, str], name: str) -> str:
    return values.get(name, "").replace("\0", "").strip()


def _forms(session: Session, viewer: Viewer) -> list[Form]:
    cycle = programme.find_cycle(session, viewer.platform_id, pages.local_today())
    return list(cycle.programme.forms) if cycle else []


def _sheet(lines: list[Line], stands: Mapping[int, Stand]) -> Sheet:
    """A row for each person; once a consent is withdrawn, no more than the name and what is counted, as in the file of
    the base. `stands` say by the person's id how they stand with their consents."""
    heads = [
        _("Family name, given name, patronymic"),
        _("Kind of mentor"),
        _("Organisation"),
        _("School years"),
        _("Years as a mentor"),
        _("Pairs"),
        _("Mentees"),
        _("State"),
        _("Training until"),
        _("E-mail"),
        _("Consent"),
    ]
    rows = [
        [
            line.person.name,
            ", ".join(str(labels.MENTOR_KINDS[kind]) for kind in line.kinds),
            "" if stand.is_withdrawn else line.newest.workplace,
            ", ".join(line.years),
            len(line.years),
            line.pairs,
            line.mentees,
            f"{labels.MENTOR_STATES[line.newest.state]} ({line.newest.cycle.title})",
            line.training.until if line.training else None,
            "" if stand.is_withdrawn else line.person.email,
            str(consent_labels.STANDINGS[stand.standing]),
        ]
        for line in lines
        for stand in [stands[line.person.id]]
    ]
    return Sheet(_("Long-term base of mentors"), heads, rows)
