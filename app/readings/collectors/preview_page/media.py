"""What a post's bubble holds besides words: media kinds, albums, and parts that nobody knows yet."""

from __future__ import annotations

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborNode

from app.readings.collectors.preview_page.nodes import attribute, changed, classes, is_inside

_PREFIX = "tgme_widget_message_"
_KINDS = {
    f"{_PREFIX}photo_wrap": "photo",
    f"{_PREFIX}video_player": "video",
    f"{_PREFIX}roundvideo_player": "video",
    f"{_PREFIX}document_wrap": "document",
    f"{_PREFIX}voice_player": "voice",
    f"{_PREFIX}poll": "poll",
    f"{_PREFIX}sticker_wrap": "sticker",
}
_MEDIA = ", ".join(f".{name}" for name in _KINDS)
_GROUP = f".{_PREFIX}grouped_wrap"
_QUOTED = frozenset({f"{_PREFIX}reply", f"{_PREFIX}link_preview"})

# Wrappers that only choose what a browser can show; their children count as the bubble's own.
_WRAPPERS = frozenset({"media_supported_cont"})
# Direct parts of a bubble that we know to be neither text nor media of ours, from measured pages and from memory.
_OTHER_PARTS = re.compile(
    _PREFIX + "(?:author|author_name|owner_name|forwarded_from|forwarded_from_name|forwarded_from_author|via_bot|"
    "bubble_tail|bubble_logo|footer|info|meta|views|date|from_author|inline_keyboard|inline_row|location_wrap|"
    "venue_wrap|location|contact|contact_wrap|invoice|game|roundvideo_wrap|replies|comments|reply|link_preview|"
    "text|grouped_wrap|reactions)|js-message_text|media_not_supported_cont|"
    "message_media_not_supported(?:_wrap)?|message_media_view_in_telegram"
)


def media_items(bubble: LexborNode, where: str) -> tuple[str, ...]:
    """Kinds of the post's media in page order; an album is "album" followed by its items."""
    kinds = tuple(_kind(node) for node in _media_nodes(bubble))
    if bubble.css_first(_GROUP) is not None:
        _check_album(bubble, where)
        return ("album", *kinds)
    # Files grouped by their author stand below each other without the album's frame.
    return ("album", *kinds) if len(_item_ids(bubble)) > 1 else kinds


def album_ids(bubble: LexborNode, message_id: int, where: str) -> tuple[int, ...]:
    """All message ids that an album covers, ascending; () for a post that is none.

    The page shows one set of counters for the whole album, under the id in data-post; the other ids appear only in
    the links of its items (t.me/name/582?single), which is why a missing id is no proof of a deleted post.
    """
    items = _item_ids(bubble)
    if bubble.css_first(_GROUP) is None and len(items) < 2:
        return ()
    if not items:
        changed(f"{_GROUP} a[href]", f"names no message id in {where}")
    return tuple(sorted(items | {message_id}))


def refuse_unknown_parts(bubble: LexborNode, where: str) -> None:
    """Raise `LayoutChanged` for a part with words or media under a class that we have never seen.

    A renamed class would otherwise read as "no text" or "no photo", which is a zero nobody sees.
    """
    for part in _parts(bubble):
        if not _is_known(part) and _has_content(part):
            name = ".".join(sorted(classes(part)))
            changed(f".{name}" if name else f"<{part.tag}>", f"is an unknown part of {where}")


def _parts(node: LexborNode) -> Iterator[LexborNode]:
    for child in node.iter():
        if classes(child) & _WRAPPERS and not _is_known(child):
            yield from _parts(child)
        else:
            yield child


def _is_known(part: LexborNode) -> bool:
    return any(name in _KINDS or _OTHER_PARTS.fullmatch(name) for name in classes(part))


def _has_content(part: LexborNode) -> bool:
    shown = part.css_first("video, audio, img, picture, [style*='background-image']")
    return bool(part.text().strip()) or shown is not None or "background-image" in attribute(part, "style")


def _media_nodes(bubble: LexborNode) -> list[LexborNode]:
    return [node for node in bubble.css(_MEDIA) if not is_inside(node, _QUOTED, bubble)]


def _kind(node: LexborNode) -> str:
    name = next(name for name in _KINDS if name in classes(node))
    if name != f"{_PREFIX}video_player":
        return _KINDS[name]
    # An animation is a silent loop: the same player without a button and without a length.
    is_film = node.css_first(".message_video_duration, .message_video_play") is not None
    return "video" if is_film else "animation"


def _check_album(bubble: LexborNode, where: str) -> None:
    """Each item of an album must be one that we know; unknown ones would shrink the album."""
    group = bubble.css_first(_GROUP)
    items = group.css("a[href]") if group is not None else []
    for item in items:
        if not classes(item) & set(_KINDS):
            changed(f"{_GROUP} a", f"is an unknown item of the album in {where}")
    if not items:
        changed(f"{_GROUP} a[href]", f"is missing in {where}")


def _item_ids(bubble: LexborNode) -> set[int]:
    """Message ids in the links of media; polls and stickers link to the post or a set and never group."""
    links = (attribute(node, "href") for node in _media_nodes(bubble))
    matches = (re.search(r"/(\d+)(?:\?|$)", link) for link in links)
    return {int(match[1]) for match in matches if match}
