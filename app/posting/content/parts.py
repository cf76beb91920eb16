"""How one post becomes Telegram's messages, in their order.

One medium or an album carries the text as its caption. The text is a message of its own after the media when the
author wants it so (`text_apart`) or when an album has buttons, since Telegram gives albums none. A poll comes last.
Buttons stand on the last part that can carry them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from app.posting.content.blocks import Button, Content, Media, Poll, Preview
from app.posting.content.telegram import Entity, render
from app.posting.content.tidy import tidied

PartKind = Literal["message", "photo", "video", "animation", "document", "album", "poll"]


@dataclass(frozen=True, slots=True)
class Part:
    """One call to Telegram: one message, or an album.

    `text` is a message's text or the caption of a medium (of an album's first). Only the first part rings and is
    pinned. `preview` and `preview_above` matter to messages, `caption_above` to pictures and films.
    """

    kind: PartKind
    text: str = ""
    entities: tuple[Entity, ...] = ()
    media: tuple[Media, ...] = ()
    poll: Poll | None = None
    buttons: tuple[tuple[Button, ...], ...] = ()
    is_silent: bool = False
    is_protected: bool = False
    pin: bool = False
    preview: Preview = "auto"
    preview_above: bool = False
    caption_above: bool = False


def parts(content: Content) -> tuple[Part, ...]:
    """The messages of a post, () for an empty one. What `check` finds is not looked for: check first."""
    content = tidied(content)
    rendered, options = render(content.blocks), content.options
    found: list[Part] = []
    if content.media:
        kind: PartKind = "album" if len(content.media) > 1 else content.media[0].kind
        can_be_above = options.caption_above and kind != "document"
        found.append(Part(kind, media=content.media, caption_above=can_be_above and not is_text_apart(content)))
    if rendered.text and (not found or is_text_apart(content)):
        found.append(Part("message", preview=options.preview, preview_above=options.preview_above))
    if rendered.text:
        found[-1] = replace(found[-1], text=rendered.text, entities=rendered.entities)
    if content.poll:
        found.append(Part("poll", poll=content.poll))
    return tuple(_sent(part, content, is_first=index == 0) for index, part in enumerate(_with_buttons(found, content)))


def is_text_apart(content: Content) -> bool:
    """Whether the text of a post with media goes as a message of its own."""
    needs_bearer = len(content.media) > 1 and bool(content.buttons) and content.poll is None
    return bool(content.media) and (content.options.text_apart or needs_bearer)


def _with_buttons(found: list[Part], content: Content) -> list[Part]:
    bearer = next((index for index in reversed(range(len(found))) if found[index].kind != "album"), None)
    return [replace(part, buttons=content.buttons) if index == bearer else part for index, part in enumerate(found)]


def _sent(part: Part, content: Content, *, is_first: bool) -> Part:
    options = content.options
    return replace(
        part,
        is_silent=options.is_silent or not is_first,
        is_protected=options.is_protected,
        pin=options.pin and is_first,
    )
