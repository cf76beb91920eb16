"""An invoice as PDF. The font speaks Latin, Cyrillic and Uzbek (ʻ); its glyphs are embedded."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core import formats, i18n, money, pdf
from app.core.i18n import N_
from app.core.pdf import BOLD, REGULAR

_LEFT, _RIGHT, _TOP, _LINE = 56.0, 539.0, 780.0, 16.0


@dataclass(frozen=True, slots=True)
class Paper:
    """All that stands on an invoice; texts of ours are in the reader's language, names as they were frozen."""

    number: str
    at: datetime
    paid_at: datetime | None
    seller: str
    seller_details: tuple[str, ...]
    buyer: tuple[str, ...]
    what: str
    period_start: datetime | None
    period_end: datetime | None
    discount_minor: int
    total_minor: int
    tax_minor: int
    tax_rate_bp: int
    currency: str
    credit_note: str
    is_by_credit: bool
    timezone: str
    language: str


def pdf_of(paper: Paper) -> bytes:
    """The file. Raises AppError where the font is not installed."""
    file = io.BytesIO()
    canvas = pdf.canvas_of(file, title=_title(paper), language=paper.language)
    _Sheet(canvas).draw(paper)
    canvas.showPage()
    canvas.save()
    return file.getvalue()


class _Sheet:
    """One page, drawn from top to bottom."""

    def __init__(self, canvas: Any) -> None:
        self._canvas, self._y = canvas, _TOP

    def draw(self, paper: Paper) -> None:
        self._text(paper.seller, bold=True, size=11)
        for line in paper.seller_details:
            self._text(line)
        self._skip()
        self._text(_title(paper), bold=True, size=18)
        self._text(formats.day(paper.at, paper.language, paper.timezone))
        self._skip()
        self._text(_say(paper, N_("Buyer")), bold=True)
        for line in paper.buyer:
            self._text(line)
        self._skip()
        self._rule()
        self._pair(paper.what, _amount(paper, paper.total_minor + paper.discount_minor))
        if paper.discount_minor:
            self._pair(_say(paper, N_("Discount")), _amount(paper, -paper.discount_minor))
        if paper.period_start and paper.period_end:
            days = (formats.day(at, paper.language, paper.timezone) for at in (paper.period_start, paper.period_end))
            self._text(" – ".join(days))
        self._rule()
        if paper.tax_rate_bp:
            net = _amount(paper, paper.total_minor - paper.tax_minor)
            self._pair(_say(paper, N_("Without tax")), net)
            rate = formats.number(paper.tax_rate_bp / 100, paper.language)
            self._pair(_say(paper, N_("VAT %(rate)s %%"), rate=rate), _amount(paper, paper.tax_minor))
        self._pair(_say(paper, N_("Total")), _amount(paper, paper.total_minor), bold=True)
        self._skip()
        if paper.paid_at:
            day = formats.day(paper.paid_at, paper.language, paper.timezone)
            said = N_("Paid from credit on %(day)s.") if paper.is_by_credit else N_("Paid on %(day)s.")
            self._text(_say(paper, said, day=day))
        if paper.credit_note:
            self._text(_say(paper, N_("Taken back by credit note %(number)s."), number=paper.credit_note), bold=True)

    def _text(self, text: str, *, bold: bool = False, size: float = 10) -> None:
        self._canvas.setFont(BOLD if bold else REGULAR, size)
        self._y -= max(_LINE, size * 1.4)
        self._canvas.drawString(_LEFT, self._y, text[:90])

    def _pair(self, left: str, right: str, *, bold: bool = False) -> None:
        self._text(left, bold=bold)
        self._canvas.drawRightString(_RIGHT, self._y, right)

    def _rule(self) -> None:
        self._y -= _LINE / 2
        self._canvas.line(_LEFT, self._y, _RIGHT, self._y)

    def _skip(self) -> None:
        self._y -= _LINE


def _title(paper: Paper) -> str:
    return _say(paper, N_("Invoice %(number)s"), number=paper.number)


def _amount(paper: Paper, minor: int) -> str:
    return money.text(minor, paper.currency, paper.language)


def _say(paper: Paper, sentence: str, **params: object) -> str:
    return i18n.say(paper.language, sentence, **params)
