"""Reads on a workspace's files."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core import db
from app.media.models import MediaFile
from app.media.upload_models import MediaUpload

ON_A_PAGE = 48
LONGEST_SEARCH = 80
_MOST_TAGGED = 500  # files whose tags are offered
_KINDS = ("photo", "video", "animation", "document")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which files of the library: those whose name or tags hold these words, of a kind, with a tag, or in the trash."""

    words: str = ""
    kind: str = ""
    tag: str = ""
    is_trash: bool = False

    @property
    def is_all(self) -> bool:
        return not (self.words or self.kind or self.tag)


@dataclass(frozen=True, slots=True)
class CopyRow:
    """A file in a bot's storage chat, as its page tells of it."""

    bot: str
    state: str
    error: str | None
    message_id: int | None


def file_of(workspace_id: int, public_id: str) -> MediaFile | None:
    found: MediaFile | None = MediaFile.get_or_none(
        MediaFile.workspace == workspace_id, MediaFile.public_id == public_id, MediaFile.deleted_at.is_null()
    )
    return found


def files_of(workspace_id: int, public_ids: Collection[str]) -> dict[str, MediaFile]:
    """The workspace's files among these; others' and deleted ones are missing."""
    found = MediaFile.select().where(
        MediaFile.workspace == workspace_id, MediaFile.public_id.in_(list(public_ids)), MediaFile.deleted_at.is_null()
    )
    return {row.public_id: row for row in found}


def library(workspace_id: int, wanted: Wanted, *, before: int | None, limit: int) -> list[MediaFile]:
    """Files of the library, the newest first; `before` is the id of the last one of the page before."""
    where: list[Any] = [MediaFile.workspace == workspace_id, MediaFile.deleted_at.is_null(), MediaFile.origin.is_null()]
    where.append(MediaFile.trashed_at.is_null(not wanted.is_trash))
    if before is not None:
        where.append(MediaFile.id < before)
    if wanted.kind in _KINDS:
        where.append(MediaFile.kind == wanted.kind)
    if wanted.tag:
        where.append(MediaFile.tags.contains(f"|{wanted.tag}|"))
    where += found_by(wanted.words)
    return list(MediaFile.select().where(*where).order_by(MediaFile.id.desc()).limit(limit))


def found_by(words: str) -> list[Any]:
    """What holds of files whose name or tags have all of these words."""
    given = unicodedata.normalize("NFC", words.casefold()).split()[:8]
    return [MediaFile.found_by.contains(word) for word in given]


def tags_of(workspace_id: int) -> list[str]:
    """The tags of the newest tagged files, in the order of letters."""
    rows = db.rows(
        "SELECT tags FROM media_file WHERE workspace_id = ? AND deleted_at IS NULL AND trashed_at IS NULL AND tags <> ''"
        " ORDER BY id DESC LIMIT ?",
        *(workspace_id, _MOST_TAGGED),
    )
    return sorted({tag for (tags,) in rows for tag in split_tags(tags)})


def split_tags(tags: str) -> list[str]:
    return [tag for tag in tags.split("|") if tag]


def open_uploads(workspace_id: int, user_id: int) -> list[MediaUpload]:
    """What this person began to send and has not ended."""
    return list(
        MediaUpload.select()
        .where(MediaUpload.workspace == workspace_id, MediaUpload.created_by == user_id, MediaUpload.state == "open")
        .order_by(MediaUpload.id)
    )


def copies_of(workspace_id: int, media_id: int) -> list[CopyRow]:
    """A file's copies at Telegram."""
    rows = db.rows(
        "SELECT b.username, c.state, c.error, c.message_id FROM media_copy c JOIN bot b ON b.bot_id = c.bot_id"
        " WHERE c.workspace_id = ? AND c.media_id = ? ORDER BY b.username",
        *(workspace_id, media_id),
    )
    return [CopyRow(*row) for row in rows]


def trashed_before(moment: datetime, *, after: int, limit: int) -> list[tuple[int, int, str]]:
    """(id, workspace, public id) of files of all workspaces that have been in the trash since before a moment."""
    found = db.rows(
        "SELECT id, workspace_id, public_id FROM media_file WHERE trashed_at < ? AND deleted_at IS NULL AND id > ?"
        " ORDER BY id LIMIT ?",
        *(db.stamp(moment), after, limit),
    )
    return [(row[0], row[1], row[2]) for row in found]
