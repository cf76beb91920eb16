"""Taking a file in: its bytes to their place, then a row; the same bytes of a workspace are one row."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO

from app.core import db, ids
from app.media.models import MediaFile
from app.media.service import content, store

_LONGEST_NAME, _LONGEST_SUFFIX = 120, 16


def keep(workspace_id: int, stream: IO[bytes], name: str, *, data_dir: Path, user_id: int, now: datetime) -> MediaFile:
    """Keep what a stream still holds, called `name`; bytes that the workspace has already keep their first name.

    Raises Invalid with the field `file`, and leaves nothing, for an empty file, one over 50 MB and a picture over
    50 million pixels.
    """
    with store.draft(stream, data_dir) as given:
        found = content.look(given.path, given.size)
        store.settle(given, data_dir)
    with db.write():
        MediaFile.insert(
            public_id=ids.public_id(),
            workspace=workspace_id,
            kind=found.kind,
            name=_plain(name),
            mime=found.mime,
            size=given.size,
            sha256=given.sha256,
            width=found.width,
            height=found.height,
            created_by=user_id,
            created_at=now,
        ).on_conflict_ignore().execute()
        row: MediaFile = MediaFile.get(
            MediaFile.workspace == workspace_id, MediaFile.sha256 == given.sha256, MediaFile.deleted_at.is_null()
        )
    return row


def _plain(name: str) -> str:
    """A file's name without its folders and without characters that hide how it ends."""
    last = "".join(c for c in name.replace("\\", "/").rpartition("/")[2] if c.isprintable()).strip(" .")
    if len(last) > _LONGEST_NAME:
        suffix = PurePosixPath(last).suffix[:_LONGEST_SUFFIX]
        last = last[: _LONGEST_NAME - len(suffix)] + suffix
    return last or "file"
