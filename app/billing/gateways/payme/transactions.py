"""Payme's methods over its transactions, inside the transaction of the caller.

States: 1 created, 2 performed, -1 cancelled before and -2 after performing. A transaction is good for 12 hours from
Payme's own `time`. Source: developer.help.paycom.uz, read 2026-11.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.billing.gateways.base import OPEN, Order, Orders
from app.billing.gateways.base import PAID as ORDER_PAID
from app.billing.gateways.payme import errors
from app.billing.gateways.payme.errors import Refused
from app.billing.gateways.payme.models import PaymeTransaction as Transaction
from app.billing.gateways.payme.receipt import receipt_of
from app.core import db
from app.core.errors import Conflict

CREATED, PERFORMED, CANCELLED, TAKEN_BACK = 1, 2, -1, -2
LIFETIME_MS = 12 * 60 * 60 * 1000
TIMED_OUT = 4
_MOST_INT = 2**53
_ACCOUNT = "order_id"
_AN_ID = re.compile(r"[\x21-\x7e]{1,64}")
Doc = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Receipts:
    """The domain's orders, and what a fiscal receipt says of what we sell: IKPU code and package code, or nothing."""

    orders: Orders
    ikpu: str = ""
    package_code: str = ""


def check_perform(params: Doc, receipts: Receipts, now: datetime) -> Doc:
    """May this order be paid with this amount?"""
    order = _order(params, receipts)
    _require_payable(order, _amount(params), now=now)
    busy = _busy(order)
    if busy is not None and not _is_timed_out(busy, receipts, now=now):
        raise Refused(errors.ORDER_IS_BUSY, account=_ACCOUNT)
    detail = receipt_of(receipts.orders.lines(order), receipts.ikpu, receipts.package_code) if receipts.ikpu else None
    return {"allow": True} | ({"detail": detail} if detail else {})


def create(params: Doc, receipts: Receipts, now: datetime) -> Doc:
    """A transaction for an order; at most one at a time. The same request again gets the same answer."""
    payme_id, time_ms, amount = _id(params), _whole(params, "time"), _amount(params)
    order = _order(params, receipts)
    known = _by_id(payme_id)
    if known is not None:
        if known.state != CREATED or known.order_id != order.id or _is_timed_out(known, receipts, now=now):
            raise Refused(errors.NOT_NOW)
        return _created(known)
    if db.to_ms(now) - time_ms > LIFETIME_MS:
        raise Refused(errors.NOT_NOW)
    busy = _busy(order)
    if busy is not None and not (busy.state == CREATED and _is_timed_out(busy, receipts, now=now)):
        _require_payable(order, amount, now=now)
        raise Refused(errors.NOT_NOW)
    _require_payable(order, amount, now=now)
    made = Transaction.create(
        payme_id=payme_id,
        order_id=order.id,
        payment_id=receipts.orders.begin(order, payme_id, now=now),
        amount_minor=amount,
        time_ms=time_ms,
        create_ms=db.to_ms(now),
        state=CREATED,
    )
    return _created(made)


def perform(params: Doc, receipts: Receipts, now: datetime) -> Doc:
    """The money moved: what was ordered is delivered, once."""
    found = _held(params, receipts)
    if found.state == CREATED:
        if _is_timed_out(found, receipts, now=now):
            raise Refused(errors.NOT_NOW)
        receipts.orders.settle(found.payment_id, now=now)
        found.state, found.perform_ms = PERFORMED, db.to_ms(now)
        found.save()
    if found.state != PERFORMED:
        raise Refused(errors.NOT_NOW)
    return {"transaction": str(found.id), "perform_time": found.perform_ms, "state": PERFORMED}


def cancel(params: Doc, receipts: Receipts, now: datetime) -> Doc:
    """Payme calls a transaction off, or gives the money of a performed one back."""
    found, reason = _held(params, receipts), _whole(params, "reason", least=-_MOST_INT)
    if found.state == CREATED:
        _cancel(found, receipts, reason, now=now)
    elif found.state == PERFORMED:
        try:
            receipts.orders.take_back(found.payment_id, f"payme:{reason}", now=now)
        except Conflict as conflict:
            raise Refused(errors.CANNOT_CANCEL) from conflict
        found.state, found.reason, found.cancel_ms = TAKEN_BACK, reason, db.to_ms(now)
        found.save()
    return {"transaction": str(found.id), "cancel_time": found.cancel_ms, "state": found.state}


def check(params: Doc, receipts: Receipts, _now: datetime) -> Doc:
    """How a transaction stands; what it was told is told again."""
    return _told(_held(params, receipts))


def statement(params: Doc, receipts: Receipts, _now: datetime) -> Doc:
    """The transactions of a time span by Payme's own `time`, bounds included, oldest first."""
    since, until = _whole(params, "from", least=0), _whole(params, "to", least=0)
    sql = (
        "SELECT t.payme_id, t.time_ms, t.amount_minor, o.public_id, t.create_ms, t.perform_ms, t.cancel_ms, t.id,"
        " t.state, t.reason FROM payme_transaction t JOIN checkout_order o ON o.id = t.order_id"
        " WHERE t.time_ms >= ? AND t.time_ms <= ? ORDER BY t.time_ms, t.id"
    )
    return {"transactions": [_stated(row) for row in db.rows(sql, since, until)]}


def set_fiscal(params: Doc, receipts: Receipts, _now: datetime) -> Doc:
    """Keep what the fiscal register answered for a payment or for its cancellation."""
    found, kind, data = _held(params, receipts), params.get("type"), params.get("fiscal_data")
    if kind not in ("PERFORM", "CANCEL") or not isinstance(data, dict):
        raise Refused(errors.MALFORMED)
    if kind == "PERFORM":
        found.fiscal = data
    else:
        found.cancel_fiscal = data
    found.save()
    return {"success": True}


def _order(params: Doc, receipts: Receipts) -> Order:
    account = params.get("account")
    if not isinstance(account, dict):
        raise Refused(errors.MALFORMED)
    public_id = account.get(_ACCOUNT)
    order = receipts.orders.held(public_id) if isinstance(public_id, str) else None
    if order is None or order.gateway != "payme":
        raise Refused(errors.NO_ORDER, account=_ACCOUNT)
    return order


def _require_payable(order: Order, amount: int, *, now: datetime) -> None:
    if order.state == ORDER_PAID:
        raise Refused(errors.ORDER_IS_PAID, account=_ACCOUNT)
    if order.state != OPEN or order.expires_at <= now:
        raise Refused(errors.ORDER_IS_OVER, account=_ACCOUNT)
    if amount != order.amount_minor:
        raise Refused(errors.WRONG_AMOUNT)


def _busy(order: Order) -> Transaction | None:
    """The transaction that occupies an order."""
    return db.one(Transaction, "order_id = ? AND state IN (?, ?)", order.id, CREATED, PERFORMED)


def _by_id(payme_id: str) -> Transaction | None:
    return db.one(Transaction, "payme_id = ?", payme_id)


def _held(params: Doc, receipts: Receipts) -> Transaction:
    """A transaction whose order is locked: whoever else decides about it waits."""
    payme_id = _id(params)
    found = _by_id(payme_id)
    if found is None:
        raise Refused(errors.NO_TRANSACTION)
    receipts.orders.held_by_id(found.order_id)
    again = _by_id(payme_id)
    assert again is not None, "transactions are never deleted"
    return again


def _is_timed_out(found: Transaction, receipts: Receipts, *, now: datetime) -> bool:
    """Whether twelve hours of Payme's own time are over: then it is cancelled here, for good."""
    if db.to_ms(now) - found.time_ms <= LIFETIME_MS:
        return False
    _cancel(found, receipts, TIMED_OUT, now=now)
    return True


def _cancel(found: Transaction, receipts: Receipts, reason: int, *, now: datetime) -> None:
    receipts.orders.drop(found.payment_id, f"payme:{reason}", now=now)
    found.state, found.reason, found.cancel_ms = CANCELLED, reason, db.to_ms(now)
    found.save()


def _created(found: Transaction) -> Doc:
    return {"create_time": found.create_ms, "transaction": str(found.id), "state": CREATED}


def _told(found: Transaction) -> Doc:
    return {
        "create_time": found.create_ms,
        "perform_time": found.perform_ms,
        "cancel_time": found.cancel_ms,
        "transaction": str(found.id),
        "state": found.state,
        "reason": found.reason,
    }


def _stated(row: tuple[Any, ...]) -> Doc:
    payme_id, time_ms, amount, order, create_ms, perform_ms, cancel_ms, number, state, reason = row
    return {
        "id": payme_id,
        "time": time_ms,
        "amount": amount,
        "account": {_ACCOUNT: order},
        "create_time": create_ms,
        "perform_time": perform_ms,
        "cancel_time": cancel_ms,
        "transaction": str(number),
        "state": state,
        "reason": reason,
        "receivers": None,
    }


def _id(params: Doc) -> str:
    given = params.get("id")
    if not isinstance(given, str) or not _AN_ID.fullmatch(given):
        raise Refused(errors.MALFORMED)
    return given


def _whole(params: Doc, name: str, *, least: int = 1) -> int:
    given = params.get(name)
    if type(given) is not int or not least <= given < _MOST_INT:
        raise Refused(errors.MALFORMED)
    return given


def _amount(params: Doc) -> int:
    given = params.get("amount")
    if type(given) is not int:
        raise Refused(errors.MALFORMED)
    return given
