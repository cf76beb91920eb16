"""GET and POST /certify: a merchant's live address through Payme's or Click's sequence, a row for each check."""

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from jinja2 import Environment

from simulator.payments.certify import NEEDED, PAYME, Checks, Row, Wrong, certify

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'",
    "Cache-Control": "no-store",
}
_KEPT, _SECRET = ("gateway", "url", "service_id", "orders", "amount"), ("key", "secret")
_LONGEST = 500
_BUSY = "Another run goes on at this moment. Wait until it has ended, and send the form again."


def mount(app: web.Application, pages: Environment) -> None:
    """Add the page. One run at a time: the second would only wait for the first one's orders."""
    running = asyncio.Lock()

    def shown(status: int = 200, **facts: Any) -> web.Response:
        text = pages.get_template("certify.html").render(needed=NEEDED, **facts)
        return web.Response(text=text, content_type="text/html", headers=_HEADERS, status=status)

    async def form(_request: web.Request) -> web.Response:
        return shown(typed={"gateway": PAYME}, wrong={})

    async def run(request: web.Request) -> web.Response:
        if _is_foreign(request):
            raise web.HTTPForbidden(text="This form is sent from its own page, on this machine.")
        sent = await request.post()
        typed = {name: str(sent.get(name, "")).strip() for name in _KEPT}
        if running.locked():
            return shown(409, typed=typed, wrong={}, busy=_BUSY)
        checks, orders = Checks(), typed["orders"].split()
        async with running:
            try:
                secrets = {name: str(sent.get(name, "")) for name in _SECRET}
                await certify(typed["gateway"], typed | secrets | {"orders": orders}, checks)
            except Wrong as wrong:
                return shown(422, typed=typed, wrong=wrong.sentences)
        rows = [{"what": row.what, "is_good": row.is_good, "told": _short(row)} for row in checks.rows]
        return shown(typed=typed, rows=rows, red=checks.red)

    app.router.add_get("/certify", form)
    app.router.add_post("/certify", run)


def _is_foreign(request: web.Request) -> bool:
    """Whether another site's page sent the form, or our name was made to lead here: what comes back is shown."""
    host = urlsplit(f"//{request.host}").hostname or ""
    is_here = host == "localhost" or host.startswith("127.") or host == "::1"
    return not is_here or request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")


def _short(row: Row) -> str:
    """What came, as JSON; half of a surrogate pair, which JSON can hold and a page cannot, becomes a question mark."""
    text = json.dumps(row.told, ensure_ascii=False).encode(errors="replace").decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
