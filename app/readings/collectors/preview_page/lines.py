"""The JSON lines of `analyticbot channels parse-preview`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from app.readings.collectors.base import ChannelPage, Count, SeenPost


def preview_lines(page: ChannelPage) -> Iterator[str]:
    """Yield the channel's line, then one line per message id that carries numbers.

    An album is one line under the id that the page gives its counters to: its other messages have counters of
    their own, which the page does not show, and a line for them would have to invent numbers.
    """
    yield _line({"channel": page.channel, "chat_id": page.chat_id, "subscribers": _count(page.subscribers)})
    for post in page.posts:
        yield _line(_post(post))


def _post(post: SeenPost) -> dict[str, Any]:
    return {
        "message_id": post.message_id,
        "posted_at": _utc(post.posted_at),
        "edited": post.edited,
        "views": _count(post.views),
        "reactions": [{"emoji": item.emoji, "count": _count(item.count)} for item in post.reactions or ()],
        "media": list(post.media),
        "text_length": post.text_length,
        "is_service": post.is_service,
    }


def _count(count: Count | None) -> dict[str, Any] | None:
    return None if count is None else {"value": count.value, "precision": count.precision}


def _utc(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _line(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
