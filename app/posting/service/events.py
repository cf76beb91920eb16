"""The ledger's log: what happened to a delivery, appended in the transaction in which it happened."""

from __future__ import annotations

from datetime import datetime

from app.core import db

_COLUMNS = "workspace_id, delivery_id, at, what, epoch, tries, detail"


def note(delivery_id: int, what: str, *, detail: str = "", now: datetime) -> None:
    """Append one event with the epoch and the attempt that the delivery stands at."""
    db.execute(
        f"INSERT INTO delivery_event ({_COLUMNS})"
        " SELECT workspace_id, id, ?, ?, epoch, tries, ? FROM delivery WHERE id = ?",
        *(db.stamp(now), what, detail[:300] or None, delivery_id),
    )
