"""Prints of the workspace's own posts, made once for each, and all prints as a comparison reads them."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from PIL import Image

from app.core import db
from app.media import queries as media
from app.media.service import fetched
from app.media.service.store import StoreAway
from app.posting.service import rendering
from app.protection import texts
from app.protection.pictures import PicturePrint, print_of

LOOK_BACK = timedelta(days=30)
MOST_PIXELS = 50_000_000
_MOST_POSTS = 5000
_FORM = 2  # of what is kept of an own post; a print of another form is made anew


@dataclass(frozen=True, slots=True)
class Print:
    """What is compared of a post. `key` is the own post's id, or the message id in a watched chat.

    `files`: SHA-256 of an own post's pictures, in their order; none where the pictures were seen on its public page.
    """

    key: int
    chat_id: int
    posted_at: datetime
    numbers: frozenset[int]
    pictures: tuple[PicturePrint, ...]
    files: tuple[str, ...] = ()


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
        stamp = hashlib.sha256(f"{_FORM} {text_hash} {' '.join(files)}".encode()).hexdigest()
        if stamp == known:
            continue
        try:
            prints = {sha: found for sha in files if (found := _print_of_file(fetched(data_dir, sha)))}
        except StoreAway:  # the next scan prints the rest
            break
        with db.write():
            db.execute(
                "INSERT INTO own_print (workspace_id, post_id, channel_id, message_id, posted_at, stamp, shingles,"
                " pictures, files) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (workspace_id, post_id) DO UPDATE SET"
                " stamp = excluded.stamp, shingles = excluded.shingles, pictures = excluded.pictures,"
                " files = excluded.files",
                *(workspace_id, post_id, channel_id, message_id, posted_at, stamp),
                *(texts.to_hex(texts.shingles(text or "")), kept([*prints.values()]), _in_order(files, prints)),
            )
        made += 1
    return made


def _in_order(files: Sequence[str], printed: Mapping[str, PicturePrint]) -> str:
    """The printed ones first: the place of a print tells its file."""
    return db.canonical_json([*printed, *(sha for sha in files if sha not in printed)])


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


def kept(prints: Sequence[PicturePrint]) -> str:
    """Prints of a post's pictures as the database keeps them."""
    return db.canonical_json([one.to_hex() for one in prints])


def own_prints(workspace_id: int, *, now: datetime) -> list[Print]:
    """Of posts that were not sent from here the public page tells the pictures, and the words that no bot told."""
    return _prints(
        "SELECT o.post_id, c.chat_id, o.posted_at, CASE WHEN o.shingles = '' THEN COALESCE(s.shingles, '')"
        " ELSE o.shingles END, CASE WHEN o.pictures = '[]' THEN COALESCE(s.pictures, '[]') ELSE o.pictures END,"
        " CASE WHEN o.pictures = '[]' THEN '[]' ELSE o.files END FROM own_print o JOIN channel c ON c.id = o.channel_id"
        " LEFT JOIN seen_print s ON s.chat_id = c.chat_id AND s.message_id = o.message_id"
        " WHERE o.workspace_id = ? AND c.deleted_at IS NULL AND o.posted_at > ? ORDER BY o.post_id",
        *(workspace_id, db.stamp(now - LOOK_BACK)),
    )


def seen_prints(chat_id: int, *, now: datetime) -> list[Print]:
    return _prints(
        "SELECT message_id, chat_id, posted_at, shingles, pictures, '[]' FROM seen_print WHERE chat_id = ?"
        " AND posted_at > ? ORDER BY message_id",
        *(chat_id, db.stamp(now - LOOK_BACK)),
    )


def _prints(sql: str, *params: object) -> list[Print]:
    return [
        Print(
            *(key, chat_id, db.moment(at), texts.from_hex(shingles)),
            tuple(PicturePrint.from_hex(one) for one in json.loads(pictures)),
            tuple(json.loads(files)),
        )
        for key, chat_id, at, shingles, pictures, files in db.rows(sql, *params)
    ]
