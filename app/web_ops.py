"""What machines ask the web process: health, readiness, version, metrics."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import timedelta
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as package_version

from flask import Blueprint, Response, current_app, g, jsonify, request
from peewee import InterfaceError, OperationalError, ProgrammingError
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from app.billing.service import ledger
from app.core import db, inbox, leases, migrate
from app.core.errors import NotFound
from app.core.policy import Act, policy

blueprint = Blueprint("ops", __name__)
_FRESH = timedelta(seconds=20)
_LIVING = ("worker", "jobs", "bot")  # pages do without the live process: they ask again by themselves


@blueprint.get("/healthz")
@policy(Act.PUBLIC)
def healthz() -> Response:
    """The process answers."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
@policy(Act.PUBLIC)
def readyz() -> tuple[Response, int]:
    """Everything a person needs works: database, schema, and the other processes' heartbeats."""
    checks = {"database": _says(lambda: db.row("SELECT 1") is not None), "schema": _says(migrate.is_at_head)}
    beats = leases.last_beats() if checks["schema"] == "ok" else {}
    for process in _LIVING:
        at = beats.get(process)
        checks[process] = "ok" if at and g.now - at < _FRESH else "no heartbeat"
    is_ready = all(state == "ok" for state in checks.values())
    return jsonify(status="ready" if is_ready else "not ready", checks=checks), 200 if is_ready else 503


def _says(check: Callable[[], bool]) -> str:
    try:
        return "ok" if check() else "not ok"
    except (OperationalError, InterfaceError, ProgrammingError) as error:
        return type(error).__name__


@blueprint.get("/version")
@policy(Act.PUBLIC)
def version() -> Response:
    """The running release and its schema."""
    applied = db.row("SELECT MAX(name) FROM schema_migration")
    return jsonify(version=_release(), schema=applied[0] if applied else None)


def _release() -> str:
    try:
        return package_version("analyticbot")
    except PackageNotFoundError:
        return "0.1.0"


@blueprint.get("/metrics")
@policy(Act.PUBLIC)
def metrics() -> Response:
    """Prometheus text: by the token, or from this machine when none is set."""
    _require_scraper()
    registry = CollectorRegistry()
    waiting = Gauge("analyticbot_inbox_updates", "Raw updates by state", ["state"], registry=registry)
    for state, count in inbox.counts():
        waiting.labels(state).set(count)
    beats = Gauge(
        "analyticbot_heartbeat_age_seconds", "Since a process said that it works", ["process"], registry=registry
    )
    for process, at in leases.last_beats().items():
        beats.labels(process).set((g.now - at).total_seconds())
    outbox = Gauge("analyticbot_outbox_rows", "Outbox rows by state", ["state"], registry=registry)
    for state, where in (("waiting", "dead_at IS NULL"), ("dead", "dead_at IS NOT NULL")):
        outbox.labels(state).set((db.row(f"SELECT COUNT(*) FROM outbox WHERE {where}") or (0,))[0])
    differing = Gauge("analyticbot_billing_differences", "Between gateways and books, unsettled", registry=registry)
    differing.set(len(ledger.differences()))
    for name, value in db.rows("SELECT name, value FROM gauge"):
        Gauge(f"analyticbot_{name}", "Measured by its own process", registry=registry).set(value)
    return Response(generate_latest(registry), mimetype="text/plain; version=0.0.4")


def _require_scraper() -> None:
    token = current_app.extensions["runtime"].settings.metrics_token.get_secret_value()
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token and hmac.compare_digest(token.encode(), given.encode()):
        return
    if not token and request.remote_addr in ("127.0.0.1", "::1"):
        return
    raise NotFound("There is no such page.")
