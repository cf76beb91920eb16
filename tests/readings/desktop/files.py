"""Exports of a channel as Telegram Desktop writes them, of any length."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

BARE_ID = 1234567890
CHAT_ID = -1001234567890
KIND = "public_channel"


def message(number: int, now: datetime) -> dict[str, Any]:
    at = now - timedelta(days=400) + timedelta(minutes=10 * number)
    return {
        "id": number,
        "type": "message",
        "date": at.strftime("%Y-%m-%dT%H:%M:%S"),
        "date_unixtime": str(int(at.timestamp())),
        "text": f"Post {number} 🌅",
        "reactions": [{"type": "emoji", "count": 1 + number % 7, "emoji": "👍"}],
    }


def export(folder: Path, now: datetime, *, posts: int = 20, bad_at: int = 0, **changes: Any) -> Path:
    """result.json; the message `bad_at` lacks its time."""
    messages = [message(n, now) for n in range(1, posts + 1)]
    if bad_at:
        del messages[bad_at - 1]["date_unixtime"]
    content = {"name": "News", "type": KIND, "id": BARE_ID, "messages": messages, **changes}
    path = folder / "result.json"
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    return path
