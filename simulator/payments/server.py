"""The pages of Payme and Click, where a person pays or does not."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, select_autoescape

from simulator.payments import certify_page, rates
from simulator.payments.book import Book
from simulator.payments.calls import ClickCaller, PaymeCaller, now_ms
from simulator.payments.merchant_api import MerchantApi
from simulator.payments.paying import Refused, pay_by_click, pay_by_payme
from simulator.payments.subscribe import Subscribe

_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).resolve().parents[1] / "templates"), autoescape=select_autoescape()
)
# a browser holds form-action also against where the answer leads: back to the merchant
_CSP = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self' http: https:; base-uri 'none'"
}


def make_app(
    payme: PaymeCaller, click: ClickCaller, book: Book, subscribe: Subscribe, api: MerchantApi
) -> web.Application:
    async def payme_page(request: web.Request) -> web.StreamResponse:
        fields = _packed(request.match_info["packed"])
        return _page("Payme", fields["ac.order_id"], f"{int(fields['a']) / 100:,.2f} UZS", request.path)

    async def payme_pay(request: web.Request) -> web.StreamResponse:
        fields, form = _packed(request.match_info["packed"]), await request.post()
        account = {name.removeprefix("ac."): value for name, value in fields.items() if name.startswith("ac.")}
        back = unquote(fields.get("c", ""))
        return await _paid("Payme", form, lambda: pay_by_payme(payme, book, account, int(fields["a"])), back)

    async def click_page(request: web.Request) -> web.StreamResponse:
        asked = request.query
        return _page("Click", asked["transaction_param"], f"{asked['amount']} UZS", request.path_qs)

    async def click_pay(request: web.Request) -> web.StreamResponse:
        asked, form = request.query, await request.post()
        is_enough = form.get("what") != "poor"
        return await _paid(
            "Click",
            form,
            lambda: pay_by_click(click, book, asked["transaction_param"], asked["amount"], is_enough=is_enough),
            asked.get("return_url", ""),
        )

    async def ready(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "ok"})

    app = web.Application()
    app.router.add_get("/", ready)
    app.router.add_get("/payme/{packed}", payme_page)
    app.router.add_post("/payme/{packed}", payme_pay)
    app.router.add_get("/click", click_page)
    app.router.add_post("/click", click_pay)
    app.router.add_post("/payme-api", subscribe.handle)
    app.router.add_options("/payme-api", subscribe.preflight)
    api.mount(app)
    certify_page.mount(app, _PAGES)
    rates.mount(app, book)
    _add_control(app, book)
    app.router.add_static("/static", Path(__file__).resolve().parents[1] / "static")
    return app


def _add_control(app: web.Application, book: Book) -> None:
    """Faults on demand, cards for tests, and all money that moved."""

    async def faults(request: web.Request) -> web.StreamResponse:
        book.faults |= await request.json()
        return web.json_response(book.faults)

    async def charges(_request: web.Request) -> web.StreamResponse:
        return web.json_response(book.all("money"))

    async def tokens(request: web.Request) -> web.StreamResponse:
        given = await request.json()
        return web.json_response(book.new_card(given["gateway"], given["card"], is_verified=True))

    async def clock(request: web.Request) -> web.StreamResponse:
        book.ahead_ms = int((await request.json())["now_ms"]) - now_ms()
        return web.json_response({"now_ms": book.now_ms()})

    async def paid(request: web.Request) -> web.StreamResponse:
        given = await request.json()
        keep = book.paid_by_payme if given["gateway"] == "payme" else book.paid_by_click
        return web.json_response(keep(given["number"], given["order"], given["amount_minor"]))

    app.router.add_post("/_control/paid", paid)
    app.router.add_post("/_control/clock", clock)
    app.router.add_post("/_control/faults", faults)
    app.router.add_get("/_control/charges", charges)
    app.router.add_post("/_control/tokens", tokens)


async def _paid(gateway: str, form: Any, pay: Callable[[], Awaitable[object]], back: str) -> web.StreamResponse:
    if form.get("what") == "away":
        raise web.HTTPFound(back)
    try:
        await pay()
    except Refused as refused:
        return _page(gateway, "", "", "", refused=str(refused), back=back, status=402)
    raise web.HTTPFound(back)


def _packed(text: str) -> dict[str, str]:
    try:
        plain = base64.b64decode(text).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise web.HTTPNotFound from error
    return dict(part.partition("=")[::2] for part in plain.split(";"))


def _page(gateway: str, order: str, amount: str, action: str, *, status: int = 200, **more: str) -> web.Response:
    text = _PAGES.get_template("pay.html").render(gateway=gateway, order=order, amount=amount, action=action, **more)
    return web.Response(text=text, content_type="text/html", headers=_CSP, status=status)
