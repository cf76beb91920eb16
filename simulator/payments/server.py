"""The pages of Payme and Click, where a person pays or does not."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, select_autoescape

from simulator.payments.calls import ClickCaller, PaymeCaller
from simulator.payments.paying import Refused, pay_by_click, pay_by_payme

_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).resolve().parents[1] / "templates"), autoescape=select_autoescape()
)
# a browser holds form-action also against where the answer leads: back to the merchant
_CSP = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self' http: https:; base-uri 'none'"
}


def make_app(payme: PaymeCaller, click: ClickCaller) -> web.Application:
    async def payme_page(request: web.Request) -> web.StreamResponse:
        fields = _packed(request.match_info["packed"])
        return _page("Payme", fields["ac.order_id"], f"{int(fields['a']) / 100:,.2f} UZS", request.path)

    async def payme_pay(request: web.Request) -> web.StreamResponse:
        fields, form = _packed(request.match_info["packed"]), await request.post()
        account = {name.removeprefix("ac."): value for name, value in fields.items() if name.startswith("ac.")}
        back = unquote(fields.get("c", ""))
        return await _paid("Payme", form, lambda: pay_by_payme(payme, account, int(fields["a"])), back)

    async def click_page(request: web.Request) -> web.StreamResponse:
        asked = request.query
        return _page("Click", asked["transaction_param"], f"{asked['amount']} UZS", request.path_qs)

    async def click_pay(request: web.Request) -> web.StreamResponse:
        asked, form = request.query, await request.post()
        is_enough = form.get("what") != "poor"
        return await _paid(
            "Click",
            form,
            lambda: pay_by_click(click, asked["transaction_param"], asked["amount"], is_enough=is_enough),
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
    app.router.add_static("/static", Path(__file__).resolve().parents[1] / "static")
    return app


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
