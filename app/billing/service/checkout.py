"""The checkout: an order is opened, and what costs nothing is delivered with it."""

from __future__ import annotations

from datetime import datetime

from app.billing.gateways.base import Gateway
from app.billing.money_models import CheckoutOrder
from app.billing.service import orders, settling
from app.core import db


def check_out(
    workspace_id: int,
    plan: str,
    interval: str,
    gateway: Gateway,
    *,
    user_id: int | None,
    coupon: str = "",
    is_new: bool = False,
    now: datetime,
) -> CheckoutOrder:
    """As `orders.open_once` (`is_new`: as `orders.open_order`), in one transaction with the delivery of a free order:
    a crash leaves none that somebody could be asked to pay nothing for. Raises as they do.
    """
    ask = orders.open_order if is_new else orders.open_once
    with db.write():
        made = ask(workspace_id, plan, interval, gateway, user_id=user_id, coupon=coupon, now=now)
        settling.settle_free(made.id, now=now)
    return made
