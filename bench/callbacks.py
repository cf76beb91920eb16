"""g1: ten thousand callbacks of Payme in a minute, one in five of them sent twice, over a hello without a database.

Open loop: each call has its moment, and its time counts from there, so that a server that falls behind shows it. A call
that repeats another comes while the first may still run. Afterwards every order was delivered once, and the books agree.
"""

from __future__ import annotations

import base64
import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from threading import local
from typing import Any

import httpx
from pydantic import SecretStr

from app.billing.service import ledger, orders, settling
from app.boot import Runtime, boot
from app.core import clock, db, migrate
from app.core.settings import Settings
from bench import stats
from bench.served import serve
from tests.world import owner

_CALLS, _SECONDS, _TWICE = 10_000, 60.0, 0.2
_PAYERS, _HELLOS, _SETTLES = 1_000, 2_000, 1_000
_KEY = "bench-payme-key"
_THREADS = 32
_LIMIT_S = 1.0
Call = tuple[float, str, bytes]


def rows(folder: Path) -> list[stats.Row]:
    """The bench's lines: how the callbacks were answered, against hello, and how many payments settle in a second."""
    folder.mkdir()
    url = f"sqlite:///{folder / 'analyticbot.sqlite3'}"
    runtime = _runtime(url, folder)
    made = _orders(runtime, int(_CALLS * (1 - _TWICE)) // 2)
    calls = _calls(made)
    environ = {"DATABASE_URL": url, "DATA_DIR": str(folder), "LOG_FORMAT": "json"}
    environ |= {"PAYME_MERCHANT_ID": "m", "PAYME_KEY": _KEY}
    with serve("app.wsgi:app", environ) as ours:
        took, wrong = _send(f"http://127.0.0.1:{ours.port}/hooks/payme", calls)
    with serve("bench.hello:app", environ) as bare:
        pace = [(n * _SECONDS / _CALLS, "hello", b"{}") for n in range(_HELLOS)]
        floor, _ = _send(f"http://127.0.0.1:{bare.port}/", pace)
    paid = db.row("SELECT COUNT(*), MIN(deliveries), MAX(deliveries) FROM checkout_order WHERE state = 'paid'")
    if paid != (len(made), 1, 1) or ledger.unbalanced():
        raise RuntimeError(f"of {len(made)} orders these were paid and delivered: {paid}")
    p99, bare_p99 = _p99(took), _p99(floor)
    detail = (
        f"{len(took):,} calls, {wrong} of them wrong; p50 {stats.median(took) * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms;"
        f" hello p50 {stats.median(floor) * 1e3:.1f} ms, p99 {bare_p99 * 1e3:.1f} ms"
    )
    is_pass = wrong == 0 and p99 <= _LIMIT_S
    what = f"{_CALLS:,} callbacks in {_SECONDS:.0f} s, p99"
    return [
        stats.Row("g1", what, "hello without a database", f"{p99 * 1e3:.1f} ms", f"<= {_LIMIT_S} s", is_pass, detail),
        stats.informs("g1", "the same, p99 over hello's", "hello without a database", f"{p99 / bare_p99:.1f}"),
        stats.informs("g1", "payments settled a second, one writer", "no floor", f"{_settled_a_second(runtime):,.0f}"),
    ]


def _runtime(url: str, folder: Path) -> Runtime:
    settings = Settings(
        database_url=url,
        data_dir=folder,
        payme_merchant_id="m",
        payme_key=SecretStr(_KEY),
        _env_file=None,  # type: ignore[call-arg]
    )
    runtime = boot("cli", settings)
    migrate.up()
    return runtime


def _orders(runtime: Runtime, count: int) -> list[tuple[str, int]]:
    """(public id, amount) of open orders, some of each payer."""
    way, now = runtime.gateways.get("payme"), clock.utcnow()
    payers = [owner(f"P{n}", plan="free", now=now).workspace.id for n in range(_PAYERS)]
    found = [_ordered(payers[n % _PAYERS], way, now) for n in range(count)]
    return [(order.public_id, order.amount_minor) for order in found]


def _ordered(workspace_id: int, way: Any, now: datetime) -> Any:
    return orders.open_order(workspace_id, "pro", "month", way, user_id=None, now=now)


def _calls(made: list[tuple[str, int]]) -> list[Call]:
    """(moment, method, body): each order's Create and, half a second later, its Perform; some of them once more."""
    dice, at_ms = random.Random(1), int(time.time() * 1000)
    found: list[Call] = []
    for number, (public_id, amount) in enumerate(made):
        moment = number * (_SECONDS - 1) / len(made)
        account = {"amount": amount, "account": {"order_id": public_id}}
        created = {"id": f"{number:024d}", "time": at_ms, **account}
        for after, method, params in (
            (0.0, "CreateTransaction", created),
            (0.5, "PerformTransaction", {"id": f"{number:024d}"}),
        ):
            body = json.dumps({"id": number, "method": method, "params": params}).encode()
            found.append((moment + after, method, body))
    found += [(moment + 0.01, method, body) for moment, method, body in dice.sample(found, _CALLS - len(found))]
    return sorted(found, key=lambda call: call[0])


def _send(url: str, calls: list[Call]) -> tuple[list[float], int]:
    """Seconds from each call's moment to its answer, and how many were not answered well."""
    mine = local()
    headers = {"Authorization": "Basic " + base64.b64encode(f"Paycom:{_KEY}".encode()).decode()}
    begun = time.monotonic() + 0.5

    def send(call: Call) -> tuple[float, bool]:
        moment, method, body = call
        client = getattr(mine, "client", None)
        if client is None:
            client = mine.client = httpx.Client(trust_env=False, timeout=60, headers=headers)
        time.sleep(max(0.0, begun + moment - time.monotonic()))
        answer = client.get(url) if method == "hello" else client.post(url, content=body)
        took = time.monotonic() - begun - moment
        return took, answer.status_code < 300 and (method == "hello" or "result" in answer.json())

    with ThreadPoolExecutor(_THREADS) as pool:
        told = list(pool.map(send, calls))
    return [took for took, _ in told], sum(not is_well for _, is_well in told)


def _p99(times: list[float]) -> float:
    return sorted(times)[len(times) * 99 // 100]


def _settled_a_second(runtime: Runtime) -> float:
    way, now = runtime.gateways.get("payme"), clock.utcnow()
    payers = [owner(f"S{n}", plan="free", now=now).workspace.id for n in range(_SETTLES)]
    begun = [settling.begin(_ordered(here, way, now).id, f"s{here}", now=now) for here in payers]
    at = time.perf_counter()
    for payment_id in begun:
        settling.settle(payment_id, now=now)
    return _SETTLES / (time.perf_counter() - at)
