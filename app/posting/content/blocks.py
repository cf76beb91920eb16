"""The parts of a post, whatever network shows it: blocks of text, media, a poll, buttons and options.

A tree as typed may hold anything. `tidy` gives the one form in which equal looks are equal trees.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

Mark = Literal["bold", "italic", "underline", "strike", "spoiler", "code"]
MediaKind = Literal["photo", "video", "animation", "document"]
Preview = Literal["auto", "off", "small", "large"]

MARKS: tuple[Mark, ...] = ("bold", "italic", "underline", "strike", "spoiler", "code")
MEDIA_KINDS: tuple[MediaKind, ...] = ("photo", "video", "animation", "document")
PREVIEWS: tuple[Preview, ...] = ("auto", "off", "small", "large")


@dataclass(frozen=True, slots=True)
class Span:
    """Text of one look. `link` is an address; `emoji` the id of a custom emoji whose plain fallback is `text`."""

    text: str
    marks: frozenset[Mark] = frozenset()
    link: str | None = None
    emoji: str | None = None


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines of text. An empty one between two other blocks is an empty line."""

    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Quote:
    """A quotation, with line breaks in its text; an expandable one shows three lines until it is opened."""

    spans: tuple[Span, ...]
    is_expandable: bool = False


@dataclass(frozen=True, slots=True)
class Code:
    """Lines of a program; `language` colours them, "" leaves them plain."""

    text: str
    language: str = ""


Block = Paragraph | Quote | Code


@dataclass(frozen=True, slots=True)
class Media:
    """A picture, film or file: `file` is the public id of the workspace's media file."""

    kind: MediaKind
    file: str
    has_spoiler: bool = False


@dataclass(frozen=True, slots=True)
class Poll:
    """A question. `answer` is the index of the right option of a quiz, None for an ordinary poll."""

    question: str
    options: tuple[str, ...]
    is_multiple: bool = False
    answer: int | None = None
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class Button:
    """A button that opens an address; one that `is_tracked` goes through our link and counts its clicks."""

    text: str
    url: str
    is_tracked: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """How the post is sent and shown.

    `preview` is the picture of the first link. `text_apart` sends the text as its own message after the media, so
    that it may be as long as a text and not as a caption. `signature` says whether the channel's signature is put
    below the text.
    """

    is_silent: bool = False
    is_protected: bool = False
    pin: bool = False
    preview: Preview = "auto"
    preview_above: bool = False
    caption_above: bool = False
    signature: bool = True
    text_apart: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """A post as composed. `buttons` are rows from top to bottom."""

    blocks: tuple[Block, ...] = ()
    media: tuple[Media, ...] = ()
    poll: Poll | None = None
    buttons: tuple[tuple[Button, ...], ...] = ()
    options: Options = field(default_factory=Options)


def plain_text(blocks: tuple[Block, ...]) -> str:
    """The text without its looks, a line break between blocks."""
    return "\n".join(text_of(block) for block in blocks)


def lines_of(spans: Iterable[Span]) -> list[list[Span]]:
    """The spans line by line; an empty line has none."""
    result: list[list[Span]] = [[]]
    for span in spans:
        for number, text in enumerate(span.text.split("\n")):
            if number:
                result.append([])
            if text:
                result[-1].append(replace(span, text=text))
    return result


def text_of(block: Block) -> str:
    """The text of one block without its looks."""
    return block.text if isinstance(block, Code) else "".join(span.text for span in block.spans)
