"""What changed since somebody looked: the versions of workspaces' data, for the live process."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from app.core import db


def versions(workspace_ids: Sequence[int]) -> dict[int, str]:
    """workspace id -> a word that changes whenever anything that its pages show does. One statement for all."""
    if not workspace_ids:
        return {}
    marks = db.marks(workspace_ids)
    found = db.rows(
        "SELECT c.workspace_id, c.id, c.state, s.version FROM channel c LEFT JOIN feed_stat s ON s.feed_id = c.feed_id"
        f" WHERE c.workspace_id IN ({marks}) AND c.deleted_at IS NULL"
        f" UNION ALL SELECT workspace_id, -1, '', version FROM campaigns_version WHERE workspace_id IN ({marks})"
        f" UNION ALL SELECT workspace_id, 0, CAST(MAX(created_at) AS TEXT), COUNT(*) FROM annotation"
        f" WHERE workspace_id IN ({marks}) GROUP BY workspace_id ORDER BY 1, 2",
        *(*workspace_ids, *workspace_ids, *workspace_ids),
    )
    rows: dict[int, list[tuple[object, ...]]] = {workspace_id: [] for workspace_id in workspace_ids}
    for workspace_id, *row in found:
        rows[int(workspace_id)].append(tuple(row))
    return {w: hashlib.blake2b(repr(of_one).encode(), digest_size=8).hexdigest() for w, of_one in rows.items()}
