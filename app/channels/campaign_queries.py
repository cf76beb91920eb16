"""Reads on campaigns and their links, each bounded by a workspace's channel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.core import db


@dataclass(frozen=True, slots=True)
class LinkRef:
    """An invite link. `url` is None until the bot made it."""

    public_id: str
    campaign_id: int | None
    name: str
    url: str | None
    state: str
    error: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CampaignRef:
    """A campaign with its links."""

    id: int
    public_id: str
    name: str
    source: str
    audience: str
    creative: str
    spend_minor: int
    currency: str
    starts_at: datetime
    ends_at: datetime | None
    created_at: datetime
    links: tuple[LinkRef, ...]


def links_of(workspace_id: int, channel_id: int) -> list[LinkRef]:
    """All links of a channel that a workspace asked for, the newest first."""
    found = db.rows(
        "SELECT public_id, campaign_id, name, url, state, error, created_at FROM invite_link"
        " WHERE workspace_id = ? AND channel_id = ? ORDER BY created_at DESC, id DESC LIMIT 1000",
        *(workspace_id, channel_id),
    )
    return [LinkRef(*(*row[:6], db.moment(row[6]))) for row in found]


def campaigns_of(workspace_id: int, channel_id: int, *, with_archived: bool = False) -> list[CampaignRef]:
    """A channel's campaigns by source, audience and creative, the newest of each first."""
    links = links_of(workspace_id, channel_id)
    kept = "" if with_archived else " AND archived_at IS NULL"
    found = db.rows(
        "SELECT id, public_id, name, source, audience, creative, spend_minor, currency, starts_at, ends_at, created_at"
        " FROM campaign"
        f" WHERE workspace_id = ? AND channel_id = ?{kept}"
        " ORDER BY LOWER(source), LOWER(audience), LOWER(creative), starts_at DESC, id DESC LIMIT 500",
        *(workspace_id, channel_id),
    )
    return [
        CampaignRef(
            *(*row[:8], *map(db.moment, row[8:11]), tuple(k for k in links if k.campaign_id == row[0]))  # type: ignore[call-arg]
        )
        for row in found
    ]


def spends_typed(workspace_id: int) -> dict[str, datetime]:
    """Campaign's public id -> when its spend was last typed, as the audit chain tells; it forgets after two years."""
    found = db.rows(
        "SELECT subject, MAX(at) FROM audit_entry WHERE chain = ? AND action IN ('campaign.created', 'campaign.changed')"
        " GROUP BY subject",
        workspace_id,
    )
    return {str(subject).removeprefix("campaign:"): db.moment(at) for subject, at in found}
