"""Events on their way to the merchant: signed, at least once, again each second until it says 2xx."""

import asyncio
import hashlib
import hmac
import json
import random
import time

import aiohttp

from simulator.stripe.account import Account
from simulator.stripe.objects import Doc

_TIMEOUT = aiohttp.ClientTimeout(total=5)
_AGAIN_S, _TICK_S = 1.0, 0.05


class Webhooks:
    """One after the other in the order of the events, unless `webhooks_shuffled` mixes what is due."""

    def __init__(self, account: Account, url: str, secret: str) -> None:
        self._account, self._store, self._url, self._secret = account, account.store, url, secret

    async def run(self) -> None:
        swept = 0.0
        async with aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=False) as http:
            while True:
                if time.monotonic() >= swept + _AGAIN_S:
                    self._account.expire_overdue()
                    swept = time.monotonic()
                for number, event in self._batch():
                    await self._send(http, number, event)
                await asyncio.sleep(_TICK_S)

    def _batch(self) -> list[tuple[int, str]]:
        if not self._url or self._store.fault("webhooks_off"):
            return []
        found = self._store.due()
        if self._store.fault("webhooks_shuffled"):
            random.shuffle(found)
        return found

    async def _send(self, http: aiohttp.ClientSession, number: int, event: str) -> None:
        doc = self._store.get(event)
        if doc is None or self._store.fault("webhooks_off"):
            return
        is_done = await self._post(http, doc)
        if is_done and self._store.fault("webhooks_twice"):
            await self._post(http, doc)
        if is_done:
            self._store.delivered(number)
        else:
            self._store.retry(number, _AGAIN_S)
        self._store.commit()

    async def _post(self, http: aiohttp.ClientSession, doc: Doc) -> bool:
        body = json.dumps(doc, ensure_ascii=False, indent=2)
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Stripe/1.0 (simulated)"}
        headers["Stripe-Signature"] = signature(body, self._secret, int(time.time()))
        try:
            async with http.post(self._url, data=body.encode(), headers=headers, allow_redirects=False) as answer:
                return 200 <= answer.status < 300
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False


def signature(body: str, secret: str, at: int) -> str:
    signed = hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"
