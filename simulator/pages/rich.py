"""Entities as HTML in t.me's markup, for the preview and for the phone."""

import re
from html import escape

from simulator.content import Doc

LINK = re.compile(r"https?://[^\s<]+")
TAGS = {
    "bold": "b",
    "italic": "i",
    "underline": "u",
    "strikethrough": "s",
    "code": "code",
    "pre": "pre",
    "spoiler": "tg-spoiler",
    "blockquote": "blockquote",
}
NO_LINKS = frozenset({"code", "pre", "text_link"})
ANCHOR = r'<a href="\g<0>" target="_blank" rel="noopener">\g<0></a>'


def rich_html(text: str, entities: list[Doc]) -> str:
    """Entities nest: one that reaches beyond the one around it is cut at its end. Bare addresses become links."""
    units = text.encode("utf-16-le")
    ordered = sorted(entities, key=lambda e: (e["offset"], -e["length"]))
    return _render(units, 0, len(units) // 2, ordered, has_links=True).replace("\n", "<br/>")


def _render(units: bytes, start: int, end: int, entities: list[Doc], *, has_links: bool) -> str:
    parts, at, left = [], start, entities
    while left:
        entity, left = left[0], left[1:]
        begin, stop = max(at, entity["offset"]), min(end, entity["offset"] + entity["length"])
        if begin >= stop:
            continue
        inner = [other for other in left if other["offset"] < stop]
        left = [other for other in left if other["offset"] + other["length"] > stop]
        parts.append(_plain(units, at, begin, has_links=has_links))
        links = has_links and entity["type"] not in NO_LINKS
        parts.append(_wrapped(entity, _render(units, begin, stop, inner, has_links=links)))
        at = stop
    return "".join([*parts, _plain(units, at, end, has_links=has_links)])


def _plain(units: bytes, start: int, end: int, *, has_links: bool) -> str:
    piece = escape(units[start * 2 : end * 2].decode("utf-16-le"), quote=False)
    return LINK.sub(ANCHOR, piece) if has_links else piece


def _wrapped(entity: Doc, inner: str) -> str:
    kind = entity["type"]
    if kind in TAGS:
        return f"<{TAGS[kind]}>{inner}</{TAGS[kind]}>"
    if kind == "expandable_blockquote":
        return f"<blockquote expandable>{inner}</blockquote>"
    if kind == "text_link":
        return f'<a href="{escape(entity["url"])}" target="_blank" rel="noopener">{inner}</a>'
    if kind == "custom_emoji":
        emoji = f'<i class="emoji"><b>{inner}</b></i>'
        return f'<tg-emoji emoji-id="{escape(entity["custom_emoji_id"])}">{emoji}</tg-emoji>'
    return inner
