"""What a gateway is to us, and what it needs from us. Adapters import this, core and telegram's port, nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

WEB, TELEGRAM = "web", "telegram"
OPEN, PAID, EXPIRED, TAKEN_BACK = "open", "paid", "expired", "taken_back"


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


class Orders(Protocol):
    """The domain's side of a gateway's callback. Everything happens in the transaction that the caller holds."""

    def held(self, public_id: str) -> Order | None:
        """The order under this public id, locked until the transaction ends; None when there is none."""

    def held_by_id(self, order_id: int) -> Order:
        """The same by our number."""

    def begin(self, order: Order, ref: str, *, now: datetime) -> int:
        """A payment of the order has begun at the gateway under its number `ref`; returns our number of it."""

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

    `renews_itself`: the gateway takes the money of further periods by its own clock and tells us.
    """

    key: str
    title: str
    currency: str
    surface: str
    intervals: tuple[str, ...]
    order_lifetime: timedelta
    renews_itself: bool

    def pay_url(self, order: Order, *, language: str, return_url: str) -> str:
        """Where the payer goes, computed here; "" when the gateway has to be asked first."""
