"""Prints of what stands on channels' public pages: read from the newest post back to what is known, a piece at a time.

What a scan does not come to is a gap of message ids, kept, and read by the next scan once it has read what is new.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.core import db
from app.core.errors import AppError
from app.protection import texts
from app.protection.models import PrintWatch
from app.protection.pictures import PicturePrint, print_of
from app.protection.service.prints import LOOK_BACK, kept, picture_of
from app.protection.sources.base import FoundPage, FoundPost, PostSource

_FRESH = timedelta(hours=1)  # what another scan has read whole so lately is not read again
_MOST_PAGES, _MOST_PAGES_OF_ALL, _LEAST_PAGES = 40, 400, 3
_MOST_PICTURES = 3


@dataclass(frozen=True, slots=True)
class Public:
    """A channel that has a public page."""

    chat_id: int
    username: str


@dataclass(frozen=True, slots=True)
class Turn:
    """What of a scan reads: begun at `since`, at most `pages` of a channel; `is_over` says to go on another time."""

    source: PostSource
    since: datetime
    pages: int
    is_over: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class _Reach:
    """How far a channel is read: to `newest`, but for the ids from `gap_from` (out) to `gap_to` (out), if there is one.

    `gap_at`: of when the oldest post above the gap is. `pages`: how many the running scan has read.
    """

    newest: int | None = None
    gap_from: int | None = None
    gap_to: int | None = None
    gap_at: datetime | None = None
    pages: int = 0


def most_pages(channels: int) -> int:
    """How many pages of each a scan of so many channels reads: one of many must not hold up others' scans for a day."""
    return max(_LEAST_PAGES, min(_MOST_PAGES, _MOST_PAGES_OF_ALL // max(1, channels)))


def is_read(one: Public, *, since: datetime, pages: int) -> bool:
    """Whether a scan that began then has done its part of a channel."""
    watch = _watch(one)
    if watch is None or watch.read_at < since:
        return False
    return watch.gap_to is None or watch.error is not None or watch.pages >= pages


def was_read(one: Public) -> bool:
    watch = _watch(one)
    return watch is not None and watch.error is None


def _watch(one: Public) -> PrintWatch | None:
    found: PrintWatch | None = PrintWatch.get_or_none(PrintWatch.chat_id == one.chat_id)
    return found


def refresh(one: Public, turn: Turn, *, now: datetime) -> bool:
    """Print the posts that no scan has read yet, the newest first; False when the turn was over before that.

    What fails is kept where people see it, and tried again with the next scan. Raises nothing of the source's.
    """
    watch = _watch(one)
    if watch is not None and watch.read_at < turn.since and _is_fresh(watch, now=now):
        return True
    reach = _reach(watch, turn)
    try:
        while True:
            reach = _read_page(one, reach, turn.source, oldest=now - LOOK_BACK)
            _note(one, reach, None, now=now)
            if reach.gap_to is None or reach.pages >= turn.pages:
                return True
            if turn.is_over():
                return False
    except AppError as failure:
        _note(one, reach, failure.message[:300], now=now)
        return True


def _is_fresh(watch: PrintWatch, *, now: datetime) -> bool:
    return watch.error is None and watch.gap_to is None and now - watch.read_at < _FRESH


def _reach(watch: PrintWatch | None, turn: Turn) -> _Reach:
    if watch is None:
        return _Reach()
    pages = watch.pages if watch.read_at >= turn.since else 0
    return _Reach(watch.newest_id, watch.gap_from, watch.gap_to, watch.gap_at, pages)


def _read_page(one: Public, reach: _Reach, source: PostSource, *, oldest: datetime) -> _Reach:
    """A scan's first page is the newest one, those after it stand at the top of the gap."""
    is_first = reach.pages == 0
    page = source.page(one.username, before=None if is_first else reach.gap_to)
    down_to = (reach.newest if is_first else reach.gap_from) or 0
    for post in page.posts:
        if post.message_id > down_to and post.posted_at > oldest:
            _keep(one.chat_id, post, source)
    reach = replace(reach, pages=reach.pages + 1)
    newest = max([reach.newest or 0, *(post.message_id for post in page.posts)]) or None
    if _is_down(page, down_to, oldest):
        return replace(reach, newest=newest) if is_first else replace(reach, gap_from=None, gap_to=None, gap_at=None)
    at = min((post.posted_at for post in page.posts), default=reach.gap_at)
    # two gaps are taken for one: what is read twice is printed once
    low = reach.newest if is_first and reach.gap_to is None else reach.gap_from
    return replace(reach, newest=newest, gap_from=low, gap_to=page.before, gap_at=at)


def _is_down(page: FoundPage, down_to: int, oldest: datetime) -> bool:
    """Whether nothing that is wanted stands below this page."""
    if page.before is None or page.before <= down_to + 1:
        return True
    return any(post.message_id <= down_to or post.posted_at <= oldest for post in page.posts)


def _note(one: Public, reach: _Reach, error: str | None, *, now: datetime) -> None:
    with db.write():
        db.execute(
            "INSERT INTO print_watch (chat_id, read_at, newest_id, gap_from, gap_to, gap_at, pages, error)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (chat_id) DO UPDATE SET read_at = excluded.read_at,"
            " newest_id = excluded.newest_id, gap_from = excluded.gap_from, gap_to = excluded.gap_to,"
            " gap_at = excluded.gap_at, pages = excluded.pages, error = excluded.error",
            *(one.chat_id, db.stamp(now), reach.newest, reach.gap_from, reach.gap_to),
            *(None if reach.gap_at is None else db.stamp(reach.gap_at), reach.pages, error),
        )


def _keep(chat_id: int, post: FoundPost, source: PostSource) -> None:
    if db.row("SELECT 1 FROM seen_print WHERE chat_id = ? AND message_id = ?", chat_id, post.message_id) is not None:
        return
    addresses = post.pictures[:_MOST_PICTURES]
    prints = [found for address in addresses if (found := _print_of_address(address, source))]
    with db.write():
        db.execute(
            "INSERT INTO seen_print (chat_id, message_id, posted_at, shingles, pictures) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (chat_id, message_id) DO NOTHING",
            *(chat_id, post.message_id, db.stamp(post.posted_at)),
            *(texts.to_hex(texts.shingles(post.text)), kept(prints)),
        )


def _print_of_address(address: str, source: PostSource) -> PicturePrint | None:
    data = source.picture(address)
    image = picture_of(data) if data else None
    return print_of(image) if image else None
