"""What we send in the Bot API's own words: method, parameters and files (core.telegram.org/bots/api, 10.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from app.telegram.outgoing import Outgoing, OutgoingMedia, Sent, UrlButton

_SINGLE = {
    "photo": ("sendPhoto", "photo"),
    "video": ("sendVideo", "video"),
    "animation": ("sendAnimation", "animation"),
    "document": ("sendDocument", "document"),
}
_SHOWN = ("photo", "video", "animation")
# An animation comes with a document of the same file: the narrower kind first.
_FILES = ("animation", "photo", "video", "document", "audio", "voice", "video_note", "sticker")


@dataclass
class Call:
    """One request; `files` are names of parts and where their bytes lie."""

    method: str
    params: dict[str, Any]
    files: dict[str, tuple[str, str]] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """The parameters that say something."""
        return {name: value for name, value in self.params.items() if value not in (None, "", False, [], ())}


def sending(chat_id: int, what: Outgoing) -> Call:
    """The one call that sends `what`."""
    call = Call("", {"chat_id": chat_id, "disable_notification": what.is_silent, "protect_content": what.is_protected})
    call.params["reply_markup"] = keyboard(what.buttons)
    if what.kind == "message":
        call.method = "sendMessage"
        call.params |= {"text": what.text, "entities": _entities(what), "link_preview_options": _preview(what)}
    elif what.kind == "poll":
        call.method = "sendPoll"
        call.params |= _poll(what)
    elif what.kind == "album":
        call.method = "sendMediaGroup"
        call.params["media"] = [_album_item(call, what, medium, index) for index, medium in enumerate(what.media)]
    else:
        call.method, name = _SINGLE[what.kind]
        (medium,) = what.media
        call.params |= {name: _file(call, medium, 0)} | _caption(what, medium)
    return call


def editing(chat_id: int, message_id: int, what: Outgoing) -> Call:
    """The call that makes a message say `what`: its words and buttons, never its files."""
    place = {"chat_id": chat_id, "message_id": message_id, "reply_markup": keyboard(what.buttons)}
    if what.kind == "message":
        words = {"text": what.text, "entities": _entities(what), "link_preview_options": _preview(what)}
        return Call("editMessageText", place | words)
    if what.kind == "poll":
        return Call("editMessageReplyMarkup", place)
    words = _caption(what, what.media[0]) | {"has_spoiler": None, "supports_streaming": None}
    return Call("editMessageCaption", place | words)


def _caption(what: Outgoing, medium: OutgoingMedia) -> dict[str, Any]:
    is_shown = medium.kind in _SHOWN
    return {
        "caption": what.text,
        "caption_entities": _entities(what),
        "has_spoiler": medium.has_spoiler and is_shown,
        "show_caption_above_media": what.caption_above and is_shown,
        "supports_streaming": what.kind == "video",
    }


def _album_item(call: Call, what: Outgoing, medium: OutgoingMedia, index: int) -> dict[str, Any]:
    item: dict[str, Any] = {"type": medium.kind, "media": _file(call, medium, index)}
    if medium.kind in _SHOWN:
        item["has_spoiler"] = medium.has_spoiler
    if index == 0:
        item |= {"caption": what.text, "caption_entities": _entities(what)}
        item["show_caption_above_media"] = what.caption_above and medium.kind in _SHOWN
    return {name: value for name, value in item.items() if value not in (None, "", False, [])}


def _file(call: Call, medium: OutgoingMedia, index: int) -> str:
    """Telegram's id of the file, or the name of the part that carries its bytes."""
    if medium.file_id:
        return medium.file_id
    part = f"file{index}"
    call.files[part] = (medium.name or part, medium.path)
    return f"attach://{part}"


def _poll(what: Outgoing) -> dict[str, Any]:
    assert what.poll is not None
    poll = what.poll
    asked: dict[str, Any] = {
        "question": poll.question,
        "options": [{"text": option} for option in poll.options],
        "allows_multiple_answers": poll.is_multiple,
    }
    if poll.correct is not None:
        asked |= {"type": "quiz", "correct_option_ids": [poll.correct], "explanation": poll.explanation}
    return asked


def _entities(what: Outgoing) -> list[Mapping[str, Any]]:
    return list(what.entities)


def _preview(what: Outgoing) -> dict[str, bool] | None:
    if what.preview == "off":
        return {"is_disabled": True}
    told = {
        "prefer_small_media": what.preview == "small",
        "prefer_large_media": what.preview == "large",
        "show_above_text": what.preview_above,
    }
    return {name: value for name, value in told.items() if value} or None


def keyboard(rows: Sequence[Sequence[UrlButton]]) -> dict[str, Any] | None:
    made = [[{"text": button.text, "url": button.url} for button in row] for row in rows if row]
    return {"inline_keyboard": made} if made else None


def sent(result: Any) -> tuple[Sent, ...]:
    """What Telegram made of it, one entry per message of its answer."""
    return tuple(_sent(message) for message in (result if isinstance(result, list) else [result]))


def _sent(message: Mapping[str, Any]) -> Sent:
    kind = next((name for name in _FILES if message.get(name)), None)
    held = message[kind] if kind else {}
    file = held[-1] if isinstance(held, list) else held
    return Sent(
        message_id=int(message["message_id"]),
        date=datetime.fromtimestamp(int(message["date"]), UTC),
        text=str(message.get("text") or message.get("caption") or ""),
        entities=tuple(message.get("entities") or message.get("caption_entities") or ()),
        media="poll" if message.get("poll") else kind or "text",
        file_id=str(file.get("file_id", "")),
        file_unique_id=str(file.get("file_unique_id", "")),
        album_id=message.get("media_group_id"),
        chat_kind=str((message.get("chat") or {}).get("type", "")),
    )
