"""What Telegram's refusals mean: that a bot may not post in a channel is no fault of the post, and can be repaired.

The words are those of the Bot API server (github.com/tdlib/telegram-bot-api, Client.cpp, fail_query_with_error) and of
Telegram's errors that it hands on.
"""

from __future__ import annotations

_RIGHTS = (
    "need administrator rights",
    "not enough rights",
    "have no rights to send",
    "bot was kicked",
    "bot is not a member",
    "chat not found",
    "chat_write_forbidden",
    "chat_admin_required",
    "channel_private",
    "bot was blocked",
    "unauthorized",
)


def is_about_rights(words: str) -> bool:
    """Whether a refusal says that the bot may not post there."""
    lower = words.lower()
    return any(part in lower for part in _RIGHTS)


_FILE_IDS = (
    "wrong file identifier",
    "wrong remote file identifier",
    "wrong file_id",
    "invalid file_id",
    "file_id_invalid",
    "file reference expired",
    "file_reference",
)


def is_about_file_id(words: str) -> bool:
    """Whether a refusal says that a file is not known, or not any more, under the id by which it was sent."""
    lower = words.lower()
    return any(part in lower for part in _FILE_IDS)
