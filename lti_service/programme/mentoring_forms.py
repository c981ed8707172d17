"""Forms of mentoring of a school year: seen, added, changed, retired; a year that changes them gets its own copy.

A programme is shared by everybody who follows its preset (ADR 4). The first change that a platform makes in a school
year copies the programme for that year, and whatever in that year names a form then names the copy's form of the same
code. So no change reaches another platform or an old year.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from lti_service import audit
from lti_service.access import Viewer
from lti_service.db import now
from lti_service.errors import NotFoundError
from lti_service.programme.errors import (
    FormInUseError,
    KindsFixedError,
    NoYearError,
    TitleTakenError,
    TooManyFormsError,
)
from lti_service.programme.models import Cycle, Form, Indicator, IndicatorPlan, MenteeKind, MentorKind, Programme

FEDERAL = Path(__file__).resolve().parents[2] / "config" / "forms" / "federal.yaml"
MOST_FORMS = 30
_COPIED = "mentor_kind", "mentee_kind", "title", "goal", "activities", "expected_results", "source"


# --- who uses forms -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Use:
    column: InstrumentedAttribute[Any]
    of_cycle: Callable[[int], ColumnElement[bool]]


_uses: list[_Use] = []


def used_by(column: InstrumentedAttribute[Any], of_cycle: Callable[[int], ColumnElement[bool]]) -> None:
    """Say that a column names forms, and which of its rows are of a school year; a wing above does it once."""
    _uses.append(_Use(column, of_cycle))


def used_columns() -> set[str]:
    """`table.column` of everything that names forms, as `used_by` was told."""
    return {f"{use.column.class_.__tablename__}.{use.column.key}" for use in _uses}


def in_use(session: Session, cycle_id: int) -> set[int]:
    """Ids of forms that anything of a school year names."""
    found: set[int] = set()
    for use in _uses:
        named = select(use.column).where(use.column.is_not(None), use.of_cycle(cycle_id)).distinct()
        found.update(session.scalars(named))
    return found


# --- seeing -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Year:
    """The forms of one school year, and what may be done with them."""

    cycle: Cycle
    forms: list[Form]
    used: set[int]
    """Ids of those that something of the year names."""
    cycles: list[Cycle]
    """All school years of the platform, the newest first."""

    @property
    def is_newest(self) -> bool:
        """Only the newest year's forms may be changed: an old year keeps its own."""
        return self.cycle.id == self.cycles[0].id


def year(session: Session, viewer: Viewer, start_year: int | None = None) -> Year | None:
    """A school year of the viewer's platform, by default the newest; None while there is none.

    Raises NotFoundError for a year that there is not.
    """
    cycles = list(
        session.scalars(select(Cycle).where(Cycle.platform_id == viewer.platform_id).order_by(Cycle.start_year.desc()))
    )
    if not cycles:
        return None
    cycle = next((one for one in cycles if start_year in (None, one.start_year)), None)
    if cycle is None:
        raise NotFoundError
    return Year(cycle, list(cycle.programme.forms), in_use(session, cycle.id), cycles)


def find(session: Session, viewer: Viewer, code: str) -> tuple[Form, bool]:
    """A form of the newest year, and whether something names it. Raises NotFoundError."""
    found = year(session, viewer)
    form = next((form for form in found.forms if form.code == code), None) if found else None
    if found is None or form is None:
        raise NotFoundError
    return form, form.id in found.used


@dataclass(frozen=True, slots=True)
class FormFacts:
    """What a form of mentoring is, as a page sends it."""

    title: str
    mentor_kind: MentorKind
    mentee_kind: MenteeKind
    goal: str = ""
    activities: Sequence[str] = ()
    expected_results: Sequence[str] = ()
    source: str = ""


@cache
def samples() -> dict[str, FormFacts]:
    """Forms that the federal model names, to begin a form of one's own with, by their codes."""
    told = yaml.safe_load(FEDERAL.read_text(encoding="utf-8"))
    return {
        row["id"]: FormFacts(
            title=row["title"],
            mentor_kind=MentorKind(row["mentor_kind"]),
            mentee_kind=MenteeKind(row["mentee_kind"]),
            source=told["source"],
        )
        for row in told["forms"]
    }


# --- changing -----------------------------------------------------------------------------------------------------


def add(session: Session, viewer: Viewer, facts: FormFacts) -> Form:
    """Add a form to the newest year. Raises NoYearError, TitleTakenError, TooManyFormsError."""
    programme = _own_programme(session, viewer)
    if len(programme.forms) >= MOST_FORMS:
        raise TooManyFormsError(most=MOST_FORMS)
    _check_title(programme, facts.title, None)
    codes = {form.code for form in programme.forms}
    number = next(number for number in range(1, MOST_FORMS + 2) if f"own-{number}" not in codes)
    position = max((form.position for form in programme.forms), default=-1) + 1
    form = Form(code=f"own-{number}", position=position)
    _fill(form, facts)
    programme.forms.append(form)
    session.flush()
    _record(session, viewer, "form.added", form)
    return form


def change(session: Session, viewer: Viewer, code: str, facts: FormFacts) -> bool:
    """Change a form of the newest year; False when nothing was.

    Raises NotFoundError, NoYearError, TitleTakenError, KindsFixedError.
    """
    before, _used = find(session, viewer, code)
    if _told(before) == facts:
        return False
    programme = _own_programme(session, viewer)
    form = _locked(session, programme, code)
    _check_title(programme, facts.title, form)
    if (form.mentor_kind, form.mentee_kind) != (facts.mentor_kind, facts.mentee_kind) and form.id in _used_now(
        session, viewer
    ):
        raise KindsFixedError
    parts = [name for name in _COPIED if getattr(_told(form), name) != getattr(facts, name)]
    _fill(form, facts)
    session.flush()
    _record(session, viewer, "form.changed", form, parts=parts)
    return True


def retire(session: Session, viewer: Viewer, code: str, is_retired: bool) -> None:
    """Form no new pairs in a form of the newest year, or do again; pairs that there are go on.

    Raises NotFoundError, NoYearError.
    """
    found, _used = find(session, viewer, code)
    if found.is_retired is is_retired:
        return
    form = _locked(session, _own_programme(session, viewer), code)
    form.retired_at = now() if is_retired else None
    session.flush()
    _record(session, viewer, "form.retired" if is_retired else "form.brought-back", form)


def remove(session: Session, viewer: Viewer, code: str) -> None:
    """Delete a form of the newest year that nothing names. Raises NotFoundError, NoYearError, FormInUseError."""
    find(session, viewer, code)
    programme = _own_programme(session, viewer)
    form = _locked(session, programme, code)
    if form.id in _used_now(session, viewer):
        raise FormInUseError
    _record(session, viewer, "form.removed", form)
    programme.forms.remove(form)
    session.flush()


def _told(form: Form) -> FormFacts:
    return FormFacts(
        title=form.title,
        mentor_kind=form.mentor_kind,
        mentee_kind=form.mentee_kind,
        goal=form.goal,
        activities=tuple(form.activities),
        expected_results=tuple(form.expected_results),
        source=form.source,
    )


def _fill(form: Form, facts: FormFacts) -> None:
    for name in _COPIED:
        value = getattr(facts, name)
        setattr(form, name, list(value) if name in ("activities", "expected_results") else value)


def _check_title(programme: Programme, title: str, own: Form | None) -> None:
    if any(form is not own and form.title.casefold() == title.casefold() for form in programme.forms):
        raise TitleTakenError


def _used_now(session: Session, viewer: Viewer) -> set[int]:
    return in_use(session, _newest(session, viewer).id)


def _locked(session: Session, programme: Programme, code: str) -> Form:
    """A form, locked so that nobody begins to use it meanwhile."""
    form = session.scalar(
        select(Form)
        .where(Form.programme_id == programme.id, Form.code == code)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if form is None:
        raise NotFoundError
    return form


def _newest(session: Session, viewer: Viewer) -> Cycle:
    cycle = session.scalar(
        select(Cycle)
        .where(Cycle.platform_id == viewer.platform_id)
        .order_by(Cycle.start_year.desc())
        .limit(1)
        .with_for_update(of=Cycle)
        .execution_options(populate_existing=True)
    )
    if cycle is None:
        raise NoYearError
    return cycle


# --- a year's own programme ---------------------------------------------------------------------------------------


def _own_programme(session: Session, viewer: Viewer) -> Programme:
    """The programme of the newest year, copied first when anybody else follows it too.

    The year's row is locked: two administrators at once do not make two copies.
    """
    cycle = _newest(session, viewer)
    followed = cycle.programme
    sharing = session.scalar(select(func.count(Cycle.id)).where(Cycle.programme_id == followed.id)) or 0
    if followed.platform_id == viewer.platform_id and sharing == 1:
        return followed
    copy = _copied(followed, cycle)
    session.add(copy)
    session.flush()
    cycle.programme = copy
    session.flush()
    _follow(session, cycle, copy)
    return copy


def _copied(programme: Programme, cycle: Cycle) -> Programme:
    preset = programme.code.partition("@")[0][:50]
    return Programme(
        code=f"{preset}@{cycle.platform_id}-{cycle.start_year}",
        platform_id=cycle.platform_id,
        first_year=programme.first_year,
        title=programme.title,
        organisation=programme.organisation,
        legal_basis=programme.legal_basis,
        loaded_at=now(),
        forms=[
            Form(
                code=form.code,
                position=form.position,
                retired_at=form.retired_at,
                **{name: getattr(form, name) for name in _COPIED},
            )
            for form in programme.forms
        ],
        indicators=[
            Indicator(
                code=one.code,
                title=one.title,
                unit=one.unit,
                better=one.better,
                source=one.source,
                position=one.position,
                plans=[IndicatorPlan(year=plan.year, value=plan.value) for plan in one.plans],
            )
            for one in programme.indicators
        ],
    )


def _follow(session: Session, cycle: Cycle, programme: Programme) -> None:
    """Let everything of the year that names a form of another programme name the one of the same code in this."""
    named, own = aliased(Form), aliased(Form)
    for use in _uses:
        same = (
            select(own.id)
            .join(named, named.code == own.code)
            .where(own.programme_id == programme.id, named.id == use.column)
            .scalar_subquery()
        )
        elsewhere = select(Form.id).where(Form.programme_id != programme.id)
        session.execute(
            update(use.column.class_)
            .where(use.of_cycle(cycle.id), use.column.in_(elsewhere))
            .values({use.column: same})
            .execution_options(synchronize_session=False)
        )
    session.expire_all()


def _record(session: Session, viewer: Viewer, action: str, form: Form, **details: Any) -> None:
    audit.record(
        session,
        action,
        platform_id=viewer.platform_id,
        course_id=viewer.course_id,
        actor_id=viewer.person_id,
        subject=f"form:{form.id}",
        form=form.code,
        **details,
    )
