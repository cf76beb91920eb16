"""What a source of exchange rates is to us. Adapters import this and core, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol
from zoneinfo import ZoneInfo

HOME = "UZS"  # every rate says what another currency costs in it
FOREIGN = ("USD", "EUR")  # whose rates are kept
ZONE = ZoneInfo("Asia/Tashkent")  # a rate's day is a day of the bank's clock


@dataclass(frozen=True, slots=True)
class Told:
    """What was said of a currency and a day: `nominal` units cost so many millionths of a sum; None: none was set."""

    currency: str
    day: date
    nominal: int = 1
    uzs_micro: int | None = None


class RateSource(Protocol):
    """Who sets rates. `key` names it in our rows."""

    key: str

    def on(self, day: date) -> Sequence[Told]:
        """What it says of a day: something of each of FOREIGN, and rates of days before where it tells these.

        Raises Upstream, and says nothing, for an answer that is not whole or not understood.
        """
