"""Small stills of files, for lists of them: made when a file comes, and for those that came before there were any."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from app.core import db
from app.media.models import MediaFile
from app.media.service import content, work

THUMBNAIL = work.UNHURRIED
LONGEST = 480  # pixels: a tile on a screen of twice the density
_PARAMS = {"longest": LONGEST}
_RECIPE = work.recipe_of(THUMBNAIL, _PARAMS)
_SMALL_BYTES = 100_000  # is drawn itself
_SHOWN = ("image/jpeg", "image/png", "image/webp", "image/gif", content.HEIC, "video/mp4", "video/quicktime")
_BATCH = 200


def want(row: MediaFile, *, now: datetime) -> None:
    """Ask for a file's still, where it helps, inside the running transaction."""
    if row.mime in _SHOWN and (row.size > _SMALL_BYTES or row.kind == content.VIDEO):
        work.ask(row.workspace, row.id, THUMBNAIL, _PARAMS, now=now)


def want_missing(*, now: datetime) -> int:
    """Ask for the stills of some files that have none; returns for how many. What could not be made is not asked again."""
    found = db.rows(
        "SELECT f.workspace_id, f.id FROM media_file f WHERE f.deleted_at IS NULL AND f.origin_id IS NULL"
        f" AND f.mime IN ({db.marks(_SHOWN)}) AND (f.size > ? OR f.kind = 'video') AND NOT EXISTS"
        " (SELECT 1 FROM media_job j WHERE j.media_id = f.id AND j.recipe = ?) ORDER BY f.id DESC LIMIT ?",
        *(*_SHOWN, _SMALL_BYTES, _RECIPE, _BATCH),
    )
    for workspace_id, media_id in found:
        work.ask(workspace_id, media_id, THUMBNAIL, _PARAMS, now=now)
    return len(found)


def of_files(media_ids: Collection[int]) -> dict[int, str]:
    """By file (id), its still's public id; those that have none are missing."""
    return dict(
        db.rows(
            "SELECT j.media_id, m.public_id FROM media_job j JOIN media_file m ON m.id = j.result_id"
            f" WHERE j.recipe = ? AND j.state = ? AND m.deleted_at IS NULL AND j.media_id IN ({db.marks(media_ids)})",
            *(_RECIPE, work.DONE, *media_ids),
        )
    )
