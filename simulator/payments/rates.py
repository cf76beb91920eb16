"""The Central Bank of Uzbekistan's archive of exchange rates as JSON (cbu.uz, "For webmasters", read 2026-11).

The rates are this simulator's own, the same for a day whenever one asks.
"""

import math
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from simulator.payments.book import Book

Doc = dict[str, Any]
_PATH = "/cbu/{language}/arkhiv-kursov-valyut/json/all/{day}/"
_ZONE = ZoneInfo("Asia/Tashkent")
# code, Ccy, nominal, sums for it, how far it swings in sums, days of a swing
_CURRENCIES = (
    ("840", "USD", 1, 12_000, 160, 61.0),
    ("978", "EUR", 1, 13_900, 310, 47.0),
    ("643", "RUB", 1, 150, 9, 33.0),
    ("704", "VND", 10, 5, 0, 40.0),
)


def mount(app: web.Application, book: Book) -> None:
    """The archive, and the control that sets a rate anew."""

    async def archive(request: web.Request) -> web.StreamResponse:
        if book.strikes("rates_500"):
            raise web.HTTPInternalServerError
        if book.strikes("rates_garbage"):
            return web.Response(text="<html>maintenance</html>", content_type="text/html")
        try:
            asked = date.fromisoformat(request.match_info["day"])
        except ValueError as error:
            raise web.HTTPNotFound from error
        found = _rates(book, asked)
        return web.json_response(found[:1] if book.strikes("rates_short") else found)

    async def set_rate(request: web.Request) -> web.StreamResponse:
        given = await request.json()
        return web.json_response(book.keep("rate", f"{given['day']} {given['currency']}", given))

    app.router.add_get(_PATH, archive)
    app.router.add_post("/_control/rates", set_rate)


def _rates(book: Book, asked: date) -> list[Doc]:
    """What the bank set for a day; for the days after tomorrow it has set nothing."""
    today = datetime.fromtimestamp(book.now_ms() / 1000, _ZONE).date()
    if asked > today + timedelta(days=1):
        return []
    if not _is_set(asked) and not book.strikes("rates_before"):
        return []
    day = asked
    while not _is_set(day):
        day -= timedelta(days=1)
    return [_row(book, currency, day) for currency in _CURRENCIES]


def _is_set(day: date) -> bool:
    return day.weekday() < 5 and (day.month, day.day) not in ((1, 1), (1, 2))


def _row(book: Book, currency: tuple[str, str, int, int, int, float], day: date) -> Doc:
    code, name, nominal, middle, swing, days = currency
    kept = book.find("rate", f"{day} {name}")
    return {
        "id": int(code),
        "Code": code,
        "Ccy": name,
        "Nominal": str(nominal),
        "Rate": kept["rate"] if kept else str(_rate(middle, swing, days, day)),
        "Date": f"{day:%d.%m.%Y}",
    }


def _rate(middle: int, swing: int, days: float, day: date) -> Decimal:
    turned = swing * math.sin(day.toordinal() / days) + (day.toordinal() * 7919 % 997) / 100
    return Decimal(middle + turned).quantize(Decimal("0.01"))
