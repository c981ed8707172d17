"""Use cases of the programme: loading a preset, and the school year that a platform is in."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from marshmallow import ValidationError
from sqlalchemy import bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lti_service.db import now
from lti_service.programme.errors import PresetInvalidError
from lti_service.programme.models import Cycle, Form, Indicator, IndicatorPlan, Programme
from lti_service.programme.schemas import PresetSchema

DEFAULT_PRESET = Path(__file__).resolve().parents[2] / "config" / "programmes" / "college.yaml"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""PyYAML's own in Python takes seven times as long; it is there on every machine."""

FIRST_MONTH = 8
"""A school year of the programme runs from August to July."""

# Built once: every home page asks it, and composing a statement costs more than running it.
_CYCLE = select(Cycle).where(Cycle.platform_id == bindparam("platform"), Cycle.start_year == bindparam("year"))
# A platform's own copy is nobody else's to follow.
_NEWEST = select(Programme).where(Programme.platform_id.is_(None)).order_by(Programme.id.desc()).limit(1)


def load_preset(session: Session, file: Path, first_year: int | None = None) -> tuple[Programme, bool]:
    """Load a preset; `first_year` moves its plan years so that they begin there.

    Idempotent on the file's name and the first year: what is there is brought up to the file, rows are kept.
    Returns the programme and whether it is new. Raises PresetInvalidError.
    """
    try:
        told = yaml.load(file.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - either of the two is a safe one
        preset: dict[str, Any] = PresetSchema().load(told)
    except (ValidationError, yaml.YAMLError, UnicodeDecodeError) as err:
        raise PresetInvalidError(problems=str(err)) from err
    shift = 0 if first_year is None else first_year - min(preset["years"])
    first = min(preset["years"]) + shift
    programme = session.scalar(select(Programme).where(Programme.code == file.stem, Programme.first_year == first))
    is_new = programme is None
    if programme is None:
        programme = Programme(code=file.stem, first_year=first, title=preset["title"], loaded_at=now())
        session.add(programme)
    programme.title = preset["title"]
    programme.organisation = preset["organisation"].get("short", "")
    programme.legal_basis = preset["legal_basis"]
    source = ", ".join(part for part in (programme.title, programme.organisation) if part)
    _load_forms(programme, preset["forms"], source)
    _load_indicators(programme, preset["result_indicators"] + preset["effect_indicators"], shift)
    session.flush()
    return programme, is_new


def _load_forms(programme: Programme, forms: list[dict[str, Any]], source: str) -> None:
    known = {form.code: form for form in programme.forms}
    for position, row in enumerate(forms):
        form = known.get(row["id"])
        if form is None:
            form = Form(code=row["id"])
            programme.forms.append(form)
        form.title, form.goal, form.activities = row["title"], row["goal"], row["activities"]
        form.expected_results, form.source = row["expected_results"], row["source"] or source
        form.mentor_kind, form.mentee_kind, form.position = row["mentor_kind"], row["mentee_kind"], position


def _load_indicators(programme: Programme, indicators: list[dict[str, Any]], shift: int) -> None:
    known = {indicator.code: indicator for indicator in programme.indicators}
    for position, row in enumerate(indicators):
        indicator = known.get(row["id"])
        if indicator is None:
            indicator = Indicator(code=row["id"])
            programme.indicators.append(indicator)
        indicator.title, indicator.unit, indicator.position = row["title"], row["unit"], position
        indicator.better, indicator.source = row["better"], row["source"]
        plans = {plan.year: plan for plan in indicator.plans}
        for year, value in row["plan"].items():
            plan = plans.get(year + shift)
            if plan is None:
                plan = IndicatorPlan(year=year + shift)
                indicator.plans.append(plan)
            plan.value = Decimal(str(value))


def school_year(day: date) -> int:
    """The first calendar year of the school year that `day` lies in."""
    return day.year if day.month >= FIRST_MONTH else day.year - 1


def current_cycle(session: Session, platform_id: int, day: date) -> Cycle:
    """The platform's cycle on `day`; opened when there is none, on the programme it followed last.

    A platform that never followed one gets the newest programme loaded, and the default preset where there is none.
    """
    start = school_year(day)
    session.info.pop("cycles", None)
    cycle = find_cycle(session, platform_id, day)
    if cycle is not None:
        return cycle
    last = session.scalar(
        select(Cycle).where(Cycle.platform_id == platform_id).order_by(Cycle.start_year.desc()).limit(1)
    )
    programme = last.programme if last else session.scalar(_NEWEST)
    if programme is None:
        programme = _default_programme(session)
    cycle = Cycle(
        platform_id=platform_id, programme=programme, start_year=start, plan_year=plan_year(session, programme, start)
    )
    try:
        with session.begin_nested():
            session.add(cycle)
        session.info.pop("cycles", None)
    except IntegrityError:
        session.info.pop("cycles", None)
        # Two first visits of a new school year at once: the other one's is as good.
        found = find_cycle(session, platform_id, day)
        if found is None:
            raise
        return found
    return cycle


def _default_programme(session: Session) -> Programme:
    try:
        with session.begin_nested():
            return load_preset(session, DEFAULT_PRESET)[0]
    except IntegrityError:
        # Two first syncs of an empty database at once: the other one's is as good.
        return session.scalars(_NEWEST).one()


def find_cycle(session: Session, platform_id: int, day: date) -> Cycle | None:
    """The platform's cycle on `day`, if it has been opened."""
    # Every part of a home page asks this; within one session the answer is kept, and `current_cycle` renews it.
    kept: dict[tuple[int, int], Cycle | None] = session.info.setdefault("cycles", {})
    key = (platform_id, school_year(day))
    if key not in kept:
        kept[key] = session.scalar(_CYCLE, {"platform": key[0], "year": key[1]})
    return kept[key]


def plan_year(session: Session, programme: Programme, start_year: int) -> int:
    """The plan year that a school year's facts are held against.

    It is the school year's first calendar year, or the nearest that the programme plans for.
    """
    years = session.scalars(
        select(IndicatorPlan.year).join(Indicator).where(Indicator.programme_id == programme.id).distinct()
    ).all()
    return min(max(start_year, min(years)), max(years)) if years else start_year
