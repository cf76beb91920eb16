"""Click's Merchant API (docs.click.uz "merchant-api", read 2026-11): card tokens. A payment twice takes money twice."""

import hashlib
import itertools
import time
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from simulator.payments.book import BROKEN, DEAD, POOR, Book
from simulator.payments.calls import now_ms

Doc = dict[str, Any]
SMS_CODE = "12345"
_ZONE = ZoneInfo("Asia/Tashkent")
_NOT_FOUND = {"error_code": -16, "error_note": "Payment not found"}
_REFUSALS = {POOR: (-5017, "Insufficient funds"), DEAD: (-5018, "Card is blocked"), BROKEN: (-5007, "System error")}
_PATH = "/click-api/v2/merchant"


class MerchantApi:
    """One service of one merchant."""

    def __init__(self, book: Book, service_id: str, user_id: str, secret: str) -> None:
        self._book, self._service_id, self._user_id, self._secret = book, service_id, user_id, secret
        self._numbers = itertools.count(now_ms())

    def mount(self, app: web.Application) -> None:
        """Add its routes."""
        post, get, delete = app.router.add_post, app.router.add_get, app.router.add_delete
        post(f"{_PATH}/card_token/request", self._request)
        post(f"{_PATH}/card_token/verify", self._verify)
        post(f"{_PATH}/card_token/payment", self._pay)
        delete(f"{_PATH}/card_token/{{service}}/{{token}}", self._remove)
        get(f"{_PATH}/payment/status/{{service}}/{{number}}", self._status)
        get(f"{_PATH}/payment/status_by_mti/{{service}}/{{mti}}/{{day}}", self._status_by_mti)
        post(f"{_PATH}/payment/ofd_data/submit_items", self._submit_items)
        get(f"{_PATH}/payment/ofd_data/{{service}}/{{number}}", self._receipt)
        delete(f"{_PATH}/payment/reversal/{{service}}/{{number}}", self._reverse)

    def _require_auth(self, request: web.Request) -> None:
        user, digest, at = (request.headers.get("Auth", "").split(":") + ["", "", ""])[:3]
        wanted = hashlib.sha1((at + self._secret).encode()).hexdigest()
        is_now = at.isdigit() and abs(time.time() - int(at)) < 300
        if (user, digest) != (self._user_id, wanted) or not is_now:
            raise web.HTTPUnauthorized

    async def _request(self, request: web.Request) -> web.Response:
        self._require_auth(request)
        given = await request.json()
        card = self._book.new_card("click", str(given["card_number"]), is_verified=False)
        return _told(card_token=card["token"], phone_number="99890*****31", temporary=0)

    async def _verify(self, request: web.Request) -> web.Response:
        self._require_auth(request)
        given = await request.json()
        card = self._book.find("card", given["card_token"])
        if card is None or str(given["sms_code"]) != SMS_CODE:
            return web.json_response({"error_code": -301, "error_note": "Wrong code"})
        self._book.keep("card", card["token"], card | {"verified": True})
        return _told(card_number=card["shown"])

    async def _pay(self, request: web.Request) -> web.StreamResponse:
        self._require_auth(request)
        given = await request.json()
        if self._book.strikes("click_before"):
            _cut(request)
        if self._book.strikes("click_500"):
            raise web.HTTPInternalServerError
        card = self._book.find("card", given["card_token"])
        if card is None or not card["verified"]:
            return web.json_response({"error_code": -5014, "error_note": "Card token not found"})
        if card["kind"] in _REFUSALS:
            code, note = _REFUSALS[card["kind"]]
            return web.json_response({"error_code": code, "error_note": note})
        number, mti = str(next(self._numbers)), str(given["transaction_parameter"])
        tiyin = round(float(given["amount"]) * 100)
        payment = {
            "payment_id": int(number),
            "mti": mti,
            "amount_minor": tiyin,
            "at_ms": self._book.now_ms(),
            "status": 2,
        }
        self._book.keep("payment", number, payment)
        self._book.moved("charge", "click", number, mti, tiyin)
        if self._book.strikes("click_after_commit"):
            _cut(request)
        return _told(payment_id=int(number), payment_status=2)

    async def _remove(self, request: web.Request) -> web.Response:
        self._require_auth(request)
        self._book.forget("card", request.match_info["token"])
        return _told()

    async def _status(self, request: web.Request) -> web.Response:
        self._require_auth(request)
        found = self._book.find("payment", request.match_info["number"])
        return web.json_response(_NOT_FOUND) if found is None else _told(**_state(found))

    async def _status_by_mti(self, request: web.Request) -> web.Response:
        """The newest payment of a merchant's number on a day of Tashkent's."""
        self._require_auth(request)
        mti, day = request.match_info["mti"], request.match_info["day"]
        found = [one for one in self._book.all("payment") if one["mti"] == mti and _day(one) == day]
        return web.json_response(_NOT_FOUND) if not found else _told(**_state(found[-1]))

    async def _submit_items(self, request: web.Request) -> web.Response:
        """The fiscal receipt of a payment: items in tiyin that sum to it; the tax office may be away."""
        self._require_auth(request)
        given = await request.json()
        if self._book.strikes("click_fiscal_away"):
            raise web.HTTPBadGateway
        number, items = str(given["payment_id"]), given["items"]
        whole = sum(int(item["Price"]) for item in items)
        payment = self._book.find("payment", number)
        if payment is not None and payment["amount_minor"] != whole:
            return web.json_response(
                {"error_code": -1, "error_note": "The sum of the items is not that of the payment"}
            )
        self._book.keep("receipt_of_click", number, {"url": f"https://ofd.example/check?t={number}", "items": items})
        return _told()

    async def _receipt(self, request: web.Request) -> web.Response:
        self._require_auth(request)
        found = self._book.find("receipt_of_click", request.match_info["number"])
        return _told(paymentId=request.match_info["number"], qrCodeURL=found["url"] if found else "")

    async def _reverse(self, request: web.Request) -> web.Response:
        self._require_auth(request)
        found = self._book.find("payment", request.match_info["number"])
        if found is None or found["status"] != 2:
            return web.json_response(_NOT_FOUND)
        self._book.keep("payment", str(found["payment_id"]), found | {"status": -99})
        self._book.moved("refund", "click", str(found["payment_id"]), found["mti"], found["amount_minor"])
        return _told(payment_id=found["payment_id"])


def _told(**facts: Any) -> web.Response:
    return web.json_response({"error_code": 0, "error_note": "Success", **facts})


def _state(payment: Doc) -> Doc:
    return {
        "payment_id": payment["payment_id"],
        "payment_status": payment["status"],
        "merchant_trans_id": payment["mti"],
    }


def _day(payment: Doc) -> str:
    return f"{datetime.fromtimestamp(payment['at_ms'] / 1000, _ZONE):%Y-%m-%d}"


def _cut(request: web.Request) -> None:
    """The connection ends without an answer."""
    if request.transport is not None:
        request.transport.abort()
    raise web.HTTPServiceUnavailable  # nobody reads it any more
