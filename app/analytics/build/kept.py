"""What was read of feeds that have not changed since: one channel's news does not read its whole network anew.

A feed's card moves in the transaction of every change to its rollups; the pages' ETags rest on the same promise.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from threading import Lock
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from cachetools import LRUCache

from app.analytics.queries import FeedCard
from app.core import db

_Read = TypeVar("_Read")
_MOST_DAYS = 30_000  # of all that is kept; a day takes some hundred bytes

_lock = Lock()
_kept: WeakKeyDictionary[Any, LRUCache[Hashable, Any]] = WeakKeyDictionary()


def unless_changed(
    cards: Mapping[int, FeedCard | None],
    what: Hashable,
    read: Callable[[list[int]], Mapping[int, _Read]],
    *,
    days: int,
) -> dict[int, _Read]:
    """By feed: `what` was read of it while its card was the same, and `read` of all the others at once.

    A feed without a card was never read, and is asked for each time. `days`: how many days one value holds, which bounds
    the memory: the least lately used values are forgotten.
    """
    with _lock:
        kept = _kept.setdefault(db.database.obj, LRUCache(_MOST_DAYS, getsizeof=lambda value: value[0]))
        found = {feed: kept[card, what][1] for feed, card in cards.items() if card and (card, what) in kept}
    missing = [feed for feed in cards if feed not in found]
    fresh = read(missing) if missing else {}
    with _lock:
        for feed, value in fresh.items():
            if cards[feed]:
                kept[cards[feed], what] = days, value
    return {feed: found[feed] if feed in found else fresh[feed] for feed in cards}


def forget() -> None:
    """Keep nothing: measurements of reading begin with this."""
    with _lock:
        _kept.clear()
