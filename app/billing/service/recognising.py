"""Revenue by the day: what was paid for ahead is owed until its days have passed (facts/payments.md 3.2, "revenue day slice").

Each paid invoice has a schedule with what of it is still deferred. What is left is spread evenly over the time that is left,
so the slices sum to the whole whatever was given back in between. Of money that goes back the deferred part is owed no more;
the part that was earned already stands as `refunds`, against the revenue.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

from app.billing.money_models import Invoice
from app.billing.service import ledger
from app.core import db

_AT_ONCE = 200


def begin(invoice: Invoice) -> None:
    """The schedule of an invoice that is paid, inside the running transaction: its net amount over its period."""
    db.execute(
        "INSERT INTO revenue_schedule (invoice_id, workspace_id, currency, deferred_minor, recognised_at, ends_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        *(invoice.id, invoice.workspace, invoice.currency, invoice.total_minor - invoice.tax_minor),
        *(db.stamp(invoice.period_start), db.stamp(invoice.period_end)),
    )


def recognise(*, now: datetime) -> int:
    """Book the revenue of all days (UTC) that have passed; returns of how many invoices. Twice is harmless."""
    midnight, done = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0), 0
    while booked := _one_batch(midnight, now=now):
        done += booked
    return done


def _one_batch(midnight: datetime, *, now: datetime) -> int:
    skip = " FOR UPDATE SKIP LOCKED" if db.is_postgres() else ""
    with db.write():
        rows = db.rows(
            "SELECT invoice_id, currency, deferred_minor, recognised_at, ends_at FROM revenue_schedule"
            f" WHERE deferred_minor > 0 AND recognised_at < ? ORDER BY invoice_id LIMIT ?{skip}",
            *(db.stamp(midnight), _AT_ONCE),
        )
        sums: dict[str, int] = defaultdict(int)
        for invoice_id, currency, deferred, since, ends_at in rows:
            until = min(midnight, db.moment(ends_at))
            part = slice_of(deferred, db.moment(since), until, db.moment(ends_at))
            sums[currency] += part
            db.execute(
                "UPDATE revenue_schedule SET deferred_minor = deferred_minor - ?, recognised_at = ? WHERE invoice_id = ?",
                *(part, db.stamp(max(until, midnight)), invoice_id),
            )
        for currency, amount in sums.items():
            if amount:
                sides = {ledger.DEFERRED: amount, ledger.REVENUE: -amount}
                ledger.book("revenue", f"{midnight:%Y-%m-%d}:{currency}:{rows[0][0]}", currency, sides, now=now)
    return len(rows)


def slice_of(deferred_minor: int, since: datetime, until: datetime, ends_at: datetime) -> int:
    """What of a deferred amount was earned in [since, until), rounded down; at its end all that is left."""
    if until >= ends_at:
        return deferred_minor
    return deferred_minor * (db.to_ms(until) - db.to_ms(since)) // (db.to_ms(ends_at) - db.to_ms(since))


def give_back(invoice: Invoice, net_minor: int) -> dict[str, int]:
    """The debits for so much net of an invoice that goes back: first what is deferred. Inside the running transaction."""
    db.serialise("revenue_schedule", invoice.id, key="invoice_id")
    found = db.row("SELECT deferred_minor FROM revenue_schedule WHERE invoice_id = ?", invoice.id)
    deferred = min(int(found[0]) if found else 0, net_minor)
    db.execute(
        "UPDATE revenue_schedule SET deferred_minor = deferred_minor - ? WHERE invoice_id = ?", deferred, invoice.id
    )
    return {ledger.DEFERRED: deferred, ledger.REFUNDS: net_minor - deferred}
