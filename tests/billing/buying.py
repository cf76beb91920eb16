"""What a buyer and the gateways do, in one line each; moments are parameters, so no clock is turned."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeVar

from app.billing.gateways.click import shop
from app.billing.gateways.payme import rpc
from app.billing.gateways.payme.transactions import Receipts
from app.billing.gateways.registry import Gateways
from app.billing.money_models import CheckoutOrder
from app.billing.service import ledger, orders
from app.billing.service.counter import DomainOrders
from app.boot import Runtime
from app.core import db
from tests.conftest import NOW
from tests.world import Owner

PAYME_KEY, CLICK_SERVICE, CLICK_SECRET = "some:key with a colon", "4242", "click-secret"
PRO = 12_500_000
_ids = itertools.count(1)
Answer = TypeVar("Answer")
Doc = dict[str, Any]


def order(runtime: Runtime, who: Owner, gateway: str, *, plan: str = "pro", now: datetime = NOW) -> CheckoutOrder:
    way = Gateways(runtime.settings).get(gateway)
    return orders.open_order(who.workspace.id, plan, "month", way, user_id=who.user.id, now=now)


def basic(key: str = PAYME_KEY, *, login: str = "Paycom", scheme: str = "Basic") -> str:
    return f"{scheme} {base64.b64encode(f'{login}:{key}'.encode()).decode()}"


def payme_raw(
    body: bytes, *, now: datetime = NOW, auth: str | None = None, method: str = "POST", receipts: Receipts | None = None
) -> Doc:
    given = basic() if auth is None else auth
    return rpc.answer(method, given, body, key=PAYME_KEY, receipts=receipts or Receipts(DomainOrders()), now=now)


def payme(method: str, *, now: datetime = NOW, receipts: Receipts | None = None, **params: Any) -> Doc:
    """The answer without its envelope: the result, or {"code", "message", "data"}."""
    body = json.dumps({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).encode()
    told = payme_raw(body, now=now, receipts=receipts)
    assert told["jsonrpc"] == "2.0" and told["id"] == 7 and ("result" in told) != ("error" in told)
    found: Doc = told.get("result") or told["error"]
    return found


def create(
    of: CheckoutOrder, payme_id: str | None = None, *, at: datetime = NOW, now: datetime = NOW, **other: Any
) -> Doc:
    params: Doc = {
        "id": payme_id or f"{next(_ids):024d}",
        "time": db.to_ms(at),
        "amount": of.amount_minor,
        "account": {"order_id": of.public_id},
    }
    return payme("CreateTransaction", now=now, **params | other)


def bought_by_payme(of: CheckoutOrder, payme_id: str, *, now: datetime = NOW) -> Doc:
    """Created and performed."""
    assert create(of, payme_id, at=now, now=now)["state"] == 1
    return payme("PerformTransaction", id=payme_id, now=now)


def click(fields: Doc, *, now: datetime = NOW) -> Doc:
    texts = {name: str(value) for name, value in fields.items()}
    return shop.answer(texts, service_id=CLICK_SERVICE, secret=CLICK_SECRET, orders=DomainOrders(), now=now)


def click_fields(of: CheckoutOrder, trans_id: int, *, prepare_id: int | None = None, **other: Any) -> Doc:
    """A request as Click signs it; what is in `other` is signed with it, but a given `sign_string`."""
    fields: Doc = {
        "click_trans_id": trans_id,
        "service_id": CLICK_SERVICE,
        "click_paydoc_id": trans_id + 1,
        "merchant_trans_id": of.public_id,
        "amount": f"{of.amount_minor // 100}.{of.amount_minor % 100:02d}",
        "action": 0 if prepare_id is None else 1,
        "error": 0,
        "error_note": "Success",
        "sign_time": "2026-03-01 17:00:00",
    }
    fields |= {} if prepare_id is None else {"merchant_prepare_id": prepare_id}
    fields |= {name: value for name, value in other.items() if name != "sign_string"}
    return fields | {"sign_string": other.get("sign_string") or click_sign(fields)}


def click_sign(fields: Doc) -> str:
    middle = [fields["merchant_prepare_id"]] if "merchant_prepare_id" in fields else []
    parts = (
        *(fields["click_trans_id"], fields["service_id"], CLICK_SECRET, fields["merchant_trans_id"], *middle),
        *(fields["amount"], fields["action"], fields["sign_time"]),
    )
    return hashlib.md5("".join(map(str, parts)).encode()).hexdigest()


def prepare(of: CheckoutOrder, trans_id: int, *, now: datetime = NOW, **other: Any) -> Doc:
    return click(click_fields(of, trans_id, **other), now=now)


def complete(of: CheckoutOrder, trans_id: int, prepare_id: int, *, now: datetime = NOW, **other: Any) -> Doc:
    return click(click_fields(of, trans_id, prepare_id=prepare_id, **other), now=now)


def at_once(calls: list[Callable[[], Answer]]) -> list[Answer]:
    """All calls at the same time, each on a connection of its own."""

    def call(one: Callable[[], Answer]) -> Answer:
        with db.database.connection_context():
            return one()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(call, calls))


def as_paid(of: CheckoutOrder) -> tuple[str, int]:
    """(state, how often it was delivered) of an order."""
    found = orders.any_order(of.public_id)
    return found.state, found.deliveries


def count(sql: str, *params: Any) -> int:
    found = db.row(f"SELECT COUNT(*) FROM {sql}", *params)
    return int(found[0]) if found else 0


def books_are_right() -> bool:
    return ledger.unbalanced() == []
