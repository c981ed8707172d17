"""`flask platforms …` and `flask keys rotate`: connecting Moodle sites from the command line."""

from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup

from config import Settings
from lti_service import audit, db
from lti_service.errors import DomainError
from lti_service.platforms import keys, service
from lti_service.platforms.models import PlatformState

platforms = AppGroup("platforms", help="Moodle sites.")
tool_keys = AppGroup("keys", help="Our own signing keys.")

OUR_VALUES = {
    "Tool URL": "/lti/launch",
    "Public keyset": "/lti/jwks",
    "Initiate login URL": "/lti/login",
    "Redirection URI(s)": "/lti/launch",
}
"""What goes into Moodle's form "configure a tool manually", under the names that it uses."""


@platforms.command("add")
@click.option("--issuer", required=True, help="The site's address, as Moodle shows it: Platform ID.")
@click.option("--client-id", required=True)
@click.option("--deployment-id", required=True)
@click.option("--login-url", required=True, help="Authentication request URL.")
@click.option("--token-url", required=True, help="Access token URL.")
@click.option("--jwks-url", required=True, help="Public keyset URL.")
@click.option("--ws-url", default="", help="Root of the site whose web services are read (default: the issuer).")
@click.option("--ws-token-file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", default="", help="What to call it here.")
@click.option("--active", is_flag=True, help="Take its launches at once.")
def add(
    issuer: str,
    client_id: str,
    deployment_id: str,
    login_url: str,
    token_url: str,
    jwks_url: str,
    ws_url: str,
    ws_token_file: Path | None,
    name: str,
    active: bool,
) -> None:
    """Register a Moodle by hand; again with the same issuer and client id brings it up to date."""
    token = ws_token_file.read_text(encoding="utf-8").strip() if ws_token_file else ""
    registration = service.Registration(
        issuer=issuer.rstrip("/"),
        client_id=client_id,
        deployment_id=deployment_id,
        login_url=login_url,
        token_url=token_url,
        jwks_url=jwks_url,
        name=name,
        ws_url=ws_url or (issuer if token else ""),
        ws_token=token,
        active=active,
    )
    try:
        with db.transaction() as session:
            keys.ensure_key(session)
            platform, is_new = service.register(session, registration)
            platform_id, state = platform.id, platform.state
    except DomainError as err:
        raise click.ClickException(f"{err.code}: {err.facts}") from err
    click.echo(f"{'Registered' if is_new else 'Brought up to date'} ({state.value}).", err=True)
    settings: Settings = current_app.extensions["settings"]
    for name, path in OUR_VALUES.items():
        click.echo(f"In Moodle, {name}: {settings.public_url}{path}", err=True)
    click.echo(platform_id)


@platforms.command("invite")
@click.option("--for", "platform_id", type=int, help="Only for this platform, to register it again and keep its data.")
def invite(platform_id: int | None) -> None:
    """Print a registration address for Moodle's "Manage tools": good once, for 24 hours."""
    settings: Settings = current_app.extensions["settings"]
    try:
        with db.transaction() as session:
            if platform_id is not None:
                service.get(session, platform_id)
            code = service.invite(session, platform_id)
            audit.record(session, "platform.invited", platform_id=platform_id)
    except service.UnknownPlatformError as err:
        raise click.ClickException(f"there is no platform {platform_id}; see `platforms list`") from err
    click.echo(service.registration_address(settings.public_url, code))


@platforms.command("pause")
@click.argument("platform_id", type=int)
def pause(platform_id: int) -> None:
    """Take no more launches of platform PLATFORM_ID, and read and deliver nothing; nothing is deleted."""
    _set_state(platform_id, PlatformState.PAUSED, "platform.paused")


@platforms.command("resume")
@click.argument("platform_id", type=int)
def resume(platform_id: int) -> None:
    """Take launches of platform PLATFORM_ID, which was paused or never active."""
    _set_state(platform_id, PlatformState.ACTIVE, "platform.resumed")


def _set_state(platform_id: int, state: PlatformState, action: str) -> None:
    try:
        with db.transaction() as session:
            platform = service.get(session, platform_id)
            if platform.state is not state:
                platform.state = state
                audit.record(session, action, platform_id=platform_id, subject=f"platform:{platform_id}")
    except service.UnknownPlatformError as err:
        raise click.ClickException(f"there is no platform {platform_id}; see `platforms list`") from err
    click.echo(f"Platform {platform_id} is {state.value}.", err=True)


@platforms.command("list")
def list_platforms() -> None:
    """Show what is registered."""
    for platform in service.all_platforms(db.session()):
        deployments = ", ".join(deployment.deployment_id for deployment in platform.deployments)
        web_service = "web service" if platform.ws_token else "no web service"
        click.echo(
            f"{platform.id}\t{platform.state.value}\t{platform.name}\t{platform.issuer}\t"
            f"client {platform.client_id}\tdeployments {deployments}\t{web_service}"
        )


@tool_keys.command("rotate")
def rotate() -> None:
    """Publish a new key; it signs after the overlap, and the old one stays published as long."""
    with db.transaction() as session:
        key = keys.rotate(session, db.now())
        told = (key.kid, key.signs_from)
    click.echo(f"New key {told[0]}, signs from {told[1]:%Y-%m-%d %H:%M} UTC.")
