"""Inline keyboards under messages, with Telegram's complaints."""

from typing import Any

from simulator.botapi.errors import bad_request
from simulator.botapi.wire import plain

Doc = dict[str, Any]
PROTOCOLS = ("http://", "https://", "tg://", "ton://", "tonsite://")
DATA_BYTES = 64


def keyboard(markup: Any, *, in_channel: bool) -> Doc | None:
    """The inline keyboard as the message keeps it; None where it has no buttons.

    A private chat's other keyboards stay below the text field and never stand in the message.
    """
    doc: Doc | None = plain(markup)
    if doc is None:
        return None
    if "inline_keyboard" not in doc:
        if in_channel:
            raise bad_request("inline keyboard expected")
        return None
    rows = [row for row in doc["inline_keyboard"] if row]
    for row in rows:
        for button in row:
            _check(button, in_channel=in_channel)
    return {"inline_keyboard": rows} if rows else None


def _check(button: Doc, *, in_channel: bool) -> None:
    if set(button) <= {"text", "style", "icon_custom_emoji_id"}:
        raise bad_request("text buttons are unallowed in the inline keyboard")
    if "web_app" in button and in_channel:
        raise bad_request("BUTTON_TYPE_INVALID")
    if len(str(button.get("callback_data", "")).encode()) > DATA_BYTES:
        raise bad_request("BUTTON_DATA_INVALID")
    url = str(button.get("url", "https://"))
    if "://" in url and not url.lower().startswith(PROTOCOLS):
        raise bad_request(f"inline keyboard button URL '{url}' is invalid: Unsupported URL protocol")
    if "." not in url and "url" in button and not url.lower().startswith(("tg://", "ton://", "http://localhost")):
        raise bad_request(f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")
