"""The WSGI entry: any WSGI server starts the service as `wsgi:app`."""

import click

from config import SettingsError
from lti_service.app import create_app

try:
    app = create_app()
except SettingsError as err:
    # In one line from `flask --app wsgi …`; a server shows where it came from besides.
    raise click.UsageError(f"A setting is wrong: {err}") from err
