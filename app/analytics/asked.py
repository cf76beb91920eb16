"""What an address asks of a page of numbers, checked."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from app.analytics import periods, post_queries
from app.analytics.periods import Span
from app.analytics.post_queries import AtLeast
from app.core.errors import Invalid

_PLAIN_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,4})?")


def span(args: Mapping[str, str]) -> Span:
    """`days` (one of the usual lengths) or `from` and `to` (days, both included). Raises Invalid."""
    if "from" in args or "to" in args:
        return _between(args.get("from", ""), args.get("to", ""))
    given = args.get("days", "30")
    if small(given) not in periods.CHOICES:
        choices = ", ".join(map(str, periods.CHOICES))
        raise Invalid("The period must be one of %(choices)s days.", choices=choices, fields={"days": "unknown"})
    return Span(int(given))


def _between(first: str, last: str) -> Span:
    try:
        start, end = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:
        raise Invalid("Give the first and the last day of the period.", fields={"from": "unknown"}) from None
    days = (end - start).days + 1
    if not 1 <= days <= periods.MAX_DAYS or start.year < 2013:  # Telegram is younger
        raise Invalid(
            "A period ends after it begins and has at most %(days)s days.",
            days=periods.MAX_DAYS,
            fields={"from": "range"},
        )
    return Span(days, end)


def small(text: str) -> int | None:
    """A whole number of at most nine plain digits, or None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def posts_table(args: Mapping[str, str], *, choices: Collection[str]) -> dict[str, Any]:
    """Which page of the posts table: sort, order, shown (one of `choices`), offset, at_least. Raises Invalid."""
    sort, order, shown = (args.get(k, d) for k, d in (("sort", "posted_at"), ("order", "desc"), ("show", "all")))
    offset = small(args.get("offset", "0"))
    if sort not in post_queries.SORTS or order not in ("asc", "desc") or offset is None:
        raise Invalid("This table cannot be sorted so.")
    if shown not in choices:
        raise Invalid("There is no such filter.")
    return {"sort": sort, "order": order, "shown": shown, "offset": offset, "at_least": _at_least(args)}


def _at_least(args: Mapping[str, str]) -> AtLeast | None:
    """The bound on one number; none where the field is empty."""
    metric, text = args.get("metric", "views"), args.get("least", "").strip().replace(",", ".")
    if metric not in post_queries.METRICS:
        raise Invalid("There is no such filter.", fields={"metric": "unknown"})
    if not text:
        return None
    if not _PLAIN_NUMBER.fullmatch(text):
        raise Invalid("Write a number that is not negative, like 250 or 2.5.", fields={"least": "no number"})
    return AtLeast(metric, text)
