"""Who a chat_id means and whether the bot may see it, in the wording of the Bot API server."""

from simulator.actions.private import has_started
from simulator.botapi.errors import bad_request, forbidden
from simulator.botapi.registry import Call
from simulator.model import Channel, User


def member_channel(call: Call, chat_id: object) -> Channel:
    """The channel, if the bot is in it; a bot that is not gets nothing from it."""
    channel = call.world.find_channel(chat_id)
    if channel is None:
        raise bad_request("chat not found")
    status = channel.member(call.bot.id)["status"]
    if status == "kicked":
        raise forbidden("bot was kicked from the channel chat")
    if status == "left":
        if str(call.bot.id) not in channel.members and not channel.username:
            raise bad_request("chat not found")
        raise forbidden("bot is not a member of the channel chat")
    return channel


def channel_with_right(call: Call, chat_id: object, right: str, refusal: str) -> Channel:
    channel = member_channel(call, chat_id)
    if not channel.member(call.bot.id)["rights"].get(right):
        raise bad_request(refusal)
    return channel


def is_private(call: Call, chat_id: object) -> bool:
    text = str(chat_id)
    return text.isdigit() and call.world.find_channel(text) is None


def writable_user(call: Call, chat_id: object) -> User:
    """The person, if the bot may write to them: they wrote first and did not block it."""
    user = call.world.users.get(int(str(chat_id)))
    if user is None:
        raise bad_request("chat not found")
    if call.bot.id in user.has_blocked:
        raise forbidden("bot was blocked by the user")
    if not has_started(call.world, call.bot, user.id):
        raise forbidden("bot can't initiate conversation with a user")
    return user
