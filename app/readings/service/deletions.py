"""Posts that are gone from Telegram: no update tells of it, so sources find out. They stay here, marked.

What a public source finds gone is gone for everybody. What a private source finds is like its readings: it shows in the
feed of its own workspace and moves nothing elsewhere, or others would learn that somebody reads the channel privately.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core import db
from app.readings import rollups
from app.readings.service.albums import messages_of
from app.readings.service.audiences import repeat_deletions
from app.readings.service.posts import post_id_of
from app.readings.service.sources import audience_of

# A page may lack a post for a moment; one that lacks it twice, this far apart, has lost it.
SURE_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class StoodPost:
    """A post that stood on pages before: its messages, and since when it is missing or marked as deleted."""

    post_id: int
    message_ids: frozenset[int]
    missing_since: datetime | None = None
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Post ids: `standing` is there again, `missing` is not there for the first time, `gone` for long enough."""

    standing: tuple[int, ...]
    missing: tuple[int, ...]
    gone: tuple[int, ...]


def judge(known: Iterable[StoodPost], shown: Set[int], *, at: datetime) -> Verdict:
    """What a page that shows the messages `shown` (service posts and albums' items among them) says of posts.

    A page is one stretch of the channel: what stood there and has neighbours before and after, but no place between
    them, is missing. Posts beyond the page's ends are not judged.
    """
    standing, missing, gone = [], [], []
    low, high = min(shown, default=0), max(shown, default=0)
    for post in known:
        if post.message_ids & shown:
            since = post.deleted_at or post.missing_since
            if since is not None and since < at:
                standing.append(post.post_id)
        elif post.deleted_at is None and low < min(post.message_ids) and max(post.message_ids) < high:
            if post.missing_since is None:
                missing.append(post.post_id)
            elif at - post.missing_since >= SURE_AFTER:
                gone.append(post.post_id)
    return Verdict(tuple(standing), tuple(missing), tuple(gone))


def note_page(chat_id: int, shown: Set[int], *, source_id: int, at: datetime) -> Verdict:
    """Judge the posts that stood on pages of this source by the page shown `at`, and mark them."""
    with db.write():
        found = judge(_stood(chat_id, shown, source_id), shown, at=at)
        for post_id in {*found.standing, *_privately_deleted(chat_id, shown, before=at)}:
            mark_standing(post_id)
        for post_id in found.missing:
            db.execute("UPDATE post SET missing_since = ? WHERE id = ?", db.stamp(at), post_id)
        for post_id in found.gone:
            (since,) = db.row("SELECT missing_since FROM post WHERE id = ?", post_id) or (None,)
            mark_deleted(post_id, at=db.moment(since), source_id=source_id)
    return found


def _stood(chat_id: int, shown: Set[int], source_id: int) -> list[StoodPost]:
    if not shown:
        return []
    span = (chat_id, min(shown), max(shown))
    items: dict[int, set[int]] = {}
    for post_id, message in db.rows(
        "SELECT post_id, message_id FROM album_item WHERE chat_id = ? AND private_to = 0"
        " AND message_id BETWEEN ? AND ?",
        *span,
    ):
        items.setdefault(int(post_id), set()).add(int(message))
    found = db.rows(
        "SELECT p.id, p.message_id, p.missing_since, p.deleted_at FROM post p WHERE p.chat_id = ?"
        " AND p.private_to = 0 AND p.message_id BETWEEN ? AND ? AND p.is_service = ? AND (p.deleted_at IS NOT NULL OR EXISTS"
        " (SELECT 1 FROM reading r WHERE r.post_id = p.id AND r.source_id = ?))",
        *(*span, False, source_id),
    )
    return [
        StoodPost(int(i), frozenset({int(message), *items.get(int(i), ())}), db.moment(missing), db.moment(deleted))
        for i, message, missing, deleted in found
    ]


def _privately_deleted(chat_id: int, shown: Set[int], *, before: datetime, source_id: int | None = None) -> list[int]:
    """The posts with one of the messages `shown` that a private source (or this one) told gone `before`."""
    if not shown:
        return []
    by, whose = (" AND d.source_id = ?", (source_id,)) if source_id is not None else ("", ())
    found = db.rows(
        "SELECT DISTINCT d.post_id FROM private_deletion d JOIN post p ON p.id = d.post_id WHERE p.chat_id = ?"
        f" AND d.deleted_at < ?{by} ORDER BY d.post_id",
        *(chat_id, db.stamp(before), *whose),
    )
    audience = audience_of(source_id)
    return [int(i) for (i,) in found if messages_of(chat_id, int(i), private_to=audience) & shown]


def note_seen(chat_id: int, shown: Set[int], *, source_id: int, at: datetime) -> None:
    """A private source saw these messages: what it told gone before stands again, in its own workspace's feed."""
    with db.write():
        for post_id in _privately_deleted(chat_id, shown, before=at, source_id=source_id):
            mark_standing(post_id, source_id=source_id)


def mark_deleted(post_id: int, *, at: datetime, source_id: int | None = None) -> None:
    """The message is gone from Telegram; it stays here, marked, with who told so. Twice changes nothing.

    Told by a private source it is marked for that source's workspace alone.
    """
    with db.write():
        _hold_chat_of(post_id)
        if audience_of(source_id):
            db.execute(
                "INSERT INTO private_deletion (post_id, source_id, deleted_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                *(post_id, source_id, db.stamp(at)),
            )
        else:
            db.execute(
                "UPDATE post SET deleted_at = ?, deleted_source_id = ? WHERE id = ? AND deleted_at IS NULL",
                *(db.stamp(at), source_id, post_id),
            )
        repeat_deletions(post_id)


def mark_messages_deleted(chat_id: int, message_ids: Sequence[int], *, at: datetime, source_id: int) -> list[int]:
    """Mark posts whose messages a source asked for by id and found empty; returns the posts marked.

    An album is deleted when its last message is.
    """
    audience = audience_of(source_id)
    with db.write():
        found = {post_id_of(chat_id, message, private_to=audience) for message in message_ids}
        posts = sorted(i for i in found if i is not None)
        gone = [i for i in posts if messages_of(chat_id, i, private_to=audience) <= set(message_ids)]
        for post_id in gone:
            mark_deleted(post_id, at=at, source_id=source_id)
    return gone


def album_mates(chat_id: int, message_ids: Set[int], *, private_to: int) -> dict[int, datetime]:
    """The other messages of the albums that these messages are in, as a workspace knows them.

    Message id -> when the post was posted.
    """
    if not message_ids:
        return {}
    found = db.rows(
        "SELECT i.message_id, p.posted_at FROM album_item i JOIN post p ON p.id = i.post_id WHERE"
        " i.private_to IN (0, ?) AND i.post_id IN (SELECT post_id FROM album_item WHERE chat_id = ?"
        f" AND private_to IN (0, ?) AND message_id IN ({db.marks(message_ids)}))",
        *(private_to, chat_id, private_to, *message_ids),
    )
    return {int(i): db.moment(posted) for i, posted in found if int(i) not in message_ids}


def mark_standing(post_id: int, *, source_id: int | None = None) -> None:
    """The message is there: whatever told that it was gone was wrong, or it came back.

    A private source takes back what it told itself, everything else speaks for everybody.
    """
    with db.write():
        _hold_chat_of(post_id)
        if audience_of(source_id):
            db.execute("DELETE FROM private_deletion WHERE post_id = ? AND source_id = ?", post_id, source_id)
        else:
            db.execute("DELETE FROM private_deletion WHERE post_id = ?", post_id)
            db.execute(
                "UPDATE post SET deleted_at = NULL, deleted_source_id = NULL, missing_since = NULL WHERE id = ?",
                post_id,
            )
        repeat_deletions(post_id)


def _hold_chat_of(post_id: int) -> None:
    for (chat_id,) in db.rows("SELECT chat_id FROM post WHERE id = ?", post_id):
        rollups.hold(chat_id)
