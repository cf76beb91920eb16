"""What pages show of plans, subscriptions and invoices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.billing import states, timeline
from app.billing.gateways.stars import duties
from app.billing.gateways.stars.link import Stars
from app.billing.models import Subscription
from app.billing.money_models import Invoice, InvoiceLine
from app.billing.service import cards, coupons, invoices, limits, orders, prices, subscriptions, terms
from app.billing.service.prices import Price
from app.core import db, leases
from app.core.errors import NotFound
from app.core.i18n import N_

_SHOWN = 100
_BY_CREDIT = (
    "SELECT 1 FROM payment p WHERE p.gateway = 'credit' AND p.state IN ('succeeded', 'refunded') AND p.invoice_id ="
)
_ALIVE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Standing:
    """The subscription as its payer sees it. `due_minor`: what the next period costs, as it is chosen; `switch_plan` was
    paid for ahead and begins at `switch_at`.
    """

    plan: str
    interval: str
    gateway: str
    state: str
    is_ending: bool
    price_minor: int
    discount_minor: int
    due_minor: int
    currency: str
    period_end: datetime
    past_due_at: datetime | None
    paused_at: datetime | None
    read_only_at: datetime | None
    ends_at: datetime | None
    next_plan: str
    next_interval: str
    is_renewed_there: bool
    is_unpaid: bool
    is_dormant: bool
    card: str
    next_try_at: datetime | None
    switch_plan: str
    switch_at: datetime | None

    @property
    def is_trial(self) -> bool:
        return self.state == states.TRIALING

    @property
    def is_late(self) -> bool:
        return self.state == states.PAST_DUE


@dataclass(frozen=True, slots=True)
class Choice:
    """A price and what it would be now: `buy`, `next` (the period after this one), `raise` (now, for `owed_minor`),
    `later` (from the next period on), `chosen` for then already, or `none`: the gateway renews the present one, it is
    paused, or it is paid in another currency."""

    price: Price
    kind: str
    owed_minor: int


@dataclass(frozen=True, slots=True)
class PlanCard:
    """A plan on offer: what it allows, and its choices in one currency."""

    key: str
    limits: tuple[tuple[str, int | None], ...]
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """An invoice with a number, or the credit note that took one back."""

    public_id: str
    number: str
    at: datetime
    plan: str
    period_start: datetime | None
    period_end: datetime | None
    total_minor: int
    currency: str
    is_taken_back: bool
    is_by_credit: bool


def standing_of(workspace_id: int, *, now: datetime) -> Standing | None:
    """The live subscription, None while nothing was paid for."""
    sub = subscriptions.live(workspace_id)
    return _standing(sub, now=now) if sub is not None and sub.period_end is not None else None


def late_since(workspace_id: int) -> datetime | None:
    """Since when a workspace's payment is late; None while it is not."""
    found = db.row(
        "SELECT past_due_at FROM subscription WHERE workspace_id = ? AND ended_at IS NULL AND state = ?",
        *(workspace_id, states.PAST_DUE),
    )
    at: datetime | None = db.moment(found[0]) if found else None
    return at


def _standing(sub: Subscription, *, now: datetime) -> Standing:
    card = cards.card_of(sub)
    is_tried = card is not None and sub.next_action in (timeline.CHARGE, timeline.COLLECT)
    late = sub.past_due_at if sub.state == states.PAST_DUE else None
    return Standing(
        plan=limits.plan_of(sub.workspace) if sub.switch_at is not None else sub.plan,
        switch_plan=sub.plan if sub.switch_at is not None else "",
        switch_at=sub.switch_at,
        interval=sub.interval,
        gateway=sub.gateway,
        state=sub.state,
        is_ending=bool(sub.is_ending),
        price_minor=sub.price_minor,
        discount_minor=sub.discount_minor,
        due_minor=terms.next_minor(sub, now=now),
        currency=sub.currency,
        period_end=sub.period_end,
        past_due_at=late,
        paused_at=sub.paused_at,
        read_only_at=late + timeline.FULL_ACCESS if late and not terms.is_unpaid(sub) else None,
        ends_at=late + timeline.grace_of(is_trial=terms.is_unpaid(sub)) if late else None,
        next_plan=sub.next_plan or "",
        next_interval=sub.next_interval or "",
        is_renewed_there=terms.is_renewed_there(sub),
        is_unpaid=terms.is_unpaid(sub),
        is_dormant=terms.is_renewed_there(sub) and duties.is_dormant(sub.id),
        card=card.label if card else "",
        next_try_at=sub.next_action_at if is_tried else None,
    )


@dataclass(frozen=True, slots=True)
class CardRow:
    """A saved card as its payer sees it. `is_used`: it pays for the present plan; `paid_elsewhere`: by which other gateway
    the plan is paid.
    """

    public_id: str
    gateway: str
    label: str
    state: str
    saved_at: datetime
    is_used: bool
    paid_elsewhere: str


def cards_of(workspace_id: int) -> list[CardRow]:
    """The saved cards, the newest first."""
    sub = subscriptions.live(workspace_id)
    used = sub.method_id if sub is not None else None
    paid_by = sub.gateway if sub is not None and not terms.is_unpaid(sub) else ""
    return [
        CardRow(
            *(card.public_id, card.gateway, card.label, card.state, card.created_at, card.id == used),
            paid_by if paid_by != card.gateway else "",
        )
        for card in cards.of_workspace(workspace_id)
    ]


@dataclass(frozen=True, slots=True)
class Tried:
    """The last charge of a card for an order: `created`, `unknown`, `declined`, … and the card's name."""

    state: str
    card: str


def last_charge(order_id: int) -> Tried | None:
    """The newest attempt to charge a saved card for an order."""
    found = db.row(
        "SELECT p.state, m.label FROM payment p JOIN payment_method m ON m.id = p.method_id WHERE p.order_id = ?"
        " ORDER BY p.id DESC LIMIT 1",
        order_id,
    )
    return Tried(*found) if found else None


def is_engine_up(*, now: datetime) -> bool:
    """Whether the worker, which talks to gateways, has said within half a minute that it lives."""
    at = leases.last_beats().get("worker")
    return at is not None and now - at < _ALIVE


def plan_cards(workspace_id: int, currency: str, intervals: Iterable[str], *, now: datetime) -> list[PlanCard]:
    """What is sold in a currency for these intervals, from the smallest plan, and what it would be to this workspace."""
    sub = subscriptions.live(workspace_id)
    allowed: dict[str, list[tuple[str, int | None]]] = {}
    for plan, key, amount in db.rows("SELECT plan_id, key, amount FROM plan_limit ORDER BY id"):
        allowed.setdefault(plan, []).append((key, amount))
    sold: dict[str, list[Choice]] = {}
    for price in prices.price_list(currency, now=now):
        if price.interval in intervals:
            sold.setdefault(price.plan, []).append(_choice(sub, terms.kept_price(sub, price), now=now))
    return [PlanCard(plan, tuple(allowed.get(plan, ())), tuple(found)) for plan, found in sold.items()]


def _choice(sub: Subscription | None, price: Price, *, now: datetime) -> Choice:
    if sub is None or sub.period_end is None:
        return Choice(price, "buy", price.amount_minor)
    if terms.is_unpaid(sub) and (price.currency != Stars.currency or sub.state == states.PAST_DUE):
        return Choice(price, "next", price.amount_minor - coupons.reduction(coupons.holding(sub, price), price))
    is_present = (price.plan, price.interval) == (sub.plan, sub.interval)
    is_fixed = terms.is_renewed_there(sub) and not (is_present and sub.state == states.PAST_DUE)
    if is_fixed or sub.state == states.PAUSED or price.currency != sub.currency:
        return Choice(price, "none", 0)
    if is_present:
        less = 0 if terms.is_renewed_there(sub) else coupons.reduction(coupons.holding(sub, price), price)
        return Choice(price, "next", price.amount_minor - less)
    if orders.is_raise(sub, price):
        return Choice(price, orders.RAISE, orders.difference(sub, price, now=now))
    is_chosen = (price.plan, price.interval) == (sub.next_plan, sub.next_interval)
    return Choice(price, "chosen" if is_chosen else "later", 0)


def invoices_of(workspace_id: int) -> list[InvoiceRow]:
    """The numbered invoices, the newest first."""
    rows = db.rows(
        "SELECT i.public_id, i.series, i.number, i.finalised_at, l.plan, i.period_start, i.period_end, i.total_minor,"
        " i.currency, EXISTS (SELECT 1 FROM credit_note n WHERE n.invoice_id = i.id), "
        f"EXISTS ({_BY_CREDIT} i.id) FROM invoice i"
        " JOIN invoice_line l ON l.invoice_id = i.id WHERE i.workspace_id = ? AND i.number IS NOT NULL"
        " AND l.kind <> ? ORDER BY i.id DESC LIMIT ?",
        *(workspace_id, invoices.DISCOUNT, _SHOWN),
    )
    return [
        InvoiceRow(
            public_id=row[0],
            number=invoices.number_of(row[1], row[2]),
            at=db.moment(row[3]),
            plan=row[4],
            period_start=db.moment(row[5]),
            period_end=db.moment(row[6]),
            total_minor=row[7],
            currency=row[8],
            is_taken_back=bool(row[9]),
            is_by_credit=bool(row[10]),
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class InvoiceFacts:
    """A numbered invoice with its line and, where it was taken back, its credit note's number."""

    number: str
    finalised_at: datetime
    paid_at: datetime | None
    buyer: Mapping[str, str]
    kind: str
    plan: str
    interval: str
    period_start: datetime | None
    period_end: datetime | None
    discount_minor: int
    total_minor: int
    tax_minor: int
    tax_rate_bp: int
    currency: str
    credit_note: str
    is_by_credit: bool


def invoice_of(workspace_id: int, public_id: str) -> InvoiceFacts:
    """A numbered invoice of the workspace. Raises NotFound."""
    invoice: Invoice | None = Invoice.get_or_none(
        Invoice.workspace == workspace_id, Invoice.public_id == public_id, Invoice.number.is_null(False)
    )
    if invoice is None:
        raise NotFound(N_("There is no such invoice."))
    lines = InvoiceLine.workspace == workspace_id, InvoiceLine.invoice == invoice.id
    line: InvoiceLine = InvoiceLine.get(*lines, InvoiceLine.kind != invoices.DISCOUNT)
    note = db.row("SELECT series, number FROM credit_note WHERE invoice_id = ?", invoice.id)
    return InvoiceFacts(
        number=invoices.number_of(invoice.series, invoice.number),
        finalised_at=invoice.finalised_at,
        paid_at=invoice.paid_at,
        buyer=invoice.buyer,
        kind=line.kind,
        plan=line.plan,
        interval=line.interval,
        period_start=invoice.period_start,
        period_end=invoice.period_end,
        discount_minor=line.amount_minor - invoice.total_minor,
        total_minor=invoice.total_minor,
        tax_minor=invoice.tax_minor,
        tax_rate_bp=invoice.tax_rate_bp,
        currency=invoice.currency,
        credit_note=invoices.number_of(*note) if note else "",
        is_by_credit=db.row(f"{_BY_CREDIT} ?", invoice.id) is not None,
    )


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order as its number is asked for."""

    public_id: str
    amount_minor: int
    currency: str
    state: str
    created_at: datetime


def last_orders(workspace_id: int, *, most: int = 5) -> list[OrderRow]:
    """The newest orders of a workspace."""
    rows = db.rows(
        "SELECT public_id, amount_minor, currency, state, created_at FROM checkout_order WHERE workspace_id = ?"
        " ORDER BY id DESC LIMIT ?",
        *(workspace_id, most),
    )
    return [
        OrderRow(public_id, amount_minor, currency, state, db.moment(created_at))
        for public_id, amount_minor, currency, state, created_at in rows
    ]


def open_order_of(workspace_id: int) -> str:
    """The newest order that still can be paid (public id), "" without one."""
    found = db.row(
        "SELECT public_id FROM checkout_order WHERE workspace_id = ? AND state = 'open' ORDER BY id DESC LIMIT 1",
        workspace_id,
    )
    return str(found[0]) if found else ""
