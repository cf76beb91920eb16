"""Questions before payments at web's webhook: answered in the reply, before Flask and by Flask, and while the database stalls."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.billing.money_models import CheckoutOrder
from app.billing.service import orders
from app.boot import Runtime
from app.core import clock, db
from app.telegram import service as telegram
from tests.billing.conftest import runtime as runtime  # with Stars
from tests.world import Owner, owner

TOKEN, BOBUR = "1000000001:SIMULATED-service-bot-token-not-real", 77


@pytest.fixture
def of(runtime: Runtime) -> CheckoutOrder:
    who: Owner = owner("Bobur", telegram_user_id=BOBUR, plan="free", now=clock.utcnow())
    way = runtime.gateways.get("stars")
    return orders.open_order(who.workspace.id, "pro", "days30", way, user_id=who.user.id, now=clock.utcnow())


def _asks(app: Flask, runtime: Runtime, payload: str, *, number: int = 1, secret: str = "") -> Any:
    bot = telegram.register(runtime.sealer, token=TOKEN, username="Bot", updates="webhook", now=clock.utcnow())
    query = {"id": f"q{number}", "from": {"id": BOBUR, "is_bot": False, "first_name": "B", "language_code": "en"}}
    query |= {"currency": "XTR", "total_amount": 700, "invoice_payload": payload}
    body = json.dumps({"update_id": number, "pre_checkout_query": query})
    headers = {"X-Telegram-Bot-Api-Secret-Token": secret or runtime.bots.webhook_secret(bot)}
    return app.test_client().post(f"/hooks/telegram/{bot.bot_id}", data=body, headers=headers)


def test_the_reply_answers_before_flask_and_flask_says_the_same(
    app: Flask, runtime: Runtime, of: CheckoutOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload = runtime.till.payload(of.public_id)
    first = _asks(app, runtime, payload)
    assert first.json == {"method": "answerPreCheckoutQuery", "pre_checkout_query_id": "q1", "ok": True}
    refused = _asks(app, runtime, "nonsense", number=2).json
    assert refused["ok"] is False and refused["error_message"].startswith("This invoice is not ours")
    monkeypatch.setattr("app.shortcuts._HOOK", "/nowhere/")
    assert _asks(app, runtime, payload, number=3).json == first.json | {"pre_checkout_query_id": "q3"}
    assert db.rows("SELECT kind FROM inbox") == [("pre_checkout_query",)] * 3
    assert _asks(app, runtime, payload, number=4, secret="wrong").status_code == 401


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_35_a_database_that_stalls_for_nine_seconds_is_no_reason_for_silence(
    app: Flask, runtime: Runtime, of: CheckoutOrder, tmp_path: Path
) -> None:
    payload = runtime.till.payload(of.public_id)
    assert _asks(app, runtime, payload).json["ok"] is True
    held, over = threading.Event(), threading.Event()
    name = runtime.settings.database_address.removeprefix("sqlite:///")

    def stall() -> None:
        writer = sqlite3.connect(name, isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        held.set()
        over.wait(9)
        writer.execute("ROLLBACK")
        writer.close()

    thread = threading.Thread(target=stall)
    thread.start()
    held.wait()
    at = time.monotonic()
    told = _asks_without_registering(app, runtime, payload)
    took = time.monotonic() - at
    over.set()
    thread.join()
    assert took < 10 and told["pre_checkout_query_id"] == "q2"
    assert told["ok"] is False and told["error_message"].startswith("We are very busy")
    assert db.row("SELECT COUNT(*) FROM payment") == (0,)


def _asks_without_registering(app: Flask, runtime: Runtime, payload: str) -> dict[str, Any]:
    """The same question, by a bot that is known: registering would write."""
    bot = telegram.service_bot()
    assert bot is not None
    query = {"id": "q2", "from": {"id": BOBUR, "is_bot": False, "first_name": "B", "language_code": "en"}}
    query |= {"currency": "XTR", "total_amount": 700, "invoice_payload": payload}
    headers = {"X-Telegram-Bot-Api-Secret-Token": runtime.bots.webhook_secret(bot)}
    body = json.dumps({"update_id": 2, "pre_checkout_query": query})
    answer = app.test_client().post(f"/hooks/telegram/{bot.bot_id}", data=body, headers=headers)
    return dict(answer.json or {})
