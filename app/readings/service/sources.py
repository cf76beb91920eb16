"""Where readings come from, by kind: public, or private to one workspace."""

from __future__ import annotations

from datetime import datetime

from app.core import db

BOT_UPDATES = "bot_updates"
PREVIEW_PAGE = "preview_page"


def ensure_source(kind: str, *, name: str = "", workspace_id: int = 0, now: datetime) -> int:
    """The id of a source, made on first use. `workspace_id` 0 is public, else private to that workspace."""
    known = "SELECT id FROM source WHERE kind = ? AND workspace_id = ? AND name = ?"
    if found := db.row(known, kind, workspace_id, name):
        return int(found[0])
    with db.write():
        db.execute(
            "INSERT INTO source (kind, workspace_id, name, is_on, created_at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (kind, workspace_id, name) DO NOTHING",
            *(kind, workspace_id, name, True, db.stamp(now)),
        )
    found = db.row(known, kind, workspace_id, name)
    return int(found[0]) if found else 0


def audience_of(source_id: int | None) -> int:
    """The workspace that a source is private to; 0 of a public one, and where nobody in particular told."""
    found = db.row("SELECT workspace_id FROM source WHERE id = ?", source_id) if source_id is not None else None
    return int(found[0]) if found else 0
