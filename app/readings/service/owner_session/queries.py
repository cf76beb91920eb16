"""What the page shows of a workspace's own account."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core import db


@dataclass(frozen=True, slots=True)
class OwnGraph:
    """One of Telegram's graphs as kept: `x` and the series' values, or Telegram's word why there is none."""

    kind: str
    fetched_at: datetime
    is_time: bool
    x: tuple[int, ...]
    series: tuple[tuple[str, tuple[float | None, ...]], ...]
    error: str | None


@dataclass(frozen=True, slots=True)
class OwnChannelState:
    """A channel that the account runs, its history import (`history` None: never asked for) and Telegram's graphs."""

    public_id: str
    chat_id: int
    title: str
    looked_at: datetime | None
    has_stats: bool | None
    history: str | None
    done: int
    total: int | None
    readings: int
    history_error: str | None
    finished_at: datetime | None
    graphs: tuple[OwnGraph, ...] = ()


def own_channels(workspace_id: int) -> tuple[OwnChannelState, ...]:
    """The workspace's channels that its live account runs, by title."""
    found = db.rows(
        "SELECT k.public_id, o.chat_id, t.title, o.looked_at, o.has_stats, h.state, COALESCE(h.done, 0), h.total,"
        " COALESCE(h.readings, 0), h.last_error, h.finished_at"
        " FROM owner_channel o JOIN owner_session s ON s.id = o.session_id AND s.revoked_at IS NULL"
        " JOIN channel k ON k.workspace_id = o.workspace_id AND k.chat_id = o.chat_id AND k.deleted_at IS NULL"
        " JOIN chat t ON t.id = o.chat_id"
        " LEFT JOIN history_import h ON h.workspace_id = o.workspace_id AND h.chat_id = o.chat_id"
        " WHERE o.workspace_id = ? ORDER BY t.title, o.id",
        workspace_id,
    )
    graphs = _graphs_of(workspace_id)
    return tuple(_state(row, graphs.get(int(row[1]), ())) for row in found)


def _state(row: tuple[Any, ...], graphs: tuple[OwnGraph, ...]) -> OwnChannelState:
    public_id, chat_id, title, looked_at, has_stats, history, done, total, readings, error, finished = row
    return OwnChannelState(
        public_id=public_id,
        chat_id=int(chat_id),
        title=title,
        looked_at=db.moment(looked_at),
        has_stats=None if has_stats is None else bool(has_stats),
        history=history,
        done=int(done),
        total=total,
        readings=int(readings),
        history_error=error,
        finished_at=db.moment(finished),
        graphs=graphs,
    )


def _graphs_of(workspace_id: int) -> dict[int, tuple[OwnGraph, ...]]:
    found: dict[int, tuple[OwnGraph, ...]] = {}
    for chat_id, kind, fetched_at, text, error in db.rows(
        "SELECT chat_id, kind, fetched_at, graph, error FROM native_stat WHERE workspace_id = ? ORDER BY id",
        workspace_id,
    ):
        body: dict[str, Any] = json.loads(text) if text else {"is_time": True, "x": [], "series": []}
        series = tuple((str(name), tuple(values)) for name, values in body["series"])
        graph = OwnGraph(kind, db.moment(fetched_at), body["is_time"], tuple(body["x"]), series, error)
        found[int(chat_id)] = (*found.get(int(chat_id), ()), graph)
    return found
