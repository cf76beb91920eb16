"""Payers who live as the pure machine said: what they do, through the same calls that the gateways and the pages make."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

from temporalio import activity

from app.accounts.service import people
from app.billing.gateways.base import SavedCard
from app.billing.gateways.stars.till import Paid
from app.billing.money_models import CheckoutOrder
from app.billing.service import coupons, orders, subscriptions, trials
from app.billing.service.checkout import check_out
from app.billing.service.counter import DomainOrders
from app.billing.service.coupons import Terms
from app.boot import Runtime
from app.core import db
from tests.billing import bills, buying
from tests.billing.bills import Coupon
from tests.billing.machine import Life
from tests.billing.outside import Outside

MONTH = timedelta(days=30)
_CARDS = {"good": "visa", "poor": "insufficient_funds", "lost": "lost_card"}
_charges = count(1)


@dataclass(slots=True)
class Payer:
    """A workspace whose subscription lives as the machine said."""

    life: Life
    workspace_id: int
    user_id: int
    telegram_user_id: int
    first_order: str = ""
    card: str = ""


def newcomer(life: Life, number: int, now: datetime) -> Payer:
    """A person with a workspace of their own."""
    telegram_user_id = 1_000 + number
    user = people.create_user(name=f"Payer {number}", timezone=life.zone, telegram_user_id=telegram_user_id, now=now)
    workspace = people.create_workspace(f"Workspace {number}", owner=user, timezone=life.zone, now=now)
    return Payer(life, workspace.id, user.id, telegram_user_id)


def offer_coupons(lived: list[Payer], *, now: datetime) -> None:
    """The coupons that some of them will redeem."""
    for terms in {one.life.coupon for one in lived if one.life.coupon is not None}:
        given = Terms(percent=terms.percent, periods=terms.periods)
        coupons.create(_code(terms), given, actor="test", now=now)


def _code(coupon: Coupon | None) -> str:
    return f"LESS{coupon.percent}-{coupon.periods or 'ALWAYS'}" if coupon else ""


class Acts:
    """What payers do, as activities of the world's workflow."""

    def __init__(self, runtime: Runtime, payers: list[Payer], outside: Outside) -> None:
        self._runtime, self._payers, self._outside = runtime, payers, outside

    @activity.defn
    def act(self, number: int, act: int) -> int:
        """One act of one payer. Returns the subscription's id."""
        payer = self._payers[number]
        now, kind = activity.info().current_attempt_scheduled_time, payer.life.acts[act].kind
        with db.database.connection_context():
            if kind == "try":
                way = self._runtime.gateways.get(payer.life.gateway)
                trials.start(payer.workspace_id, "pro", way, user_id=payer.user_id, now=now)
            elif kind == "card":
                with db.write():
                    self._save_card(payer, now=now)
            elif kind == "cancel":
                subscriptions.cancel(payer.workspace_id, user_id=payer.user_id, now=now)
            elif kind == "undo_cancel":
                subscriptions.undo_cancel(payer.workspace_id, user_id=payer.user_id, now=now)
            elif kind in _CARDS:
                self._outside.control_stripe("card", payment_method=payer.card, card=_CARDS[kind])
            else:
                self._pay(payer, is_first=kind == "buy", now=now)
            sub = subscriptions.live(payer.workspace_id)
            assert sub is not None
        return int(sub.id)

    def _pay(self, payer: Payer, *, is_first: bool, now: datetime) -> None:
        if payer.life.gateway == "stars":
            self._pay_in_stars(payer, is_first=is_first, now=now)
            return
        order = self._ordered(payer, now=now) if is_first else orders.any_order(_asked_for(payer.workspace_id))
        if not order.amount_minor:
            assert buying.as_paid(order) == ("paid", 1), "what is free is delivered by the checkout"
        elif payer.life.gateway == "stripe":
            self._pay_at_stripe(payer, order, now=now)
        else:
            _pay_by_order(order, now=now)

    def _pay_at_stripe(self, payer: Payer, order: CheckoutOrder, *, now: datetime) -> None:
        """As on Stripe's page: the order is paid, and the card is saved."""
        with db.write():
            till = DomainOrders(self._runtime.vault)
            held = till.held(order.public_id)
            assert held is not None
            till.settle(till.begin(held, f"page-{next(_charges)}", now=now), now=now)
            self._save_card(payer, now=now)

    def _save_card(self, payer: Payer, *, now: datetime) -> None:
        payer.card, customer = self._outside.card("stripe")
        card = SavedCard("stripe", payer.card, customer, "card")
        DomainOrders(self._runtime.vault).save_card(payer.workspace_id, card, now=now)

    def _pay_in_stars(self, payer: Payer, *, is_first: bool, now: datetime) -> None:
        if is_first:
            payer.first_order = str(self._ordered(payer, now=now).public_id)
        till, charge = self._runtime.till, f"charge-{next(_charges)}"
        payload, price = till.payload(payer.first_order), bills.PRICES["stars"]["days30"]
        assert till.take(
            Paid(charge, payer.telegram_user_id, payload, "XTR", price, True, is_first, now + MONTH), now=now
        )

    def _ordered(self, payer: Payer, *, now: datetime) -> CheckoutOrder:
        """An order of the payer's own, as the page of plans opens it: what is free is delivered at once."""
        way, coupon = self._runtime.gateways.get(payer.life.gateway), _code(payer.life.coupon)
        by, interval = payer.user_id, payer.life.interval
        return check_out(payer.workspace_id, "pro", interval, way, user_id=by, coupon=coupon, is_new=True, now=now)


def _pay_by_order(order: CheckoutOrder, *, now: datetime) -> None:
    charge = next(_charges)
    if order.gateway == "payme":
        assert buying.bought_by_payme(order, f"{charge:024d}", now=now)["state"] == 2
        return
    prepared = buying.prepare(order, charge, now=now)
    assert buying.complete(order, charge, prepared["merchant_prepare_id"], now=now)["error"] == 0


def _asked_for(workspace_id: int) -> str:
    """The order that the payer was asked to pay: the newest that is open."""
    found = db.row(
        "SELECT public_id FROM checkout_order WHERE workspace_id = ? AND state = 'open' ORDER BY id DESC", workspace_id
    )
    assert found is not None, "a payer who pays was asked to"
    return str(found[0])
