"""Messages to people: queued with the change that causes them, sent one chat after the other, not at night."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from app.accounts.models import User
from app.core import db
from app.core.errors import Upstream
from app.notices.texts import render
from app.telegram import budget
from app.telegram import service as telegram
from app.telegram.port import Keyboard, Telegram

QUIET_FROM, QUIET_UNTIL = 23, 8
_MAX_ATTEMPTS = 6


@dataclass(frozen=True, slots=True)
class Queued:
    """A notice to send now."""

    id: int
    bot_id: int
    chat_id: int
    template: str
    params: Mapping[str, str]
    language: str
    user_id: int | None
    attempts: int


def queue(
    template: str,
    *,
    user: User,
    bot_id: int,
    params: Mapping[str, str],
    dedupe_key: str | None = None,
    is_urgent: bool = False,
    now: datetime,
) -> None:
    """Queue a message to a person's chat with a bot; a second one with the same `dedupe_key` is dropped.

    What is not urgent waits for the end of the person's night. A workspace's own bot talks to nobody: the service's
    does in its place.
    """
    if user.telegram_user_id is None:
        return
    queue_to_chat(
        template,
        chat_id=user.telegram_user_id,
        user_id=user.id,
        bot_id=telegram.speaker(bot_id),
        params=params,
        language=user.language,
        dedupe_key=dedupe_key,
        not_before=now if is_urgent else after_quiet_hours(now, user.timezone),
        now=now,
    )


def queue_to_chat(
    template: str,
    *,
    chat_id: int,
    user_id: int | None = None,
    bot_id: int,
    params: Mapping[str, str],
    language: str,
    dedupe_key: str | None = None,
    not_before: datetime | None = None,
    now: datetime,
) -> None:
    with db.write():
        db.execute(
            "INSERT INTO notice (user_id, bot_id, chat_id, template, params, language, dedupe_key, state, created_at,"
            " not_before, attempts) VALUES (?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?, 0) ON CONFLICT (dedupe_key) DO NOTHING",
            *(user_id, bot_id, chat_id, template, db.canonical_json(dict(params)), language, dedupe_key),
            *(db.stamp(now), db.stamp(not_before or now)),
        )


def after_quiet_hours(now: datetime, timezone: str) -> datetime:
    """`now`, or 08:00 in the person's zone when it is night there."""
    local = now.astimezone(ZoneInfo(timezone))
    if QUIET_UNTIL <= local.hour < QUIET_FROM:
        return now
    morning = local.replace(hour=QUIET_UNTIL, minute=0, second=0, microsecond=0)
    if local.hour >= QUIET_FROM:
        morning += timedelta(days=1)
    return morning.astimezone(now.tzinfo)


def due(now: datetime, *, limit: int = 30) -> list[Queued]:
    """The first waiting notice of each chat, oldest first: one chat never hears things out of order."""
    found = db.rows(
        "SELECT id, bot_id, chat_id, template, params, language, user_id, attempts FROM notice n WHERE state = 'queued'"
        " AND not_before <= ? AND NOT EXISTS (SELECT 1 FROM notice e WHERE e.chat_id = n.chat_id"
        " AND e.bot_id = n.bot_id AND e.state = 'queued' AND e.id < n.id) ORDER BY id LIMIT ?",
        *(db.stamp(now), limit),
    )
    return [Queued(*(*row[:4], json.loads(row[4]), *row[5:])) for row in found]


def _nothing_more(_notice: Queued) -> Mapping[str, str]:
    return {}


def _no_keyboard(_notice: Queued) -> Keyboard:
    return ()


def answered_since(since: datetime, *, chat_id: int, bot_id: int) -> int:
    """How many messages were made for a chat since then."""
    found = db.row(
        "SELECT COUNT(*) FROM notice WHERE chat_id = ? AND bot_id = ? AND created_at >= ?",
        *(chat_id, bot_id, db.stamp(since)),
    )
    return int(found[0]) if found else 0


def send(
    notice: Queued,
    line: Telegram,
    *,
    complete: Callable[[Queued], Mapping[str, str]] = _nothing_more,
    keyboard: Callable[[Queued], Keyboard] = _no_keyboard,
    now: datetime,
) -> bool:
    """Send one notice within the shared budget; False when it has to wait. Permanent refusals end it.

    `complete` gives the parameters that must not be stored, such as a link that signs its reader in, `keyboard` the
    buttons below.
    """
    wait = budget.reserve_send(notice.bot_id, notice.chat_id, now=now)
    if wait > 0:
        _set(notice.id, "queued", not_before=now + timedelta(seconds=wait), attempts=notice.attempts)
        return False
    try:
        text = render(notice.template, {**notice.params, **complete(notice)}, notice.language)
        line.send_message(notice.chat_id, text, keyboard=keyboard(notice))
    except Upstream as error:
        _note_failure(notice, error, now=now)
        return False
    with db.write():
        db.execute("UPDATE notice SET state = 'sent', sent_at = ? WHERE id = ?", db.stamp(now), notice.id)
    return True


def give_up(notice: Queued, reason: str, *, now: datetime) -> None:
    """End a notice that nothing can send any more."""
    _set(notice.id, "failed", not_before=now, attempts=notice.attempts, error=reason)


def _note_failure(notice: Queued, error: Upstream, *, now: datetime) -> None:
    if error.retry_after_s:
        budget.obey_retry_after(notice.bot_id, error.retry_after_s, now=now)
    attempts = notice.attempts + 1
    is_over = error.permanent or attempts >= _MAX_ATTEMPTS
    wait = timedelta(seconds=error.retry_after_s or min(2**attempts, 300))
    _set(notice.id, "failed" if is_over else "queued", not_before=now + wait, attempts=attempts, error=error.message)


def _set(notice_id: int, state: str, *, not_before: datetime, attempts: int, error: str | None = None) -> None:
    with db.write():
        db.execute(
            "UPDATE notice SET state = ?, not_before = ?, attempts = ?, error = ? WHERE id = ?",
            *(state, db.stamp(not_before), attempts, error, notice_id),
        )
