"""The text that people type, and the blocks that it says. The marks are those of Telegram Desktop's users.

Within lines see `inline`. Lines that begin with `>` are a quote; `>>` begins another one below it, `>>>` begins an
expandable one, which goes on with `>`. Code stands between a line of three or more backticks (with the language)
and the next line that ends with as many; ```code``` alone on its line is code too. Everything else is text: nothing
is refused.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable

from app.posting.content.blocks import Block, Code, Paragraph, Quote, Span
from app.posting.content.clean import clean, has_ink
from app.posting.content.inline import read_spans, write_spans
from app.posting.content.tidy import is_language, tidy

_OPENING = re.compile(r"(`{3,})([^`\s]*)")
_CLOSING = re.compile(r"(?<!`)`{3,}\Z")
_ONE_LINE = re.compile(r"```([^`]+)```")
_QUOTED = re.compile(r"(>>>|>>|>) ?(.*)")


def parse(text: str) -> tuple[Block, ...]:
    """The blocks, in normal form, that the text says. Links to anything but http, https and tg stay text."""
    lines = clean(text).split("\n")
    closings = _closings(lines)
    blocks: list[Block] = []
    at = 0
    while at < len(lines):
        block, at = _code(lines, at, closings) or _quote(lines, at) or _paragraph(lines, at)
        blocks.append(block)
    return tidy(blocks)


def write(blocks: Iterable[Block]) -> str:
    """The text that says these blocks: `parse(write(blocks)) == tidy(blocks)`."""
    result: list[str] = []
    before: Block | None = None
    for block in tidy(blocks):
        result.append(_written(block, is_after_quote=isinstance(before, Quote)))
        before = block
    return "\n".join(result)


def _closings(lines: list[str]) -> dict[int, list[int]]:
    """By number of backticks, the lines that end with so many."""
    result: dict[int, list[int]] = defaultdict(list)
    for index, line in enumerate(lines):
        if found := _CLOSING.search(line):
            result[len(found[0])].append(index)
    return result


def _code(lines: list[str], at: int, closings: dict[int, list[int]]) -> tuple[Block, int] | None:
    if (alone := _ONE_LINE.fullmatch(lines[at])) and has_ink(alone[1]):
        return Code(alone[1]), at + 1
    opening = _OPENING.fullmatch(lines[at])
    if not opening or (opening[2] and not is_language(opening[2])):
        return None
    ends = closings.get(len(opening[1]), [])
    nearest = bisect_right(ends, at)
    if nearest == len(ends):
        return None
    end = ends[nearest]
    last = lines[end][: -len(opening[1])]
    text = "\n".join([*lines[at + 1 : end], *([last] if last else [])])
    return (Code(text, opening[2]), end + 1) if has_ink(text) else None


def _quote(lines: list[str], at: int) -> tuple[Block, int] | None:
    """The quote that begins here, or the lines as text where it says nothing."""
    first = _QUOTED.fullmatch(lines[at])
    if not first:
        return None
    said, end = [first[2]], at + 1
    while end < len(lines) and (more := _QUOTED.fullmatch(lines[end])) and more[1] == ">":
        said.append(more[2])
        end += 1
    if not has_ink("".join(said)):
        return Paragraph((Span("\n".join(lines[at:end])),)), end
    return Quote(read_spans("\n".join(said)), is_expandable=first[1] == ">>>"), end


def _paragraph(lines: list[str], at: int) -> tuple[Block, int]:
    """One line that is nothing else, and those after it that cannot be."""
    end = at + 1
    while end < len(lines) and not lines[end].startswith((">", "```")):
        end += 1
    return Paragraph(read_spans("\n".join(lines[at:end]))), end


def _written(block: Block, *, is_after_quote: bool) -> str:
    if isinstance(block, Code):
        return _fenced(block)
    said = write_spans(block.spans)
    if isinstance(block, Paragraph):
        return re.sub(r"^>", r"\\>", said, flags=re.M)
    begin = ">>>" if block.is_expandable else ">>" if is_after_quote else ">"
    first, *more = said.split("\n")
    return "\n".join(f"{sign} {line}" if line else sign for sign, line in [(begin, first), *((">", m) for m in more)])


def _fenced(code: Code) -> str:
    longest = max((len(found[0]) for line in code.text.split("\n") if (found := _CLOSING.search(line))), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{code.language}\n{code.text}\n{fence}"
