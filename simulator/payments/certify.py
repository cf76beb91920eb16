"""`python -m simulator.payments.certify payme|click`: both sandbox scenarios against a live address, red or green.

Reads from standard input one JSON document: url, key (or service_id and secret), and fresh orders of one amount. Each
check says what was asked and what came; the exit code is 1 when one is red. Sequences: facts of the gateways' own
sandboxes (developer.help.paycom.uz "pesochnitsa", docs.click.uz; every call of Payme's comes twice), read 2026-11.
"""

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

from simulator.payments.calls import ClickCaller, Journal, PaymeCaller, click_id, now_ms, payme_id

Doc = dict[str, Any]
METHODS = (
    *("CheckPerformTransaction", "CreateTransaction", "PerformTransaction", "CancelTransaction"),
    *("CheckTransaction", "GetStatement"),
)
_ACCOUNT_ERRORS = range(-31099, -31049)
_TWELVE_HOURS_MS = 43_200_000


class Checks:
    """What was found, printed as it comes."""

    def __init__(self) -> None:
        self.red = 0

    def check(self, what: str, is_good: bool, told: object) -> None:
        self.red += not is_good
        print(f"{'green' if is_good else 'RED  '} {what}" + ("" if is_good else f": {json.dumps(told)}"), flush=True)


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
            error = told.get("error", {})
            names = set(error.get("message", ())) >= {"ru", "uz", "en"} and error.get("data") == "order_id"
            self._checks.check("the error names the field and speaks three languages", names, told)
            other = {"amount": self._amount + 1, "account": self._account_of(order)}
            self._expect(f"{method} with a wrong amount", await self._caller.call(method, other | more), _is(-31001))
        told = await self._caller.call(
            "CheckPerformTransaction", {"amount": self._amount, "account": self._account_of(order)}
        )
        self._checks.check("an open order is allowed", told.get("result", {}).get("allow") is True, told)
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
        found: Doc = first.get("result") or {}
        return found

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
        told = (await self._caller.call("CheckTransaction", {"id": number})).get("result", {})
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
        told = (await self._caller.call("CheckTransaction", {"id": number})).get("result", {})
        self._checks.check("it was cancelled for that", (told.get("state"), told.get("reason")) == (-1, 4), told)

    async def _statement(self) -> None:
        told = await self._caller.call("GetStatement", {"from": self._began_ms, "to": now_ms()})
        rows = told.get("result", {}).get("transactions", [])
        times = [row.get("time") for row in rows]
        self._checks.check("the statement lists them by Payme's time", len(rows) >= 3 and times == sorted(times), told)

    def _expect(self, what: str, told: Doc, is_good: Callable[[int], bool]) -> None:
        code = told.get("error", {}).get("code")
        self._checks.check(what, isinstance(code, int) and is_good(code), told)


def _is(wanted: int) -> Callable[[int], bool]:
    return lambda code: code == wanted


class ClickCertificate:
    """Click's checks over Prepare and Complete. Amounts are soums as text."""

    def __init__(self, caller: ClickCaller, orders: list[str], amount: str, checks: Checks) -> None:
        self._caller, self._orders, self._amount, self._checks = caller, iter(orders), amount, checks

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
        await self._ask("another amount", -2, order, number, amount="499.00")
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
        await self._ask("another amount at Complete", -2, order, number, prepare_id=prepared, amount="499.00")
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


async def main(gateway: str) -> int:
    given, checks, journal = json.load(sys.stdin), Checks(), Journal(None)
    if gateway == "payme":
        payme = PaymeCaller(given["url"], given["key"], journal)
        await PaymeCertificate(payme, given["orders"], given["amount"], checks).run()
    else:
        click = ClickCaller(given["url"], given["service_id"], given["secret"], journal)
        await ClickCertificate(click, given["orders"], given["amount"], checks).run()
    print(f"{'certified' if not checks.red else f'{checks.red} checks are red'}")
    return 1 if checks.red else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
