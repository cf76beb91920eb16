"""What machines ask: readiness that tells the truth about the database, and metrics for who may scrape them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from pydantic import SecretStr

from app.billing.service.counter import DomainOrders
from app.boot import Runtime
from app.core import clock, db, inbox, leases, outbox
from app.web import create_app


def _value(text: str, series: str) -> float:
    found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.M)
    assert found, f"{series} is not in\n{text}"
    return float(found.group(1))


def test_a_database_without_its_schema_is_not_ready(app: Flask) -> None:
    db.execute("DELETE FROM schema_migration")
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json["checks"]["schema"] != "ok" and answer.json["checks"]["database"] == "ok"
    assert app.test_client().get("/healthz").status_code == 200
    assert app.test_client().get("/version").json["schema"] is None


def test_an_old_heartbeat_is_no_heartbeat(app: Flask) -> None:
    for process in ("worker", "jobs", "bot"):
        leases.beat(process, now=clock.utcnow() - timedelta(minutes=1))
    checks = app.test_client().get("/readyz").json["checks"]
    assert {checks[process] for process in ("worker", "jobs", "bot")} == {"no heartbeat"}


def test_the_metrics_count_what_is_stored_waiting_and_dead(app: Flask) -> None:
    now = clock.utcnow()
    inbox.store(7, [{"update_id": 1, "message": {"chat": {"id": 1}}}, {"update_id": 2, "x": {}}], now=now)
    with db.write():
        outbox.put("rollup_check", "daily", now=now)
        db.execute("INSERT INTO gauge (name, labels, value, at) VALUES ('preview_channels', '{}', 3, ?)", db.stamp(now))
    leases.beat("jobs", now=now - timedelta(seconds=30))
    text = app.test_client().get("/metrics").text
    assert _value(text, 'analyticbot_inbox_updates{state="waiting"}') == 2
    assert _value(text, 'analyticbot_outbox_rows{state="waiting"}') == 1
    assert _value(text, 'analyticbot_outbox_rows{state="dead"}') == 0
    assert _value(text, "analyticbot_preview_channels") == 3
    assert _value(text, "analyticbot_billing_differences") == 0
    DomainOrders().doubt("stars", "unstated", "c1", "700 booked, nothing stated", now=now)
    assert _value(app.test_client().get("/metrics").text, "analyticbot_billing_differences") == 1
    assert _value(text, 'analyticbot_heartbeat_age_seconds{process="jobs"}') >= 30


@pytest.mark.parametrize(
    ("sent", "status"), [("Bearer scrape-me", 200), ("Bearer wrong", 404), ("", 404), ("Bearer ключ", 404)]
)
def test_with_a_token_set_only_its_holder_scrapes(runtime: Runtime, sent: str, status: int) -> None:
    object.__setattr__(runtime.settings, "metrics_token", SecretStr("scrape-me"))
    client = create_app(runtime).test_client()
    headers = {"Authorization": sent.encode().decode("latin-1")} if sent else {}
    assert client.get("/metrics", headers=headers).status_code == status
    away = client.get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": "192.0.2.1"})
    assert away.status_code == status
