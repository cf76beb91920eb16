"""Methods that make messages of text and media."""

from typing import Any

from simulator.botapi.delivery import deliver
from simulator.botapi.errors import bad_request
from simulator.botapi.registry import Call, method
from simulator.botapi.texts import caption_of, text_of
from simulator.botapi.uploads import media_content
from simulator.botapi.wire import given, plain
from simulator.content import Content, Doc

FEWEST_ITEMS, MOST_ITEMS = 2, 10


@method("sendMessage", sends=True)
async def send_message(call: Call) -> object:
    text, entities = text_of(call.method)
    return deliver(call, [Content(text=text, entities=entities, link_preview=link_preview(call.method))])[0]


def link_preview(wanted: Any) -> Doc | None:
    options = given(wanted.link_preview_options)
    if options is None and given(wanted.disable_web_page_preview):
        return {"is_disabled": True}
    return {name: value for name, value in (plain(options) or {}).items() if value not in (None, False)} or None


def with_caption(content: Content, wanted: Any) -> Content:
    """The caption that a method or an album's item gives to its media."""
    content.text, content.entities = caption_of(wanted)
    content.is_caption_above = bool(given(getattr(wanted, "show_caption_above_media", None)))
    return content


def _send_media(call: Call, kind: str) -> object:
    content = media_content(call, kind, getattr(call.method, kind), call.method)
    return deliver(call, [with_caption(content, call.method)])[0]


@method("sendPhoto", sends=True)
async def send_photo(call: Call) -> object:
    return _send_media(call, "photo")


@method("sendVideo", sends=True)
async def send_video(call: Call) -> object:
    return _send_media(call, "video")


@method("sendAnimation", sends=True)
async def send_animation(call: Call) -> object:
    return _send_media(call, "animation")


@method("sendDocument", sends=True)
async def send_document(call: Call) -> object:
    return _send_media(call, "document")


@method("sendMediaGroup", sends=True)
async def send_media_group(call: Call) -> object:
    items = call.method.media
    if not FEWEST_ITEMS <= len(items) <= MOST_ITEMS:
        raise bad_request(f"there must be {FEWEST_ITEMS}-{MOST_ITEMS} messages in the album")
    kinds = {item.type for item in items}
    if not kinds <= {"photo", "video"} and kinds != {"document"}:
        raise bad_request("document can't be mixed with other media types")
    return deliver(call, [with_caption(media_content(call, item.type, item.media, item), item) for item in items])
