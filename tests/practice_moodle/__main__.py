"""Runs the practice Moodle from the command line: `python -m tests.practice_moodle --port 8001`."""

from .server import main

raise SystemExit(main())
