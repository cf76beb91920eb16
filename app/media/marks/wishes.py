"""What somebody wants as a mark."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.media.marks.layout import Position
from app.media.marks.refusal import N_, Refusal

MOST_LETTERS, MOST_LINES = 200, 5
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
# joiners, direction marks and variation selectors are invisible and mean something
_MEANINGFUL = frozenset("\u200c\u200d\u200e\u200f\u2066\u2067\u2068\u2069\ufe0e\ufe0f")
_TAGS = range(0xE0020, 0xE0080)  # of which the flags of regions are made


@dataclass(frozen=True, slots=True)
class Mark:
    """Either `text` or `logo`. `scale` is a share of the picture's width, `margin` of its shorter side; opacity 0 to 1."""

    text: str = ""
    logo: Path | None = None
    position: Position = Position.BOTTOM_RIGHT
    is_tiled: bool = False
    opacity: float = 0.6
    scale: float = 0.25
    margin: float = 0.03
    color: str = "#ffffff"


_PLAIN = Mark()


def mark_of(given: Mapping[str, Any]) -> Mark:
    """A mark from plain data. Raises Refusal for one that cannot be drawn."""
    text, logo = clean(str(given.get("text") or "")), given.get("logo")
    if bool(text) == bool(logo):
        raise Refusal(N_("A watermark is either a text or a logo."), "mark")
    color = str(given.get("color") or _PLAIN.color)
    if not _COLOR.fullmatch(color):
        raise Refusal(N_("A colour is written like #ffffff."), "color")
    return Mark(
        text=text,
        logo=Path(str(logo)) if logo else None,
        position=_position(given.get("position")),
        is_tiled=bool(given.get("is_tiled", False)),
        opacity=_share(given.get("opacity", _PLAIN.opacity), 0.05, 1),
        scale=_share(given.get("scale", _PLAIN.scale), 0.02, 1),
        margin=_share(given.get("margin", _PLAIN.margin), 0, 0.25),
        color=color,
    )


def clean(text: str) -> str:
    """The text without what cannot be seen; line ends are \\n. Raises Refusal for one that is too long."""
    unified = re.sub(r"\r\n?|[\v\f\x85\u2028\u2029]", "\n", text).replace("\t", " ")
    kept = "".join(letter for letter in unified if letter == "\n" or _is_drawn(letter)).strip()
    if len(kept) > MOST_LETTERS or kept.count("\n") >= MOST_LINES:
        raise Refusal(
            N_("The text of a watermark has at most %(letters)s characters on %(lines)s lines."),
            "text_too_long",
            letters=MOST_LETTERS,
            lines=MOST_LINES,
        )
    return kept


def _is_drawn(letter: str) -> bool:
    return letter in _MEANINGFUL or ord(letter) in _TAGS or unicodedata.category(letter)[0] != "C"


def _position(given: object) -> Position:
    try:
        return Position(str(given or _PLAIN.position))
    except ValueError:
        raise Refusal(N_("There is no such position for a watermark."), "position") from None


def _share(given: object, least: float, most: float) -> float:
    try:
        value = float(given)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        value = float("nan")
    if not least <= value <= most:
        raise Refusal(N_("Opacity, size and margin of a watermark are shares of one."), "share")
    return value
