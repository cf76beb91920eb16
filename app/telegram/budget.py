"""What a bot may send now. One row per bot and scope, shared by every process that sends.

Telegram's guidance (core.telegram.org/bots/faq, "My bot is hitting limits"): about 30 messages a second in all, one a
second in a chat, 20 a minute in a group, as which channels count. The scopes of a bot:
`all` is what posts and everything else use up together; `other` bounds everything else, which goes first within it, so
that neither starves the other; `chat:<id>` is a chat's own. Times are kept exactly: one that is late by less than a step is
made up for, no pause is, so any second holds at most thirty.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from app.core import db

ALL, OTHER = "all", "other"
STEP_ALL_MS, MOST_AHEAD = 35, 2  # 28.6 a second
STEP_OTHER_MS, MOST_OTHER = 100, 10
STEP_CHAT_MS = 1_050  # a little more than Telegram's second and minute: what leaves us may arrive sooner or later
MOST_A_MINUTE, MINUTE_MS = 20, 60_500


def reserve_send(bot_id: int, chat_id: int, *, now: datetime) -> float:
    """Take one message that is no post; returns 0, or how many seconds to wait first."""
    with db.write():
        _hold(bot_id)
        waits = (_blocked_ms(bot_id, now), _lag_ms(bot_id, OTHER, STEP_OTHER_MS, MOST_OTHER, now))
        chat = _chat_wait_ms(bot_id, chat_id, now)
        if wait := max(*waits, chat):
            return wait / 1000
        _pay(bot_id, OTHER, STEP_OTHER_MS, now)
        _pay(bot_id, ALL, STEP_ALL_MS, now)
        _note_chat(bot_id, chat_id, now)
    return 0.0


def take_post(bot_id: int, chat_id: int, *, now: datetime) -> tuple[float, float]:
    """Take one post; returns seconds to wait (for the bot, for the chat), both 0 when it was taken."""
    with db.write():
        _hold(bot_id)
        mine = max(_blocked_ms(bot_id, now), _lag_ms(bot_id, ALL, STEP_ALL_MS, MOST_AHEAD, now))
        chat = _chat_wait_ms(bot_id, chat_id, now)
        if not mine and not chat:
            _pay(bot_id, ALL, STEP_ALL_MS, now)
            _note_chat(bot_id, chat_id, now)
    return mine / 1000, chat / 1000


def take_call(bot_id: int, *, now: datetime) -> float:
    """Take one call that makes no message (an edit, a deletion, a pin); returns seconds to wait, 0 when taken."""
    with db.write():
        _hold(bot_id)
        wait = max(_blocked_ms(bot_id, now), _lag_ms(bot_id, ALL, STEP_ALL_MS, MOST_AHEAD, now))
        if not wait:
            _pay(bot_id, ALL, STEP_ALL_MS, now)
    return wait / 1000


def obey_retry_after(bot_id: int, seconds: float, *, now: datetime) -> None:
    """Telegram said 429: nobody sends by this bot before the time is over."""
    with db.write():
        _hold(bot_id)
        until = db.stamp(now + timedelta(seconds=seconds))
        db.execute(
            "INSERT INTO send_budget (bot_id, scope, paid_until_ms, not_before) VALUES (?, ?, 0, ?)"
            " ON CONFLICT (bot_id, scope) DO UPDATE SET not_before = excluded.not_before"
            " WHERE send_budget.not_before IS NULL OR send_budget.not_before < excluded.not_before",
            *(bot_id, ALL, until),
        )


def plan_of_chat(bot_id: int, chat_id: int) -> list[int]:
    """When the last messages went to a chat, in ms, oldest first: what `next_in_chat` goes on from."""
    return _recent(bot_id, chat_id)


def next_in_chat(sent: Sequence[int], chat_id: int, at_ms: int) -> int:
    """The first moment, not before `at_ms`, at which the chat's own limit takes one more after those of `sent`."""
    waits = [at_ms]
    if sent:
        waits.append(sent[-1] + STEP_CHAT_MS)
    if chat_id < 0 and len(sent) >= MOST_A_MINUTE:
        waits.append(sent[-MOST_A_MINUTE] + MINUTE_MS)
    return max(waits)


def blocked_until(bot_id: int) -> datetime | None:
    """Until when Telegram told the bot to wait, perhaps long ago."""
    found = db.row("SELECT not_before FROM send_budget WHERE bot_id = ? AND scope = ?", bot_id, ALL)
    until: datetime | None = db.moment(found[0]) if found else None
    return until


def _hold(bot_id: int) -> None:
    """The bot's row, locked until the transaction ends: two senders must not count at once. SQLite's writers queue."""
    if not db.is_postgres():
        return
    db.execute(
        "INSERT INTO send_budget (bot_id, scope, paid_until_ms) VALUES (?, ?, 0)"
        " ON CONFLICT (bot_id, scope) DO UPDATE SET paid_until_ms = send_budget.paid_until_ms",
        *(bot_id, ALL),
    )


def _blocked_ms(bot_id: int, now: datetime) -> int:
    until = blocked_until(bot_id)
    return max(db.to_ms(until) - db.to_ms(now), 0) if until else 0


def _lag_ms(bot_id: int, scope: str, step_ms: int, most: int, now: datetime) -> int:
    """How long until one more fits, at one per step and at most `most` ahead of that (a generic cell rate)."""
    found = db.row("SELECT paid_until_ms FROM send_budget WHERE bot_id = ? AND scope = ?", bot_id, scope)
    ahead = int(found[0]) - db.to_ms(now) if found else 0
    return max(ahead - (most - 1) * step_ms, 0)


def _pay(bot_id: int, scope: str, step_ms: int, now: datetime) -> None:
    found = db.row("SELECT paid_until_ms FROM send_budget WHERE bot_id = ? AND scope = ?", bot_id, scope)
    until = max(int(found[0]) if found else 0, db.to_ms(now)) + step_ms
    db.execute(
        "INSERT INTO send_budget (bot_id, scope, paid_until_ms) VALUES (?, ?, ?)"
        " ON CONFLICT (bot_id, scope) DO UPDATE SET paid_until_ms = excluded.paid_until_ms",
        *(bot_id, scope, until),
    )


def _recent(bot_id: int, chat_id: int) -> list[int]:
    found = db.row("SELECT recent FROM send_budget WHERE bot_id = ? AND scope = ?", bot_id, _scope(chat_id))
    return list(json.loads(found[0])) if found and found[0] else []


def _chat_wait_ms(bot_id: int, chat_id: int, now: datetime) -> int:
    return next_in_chat(_recent(bot_id, chat_id), chat_id, db.to_ms(now)) - db.to_ms(now)


def _note_chat(bot_id: int, chat_id: int, now: datetime) -> None:
    kept = [*_recent(bot_id, chat_id), db.to_ms(now)][-MOST_A_MINUTE:]
    db.execute(
        "INSERT INTO send_budget (bot_id, scope, paid_until_ms, recent) VALUES (?, ?, 0, ?)"
        " ON CONFLICT (bot_id, scope) DO UPDATE SET recent = excluded.recent",
        *(bot_id, _scope(chat_id), db.canonical_json(kept)),
    )


def _scope(chat_id: int) -> str:
    return f"chat:{chat_id}"
