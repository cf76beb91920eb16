"""Payme's Subscribe API: cards that Payme keeps, charged by receipts (developer.help.paycom.uz, read 2026-11).

A receipt takes money once however often it is paid, and moves none by itself. So its number is kept before it is paid, and
a later try pays the same one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx

from app.billing.gateways.base import ABSENT, DEAD, DECLINED, PENDING, SUCCEEDED, UNKNOWN, Charge, Outcome, Stated
from app.billing.gateways.payme.receipt import receipt_of
from app.core.errors import Invalid, Upstream

Doc = dict[str, Any]
_TIMEOUT_S, _PAGE = 30, 50
NEW, PAID, CANCELLING, CANCELLED = 0, 4, 21, 50
_OUTCOMES = {NEW: ABSENT, PAID: SUCCEEDED, CANCELLING: DECLINED, CANCELLED: DECLINED}
_DEAD_WORDS = ("expired", "blocked", "not found", "removed")
_OF_CARDS = range(-31999, -31299)  # errors about the card itself: those of our key or of the call say nothing of it
_KINDS = {"8600": "Uzcard", "5614": "Uzcard", "9860": "Humo"}  # by the first digits, as their holders know them
_numbers = itertools.count(1)


class Told(Exception):
    """Payme answered with an error of its protocol."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class PaymeCards:
    """Implements gateways.base.Charger, and saves cards by a code that their holder gets by SMS."""

    settles_after = timedelta(0)  # a receipt is paid once: asking again harms nobody

    def __init__(self, url: str, merchant_id: str, key: str, fiscal: tuple[str, str] = ("", "")) -> None:
        """`fiscal`: IKPU and package code of what we sell, "" where nothing is to be said of it."""
        self._url, self._merchant_id, self._auth = url, merchant_id, f"{merchant_id}:{key}"
        self._fiscal = fiscal
        self._client = httpx.Client(timeout=_TIMEOUT_S)

    def ask(self, method: str, **params: Any) -> Doc:
        """One call. Raises Told for an answer that is a no, httpx.HTTPError when nobody knows."""
        body = {"jsonrpc": "2.0", "id": next(_numbers), "method": method, "params": params}
        answer = self._client.post(self._url, json=body, headers={"X-Auth": self._auth})
        answer.raise_for_status()
        told = answer.json()
        if "error" in told:
            message = told["error"].get("message")
            text = message.get("en", "") if isinstance(message, dict) else str(message)
            raise Told(int(told["error"].get("code", 0)), text)
        found: Doc = told["result"]
        return found

    def charge(self, asked: Charge, keep: Callable[[str], str]) -> Outcome:
        """Make a receipt, keep its number, pay it."""
        ref = asked.ref
        try:
            if not ref:
                made = self.ask(
                    "receipts.create",
                    amount=asked.amount_minor,
                    account={"order_id": asked.order.public_id},
                    description=f"payment {asked.payment_id}",
                    **self._detail(asked),
                )
                ref = keep(str(made["receipt"]["_id"]))
            paid = self.ask("receipts.pay", id=ref, token=asked.token)
            return _outcome(int(paid["receipt"]["state"]), ref)
        except Told as told:
            return self._refused(ref, told)
        except (httpx.HTTPError, ValueError, KeyError):
            return Outcome(UNKNOWN, ref)

    def _detail(self, asked: Charge) -> Doc:
        """What Payme prints on the fiscal receipt; as in CheckPerformTransaction, which no card's charge goes through."""
        ikpu, package_code = self._fiscal
        return {"detail": receipt_of(asked.lines, ikpu, package_code)} if ikpu else {}

    def _refused(self, ref: str, told: Told) -> Outcome:
        """A no is believed when the receipt says so too; then it is called off, so that nobody can pay it later."""
        if not ref:
            return Outcome(DECLINED, reason=told.message)
        state = self._state(ref)
        if state != NEW:
            return Outcome(UNKNOWN, ref) if state is None else _outcome(state, ref)
        try:
            self.ask("receipts.cancel", id=ref)
        except (Told, httpx.HTTPError, ValueError, KeyError):
            return Outcome(UNKNOWN, ref)
        is_dead = any(word in told.message.lower() for word in _DEAD_WORDS)
        return Outcome(DEAD if is_dead else DECLINED, ref, f"{told.code} {told.message}"[:64])

    def _state(self, ref: str) -> int | None:
        try:
            return int(self.ask("receipts.check", id=ref)["state"])
        except (Told, httpx.HTTPError, ValueError, KeyError):
            return None

    def look_up(self, asked: Charge) -> Outcome:
        """By the receipt's state; without a receipt no money can have moved."""
        if not asked.ref:
            return Outcome(ABSENT)
        state = self._state(asked.ref)
        return Outcome(UNKNOWN, asked.ref) if state is None else _outcome(state, asked.ref)

    def may_refund(self, paid_at: datetime, *, now: datetime) -> bool:
        """Payme names no end."""
        return True

    def refund(self, ref: str, amount_minor: int, key: str) -> Outcome:
        """Call a paid receipt off, whole: Payme gives no parts back."""
        state = self._state(ref)
        if state in (CANCELLING, CANCELLED):
            return Outcome(SUCCEEDED, ref)
        try:
            told = self.ask("receipts.get", id=ref)
            if int(told["receipt"]["amount"]) != amount_minor:
                return Outcome(DECLINED, ref, "only whole payments go back")
            self.ask("receipts.cancel", id=ref)
        except Told as refused:
            return Outcome(DECLINED, ref, refused.message)
        except (httpx.HTTPError, ValueError, KeyError):
            return Outcome(UNKNOWN, ref)
        return Outcome(SUCCEEDED, ref)

    def forget(self, token: str) -> None:
        """Payme deletes the card; one that it does not know is gone already."""
        try:
            self.ask("cards.remove", token=token)
        except Told:
            return
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise Upstream(f"Payme: {type(error).__name__}") from error

    def check(self, token: str) -> str:
        """Implements gateways.base.Issuer: a card that its holder confirmed by the code, and that may be charged again."""
        try:
            card = self.ask("cards.check", token=token)["card"]
        except Told as told:
            if told.code in _OF_CARDS:
                raise Invalid(told.message) from told
            raise Upstream(f"Payme: {told.code} {told.message}") from told
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise Upstream("Payme does not answer.") from error
        if not (card.get("verify") and card.get("recurrent")):
            raise Invalid("The card was not confirmed by its code.")
        return _label(str(card.get("number", "")), str(card.get("expire", "")))

    def taken(self, since: datetime, until: datetime, orders: Sequence[Charge]) -> list[Stated] | None:
        """All paid receipts of the time, fifty at a call."""
        found: list[Doc] = []
        times = {"from": int(since.timestamp() * 1000), "to": int(until.timestamp() * 1000)}
        try:
            while len(page := self._page(times, len(found))) == _PAGE:
                found += page
            paid = [one for one in [*found, *page] if one["state"] == PAID]
            return [Stated(str(one["_id"]), _order(one), int(one["amount"])) for one in paid]
        except (Told, httpx.HTTPError, ValueError, KeyError):
            return None

    def _page(self, times: Doc, offset: int) -> list[Doc]:
        found: Any = self.ask("receipts.get_all", count=_PAGE, **times, offset=offset)
        return list(found)


def _order(receipt: Doc) -> str:
    return str(next((one["value"] for one in receipt["account"] or () if one["name"] == "order_id"), ""))


def _label(number: str, expire: str) -> str:
    """As `Uzcard •••• 6478, 03/99`, of Payme's `860049******6478`."""
    kind = _KINDS.get(number[:4], "Payme")
    return f"{kind} •••• {number[-4:]}" + (f", {expire}" if expire else "")


def _outcome(state: int, ref: str) -> Outcome:
    return Outcome(_OUTCOMES.get(state, PENDING), ref)
