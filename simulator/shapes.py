"""JSON objects as Telegram words them: users, chats, members, messages."""

from typing import Any

from simulator.content import Content
from simulator.media_shapes import media_json, photo_json
from simulator.model import Bot, Channel, Post, PrivateMessage, User
from simulator.views import reactions_at
from simulator.world import World

Doc = dict[str, Any]
ANONYMOUS_RIGHTS = {"is_anonymous": False}


def user_json(user: User | Bot) -> Doc:
    doc: Doc = {"id": user.id, "is_bot": isinstance(user, Bot), "first_name": user.first_name}
    if user.username:
        doc["username"] = user.username
    if isinstance(user, User) and user.language_code:
        doc["language_code"] = user.language_code
    return doc


def account_json(world: World, user_id: int) -> Doc:
    account = world.bots.get(user_id) or world.users.get(user_id)
    return user_json(account) if account else {"id": user_id, "is_bot": False, "first_name": f"User {user_id}"}


def chat_json(channel: Channel) -> Doc:
    doc: Doc = {"id": channel.chat_id, "title": channel.title, "type": "channel"}
    if channel.username:
        doc["username"] = channel.username
    return doc


def private_chat_json(user: User) -> Doc:
    doc: Doc = {"id": user.id, "first_name": user.first_name, "type": "private"}
    if user.username:
        doc["username"] = user.username
    return doc


def member_json(world: World, user_id: int, member: Doc) -> Doc:
    status = member["status"]
    doc: Doc = {"user": account_json(world, user_id), "status": status}
    if status == "creator":
        doc.update(ANONYMOUS_RIGHTS)
    elif status == "administrator":
        doc.update(can_be_edited=False, **ANONYMOUS_RIGHTS, **member["rights"])
    elif status == "kicked":
        doc["until_date"] = 0
    return doc


def link_json(world: World, link: Doc) -> Doc:
    doc: Doc = {
        "invite_link": link["invite_link"],
        "creator": account_json(world, link["creator_id"]),
        "creates_join_request": link["creates_join_request"],
        "is_primary": False,
        "is_revoked": bool(link.get("is_revoked")),
    }
    optional = {name: link.get(name) for name in ("name", "expire_date", "member_limit")}
    return doc | {name: value for name, value in optional.items() if value is not None}


def post_json(world: World, post: Post, bot_id: int) -> Doc:
    """A channel post as one bot sees it. There are no view counts in the Bot API."""
    channel = world.channels[post.chat_id]
    doc: Doc = {
        "message_id": post.message_id,
        "sender_chat": chat_json(channel),
        "chat": chat_json(channel),
        "date": post.date,
    }
    place = f"{-post.chat_id % 10**10}x{post.message_id}"
    told = service_json(post, place) if post.service else content_json(post, place, post.message_id, bot_id)
    return doc | _marks(post) | told


def _marks(message: Post | PrivateMessage) -> Doc:
    marks = {
        "edit_date": message.edited_at,
        "media_group_id": message.media_group_id,
        "forward_origin": message.forward_origin,
        "has_protected_content": message.is_protected,
        "reply_markup": message.reply_markup,
    }
    return {name: value for name, value in marks.items() if value}


def content_json(content: Content, place: str, number: int, bot_id: int) -> Doc:
    """Words, media and how they are shown. `place` is a text unique to the message."""
    doc = media_json(content, place, number, bot_id)
    is_caption = content.media is not None and content.media != "poll"
    if content.text:
        doc["caption" if is_caption else "text"] = content.text
    if content.entities:
        doc["caption_entities" if is_caption else "entities"] = content.entities
    if is_caption and content.is_caption_above:
        doc["show_caption_above_media"] = True
    if content.link_preview and not is_caption:
        doc["link_preview_options"] = content.link_preview
    return doc


def service_json(post: Post, place: str) -> Doc:
    match post.service:
        case "photo":
            return {"new_chat_photo": photo_json(place)}
        case "created":
            return {"channel_chat_created": True}
    return {"new_chat_title": post.text}


def private_json(world: World, message: PrivateMessage) -> Doc:
    user, bot = world.users[message.user_id], world.bots[message.bot_id]
    doc: Doc = {
        "message_id": message.message_id,
        "from": user_json(bot if message.is_from_bot else user),
        "chat": private_chat_json(user),
        "date": message.date,
    }
    place = f"{user.id}x{message.message_id}"
    return doc | _marks(message) | content_json(message, place, message.message_id, bot.id)


def origin_json(world: World, message: Post | PrivateMessage) -> Doc:
    """Where a forward of this message comes from; of a forwarded one, where that came from."""
    if message.forward_origin is not None:
        return message.forward_origin
    if isinstance(message, Post):
        chat = chat_json(world.channels[message.chat_id])
        return {"type": "channel", "date": message.date, "chat": chat, "message_id": message.message_id}
    sender = world.bots[message.bot_id] if message.is_from_bot else world.users[message.user_id]
    return {"type": "user", "date": message.date, "sender_user": user_json(sender)}


def reaction_type_json(key: str) -> Doc:
    if key == "paid":
        return {"type": "paid"}
    if key.startswith("custom:"):
        return {"type": "custom_emoji", "custom_emoji_id": key.removeprefix("custom:")}
    return {"type": "emoji", "emoji": key}


def reaction_counts_json(world: World, post: Post) -> Doc:
    now = world.clock.now()
    counts = [{"type": reaction_type_json(key), "total_count": count} for key, count in reactions_at(post, now)]
    chat = chat_json(world.channels[post.chat_id])
    return {"chat": chat, "message_id": post.message_id, "date": int(now), "reactions": counts}
