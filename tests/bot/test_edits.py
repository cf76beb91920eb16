"""What a channel's owner changed in a post: each version is kept, in its place, whatever order the news come in."""

from __future__ import annotations

from itertools import permutations

import pytest

from app.analytics import edits
from app.core import db
from app.readings.collectors.base import hash_text
from tests.bot.conftest import Apply
from tests.bot.wire import NOON, Raw, post

FIRST, SECOND, LAST = "Apples cost 9000 today", "Apples cost 8000 today", "Apples cost 8000 today and tomorrow"


def _edit(update_id: int, text: str, *, after_s: int, message_id: int = 70) -> Raw:
    return post(update_id, message_id, kind="edited_channel_post", text=text, edit_date=NOON + after_s)


def _history() -> list[tuple[str | None, str | None]]:
    ((post_id,),) = db.rows("SELECT id FROM post")
    (versions,) = edits.versions_of(post_id, 0)
    return [(version.text, version.source) for version in versions]


def _current() -> tuple[object, ...]:
    return db.row("SELECT text_hash, text_length, edited_at FROM post") or ()


def _told(*texts: str) -> list[tuple[str, str]]:
    return [(text, "bot_updates") for text in texts]


@pytest.mark.parametrize("gap_s", [60, 0])
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_every_version_takes_its_place_whatever_order_it_comes_in(
    apply: Apply, owned: None, order: tuple[int, ...], gap_s: int
) -> None:
    updates = [post(10, 70, text=FIRST), _edit(11, SECOND, after_s=gap_s), _edit(12, LAST, after_s=2 * gap_s)]
    for place in (*order, *order):
        apply(updates[place])
    assert _history() == _told(FIRST, SECOND, LAST)
    assert _current() == (hash_text(LAST), len(LAST), (NOON + 2 * gap_s) * 1000), (
        "an older edit is not the present text"
    )


def test_an_edit_of_something_we_do_not_keep_is_no_version(apply: Apply, owned: None) -> None:
    apply(
        post(3, 70, text=FIRST), _edit(4, FIRST, after_s=5), _edit(5, SECOND, after_s=9), _edit(6, SECOND, after_s=12)
    )
    assert _history() == _told(FIRST, SECOND)


def test_a_text_that_was_changed_and_changed_back_has_three_versions(apply: Apply, owned: None) -> None:
    first, there, back = post(3, 70, text=FIRST), _edit(4, SECOND, after_s=5), _edit(5, FIRST, after_s=9)
    apply(first, back)
    assert _history() == _told(FIRST)
    apply(there)
    assert _history() == _told(FIRST, SECOND, FIRST)


def test_a_removed_caption_is_a_version_and_a_picture_without_one_says_nothing(apply: Apply, owned: None) -> None:
    picture = [{"file_id": "x", "file_unique_id": "y", "width": 1, "height": 1}]
    apply(
        post(3, 71, photo=picture, media_group_id="9"),
        post(4, 70, photo=picture, media_group_id="9", caption=FIRST),
        post(5, 71, photo=picture, media_group_id="9", kind="edited_channel_post", edit_date=NOON + 3),
    )
    assert _current()[:2] == (hash_text(FIRST), len(FIRST))
    apply(post(6, 70, photo=picture, media_group_id="9", kind="edited_channel_post", edit_date=NOON + 5))
    assert _current()[:2] == (None, 0)
    assert _history() == _told(FIRST, "")


def test_only_the_owner_s_workspace_reads_the_words(apply: Apply, owned: None) -> None:
    apply(post(3, 70, text=FIRST), _edit(4, SECOND, after_s=5))
    ((post_id,),) = db.rows("SELECT id FROM post")
    (mine,) = edits.edits_of(post_id, 1, shows_text=True)
    assert [(part.op, part.text) for part in mine.parts] == [
        ("same", "Apples cost "),
        ("removed", "9000"),
        ("added", "8000"),
        ("same", " today"),
    ]
    (theirs,) = edits.edits_of(post_id, 2, shows_text=False)
    assert (theirs.parts, theirs.length_before, theirs.length_after) == ((), len(FIRST), len(SECOND))


@pytest.mark.parametrize(
    ("before", "after"),
    [("", "a b"), ("a b", ""), ("a  b\nc", "a b c"), ("one two three four", "one 2 3 four"), (FIRST, LAST), ("x", "x")],
)
def test_a_diff_holds_both_texts_whole(before: str, after: str) -> None:
    parts = edits.diff(before, after)
    assert "".join(part.text for part in parts if part.op != "added") == before
    assert "".join(part.text for part in parts if part.op != "removed") == after
