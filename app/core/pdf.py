"""Paper: A4 pages in a font that speaks Latin, Cyrillic and Uzbek (ʻ); its glyphs are embedded."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import IO, Any

from app.core.errors import AppError

WIDTH, HEIGHT = 595.28, 841.89  # points
REGULAR, BOLD = "DejaVuSans", "DejaVuSans-Bold"
_FONTS = Path("/usr/share/fonts/truetype/dejavu")  # Debian's fonts-dejavu-core; deploy/system-packages installs it


def canvas_of(file: IO[bytes], *, title: str, language: str) -> Any:
    """A reportlab canvas that writes into `file`; the same drawing makes the same bytes.

    Raises AppError (`no_font`) where the font is not installed.
    """
    from reportlab.pdfgen.canvas import Canvas  # costs 10 MiB, and seldom is anything printed

    _load_fonts()
    canvas = Canvas(file, pagesize=(WIDTH, HEIGHT), invariant=1, lang=language)
    canvas.setTitle(title)
    return canvas


@cache
def _load_fonts() -> None:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    for name in (REGULAR, BOLD):
        path = _FONTS / f"{name}.ttf"
        if not path.exists():
            raise AppError("The font of PDF files is not installed: run deploy/system-packages run.", code="no_font")
        pdfmetrics.registerFont(TTFont(name, path))
