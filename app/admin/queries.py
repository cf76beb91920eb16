"""What the SuperAdmin's pages show: revenue of a month, what needs somebody, customers' own limits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from app.billing.revenue_metrics import Figures
from app.billing.service import prices, revenue
from app.billing.service.prices import Price
from app.billing.service.revenue import AllInOne
from app.core import db

PAGE = 50
_YEARS = 2020, 2200


@dataclass(frozen=True, slots=True)
class MonthOfRevenue:
    """A month's figures in one currency."""

    currency: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class MovementRow:
    """A change of recurring revenue, with the workspace that made it."""

    workspace: str
    kind: str
    delta_minor: int
    currency: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """Something between a gateway and the books that somebody has to look at."""

    id: int
    gateway: str
    kind: str
    reference: str
    detail: str
    found_at: datetime


@dataclass(frozen=True, slots=True)
class OverrideRow:
    """A customer's own limit; `amount` None: as much as one likes."""

    id: int
    workspace: str
    key: str
    amount: int | None
    reason: str
    granted_at: datetime
    until: datetime | None


def month_bounds(month: str, zone: str, *, now: datetime) -> tuple[str, datetime, datetime]:
    """(as `2026-11`, start, end) of a month in a zone; the present one for what is no month."""
    here = ZoneInfo(zone)
    try:
        start = datetime.strptime(month, "%Y-%m").replace(tzinfo=here)
    except ValueError:
        start = datetime.min.replace(tzinfo=here)
    if not _YEARS[0] <= start.year <= _YEARS[1]:
        start = now.astimezone(here).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    end = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    return f"{start:%Y-%m}", start, end


def month_of_revenue(start: datetime, end: datetime) -> list[MonthOfRevenue]:
    """The figures of (start, end] in each currency that there ever was revenue in."""
    return [MonthOfRevenue(currency, revenue.figures(currency, start, end)) for currency in revenue.currencies()]


def all_in_one(into: str, start: datetime, end: datetime, *, now: datetime) -> AllInOne | None:
    """The bridge of (start, end] of all currencies in one; in sums for what is none of `revenue.INTO`."""
    return revenue.all_in_one(into if into in revenue.INTO else revenue.INTO[0], start, end, now=now)


def movements(currency: str, kind: str, start: datetime, end: datetime, *, page: int) -> list[MovementRow]:
    """A bar of the bridge, opened: its movements, the newest first, at most PAGE of them and one more."""
    rows = db.rows(
        "SELECT w.name, m.kind, m.delta_minor, m.currency, m.effective_at FROM mrr_movement m JOIN workspace w ON w.id ="
        " m.workspace_id WHERE m.currency = ? AND m.kind = ? AND m.effective_at > ? AND m.effective_at <= ?"
        " ORDER BY m.effective_at DESC, m.id DESC LIMIT ? OFFSET ?",
        *(currency, kind, db.stamp(start), db.stamp(end), PAGE + 1, PAGE * page),
    )
    return [MovementRow(name, of, delta, paid_in, db.moment(at)) for name, of, delta, paid_in, at in rows]


def open_differences() -> list[DifferenceRow]:
    """Those that nobody has settled, the oldest first."""
    rows = db.rows(
        "SELECT id, gateway, kind, reference, detail, found_at FROM difference WHERE resolved_at IS NULL ORDER BY id"
        " LIMIT ?",
        PAGE,
    )
    return [
        DifferenceRow(number, gateway, kind, reference, detail, db.moment(at))
        for number, gateway, kind, reference, detail, at in rows
    ]


def overrides(*, now: datetime) -> list[OverrideRow]:
    """Customers' own limits that hold now, the newest first."""
    rows = db.rows(
        "SELECT o.id, w.name, o.key, o.amount, o.reason, o.granted_at, o.until FROM limit_override o JOIN workspace w ON"
        " w.id = o.workspace_id WHERE o.revoked_at IS NULL AND (o.until IS NULL OR o.until > ?) ORDER BY o.id DESC LIMIT ?",
        *(db.stamp(now), PAGE),
    )
    return [
        OverrideRow(number, name, key, amount, reason, db.moment(at), db.moment(until) if until is not None else None)
        for number, name, key, amount, reason, at, until in rows
    ]


def workspace_named(name: str) -> int | None:
    """The workspace of a name or public id; None when there is none, or more than one."""
    rows = db.rows(
        "SELECT id FROM workspace WHERE deleted_at IS NULL AND (name = ? OR public_id = ?) LIMIT 2", name, name
    )
    return int(rows[0][0]) if len(rows) == 1 else None


def limit_keys() -> list[str]:
    """What plans limit."""
    return [str(key) for (key,) in db.rows("SELECT DISTINCT key FROM plan_limit ORDER BY key")]


def prices_now(*, now: datetime) -> list[Price]:
    """What plans cost now, currency by currency."""
    return [one for currency in prices.CURRENCIES for one in prices.price_list(currency, now=now)]


def plans_sold() -> list[str]:
    """From the smallest."""
    return [str(key) for (key,) in db.rows("SELECT key FROM plan WHERE is_sold ORDER BY position")]
