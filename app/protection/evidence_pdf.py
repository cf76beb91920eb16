"""A case's evidence as PDF, for whoever is asked to take a copy down: times, links, hashes, both posts side by side."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.core import formats, i18n, pdf
from app.core.i18n import N_
from app.core.pdf import BOLD, REGULAR

_LEFT, _TOP, _BOTTOM, _LINE = 56.0, 785.0, 56.0, 13.0
_COLUMN, _GAP = 231.0, 22.0
_PICTURE_HEIGHT, _MOST_SIDE = 190.0, 900
_MOST_LINES = 120  # of one text


@dataclass(frozen=True, slots=True)
class Side:
    """One of both posts. `picture` are its bytes; None where there is none or it is not kept any more."""

    channel: str
    link: str
    posted_at: datetime
    text: str
    picture: bytes | None
    hashes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Pack:
    """All that stands in the file."""

    number: str
    own: Side
    found: Side
    found_at: datetime
    text_percent: int | None
    alike_percent: int | None
    made_at: datetime
    language: str
    timezone: str


def pdf_of(pack: Pack) -> bytes:
    """The file. Raises AppError where the font is not installed."""
    file = io.BytesIO()
    canvas = pdf.canvas_of(file, title=_say(pack, N_("Evidence of a copied post")), language=pack.language)
    _Sheet(canvas).draw(pack)
    canvas.save()
    return file.getvalue()


class _Sheet:
    """Pages, drawn from top to bottom in two columns."""

    def __init__(self, canvas: Any) -> None:
        self._canvas, self._y = canvas, _TOP

    def draw(self, pack: Pack) -> None:
        self._text(_say(pack, N_("Evidence of a copied post")), bold=True, size=17)
        self._text(
            _say(pack, N_("Case %(number)s, made on %(at)s"), number=pack.number, at=_moment(pack, pack.made_at))
        )
        self._skip()
        self._text(_say(pack, N_("The copy was found on %(at)s."), at=_moment(pack, pack.found_at)))
        if pack.text_percent is not None:
            self._text(
                _say(
                    pack,
                    N_("Words: %(percent)s %% of the runs of three words are the same."),
                    percent=pack.text_percent,
                )
            )
        if pack.alike_percent is not None:
            self._text(
                _say(
                    pack,
                    N_("Pictures: %(percent)s %% alike by their hashes; strangers are about 50 %%."),
                    percent=pack.alike_percent,
                )
            )
        self._skip()
        self._columns([self._head(pack, N_("Original"), pack.own), self._head(pack, N_("The copy"), pack.found)])
        self._pictures(pack.own.picture, pack.found.picture)
        self._columns([_wrapped(side.text, REGULAR, 9)[:_MOST_LINES] for side in (pack.own, pack.found)])
        self._skip()
        for title, side in ((N_("Original"), pack.own), (N_("The copy"), pack.found)):
            for name, value in side.hashes:
                self._text(f"{_say(pack, title)}, {_say(pack, name)}: {value}", size=7)
        self._canvas.showPage()

    def _head(self, pack: Pack, title: str, side: Side) -> list[tuple[str, str]]:
        lines = [(_say(pack, title), BOLD), (side.channel, BOLD), (_moment(pack, side.posted_at), REGULAR)]
        lines += [(line, REGULAR) for line, _ in _wrapped(side.link, REGULAR, 9)]
        return lines

    def _columns(self, sides: Sequence[Sequence[tuple[str, str]]]) -> None:
        """Two texts beside each other; what does not fit goes on on the next page."""
        for number in range(max(map(len, sides))):
            self._step(_LINE)
            for column, lines in enumerate(sides):
                if number < len(lines):
                    text, font = lines[number]
                    self._canvas.setFont(font, 9)
                    self._canvas.drawString(_LEFT + column * (_COLUMN + _GAP), self._y, text)

    def _pictures(self, own: bytes | None, found: bytes | None) -> None:
        if own is None and found is None:
            return self._skip()
        from reportlab.lib.utils import ImageReader

        self._step(_PICTURE_HEIGHT + _LINE)
        for column, data in enumerate((own, found)):
            small = _smaller(data) if data else None
            if small is not None:
                x = _LEFT + column * (_COLUMN + _GAP)
                box = {"width": _COLUMN, "height": _PICTURE_HEIGHT, "preserveAspectRatio": True, "anchor": "nw"}
                self._canvas.drawImage(ImageReader(small), x, self._y, **box)
        self._skip()
        return None

    def _text(self, text: str, *, bold: bool = False, size: float = 10) -> None:
        self._step(max(_LINE, size * 1.4))
        self._canvas.setFont(BOLD if bold else REGULAR, size)
        self._canvas.drawString(_LEFT, self._y, text)

    def _step(self, height: float) -> None:
        if self._y - height < _BOTTOM:
            self._canvas.showPage()
            self._y = _TOP
        self._y -= height

    def _skip(self) -> None:
        self._y -= _LINE


def _wrapped(text: str, font: str, size: float) -> list[tuple[str, str]]:
    from reportlab.lib.utils import simpleSplit

    return [(line, font) for line in simpleSplit(text, font, size, _COLUMN)]


def _smaller(data: bytes) -> io.BytesIO | None:
    """The picture as a JPEG that is enough for paper; None for one that cannot be drawn."""
    from PIL import Image, ImageOps  # half a second and 10 MiB of the web process: only where evidence is printed

    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as image:
            image.draft("RGB", (_MOST_SIDE, _MOST_SIDE))
            shown = ImageOps.exif_transpose(image).convert("RGB")
            shown.thumbnail((_MOST_SIDE, _MOST_SIDE))
    except (OSError, ValueError, EOFError, Image.DecompressionBombError):
        return None
    file = io.BytesIO()
    shown.save(file, "JPEG", quality=88)
    file.seek(0)
    return file


def _moment(pack: Pack, at: datetime) -> str:
    """In the reader's zone and in UTC, which everybody can check."""
    return f"{formats.dt(at, pack.language, pack.timezone)} ({at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC)"


def _say(pack: Pack, sentence: str, **params: object) -> str:
    return i18n.say(pack.language, sentence, **params)
