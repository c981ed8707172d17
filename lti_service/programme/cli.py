"""`flask programmes load FILE`."""

from pathlib import Path

import click
from flask.cli import AppGroup

from lti_service import db
from lti_service.programme import service
from lti_service.programme.errors import PresetInvalidError

programmes = AppGroup("programmes", help="Mentoring programmes.")


@programmes.command("load")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--first-year", type=click.IntRange(2000, 2100), help="Move the plan years so that they begin here.")
def load(file: Path, first_year: int | None) -> None:
    """Load the preset in FILE; loading it again brings what is there up to the file."""
    try:
        with db.transaction() as session:
            programme, is_new = service.load_preset(session, file, first_year)
            told = (programme.title, programme.first_year, len(programme.forms), len(programme.indicators))
    except PresetInvalidError as err:
        raise click.ClickException(f"{file} is not a programme: {err.facts['problems']}") from err
    title, year, forms, indicators = told
    click.echo(
        f"{'Loaded' if is_new else 'Brought up to date'}: {title}, from {year}: {forms} forms, {indicators} indicators."
    )
