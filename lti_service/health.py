"""Whether the process is up, whether it can serve, and figures for Prometheus."""

import ipaddress
from typing import Any

from alembic.runtime.migration import MigrationContext
from flask import Blueprint, Response, current_app, jsonify, request
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from config import Settings
from lti_service import db, queue
from lti_service.errors import NotFoundError
from lti_service.queue import DueCourse, Run

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Any:
    """The process answers."""
    return jsonify(status="up")


@blueprint.get("/readyz")
def readyz() -> Any:
    """Database, migrations and queue, each with what it found; 503 when one of them is not ready."""
    checks = {"database": _database(), "migrations": _migrations(), "queue": _queue()}
    ready = all(found == "ok" for found in checks.values())
    return jsonify(status="ready" if ready else "not ready", **checks), 200 if ready else 503


@blueprint.get("/metrics")
def metrics() -> Any:
    """Counts in Prometheus' text form, for the addresses of METRICS_ALLOW only."""
    settings: Settings = current_app.extensions["settings"]
    caller = ipaddress.ip_address(request.remote_addr or "0.0.0.0")  # noqa: S104
    if not any(caller in ipaddress.ip_network(entry, strict=False) for entry in settings.metrics_allow):
        raise NotFoundError
    session = db.session()
    lines = ["# HELP nastavnichestvo_runs Background runs by kind and state.", "# TYPE nastavnichestvo_runs gauge"]
    for kind, state, count in session.execute(select(Run.kind, Run.state, func.count()).group_by(Run.kind, Run.state)):
        lines.append(f'nastavnichestvo_runs{{kind="{kind}",state="{state.value}"}} {count}')
    due = session.scalar(select(func.count()).select_from(DueCourse)) or 0
    lines += [
        "# HELP nastavnichestvo_due_courses Courses whose grades wait for a look.",
        "# TYPE nastavnichestvo_due_courses gauge",
        f"nastavnichestvo_due_courses {due}",
    ]
    return Response("\n".join(lines) + "\n", mimetype="text/plain; version=0.0.4")


def _database() -> str:
    try:
        db.session().execute(text("SELECT 1"))
    except SQLAlchemyError:
        return "unreachable"
    return "ok"


def _migrations() -> str:
    try:
        current = MigrationContext.configure(db.session().connection()).get_current_revision()
    except SQLAlchemyError:
        return "unknown"
    return "ok" if current == db.newest_revision() else f"at {current}"


def _queue() -> str:
    try:
        queue.huey.pending_count()
    except Exception:  # each storage has its own errors
        return "unreachable"
    return "ok"
