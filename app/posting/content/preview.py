"""How Telegram shows the text of a post, as HTML without inline style or script.

Every line is a <p> that finds its own direction, as in Telegram; the style sheet gives `blank` lines their height and
hides what is in `spoiler` until it is pressed. Between lines and blocks stand line breaks, so that the text of the
HTML is the text that is sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from itertools import groupby

from app.posting.content.blocks import Block, Code, Mark, Quote, Span, lines_of
from app.posting.content.tidy import tidy

_TAGS: dict[Mark, tuple[str, str]] = {
    "code": ("<code>", "</code>"),
    "spoiler": ('<span class="spoiler">', "</span>"),
    "strike": ("<s>", "</s>"),
    "underline": ("<u>", "</u>"),
    "italic": ("<i>", "</i>"),
    "bold": ("<b>", "</b>"),
}
# What Telegram makes a link by itself: it is coloured only, since Telegram's own rules are longer.
_FOUND = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?)]|(?<!\w)@[A-Za-z]\w{3,31}\b|(?<!\w)#\w+")


def html(blocks: Iterable[Block]) -> str:
    """The blocks as HTML; what people typed is escaped."""
    return "\n".join(_block(block) for block in tidy(blocks))


def _block(block: Block) -> str:
    if isinstance(block, Code):
        name = f' class="language-{escape(block.language)}"' if block.language else ""
        return f"<pre><code{name}>{escape(block.text)}</code></pre>"
    lines = "\n".join(_line(line) for line in lines_of(block.spans))
    if isinstance(block, Quote):
        name = ' class="expandable"' if block.is_expandable else ""
        return f"<blockquote{name}>{lines}</blockquote>"
    return lines


def _line(spans: list[Span]) -> str:
    if not spans:
        return '<p class="blank"></p>'
    return (
        f'<p dir="auto">{"".join(_linked(link, list(group)) for link, group in groupby(spans, lambda s: s.link))}</p>'
    )


def _linked(link: str | None, spans: list[Span]) -> str:
    inner = "".join(_span(span) for span in spans)
    return f'<a href="{escape(link)}" rel="noopener nofollow" target="_blank">{inner}</a>' if link else inner


def _span(span: Span) -> str:
    shown = escape(span.text) if span.link or span.emoji or "code" in span.marks else _with_found(span.text)
    if span.emoji:
        shown = f'<span class="custom-emoji" data-emoji="{escape(span.emoji)}">{shown}</span>'
    for mark, (begin, end) in _TAGS.items():
        if mark in span.marks:
            shown = f"{begin}{shown}{end}"
    return shown


def _with_found(text: str) -> str:
    result, at = "", 0
    for found in _FOUND.finditer(text):
        result += f'{escape(text[at : found.start()])}<span class="found-link">{escape(found[0])}</span>'
        at = found.end()
    return result + escape(text[at:])
