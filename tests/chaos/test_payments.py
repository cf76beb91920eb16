"""The web process dies again and again while Payme and its payers go on: each order is delivered once, the books agree."""

from __future__ import annotations

import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from app.billing.service import ledger
from app.billing.service.orders import open_order
from app.boot import Runtime
from app.core import clock, db
from tests.billing import buying
from tests.billing.buying import PAYME_KEY, PRO
from tests.billing.conftest import runtime as runtime  # with Payme and Click set up
from tests.billing.service import Service
from tests.world import owner

ORDERS, KILLS = int(os.environ.get("CHAOS_PAYMENTS", "60")), int(os.environ.get("CHAOS_PAYMENT_KILLS", "6"))
_PATIENCE_S = 240


class Payme:
    """Calls until it gets an answer, as Payme does: what was lost is asked again, the same."""

    def __init__(self, url: str) -> None:
        self._url, self._auth = f"{url}/hooks/payme", httpx.BasicAuth("Paycom", PAYME_KEY)
        self.lost = 0

    def pay(self, order: str, number: int) -> dict[str, Any]:
        at, payme_id = int(time.time() * 1000), f"{number:024d}"
        account = {"amount": PRO, "account": {"order_id": order}}
        self._call("CreateTransaction", {"id": payme_id, "time": at, **account})
        return self._call("PerformTransaction", {"id": payme_id})

    def _call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        until = time.monotonic() + _PATIENCE_S
        while time.monotonic() < until:
            try:
                told = httpx.post(
                    self._url, json={"id": 1, "method": method, "params": params}, auth=self._auth, timeout=10
                )
                if told.status_code == 200 and "result" in told.json():
                    return dict(told.json()["result"])
            except (httpx.HTTPError, ValueError):
                self.lost += 1
            time.sleep(0.05)
        raise AssertionError(f"{method} {params} was never answered")


def test_killed_again_and_again_every_order_is_delivered_once(runtime: Runtime, tmp_path: Path) -> None:
    gateway, now, chance = runtime.gateways.get("payme"), clock.utcnow(), random.Random(7)
    payers = [owner(f"P{n}", plan="free", now=now) for n in range(6)]
    made = [
        open_order(payers[n % 6].workspace.id, "pro", "month", gateway, user_id=None, now=now).public_id
        for n in range(ORDERS)
    ]
    with Service(tmp_path, runtime.settings.database_address) as service:
        payme, over = Payme(service.url), threading.Event()

        def kill() -> None:
            for _ in range(KILLS):
                if over.wait(chance.uniform(0.2, 1.2)):
                    return
                service.kill()
                service.start()

        killer = threading.Thread(target=kill)
        killer.start()
        with ThreadPoolExecutor(6) as pool:
            told = list(pool.map(payme.pay, made, range(ORDERS)))
        over.set()
        killer.join()
    print(f"\n{ORDERS} orders, {KILLS} kills, {payme.lost} calls lost and repeated")
    assert all(one["state"] == 2 for one in told)
    assert db.rows("SELECT DISTINCT state, deliveries FROM checkout_order") == [("paid", 1)]
    assert buying.count("payment WHERE state = 'succeeded'") == ORDERS == buying.count("payment")
    assert ledger.balance("clearing:payme", "UZS") == ORDERS * PRO and buying.books_are_right()
    assert [n for (n,) in db.rows("SELECT number FROM invoice ORDER BY number")] == list(range(1, ORDERS + 1))
    assert buying.count("outbox WHERE topic = 'billing.subscription'") == len(payers)
