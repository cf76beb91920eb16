"""Prints of the workspace's own posts and of posts in watched channels, made once for each post."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from PIL import Image

from app.core import db
from app.core.errors import AppError
from app.media import queries as media
from app.media.service import fetched
from app.media.service.store import StoreAway
from app.posting.service import rendering
from app.protection import texts
from app.protection.models import PrintWatch
from app.protection.pictures import PicturePrint, print_of
from app.protection.sources.base import FoundPost, PostSource

LOOK_BACK = timedelta(days=30)
MOST_PIXELS = 50_000_000
_FRESH = timedelta(hours=1)  # what another workspace's scan read so lately is not read again
_MOST_PAGES, _MOST_PICTURES = 3, 3
_MOST_POSTS = 5000


@dataclass(frozen=True, slots=True)
class Print:
    """What is compared of a post. `key` is the own post's id, or the message id in a watched chat."""

    key: int
    chat_id: int
    posted_at: datetime
    numbers: frozenset[int]
    pictures: tuple[PicturePrint, ...]


def picture_of(data: bytes) -> Image.Image | None:
    """A picture that may be looked at; None for what is none, or swells to too much."""
    try:
        image = Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP"))
        if image.width * image.height > MOST_PIXELS:
            return None
        image.draft("L", (1024, 1024))
        image.load()
        return image
    except (OSError, ValueError, EOFError, Image.DecompressionBombError):
        return None


def refresh_own(workspace_id: int, *, data_dir: Path, now: datetime) -> int:
    """Print own posts of the last 30 days that are new or were changed; returns how many."""
    made = 0
    for row in db.rows(_OWN, workspace_id, db.stamp(now - LOOK_BACK), _MOST_POSTS):
        post_id, channel_id, message_id, posted_at, text_hash, text, known = row
        files = _files_of(workspace_id, channel_id, message_id)
        stamp = hashlib.sha256(f"{text_hash} {' '.join(files)}".encode()).hexdigest()
        if stamp == known:
            continue
        try:
            prints = [found for sha in files if (found := _print_of_file(fetched(data_dir, sha)))]
        except StoreAway:  # the next scan prints the rest
            break
        with db.write():
            db.execute(
                "INSERT INTO own_print (workspace_id, post_id, channel_id, message_id, posted_at, stamp, shingles,"
                " pictures, files) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (workspace_id, post_id) DO UPDATE SET"
                " stamp = excluded.stamp, shingles = excluded.shingles, pictures = excluded.pictures,"
                " files = excluded.files",
                *(workspace_id, post_id, channel_id, message_id, posted_at, stamp),
                *(texts.to_hex(texts.shingles(text or "")), _kept(prints), db.canonical_json(files)),
            )
        made += 1
    return made


# The newest text of each post: posts of our own sending enter the readings with it, others by the bot's updates.
_OWN = (
    "SELECT p.id, c.id, p.message_id, p.posted_at, p.text_hash, (SELECT v.text FROM post_version v WHERE v.post_id = p.id"
    " AND v.text IS NOT NULL ORDER BY v.number DESC, v.id DESC LIMIT 1), o.stamp FROM channel c"
    " JOIN post p ON p.chat_id = c.chat_id LEFT JOIN own_print o ON o.workspace_id = c.workspace_id AND o.post_id = p.id"
    " WHERE c.workspace_id = ? AND c.relation = 'owned' AND c.deleted_at IS NULL AND p.private_to = 0"
    " AND p.message_id IS NOT NULL AND p.deleted_at IS NULL AND p.posted_at > ? ORDER BY p.posted_at DESC LIMIT ?"
)


def _files_of(workspace_id: int, channel_id: int, message_id: int) -> list[str]:
    """SHA-256 of the pictures of a post that was sent from here; none of other posts, whose bytes we do not have."""
    found = db.row(
        "SELECT d.revision_id, d.target_id, d.part FROM delivery_message m JOIN delivery d ON d.id = m.delivery_id"
        " JOIN post_target t ON t.id = d.target_id WHERE m.workspace_id = ? AND t.channel_id = ? AND m.message_id = ?",
        *(workspace_id, channel_id, message_id),
    )
    if found is None:
        return []
    revision_id, target_id, part = found
    parts = rendering.parts_for_target(rendering.revision_of(revision_id), target_id)
    wanted = [medium.file for medium in parts[part].media]
    files = media.files_of(workspace_id, wanted)
    return [files[name].sha256 for name in wanted if name in files and files[name].kind == "photo"]


def _print_of_file(path: Path | None) -> PicturePrint | None:
    image = picture_of(path.read_bytes()) if path else None
    return print_of(image) if image else None


def refresh_seen(chat_id: int, username: str, source: PostSource, *, now: datetime) -> None:
    """Print the posts of a public channel that are newer than those printed before, unless it was just read.

    What fails is kept where people see it, and tried again with the next scan. Raises nothing of the source's.
    """
    watch = PrintWatch.get_or_none(PrintWatch.chat_id == chat_id)
    if watch is not None and watch.error is None and now - watch.read_at < _FRESH:
        return
    newest = watch.newest_id if watch else None
    try:
        for post in _new_posts(username, newest, source, oldest=now - LOOK_BACK):
            _keep_seen(chat_id, post, source)
            newest = max(newest or 0, post.message_id)
        error = None
    except AppError as failure:
        error = failure.message[:300]
        newest = watch.newest_id if watch else None
    with db.write():
        db.execute(
            "INSERT INTO print_watch (chat_id, read_at, newest_id, error) VALUES (?, ?, ?, ?) ON CONFLICT (chat_id)"
            " DO UPDATE SET read_at = excluded.read_at, newest_id = excluded.newest_id, error = excluded.error",
            *(chat_id, db.stamp(now), newest, error),
        )


def _new_posts(username: str, newest: int | None, source: PostSource, *, oldest: datetime) -> Iterator[FoundPost]:
    before = None
    for _ in range(_MOST_PAGES):
        page = source.page(username, before=before)
        fresh = [p for p in page.posts if p.message_id > (newest or 0) and p.posted_at > oldest]
        yield from fresh
        if len(fresh) < len(page.posts) or page.before is None:
            return
        before = page.before


def _keep_seen(chat_id: int, post: FoundPost, source: PostSource) -> None:
    prints = [found for address in post.pictures[:_MOST_PICTURES] if (found := _print_of_address(address, source))]
    with db.write():
        db.execute(
            "INSERT INTO seen_print (chat_id, message_id, posted_at, shingles, pictures) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (chat_id, message_id) DO NOTHING",
            *(chat_id, post.message_id, db.stamp(post.posted_at)),
            *(texts.to_hex(texts.shingles(post.text)), _kept(prints)),
        )


def _print_of_address(address: str, source: PostSource) -> PicturePrint | None:
    data = source.picture(address)
    image = picture_of(data) if data else None
    return print_of(image) if image else None


def _kept(prints: list[PicturePrint]) -> str:
    return db.canonical_json([one.to_hex() for one in prints])


def own_prints(workspace_id: int, *, now: datetime) -> list[Print]:
    """Of posts that were not sent from here the public page tells the pictures, and the words that no bot told."""
    return _prints(
        "SELECT o.post_id, c.chat_id, o.posted_at, CASE WHEN o.shingles = '' THEN COALESCE(s.shingles, '')"
        " ELSE o.shingles END, CASE WHEN o.pictures = '[]' THEN COALESCE(s.pictures, '[]') ELSE o.pictures END"
        " FROM own_print o JOIN channel c ON c.id = o.channel_id"
        " LEFT JOIN seen_print s ON s.chat_id = c.chat_id AND s.message_id = o.message_id"
        " WHERE o.workspace_id = ? AND c.deleted_at IS NULL AND o.posted_at > ? ORDER BY o.post_id",
        *(workspace_id, db.stamp(now - LOOK_BACK)),
    )


def seen_prints(chat_id: int, *, now: datetime) -> list[Print]:
    return _prints(
        "SELECT message_id, chat_id, posted_at, shingles, pictures FROM seen_print WHERE chat_id = ?"
        " AND posted_at > ? ORDER BY message_id",
        *(chat_id, db.stamp(now - LOOK_BACK)),
    )


def _prints(sql: str, *params: object) -> list[Print]:
    return [
        Print(
            *(key, chat_id, db.moment(at), texts.from_hex(shingles)),
            tuple(PicturePrint.from_hex(one) for one in json.loads(pictures)),
        )
        for key, chat_id, at, shingles, pictures in db.rows(sql, *params)
    ]
