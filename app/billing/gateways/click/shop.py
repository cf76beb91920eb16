"""Click's SHOP API: Prepare and Complete, decided inside one database transaction.

Protocol: docs.click.uz "click-api-request" and click-llc/click-integration-php, read 2026-11. The signature is over the
strings as they came ("500" and "500.00" differ); checks run in Click's own order: -8, -1, -3, -5, -6, -4, -2, -9.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.billing.gateways.base import OPEN, Order, Orders
from app.billing.gateways.base import PAID as ORDER_PAID
from app.billing.gateways.click.models import ClickPrepare as Prepare
from app.core import db
from app.core.money import MINOR_DIGITS

OK, BAD_SIGN, BAD_AMOUNT, NO_ACTION, ALREADY_PAID, NO_ORDER = 0, -1, -2, -3, -4, -5
NO_TRANSACTION, CANNOT_UPDATE, BAD_REQUEST, CANCELLED = -6, -7, -8, -9
NOTES = {
    OK: "Success",
    BAD_SIGN: "SIGN CHECK FAILED!",
    BAD_AMOUNT: "Incorrect parameter amount",
    NO_ACTION: "Action not found",
    ALREADY_PAID: "Already paid",
    NO_ORDER: "User does not exist",
    NO_TRANSACTION: "Transaction does not exist",
    CANNOT_UPDATE: "Failed to update user",
    BAD_REQUEST: "Error in request from click",
    CANCELLED: "Transaction cancelled",
}
_PREPARE, _COMPLETE = "0", "1"
_NEEDED = ("click_trans_id", "service_id", "merchant_trans_id", "amount", "action", "error", "sign_time", "sign_string")
PREPARED, CONFIRMED, DROPPED = "prepared", "confirmed", "cancelled"
_AMOUNT = re.compile(r"\d{1,13}(\.\d{1,6})?", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)
_MOST_ID = 2**31  # what a serial number of PostgreSQL can be
Doc = dict[str, Any]


class Refused(Exception):
    """An answer other than success."""

    def __init__(self, code: int) -> None:
        super().__init__(NOTES[code])
        self.code = code


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came: strings, since the signature is over them."""

    fields: Mapping[str, str]

    def text(self, name: str) -> str:
        return self.fields.get(name, "")

    def number(self, name: str) -> int:
        """A whole number. Raises Refused (-8)."""
        if not _NUMBER.fullmatch(self.text(name)):
            raise Refused(BAD_REQUEST)
        return int(self.text(name))


def answer(fields: Mapping[str, str], *, service_id: str, secret: str, orders: Orders, now: datetime) -> Doc:
    """The JSON to answer a request with."""
    request = Request(fields)
    echo: Doc = {"click_trans_id": _echo(request), "merchant_trans_id": request.text("merchant_trans_id")}
    try:
        _require_signed(request, service_id, secret)
        told = _decide(request, orders, now=now)
    except Refused as refused:
        told = {"error": refused.code}
    return echo | told | {"error_note": NOTES[told["error"]]}


def _echo(request: Request) -> Any:
    """The number exactly as it came, also one that JavaScript could not hold."""
    given = request.text("click_trans_id")
    return int(given) if _NUMBER.fullmatch(given) else given[:64]


def _require_signed(request: Request, service_id: str, secret: str) -> None:
    is_complete = request.text("action") == _COMPLETE
    if not all(request.text(name) for name in _NEEDED) or (is_complete and not request.text("merchant_prepare_id")):
        raise Refused(BAD_REQUEST)
    names = ["click_trans_id", "service_id", "merchant_trans_id", "amount", "action", "sign_time"]
    parts = [request.text(name) for name in names]
    parts.insert(2, secret)
    if is_complete:
        parts.insert(4, request.text("merchant_prepare_id"))
    signed = hashlib.md5("".join(parts).encode(errors="replace")).hexdigest()  # noqa: S324  the protocol's choice
    is_equal = hmac.compare_digest(signed, request.text("sign_string").lower().encode(errors="replace").decode())
    if not secret or not is_equal or request.text("service_id") != service_id:
        raise Refused(BAD_SIGN)


def _decide(request: Request, orders: Orders, *, now: datetime) -> Doc:
    """Decide in one transaction. What was refused may have moved a row (a cancelled payment): that stays."""
    with db.write():
        try:
            if request.text("action") == _PREPARE:
                return _prepare(request, orders, now=now)
            if request.text("action") == _COMPLETE:
                return _complete(request, orders, now=now)
            raise Refused(NO_ACTION)
        except Refused as refused:
            found = refused
    raise found


def _prepare(request: Request, orders: Orders, *, now: datetime) -> Doc:
    """May this order be paid? Each of Click's attempts gets a number; the same attempt again gets the same one."""
    trans_id, order = request.number("click_trans_id"), _order(request, orders)
    if order.state == ORDER_PAID:
        raise Refused(ALREADY_PAID)
    _require_amount(request, order)
    if order.state != OPEN or order.expires_at <= now:
        raise Refused(CANCELLED)
    if request.number("error") < 0:
        raise Refused(CANCELLED)
    known = Prepare.get_or_none(
        Prepare.click_trans_id == trans_id, Prepare.order_id == order.id, Prepare.state == PREPARED
    )
    made = known or Prepare.create(
        click_trans_id=trans_id,
        paydoc_id=request.number("click_paydoc_id") if request.text("click_paydoc_id") else None,
        order_id=order.id,
        payment_id=orders.begin(order, f"{trans_id}:{order.public_id}:{_attempts(order) + 1}", now=now),
        amount_minor=order.amount_minor,
        state=PREPARED,
        created_at=now,
    )
    return {"merchant_prepare_id": made.id, "error": OK}


def _attempts(order: Order) -> int:
    return int(Prepare.select().where(Prepare.order_id == order.id).count())


def _complete(request: Request, orders: Orders, *, now: datetime) -> Doc:
    """Click took the money (error 0) or could not: what was ordered is delivered once, or the attempt is over."""
    prepare_id, order = request.number("merchant_prepare_id"), _order(request, orders)
    is_number = 0 < prepare_id < _MOST_ID
    found = Prepare.get_or_none(Prepare.id == prepare_id, Prepare.order_id == order.id) if is_number else None
    if found is None:
        raise Refused(NO_TRANSACTION)
    if request.number("error") < 0:
        return _called_off(request, found, order, orders, now=now)
    if found.state == DROPPED:
        orders.doubt("click", "paid_after_cancel", request.text("click_trans_id"), order.public_id, now=now)
        raise Refused(CANCELLED)
    if order.state == ORDER_PAID:
        raise Refused(ALREADY_PAID)
    if order.state != OPEN:
        orders.doubt("click", "paid_after_end", request.text("click_trans_id"), order.public_id, now=now)
        raise Refused(CANCELLED)
    _require_amount(request, order)
    orders.settle(found.payment_id, now=now)
    found.state, found.done_at = CONFIRMED, now
    found.save()
    return {"merchant_prepare_id": found.id, "merchant_confirm_id": found.id, "error": OK}


def _called_off(request: Request, found: Prepare, order: Order, orders: Orders, *, now: datetime) -> Doc:
    """A payment that failed at Click. Of one that is paid here nothing is taken away: somebody has to look."""
    if found.state == CONFIRMED:
        said = f"order {order.public_id}: error {request.text('error')}"
        orders.doubt("click", "cancelled_after_paid", request.text("click_trans_id"), said, now=now)
    elif found.state == PREPARED:
        orders.drop(found.payment_id, f"click:{request.number('error')}", now=now)
        found.state, found.error, found.done_at = DROPPED, request.number("error"), now
        found.save()
    raise Refused(CANCELLED)


def _order(request: Request, orders: Orders) -> Order:
    order = orders.held(request.text("merchant_trans_id"))
    if order is None or order.gateway != "click":
        raise Refused(NO_ORDER)
    return order


def _require_amount(request: Request, order: Order) -> None:
    given = request.text("amount")
    if not _AMOUNT.fullmatch(given) or Decimal(given).scaleb(MINOR_DIGITS[order.currency]) != order.amount_minor:
        raise Refused(BAD_AMOUNT)
