"""The update queue of each bot: filtered when made, kept for 24 hours, gone when confirmed."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from simulator.model import Bot
from simulator.world import World

Doc = dict[str, Any]
LIFETIME_S = 24 * 3600
# An omitted allowed_updates list means everything but these (docs of getUpdates, setWebhook).
EXCLUDED_BY_DEFAULT = frozenset({"chat_member", "message_reaction", "message_reaction_count"})


@dataclass
class Pending:
    update_id: int
    chat_key: int
    at: float
    doc: Doc


class UpdateQueue:
    def __init__(self, world: World) -> None:
        self.world = world
        self.pending: dict[int, dict[int, Pending]] = {}
        self._changed: dict[int, asyncio.Event] = {}

    def load(self) -> None:
        for bot_id, update_id, chat_key, at, text in self.world.store.load_updates():
            entry = Pending(update_id, chat_key, at, json.loads(text))
            self.pending.setdefault(bot_id, {})[update_id] = entry

    def emit(self, bot: Bot, kind: str, chat_key: int, payload: Doc) -> int | None:
        """Queue an update unless the bot does not want this kind; the caller commits."""
        if not wants(bot, kind):
            return None
        return self.push(bot, chat_key, {kind: payload})

    def push(self, bot: Bot, chat_key: int, body: Doc) -> int:
        update_id = int(body.get("update_id", bot.next_update_id))
        bot.next_update_id = max(bot.next_update_id, update_id) + 1
        now = self.world.clock.now()
        doc = {"update_id": update_id, **{k: v for k, v in body.items() if k != "update_id"}}
        self.pending.setdefault(bot.id, {})[update_id] = Pending(update_id, chat_key, now, doc)
        row = (bot.id, update_id, chat_key, now, json.dumps(doc, ensure_ascii=False))
        self.world.store.add_updates([row])
        self.world.save_bot(bot)
        self.changed(bot.id).set()
        return update_id

    def live(self, bot_id: int) -> list[Pending]:
        """What waits for the bot in order; the expired part is forgotten on the way."""
        queue = self.pending.get(bot_id, {})
        oldest = self.world.clock.now() - LIFETIME_S
        self.drop(bot_id, [entry.update_id for entry in queue.values() if entry.at < oldest])
        return sorted(queue.values(), key=lambda entry: entry.update_id)

    def drop(self, bot_id: int, update_ids: list[int]) -> None:
        queue = self.pending.get(bot_id, {})
        known = [update_id for update_id in update_ids if queue.pop(update_id, None) is not None]
        if known:
            self.world.store.drop_updates(bot_id, known)

    def confirm(self, bot_id: int, offset: int) -> None:
        """Forget what is below the offset; a negative one counts from the end of the queue."""
        waiting = [entry.update_id for entry in self.live(bot_id)]
        if offset < 0:
            self.drop(bot_id, waiting[:offset])
        else:
            self.drop(bot_id, [update_id for update_id in waiting if update_id < offset])

    def changed(self, bot_id: int) -> asyncio.Event:
        return self._changed.setdefault(bot_id, asyncio.Event())


def wants(bot: Bot, kind: str) -> bool:
    if not bot.allowed_updates:
        return kind not in EXCLUDED_BY_DEFAULT
    return kind in bot.allowed_updates
