"""When a workspace's posts are compared with its watch-list: when somebody asks, and by itself as its plan permits."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.billing.service import limits
from app.core import db
from app.core.errors import Conflict, LimitReached
from app.core.i18n import N_
from app.protection.models import TheftScan

KEY = "theft_scans"
WANTED, RUNNING, DONE, FAILED = "wanted", "running", "done", "failed"
MOST_CASES = 100  # that one scan opens; what is beyond waits for the next
_DAY, _MONTH = timedelta(days=1), timedelta(days=30)
_GIVEN_UP = timedelta(hours=6)
SEEN_KEPT = timedelta(days=31)


def ask(workspace_id: int, *, user_id: int | None, now: datetime) -> TheftScan:
    """Want a scan, which uses up one of the plan's. Raises Conflict while one is under way or there is nothing to
    compare, LimitReached when the month's are used up."""
    with db.write():
        db.serialise("workspace", workspace_id)
        if under_way(workspace_id) is not None:
            raise Conflict(N_("A scan is under way already."), code="scan_under_way")
        if not can_compare(workspace_id):
            raise Conflict(N_("A scan needs a channel of yours and a watched channel."), code="nothing_to_scan")
        limits.consume(workspace_id, {KEY: 1}, now=now)
        return TheftScan.create(workspace=workspace_id, state=WANTED, asked_by=user_id, wanted_at=now)  # type: ignore[no-any-return]


def under_way(workspace_id: int) -> TheftScan | None:
    found: TheftScan | None = TheftScan.get_or_none(
        TheftScan.workspace == workspace_id, TheftScan.state.in_((WANTED, RUNNING))
    )
    return found


def can_compare(workspace_id: int) -> bool:
    kinds = db.rows(
        "SELECT DISTINCT c.relation FROM channel c JOIN chat t ON t.id = c.chat_id WHERE c.workspace_id = ?"
        " AND c.deleted_at IS NULL AND (c.relation = 'owned' OR t.username IS NOT NULL)",
        workspace_id,
    )
    return {kind for (kind,) in kinds} >= {"owned", "watched"}


def ask_for_due(*, now: datetime) -> int:
    """Want the scans that workspaces get by themselves; returns how many. A plan of few spreads them over its month."""
    has = "EXISTS (SELECT 1 FROM channel c WHERE c.workspace_id = w.id AND c.relation = ? AND c.deleted_at IS NULL)"
    rows = db.rows(
        "SELECT w.id, (SELECT MAX(s.wanted_at) FROM theft_scan s WHERE s.workspace_id = w.id) FROM workspace w"
        f" WHERE {has} AND {has}",
        *("owned", "watched"),
    )
    last = {workspace_id: db.moment(at) for workspace_id, at in rows}
    room = limits.limits_of(list(last), KEY, now=now)
    due = [w for w, at in last.items() if room.get(w, 0) != 0 and (at is None or at + _rest(room[w]) <= now)]
    return sum(_asked(workspace_id, now=now) for workspace_id in due)


def _rest(limit: int | None) -> timedelta:
    """Time between two scans by themselves."""
    return _DAY if limit is None else max(_DAY, _MONTH / limit)


def _asked(workspace_id: int, *, now: datetime) -> bool:
    try:
        ask(workspace_id, user_id=None, now=now)
    except (LimitReached, Conflict):
        return False
    return True


def is_any_wanted() -> bool:
    """Whether there is a scan to go on with, of any workspace."""
    return db.row("SELECT 1 FROM theft_scan WHERE state IN (?, ?) LIMIT 1", WANTED, RUNNING) is not None


def next_wanted(*, now: datetime) -> TheftScan | None:
    """The scan to go on with, started now if it was not; the one that waits longest. Gives up those that never end."""
    with db.write():
        db.execute(
            "UPDATE theft_scan SET state = ?, ended_at = ?, reason = ? WHERE state = ? AND started_at < ?",
            *(FAILED, db.stamp(now), "took_too_long", RUNNING, db.stamp(now - _GIVEN_UP)),
        )
        found = db.one(TheftScan, "state IN (?, ?) ORDER BY wanted_at, id", RUNNING, WANTED)
        if found is not None and found.state == WANTED:
            db.execute(
                "UPDATE theft_scan SET state = ?, started_at = ? WHERE id = ? AND workspace_id = ?",
                *(RUNNING, db.stamp(now), found.id, found.workspace),
            )
            found.state, found.started_at = RUNNING, now
        return found


def fail(scan: TheftScan, reason: str, *, now: datetime) -> None:
    _end(scan, FAILED, (0, 0, 0, 0), reason, now=now)


def finish(scan: TheftScan, counted: tuple[int, int, int, int], *, now: datetime) -> None:
    """`counted`: channels read, own posts, found posts, cases opened."""
    _end(scan, DONE, counted, None, now=now)


def _end(scan: TheftScan, state: str, counted: tuple[int, ...], reason: str | None, *, now: datetime) -> None:
    with db.write():
        db.execute(
            "UPDATE theft_scan SET state = ?, ended_at = ?, channels = ?, own_posts = ?, found_posts = ?, cases = ?,"
            " reason = ? WHERE id = ? AND workspace_id = ? AND state = ?",
            *(state, db.stamp(now), *counted, reason, scan.id, scan.workspace, RUNNING),
        )


def forget_seen(*, now: datetime, batch: int = 1000) -> int:
    """Forget the prints of others' posts that no scan compares any more; returns how many."""
    gone = 0
    while deleted := _forget_some(now - SEEN_KEPT, batch):
        gone += deleted
    return gone


def _forget_some(before: datetime, batch: int) -> int:
    with db.write():
        return db.execute(
            "DELETE FROM seen_print WHERE (chat_id, message_id) IN"
            " (SELECT chat_id, message_id FROM seen_print WHERE posted_at < ? LIMIT ?)",
            *(db.stamp(before), batch),
        )
