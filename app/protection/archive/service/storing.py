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
from app.protection.archive.service import albums
from app.protection.archive.service.albums import Caption
from app.protection.archive.states import (
    AUTHORED,
    EMPTY,
    GONE,
    KEPT,
    PARTLY,
    RANK,
    SEEN,
    TOO_BIG,
    UNSEEN,
    WAITING,
    WANTED,
    WHOLE,
)

_LONGEST_NAME = 120
_BATCH = 200


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
        first = _first_of_ours(archive, found)
        row = _known(archive, found, first)
        if row is None:
            row = _made(archive, found, first)
        elif not _take(row, found):
            return
        _keep_files(archive, row, found)
        settle(row)


def _first_of_ours(archive: Archive, found: Found) -> int:
    """Of a post that was written here and went out as several messages, the first one, whichever of them was edited."""
    if found.source != SEEN:
        return found.message_id
    (first,) = db.row(_FIRST, archive.channel, found.message_id, archive.workspace) or (None,)
    return int(first or found.message_id)


_FIRST = (
    "SELECT MIN(o.message_id) FROM delivery_message m JOIN delivery d ON d.id = m.delivery_id"
    " JOIN delivery e ON e.post_id = d.post_id AND e.target_id = d.target_id AND e.slot = d.slot"
    " JOIN delivery_message o ON o.delivery_id = e.id WHERE m.address = (SELECT CAST(h.telegram_chat_id AS TEXT)"
    " FROM channel c JOIN chat h ON h.id = c.chat_id WHERE c.id = ?) AND m.message_id = ? AND d.workspace_id = ?"
)


def _known(archive: Archive, found: Found, first: int) -> ArchivedPost | None:
    mine = (ArchivedPost.workspace == archive.workspace) & (ArchivedPost.archive == archive.id)
    row: ArchivedPost | None = ArchivedPost.get_or_none(mine & (ArchivedPost.message_id == first))
    if row is None and found.album_id:
        row = ArchivedPost.get_or_none(mine & (ArchivedPost.album_id == found.album_id))
    return row


def _made(archive: Archive, found: Found, first: int) -> ArchivedPost:
    return ArchivedPost(
        workspace=archive.workspace,
        archive=archive.id,
        message_id=first,
        album_id=found.album_id,
        posted_at=found.posted_at,
        edited_at=found.edited_at,
        source=found.source,
        content=tree.to_json(found.content),
        captions=_first_captions(found),
        flaw=found.flaw,
        state=EMPTY,
    )


def _first_captions(found: Found) -> dict[str, Any] | None:
    if found.album_id is None:
        return None
    return albums.document({found.message_id: Caption(found.content, found.edited_at)})


def _take(row: ArchivedPost, found: Found) -> bool:
    """Let the row say what was found; False when that is known by less, or older."""
    if (row.source, found.source) == (AUTHORED, SEEN):
        return _take_correction(row, found)
    captions = _first_captions(found)
    if (row.source, found.source) == (SEEN, AUTHORED) and _is_later(row.edited_at, found.edited_at):
        known = _with_ours(row, found)
        content = _corrected(found.content, albums.words_of(known))
        found = replace(found, content=content, edited_at=row.edited_at)
        captions = albums.document(known) if row.album_id else None
    if RANK[found.source] < RANK[row.source]:
        return False
    is_same = found.source == row.source
    if is_same and found.album_id is not None:
        return _take_item(row, found)
    if is_same and row.edited_at is not None and (found.edited_at is None or found.edited_at < row.edited_at):
        return False
    row.content, row.captions, row.flaw = tree.to_json(found.content), captions, found.flaw
    if not is_same:
        ArchivedFile.delete().where(ArchivedFile.workspace == row.workspace, ArchivedFile.post == row.id).execute()
        row.source, row.album_id = found.source, found.album_id
    row.edited_at = found.edited_at or row.edited_at
    row.message_id, row.posted_at = min(row.message_id, found.message_id), min(row.posted_at, found.posted_at)
    return True


def _with_ours(row: ArchivedPost, found: Found) -> albums.Captions:
    """What is known of a post's messages, ours at the first one of an album unless that was corrected too."""
    known = albums.captions_of(row)
    if row.album_id is not None:
        known.setdefault(found.message_id, Caption(found.content, found.edited_at))
    return known


def _take_item(row: ArchivedPost, found: Found) -> bool:
    """One message of an album: they come one by one, and the words move between them. False when it is an older telling."""
    known = albums.captions_of(row)
    if not albums.is_news(known, found.message_id, found.edited_at):
        return False
    if row.captions is None and found.content.blocks:
        known = {}  # kept before it was known whose words they are: then the newest count
    known[found.message_id] = Caption(found.content, found.edited_at)
    row.captions, row.content = albums.document(known), tree.to_json(albums.words_of(known))
    row.flaw = found.flaw
    row.edited_at = max((at for at in (row.edited_at, found.edited_at) if at), default=None)
    row.message_id, row.posted_at = min(row.message_id, found.message_id), min(row.posted_at, found.posted_at)
    return True


def _is_later(at: datetime | None, than: datetime | None) -> bool:
    return at is not None and (than is None or at > than)


def _take_correction(row: ArchivedPost, found: Found) -> bool:
    """What was written here and corrected by hand in Telegram says what it says there; its files stay."""
    if found.album_id is not None:
        return _take_album_correction(row, found)
    if _is_later(found.edited_at, row.edited_at):
        row.content, row.edited_at = (
            tree.to_json(_corrected(tree.from_json(row.content), found.content)),
            found.edited_at,
        )
        row.save()
    return False


def _take_album_correction(row: ArchivedPost, found: Found) -> bool:
    """Of an album, ours stand at its first message until another one has them."""
    known = albums.captions_of(row)
    since = min((one.at for one in known.values() if one.at), default=None)  # when ours went out
    is_later = found.edited_at is not None and (since is None or found.edited_at >= since)
    if is_later and albums.is_news(known, found.message_id, found.edited_at):
        known[found.message_id] = Caption(found.content, found.edited_at)
        row.captions = albums.document(known)
        row.content = tree.to_json(_corrected(tree.from_json(row.content), albums.words_of(known)))
        row.edited_at = max(at for at in (row.edited_at, found.edited_at) if at)
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


def want_again(archive: Archive, most_bytes: int) -> int:
    """Want files that were too large by their told size and are not any more; returns how many.

    What Telegram itself called too large has a reason, and stays.
    """
    found = db.rows(
        "SELECT id, post_id FROM archived_file WHERE archive_id = ? AND workspace_id = ? AND state = ? AND size <= ?"
        " AND reason IS NULL AND file_id IS NOT NULL ORDER BY id DESC LIMIT ?",
        *(archive.id, archive.workspace, TOO_BIG, most_bytes, _BATCH),
    )
    if not found:
        return 0
    with db.write():
        for file_id, _ in found:
            db.execute(
                "UPDATE archived_file SET state = ?, attempts = 0, not_before = NULL WHERE id = ? AND state = ?",
                *(WANTED, file_id, TOO_BIG),
            )
        for number in sorted({row[1] for row in found}):
            settle(ArchivedPost.get(ArchivedPost.workspace == archive.workspace, ArchivedPost.id == number))
    return len(found)


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
