"""The one gate to what a plan allows. Every door asks here: web, bot, API and workers.

A stock (channels) is counted by its feature and asked with `require`; what is used up (posts of a month) is counted
here, by `consume`, which takes all that is asked for or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from app.billing import periods, states, timeline
from app.billing.models import WorkspacePlan
from app.core import db
from app.core.errors import LimitReached
from app.core.i18n import N_

FREE = "free"
_NEVER = "never"
_SENTENCES = {
    "channels": N_("The %(plan)s plan allows %(limit)s channels."),
    "watched_channels": N_("The %(plan)s plan allows %(limit)s watched channels."),
    "posts": N_("The %(plan)s plan allows %(limit)s posts a month, and they are used up."),
    "watermarks": N_("The %(plan)s plan allows %(limit)s watermarks a month, and they are used up."),
    "theft_scans": N_("The %(plan)s plan allows %(limit)s theft scans a month, and they are used up."),
    "custom_emoji": N_("The %(plan)s plan allows %(limit)s new custom emoji a month. So many are not left."),
}
_LATE = N_("Your payment is late, so nothing new can be added until it is paid. All data are there.")
Stocks = Mapping[str, Callable[[int], int]]


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of a limit is used. `limit` None: as much as one likes. `resets_at` None: a stock, which never resets."""

    key: str
    used: int
    limit: int | None
    resets_at: datetime | None


class PlanLimits:
    """Implements core.policy.Limits over the plans' rows. Ask inside the transaction that uses up the limit."""

    def require(self, workspace_id: int, key: str, *, used: int, now: datetime) -> None:
        """Raises LimitReached (`limit_<key>`, `payment_late`) when one more than `used` would pass the limit."""
        _require_paid(workspace_id, now=now)
        limit = limit_of(workspace_id, key, now=now)
        if limit is not None and used >= limit:
            raise _reached(workspace_id, key, limit)


def consume(workspace_id: int, wanted: Mapping[str, int], *, now: datetime) -> None:
    """Use up so much of each key's limit for the period, all or nothing, inside or outside a transaction.

    Raises LimitReached (`limit_<key>`, `payment_late`); what was counted before it is taken back, also when the caller
    catches the error and goes on.
    """
    with db.write(), db.database.atomic():
        _require_paid(workspace_id, now=now)
        start, _ = usage_period(workspace_id, now=now)
        for key, amount in sorted(wanted.items()):
            if not _take(workspace_id, key, amount, limit_of(workspace_id, key, now=now), start):
                raise _reached(workspace_id, key, limit_of(workspace_id, key, now=now) or 0)


def _take(workspace_id: int, key: str, amount: int, limit: int | None, start: datetime) -> bool:
    """Count up, unless that would pass the limit: one statement, so that of two at once only one gets the last."""
    if limit is not None and amount > limit:
        return False
    room = "" if limit is None else " WHERE usage_counter.used + excluded.used <= ?"
    return bool(
        db.execute(
            "INSERT INTO usage_counter (workspace_id, key, period_start, used) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (workspace_id, key, period_start) DO UPDATE SET used = usage_counter.used + excluded.used"
            + room,
            *(workspace_id, key, db.stamp(start), amount, *(() if limit is None else (limit,))),
        )
    )


def limit_of(workspace_id: int, key: str, *, now: datetime) -> int | None:
    """The limit that holds: the customer's own while it lasts, else the plan's. None: as much as one likes."""
    own = db.row(
        "SELECT amount FROM limit_override WHERE workspace_id = ? AND key = ? AND revoked_at IS NULL"
        " AND (until IS NULL OR until > ?) ORDER BY id DESC LIMIT 1",
        *(workspace_id, key, db.stamp(now)),
    )
    if own is None:
        own = db.row("SELECT amount FROM plan_limit WHERE plan_id = ? AND key = ?", plan_of(workspace_id), key)
    if own is None:
        raise KeyError(f"no plan has a limit of {key}")
    return None if own[0] is None else int(own[0])


def limits_of(workspace_ids: Collection[int], key: str, *, now: datetime) -> dict[int, int | None]:
    """The same for many workspaces at once."""
    marks = db.marks(workspace_ids)
    found: dict[int, int | None] = dict(
        db.rows(
            "SELECT w.id, l.amount FROM workspace w LEFT JOIN workspace_plan p ON p.workspace_id = w.id"
            f" JOIN plan_limit l ON l.plan_id = COALESCE(p.plan, ?) AND l.key = ? WHERE w.id IN ({marks})",
            *(FREE, key, *workspace_ids),
        )
    )
    own = db.rows(
        f"SELECT workspace_id, amount FROM limit_override WHERE workspace_id IN ({marks}) AND key = ?"
        " AND revoked_at IS NULL AND (until IS NULL OR until > ?) ORDER BY id",
        *(*workspace_ids, key, db.stamp(now)),
    )
    return found | dict(own)


def late_of(workspace_ids: Collection[int], *, now: datetime) -> set[int]:
    """Of these workspaces those whose payment is so late that they only read."""
    rows = db.rows(
        f"SELECT workspace_id FROM subscription WHERE workspace_id IN ({db.marks(workspace_ids)}) AND ended_at IS NULL"
        " AND state = ? AND past_due_at <= ?",
        *(*workspace_ids, states.PAST_DUE, db.stamp(now - timeline.FULL_ACCESS)),
    )
    return {int(row[0]) for row in rows}


def _reached(workspace_id: int, key: str, limit: int) -> LimitReached:
    plan = plan_of(workspace_id).capitalize()
    return LimitReached(_SENTENCES[key], code=f"limit_{key}", plan=plan, limit=limit)


def _require_paid(workspace_id: int, *, now: datetime) -> None:
    """Past due for more than seven days, a workspace only reads."""
    if late_of([workspace_id], now=now):
        raise LimitReached(_LATE, code="payment_late")


def usage_period(workspace_id: int, *, now: datetime) -> tuple[datetime, datetime]:
    """[start, end) of the month that counters run in: from the subscription's anchor, else the calendar's here."""
    found = db.row(
        "SELECT anchor_at, timezone FROM subscription WHERE workspace_id = ? AND ended_at IS NULL"
        " AND anchor_at IS NOT NULL",
        workspace_id,
    )
    if found is not None:
        anchor, zone = db.moment(found[0]), found[1]
        index = periods.index_at(anchor, zone, "month", now) if now >= anchor else -1  # before it: a trial
        return periods.bounds(anchor, zone, "month", index)
    (zone,) = db.row("SELECT timezone FROM workspace WHERE id = ?", workspace_id) or ("UTC",)
    first = now.astimezone(ZoneInfo(zone)).replace(day=1, hour=0, minute=0, second=0, microsecond=0, fold=0)
    return periods.bounds(first.astimezone(UTC), zone, "month", 0)


def usage_of(workspace_id: int, stocks: Stocks, *, now: datetime) -> list[Usage]:
    """Every limit of the workspace's plan and how much of it is used; `stocks` count what their features hold."""
    start, end = usage_period(workspace_id, now=now)
    rows = db.rows(
        "SELECT l.key, l.reset, COALESCE(u.used, 0) FROM plan_limit l LEFT JOIN usage_counter u ON u.key = l.key"
        " AND u.workspace_id = ? AND u.period_start = ? WHERE l.plan_id = ? ORDER BY l.id",
        *(workspace_id, db.stamp(start), plan_of(workspace_id)),
    )
    return [
        Usage(
            key,
            stocks[key](workspace_id) if reset == _NEVER else used,
            limit_of(workspace_id, key, now=now),
            None if reset == _NEVER else end,
        )
        for key, reset, used in rows
    ]


def plan_of(workspace_id: int) -> str:
    found = WorkspacePlan.get_or_none(WorkspacePlan.workspace == workspace_id)
    return str(found.plan) if found else FREE


def put_on_plan(workspace_id: int, plan: str, *, now: datetime) -> None:
    """Set the plan that holds: by a payment, or by hand for the demo and the SuperAdmin. Raises KeyError on an unknown one."""
    if db.row("SELECT 1 FROM plan WHERE key = ?", plan) is None:
        raise KeyError(plan)
    with db.write():
        db.execute(
            "INSERT INTO workspace_plan (workspace_id, plan, since) VALUES (?, ?, ?)"
            " ON CONFLICT (workspace_id) DO UPDATE SET plan = excluded.plan, since = excluded.since",
            *(workspace_id, plan, db.stamp(now)),
        )
