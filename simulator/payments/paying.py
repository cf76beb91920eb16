"""What happens when somebody presses Pay: Payme sends each call twice and compares, Click prepares and completes."""

from typing import Any

from simulator.payments.book import Book
from simulator.payments.calls import ClickCaller, PaymeCaller, click_id, now_ms, payme_id

Doc = dict[str, Any]


class Refused(Exception):
    """The merchant does not take this payment; says what it answered."""


async def pay_by_payme(caller: PaymeCaller, book: Book, account: Doc, amount: int) -> str:
    """Check, create, perform. Returns the transaction's id. Raises Refused. With a fault the merchant never hears that
    the money moved."""
    number, at = payme_id(), now_ms()
    _result(await caller.call("CheckPerformTransaction", {"amount": amount, "account": account}))
    create = {"id": number, "time": at, "amount": amount, "account": account}
    await _twice(caller, "CreateTransaction", create)
    if not book.strikes("payme_no_perform"):
        await _twice(caller, "PerformTransaction", {"id": number})
    book.paid_by_payme(number, str(account.get("order_id", "")), amount)
    return number


async def pay_as_receipt(caller: PaymeCaller, receipt: str, account: Doc, amount: int) -> None:
    """A kassa with billing: the merchant hears of a receipt's money as of any transaction. Raises Refused."""
    create = {"id": receipt, "time": now_ms(), "amount": amount, "account": account}
    await _twice(caller, "CreateTransaction", create)
    await _twice(caller, "PerformTransaction", {"id": receipt})


async def _twice(caller: PaymeCaller, method: str, params: Doc) -> None:
    first = _result(await caller.call(method, params))
    if _result(await caller.call(method, params)) != first:
        raise Refused(f"{method} answers differently the second time")


def _result(told: Doc) -> Doc:
    if "result" not in told:
        raise Refused(str(told.get("error") or told))
    found: Doc = told["result"]
    return found


async def pay_by_click(caller: ClickCaller, book: Book, order: str, amount: str, *, is_enough: bool = True) -> int:
    """Prepare and complete; a card without enough money completes with an error. Returns Click's number. With a fault
    the merchant never hears that the money moved."""
    number = click_id()
    prepared = await caller.call(caller.fields(order, amount, number))
    if prepared.get("error") != 0:
        raise Refused(str(prepared))
    tiyin = round(float(amount) * 100)
    if is_enough and book.strikes("click_no_complete"):
        book.paid_by_click(str(number + 1), order, tiyin)
        return number
    error = 0 if is_enough else -5017
    done = await caller.call(
        caller.fields(order, amount, number, prepare_id=prepared["merchant_prepare_id"], error=error)
    )
    if done.get("error") != 0:
        raise Refused(str(done))
    book.paid_by_click(str(number + 1), order, tiyin)
    return number
