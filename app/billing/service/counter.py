"""The domain's side of what gateways say: they know orders and payments by number, and nothing else of us."""

from __future__ import annotations

from datetime import datetime

from app.accounts.service import people
from app.billing.gateways.base import Line, Order, Outcome, SavedCard
from app.billing.service import cards, collecting, orders, returning, settling, subscriptions, taking_back
from app.billing.service.cards import Vault
from app.core import db
from app.core.policy import Act, may


class DomainOrders:
    """Implements gateways.base.Orders over the tables. Every method belongs inside the caller's transaction.

    `vault`: where saved cards are kept; who takes no cards needs none.
    """

    def __init__(self, vault: Vault | None = None) -> None:
        self._vault = vault

    def held(self, public_id: str) -> Order | None:
        found = db.row("SELECT id FROM checkout_order WHERE public_id = ?", public_id) if _is_id(public_id) else None
        return self.held_by_id(found[0]) if found else None

    def held_by_id(self, order_id: int) -> Order:
        db.serialise("checkout_order", order_id)
        found = db.row(
            "SELECT id, public_id, gateway, currency, amount_minor, state, expires_at FROM checkout_order WHERE id = ?",
            order_id,
        )
        assert found is not None, "orders are never deleted"
        number, public_id, gateway, currency, amount_minor, state, expires_at = found
        return Order(number, public_id, gateway, currency, amount_minor, state, db.moment(expires_at))

    def begin(self, order: Order, ref: str, *, now: datetime) -> int:
        return settling.begin(order.id, ref, now=now)

    def settle(self, payment_id: int, *, now: datetime) -> None:
        settling.settle(payment_id, now=now)

    def drop(self, payment_id: int, reason: str, *, now: datetime) -> None:
        settling.drop(payment_id, reason, now=now)

    def give_back(self, payment_id: int, reason: str, *, now: datetime) -> None:
        settling.give_back(payment_id, reason, now=now)

    def take_back(self, payment_id: int, reason: str, *, now: datetime) -> None:
        taking_back.take_back(payment_id, reason, now=now)

    def doubt(self, gateway: str, kind: str, reference: str, detail: str, *, now: datetime) -> None:
        settling.doubt(gateway, kind, reference, detail, now=now)

    def payment_of(self, gateway: str, ref: str) -> int | None:
        return settling.payment_of(gateway, ref)

    def conclude(self, payment_id: int, outcome: Outcome, *, now: datetime) -> None:
        collecting.conclude(payment_id, outcome, now=now)

    def save_card(self, workspace_id: int, card: SavedCard, *, now: datetime) -> None:
        assert self._vault is not None, "who is told of cards has a vault"
        self._vault.save(workspace_id, card, now=now)

    def card_died(self, gateway: str, token: str, reason: str, *, now: datetime) -> None:
        card = self._vault.find(gateway, token) if self._vault is not None else None
        if card is not None:
            cards.end(card, cards.DEAD, reason, now=now)

    def returned(self, payment_id: int, total_minor: int, reason: str, *, now: datetime) -> None:
        returning.returned(payment_id, total_minor, reason, now=now)

    def fee(self, gateway: str, ref: str, currency: str, amount_minor: int, *, now: datetime) -> None:
        returning.note_fee(gateway, ref, currency, amount_minor, now=now)

    def paid_out(self, gateway: str, ref: str, currency: str, amount_minor: int, *, now: datetime) -> None:
        returning.note_payout(gateway, ref, currency, amount_minor, now=now)

    def refund_failed(self, payment_id: int, ref: str, amount_minor: int, reason: str, *, now: datetime) -> None:
        returning.refund_failed(payment_id, ref, amount_minor, reason, now=now)

    def disputed(self, payment_id: int, ref: str, amount_minor: int, state: str, *, now: datetime) -> None:
        returning.disputed(payment_id, ref, amount_minor, state, now=now)

    def may_pay(self, order: Order, telegram_user_id: int) -> bool:
        role = people.role_of_telegram(telegram_user_id, settling.locked(order.id).workspace)
        return role is not None and may(role, Act.PAY)

    def can_deliver(self, order: Order) -> bool:
        return orders.can_begin(settling.locked(order.id))

    def again(self, order: Order, *, now: datetime) -> Order:
        return self.held_by_id(orders.open_again(settling.locked(order.id), now=now).id)

    def renewal_changed(self, order: Order, state: str, *, now: datetime) -> None:
        known = settling.locked(order.id)
        sub = subscriptions.held(known.workspace)
        if sub is not None and sub.id == known.subscription:
            subscriptions.follow_renewals(sub, state, now=now)

    def refund_sent(self, refund_id: int, *, now: datetime) -> None:
        settling.refund_sent(refund_id, now=now)

    def lines(self, order: Order) -> list[Line]:
        return orders.lines_of(order.id)


def _is_id(public_id: str) -> bool:
    return len(public_id) == 22 and public_id.isascii() and "\0" not in public_id
