"""Telegram's objects become ours: every one of them went through its own bytes (TL layer 229)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from telethon.tl import types
from telethon.tl.alltlobjects import LAYER

from app.readings.collectors.base import Count, LayoutChanged
from app.readings.collectors.owner_session import mapping
from app.readings.collectors.owner_session.graphs import read_graph
from tests.readings.owner_session.generated import FIRST, GeneratedChannel, graph, hours_graph, through_bytes

CHANNEL = GeneratedChannel()


def _post(number: int) -> Any:
    (post,) = mapping.posts_of([through_bytes(CHANNEL.message(number))])
    return post


def test_the_layer_is_the_one_these_tests_speak_of() -> None:
    assert LAYER == 229


def test_a_message_carries_exact_views_forwards_comments_and_reactions() -> None:
    post = _post(77)
    assert (post.views, post.forwards, post.comments) == (Count(1539, 0), Count(77, 0), Count(12, 0))
    assert [(r.emoji, r.count.value) for r in post.reactions] == [("👍", 28), (f"custom:{10**15 + 1}", 2), ("paid", 3)]
    assert (post.text_length, post.media, post.is_service) == (len("Post 77 ") + 2, (), False)
    assert post.edited and post.edited_at == FIRST + 77 * CHANNEL.every + timedelta(minutes=9)


def test_a_post_without_reactions_and_a_channel_without_discussion() -> None:
    post = _post(44)
    assert post.reactions == () and not post.edited and post.edited_at is None
    silent = CHANNEL.message(44)
    silent.replies = None
    (found,) = mapping.posts_of([through_bytes(silent)])
    assert found.comments is None and found.views == Count(1308, 0)
    silent.replies = types.MessageReplies(3, 1)  # a thread of a group is no discussion of a channel
    (found,) = mapping.posts_of([through_bytes(silent)])
    assert found.comments is None


def test_a_hidden_edit_is_none() -> None:
    message = CHANNEL.message(7)
    message.edit_hide = True  # Telegram's own changes, such as reactions
    (found,) = mapping.posts_of([through_bytes(message)])
    assert not found.edited


def test_a_service_message_and_a_deleted_one() -> None:
    page = types.messages.ChannelMessages(
        1, 3, [CHANNEL.message(51), CHANNEL.message(50), types.MessageEmpty(49, types.PeerChannel(1))], [], [], []
    )
    found = mapping.history_page(through_bytes(page), limit=100)
    assert [(p.message_id, p.is_service) for p in found.posts] == [(51, False), (50, True)]
    assert (found.gone, found.seen, found.total, found.before) == ((49,), 3, 3, 49)


def test_an_album_is_one_post_under_its_first_id() -> None:
    items = [through_bytes(CHANNEL.message(n)) for n in (32, 31, 30, 29)]
    album, before = mapping.posts_of(items)
    assert (album.message_id, album.album_ids, album.album_key) == (30, (30, 31, 32), "30000")
    assert album.media == ("album", "photo", "photo", "photo") and album.text_hash is not None
    assert before.message_id == 29 and before.album_ids == ()


def test_an_album_that_a_page_cuts_is_left_to_the_next_page() -> None:
    cut = through_bytes(types.messages.ChannelMessages(1, 9, CHANNEL.messages(34, 3), [], [], []))
    page = mapping.history_page(cut, limit=3)
    assert [p.message_id for p in page.posts] == [33] and page.before == 33 and page.seen == 1
    only_album = through_bytes(types.messages.ChannelMessages(1, 9, CHANNEL.messages(33, 2), [], [], []))
    assert mapping.history_page(only_album, limit=2).before == 31  # never stands still


def test_the_oldest_page_says_that_it_is_the_last() -> None:
    oldest = through_bytes(types.messages.ChannelMessages(1, 9, CHANNEL.messages(3, 100), [], [], []))
    assert mapping.history_page(oldest, limit=100).before is None
    nothing = through_bytes(types.messages.ChannelMessages(1, 9, [], [], [], []))
    assert mapping.history_page(nothing, limit=100).before is None


def _document(*attributes: Any) -> Any:
    file = types.Document(1, 1, b"", FIRST, "a/b", 1, 2, list(attributes))
    return types.MessageMediaDocument(document=file)


@pytest.mark.parametrize(
    ("media", "word"),
    [
        (None, None),
        (types.MessageMediaWebPage(types.WebPageEmpty(1)), None),
        (types.MessageMediaPhoto(photo=types.PhotoEmpty(1)), "photo"),
        (types.MessageMediaGeo(types.GeoPointEmpty()), "location"),
        (_document(types.DocumentAttributeVideo(1.0, 1, 1)), "video"),
        (_document(types.DocumentAttributeVideo(1.0, 1, 1, round_message=True)), "video_note"),
        (_document(types.DocumentAttributeVideo(1.0, 1, 1), types.DocumentAttributeAnimated()), "animation"),
        (_document(types.DocumentAttributeAudio(1, voice=True)), "voice"),
        (_document(types.DocumentAttributeAudio(1)), "audio"),
        (_document(types.DocumentAttributeSticker("x", types.InputStickerSetEmpty())), "sticker"),
        (_document(types.DocumentAttributeFilename("a.pdf")), "document"),
    ],
)
def test_what_a_message_holds(media: Any, word: str | None) -> None:
    assert mapping.media_of(through_bytes(media) if media else None) == word


def test_counters_of_a_deleted_message_are_unknown_not_zero() -> None:
    answer = types.messages.MessageViews([types.MessageViews(5, 0, None), types.MessageViews()], [], [])
    there, gone = mapping.counters_of([8, 9], through_bytes(answer))
    assert (there.views, there.forwards) == (Count(5, 0), Count(0, 0))
    assert (gone.views, gone.forwards, gone.comments) == (None, None, None)


def test_only_broadcast_channels_that_the_account_runs_are_its_channels() -> None:
    foreign, left = GeneratedChannel(admin=False).chat(), CHANNEL.chat()
    left.left = True
    group = CHANNEL.chat()
    group.broadcast, group.megagroup = None, True
    admin = GeneratedChannel(admin=False).chat()
    admin.admin_rights = types.ChatAdminRights(post_messages=True)
    forbidden = types.ChannelForbidden(3, 4, "Gone", broadcast=True)
    chats = [through_bytes(c) for c in (foreign, left, group, forbidden, CHANNEL.chat(), admin)]
    assert [c.title for c in mapping.own_channels(chats)] == ["News 24", "News 24"]


def test_graphs_of_moments_and_of_hours() -> None:
    joined = mapping.graph_of("followers", through_bytes(graph()))
    assert joined.is_time and [s.name for s in joined.series] == ["Joined", "Left"]
    assert joined.series[0].values == (10.0, None)
    hours = mapping.graph_of("top_hours", through_bytes(hours_graph()))
    assert not hours.is_time and hours.x == tuple(range(24)) and hours.series[0].values[23] == 123


def test_a_graph_that_telegram_does_not_have_says_its_word() -> None:
    none = mapping.graph_of("languages", through_bytes(types.StatsGraphError("Not enough data")))
    assert (none.error, none.series) == ("Not enough data", ())


@pytest.mark.parametrize(
    "text", ["", "{}", '{"columns": [["x", 1], ["y0", 1, 2]], "types": {"x": "x", "y0": "line"}, "names": {"y0": "A"}}']
)
def test_a_graph_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(LayoutChanged):
        read_graph("growth", text)
