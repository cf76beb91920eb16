"""The page of one order: the way to pay, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, current_app, g
from flask_babel import get_locale
from flask_login import current_user

from app.billing.gateways.base import OPEN, TELEGRAM
from app.billing.gateways.stars.link import Stars
from app.billing.money_models import CheckoutOrder, Invoice
from app.billing.service import invoices, orders
from app.billing.views import surface
from app.core.errors import Invalid
from app.core.htmx import page
from app.core.policy import Act, policy

blueprint = Blueprint("orders", __name__, url_prefix="/orders")


@dataclass(frozen=True, slots=True)
class OrderPage:
    """An order as its payer sees it. `pay_url` is empty once nothing can be paid, or not from here."""

    public_id: str
    plan: str
    interval: str
    gateway: str
    amount_minor: int
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
    return OrderPage(
        public_id=order.public_id,
        plan=order.plan,
        interval=order.interval,
        gateway=order.gateway,
        amount_minor=order.amount_minor,
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
    )


def _pay_url(order: CheckoutOrder) -> str:
    """Where to pay; "" where the gateway may not be offered, as inside Telegram."""
    runtime = current_app.extensions["runtime"]
    try:
        gateway = runtime.gateways.offered(order.gateway, surface())
    except Invalid:
        return ""
    return orders.pay_url(order, gateway, language=str(get_locale() or "en"), base_url=runtime.settings.base_url)
