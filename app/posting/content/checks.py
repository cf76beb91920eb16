"""What Telegram would refuse or silently change, told before the post is scheduled.

Limits: https://core.telegram.org/bots/api as quoted by aiogram 3.31 (2026-10-01). Lengths are in UTF-16 units, which
are never fewer than the characters that Telegram counts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from app.core.errors import Invalid
from app.core.i18n import N_
from app.core.plain_text import one_line
from app.posting.content import urls, utf16
from app.posting.content.blocks import Button, Content, Poll
from app.posting.content.parts import is_text_apart
from app.posting.content.telegram import Rendered, render
from app.posting.content.tidy import tidied

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
ALBUM_LIMIT = 10
ENTITY_LIMIT = 100  # more are dropped in silence (MAX_USER_ENTITY_COUNT of tdlib at 022d602)
EMOJI_LIMIT = 100
ROW_LIMIT = 8
BUTTON_LIMIT = 100
BUTTON_TEXT_LIMIT = 64
QUESTION_LIMIT = 300
OPTIONS_LIMIT = 12
OPTION_LIMIT = 100
EXPLANATION_LIMIT = 200
EXPLANATION_LINES = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a post. `field` is text, media, buttons, poll.question, poll.options, poll.answer or
    poll.explanation; `sentence` is English with `%(name)s` for `params`; a problem that is no error is a warning."""

    field: str
    sentence: str
    params: dict[str, Any] = dataclasses.field(default_factory=dict)
    is_error: bool = True


def check(content: Content) -> tuple[Problem, ...]:
    """All that is wrong with the post, in the order of the form; () when it can be sent as it is."""
    content = tidied(content)
    rendered = render(content.blocks)
    found = [*_text(content, rendered), *_media(content), *_buttons(content, rendered)]
    return (*found, *_poll(content.poll)) if content.poll else tuple(found)


def require(content: Content) -> None:
    """Raises Invalid with the first error of `check`, and by field the sentence of each field's first."""
    errors = [problem for problem in check(content) if problem.is_error]
    if errors:
        fields: dict[str, str] = {}
        for problem in errors:
            fields.setdefault(problem.field, problem.sentence % problem.params if problem.params else problem.sentence)
        raise Invalid(errors[0].sentence, fields=fields, code="content_refused", **errors[0].params)


def _text(content: Content, rendered: Rendered) -> Iterable[Problem]:
    if not (one_line(rendered.text) or content.media or content.poll):
        yield Problem("text", N_("Write something, or add a picture, a file or a poll."))
    elif rendered.text and not one_line(rendered.text):
        yield Problem("text", N_("The text has nothing that can be seen."))
    length, is_caption = utf16.length(rendered.text), bool(content.media) and not is_text_apart(content)
    if is_caption and length > CAPTION_LIMIT:
        yield Problem("text", _CAPTION_TOO_LONG, {"length": length, "limit": CAPTION_LIMIT})
    elif length > TEXT_LIMIT:
        yield Problem("text", _TEXT_TOO_LONG, {"length": length, "limit": TEXT_LIMIT})
    yield from _looks(rendered)


_CAPTION_TOO_LONG = N_(
    "Below a picture or file the text may have %(limit)s characters; it has %(length)s (an emoji counts as two or more)."
    " Shorten it, or send it as a message of its own."
)
_TEXT_TOO_LONG = N_("The text may have %(limit)s characters; it has %(length)s (an emoji counts as two or more).")


def _looks(rendered: Rendered) -> Iterable[Problem]:
    emoji = sum(entity.type == "custom_emoji" for entity in rendered.entities)
    looks = len(rendered.entities) - emoji
    if looks > ENTITY_LIMIT:
        sentence = N_("Telegram keeps %(limit)s formatted places in a post; this one has %(count)s.")
        yield Problem("text", sentence, {"count": looks, "limit": ENTITY_LIMIT})
    if emoji > EMOJI_LIMIT:
        sentence = N_("Telegram keeps %(limit)s custom emoji in a post; this one has %(count)s.")
        yield Problem("text", sentence, {"count": emoji, "limit": EMOJI_LIMIT})
    if emoji:
        yield Problem("text", CUSTOM_EMOJI, is_error=False)


# While no channel is chosen; for chosen ones posting.emoji.telling knows better.
CUSTOM_EMOJI = N_(
    "Telegram shows custom emoji in a channel only when the bot has a username bought on Fragment;"
    " otherwise everybody sees the plain ones."
)


def _media(content: Content) -> Iterable[Problem]:
    kinds = {medium.kind for medium in content.media}
    count = len(content.media)
    if count > ALBUM_LIMIT:
        sentence = N_("An album holds at most %(limit)s files; this one has %(count)s.")
        yield Problem("media", sentence, {"count": count, "limit": ALBUM_LIMIT})
    if count > 1 and "animation" in kinds:
        yield Problem("media", N_("An animation cannot be in an album; send it alone."))
    if "document" in kinds and len(kinds) > 1:
        yield Problem("media", N_("Documents make an album only among themselves."))
    if any(medium.has_spoiler and medium.kind == "document" for medium in content.media):
        yield Problem("media", N_("A document cannot be hidden behind a spoiler."))
    if content.options.caption_above and "document" in kinds and not is_text_apart(content):
        yield Problem("media", N_("The text of a document always stands below it."), is_error=False)


def _buttons(content: Content, rendered: Rendered) -> Iterable[Problem]:
    count = sum(len(row) for row in content.buttons)
    if count > BUTTON_LIMIT:
        sentence = N_("A post can have %(limit)s buttons; this one has %(count)s.")
        yield Problem("buttons", sentence, {"count": count, "limit": BUTTON_LIMIT})
    if any(len(row) > ROW_LIMIT for row in content.buttons):
        yield Problem("buttons", N_("A row can have %(limit)s buttons."), {"limit": ROW_LIMIT})
    if count and len(content.media) > 1 and not (content.poll or rendered.text):
        yield Problem("text", N_("An album carries no buttons. Write a text: the buttons will stand below it."))
    for row in content.buttons:
        for button in row:
            yield from _button(button)


def _button(button: Button) -> Iterable[Problem]:
    if not one_line(button.text):
        yield Problem("buttons", N_("Give every button a text."))
    elif utf16.length(button.text) > BUTTON_TEXT_LIMIT:
        sentence = N_("The text of the button “%(text)s” is longer than %(limit)s characters.")
        yield Problem("buttons", sentence, {"text": button.text, "limit": BUTTON_TEXT_LIMIT})
    url = urls.checked(button.url)
    if url is None:
        sentence = N_("The button “%(text)s” needs an address that begins with https://, http:// or tg://.")
        yield Problem("buttons", sentence, {"text": button.text})
    elif button.is_tracked and url.startswith("tg:"):
        sentence = N_("Clicks on “%(text)s” cannot be counted: only links to https:// and http:// can.")
        yield Problem("buttons", sentence, {"text": button.text})


def _poll(poll: Poll) -> Iterable[Problem]:
    yield from _words("poll.question", poll.question, QUESTION_LIMIT, N_("Write the question of the poll."))
    if not 2 <= len(poll.options) <= OPTIONS_LIMIT:
        yield Problem("poll.options", N_("A poll needs 2 to %(limit)s options."), {"limit": OPTIONS_LIMIT})
    for option in poll.options:
        yield from _words("poll.options", option, OPTION_LIMIT, N_("Fill in every option of the poll."))
    if poll.answer is not None:
        yield from _quiz(poll, poll.answer)
    elif poll.explanation:
        yield Problem("poll.explanation", N_("Only a quiz can explain its answer."))


def _quiz(poll: Poll, answer: int) -> Iterable[Problem]:
    if not 0 <= answer < len(poll.options):
        yield Problem("poll.answer", N_("Choose the right answer of the quiz."))
    if poll.is_multiple:
        yield Problem("poll.answer", N_("A quiz has one right answer; it cannot allow several."))
    if utf16.length(poll.explanation) > EXPLANATION_LIMIT or poll.explanation.count("\n") >= EXPLANATION_LINES:
        sentence = N_("The explanation can have %(limit)s characters in %(lines)s lines.")
        yield Problem("poll.explanation", sentence, {"limit": EXPLANATION_LIMIT, "lines": EXPLANATION_LINES})


def _words(place: str, text: str, limit: int, missing: str) -> Iterable[Problem]:
    if not one_line(text):
        yield Problem(place, missing)
    elif utf16.length(text) > limit:
        sentence = N_("This may have %(limit)s characters; it has %(length)s: “%(text)s”")
        yield Problem(place, sentence, {"limit": limit, "length": utf16.length(text), "text": text[:40]})
