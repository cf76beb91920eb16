"""The webhook sender: in order per chat, patient with failures, until an update expires."""

import asyncio
import json
from contextlib import suppress

import aiohttp

from simulator.botapi.server import made_in_reply
from simulator.model import Bot
from simulator.simulation import Simulation
from simulator.updates import Pending

LONGEST_PAUSE_S = 60.0
LONGEST_RETRY_AFTER_S = 3600.0
TIMEOUT = aiohttp.ClientTimeout(total=30)


def pause_after(failures: int) -> float:
    """Seconds before the next try: at once, then 2, 4, 8 ... 60 (as WebhookActor.cpp does)."""
    return 0.0 if failures <= 1 else min(LONGEST_PAUSE_S, 2.0 ** (failures - 1))


class WebhookSender:
    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.busy: dict[tuple[int, int, int], asyncio.Task[None]] = {}

    async def run(self) -> None:
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
            try:
                while True:
                    for bot in list(self.sim.world.bots.values()):
                        self._start_queues(session, bot)
                    await asyncio.sleep(0.02)
            finally:
                await self._stop()

    def _start_queues(self, session: aiohttp.ClientSession, bot: Bot) -> None:
        if not bot.webhook_url or not self.sim.updates.pending.get(bot.id):
            return
        for entry in self.sim.updates.live(bot.id):
            key = (self.sim.epoch, bot.id, entry.chat_key)
            task = self.busy.get(key)
            if task is not None and not task.done():
                continue
            if sum(not t.done() for (_, b, _), t in self.busy.items() if b == bot.id) >= bot.max_connections:
                return
            self.busy[key] = asyncio.create_task(self._drain(session, bot, entry.chat_key))

    async def _stop(self) -> None:
        for task in self.busy.values():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def _waiting(self, bot: Bot, chat_key: int) -> list[Pending]:
        return [entry for entry in self.sim.updates.live(bot.id) if entry.chat_key == chat_key]

    async def _drain(self, session: aiohttp.ClientSession, bot: Bot, chat_key: int) -> None:
        """One chat's queue: a failing update holds back the later ones of its chat."""
        failures = 0
        while bot.webhook_url and self._is_current(bot) and (waiting := self._waiting(bot, chat_key)):
            if len(waiting) > 1 and self.sim.faults.take(("reorder_updates",)):
                waiting.reverse()
            for entry in waiting:
                pause = await self._deliver(session, bot, entry)
                if pause is not None:
                    failures += 1
                    await asyncio.sleep(max(pause, pause_after(failures)))
                    break
                failures = 0

    async def _deliver(self, session: aiohttp.ClientSession, bot: Bot, entry: Pending) -> float | None:
        """None when the update was taken, else the pause that the receiver asks for (0 if none)."""
        headers = {"Content-Type": "application/json"}
        if bot.webhook_secret:
            headers["X-Telegram-Bot-Api-Secret-Token"] = bot.webhook_secret
        body = json.dumps(entry.doc, ensure_ascii=False).encode()
        copies = 2 if self.sim.faults.take(("duplicate_updates",)) else 1
        try:
            for _ in range(copies):
                async with session.post(bot.webhook_url, data=body, headers=headers) as answer:
                    status, asked = answer.status, answer.headers.get("Retry-After", "")
                    told = await answer.json() if answer.content_type == "application/json" else {}
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return self._failed(bot, f"Connection failed: {type(error).__name__}", 0.0)
        if 200 <= status < 300:
            if self._is_current(bot):
                self.sim.updates.drop(bot.id, [entry.update_id])
                self.sim.commit()
                if isinstance(told, dict) and "method" in told:
                    await made_in_reply(self.sim, bot, told)
            return None
        wait = min(LONGEST_RETRY_AFTER_S, float(asked)) if asked.isdigit() else 0.0
        return self._failed(bot, f"Wrong response from the webhook: {status}", wait)

    def _is_current(self, bot: Bot) -> bool:
        return self.sim.world.bots.get(bot.id) is bot

    def _failed(self, bot: Bot, why: str, wait: float) -> float:
        bot.last_error, bot.last_error_at = why, self.sim.world.clock.now_s()
        if self._is_current(bot):
            self.sim.world.save_bot(bot)
            self.sim.commit()
        return wait
