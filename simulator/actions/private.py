"""Private chats between a person and a bot."""

from typing import Any

from simulator.model import Bot, PrivateMessage, User
from simulator.shapes import private_json, user_json
from simulator.updates import UpdateQueue
from simulator.world import Refused, World

Doc = dict[str, Any]


def add_message(
    world: World,
    bot: Bot,
    user: User,
    text: str,
    *,
    is_from_bot: bool,
    entities: list[Doc] | None = None,
    reply_markup: Doc | None = None,
) -> PrivateMessage:
    chat = world.private.setdefault((bot.id, user.id), {})
    message = PrivateMessage(
        bot.id,
        user.id,
        max(chat, default=0) + 1,
        world.clock.now_s(),
        is_from_bot,
        text,
        entities or [],
        reply_markup,
    )
    world.save_private(message)
    return message


def write_to_bot(world: World, updates: UpdateQueue, bot: Bot, user: User, text: str) -> PrivateMessage:
    """A person's message; it also starts the chat, so that the bot may write back."""
    entities = []
    if text.startswith("/"):
        command = text.split(maxsplit=1)[0]
        entities = [{"type": "bot_command", "offset": 0, "length": len(command)}]
    message = add_message(world, bot, user, text, is_from_bot=False, entities=entities)
    updates.emit(bot, "message", user.id, private_json(world, message))
    return message


def has_started(world: World, bot: Bot, user_id: int) -> bool:
    started = world.store.get("started", f"{bot.id}/{user_id}") is not None
    return started or bool(world.private.get((bot.id, user_id)))


def press(world: World, updates: UpdateQueue, bot: Bot, user: User, message_id: int | None, data: str) -> str:
    """A press on an inline button of the bot's message; without an id, of its newest one."""
    chat = world.private.get((bot.id, user.id), {})
    from_bot = [m for m in chat.values() if m.is_from_bot and m.deleted_at is None]
    found = [m for m in from_bot if message_id is None or m.message_id == message_id]
    if not found:
        raise Refused("no such message of the bot")
    query_id = str(world.rng.randrange(10**17, 10**18))
    query: Doc = {
        "id": query_id,
        "from": user_json(user),
        "message": private_json(world, found[-1]),
        "chat_instance": str(user.id * 31 + bot.id),
        "data": data,
    }
    world.store.put("callback", query_id, {"bot_id": bot.id, "answered": False})
    updates.emit(bot, "callback_query", user.id, query)
    return query_id
