"""Messages that a request names, if the bot may touch them."""

from typing import Any

from simulator.botapi.access import channel_with_right, is_private, member_channel
from simulator.botapi.errors import bad_request
from simulator.botapi.registry import Call
from simulator.model import Post, PrivateMessage

Message = Post | PrivateMessage


def private_message(call: Call, chat_id: object, message_id: object) -> PrivateMessage | None:
    chat = call.world.private.get((call.bot.id, int(str(chat_id))), {})
    return _standing(chat.get(int(str(message_id or 0))))


def post_with_right(call: Call, right: str, refusal: str, missing: str) -> Post:
    """A post that the bot wrote, or one that it may touch by its right."""
    channel = channel_with_right(call, call.method.chat_id, "can_manage_chat", refusal)
    found = _standing(call.world.posts.get(channel.chat_id, {}).get(call.method.message_id or 0))
    if found is None:
        raise bad_request(missing)
    if found.bot_id != call.bot.id and not channel.member(call.bot.id)["rights"].get(right):
        raise bad_request(refusal)
    return found


def readable_message(call: Call, chat_id: object, message_id: int, missing: str) -> Message:
    """Any message of a chat where the bot is, as copying and forwarding need it."""
    found: Message | None
    if is_private(call, chat_id):
        found = private_message(call, chat_id, message_id)
    else:
        channel = member_channel(call, chat_id)
        found = _standing(call.world.posts.get(channel.chat_id, {}).get(message_id))
    if found is None:
        raise bad_request(missing)
    return found


def _standing(message: Any) -> Any:
    return message if message is not None and message.deleted_at is None else None
