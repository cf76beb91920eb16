"""Telegram counts text in UTF-16 code units (https://core.telegram.org/api/entities#entity-length, 2026-10-01)."""

from __future__ import annotations


def whole(text: str) -> str:
    """The text with halves of surrogate pairs joined where they meet and left out where they stand alone."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")


def length(text: str) -> int:
    """How many UTF-16 units the text takes: 1 for most characters, 2 for those beyond U+FFFF (most emoji)."""
    return len(text) + sum(character > "\uffff" for character in text)


def cut(text: str, start: int, end: int) -> str:
    """The text between two offsets in units; a character only half inside is left out."""
    starts, ends = boundaries(text)
    return text[starts[max(start, 0)] : ends[min(end, len(ends) - 1)]] if start < len(starts) else ""


def boundaries(text: str) -> tuple[list[int], list[int]]:
    """Two tables from an offset in units to an index of `text`, rounding inwards within a pair.

    The first serves what begins at the offset (rounded up), the second what ends there (rounded down).
    """
    starts, ends = [], []
    for index, character in enumerate(text):
        starts.append(index)
        ends.append(index)
        if character > "\uffff":
            starts.append(index + 1)
            ends.append(index)
    return [*starts, len(text)], [*ends, len(text)]
