"""The page of one order: the way to pay, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from flask import Blueprint, Response, current_app, g
from flask_babel import get_locale
from flask_login import current_user

from app.billing import queries
from app.billing.gateways.base import OPEN, TELEGRAM, Gateway
from app.billing.gateways.stars.link import Stars
from app.billing.money_models import CheckoutOrder, Invoice
from app.billing.service import cards, collecting, coupons, credit, invoices, orders
from app.billing.views import surface
from app.core.errors import Invalid, NotFound
from app.core.htmx import page, redirect_or_hx
from app.core.i18n import N_
from app.core.idempotency import idempotent
from app.core.policy import Act, policy
from app.core.ratelimit import limiter

blueprint = Blueprint("orders", __name__, url_prefix="/orders")


@dataclass(frozen=True, slots=True)
class OrderPage:
    """An order as its payer sees it. `next_minor` is what the period after it costs, `discount_minor` what a coupon takes off.

    `pay_url` is empty once nothing can be paid, or not from here. `credit_minor`: the payer's credit that could pay it here.
    """

    public_id: str
    plan: str
    interval: str
    gateway: str
    amount_minor: int
    next_minor: int
    discount_minor: int
    tax_minor: int
    tax_rate_bp: int
    currency: str
    state: str
    is_late: bool
    expires_at: datetime
    paid_at: datetime | None
    pay_url: str
    invoice: str
    invoice_id: str
    period_end: datetime | None
    is_in_telegram: bool
    is_for_telegram: bool
    is_asked_first: bool
    keeps_cards: bool
    is_engine_up: bool
    card: str
    charge: str
    credit_minor: int

    @property
    def is_charging(self) -> bool:
        return self.charge in ("created", "unknown")

    @property
    def is_open(self) -> bool:
        return self.state == OPEN and not self.is_late


@blueprint.get("/<public_id>")
@policy(Act.SEE_MONEY)
def show(public_id: str) -> Response:
    order = orders.order_of(current_user.workspace_id, public_id)
    return page("billing/order.html", page=_page(order))


def _page(order: CheckoutOrder) -> OrderPage:
    invoice: Invoice = Invoice.get(Invoice.workspace == order.workspace, Invoice.id == order.invoice)
    is_late = order.state == OPEN and order.expires_at <= g.now
    way, tried = _way(order), queries.last_charge(order.id)
    card = cards.newest(order.workspace, order.gateway) if way is not None else None
    return OrderPage(
        public_id=order.public_id,
        plan=order.plan,
        interval=order.interval,
        gateway=order.gateway,
        amount_minor=order.amount_minor,
        next_minor=order.price_minor - coupons.renewing(order),
        discount_minor=0 if order.kind == orders.RAISE else order.discount_minor,
        tax_minor=invoice.tax_minor,
        tax_rate_bp=invoice.tax_rate_bp,
        currency=order.currency,
        state=order.state,
        is_late=is_late,
        expires_at=order.expires_at,
        paid_at=order.paid_at,
        pay_url=_pay_url(order) if order.state == OPEN and not is_late else "",
        invoice=invoices.number_of(invoice.series, invoice.number),
        invoice_id=invoice.public_id,
        period_end=invoice.period_end,
        is_in_telegram=surface() == TELEGRAM,
        is_for_telegram=order.gateway == Stars.key,
        is_asked_first=way is not None and way.is_asked_first,
        keeps_cards=way is not None and way.keeps_cards,
        is_engine_up=queries.is_engine_up(now=g.now),
        card=tried.card if tried else card.label if card else "",
        charge=tried.state if tried else "",
        credit_minor=credit.of_workspace(order.workspace).get(order.currency, 0) if surface() != TELEGRAM else 0,
    )


@blueprint.post("/<public_id>/charge")
@policy(Act.PAY)
@limiter.limit("10 per minute")
@idempotent
def charge(public_id: str) -> Any:
    """Pay an order by the saved card. Not inside Telegram, which allows its Stars only."""
    if surface() == TELEGRAM:
        raise NotFound(N_("There is no such page."))
    collecting.charge_now(current_user.workspace_id, public_id, user_id=current_user.user_id, now=g.now)
    return redirect_or_hx(f"/orders/{public_id}")


@blueprint.post("/<public_id>/credit")
@policy(Act.PAY)
@limiter.limit("10 per minute")
@idempotent
def pay_by_credit(public_id: str) -> Any:
    """Pay an order by the payer's credit. Not inside Telegram, which allows its Stars only."""
    if surface() == TELEGRAM:
        raise NotFound(N_("There is no such page."))
    credit.pay(current_user.workspace_id, public_id, user_id=current_user.user_id, now=g.now)
    return redirect_or_hx(f"/orders/{public_id}")


def _way(order: CheckoutOrder) -> Gateway | None:
    """The order's gateway; None where it may not be offered, as inside Telegram."""
    try:
        return cast(Gateway, current_app.extensions["runtime"].gateways.offered(order.gateway, surface()))
    except Invalid:
        return None


def _pay_url(order: CheckoutOrder) -> str:
    """Where to pay; "" where the gateway may not be offered, or has not made its page yet."""
    gateway = _way(order)
    if gateway is None:
        return ""
    base_url = current_app.extensions["runtime"].settings.base_url
    return orders.pay_url(order, gateway, language=str(get_locale() or "en"), base_url=base_url)
