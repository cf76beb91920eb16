"""A day's calls of Payme and Click in any order that the gateways could bring them, many of them twice: one end.

A gateway keeps the order of its own calls about one transaction, and repeats any of them at any later time; between
transactions there is no order. Click's Prepare alone is repeated only before its Complete: after it, the same number
asks for a new payment (case 21).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any

from app.billing.money_models import CheckoutOrder
from app.boot import Runtime
from app.core import db
from tests.billing import buying
from tests.conftest import NOW
from tests.world import owner

MINUTE = timedelta(minutes=1)
SHUFFLES = 30
_numbers = count(1)
Call = Callable[[datetime], Any]


def _payme(of: CheckoutOrder, *steps: str) -> list[Call]:
    """A transaction of Payme's by its steps."""
    number, began = f"{next(_numbers):024d}", NOW
    calls: dict[str, Call] = {
        "create": lambda now: buying.create(of, number, at=began, now=now),
        "perform": lambda now: buying.payme("PerformTransaction", id=number, now=now),
        "drop": lambda now: buying.payme("CancelTransaction", id=number, reason=3, now=now),
        "refund": lambda now: buying.payme("CancelTransaction", id=number, reason=5, now=now),
        "check": lambda now: buying.payme("CheckTransaction", id=number, now=now),
    }
    return [calls[step] for step in steps]


def _click(of: CheckoutOrder, *, error: int = 0) -> list[Call]:
    """A payment by Click: asked about, then made, or called off with an error."""
    number, prepared = next(_numbers), {"id": 0}

    def prepare(now: datetime) -> None:
        prepared["id"] = buying.prepare(of, number, now=now)["merchant_prepare_id"]

    return [prepare, prepare, lambda now: buying.complete(of, number, prepared["id"], now=now, error=error)]


def _day(runtime: Runtime, name: str) -> tuple[list[CheckoutOrder], list[list[Call]]]:
    """Eight payers, and what the gateways say of each."""
    orders = [
        buying.order(runtime, owner(f"{name} {n}", plan="free", now=NOW), gateway)
        for n, gateway in enumerate(["payme"] * 5 + ["click"] * 3)
    ]
    return orders, [
        _payme(orders[0], "create", "perform", "check"),
        _payme(orders[1], "create", "perform", "refund"),
        _payme(orders[2], "create", "drop"),
        [*_payme(orders[3], "create", "drop"), *_payme(orders[3], "create", "perform")],
        _payme(orders[4], "create"),
        _click(orders[5]),
        _click(orders[6], error=-5017),
        [*_click(orders[7], error=-5017), *_click(orders[7])],
    ]


def _mixed(lines: list[list[Call]], draw: Random) -> list[Call]:
    """One order of all calls that keeps the order within each line; half are repeated at a later moment."""
    turns = [index for index, line in enumerate(lines) for _ in line]
    draw.shuffle(turns)
    left = [iter(line) for line in lines]
    found: list[Call] = [next(left[index]) for index in turns]
    repeated = [call for call in found if call.__name__ != "prepare"]
    for call in draw.sample(repeated, len(repeated) // 2):
        found.insert(draw.randint(found.index(call) + 1, len(found)), call)
    return found


def _end(orders: list[CheckoutOrder]) -> list[tuple[Any, ...]]:
    """How each payer stands: order, subscription, invoice, payments, books, revenue."""
    return [_stands(order.workspace, order.public_id) for order in orders]


def _stands(workspace: int, public_id: str) -> tuple[Any, ...]:
    return (
        *buying.as_paid(CheckoutOrder(public_id=public_id)),
        db.rows("SELECT state, plan, period_index FROM subscription WHERE workspace_id = ? ORDER BY id", workspace),
        db.rows("SELECT state, total_minor FROM invoice WHERE workspace_id = ? ORDER BY id", workspace),
        sorted(state for (state,) in db.rows("SELECT state FROM payment WHERE workspace_id = ?", workspace)),
        db.rows("SELECT kind, SUM(delta_minor) FROM mrr_movement WHERE workspace_id = ? GROUP BY kind ORDER BY kind", workspace),
        buying.count("credit_note WHERE workspace_id = ?", workspace),
    )  # fmt: skip


def test_60_any_order_of_a_day_with_repetitions_has_the_same_end(runtime: Runtime) -> None:
    orders, lines = _day(runtime, "as recorded")
    for minute, call in enumerate(call for line in lines for call in line):
        call(NOW + minute * MINUTE)
    recorded = _end(orders)
    assert [state for state, *_ in recorded] == [
        *("paid", "taken_back", "open", "paid", "open"),
        *("paid", "open", "paid"),
    ]
    draw = Random(60)
    for number in range(SHUFFLES):
        orders, lines = _day(runtime, f"shuffle {number}")
        for minute, call in enumerate(_mixed(lines, draw)):
            call(NOW + minute * MINUTE)
        assert _end(orders) == recorded
    assert buying.books_are_right()
