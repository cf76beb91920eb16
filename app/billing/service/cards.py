"""Saved cards: which one pays for a subscription, and those that cannot be charged any more."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from app.billing.gateways.base import Charger, Issuer, SavedCard
from app.billing.method_models import PaymentMethod
from app.billing.models import Subscription
from app.billing.money_models import Payment
from app.billing.service import payers, subscriptions
from app.billing.service.orders import DESK_TOPIC
from app.core import db, ids, outbox, telemetry
from app.core.crypto import Sealer, keyed_hash
from app.core.errors import Conflict, Invalid, NotFound, Upstream
from app.core.i18n import N_
from app.core.tenancy import unscoped

ACTIVE, DEAD, REMOVED = "active", "dead", "removed"
CHECKING, REFUSED = "checking", "refused"  # a token that the payer's browser brought, and the gateway has the say on
SAVED, GONE = "card_saved", "card_gone"
_AT_ONCE = 20
_ASKED_AGAIN = timedelta(seconds=30)
_MOST_OFFERED = 5
_TOKEN = re.compile(r"[\x21-\x7e]{8,2048}")


class Vault:
    """Seals what gateways know cards by. The same token is one card, whoever tells it again.

    `secret_keys`: the one that marks tokens, then those of before, whose marks are still known.
    """

    def __init__(self, sealer: Sealer, *secret_keys: str) -> None:
        self._sealer, self._secret_keys = sealer, secret_keys

    def save(self, workspace_id: int, card: SavedCard, *, user_id: int | None = None, now: datetime) -> PaymentMethod:
        """Keep a card; it pays from now on for the workspace's subscription at the card's gateway."""
        with db.write():
            known = self._keep(workspace_id, card, ACTIVE, now=now)
            if known.state == ACTIVE:
                use(known, user_id=user_id, now=now)
        return known

    def offer(self, workspace_id: int, gateway: str, token: str, *, now: datetime) -> PaymentMethod:
        """Keep a token that the payer's browser brought; it is charged once the gateway says what it is.

        Raises Invalid for what is no token, Conflict (`taken`) for one that was brought before, `too_many` beside five that
        are not charged.
        """
        if not _TOKEN.fullmatch(token):
            raise Invalid(N_("The card was not saved."), fields={"token": "no token"})
        with db.write():
            if self.find(gateway, token) is not None:
                raise Conflict(N_("This card was saved already."), code="taken")
            db.serialise("workspace", workspace_id)
            waiting = PaymentMethod.select().where(
                PaymentMethod.workspace == workspace_id, PaymentMethod.state.in_([CHECKING, REFUSED])
            )
            if waiting.count() >= _MOST_OFFERED:
                raise Conflict(N_("Remove the cards that were not saved first."), code="too_many")
            made = self._keep(workspace_id, SavedCard(gateway, token, "", ""), CHECKING, now=now)
            outbox.put(DESK_TOPIC, gateway, now=now)
        return made

    def _keep(self, workspace_id: int, card: SavedCard, state: str, *, now: datetime) -> PaymentMethod:
        account = payers.payer_of(workspace_id, now=now)
        marks, public_id = self._marks(card.gateway, card.token), ids.public_id()
        known: PaymentMethod | None = PaymentMethod.get_or_none(
            PaymentMethod.workspace == workspace_id,
            PaymentMethod.gateway == card.gateway,
            PaymentMethod.token_hash.in_(marks),
        )
        if known is not None:
            return known
        made: PaymentMethod = PaymentMethod.create(
            public_id=public_id,
            workspace=workspace_id,
            account=account.id,
            gateway=card.gateway,
            token=self._sealer.seal(card.token, bound_to=_place(public_id)),
            token_hash=marks[0],
            payer_ref=card.payer_ref,
            label=card.label[:64],
            state=state,
            created_at=now,
        )
        return made

    def token(self, card: PaymentMethod) -> str:
        """What the gateway knows a card by."""
        return self._sealer.open(card.token, bound_to=_place(card.public_id))

    def find(self, gateway: str, token: str) -> PaymentMethod | None:
        """The card that a gateway speaks of."""
        with unscoped("a gateway knows cards, not workspaces"):
            found: PaymentMethod | None = PaymentMethod.get_or_none(
                PaymentMethod.gateway == gateway, PaymentMethod.token_hash.in_(self._marks(gateway, token))
            )
        return found

    def _marks(self, gateway: str, token: str) -> list[str]:
        return [keyed_hash(key, f"card-{gateway}", token) for key in self._secret_keys]


def _place(public_id: str) -> str:
    return f"payment_method.token:{public_id}"


def use(card: PaymentMethod, *, user_id: int | None, now: datetime) -> None:
    """The card pays for the subscription from now on, where the card's gateway is the one that it is paid by."""
    sub = subscriptions.held(card.workspace)
    if sub is not None and sub.gateway == card.gateway and sub.method_id != card.id:
        sub.method_id = card.id
        subscriptions.keep(sub, SAVED, sub.state, now=now, user=user_id)


def of_workspace(workspace_id: int) -> list[PaymentMethod]:
    """The cards that are kept, the newest first."""
    return list(
        PaymentMethod.select()
        .where(PaymentMethod.workspace == workspace_id, PaymentMethod.state != REMOVED)
        .order_by(PaymentMethod.id.desc())
    )


def card_of(sub: Subscription) -> PaymentMethod | None:
    """The card that pays for a subscription."""
    if sub.method_id is None:
        return None
    found: PaymentMethod | None = PaymentMethod.get_or_none(
        PaymentMethod.workspace == sub.workspace, PaymentMethod.id == sub.method_id
    )
    return found


def newest(workspace_id: int, gateway: str) -> PaymentMethod | None:
    """The newest card of a workspace at a gateway that can be charged."""
    found: PaymentMethod | None = (
        PaymentMethod.select()
        .where(PaymentMethod.workspace == workspace_id, PaymentMethod.gateway == gateway, PaymentMethod.state == ACTIVE)
        .order_by(PaymentMethod.id.desc())
        .first()
    )
    return found


def newest_id(workspace_id: int, gateway: str) -> int | None:
    """The number of that card, None without one; as text, since each settled payment asks."""
    found = db.row(
        "SELECT id FROM payment_method WHERE workspace_id = ? AND gateway = ? AND state = ? ORDER BY id DESC LIMIT 1",
        *(workspace_id, gateway, ACTIVE),
    )
    return int(found[0]) if found else None


def end(card: PaymentMethod, state: str, reason: str, *, user_id: int | None = None, now: datetime) -> None:
    """A card is charged no more: `dead` or `removed`. What it paid for is paid by the next newest card, or else by link."""
    with db.write():
        if not db.execute(
            "UPDATE payment_method SET state = ?, reason = ?, ended_at = ? WHERE id = ? AND state <> ? AND state <> ?",
            *(state, reason[:64], db.stamp(now), card.id, state, REMOVED),
        ):
            return
        sub = subscriptions.held(card.workspace)
        if sub is not None and sub.method_id == card.id:
            sub.method_id = newest_id(card.workspace, sub.gateway)
            subscriptions.keep(sub, GONE, sub.state, now=now, reason=reason[:64], user=user_id)


def remove(workspace_id: int, public_id: str, *, user_id: int | None, now: datetime) -> PaymentMethod:
    """The payer wants a card forgotten. Raises NotFound."""
    card: PaymentMethod | None = PaymentMethod.get_or_none(
        PaymentMethod.workspace == workspace_id, PaymentMethod.public_id == public_id, PaymentMethod.state != REMOVED
    )
    if card is None:
        raise NotFound(N_("There is no such card."))
    with db.write():
        end(card, REMOVED, "removed", user_id=user_id, now=now)
        outbox.put(DESK_TOPIC, card.gateway, now=now)
    return card


def check_offered(gateway: str, issuer: Issuer, vault: Vault, *, now: datetime) -> tuple[int, datetime | None]:
    """Ask a gateway about the tokens that payers brought: a card that it lets us charge pays from now on.

    Returns how many were told, and when to ask again about the others.
    """
    with unscoped("a gateway's desk checks the cards of all workspaces"):
        offered = list(
            PaymentMethod.select()
            .where(PaymentMethod.gateway == gateway, PaymentMethod.state == CHECKING)
            .order_by(PaymentMethod.id)
            .limit(_AT_ONCE)
        )
    told, again = 0, None
    for card in offered:
        try:
            state, label, reason = ACTIVE, issuer.check(vault.token(card)), None
        except Invalid as refused:
            state, label, reason = REFUSED, "", refused.message[:64]
        except Upstream:
            again = now + _ASKED_AGAIN
            continue
        told += _conclude(card, state, label, reason, now=now)
    return told, again or (now if len(offered) == _AT_ONCE else None)


def _conclude(card: PaymentMethod, state: str, label: str, reason: str | None, *, now: datetime) -> bool:
    """Compare-and-set: one that its payer has removed meanwhile stays removed."""
    with db.write():
        moved = db.execute(
            "UPDATE payment_method SET state = ?, label = ?, reason = ? WHERE id = ? AND state = ?",
            *(state, label[:64], reason, card.id, CHECKING),
        )
        if moved and state == ACTIVE:
            use(card, user_id=None, now=now)
    return bool(moved)


def forget_removed(gateway: str, charger: Charger, vault: Vault) -> int:
    """Tell a gateway of cards that their payers removed, and blank what we knew of them. Returns how many.

    One whose last charge has no outcome yet is still needed to look it up; one that the gateway does not take now waits
    for the next turn, and holds up no other.
    """
    with unscoped("a gateway's desk forgets cards of all workspaces"):
        running = Payment.select(Payment.method_id).where(
            Payment.gateway == gateway, Payment.state.in_(["created", "unknown"]), Payment.method_id.is_null(False)
        )
        found = list(
            PaymentMethod.select()
            .where(
                *(PaymentMethod.gateway == gateway, PaymentMethod.state == REMOVED, PaymentMethod.token != ""),
                PaymentMethod.id.not_in(running),
            )
            .limit(_AT_ONCE)
        )
    return sum(_forget(card, charger, vault) for card in found)


def _forget(card: PaymentMethod, charger: Charger, vault: Vault) -> bool:
    try:
        charger.forget(vault.token(card))
    except Upstream as error:
        telemetry.log().warning("a removed card is still kept there", gateway=card.gateway, error=error.message)
        return False
    with db.write():
        db.execute("UPDATE payment_method SET token = '', payer_ref = '', label = '' WHERE id = ?", card.id)
    return True
