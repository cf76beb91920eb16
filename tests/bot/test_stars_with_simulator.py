"""Stars against the simulated Telegram: asked, paid, renewed, stopped and given back, by polling and by webhook."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from app.accounts.models import User, Workspace
from app.billing.service import orders, subscriptions
from app.billing.service.limits import plan_of
from app.boot import Runtime
from app.core import clock, db
from app.core.settings import SIMULATED_BOT_TOKEN
from app.telegram import service as telegram
from app.telegram.port import ALLOWED_UPDATES
from app.web import create_app
from bot.consumer import Consumer
from bot.intake import Intake
from bot.stars import StarsDesk
from tests.bot.connected import connect
from tests.simulator.process import OWNER_ID, SimulatorProcess

BOT_ID = int(SIMULATED_BOT_TOKEN.split(":")[0])


def _link(runtime: Runtime) -> tuple[str, str]:
    """(public id, invoice link) of a new order."""
    user, here = User.get(User.telegram_user_id == OWNER_ID), Workspace.get().id
    way = runtime.gateways.get("stars")
    made = orders.open_once(here, "pro", "days30", way, user_id=user.id, now=clock.utcnow())
    StarsDesk(runtime).turn()
    return made.public_id, orders.pay_url(made, way, language="en", base_url="")


def _outcome(sim: SimulatorProcess, query_id: str) -> Any:
    return sim.control("stars/outcome", query_id=query_id)["outcome"]


def _applied(runtime: Runtime) -> None:
    consumer = Consumer(runtime, threading.Event())
    while consumer.turn():
        pass


def _soon(found: Callable[[], Any]) -> Any:
    until = time.monotonic() + 20
    while not (what := found()):
        assert time.monotonic() < until
        time.sleep(0.05)
    return what


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_by_polling_from_the_link_to_the_refund(database_url: str, tmp_path: Path) -> None:
    with SimulatorProcess(tmp_path / "sim") as sim:
        runtime = connect(sim, database_url, tmp_path)
        line = runtime.bots.telegram(telegram.bot_by_id(BOT_ID))  # type: ignore[arg-type]
        intake = Intake(runtime, threading.Event(), poll_s=0)

        def hear() -> None:
            intake.poll_once(BOT_ID, line)
            intake.poll_once(BOT_ID, line)
            _applied(runtime)

        public_id, link = _link(runtime)
        query_id = sim.control("stars/pay", user_id=OWNER_ID, link=link)["query_id"]
        assert _outcome(sim, query_id) is None
        hear()
        told = _outcome(sim, query_id)
        assert told["ok"] and told["after_s"] < 2, told
        here = Workspace.get().id
        assert orders.any_order(public_id).state == "paid" and plan_of(here) == "pro"
        sim.control("stars/renew", charge_id=told["charge_id"])
        hear()
        sub = subscriptions.live(here)
        assert sub is not None and sub.period_index == 1
        subscriptions.cancel(here, user_id=None, now=clock.utcnow())
        StarsDesk(runtime).turn()
        (first, second) = sim.control("stars/charges")["charges"]
        assert (first["state"], second["first"]) == ("canceled", first["charge_id"])
        sim.control("stars/refund", charge_id=second["charge_id"])
        hear()
        assert plan_of(here) == "pro", "the first period is paid for"
        sim.control("stars/refund", charge_id=first["charge_id"])
        hear()
        assert plan_of(here) == "free"
        assert db.row("SELECT COUNT(*) FROM ledger_entry WHERE currency = 'XTR' AND kind = 'refund'") == (2,)
        again = sim.control("stars/pay", user_id=OWNER_ID, link=link)["query_id"]
        hear()
        refused = _outcome(sim, again)
        assert not refused["ok"] and refused["why"], "an order that was paid is not paid twice"
    db.database.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_payment_whose_message_was_lost_is_found_in_telegrams_own_list(database_url: str, tmp_path: Path) -> None:
    with SimulatorProcess(tmp_path / "sim") as sim:
        runtime = connect(sim, database_url, tmp_path)
        line = runtime.bots.telegram(telegram.bot_by_id(BOT_ID))  # type: ignore[arg-type]
        public_id, link = _link(runtime)
        sim.control("stars/pay", user_id=OWNER_ID, link=link)
        Intake(runtime, threading.Event(), poll_s=0).poll_once(BOT_ID, line)
        last = sim.api("getUpdates")["result"][-1]
        assert "successful_payment" in last["message"]
        sim.api("getUpdates", offset=last["update_id"] + 1)  # lost: confirmed, and never stored
        assert orders.any_order(public_id).state == "open"
        StarsDesk(runtime).turn()
        assert orders.any_order(public_id).state == "paid" and plan_of(Workspace.get().id) == "pro"
    db.database.close()


@pytest.mark.parametrize("database_url", ["sqlite", "postgres"], indirect=True)
def test_by_webhook_the_question_is_answered_in_the_reply_with_no_bot_process_at_all(
    database_url: str, tmp_path: Path
) -> None:
    with SimulatorProcess(tmp_path / "sim") as sim:
        runtime = connect(sim, database_url, tmp_path)
        _, link = _link(runtime)
        server = make_server("127.0.0.1", 0, create_app(runtime), threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        bot = telegram.bot_by_id(BOT_ID)
        assert bot is not None
        url = f"http://127.0.0.1:{server.server_port}/hooks/telegram/{BOT_ID}"
        secret = runtime.bots.webhook_secret(bot)
        sim.api("setWebhook", url=url, secret_token=secret, allowed_updates=list(ALLOWED_UPDATES))
        try:
            query_id = sim.control("stars/pay", user_id=OWNER_ID, link=link)["query_id"]
            told = _soon(lambda: _outcome(sim, query_id))
            assert told["ok"] and told["after_s"] < 2, told
            _soon(lambda: db.row("SELECT 1 FROM inbox WHERE kind = 'message' AND payload LIKE '%successful_payment%'"))
            sim.api("deleteWebhook")
            _applied(runtime)
            assert plan_of(Workspace.get().id) == "pro"
        finally:
            server.shutdown()
    db.database.close()
