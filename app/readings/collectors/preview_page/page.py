"""The whole preview page: the channel's header, its posts, the way to older ones."""

from __future__ import annotations

import re
from datetime import datetime

from selectolax.lexbor import LexborHTMLParser, LexborNode

from app.readings.collectors.base import ChannelPage, Count, NoPreview, SeenPost
from app.readings.collectors.preview_page.nodes import attribute, changed, required
from app.readings.collectors.preview_page.numbers import parse_count
from app.readings.collectors.preview_page.post import ViewMark, is_service, parse_post, parse_view_mark

_HISTORY = ".tgme_channel_history"
_WRAP = ".tgme_widget_message_wrap"
_MESSAGE = ".tgme_widget_message"
_COUNTER = ".tgme_channel_info_counter"

# Words of the counters that are not subscribers, as stems: t.me answers in the reader's language.
_OTHER_COUNTERS = re.compile(r"photo|video|file|link|фото|видео|відео|файл|ссыл|посил|rasm|havola|fayl", re.IGNORECASE)


def parse_preview(html: str) -> ChannelPage:
    """Read a page of t.me/s/<channel> (markup of 2022 to 2026; measured pages: facts/telegram.md 3.2).

    Effect: none. Posts come in page order, oldest first; times are aware UTC; counters carry their rounding step.
    Raises `NoPreview` for a channel's landing page, `LayoutChanged` naming the selector when anything that should
    be there is not. A valid channel without posts gives an empty tuple and no chat id.
    """
    root = LexborHTMLParser(html).root
    if root is None:
        changed("html", "is missing")
    history = _history(root)
    username = _username(root)
    messages = _messages(history)
    marks = [parse_view_mark(node) for node in messages if not is_service(node) or attribute(node, "data-view")]
    return ChannelPage(
        channel=username,
        chat_id=_chat_id(marks),
        title=required(root, ".tgme_channel_info_header_title", "the header").text().strip(),
        subscribers=_subscribers(root),
        posts=_posts(messages),
        captured_at=_captured_at(marks),
        before=_before(root),
    )


def _history(root: LexborNode) -> LexborNode:
    """The list of posts; a page without it is a landing page or one that we do not know."""
    history = root.css_first(_HISTORY)
    if history is not None:
        return history
    if root.css_first(".tgme_page") is not None and root.css_first(f".tgme_channel_info, {_MESSAGE}") is None:
        raise NoPreview("Telegram does not show a public preview of this channel.")
    changed(_HISTORY, "is missing")


def _messages(history: LexborNode) -> list[LexborNode]:
    """Posts of the list; whatever looks like a post and is not recognised is an error, not an empty channel."""
    wraps = history.css(_WRAP)
    for wrap in wraps:
        required(wrap, _MESSAGE, f"a {_WRAP}")
    messages = [found for wrap in wraps for found in wrap.css(_MESSAGE)]
    if len(messages) != len(history.css(_MESSAGE)):
        changed(_WRAP, "is missing around a post")
    traces = history.css("[data-post]")
    if len(traces) > len(messages):
        changed(_MESSAGE, "is missing where data-post stands")
    if not messages and history.css_first("[data-view], time[datetime], [class*='widget_message']") is not None:
        changed(_WRAP, "is missing although the list is not empty")
    return messages


def _posts(messages: list[LexborNode]) -> tuple[SeenPost, ...]:
    """Every message id once, even if a page should repeat one."""
    posts = {post.message_id: post for post in map(parse_post, messages)}
    return tuple(posts.values())


def _chat_id(marks: list[ViewMark]) -> int | None:
    ids = {mark.chat_id for mark in marks}
    if len(ids) > 1:
        changed("[data-view]", "names more than one channel")
    return ids.pop() if ids else None


def _captured_at(marks: list[ViewMark]) -> datetime | None:
    return max((mark.captured_at for mark in marks), default=None)


def _username(root: LexborNode) -> str:
    text = required(root, ".tgme_channel_info_header_username", "the header").text()
    match = re.search(r"@?(\w+)", text)
    return match[1] if match else changed(".tgme_channel_info_header_username", "is empty")


def _subscribers(root: LexborNode) -> Count:
    """The first counter of the header; its word must not be that of another one."""
    counter = required(root, _COUNTER, "the header")
    value = parse_count(required(counter, ".counter_value", "the first counter").text())
    kind = required(counter, ".counter_type", "the first counter").text()
    if _OTHER_COUNTERS.search(kind):
        changed(f"{_COUNTER} .counter_type", "shows no subscribers")
    return value if value is not None else changed(f"{_COUNTER} .counter_value", "is no number")


def _before(root: LexborNode) -> int | None:
    """The id that asks for older posts; None on the first page of a channel."""
    link = root.css_first("link[rel='prev']")
    if link is not None:
        match = re.search(r"[?&]before=(\d+)", attribute(link, "href"))
        return int(match[1]) if match else changed("link[rel=prev]", "names no message id")
    # The button for newer posts has the same class, so the attribute is asked for.
    more = root.css_first("a[data-before]")
    if more is None:
        return None
    before = attribute(more, "data-before")
    return int(before) if before.isdecimal() else changed("a[data-before]", "is no message id")
