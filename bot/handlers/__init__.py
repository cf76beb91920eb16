"""Handlers by topic. A kind that is missing here is stored and acknowledged."""

from bot.dispatcher import Handler
from bot.handlers.boosts import chat_boost, removed_chat_boost
from bot.handlers.members import chat_member
from bot.handlers.posts import channel_post
from bot.handlers.private_chat import callback_query, message
from bot.handlers.reactions import reaction_count
from bot.handlers.rights import my_chat_member
from bot.handlers.stars import pre_checkout, subscription

HANDLERS: dict[str, Handler] = {
    "channel_post": channel_post,
    "edited_channel_post": channel_post,
    "message_reaction_count": reaction_count,
    "chat_member": chat_member,
    "my_chat_member": my_chat_member,
    "chat_boost": chat_boost,
    "removed_chat_boost": removed_chat_boost,
    "message": message,
    "callback_query": callback_query,
    "pre_checkout_query": pre_checkout,
    "subscription": subscription,
}

__all__ = ["HANDLERS"]
