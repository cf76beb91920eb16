"""Logs: readable in development, JSON with a trace id in production. No secrets, no personal data."""

from __future__ import annotations

import logging
import secrets
import sys
from typing import Any

import structlog

_SECRET_KEYS = ("token", "secret", "init_data", "password", "authorization", "cookie", "payload")


def configure(log_format: str, *, process: str) -> None:
    """Set up structlog and the standard library's loggers for one process."""
    renderer: Any = (
        structlog.processors.JSONRenderer() if log_format == "json" else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _redact,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")


def _redact(_logger: Any, _method: str, event: Any) -> Any:
    for key in event:
        if any(word in key.lower() for word in _SECRET_KEYS):
            event[key] = "…"
    return event


def new_trace_id() -> str:
    """What a person quotes and a log line carries."""
    return secrets.token_hex(8)


def log() -> Any:
    return structlog.get_logger()
