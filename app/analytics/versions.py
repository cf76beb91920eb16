"""What changed since somebody looked: the versions of workspaces' data, for the live process."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from app.core import db


def versions(workspace_ids: Sequence[int]) -> dict[int, str]:
    """workspace id -> a word that changes whenever a number or a channel of the workspace does. One statement for all."""
    if not workspace_ids:
        return {}
    marks = db.marks(workspace_ids)
    found = db.rows(
        "SELECT c.workspace_id, c.id, c.state, s.version FROM channel c LEFT JOIN feed_stat s ON s.feed_id = c.feed_id"
        f" WHERE c.workspace_id IN ({marks}) AND c.deleted_at IS NULL ORDER BY c.workspace_id, c.id",
        *workspace_ids,
    )
    rows: dict[int, list[tuple[object, ...]]] = {workspace_id: [] for workspace_id in workspace_ids}
    for workspace_id, *row in found:
        rows[int(workspace_id)].append(tuple(row))
    return {w: hashlib.blake2b(repr(of_one).encode(), digest_size=8).hexdigest() for w, of_one in rows.items()}
