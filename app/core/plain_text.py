"""Short texts that people type, as they are kept: one line, and nothing in it that cannot be seen."""

from __future__ import annotations

import unicodedata

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})  # control, format, half a pair, private, no character
# Letters and signs that show nothing, though Unicode calls them letters or symbols.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def one_line(text: str) -> str:
    """The text with single spaces and without control and format characters, such as those that turn its direction.

    Empty when no character of it is visible.
    """
    line = " ".join("".join(c for c in " ".join(text.split()) if unicodedata.category(c) not in _UNSEEN).split())
    return line if any(_is_visible(character) for character in line) else ""


def _is_visible(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNPS" and character not in _BLANK
