"""Reads on archives and rebuilds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core import db
from app.core.errors import NotFound
from app.core.i18n import N_
from app.media.service import marking
from app.posting.content import tree
from app.posting.content.blocks import plain_text
from app.protection.archive import places
from app.protection.archive.models import Archive, Rebuild
from app.protection.archive.states import (
    DONE,
    EMPTY,
    ERASING,
    FAILED,
    KEPT,
    OUT,
    PARTLY,
    SENDABLE,
    SKIPPED,
    WAITING,
    WANTED,
    WHOLE,
)
from app.telegram import budget

PAGE = 50
_WORDS = 90
_IS_POLL = "content LIKE '%\"poll\":%'"  # a quotation mark of a text is escaped in JSON
_IS_CONNECTED = (
    "EXISTS (SELECT 1 FROM channel n WHERE n.workspace_id = a.workspace_id AND n.chat_id = c.chat_id"
    " AND n.relation = 'owned' AND n.deleted_at IS NULL)"
)
# of a file that is still to come: what was sent as a file tells by its name alone whether a mark can stand on it
_NAMED = ("jpg", "jpeg", "png", "webp", "gif", "heic", "mp4", "mov")
_IS_NAMED = " OR ".join(f"LOWER(f.name) LIKE '%.{one}'" for one in _NAMED)
_LOOKS_MARKED = f"(f.kind <> 'document' OR {_IS_NAMED})"
_TITLES = " JOIN channel c ON c.id = {table}.channel_id JOIN chat h ON h.id = c.chat_id"


@dataclass(frozen=True, slots=True)
class ArchiveRow:
    """An archive in one line."""

    public_id: str
    title: str
    state: str
    reason: str | None
    posts: int
    whole: int
    looked_at: datetime | None
    is_connected: bool


@dataclass(frozen=True, slots=True)
class Contents:
    """What of an archive can be published again, and what cannot. `seconds`: how long that takes at the chat's limit.

    `without_files`: posts that go out without some of their files; `deleted`: were deleted in the channel; `left_out`:
    of these nothing could be sent. `newest_id`: of the rows counted. `polls`: have a message with their date above them;
    `pictures`: files that a mark can stand on, also when they were sent as files.
    """

    sendable: int
    without_files: int
    waiting: int
    left_out: int
    deleted: int
    first_at: datetime | None
    last_at: datetime | None
    newest_id: int
    polls: int
    pictures: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Whole:
    """How much of an archive's posts is there, and its files by state. `why_wanted`: what kept the last one from coming."""

    posts: int
    whole: int
    partly: int
    waiting: int
    empty: int
    flaws: dict[str, int]
    files: dict[str, int]
    why_wanted: str
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class LackingFile:
    """A file that is not here, by its name or kind; `size` in bytes where Telegram told it. `state` and `reason`: why."""

    name: str
    kind: str
    size: int | None
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class PostRow:
    """An archived post that is not whole: its first words, what it lacks, how many of its files and which."""

    message_id: int
    posted_at: datetime
    words: str
    state: str
    flaw: str
    files: int
    missing: int
    lacks: tuple[LackingFile, ...] = ()


@dataclass(frozen=True, slots=True)
class RebuildRow:
    """A rebuild in one line."""

    public_id: str
    archive_title: str
    title: str
    state: str
    out: int
    total: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rebuild is. `seconds`: how long the rest takes at the chat's limit.

    `without_files`: of those that are out, how many lack some of their files.
    """

    row: Rebuild
    archive_id: str
    archive_title: str
    title: str
    out: int
    failed: int
    skipped: int
    without_files: int
    seconds: int

    @property
    def left_out(self) -> int:
        """Of the posts with which it began those that were not there any more at their turn, once it is over."""
        return max(self.row.total - self.done, 0) if self.row.state == DONE else 0

    @property
    def done(self) -> int:
        return self.out + self.failed + self.skipped

    @property
    def percent(self) -> int:
        return min(100 * self.done // max(self.row.total, 1), 100)


@dataclass(frozen=True, slots=True)
class Unsent:
    """A post of a rebuild that did not go out, and why."""

    post: str | None
    posted_at: datetime
    words: str
    state: str
    reason: str


def archives_of(workspace_id: int) -> list[ArchiveRow]:
    """The workspace's archives by title, also of channels that are not connected any more."""
    rows = db.rows(
        "SELECT a.public_id, h.title, a.state, a.reason, (SELECT COUNT(*) FROM archived_post p WHERE p.archive_id = a.id),"
        " (SELECT COUNT(*) FROM archived_post p WHERE p.archive_id = a.id AND p.state = ?), a.looked_at,"
        f" {_IS_CONNECTED} FROM archive a"
        + _TITLES.format(table="a")
        + " WHERE a.workspace_id = ? AND a.state <> ? ORDER BY h.title, a.id",
        *(WHOLE, workspace_id, ERASING),
    )
    return [ArchiveRow(*(*row[:6], db.moment(row[6]), bool(row[7]))) for row in rows]


def without_archive(workspace_id: int) -> list[tuple[str, str]]:
    """(public id, title) of own channels whose posts are not kept, by title."""
    rows = db.rows(
        "SELECT c.public_id, h.title FROM channel c JOIN chat h ON h.id = c.chat_id WHERE c.workspace_id = ?"
        " AND c.relation = 'owned' AND c.deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM archive a"
        " JOIN channel o ON o.id = a.channel_id WHERE a.workspace_id = c.workspace_id AND o.chat_id = c.chat_id)"
        " ORDER BY h.title, c.id",
        workspace_id,
    )
    return [(row[0], row[1]) for row in rows]


def title_of(archive: Archive) -> str:
    """The title of the channel that it is of."""
    found = db.row("SELECT h.title FROM archive a" + _TITLES.format(table="a") + " WHERE a.id = ?", archive.id)
    return str(found[0]) if found else ""


def channel_of_archive(archive: Archive) -> str:
    """The public id of its channel while the workspace runs it, else ""."""
    ref = places.channel_now(archive.workspace, archive.channel)
    return ref.public_id if ref else ""


def contents_of(archive: Archive, *, has_deleted: bool) -> Contents:
    """What a rebuild of the archive would publish now; with `has_deleted` also what was deleted in the channel."""
    these = "archive_id = ? AND workspace_id = ?" + ("" if has_deleted else " AND deleted_at IS NULL")
    can = f"state IN ({db.marks(SENDABLE)})"
    found = db.row(
        f"SELECT COUNT(*), COALESCE(SUM(CASE WHEN missing > 0 AND state = ? THEN 1 ELSE 0 END), 0),"
        " COALESCE(SUM(CASE WHEN state = ? THEN 1 ELSE 0 END), 0), MIN(posted_at), MAX(posted_at),"
        f" COALESCE(SUM(CASE WHEN {_IS_POLL} THEN 1 ELSE 0 END), 0) FROM archived_post WHERE {these} AND {can}",
        *(PARTLY, WAITING, archive.id, archive.workspace, *SENDABLE),
    ) or (0, 0, 0, None, None, 0)
    rest = db.row(
        "SELECT COALESCE(SUM(CASE WHEN state = ? THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN deleted_at IS NULL"
        " THEN 0 ELSE 1 END), 0), COALESCE(MAX(id), 0) FROM archived_post WHERE archive_id = ? AND workspace_id = ?",
        *(EMPTY, archive.id, archive.workspace),
    ) or (0, 0, 0)
    pictures = db.row(
        "SELECT COUNT(*) FROM archived_file f LEFT JOIN media_file m ON m.public_id = f.file"
        " AND m.workspace_id = f.workspace_id AND m.deleted_at IS NULL"
        f" WHERE ((f.state = ? AND m.mime IN ({db.marks(marking.MARKED)})) OR (f.state = ? AND {_LOOKS_MARKED}))"
        f" AND f.post_id IN (SELECT id FROM archived_post WHERE {these} AND {can})",
        *(KEPT, *sorted(marking.MARKED), WANTED, archive.id, archive.workspace, *SENDABLE),
    ) or (0,)
    return Contents(
        sendable=int(found[0]),
        without_files=int(found[1]),
        waiting=int(found[2]),
        left_out=int(rest[0]),
        deleted=int(rest[1]),
        first_at=db.moment(found[3]),
        last_at=db.moment(found[4]),
        newest_id=int(rest[2]),
        polls=int(found[5]),
        pictures=int(pictures[0]),
        seconds=seconds_for(int(found[0]) + int(found[5])),
    )


def seconds_for(messages: int) -> int:
    """How long so many messages take in one channel: the limit by which the lanes go (telegram/budget)."""
    return messages * budget.MINUTE_MS // (budget.MOST_A_MINUTE * 1000)


def whole_of(archive: Archive) -> Whole:
    """What is in an archive, what is not, and why."""
    mine = (archive.id, archive.workspace)
    where = "archive_id = ? AND workspace_id = ?"
    states = dict(db.rows(f"SELECT state, COUNT(*) FROM archived_post WHERE {where} GROUP BY state", *mine))
    flaws = dict(db.rows(f"SELECT flaw, COUNT(*) FROM archived_post WHERE {where} AND flaw <> '' GROUP BY flaw", *mine))
    files = dict(db.rows(f"SELECT state, COUNT(*) FROM archived_file WHERE {where} GROUP BY state", *mine))
    why = db.row(
        f"SELECT reason FROM archived_file WHERE {where} AND state = ? AND reason IS NOT NULL ORDER BY id DESC LIMIT 1",
        *(*mine, WANTED),
    ) or ("",)
    ends = db.row(f"SELECT MIN(posted_at), MAX(posted_at) FROM archived_post WHERE {where}", *mine) or (None, None)
    return Whole(
        posts=sum(states.values()),
        whole=states.get(WHOLE, 0),
        partly=states.get(PARTLY, 0),
        waiting=states.get(WAITING, 0),
        empty=states.get(EMPTY, 0),
        flaws=flaws,
        files={KEPT: 0, **files},
        why_wanted=str(why[0]),
        first_at=db.moment(ends[0]),
        last_at=db.moment(ends[1]),
    )


def lacking(archive: Archive, *, skip: int = 0) -> list[PostRow]:
    """Posts that are not whole, the newest first; one more than a page, which says that there are more."""
    rows = db.rows(
        "SELECT id, message_id, posted_at, content, state, flaw, files, missing FROM archived_post WHERE archive_id = ?"
        " AND workspace_id = ? AND state <> ? ORDER BY posted_at DESC, message_id DESC LIMIT ? OFFSET ?",
        *(archive.id, archive.workspace, WHOLE, PAGE + 1, skip),
    )
    lacks = _lacking_files(archive, [int(row[0]) for row in rows])
    return [_post_row(row, lacks.get(int(row[0]), [])) for row in rows]


def _post_row(row: tuple[Any, ...], lacks: list[LackingFile]) -> PostRow:
    _, message_id, posted_at, content, state, flaw, files, missing = row
    return PostRow(message_id, db.moment(posted_at), _words(content), state, flaw, files, missing, tuple(lacks))


def _lacking_files(archive: Archive, posts: list[int]) -> dict[int, list[LackingFile]]:
    """By post (id), in their order."""
    if not posts:
        return {}
    found = dict[int, list[LackingFile]]()
    for post_id, name, kind, size, state, reason in db.rows(
        "SELECT post_id, name, kind, size, state, reason FROM archived_file WHERE workspace_id = ? AND state <> ?"
        f" AND post_id IN ({db.marks(posts)}) ORDER BY place, id",
        *(archive.workspace, KEPT, *posts),
    ):
        found.setdefault(int(post_id), []).append(LackingFile(name, kind, size, state, reason or ""))
    return found


def _words(content: str) -> str:
    """The first words of a Content document."""
    said = tree.from_json(json.loads(content))
    text = " ".join(plain_text(said.blocks).split()) or (said.poll.question if said.poll else "")
    return text[:_WORDS]


_COUNTED = "(SELECT COUNT(*) FROM rebuild_post p WHERE p.rebuild_id = r.id AND p.state = ?)"


def rebuilds_of(workspace_id: int, *, limit: int = 20) -> list[RebuildRow]:
    """The newest rebuilds of a workspace."""
    rows = db.rows(
        f"SELECT r.public_id, f.title, h.title, r.state, {_COUNTED}, r.total, r.created_at FROM rebuild r"
        + _TITLES.format(table="r")
        + " JOIN archive a ON a.id = r.archive_id JOIN channel e ON e.id = a.channel_id JOIN chat f ON f.id = e.chat_id"
        " WHERE r.workspace_id = ? ORDER BY r.created_at DESC, r.id DESC LIMIT ?",
        *(OUT, workspace_id, limit),
    )
    return [RebuildRow(*(*row[:6], db.moment(row[6]))) for row in rows]


def progress_of(workspace_id: int, public_id: str) -> Progress:
    """Raises NotFound, also for another workspace's."""
    row = Rebuild.get_or_none(Rebuild.workspace == workspace_id, Rebuild.public_id == public_id)
    if row is None:
        raise NotFound(N_("There is no such rebuilding."))
    counts = dict(db.rows("SELECT state, COUNT(*) FROM rebuild_post WHERE rebuild_id = ? GROUP BY state", row.id))
    names = db.row(
        "SELECT a.public_id, f.title, h.title FROM rebuild r"
        + _TITLES.format(table="r")
        + " JOIN archive a ON a.id = r.archive_id JOIN channel e ON e.id = a.channel_id JOIN chat f ON f.id = e.chat_id"
        " WHERE r.id = ?",
        row.id,
    )
    assert names is not None, "a rebuild has an archive and a channel"
    out, failed, skipped = (counts.get(state, 0) for state in (OUT, FAILED, SKIPPED))
    left = max(row.total - out - failed - skipped, 0)
    ahead = db.row(
        f"SELECT COUNT(*) FROM archived_post WHERE archive_id = ? AND id <= ? AND {_IS_POLL} AND id NOT IN"
        " (SELECT archived_id FROM rebuild_post WHERE rebuild_id = ?)",
        *(row.archive, row.until_id, row.id),
    ) or (0,)
    bare = db.row(
        "SELECT COUNT(*) FROM rebuild_post r JOIN archived_post a ON a.id = r.archived_id WHERE r.rebuild_id = ?"
        " AND r.state = ? AND a.missing > 0",
        *(row.id, OUT),
    ) or (0,)
    seconds = seconds_for(left + min(left, int(ahead[0])))
    return Progress(row, names[0], names[1], names[2], out, failed, skipped, int(bare[0]), seconds)


def unsent_of(rebuild: Rebuild, *, skip: int = 0) -> list[Unsent]:
    """Posts that did not go out, in their order; one more than a page, which says that there are more."""
    rows = db.rows(
        "SELECT p.public_id, a.posted_at, a.content, r.state, r.reason FROM rebuild_post r"
        " JOIN archived_post a ON a.id = r.archived_id LEFT JOIN authored_post p ON p.id = r.post_id"
        " WHERE r.rebuild_id = ? AND r.workspace_id = ? AND r.state IN (?, ?) ORDER BY r.id LIMIT ? OFFSET ?",
        *(rebuild.id, rebuild.workspace, FAILED, SKIPPED, PAGE + 1, skip),
    )
    return [Unsent(row[0], db.moment(row[1]), _words(row[2]), row[3], row[4] or "") for row in rows]
