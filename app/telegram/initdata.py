"""Signed Mini App data, checked with the standard library (aiogram costs the web process 135 MiB).

Protocol: core.telegram.org/bots/webapps "Validating data received via the Mini App", read 2026-11: the pairs
without `hash`, sorted and joined by line feeds, under HMAC-SHA256 with the key HMAC("WebAppData", bot token).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

from app.core.errors import Unauthenticated

MAX_AGE = timedelta(minutes=5)
MOST_USER_ID = 2**52 - 1  # "at most 52 significant bits" (https://core.telegram.org/bots/api#user, 2026-11)
MAX_AHEAD = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Launch:
    """Who launched the Mini App, as Telegram signed it."""

    telegram_user_id: int
    name: str
    language: str
    auth_date: datetime
    start_param: str
    launch_hash: str


def verify(init_data: str, *, bot_token: str, now: datetime, max_age: timedelta = MAX_AGE) -> Launch:
    """Check signature and age. Raises Unauthenticated; unknown fields are tolerated, duplicated ones are not."""
    try:
        pairs = parse_qsl(init_data, strict_parsing=True, keep_blank_values=True)
    except ValueError as error:
        raise _refused("unreadable") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise _refused("duplicated_field")
    signature = fields.pop("hash", "")
    if not hmac.compare_digest(_sign(fields, bot_token).encode(), signature.encode()):
        raise _refused("bad_signature")
    return _launch(fields, signature, now=now, max_age=max_age)


def _sign(fields: dict[str, str], bot_token: str) -> str:
    lines = "\n".join(f"{key}={fields[key]}" for key in sorted(fields))
    key = hmac.new(b"WebAppData", bot_token.encode(), hashlib.sha256).digest()
    return hmac.new(key, lines.encode(), hashlib.sha256).hexdigest()


def _launch(fields: dict[str, str], signature: str, *, now: datetime, max_age: timedelta) -> Launch:
    try:
        auth_date = datetime.fromtimestamp(int(fields["auth_date"]), UTC)
        user = json.loads(fields["user"])
        user_id = int(user["id"])
    except (KeyError, ValueError, TypeError, OverflowError, OSError) as error:
        raise _refused("incomplete") from error
    if not 0 < user_id <= MOST_USER_ID:
        raise _refused("no_such_user")
    if now - auth_date > max_age:
        raise _refused("stale")
    if auth_date - now > MAX_AHEAD:
        raise _refused("from_the_future")
    return Launch(
        telegram_user_id=user_id,
        name=_storable(" ".join(str(user[k]) for k in ("first_name", "last_name") if user.get(k))) or "Telegram user",
        language=str(user.get("language_code", "en")),
        auth_date=auth_date,
        start_param=fields.get("start_param", ""),
        launch_hash=hashlib.sha256(signature.encode()).hexdigest(),
    )


def _storable(text: str) -> str:
    """Text without what a database cannot hold: NUL and halves of UTF-16 pairs."""
    return text.replace("\0", "").encode(errors="ignore").decode().strip()


def _refused(code: str) -> Unauthenticated:
    return Unauthenticated("Telegram's signature does not hold. Open the app again from Telegram.", code=code)
