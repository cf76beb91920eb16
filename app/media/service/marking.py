"""Marked copies of files: asked for when a post is scheduled, found when it is sent. An equal wish is one piece of work."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from app.billing.service import limits
from app.core import db
from app.media.service import work

MARK = "mark"
# What a mark can stand on; a file of another kind goes as it is.
_MARKED = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif", "video/mp4", "video/quicktime"})
_AS_FILE = "document"  # sent as it is, for whoever wants the very bytes


def want(workspace_id: int, public_ids: Collection[str], mark: Mapping[str, Any], *, now: datetime) -> list[int]:
    """Ask for the marked copies of those files that can carry a mark; returns the numbers of the work.

    Each copy that was not asked for before uses up one of the plan's watermarks of the month, all or none of them:
    raises LimitReached. Inside the caller's transaction, if there is one.
    """
    recipe, asked = work.recipe_of(MARK, mark), []
    with db.write():
        files = _markable(workspace_id, public_ids)
        new = [number for number in files if not work.is_known(workspace_id, number, recipe)]
        if new:
            limits.consume(workspace_id, {"watermarks": len(new)}, now=now)
        for number in files:
            work.ask(workspace_id, number, MARK, mark, now=now)
            asked.append(work.number_of(workspace_id, number, recipe))
    return asked


def marked(workspace_id: int, public_ids: Collection[str], mark: Mapping[str, Any]) -> dict[str, str]:
    """By file (public id), its marked copy's; those that can carry no mark stand for themselves, unready ones are missing."""
    found = db.rows(
        "SELECT f.public_id, f.id, m.public_id FROM media_file f LEFT JOIN media_job j ON j.media_id = f.id AND j.recipe = ?"
        " AND j.state = ? LEFT JOIN media_file m ON m.id = j.result_id"
        f" WHERE f.workspace_id = ? AND f.public_id IN ({db.marks(public_ids)})",
        *(work.recipe_of(MARK, mark), work.DONE, workspace_id, *public_ids),
    )
    markable = set(_markable(workspace_id, public_ids))
    pairs = {public_id: copy if number in markable else public_id for public_id, number, copy in found}
    return {public_id: copy for public_id, copy in pairs.items() if copy}


def _markable(workspace_id: int, public_ids: Collection[str]) -> list[int]:
    rows = db.rows(
        "SELECT id, kind, mime FROM media_file WHERE workspace_id = ? AND deleted_at IS NULL"
        f" AND public_id IN ({db.marks(public_ids)}) ORDER BY id",
        *(workspace_id, *public_ids),
    )
    return [int(number) for number, kind, mime in rows if kind != _AS_FILE and mime in _MARKED]
