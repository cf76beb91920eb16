"""Fonts of Debian's, and which of them draws which part of a text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from struct import unpack_from

from PIL import ImageFont

from app.media.marks.refusal import N_, Refusal

_TEXT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf")  # fonts-dejavu-core
_EMOJI = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")  # fonts-noto-color-emoji
EMOJI_PX = 109  # the only size at which this font has its bitmaps
_EMOJI_STYLE = "\ufe0f"
_JOINERS = frozenset("\u200d\ufe0f\u20e3")  # zero width joiner, emoji style, keycap
_TONES, _REGIONS, _TAGS = range(0x1F3FB, 0x1F400), range(0x1F1E6, 0x1F200), range(0xE0020, 0xE0080)


@dataclass(frozen=True, slots=True)
class Run:
    """A part of a line that one font draws."""

    text: str
    is_emoji: bool


def missing() -> list[str]:
    """Which font files are not installed."""
    return [str(path) for path in (_TEXT, _EMOJI) if not path.exists()]


@cache
def text_font(size_px: int) -> ImageFont.FreeTypeFont:
    return _loaded(_TEXT, size_px)


@cache
def emoji_font() -> ImageFont.FreeTypeFont:
    return _loaded(_EMOJI, EMOJI_PX)


def _loaded(path: Path, size_px: int) -> ImageFont.FreeTypeFont:
    if not path.exists():
        raise Refusal(N_("The fonts of watermarks are not installed on this server."), "no_font")
    return ImageFont.truetype(str(path), size_px)


def runs(line: str) -> list[Run]:
    """A line in the order in which its parts stand from left to right. Raises Refusal for letters of no font."""
    found: list[Run] = []
    for letter, following in zip(line, line[1:] + " ", strict=True):
        is_emoji = _is_emoji(letter, following, bool(found) and found[-1].is_emoji)
        if found and found[-1].is_emoji == is_emoji:
            found[-1] = Run(found[-1].text + letter, is_emoji)
        else:
            found.append(Run(letter, is_emoji))
    _check("".join(run.text for run in found if not run.is_emoji))
    return found[::-1] if _is_right_to_left(line) else found


def _is_emoji(letter: str, following: str, after_emoji: bool) -> bool:
    code = ord(letter)
    if letter in _JOINERS or code in _TAGS:
        return after_emoji
    if code in _TONES or code in _REGIONS or following == _EMOJI_STYLE:
        return code in _covered(_EMOJI)
    return code in _covered(_EMOJI) and (code not in _covered(_TEXT) or code >= 0x1F300)


def _is_right_to_left(line: str) -> bool:
    """Whether the first letter with a direction runs from right to left (unicode.org/reports/tr9, P2)."""
    directions = (unicodedata.bidirectional(letter) for letter in line)
    return next((word in ("R", "AL") for word in directions if word in ("L", "R", "AL")), False)


def _check(text: str) -> None:
    covered = _covered(_TEXT)
    unknown = sorted({c for c in text if ord(c) not in covered and unicodedata.category(c)[0] not in "CMZ"})
    if unknown:
        raise Refusal(
            N_("Our fonts have no picture of these characters: %(letters)s"), "letters", letters=" ".join(unknown[:10])
        )


@cache
def _covered(path: Path) -> frozenset[int]:
    """The characters that a font draws, by its `cmap` (learn.microsoft.com/typography/opentype/spec/cmap)."""
    if not path.exists():
        raise Refusal(N_("The fonts of watermarks are not installed on this server."), "no_font")
    content = path.read_bytes()
    count = unpack_from(">H", content, 4)[0]
    tables = {content[at : at + 4]: unpack_from(">I", content, at + 8)[0] for at in range(12, 12 + 16 * count, 16)}
    cmap = tables[b"cmap"]
    subtables = unpack_from(">H", content, cmap + 2)[0]
    starts = {unpack_from(">I", content, cmap + 8 + 8 * nth)[0] + cmap for nth in range(subtables)}
    return frozenset(code for start in starts for code in _codes(content, start))


def _codes(content: bytes, start: int) -> Iterator[int]:
    layout = unpack_from(">H", content, start)[0]
    if layout == 12:
        for group in range(unpack_from(">I", content, start + 12)[0]):
            first, last = unpack_from(">II", content, start + 16 + 12 * group)
            yield from range(first, last + 1)
    if layout == 4:
        double = unpack_from(">H", content, start + 6)[0]
        for nth in range(0, double, 2):
            last = unpack_from(">H", content, start + 14 + nth)[0]
            yield from range(unpack_from(">H", content, start + 16 + double + nth)[0], last + 1)
