"""The table of posts: in the order of each number, of the posts that were asked for, whatever the database."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.analytics import asked, build, post_queries
from app.analytics.build import posts
from app.analytics.pages import PostsTable
from app.analytics.periods import Span
from app.analytics.post_counts import PostCounts
from app.analytics.post_queries import AtLeast, Which
from app.boot import Runtime
from app.channels.models import Channel
from app.channels.queries import ChannelRef, channel_of
from app.core import db
from app.core.errors import Invalid
from app.readings import service as readings
from tests.conftest import NOW
from tests.world import owned_channel, owner

# message id: (views, reactions, forwards, comments, text length); None: no source told it
POSTS = {
    1: (100, 5, 1, None, 10),
    2: (300, 5, None, 4, None),
    3: (None, 3, None, None, 30),
    4: (300, 9, 7, 0, 20),
    5: (50, 0, 0, 2, 20),
}


@pytest.fixture
def channel(runtime: Runtime) -> Channel:
    channel = owned_channel(owner("Aziza", now=NOW), "News", telegram_chat_id=-1001, now=NOW)
    facts = [
        readings.PostFacts(n, NOW - timedelta(days=n), media="video" if n % 2 else "photo", text_length=post[4])
        for n, post in POSTS.items()
    ]
    ids, source = readings.record_posts(channel.chat, facts), readings.ensure_source(readings.PREVIEW_PAGE, now=NOW)
    at = db.to_ms(NOW - timedelta(hours=1))
    for n, (views, reactions, forwards, comments, _) in POSTS.items():
        row = (ids[n], at, source, views, reactions, 0, forwards, comments)
        readings.record_readings(channel.chat, [row], now=NOW)
    db.execute("UPDATE post SET edited_at = ? WHERE id = ?", db.stamp(NOW), ids[2])
    db.execute("UPDATE post_stat SET is_deleted = ? WHERE post_id = ?", True, ids[5])
    return channel


def _shown(
    channel: Channel, sort: str, *, descending: bool = True, which: Which = post_queries.ALL_POSTS, **part: int
) -> list[int]:
    found = post_queries.posts_page(
        channel.feed,
        channel.id,
        sort=sort,
        descending=descending,
        which=which,
        start=NOW - timedelta(days=30),
        end=NOW,
        **({"limit": 25, "offset": 0} | part),
    )
    return [post["message_id"] for post in found]


@pytest.mark.parametrize(
    ("sort", "down", "up"),
    [
        ("posted_at", [1, 2, 3, 4, 5], [5, 4, 3, 2, 1]),
        ("views", [2, 4, 1, 5, 3], [5, 1, 2, 4, 3]),
        ("reactions", [4, 1, 2, 3, 5], [5, 3, 1, 2, 4]),
        ("forwards", [4, 1, 5, 2, 3], [5, 1, 4, 2, 3]),
        ("comments", [2, 5, 4, 1, 3], [4, 5, 2, 1, 3]),
        ("text_length", [3, 4, 5, 1, 2], [1, 4, 5, 3, 2]),
    ],
)
def test_ties_keep_the_order_of_the_posts_and_unknown_numbers_come_last(
    channel: Channel, sort: str, down: list[int], up: list[int]
) -> None:
    assert _shown(channel, sort) == down
    assert _shown(channel, sort, descending=False) == up
    pages = [_shown(channel, sort, limit=2, offset=offset) for offset in (0, 2, 4)]
    assert sum(pages, []) == down


@pytest.mark.parametrize("sort", list(post_queries.SORTS))
def test_every_sort_shows_every_post_once(channel: Channel, sort: str) -> None:
    assert sorted(_shown(channel, sort)) == list(POSTS)


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        (Which(media="photo"), [2, 4]),
        (Which(state="edited"), [2]),
        (Which(state="deleted"), [5]),
        (Which(bounds=(AtLeast("views", "100"),)), [1, 2, 4]),
        (Which(bounds=(AtLeast("forwards", "0"),)), [1, 4, 5]),
        (Which(bounds=(AtLeast("text_length", "20"),)), [3, 4, 5]),
        (Which(bounds=(AtLeast("er", "5.4"),)), [1]),  # 6 of 100; 16 of 300 are 5.33 %
        (Which(media="photo", bounds=(AtLeast("comments", "0.5"),)), [2]),
    ],
)
def test_the_reader_sees_only_the_posts_asked_for(channel: Channel, which: Which, expected: list[int]) -> None:
    assert _shown(channel, "posted_at", which=which) == expected


@pytest.mark.parametrize(
    "args",
    [
        {"least": "-1"},
        {"least": "many"},
        {"least": "1e9"},
        {"least": "9999999999"},
        {"metric": "posted_at", "least": "1"},
        {"metric": "views; DROP TABLE post"},
        {"sort": "p.text_length"},
        {"show": "gone"},
    ],
)
def test_a_wrong_question_is_refused_in_words(args: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        asked.posts_table(args, choices=build.SHOWN)


def test_an_empty_field_asks_for_nothing_and_a_comma_is_a_point() -> None:
    assert asked.posts_table({"metric": "views", "least": " "}, choices=build.SHOWN)["at_least"] is None
    found = asked.posts_table({"metric": "er", "least": "2,5"}, choices=build.SHOWN)["at_least"]
    assert found == AtLeast("er", "2.5") and found.stored == 25_000


@pytest.fixture
def deleted(channel: Channel) -> int:
    """The most viewed post of all is one that is gone."""
    ids = readings.record_posts(channel.chat, [readings.PostFacts(6, NOW - timedelta(days=6), media="photo")])
    source = readings.ensure_source(readings.PREVIEW_PAGE, now=NOW)
    readings.record_readings(channel.chat, [(ids[6], db.to_ms(NOW - timedelta(hours=1)), source, 9000, 1, 0)], now=NOW)
    readings.mark_deleted(ids[6], at=NOW)
    return 6


def _table(channel: Channel, **change: object) -> PostsTable:
    asked_for = {"sort": "posted_at", "order": "desc", "shown": "all", "offset": 0} | change
    page = build.posts_page(channel.workspace_id, _ref(channel), span=Span(), **asked_for, now=NOW)  # type: ignore[arg-type]
    return page.posts


def _ref(channel: Channel) -> ChannelRef:
    found = channel_of(channel.workspace_id, channel.public_id)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("change", "counted"),
    [
        ({}, (4, 2, 0, 0)),
        ({"sort": "views"}, (4, 2, 1, 0)),
        ({"sort": "comments"}, (4, 2, 3, 0)),
        ({"sort": "text_length"}, (4, 2, 2, 0)),
        ({"shown": "photo"}, (2, 1, 0, 0)),
        ({"shown": "deleted"}, (0, 2, 0, 0)),
        ({"shown": "edited"}, (1, 0, 0, 0)),
        ({"shown": "top"}, (4, 0, 1, 0)),
        ({"at_least": AtLeast("views", "100")}, (3, 1, 0, 1)),
        ({"at_least": AtLeast("comments", "1"), "shown": "photo"}, (1, 0, 0, 1)),
    ],
)
def test_the_total_counts_what_the_filter_shows_and_deleted_posts_apart(
    channel: Channel, deleted: int, change: dict[str, object], counted: tuple[int, ...]
) -> None:
    table = _table(channel, **change)
    assert table.counted == PostCounts(*counted)
    assert len(table.rows) == table.counted.shown


@pytest.mark.parametrize(("shown", "expected"), [("top", [2, 4, 1, 3]), ("flop", [1, 2, 4, 3])])
def test_top_and_flop_are_of_posts_still_there_and_unknown_views_stand_last(
    channel: Channel, deleted: int, shown: str, expected: list[int]
) -> None:
    assert [row.message_id for row in _table(channel, shown=shown).rows] == expected
    best = build.channel_page(channel.workspace_id, _ref(channel), span=Span(), now=NOW).best
    assert [row.message_id for row in best] == [2, 4, 1], "the deleted post has the most views"


@pytest.mark.parametrize("page_size", [1, 2, 1000])
def test_the_file_holds_every_post_of_the_filter_page_by_page(
    channel: Channel, deleted: int, page_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posts, "FILE_PAGE_SIZE", page_size)
    source, at = readings.ensure_source(readings.PREVIEW_PAGE, now=NOW), db.to_ms(NOW - timedelta(hours=1))
    facts = [readings.PostFacts(n, NOW - timedelta(days=3)) for n in range(30, 34)]
    ids = readings.record_posts(channel.chat, facts)
    readings.record_readings(channel.chat, [(ids[n], at, source, 7, 0, 0) for n in range(30, 34)], now=NOW)
    ties = [3, 30, 31, 32, 33]

    def found(**which: object) -> tuple[int, list[int]]:
        file = build.posts_file(
            channel.workspace_id, _ref(channel), span=Span(), **({"shown": "all", "at_least": None} | which), now=NOW
        )  # type: ignore[arg-type]
        rows = list(file.rows)
        assert all((row.deleted_at is not None) == (row.message_id == deleted) for row in rows)
        assert all((row.edited_at is not None) == (row.message_id == 2) for row in rows)
        return file.total, [row.message_id or 0 for row in rows]

    assert found() == (10, [1, 2, *ties, 4, 5, 6])
    assert found(shown="photo") == (3, [2, 4, 6])
    assert found(at_least=AtLeast("views", "200")) == (3, [2, 4, 6])
