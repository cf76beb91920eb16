"""Forwarding the next ids into the bot's storage channel: what Telegram forwards is there, and says what it holds."""

from __future__ import annotations

import time

from app.core import clock
from app.core.errors import Upstream
from app.posting.readers.base import Look, Place
from app.readings.collectors.base import SeenPost, hash_text, utf16_length
from app.telegram import budget
from app.telegram import service as telegram
from app.telegram.outgoing import Sent
from app.telegram.service import Bots

_MOST, _MOST_GAP = 12, 4
_MOST_TRIES, _LONGEST_WAIT_S = 10, 5.0


class ForwardProbe:
    """Reads private channels, at the price of messages in the storage channel, which it deletes again.

    Ids without a message may be deleted posts: only after four in a row is the end taken as reached.
    """

    name = "forward_probe"

    def __init__(self, bots: Bots) -> None:
        self._bots = bots

    def look(self, place: Place) -> Look | None:
        bot = telegram.bot_by_id(place.bot_id)
        if bot is None or bot.storage_chat_id is None or not place.last_message_id:
            return None
        line, storage = self._bots.publisher(bot), int(bot.storage_chat_id)
        seen: list[tuple[int, Sent]] = []
        gap = 0
        for message_id in range(place.last_message_id + 1, place.last_message_id + 1 + _MOST):
            _wait_for_turn(place.bot_id, storage)
            copy = line.forward(place.telegram_chat_id, message_id, to_chat_id=storage)
            gap = gap + 1 if copy is None else 0
            if copy is not None:
                seen.append((message_id, copy))
                line.delete_messages(storage, [copy.message_id])
            if gap >= _MOST_GAP:
                break
        return Look(_posts(seen, place), is_whole=gap >= _MOST_GAP)


def _wait_for_turn(bot_id: int, chat_id: int) -> None:
    """Take a message of the bot's budget. Raises Upstream when that takes longer than a look should."""
    for _ in range(_MOST_TRIES):
        wait_s = budget.reserve_send(bot_id, chat_id, now=clock.utcnow())
        if not wait_s:
            return
        if wait_s > _LONGEST_WAIT_S:
            break
        time.sleep(wait_s)
    raise Upstream("The bot has to wait before it can look.", retry_after_s=wait_s)


def _posts(seen: list[tuple[int, Sent]], place: Place) -> list[SeenPost]:
    """The forwarded messages as posts; neighbours without a text of the same medium are taken for one album."""
    posts: list[SeenPost] = []
    for message_id, copy in seen:
        last = posts[-1] if posts else None
        is_item = (
            copy.media != "text" and not copy.text and last is not None and last.media in ((copy.media,), ("album",))
        )
        if is_item and last is not None and message_id == (last.album_ids or (last.message_id or 0,))[-1] + 1:
            posts[-1] = _as_post(
                last.message_id or 0,
                last.text_hash,
                last.text_length,
                "album",
                place,
                (*(last.album_ids or (last.message_id or 0,)), message_id),
            )
        else:
            text_hash, length = hash_text(copy.text), utf16_length(copy.text) if copy.text else None
            posts.append(_as_post(message_id, text_hash, length, copy.media, place, ()))
    return posts


def _as_post(
    message_id: int, text_hash: str | None, length: int | None, media: str, place: Place, album: tuple[int, ...]
) -> SeenPost:
    return SeenPost(
        message_id=message_id,
        origin_uid=None,
        posted_at=place.since,  # a forward is dated anew; its id lies after the last one known, and that is what counts
        edited=False,
        views=None,
        reactions=None,
        media=(media,) if media != "text" else (),
        text_length=length,
        text_hash=text_hash,
        is_service=False,
        album_ids=album,
    )
