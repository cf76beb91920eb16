"""Methods that write: messages, edits, deletions, callback answers."""

from typing import Any

from simulator.actions import posts, private
from simulator.botapi.access import channel_with_right, is_private, writable_user
from simulator.botapi.errors import bad_request
from simulator.botapi.formatting import parse_text, utf16_length
from simulator.botapi.registry import Call, method
from simulator.botapi.wire import given, plain
from simulator.model import Post, PrivateMessage
from simulator.shapes import post_json, private_json

TEXT_LIMIT = 4096
NEED_ADMIN = "need administrator rights in the channel chat"


def _text(call: Call) -> tuple[str, list[dict[str, Any]]]:
    wanted = call.method
    entities = [plain(entity) for entity in wanted.entities or []]
    text, parsed = parse_text(wanted.text or "", given(wanted.parse_mode))
    if not text.strip():
        raise bad_request("message text is empty")
    if utf16_length(text) > TEXT_LIMIT:
        raise bad_request("message is too long")
    if any(e["offset"] < 0 or e["offset"] + e["length"] > utf16_length(text) for e in entities):
        raise bad_request("entity beyond the end of the text")
    return text, parsed or entities


@method("sendMessage")
async def send_message(call: Call) -> object:
    wanted = call.method
    markup = plain(wanted.reply_markup)
    if is_private(call, wanted.chat_id):
        user = writable_user(call, wanted.chat_id)
        text, entities = _text(call)
        message = private.add_message(
            call.world, call.bot, user, text, is_from_bot=True, entities=entities, reply_markup=markup
        )
        return private_json(call.world, message)
    channel = channel_with_right(call, wanted.chat_id, "can_post_messages", NEED_ADMIN)
    text, entities = _text(call)
    made = posts.publish(
        call.world,
        call.updates,
        channel,
        text=text,
        # A channel is no place for a bot's custom emoji: Telegram drops them silently.
        entities=[entity for entity in entities if entity["type"] != "custom_emoji"],
        reply_markup=markup,
        by=call.bot,
    )
    return post_json(call.world, made[0])


def _own_private(call: Call) -> PrivateMessage | None:
    chat = call.world.private.get((call.bot.id, int(str(call.method.chat_id))), {})
    found = chat.get(call.method.message_id or 0)
    return found if found is not None and found.deleted_at is None else None


def _channel_post(call: Call, right: str, refusal: str, missing: str) -> Post:
    channel = channel_with_right(call, call.method.chat_id, "can_manage_chat", refusal)
    found = call.world.posts.get(channel.chat_id, {}).get(call.method.message_id or 0)
    if found is None or found.deleted_at is not None:
        raise bad_request(missing)
    if found.bot_id != call.bot.id and not channel.member(call.bot.id)["rights"].get(right):
        raise bad_request(refusal)
    return found


def _to_edit(call: Call) -> Post | PrivateMessage:
    if call.method.chat_id is None or call.method.message_id is None:
        raise bad_request("message identifier is not specified")
    missing, refusal = "message to edit not found", "message can't be edited"
    if not is_private(call, call.method.chat_id):
        return _channel_post(call, "can_edit_messages", refusal, missing)
    target = _own_private(call)
    if target is None:
        raise bad_request(missing)
    if not target.is_from_bot:
        raise bad_request(refusal)
    return target


@method("editMessageText")
async def edit_message_text(call: Call) -> object:
    target = _to_edit(call)
    text, entities = _text(call)
    return _edit(call, target, text, entities)


@method("editMessageReplyMarkup")
async def edit_message_reply_markup(call: Call) -> object:
    target = _to_edit(call)
    return _edit(call, target, target.text, target.entities)


def _edit(call: Call, target: Post | PrivateMessage, text: str, entities: list[dict[str, Any]]) -> object:
    markup = plain(call.method.reply_markup)
    if (target.text, target.entities, target.reply_markup) == (text, entities, markup):
        raise bad_request(
            "message is not modified: specified new message content and reply markup are exactly the same"
            " as a current content and reply markup of the message"
        )
    return _apply_edit(call, target, text, entities, markup)


def _apply_edit(
    call: Call, target: Post | PrivateMessage, text: str, entities: list[dict[str, Any]], markup: Any
) -> object:
    target.reply_markup = markup
    if isinstance(target, Post):
        posts.edit(call.world, call.updates, target, text, entities)
        return post_json(call.world, target)
    target.text, target.entities, target.edited_at = text, entities, call.world.clock.now_s()
    call.world.save_private(target)
    return private_json(call.world, target)


@method("deleteMessage")
async def delete_message(call: Call) -> object:
    missing = "message to delete not found"
    if not is_private(call, call.method.chat_id):
        refusal = "message can't be deleted"
        posts.delete(call.world, _channel_post(call, "can_delete_messages", refusal, missing))
        return True
    message = _own_private(call)
    if message is None:
        raise bad_request(missing)
    if call.world.clock.now() - message.date > 48 * 3600:
        raise bad_request("message can't be deleted for everyone")
    message.deleted_at = call.world.clock.now_s()
    call.world.save_private(message)
    return True


@method("answerCallbackQuery")
async def answer_callback_query(call: Call) -> object:
    query = call.world.store.get("callback", call.method.callback_query_id)
    if query is None or query["bot_id"] != call.bot.id:
        raise bad_request("query is too old and response timeout expired or query ID is invalid")
    answer = {"answered": True, "text": call.method.text, "show_alert": bool(call.method.show_alert)}
    call.world.store.put("callback", call.method.callback_query_id, query | answer)
    return True
