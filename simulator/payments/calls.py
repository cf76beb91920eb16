"""How Payme and Click call a merchant: JSON-RPC with Basic authentication, and signed forms. Every call is written down."""

import base64
import hashlib
import itertools
import json
import secrets
import time
from pathlib import Path
from typing import Any

import aiohttp

Doc = dict[str, Any]
_MOST_BYTES = 1024 * 1024
_TIMEOUT = aiohttp.ClientTimeout(total=20)


class Journal:
    """One line of JSON for each call, in the order of the calls."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, **facts: Any) -> None:
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(json.dumps({"at_ms": now_ms(), **facts}, ensure_ascii=False) + "\n")


def now_ms() -> int:
    return int(time.time() * 1000)


class PaymeCaller:
    """Payme, calling one merchant's endpoint."""

    def __init__(self, url: str, key: str, journal: Journal) -> None:
        self._url, self._journal, self._numbers = url, journal, itertools.count(1)
        self.auth = f"Basic {base64.b64encode(f'Paycom:{key}'.encode()).decode()}"

    async def call(self, method: str, params: Doc, *, auth: str | None = None) -> Doc:
        """The whole answer to a well-formed call."""
        body = json.dumps({"jsonrpc": "2.0", "id": next(self._numbers), "method": method, "params": params}).encode()
        status, told = await self.raw(body, auth=auth)
        self._journal.write(gateway="payme", method=method, params=params, status=status, answer=told)
        return told

    async def raw(self, body: bytes, *, auth: str | None = None, verb: str = "POST") -> tuple[int, Doc]:
        """(status, answer) to any body; an answer that is no JSON document counts as {}."""
        headers = {"Authorization": self.auth if auth is None else auth, "Content-Type": "application/json"}
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as session,
            session.request(verb, self._url, data=body, headers=headers) as answer,
        ):
            return answer.status, await _document(answer)


class ClickCaller:
    """Click, calling one merchant's endpoint."""

    def __init__(self, url: str, service_id: str, secret: str, journal: Journal) -> None:
        self._url, self._service_id, self._secret, self._journal = url, service_id, secret, journal

    def fields(self, order: str, amount: str, trans_id: int, *, prepare_id: Any = None, **other: Any) -> Doc:
        """A request as Click signs it; `other` is signed with it, a given `sign_string` stays."""
        found: Doc = {
            "click_trans_id": trans_id,
            "service_id": self._service_id,
            "click_paydoc_id": trans_id + 1,
            "merchant_trans_id": order,
            "amount": amount,
            "action": 0 if prepare_id is None else 1,
            "error": 0,
            "error_note": "Success",
            "sign_time": time.strftime("%Y-%m-%d %H:%M:%S"),
        }
        found |= {} if prepare_id is None else {"merchant_prepare_id": prepare_id}
        found |= {name: value for name, value in other.items() if name != "sign_string"}
        return found | {"sign_string": other.get("sign_string") or self._sign(found)}

    def _sign(self, fields: Doc) -> str:
        middle = [fields["merchant_prepare_id"]] if "merchant_prepare_id" in fields else []
        parts = (
            *(fields["click_trans_id"], fields["service_id"], self._secret, fields["merchant_trans_id"], *middle),
            *(fields["amount"], fields["action"], fields["sign_time"]),
        )
        return hashlib.md5("".join(map(str, parts)).encode()).hexdigest()

    async def call(self, fields: Doc) -> Doc:
        """The answer as JSON; {} when it is none."""
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as session,
            session.post(self._url, data={name: str(value) for name, value in fields.items()}) as answer,
        ):
            told = await _document(answer)
            self._journal.write(gateway="click", fields=fields, status=answer.status, answer=told)
        return told


async def _document(answer: aiohttp.ClientResponse) -> Doc:
    """What an answer holds; {} when that is no document, or a longer one than any of the protocol's."""
    body = b""
    async for chunk in answer.content.iter_chunked(_MOST_BYTES):
        body += chunk
        if len(body) > _MOST_BYTES:
            return {}
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def payme_id() -> str:
    """24 hexadecimal digits, as Payme's ids are."""
    return secrets.token_hex(12)


def click_id() -> int:
    return secrets.randbelow(10**12) + 10**12
