"""`make run`: the service on one machine, gunicorn and the worker side by side until one of them stops."""

import signal
import subprocess
import sys
from pathlib import Path

from config import SettingsError, load_settings
from lti_service import upkeep

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Migrate, start both processes, and end with the first that ends; returns its exit status."""
    try:
        settings = load_settings()
    except SettingsError as err:
        sys.stderr.write(f"A setting is wrong: {err}\n")
        return 2
    upkeep.upgrade_database(settings.database_url)
    sys.stdout.write(
        f"The service answers at {settings.public_url}.\n"
        f"To connect a Moodle, see docs/install.md; its values for the form are at {settings.public_url}/lti/…\n"
    )
    sys.stdout.flush()
    gunicorn = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "config" / "gunicorn.conf.py"), "wsgi:app"]
    worker = [sys.executable, "-m", "lti_service.worker"]
    running = [subprocess.Popen(command, cwd=ROOT) for command in (gunicorn, worker)]  # noqa: S603

    def stop(*_signal: object) -> None:
        for process in running:
            process.terminate()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    status = _first_to_end(running)
    stop()
    for process in running:
        process.wait()
    return status


def _first_to_end(running: list[subprocess.Popen[bytes]]) -> int:
    while True:
        for process in running:
            try:
                return process.wait(0.5)
            except subprocess.TimeoutExpired:
                continue


if __name__ == "__main__":
    sys.exit(main())
