"""The worker process: `python -m lti_service.worker` runs what the queue holds and what the clock says."""

import sys
from datetime import timedelta
from typing import Any

import structlog
from huey.api import crontab

from config import Settings, SettingsError, load_settings
from lti_service import db, holdings, logs, mail, queue
from lti_service.indicators import tasks as indicators
from lti_service.lti import deep_linking, launch
from lti_service.people import tasks as people
from lti_service.people.consents import scans
from lti_service.people.guests import tasks as guests
from lti_service.people.imports import service as imports
from lti_service.people.kinds import tasks as _kinds  # noqa: F401 - it declares its task
from lti_service.people.privacy import periods
from lti_service.people.training import tasks as training
from lti_service.platforms import outgoing, secrets
from lti_service.platforms import service as platforms
from lti_service.surveys import tasks as surveys

log = structlog.get_logger(__name__)

KEPT = timedelta(days=1)
"""Attempts that ran out are kept so long, for whoever looks into a refusal."""


def connect(settings: Settings) -> None:
    """Give this process its database, queue, secrets and way out: what a web process gets from `create_app`."""
    logs.configure(settings.log_level, settings.log_format)
    log.debug("told what is kept about people", wings=len(holdings.WINGS))
    db.connect(settings.database_url)
    queue.connect(settings.queue_url)
    secrets.connect(settings.encryption_keys)
    outgoing.connect(settings.allowed_private_hosts)
    scans.connect(settings.scans_path)
    mail.connect(settings)


def schedule(settings: Settings) -> None:
    """Declare what runs by the clock: the nightly pass, grades that are due, and tidying up."""
    nightly = crontab(hour=str(settings.sync_at.hour), minute=str(settings.sync_at.minute))

    @queue.huey.periodic_task(nightly)  # type: ignore[untyped-decorator]
    def sync_everything() -> None:
        people.sync_all()
        training.read_all()
        surveys.sync_all()
        indicators.refresh_all()
        periods.apply_all()

    @queue.huey.periodic_task(crontab(minute="*"))  # type: ignore[untyped-decorator]
    def deliver_what_is_due() -> None:
        indicators.deliver_due()

    @queue.huey.periodic_task(crontab(minute="*"))  # type: ignore[untyped-decorator]
    def send_letters() -> None:
        guests.send_letters.call_local()

    @queue.huey.periodic_task(crontab(minute="17"))  # type: ignore[untyped-decorator]
    def tidy_up() -> None:
        before = db.now() - KEPT
        with db.transaction() as session:
            gone = {
                "attempts": launch.purge_attempts(session, before),
                "invitations": platforms.purge_invitations(session, before),
                "choices": deep_linking.purge(session, before),
                "files": imports.purge(session, db.now()),
            }
        log.info("tidied up", **gone)


def main() -> int:
    """Run until told to stop; returns the exit status."""
    try:
        settings = load_settings()
        connect(settings)
    except SettingsError as err:
        sys.stderr.write(f"A setting is wrong: {err}\n")
        return 2
    schedule(settings)
    consumer: Any = queue.huey.create_consumer(workers=2, worker_type="thread", check_worker_health=True)
    consumer.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
