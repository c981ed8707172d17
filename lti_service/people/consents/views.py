"""Pages of consents: one's own, the list of a course's people, papers and withdrawals on a person's record, texts."""

from pathlib import Path
from typing import Any

from flask import Response, current_app, flash, g, redirect, render_template, request, url_for
from flask_babel import force_locale, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage

from config import Settings
from lti_service import access, db, pages, sheets
from lti_service.access import Permission, Role, Viewer
from lti_service.people import exports, service
from lti_service.people.consents import forms, lists, rules, scans
from lti_service.people.consents import service as consents
from lti_service.people.consents.lists import Lacking, Line, Look, Who
from lti_service.people.consents.models import Audience, ConsentText, Way
from lti_service.people.consents.service import Paper, Standing, Stands, Texts
from lti_service.people.errors import (
    ConsentError,
    PapersWrongError,
    PeopleError,
    TextChangedError,
)
from lti_service.people.forms import read_id, read_ids, without_nul
from lti_service.people.models import MentorState, Person
from lti_service.people.rules import NEEDING
from lti_service.people.views.own import is_guest, own, own_address, own_home
from lti_service.people.views.room import blueprint, cycle_id

pages.add_nav(23, "people.consents", _l("Consents"), Permission.MANAGE_BASE)
pages.add_nav(95, "people.consent_texts", _l("Consent texts"), Permission.SEE_CONNECTION)

OWN = "my-consent"
LIST = "/courses/<int:course_id>/consents/"
OF_PERSON = "/courses/<int:course_id>/people/<int(max=2147483647):person_id>/consents/"
ONE = OF_PERSON + "<int(max=2147483647):consent_id>/"

SHEET = 100
"""Lines of papers that one page offers to fill in."""
BLANKS = 200
"""Blanks that are printed at once."""
NAMED = 200
"""Adults whom a page names whose papers one button records; the others are a number."""
WRONG_SHOWN = 20
"""Papers of which a page says what is wrong with them."""


@blueprint.url_value_preprocessor
def allow_a_scan(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Let those addresses take a file that take one; it must be said before anything reads the request."""
    if endpoint in ("people.record_consent", "people.add_scan"):
        request.max_content_length = rules.LARGEST_SCAN + 1024 * 1024


# --- one's own ----------------------------------------------------------------------------------------------------


@own(Permission.GIVE_CONSENT, OWN, "GET", "POST")
def my_consent() -> Any:
    """What the viewer is asked to agree to, what they have agreed to, and the way to take it back."""
    if request.method == "GET":
        return _own_page()
    viewer = access.viewer()
    try:
        with db.transaction() as session:
            consents.give(
                session,
                viewer,
                pages.local_today(),
                text_id=read_id(request.form, "text"),
                says_adult=request.form.get("says_adult") == "1",
            )
    except ConsentError as error:
        return _own_page(error), error.status
    flash(_("Thank you! Your consent is kept; you can take it back here at any time."))
    return redirect(own_home(), 303)


@own(Permission.GIVE_CONSENT, OWN + "/withdraw", "POST")
def withdraw_consent() -> Any:
    """Take back whatever was given for the viewer."""
    try:
        with db.transaction() as session:
            reason = without_nul(request.form.get("reason"))
            consents.withdraw(session, access.viewer(), pages.local_today(), reason)
    except ConsentError as error:
        return _own_page(error), error.status
    flash(_("Your consent is withdrawn: others see no more than your name, and no new pair is proposed."))
    return redirect(own_address("my_consent"), 303)


def _own_page(error: ConsentError | None = None) -> str:
    viewer, session, day = access.viewer(), db.session(), pages.local_today()
    texts = _texts(session, viewer)
    return render_template(
        "people/consents/own.html",
        own=consents.of_person(session, viewer.person_id, day),
        text=texts[Audience.ADULT],
        says_adult=request.form.get("says_adult") == "1",
        error=error,
        changed=isinstance(error, TextChangedError),
        address=own_address,
        home=own_home(),
        is_guest=is_guest(),
    )


@own(Permission.GIVE_CONSENT, OWN + "/blank")
def my_blank() -> Any:
    """The paper that a representative signs for the viewer, to be printed."""
    viewer, session = access.viewer(), db.session()
    found = consents.of_person(session, viewer.person_id, pages.local_today())
    return _blanks(session, viewer, [(found.person, Audience.REPRESENTATIVE)], own_address("my_consent"))


def _texts(session: Session, viewer: Viewer) -> Texts:
    """The current texts; the first who looks makes them."""
    texts = consents.texts(session, viewer.platform_id)
    if len(texts) < len(Audience):
        with db.transaction() as session:
            texts = consents.begin_texts(session, viewer.platform_id, pages.local_today())
    return texts


def _blanks(session: Session, viewer: Viewer, of: list[tuple[Person, Audience]], back: str) -> str:
    """Papers to be printed and signed: they are Russian in whatever language the pages are read."""
    texts = _texts(session, viewer)
    with force_locale("ru"):
        return render_template(
            "people/consents/blank.html",
            papers=[(person, texts[audience]) for person, audience in of],
            representative=Audience.REPRESENTATIVE,
            back=back,
        )


def _own_standing(session: Session, viewer: Viewer) -> tuple[Standing, bool | None]:
    """Where the viewer stands; two parts of a home page ask it."""
    if "own_consent" not in g:
        g.own_consent = consents.own_standing(session, viewer.person_id, pages.local_today())
    found: tuple[Standing, bool | None] = g.own_consent
    return found


@pages.home_section(12)
def asked_for_consent(session: Session, viewer: Viewer) -> Markup | None:
    """Whoever may be in a pair and has no consent is asked for it before anything else."""
    if viewer.roles.isdisjoint({Role.STUDENT, Role.TEACHER, Role.EMPLOYER}):
        return None
    standing, is_minor = _own_standing(session, viewer)
    if standing >= consents.GRANTED:
        return None
    if viewer.may(Permission.MANAGE_BASE):
        # Curators are teachers too: they are asked only when they take part themselves.
        base = service.standing(session, viewer.platform_id, viewer.person_id, pages.local_today())
        if base.mentor_state is not MentorState.READY and base.mentee_state not in NEEDING:
            return None
    return pages.kept_part("people/consents/_asked.html", standing=standing, is_minor=is_minor, standings=Standing)


@pages.home_section(80)
def has_consent(session: Session, viewer: Viewer) -> Markup | None:
    """A line for whoever has a consent: where it can be read and taken back."""
    if viewer.roles.isdisjoint({Role.STUDENT, Role.TEACHER, Role.EMPLOYER}):
        return None
    standing, _is_minor = _own_standing(session, viewer)
    return pages.kept_part("people/consents/_given.html") if standing >= consents.GRANTED else None


@pages.home_section(17)
def lacking_consents(session: Session, viewer: Viewer) -> Markup | None:
    """For curators: how many of those who take part have no consent, and the way to exactly those."""
    if not viewer.may(Permission.MANAGE_BASE):
        return None
    year, day = cycle_id(session, viewer), pages.local_today()
    lack = lists.lack(session, viewer.course_id, year, day) if year else None
    return pages.part("people/consents/_lacking.html", lack=lack, day=day, who=Who, stands=Stands) if lack else None


# --- the list -----------------------------------------------------------------------------------------------------


@blueprint.get(LIST, endpoint="consents")
@access.needs(Permission.MANAGE_BASE)
def show_consents() -> Any:
    """The course's people by how they stand with their consents, as filtered and sorted by the address."""
    viewer, session, look = access.viewer(), db.session(), forms.read_look(request.args)
    year = cycle_id(session, viewer)
    return render_template(
        "people/consents/list.html",
        look=look,
        listing=lists.list_people(session, viewer.platform_id, viewer.course_id, year, pages.local_today(), look),
        has_year=year is not None,
        address=look.addresses("people.consents"),
        blanks=BLANKS,
    )


@blueprint.get(LIST + "list.<any(xlsx,csv):ending>")
@access.needs(Permission.MANAGE_BASE)
def export_consents(ending: str) -> Response:
    """Everybody whom the list shows with these filters, as a file."""
    viewer, look = access.viewer(), forms.read_look(request.args)
    with db.transaction() as session:
        lines = _everybody(session, viewer, look)
        consents.record_export(session, viewer, len(lines), look.told)
        return sheets.download(exports.consents(lines), sheets.Kind(ending))


def _lacking(session: Session, viewer: Viewer, look: Look) -> Lacking:
    year = cycle_id(session, viewer)
    return lists.lacking(session, viewer.platform_id, viewer.course_id, year, pages.local_today(), look)


def _everybody(session: Session, viewer: Viewer, look: Look) -> list[Line]:
    year = cycle_id(session, viewer)
    return lists.all_people(session, viewer.platform_id, viewer.course_id, year, pages.local_today(), look)


@blueprint.get(LIST + "blanks")
@access.needs(Permission.MANAGE_BASE)
def consent_blanks() -> Any:
    """Papers for everybody whom the list shows and who has no consent, a page each; as many as a printer takes."""
    viewer, session, look = access.viewer(), db.session(), forms.read_look(request.args)
    lacking = list(_lacking(session, viewer, look).is_minor.items())[:BLANKS]
    people = lists.named(session, viewer.course_id, dict(lacking))
    of = [(people[person_id][0], _audience(minor)) for person_id, minor in lacking if person_id in people]
    return _blanks(session, viewer, of, url_for("people.consents", **look.query()))


def _audience(is_minor: bool | None) -> Audience:
    """Whose paper somebody needs; of whose age nobody knows, the representative's, which says so."""
    return Audience.ADULT if is_minor is False else Audience.REPRESENTATIVE


# --- papers of many -----------------------------------------------------------------------------------------------


@blueprint.route(LIST + "record", methods=["GET", "POST"])
@access.needs(Permission.MANAGE_BASE)
def record_consents() -> Any:
    """Record papers of everybody whom a filter shows and who has no consent: adults at once, minors line by line."""
    if request.method == "GET":
        return _sheet_page()
    return _record_adults() if request.form.get("part") == "adults" else _record_minors()


def _record_adults() -> Any:
    viewer, look, day = access.viewer(), forms.read_look(request.args), pages.local_today()
    form = forms.AdultsForm.of(consents.signable(db.session(), viewer.platform_id), request.form)
    if not form.is_valid():
        return _sheet_page(adults_form=form), 422
    try:
        with db.transaction() as session:
            lacking = _lacking(session, viewer, look)
            lacking.grown.as_counted(form.counted.data or "")
            chosen = lacking.adults + (lacking.unknown if form.unknown.data else [])
            papers = [Paper(person_id, Way.PAPER, form.signed_on.data, text_id=form.text_id) for person_id in chosen]
            kept = consents.record(session, viewer, day, papers)
    except PeopleError as error:
        return _sheet_page(adults_form=form, error=error), error.status
    return _recorded(len(kept), look)


def _record_minors() -> Any:
    viewer, look, day = access.viewer(), forms.read_look(request.args), pages.local_today()
    form = forms.MinorsForm.of(consents.signable(db.session(), viewer.platform_id), request.form)
    if not form.is_valid():
        return _sheet_page(minors_form=form), 422
    named = read_ids(request.form, "person")[:SHEET]
    papers = forms.read_lines(request.form, named, form.signed_on.data, form.text_id)
    try:
        with db.transaction() as session:
            kept = consents.record(session, viewer, day, papers)
    except ConsentError as error:
        return _sheet_page(minors_form=form, error=error), error.status
    return _recorded(len(kept), look)


def _recorded(count: int, look: Look) -> Any:
    flash(ngettext("%(num)d consent is recorded.", "%(num)d consents are recorded.", count))
    return redirect(url_for("people.consents", **look.query()), 303)


def _sheet_page(
    adults_form: forms.AdultsForm | None = None,
    minors_form: forms.MinorsForm | None = None,
    error: PeopleError | None = None,
) -> str:
    viewer, session, look = access.viewer(), db.session(), forms.read_look(request.args)
    _texts(session, viewer)
    signable = consents.signable(session, viewer.platform_id)
    lacking = _lacking(session, viewer, look)
    problems = error.problems if isinstance(error, PapersWrongError) else {}
    wrong = [person_id for person_id in (*lacking.adults, *lacking.unknown) if person_id in problems][:WRONG_SHOWN]
    sheet, adults = lacking.minors[:SHEET], lacking.adults[:NAMED]
    people = lists.named(session, viewer.course_id, [*wrong, *sheet, *adults])
    adults_form = adults_form or forms.AdultsForm.of(signable)
    adults_form.counted.data = lacking.grown.mark
    return render_template(
        "people/consents/record.html",
        look=look,
        lacking=lacking,
        adults_form=adults_form,
        minors_form=minors_form or forms.MinorsForm.of(signable),
        several=len(signable) > len(Audience),
        sheet=[people[person_id] for person_id in sheet if person_id in people],
        named=[people[person_id][0].name for person_id in adults if person_id in people],
        sent=request.form,
        relations=forms.relation_choices(),
        error=error,
        in_minors=minors_form is not None,
        problems=problems,
        wrong=[(people[person_id][0], problems[person_id]) for person_id in wrong if person_id in people],
        whole=url_for("people.consents", **look.query()),
    )


# --- one person ---------------------------------------------------------------------------------------------------


@pages.record_section(14)
def consents_of(session: Session, viewer: Viewer, person_id: int) -> Markup | None:
    """Consents on a person's record."""
    found = consents.of_person(session, person_id, pages.local_today())
    return pages.part("people/consents/_of_person.html", found=found, way=Way, kinds=scans.ENDINGS)


@blueprint.route(OF_PERSON + "new", methods=["GET", "POST"])
@access.needs(Permission.MANAGE_BASE)
def record_consent(person_id: int) -> Any:
    """Record one signed paper, with its scan when there is one."""
    viewer, session, day = access.viewer(), db.session(), pages.local_today()
    person = service.record_of(session, viewer.course_id, None, person_id).person
    _texts(session, viewer)
    is_minor = rules.is_minor(person.birth_date, day)
    signable = consents.signable(session, viewer.platform_id)
    form = forms.PaperForm.of(is_minor, signable, request.form if request.method == "POST" else None)
    shown = {"person": person, "form": form, "is_minor": is_minor, "several": len(signable) > len(Audience)}
    if request.method == "GET":
        return render_template("people/consents/paper.html", **shown)
    if not form.is_valid():
        return render_template("people/consents/paper.html", **shown), 422
    name, folder = "", _folder()
    try:
        content = _sent_scan()
        kind = scans.checked_kind(content) if content else ""
        name = scans.keep(folder, content) if content else ""
        with db.transaction() as session:
            [consent] = consents.record(session, viewer, day, [form.paper(person_id)])
            if name:
                scans.attach(session, viewer, consent, name, kind)
    except PeopleError as error:
        scans.discard(folder, name)
        problems = error.problems.get(person_id, {}) if isinstance(error, PapersWrongError) else {}
        if error.field in form:
            problems = {error.field: error.text}
        for field, told in problems.items():
            form[field].errors = [told]
        page = render_template("people/consents/paper.html", error=None if problems else error, **shown)
        return page, error.status
    except BaseException:
        scans.discard(folder, name)
        raise
    flash(_("The consent is recorded."))
    return _to_record(person_id)


@blueprint.route(OF_PERSON + "withdraw", methods=["GET", "POST"])
@access.needs(Permission.MANAGE_BASE)
def record_withdrawal(person_id: int) -> Any:
    """Record that somebody, or their representative, has withdrawn in writing."""
    viewer, session, day = access.viewer(), db.session(), pages.local_today()
    person = service.record_of(session, viewer.course_id, None, person_id).person
    form = forms.WithdrawalForm.of(day, request.form if request.method == "POST" else None)
    if request.method == "GET":
        return render_template("people/consents/withdraw.html", person=person, form=form)
    if not form.is_valid():
        return render_template("people/consents/withdraw.html", person=person, form=form), 422
    try:
        with db.transaction() as session:
            consents.withdraw_on_paper(
                session,
                viewer,
                person_id,
                day,
                withdrawn_on=form.withdrawn_on.data,
                reason=form.reason.data or "",
            )
    except PeopleError as error:
        at_field = error.field in form
        if at_field:
            form[error.field].errors = [error.text]
        shown = {"person": person, "form": form, "error": None if at_field else error}
        return render_template("people/consents/withdraw.html", **shown), error.status
    flash(_("The withdrawal is recorded: others see no more than the name, and no new pair is proposed."))
    return _to_record(person_id)


@blueprint.get(OF_PERSON + "blank")
@access.needs(Permission.MANAGE_BASE)
def consent_blank(person_id: int) -> Any:
    """The paper that a person of the course or their representative signs, to be printed."""
    viewer, session = access.viewer(), db.session()
    person = service.record_of(session, viewer.course_id, None, person_id).person
    audience = _audience(rules.is_minor(person.birth_date, pages.local_today()))
    return _blanks(session, viewer, [(person, audience)], url_for("people.person", person_id=person_id))


# --- scans --------------------------------------------------------------------------------------------------------


@blueprint.post(ONE + "scan")
@access.needs(Permission.MANAGE_BASE)
def add_scan(person_id: int, consent_id: int) -> Any:
    """Add the scan of a paper that was recorded without one."""
    viewer, folder, name = access.viewer(), _folder(), ""
    content = _sent_scan()
    if not content:
        flash(_("Choose a file first."), "warning")
        return _to_record(person_id)
    try:
        kind = scans.checked_kind(content)
        with db.transaction() as session:
            consent = scans.find(session, viewer, person_id, consent_id)
            name = scans.keep(folder, content)
            scans.attach(session, viewer, consent, name, kind)
    except ConsentError as error:
        scans.discard(folder, name)
        flash(error.text, "warning")
    except BaseException:
        scans.discard(folder, name)
        raise
    else:
        flash(_("The scan is kept."))
    return _to_record(person_id)


@blueprint.get(ONE + "scan")
@access.needs(Permission.MANAGE_BASE)
def show_scan(person_id: int, consent_id: int) -> Response:
    """The scan, to be saved: never shown inside our own pages, and under a name that tells of nobody."""
    with db.transaction() as session:
        consent = scans.find(session, access.viewer(), person_id, consent_id)
        content = scans.read(_folder(), consent.scan)
        scans.record_look(session, access.viewer(), consent)
    kind = consent.scan_kind
    return Response(
        content,
        content_type=scans.TYPES[kind],
        headers={
            "Content-Disposition": f"attachment; filename=consent-{consent_id}.{scans.ENDINGS[kind]}",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "no-store",
        },
    )


@blueprint.post(ONE + "scan/remove")
@access.needs(Permission.MANAGE_BASE)
def remove_scan(person_id: int, consent_id: int) -> Any:
    """Delete the file; the record of the paper stays."""
    with db.transaction() as session:
        consent = scans.find(session, access.viewer(), person_id, consent_id)
        name = scans.detach(session, access.viewer(), consent)
    scans.discard(_folder(), name)
    flash(_("The scan is deleted."))
    return _to_record(person_id)


def _folder() -> Path:
    settings: Settings = current_app.extensions["settings"]
    return settings.scans_path


def _sent_scan() -> bytes:
    sent: FileStorage | None = request.files.get("scan")
    # One byte more than allowed is enough to know.
    return sent.stream.read(rules.LARGEST_SCAN + 1) if sent and sent.filename else b""


def _to_record(person_id: int) -> Any:
    return redirect(url_for("people.person", person_id=person_id, _anchor="consents"), 303)


# --- texts --------------------------------------------------------------------------------------------------------


@blueprint.get(LIST + "texts/")
@access.needs(Permission.KEEP_CONSENT_TEXTS)
def consent_texts() -> Any:
    """The versions of both texts."""
    viewer, session = access.viewer(), db.session()
    texts = _texts(session, viewer)
    versions = {audience: consents.versions(session, viewer.platform_id, audience) for audience in Audience}
    authors = service.names_of(
        session, [text.created_by for found in versions.values() for text in found if text.created_by]
    )
    return render_template("people/consents/texts.html", texts=texts, versions=versions, authors=authors)


@blueprint.get(LIST + "texts/<int(max=2147483647):text_id>")
@access.needs(Permission.KEEP_CONSENT_TEXTS)
def consent_text(text_id: int) -> Any:
    """One version, as people were shown it."""
    text = consents.find_text(db.session(), access.viewer().platform_id, text_id)
    return render_template("people/consents/text.html", text=text)


@blueprint.route(LIST + "texts/<any(adult,representative):audience>", methods=["GET", "POST"])
@access.needs(Permission.KEEP_CONSENT_TEXTS)
def change_consent_text(audience: str) -> Any:
    """Write a new version of a text."""
    viewer, session, of = access.viewer(), db.session(), Audience(audience)
    current: ConsentText = _texts(session, viewer)[of]
    form = forms.TextForm.of(current, request.form if request.method == "POST" else None)
    agreed = consents.agreed_to(session, viewer.platform_id, of)
    if not viewer.may(Permission.ASK_CONSENTS_AGAIN):
        del form.asks_again
    if request.method == "GET":
        return render_template("people/consents/edit_text.html", form=form, current=current, agreed=agreed)
    try:
        with db.transaction() as session:
            saved = consents.save_text(
                session,
                viewer,
                pages.local_today(),
                of,
                title=form.title.data or "",
                text=form.text.data or "",
                asks_again="asks_again" in form and bool(form.asks_again.data),
            )
    except ConsentError as error:
        shown = {"form": form, "current": current, "agreed": agreed, "error": error}
        return render_template("people/consents/edit_text.html", **shown), error.status
    if saved.id == current.id:
        flash(_("Nothing has changed, so no new version was made."), "warning")
    else:
        flash(_("Version %(number)s is the current one now.", number=saved.version))
    return redirect(url_for("people.consent_texts"), 303)
