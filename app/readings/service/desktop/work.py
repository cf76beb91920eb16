"""Reading a handed-in file: once through to see that all of it can be read, then in batches that move the cursor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from app.channels.models import Channel, Chat
from app.channels.service import connect
from app.core import db, outbox
from app.core.errors import Invalid
from app.core.tenancy import unscoped
from app.readings.collectors.base import SeenPost
from app.readings.collectors.imports import MOST_AHEAD, TELEGRAM_BEGAN
from app.readings.collectors.imports.desktop import Survey, posts_of, survey
from app.readings.desktop_models import DesktopImport
from app.readings.service.desktop import states
from app.readings.service.imports import CHECK_TOPIC, IMPORT
from app.readings.service.ingest import ensure_feed
from app.readings.service.pages import record_seen
from app.readings.service.sources import ensure_source

SOURCE_NAME = "Telegram Desktop"
BATCH = 200  # messages of a write transaction
MOST_ATTEMPTS = 5
IsOurs = Callable[[], bool]
_ORPHAN_AFTER = timedelta(hours=1)


def next_one() -> DesktopImport | None:
    """The unfinished file that moved least lately, of whichever workspace."""
    with unscoped("the jobs process reads every workspace's files"):
        found: DesktopImport | None = (
            DesktopImport.select()
            .where(DesktopImport.state.in_(states.UNFINISHED))
            .order_by(DesktopImport.updated_at)
            .first()
        )
        return found


def go_on(row: DesktopImport, data_dir: Path, *, is_ours: IsOurs, clock: Callable[[], datetime]) -> None:
    """Read a file on from where it is, until its end or until `is_ours` says that the turn is over.

    A process that dies anywhere in here leaves either nothing or everything of a batch, and its cursor. What cannot be
    read is refused before anything of it is stored; the row says why.
    """
    path = states.file_of(data_dir, row.public_id)
    channel = Channel.get_or_none(
        Channel.workspace == row.workspace, Channel.id == row.channel, Channel.deleted_at.is_null()
    )
    if channel is None:
        return _fail(row, path, states.CHANNEL_GONE, now=clock())
    if not path.exists():
        return _fail(row, path, states.FILE_GONE, now=clock())
    if row.attempts >= MOST_ATTEMPTS:
        return _fail(row, path, states.GAVE_UP, now=clock())
    _note_start(row, now=clock())
    try:
        known = survey(path, on_part=is_ours)
    except Invalid as error:
        return _fail(row, path, error.code, at=_message_of(error), now=clock())
    chat = Chat.get_by_id(channel.chat)
    if known.chat_id != (chat.telegram_chat_id or known.chat_id):
        return _fail(row, path, states.OTHER_CHANNEL, now=clock())
    source_id = _begin(row, channel, known, now=clock())
    for batch in _batches(islice(posts_of(path, known), row.done, None)):
        if not is_ours() or not store_batch(row, channel.chat, batch, source_id=source_id, now=clock()):
            return None
    _finish(row, channel.chat, path, now=clock())
    return None


def _batches(posts: Iterable[SeenPost]) -> Iterator[tuple[SeenPost, ...]]:
    left = iter(posts)
    while batch := tuple(islice(left, BATCH)):
        yield batch


def _message_of(error: Invalid) -> int | None:
    numbers = [int(field.removeprefix("message ")) for field in error.fields if field.startswith("message ")]
    return numbers[0] if numbers else None


def _note_start(row: DesktopImport, *, now: datetime) -> None:
    with db.write():
        _change(row, attempts=row.attempts + 1, updated_at=now)


def _change(row: DesktopImport, **values: object) -> None:
    DesktopImport.update(**values).where(DesktopImport.workspace == row.workspace, DesktopImport.id == row.id).execute()


def _begin(row: DesktopImport, channel: Channel, known: Survey, *, now: datetime) -> int:
    """The workspace reads the channel through its own feed from here on; returns the source of the file's counts.

    These are of the moment of the file's last message: when it was made it does not say, and an old file must not beat
    what was read since.
    """
    feed_id = ensure_feed(channel.chat, workspace_id=row.workspace, now=now)
    if channel.feed != feed_id:
        connect.see_through(channel, feed_id, workspace_id=row.workspace)
    with db.write():
        row.observed_at = min(known.newest or row.observed_at, row.observed_at)
        _change(row, state=states.RUNNING, total=known.messages, observed_at=row.observed_at, updated_at=now)
    return ensure_source(IMPORT, name=SOURCE_NAME, workspace_id=row.workspace, now=now)


def store_batch(
    row: DesktopImport, chat_id: int, batch: tuple[SeenPost, ...], *, source_id: int, now: datetime
) -> bool:
    """Store messages and move the cursor, in one transaction; False when somebody else moved it meanwhile."""
    dated = tuple(p for p in batch if p.posted_at and TELEGRAM_BEGAN <= p.posted_at <= row.observed_at + MOST_AHEAD)
    with db.write():
        moved = db.execute(
            "UPDATE desktop_import SET done = done + ?, posts = posts + ?, attempts = 0, updated_at = ?"
            " WHERE id = ? AND state = 'running' AND done = ?",
            *(len(batch), sum(not p.is_service for p in dated), db.stamp(now), row.id, row.done),
        )
        if moved != 1:
            return False
        new = record_seen(chat_id, dated, source_id=source_id, observed_at=row.observed_at, now=now)
        db.execute("UPDATE desktop_import SET readings = readings + ? WHERE id = ?", new, row.id)
    row.done += len(batch)
    return True


def _finish(row: DesktopImport, chat_id: int, path: Path, *, now: datetime) -> None:
    with db.write():
        _change(row, state=states.DONE, updated_at=now, finished_at=now)
        outbox.put(CHECK_TOPIC, str(chat_id), now=now)
    path.unlink(missing_ok=True)


def _fail(row: DesktopImport, path: Path, error: str, *, at: int | None = None, now: datetime) -> None:
    with db.write():
        _change(row, state=states.FAILED, error=error, error_at=at, updated_at=now, finished_at=now)
    path.unlink(missing_ok=True)


def sweep_files(data_dir: Path, *, now: datetime) -> int:
    """Delete files that no unfinished row waits for: of uploads that broke off, and of a death before the deletion."""
    with unscoped("files of every workspace lie in one folder"):
        rows = DesktopImport.select().where(DesktopImport.state.in_(states.UNFINISHED))
        wanted = {f"{row.public_id}.json" for row in rows}
    gone = 0
    for path in states.folder(data_dir).iterdir():
        if path.name not in wanted and now.timestamp() - path.stat().st_mtime > _ORPHAN_AFTER.total_seconds():
            path.unlink(missing_ok=True)
            gone += 1
    return gone
