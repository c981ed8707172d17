"""Logging: structlog over the standard library, text for people or JSON for collectors, secrets left out."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from flask import g, has_request_context

SECRET_NAMES = re.compile(r"token|secret|password|authorization|assertion|cookie|private_key|id_token", re.IGNORECASE)
SECRET_TEXT = re.compile(
    r"(wstoken=|access_token[\"']?[:=]\s*[\"']?|Bearer\s+|client_assertion=|id_token=|registration_token=)[^\s&\"']+"
)
HIDDEN = "[hidden]"


def hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take values out whose name or shape says that they are secret; the last guard, not the only one."""
    for name, value in event.items():
        if SECRET_NAMES.search(name) and value:
            event[name] = HIDDEN
        elif isinstance(value, str):
            event[name] = SECRET_TEXT.sub(lambda found: found.group(1) + HIDDEN, value)
    return event


def add_correlation_id(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Say which request a line belongs to: asked when there is a line, for most requests write none."""
    if has_request_context() and "correlation_id" in g:
        event.setdefault("correlation_id", g.correlation_id)
    return event


def configure(level: str, form: str) -> None:
    """Send every logger, ours and libraries', to standard error in one form: `text` or `json`."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        add_correlation_id,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        hide_secrets,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
