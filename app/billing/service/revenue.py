"""Monthly recurring revenue as append-only movements: their sum is the revenue of today.

Definitions: facts/payments.md 4 (ChartMogul): without tax, years by twelve, 30 days of Stars by 365/360.
"""

from __future__ import annotations

from datetime import datetime

from app.billing import periods, revenue_metrics, states
from app.billing.models import Subscription
from app.billing.revenue_metrics import CHURN, Figures, Movement, kind_of
from app.billing.service import taxes
from app.core import db


def worth(sub: Subscription, *, now: datetime) -> int:
    """What a subscription brings a month while it is paid for, in minor units, without tax and less its discount."""
    paid = sub.price_minor - sub.discount_minor
    net = paid - taxes.within(paid, taxes.rate_bp(sub.currency, now=now))
    return periods.monthly_minor(net, sub.interval)


def move(sub: Subscription, to_minor: int, reference: str, *, now: datetime) -> None:
    """Bring a subscription's share to `to_minor`, inside the running transaction; `reference` makes it happen once."""
    delta = to_minor - _share(sub)
    if not delta:
        return
    before, is_known = _of_account(sub.account, sub.currency)
    db.execute(
        "INSERT INTO mrr_movement (workspace_id, account_id, subscription_id, kind, currency, delta_minor, reference,"
        " effective_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        *(sub.workspace, sub.account, sub.id, kind_of(before, delta, is_known=is_known)),
        *(sub.currency, delta, reference, db.stamp(now)),
    )


def _share(sub: Subscription) -> int:
    found = db.row("SELECT COALESCE(SUM(delta_minor), 0) FROM mrr_movement WHERE subscription_id = ?", sub.id)
    return int(found[0]) if found else 0


def _of_account(account_id: int, currency: str) -> tuple[int, bool]:
    """(revenue now, whether there ever was any) of a payer in a currency."""
    found = db.row(
        "SELECT COALESCE(SUM(delta_minor), 0), COUNT(*) FROM mrr_movement WHERE account_id = ? AND currency = ?",
        *(account_id, currency),
    )
    assert found is not None
    return int(found[0]), found[1] > 0


def at(moment: datetime, currency: str) -> int:
    """The recurring revenue of a moment: the sum of all movements until then."""
    found = db.row(
        "SELECT COALESCE(SUM(delta_minor), 0) FROM mrr_movement WHERE currency = ? AND effective_at <= ?",
        *(currency, db.stamp(moment)),
    )
    return int(found[0]) if found else 0


def currencies() -> list[str]:
    """Those that there is, or was, recurring revenue in."""
    return [str(one) for (one,) in db.rows("SELECT DISTINCT currency FROM mrr_movement ORDER BY currency")]


def figures(currency: str, start: datetime, end: datetime) -> Figures:
    """The revenue's figures of (start, end] in a currency, over all customers. Raises ValueError when end <= start."""
    found = db.rows(
        "SELECT m.account_id, m.kind, m.delta_minor, m.effective_at, s.state FROM mrr_movement m JOIN subscription s"
        " ON s.id = m.subscription_id WHERE m.currency = ? AND m.effective_at <= ?",
        *(currency, db.stamp(end)),
    )
    moves = (
        Movement(account, kind, delta, db.moment(at), is_unpaid=kind == CHURN and state == states.EXPIRED)
        for account, kind, delta, at, state in found
    )
    return revenue_metrics.figures(moves, start, end)
