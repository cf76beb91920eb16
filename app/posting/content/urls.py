"""Addresses that Telegram accepts behind words and buttons, in the form in which it keeps them.

Source: LinkManager::check_link and parse_url of https://github.com/tdlib/td at 022d602 (2026-07-17). Telegram drops
a link of any other kind without a word (mailto: and tel: too), so here such a link stays text that the author sees.
"""

from __future__ import annotations

import re

_PART = r"(?:[A-Za-z0-9_.!$,~*'();&+=-]|[^\x00-\x7f]|%[0-9A-Fa-f]{2})"
_HTTP = re.compile(
    rf"(?P<scheme>https?)://(?P<user>(?:{_PART}|:)*@)?(?P<host>{_PART}+)(?::(?P<port>\d+))?(?P<rest>[/?#].*)?", re.I
)
_TG = re.compile(r"tg:(?://)?(?P<host>[a-z0-9_-]+)/?(?P<rest>[?].*|(?<=/).*)?", re.I)
_MAX_PORT = 65_535
_UPPER = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def checked(url: str) -> str | None:
    """The http, https or tg address as Telegram keeps it ("HTTP://Site.uz" is "http://site.uz/"); None if refused."""
    if any(character.isspace() or character < " " for character in url):
        return None
    if found := _HTTP.fullmatch(url):
        return _http(found)
    if found := _TG.fullmatch(url):
        return _tg(found["host"].translate(_UPPER), found["rest"] or "")
    return None


def _http(found: re.Match[str]) -> str | None:
    host, port, rest = found["host"].translate(_UPPER), found["port"], found["rest"] or "/"
    if "." not in host or host == "." or (port and not 0 < int(port[:9]) <= _MAX_PORT):
        return None
    shown_port = f":{int(port)}" if port else ""
    rest = rest if rest.startswith("/") else f"/{rest}"
    return f"{found['scheme'].lower()}://{found['user'] or ''}{host}{shown_port}{rest}"


def _tg(host: str, rest: str) -> str | None:
    """A tg link; one to a user is refused, since Telegram makes it a mention that works for few readers."""
    if host == "user":
        return None
    return f"tg://{host}{rest if rest.startswith('?') else f'/{rest}'}"
