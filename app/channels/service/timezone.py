"""The zone in which a channel's days begin. Rollups are by UTC hour, so no stored sum depends on it."""

from __future__ import annotations

from datetime import datetime

from app.audit import service as audit
from app.channels.models import Channel
from app.core import db, zones
from app.core.errors import NotFound
from app.core.i18n import N_


def move(workspace_id: int, public_id: str, timezone: str, *, actor: str, now: datetime) -> None:
    """Let a channel's days begin by another zone. Raises Invalid, NotFound."""
    zone = zones.known(timezone)
    with db.write():
        channel = Channel.get_or_none(
            Channel.workspace == workspace_id, Channel.public_id == public_id, Channel.deleted_at.is_null()
        )
        if channel is None:
            raise NotFound(N_("There is no such channel."))
        if channel.timezone == zone:
            return
        Channel.update(timezone=zone).where(Channel.workspace == workspace_id, Channel.id == channel.id).execute()
        audit.record(
            "channel.timezone_changed",
            actor=actor,
            subject=f"channel:{public_id}",
            workspace_id=workspace_id,
            before={"timezone": channel.timezone},
            after={"timezone": zone},
            now=now,
        )
