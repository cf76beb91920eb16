"""Notes on a chart: a hairline at the time of each, with its number at the top. Its table and the page's list say the words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from app.core.formats import escape


class Mark(Protocol):
    """A note at a place of the axis: of a series from 0, of a curve an age in seconds. Marks of one note share its id."""

    @property
    def public_id(self) -> str: ...
    @property
    def place(self) -> float: ...
    @property
    def words(self) -> str: ...


def drawn(marks: Sequence[Mark], count: int, *, top: int, floor: int, is_centred: bool = False) -> str:
    """The marks over `count` places as SVG; numbers of one place stand together, those outside are left out."""
    return drawn_at(marks, lambda place: _x(place, count, is_centred), count - 1, top=top, floor=floor)


def drawn_at(marks: Sequence[Mark], x: Callable[[float], float], last: float, *, top: int, floor: int) -> str:
    """The marks from 0 to `last` of an axis whose places stand at `x` percent."""
    numbers = {key: number for number, key in enumerate(dict.fromkeys(mark.public_id for mark in marks), 1)}
    by_place: dict[float, list[tuple[int, str]]] = {}
    for mark in marks:
        if 0 <= mark.place <= last:
            by_place.setdefault(mark.place, []).append((numbers[mark.public_id], mark.words))
    return "".join(_one(x(place), told, top, floor) for place, told in by_place.items())


def noted(
    rows: Iterable[Sequence[object]], marks: Sequence[Mark], places: Iterable[float] | None = None
) -> list[tuple[object, ...]]:
    """The rows of a chart's table, each with a cell of the notes at its place or since the place before it.

    `places`: of the rows; without them the newest row is the first one.
    """
    lines = list(rows)
    at = list(range(len(lines) - 1, -1, -1)) if places is None else list(places)
    said: dict[float, list[str]] = {}
    for mark in marks:
        row = min((place for place in at if place >= mark.place >= 0), default=None)
        if row is not None:
            said.setdefault(row, []).append(mark.words)
    return [(*line, "; ".join(said.pop(place, ()))) for line, place in zip(lines, at, strict=True)]


def _one(x: float, told: list[tuple[int, str]], top: int, floor: int) -> str:
    anchor = "end" if x > 95 else "start" if x < 5 else "middle"
    at, numbers = f"{x:.2f}".rstrip("0").rstrip("."), ", ".join(map(str, dict.fromkeys(number for number, _ in told)))
    words = escape("; ".join(text for _, text in told))
    line = f'<line class="note-line" x1="{at}%" x2="{at}%" y1="{top}" y2="{floor}"/>'
    return f'<g>{line}<text class="tick" x="{at}%" y="{top}" text-anchor="{anchor}">{numbers}</text><title>{words}</title></g>'


def _x(place: float, count: int, is_centred: bool) -> float:
    if is_centred:
        return 100 * (place + 0.5) / count
    return 50.0 if count == 1 else 100 * place / (count - 1)
