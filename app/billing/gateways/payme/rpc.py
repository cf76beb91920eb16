"""Payme's Merchant API: JSON-RPC that Payme calls and that is decided inside one database transaction.

Protocol: developer.help.paycom.uz "protokol-merchant-api", read 2026-11. The answer is always HTTP 200; a request that
comes again gets the stored times again, never those of now.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from app.billing.gateways.payme import errors, transactions
from app.billing.gateways.payme.errors import Refused
from app.billing.gateways.payme.transactions import Receipts
from app.core import db, telemetry

_LOGIN = "Paycom"
_MOST_BYTES = 64 * 1024
Doc = dict[str, Any]


def answer(method: str, authorization: str, body: bytes, *, key: str, receipts: Receipts, now: datetime) -> Doc:
    """The JSON to answer a request with; nothing that a caller sends makes it raise."""
    request_id: Any = None
    try:
        if method != "POST":
            raise Refused(errors.NOT_POST)
        request = _read(body)
        request_id = request.get("id") if isinstance(request, dict) else None
        if not _is_payme(authorization, key):
            raise Refused(errors.UNAUTHORISED)
        if request is None:
            raise Refused(errors.UNREADABLE)
        name, params = _call_of(request)
        return {"jsonrpc": "2.0", "id": request_id, "result": _result(name, params, receipts, now=now)}
    except Refused as refused:
        return {"jsonrpc": "2.0", "id": request_id, "error": refused.to_doc()}
    except Exception as error:  # noqa: BLE001  Payme reads no status but 200: loud here, and there it is tried again
        telemetry.log().error("Payme's request failed", exc_info=error)
        return {"jsonrpc": "2.0", "id": request_id, "error": Refused(errors.OUR_FAILURE).to_doc()}


def _result(name: str, params: Doc, receipts: Receipts, *, now: datetime) -> Doc:
    """Decide in one transaction. What was refused may have moved a row (an expired transaction): that stays."""
    with db.write():
        try:
            return _METHODS[name](params, receipts, now)
        except Refused as refused:
            found = refused
    raise found


def _read(body: bytes) -> Any:
    try:
        return json.loads(body) if len(body) <= _MOST_BYTES else None
    except (ValueError, RecursionError):
        return None


def _call_of(request: Any) -> tuple[str, Doc]:
    if not isinstance(request, dict) or not isinstance(request.get("method"), str):
        raise Refused(errors.MALFORMED)
    name, params = request["method"], request.get("params")
    if name not in _METHODS:
        raise Refused(errors.UNKNOWN_METHOD, data=name[:64])
    if not isinstance(params, dict):
        raise Refused(errors.MALFORMED)
    return name, params


def _is_payme(authorization: str, key: str) -> bool:
    """Basic authentication (RFC 7617): the scheme in any case, the key may hold a colon."""
    scheme, _, packed = authorization.strip().partition(" ")
    try:
        given = base64.b64decode(packed.strip(), validate=True)
    except (binascii.Error, ValueError):
        given = b""
    is_equal = hmac.compare_digest(given, f"{_LOGIN}:{key}".encode())
    return is_equal and scheme.lower() == "basic" and bool(key)


_METHODS: Mapping[str, Callable[[Doc, Receipts, datetime], Doc]] = {
    "CheckPerformTransaction": transactions.check_perform,
    "CreateTransaction": transactions.create,
    "PerformTransaction": transactions.perform,
    "CancelTransaction": transactions.cancel,
    "CheckTransaction": transactions.check,
    "GetStatement": transactions.statement,
    "SetFiscalData": transactions.set_fiscal,
}
