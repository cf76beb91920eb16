"""Raw updates: stored once, consumed in order per chat, dead letters aside."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from peewee import DatabaseError, InterfaceError, OperationalError

from app.core import db

MAX_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class StoredUpdate:
    """A raw update that waits for its turn."""

    id: int
    bot_id: int
    update_id: int
    chat_key: int
    kind: str
    payload: dict[str, Any]
    attempts: int
    received_at: datetime


def store(bot_id: int, updates: Sequence[dict[str, Any]], *, now: datetime) -> int:
    """Keep raw updates, each once per (bot, update id); returns how many were new. Raises KeyError without an id."""
    with db.write():
        return sum(db.execute(_INSERT, *_row(bot_id, update, now)) for update in updates)


def _row(bot_id: int, update: dict[str, Any], now: datetime) -> tuple[Any, ...]:
    return bot_id, int(update["update_id"]), _chat_key(update), _kind(update), _storable(update), db.stamp(now), 0


_INSERT = (
    "INSERT INTO inbox (bot_id, update_id, chat_key, kind, payload, received_at, attempts)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (bot_id, update_id) DO NOTHING"
)


@dataclass(slots=True, eq=False)
class _Waiting:
    """An update on its way into the inbox, and what became of it."""

    row: tuple[Any, ...]
    is_done: bool = False
    error: Exception | None = None


class Together:
    """One commit for all that arrived while the last one ran.

    A commit waits for the disk, and web's threads would wait for it one after the other. Whoever comes first commits
    for everybody who waits; nobody is answered before the commit that holds his update.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._waiting: deque[_Waiting] = deque()

    def store(self, bot_id: int, update: dict[str, Any], *, now: datetime) -> None:
        """Keep a raw update once per (bot, update id); durable on return. Raises what the database says."""
        mine = _Waiting(_row(bot_id, update, now))
        self._waiting.append(mine)
        with self._turn:
            if not mine.is_done:
                _commit([self._waiting.popleft() for _ in range(len(self._waiting))])
        if mine.error is not None:
            raise mine.error
        if not mine.is_done:
            raise OperationalError("whoever committed for this update died of something else")


def _commit(batch: Sequence[_Waiting]) -> None:
    """All in one transaction; where that fails each by itself, so that one bad update harms no other."""
    try:
        with db.write():
            db.execute_many(_INSERT, [one.row for one in batch])
    except (DatabaseError, InterfaceError) as error:
        if len(batch) == 1:
            batch[0].error = error
        for one in batch if len(batch) > 1 else ():
            _commit([one])
    for one in batch:
        one.is_done = True


def _storable(update: dict[str, Any]) -> str:
    """Canonical JSON without lone surrogates, which no database takes."""
    return db.canonical_json(update).encode("utf-8", "replace").decode()


def _kind(update: dict[str, Any]) -> str:
    return next((key for key in update if key != "update_id"), "empty")


def _chat_key(update: dict[str, Any]) -> int:
    """The chat whose order the update belongs to, else the person's, else 0."""
    body = update.get(_kind(update))
    if not isinstance(body, dict):
        return 0
    message = body.get("message")
    chat = body.get("chat") or (message.get("chat") if isinstance(message, dict) else None)
    chat = chat or body.get("from") or body.get("user")
    number = chat.get("id") if isinstance(chat, dict) else None
    return number if isinstance(number, int) and abs(number) < 2**63 else 0


def ready(now: datetime, *, limit: int = 200) -> list[StoredUpdate]:
    """The oldest waiting updates, without chats whose first waiting update backs off after a failure."""
    found = db.rows(
        "SELECT id, bot_id, update_id, chat_key, kind, payload, attempts, received_at FROM inbox i"
        " WHERE processed_at IS NULL AND dead_at IS NULL AND NOT EXISTS (SELECT 1 FROM inbox w"
        " WHERE w.bot_id = i.bot_id AND w.chat_key = i.chat_key AND w.processed_at IS NULL AND w.dead_at IS NULL"
        " AND w.not_before > ? AND w.id <= i.id) ORDER BY id LIMIT ?",
        *(db.stamp(now), limit),
    )
    return [StoredUpdate(*(*row[:5], json.loads(row[5]), row[6], db.moment(row[7]))) for row in found]


def mark_processed(stored: StoredUpdate, *, now: datetime) -> bool:
    """Inside the transaction of the update's effects; False when another consumer was first (then undo)."""
    return bool(
        db.execute("UPDATE inbox SET processed_at = ? WHERE id = ? AND processed_at IS NULL", db.stamp(now), stored.id)
    )


def mark_failed(stored: StoredUpdate, error: str, *, now: datetime) -> bool:
    """Back the chat off, or after MAX_ATTEMPTS lay the update aside as a dead letter (returns True)."""
    attempts = stored.attempts + 1
    is_dead = attempts >= MAX_ATTEMPTS
    with db.write():
        db.execute(
            "UPDATE inbox SET attempts = ?, not_before = ?, error = ?, dead_at = ? WHERE id = ?",
            *(attempts, db.stamp(now + timedelta(seconds=2**attempts)), error[:2000]),
            *(db.stamp(now) if is_dead else None, stored.id),
        )
    return is_dead


def put_off(stored: StoredUpdate, *, until: datetime) -> None:
    """Let the chat wait without blaming the update; no attempt is used up."""
    with db.write():
        db.execute("UPDATE inbox SET not_before = ? WHERE id = ?", db.stamp(until), stored.id)


def counts() -> Iterator[tuple[str, int]]:
    """How many updates wait and how many are dead letters."""
    for name, where in (("waiting", "processed_at IS NULL AND dead_at IS NULL"), ("dead", "dead_at IS NOT NULL")):
        found = db.row(f"SELECT COUNT(*) FROM inbox WHERE {where}")
        yield name, int(found[0]) if found else 0
