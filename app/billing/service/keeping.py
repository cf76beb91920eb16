"""What a gateway cannot give back becomes the payer's credit, when the payer wants it so (facts/payments.md 5.4, case 19)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.accounts.service import people
from app.audit import service as audit
from app.billing.gateways.base import KEPT
from app.billing.service import returning, settling
from app.core import db, money
from app.core.errors import Conflict, NotFound
from app.core.i18n import N_
from app.notices import service as notices
from app.telegram import service as telegram

# what a desk was refused, or nobody can ask for, and nobody has settled by hand; of what is disputed, or was lost to a
# dispute, the payer has or gets the money from the bank
_OF_IT = (
    "SELECT 1 FROM difference d WHERE d.gateway = p.gateway AND d.reference = 'refund:' || r.id"
    " AND d.kind IN ('refund', 'no_desk') AND d.resolved_at IS"
)
_WAITING = (
    f"r.state = 'due' AND EXISTS ({_OF_IT} NULL) AND NOT EXISTS ({_OF_IT} NOT NULL)"
    " AND NOT EXISTS (SELECT 1 FROM dispute q WHERE q.payment_id = p.id AND q.state <> 'won')"
)


@dataclass(frozen=True, slots=True)
class Offer:
    """A refund that its gateway cannot send, and that may be kept as credit instead."""

    refund_id: int
    gateway: str
    amount_minor: int
    currency: str


def offers(workspace_id: int) -> list[Offer]:
    """What a workspace's payer is asked about, the oldest first."""
    rows = db.rows(
        "SELECT r.id, p.gateway, r.amount_minor, r.currency FROM refund r JOIN payment p ON p.id = r.payment_id"
        f" WHERE r.workspace_id = ? AND {_WAITING} ORDER BY r.id",
        workspace_id,
    )
    return [Offer(*row) for row in rows]


def keep(workspace_id: int, refund_id: int, *, actor: str, now: datetime) -> None:
    """A refund that cannot be sent becomes credit of its payer, and its difference is settled; twice is once.

    Money for which nothing was delivered stands as credit in the books already; of an invoice that was paid the part is
    taken back first, with a credit note. Raises NotFound, Conflict (`not_kept`) when it was sent, is being asked for, was
    settled by hand, or nobody has found yet that it cannot be sent.
    """
    with db.write():
        found = db.row("SELECT payment_id FROM refund WHERE id = ? AND workspace_id = ?", refund_id, workspace_id)
        if found is None:
            raise NotFound(N_("There is no such refund."))
        payment = settling.by_id(found[0])
        settling.locked(payment.order)
        found = db.row("SELECT state, refund_key, amount_minor, reason FROM refund WHERE id = ?", refund_id)
        assert found is not None, "refunds are never deleted"
        state, key, amount, reason = found
        if state == KEPT:
            return
        if not _is_waiting(refund_id) or not _settle_difference(payment.gateway, refund_id, now=now):
            raise Conflict(
                N_("This payment is not to be kept as credit: it was sent, or is being sent."), code="not_kept"
            )
        _mark(refund_id, now=now)
        if key == settling.UNDELIVERED:
            db.execute("UPDATE payment SET state = ? WHERE id = ?", settling.GIVEN_BACK, payment.id)
            db.execute(
                "UPDATE checkout_order SET state = ? WHERE id = ? AND state = ?",
                KEPT,
                payment.order,
                settling.REFUND_DUE,
            )
        else:
            returning.take_as_credit(payment, refund_id, amount, reason, now=now)
        subject = f"payment:{payment.id}"
        audit.record("credit.kept", actor=actor, subject=subject, workspace_id=workspace_id, after=amount, now=now)


def _is_waiting(refund_id: int) -> bool:
    sql = f"SELECT 1 FROM refund r JOIN payment p ON p.id = r.payment_id WHERE r.id = ? AND {_WAITING}"
    return db.row(sql, refund_id) is not None


def _settle_difference(gateway: str, refund_id: int, *, now: datetime) -> bool:
    """Whether the difference was open until now: who settled it by hand has given the money back in another way."""
    return bool(
        db.execute(
            "UPDATE difference SET resolved_at = ? WHERE gateway = ? AND reference = ? AND kind IN ('refund', 'no_desk')"
            " AND resolved_at IS NULL",
            *(db.stamp(now), gateway, f"refund:{refund_id}"),
        )
    )


def _mark(refund_id: int, *, now: datetime) -> None:
    """Compare-and-set: a desk that is asking for the money has moved the row before."""
    moved = db.execute(
        "UPDATE refund SET state = ?, done_at = ? WHERE id = ? AND state = 'due'", KEPT, db.stamp(now), refund_id
    )
    if not moved:
        raise Conflict(N_("This payment is not to be kept as credit: it was sent, or is being sent."), code="not_kept")


def keep_by_operator(refund_id: int, *, now: datetime) -> None:
    """As `keep`, for whoever runs the service and knows the refund's number from the list of differences."""
    found = db.row("SELECT workspace_id FROM refund WHERE id = ?", refund_id)
    if found is None:
        raise NotFound(N_("There is no such refund."))
    keep(found[0], refund_id, actor="operator", now=now)


def offer(refund_id: int, *, now: datetime) -> None:
    """Tell those who run the workspace, once, that a refund cannot be sent and what they can do. In the transaction.

    Nobody is told of what is not offered.
    """
    bot = telegram.service_bot()
    found = db.row(
        "SELECT r.workspace_id, p.gateway, r.amount_minor, r.currency FROM refund r JOIN payment p ON p.id = r.payment_id"
        " WHERE r.id = ?",
        refund_id,
    )
    if bot is None or found is None or not _is_waiting(refund_id):
        return
    workspace_id, gateway, amount, currency = found
    for person in people.people_to_tell(workspace_id):
        notices.queue(
            "refund_unsendable",
            user=person,
            bot_id=bot.bot_id,
            params={"gateway": gateway.capitalize(), "amount": money.price(amount, currency, person.language)},
            dedupe_key=f"refund_unsendable:{refund_id}:{person.id}",
            now=now,
        )
