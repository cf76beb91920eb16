"""What a gateway is to us, and what it needs from us. Adapters import this, core and telegram's port, nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

WEB, TELEGRAM = "web", "telegram"
OPEN, PAID, EXPIRED, TAKEN_BACK = "open", "paid", "expired", "taken_back"
KEPT = "kept"  # the money of an order, or a refund, that became the payer's credit

# What became of a charge. DECLINED may be tried again, DEAD never with this card, NEEDS_PAYER only by the payer in
# person; UNKNOWN and PENDING are to be looked up again; ABSENT: the gateway knows of no such charge.
SUCCEEDED, DECLINED, DEAD, NEEDS_PAYER = "succeeded", "declined", "dead", "needs_payer"
PENDING, UNKNOWN, ABSENT = "pending", "unknown", "absent"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the fiscal receipt, in minor units, tax included."""

    title: str
    amount_minor: int
    tax_rate_bp: int


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody is asked to pay: amount and currency are frozen."""

    id: int
    public_id: str
    gateway: str
    currency: str
    amount_minor: int
    state: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Charge:
    """A saved card to be charged for an order. `ref`: the gateway's number of it, as far as it is known; `lines`: what its
    fiscal receipt lists.

    `key` is the same for every try of this payment, and another one's for any other.
    """

    payment_id: int
    key: str
    order: Order
    amount_minor: int
    currency: str
    token: str
    payer_ref: str
    ref: str
    asked_at: datetime
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a charge: one of the words above, the gateway's number of it, and its reason for a no."""

    kind: str
    ref: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Stated:
    """A payment that a gateway says it took: its number, our order's, minor units."""

    ref: str
    order: str
    amount_minor: int


class Charger(Protocol):
    """The gateway's side of charging a saved card (facts/payments.md 5.2): called outside of any transaction.

    Neither method raises for what the gateway or the network does: what cannot be told is UNKNOWN. `settles_after`: how
    long after the last call a charge that is ABSENT may be believed so.
    """

    settles_after: timedelta

    def charge(self, asked: Charge, keep: Callable[[str], str]) -> Outcome:
        """Take the money. `keep` stores a number that the gateway gave before any money moves, and returns the number
        that holds: another one where somebody else was faster."""

    def look_up(self, asked: Charge) -> Outcome:
        """What became of it, asking only; never ABSENT while money may have moved."""

    def may_refund(self, paid_at: datetime, *, now: datetime) -> bool:
        """Whether the gateway still gives back what was paid then."""

    def refund(self, ref: str, amount_minor: int, key: str) -> Outcome:
        """Give back a payment, or a part of it; SUCCEEDED also when that was done before under the same key."""

    def taken(self, since: datetime, until: datetime, orders: Sequence[Charge]) -> list[Stated] | None:
        """What the gateway says it took in [since, until]; None where it cannot be told now, or where another way tells.

        `orders` are the charges that we asked for in this time: for a gateway that has no list and is asked of each."""

    def forget(self, token: str) -> None:
        """The payer removed the card: the gateway need not keep it. Raises Upstream while it cannot be told."""


class Issuer(Protocol):
    """A gateway at which a payer's browser saves a card by itself: all that we get is the token, from the payer."""

    def check(self, token: str) -> str:
        """What to call the card of a token, once the gateway says that we may charge it.

        Raises Invalid for one that it does not know or that is not confirmed, Upstream while it cannot be asked.
        """


class Clerk(Protocol):
    """A gateway that wants the fiscal receipt of each payment from us."""

    def hand_in(self, ref: str, lines: Sequence[Line]) -> str:
        """Hand the receipt of a payment in, and say where it can be seen; doing so twice is one receipt.

        Raises Upstream while the gateway does not take it, or has not made it yet.
        """


@dataclass(frozen=True, slots=True)
class SavedCard:
    """A card that a gateway keeps for us from now on."""

    gateway: str
    token: str
    payer_ref: str
    label: str


class Orders(Protocol):
    """The domain's side of a gateway's callback. Everything happens in the transaction that the caller holds."""

    def held(self, public_id: str) -> Order | None:
        """The order under this public id, locked until the transaction ends; None when there is none."""

    def held_by_id(self, order_id: int) -> Order:
        """The same by our number."""

    def begin(self, order: Order, ref: str, *, now: datetime) -> int:
        """A payment of the order has begun at the gateway under its number `ref`; returns our number of it.

        One that is known under this number, or that we asked the gateway for and have heard nothing of, is the same.
        """

    def payment_of(self, gateway: str, ref: str) -> int | None:
        """Our number of a payment that a gateway names."""

    def conclude(self, payment_id: int, outcome: Outcome, *, now: datetime) -> None:
        """What became of a charge that we asked for, whoever says so; once it has an outcome it keeps it."""

    def save_card(self, workspace_id: int, card: SavedCard, *, now: datetime) -> None:
        """The payer of a workspace saved a card: it pays from now on what the card's gateway is to pay."""

    def card_died(self, gateway: str, token: str, reason: str, *, now: datetime) -> None:
        """A card cannot be charged any more."""

    def returned(self, payment_id: int, total_minor: int, reason: str, *, now: datetime) -> None:
        """So much of a payment has gone back to the payer by now, all told; the rest stays paid for."""

    def refund_failed(self, payment_id: int, ref: str, amount_minor: int, reason: str, *, now: datetime) -> None:
        """Money that was sent back has come back to us: it is the payer's still, and somebody has to look. Once a `ref`."""

    def disputed(self, payment_id: int, ref: str, amount_minor: int, state: str, *, now: datetime) -> None:
        """The payer's bank takes a payment back: `open` for now, `lost` for good, `won` not after all."""

    def fee(self, gateway: str, ref: str, currency: str, amount_minor: int, *, now: datetime) -> None:
        """The gateway kept so much for itself of what it took. Once for each `ref`."""

    def paid_out(self, gateway: str, ref: str, currency: str, amount_minor: int, *, now: datetime) -> None:
        """The gateway sent so much to our bank account, or, less than nothing, took it. Once for each `ref`."""

    def settle(self, payment_id: int, *, now: datetime) -> None:
        """The money is ours: the one writer of "paid". Once done it does nothing more."""

    def give_back(self, payment_id: int, reason: str, *, now: datetime) -> None:
        """The money is ours, but nothing may be delivered for it: it is the payer's, and a refund is due."""

    def drop(self, payment_id: int, reason: str, *, now: datetime) -> None:
        """The payment was called off before any money moved."""

    def take_back(self, payment_id: int, reason: str, *, now: datetime) -> None:
        """The gateway gives the money back to the payer. Raises Conflict (`used_up`) when all of it was used."""

    def doubt(self, gateway: str, kind: str, reference: str, detail: str, *, now: datetime) -> None:
        """The gateway says something that does not fit; somebody has to look."""

    def may_pay(self, order: Order, telegram_user_id: int) -> bool:
        """Whether somebody of Telegram may pay for the order's workspace."""

    def can_deliver(self, order: Order) -> bool:
        """Whether what an order asks for could begin now."""

    def again(self, order: Order, *, now: datetime) -> Order:
        """The order of the next period on the same terms: a gateway that renews by its own clock took money for it."""

    def renewal_changed(self, order: Order, state: str, *, now: datetime) -> None:
        """At the gateway the payer stopped the renewals that began with an order (`canceled`), continued them
        (`active`), or they came to nothing (`failed`)."""

    def refund_sent(self, refund_id: int, *, now: datetime) -> None:
        """A refund that was due has been carried out; saying so twice is harmless."""

    def lines(self, order: Order) -> list[Line]:
        """What the fiscal receipt lists; the amounts sum to the order's."""


class Gateway(Protocol):
    """One way to pay, made from the settings. `surface`: `web`, or `telegram` for what Telegram allows inside its apps.

    `renews_itself`: the gateway takes the money of further periods by its own clock and tells us. `keeps_cards`: paying
    there saves the card, which our engine charges for further periods. `is_asked_first`: it makes a page for each order.
    """

    key: str
    title: str
    currency: str
    surface: str
    intervals: tuple[str, ...]
    order_lifetime: timedelta
    renews_itself: bool
    keeps_cards: bool
    is_asked_first: bool

    def pay_url(self, order: Order, *, language: str, return_url: str) -> str:
        """Where the payer goes, computed here; "" when the gateway has to be asked first."""


@runtime_checkable
class OfSeveralCurrencies(Protocol):
    """A gateway that takes prices in several currencies; its `currency` is the first of them."""

    currencies: tuple[str, ...]

    def in_currency(self, currency: str) -> Gateway:
        """The same way to pay, for prices in another of them."""
