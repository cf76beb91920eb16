"""Notes on a chart: a hairline over the day of each, with its number at the top. The list below the chart says the words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from app.core.formats import escape


class Mark(Protocol):
    """A note at a place of the series, from 0."""

    @property
    def place(self) -> int: ...
    @property
    def text(self) -> str: ...


def drawn(marks: Sequence[Mark], count: int, *, top: int, floor: int, is_centred: bool = False) -> str:
    """The marks over `count` places as SVG; numbers of one place stand together, those outside are left out."""
    by_place: dict[int, list[tuple[int, str]]] = {}
    for number, mark in enumerate(marks, 1):
        if 0 <= mark.place < count:
            by_place.setdefault(mark.place, []).append((number, mark.text))
    return "".join(_one(_x(place, count, is_centred), told, top, floor) for place, told in by_place.items())


def _one(x: float, told: list[tuple[int, str]], top: int, floor: int) -> str:
    anchor = "end" if x > 95 else "start" if x < 5 else "middle"
    at, numbers = f"{x:.2f}".rstrip("0").rstrip("."), ", ".join(str(number) for number, _ in told)
    words = escape("; ".join(text for _, text in told))
    line = f'<line class="note-line" x1="{at}%" x2="{at}%" y1="{top}" y2="{floor}"/>'
    return f'<g>{line}<text class="tick" x="{at}%" y="{top}" text-anchor="{anchor}">{numbers}</text><title>{words}</title></g>'


def _x(place: int, count: int, is_centred: bool) -> float:
    if is_centred:
        return 100 * (place + 0.5) / count
    return 50.0 if count == 1 else 100 * place / (count - 1)
