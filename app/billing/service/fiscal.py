"""Fiscal receipts that a gateway wants from us: handed in after the plan is delivered, and again until it took them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from app.billing.gateways.base import Clerk, Line
from app.billing.method_models import FiscalReceipt
from app.billing.service import settling
from app.core import db
from app.core.errors import Upstream

_AT_ONCE = 20
_FIRST, _LONGEST = timedelta(minutes=1), timedelta(minutes=30)
_ALERT, _BACK = timedelta(hours=3), timedelta(days=30)
_DUE = (
    "FROM payment p JOIN checkout_order o ON o.id = p.order_id LEFT JOIN fiscal_receipt f ON f.payment_id = p.id WHERE"
    " p.gateway = ? AND p.state = 'succeeded' AND p.settled_at >= ? AND f.done_at IS NULL"
)


def hand_in_due(gateway: str, clerk: Clerk, lines_of: Callable[[int], list[Line]], *, now: datetime) -> int:
    """Hand in the receipts that are due; after three hours without success somebody is told. Returns how many are done."""
    found = db.rows(
        f"SELECT p.id, o.id, p.gateway_ref {_DUE} AND (f.retry_at IS NULL OR f.retry_at <= ?) ORDER BY p.id LIMIT ?",
        *(gateway, db.stamp(now - _BACK), db.stamp(now), _AT_ONCE),
    )
    return sum(_hand_in(gateway, clerk, lines_of, *row, now=now) for row in found)


def _hand_in(
    gateway: str,
    clerk: Clerk,
    lines_of: Callable[[int], list[Line]],
    payment_id: int,
    order_id: int,
    ref: str,
    *,
    now: datetime,
) -> bool:
    with db.write():
        db.execute(
            "INSERT INTO fiscal_receipt (payment_id, gateway, asked_at, tries) VALUES (?, ?, ?, 0)"
            " ON CONFLICT (payment_id) DO NOTHING",
            *(payment_id, gateway, db.stamp(now)),
        )
    receipt: FiscalReceipt = FiscalReceipt.get(FiscalReceipt.payment_id == payment_id)
    try:
        url = clerk.hand_in(ref, lines_of(order_id))
    except Upstream as error:
        _fail(receipt, error.message, now=now)
        return False
    with db.write():
        db.execute(
            "UPDATE fiscal_receipt SET qr_url = ?, done_at = ?, error = NULL WHERE id = ?",
            url,
            db.stamp(now),
            receipt.id,
        )
    return True


def _fail(receipt: FiscalReceipt, error: str, *, now: datetime) -> None:
    wait = min(_FIRST * 2 ** min(receipt.tries, 10), _LONGEST)
    with db.write():
        db.execute(
            "UPDATE fiscal_receipt SET tries = tries + 1, retry_at = ?, error = ? WHERE id = ?",
            *(db.stamp(now + wait), error[:200], receipt.id),
        )
        if now - receipt.asked_at >= _ALERT:
            settling.doubt(receipt.gateway, "fiscal", f"payment:{receipt.payment_id}", error, now=now)


def next_at(gateway: str, *, now: datetime) -> datetime | None:
    """When a receipt is to be handed in again; None when none is missing."""
    found = db.row(f"SELECT COUNT(*), MIN(f.retry_at) {_DUE}", gateway, db.stamp(now - _BACK))
    if found is None or not found[0]:
        return None
    return db.moment(found[1]) if found[1] is not None else now
