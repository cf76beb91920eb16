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
# Under a notice that asks for a decision: label, and what the button sends back, made of the notice's parameters.
_DECISIONS = {
    "approval_asked": (
        (N_("Approve"), "approve:%(post)s:%(version)s"),
        (N_("Return"), "return:%(post)s:%(version)s"),
    ),
    "unconfirmed": ((N_("It is there"), "there:%(delivery)s"), (N_("Send again"), "again:%(delivery)s")),
    "posts_blocked": ((N_("Resume"), "resume:%(channel)s"),),
    "post_unmarked": ((N_("Resume"), "resume:%(channel)s"),),
    "posts_over_plan": ((N_("Resume"), "resume:%(channel)s"),),
}
_MOST_BYTES = 64  # Telegram's limit on what a button sends back (core.telegram.org/bots/api, InlineKeyboardButton)
_CHOICES, _ROWS, _PAGES = "choices", "rows", "pages"


def choices(rows: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The parameter that makes a button for each (what it sends back, title), to be stored with the notice."""
    listed = [[data[:_MOST_BYTES], title] for data, title in rows]
    return {_CHOICES: json.dumps(listed)} if listed else {}


def rows_of(rows: Iterable[Iterable[tuple[str, str]]]) -> dict[str, str]:
    """The same for rows of several buttons."""
    listed = [[[data[:_MOST_BYTES], title] for data, title in row] for row in rows]
    return {_ROWS: json.dumps(listed)} if listed else {}


def pages_of(rows: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The same for pages (path, title) that open inside Telegram, where the Mini App can be opened."""
    return {_PAGES: json.dumps([list(row) for row in rows])}


def keyboard(notice: Queued, *, mini_app_url: str = "") -> Keyboard:
    """The buttons of a notice: its own, then the usual ones, then the Mini App where it can be opened."""
    language = notice.language
    decisions = _DECISIONS.get(notice.template, ())
    rows = [[Button(i18n.say(language, label), data % notice.params) for label, data in decisions]] if decisions else []
    for row in json.loads(notice.params.get(_ROWS, "[]")):
        rows.append([Button(title[:64], data) for data, title in row])
    rows += [[Button(title[:64], data)] for data, title in json.loads(notice.params.get(_CHOICES, "[]"))]
    usual = [Button(i18n.say(language, label), command) for command, label in _LABELS.items()]
    rows += [usual[:2], usual[2:]]
    if mini_app_url:
        for path, title in json.loads(notice.params.get(_PAGES, "[]")):
            rows.append([Button(title[:64], web_app=f"{mini_app_url}?open={path}")])
        rows.append([Button(i18n.say(language, "Open here"), web_app=mini_app_url)])
    return rows
