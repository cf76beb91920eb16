"""Private chats between a person and a bot."""

from collections.abc import Sequence
from typing import Any

from simulator.content import Content
from simulator.model import Bot, PrivateMessage, User
from simulator.shapes import private_json, user_json
from simulator.updates import UpdateQueue
from simulator.world import Refused, World

Doc = dict[str, Any]


def add_messages(
    world: World, bot: Bot, user: User, contents: Sequence[Content], *, is_from_bot: bool
) -> list[PrivateMessage]:
    """One message, or the items of one album where there are several contents."""
    chat = world.private.setdefault((bot.id, user.id), {})
    group = str(world.rng.randrange(10**16, 10**17)) if len(contents) > 1 else None
    made = []
    for content in contents:
        message = PrivateMessage(
            bot_id=bot.id,
            user_id=user.id,
            message_id=next(reversed(chat), 0) + 1,
            date=world.clock.now_s(),
            is_from_bot=is_from_bot,
            media_group_id=group,
            **vars(content),
        )
        world.save_private(message)
        made.append(message)
    return made


def write_to_bot(
    world: World, updates: UpdateQueue, bot: Bot, user: User, text: str, entities: Sequence[Doc] = ()
) -> PrivateMessage:
    """A person's message; it also starts the chat, so that the bot may write back."""
    entities = list(entities)
    if text.startswith("/"):
        command = text.split(maxsplit=1)[0]
        entities = [{"type": "bot_command", "offset": 0, "length": len(command)}]
    (message,) = add_messages(world, bot, user, [Content(text=text, entities=entities)], is_from_bot=False)
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
