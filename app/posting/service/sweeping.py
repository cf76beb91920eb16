"""The invariant and what heals it: every due post is sent, rejected, blocked, queued with an ETA, or unconfirmed.

A violation is a publication that is past its time by five minutes and past its ETA. The gauge counts them; it must
be 0. Lanes and resolvers are woken from rows, whatever Temporal has forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.channels import queries as channels
from app.core import db, outbox
from app.posting.service import blocking, senders
from app.posting.states import LANE_TOPIC, OPEN, RESOLVE_TOPIC, SENDS, UNKNOWN, WAITING
from app.telegram import budget

GRACE = timedelta(minutes=5)
_LATE, _QUIET = timedelta(seconds=5), timedelta(seconds=20)
_MARGIN, _MARGIN_MS = 1.2, 60_000
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found: violations of the invariant, posts newly blocked, lanes woken."""

    violations: int
    blocked: int
    woken: int


def sweep(*, now: datetime) -> Swept:
    """Block what channels no longer allow, tell late posts their ETA, wake lanes that sleep over due rows, count."""
    blocked = block_what_may_not_go(now=now)
    _tell_etas(now=now)
    woken = _wake_sleepers(now=now)
    found = violations(now=now)
    with db.write():
        db.execute(
            "INSERT INTO gauge (name, labels, value, at) VALUES ('posting_violations', '{}', ?, ?)"
            " ON CONFLICT (name, labels) DO UPDATE SET value = excluded.value, at = excluded.at",
            *(found, db.stamp(now)),
        )
    return Swept(found, blocked, woken)


def violations(*, now: datetime) -> int:
    """Publications past their time by five minutes and past their ETA that are neither out nor explained."""
    late = db.stamp(now - GRACE)
    found = db.row(
        f"SELECT COUNT(*) FROM due_action WHERE state IN ({db.marks(OPEN)}) AND due_at < ?"
        " AND kind IN ('publish', 'repost') AND COALESCE(eta_at, due_at) < ?",
        *(*OPEN, late, db.stamp(now)),
    )
    return int(found[0]) if found else 0


def block_what_may_not_go(*, now: datetime) -> int:
    """Block what waits for channels in which the bot may not post; one tap resumes it after the repair."""
    places = db.rows(
        "SELECT DISTINCT t.channel_id, s.account FROM due_action a JOIN post_target t ON t.id = a.target_id"
        f" JOIN sender s ON s.id = a.sender_id WHERE a.state = ? AND a.kind IN ({db.marks(SENDS)})",
        *(WAITING, *SENDS),
    )
    by_bot: dict[str, set[int]] = {}
    for channel_id, account in places:
        by_bot.setdefault(account, set()).add(channel_id)
    count = 0
    for account, channel_ids in by_bot.items():
        ordered = sorted(channel_ids)
        for at in range(0, len(ordered), _AT_ONCE):
            some = ordered[at : at + _AT_ONCE]
            for channel_id, reason in channels.why_not_post(some, int(account), now=now).items():
                count += blocking.block(channel_id, int(account), reason, now=now)
    return count


def _tell_etas(*, now: datetime) -> None:
    """Late publications get the time until when Telegram's limits let them go, once: it never slides."""
    late = db.rows(
        f"SELECT id, sender_id FROM due_action WHERE state IN ({db.marks(OPEN)}) AND due_at < ? AND eta_at IS NULL"
        " AND kind IN ('publish', 'repost') ORDER BY due_at LIMIT ?",
        *(*OPEN, db.stamp(now - _LATE), _AT_ONCE),
    )
    ahead: dict[int, int] = {}
    with db.write():
        for action_id, sender_id in late:
            ahead[sender_id] = ahead.get(sender_id, 0) + 1
            eta = eta_of(sender_id, ahead[sender_id], now=now)
            db.execute("UPDATE due_action SET eta_at = ? WHERE id = ? AND eta_at IS NULL", db.stamp(eta), action_id)


def eta_of(sender_id: int, ahead: int, *, now: datetime) -> datetime:
    """When a post with so many before it leaves at the latest: 30 a second and bot, a fifth and a minute on top."""
    bot_id = senders.bot_of(sender_id)
    until = budget.blocked_until(bot_id) if bot_id is not None else None
    start = max(now, until) if until else now
    return start + timedelta(milliseconds=ahead * budget.STEP_ALL_MS * _MARGIN + _MARGIN_MS)


def _wake_sleepers(*, now: datetime) -> int:
    """Wake the lanes with rows that are due and that nobody looked at for a while: a wake-up was lost."""
    sleepers = db.rows(
        "SELECT s.id FROM sender s WHERE (s.seen_at IS NULL OR s.seen_at < ?) AND EXISTS (SELECT 1 FROM due_action a"
        f" WHERE a.sender_id = s.id AND a.state IN ({db.marks(OPEN)}) AND a.ready_at <= ?)",
        *(db.stamp(now - _QUIET), *OPEN, db.stamp(now)),
    )
    for (sender_id,) in sleepers:
        senders.wake(sender_id, now=now)
    return len(sleepers)


def reconcile(*, now: datetime) -> tuple[int, int]:
    """Ask Temporal anew for everything that rows still want. Returns (lanes, resolvers).

    Its ids are those of before, so what runs already only looks again.
    """
    lanes = db.rows(
        f"SELECT DISTINCT sender_id FROM due_action WHERE state IN ({db.marks(OPEN)})",
        *OPEN,
    )
    unknown = db.rows("SELECT id FROM delivery WHERE state = ? AND asked_at IS NULL", UNKNOWN)
    with db.write():
        for (sender_id,) in lanes:
            outbox.put(LANE_TOPIC, str(sender_id), now=now)
        for (delivery_id,) in unknown:
            outbox.put(RESOLVE_TOPIC, str(delivery_id), now=now)
    return len(lanes), len(unknown)
