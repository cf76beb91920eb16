"""A message that a public source tells of after private ones did: their rows become the public one.

Everything here runs inside the caller's write transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.core import db
from app.readings import raw
from app.readings.service.albums import merge_posts, messages_of


def absorb(chat_id: int, public: Mapping[int | str, int]) -> None:
    """Merge what workspaces have as private rows of these messages (message id or origin uid -> public post).

    Their readings keep their sources, and so their audiences; what the public row says of the message stays.
    """
    into: dict[int, list[int]] = {}
    taken: set[int] = set()
    for key, post_id in _private_rows(chat_id, public):
        if post_id not in taken:
            taken.add(post_id)
            into.setdefault(public[key], []).append(post_id)
    for kept, others in into.items():
        for other in others:
            _keep_deletions(chat_id, other, kept)
        merge_posts(chat_id, kept, others)
        repeat_deletions(kept)
    for part in raw.parts([key for key in public if isinstance(key, int)]):
        db.execute(
            f"DELETE FROM album_item WHERE chat_id = ? AND private_to <> 0 AND message_id IN ({db.marks(part)})",
            *(chat_id, *part),
        )


def absorb_all(chat_id: int) -> None:
    """The same for every public message of a chat."""
    found = db.rows("SELECT id, message_id, origin_uid FROM post WHERE chat_id = ? AND private_to = 0", chat_id)
    public: dict[int | str, int] = {(uid if message is None else message): int(i) for i, message, uid in found}
    items = db.rows("SELECT message_id, post_id FROM album_item WHERE chat_id = ? AND private_to = 0", chat_id)
    absorb(chat_id, public | {int(message): int(i) for message, i in items})


def _private_rows(chat_id: int, keys: Mapping[int | str, int]) -> list[tuple[int | str, int]]:
    """(message id or origin uid, post id) of the private rows that are, or hold, one of these messages."""
    found: list[tuple[int | str, int]] = []
    for part in raw.parts(sorted(key for key in keys if isinstance(key, int))):
        these = f"message_id IN ({db.marks(part)})"
        found += db.rows(
            f"SELECT message_id, id FROM post WHERE chat_id = ? AND private_to <> 0 AND {these} UNION"
            " SELECT i.message_id, p.id FROM album_item i JOIN post p ON p.id = i.post_id AND p.private_to <> 0"
            f" WHERE i.chat_id = ? AND i.private_to <> 0 AND i.{these} ORDER BY 1, 2",
            *(chat_id, *part, chat_id, *part),
        )
    for uids in _texts(keys):
        found += db.rows(
            "SELECT origin_uid, id FROM post WHERE chat_id = ? AND private_to <> 0"
            f" AND origin_uid IN ({db.marks(uids)}) ORDER BY 1, 2",
            *(chat_id, *uids),
        )
    return found


def _texts(keys: Mapping[int | str, int]) -> Sequence[Sequence[str]]:
    uids = sorted(key for key in keys if isinstance(key, str))
    return [uids[n : n + 500] for n in range(0, len(uids), 500)]


def _keep_deletions(chat_id: int, private: int, public: int) -> None:
    """What a workspace's source told gone stays gone for it; one message of an album gone is no post gone."""
    if not messages_of(chat_id, public, private_to=0) <= _all_messages(private):
        return
    db.execute(
        "INSERT INTO private_deletion (post_id, source_id, deleted_at) SELECT ?, source_id, deleted_at"
        " FROM private_deletion WHERE post_id = ? ON CONFLICT DO NOTHING",
        *(public, private),
    )


def _all_messages(post_id: int) -> set[int]:
    found = db.rows(
        "SELECT message_id FROM album_item WHERE post_id = ? UNION SELECT message_id FROM post WHERE id = ?",
        *(post_id, post_id),
    )
    return {int(message) for (message,) in found if message is not None}


def repeat_deletions(post_id: int) -> None:
    """The rollups of the feeds that may know of a post's deletion say it too, and whoever shows these looks again."""
    is_gone = (
        "(EXISTS (SELECT 1 FROM post p WHERE p.id = t.post_id AND p.deleted_at IS NOT NULL) OR EXISTS"
        " (SELECT 1 FROM private_deletion d JOIN source s ON s.id = d.source_id JOIN feed f ON f.id = t.feed_id"
        " AND f.workspace_id = s.workspace_id WHERE d.post_id = t.post_id))"
    )
    changed = db.rows(f"SELECT t.feed_id FROM post_stat t WHERE t.post_id = ? AND t.is_deleted <> {is_gone}", post_id)
    for (feed_id,) in changed:
        db.execute(
            "UPDATE post_stat SET is_deleted = NOT is_deleted WHERE feed_id = ? AND post_id = ?", feed_id, post_id
        )
        db.execute("UPDATE feed_stat SET version = version + 1 WHERE feed_id = ?", feed_id)
