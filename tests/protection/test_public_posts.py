"""How far back a scan reads a public page, and what it leaves for the next one. The place it reads is a fake of pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from app.core import clock, db
from app.core.errors import Upstream
from app.protection import queries
from app.protection.models import PrintWatch
from app.protection.service import public_posts
from app.protection.service.public_posts import Public, Turn
from app.protection.sources.base import FoundPage, FoundPost
from tests.world import owner, watched

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=clock.utcnow().tzinfo)
_ON_A_PAGE = 20


@dataclass
class Pages:
    """A channel of posts by message id; `broken_after`: so many pages are shown, then none."""

    posted_at: dict[int, datetime]
    broken_after: int = 1000
    asked: list[int | None] = field(default_factory=list)

    def page(self, username: str, *, before: int | None = None) -> FoundPage:
        self.asked.append(before)
        if len(self.asked) > self.broken_after:
            raise Upstream("t.me answered 429.", retry_after_s=60)
        ids = [n for n in sorted(self.posted_at) if before is None or n < before]
        shown = ids[-_ON_A_PAGE:]
        posts = tuple(FoundPost(n, self.posted_at[n], f"words of post number {n}", ()) for n in shown)
        return FoundPage(posts, shown[0] if len(ids) > len(shown) else None)

    def picture(self, address: str) -> bytes | None:
        raise AssertionError("these posts have none")


def _channel(count: int, *, first: int = 1, now: datetime = NOW) -> dict[int, datetime]:
    """Posts a minute apart, the last one now."""
    return {first + n: now - timedelta(minutes=count - n) for n in range(count)}


@pytest.fixture
def one(runtime: object) -> Public:
    chat_id = watched(owner("Aziza", now=NOW), "rival", now=NOW).chat
    return Public(int(chat_id), "rival")


def _scan(one: Public, source: Pages, *, now: datetime, pages: int = 3) -> PrintWatch:
    turn = Turn(source, now, pages, lambda: False)
    assert public_posts.refresh(one, turn, now=now)
    assert public_posts.is_read(one, since=now, pages=pages)
    return PrintWatch.get(PrintWatch.chat_id == one.chat_id)


def _seen() -> set[int]:
    return {n for (n,) in db.rows("SELECT message_id FROM seen_print")}


def test_all_that_came_between_two_scans_is_read(one: Public) -> None:
    source = Pages(_channel(10))
    _scan(one, source, now=NOW)
    later = NOW + timedelta(days=1)
    source.posted_at |= _channel(305, first=11, now=later)
    watch = _scan(one, source, now=later, pages=public_posts.most_pages(1))
    assert (watch.newest_id, watch.gap_to) == (315, None) and _seen() == set(range(1, 316))
    assert len(source.asked) == 1 + 16, "the last one shows what is known"


def test_what_a_scan_did_not_reach_is_read_by_the_next_ones_and_told_meanwhile(one: Public) -> None:
    source = Pages(_channel(10))
    _scan(one, source, now=NOW)
    later = NOW + timedelta(days=1)
    source.posted_at |= _channel(120, first=11, now=later)
    watch = _scan(one, source, now=later)
    assert (watch.newest_id, watch.gap_from, watch.gap_to) == (130, 10, 71) and watch.gap_at == source.posted_at[71]
    assert _seen() == {*range(1, 11), *range(71, 131)}
    (told,) = queries.watched_of(_workspace())
    assert (told.is_whole, told.back_to) == (False, source.posted_at[71])
    source.posted_at |= _channel(5, first=131, now=later + timedelta(days=1))
    watch = _scan(one, source, now=later + timedelta(days=1))
    assert (watch.newest_id, watch.gap_from, watch.gap_to) == (135, 10, 31), "new ones first, then two pages of the gap"
    watch = _scan(one, source, now=later + timedelta(days=2))
    assert (watch.gap_to, watch.gap_at) == (None, None) and _seen() == set(range(1, 136))
    (told,) = queries.watched_of(_workspace())
    assert told.is_whole


def test_a_second_gap_makes_one_with_the_first_and_nothing_is_passed_over(one: Public) -> None:
    source, now = Pages(_channel(100)), NOW
    watch = _scan(one, source, now=now, pages=1)
    assert (watch.gap_from, watch.gap_to) == (None, 81)
    now += timedelta(days=1)
    source.posted_at |= _channel(100, first=101, now=now)
    watch = _scan(one, source, now=now, pages=1)
    assert (watch.newest_id, watch.gap_from, watch.gap_to) == (200, None, 181)
    while watch.gap_to is not None:
        now += timedelta(days=1)
        watch = _scan(one, source, now=now, pages=4)
    assert _seen() == set(range(1, 201))


def test_nothing_older_than_a_month_is_asked_for(one: Public) -> None:
    posts = {n: NOW - timedelta(days=100 - n) for n in range(1, 101)}
    source = Pages(posts)
    watch = _scan(one, source, now=NOW, pages=40)
    assert watch.gap_to is None and _seen() == set(range(71, 101)) and len(source.asked) == 2


def test_a_page_that_breaks_off_leaves_the_gap_and_the_next_scan_goes_on_there(one: Public) -> None:
    source = Pages(_channel(100), broken_after=2)
    watch = _scan(one, source, now=NOW)
    assert watch.error == "t.me answered 429." and (watch.newest_id, watch.gap_to) == (100, 61)
    source.broken_after = 1000
    watch = _scan(one, source, now=NOW + timedelta(minutes=1))
    assert watch.error is None and source.asked[3:] == [None, 61, 41]


def test_a_turn_ends_between_two_pages_and_the_next_one_goes_on_within_the_scans_pages(one: Public) -> None:
    source, is_over = Pages(_channel(200)), _alternately()
    turns = 1
    while not public_posts.refresh(one, Turn(source, NOW, 5, lambda: next(is_over)), now=NOW):
        assert not public_posts.is_read(one, since=NOW, pages=5)
        turns += 1
    assert public_posts.is_read(one, since=NOW, pages=5)
    assert (turns, source.asked) == (3, [None, 181, 161, 141, 121])


def _alternately() -> Iterator[bool]:
    while True:
        yield from (False, True)


def test_what_another_workspace_had_read_within_the_hour_is_not_read_again(one: Public) -> None:
    source = Pages(_channel(10))
    _scan(one, source, now=NOW)
    soon = NOW + timedelta(minutes=59)
    assert public_posts.refresh(one, Turn(source, soon, 3, lambda: False), now=soon)
    assert source.asked == [None]


def test_a_scan_soon_after_one_that_left_a_gap_goes_on_in_it(one: Public) -> None:
    source = Pages(_channel(100))
    _scan(one, source, now=NOW)
    assert _scan(one, source, now=NOW + timedelta(minutes=1)).gap_to is None and _seen() == set(range(1, 101))
    assert source.asked == [None, 81, 61, None, 41, 21]


@pytest.mark.parametrize(("channels", "pages"), [(1, 40), (10, 40), (20, 20), (200, 3)])
def test_a_scan_of_many_channels_reads_fewer_pages_of_each(channels: int, pages: int) -> None:
    assert public_posts.most_pages(channels) == pages


def _workspace() -> int:
    (found,) = db.row("SELECT id FROM workspace") or (0,)
    return int(found)
