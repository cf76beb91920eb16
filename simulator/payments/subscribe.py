"""Payme's Subscribe API (developer.help.paycom.uz "protokol-subscribe-api", read 2026-11): cards, and receipts that are paid once."""

import secrets
from collections.abc import Callable
from typing import Any

from aiohttp import web

from simulator.payments.book import BROKEN, DEAD, POOR, Book
from simulator.payments.calls import PaymeCaller
from simulator.payments.paying import Refused, pay_as_receipt

Doc = dict[str, Any]
SMS_CODE = "666666"
_NEW, _PAID, _CANCELLED = 0, 4, 50
_FROM_BROWSER = frozenset({"cards.create", "cards.get_verify_code", "cards.verify"})
_AT_ONCE = 50
_ANY_PAGE = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "Content-Type, X-Auth",
    "Access-Control-Allow-Methods": "POST",
}


class No(Exception):
    """Payme's answer is an error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.doc = {"code": code, "message": message}


class Subscribe:
    """One merchant's kassa. `caller` is used when the kassa has billing: then Payme calls the merchant as well."""

    def __init__(self, book: Book, merchant: str, key: str, caller: PaymeCaller) -> None:
        self._book, self._merchant, self._key, self._caller = book, merchant, key, caller
        self._methods: dict[str, Callable[[Doc], Doc | list[Doc]]] = {
            "cards.create": self._create_card,
            "cards.get_verify_code": self._verify_code,
            "cards.verify": self._verify,
            "cards.check": lambda given: {"card": _shown(self._card(given["token"]))},
            "cards.remove": self._remove,
            "receipts.create": self._create,
            "receipts.check": lambda given: {"state": self._receipt(given["id"])["state"]},
            "receipts.get": lambda given: {"receipt": self._receipt(given["id"])},
            "receipts.get_all": self._get_all,
            "receipts.cancel": self._cancel,
        }

    async def preflight(self, _request: web.Request) -> web.StreamResponse:
        """A browser asks whether a page of the merchant's may call."""
        return web.Response(status=204, headers=_ANY_PAGE)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """A call, from the merchant or a browser."""
        answer = await self._answered(request)
        answer.headers.update(_ANY_PAGE)
        return answer

    async def _answered(self, request: web.Request) -> web.StreamResponse:
        """Faults strike only where money moves."""
        asked = await request.json()
        name, given = asked.get("method", ""), asked.get("params", {})
        try:
            self._require_auth(name, request.headers.get("X-Auth", ""))
            if name == "receipts.pay":
                found: Any = await self._pay(request, given)
            elif name in self._methods:
                found = self._methods[name](given)
            else:
                raise No(-32601, f"no method {name}")
        except No as no:
            return web.json_response({"jsonrpc": "2.0", "id": asked.get("id"), "error": no.doc})
        except KeyError as error:
            return web.json_response(
                {"jsonrpc": "2.0", "id": asked.get("id"), "error": {"code": -32602, "message": str(error)}}
            )
        return web.json_response({"jsonrpc": "2.0", "id": asked.get("id"), "result": found})

    def _require_auth(self, method: str, given: str) -> None:
        wanted = f"{self._merchant}:{self._key}"
        if given != wanted and not (method in _FROM_BROWSER and given == self._merchant):
            raise No(-32504, "wrong credentials")

    def _create_card(self, given: Doc) -> Doc:
        number, expire = str(given["card"]["number"]), str(given["card"]["expire"])
        if not (number.isdecimal() and len(number) == 16 and expire.isdecimal() and len(expire) == 4):
            raise No(-31300, "Неверный номер карты")
        card = self._book.new_card("payme", number, is_verified=False) | {"expire": f"{expire[:2]}/{expire[2:]}"}
        return {"card": _shown(self._book.keep("card", card["token"], card))}

    def _verify_code(self, given: Doc) -> Doc:
        self._card(given["token"])
        return {"sent": True, "phone": "99890*****31", "wait": 60_000}

    def _verify(self, given: Doc) -> Doc:
        """The token changes when a card is verified."""
        card = self._card(given["token"])
        if given["code"] != SMS_CODE:
            raise No(-31103, "Неверный код подтверждения")
        self._book.forget("card", card["token"])
        card |= {"token": secrets.token_hex(24), "verified": True}
        return {"card": _shown(self._book.keep("card", card["token"], card))}

    def _remove(self, given: Doc) -> Doc:
        self._book.forget("card", self._card(given["token"])["token"])
        return {"success": True}

    def _card(self, token: str) -> Doc:
        found = self._book.find("card", token)
        if found is None or found["gateway"] != "payme":
            raise No(-31400, "card not found")
        return found

    def _receipt(self, number: str) -> Doc:
        found = self._book.find("receipt", number)
        if found is None:
            raise No(-31003, "receipt not found")
        return found

    def _create(self, given: Doc) -> Doc:
        number = secrets.token_hex(12)
        receipt = {
            "_id": number,
            "state": _NEW,
            "amount": int(given["amount"]),
            "create_time": self._book.now_ms(),
            "pay_time": 0,
            "cancel_time": 0,
            "account": [{"name": name, "value": value} for name, value in given["account"].items()],
            "description": given.get("description", ""),
            "detail": given.get("detail"),
        }
        return {"receipt": self._book.keep("receipt", number, receipt)}

    async def _pay(self, request: web.Request, given: Doc) -> Doc:
        if self._book.strikes("payme_before"):
            _cut(request)
        if self._book.strikes("payme_500"):
            raise web.HTTPInternalServerError
        receipt = self._receipt(given["id"])
        if receipt["state"] == _NEW:
            receipt = await self._take(receipt, self._card(given["token"]))
        elif receipt["state"] != _PAID:
            raise No(-31008, "the receipt is cancelled")
        if self._book.strikes("payme_after_commit"):
            _cut(request)
        return {"receipt": receipt}

    async def _take(self, receipt: Doc, card: Doc) -> Doc:
        """The money of a receipt, once."""
        if not card["verified"] or card["kind"] == DEAD:
            raise No(-31630, "card expired or blocked")
        if card["kind"] == POOR:
            raise No(-31630, "insufficient funds")
        if card["kind"] == BROKEN:
            raise No(-31630, "system error")
        receipt |= {"state": _PAID, "pay_time": self._book.now_ms()}
        self._book.keep("receipt", receipt["_id"], receipt)
        self._book.moved("charge", "payme", receipt["_id"], _order(receipt), receipt["amount"])
        if self._book.faults.get("with_billing"):
            try:
                account = {one["name"]: one["value"] for one in receipt["account"]}
                await pay_as_receipt(self._caller, receipt["_id"], account, receipt["amount"])
            except Refused as refused:
                raise No(-31611, str(refused)) from refused
        return receipt

    def _cancel(self, given: Doc) -> Doc:
        receipt = self._receipt(given["id"])
        if receipt["state"] == _PAID:
            self._book.moved("refund", "payme", receipt["_id"], _order(receipt), receipt["amount"])
        receipt |= {"state": _CANCELLED, "cancel_time": self._book.now_ms()}
        return {"receipt": self._book.keep("receipt", receipt["_id"], receipt)}

    def _get_all(self, given: Doc) -> list[Doc]:
        found = [one for one in self._book.all("receipt") if given["from"] <= one["create_time"] <= given["to"]]
        begin = int(given.get("offset", 0))
        return found[begin : begin + min(int(given["count"]), _AT_ONCE)]


def _shown(card: Doc) -> Doc:
    return {
        "number": card["shown"],
        "expire": card.get("expire", ""),
        "token": card["token"],
        "recurrent": True,
        "verify": card["verified"],
    }


def _order(receipt: Doc) -> str:
    return str(next((one["value"] for one in receipt["account"] if one["name"] == "order_id"), ""))


def _cut(request: web.Request) -> None:
    """The connection ends without an answer."""
    if request.transport is not None:
        request.transport.abort()
    raise web.HTTPServiceUnavailable  # nobody reads it any more
