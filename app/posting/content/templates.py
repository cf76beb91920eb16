"""What a channel adds to its posts: a frame around the text, and a signature below it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from app.posting.content.blocks import Block, Content, Paragraph, Span, lines_of
from app.posting.content.tidy import tidy

PLACE = "{text}"


def with_signature(content: Content, signature: Iterable[Block]) -> Content:
    """The content with the signature below its text, an empty line between.

    Without media and text there is nothing to sign (a poll alone stays a poll); `options.signature` off leaves it out.
    """
    text, signed = tidy(content.blocks), tidy(signature)
    if not signed or not content.options.signature or not (text or content.media):
        return content
    return replace(content, blocks=tidy([*text, Paragraph(), *signed] if text else signed))


def framed(content: Content, template: Iterable[Block]) -> Content:
    """The content with its text at the template's place: a line that is just {text}, below everything without one."""
    before, after = _halves(tidy(template))
    text = tidy(content.blocks)
    if not text:
        before, after = [*tidy(before), Paragraph()], [*tidy(after)]
    return replace(content, blocks=tidy([*before, *text, *after]))


def _halves(template: tuple[Block, ...]) -> tuple[list[Block], list[Block]]:
    for index, block in enumerate(template):
        lines = lines_of(block.spans) if isinstance(block, Paragraph) else []
        place = next((number for number, line in enumerate(lines) if _text(line) == PLACE), None)
        if place is not None:
            before, after = [*template[:index]], [*template[index + 1 :]]
            above, below = _paragraphs(lines[:place]), _paragraphs(lines[place + 1 :])
            return [*before, *above], [*below, *after]
    return [*template], []


def _text(line: list[Span]) -> str:
    return "".join(span.text for span in line).strip()


def _paragraphs(lines: list[list[Span]]) -> list[Block]:
    return [Paragraph(tuple(line)) for line in lines]
