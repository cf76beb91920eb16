"""The normal form of a tree: what looks the same on Telegram is the same tree, and is delivered as composed.

Marks and links neither begin nor end with space; code carries no other look; a link carries no custom emoji
(Telegram forbids both nestings: are_entities_valid of https://github.com/tdlib/td at 022d602, 2026-07-17);
neighbours that look alike are one span, neighbouring paragraphs one paragraph; no space stands around the whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from itertools import groupby
from operator import attrgetter

from app.posting.content import urls
from app.posting.content.blocks import MARKS, Block, Code, Content, Mark, Paragraph, Poll, Span, text_of
from app.posting.content.clean import BLANKS, calm, clean, has_ink

_PIECE = re.compile(r"\n+| +|[^ \n]+")
_LANGUAGE = re.compile(r"[\w+#.-]{1,40}")
_EMOJI_ID = re.compile(r"[1-9][0-9]{0,18}")
_CODE: frozenset[Mark] = frozenset({"code"})


def is_emoji_id(text: str) -> bool:
    """Whether the text can be the id of a custom emoji: a positive 64-bit number."""
    return bool(_EMOJI_ID.fullmatch(text))


def is_language(text: str) -> bool:
    """Whether the text can name the language of a block of code."""
    return bool(_LANGUAGE.fullmatch(text))


def holds(mark: Mark, span: Span) -> bool:
    """Whether the span has the mark."""
    return mark in span.marks


def tidied(content: Content) -> Content:
    """The content in normal form: blocks as `tidy` makes them, trimmed words, no empty row of buttons."""
    rows = tuple(tuple(replace(b, text=_line(b.text), url=_line(b.url)) for b in row) for row in content.buttons if row)
    return replace(content, blocks=tidy(content.blocks), poll=content.poll and _poll(content.poll), buttons=rows)


def tidy(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """The blocks in normal form; doing it twice changes nothing."""
    cleaned = [_cleaned(block) for block in blocks]
    kept = [block for block in cleaned if isinstance(block, Paragraph) or has_ink(text_of(block))]
    return tuple(_trimmed(_merged(kept)))


def tidy_spans(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The spans of one block in normal form."""
    pieces = [piece for span in _calmed([replace(s, text=clean(s.text)) for s in spans]) for piece in _pieces(span)]
    for mark in MARKS:
        pieces = _shrunk(pieces, partial(holds, mark), partial(_without, mark))
    return _joined(_shrunk(pieces, attrgetter("link"), lambda piece: replace(piece, link=None)))


def _line(text: str) -> str:
    return clean(text).strip(BLANKS)


def _poll(poll: Poll) -> Poll:
    options = tuple(_line(option) for option in poll.options)
    return replace(poll, question=_line(poll.question), options=options, explanation=_line(poll.explanation))


def _cleaned(block: Block) -> Block:
    if isinstance(block, Code):
        return Code(calm(clean(block.text)), block.language if is_language(block.language) else "")
    return replace(block, spans=tidy_spans(block.spans))


def _calmed(spans: list[Span]) -> list[Span]:
    text, at, result = calm("".join(span.text for span in spans)), 0, []
    for span in spans:
        result.append(replace(span, text=text[at : at + len(span.text)]))
        at += len(span.text)
    return result


def _pieces(span: Span) -> list[Span]:
    """The span as words, spaces and line breaks, with only the looks that may meet."""
    marks = _CODE if "code" in span.marks else span.marks
    link = urls.checked(span.link) if span.link and marks is not _CODE else None
    is_emoji = not link and marks is not _CODE and is_emoji_id(span.emoji or "")
    if is_emoji and span.text and not set(BLANKS) & set(span.text):
        return [replace(span, marks=marks, link=None)]
    texts = _PIECE.findall(span.text)
    return [Span(text, marks - _CODE if text[0] == "\n" else marks, link) for text in texts]


def _without(mark: Mark, piece: Span) -> Span:
    return replace(piece, marks=piece.marks - {mark})


def _shrunk(pieces: list[Span], held: Callable[[Span], object], without: Callable[[Span], Span]) -> list[Span]:
    """A look taken from the spaces at both ends of each run that has it."""
    result: list[Span] = []
    for value, group in groupby(pieces, key=held):
        run = list(group)
        inked = [index for index, piece in enumerate(run) if has_ink(piece.text)] if value else range(len(run))
        first, last = (inked[0], inked[-1]) if inked else (len(run), 0)
        result += [piece if first <= index <= last else without(piece) for index, piece in enumerate(run)]
    return result


def _joined(pieces: Iterable[Span]) -> tuple[Span, ...]:
    result: list[Span] = []
    for (marks, link, emoji), group in groupby(pieces, key=attrgetter("marks", "link", "emoji")):
        texts = [piece.text for piece in group]
        result += [Span(text, marks, link, emoji) for text in (texts if emoji else ["".join(texts)])]
    return tuple(result)


def _merged(blocks: list[Block]) -> list[Block]:
    result: list[Block] = []
    for block in blocks:
        before = result[-1] if result else None
        if isinstance(block, Paragraph) and isinstance(before, Paragraph):
            result[-1] = Paragraph(_joined([*before.spans, Span("\n"), *block.spans]))
        else:
            result.append(block)
    return result


def _trimmed(blocks: list[Block]) -> list[Block]:
    while blocks and not has_ink(text_of(blocks[0])):
        blocks = blocks[1:]
    while blocks and not has_ink(text_of(blocks[-1])):
        blocks = blocks[:-1]
    if blocks:
        blocks = [_stripped(blocks[0], str.lstrip, 0), *blocks[1:]]
        blocks = [*blocks[:-1], _stripped(blocks[-1], str.rstrip, -1)]
    return blocks


def _stripped(block: Block, strip: Callable[[str, str], str], end: int) -> Block:
    """The block without the space at its beginning (`end` 0) or end (-1); a span of space alone stands there bare."""
    if isinstance(block, Code):
        return replace(block, text=strip(block.text, BLANKS))
    spans = list(block.spans)
    spans[end] = replace(spans[end], text=strip(spans[end].text, BLANKS))
    return replace(block, spans=tuple(span for span in spans if span.text))
