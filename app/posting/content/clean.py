"""Characters as Telegram takes them.

Source: clean_input_string and replace_offending_characters of https://github.com/tdlib/td at 022d602 (2026-07-17).
NUL is removed here, where Telegram makes it a space.
"""

from __future__ import annotations

import re

from app.posting.content import utf16

BLANKS = " \n"  # all that Telegram trims
_CONTROLS = {code: " " for code in range(1, 32) if chr(code) not in "\n\r"}
_DROPPED = dict.fromkeys([0, 0x0D, *range(0x2028, 0x202F), 0x0333, 0x033F, 0x030A])
_TABLE = _CONTROLS | _DROPPED
_TURNS = re.compile("[\u200e\u200f](?=[\u200e\u200f])")


def clean(text: str) -> str:
    """The text with only the characters that Telegram keeps; a tab is a space, lines end in LF alone."""
    return utf16.whole(text).translate(_TABLE)


def calm(text: str) -> str:
    """The text, as long as before, with every turn of direction but the last of a row made harmless."""
    return _TURNS.sub("\u200c", text)


def has_ink(text: str) -> bool:
    """Whether anything but spaces and line breaks is there."""
    return bool(text.strip(BLANKS))
