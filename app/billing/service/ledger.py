"""The double-entry ledger: append-only, in minor units, each entry in one currency and summing to nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.core import db

RECEIVABLE, DEFERRED, TAX, CREDIT = "receivable", "deferred_revenue", "tax_payable", "customer_credit"
HELD, LOSS = "disputes_held", "loss"
REVENUE, REFUNDS, FEES, BANK = "revenue", "refunds", "fees", "bank"


def clearing(gateway: str) -> str:
    """The account of what a gateway holds for us; what is paid by `credit` no gateway holds."""
    return CREDIT if gateway == "credit" else f"clearing:{gateway}"


def book(kind: str, reference: str, currency: str, postings: Mapping[str, int], *, now: datetime) -> None:
    """Book one entry inside the running transaction: debits positive, credits negative, zeros left out.

    Raises ValueError when they do not sum to nothing, IntegrityError when (kind, reference) is booked already.
    """
    if sum(postings.values()):
        raise ValueError(f"{kind} {reference}: the postings sum to {sum(postings.values())}")
    sql = "INSERT INTO ledger_entry (kind, reference, currency, at) VALUES (?, ?, ?, ?) RETURNING id"
    ((entry_id,),) = db.rows(sql, kind, reference, currency, db.stamp(now))
    for account, amount in postings.items():
        if amount:
            db.execute(
                "INSERT INTO ledger_posting (entry_id, ledger_account, amount_minor) VALUES (?, ?, ?)",
                *(entry_id, account, amount),
            )


def is_booked(kind: str, reference: str) -> bool:
    """Whether this was booked before."""
    return db.row("SELECT 1 FROM ledger_entry WHERE kind = ? AND reference = ?", kind, reference) is not None


def balance(account: str, currency: str) -> int:
    """What stands on an account: debits less credits, in minor units."""
    found = db.row(
        "SELECT COALESCE(SUM(p.amount_minor), 0) FROM ledger_posting p JOIN ledger_entry e ON e.id = p.entry_id"
        " WHERE p.ledger_account = ? AND e.currency = ?",
        *(account, currency),
    )
    return int(found[0]) if found else 0


def unbalanced() -> list[tuple[str, str]]:
    """(kind, reference) of entries that do not sum to nothing: there must be none."""
    return db.rows(  # type: ignore[return-value]
        "SELECT e.kind, e.reference FROM ledger_entry e JOIN ledger_posting p ON p.entry_id = e.id"
        " GROUP BY e.id, e.kind, e.reference HAVING SUM(p.amount_minor) <> 0"
    )


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A difference between a gateway and the books that waits for somebody."""

    gateway: str
    kind: str
    reference: str
    detail: str


def differences() -> list[Unsettled]:
    """Those that nobody has settled, the oldest first."""
    rows = db.rows("SELECT gateway, kind, reference, detail FROM difference WHERE resolved_at IS NULL ORDER BY id")
    return [Unsettled(*row) for row in rows]
