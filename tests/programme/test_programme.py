"""The programme: presets loaded and loaded again, plan years moved, and the school year a platform is in."""

from datetime import date
from pathlib import Path

import pytest
import yaml
from sqlalchemy import func, select

from lti_service.db import now
from lti_service.platforms.models import Platform
from lti_service.programme import service
from lti_service.programme.models import Form, Indicator, IndicatorPlan, Programme

PRESET = service.DEFAULT_PRESET


def plans(session, code: str) -> dict[int, int]:
    rows = session.execute(
        select(IndicatorPlan.year, IndicatorPlan.value).join(Indicator).where(Indicator.code == code)
    )
    return {year: int(value) for year, value in rows}


def test_the_colleges_preset_holds_its_four_forms_and_nineteen_indicators(session):
    programme, is_new = service.load_preset(session, PRESET)
    assert is_new
    assert [form.title for form in programme.forms] == [
        "«педагог – педагог»", "«педагог – студент»", "«работодатель – студент»", "«студент – студент»",
    ]  # fmt: skip
    assert len(programme.indicators) == 19
    assert plans(session, "R4") == {2020: 40, 2021: 60, 2022: 100, 2023: 100, 2024: 100}


def test_plan_years_move_with_the_first_year(session):
    service.load_preset(session, PRESET, first_year=2026)
    assert plans(session, "E5") == {2026: 50, 2027: 55, 2028: 65, 2029: 75, 2030: 85}


def test_loading_again_brings_up_to_date_and_doubles_nothing(session, tmp_path):
    file = tmp_path / "college.yaml"
    preset = yaml.safe_load(PRESET.read_text(encoding="utf-8"))
    file.write_text(yaml.safe_dump(preset, allow_unicode=True), encoding="utf-8")
    service.load_preset(session, file)
    preset["forms"][0]["title"] = "«педагог – новичок»"
    file.write_text(yaml.safe_dump(preset, allow_unicode=True), encoding="utf-8")
    programme, is_new = service.load_preset(session, file)
    assert not is_new
    assert programme.forms[0].title == "«педагог – новичок»"
    assert session.scalar(select(func.count()).select_from(Form)) == 4
    assert session.scalar(select(func.count()).select_from(Programme)) == 1


@pytest.mark.parametrize("text", ["", "[]", "title: no forms", "forms: [", "\xff"])
def test_a_file_that_is_no_programme_is_refused(app, tmp_path: Path, text):
    file = tmp_path / "x.yaml"
    file.write_bytes(text.encode("latin-1"))
    done = app.test_cli_runner().invoke(args=["programmes", "load", str(file)])
    assert done.exit_code == 1
    assert "is not a programme" in done.output


@pytest.mark.parametrize(
    ("day", "year"), [(date(2026, 8, 1), 2026), (date(2026, 7, 31), 2025), (date(2027, 1, 1), 2026)]
)
def test_a_school_year_runs_from_august_to_july(day, year):
    assert service.school_year(day) == year


def test_a_cycle_after_the_last_plan_year_is_held_against_the_last(session):
    platform = Platform(
        name="M", issuer="https://m.example", client_id="1", login_url="", token_url="", jwks_url="", created_at=now()
    )
    session.add(platform)
    session.flush()
    cycle = service.current_cycle(session, platform.id, date(2026, 11, 23))
    assert (cycle.title, cycle.plan_year) == ("2026/27", 2024)
    assert service.current_cycle(session, platform.id, date(2027, 7, 31)) is cycle
    assert service.find_cycle(session, platform.id, date(2027, 8, 1)) is None
