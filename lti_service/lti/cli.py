"""`flask platforms check`: tries a connection from the command line and says what to mend."""

import click
from flask import g

from lti_service import db
from lti_service.lti import checks
from lti_service.lti.checks import Level
from lti_service.platforms import service
from lti_service.platforms.cli import platforms

MARKS = {Level.OK: "ok", Level.ADVICE: "look", Level.BROKEN: "MEND"}


@platforms.command("check")
@click.argument("platform_id", type=int)
def check(platform_id: int) -> None:
    """Try the keys, a token, the roster and the web service of platform PLATFORM_ID, and say what to mend."""
    g.locale = "en"
    session = db.session()
    try:
        platform = service.get(session, platform_id)
    except service.UnknownPlatformError as err:
        raise click.ClickException(f"there is no platform {platform_id}; see `platforms list`") from err
    findings = checks.check_platform(session, platform)
    width = max(len(one.subject) for one in findings)
    for one in findings:
        click.echo(f"{MARKS[one.level]:4}  {one.subject:{width}}  {one.text}")
        if one.advice:
            click.echo(f"{'':4}  {'':{width}}  {one.advice}")
        if one.page:
            click.echo(f"{'':4}  {'':{width}}  {one.page.title}: {platform.issuer}{one.page.path}")
    count = checks.broken(findings)
    if count:
        raise click.ClickException(f"{count} of {len(findings)} must be mended")
    click.echo("Nothing must be mended.", err=True)
