"""What Payme and Click say of the money that they took for us, against our books. Three kinds of difference.

What they took and we lack heals itself: it is concluded like any answer. What we have and they lack, and an amount that
differs, are for somebody to look at. Payme lists its receipts, those of people who paid by link among them; Click is asked
for each payment of the last days.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from datetime import UTC, datetime, timedelta
from typing import Any

from app.billing.gateways.base import SUCCEEDED, Outcome, Stated
from app.billing.service import collecting, settling
from app.core import db

EVERY = timedelta(hours=1)
BACK, _LATE = timedelta(days=3), timedelta(hours=2)


def next_at(gateway: str) -> datetime:
    """When a gateway's list is to be read again."""
    found = db.row("SELECT value FROM cursor WHERE name = ?", f"statement-{gateway}")
    return datetime.fromtimestamp(found[0], UTC) + EVERY if found else datetime.fromtimestamp(0, UTC)


def compare(gateway: str, stated: Iterable[Stated], asked: Set[str], *, now: datetime) -> int:
    """Hold what a gateway took since `now - BACK` against our payments; returns how many healed. Twice is harmless.

    `asked`: the gateway's numbers of the payments that the statement speaks of.
    """
    known = {one.ref for one in stated}
    healed = sum(_compare_one(gateway, one, now=now) for one in stated)
    with db.write():
        for ref, amount in db.rows(
            "SELECT gateway_ref, amount_minor FROM payment WHERE gateway = ? AND state = 'succeeded' AND created_at >= ?"
            " AND settled_at <= ?",
            *(gateway, db.stamp(now - BACK + _LATE), db.stamp(now - _LATE)),
        ):
            if ref in asked and ref not in known:
                settling.doubt(gateway, "unstated", str(ref), f"{amount} booked, nothing stated", now=now)
        db.execute(
            "INSERT INTO cursor (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            *(f"statement-{gateway}", int(now.timestamp())),
        )
    return healed


def _compare_one(gateway: str, one: Stated, *, now: datetime) -> bool:
    found = _by_ref(gateway, one) or _without_ref(gateway, one)
    with db.write():
        if found is None:
            if _is_ours(one.order):
                settling.doubt(gateway, "foreign", one.ref, f"{one.amount_minor} stated, nothing booked", now=now)
            return False
        if found[2] != one.amount_minor:
            settling.doubt(gateway, "amount", one.ref, f"{one.amount_minor} stated, {found[2]} booked", now=now)
            return False
        if found[1] in ("succeeded", "refunded"):
            return False
        collecting.conclude(found[0], Outcome(SUCCEEDED, one.ref), now=now)
    return True


def _by_ref(gateway: str, one: Stated) -> tuple[Any, ...] | None:
    sql = "SELECT id, state, amount_minor FROM payment WHERE gateway = ? AND gateway_ref = ?"
    return db.row(sql, gateway, one.ref)


def _without_ref(gateway: str, one: Stated) -> tuple[Any, ...] | None:
    """A charge of the order whose number the gateway could not tell us."""
    return db.row(
        "SELECT p.id, p.state, p.amount_minor FROM payment p JOIN checkout_order o ON o.id = p.order_id WHERE p.gateway = ?"
        " AND p.gateway_ref IS NULL AND p.state = 'unknown' AND o.public_id = ? ORDER BY p.id LIMIT 1",
        *(gateway, one.order),
    )


def _is_ours(order: str) -> bool:
    return db.row("SELECT 1 FROM checkout_order WHERE public_id = ?", order) is not None
