"""Letters: queued once for each key in the transaction of what they tell, sent outside of any, tried again for days.

Mail cannot be sent exactly once: a sender may die between the server's "250" and our own record of it, or the "250" may
be lost on its way. Such a letter is sent again rather than lost. Its Message-ID is made of its key, so both copies have
the same and many mailboxes show one.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core import db, outbox, telemetry
from app.core.errors import Upstream
from app.mail.post import Outgoing, Post, Unmailable, check

TOPIC, KEY = "mail.letters", "due"
QUEUED, SENT, FAILED, DROPPED = "queued", "sent", "failed", "dropped"
LONGEST = timedelta(days=3)
_WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360, 720))
_HELD = timedelta(minutes=10)  # longer than all timeouts of one conversation by SMTP together
_LONGEST_TURN_S = 240.0
_is_set_up = False


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A letter that this sender alone may send until another may take it over."""

    id: int
    tries: int
    created_at: datetime
    letter: Outgoing


def configure(*, is_set_up: bool) -> None:
    """Say whether there is a server that takes letters; without one none is queued."""
    global _is_set_up
    _is_set_up = is_set_up


def is_set_up() -> bool:
    """Whether letters are sent at all."""
    return _is_set_up


def queue(workspace_id: int, key: str, *, to: str, subject: str, body: str, language: str = "", now: datetime) -> bool:
    """Queue a letter and wake its sender, in the caller's transaction; False when the key is known or there is no mail.

    Raises Unmailable, and queues nothing, for what is not one address or one line of subject.
    """
    if not _is_set_up:
        return False
    check(key, to, subject)
    with db.write():
        made = db.execute(
            "INSERT INTO letter (key, workspace_id, address, subject, body, language, state, tries, retry_at, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, 'queued', 0, ?, ?) ON CONFLICT (key) DO NOTHING",
            *(key, workspace_id, to, subject, body, language, db.stamp(now), db.stamp(now)),
        )
        if made:
            outbox.put(TOPIC, KEY, now=now)
    return bool(made)


def wake(*, now: datetime) -> None:
    """Ask for a look at the letters that wait, if any do: whoever was asked before may have forgotten."""
    if next_at() is not None:
        outbox.put(TOPIC, KEY, now=now)


def next_at() -> datetime | None:
    """When a letter has to be tried next; None when none waits."""
    found = db.row("SELECT MIN(retry_at) FROM letter WHERE state = 'queued'")
    at: datetime | None = db.moment(found[0]) if found else None
    return at


def send_due(post: Post, *, now: datetime, most: int = 20) -> dict[str, int]:
    """Send what is due, each letter by one sender only; returns how many came to which state. At any time, by many.

    A letter that the server puts off, or that could not be handed over, is tried again after growing waits until three
    days have gone since it was queued; what the server refuses for good has failed at once. See the module on copies.
    """
    began, done = time.monotonic(), Counter[str]()
    for letter_id, tries in _due(now, most):
        spent_s = time.monotonic() - began
        if spent_s > _LONGEST_TURN_S:
            break
        at = now + timedelta(seconds=spent_s)
        claimed = _claim(letter_id, tries, at)
        if claimed is not None:
            done[_send(claimed, post, at)] += 1
    return dict(done)


def erase(workspace_id: int) -> None:
    """Blank what a workspace's letters say and where they went; those that wait are not sent."""
    with db.write():
        db.execute(
            "UPDATE letter SET address = '', subject = '', body = '', language = '', error = NULL,"
            " state = CASE state WHEN 'queued' THEN 'dropped' ELSE state END WHERE workspace_id = ?",
            workspace_id,
        )


def _due(now: datetime, most: int) -> list[tuple[int, int]]:
    """(id, tries) of the letters to send, longest waiting first."""
    found = db.rows(
        "SELECT id, tries FROM letter WHERE state = 'queued' AND retry_at <= ? ORDER BY retry_at, id LIMIT ?",
        *(db.stamp(now), most),
    )
    return [(int(letter_id), int(tries)) for letter_id, tries in found]


def _claim(letter_id: int, tries: int, now: datetime) -> _Claimed | None:
    """Count a try, if nobody has since the letter was seen; None when somebody has, or it is to be sent no more."""
    with db.write():
        is_ours = db.execute(
            "UPDATE letter SET tries = tries + 1, retry_at = ? WHERE id = ? AND tries = ? AND state = 'queued'",
            *(db.stamp(now + _HELD), letter_id, tries),
        )
        return _read(letter_id) if is_ours else None


def _read(letter_id: int) -> _Claimed:
    found = db.row(
        "SELECT tries, created_at, key, address, subject, body, language FROM letter WHERE id = ?", letter_id
    )
    assert found is not None, "a letter that waits is not deleted"
    return _Claimed(letter_id, int(found[0]), db.moment(found[1]), Outgoing(*found[2:]))


def _send(claimed: _Claimed, post: Post, now: datetime) -> str:
    try:
        post.send(claimed.letter, now=now)
    except (Upstream, Unmailable) as error:
        return _note_failure(claimed, error, now)
    with db.write():
        db.execute(
            "UPDATE letter SET state = 'sent', sent_at = ?, error = NULL WHERE id = ? AND state = 'queued'",
            *(db.stamp(now), claimed.id),
        )
    return SENT


def _note_failure(claimed: _Claimed, error: Upstream | Unmailable, now: datetime) -> str:
    again = now + _WAITS[min(claimed.tries, len(_WAITS)) - 1]
    is_final = isinstance(error, Unmailable) or error.permanent or again > claimed.created_at + LONGEST
    state = FAILED if is_final else QUEUED
    with db.write():
        db.execute(
            "UPDATE letter SET state = ?, retry_at = ?, error = ? WHERE id = ? AND tries = ? AND state = 'queued'",
            *(state, db.stamp(again), str(error), claimed.id, claimed.tries),
        )
    code = error.code if isinstance(error, Upstream) else "unmailable"
    telemetry.log().warning("a letter was not taken", letter=claimed.id, tries=claimed.tries, reason=code, state=state)
    return state
