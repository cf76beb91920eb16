"""The HTTP face of the control API."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from simulator.clock import parse_moment
from simulator.control import boosts, content, machinery, people, stars
from simulator.control.ledger import ledger
from simulator.control.registry import VERBS
from simulator.control.truth import state, subscribers_csv, view_readings_csv
from simulator.simulation import Simulation
from simulator.world import Refused

TOPICS = (boosts, content, machinery, people, stars)


def add_routes(app: web.Application, sim: Simulation) -> None:
    async def run(request: web.Request) -> web.StreamResponse:
        return await _run(sim, request)

    async def read_state(request: web.Request) -> web.StreamResponse:
        with_posts = request.query.get("posts") != "0"
        return web.json_response({"ok": True, **state(sim, with_posts=with_posts)})

    async def read_clock(request: web.Request) -> web.StreamResponse:
        return web.json_response({"ok": True, **machinery.clock(sim, {})})

    async def read_journal(request: web.Request) -> web.StreamResponse:
        entries = sim.world.store.journal_after(int(request.query.get("after", "0")))
        return web.json_response({"ok": True, "entries": entries})

    app.router.add_get("/_control/state", read_state)

    async def read_ledger(request: web.Request) -> web.StreamResponse:
        try:
            return web.json_response({"ok": True, **ledger(sim, request.query["chat"])})
        except (Refused, KeyError) as error:
            return web.json_response({"ok": False, "error": str(error)}, status=404)

    app.router.add_get("/_control/ledger", read_ledger)
    app.router.add_get("/_control/clock", read_clock)
    app.router.add_get("/_control/journal", read_journal)
    app.router.add_get("/_control/export/view_readings.csv", _exporter(sim, view_readings_csv))
    app.router.add_get("/_control/export/subscribers.csv", _exporter(sim, subscribers_csv))
    app.router.add_post("/_control/{verb:.+}", run)


def _exporter(sim: Simulation, make: Callable[[Simulation, str | None, float], str]) -> Any:
    async def export(request: web.Request) -> web.StreamResponse:
        until = request.query.get("until")
        moment = parse_moment(until) if until else sim.world.clock.now()
        try:
            text = make(sim, request.query.get("chat"), min(moment, sim.world.clock.now()))
        except Refused as error:
            return web.json_response({"ok": False, "error": str(error)}, status=404)
        return web.Response(text=text, content_type="text/csv")

    return export


async def _run(sim: Simulation, request: web.Request) -> web.StreamResponse:
    handler = VERBS.get(request.match_info["verb"])
    if handler is None:
        return web.json_response({"ok": False, "error": "no such verb"}, status=404)
    try:
        body = await request.json() if request.can_read_body else {}
        answer = handler(sim, body)
    except (Refused, ValueError, TypeError) as error:
        return web.json_response({"ok": False, "error": str(error)}, status=400)
    except KeyError as error:
        return web.json_response({"ok": False, "error": f"missing: {error.args[0]}"}, status=400)
    finally:
        sim.commit()
    return web.json_response({"ok": True, **answer})
