"""Click's Merchant API: cards that Click keeps (docs.click.uz "merchant-api", read 2026-11). Amounts here are soums.

A payment by card token has no key against being made twice. So it is looked up under our order's number before it is made
again, and only after Click has had time to know of it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from app.billing.gateways.base import ABSENT, DEAD, DECLINED, PENDING, SUCCEEDED, UNKNOWN, Charge, Line, Outcome, Stated
from app.billing.gateways.click.models import ClickPrepare
from app.core import db, money
from app.core.errors import Upstream

Doc = dict[str, Any]
_TIMEOUT_S = 30
_CLICKS_ZONE = ZoneInfo("Asia/Tashkent")
_PAID, _NOT_FOUND = 2, -16
_DEAD_CODES = frozenset({-5018, -5019, -5014})  # blocked, expired, unknown card
_TWICE, _NO_RECEIPT = "paid twice", "Click: no receipt yet"


class ClickCards:
    """Implements gateways.base.Charger."""

    def __init__(
        self,
        url: str,
        service_id: str,
        user_id: str,
        secret: str,
        *,
        settles_after: timedelta,
        fiscal: tuple[str, str] = ("", ""),
    ) -> None:
        self._url, self._service_id, self._user_id, self._secret = url, service_id, user_id, secret
        self._client, self.settles_after = httpx.Client(timeout=_TIMEOUT_S), settles_after
        self._fiscal = fiscal  # IKPU and package code of what we sell

    def ask(self, verb: str, path: str, **body: Any) -> Doc:
        """One request. Raises httpx.HTTPError or ValueError when nobody knows what happened."""
        at = str(int(time.time()))
        digest = hashlib.sha1((at + self._secret).encode()).hexdigest()  # noqa: S324  the protocol's choice
        answer = self._client.request(
            verb,
            f"{self._url}/{path}",
            json=body or None,
            headers={"Auth": f"{self._user_id}:{digest}:{at}", "Accept": "application/json"},
        )
        if answer.status_code >= 500:
            answer.raise_for_status()
        found: Doc = answer.json()
        return found

    def charge(self, asked: Charge, keep: Callable[[str], str]) -> Outcome:
        """Charge a card; our order's number stands on it at Click."""
        try:
            told = self.ask(
                "POST",
                "card_token/payment",
                service_id=int(self._service_id),
                card_token=asked.token,
                amount=float(money.plain(asked.amount_minor, asked.currency)),
                transaction_parameter=asked.order.public_id,
            )
        except (httpx.HTTPError, ValueError):
            return Outcome(UNKNOWN)
        code = int(told.get("error_code", -1))
        if code == 0:
            return self._paid(asked, str(told["payment_id"]))
        return Outcome(DEAD if code in _DEAD_CODES else DECLINED, reason=f"{code} {told.get('error_note', '')}"[:64])

    def _paid(self, asked: Charge, ref: str) -> Outcome:
        """Click may call us for the same money; a call for other money of the same order means that it was paid twice."""
        other = ClickPrepare.get_or_none(
            ClickPrepare.payment_id == asked.payment_id,
            ClickPrepare.state == "confirmed",
            ClickPrepare.paydoc_id.is_null(False),
        )
        is_twice = other is not None and str(other.paydoc_id) != ref
        return Outcome(SUCCEEDED, ref, _TWICE if is_twice else "")

    def look_up(self, asked: Charge) -> Outcome:
        """Under our order's number, on the day at Click when it was asked, and on the next: midnight may lie between."""
        try:
            for day in days_of(asked.asked_at):
                told = self.ask(
                    "GET", f"payment/status_by_mti/{self._service_id}/{asked.order.public_id}/{day:%Y-%m-%d}"
                )
                code = int(told.get("error_code", -1))
                if code == 0 and "payment_id" in told:
                    return self._status(asked, told)
                if code != _NOT_FOUND:
                    return Outcome(UNKNOWN)
        except (httpx.HTTPError, ValueError):
            return Outcome(UNKNOWN)
        return Outcome(ABSENT)

    def _status(self, asked: Charge, told: Doc) -> Outcome:
        status, ref = int(told.get("payment_status", _PAID)), str(told["payment_id"])
        if status < 0:
            return Outcome(DECLINED, reason=f"status {status}")
        return self._paid(asked, ref) if status == _PAID else Outcome(PENDING, ref)

    def may_refund(self, paid_at: datetime, *, now: datetime) -> bool:
        """Click reverses payments of the present month, and those of the last on the first day of the next."""
        return may_reverse(paid_at, now=now)

    def refund(self, ref: str, amount_minor: int, key: str) -> Outcome:
        """Reverse a payment, whole. Whether its month still allows that is `may_reverse`."""
        number = _number_of(ref)
        if not number:
            return Outcome(DECLINED, reason="Click has not told the number of this payment")
        try:
            told = self.ask("DELETE", f"payment/reversal/{self._service_id}/{number}")
        except (httpx.HTTPError, ValueError):
            return Outcome(UNKNOWN)
        code = int(told.get("error_code", -1))
        return Outcome(SUCCEEDED if code == 0 else DECLINED, ref, str(told.get("error_note", code))[:64])

    def taken(self, since: datetime, until: datetime, orders: Sequence[Charge]) -> list[Stated] | None:
        """Click has no list: each charge of the time is asked for under its order's number, each payment that Click called
        us for under its own. It names no amounts."""
        found = []
        for asked in orders:
            is_called = ":" in asked.ref
            outcome = self._look_up_called(asked) if is_called else self.look_up(asked)
            if outcome.kind == UNKNOWN:
                return None
            if outcome.kind == SUCCEEDED:
                ref = asked.ref if is_called else outcome.ref
                found.append(Stated(ref, asked.order.public_id, asked.amount_minor))
        return found

    def _look_up_called(self, asked: Charge) -> Outcome:
        """A payment that Click called us for. Of one whose number Click did not tell nobody can say anything."""
        number = _number_of(asked.ref)
        if not number:
            return Outcome(ABSENT)
        try:
            told = self.ask("GET", f"payment/status/{self._service_id}/{number}")
            code = int(told.get("error_code", -1))
            if code == _NOT_FOUND:
                return Outcome(ABSENT)
            return self._status(asked, told) if code == 0 else Outcome(UNKNOWN)
        except (httpx.HTTPError, ValueError, KeyError):
            return Outcome(UNKNOWN)

    def hand_in(self, ref: str, lines: Sequence[Line]) -> str:
        """Click's fiscal receipt: its amounts are tiyin, unlike a payment's (docs.click.uz "ofd_data", read 2026-11)."""
        number = _number_of(ref)
        try:
            if not (url := self._receipt_url(number)):
                told = self.ask(
                    "POST",
                    "payment/ofd_data/submit_items",
                    service_id=int(self._service_id),
                    payment_id=int(number),
                    items=[self._item(line) for line in lines],
                    received_ecash=sum(line.amount_minor for line in lines),
                    received_cash=0,
                    received_card=0,
                )
                if int(told.get("error_code", -1)) != 0:
                    raise Upstream(f"Click: {told.get('error_code')} {told.get('error_note', '')}", code="fiscal")
                url = self._receipt_url(number)
        except (httpx.HTTPError, ValueError) as error:
            raise Upstream(f"Click: {type(error).__name__}", code="fiscal") from error
        if not url:
            raise Upstream(_NO_RECEIPT, code="fiscal")
        return url

    def _receipt_url(self, number: str) -> str:
        return str(self.ask("GET", f"payment/ofd_data/{self._service_id}/{number}").get("qrCodeURL") or "")

    def _item(self, line: Line) -> Doc:
        return {
            "Name": line.title[:63],
            "SPIC": self._fiscal[0],
            "PackageCode": self._fiscal[1],
            "GoodPrice": line.amount_minor,
            "Price": line.amount_minor,
            "Amount": 1000,  # one piece, in thousandths
            "VAT": taxed(line.amount_minor, line.tax_rate_bp),
            "VATPercent": line.tax_rate_bp // 100,
        }

    def forget(self, token: str) -> None:
        """Click deletes the card; one that it does not know is gone already."""
        try:
            self.ask("DELETE", f"card_token/{self._service_id}/{token}")
        except (httpx.HTTPError, ValueError) as error:
            raise Upstream(f"Click: {type(error).__name__}") from error


def taxed(total_minor: int, bp: int) -> int:
    """The tax that a total includes, half up."""
    return (2 * total_minor * bp + 10_000 + bp) // (2 * (10_000 + bp))


def days_of(asked_at: datetime) -> tuple[datetime, datetime]:
    """The days at Click on which a payment that was asked for then can stand."""
    local = asked_at.astimezone(_CLICKS_ZONE)
    return local, local + timedelta(days=1)


def may_reverse(paid_at: datetime, *, now: datetime) -> bool:
    """Click reverses payments of the present month, and those of the last on the first day of the next."""
    paid, today = paid_at.astimezone(_CLICKS_ZONE), now.astimezone(_CLICKS_ZONE)
    if (paid.year, paid.month) == (today.year, today.month):
        return True
    before = today.replace(day=1) - timedelta(days=1)
    return today.day == 1 and (paid.year, paid.month) == (before.year, before.month)


def _number_of(ref: str) -> str:
    """Click's number of a payment: our own reference of one that Click called us for names the attempt instead.

    "" where Click did not tell it, and for an attempt whose number a later one has: what Click says is of that one.
    """
    if ":" not in ref:
        return ref
    found = db.row(
        "SELECT c.paydoc_id FROM click_prepare c JOIN payment p ON p.id = c.payment_id WHERE p.gateway = 'click' AND"
        " p.gateway_ref = ? AND NOT EXISTS (SELECT 1 FROM click_prepare n WHERE n.paydoc_id = c.paydoc_id AND n.id > c.id)",
        ref,
    )
    return str(found[0] or "") if found else ""
