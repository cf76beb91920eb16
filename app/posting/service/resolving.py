"""Finding out what became of an unknown delivery: found means sent, proven absent twice means one more try.

Otherwise the owner is asked. A reader that saw everything since the attempt began, and not the post, proves that it is
not there; it is asked twice with a pause, since what Telegram shows may lag behind what it took.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.accounts.service import people
from app.core import db, telemetry
from app.core.errors import NotFound, Upstream
from app.notices import service as notices
from app.posting.readers.base import Place, Reader
from app.posting.service import events, ledger, rendering, senders
from app.posting.states import RESERVED, SENT, UNKNOWN
from app.readings.collectors.base import SeenPost, hash_text

PAUSE = timedelta(seconds=30)
MOST_RESENDS = 1
_SKEW = timedelta(seconds=30)
FOUND, ABSENT, BLIND, SETTLED = "found", "absent", "blind", "settled"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """How the post would look in its channel."""

    text_hash: str | None
    media: str
    count: int


def look(delivery_id: int, readers: Iterable[Reader], *, now: datetime) -> str:
    """Ask the readers once. FOUND (and recorded), ABSENT, BLIND when none can look, SETTLED when it is decided already.

    Raises Upstream when those that could look failed: ask again later.
    """
    found = db.row(
        "SELECT d.workspace_id, d.revision_id, d.target_id, d.part, d.begun_at, d.state, d.address, h.id, h.username,"
        " s.account FROM delivery d JOIN post_target t ON t.id = d.target_id JOIN channel c ON c.id = t.channel_id"
        " JOIN chat h ON h.id = c.chat_id JOIN sender s ON s.id = d.sender_id WHERE d.id = ?",
        delivery_id,
    )
    if found is None or found[5] != UNKNOWN:
        return SETTLED
    workspace_id, revision_id, target_id, part, begun_at, _, address, chat_id, username, account = found
    wanted = _wanted(revision_id, target_id, part)
    since = db.moment(begun_at) - _SKEW
    last_id = _last_message_id(address, db.moment(begun_at))
    place = Place(workspace_id, chat_id, int(address), username, int(account), since, last_id)
    verdict, failure = BLIND, None
    for reader in readers:
        try:
            seen = reader.look(place)
        except Upstream as error:
            telemetry.log().warning("a reader cannot look now", reader=reader.name, error=error.message)
            failure = failure or error
            continue
        if seen is None:
            continue
        ids = _match(wanted, seen.posts, since=since, address=address)
        if ids:
            with db.write():
                settle_as_sent(workspace_id, delivery_id, ids, by=reader.name, now=now)
            return FOUND
        if seen.is_whole and not _is_doubtful(wanted, seen.posts, since=since, address=address):
            verdict = ABSENT
    if verdict == BLIND and failure is not None:
        raise failure
    with db.write():
        events.note(delivery_id, verdict, now=now)
    return verdict


def _wanted(revision_id: int, target_id: int, part: int) -> _Wanted:
    one = rendering.parts_for_target(rendering.revision_of(revision_id), target_id)[part]
    kind = "text" if one.kind == "message" else one.kind
    return _Wanted(hash_text(one.text), kind, max(len(one.media), 1))


def _last_message_id(address: str, before: datetime) -> int:
    """The highest message id that was known of the chat when the attempt began; 0 when none was."""
    found = db.row(
        "SELECT MAX(m.message_id) FROM delivery_message m JOIN delivery d ON d.id = m.delivery_id"
        " WHERE m.address = ? AND d.sent_at < ?",
        *(address, db.stamp(before)),
    )
    collected = db.row(
        "SELECT MAX(p.message_id) FROM post p JOIN chat c ON c.id = p.chat_id"
        " WHERE c.telegram_chat_id = ? AND p.posted_at < ?",
        *(int(address), db.stamp(before)),
    )
    return max(int(row[0] or 0) if row else 0 for row in (found, collected))


def _match(wanted: _Wanted, posts: Sequence[SeenPost], *, since: datetime, address: str) -> list[int]:
    """The message ids of the first post that is ours and nobody else's; [] when there is none."""
    for post, ids in _nobodys(posts, since=since, address=address):
        media = post.media[0] if post.media else "text"
        if media == wanted.media and post.text_hash == wanted.text_hash and len(ids) == wanted.count:
            return ids
    return []


def _is_doubtful(wanted: _Wanted, posts: Sequence[SeenPost], *, since: datetime, address: str) -> bool:
    """Whether a message stands there that no delivery owns and that could be ours in a form we do not know again."""
    found = _nobodys(posts, since=since, address=address)
    return any(bool(post.media) == (wanted.media != "text") for post, _ in found)


def _nobodys(posts: Sequence[SeenPost], *, since: datetime, address: str) -> Iterator[tuple[SeenPost, list[int]]]:
    """The messages since then that no delivery owns, with their ids."""
    for post in posts:
        if post.message_id is None or post.posted_at is None or post.posted_at < since or post.is_service:
            continue
        ids = list(post.album_ids) or [post.message_id]
        if not _is_taken(address, ids[0]):
            yield post, ids


def _is_taken(address: str, message_id: int) -> bool:
    sql = "SELECT 1 FROM delivery_message WHERE address = ? AND message_id = ?"
    return db.row(sql, address, message_id) is not None


def conclude(delivery_id: int, *, now: datetime) -> str:
    """After two looks: one more try when both proved absence, else the owner is asked. Returns what was decided."""
    with db.write():
        found = db.row("SELECT workspace_id, resends, state, begun_at FROM delivery WHERE id = ?", delivery_id)
        if found is None or found[2] != UNKNOWN:
            return SETTLED
        workspace_id, resends, _, begun_at = found
        looks = db.rows(
            "SELECT what FROM delivery_event WHERE delivery_id = ? AND at >= ? AND what IN (?, ?) ORDER BY id",
            *(delivery_id, begun_at, ABSENT, BLIND),
        )
        if [what for (what,) in looks].count(ABSENT) >= 2 and resends < MOST_RESENDS:
            sender_id = settle_as_absent(workspace_id, delivery_id, by="readers", now=now)
            db.execute("UPDATE delivery SET resends = resends + 1 WHERE id = ?", delivery_id)
            senders.wake(sender_id, now=now)
            return ABSENT
        _ask_owner(workspace_id, delivery_id, now=now)
    return UNKNOWN


def _ask_owner(workspace_id: int, delivery_id: int, *, now: datetime) -> None:
    """A card in the app (rows with `asked_at`) and a message with two buttons."""
    db.execute("UPDATE delivery SET asked_at = ? WHERE id = ?", db.stamp(now), delivery_id)
    events.note(delivery_id, "asked", now=now)
    facts = db.row(
        "SELECT h.title, c.bot_id FROM delivery d JOIN post_target t ON t.id = d.target_id"
        " JOIN channel c ON c.id = t.channel_id JOIN chat h ON h.id = c.chat_id WHERE d.id = ?",
        delivery_id,
    )
    assert facts is not None
    for person in people.people_to_tell(workspace_id):
        notices.queue(
            "unconfirmed",
            user=person,
            bot_id=facts[1],
            params={"title": facts[0], "delivery": str(delivery_id)},
            dedupe_key=f"unconfirmed:{delivery_id}:{person.id}:{db.to_ms(now)}",
            is_urgent=True,
            now=now,
        )


def settle_as_sent(workspace_id: int, delivery_id: int, message_ids: Sequence[int], *, by: str, now: datetime) -> None:
    """An unknown delivery is there, inside the running transaction. Raises NotFound when it is not unknown."""
    target_id, slot, address, _ = _unknown(workspace_id, delivery_id)
    moved = db.execute(
        "UPDATE delivery SET state = ?, sent_at = COALESCE(begun_at, ?), reason = NULL, asked_at = NULL"
        " WHERE id = ? AND state = ?",
        *(SENT, db.stamp(now), delivery_id, UNKNOWN),
    )
    if moved:
        ledger.keep_messages(workspace_id, delivery_id, address, message_ids)
        events.note(delivery_id, SENT, detail=f"found by {by}", now=now)
        ledger.go_on(target_id, slot, now=now)


def settle_as_absent(workspace_id: int, delivery_id: int, *, by: str, now: datetime) -> int:
    """An unknown delivery is not there: it is sent again. Returns its sender, to be woken. Raises NotFound."""
    target_id, slot, _, sender_id = _unknown(workspace_id, delivery_id)
    moved = db.execute(
        "UPDATE delivery SET state = ?, begun_at = NULL, asked_at = NULL WHERE id = ? AND state = ?",
        *(RESERVED, delivery_id, UNKNOWN),
    )
    if moved:
        events.note(delivery_id, "put_back", detail=f"absent by {by}", now=now)
        ledger.stand_ready(target_id, slot, at=now)
    return sender_id


def _unknown(workspace_id: int, delivery_id: int) -> tuple[int, int, str, int]:
    db.serialise("delivery", delivery_id)
    found = db.row(
        "SELECT target_id, slot, address, sender_id FROM delivery WHERE id = ? AND workspace_id = ? AND state = ?",
        *(delivery_id, workspace_id, UNKNOWN),
    )
    if found is None:
        raise NotFound("This post is no longer waiting for an answer.")
    return int(found[0]), int(found[1]), str(found[2]), int(found[3])


def it_is_there(workspace_id: int, delivery_id: int, *, user_id: int, now: datetime) -> None:
    """The owner says that an unconfirmed post is in the channel. Raises NotFound when it is decided already."""
    with db.write():
        settle_as_sent(workspace_id, delivery_id, [], by=f"user:{user_id}", now=now)


def send_again(workspace_id: int, delivery_id: int, *, user_id: int, now: datetime) -> None:
    """The owner says that an unconfirmed post is not there: it is sent once more. Raises NotFound as above."""
    with db.write():
        senders.wake(settle_as_absent(workspace_id, delivery_id, by=f"user:{user_id}", now=now), now=now)
