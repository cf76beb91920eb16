"""Posts that tests are sentences about, and a line to Telegram that says what a test wants."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from app.channels import queries as channels
from app.channels.models import Channel
from app.core import clock, db
from app.core.errors import Upstream
from app.posting.content import markup
from app.posting.content.blocks import Content
from app.posting.lane.run import LaneRun, Report
from app.posting.models import AuthoredPost
from app.posting.service import scheduling, senders, writing
from app.posting.service.rendering import Outlet
from app.posting.service.scheduling import Plan
from app.telegram.outgoing import Outgoing, Sent
from app.telegram.port import NO_ANSWER, NOT_SENT, REFUSED, RETRY_AFTER
from tests.world import Owner

BOT_ID = 7


def text(words: str) -> Content:
    return Content(markup.parse(words))


def scheduled(
    who: Owner, content: Content, *where: Channel, at: datetime | None = None, now: datetime | None = None, **plan: Any
) -> AuthoredPost:
    """A post of the owner's that is due at `at`, by default now."""
    now = now or clock.utcnow()
    refs = [ref for ref in channels.channels_of(who.workspace.id) if ref.id in {channel.id for channel in where}]
    with db.write():
        post = writing.create(who.workspace.id, {}, user_id=who.user.id, now=now)
        writing.freeze(post, content, {}, user_id=who.user.id, now=now)
        scheduling.put_on(post, Plan(refs, at or now, **plan), user_id=who.user.id, now=now)
    return post


def may_post(*where: Channel, bot_id: int = BOT_ID, can: bool = True) -> None:
    """Telegram said that the bot is administrator there with every right, or with none to post."""
    for channel in where:
        rights = db.canonical_json({"can_post_messages": can, "can_edit_messages": True, "can_delete_messages": True})
        with db.write():
            db.execute(
                "INSERT INTO bot_rights (bot_id, chat_id, status, rights, checked_at)"
                " VALUES (?, ?, 'administrator', ?, ?) ON CONFLICT (bot_id, chat_id) DO UPDATE SET rights = excluded.rights",
                *(bot_id, channel.chat, rights, db.stamp(clock.utcnow())),
            )


def wait_error(seconds: float) -> Upstream:
    return Upstream("Telegram asks us to wait.", code=RETRY_AFTER, retry_after_s=seconds)


def refusal(words: str) -> Upstream:
    return Upstream(words, code=REFUSED, permanent=True)


def no_connection() -> Upstream:
    return Upstream("Telegram did not answer.", code=NOT_SENT)


def silence() -> Upstream:
    return Upstream("Telegram did not answer.", code=NO_ANSWER)


@dataclass
class ScriptedLine:
    """Takes everything; `before` may raise instead, or do something meanwhile. Ids count upwards per chat."""

    sent: list[tuple[float, int, Outgoing]] = field(default_factory=list)
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    before: Callable[[int, Outgoing], None] = lambda _chat, _what: None
    slow_s: float = 0.0
    _ids: dict[int, itertools.count[int]] = field(default_factory=dict)
    _lock: Any = field(default_factory=threading.Lock)

    def send(self, chat_id: int, what: Outgoing) -> tuple[Sent, ...]:
        self.before(chat_id, what)
        if self.slow_s:
            time.sleep(self.slow_s)
        with self._lock:
            self.sent.append((time.monotonic(), chat_id, what))
            ids = self._ids.setdefault(chat_id, itertools.count(100))
            count = max(len(what.media), 1)
            return tuple(Sent(next(ids), clock.utcnow(), what.text, what.entities) for _ in range(count))

    def edit(self, chat_id: int, message_id: int, what: Outgoing) -> None:
        self.calls.append(("edit", chat_id, message_id, what.text))

    def delete_messages(self, chat_id: int, message_ids: Sequence[int]) -> None:
        self.calls.append(("delete", chat_id, *message_ids))

    def pin(self, chat_id: int, message_id: int, *, is_silent: bool) -> None:
        self.calls.append(("pin", chat_id, message_id))

    def unpin(self, chat_id: int, message_id: int) -> None:
        self.calls.append(("unpin", chat_id, message_id))

    @property
    def texts(self) -> list[str]:
        return [what.text for _, _, what in self.sent]


def run_lane(line: Any, *, run_s: float = 10.0, bot_id: int = BOT_ID, folder: Path = Path("/nowhere")) -> Report:
    """One attempt of the bot's lane."""
    sender_id = senders.ensure_sender(bot_id, now=clock.utcnow())
    outlet = Outlet(bot_id, line, folder, "https://our.example")
    return LaneRun(sender_id, outlet, beat=lambda: None, run_s=run_s).run()


def deliveries(post: AuthoredPost) -> list[tuple[Any, ...]]:
    return db.rows("SELECT part, state, reason FROM delivery WHERE post_id = ? ORDER BY target_id, slot, part", post.id)


def actions(post: AuthoredPost) -> list[tuple[Any, ...]]:
    return db.rows("SELECT kind, state, reason FROM due_action WHERE post_id = ? ORDER BY id", post.id)


def log(post: AuthoredPost) -> list[str]:
    rows = db.rows(
        "SELECT e.what FROM delivery_event e JOIN delivery d ON d.id = e.delivery_id WHERE d.post_id = ? ORDER BY e.id",
        post.id,
    )
    return [row[0] for row in rows]
