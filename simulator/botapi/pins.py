"""Pinned messages. Nobody is told by a service message here, with or without disable_notification."""

from simulator.botapi.access import channel_with_right, is_private
from simulator.botapi.errors import bad_request
from simulator.botapi.lookup import private_message, readable_message
from simulator.botapi.registry import Call, method
from simulator.model import Channel, Post

REFUSAL = "not enough rights to manage pinned messages in the chat"


def pinned_post(call: Call, channel: Channel) -> Post | None:
    """The newest pin that still stands."""
    known = call.world.posts.get(channel.chat_id, {})
    return next((known[number] for number in reversed(channel.pinned) if known[number].deleted_at is None), None)


@method("pinChatMessage", changes=True)
async def pin_chat_message(call: Call) -> object:
    wanted, missing = call.method, "message to pin not found"
    if is_private(call, wanted.chat_id):
        if private_message(call, wanted.chat_id, wanted.message_id) is None:
            raise bad_request(missing)
        return True
    channel = channel_with_right(call, wanted.chat_id, "can_edit_messages", REFUSAL)
    readable_message(call, wanted.chat_id, wanted.message_id, missing)
    channel.pinned = [number for number in channel.pinned if number != wanted.message_id] + [wanted.message_id]
    call.world.save_channel(channel)
    return True


@method("unpinChatMessage", changes=True)
async def unpin_chat_message(call: Call) -> object:
    """Without an id the newest pin goes."""
    if is_private(call, call.method.chat_id):
        return True
    channel = channel_with_right(call, call.method.chat_id, "can_edit_messages", REFUSAL)
    newest = pinned_post(call, channel)
    number = call.method.message_id or (newest.message_id if newest else None)
    if number not in channel.pinned:
        raise bad_request("message to unpin not found")
    channel.pinned.remove(number)
    call.world.save_channel(channel)
    return True
