"""What people do with the files of their library: names, tags, and the trash, where a file waits thirty days.

A file in the trash stands in no list, and everything that has it goes on as before. One that a post needs that is not
out yet is not put there, and what came to be needed in the trash is not deleted: no post loses its file to its time.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from app.audit import service as audit
from app.core import db
from app.core.errors import Conflict, Invalid, NotFound
from app.core.i18n import N_
from app.media import queries
from app.media.models import MediaFile
from app.media.ports import Uses
from app.media.service import keeping, store
from app.media.service.unnamed import is_named

STAYS = timedelta(days=30)
MOST_TAGS, LONGEST_TAG = 10, 24
_BATCH = 200


def rename(workspace_id: int, public_id: str, name: str, *, user_id: int, now: datetime) -> None:
    """Call a file otherwise; it is sent under that name. Raises NotFound, Invalid for no name at all."""
    plain = keeping.plain_name(name) if name.strip() else ""
    if not plain:
        raise Invalid(N_("A file needs a name."), fields={"name": "empty"})

    def change(row: MediaFile) -> None:
        row.name = plain

    _change(workspace_id, public_id, "media.renamed", change, user_id=user_id, now=now)


def tag(workspace_id: int, public_id: str, tags: str, *, user_id: int, now: datetime) -> None:
    """Give a file these tags, parted by commas, instead of those that it has. Raises NotFound, Invalid for too many."""
    given = unicodedata.normalize("NFC", tags.casefold()).split(",")
    clean = dict.fromkeys(" ".join(one.replace("|", " ").split())[:LONGEST_TAG] for one in given)
    clean.pop("", None)
    if len(clean) > MOST_TAGS:
        raise Invalid(N_("A file has at most %(most)s tags."), most=MOST_TAGS, fields={"tags": "too_many"})

    def change(row: MediaFile) -> None:
        row.tags = f"|{'|'.join(clean)}|" if clean else ""

    _change(workspace_id, public_id, "media.tagged", change, user_id=user_id, now=now)


def put_in_trash(workspace_id: int, public_id: str, uses: Uses, *, user_id: int, now: datetime) -> None:
    """Take a file out of the library; it can be taken back for thirty days.

    Raises NotFound, and Conflict (`in_use`) while a post that is not out yet has it, or a watermark as its logo.
    """

    def change(row: MediaFile) -> None:
        if _is_needed(workspace_id, public_id, uses):
            raise Conflict(
                N_("A post that is not out yet has this file. Take it out of the post first."), code="in_use"
            )
        if _is_a_logo(row.id):
            raise Conflict(N_("This file is the logo of a watermark. Choose another logo there first."), code="in_use")
        row.trashed_at = row.trashed_at or now

    _change(workspace_id, public_id, "media.trashed", change, user_id=user_id, now=now)


def take_back(workspace_id: int, public_id: str, *, user_id: int, now: datetime) -> None:
    """Take a file out of the trash. Raises NotFound."""

    def change(row: MediaFile) -> None:
        row.trashed_at = None

    _change(workspace_id, public_id, "media.taken_back", change, user_id=user_id, now=now)


def _change(
    workspace_id: int,
    public_id: str,
    action: str,
    change: Callable[[MediaFile], None],
    *,
    user_id: int,
    now: datetime,
) -> None:
    with db.write():
        row = _locked(workspace_id, public_id)
        change(row)
        row.found_by = keeping.search_words(row.name, row.tags)
        row.save()
        audit.record(
            action,
            actor=f"user:{user_id}",
            subject=f"media:{public_id}",
            workspace_id=workspace_id,
            after={"name": row.name, "tags": row.tags},
            now=now,
        )


def _locked(workspace_id: int, public_id: str) -> MediaFile:
    """The file as it stands once nobody else changes it. Raises NotFound."""
    row = queries.file_of(workspace_id, public_id)
    if row is not None:
        db.serialise("media_file", row.id)
        row = queries.file_of(workspace_id, public_id)
    if row is None:
        raise NotFound(N_("There is no such file."))
    return row


def _is_needed(workspace_id: int, public_id: str, uses: Uses) -> bool:
    """The open ones come first, so one tells."""
    return any(use.is_open for use in uses.of_file(workspace_id, public_id, limit=1))


def _is_a_logo(media_id: int) -> bool:
    return db.row("SELECT 1 FROM watermark WHERE logo_id = ? AND deleted_at IS NULL LIMIT 1", media_id) is not None


def empty_trash(uses: Uses, *, data_dir: Path, now: datetime) -> int:
    """Delete for good what has been in the trash for thirty days and is not needed; returns how many files."""
    gone, last = 0, 0
    while found := queries.trashed_before(now - STAYS, after=last, limit=_BATCH):
        for media_id, workspace_id, public_id in found:
            is_needed = _is_a_logo(media_id) or _is_needed(workspace_id, public_id, uses)
            gone += not is_needed and _forget(media_id, data_dir, now=now)
        last = found[-1][0]
    return gone


def _forget(media_id: int, data_dir: Path, *, now: datetime) -> bool:
    """The row stays as an empty mark of what was; the bytes go unless another live file, of whomever, has the same.

    Files that were made of it go with it.
    """
    mine = "(id = ? OR origin_id = ?)"
    with store.going(data_dir):
        with db.write():
            is_mine = db.execute(
                "UPDATE media_file SET deleted_at = ?, name = '', tags = '', found_by = '' WHERE id = ? AND deleted_at IS NULL"
                " AND trashed_at < ?",
                *(db.stamp(now), media_id, db.stamp(now - STAYS)),
            )
            if not is_mine:
                return False
            db.execute("UPDATE media_file SET deleted_at = ? WHERE origin_id = ?", db.stamp(now), media_id)
            db.execute(
                f"DELETE FROM media_copy WHERE media_id IN (SELECT id FROM media_file WHERE {mine})", media_id, media_id
            )
        for (one,) in db.rows(f"SELECT DISTINCT sha256 FROM media_file WHERE {mine}", media_id, media_id):
            if not is_named(one):
                store.forget(one, data_dir)
    return True


def forget_again(data_dir: Path) -> int:
    """Let the remote store hear of what it has not confirmed to be deleted; returns how many files that still were."""
    waiting = store.still_to_forget(data_dir)
    for sha256 in waiting:
        with store.going(data_dir):
            store.keep_after_all(sha256, data_dir) if is_named(sha256) else store.forget(sha256, data_dir)
    return len(waiting)
