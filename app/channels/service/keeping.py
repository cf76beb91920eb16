"""Which channels stay writable when the plan has not room for all: those that were chosen, then the oldest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app.audit import service as audit
from app.billing.service import limits
from app.channels.models import Channel
from app.channels.queries import channels_of, writable_of
from app.channels.service.connect import OWNED
from app.core import db
from app.core.errors import Invalid, LimitReached
from app.core.i18n import N_


def standing(workspace_id: int, *, now: datetime) -> dict[str, bool]:
    """By own channel (public id) whether it is writable; the others are collected all the same."""
    writable = writable_of(workspace_id, now=now)
    return {ref.public_id: ref.id in writable for ref in channels_of(workspace_id) if ref.relation == OWNED}


def keep(workspace_id: int, public_ids: Sequence[str], *, user_id: int, now: datetime) -> None:
    """Choose the channels that stay writable. Raises Invalid for a channel that is not the workspace's own, LimitReached."""
    own = {ref.public_id: ref.id for ref in channels_of(workspace_id) if ref.relation == OWNED}
    if not public_ids or any(public_id not in own for public_id in public_ids):
        raise Invalid(N_("Choose at least one channel."), fields={"channels": "none"})
    most = limits.limit_of(workspace_id, "channels", now=now)
    if most is not None and len(set(public_ids)) > most:
        raise LimitReached(
            N_("Choose at most %(limit)s: your plan has room for no more."), code="limit_channels", limit=most
        )
    before = [public_id for public_id, is_writable in standing(workspace_id, now=now).items() if is_writable]
    with db.write():
        Channel.update(kept_at=None).where(Channel.workspace == workspace_id).execute()
        chosen = [own[public_id] for public_id in public_ids]
        Channel.update(kept_at=now).where(Channel.workspace == workspace_id, Channel.id.in_(chosen)).execute()
        audit.record(
            "channels.kept",
            actor=f"user:{user_id}",
            subject=f"workspace:{workspace_id}",
            workspace_id=workspace_id,
            before=before,
            after=list(public_ids),
            now=now,
        )
