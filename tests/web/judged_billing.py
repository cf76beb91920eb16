"""Pages of plans and orders before the judge: prices, limits, days and numbers of invoices are those of rows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.web.raw import MONTHS, Ask, moment

_DIGITS = {"UZS": 2, "USD": 2, "EUR": 2, "XTR": 0}
_SIGNS = {"USD": "$", "EUR": "€"}
_BYTES = (
    "SELECT COALESCE(SUM(size), 0) FROM (SELECT size FROM media_file WHERE deleted_at IS NULL AND origin_id IS NULL AND"
    " workspace_id = {0} UNION ALL SELECT size FROM media_upload WHERE state = 'open' AND workspace_id = {0}) AS kept"
)
_USED = (
    "SELECT COALESCE(SUM(used), 0) FROM usage_counter WHERE workspace_id = {0} AND key = '{1}' AND period_start >="
    " COALESCE((SELECT MAX(period_start) FROM subscription WHERE workspace_id = {0}), period_start)"
)
_NOUNS = {"channels": "channel", "watched_channels": "watched channel", "posts": "post"}


@dataclass(frozen=True)
class BillingFacts:
    """What the rows of a workspace's money bear out, as pages write it."""

    said: tuple[str, ...] = ()

    def left_of(self, text: str) -> str:
        """What no row bears out of a text that stands on a page of money."""
        for one in self.said:
            text = re.sub(rf"(?<![\d.,]){re.escape(one)}(?![\d,]|\.\d)", "", text)
        return text


def billing_facts(ask: Ask, workspace_id: int, zone: str) -> BillingFacts:
    """Read off the raw rows, with nothing of the product's."""
    mine = f"WHERE workspace_id = {workspace_id}"
    amounts = {(int(minor), currency) for minor, currency in ask("SELECT amount_minor, currency FROM plan_price")}
    for table, columns in (("checkout_order", "amount_minor"), ("invoice", "total_minor, tax_minor")):
        for *minors, currency in ask(f"SELECT {columns}, currency FROM {table} {mine}"):
            amounts |= {(int(minor), currency) for minor in minors}
    amounts |= {
        (total - tax, currency)
        for total, tax, currency in ask(f"SELECT total_minor, tax_minor, currency FROM invoice {mine}")
    }
    said = {_amount(minor, currency) for minor, currency in amounts} | {_printed(*amount) for amount in amounts}
    said |= {f"{bp // 100} %" for (bp,) in ask(f"SELECT tax_rate_bp FROM invoice {mine}")}
    for series, number in ask(f"SELECT series, number FROM invoice {mine} AND number IS NOT NULL"):
        said.add(f"{series}-{int(number):06d}")
    said |= set(_limits(ask, workspace_id)) | set(_moments(ask, workspace_id, zone))
    said |= {f"Order {public_id}" for (public_id,) in ask(f"SELECT public_id FROM checkout_order {mine}")}
    said |= {"14 days", "20 %"}  # of a trial; off by an invitation
    for came, left in ask(
        "SELECT (SELECT COUNT(*) FROM coupon_redemption g WHERE g.coupon_id = i.coupon_id AND g.state = 'held'),"
        f" t.periods_left FROM invitation i JOIN coupon_redemption t ON t.id = i.thanks_id WHERE i.workspace_id = {workspace_id}"
    ):
        said.add(f"Came and paid: {came}. Periods of yours that will be cheaper: {left}.")
    for (code,) in ask(
        f"SELECT c.code FROM coupon c JOIN invitation i ON i.coupon_id = c.id WHERE i.workspace_id = {workspace_id}"
    ):
        said.add(code)
    return BillingFacts(tuple(sorted(said, key=len, reverse=True)))


def _amount(minor: int, currency: str) -> str:
    whole, part = divmod(minor, 10 ** _DIGITS[currency])
    number = f"{whole:,}" + (f".{part:02d}" if part else "")
    return f"{_SIGNS[currency]}{number}" if currency in _SIGNS else f"{currency}\u00a0{number}"


def _printed(minor: int, currency: str) -> str:
    """With all digits, as invoices have it."""
    return f"{_SIGNS.get(currency, f'{currency} ')}{minor / 10 ** _DIGITS[currency]:,.{_DIGITS[currency]}f}"


def _limits(ask: Ask, workspace_id: int) -> Iterable[str]:
    """What each plan allows, and how much of the workspace's own is used."""
    plans = ask(f"SELECT plan FROM workspace_plan WHERE workspace_id = {workspace_id}") or [("free",)]
    counted = "SELECT COUNT(*) FROM channel WHERE deleted_at IS NULL AND workspace_id = {} AND relation = '{}'"
    stock = {
        "channels": ask(counted.format(workspace_id, "owned"))[0][0],
        "watched_channels": ask(counted.format(workspace_id, "watched"))[0][0],
        "media_mb": -(-int(ask(_BYTES.format(workspace_id))[0][0]) // 1_000_000),
    }
    for plan, key, amount in ask("SELECT plan_id, key, amount FROM plan_limit"):
        if amount is not None:
            yield (
                f"{int(amount):,} {_NOUNS[key]}{'' if int(amount) == 1 else 's'}"
                if key in _NOUNS
                else f": {int(amount):,}"
            )
        if plan == plans[0][0]:
            used = stock[key] if key in stock else ask(_USED.format(workspace_id, key))[0][0]
            yield f"{int(used):,}" if amount is None else f"{int(used):,} of {int(amount):,}"


def _moments(ask: Ask, workspace_id: int, zone: str) -> Iterable[str]:
    mine = f"WHERE workspace_id = {workspace_id}"
    found: list[datetime] = []
    for table, columns in (
        ("subscription", "period_start, period_end, past_due_at"),
        ("invoice", "finalised_at, period_start, period_end"),
        ("checkout_order", "expires_at, paid_at"),
    ):
        for row in ask(f"SELECT {columns} FROM {table} {mine}"):
            found += [moment(at) for at in row if at is not None]
    for at in found:
        local = at.astimezone(ZoneInfo(zone))
        yield f"{_day(local.date())}, {local:%H:%M}"
        yield _day(local.date())
    if not ask(f"SELECT 1 FROM subscription {mine} AND anchor_at IS NOT NULL"):
        today = datetime.now(ZoneInfo(zone)).date()
        yield _day((today.replace(day=1) + timedelta(days=32)).replace(day=1))


def _day(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"
