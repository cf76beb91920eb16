"""`python -m simulator.payments.certify payme|click`: both sandbox scenarios against a live address, red or green.

Reads from standard input one JSON document: url, key (or service_id and secret), and fresh orders of one amount. Each
check says what was asked and what came; the exit code is 1 when one is red, 2 when the document cannot be used.
Sequences: facts of the gateways' own sandboxes (developer.help.paycom.uz "pesochnitsa", docs.click.uz; every call of
Payme's comes twice), read 2026-11.
"""

import asyncio
import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from simulator.payments.calls import ClickCaller, Journal, PaymeCaller, click_id, now_ms, payme_id

Doc = dict[str, Any]
METHODS = (
    *("CheckPerformTransaction", "CreateTransaction", "PerformTransaction", "CancelTransaction"),
    *("CheckTransaction", "GetStatement"),
)
_ACCOUNT_ERRORS = range(-31099, -31049)
_TWELVE_HOURS_MS = 43_200_000


PAYME, CLICK = "payme", "click"
NEEDED = {PAYME: 4, CLICK: 3}  # fresh orders
_AMOUNTS = {
    PAYME: (re.compile("[1-9][0-9]{0,14}"), "Write the amount in whole tiyin, like 12500000."),
    CLICK: (re.compile(r"(?=.*[1-9])[0-9]{1,13}(\.[0-9]{1,2})?"), "Write the amount in soums, like 125000.00."),
}


@dataclass(frozen=True)
class Row:
    """One check; `told` is what came."""

    what: str
    is_good: bool
    told: object


class Checks:
    """What was found, in its order. `heard` is called with each row as it comes."""

    def __init__(self, heard: Callable[[Row], None] | None = None) -> None:
        self.rows: list[Row] = []
        self._heard = heard

    @property
    def red(self) -> int:
        return sum(not row.is_good for row in self.rows)

    def check(self, what: str, is_good: bool, told: object) -> None:
        row = Row(what, is_good, told)
        self.rows.append(row)
        if self._heard is not None:
            self._heard(row)


class PaymeCertificate:
    """Payme's checks. `orders` are public ids of open orders that cost `amount` tiyin each."""

    def __init__(self, caller: PaymeCaller, orders: list[str], amount: int, checks: Checks) -> None:
        self._caller, self._orders, self._amount, self._checks = caller, iter(orders), amount, checks
        self._began_ms = now_ms()

    async def run(self) -> None:
        await self._door()
        await self._account()
        await self._not_confirmed()
        await self._confirmed()
        await self._too_late()
        await self._statement()

    def _account_of(self, order: str) -> Doc:
        return {"order_id": order}

    async def _door(self) -> None:
        for method in METHODS:
            told = await self._caller.call(method, {}, auth="Basic UGF5Y29tOndyb25n")
            self._expect(f"{method} with a wrong key", told, lambda code: code == -32504)
        for what, body, verb, code in (
            ("no JSON", b"{", "POST", -32700),
            ("no method", b'{"id": 1}', "POST", -32600),
            ("an unknown method", b'{"id": 1, "method": "Nothing", "params": {}}', "POST", -32601),
            ("GET", b"", "GET", -32300),
        ):
            status, told = await self._caller.raw(body, verb=verb)
            self._checks.check(f"{what} is answered with status 200", status == 200, status)
            self._expect(what, told, lambda found, code=code: found == code)  # type: ignore[misc]

    async def _account(self) -> None:
        order = next(self._orders)
        wrong = {"amount": self._amount, "account": self._account_of("nobody")}
        for method, more in (
            ("CheckPerformTransaction", {}),
            ("CreateTransaction", {"id": payme_id(), "time": now_ms()}),
        ):
            told = await self._caller.call(method, wrong | more)
            self._expect(f"{method} for an unknown account", told, lambda code: code in _ACCOUNT_ERRORS)
            error = _part(told, "error")
            names = set(_part(error, "message")) >= {"ru", "uz", "en"} and error.get("data") == "order_id"
            self._checks.check("the error names the field and speaks three languages", names, told)
            other = {"amount": self._amount + 1, "account": self._account_of(order)}
            self._expect(f"{method} with a wrong amount", await self._caller.call(method, other | more), _is(-31001))
        told = await self._caller.call(
            "CheckPerformTransaction", {"amount": self._amount, "account": self._account_of(order)}
        )
        self._checks.check("an open order is allowed", _part(told, "result").get("allow") is True, told)
        for method in ("PerformTransaction", "CancelTransaction", "CheckTransaction"):
            told = await self._caller.call(method, {"id": payme_id(), "reason": 1})
            self._expect(f"{method} of an unknown transaction", told, _is(-31003))

    async def _create(self, order: str, at_ms: int) -> tuple[str, Doc]:
        number = payme_id()
        params = {"id": number, "time": at_ms, "amount": self._amount, "account": self._account_of(order)}
        return number, await self._twice("CreateTransaction", params)

    async def _twice(self, method: str, params: Doc) -> Doc:
        first, second = await self._caller.call(method, params), await self._caller.call(method, params)
        same = first.get("result") == second.get("result") and "result" in first
        self._checks.check(f"{method} twice gives the same answer", same, [first, second])
        return _part(first, "result")

    async def _not_confirmed(self) -> None:
        """The sandbox's first scenario: created, then cancelled."""
        order = next(self._orders)
        number, made = await self._create(order, now_ms())
        self._checks.check("a created transaction has state 1", made.get("state") == 1, made)
        busy = {"id": payme_id(), "time": now_ms(), "amount": self._amount, "account": self._account_of(order)}
        told = await self._caller.call("CreateTransaction", busy)
        self._expect("a second transaction of a busy order", told, lambda c: c == -31008 or c in _ACCOUNT_ERRORS)
        gone = await self._twice("CancelTransaction", {"id": number, "reason": 3})
        self._checks.check("a cancelled one has state -1", gone.get("state") == -1, gone)
        self._expect("it is not performed", await self._caller.call("PerformTransaction", {"id": number}), _is(-31008))
        told = _part(await self._caller.call("CheckTransaction", {"id": number}), "result")
        self._checks.check("its reason is kept", told.get("reason") == 3 and told.get("perform_time") == 0, told)
        _, again = await self._create(order, now_ms())
        self._checks.check("the order can be paid again", again.get("state") == 1, again)

    async def _confirmed(self) -> None:
        """The second scenario: created, performed, cancelled."""
        order = next(self._orders)
        number, _ = await self._create(order, now_ms())
        done = await self._twice("PerformTransaction", {"id": number})
        self._checks.check("a performed transaction has state 2", done.get("state") == 2, done)
        paid = {"amount": self._amount, "account": self._account_of(order)}
        told = await self._caller.call("CheckPerformTransaction", paid)
        self._expect("a paid order is not paid again", told, lambda code: code in _ACCOUNT_ERRORS)
        told = await self._caller.call("CreateTransaction", paid | {"id": payme_id(), "time": now_ms()})
        self._expect("nor is a transaction created", told, lambda c: c == -31008 or c in _ACCOUNT_ERRORS)
        back = await self._twice("CancelTransaction", {"id": number, "reason": 5})
        self._checks.check("given back it has state -2", back.get("state") == -2, back)
        self._expect("and is not performed", await self._caller.call("PerformTransaction", {"id": number}), _is(-31008))

    async def _too_late(self) -> None:
        order = next(self._orders)
        number, _ = await self._create(order, now_ms() - _TWELVE_HOURS_MS + 1_000)
        await asyncio.sleep(1.2)
        told = await self._caller.call("PerformTransaction", {"id": number})
        self._expect("after twelve hours nothing is performed", told, _is(-31008))
        told = _part(await self._caller.call("CheckTransaction", {"id": number}), "result")
        self._checks.check("it was cancelled for that", (told.get("state"), told.get("reason")) == (-1, 4), told)

    async def _statement(self) -> None:
        told = await self._caller.call("GetStatement", {"from": self._began_ms, "to": now_ms()})
        rows = _part(told, "result").get("transactions")
        times: list[Any] = [row.get("time") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        are_times = len(times) >= 3 and all(isinstance(time, int) for time in times)
        self._checks.check("the statement lists them by Payme's time", are_times and times == sorted(times), told)

    def _expect(self, what: str, told: Doc, is_good: Callable[[int], bool]) -> None:
        code = _part(told, "error").get("code")
        self._checks.check(what, isinstance(code, int) and is_good(code), told)


def _part(told: Doc, name: str) -> Doc:
    """A document inside another; {} when it is none."""
    found = told.get(name)
    return found if isinstance(found, dict) else {}


def _is(wanted: int) -> Callable[[int], bool]:
    return lambda code: code == wanted


class ClickCertificate:
    """Click's checks over Prepare and Complete. Amounts are soums as text."""

    def __init__(self, caller: ClickCaller, orders: list[str], amount: str, checks: Checks) -> None:
        self._caller, self._orders, self._amount, self._checks = caller, iter(orders), amount, checks
        self._other_amount = "499.00" if Decimal(amount) != 499 else "500.00"

    async def run(self) -> None:
        await self._door()
        await self._paid()
        await self._cancelled()

    async def _ask(self, what: str, wanted: int, order: str, number: int, **more: Any) -> Doc:
        amount = more.pop("amount", self._amount)
        told = await self._caller.call(self._caller.fields(order, amount, number, **more))
        self._checks.check(f"{what}: {wanted}", told.get("error") == wanted, told)
        return told

    async def _door(self) -> None:
        order, number = next(self._orders), click_id()
        await self._ask("a wrong signature", -1, order, number, sign_string="0" * 32)
        await self._ask("an unknown order", -5, "nobody", number)
        await self._ask("another amount", -2, order, number, amount=self._other_amount)
        await self._ask("an unknown action", -3, order, number, action=9)
        await self._ask("a field that is missing", -8, order, number, sign_time="")
        await self._ask("a Complete without its Prepare", -6, order, number, prepare_id=987_654_321)
        told = await self._ask("an open order", 0, order, number)
        same = await self._ask("the same Prepare again", 0, order, number)
        first, second = told.get("merchant_prepare_id"), same.get("merchant_prepare_id")
        self._checks.check("has the same number", first == second is not None, same)
        self._checks.check("click_trans_id comes back", told.get("click_trans_id") == number, told)

    async def _paid(self) -> None:
        order, number = next(self._orders), click_id()
        prepared = (await self._ask("Prepare", 0, order, number)).get("merchant_prepare_id", 0)
        await self._ask("another amount at Complete", -2, order, number, prepare_id=prepared, amount=self._other_amount)
        await self._ask("Complete", 0, order, number, prepare_id=prepared)
        await self._ask("Complete again", -4, order, number, prepare_id=prepared)
        await self._ask("Prepare of a paid order", -4, order, click_id())
        await self._ask("an error for what is paid", -9, order, number, prepare_id=prepared, error=-1)

    async def _cancelled(self) -> None:
        order, number = next(self._orders), click_id()
        prepared = (await self._ask("Prepare", 0, order, number)).get("merchant_prepare_id", 0)
        await self._ask("a card without money", -9, order, number, prepare_id=prepared, error=-5017)
        await self._ask("Complete of what was cancelled", -9, order, number, prepare_id=prepared)
        again = (await self._ask("another try", 0, order, click_id())).get("merchant_prepare_id", 0)
        self._checks.check("has another number", again != prepared, again)


class Wrong(Exception):
    """What was given cannot be run: a sentence for each field, by its name."""

    def __init__(self, sentences: dict[str, str]) -> None:
        super().__init__(" ".join(sentences.values()))
        self.sentences = sentences


async def certify(gateway: str, given: Doc, checks: Checks) -> None:
    """Run a gateway's sequence; an address that does not answer ends it with a red row. Raises Wrong before any call.

    `given`: url, key (Payme) or service_id and secret (Click), orders (a list of public ids), amount (tiyin or soums).
    """
    if wrong := _wrong(gateway, given):
        raise Wrong(wrong)
    try:
        await _certificate(gateway, given, checks).run()
    except (aiohttp.ClientError, TimeoutError) as error:
        checks.check("the address answers", False, f"no answer ({type(error).__name__}: {error})")


def _certificate(gateway: str, given: Doc, checks: Checks) -> PaymeCertificate | ClickCertificate:
    url, orders, journal = given["url"], given["orders"], Journal(None)
    if gateway == PAYME:
        return PaymeCertificate(PaymeCaller(url, given["key"], journal), orders, int(given["amount"]), checks)
    click = ClickCaller(url, given["service_id"], given["secret"], journal)
    return ClickCertificate(click, orders, str(given["amount"]), checks)


def _wrong(gateway: str, given: Doc) -> dict[str, str]:
    """A sentence for each field that cannot be used."""
    if gateway not in NEEDED:
        return {"gateway": "Choose Payme or Click."}
    found: dict[str, str] = {}
    if not _is_address(given.get("url") or ""):
        found["url"] = "Write the address as http://... or https://..., without a user name or a password in it."
    if gateway == PAYME and not given.get("key"):
        found["key"] = "Payme's key is missing."
    if gateway == CLICK and not given.get("service_id"):
        found["service_id"] = "Click's service id is missing."
    if gateway == CLICK and not given.get("secret"):
        found["secret"] = "Click's secret key is missing."
    orders, needed = given.get("orders") or [], NEEDED[gateway]
    if len(orders) < needed:
        found["orders"] = f"The run needs {needed} fresh orders, one id on each line; {len(orders)} came."
    elif len(set(orders)) < len(orders):
        found["orders"] = "An order stands in the list twice; each is used once."
    pattern, sentence = _AMOUNTS[gateway]
    if not pattern.fullmatch(str(given.get("amount", ""))):
        found["amount"] = sentence
    return found


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        return False


def _print(row: Row) -> None:
    told = "" if row.is_good else f": {json.dumps(row.told)}"
    print(f"{'green' if row.is_good else 'RED  '} {row.what}{told}", flush=True)


async def main(gateway: str) -> int:
    checks = Checks(_print)
    try:
        await certify(gateway, json.load(sys.stdin), checks)
    except Wrong as wrong:
        print(f"Error: {wrong}", file=sys.stderr)
        return 2
    print(f"{'certified' if not checks.red else f'{checks.red} checks are red'}")
    return 1 if checks.red else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
