"""Telegram's own statistics of a channel, once a day, private to the workspace whose account reads them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from app.core import db
from app.readings.collectors.owner_session.base import Graph, NativeStats, OwnerAccount
from app.readings.collectors.owner_session.models import NativeStat, OwnerChannel
from app.readings.service.owner_session.channels import key_of

EVERY = timedelta(days=1)


def due_channel(session_id: int, workspace_id: int, *, now: datetime) -> OwnerChannel | None:
    """A channel whose statistics are a day old."""
    found: OwnerChannel | None = (
        OwnerChannel.select()
        .where(
            OwnerChannel.workspace == workspace_id,
            OwnerChannel.session == session_id,
            OwnerChannel.stats_due_at <= now,
        )
        .order_by(OwnerChannel.stats_due_at)
        .first()
    )
    return found


def fetch(channel: OwnerChannel, account: OwnerAccount, *, source_id: int, now: datetime) -> int:
    """Ask for the statistics and replace what was kept; returns how many graphs came. 0 where Telegram offers none."""
    stats = account.stats(key_of(channel))
    with db.write():
        put_off(channel, has_stats=stats is not None, now=now)
        for graph in stats.graphs if stats else ():
            _keep(channel, stats, graph, source_id=source_id, now=now)
    return sum(graph.error is None for graph in stats.graphs) if stats else 0


def put_off(channel: OwnerChannel, *, has_stats: bool, now: datetime) -> None:
    with db.write():
        OwnerChannel.update(has_stats=has_stats, stats_due_at=now + EVERY).where(
            OwnerChannel.workspace == channel.workspace, OwnerChannel.id == channel.id
        ).execute()


def _keep(channel: OwnerChannel, stats: NativeStats | None, graph: Graph, *, source_id: int, now: datetime) -> None:
    assert stats is not None
    series = [[one.name, list(one.values)] for one in graph.series]
    body = None if graph.error else {"is_time": graph.is_time, "x": list(graph.x), "series": series}
    same = (NativeStat.workspace, NativeStat.chat_id, NativeStat.kind)
    facts: dict[str, Any] = {
        "since": stats.since,
        "until": stats.until,
        "fetched_at": now,
        "graph": body,
        "source_id": source_id,
    }
    facts["error"] = graph.error[:160] if graph.error else None
    NativeStat.insert(workspace=channel.workspace, chat_id=channel.chat_id, kind=graph.kind, **facts).on_conflict(
        conflict_target=same, update=facts
    ).execute()
