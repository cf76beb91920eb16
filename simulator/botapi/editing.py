"""Methods that change or delete messages."""

from typing import Any

from simulator.actions import posts
from simulator.botapi.access import is_private
from simulator.botapi.delivery import allowed_entities
from simulator.botapi.errors import bad_request
from simulator.botapi.keyboards import keyboard
from simulator.botapi.lookup import Message, post_with_right, private_message
from simulator.botapi.registry import Call, method
from simulator.botapi.sending import link_preview, with_caption
from simulator.botapi.texts import text_of
from simulator.botapi.uploads import media_content
from simulator.model import Post
from simulator.shapes import post_json, private_json

NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same"
    " as a current content and reply markup of the message"
)
DELETABLE_S = 48 * 3600


def _to_edit(call: Call) -> Message:
    if call.method.chat_id is None or call.method.message_id is None:
        raise bad_request("message identifier is not specified")
    missing, refusal = "message to edit not found", "message can't be edited"
    if not is_private(call, call.method.chat_id):
        post = post_with_right(call, "can_edit_messages", refusal, missing)
        if post.service or post.forward_origin:
            raise bad_request(refusal)
        return post
    target = private_message(call, call.method.chat_id, call.method.message_id)
    if target is None:
        raise bad_request(missing)
    if not target.is_from_bot:
        raise bad_request(refusal)
    return target


@method("editMessageText", changes=True)
async def edit_message_text(call: Call) -> object:
    target = _to_edit(call)
    if target.media is not None:
        raise bad_request("there is no text in the message to edit")
    text, entities = text_of(call.method)
    return _edit(call, target, text=text, entities=entities, link_preview=link_preview(call.method))


@method("editMessageCaption", changes=True)
async def edit_message_caption(call: Call) -> object:
    target = _to_edit(call)
    if target.media in (None, "poll"):
        raise bad_request("there is no caption in the message to edit")
    wanted = with_caption(target.content(), call.method)
    return _edit(call, target, text=wanted.text, entities=wanted.entities, is_caption_above=wanted.is_caption_above)


@method("editMessageMedia", changes=True)
async def edit_message_media(call: Call) -> object:
    """Other media in place of the old ones, or media for a text; an album keeps its kind."""
    target, item = _to_edit(call), call.method.media
    if target.media == "poll":
        raise bad_request("message can't be edited")
    if item.type not in ("photo", "video", "animation", "document"):
        raise bad_request(f"the simulator does not send {item.type}")
    if target.media_group_id and (
        item.type == "animation" or (item.type == "document") != (target.media == "document")
    ):
        raise bad_request("message content type can't be used in an album")
    wanted = with_caption(media_content(call, item.type, item.media, item), item)
    changes = {name: value for name, value in vars(wanted).items() if name in EDITED_BY_MEDIA}
    return _edit(call, target, **changes)


EDITED_BY_MEDIA = ("media", "file", "text", "entities", "has_spoiler", "is_caption_above")


@method("editMessageReplyMarkup", changes=True)
async def edit_message_reply_markup(call: Call) -> object:
    return _edit(call, _to_edit(call))


def _edit(call: Call, target: Message, **changes: Any) -> object:
    """Apply the changes and the request's keyboard; refused when nothing is new."""
    in_channel = isinstance(target, Post)
    changes["reply_markup"] = keyboard(call.method.reply_markup, in_channel=in_channel)
    if "entities" in changes:
        channel_id = target.chat_id if isinstance(target, Post) else None
        changes["entities"] = allowed_entities(call.bot, changes["entities"], channel_id)
    if all(getattr(target, name) == value for name, value in changes.items()):
        raise bad_request(NOT_MODIFIED)
    for name, value in changes.items():
        setattr(target, name, value)
    if isinstance(target, Post):
        posts.changed(call.world, call.updates, target)
        return post_json(call.world, target, call.bot.id)
    target.edited_at = call.world.clock.now_s()
    call.world.save_private(target)
    return private_json(call.world, target)


@method("deleteMessage", changes=True)
async def delete_message(call: Call) -> object:
    missing = "message to delete not found"
    if not is_private(call, call.method.chat_id):
        posts.delete(call.world, post_with_right(call, "can_delete_messages", "message can't be deleted", missing))
        return True
    message = private_message(call, call.method.chat_id, call.method.message_id)
    if message is None:
        raise bad_request(missing)
    if call.world.clock.now() - message.date > DELETABLE_S:
        raise bad_request("message can't be deleted for everyone")
    message.deleted_at = call.world.clock.now_s()
    call.world.save_private(message)
    return True
