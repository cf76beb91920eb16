"""The page of an invoice in Stars: what Telegram's own payment sheet is, with a choice of who pays."""

import asyncio
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, select_autoescape

from simulator.actions import stars
from simulator.simulation import Simulation
from simulator.world import Refused

_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).resolve().parents[1] / "templates"), autoescape=select_autoescape()
)
_CSP = {"Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'"}
_SHOWN = 20


def add_routes(app: web.Application, sim: Simulation) -> None:
    async def show(request: web.Request) -> web.StreamResponse:
        return _page(sim, request.match_info["slug"])

    async def pay(request: web.Request) -> web.StreamResponse:
        slug, form = request.match_info["slug"], await request.post()
        try:
            query_id = stars.ask(sim, sim.world.user(int(str(form["user"]))), slug)
        except (Refused, ValueError, KeyError) as error:
            return _page(sim, slug, said=str(error), status=400)
        sim.commit()
        for _ in range(stars.ANSWER_WITHIN_S * 10):
            told = stars.outcome(sim, query_id)
            if told is not None:
                return _page(sim, slug, said="Paid. Go back to the app." if told["ok"] else told["why"])
            await asyncio.sleep(0.1)
        return _page(sim, slug, said="The bot did not answer in time.")

    app.router.add_get("/invoice/{slug}", show)
    app.router.add_post("/invoice/{slug}", pay)


def _page(sim: Simulation, slug: str, *, said: str = "", status: int = 200) -> web.Response:
    try:
        invoice = stars.invoice_of(sim, slug)
    except Refused:
        raise web.HTTPNotFound from None
    people = [user for user in sim.world.users.values() if not user.is_bot][:_SHOWN]
    text = _PAGES.get_template("invoice.html").render(invoice=invoice, people=people, said=said)
    return web.Response(text=text, content_type="text/html", headers=_CSP, status=status)
