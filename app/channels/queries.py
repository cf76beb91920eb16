"""Reads on channels of a workspace."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from app.billing.service import limits
from app.core import db


@dataclass(frozen=True, slots=True)
class ChannelRef:
    """A workspace's channel with the chat behind it.

    `is_own`: the workspace runs it, or brought its recorded data; else it is watched from outside.
    """

    id: int
    public_id: str
    chat_id: int
    feed_id: int
    title: str
    username: str | None
    relation: str
    state: str
    timezone: str
    bot_id: int | None
    is_simulated: bool
    connected_at: datetime
    telegram_chat_id: int | None
    is_own: bool


_SELECT = (
    "SELECT c.id, c.public_id, c.chat_id, c.feed_id, t.title, t.username, c.relation, c.state, c.timezone, c.bot_id,"
    " c.is_simulated, c.connected_at, t.telegram_chat_id, (c.relation = 'owned' OR t.private_to IS NOT NULL) AS is_own"
    " FROM channel c JOIN chat t ON t.id = c.chat_id"
    " WHERE c.workspace_id = ? AND c.deleted_at IS NULL"
)


def channels_of(workspace_id: int) -> list[ChannelRef]:
    """All channels of a workspace, by title."""
    return [_ref(row) for row in db.rows(_SELECT + " ORDER BY t.title, c.id", workspace_id)]


def channel_of(workspace_id: int, public_id: str) -> ChannelRef | None:
    found = db.row(_SELECT + " AND c.public_id = ?", workspace_id, public_id)
    return _ref(found) if found else None


def _ref(row: tuple[object, ...]) -> ChannelRef:
    values = list(row)
    values[10], values[11], values[13] = bool(values[10]), db.moment(values[11]), bool(values[13])
    return ChannelRef(*values)  # type: ignore[arg-type]


POST_RIGHT = "can_post_messages"
NO_BOT, NO_RIGHT, NOT_CONNECTED = "bot_removed", "no_right", "not_connected"
OVER_PLAN, PAYMENT_LATE = "over_plan", "payment_late"
OF_THE_PLAN = frozenset({OVER_PLAN, PAYMENT_LATE})


def why_not_post(channel_ids: Collection[int], bot_id: int, *, now: datetime) -> dict[int, str]:
    """Of these channels those in which a bot may not post now, with the reason as a word.

    First what Telegram would say, then what the plan does: a channel that it has no room for, or a late payment.
    """
    found = db.rows(
        "SELECT c.id, c.deleted_at, c.relation, r.status, r.rights FROM channel c LEFT JOIN bot_rights r"
        f" ON r.chat_id = c.chat_id AND r.bot_id = ? WHERE c.id IN ({db.marks(channel_ids)})",
        *(bot_id, *channel_ids),
    )
    reasons = {row[0]: _why_not_post(*row[1:]) for row in found}
    told = {channel_id: reason for channel_id, reason in reasons.items() if reason}
    return _why_not_by_plan(channel_ids, now=now) | told


def _why_not_post(deleted_at: object, relation: str, status: str | None, rights: str | None) -> str | None:
    if deleted_at is not None or relation != "owned":
        return NOT_CONNECTED
    if status != "administrator":
        return NO_BOT
    return None if rights and json.loads(rights).get(POST_RIGHT) else NO_RIGHT


def _why_not_by_plan(channel_ids: Collection[int], *, now: datetime) -> dict[int, str]:
    """After a downgrade the newest channels only read, unless others were chosen; with a late payment all do."""
    rows = db.rows(
        "SELECT id, workspace_id, place FROM (SELECT id, workspace_id, ROW_NUMBER() OVER (PARTITION BY workspace_id"
        " ORDER BY CASE WHEN kept_at IS NULL THEN 1 ELSE 0 END, connected_at, id) AS place FROM channel"
        " WHERE relation = 'owned' AND deleted_at IS NULL AND workspace_id IN"
        f" (SELECT workspace_id FROM channel WHERE id IN ({db.marks(channel_ids)}))) AS placed"
        f" WHERE id IN ({db.marks(channel_ids)})",
        *(*channel_ids, *channel_ids),
    )
    workspaces = {row[1] for row in rows}
    room = limits.limits_of(workspaces, "channels", now=now)
    late = limits.late_of(workspaces, now=now)
    found = {}
    for channel_id, workspace_id, place in rows:
        most = room.get(workspace_id)
        if workspace_id in late:
            found[channel_id] = PAYMENT_LATE
        elif most is not None and place > most:
            found[channel_id] = OVER_PLAN
    return found


def writable_of(workspace_id: int, *, now: datetime) -> set[int]:
    """The workspace's own channels (ids) that its plan has room for."""
    own = [int(row[0]) for row in db.rows(_OWN, workspace_id)]
    return set(own) - set(_why_not_by_plan(own, now=now))


_OWN = "SELECT id FROM channel WHERE workspace_id = ? AND relation = 'owned' AND deleted_at IS NULL"


def bot_offers(telegram_user_id: int) -> list[tuple[int, int, str, str | None, str, datetime]]:
    """(bot id, chat id, title, username, status, checked at) where this person gave our bot its rights, newest first."""
    found = db.rows(
        "SELECT r.bot_id, r.chat_id, t.title, t.username, r.status, r.checked_at FROM bot_rights r"
        " JOIN chat t ON t.id = r.chat_id WHERE r.granted_by = ? ORDER BY r.checked_at DESC LIMIT 20",
        telegram_user_id,
    )
    return [(*row[:5], db.moment(row[5])) for row in found]


def count_owned(workspace_id: int) -> int:
    """How many channels the workspace owns."""
    return _count(workspace_id, "owned")


def count_watched(workspace_id: int) -> int:
    """How many channels of others the workspace watches."""
    return _count(workspace_id, "watched")


def _count(workspace_id: int, relation: str) -> int:
    sql = "SELECT COUNT(*) FROM channel WHERE workspace_id = ? AND relation = ? AND deleted_at IS NULL"
    found = db.row(sql, workspace_id, relation)
    return int(found[0]) if found else 0
