from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.readings.collectors.base import ChannelPage, Count, LayoutChanged, NoPreview, SeenPost
from app.readings.collectors.preview_page import parse_preview, preview_lines

FIXTURES = Path(__file__).parent / "fixtures"
PAGES = ("every_kind_2026", "one_decimal_2022", "no_posts")
KEY_CLASSES = (
    "tgme_channel_history",
    "tgme_channel_info_header_title",
    "tgme_channel_info_header_username",
    "tgme_channel_info_counter",
    "counter_value",
    "counter_type",
    "tgme_widget_message_wrap",
    "tgme_widget_message",
    "tgme_widget_message_bubble",
    "tgme_widget_message_views",
    "tgme_widget_message_meta",
    "tgme_widget_message_date",
    "tgme_widget_message_reactions",
    "tgme_reaction",
    "tgme_reaction_paid",
    "emoji",
    "tgme_widget_message_grouped_wrap",
    "tgme_widget_message_photo_wrap",
    "tgme_widget_message_video_player",
    "tgme_widget_message_roundvideo_player",
    "tgme_widget_message_document_wrap",
    "tgme_widget_message_voice_player",
    "tgme_widget_message_poll",
    "tgme_widget_message_sticker_wrap",
    "service_message",
)
KEY_ATTRIBUTES = ("data-post", "data-view", "datetime", "emoji-id")


def fixture(name: str) -> str:
    return (FIXTURES / f"{name}.html").read_text(encoding="utf-8")


def real_page() -> str:
    """The recorded page where the shared folder is at hand, else its hand-written equivalent."""
    shared = Path(os.environ.get("ANALYTICBOT_SHARED") or Path(__file__).parents[4] / "shared")
    recorded = shared / "data" / "html" / "telegram_s_page_trimmed.html"
    return (recorded if recorded.exists() else FIXTURES / "real_equivalent.html").read_text(encoding="utf-8")


def post(page: ChannelPage, message_id: int) -> SeenPost:
    return next(post for post in page.posts if post.message_id == message_id)


def rename_class(html: str, name: str) -> str:
    return re.sub(rf'(?<=[" ]){re.escape(name)}(?=[" ])', f"{name}_renamed", html)


@pytest.fixture(scope="module")
def page() -> ChannelPage:
    return parse_preview(fixture("every_kind_2026"))


@pytest.mark.parametrize("html", [real_page(), fixture("real_equivalent")], ids=["recorded", "equivalent"])
def test_the_real_page_parses_completely(html: str) -> None:
    page = parse_preview(html)
    assert (page.channel, page.chat_id, page.title) == ("telegram", -1001005640892, "Telegram News")
    assert page.subscribers == Count(10_700_000, 100_000)
    assert (page.before, page.captured_at) == (419, datetime(2026, 5, 5, 16, 30, 11, tzinfo=UTC))
    first, second = page.posts
    assert (first.message_id, first.edited, first.media, first.views) == (
        438,
        False,
        ("video",),
        Count(1_120_000, 10_000),
    )
    assert (second.message_id, second.edited, second.media, second.views) == (439, True, (), Count(1_330_000, 10_000))
    assert first.posted_at == datetime(2026, 4, 9, 7, 2, 39, tzinfo=UTC)
    assert (first.reactions, first.is_service, first.album_ids) == ((), False, ())
    assert first.text_length and second.text_length and first.text_hash != second.text_hash


def test_reactions_plain_custom_and_paid(page: ChannelPage) -> None:
    reactions = post(page, 102).reactions or ()
    assert [(item.emoji, item.count) for item in reactions] == [
        ("👍", Count(1_580, 10)),
        ("❤\u200d🔥", Count(42, 0)),
        ("custom:5310169226856644648", Count(7, 0)),
        ("paid", Count(120, 0)),
    ]


def test_an_album_is_one_post_that_names_all_its_messages(page: ChannelPage) -> None:
    album = post(page, 103)
    assert album.media == ("album", "photo", "photo", "video")
    assert album.album_ids == (103, 104, 105)
    assert [post.message_id for post in page.posts] == [101, 102, 103, *range(106, 114)]


def test_a_service_post_has_no_views(page: ChannelPage) -> None:
    service = post(page, 101)
    assert (service.is_service, service.views, service.media, service.reactions) == (True, None, (), ())
    assert [post.is_service for post in page.posts].count(True) == 1


@pytest.mark.parametrize(
    ("message_id", "media"),
    [
        (102, ("photo",)),
        (106, ("poll",)),
        (107, ("video",)),
        (108, ("animation",)),
        (109, ("document",)),
        (110, ("voice",)),
        (111, ("sticker",)),
        (112, ("video",)),
        (113, ()),
    ],
)
def test_each_kind_of_media(page: ChannelPage, message_id: int, media: tuple[str, ...]) -> None:
    assert post(page, message_id).media == media


def test_the_edited_mark_is_not_the_signature(page: ChannelPage) -> None:
    assert {post.message_id for post in page.posts if post.edited} == {103, 108}


def test_text_is_what_a_reader_sees_in_utf16_units(page: ChannelPage) -> None:
    seen = "Morning 🌅 over the field\nSecond line & more"
    assert post(page, 102).text_length == len(seen) + 1
    assert post(page, 113).text_length == len("An answer"), "the quoted post's text is not the post's own"


def test_times_are_utc(page: ChannelPage) -> None:
    assert post(page, 102).posted_at == datetime(2026, 4, 2, 6, 30, tzinfo=UTC)
    assert page.captured_at == datetime(2026, 5, 5, 16, 30, 13, tzinfo=UTC)


def test_the_old_format_and_the_older_button() -> None:
    page = parse_preview(fixture("one_decimal_2022"))
    assert [post.views for post in page.posts] == [Count(5_000, 100), Count(2_900, 100), Count(640, 0)]
    assert (page.subscribers, page.before) == (Count(1_200_000, 100_000), 7)


def test_a_channel_without_posts_is_no_error() -> None:
    page = parse_preview(fixture("no_posts"))
    assert (page.channel, page.posts, page.chat_id, page.before) == ("field_notes", (), None, None)
    assert page.subscribers == Count(1, 0)


def test_a_landing_page_has_no_preview() -> None:
    with pytest.raises(NoPreview):
        parse_preview(fixture("no_preview"))


@pytest.mark.parametrize("html", ["", "<html></html>", "<p>Too many requests</p>", "{}"])
def test_a_page_without_a_known_frame_is_a_changed_layout(html: str) -> None:
    with pytest.raises(LayoutChanged, match="tgme_channel_history"):
        parse_preview(html)


@pytest.mark.parametrize(
    ("name", "key"),
    [(name, key) for name in PAGES for key in KEY_CLASSES if rename_class(fixture(name), key) != fixture(name)],
)
def test_a_renamed_key_class_is_an_error_and_never_a_zero(name: str, key: str) -> None:
    with pytest.raises(LayoutChanged):
        parse_preview(rename_class(fixture(name), key))


def test_every_key_class_stands_in_a_fixture() -> None:
    html = "".join(map(fixture, PAGES))
    assert [key for key in KEY_CLASSES if rename_class(html, key) == html] == []


def test_a_renamed_landing_page_is_an_error() -> None:
    with pytest.raises(LayoutChanged):
        parse_preview(rename_class(fixture("no_preview"), "tgme_page"))


def test_both_names_of_the_text_gone_is_an_error() -> None:
    html = rename_class(rename_class(fixture("every_kind_2026"), "tgme_widget_message_text"), "js-message_text")
    with pytest.raises(LayoutChanged):
        parse_preview(html)


@pytest.mark.parametrize("name", [*PAGES, "real_equivalent"])
def test_any_single_renaming_gives_the_same_page_or_an_error(name: str) -> None:
    """Not only key classes, and each place on its own: no renaming may quietly change what is read."""
    html = fixture(name)
    whole = parse_preview(html)
    for place in re.finditer(r'(?<=class=")[^"]+', html):
        for token in re.finditer(r"\S+", place[0]):
            end = place.start() + token.end()
            try:
                page = parse_preview(f"{html[:end]}_renamed{html[end:]}")
            except LayoutChanged:
                continue
            assert _without_service_texts(page) == _without_service_texts(whole), token[0]


@pytest.mark.parametrize("key", KEY_ATTRIBUTES)
def test_a_renamed_key_attribute_is_an_error(key: str) -> None:
    with pytest.raises(LayoutChanged):
        parse_preview(fixture("every_kind_2026").replace(f'{key}="', f'x-{key}="'))


@pytest.mark.parametrize("key", ["data-post", "data-view", "datetime"])
def test_a_broken_key_attribute_is_an_error(key: str) -> None:
    with pytest.raises(LayoutChanged):
        parse_preview(fixture("every_kind_2026").replace(f'{key}="', f'{key}="%%'))


@pytest.mark.parametrize(
    ("old", "new", "selector"),
    [
        (">4.85K<", "><", ".tgme_widget_message_views"),
        (">4.85K<", ">many<", ".tgme_widget_message_views"),
        (">12.3K<", ">–<", ".counter_value"),
        (">subscribers<", ">photos<", ".counter_type"),
        ("</i>1.58K</span>", "</i></span>", ".tgme_reaction"),
        ("<b>👍</b>", "<b></b>", ".emoji b"),
        ("?before=82", "?older=82", "link[rel=prev]"),
        ("T07:00:00+00:00", "T07:00:00", "time[datetime]"),
        ("@field_notes<", "<", ".tgme_channel_info_header_username"),
    ],
)
def test_the_error_names_the_selector(old: str, new: str, selector: str) -> None:
    html = fixture("every_kind_2026")
    assert old in html
    with pytest.raises(LayoutChanged) as caught:
        parse_preview(html.replace(old, new))
    assert selector in caught.value.message


def test_posts_of_two_channels_on_one_page_are_an_error() -> None:
    real = re.search(r'data-view="(\S+)"', fixture("real_equivalent"))
    assert real is not None
    html = re.sub(r'data-view="\S+"', real[0], fixture("every_kind_2026"), count=3)
    with pytest.raises(LayoutChanged, match="data-view"):
        parse_preview(html)


def test_the_lines_are_those_of_the_command() -> None:
    first, *rest = [json.loads(line) for line in preview_lines(parse_preview(fixture("every_kind_2026")))]
    assert first == {
        "channel": "field_notes",
        "chat_id": -1001234567890,
        "subscribers": {"value": 12_300, "precision": "rounded"},
    }
    assert [line["message_id"] for line in rest] == [101, 102, 103, *range(106, 114)]
    assert rest[0] == {
        "message_id": 101,
        "posted_at": "2026-04-01T06:00:00Z",
        "edited": False,
        "views": None,
        "reactions": [],
        "media": [],
        "text_length": 15,
        "is_service": True,
    }
    assert rest[1]["views"] == {"value": 4_850, "precision": "rounded"}
    assert rest[1]["reactions"][3] == {"emoji": "paid", "count": {"value": 120, "precision": "exact"}}
    assert rest[1]["posted_at"] == "2026-04-02T06:30:00Z"


def test_a_dateless_service_post_is_read() -> None:
    html = fixture("every_kind_2026").replace(
        '<time datetime="2026-04-01T06:00:00+00:00" class="time">07:02</time>', ""
    )
    page = parse_preview(html)
    assert post(page, 101).posted_at is None
    assert json.loads(list(preview_lines(page))[1])["posted_at"] is None


def _without_service_texts(page: ChannelPage) -> list[object]:
    """A service post's text and date may be unknown (None), never zero; everything else must be equal."""
    assert all(post.text_length != 0 for post in page.posts if post.is_service)
    posts = [None if post.is_service else post for post in page.posts]
    return [page.channel, page.chat_id, page.title, page.subscribers, page.captured_at, page.before, posts]
