"""How often links were clicked. What a click is stands in service.py."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from app.core import db

# (message_id, clicks) of a channel's messages with counted links; a channel belongs to one workspace
CLICKS_OF_MESSAGES = (
    "SELECT l.message_id, COALESCE(SUM(h.clicks), 0) AS clicks FROM tracked_link l"
    " LEFT JOIN link_hour h ON h.link_id = l.id WHERE l.channel_id = ? AND l.message_id IS NOT NULL GROUP BY l.message_id"
)


def addresses(workspace_id: int, post_id: int, channel_id: int, base_url: str) -> dict[str, str]:
    """What stands in a post of a channel instead of each tracked address."""
    found = db.rows(
        "SELECT url, key FROM tracked_link WHERE workspace_id = ? AND post_id = ? AND channel_id = ?",
        *(workspace_id, post_id, channel_id),
    )
    return {url: f"{base_url}/r/{key}" for url, key in found}


def clicks_of(workspace_id: int, post_ids: Collection[int]) -> dict[int, int]:
    """Clicks on all links of each post so far; a post without a tracked link is not in it, one without clicks is 0."""
    found = db.rows(
        "SELECT l.post_id, COALESCE(SUM(h.clicks), 0) FROM tracked_link l LEFT JOIN link_hour h ON h.link_id = l.id"
        f" WHERE l.workspace_id = ? AND l.post_id IN ({db.marks(post_ids)}) GROUP BY l.post_id",
        *(workspace_id, *post_ids),
    )
    return {int(post_id): int(clicks) for post_id, clicks in found}


def clicks_of_messages(channel_id: int, message_ids: Collection[int]) -> dict[int, int]:
    """Clicks so far on all links of each message of a channel; one that carries none is not in it."""
    found = db.rows(
        f"SELECT * FROM ({CLICKS_OF_MESSAGES}) c WHERE c.message_id IN ({db.marks(message_ids)})",
        *(channel_id, *message_ids),
    )
    return {int(message_id): int(clicks) for message_id, clicks in found}


def has_links(channel_id: int) -> bool:
    """Whether any message of a channel carries a counted link."""
    sql = "SELECT 1 FROM tracked_link WHERE channel_id = ? AND message_id IS NOT NULL LIMIT 1"
    return db.row(sql, channel_id) is not None


def clicks_by_hour(workspace_id: int, post_id: int, *, since: datetime, until: datetime) -> list[tuple[datetime, int]]:
    """(hour in UTC, clicks) on a post's links in [since, until), by time; hours without a click are left out."""
    found = db.rows(
        "SELECT h.hour, SUM(h.clicks) FROM tracked_link l JOIN link_hour h ON h.link_id = l.id"
        " WHERE l.workspace_id = ? AND l.post_id = ? AND h.hour >= ? AND h.hour < ? GROUP BY h.hour ORDER BY h.hour",
        *(workspace_id, post_id, db.stamp(since), db.stamp(until)),
    )
    return [(db.moment(hour), int(clicks)) for hour, clicks in found]
