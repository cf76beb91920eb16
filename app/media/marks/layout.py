"""Where a mark stands: nine positions, or tiles. Whole pixels, nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Position(StrEnum):
    TOP_LEFT = "top_left"
    TOP = "top"
    TOP_RIGHT = "top_right"
    LEFT = "left"
    CENTER = "center"
    RIGHT = "right"
    BOTTOM_LEFT = "bottom_left"
    BOTTOM = "bottom"
    BOTTOM_RIGHT = "bottom_right"


@dataclass(frozen=True, slots=True)
class Size:
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Box:
    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.left + self.width

    @property
    def bottom(self) -> int:
        return self.top + self.height


def margin_px(picture: Size, margin: float) -> int:
    """`margin` is a share of the shorter side; a margin that would leave no room is as wide as leaves one pixel."""
    short = min(picture.width, picture.height)
    return max(0, min(round(short * margin), (short - 1) // 2))


def fitted(picture: Size, mark: Size, *, scale: float, margin: float) -> Size:
    """The mark's size at `scale` of the picture's width, its shape kept, shrunk to what the margins leave."""
    edge = 2 * margin_px(picture, margin)
    factor = min(
        scale * picture.width / mark.width,
        (picture.width - edge) / mark.width,
        (picture.height - edge) / mark.height,
    )
    return Size(
        min(max(1, round(mark.width * factor)), picture.width - edge),
        min(max(1, round(mark.height * factor)), picture.height - edge),
    )


def placed(picture: Size, mark: Size, *, position: Position, margin: float) -> Box:
    """The box of a mark of this size (one that fits)."""
    edge = margin_px(picture, margin)
    lefts = {"left": edge, "right": picture.width - mark.width - edge}
    tops = {"top": edge, "bottom": picture.height - mark.height - edge}
    words = position.value.split("_")
    left = next((lefts[word] for word in words if word in lefts), (picture.width - mark.width) // 2)
    top = next((tops[word] for word in words if word in tops), (picture.height - mark.height) // 2)
    return Box(left, top, mark.width, mark.height)


def tiled(picture: Size, mark: Size) -> tuple[Box, ...]:
    """Whole copies of the mark over the whole picture, a mark's width and two heights apart, every second row shifted."""
    columns = _starts(picture.width, mark.width, gap=mark.width)
    shifted = [left + mark.width for left in columns if left + 2 * mark.width <= picture.width]
    rows = _starts(picture.height, mark.height, gap=2 * mark.height)
    return tuple(
        Box(left, top, mark.width, mark.height)
        for nth, top in enumerate(rows)
        for left in (shifted if nth % 2 and shifted else columns)
    )


def _starts(length: int, piece: int, *, gap: int) -> list[int]:
    """Where pieces begin that stand `gap` apart, in the middle of the length."""
    count = max(1, (length + gap) // (piece + gap))
    first = (length - count * piece - (count - 1) * gap) // 2
    return [first + nth * (piece + gap) for nth in range(count)]
