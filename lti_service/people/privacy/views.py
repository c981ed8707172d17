"""Pages of personal data: one's own, and the administrator's requests and periods."""

from datetime import date, timedelta
from functools import partial
from io import SEEK_END
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from sqlalchemy.orm import Session

from lti_service import access, db, pages, sheets
from lti_service.access import Permission, Viewer
from lti_service.people.errors import PeopleError
from lti_service.people.forms import LONGEST_SEARCH, read_choice, read_id, read_way
from lti_service.people.privacy import exports, labels, looked, periods, service
from lti_service.people.privacy.errors import PeriodError
from lti_service.people.privacy.looked import Trail
from lti_service.people.privacy.models import RequestState
from lti_service.people.privacy.service import RequestsLook
from lti_service.people.views.own import is_guest, own, own_address, own_home
from lti_service.people.views.room import blueprint

pages.add_nav(75, "people.personal_data", _l("Personal data"), Permission.MANAGE_PERSONAL_DATA)

FAR = timedelta(days=3650)
"""How far ahead somebody may look at what will go."""


# --- one's own ----------------------------------------------------------------------------------------------------


_own = partial(own, Permission.SEE_OWN_DATA)


@_own("my-data/")
def my_data() -> Any:
    """What is kept about the viewer, who sees it, and who has looked."""
    own = service.own_data(db.session(), access.viewer())
    return render_template(
        "people/privacy/own.html",
        own=own,
        states=labels.STATES,
        is_waiting=own.request is not None and own.request.state is RequestState.ASKED,
        look_in_words=exports.look_in_words,
        address=own_address,
        home=own_home(),
        is_guest=is_guest(),
    )


@_own("my-data/<any(looks,lists):which>/")
def my_looks(which: str) -> Any:
    """All who have looked at the viewer's card, or all lists on which the viewer may have been, in pages."""
    trail = Trail(which)
    listing = looked.page_of(db.session(), access.viewer(), trail, read_id(request.args, "page") or 1)
    return render_template(
        "people/privacy/looks.html",
        listing=listing,
        is_lists=trail is Trail.LISTS,
        which=which,
        look_in_words=exports.look_in_words,
        address=own_address,
    )


@_own("my-data.<any(json,xlsx,zip):file>")
def take_my_data(file: str) -> Response:
    """The same as a file."""
    with db.transaction() as session:
        viewer = access.viewer()
        service.record_taking(session, viewer, file)
        own = service.own_data(session, viewer, whole=True)
    # Written after the transaction: nobody who saves something waits for it.
    if file == "xlsx":
        return sheets.download(exports.table(own), sheets.Kind.XLSX)
    headers = {"Content-Disposition": f'attachment; filename="my-data.{file}"', "Cache-Control": "no-store"}
    if file == "json":
        return Response(exports.json_text(own), content_type="application/json; charset=utf-8", headers=headers)
    archive = exports.archive(own)
    headers["Content-Length"] = str(archive.seek(0, SEEK_END))
    archive.seek(0)
    response = Response(exports.pieces(archive), content_type="application/zip", headers=headers)
    # Also when nobody reads it to its end.
    response.call_on_close(archive.close)
    return response


@_own("my-data/erasure")
def ask_erasure() -> Any:
    """What asking to be erased means, before it is done."""
    answer, erase = periods.terms(db.session(), access.viewer().platform_id)
    return render_template(
        "people/privacy/ask.html", answer=answer, erase=erase, address=own_address, is_guest=is_guest()
    )


@_own("my-data/erasure", "POST")
def send_erasure() -> Any:
    """The viewer wants to be erased."""
    try:
        with db.transaction() as session:
            service.ask(session, access.viewer(), pages.local_today())
    except PeopleError as error:
        flash(error.text, "warning")
    else:
        flash(_("Your request is with the administrator."))
    return redirect(own_address("my_data"), 303)


@_own("my-data/erasure/take-back", "POST")
def take_back_erasure() -> Any:
    """The viewer does not want to be erased after all."""
    try:
        with db.transaction() as session:
            service.take_back(session, access.viewer())
    except PeopleError as error:
        flash(error.text, "warning")
    else:
        flash(_("Taken back: nothing is erased."))
    return redirect(own_address("my_data"), 303)


@blueprint.post("/courses/<int:course_id>/my-data/return")
@access.needs(Permission.SEE_OWN_DATA)
def come_back() -> Any:
    """The viewer, whose data were erased once, wants to be known again. No guest's: with the data their door goes."""
    with db.transaction() as session:
        is_back = service.come_back(session, access.viewer())
    if is_back:
        flash(_("You are known again. Your name comes when you open the activity in Moodle next time."))
    return redirect(url_for("entrance.home"), 303)


@pages.home_section(1)
def erased_once(_session: Session, viewer: Viewer) -> Markup | None:
    """For somebody whose data were erased and who has come in again: nothing is known of them, and how to change it."""
    return pages.part("people/privacy/_erased_once.html") if viewer.is_erased else None


@pages.record_section(60)
def erasure_of(session: Session, _viewer: Viewer, person_id: int) -> Markup | None:
    """For curators, on a person's record: that they want to be erased, or were."""
    standing = service.erasure_of(session, person_id)
    if standing is None:
        return None
    return pages.part("people/privacy/_of_person.html", erased_at=standing.erased_at, asked=standing.asked)


# --- the administrator's ------------------------------------------------------------------------------------------


@pages.home_section(6)
def requests_waiting(session: Session, viewer: Viewer) -> Markup | None:
    """For administrators: requests that wait, and how many are late."""
    if not viewer.may(Permission.MANAGE_PERSONAL_DATA):
        return None
    count, late = service.waiting(session, viewer.platform_id, pages.local_today())
    return pages.part("people/privacy/_waiting.html", count=count, late=late) if count else None


@blueprint.get("/courses/<int:course_id>/personal-data/")
@access.needs(Permission.MANAGE_PERSONAL_DATA)
def personal_data() -> Any:
    """Requests to erase, by their terms."""
    return _requests_page()


@blueprint.post("/courses/<int:course_id>/personal-data/")
@access.needs(Permission.MANAGE_PERSONAL_DATA)
def record_paper_request() -> Any:
    """Write down a request that came on paper."""
    try:
        with db.transaction() as session:
            found = service.record_paper(
                session,
                access.viewer(),
                read_id(request.form, "person") or 0,
                _day(request.form.get("received_on", "")),
                pages.local_today(),
            )
    except PeopleError as error:
        return _requests_page(error), error.status
    return redirect(url_for("people.erasure_request", request_id=found.id), 303)


@blueprint.get("/courses/<int:course_id>/personal-data/requests.<any(xlsx,csv):ending>")
@access.needs(Permission.MANAGE_PERSONAL_DATA)
def export_requests(ending: str) -> Response:
    """All requests that the list shows with these filters, as a file."""
    viewer, look = access.viewer(), _requests_look()
    with db.transaction() as session:
        asked = service.all_requests(session, viewer, look)
        service.record_export(session, viewer, len(asked), look.told)
        return sheets.download(exports.requests(asked), sheets.Kind(ending))


@blueprint.get("/courses/<int:course_id>/personal-data/requests/<int(max=2147483647):request_id>/")
@access.needs(Permission.MANAGE_PERSONAL_DATA)
def erasure_request(request_id: int) -> Any:
    """One request: what would go, what would stay."""
    return _request_page(request_id)


@blueprint.post("/courses/<int:course_id>/personal-data/requests/<int(max=2147483647):request_id>/erase")
@access.needs(Permission.MANAGE_PERSONAL_DATA)
def erase(request_id: int) -> Any:
    """Erase, when the box is ticked."""
    try:
        with db.transaction() as session:
            service.erase(
                session, access.viewer(), request_id, pages.local_today(), is_sure=request.form.get("sure") == "yes"
            )
    except PeopleError as error:
        return _request_page(request_id, error), error.status
    flash(_("Erased. What is left is below; keep it as the record of the erasure."))
    return redirect(url_for("people.erasure_request", request_id=request_id), 303)


@blueprint.post("/courses/<int:course_id>/personal-data/requests/<int(max=2147483647):request_id>/refuse")
@access.needs(Permission.MANAGE_PERSONAL_DATA)
def refuse_erasure(request_id: int) -> Any:
    """Do not erase, and say why."""
    reason = request.form.get("reason", "")
    try:
        with db.transaction() as session:
            service.refuse(session, access.viewer(), request_id, reason)
    except PeopleError as error:
        return _request_page(request_id, error, reason), error.status
    flash(_("Refused: the person reads the reason on their page."))
    return redirect(url_for("people.erasure_request", request_id=request_id), 303)


@blueprint.get("/courses/<int:course_id>/personal-data/periods")
@access.needs(Permission.MANAGE_PERSONAL_DATA)
def keeping_periods() -> Any:
    """How long what is kept, and how much goes on a day."""
    return _periods_page()


@blueprint.get("/courses/<int:course_id>/personal-data/periods/<data_kind>/")
@access.needs(Permission.MANAGE_PERSONAL_DATA)
def going_people(data_kind: str) -> Any:
    """By name, in pages, whose data of a kind goes on a day."""
    on, today = _on_day()
    page = read_id(request.args, "page") or 1
    return render_template(
        "people/privacy/going.html",
        listing=service.going_people(db.session(), access.viewer(), data_kind, on, page),
        on=on,
        asked_on={} if on == today else {"on": on.isoformat()},
    )


@blueprint.post("/courses/<int:course_id>/personal-data/periods")
@access.needs(Permission.MANAGE_PERSONAL_DATA)
def save_keeping_periods() -> Any:
    """Keep other periods."""
    try:
        with db.transaction() as session:
            changed = periods.save(session, access.viewer(), request.form.to_dict())
    except PeriodError as error:
        return _periods_page(error), error.status
    flash(_("Saved: the next night goes by it.") if changed else _("Nothing was changed."))
    return redirect(url_for("people.keeping_periods"), 303)


def _requests_look() -> RequestsLook:
    state = read_choice(request.args, "state", RequestState)
    way = read_way(request.args, service.REQUEST_SORTS, RequestsLook().sort)
    return RequestsLook(state=state.value if state else "", **way)


def _requests_page(error: PeopleError | None = None) -> str:
    viewer, session, look = access.viewer(), db.session(), _requests_look()
    whose = request.args.get("whose", "")[:LONGEST_SEARCH].replace("\0", "")
    return render_template(
        "people/privacy/requests.html",
        look=look,
        listing=service.requests(session, viewer, look),
        address=look.addresses("people.personal_data"),
        states=labels.STATES,
        tones=labels.TONES,
        whose=whose,
        found=service.find_people(session, viewer, whose),
        today=pages.local_today(),
        error=error,
    )


def _request_page(request_id: int, error: PeopleError | None = None, reason: str = "") -> str:
    preview = service.preview(db.session(), access.viewer(), request_id)
    return render_template(
        "people/privacy/request.html",
        preview=preview,
        asked=preview.request,
        is_open=preview.request.state is RequestState.ASKED,
        states=labels.STATES,
        tones=labels.TONES,
        error=error,
        reason=reason,
        today=pages.local_today(),
        tables=service.titles_of(preview.request.gone),
    )


def _on_day() -> tuple[date, date]:
    """The day about which is asked, and today, which it is unless something sensible was asked."""
    today = pages.local_today()
    asked = _day(request.args.get("on", ""))
    return asked if asked is not None and today <= asked <= today + FAR else today, today


def _periods_page(error: PeriodError | None = None) -> str:
    on, today = _on_day()
    return render_template(
        "people/privacy/periods.html",
        periods=periods.periods(db.session(), access.viewer(), on),
        on=on,
        today=today,
        error=error,
        written=request.form,
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
