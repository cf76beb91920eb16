"""JSON objects as Telegram words them: users, chats, members, messages."""

from typing import Any

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


def _file(post: Post, suffix: str, **more: object) -> Doc:
    unique = f"U{-post.chat_id % 10**10}x{post.message_id}{suffix}"
    return {"file_id": f"SIM-{unique}", "file_unique_id": unique, **more}


def media_json(post: Post) -> Doc:
    """The media fields of a message; sizes are plausible, the files themselves do not exist."""
    match post.media:
        case "photo":
            sizes = ((320, 240, "s"), (800, 600, "m"))
            return {"photo": [_file(post, s, width=w, height=h, file_size=w * h // 8) for w, h, s in sizes]}
        case "video":
            return {"video": _file(post, "v", width=1280, height=720, duration=12 + post.message_id % 90)}
        case "animation":
            animation = _file(post, "a", width=480, height=270, duration=4)
            return {"animation": animation, "document": _file(post, "a")}
        case "document":
            name = f"report-{post.message_id}.pdf"
            return {"document": _file(post, "d", file_name=name, mime_type="application/pdf", file_size=1258291)}
        case "voice":
            return {"voice": _file(post, "o", duration=5 + post.message_id % 50, mime_type="audio/ogg")}
        case "sticker":
            flags = {"is_animated": False, "is_video": False}
            return {"sticker": _file(post, "k", type="regular", width=512, height=512, emoji="👍", **flags)}
        case "poll":
            return {"poll": poll_json(post)}
    return {}


def poll_json(post: Post) -> Doc:
    poll = post.poll or {"question": "?", "options": []}
    options = [
        {"persistent_id": str(index), "text": text, "voter_count": 0, "text_entities": []}
        for index, text in enumerate(poll["options"])
    ]
    return {
        "id": f"{-post.chat_id}{post.message_id}",
        "question": poll["question"],
        "options": options,
        "total_voter_count": 0,
        "is_closed": False,
        "is_anonymous": True,
        "type": "regular",
        "allows_multiple_answers": False,
        "allows_revoting": True,
        "members_only": False,
    }


def post_json(world: World, post: Post) -> Doc:
    """A channel post as bots see it. There are no view counts in the Bot API."""
    channel = world.channels[post.chat_id]
    doc: Doc = {
        "message_id": post.message_id,
        "sender_chat": chat_json(channel),
        "chat": chat_json(channel),
        "date": post.date,
    }
    if post.edited_at:
        doc["edit_date"] = post.edited_at
    if post.media_group_id:
        doc["media_group_id"] = post.media_group_id
    if post.reply_markup:
        doc["reply_markup"] = post.reply_markup
    if post.service:
        return doc | service_json(post)
    doc.update(media_json(post))
    prefix = "caption" if post.media and post.media != "poll" else "text"
    if post.text:
        doc[prefix] = post.text
    if post.entities:
        doc["entities" if prefix == "text" else "caption_entities"] = post.entities
    return doc


def service_json(post: Post) -> Doc:
    match post.service:
        case "photo":
            sizes = [_file(post, "s", width=160, height=160), _file(post, "b", width=640, height=640)]
            return {"new_chat_photo": sizes}
        case "created":
            return {"channel_chat_created": True}
    return {"new_chat_title": post.text}


def private_json(world: World, message: PrivateMessage) -> Doc:
    user = world.users[message.user_id]
    sender = user_json(world.bots[message.bot_id]) if message.is_from_bot else user_json(user)
    doc: Doc = {
        "message_id": message.message_id,
        "from": sender,
        "chat": private_chat_json(user),
        "date": message.date,
        "text": message.text,
    }
    if message.entities:
        doc["entities"] = message.entities
    if message.edited_at:
        doc["edit_date"] = message.edited_at
    if message.reply_markup:
        doc["reply_markup"] = message.reply_markup
    return doc


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
