"""Where every new message goes: to a channel where the bot may post, or to a person who lets it write."""

from dataclasses import replace
from typing import Any

from simulator.actions import posts, private
from simulator.botapi.access import channel_with_right, is_private, writable_user
from simulator.botapi.keyboards import keyboard
from simulator.botapi.registry import Call
from simulator.botapi.wire import given
from simulator.content import Content, Doc
from simulator.model import Bot
from simulator.shapes import post_json, private_json

NEED_ADMIN = "need administrator rights in the channel chat"


def deliver(call: Call, contents: list[Content]) -> list[Doc]:
    """Make one message, or one album, in the chat of the request; the messages as the bot sees them."""
    wanted = call.method
    if is_private(call, wanted.chat_id):
        user = writable_user(call, wanted.chat_id)
        asked = [_asked(call, content, None) for content in contents]
        sent = private.add_messages(call.world, call.bot, user, asked, is_from_bot=True)
        return [private_json(call.world, message) for message in sent]
    channel = channel_with_right(call, wanted.chat_id, "can_post_messages", NEED_ADMIN)
    asked = [_asked(call, content, channel.chat_id) for content in contents]
    made = posts.publish(call.world, call.updates, channel, asked, by=call.bot)
    return [post_json(call.world, post, call.bot.id) for post in made]


def _asked(call: Call, content: Content, channel_id: int | None) -> Content:
    """The content with the request's buttons and marks; `channel_id` is None in a private chat."""
    wanted: Any = call.method
    return replace(
        content,
        entities=allowed_entities(call.bot, content.entities, channel_id),
        reply_markup=keyboard(getattr(wanted, "reply_markup", None), in_channel=channel_id is not None),
        is_silent=bool(wanted.disable_notification),
        is_protected=bool(given(wanted.protect_content)),
    )


def allowed_entities(bot: Bot, entities: list[Doc], channel_id: int | None) -> list[Doc]:
    """Where a bot may not use custom emoji, Telegram drops them silently and the plain ones stay."""
    if _keeps_custom(bot, channel_id):
        return entities
    return [entity for entity in entities if entity["type"] != "custom_emoji"]


def _keeps_custom(bot: Bot, channel_id: int | None) -> bool:
    if channel_id is None:
        return bot.has_fragment_username or bot.has_premium_owner
    return bot.emoji_in.get(str(channel_id), bot.has_fragment_username)
