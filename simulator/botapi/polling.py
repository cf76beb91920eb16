"""getUpdates and the webhook settings."""

import asyncio
import re
from typing import Any

from simulator.botapi.errors import bad_request, conflict
from simulator.botapi.registry import Call, method

WEBHOOK_ACTIVE = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
OTHER_POLLER = "terminated by other getUpdates request; make sure that only one bot instance is running"
SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
# The newest poll of each bot: a second one ends the first with 409.
pollers: dict[int, object] = {}


@method("getUpdates")
async def get_updates(call: Call) -> object:
    wanted, bot = call.method, call.bot
    if bot.webhook_url:
        raise conflict(WEBHOOK_ACTIVE)
    set_allowed(call, wanted.allowed_updates)
    if wanted.offset:
        call.updates.confirm(bot.id, wanted.offset)
    call.sim.commit()
    limit = max(1, min(100, wanted.limit or 100))
    await _wait(call, min(50, wanted.timeout or 0))
    batch = [entry.doc for entry in call.updates.live(bot.id)[:limit]]
    return _disturb(call, batch)


async def _wait(call: Call, timeout_s: float) -> None:
    """Until something is queued, the time is over, or another poll takes the queue."""
    me = pollers[call.bot.id] = object()
    event = call.updates.changed(call.bot.id)
    event.set()  # wakes the older poll, which then sees that it was replaced
    deadline = asyncio.get_running_loop().time() + timeout_s
    await asyncio.sleep(0)
    while not call.updates.live(call.bot.id):
        left = deadline - asyncio.get_running_loop().time()
        if left <= 0:
            break
        event.clear()
        try:
            await asyncio.wait_for(event.wait(), left)
        except TimeoutError:
            break
        if pollers.get(call.bot.id) is not me:
            raise conflict(OTHER_POLLER)
    if pollers.get(call.bot.id) is me:
        del pollers[call.bot.id]


def _disturb(call: Call, batch: list[Any]) -> list[Any]:
    if batch and call.sim.faults.take(("duplicate_updates",)):
        batch = [update for update in batch for _ in range(2)]
    if len(batch) > 1 and call.sim.faults.take(("reorder_updates",)):
        batch = batch[::-1]
    return batch


def set_allowed(call: Call, allowed: list[str] | None) -> None:
    """An omitted list keeps the previous one; an empty list is the default again."""
    if allowed is not None and allowed != call.bot.allowed_updates:
        call.bot.allowed_updates = list(allowed)
        call.world.save_bot(call.bot)


@method("setWebhook")
async def set_webhook(call: Call) -> object:
    wanted, bot = call.method, call.bot
    if wanted.secret_token and not SECRET.fullmatch(wanted.secret_token):
        raise bad_request("secret token contains unallowed characters")
    if wanted.url and not wanted.url.startswith(("http://", "https://")):
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    set_allowed(call, wanted.allowed_updates)
    bot.webhook_url, bot.webhook_secret = wanted.url, wanted.secret_token
    bot.max_connections = wanted.max_connections or 40
    bot.last_error, bot.last_error_at = None, None
    if wanted.drop_pending_updates:
        drop_all(call)
    call.world.save_bot(bot)
    call.updates.changed(bot.id).set()
    return True


@method("deleteWebhook")
async def delete_webhook(call: Call) -> object:
    call.bot.webhook_url, call.bot.webhook_secret = "", None
    if call.method.drop_pending_updates:
        drop_all(call)
    call.world.save_bot(call.bot)
    call.updates.changed(call.bot.id).set()
    return True


def drop_all(call: Call) -> None:
    call.updates.drop(call.bot.id, [entry.update_id for entry in call.updates.live(call.bot.id)])


@method("getWebhookInfo")
async def get_webhook_info(call: Call) -> object:
    bot = call.bot
    info: dict[str, Any] = {
        "url": bot.webhook_url,
        "has_custom_certificate": False,
        "pending_update_count": len(call.updates.live(bot.id)),
    }
    if bot.webhook_url:
        info["max_connections"] = bot.max_connections
    if bot.last_error_at:
        info |= {"last_error_date": bot.last_error_at, "last_error_message": bot.last_error}
    return info | ({"allowed_updates": bot.allowed_updates} if bot.allowed_updates else {})
