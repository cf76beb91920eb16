"""How many boosts of a channel are active, as its own bot was told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app.analytics.pages import Figure
from app.core import db

BOT = ("bot_updates",)
NONE = Figure(None, "boosts")


def active_boosts(workspace_id: int, moments: Sequence[datetime], *, channel_id: int = 0) -> list[dict[str, Figure]]:
    """By the public id of each owned channel, or of one: its boosts that were active at each of some moments.

    Only of those whose bot was administrator at that moment and had been told of a boost by then.
    """
    if not moments:
        return []
    one = " AND c.id = ?" if channel_id else ""
    kind = "TIMESTAMPTZ" if db.is_postgres() else "INTEGER"
    pairs = ", ".join([f"(CAST(? AS INTEGER), CAST(? AS {kind}))"] * len(moments))
    values = [value for place, at in enumerate(moments) for value in (place, db.stamp(at))]
    found = db.rows(
        f"WITH moment (place, at) AS (VALUES {pairs})"
        f" SELECT m.place, c.public_id, SUM(CASE WHEN {_IS_ACTIVE} THEN 1 ELSE 0 END),"
        " SUM(CASE WHEN b.added_at <= m.at THEN 1 ELSE 0 END) + SUM(CASE WHEN b.removed_at <= m.at THEN 1 ELSE 0 END),"
        " MAX(CASE WHEN b.added_at <= m.at THEN b.added_at END),"
        " MAX(CASE WHEN b.removed_at <= m.at THEN b.removed_at END)"
        " FROM moment m JOIN channel c ON c.workspace_id = ? AND c.relation = 'owned' AND c.deleted_at IS NULL"
        f"{one} JOIN bot_presence p ON p.bot_id = c.bot_id AND p.chat_id = c.chat_id AND p.since <= m.at"
        " AND (p.until IS NULL OR p.until > m.at) JOIN chat_boost b ON b.chat_id = c.chat_id GROUP BY m.place, c.public_id",
        *(*values, workspace_id, *([channel_id] if channel_id else [])),
    )
    result: list[dict[str, Figure]] = [{} for _ in moments]
    for place, public_id, active, told, added_at, removed_at in found:
        if told:
            at = max(db.moment(known) for known in (added_at, removed_at) if known is not None)
            result[place][public_id] = Figure(int(active), "boosts", 0, BOT, at, int(told))
    return result


_IS_ACTIVE = (
    "b.added_at <= m.at AND b.expires_at > m.at AND (b.removed_at IS NULL OR b.removed_at > m.at"
    " OR b.removed_at < b.added_at)"
)
