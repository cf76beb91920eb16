"""Counters as t.me prints them: exact below a thousand, then abbreviated with K or M."""

from __future__ import annotations

import re

from app.readings.collectors.base import Count

_UNITS = {None: 1, "K": 1_000, "M": 1_000_000}

# Digits, perhaps grouped by (no-break) spaces, a fraction, K or M, and then words in some language.
_COUNT = re.compile(
    r"(?P<whole>\d{1,3}(?:[ \u00a0\u202f]\d{3})+|\d+)(?:[.,](?P<fraction>\d{1,3}))?"
    r"(?:\s?(?P<unit>[KM]))?(?P<suffix>\s.*)?",
    re.DOTALL,
)
# "768 тыс." must never become 768: a suffix that may multiply is refused, and so is a lone letter.
_MULTIPLIER = re.compile(r"\s*(?:тыс|млн|mln|ming|tys|mio|mrd|tsd|mil|thousand|million|billion|\w\b)", re.IGNORECASE)


def parse_count(text: str) -> Count | None:
    """Read "842", "4.85K", "5.0K", "1.12M views" into units; None when the text is not a counter.

    The step follows the digits shown: 2026 pages print three significant digits and drop trailing zeros, 2022 pages
    print one decimal and keep it, so "1.4K" may be known to 10 or to 100; the coarser claim is the safe one.
    """
    match = _COUNT.fullmatch(text.strip())
    if match is None or _MULTIPLIER.match(match["suffix"] or ""):
        return None
    fraction, unit = match["fraction"] or "", _UNITS[match["unit"]]
    if fraction and unit == 1:
        return None
    step = unit // 10 ** len(fraction)
    return Count(int(re.sub(r"\s", "", match["whole"]) + fraction) * step, 0 if unit == 1 else step)
