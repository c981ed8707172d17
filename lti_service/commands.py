"""The command line `flask --app wsgi …`: every wing's commands, and `sync`, which runs through several wings."""

from flask import Flask

from lti_service import upkeep
from lti_service.indicators.cli import grades
from lti_service.lti import cli as _checks
from lti_service.people.cli import sync
from lti_service.platforms.cli import platforms, tool_keys
from lti_service.programme.cli import programmes
from lti_service.surveys import cli as _answers

ADDING = (_checks, _answers)
"""Modules that add to the commands of wings below them: `platforms check`, and surveys to `sync`."""


def register_commands(app: Flask) -> None:
    """Add the commands to the application."""
    for command in (upkeep.database, platforms, tool_keys, programmes, sync, grades):
        app.cli.add_command(command)
