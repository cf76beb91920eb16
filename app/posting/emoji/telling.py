"""What becomes of a post's custom emoji in each channel, told before it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.channels.queries import ChannelRef
from app.core.errors import Invalid
from app.core.i18n import N_
from app.posting.content.blocks import Code, Content
from app.posting.content.tidy import tidy
from app.posting.emoji.standing import KEPT, PLAIN, UNKNOWN, standing_of
from app.posting.planning import settings

_MOST_SHOWN = 10
SENTENCES = {
    PLAIN: N_(
        "In %(channels)s these go out as plain emoji: %(emoji)s. Telegram keeps custom ones in a channel only for a bot"
        " with a username bought on Fragment."
    ),
    UNKNOWN: N_(
        "It is not known yet whether Telegram keeps custom emoji in %(channels)s: %(emoji)s may go out as plain ones."
        " The first post that holds some of those at hand tells it."
    ),
    KEPT: N_("In %(channels)s these go out as custom emoji: %(emoji)s."),
}


@dataclass(frozen=True, slots=True)
class Told:
    """`word`: kept, plain or unknown; in which channels (titles); `emoji`: the plain ones that stand for them."""

    word: str
    channels: tuple[str, ...]
    emoji: str

    @property
    def sentence(self) -> Invalid:
        """In words: an English sentence with its parameters."""
        return Invalid(SENTENCES[self.word], channels=", ".join(self.channels), emoji=self.emoji)


def said_in(workspace_id: int, refs: Iterable[ChannelRef], contents: Mapping[str, Content]) -> dict[str, Content]:
    """What a post says in channels, in their signatures and frames. `contents`: by public id, "" for the others."""
    dresses = settings.dresses_of(workspace_id)
    said = {key: contents[key] if key in contents else contents[""] for key in (ref.public_id for ref in refs)}
    return {key: settings.in_dress(content, dresses.get(key, {})) for key, content in said.items()}


def told_of(content: Content, bot_id: int | None, address: str, *, now: datetime) -> tuple[str, str]:
    """The word and the plain emoji of a post in one channel; ("", "") when it holds no custom ones."""
    shown = shown_of(content)
    if not shown or bot_id is None:
        return "", ""
    return standing_of(bot_id, address, now=now).word, shown


def told(contents: Mapping[str, Content], refs: Iterable[ChannelRef], *, now: datetime) -> list[Told]:
    """For the channels of a post (`contents`: by public id, dressed), those alike together; the worst news first."""
    found: dict[tuple[str, str], list[str]] = {}
    for ref in refs:
        word, shown = told_of(contents[ref.public_id], ref.bot_id, str(ref.telegram_chat_id), now=now)
        if word:
            found.setdefault((word, shown), []).append(ref.title)
    order = (PLAIN, UNKNOWN, KEPT)
    listed = sorted(found.items(), key=lambda item: order.index(item[0][0]))
    return [Told(word, tuple(titles), shown) for (word, shown), titles in listed]


def shown_of(content: Content) -> str:
    """The plain emoji of a post's custom ones, each once, as many as one can read."""
    return _shown(
        [
            span.text
            for block in tidy(content.blocks)
            if not isinstance(block, Code)
            for span in block.spans
            if span.emoji
        ]
    )


def _shown(texts: Sequence[str]) -> str:
    distinct = list(dict.fromkeys(texts))
    return " ".join(distinct[:_MOST_SHOWN]) + (" …" if len(distinct) > _MOST_SHOWN else "")
