"""Taking a file in: its bytes to their place, then a row; the same bytes of a workspace are one row."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO

from app.core import db, ids
from app.media.models import MediaFile
from app.media.service import content, room, store, thumbnails
from app.media.service.content import Found
from app.media.service.store import Draft

_LONGEST_NAME, _LONGEST_SUFFIX, _LONGEST_SEARCH = 120, 16, 400


def keep(workspace_id: int, stream: IO[bytes], name: str, *, data_dir: Path, user_id: int, now: datetime) -> MediaFile:
    """Keep what a stream still holds, called `name`; bytes that the workspace has already keep their first name.

    Raises, and leaves nothing: Invalid with the field `file` for an empty file, one over 50 MB and a picture over
    50 million pixels; LimitReached when the plan has no room for it; StoreAway.
    """
    with store.draft(stream, data_dir) as given:
        return _kept(workspace_id, given, name, data_dir=data_dir, user_id=user_id, now=now)


def keep_written(workspace_id: int, path: Path, name: str, *, data_dir: Path, user_id: int, now: datetime) -> MediaFile:
    """Keep what was written into a `store.blank`: not copied, and as large as who wrote it let it become.

    Raises as `keep` does, but for the size.
    """
    return _kept(workspace_id, store.drafted(path), name, data_dir=data_dir, user_id=user_id, now=now)


def _kept(workspace_id: int, given: Draft, name: str, *, data_dir: Path, user_id: int, now: datetime) -> MediaFile:
    found = content.look(given.path, given.size)
    with db.write():  # what has no room does not leave for the remote store
        _require_room(workspace_id, given, now=now)
    with store.coming(data_dir, given), db.write():
        _require_room(workspace_id, given, now=now)
        row = record(workspace_id, given, found, name, user_id=user_id, now=now)
        store.settle(given, data_dir)
    return row


def _require_room(workspace_id: int, given: Draft, *, now: datetime) -> None:
    if known(workspace_id, given.sha256) is None:
        room.require(workspace_id, given.size, now=now)


def known(workspace_id: int, sha256: str) -> MediaFile | None:
    """The workspace's file of these bytes, one in the trash too."""
    found: MediaFile | None = MediaFile.get_or_none(
        MediaFile.workspace == workspace_id,
        MediaFile.sha256 == sha256,
        MediaFile.deleted_at.is_null(),
        MediaFile.origin.is_null(),
    )
    return found


def record(workspace_id: int, given: Draft, found: Found, name: str, *, user_id: int, now: datetime) -> MediaFile:
    """The row of bytes that came in, inside the running transaction; what comes again comes out of the trash."""
    plain = plain_name(name)
    MediaFile.insert(
        public_id=ids.public_id(),
        workspace=workspace_id,
        kind=found.kind,
        name=plain,
        mime=found.mime,
        size=given.size,
        sha256=given.sha256,
        width=found.width,
        height=found.height,
        frames=found.frames,
        created_by=user_id,
        created_at=now,
        found_by=search_words(plain, ""),
    ).on_conflict_ignore().execute()
    row = known(workspace_id, given.sha256)
    assert row is not None
    thumbnails.want(row, now=now)
    if row.trashed_at is not None:
        row.trashed_at = None
        row.save()
    return row


def search_words(name: str, tags: str) -> str:
    """What a file is found by: its name and its tags, in small letters."""
    return unicodedata.normalize("NFC", f"{name.casefold()}{tags.casefold()}")[:_LONGEST_SEARCH]


def plain_name(name: str) -> str:
    """A file's name without its folders and without characters that hide how it ends, its letters whole (NFC): Macs send
    й as и and a breve."""
    whole = unicodedata.normalize("NFC", name)
    last = "".join(c for c in whole.replace("\\", "/").rpartition("/")[2] if c.isprintable()).strip(" .")
    if len(last) > _LONGEST_NAME:
        suffix = PurePosixPath(last).suffix[:_LONGEST_SUFFIX]
        last = last[: _LONGEST_NAME - len(suffix)] + suffix
    return last or "file"
