"""The buttons under the bot's messages. What a button sends back is `<command>`, `<command>:<channel>` or `workspace:<id>`."""

from __future__ import annotations

import json
from collections.abc import Iterable

from app.core import i18n
from app.core.i18n import N_
from app.notices.service import Queued
from app.telegram.port import Button, Keyboard

_LABELS = {
    "stats": N_("Numbers"),
    "views": N_("Last posts"),
    "add_channel": N_("Add a channel"),
    "dashboard": N_("Open in the browser"),
}
_MOST_BYTES = 64  # Telegram's limit on what a button sends back (core.telegram.org/bots/api, InlineKeyboardButton)
_CHOICES = "choices"


def choices(rows: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The parameter that makes a button for each (what it sends back, title), to be stored with the notice."""
    listed = [[data[:_MOST_BYTES], title] for data, title in rows]
    return {_CHOICES: json.dumps(listed)} if listed else {}


def keyboard(notice: Queued, *, mini_app_url: str = "") -> Keyboard:
    """The buttons of a notice: its own choices, then the usual ones, then the Mini App where it can be opened."""
    language = notice.language
    rows = [[Button(title[:64], data)] for data, title in json.loads(notice.params.get(_CHOICES, "[]"))]
    usual = [Button(i18n.say(language, label), command) for command, label in _LABELS.items()]
    rows += [usual[:2], usual[2:]]
    if mini_app_url:
        rows.append([Button(i18n.say(language, "Open here"), web_app=mini_app_url)])
    return rows
