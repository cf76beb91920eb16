"""What was read of unchanged feeds is used again, and of changed ones never."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from unittest.mock import patch

import pytest

from app.analytics import build, queries
from app.analytics.build import kept
from app.analytics.pages import NetworkPage
from app.analytics.periods import Span
from app.boot import Runtime
from app.channels.models import Channel
from app.core import db
from app.readings import service as readings
from tests.world import Owner, owned_channel, owner, read_posts


@pytest.fixture
def who(runtime: Runtime, now: datetime) -> Owner:
    return owner("Aziza", now=now)


@pytest.fixture
def channels(who: Owner, now: datetime) -> list[Channel]:
    found = [owned_channel(who, f"News {n}", telegram_chat_id=-1001 - n, now=now) for n in range(3)]
    for channel in found:
        read_posts(channel, posts=4, now=now)
    return found


def _page(who: Owner, now: datetime) -> NetworkPage:
    return build.network_page(
        who.workspace.id, "W", timezone="Asia/Tashkent", span=Span(30, None), is_demo=False, now=now
    )


def _views(page: NetworkPage) -> list[float | None]:
    return [row.views.value for row in page.rows]


@contextmanager
def _asked() -> Iterator[list[list[int]]]:
    """The feeds whose days are read meanwhile."""
    found, plain = list[list[int]](), queries.views_by_day
    with patch.object(
        queries, "views_by_day", lambda feeds, starts: (found.append(list(feeds)), plain(feeds, starts))[1]
    ):
        yield found


def _grow(channel: Channel, now: datetime) -> None:
    (post,) = db.row("SELECT MAX(id) FROM post WHERE chat_id = ?", channel.chat_id) or (0,)
    source = readings.ensure_source(readings.PREVIEW_PAGE, now=now)
    readings.record_readings(channel.chat_id, [(post, db.to_ms(now), source, 90_000, None, 0)], now=now)


def test_only_the_channel_that_changed_is_read_anew(who: Owner, channels: list[Channel], now: datetime) -> None:
    first = _page(who, now)
    with _asked() as asked:
        assert _page(who, now) == first and asked == []
        _grow(channels[1], now)
        after = _page(who, now)
    assert asked == [[channels[1].feed_id]]
    before, grown = _views(first), _views(after)
    assert grown[0] == before[0] and grown[2] == before[2] and (grown[1] or 0) > (before[1] or 0)
    kept.forget()
    assert _page(who, now) == after


def test_another_period_and_another_zone_are_read_for_themselves(
    who: Owner, channels: list[Channel], now: datetime
) -> None:
    _page(who, now)
    with _asked() as asked:
        build.network_page(who.workspace.id, "W", timezone="Asia/Kolkata", span=Span(30, None), is_demo=False, now=now)
        build.network_page(who.workspace.id, "W", timezone="Asia/Tashkent", span=Span(7, None), is_demo=False, now=now)
    assert len(asked) == 2 and all(len(feeds) == 3 for feeds in asked)


def test_memory_is_bounded_by_the_days_that_are_kept(who: Owner, channels: list[Channel], now: datetime) -> None:
    kept.forget()
    for n in range(60):
        build.network_page(
            who.workspace.id,
            "W",
            timezone="UTC",
            span=Span(731, now.date() - timedelta(days=n)),
            is_demo=False,
            now=now,
        )
    (held,) = kept._kept.values()
    assert 0 < held.currsize <= kept._MOST_DAYS < 60 * 3 * 731


def test_a_card_that_did_not_move_would_tell_yesterdays_numbers(
    who: Owner, channels: list[Channel], now: datetime
) -> None:
    """The harm that the card in the key keeps away."""
    old, cards = _page(who, now), queries.cards(who.workspace.id)
    _grow(channels[0], now)
    with patch.object(queries, "cards", lambda _workspace: cards):
        assert _views(_page(who, now)) == _views(old)
    assert _views(_page(who, now)) != _views(old)


def test_a_rebuild_does_not_bring_an_old_version_back(who: Owner, channels: list[Channel], now: datetime) -> None:
    def versions() -> list[int]:
        return [card.version for card in queries.cards(who.workspace.id).values()]

    before = versions()
    readings.rebuild(now=now + timedelta(days=1))
    assert all(after > version for after, version in zip(versions(), before, strict=True))
