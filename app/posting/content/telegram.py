"""Blocks as Telegram's text with entities, and back.

The order and the cuts of entities are those of sort_entities and split_entities of https://github.com/tdlib/td at
022d602 (2026-07-17), which the Bot API server runs over what a bot sends and over what it reads: what `render` gives
comes back unchanged. Space around the text goes even where an entity covers it, so no server has anything to trim.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import Any

from app.posting.content import utf16
from app.posting.content.blocks import Block, Code, Mark, Paragraph, Quote, Span, plain_text, text_of
from app.posting.content.tidy import holds, tidy

# The order of Telegram's entities of the same place (MessageEntity::get_type_priority).
_ORDER = {
    "blockquote": 0,
    "expandable_blockquote": 0,
    "pre": 10,
    "code": 20,
    "text_link": 49,
    "bold": 90,
    "italic": 91,
    "underline": 92,
    "strikethrough": 93,
    "spoiler": 94,
    "custom_emoji": 99,
}
_TYPES: dict[Mark, str] = {
    "bold": "bold",
    "italic": "italic",
    "underline": "underline",
    "strike": "strikethrough",
    "spoiler": "spoiler",
    "code": "code",
}
_MARKS: dict[str, Mark] = {kind: mark for mark, kind in _TYPES.items()} | {"pre": "code"}  # pre within a quote
_CONTAINERS = ("blockquote", "expandable_blockquote", "pre")


@dataclass(frozen=True, slots=True)
class Entity:
    """A MessageEntity of the Bot API; `offset` and `length` in UTF-16 units."""

    type: str
    offset: int
    length: int
    url: str | None = None
    language: str | None = None
    custom_emoji_id: str | None = None

    @property
    def end(self) -> int:
        return self.offset + self.length

    def to_api(self) -> dict[str, Any]:
        """The entity as the Bot API's JSON."""
        names = ("type", "offset", "length", "url", "language", "custom_emoji_id")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    @classmethod
    def from_api(cls, doc: dict[str, Any]) -> Entity:
        """The entity of the Bot API's JSON; of what we do not know only the place stays."""
        given = {name: doc.get(name) for name in ("url", "language", "custom_emoji_id")}
        return cls(str(doc["type"]), int(doc["offset"]), int(doc["length"]), **given)


@dataclass(frozen=True, slots=True)
class Rendered:
    """What is sent: `entities` in Telegram's order."""

    text: str
    entities: tuple[Entity, ...]


def render(blocks: Iterable[Block]) -> Rendered:
    """The blocks as Telegram gets and keeps them."""
    tree = tidy(blocks)
    marks: list[Entity] = []
    others: list[Entity] = []
    offset = 0
    for block in tree:
        size = utf16.length(text_of(block))
        if isinstance(block, Code):
            others.append(Entity("pre", offset, size, language=block.language or None))
        else:
            if isinstance(block, Quote):
                others.append(Entity("expandable_blockquote" if block.is_expandable else "blockquote", offset, size))
            _add_spans(block.spans, offset, marks, others)
        offset += size + 1
    entities = [*others, *_cut(marks, others)]
    return Rendered(plain_text(tree), tuple(sorted(entities, key=lambda e: (e.offset, -e.length, _ORDER[e.type]))))


def read(text: str, entities: Sequence[Entity]) -> tuple[Block, ...]:
    """The blocks, in normal form, of a text of Telegram's: the inverse of `render`.

    Entities that Telegram finds by itself (addresses, mentions, hashtags) are text; ones that reach beyond the text or
    into half a character are clipped.
    """
    placed = _placed(text, entities)
    blocks: list[Block] = []
    at = 0
    for container in _containers(placed):
        blocks += _between(text, placed, at, container.offset, is_last=False)
        blocks.append(_contained(text, placed, container))
        at = container.end
    return tidy([*blocks, *_between(text, placed, at, len(text), is_last=True)])


def _add_spans(spans: Iterable[Span], offset: int, marks: list[Entity], others: list[Entity]) -> None:
    """Add the entities of one block's spans, `offset` units behind the beginning of the text."""
    pieces: list[tuple[int, int, Span]] = []
    for span in spans:
        pieces.append((offset, utf16.length(span.text), span))
        offset += pieces[-1][1]
    for mark, kind in _TYPES.items():
        found = [Entity(kind, at, size) for at, size, _ in _runs(pieces, partial(holds, mark))]
        (others if mark == "code" else marks).extend(found)
    links = _runs(pieces, lambda span: span.link)
    others += [Entity("text_link", at, size, url=span.link) for at, size, span in links]
    others += [Entity("custom_emoji", at, n, custom_emoji_id=span.emoji) for at, n, span in pieces if span.emoji]


def _runs(pieces: Iterable[tuple[int, int, Span]], held: Callable[[Span], object]) -> Iterable[tuple[int, int, Span]]:
    """Offset, length and first span of each row of pieces that hold the same."""
    for value, group in groupby(pieces, key=lambda piece: held(piece[2])):
        run = list(group)
        if value:
            yield run[0][0], sum(size for _, size, _ in run), run[0][2]


def _cut(marks: list[Entity], others: list[Entity]) -> Iterable[Entity]:
    """The marks, cut where another mark begins and where anything else begins or ends."""
    cuts = sorted({m.offset for m in marks} | {o.offset for o in others} | {o.end for o in others})
    for mark in marks:
        edges = [mark.offset, *(cut for cut in cuts if mark.offset < cut < mark.end), mark.end]
        for start, end in zip(edges, edges[1:], strict=False):
            yield replace(mark, offset=start, length=end - start)


def _placed(text: str, entities: Sequence[Entity]) -> list[Entity]:
    """The entities that we know, with offsets as indexes of `text`, in Telegram's order."""
    starts, ends = utf16.boundaries(text)
    units = len(starts) - 1
    result = []
    for entity in entities:
        start = starts[min(max(entity.offset, 0), units)]
        size = ends[min(max(entity.end, 0), units)] - start
        if entity.type in _ORDER and size > 0:
            result.append(replace(entity, offset=start, length=size))
    return sorted(result, key=lambda e: (e.offset, -e.length, _ORDER[e.type]))


def _containers(placed: list[Entity]) -> list[Entity]:
    """Quotes and blocks of code that do not meet; of those that do the first."""
    result: list[Entity] = []
    for entity in placed:
        if entity.type in _CONTAINERS and (not result or result[-1].end <= entity.offset):
            result.append(entity)
    return result


def _contained(text: str, placed: list[Entity], container: Entity) -> Block:
    start, end = container.offset, container.end
    if container.type == "pre":
        return Code(text[start:end], container.language or "")
    return Quote(_spans(text, placed, start, end), is_expandable=container.type == "expandable_blockquote")


def _between(text: str, placed: list[Entity], start: int, end: int, *, is_last: bool) -> list[Block]:
    """The paragraph between two containers, without the line breaks that part it from them."""
    if start > 0 and text.startswith("\n", start, end):
        start += 1
    if start == end:
        return []
    if not is_last and text[end - 1] == "\n":
        end -= 1
    return [Paragraph(_spans(text, placed, start, end))]


def _spans(text: str, placed: list[Entity], start: int, end: int) -> tuple[Span, ...]:
    inside = [entity for entity in placed if entity.offset < end and start < entity.end]
    emoji = _emoji(inside, start, end)
    edges = {start, end} | {edge for e in inside for edge in (e.offset, e.end) if start < edge < end}
    edges -= {edge for edge in edges for e in emoji if e.offset < edge < e.end}
    cuts = sorted(edges | {edge for e in emoji for edge in (e.offset, e.end)})
    return tuple(_span(text, inside, emoji, a, b) for a, b in zip(cuts, cuts[1:], strict=False))


def _emoji(inside: list[Entity], start: int, end: int) -> list[Entity]:
    result: list[Entity] = []
    for entity in inside:
        is_whole = start <= entity.offset and entity.end <= end
        if entity.type == "custom_emoji" and is_whole and (not result or result[-1].end <= entity.offset):
            result.append(entity)
    return result


def _span(text: str, inside: list[Entity], emoji: list[Entity], start: int, end: int) -> Span:
    over = [entity for entity in inside if entity.offset <= start and end <= entity.end]
    marks = frozenset(_MARKS[entity.type] for entity in over if entity.type in _MARKS)
    link = next((entity.url for entity in over if entity.type == "text_link"), None)
    shown = next((entity.custom_emoji_id for entity in emoji if (entity.offset, entity.end) == (start, end)), None)
    return Span(text[start:end], marks, link, shown)
