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
from app.protection.archive.states import (
    AUTHORED,
    EMPTY,
    GONE,
    KEPT,
    PARTLY,
    RANK,
    SEEN,
    UNSEEN,
    WAITING,
    WANTED,
    WHOLE,
)

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
    and one of them has the words: the first, by Telegram's own apps."""
    if (row.source, found.source) == (AUTHORED, SEEN):
        return _take_correction(row, found)
    if (row.source, found.source) == (SEEN, AUTHORED) and _is_later(row.edited_at, found.edited_at):
        said = tree.from_json(row.content)
        found = replace(found, content=_corrected(found.content, said), edited_at=row.edited_at)
    if RANK[found.source] < RANK[row.source]:
        return False
    is_same = found.source == row.source
    is_old = is_same and row.edited_at is not None and (found.edited_at is None or found.edited_at < row.edited_at)
    is_item = is_same and found.album_id is not None
    if is_old and not is_item:
        return False
    has_lost_words = found.edited_at is not None and found.message_id == row.message_id
    if not is_old and (not is_item or found.content.blocks or has_lost_words):
        row.content, row.flaw = tree.to_json(found.content), found.flaw
    if not is_same:
        ArchivedFile.delete().where(ArchivedFile.workspace == row.workspace, ArchivedFile.post == row.id).execute()
        row.source, row.album_id = found.source, found.album_id
    row.edited_at = row.edited_at if is_old else found.edited_at or row.edited_at
    row.message_id, row.posted_at = min(row.message_id, found.message_id), min(row.posted_at, found.posted_at)
    return True


def _is_later(at: datetime | None, than: datetime | None) -> bool:
    return at is not None and (than is None or at > than)


def _take_correction(row: ArchivedPost, found: Found) -> bool:
    """What was written here and corrected by hand in Telegram says what it says there; its files stay."""
    if _is_later(found.edited_at, row.edited_at):
        row.content, row.edited_at = (
            tree.to_json(_corrected(tree.from_json(row.content), found.content)),
            found.edited_at,
        )
        row.save()
    return False


def _corrected(ours: Content, seen: Content) -> Content:
    """Our post with the words that were seen. One of several messages keeps its own: a correction is of one of them."""
    if ours.poll or ours.options.text_apart:
        return ours
    return replace(ours, blocks=seen.blocks)


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
    if file.state == KEPT and not _is_alive(workspace_id, file.file):
        file = replace(file, state=GONE)
    return {name: getattr(file, name) for name in names} | {"name": file.name[:_LONGEST_NAME]}


def _kept_before(workspace_id: int, unique_id: str | None) -> str | None:
    """The workspace's own file of the same content, fetched for another post."""
    found = unique_id and db.row(
        "SELECT a.file FROM archived_file a JOIN media_file m ON m.public_id = a.file AND m.deleted_at IS NULL"
        " WHERE a.workspace_id = ? AND a.unique_id = ? AND a.state = ? AND m.workspace_id = ? LIMIT 1",
        *(workspace_id, unique_id, KEPT, workspace_id),
    )
    return str(found[0]) if found else None


def _is_alive(workspace_id: int, file: str | None) -> bool:
    alive = "SELECT 1 FROM media_file WHERE workspace_id = ? AND public_id = ? AND deleted_at IS NULL"
    return db.row(alive, workspace_id, file) is not None


_LOST = (
    "SELECT f.id, f.post_id FROM archived_file f LEFT JOIN media_file m ON m.public_id = f.file"
    " AND m.workspace_id = f.workspace_id AND m.deleted_at IS NULL"
    " WHERE f.workspace_id = ? AND f.archive_id = ? AND f.state = ? AND m.id IS NULL"
)


def note_losses(workspace_id: int, archive_id: int, *, post_id: int | None = None) -> int:
    """Say of files that are not in the library any more that they are gone, in all posts or in one; returns how many."""
    of_post, given = (" AND f.post_id = ?", (post_id,)) if post_id else ("", ())
    lost = db.rows(_LOST + of_post, workspace_id, archive_id, KEPT, *given)
    if not lost:
        return 0
    with db.write():
        for file_id, _ in lost:
            db.execute("UPDATE archived_file SET state = ? WHERE id = ? AND state = ?", GONE, file_id, KEPT)
        for number in sorted({row[1] for row in lost}):
            settle(ArchivedPost.get(ArchivedPost.workspace == workspace_id, ArchivedPost.id == number))
    return len(lost)


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
