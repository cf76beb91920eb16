from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.core.errors import Invalid
from app.readings.collectors.base import Count, ReactionCount, hash_text
from app.readings.collectors.imports import DesktopExport, read_desktop_export


def message(message_id: int, **more: Any) -> dict[str, Any]:
    return {"id": message_id, "type": "message", "date_unixtime": "1735711200", "text": "", **more}


REACTIONS = [
    {"type": "emoji", "count": 12, "emoji": "👍"},
    {"type": "custom_emoji", "count": 3, "document_id": "5310169226856644648"},
    {"type": "custom_emoji", "count": 2, "document_id": "stickers/sticker.webp"},
    {"type": "paid", "count": 50},
]
MESSAGES = [
    message(1, type="service", action="create_channel"),
    message(2, text="Plain 🌅", reactions=REACTIONS, edited_unixtime="1735714800"),
    message(3, text=["A ", {"type": "bold", "text": "bold"}, " word"], photo="photos/1.jpg"),
    message(4, text_entities=[{"type": "plain", "text": "only "}, {"type": "link", "text": "entities"}]),
    *(
        message(number, media_type=kind, file="a.bin")
        for number, kind in enumerate(
            ["sticker", "video_file", "video_message", "animation", "voice_message", "audio_file"], 5
        )
    ),
    message(11, file="list.pdf"),
    message(12, poll={"question": "Which?"}),
]


def write(folder: Path, **changes: Any) -> Path:
    content = {"name": "Field Notes", "type": "public_channel", "id": 1234567890, "messages": MESSAGES, **changes}
    path = folder / "result.json"
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


@pytest.fixture
def export(tmp_path: Path) -> DesktopExport:
    return read_desktop_export(write(tmp_path))


def test_the_channel_and_that_it_holds_no_views(export: DesktopExport) -> None:
    assert (export.title, export.chat_id, export.holds_views) == ("Field Notes", -1001234567890, False)
    assert {post.views for post in export.posts} == {None}
    assert [post.message_id for post in export.posts] == list(range(1, 13))


def test_texts_in_all_three_forms(export: DesktopExport) -> None:
    assert [post.text_length for post in export.posts[:4]] == [0, 8, 11, 13]
    assert export.posts[2].text_hash == hash_text("A bold word")


def test_reactions_are_exact(export: DesktopExport) -> None:
    assert export.posts[1].reactions == (
        ReactionCount("👍", Count(12, 0)),
        ReactionCount("custom:5310169226856644648", Count(3, 0)),
        ReactionCount("custom:unknown", Count(2, 0)),
        ReactionCount("paid", Count(50, 0)),
    )
    assert export.posts[2].reactions == ()


def test_an_old_export_does_not_say_that_there_are_no_reactions(tmp_path: Path) -> None:
    export = read_desktop_export(write(tmp_path, messages=[message(1, text="x")]))
    assert export.posts[0].reactions is None


def test_media_times_edits_and_service_posts(export: DesktopExport) -> None:
    assert [post.media for post in export.posts[2:]] == [
        ("photo",),
        (),
        ("sticker",),
        ("video",),
        ("video",),
        ("animation",),
        ("voice",),
        ("document",),
        ("document",),
        ("poll",),
    ]
    assert {post.posted_at for post in export.posts} == {datetime(2025, 1, 1, 6, tzinfo=UTC)}
    assert [post.message_id for post in export.posts if post.edited] == [2]
    assert [post.message_id for post in export.posts if post.is_service] == [1]


@pytest.mark.parametrize(
    "changes",
    [{"type": "personal_chat"}, {"type": None}, {"messages": None}, {"id": "x"}],
)
def test_what_is_no_channel_export_is_invalid(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        read_desktop_export(write(tmp_path, **changes))


@pytest.mark.parametrize("bad", [{"id": 1}, "text", message(1, date_unixtime="soon"), message(1, reactions=[{}])])
def test_a_bad_message_is_named(tmp_path: Path, bad: Any) -> None:
    with pytest.raises(Invalid) as caught:
        read_desktop_export(write(tmp_path, messages=[MESSAGES[0], bad]))
    assert list(caught.value.fields) == ["message 2"]


@pytest.mark.parametrize("content", ["", "[1]", "{", "null"])
def test_a_file_that_is_no_export_is_invalid(tmp_path: Path, content: str) -> None:
    path = tmp_path / "result.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(Invalid):
        read_desktop_export(path)
