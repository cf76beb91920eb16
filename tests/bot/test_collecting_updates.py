"""Posts, edits, reactions, joins and leaves of channels that somebody connected."""

from __future__ import annotations

from app.boot import Runtime
from app.core import db
from app.readings.collectors.base import hash_text
from tests.bot.conftest import Apply
from tests.bot.wire import NOON, OTHER_CHAT_ID, member, post, reactions

POST = "SELECT message_id, media, text_length, text_hash, is_service, album_id FROM post ORDER BY message_id"


def test_a_post_is_kept_without_its_text_and_without_views(apply: Apply, owned: None) -> None:
    apply(post(3, 70))
    assert db.rows(POST) == [(70, "text", 8, hash_text("Hello 👋"), 0, None)]
    assert db.row("SELECT COUNT(*) FROM reading") == (0,), "updates hold no views"


def test_kinds_of_posts(apply: Apply, owned: None) -> None:
    file = {"file_id": "x", "file_unique_id": "y"}
    apply(
        post(3, 70, photo=[{**file, "width": 1, "height": 1}], caption="Hi", media_group_id="9"),
        post(4, 71, voice={**file, "duration": 3}),
        post(5, 72, new_chat_title="Renamed"),
        post(6, 73, pinned_message={"message_id": 70, "date": 0, "chat": {"id": OTHER_CHAT_ID, "type": "channel"}}),
    )
    assert db.rows(POST) == [
        (70, "album", 2, hash_text("Hi"), 0, "9"),
        (71, "voice", 0, None, 0, None),
        (72, "text", None, None, 1, None),
        (73, "text", None, None, 1, None),
    ]


def test_an_edit_refreshes_the_post(apply: Apply, owned: None) -> None:
    apply(post(3, 70), post(4, 70, kind="edited_channel_post", text="Hello again", edit_date=NOON + 9))
    assert db.rows("SELECT text_length, edited_at FROM post") == [(11, (NOON + 9) * 1000)]


def test_posts_of_chats_that_nobody_connected_are_not_collected(apply: Apply, owned: None) -> None:
    apply(post(3, 70, chat_id=OTHER_CHAT_ID))
    assert db.rows(POST) == []


def test_reaction_counts_are_exact_readings_without_views(apply: Apply, owned: None) -> None:
    apply(post(3, 70), reactions(4, 70, {"👍": 5, "custom:77": 2, "paid": 1}))
    assert db.rows("SELECT emoji, count, step FROM reaction_count ORDER BY emoji") == [
        ("custom:77", 2, 0),
        ("paid", 1, 0),
        ("👍", 5, 0),
    ]
    assert db.rows("SELECT observed_at, views, reactions, step FROM reading") == [((NOON + 60) * 1000, None, 8, 0)]
    apply(reactions(5, 70, {"👍": 4}, at=NOON + 120))
    assert db.rows("SELECT emoji, count FROM reaction_count") == [("👍", 4)]


def test_reactions_to_a_post_of_unknown_date_are_acknowledged_only(apply: Apply, owned: None) -> None:
    apply(reactions(3, 70, {"👍": 5}))
    assert db.rows(POST) == []
    assert db.row("SELECT COUNT(*) FROM inbox WHERE processed_at IS NULL") == (0,)


def test_joins_and_leaves_name_nobody(apply: Apply, owned: None, runtime: Runtime) -> None:
    link = "https://t.me/+spring"
    joined = member(3, 900, "left", "member", invite_link=link)
    apply(joined, joined, member(4, 900, "member", "left"), member(5, 901, "member", "administrator"))
    pseudonym = runtime.pseudonym("member", "900")
    assert "900" not in pseudonym
    assert db.rows("SELECT kind, member_hash, invite_link, at FROM member_event ORDER BY update_id") == [
        ("join", pseudonym, link, (NOON + 5) * 1000),
        ("leave", pseudonym, None, (NOON + 5) * 1000),
    ]
