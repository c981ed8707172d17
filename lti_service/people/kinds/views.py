"""Who is who: the rules as sentences, one rule to be changed and tried out, the year of study, and applying them."""

from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from lti_service import access, db, pages, sheets
from lti_service.access import Permission
from lti_service.people import exports
from lti_service.people.kinds import labels, rules, service, tasks
from lti_service.people.kinds.errors import EmptyRuleError, YearsWrongError
from lti_service.people.kinds.forms import RuleDraft, drafted, needs_number, read_file, read_part, read_rule
from lti_service.people.kinds.patterns import LONGEST
from lti_service.people.kinds.rules import Kind
from lti_service.people.kinds.service import Meaning, Trial
from lti_service.people.views.room import blueprint
from lti_service.queue import OPEN

HERE = "/courses/<int:course_id>/programme/kinds/"
ONE = HERE + "<any('student', 'young-teacher', 'teacher', 'employer', 'senior-student'):kind>"


@blueprint.get(HERE)
@access.needs(Permission.SEE_PROGRAMME)
def kinds() -> Any:
    """The platform's rules in plain words."""
    found = service.overview(db.session(), access.viewer(), pages.local_today())
    return render_template(
        "people/kinds/list.html",
        found=found,
        kinds=list(Kind),
        words=labels,
        run=found.run,
        is_open=found.run is not None and found.run.state in OPEN,
        may_change=access.viewer().may(Permission.MANAGE_PROGRAMME),
    )


@blueprint.route(ONE, methods=["GET", "POST"])
@access.needs(Permission.MANAGE_PROGRAMME)
def kind(kind: str) -> Any:
    """One rule: filled in, tried out on everybody, saved."""
    viewer, session, of = access.viewer(), db.session(), Kind(kind)
    meaning = service.meaning_of(session, viewer.platform_id)
    if request.method == "GET":
        usual = request.args.get("usual") == "1"
        return _rule_page(of, drafted((rules.DEFAULT_RULES if usual else meaning.ruleset.rules)[of]))
    draft = read_rule(request.form)
    if draft.rule is None or not draft.rule.ways:
        problem = None if draft.rule is None else EmptyRuleError().text
        return _rule_page(of, draft, problem=problem), 422
    if request.form.get("do") == "save":
        with db.transaction() as session:
            changed = service.save_rule(session, viewer, of, draft.rule)
        return _saved(changed)
    wanted = Meaning(meaning.ruleset.having(of, draft.rule), meaning.role_map)
    trial, file = _tried(wanted)
    return file or _rule_page(of, draft, trial=trial)


def _tried(wanted: Meaning) -> tuple[Trial, Response | None]:
    """What a trial finds, and the file of it where one is asked for."""
    kind = read_file(request.form)
    with db.transaction() as session:
        trial = service.try_out(
            session,
            access.viewer(),
            wanted,
            pages.local_today(),
            read_part(request.form),
            whole=kind is not None,
        )
    return trial, sheets.download(exports.trial(trial), kind) if kind else None


def _rule_page(of: Kind, draft: RuleDraft, trial: Trial | None = None, problem: str | None = None) -> str:
    return render_template(
        "people/kinds/rule.html",
        kind=of,
        draft=draft,
        trial=trial,
        problem=problem,
        words=labels,
        choices=labels.choices(),
        needs_number=needs_number,
    )


@blueprint.route(HERE + "years", methods=["GET", "POST"])
@access.needs(Permission.MANAGE_PROGRAMME)
def study_years() -> Any:
    """How the names of groups tell the year of study: filled in, tried out on the platform's groups, saved."""
    viewer, session = access.viewer(), db.session()
    meaning = service.meaning_of(session, viewer.platform_id)
    if request.method == "GET":
        years = rules.DEFAULT_YEARS if request.args.get("usual") == "1" else meaning.ruleset.years
        return _years_page(years)
    years = request.form.get("years", "").replace("\0", "").strip()[: LONGEST + 1]
    try:
        service.check_years(years)
    except YearsWrongError as error:
        return _years_page(years, problem=str(labels.REASONS[error.facts["reason"]])), error.status
    if request.form.get("do") == "save":
        with db.transaction() as session:
            changed = service.save_years(session, viewer, years)
        return _saved(changed)
    wanted = Meaning(rules.Ruleset(meaning.ruleset.rules, years), meaning.role_map)
    trial, file = _tried(wanted)
    return file or _years_page(years, trial=trial)


def _years_page(years: str, trial: Trial | None = None, problem: str = "") -> str:
    groups = [] if problem else service.try_years(db.session(), access.viewer(), years, pages.local_today())
    return render_template(
        "people/kinds/years.html", years=years, groups=groups, trial=trial, problem=problem, words=labels
    )


def _saved(changed: bool) -> Any:
    if changed:
        flash(_("Saved. It applies at the next load of people from Moodle; here you can apply it at once."))
    else:
        flash(_("Nothing was changed."))
    return redirect(url_for("people.kinds"), 303)


@blueprint.post(HERE + "apply")
@access.needs(Permission.MANAGE_PROGRAMME)
def apply_kinds() -> Any:
    """Put everybody of the platform before the rules now, unless that is under way."""
    with db.transaction() as session:
        run, is_new = service.open_apply(session, access.viewer())
    if is_new:
        tasks.apply_rules(run.id)
    return redirect(url_for("people.kinds"), 303)


@blueprint.get(HERE + "status")
@access.needs(Permission.SEE_PROGRAMME)
def kinds_status() -> Any:
    """The part of the page that says how the newest run goes; a script asks for it each second."""
    run = service.last_run(db.session(), access.viewer().platform_id)
    return render_template("people/kinds/_run.html", run=run, is_open=run is not None and run.state in OPEN)
