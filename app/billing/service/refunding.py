"""Refunds that are owed, sent by the gateway that took the money."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.billing.gateways import base
from app.billing.gateways.base import Charger
from app.billing.service import keeping, returning, settling
from app.core import db

_AT_ONCE = 20
_AGAIN = timedelta(minutes=5)
_DUE = (
    "FROM refund r JOIN payment p ON p.id = r.payment_id JOIN invoice i ON i.id = p.invoice_id WHERE r.state IN ('due', 'asked')"
    " AND p.gateway = ? AND NOT EXISTS (SELECT 1 FROM difference d WHERE d.gateway = p.gateway"
    " AND d.reference = 'refund:' || r.id AND (d.kind = 'refund' OR d.kind = 'no_desk' AND d.resolved_at IS NOT NULL))"
)


def send_due(gateway: str, charger: Charger, *, now: datetime) -> int:
    """Send what is owed back; what the gateway refuses somebody has to settle by hand. Returns how many were sent."""
    found = db.rows(
        f"SELECT r.id, r.amount_minor, r.refund_key, p.gateway_ref, p.settled_at, i.public_id {_DUE} ORDER BY r.id LIMIT ?",
        *(gateway, _AT_ONCE),
    )
    return sum(_send(gateway, charger, *row, now=now) for row in found)


def _send(
    gateway: str,
    charger: Charger,
    refund_id: int,
    amount: int,
    key: str,
    ref: str,
    paid_at: int,
    invoice: str,
    *,
    now: datetime,
) -> bool:
    is_first = False
    if not charger.may_refund(db.moment(paid_at), now=now):
        outcome = base.Outcome(base.DECLINED, reason="the gateway's time for refunds is over")
    else:
        state = _claim(refund_id)
        if state is None:
            return False
        is_first = state == "due"
        outcome = charger.refund(ref, amount, f"inv:{invoice}:refund:{refund_id}")
    with db.write():
        if outcome.kind == base.SUCCEEDED:
            done = settling.refund_sent if key == settling.UNDELIVERED else returning.part_sent
            done(refund_id, now=now)
        elif outcome.kind == base.DECLINED:
            if is_first:  # a no to a repetition says nothing: the one before may have gone
                db.execute("UPDATE refund SET state = 'due' WHERE id = ? AND state = 'asked'", refund_id)
            settling.doubt(gateway, "refund", f"refund:{refund_id}", outcome.reason, now=now)
            keeping.offer(refund_id, now=now)
    return bool(outcome.kind == base.SUCCEEDED)


def _claim(refund_id: int) -> str | None:
    """The state in which the money may be asked for: `due`, or `asked` when it was before; None: not any more.

    From now on, until the gateway said no to the first question, nobody can keep it as credit. Of what was asked for
    without an answer nobody knows whether it went: it stays `asked`, also when the time is over.
    """
    with db.write():
        for state in ("due", "asked"):
            if db.execute("UPDATE refund SET state = 'asked' WHERE id = ? AND state = ?", refund_id, state):
                return state
    return None


def name_unsendable(gateway: str, *, now: datetime) -> int:
    """Nobody here can tell this gateway to give money back: somebody has to, by hand. Returns how many refunds wait so."""
    found = db.rows(f"SELECT r.id, r.amount_minor, r.currency {_DUE} ORDER BY r.id", gateway)
    with db.write():
        for number, amount, currency in found:
            detail = f"{amount} {currency} is owed back, and no access to {gateway} is set up"
            settling.doubt(gateway, "no_desk", f"refund:{number}", detail, now=now)
            keeping.offer(number, now=now)
    return len(found)


def next_at(gateway: str, *, now: datetime) -> datetime | None:
    """When to try again; None when nothing is owed."""
    found = db.row(f"SELECT COUNT(*) {_DUE}", gateway)
    return now + _AGAIN if found and found[0] else None
