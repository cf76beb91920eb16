"""Rates of the Central Bank of Uzbekistan (cbu.uz "For webmasters": JSON by day; read 2026-11).

GET <address>/all/2026-11-27/ answers a list with one object a currency: Ccy, Nominal and Rate (texts: so many sums for
so many units), Date (27.11.2026). For a day on which it sets none it is told to answer an empty list, or the rates of
before under their own Date: both mean the same here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import httpx

from app.billing.rates.base import FOREIGN, Told
from app.core.errors import Upstream

_TIMEOUT_S = 20
_HEADERS = {"Accept": "application/json", "User-Agent": "AnalyticBot"}
_RATE = re.compile(r"\d{1,9}(\.\d{1,6})?", re.ASCII)
_NOMINAL = re.compile(r"1|[1-9]0{1,4}", re.ASCII)


class CentralBank:
    """Implements rates.base.RateSource."""

    key = "cbu"

    def __init__(self, url: str) -> None:
        """`url`: the address of the JSON, without a slash at its end."""
        self._url, self._client = url, httpx.Client(timeout=_TIMEOUT_S, headers=_HEADERS)

    def on(self, day: date) -> list[Told]:
        """See RateSource."""
        try:
            answer = self._client.get(f"{self._url}/all/{day:%Y-%m-%d}/")
            answer.raise_for_status()
            found = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise Upstream(f"The Central Bank says no rates of {day}: {type(error).__name__}.") from error
        if not isinstance(found, list):
            raise _unclear(day, "this is no list")
        return [told for currency in FOREIGN for told in _told_of(currency, day, found)]


def _told_of(currency: str, day: date, found: list[Any]) -> Iterator[Told]:
    if not found:
        yield Told(currency, day)
        return
    rows = [row for row in found if isinstance(row, dict) and row.get("Ccy") == currency]
    if len(rows) != 1:
        raise _unclear(day, f"{len(rows)} rates of {currency}")
    told = _parsed(currency, day, rows[0])
    if told.day > day:
        raise _unclear(day, f"a rate of {told.day}")
    if told.day < day:
        yield Told(currency, day)
    yield told


def _parsed(currency: str, day: date, row: dict[str, Any]) -> Told:
    rate, nominal = str(row.get("Rate", "")), str(row.get("Nominal", ""))
    if not _RATE.fullmatch(rate) or not Decimal(rate) or not _NOMINAL.fullmatch(nominal):
        raise _unclear(day, f"{currency} at {rate[:20]!r} for {nominal[:20]!r}")
    try:
        of = date.fromisoformat("-".join(reversed(str(row.get("Date", "")).split("."))))
    except ValueError as error:
        raise _unclear(day, f"{currency} without a day") from error
    return Told(currency, of, int(nominal), int(Decimal(rate).scaleb(6)))


def _unclear(day: date, why: str) -> Upstream:
    return Upstream(f"The Central Bank's rates of {day} are not understood: {why}.", permanent=True)
