"""One post into an archive. Doing it twice changes nothing; what knows more of a post takes the place of what knew less."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.core import db
from app.posting.content import tree
from app.posting.content.blocks import Content
from app.protection.archive.models import Archive, ArchivedFile, ArchivedPost
from app.protection.archive.states import EMPTY, KEPT, PARTLY, RANK, UNSEEN, WAITING, WANTED, WHOLE

_LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file of a post, at its place: kept already (`file`), to be fetched by its id at a bot, or neither."""

    place: int
    kind: str
    state: str = UNSEEN
    file: str | None = None
    bot_id: int | None = None
    file_id: str | None = None
    unique_id: str | None = None
    size: int | None = None
    name: str = ""
    has_spoiler: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What a source says of a post. `content` is without its files."""

    message_id: int
    posted_at: datetime
    source: str
    content: Content
    files: Sequence[FoundFile] = ()
    album_id: str | None = None
    edited_at: datetime | None = None
    flaw: str = ""


def store(archive: Archive, found: Found) -> None:
    """Keep a post, or what is new of it, in a transaction of its own or inside the running one."""
    with db.write():
        row = _known(archive, found)
        if row is None:
            row = _made(archive, found)
        elif not _take(row, found):
            return
        _keep_files(archive, row, found)
        settle(row)


def _known(archive: Archive, found: Found) -> ArchivedPost | None:
    mine = (ArchivedPost.workspace == archive.workspace) & (ArchivedPost.archive == archive.id)
    row: ArchivedPost | None = ArchivedPost.get_or_none(mine & (ArchivedPost.message_id == found.message_id))
    if row is None and found.album_id:
        row = ArchivedPost.get_or_none(mine & (ArchivedPost.album_id == found.album_id))
    return row


def _made(archive: Archive, found: Found) -> ArchivedPost:
    return ArchivedPost(
        workspace=archive.workspace,
        archive=archive.id,
        message_id=found.message_id,
        album_id=found.album_id,
        posted_at=found.posted_at,
        edited_at=found.edited_at,
        source=found.source,
        content=tree.to_json(found.content),
        flaw=found.flaw,
        state=EMPTY,
    )


def _take(row: ArchivedPost, found: Found) -> bool:
    """Let the row say what was found; False when that is known by less, or older. An album's messages come one by one,
    and one of them has the words."""
    if RANK[found.source] < RANK[row.source]:
        return False
    is_same = found.source == row.source
    is_old = is_same and row.edited_at is not None and (found.edited_at is None or found.edited_at < row.edited_at)
    is_item = is_same and found.album_id is not None
    if is_old and not is_item:
        return False
    if not is_old and (not is_item or found.content.blocks):
        row.content, row.flaw = tree.to_json(found.content), found.flaw
    if not is_same:
        ArchivedFile.delete().where(ArchivedFile.workspace == row.workspace, ArchivedFile.post == row.id).execute()
        row.source, row.album_id = found.source, found.album_id
    row.edited_at = row.edited_at if is_old else found.edited_at or row.edited_at
    row.message_id, row.posted_at = min(row.message_id, found.message_id), min(row.posted_at, found.posted_at)
    return True


def _keep_files(archive: Archive, row: ArchivedPost, found: Found) -> None:
    if row.id is None:
        row.save(force_insert=True)
    for file in found.files:
        mine = (ArchivedFile.workspace == archive.workspace) & (ArchivedFile.post == row.id)
        known = ArchivedFile.get_or_none(mine & (ArchivedFile.place == file.place))
        if known is not None and _is_same(known, file):
            continue
        if known is not None:
            known.delete_instance()
        ArchivedFile.create(
            workspace=archive.workspace, archive=archive.id, post=row.id, **_columns(archive.workspace, file)
        )


def _is_same(known: ArchivedFile, file: FoundFile) -> bool:
    """An edit tells a file anew; the same one stays as far as it came."""
    return (known.unique_id, known.kind) == (file.unique_id, file.kind) and file.file in (None, known.file)


def _columns(workspace_id: int, file: FoundFile) -> dict[str, Any]:
    names = ("place", "kind", "has_spoiler", "bot_id", "file_id", "unique_id", "size", "state", "file")
    if file.state == WANTED and (there := _kept_before(workspace_id, file.unique_id)):
        file = replace(file, state=KEPT, file=there)
    return {name: getattr(file, name) for name in names} | {"name": file.name[:_LONGEST_NAME]}


def _kept_before(workspace_id: int, unique_id: str | None) -> str | None:
    """The workspace's own file of the same content, fetched for another post."""
    found = unique_id and db.row(
        "SELECT a.file FROM archived_file a JOIN media_file m ON m.public_id = a.file AND m.deleted_at IS NULL"
        " WHERE a.workspace_id = ? AND a.unique_id = ? AND a.state = ? AND m.workspace_id = ? LIMIT 1",
        *(workspace_id, unique_id, KEPT, workspace_id),
    )
    return str(found[0]) if found else None


def settle(row: ArchivedPost) -> None:
    """Say anew what of a post is there, from its files, inside the running transaction."""
    states = [one[0] for one in db.rows("SELECT state FROM archived_file WHERE post_id = ?", row.id)]
    row.files, row.missing = len(states), sum(state != KEPT for state in states)
    content = tree.from_json(row.content)
    has_words = bool(content.blocks or content.poll)
    if WANTED in states:
        row.state = WAITING
    elif not has_words and row.files == row.missing:
        row.state = EMPTY
    else:
        row.state = PARTLY if row.missing or row.flaw else WHOLE
    row.save()
