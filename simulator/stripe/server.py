"""Stripe's HTTP face: who may ask, what a key asked before, and how a request gets lost."""

import asyncio
import base64
import binascii
import json
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import parse_qsl

from aiohttp import web

from simulator.stripe.account import Account
from simulator.stripe.endpoints import Endpoints
from simulator.stripe.objects import API_VERSION, Doc, Refusal, parsed
from simulator.stripe.pages import add_pages

# How many of the next POST /v1/payment_intents go wrong, and what stays on until it is set back to 0
COUNTED = ("before", "after_commit", "status_500", "status_500_committed")
STAYING = ("slow_s", "webhooks_off", "webhooks_twice", "webhooks_shuffled", "webhook_delay_s")
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_IN_USE = "There is currently another in-progress request using this Idempotent Key: {}"
_OTHER = (
    "Keys for idempotent requests can only be used with the same parameters they were first used with."
    " Try using a key other than '{}' if you meant to execute a different request."
)


def make_app(account: Account, secret_key: str) -> web.Application:
    @web.middleware
    async def whole_or_nothing(request: web.Request, handler: _Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException:
            raise
        except Exception:
            account.store.rollback()
            raise

    app = web.Application(middlewares=[whole_or_nothing])
    server = Server(account, secret_key)
    app.router.add_route("*", "/v1/{path:.+}", server.answer)
    add_pages(app, account)
    _add_control(app, account)
    app.router.add_static("/static", Path(__file__).resolve().parents[1] / "static")
    return app


class Server:
    """Between the first look at a key and the commit nothing else runs, except while `slow_s` holds a request."""

    def __init__(self, account: Account, secret_key: str) -> None:
        self._account, self._store, self._secret_key = account, account.store, secret_key
        self._endpoints, self._running = Endpoints(account), set[str]()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path, key, text = request.match_info["path"], None, await request.text()
        id_ = f"req_{secrets.token_hex(7)}"
        if request.method == "POST":
            key = request.headers.get("Idempotency-Key")
        is_counted = (request.method, path) == ("POST", "payment_intents")
        facts: Doc = {"method": request.method, "path": request.path, "idempotency_key": key, "params": {}}
        try:
            self._refuse_strangers(request)
            pairs = parse_qsl(request.query_string, keep_blank_values=True) + parse_qsl(text, keep_blank_values=True)
            facts["params"] = asked = parsed(pairs)
            if is_counted and self._store.take_fault("before"):
                return self._lost(request, facts | {"fault": "before", "status": None, "replayed": False})
            told = self._remembered(request, key, asked)
            if told is not None:
                return self._told(*told, facts, id_, is_replayed=True)
        except Refusal as refusal:
            return self._told(refusal.status, _error(refusal), facts, id_)
        if is_counted:
            await self._held(key or id_)
        return self._executed(request, path, facts, id_, is_counted)

    async def _held(self, key: str) -> None:
        self._running.add(key)
        try:
            await asyncio.sleep(self._store.fault("slow_s"))
        finally:
            self._running.discard(key)

    def _refuse_strangers(self, request: web.Request) -> None:
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        if kind == "Basic":
            try:
                given = base64.b64decode(given).decode().partition(":")[0]
            except (binascii.Error, UnicodeDecodeError):
                given = ""
        if kind not in ("Basic", "Bearer") or not secrets.compare_digest(given.encode(), self._secret_key.encode()):
            raise Refusal(401, "Invalid API Key provided" if given else "You did not provide an API key.")

    def _remembered(self, request: web.Request, key: str | None, asked: Doc) -> tuple[int, str] | None:
        if key is None:
            return None
        if not 0 < len(key) <= 255:
            raise Refusal(400, "An idempotency key has 1 to 255 characters.", kind="idempotency_error")
        if key in self._running:
            raise Refusal(409, _IN_USE.format(key), code="idempotency_key_in_use")
        known = self._store.answer(key)
        if known is not None and known[0] != _asked(request, asked):
            raise Refusal(400, _OTHER.format(key), kind="idempotency_error")
        return None if known is None else known[1:]

    def _executed(self, request: web.Request, path: str, facts: Doc, id_: str, is_counted: bool) -> web.StreamResponse:
        """Everything of one request in one commit: the objects, the answer under its key, the journal's lines."""
        key, fault = facts["idempotency_key"], self._fault() if is_counted else None
        self._account.request = {"id": id_, "idempotency_key": key}
        is_kept = True
        try:
            if fault == "status_500":
                raise _broken()
            made = self._endpoints.run(request.method, path, facts["params"], f"http://{request.host}")
            if fault == "status_500_committed":
                raise _broken()
            status, body, object_id = 200, json.dumps(made, ensure_ascii=False), made.get("id")
        except Refusal as refusal:
            if refusal.status not in (402, 500):
                self._store.rollback()
            is_kept = not refusal.is_validation
            status, body = refusal.status, _error(refusal)
            object_id = (refusal.error.get("payment_intent") or {}).get("id")
        self._account.request = {"id": None, "idempotency_key": None}
        if key and is_kept:
            self._store.keep_answer(key, _asked(request, facts["params"]), status, body)
        facts |= {"object_id": object_id} | ({"fault": fault} if fault else {})
        if fault == "after_commit":
            return self._lost(request, facts | {"status": status, "replayed": False})
        return self._told(status, body, facts, id_)

    def _fault(self) -> str | None:
        found = next((name for name in COUNTED[1:] if self._store.take_fault(name)), None)
        self._store.commit()  # it is used up also when the request is refused
        return found

    def _told(self, status: int, body: str, facts: Doc, id_: str, *, is_replayed: bool = False) -> web.Response:
        if is_replayed:
            told = json.loads(body)
            facts["object_id"] = told.get("id") or (told.get("error", {}).get("payment_intent") or {}).get("id")
        self._store.note(**{"object_id": None} | facts, status=status, replayed=is_replayed)
        self._store.commit()
        headers = {"Request-Id": id_, "Stripe-Version": API_VERSION}
        headers |= {"Idempotency-Key": facts["idempotency_key"]} if facts["idempotency_key"] else {}
        headers |= {"Idempotent-Replayed": "true"} if is_replayed else {}
        return web.Response(text=body, status=status, content_type="application/json", headers=headers)

    def _lost(self, request: web.Request, facts: Doc) -> web.Response:
        """The connection ends without an answer."""
        self._store.note(**{"object_id": None} | facts)
        self._store.commit()
        if request.transport is not None:
            request.transport.abort()
        return web.Response()


def _asked(request: web.Request, asked: Doc) -> str:
    return f"{request.path} {json.dumps(asked, sort_keys=True)}"


def _error(refusal: Refusal) -> str:
    return json.dumps({"error": refusal.error}, ensure_ascii=False)


def _broken() -> Refusal:
    return Refusal(500, "An unknown error occurred", kind="api_error")


def _control(account: Account, run: Callable[[web.Request], Awaitable[Doc]]) -> _Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            told: Doc = {"ok": True} | await run(request)
            status = 200
            account.store.commit()
        except Refusal as refusal:
            account.store.rollback()
            told, status = {"ok": False, "error": str(refusal)}, refusal.status
        return web.json_response(told, status=status)

    return handle


def _add_control(app: web.Application, account: Account) -> None:
    store = account.store

    async def faults(request: web.Request) -> Doc:
        given = await request.json()
        for name, value in given.items():
            if name not in COUNTED + STAYING:
                raise Refusal(400, f"faults are {', '.join(COUNTED + STAYING)}")
            store.set_fault(name, float(value))
        return {"faults": {name: store.fault(name) for name in COUNTED + STAYING}}

    async def dispute(request: web.Request) -> Doc:
        given = await request.json()
        return {"dispute": account.dispute(given.get("payment_intent", ""), given.get("won"))}

    async def refund(request: web.Request) -> Doc:
        given = await request.json()
        asked = {name: str(value) for name, value in given.items() if name in ("payment_intent", "amount")}
        return {"refund": account.create_refund(asked)}

    async def fail_refund(request: web.Request) -> Doc:
        return {"refund": account.fail_refund((await request.json()).get("refund", ""))}

    async def pay_out(request: web.Request) -> Doc:
        given = await request.json()
        return {"payout": account.pay_out(int(given["amount"]), str(given.get("currency", "usd")))}

    async def card(request: web.Request) -> Doc:
        given = await request.json()
        return {"card": account.set_card(given.get("payment_method", ""), given.get("card", ""))["_card"]}

    async def deliver(_request: web.Request) -> Doc:
        return {"events": store.queue_all()}

    async def charges(_request: web.Request) -> Doc:
        return {"charges": store.money()}

    for run in (faults, dispute, refund, fail_refund, pay_out, card, deliver):
        app.router.add_post(f"/_control/{run.__name__}", _control(account, run))
    app.router.add_get("/_control/charges", _control(account, charges))
