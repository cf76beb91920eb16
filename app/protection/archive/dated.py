"""The line that says when a post was first published, at the end of its text and within Telegram's limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.core import formats, i18n
from app.core.i18n import N_
from app.posting.content import utf16
from app.posting.content.blocks import Block, Code, Content, Paragraph, Span, text_of
from app.posting.content.checks import CAPTION_LIMIT, ENTITY_LIMIT, TEXT_LIMIT
from app.posting.content.telegram import render

_NOTE = N_("First published %(at)s")
_BETWEEN = 2  # line breaks between the text and the line
_CUT = "…"


@dataclass(frozen=True, slots=True)
class Dated:
    """A post with its line. `is_cut`: the end of its words had to go."""

    content: Content
    is_cut: bool


def note_of(posted_at: datetime, *, language: str, zone: str) -> str:
    """The line in a language, the moment in a zone (an IANA name)."""
    return i18n.say(language, _NOTE, at=formats.dt(posted_at, language, zone))


def dated(content: Content, note: str) -> Dated:
    """The post with the line below its text.

    A caption that gets too long becomes a message of its own below the files; a text that does loses its end.
    """
    rendered = render(content.blocks)
    length = utf16.length(rendered.text) + (_BETWEEN if rendered.text else 0) + utf16.length(note)
    is_full = sum(one.type != "custom_emoji" for one in rendered.entities) >= ENTITY_LIMIT
    line = Paragraph((Span(note, frozenset() if is_full else frozenset({"italic"})),))
    options = content.options
    if content.media and length > CAPTION_LIMIT:
        options = replace(options, text_apart=True)
    blocks: Sequence[Block] = content.blocks
    if length > TEXT_LIMIT:
        blocks = cut(blocks, TEXT_LIMIT - _BETWEEN - utf16.length(note))
    parted = (*blocks, Paragraph(), line) if rendered.text else (line,)
    return Dated(replace(content, blocks=parted, options=options), length > TEXT_LIMIT)


def cut(blocks: Sequence[Block], most: int) -> tuple[Block, ...]:
    """The beginning of a text in at most so many UTF-16 units, the mark of its cut with it."""
    left, kept = most - utf16.length(_CUT), list[Block]()
    for block in blocks:
        size = utf16.length(text_of(block))
        if size > left:
            kept.append(_cut_block(block, left))
            break
        kept.append(block)
        left -= size + 1
    return (*kept, Paragraph((Span(_CUT),)))


def _cut_block(block: Block, most: int) -> Block:
    most = max(most - 1, 0)  # the line break before the mark of the cut
    if isinstance(block, Code):
        return replace(block, text=utf16.cut(block.text, 0, most))
    spans, left = list[Span](), most
    for span in block.spans:
        size = utf16.length(span.text)
        if size > left:
            spans += [] if span.emoji else [replace(span, text=utf16.cut(span.text, 0, left))]
            break
        spans.append(span)
        left -= size
    return replace(block, spans=tuple(spans))
