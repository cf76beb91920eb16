"""A trial in a bot's storage chat, where no reader is: one custom emoji, sent without a sound and deleted at once.

Tried for bots that post for a workspace with a palette: before what the last trial told grows old, and a day after
custom emoji were seen to be dropped, since a username may be bought meanwhile and plain ones teach nothing. It holds for
the bot's channels of every workspace. A chat of another kind that keeps custom emoji says nothing of channels, since the
owner's Premium is enough there; one that drops them does: whoever cannot in a group cannot in a channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core import db, telemetry
from app.core.errors import Upstream
from app.posting.content import utf16
from app.posting.emoji import standing
from app.posting.emoji.standing import KEPT, PLAIN
from app.telegram.outgoing import Outgoing, Sent
from app.telegram.port import Publisher

NO_ANSWER, FAILED = "no_answer", "failed"
_CHANNEL = "channel"
_AGAIN = timedelta(hours=1)
_AHEAD = timedelta(days=1)  # before what is known grows old
_PLAIN_RESTS = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Trial:
    """Who tries which emoji where."""

    bot_id: int
    chat_id: int
    emoji_id: str
    plain: str


def due(now: datetime, *, limit: int = 5) -> list[Trial]:
    """Bots whose time it is and that have a storage chat to try in."""
    plain_at = db.stamp(now - _PLAIN_RESTS)
    bots = db.rows(
        "SELECT b.bot_id, b.storage_chat_id FROM bot b LEFT JOIN emoji_trial t ON t.bot_id = b.bot_id"
        " WHERE b.storage_chat_id IS NOT NULL AND b.deleted_at IS NULL AND (t.not_before IS NULL OR t.not_before <= ?"
        " OR (t.outcome = ? AND t.tried_at <= ? AND EXISTS (SELECT 1 FROM emoji_standing s WHERE s.bot_id = b.bot_id"
        " AND NOT s.is_kept AND s.seen_at BETWEEN ? AND ?)))"
        " AND EXISTS (SELECT 1 FROM channel c JOIN palette_emoji p ON p.workspace_id = c.workspace_id"
        " WHERE c.bot_id = b.bot_id AND c.relation = 'owned' AND c.deleted_at IS NULL AND p.removed_at IS NULL)"
        " ORDER BY b.bot_id LIMIT ?",
        *(db.stamp(now), KEPT, plain_at, db.stamp(now - standing.HOLDS), plain_at, limit),
    )
    return [Trial(bot_id, chat_id, *_newest(bot_id)) for bot_id, chat_id in bots]


def _newest(bot_id: int) -> tuple[str, str]:
    found = db.row(
        "SELECT e.emoji_id, e.plain FROM palette_emoji p JOIN custom_emoji e ON e.emoji_id = p.emoji_id"
        " JOIN channel c ON c.workspace_id = p.workspace_id WHERE c.bot_id = ? AND c.deleted_at IS NULL"
        " AND p.removed_at IS NULL ORDER BY CASE WHEN e.gone_at IS NULL THEN 0 ELSE 1 END, p.id DESC LIMIT 1",
        bot_id,
    )
    assert found is not None
    return str(found[0]), str(found[1])


def make(trial: Trial, line: Publisher, *, now: datetime) -> str:
    """Try it; returns kept, plain, no_answer or failed. A message that cannot be deleted stays in the storage chat."""
    entity = {"type": "custom_emoji", "offset": 0, "length": utf16.length(trial.plain)}
    what = Outgoing(
        "message", trial.plain, ({**entity, "custom_emoji_id": trial.emoji_id},), is_silent=True, preview="off"
    )
    try:
        messages = line.send(trial.chat_id, what)
    except Upstream as error:
        return failed(trial, error, now=now)
    try:
        line.delete_messages(trial.chat_id, [message.message_id for message in messages])
    except Upstream as error:
        telemetry.log().info("a trial of custom emoji stays in the storage chat", error=error.message)
    return _judge(trial, what, messages, now=now)


def _judge(trial: Trial, what: Outgoing, messages: tuple[Sent, ...], *, now: datetime) -> str:
    is_kept = any(entity["type"] == "custom_emoji" for message in messages for entity in message.entities)
    is_channel = all(message.chat_kind == _CHANNEL for message in messages)
    again_at = now + (standing.HOLDS - _AHEAD if is_kept else _PLAIN_RESTS)
    if is_kept and not is_channel:
        return _over(trial, NO_ANSWER, again_at=again_at, now=now)
    with db.write():
        is_told = standing.learn(trial.bot_id, str(trial.chat_id), what, messages, now=now)
        outcome = KEPT if is_kept else PLAIN
        return _over(trial, outcome if is_told else NO_ANSWER, again_at=again_at, now=now)


def without_its_emoji(trial: Trial, *, now: datetime) -> None:
    """Telegram has the emoji no more, so that a trial with it would tell nothing: another one comes first from now on."""
    with db.write():
        db.execute(
            "UPDATE custom_emoji SET gone_at = ? WHERE emoji_id = ? AND gone_at IS NULL", db.stamp(now), trial.emoji_id
        )
        _over(trial, FAILED, error="Telegram does not know the emoji", again_at=now + _AGAIN, now=now)


def _over(trial: Trial, outcome: str, *, error: str | None = None, again_at: datetime, now: datetime) -> str:
    with db.write():
        db.execute(
            "INSERT INTO emoji_trial (bot_id, outcome, error, tried_at, not_before) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (bot_id) DO UPDATE SET outcome = excluded.outcome, error = excluded.error,"
            " tried_at = excluded.tried_at, not_before = excluded.not_before",
            *(trial.bot_id, outcome, error and error[:300], db.stamp(now), db.stamp(again_at)),
        )
    return outcome


def failed(trial: Trial, error: Upstream, *, now: datetime) -> str:
    """Telegram did not answer, or refused: tried again in an hour, or when it says so."""
    wait = timedelta(seconds=error.retry_after_s) if error.retry_after_s else _AGAIN
    return _over(trial, FAILED, error=error.message, again_at=now + wait, now=now)


def put_off(trial: Trial, wait_s: float, *, now: datetime) -> None:
    """Leave it until its bot may send again."""
    _over(trial, FAILED, again_at=now + timedelta(seconds=wait_s), now=now)
